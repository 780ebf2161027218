package plan_test

import (
	"context"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// probe is a search that remembers what it was asked, and what it said.
type probe struct {
	opt.Minimizer
	asked *[]asked
}

// asked is a call of Minimize.
type asked struct {
	opt.Problem
	populations []num.Batch
	values      [][]float64
	result      *opt.Result
}

func (p probe) Minimize(ctx context.Context, problem opt.Problem, src rng.Stream) (*opt.Result, error) {
	a, score := asked{Problem: problem}, problem.Func
	problem.Func = func(values []float64, x num.Batch) error {
		err := score(values, x)
		a.populations, a.values = append(a.populations, copied(x)), append(a.values, slices.Clone(values))
		return err
	}
	r, err := p.Minimizer.Minimize(ctx, problem, src)
	a.result = r
	*p.asked = append(*p.asked, a)
	return r, err
}

func copied(b num.Batch) num.Batch {
	if b == nil {
		return nil
	}
	c := make(num.Batch, len(b))
	for d, column := range b {
		c[d] = slices.Clone(column)
	}
	return c
}

// recorder is a rollout that remembers what it was asked. Its excess is a hash of the candidate in [-1, 1], if hashed, so that
// no two of a search are alike.
type recorder struct {
	safex.Rollout
	hashed bool
	seen   *[]safex.Candidates
}

func (r recorder) Roll(ctx context.Context, dst *safex.Rolled, c safex.Candidates, up *safex.Scalarisation) error {
	err := r.Rollout.Roll(ctx, dst, c, up)
	for i := range c.Actions.Len() {
		if h := 0.0; r.hashed {
			for d := range c.Actions {
				h += float64(1+d) * c.Actions[d][i]
				if c.Eta != nil {
					h += math.Sqrt(float64(1+d)) * c.Eta[d][i]
				}
			}
			for _, column := range dst.Excess {
				column[i] = math.Sin(1e4 * h)
			}
		}
	}
	c.Actions, c.Eta = copied(c.Actions), copied(c.Eta)
	*r.seen = append(*r.seen, c)
	return err
}

// outcome is the mean reward of an action series on the cart, and its worst excess, under an error series of β = 1.
func outcome(x float64, actions, eta []float64, sigma float64) (reward, worst float64) {
	worst = math.Inf(-1)
	for t, u := range actions {
		if x += 0.1 * u; eta != nil {
			x += sigma * eta[t]
		}
		reward, worst = reward+x/float64(len(actions)), max(worst, x-1)
	}
	return reward, worst
}

// oneRound is a search that scores one population of two.
type oneRound struct{}

func (oneRound) Minimize(ctx context.Context, p opt.Problem, src rng.Stream) (*opt.Result, error) {
	x, values := num.NewBatch(p.Steps*p.Dims, 2), make([]float64, 2)
	err := p.Func(values, x)
	return &opt.Result{X: x.Point(0), F: values[0], Evaluations: 2}, err
}
