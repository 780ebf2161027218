package plant

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
)

// A Recorded plant answers as the plant did in episodes that were kept: each reset begins the next of them. Who plans again what was planned then needs
// nothing else of the system.
type Recorded struct{ Episodes []safex.Episode }

// Open implements safex.PlantMaker.
func (r Recorded) Open(context.Context, *safex.System) (safex.Plant, error) {
	return &recording{Recorded: r, episode: -1}, nil
}

// A recording is a Recorded plant that is played.
type recording struct {
	Recorded
	episode, step int
}

// Repeats implements safex.Repeater.
func (r *recording) Repeats() bool { return true }

// states are those that were, of the episode that is played.
func (r *recording) states() [][]float64 {
	if e := r.Episodes[r.episode]; e.Real != nil {
		return e.Real
	}
	return r.Episodes[r.episode].States
}

// Reset implements safex.Plant.
func (r *recording) Reset(context.Context, uint32) ([]float64, error) {
	for r.episode+1 < len(r.Episodes) {
		r.episode, r.step = r.episode+1, 0
		if first := r.states(); len(first) > 0 { // else it was never begun, as a random phase of no steps
			return slices.Clone(first[0]), nil
		}
	}
	return nil, fmt.Errorf("plant: %d episodes were recorded, and another is asked for", len(r.Episodes))
}

// Step implements safex.Plant.
func (r *recording) Step(context.Context, []float64) (a safex.Answer, err error) {
	if r.episode < 0 {
		return a, errors.New("plant: a step before a reset")
	}
	e := r.Episodes[r.episode]
	if r.step >= len(e.Actions) {
		return a, fmt.Errorf("plant: episode %d was recorded for %d steps, and another is asked for", e.Number, len(e.Actions))
	}
	r.step++
	a.State = slices.Clone(r.states()[r.step])
	if r.step == len(e.Actions) {
		a.End, a.Why = e.End, e.Why
	}
	return a, nil
}

// Close implements safex.Plant.
func (r *recording) Close() error { return nil }
