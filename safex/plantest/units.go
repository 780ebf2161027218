package plantest

import (
	"context"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// moved is a rollout of the carts whose x is told in another unit and from another place: (x + offset) · unit; and whose rewards are
// times so many.
type moved struct {
	*belief
	unit, offset, times float64
}

// Roll implements safex.Rollout.
func (m moved) Roll(ctx context.Context, dst *safex.Rolled, c safex.Candidates, up *safex.Scalarisation) error {
	c.State = []float64{c.State[0]/m.unit - m.offset, c.State[1]}
	if up != nil {
		more := *up
		more.Reward *= m.times
		up = &more
	}
	if err := m.belief.Roll(ctx, dst, c, up); err != nil {
		return err
	}
	for i, column := range dst.States {
		if i%2 == 0 {
			for l := range column {
				column[l] = (column[l] + m.offset) * m.unit
			}
		}
	}
	for i, column := range dst.Epistemic {
		if i%2 == 0 {
			for l := range column {
				column[l] *= m.unit
			}
		}
	}
	for _, column := range dst.Reward {
		for l := range column {
			column[l] *= m.times
		}
	}
	return nil
}

// query is that of b, told by m.
func (m moved) query(t *testing.T, q safex.Query) safex.Query {
	task := q.System.Task
	task.State = slices.Clone(task.State)
	task.State[0].Scale *= m.unit
	task.Limits = slices.Clone(task.Limits)
	for k, l := range task.Limits {
		task.Limits[k].Scale *= m.unit
		task.Limits[k].Max = (l.Max + m.offset) * m.unit
		task.Limits[k].Of = func(x, u, next num.Vec) num.Expr { return next[0] }
	}
	task.Start = safex.StartAt(m.offset*m.unit, 0)
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	q.System, q.Rollout = s, m
	q.State = []float64{(q.State[0] + m.offset) * m.unit, q.State[1]}
	q.Member = func(int) (safex.Rollout, error) { return m, nil }
	return q
}
