package plantest

import (
	"context"
	"math"
	"slices"
	"sync"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// Two carts are pushed along lines, x' = x + 0.1 u₀ and y' = y + 0.05 u₁, and a third action only costs. There are two states,
// three actions and at most one limit, so that no one is taken for another.
const gainX, gainY, price = 0.1, 0.05, 0.01

var (
	wall = safex.Limit{Name: "wall", Max: 1, Scale: 0.5, Of: func(x, u, next num.Vec) num.Expr { return next[0] }}
	jerk = safex.Limit{Name: "jerk", Max: 0.8, Rate: func(last, u num.Vec) num.Expr { return u[0].Sub(last[0]).Abs() }}
)

// carts are rewarded for x and y.
func carts(t testing.TB, limits ...safex.Limit) *safex.System {
	s, err := safex.Task{
		Name: "carts", Dt: 0.1, Steps: 40, Start: safex.StartAt(0, 0),
		State:  []safex.Var{{Name: "x", Scale: 1}, {Name: "y", Scale: 1}},
		Action: []safex.Var{{Name: "push_x", Scale: 0.6}, {Name: "push_y", Scale: 0.6}, {Name: "idle", Scale: 0.6}},
		Next: func(x, u num.Vec) num.Vec {
			return num.Vec{x[0].Add(u[0].Mul(gainX)), x[1].Add(u[1].Mul(gainY))}
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[0].Add(next[1]).Sub(u[2].Mul(u[2]).Mul(price)) },
		Limits: limits,
	}.System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// A belief about the carts has the true mean and the epistemic deviation sigma everywhere, so the worst error for the wall is
// known: η = 1 at every step. It reports candidates that no engine has to accept.
type belief struct {
	t      *testing.T
	query  safex.Query // what candidates must agree with
	sigma  float64
	drawn  bool                   // errors may be draws, beyond the box
	spoilt func(push float64) int // 1 of actions that come out as NaN, 2 of those with an infinite reward; nil of none
	split  int                    // a batch is rolled in so many parts side by side; 0 is whole
	before func(rolls int)        // is told before each roll how many there were; nil is nobody
	after  func(rolls int) error  // is asked after each roll; nil is content

	mu    sync.Mutex
	rolls int
}

// Roll implements safex.Rollout.
func (b *belief) Roll(ctx context.Context, dst *safex.Rolled, c safex.Candidates, up *safex.Scalarisation) error {
	if b.before != nil {
		b.mu.Lock()
		b.before(b.rolls)
		b.mu.Unlock()
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	b.contract(c)
	nx, nu, nl, n := 2, 3, len(b.query.System.Limits), c.Actions.Len()
	horizon := len(c.Actions) / nu
	*dst = safex.Rolled{}
	dst.Resize(horizon, nx, nl, n)
	if c.Epistemic {
		dst.Epistemic = num.NewBatch(horizon*nx, n)
		for _, column := range dst.Epistemic {
			for i := range column {
				column[i] = b.sigma
			}
		}
	}
	if up != nil {
		dst.Value, dst.GradAction, dst.GradEta = make([]float64, n), num.NewBatch(horizon*nu, n), num.NewBatch(horizon*nx, n)
	}
	var wait sync.WaitGroup
	for part := range max(1, b.split) {
		wait.Go(func() {
			for i := part; i < n; i += max(1, b.split) {
				b.lane(dst, c, up, i)
			}
		})
	}
	wait.Wait()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rolls++
	if b.after != nil {
		return b.after(b.rolls)
	}
	return nil
}

// contract checks candidates against what safex.Candidates asks for.
func (b *belief) contract(c safex.Candidates) {
	n := c.Actions.Len()
	outside := func(column []float64) bool {
		return len(column) != n || slices.ContainsFunc(column, func(v float64) bool { return !(v >= -1 && v <= 1) })
	}
	switch {
	case n == 0 || len(c.Actions)%3 != 0 || slices.ContainsFunc(c.Actions, outside):
		b.t.Errorf("candidates with %d columns of %d actions, or actions beyond [-1, 1]", len(c.Actions), n)
	case c.Eta != nil && (3*len(c.Eta) != 2*len(c.Actions) || c.Eta.Len() != n || !b.drawn && slices.ContainsFunc(c.Eta, outside)):
		b.t.Errorf("candidates with %d columns of %d errors, or errors beyond [-1, 1]", len(c.Eta), c.Eta.Len())
	case !(c.Beta >= 0) || !slices.Equal(c.State, b.query.State) || !slices.Equal(c.LastAction, b.query.LastAction):
		b.t.Errorf("candidates of β = %v from %v after %v, want at least 0, %v and %v", c.Beta, c.State, c.LastAction, b.query.State, b.query.LastAction)
	}
}

// lane rolls candidate i out, with the exact gradients of up.
func (b *belief) lane(dst *safex.Rolled, c safex.Candidates, up *safex.Scalarisation, i int) {
	s, nl := b.query.System, len(b.query.System.Limits)
	horizon := len(c.Actions) / 3
	x, last := []float64{c.State[0], c.State[1]}, c.LastAction
	if last == nil {
		last = make([]float64, 3)
	}
	pushes := make([]float64, horizon+1) // from the one before
	pushes[0] = last[0]
	for t := range horizon {
		u := []float64{c.Actions[3*t][i], c.Actions[3*t+1][i], c.Actions[3*t+2][i]}
		next := []float64{x[0] + gainX*u[0], x[1] + gainY*u[1]}
		for d := range next {
			if c.Eta != nil {
				next[d] += c.Beta * b.sigma * c.Eta[2*t+d][i]
			}
		}
		reward, excess := s.Score(x, u, next, last)
		if b.spoilt != nil {
			switch b.spoilt(u[0]) {
			case 1:
				next[0], reward = math.NaN(), math.NaN()
			case 2:
				reward = math.Inf(1)
			}
		}
		dst.Reward[t][i] = reward
		for k, e := range excess {
			dst.Excess[t*nl+k][i] = e / s.LimitScale(k)
		}
		for d, v := range next {
			dst.States[2*t+d][i] = v
		}
		x, last, pushes[t+1] = next, u, u[0]
	}
	if up == nil {
		return
	}
	weights, sum, top := make([]float64, horizon), 0.0, math.Inf(-1) // of each step's excess in the smooth maximum
	for _, column := range dst.Excess {
		top = max(top, column[i])
	}
	for t := range weights {
		for k := range nl {
			weights[t] = math.Exp(up.Sharpness * (dst.Excess[t*nl+k][i] - top))
			sum += weights[t]
		}
		dst.Value[i] += up.Reward * dst.Reward[t][i]
	}
	if nl > 0 {
		dst.Value[i] += up.Excess * (top + math.Log(sum)/up.Sharpness)
	}
	var byX, byY float64 // of the Value, by the state after step t
	for t := horizon - 1; t >= 0; t-- {
		byX, byY = byX+up.Reward, byY+up.Reward
		if nl > 0 {
			pull := up.Excess * weights[t] / sum / s.LimitScale(0)
			if s.Limits[0].Rate == nil {
				byX += pull
			} else {
				pull = math.Copysign(pull, pushes[t+1]-pushes[t])
				dst.GradAction[3*t][i] += pull
				if t > 0 {
					dst.GradAction[3*t-3][i] -= pull
				}
			}
		}
		dst.GradAction[3*t][i] += gainX * byX
		dst.GradAction[3*t+1][i] = gainY * byY
		dst.GradAction[3*t+2][i] = -2 * price * up.Reward * c.Actions[3*t+2][i]
		dst.GradEta[2*t][i], dst.GradEta[2*t+1][i] = c.Beta*b.sigma*byX, c.Beta*b.sigma*byY
	}
}
