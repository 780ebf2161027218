// Package rollout takes beliefs through time. [GoMLX] is one compiled graph for each task, architecture, horizon and batch size;
// [Stepwise] calls Predict of any model step by step; [Auto] takes the fastest engine that can, that of package fused among them.
package rollout

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/gomlx/compute/dtypes"
	"github.com/gomlx/compute/shapes"
	. "github.com/gomlx/gomlx/core/graph"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// GoMLX is the safex.Engine of GoMLX. It runs models that satisfy gx.Belief, with states and the task's functions in float64. The
// rollout is unrolled; β, η, the actions and all parameters of the model are inputs, so that
// nothing is compiled again after a fit. A GoMLX is safe for concurrent use.
type GoMLX struct {
	mu     sync.Mutex
	graphs map[key]func() (*Exec, error)
	built  atomic.Int64
}

// NewGoMLX returns an engine that has compiled nothing yet.
func NewGoMLX() *GoMLX { return &GoMLX{graphs: map[key]func() (*Exec, error){}} }

// key is all that a compiled graph depends on.
type key struct {
	system                   *safex.System
	architecture             string
	horizon, lanes           int
	eta, gradient, epistemic bool
	noise                    bool // there is some besides the model's errors
}

// Compiled is how often a graph was built and compiled so far.
func (g *GoMLX) Compiled() int { return int(g.built.Load()) }

// Rollout implements safex.Engine.
func (g *GoMLX) Rollout(s *safex.System, m safex.Model) (safex.Rollout, error) {
	b, ok := gx.Of(m)
	if !ok {
		return nil, fmt.Errorf("rollout: a %T has no graph form: use the engine auto", m)
	}
	return &bound{g, s, b}, nil
}

// bound is a GoMLX bound to a belief.
type bound struct {
	engine *GoMLX
	system *safex.System
	belief gx.Belief
}

// Roll implements safex.Rollout. It runs the halves of a batch side by side: an operation of a
// rollout is too small to keep two cores busy, two rollouts are not.
func (r *bound) Roll(ctx context.Context, dst *safex.Rolled, c safex.Candidates, up *safex.Scalarisation) error {
	nx, nu, nl := len(r.system.State), len(r.system.Action), len(r.system.Limits)
	n, horizon := c.Actions.Len(), len(c.Actions)/nu
	checkCandidates(c, nx, nu)
	if err := ctx.Err(); err != nil {
		return err
	}
	dst.Resize(horizon, nx, nl, n)
	dst.Epistemic, dst.Value, dst.GradAction, dst.GradEta = nil, nil, nil, nil
	results := []num.Batch{dst.Reward, dst.States}
	if nl > 0 {
		results = append(results, dst.Excess)
	}
	if c.Epistemic {
		dst.Epistemic = num.NewBatch(horizon*nx, n)
		results = append(results, dst.Epistemic)
	}
	if up != nil {
		value := num.NewBatch(1, n)
		dst.Value, dst.GradAction, dst.GradEta = value[0], num.NewBatch(horizon*nu, n), num.NewBatch(horizon*nx, n)
		results = append(results, value, dst.GradAction, dst.GradEta)
	}
	size := n
	if n > smallest {
		size = (n + 1) / 2 // whatever the number of cores, for the same bits
	}
	var wait sync.WaitGroup
	errs := make([]error, 2)
	for i, lo := 0, 0; lo < n; i, lo = i+1, lo+size {
		hi := min(lo+size, n)
		wait.Go(func() { errs[i] = r.part(results, c, up, lo, hi) })
	}
	wait.Wait()
	return errors.Join(errs...)
}

// checkCandidates panics if c is not of a system of nx state and nu action dimensions.
func checkCandidates(c safex.Candidates, nx, nu int) {
	n, horizon := c.Actions.Len(), len(c.Actions)/nu
	switch {
	case len(c.State) != nx || horizon < 1 || horizon*nu != len(c.Actions) || n < 1:
		panic(fmt.Sprintf("rollout: a state of %d and %d columns of %d actions for a system of %d and %d dimensions", len(c.State), len(c.Actions), n, nx, nu))
	case c.LastAction != nil && len(c.LastAction) != nu:
		panic(fmt.Sprintf("rollout: a last action of %d dimensions, want %d", len(c.LastAction), nu))
	case c.Spread != nil && len(c.Spread) != nx:
		panic(fmt.Sprintf("rollout: a spread of %d dimensions, want %d", len(c.Spread), nx))
	case c.Eta != nil && (len(c.Eta) != horizon*nx || c.Eta.Len() != n):
		panic(fmt.Sprintf("rollout: η has %d columns of %d, want %d of %d", len(c.Eta), c.Eta.Len(), horizon*nx, n))
	}
}

// smallest is the batch that is not worth halving.
const smallest = 8

// part rolls candidates lo to hi into the same lanes of results, in the order of the graph's outputs.
func (r *bound) part(results []num.Batch, c safex.Candidates, up *safex.Scalarisation, lo, hi int) (err error) {
	defer gx.Catch(&err)
	nx, nu := len(r.system.State), len(r.system.Action)
	horizon, lanes := len(c.Actions)/nu, gx.Lanes(hi-lo)
	eta := c.Eta != nil || up != nil
	var noise []float64
	if eta {
		noise = noises(r.system, c, horizon)
	}
	exec, err := r.engine.compiled(key{r.system, r.belief.Architecture(), horizon, lanes, eta, up != nil, c.Epistemic, noise != nil}, r.belief)
	if err != nil {
		return fmt.Errorf("rollout: compile: %w", err)
	}
	args := []any{
		tensors.FromFlatDataAndDimensions(slices.Clone(c.State), nx, 1),
		gx.Columns[float64](window(c.Actions, lo, hi), lanes, horizon, nu, lanes),
	}
	if r.system.Rated() {
		last := make([]float64, nu)
		copy(last, c.LastAction)
		args = append(args, tensors.FromFlatDataAndDimensions(last, nu, 1))
	}
	switch {
	case c.Eta != nil:
		args = append(args, gx.Columns[float64](window(c.Eta, lo, hi), lanes, horizon, nx, lanes), c.Beta)
	case up != nil:
		args = append(args, tensors.FromShape(shapes.Make(dtypes.Float64, horizon, nx, lanes)), c.Beta)
	}
	if noise != nil {
		args = append(args, tensors.FromFlatDataAndDimensions(noise, horizon, nx, 1))
	}
	if up != nil {
		args = append(args, up.Reward, up.Excess, up.Sharpness)
	}
	for _, p := range r.belief.Parameters() {
		args = append(args, p)
	}
	out, err := exec.Call(args...)
	if err != nil {
		return fmt.Errorf("rollout: %w", err)
	}
	for i, b := range results {
		if err := gx.SetColumns(window(b, lo, hi), out[i]); err != nil {
			return fmt.Errorf("rollout: %w", err)
		}
	}
	return nil
}

// noises are half the width of the box of noise in each step and dimension, [horizon, nx]; nil of none.
func noises(s *safex.System, c safex.Candidates, horizon int) []float64 {
	if s.NoiseBox() == nil && c.Spread == nil {
		return nil
	}
	nx := len(s.State)
	all := make([]float64, horizon*nx)
	for t := range horizon {
		copy(all[t*nx:], s.NoiseBox())
	}
	for d, v := range c.Spread {
		all[d] += v
	}
	return all
}

// window is the view of lanes lo to hi of b.
func window(b num.Batch, lo, hi int) num.Batch {
	w := make(num.Batch, len(b))
	for d, column := range b {
		w[d] = column[lo:hi]
	}
	return w
}

// compiled returns the graph of k, building it the first time.
func (g *GoMLX) compiled(k key, b gx.Belief) (*Exec, error) {
	g.mu.Lock()
	compile, ok := g.graphs[k]
	if !ok {
		compile = sync.OnceValues(func() (*Exec, error) { return g.build(k, b) })
		g.graphs[k] = compile
	}
	g.mu.Unlock()
	return compile()
}

func (g *GoMLX) build(k key, b gx.Belief) (*Exec, error) {
	backend, err := gx.Backend()
	if err != nil {
		return nil, err
	}
	return NewExec(backend, func(in []*Node) []*Node {
		g.built.Add(1)
		u := unroller{key: k, belief: b, state: in[0], actions: in[1]}
		in = in[2:]
		if k.system.Rated() {
			u.last, in = in[0], in[1:]
		}
		if k.eta {
			u.eta, u.beta, in = in[0], in[1], in[2:]
		}
		if k.noise {
			u.noises, in = in[0], in[1:]
		}
		var up []*Node
		if k.gradient {
			up, in = in[:3], in[3:]
		}
		u.run(in)
		out := []*Node{u.reward, u.states}
		if u.excess != nil {
			out = append(out, u.excess)
		}
		if k.epistemic {
			out = append(out, u.deviations)
		}
		if k.gradient {
			value := u.value(up[0], up[1], up[2])
			grads := Gradient(ReduceAllSum(value), u.actions, u.eta)
			out = append(out, value, grads[0], grads[1])
		}
		return out
	})
}

// unroller builds the graph of a rollout.
type unroller struct {
	key
	belief                    gx.Belief
	state, actions, eta, beta *Node
	last                      *Node // action before the first, [nu, 1]; nil if no limit asks for it
	reward, states, excess    *Node // [H, B], [H, nx, B], [H, nl, B]; excess is nil without limits
	deviations                *Node // [H, nx, B]
	noises                    *Node // [H, nx, 1]; nil without any
}

func (u *unroller) run(parameters []*Node) {
	nx, nl := len(u.system.State), len(u.system.Limits)
	var rewards, states, excesses, deviations []*Node
	x := BroadcastToDims(u.state, nx, u.lanes)
	var last []*Node // rows of the action before
	if u.last != nil {
		last = rowsOf(BroadcastToDims(u.last, len(u.system.Action), u.lanes))
	}
	for t := range u.horizon {
		a := Squeeze(Slice(u.actions, AxisElem(t)), 0)
		next, epistemic := u.belief.Step(parameters, Concatenate([]*Node{x, a}, 0))
		if u.key.eta {
			e := Squeeze(Slice(u.eta, AxisElem(t)), 0)
			half := Mul(u.beta, epistemic)
			if u.noises != nil {
				half = Add(half, Squeeze(Slice(u.noises, AxisElem(t)), 0))
			}
			next = Add(next, Mul(half, e))
		}
		rows := rowsOf(a)
		if last == nil {
			last = rows // nobody asks
		}
		outcome := gx.Nodes(u.system.Outcome, slices.Concat(rowsOf(x), rows, rowsOf(next), last))
		last = rows
		rewards = append(rewards, InsertAxes(BroadcastToDims(outcome[0], u.lanes), 0))
		for k, o := range outcome[1:] {
			o = MulScalar(o, 1/u.system.LimitScale(k))
			excesses = append(excesses, InsertAxes(BroadcastToDims(o, u.lanes), 0))
		}
		states = append(states, InsertAxes(next, 0))
		deviations = append(deviations, InsertAxes(epistemic, 0))
		x = next
	}
	u.reward, u.states = Concatenate(rewards, 0), Concatenate(states, 0)
	if u.key.epistemic {
		u.deviations = Concatenate(deviations, 0)
	}
	if nl > 0 {
		u.excess = Reshape(Concatenate(excesses, 0), u.horizon, nl, u.lanes)
	}
}

// value is the quantity that safex.Scalarisation defines, [B].
func (u *unroller) value(reward, excess, sharpness *Node) *Node {
	value := Mul(reward, ReduceSum(u.reward, 0))
	if u.excess == nil {
		return value
	}
	top := StopGradient(ReduceMax(u.excess, 0, 1))
	sum := ReduceSum(Exp(Mul(sharpness, Sub(u.excess, InsertAxes(top, 0, 0)))), 0, 1)
	return Add(value, Mul(excess, Add(top, Div(Log(sum), sharpness))))
}

// rowsOf takes [n, B] apart into n nodes [B].
func rowsOf(x *Node) []*Node {
	rows := make([]*Node, x.Shape().Dim(0))
	for i := range rows {
		rows[i] = Squeeze(Slice(x, AxisElem(i)), 0)
	}
	return rows
}

var (
	_ safex.Engine  = (*GoMLX)(nil)
	_ safex.Rollout = (*bound)(nil)
)
