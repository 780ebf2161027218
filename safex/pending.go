package safex

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// Expect makes the Rollouts of q those of what the System expects, before a Planner sees q. The first actions of every candidate are those that are Pending,
// whatever the planner asks, so that it need not know of a delay: its plans begin where the system is, and what it chooses comes after what nobody can
// change. Model errors count in the steps before that as in all others. With noise of what is seen, the first step errs by what the start may be off by
// too, as m, the Model of the Rollout, has it: see startSpread. Noise of the next state is the Engine's own affair. Without expectations q stays as it is.
func (q *Query) Expect(m Model) error {
	var first []float64
	if q.System.SeenBox() != nil {
		var err error
		if first, err = q.startSpread(m); err != nil {
			return err
		}
	}
	if len(q.Pending) == 0 && first == nil {
		return nil
	}
	around := func(r Rollout) Rollout {
		return &expecting{inner: r, pending: slices.Concat(q.Pending...), first: first}
	}
	q.Rollout = around(q.Rollout)
	if member := q.Member; member != nil {
		q.Member = func(i int) (Rollout, error) {
			r, err := member(i)
			if err != nil {
				return nil, err
			}
			return around(r), nil
		}
	}
	return nil
}

// Hold returns p with the Pending actions in front, as all that q says of it is about those; p itself if there are none. It fails if p has nothing after them.
func (q *Query) Hold(p *Plan) (*Plan, error) {
	k := len(q.Pending)
	if k == 0 {
		return p, nil
	}
	if len(p.Actions) <= k {
		return nil, fmt.Errorf("the plan has %d steps, and an action takes effect %d steps late: a planner needs a longer horizon to act at all", len(p.Actions), k)
	}
	held := *p
	for _, actions := range []*[][]float64{&held.Actions, &held.Expected.Actions, &held.Worst.Actions} {
		if *actions != nil {
			*actions = slices.Clone(*actions)
			copy(*actions, q.Pending)
		}
	}
	return &held, nil
}

// Command is the action of p to send now: the first that is not Pending.
func (q *Query) Command(p *Plan) []float64 { return p.Actions[len(q.Pending)] }

// expecting is a Rollout from where a query stands.
type expecting struct {
	inner   Rollout
	pending []float64 // one action after the other
	first   []float64 // Candidates.Spread
}

// Roll implements Rollout.
func (e *expecting) Roll(ctx context.Context, dst *Rolled, c Candidates, up *Scalarisation) error {
	fixed := min(len(e.pending), len(c.Actions))
	if fixed > 0 {
		n := c.Actions.Len()
		c.Actions = slices.Clone(c.Actions)
		copy(c.Actions, num.NewBatch(fixed, n))
		for k, v := range e.pending[:fixed] {
			for i := range n {
				c.Actions[k][i] = v
			}
		}
	}
	c.Spread = e.first
	if err := e.inner.Roll(ctx, dst, c, up); err != nil {
		return err
	}
	if up != nil { // nothing changes what is fixed
		for _, column := range dst.GradAction[:fixed] {
			clear(column)
		}
	}
	return nil
}

// startSpread is by how much the next state may be off, in each dimension, because the system is not where it is seen but in the box around it: what each dimension
// of the start moves the mean by, added up, for the action that is pending or else for the largest of all corners of the actions and none. It is exact
// where the mean is linear in the state, and leaves out what two dimensions do together where it is not.
func (q *Query) startSpread(m Model) ([]float64, error) {
	box, nu := q.System.SeenBox(), len(q.System.Action)
	nx := len(box)
	tried := [][]float64{make([]float64, nu)}
	if len(q.Pending) > 0 {
		tried = q.Pending[:1]
	} else {
		const corners = 4 // of up to so many actions; of more, each by itself
		for i := range 1 << min(nu, corners) {
			u := make([]float64, nu)
			for k := range u {
				u[k] = float64(2*(i>>min(k, corners-1)&1) - 1)
			}
			tried = append(tried, u)
		}
	}
	each := 1 + 2*nx
	x, u := num.NewBatch(nx, each*len(tried)), num.NewBatch(nu, each*len(tried))
	for a, action := range tried {
		for i := range each {
			at := slices.Clone(q.State)
			if i > 0 {
				at[(i-1)/2] += float64(1-2*((i-1)%2)) * box[(i-1)/2]
			}
			x.SetPoint(a*each+i, at)
			u.SetPoint(a*each+i, action)
		}
	}
	var said Prediction
	if err := m.Predict(&said, x, u); err != nil {
		return nil, err
	}
	most := make([]float64, nx)
	for j, mean := range said.Mean {
		for a := range tried {
			sum, from := 0.0, mean[a*each:][:each]
			for d := range nx {
				sum += max(math.Abs(from[1+2*d]-from[0]), math.Abs(from[2+2*d]-from[0]))
			}
			most[j] = max(most[j], sum)
		}
	}
	return most, nil
}
