package gp

import (
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/checksum"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// file is a saved model: what it is conditioned on, from which the posterior is made again by the same steps.
type file struct {
	Kernel    string
	Task      string
	Vars      []variable // of the state, then of the action
	Hyper     []hyper    // of each dimension of the state
	X, Y      num.Batch  // columns in Scales
	Fitted    int        // rows that were factorised at once
	Seen      int        // transitions that the model knows
	Left      int        // transitions that it does not condition on
	Deviation []float64  // largest among those, in Scales
}

const kind, format = "gp", 1

// Save implements safex.Codec.
func (g GP) Save(sm safex.Model) ([]byte, error) {
	m, ok := sm.(*model)
	if !ok {
		return nil, fmt.Errorf("gp: cannot save a %T", sm)
	}
	f := file{
		Kernel: m.kernel, Task: m.task, Vars: m.vars, X: m.x, Y: m.y,
		Fitted: m.fitted, Seen: m.seen, Left: m.left, Deviation: m.deviation,
	}
	for _, o := range m.outputs {
		f.Hyper = append(f.Hyper, o.hyper)
	}
	return checksum.Seal(kind, format, f)
}

// Load implements safex.Codec. The model takes its β from g.
func (g GP) Load(s *safex.System, data []byte) (safex.Model, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	var f file
	if err := checksum.Open(kind, format, data, &f); err != nil {
		return nil, err
	}
	m := &model{
		kernel: f.Kernel, task: f.Task, vars: f.Vars, x: f.X, y: f.Y,
		fitted: f.Fitted, seen: f.Seen, left: f.Left, deviation: f.Deviation,
	}
	if err := g.fits(s, m); err != nil {
		return nil, fmt.Errorf("gp: load: %w", err)
	}
	if !f.whole(len(s.State)) {
		return nil, fmt.Errorf("gp: load: damaged model: its parts do not fit together")
	}
	if err := m.condition(f.Hyper); err != nil {
		return nil, err
	}
	return g.finish(s, m)
}

// fits tells what of m is not of this learner and task.
func (g GP) fits(s *safex.System, m *model) error {
	switch {
	case m.kernel != g.Kernel:
		return fmt.Errorf("a model of kernel %q, want %q", m.kernel, g.Kernel)
	case m.task != s.Name || !slices.Equal(m.vars, variables(s)):
		return fmt.Errorf("a model of task %q with variables %v, want %q with %v", m.task, m.vars, s.Name, variables(s))
	}
	return nil
}

// whole tells whether the sizes of f agree and its hyper-parameters make sense.
func (f file) whole(nx int) bool {
	n := f.X.Len()
	for _, column := range slices.Concat(f.X, f.Y) {
		if len(column) != n {
			return false
		}
	}
	for _, h := range f.Hyper {
		for _, v := range append([]float64{h.Signal, h.Noise}, h.Length...) {
			if !(v > 0) || math.IsInf(v, 1) {
				return false
			}
		}
		if len(h.Length) != len(f.Vars) {
			return false
		}
	}
	return len(f.X) == len(f.Vars) && len(f.Y) == nx && len(f.Hyper) == nx && len(f.Deviation) == nx &&
		f.Fitted >= 0 && f.Fitted <= n && f.Left >= 0 && n+f.Left == f.Seen
}
