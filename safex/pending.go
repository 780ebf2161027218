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
		if first, err = q.System.startSpread(m, q.State, q.Pending); err != nil {
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

// startSpread is by how much the next state may be off, in each dimension, because the system is not where it is seen, at seen, but in the box around it: what each
// dimension of the start moves the mean by, added up, for the first of the actions or, if there is none, for the largest of all corners and none. It is
// exact where the mean is linear in the state, and leaves out what two dimensions do together where it is not.
func (s *System) startSpread(m Model, seen []float64, actions [][]float64) ([]float64, error) {
	box, nx, nu := s.SeenBox(), len(s.State), len(s.Action)
	tried := actions[:min(1, len(actions))]
	if len(tried) == 0 {
		const most = 4 // actions of which each has its own corners
		for i := range 1 << min(nu, most) {
			u := make([]float64, nu)
			for k := range u {
				u[k] = float64(2*(i>>min(k, most-1)&1) - 1)
			}
			tried = append(tried, u)
		}
		tried = append(tried, make([]float64, nu))
	}
	each := 1 + 2*nx
	x, u := num.NewBatch(nx, each*len(tried)), num.NewBatch(nu, each*len(tried))
	for a, action := range tried {
		for i := range each {
			at := slices.Clone(seen)
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

// SeenNoise is by how much what is seen of the state after a step may be off what m says of it by noise alone, to either side and in each dimension, as the task
// declares: noise of the next state, noise of what is seen of it, and what the start may be off by from where it was seen. It is nil if the task
// declares no noise. The action u is the one that takes effect.
func (s *System) SeenNoise(m Model, seen, u []float64) (off []float64, err error) {
	if s.NoiseBox() == nil && s.SeenBox() == nil {
		return nil, nil
	}
	off = make([]float64, len(s.State))
	copy(off, s.NoiseBox())
	if s.SeenBox() == nil {
		return off, nil
	}
	spread, err := s.startSpread(m, seen, [][]float64{u})
	if err != nil {
		return nil, err
	}
	for d, v := range spread {
		off[d] += v + s.SeenBox()[d]
	}
	return off, nil
}
