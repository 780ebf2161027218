package store

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"strconv"

	"github.com/rischiboy/safe_exploration/safex"
)

// Underway is the number of steps in steps.csv of the run folder dir of a task, none if it is not there, and of those beyond a limit after
// the first complete ones. It is quick, as it reads no more.
func Underway(dir string, complete int, task safex.Task) (steps, violations int, err error) {
	path := filepath.Join(dir, stepsFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, 0, nil
	}
	if err != nil {
		return 0, 0, fmt.Errorf("cannot read %s: %w", path, err)
	}
	header := bytes.IndexByte(text, '\n') + 1
	steps = bytes.Count(text[header:], []byte("\n"))
	if steps <= complete {
		return steps, 0, nil
	}
	rest := text[header:]
	for range complete {
		rest = rest[bytes.IndexByte(rest, '\n')+1:]
	}
	var tr safex.Trajectory
	var budgets []float64
	spent := 0.0
	for _, l := range task.Limits {
		budgets, spent = append(budgets, l.Budget), spent+l.Budget
	}
	if spent == 0 {
		budgets = nil
	}
	r := csv.NewReader(bytes.NewReader(rest))
	from := 2 + len(task.State) + len(task.Action) + 1 // see columns
	for {
		row, err := r.Read()
		if err == io.EOF {
			return steps, violations + tr.Violations(budgets...), nil
		}
		if err != nil || len(row) < from+len(task.Limits) {
			return steps, violations, fmt.Errorf("%s is damaged", path)
		}
		if row[1] == "0" { // episodes.jsonl is written after steps.csv
			violations += tr.Violations(budgets...)
			tr = safex.Trajectory{}
		}
		excess := make([]float64, len(task.Limits))
		for k := range excess {
			v, err := strconv.ParseFloat(row[from+k], 64)
			if err != nil {
				v = math.NaN()
			}
			excess[k] = v
		}
		tr.Excess = append(tr.Excess, excess)
	}
}
