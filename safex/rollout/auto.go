package rollout

import (
	"fmt"
	"strings"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fused"
)

// Auto is the safex.Engine of every model that takes the fastest one that can run it: that of package fused, else GoMLX, else Stepwise.
// It is safe for concurrent use.
type Auto struct{ engines []safex.Engine }

// NewAuto returns an engine that has compiled nothing yet.
func NewAuto() *Auto { return &Auto{[]safex.Engine{fused.New(), NewGoMLX(), NewStepwise()}} }

// Rollout implements safex.Engine. The error says why none of the engines can run m.
func (a *Auto) Rollout(s *safex.System, m safex.Model) (safex.Rollout, error) {
	var why []any
	for _, e := range a.engines {
		r, err := e.Rollout(s, m)
		if err == nil {
			return r, nil
		}
		why = append(why, err)
	}
	return nil, fmt.Errorf("rollout: no engine can run a %T: "+strings.TrimSuffix(strings.Repeat("%w; ", len(why)), "; "), append([]any{m}, why...)...)
}

var _ safex.Engine = (*Auto)(nil)
