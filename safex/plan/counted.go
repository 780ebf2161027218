package plan

import (
	"context"

	"github.com/rischiboy/safe_exploration/safex"
)

// counted is a Rollout that counts what it is asked for: a candidate is one, and two with its gradient.
type counted struct {
	safex.Rollout
	rollouts int
}

// Roll implements safex.Rollout.
func (r *counted) Roll(ctx context.Context, dst *safex.Rolled, c safex.Candidates, up *safex.Scalarisation) error {
	n := c.Actions.Len()
	if up != nil {
		n *= 2
	}
	r.rollouts += n
	return r.Rollout.Roll(ctx, dst, c, up)
}
