package experiment

import "github.com/rischiboy/safe_exploration/safex"

// auto is an engine for the models that it can run, and another for all others.
type auto struct{ fused, other safex.Engine }

// Rollout implements safex.Engine.
func (a auto) Rollout(s *safex.System, m safex.Model) (safex.Rollout, error) {
	if r, err := a.fused.Rollout(s, m); err == nil {
		return r, nil
	}
	return a.other.Rollout(s, m)
}
