package bench

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/internal/encode"
)

// A Row is one measurement. Fields that do not apply to it are 0, and JSON leaves them out.
//
// An evaluation is one step of one candidate through all members of the model. GFLOP/s count the products of the layers,
// two operations for each weight of each member: once forward, and once more for a gradient. Times and rates
// are medians of repetitions.
type Row struct {
	What       string `json:"what"` // rollout, gradient, fit, plan, peak, start or memory
	Engine     string `json:"engine,omitempty"`
	Task       string `json:"task,omitempty"`
	Planner    string `json:"planner,omitempty"`
	Hidden     int    `json:"hidden,omitempty"` // width of each of the two hidden layers
	Activation string `json:"activation,omitempty"`
	Members    int    `json:"members,omitempty"`
	Batch      int    `json:"batch,omitempty"`   // candidates of a rollout or gradient; transitions of each member in a gradient step of a fit
	Samples    int    `json:"samples,omitempty"` // candidates of the first population of a plan; of a Series alone
	Horizon    int    `json:"horizon,omitempty"` // steps

	EvalsPerS      float64 `json:"evals_per_s,omitempty"` // of plans, in all the time that they took
	GFLOPs         float64 `json:"gflops,omitempty"`
	PeakShare      float64 `json:"peak_share,omitempty"`  // of GFLOPs in that of the row peak
	StepsPerS      float64 `json:"steps_per_s,omitempty"` // gradient steps of a fit
	P50            float64 `json:"p50_ms,omitempty"`      // milliseconds of a plan or a start; of a rollout or a fit, in a Series alone
	P99            float64 `json:"p99_ms,omitempty"`
	EvalsPerAction float64 `json:"evals_per_action,omitempty"` // mean over plans; an evaluation with its gradient counts as two
	Repetitions    int     `json:"repetitions,omitempty"`      // how many were timed

	// Of a Series.
	Against  string  `json:"against,omitempty"`  // what grows from row to row
	Exponent float64 `json:"exponent,omitempty"` // of P50 or MB in what grows, the same in all rows of the Series; in that of width, of P50 in the products
	Model    string  `json:"model,omitempty"`    // of a Series against data
	Data     int     `json:"data,omitempty"`     // transitions that the model learned from, in a Series against them
	States   int     `json:"states,omitempty"`   // of the task, in a Series against them or the limits
	Limits   int     `json:"limits,omitempty"`   // of the task, in a Series against them or the dimensions

	MB       float64 `json:"mb,omitempty"`       // resident memory
	Episodes int     `json:"episodes,omitempty"` // that a run had completed

	// Of the row peak: what was measured on, and how many processes wanted to run before.
	Machine string `json:"machine,omitempty"`
	CPU     string `json:"cpu,omitempty"`
	Load    string `json:"load,omitempty"`
}

// key is what a row is of. No two rows share it.
func (r Row) key() Row {
	return Row{
		What: r.What, Engine: r.Engine, Task: r.Task, Planner: r.Planner, Hidden: r.Hidden, Activation: r.Activation,
		Members: r.Members, Batch: r.Batch, Samples: r.Samples, Horizon: r.Horizon, Against: r.Against,
		Model: r.Model, Data: r.Data, States: r.States, Limits: r.Limits, Episodes: r.Episodes,
	}
}

// String is a few words about what the row is of.
func (r Row) String() string {
	words := []string{r.What, r.Engine, r.Task, r.Planner, r.Model, r.Activation}
	if r.Hidden > 0 {
		words = append(words, fmt.Sprint(r.Hidden))
	}
	if r.Against != "" {
		words = append(words, "against", r.Against)
	}
	return strings.Join(strings.Fields(strings.Join(words, " ")), " ")
}

// JSON is the list of rows.
func JSON(rows []Row) ([]byte, error) {
	if rows == nil {
		rows = []Row{}
	}
	return encode.Indented(rows)
}

// Read reads a file of rows, as Measure made them.
func Read(path string) ([]Row, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var rows []Row
	if err := json.Unmarshal(text, &rows); err != nil {
		return nil, fmt.Errorf("%s holds no rows of safex bench --out: %w", path, err)
	}
	if len(rows) == 0 || rows[0].What != peaks {
		return nil, fmt.Errorf("%s holds no rows of safex bench --out", path)
	}
	return rows, nil
}
