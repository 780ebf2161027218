package lab

import (
	"reflect"

	"github.com/rischiboy/safe_exploration/safex/opt"
)

// A suit is what the planners' defaults are changed to for a task: with it, planning with the true dynamics did best.
type suit struct {
	horizon    int
	std, color float64 // of searches with coloured noise
}

// suits are the suits by task; a task without one has the planners' own defaults.
var suits = map[string]suit{
	"pendulum":  {22, 1.5, 2},
	"pitch":     {12, 0.4, 2},
	"rccar":     {35, 0.5, 1},
	"cartpole":  {25, 0.7, 2},
	"quadrotor": {12, 0.7, 2},
}

// suit changes the planner's defaults to those of the task.
func (s *Settings) suit() {
	to, ok := suits[s.Task]
	if !ok {
		return
	}
	if horizon := reflect.ValueOf(s.Planning).Elem().FieldByName("Horizon"); horizon.IsValid() {
		horizon.SetInt(int64(to.horizon))
	}
	s.suitSearch()
}

// suitSearch changes the defaults of the planner's search to those of the task.
func (s *Settings) suitSearch() {
	to, ok := suits[s.Task]
	if !ok || s.Search == "" {
		return
	}
	switch c := field[opt.Minimizer](s.Planning, first).Interface().(type) {
	case *opt.ICEM:
		c.Std, c.Color = to.std, to.color
	case *opt.MPPI:
		c.Std, c.Color = to.std, to.color
	}
}
