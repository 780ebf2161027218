package rollout

import (
	"context"
	"errors"
	"math"
	"runtime"
	"sync"
	"sync/atomic"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// Stepwise is the safex.Engine of every safex.Model, one of one's own that has nothing but Predict too: a step of a rollout is a call of
// Predict. States, the task's functions and what is made of a belief are in float64.
//
// Gradients go back through the rollout by the chain rule. The derivatives of the task's functions are exact. Those of the model are
// central differences over ±1/16384 of the Scale of each dimension of the state and the action, one-sided where the state's range or the
// action's box ends. They are off by some 1e-7 of themselves where the model is smooth, or by 1e-4 at such an end, by 1e-3 if it computes
// in float32, and over a kink they are between the derivatives of its two sides. A gradient asks Predict for 2 (nx + nu) + 1 times as
// many points as a rollout without one, and who asks for none pays for none.
//
// Candidates go through Predict in blocks of at most 64, and in a gradient of 64 · 2 (nx + nu) points, several at a time if there are
// cores: how many these are changes no bit. A Model that lets its points depend on each other by more than rounding, or that is not safe
// for concurrent use, is none.
type Stepwise struct{}

// NewStepwise returns the engine. It keeps nothing, and is safe for concurrent use.
func NewStepwise() *Stepwise { return &Stepwise{} }

// Rollout implements safex.Engine. It fails without a model alone.
func (*Stepwise) Rollout(s *safex.System, m safex.Model) (safex.Rollout, error) {
	if m == nil {
		return nil, errors.New("rollout: there is no model to step")
	}
	return &stepped{system: s, model: m, inputs: inputs(s)}, nil
}

// stepped is a Stepwise bound to a model.
type stepped struct {
	system *safex.System
	model  safex.Model
	inputs []input
	walks  sync.Pool // *walk
}

// An input is a number of (x, u) that the model is differenced by.
type input struct {
	step   float64 // of a difference, to either side
	lo, hi float64 // beyond which it does not reach, where the point itself does not
}

// inputs are those of a step of s.
func inputs(s *safex.System) (all []input) {
	const part = 1.0 / (1 << 14) // of a Scale: a power of two, such that units which are change no bit
	for _, v := range s.State {
		in := input{step: part * v.Scale, lo: math.Inf(-1), hi: math.Inf(1)}
		if v.Min < v.Max {
			in.lo, in.hi = v.Min, v.Max
		}
		all = append(all, in)
	}
	for _, v := range s.Action {
		all = append(all, input{step: part * v.Scale, lo: -1, hi: 1})
	}
	return all
}

// around are the two points that a difference at v is taken between.
func (in input) around(v float64) (below, above float64) {
	below, above = v-in.step, v+in.step
	if v >= in.lo {
		below = max(below, in.lo)
	}
	if v <= in.hi {
		above = min(above, in.hi)
	}
	return below, above
}

// block is how many candidates go through Predict at a time, whatever the number of cores, for the same bits.
const block = 64

// Roll implements safex.Rollout. It stops between two steps if ctx is over.
func (r *stepped) Roll(ctx context.Context, dst *safex.Rolled, c safex.Candidates, up *safex.Scalarisation) error {
	nx, nu, nl := len(r.system.State), len(r.system.Action), len(r.system.Limits)
	n, horizon := c.Actions.Len(), len(c.Actions)/nu
	checkCandidates(c, nx, nu)
	if err := ctx.Err(); err != nil {
		return err
	}
	dst.Resize(horizon, nx, nl, n)
	dst.Epistemic, dst.Value, dst.GradAction, dst.GradEta = nil, nil, nil, nil
	if c.Epistemic {
		dst.Epistemic = num.NewBatch(horizon*nx, n)
	}
	if up != nil {
		dst.Value, dst.GradAction, dst.GradEta = make([]float64, n), num.NewBatch(horizon*nu, n), num.NewBatch(horizon*nx, n)
	}
	blocks := (n + block - 1) / block
	size := (n + blocks - 1) / blocks
	var next atomic.Int64
	errs := make([]error, blocks)
	work := func() {
		w, ok := r.walks.Get().(*walk)
		if !ok {
			w = &walk{stepped: r, tape: num.NewTape(r.system.Outcome, block)}
		}
		for i := int(next.Add(1)) - 1; i < blocks; i = int(next.Add(1)) - 1 {
			if lo, hi := i*size, min((i+1)*size, n); lo < hi {
				errs[i] = w.block(ctx, dst, c, up, lo, hi)
			}
		}
		r.walks.Put(w)
	}
	var wait sync.WaitGroup
	for range min(blocks, runtime.GOMAXPROCS(0)) - 1 {
		wait.Go(work)
	}
	work()
	wait.Wait()
	for _, err := range errs { // the first alone: those of the others are alike
		if err != nil {
			return err
		}
	}
	return nil
}

var (
	_ safex.Engine  = (*Stepwise)(nil)
	_ safex.Rollout = (*stepped)(nil)
)
