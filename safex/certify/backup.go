package certify

import (
	"context"

	"github.com/rischiboy/safe_exploration/safex/filter"
	"github.com/rischiboy/safe_exploration/safex/retake"
)

// backup tells whether the run's filter proved something new of a step, and whether the real system stays where that says under the actions that were proved and
// then the backup, with nothing planned anew: in the tube, and then in the terminal set. The backup is for ever; it is followed for as many steps as the plan has.
// A step from the tail of an earlier plan is no case of its own: it is on the way of that one.
func (c *Certification) backup(ctx context.Context, s retake.Step) (proved, holds bool, err error) {
	if s.Guard == nil {
		return false, false, nil
	}
	is, err := filter.CertificateOf(ctx, s.Guard, *s.Query, s.Executed)
	if err != nil || is == nil {
		return false, false, err
	}
	holds = true
	steps := max(len(s.Executed.Actions), len(is.Actions)+1)
	_, err = c.run.Under(s, func(t int, x []float64) []float64 {
		switch {
		case t > 0 && t <= len(is.Actions):
			holds = encloses(is.Tube.Sets[t-1], x)
		case t > len(is.Actions):
			holds = is.Terminal.Backup(x) != nil
		}
		if !holds || t == steps {
			return nil
		}
		u := is.Action(t, x)
		holds = u != nil
		return u
	})
	return true, holds, err
}
