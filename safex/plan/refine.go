package plan

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// Refinement improves the best candidates of each population by gradients through the rollout, and the search goes on with what
// they become. In each round, steps of many lengths are tried side by side: along the gradient of the reward, along what is left
// of it without the part that raises the excess, and along the step of the round before; from a candidate that breaks a limit,
// along the descent of the excess. The planner scores them as it does its candidates, and the best counts, if it is better. An
// information gain is scored, but its gradient is not known.
//
// Long plans near an unstable state are what populations are bad at: a change at the start that does not throw the end off course
// is far smaller than their noise. The shortest steps are for that.
type Refinement struct {
	Candidates int // best candidates of each population that are improved, 0 to 1e4; 0 improves none
	Rounds     int // of steps of each, 1 to 1e4 with Candidates
}

// DefaultRefinement improves none; its Rounds are there for who sets Candidates.
func DefaultRefinement() Refinement { return Refinement{Rounds: 2} }

// check reports the first setting that is out of range, or that cannot be with so many draws.
func (r Refinement) check(particles int) error {
	switch {
	case r.Candidates < 0 || r.Candidates > 1e4:
		return fmt.Errorf("plan: Refine.Candidates is %d, want 0 to 1e4", r.Candidates)
	case r.Candidates > 0 && (r.Rounds < 1 || r.Rounds > 1e4):
		return fmt.Errorf("plan: Refine.Rounds is %d with Refine.Candidates %d, want 1 to 1e4", r.Rounds, r.Candidates)
	case r.Candidates > 0 && particles > 0:
		return fmt.Errorf("plan: Refine.Candidates is %d with Particles %d: it has gradients of the mean alone, want 0", r.Candidates, particles)
	}
	return nil
}

const (
	steep   = 500 // sharpness of the smooth maximum of the excess, in units of the limit's Scale: only steps at the limit count
	lengths = 10  // how many steps are tried along a direction: the first changes the column that changes most by 1
	shorter = 0.3 // from one to the next
)

// refinable is what a refinement improves.
type refinable interface {
	// slopes are the gradients of the summed reward and of the smooth maximum of the excess with respect to the series of x, and the
	// excess of each; the last two are nil if it is of no account.
	slopes(ctx context.Context, x num.Batch) (reward, excess num.Batch, worst []float64, err error)
	// try scores series. Those that nobody may choose are +Inf.
	try(ctx context.Context, values []float64, x num.Batch) error
}

// improve takes the best of some lanes of a scored population, given with their values, to better ones. It returns how many
// steps came out as NaN. A cancelled ctx ends it with what is better by then.
func (r Refinement) improve(ctx context.Context, c refinable, o safex.Objective, values []float64, x num.Batch, lanes []int) (nans int, err error) {
	lanes = slices.DeleteFunc(slices.Clone(lanes), func(i int) bool { return bad(values[i]) })
	slices.SortStableFunc(lanes, func(a, b int) int { return compare(values[a], values[b]) })
	lanes = lanes[:min(r.Candidates, len(lanes))]
	before := make([][]float64, len(lanes)) // steps of the last round; nil if there was none
	for range r.Rounds {
		if len(lanes) == 0 || ctx.Err() != nil {
			break
		}
		reward, excess, worst, err := c.slopes(ctx, picked(x, lanes))
		if err != nil {
			return nans, unless(ctx, err)
		}
		var steps [][]float64 // that are tried
		var whose []int       // the lanes that they start from, by index
		for j, i := range lanes {
			at, up := x.Point(i), reward.Point(j)
			ways := [][]float64{before[j]}
			breaks := worst != nil && worst[j] > o.Budget
			if !breaks || !o.FeasibleFirst {
				ways = append(ways, freed(up, at))
				if worst != nil {
					ways = append(ways, level(up, excess.Point(j), at))
				}
			}
			if breaks {
				down := excess.Point(j)
				for d := range down {
					down[d] = -down[d]
				}
				ways = append(ways, freed(down, at))
			}
			for _, way := range ways {
				for _, s := range along(at, way) {
					steps, whose = append(steps, s), append(whose, j)
				}
			}
		}
		if len(steps) == 0 {
			break
		}
		tried, scores := batchOf(steps...), make([]float64, len(steps))
		if err := c.try(ctx, scores, tried); err != nil {
			return nans, unless(ctx, err)
		}
		clear(before)
		best := make([]int, len(lanes))
		for j := range best {
			best[j] = -1
		}
		for k, v := range scores {
			if math.IsNaN(v) {
				nans++
			}
			if j := whose[k]; compare(v, values[lanes[j]]) < 0 {
				best[j], values[lanes[j]] = k, v
			}
		}
		better := false
		for j, k := range best {
			if k < 0 {
				continue
			}
			better, before[j] = true, tried.Point(k)
			for d, v := range x.Point(lanes[j]) {
				before[j][d] -= v
			}
			x.SetPoint(lanes[j], tried.Point(k))
		}
		if !better {
			break
		}
	}
	return nans, nil
}

// unless is err, or nil if ctx is over.
func unless(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// stops tells whether the box stops a number at its edge from going a way.
func stops(at, way float64) bool { return at >= 1 && way > 0 || at <= -1 && way < 0 }

// freed is a direction without what the box stops.
func freed(way, at []float64) []float64 {
	free := slices.Clone(way)
	for d, v := range way {
		if stops(at[d], v) {
			free[d] = 0
		}
	}
	return free
}

// level is what is left of the direction up without its part along excess, in the columns that the box does not stop; nil if that
// part does not raise the excess.
func level(up, excess, at []float64) []float64 {
	stopped := make([]bool, len(up))
	for {
		var both, square float64
		for d, e := range excess {
			if !stopped[d] {
				both, square = both+up[d]*e, square+e*e
			}
		}
		if !(both > 0 && square > 0) {
			return nil
		}
		left, all := make([]float64, len(up)), true
		for d, e := range excess {
			if stopped[d] {
				continue
			}
			left[d] = up[d] - both/square*e
			if stops(at[d], left[d]) {
				stopped[d], all = true, false
			}
		}
		if all {
			return left
		}
	}
}

// along are the points of the box at all lengths along a direction; none if it is not of real numbers, or 0.
func along(at, way []float64) (points [][]float64) {
	most := 0.0
	for _, v := range way {
		most = max(most, math.Abs(v))
	}
	if !(most > 0) || math.IsInf(most, 1) {
		return nil
	}
	length := 1.0
	for range lengths {
		p := slices.Clone(at)
		for d, v := range way {
			p[d] = min(1, max(-1, p[d]+length*v/most))
		}
		points, length = append(points, p), length*shorter
	}
	return points
}

// excessSlope is the gradient of the smooth maximum of the excess of actions under errors, nil for none, and the excess of each.
func (q query) excessSlope(ctx context.Context, dst *safex.Rolled, actions, errors num.Batch, beta float64) (num.Batch, []float64, error) {
	if err := q.Rollout.Roll(ctx, dst, q.candidates(actions, errors, beta), &safex.Scalarisation{Excess: 1, Sharpness: steep}); err != nil {
		return nil, nil, err
	}
	var worst []float64
	for i := range actions.Len() {
		worst = append(worst, q.worstExcess(dst, i))
	}
	return dst.GradAction, worst, nil
}

// looks tells whether an objective looks at the limits.
func (q query) looks(o safex.Objective) bool { return q.nl > 0 && (o.FeasibleFirst || o.Weight > 0) }
