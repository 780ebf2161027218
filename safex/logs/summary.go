package logs

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex"
)

// A Summary is what a log has.
type Summary struct {
	Rows         int      `json:"rows"`         // in the file
	Transitions  int      `json:"transitions"`  // that can be learned from
	Episodes     int      `json:"episodes"`     // trips of the system
	Trajectories int      `json:"trajectories"` // stretches without a gap
	Seconds      float64  `json:"seconds"`      // of the system
	Columns      []Column `json:"columns"`
	Limits       []Beyond `json:"limits"`
	Notes        []string `json:"notes"`
}

// A Column is what a dimension of the state or the action does.
type Column struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"`
	Least  float64 `json:"least"`
	Most   float64 `json:"most"`
	Spread float64 `json:"spread"` // standard deviation, in Unit
	Scale  float64 `json:"scale"`  // of the task: what Spread typically is
	Step   float64 `json:"step"`   // root mean square of its change in a step; 0 of an action
}

// Beyond is how the log keeps a limit, whose budget each episode has anew.
type Beyond struct {
	Name        string  `json:"name"`
	Unit        string  `json:"unit"`
	Transitions int     `json:"transitions"` // that break it
	Worst       float64 `json:"worst"`       // largest excess: at most 0 is safe
}

// Summarize is the summary of a log of s.
func Summarize(s *safex.System, l *Log) Summary {
	d := l.Data
	sum := Summary{Rows: l.Rows, Transitions: d.Len(), Episodes: l.Episodes(), Trajectories: len(d.Episodes()), Seconds: float64(d.Len()) * s.Dt, Notes: l.Notes}
	column := func(v safex.Var, values, next []float64) {
		c := Column{Name: v.Name, Unit: v.Unit, Scale: v.Scale, Least: math.Inf(1), Most: math.Inf(-1)}
		mean, squares, steps := 0.0, 0.0, 0.0
		for i, x := range values {
			c.Least, c.Most, mean = min(c.Least, x), max(c.Most, x), mean+x/float64(len(values))
			if next != nil {
				steps += (next[i] - x) * (next[i] - x)
			}
		}
		for _, x := range values {
			squares += (x - mean) * (x - mean)
		}
		c.Spread, c.Step = math.Sqrt(squares/float64(len(values))), math.Sqrt(steps/float64(len(values)))
		sum.Columns = append(sum.Columns, c)
	}
	for k, v := range s.State {
		column(v, d.X[k], d.Next[k])
	}
	for k, v := range s.Action {
		column(v, d.U[k], nil)
	}
	for _, v := range s.Limits {
		sum.Limits = append(sum.Limits, Beyond{Name: v.Name, Unit: v.Unit, Worst: math.Inf(-1)})
	}
	for _, e := range d.Episodes() {
		var t safex.Trajectory
		last := make([]float64, len(s.Action))
		if e[0] < e[1] { // what came before a trajectory is not known: its first action is taken to have gone on
			copy(last, d.U.Point(e[0]))
		}
		for i := e[0]; i < e[1]; i++ {
			u := d.U.Point(i)
			_, excess := s.Score(d.X.Point(i), u, d.Next.Point(i), last)
			t.Excess, last = append(t.Excess, excess), u
		}
		for _, step := range t.Broken(s.Budgets()...) {
			for k, broken := range step {
				if broken {
					sum.Limits[k].Transitions++
				}
			}
		}
		for k, w := range t.WorstExcess(len(s.Limits)) {
			sum.Limits[k].Worst = max(sum.Limits[k].Worst, w)
		}
	}
	return sum
}
