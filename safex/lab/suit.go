package lab

import (
	"reflect"

	"github.com/rischiboy/safe_exploration/safex/opt"
)

// A suit is what the planners' defaults are changed to for a task: with its horizon and noise, planning with the true dynamics did
// best.
type suit struct {
	horizon    int
	robust     int     // of pessimistic planning; 0 is all steps
	std, color float64 // of searches with coloured noise
}

// suits are the suits by task; a task without one has the planners' own defaults.
var suits = map[string]suit{
	"pendulum":  {horizon: 22, std: 1.5, color: 2},
	"pitch":     {horizon: 12, std: 0.4, color: 2},
	"rccar":     {horizon: 35, robust: 10, std: 0.5, color: 1}, // it stops within 10 steps, and turns for 35
	"cartpole":  {horizon: 25, std: 0.7, color: 2},
	"quadrotor": {horizon: 12, std: 0.7, color: 2},
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
	if robust := reflect.ValueOf(s.Planning).Elem().FieldByName("Robust"); robust.IsValid() {
		robust.SetInt(int64(to.robust))
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
