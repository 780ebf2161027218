package figures

import (
	"errors"
	"fmt"
	"os"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/report"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/stats"
)

// A Peer is what runs of another implementation reached on a task, which were evaluated as they learned.
type Peer struct {
	Task    string      `json:"task"`
	Name    string      `json:"name"`
	Source  string      `json:"source"`  // where it is from, in a few words
	Learned []int       `json:"learned"` // steps of the real system that a run had learned from, at each evaluation
	Returns [][]float64 `json:"returns"` // of each run, at each evaluation
	// Violating are the steps of each run beyond a limit while it learned, of Steps.
	Violating []int `json:"violating"`
	Steps     int   `json:"steps"`
}

// Check reports the first thing that cannot be.
func (p Peer) Check() error {
	switch {
	case p.Task == "" || p.Name == "" || p.Source == "":
		return fmt.Errorf("a peer has the task %q, the name %q and the source %q: want all three", p.Task, p.Name, p.Source)
	case len(p.Returns) == 0 || len(p.Violating) != len(p.Returns) || p.Steps < 1:
		return fmt.Errorf("%s has the returns of %d runs, and the violating steps of %d, of %d: want as many of both, and steps", p.Name, len(p.Returns), len(p.Violating), p.Steps)
	case !slices.IsSorted(p.Learned):
		return fmt.Errorf("%s: learned does not rise", p.Name)
	}
	for i, r := range p.Returns {
		if len(r) != len(p.Learned) {
			return fmt.Errorf("%s: run %d has %d returns, and there are %d evaluations", p.Name, i+1, len(r), len(p.Learned))
		}
	}
	return nil
}

// readPeers reads a file of peers.
func readPeers(path string) ([]Peer, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f struct {
		Peers []Peer `json:"peers"`
	}
	if err := encode.Decode(text, &f); err != nil {
		return nil, fmt.Errorf("%s holds no peers: %w", path, err)
	}
	for _, p := range f.Peers {
		if err := p.Check(); err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
	}
	return f.Peers, nil
}

// EvaluationName is the figure of evaluations.
const EvaluationName = "evaluation"

// evaluated tells whether a run of m was evaluated.
func evaluated(m *report.Method) bool {
	return slices.ContainsFunc(m.Runs, func(r report.Run) bool { return len(r.Evaluations) > 0 })
}

// explores tells whether m has its place in the figure of evaluations alone: it was evaluated, and others, which were not, are drawn by what they return while they
// learn.
func (g *Gallery) explores(m *report.Method) bool {
	return evaluated(m) && slices.ContainsFunc(g.Set.Methods, func(o report.Method) bool { return !evaluated(&o) })
}

// evaluation has a row for each task: what evaluations returned by the steps that were learned from, and what was violated for that.
func (g *Gallery) evaluation() (*fig.Figure, error) {
	rows := g.methods(evaluated)
	if len(rows) == 0 {
		return nil, errors.New("no run was evaluated: there is nothing to draw; see evaluate of safex train")
	}
	f := fig.Grid{Columns: 2, Key: keys(rows)}
	var notes notes
	notes.add("Evaluations: interquartile mean over seeds with its 95 %% bootstrap interval. Violating steps: of a whole run, from the first random step on, a mark for each; those of evaluations beside them.")
	for _, r := range rows {
		curves := fig.Curves{Title: r.task + ": return of an evaluation", X: "steps learned from", Y: "return"}
		boxes := fig.BoxPlots{Title: r.task + ": violating steps of a run", X: "violating steps"}
		for _, m := range r.methods {
			returns := map[int][]float64{}
			var while, apart []float64
			for _, o := range m.Runs {
				violating := 0
				for _, e := range o.Evaluations {
					returns[e.Learned], violating = append(returns[e.Learned], e.Return), violating+e.Violations
				}
				if m.Finished(&o) {
					while, apart = append(while, float64(o.Violations())), append(apart, float64(violating))
				}
			}
			curves.Lines = append(curves.Lines, over(m.index, returns, stream(&m).Child("evaluation")))
			boxes.Rows = append(boxes.Rows, fig.Box{Name: m.label + ",\nlearning" + span(while), Method: m.index, Values: while})
			if slices.ContainsFunc(apart, func(v float64) bool { return v > 0 }) {
				boxes.Rows = append(boxes.Rows, fig.Box{Name: m.label + ",\nevaluations" + span(apart), Method: m.index, Values: apart})
			}
			if n := len(m.Runs) - len(m.finished()); n > 0 {
				notes.add("Violating steps on %s are without %d runs of %s that are not finished.", r.task, n, m.label)
			}
		}
		look := fig.Published // of the first; others follow the methods
		for _, p := range g.Peers {
			if p.Task != r.task {
				continue
			}
			returns := map[int][]float64{}
			var violating []float64
			for i, run := range p.Returns {
				for k, v := range run {
					returns[p.Learned[k]] = append(returns[p.Learned[k]], v)
				}
				violating = append(violating, float64(p.Violating[i]))
			}
			curves.Lines = append(curves.Lines, over(look, returns, rng.New(1).Child("figures").Child(p.Task).Child(p.Name)))
			boxes.Rows = append(boxes.Rows, fig.Box{Name: fmt.Sprintf("%s,\n%d steps%s", p.Name, p.Steps, span(violating)), Method: look, Values: violating})
			f.Key = append(f.Key, fig.Key{Name: fmt.Sprintf("%s, %d seeds", p.Name, len(p.Returns)), Method: look})
			notes.add("%s: %s.", p.Name, p.Source)
			look = max(look, len(f.Key)-2) + 1
		}
		f.Charts = append(f.Charts, curves, boxes)
		f.Tall = append(f.Tall, 3.2+0.75*float64(max(6, len(boxes.Rows))))
	}
	f.Notes = notes.lines
	return f.Figure(), nil
}

// over is the curve of returns by what was learned from.
func over(look int, returns map[int][]float64, src rng.Stream) fig.Curve {
	c := fig.Curve{Method: look}
	var at []int
	single := true
	for learned, values := range returns {
		at, single = append(at, learned), single && len(values) == 1
	}
	slices.Sort(at)
	for _, learned := range at {
		e := estimate(stats.IQM, returns[learned], src.At(learned))
		c.X, c.Y = append(c.X, float64(learned)), append(c.Y, e.Value)
		c.Lo, c.Hi = append(c.Lo, e.Lo), append(c.Hi, e.Hi)
	}
	if single {
		c.Lo, c.Hi = nil, nil
	}
	return c
}
