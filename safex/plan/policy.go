package plan

import (
	"context"
	"fmt"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Policy is a controller from elsewhere as a Planner: it plans one step after those that are pending, looks at no model and no limit, and is safe if a safex.Filter keeps it so.
type Policy struct {
	// Act is the action in the state x, step t of an episode, in [-1, 1]. It must not keep x.
	Act safex.Policy `json:"-"`
}

// Plan implements safex.Planner.
func (p Policy) Plan(ctx context.Context, sq safex.Query, _ rng.Stream) (*safex.Plan, error) {
	if p.Act == nil {
		return nil, fmt.Errorf("plan: Policy: there is no Act")
	}
	q := newQuery(sq, len(sq.Pending)+1)
	u := p.Act(len(sq.Past.Actions), q.State)
	if len(u) != q.nu {
		return nil, fmt.Errorf("plan: Policy: %d actions, want %d", len(u), q.nu)
	}
	for _, v := range u {
		if !(v >= -1 && v <= 1) {
			return nil, fmt.Errorf("plan: Policy: an action is %v, want one in [-1, 1]", u)
		}
	}
	return q.finish(ctx, slices.Concat(append(slices.Clone(q.Pending), u)...), nil, 0, 0)
}
