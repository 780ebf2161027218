package certify

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/reach"
	"github.com/rischiboy/safe_exploration/safex/retake"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// An Escape is a rollout of the model outside of its tube, by which the tube proves nothing.
type Escape struct {
	Episode, Step int     // of the plan
	After         int     // how many steps of the plan were taken
	Of            string  // what is beyond its bound: a dimension of the state, or a limit
	By            float64 // how far beyond, in Unit
	Unit          string
}

// String says where it is.
func (e Escape) String() string {
	return fmt.Sprintf("in the plan of step %d of episode %d, after %d of its steps, %s is beyond its bound by %.3g %s", e.Step, e.Episode, e.After, e.Of, e.By, e.Unit)
}

// What a check allows for is in three numbers. Where a step of an engine is rounded is in the tube already: see reach.Prover.Rounding.
const (
	// nearest is what float64 may make of a sum or of a limit's formula, as a share of their size, and of a limit's Scale.
	nearest = 1e-12
	// near is how many Scales a state may be away from where the plan starts. Beyond that, nobody measured what engines round.
	near = 100
	// oblique is how many directions a set is looked at from besides those of its dimensions, each from both sides.
	oblique = 6
)

// check asks whether rollouts of the model stay in a tube.
type check struct {
	*Certification
	target plan.Target
	tube   *reach.Tube
	src    rng.Stream
}

// rolls counts the rollouts that leave the tube, and keeps the first escape of all. They are those of the mean, of errors of 1 and of -1, of the
// worst that adversaries found, and as many at random corners of the box as at random points in it, all but the mean with noise at random corners of its own box.
func (c *check) rolls(ctx context.Context, p *Proof, worst [][]float64) (escapes int, err error) {
	nx := len(c.System.State)
	r := c.src.Rand()
	n := 3 + len(worst) + c.Rollouts
	in := repeated(c.target, n)
	for i, column := range in.Eta {
		t, d := i/nx, i%nx
		for lane := range column {
			if p.Robust == 0 || t < p.Robust {
				column[lane] = c.eta(r, lane, i, worst)
			}
			// Of noise, what the largest deviation in the tube makes of it is at most its width wherever the rollout is.
			if len(c.Noise) > 0 && lane > 0 && p.Beta > 0 && c.tube.Doubt[t][d] > 0 {
				column[lane] += c.Noise[d] / (p.Beta * c.tube.Doubt[t][d]) * (2*float64(r.IntN(2)) - 1)
			}
		}
	}
	var out safex.Rolled
	if err := c.target.Rollout.Roll(ctx, &out, in, nil); err != nil {
		return 0, err
	}
	faces := c.faces(r)
	for lane := range n {
		e := c.follow(&out, lane, faces)
		if e == nil {
			continue
		}
		if escapes++; c.Escape == nil {
			e.Episode, e.Step = p.Episode, p.Step
			c.Escape = e
		}
	}
	return escapes, nil
}

// eta is number i of the error of a lane.
func (c *check) eta(r *rand.Rand, lane, i int, worst [][]float64) float64 {
	switch {
	case lane == 0:
		return 0
	case lane == 1:
		return 1
	case lane == 2:
		return -1
	case lane < 3+len(worst):
		return worst[lane-3][i]
	case lane%2 == 0:
		return 2*float64(r.IntN(2)) - 1
	}
	return 2*r.Float64() - 1
}

// A face bounds a set in a direction: a·x is at most far.
type face struct {
	a   []float64
	far float64
	dim int // of the direction; -1 of one between dimensions
}

// truth tells whether the real system stays in the tube under the plan of a step, with nothing planned anew on the way, as long as the plan defends the
// model's errors: of what comes after them it says nothing.
func (c *check) truth(s retake.Step) (bool, error) {
	way, err := c.run.Real(s)
	if err != nil {
		return false, err
	}
	states := way.States
	if way.Real != nil {
		states = way.Real
	}
	for t, set := range c.tube.Sets {
		if s.Robust > 0 && t >= s.Robust {
			break
		}
		if !encloses(set, states[t+1]) {
			return false, nil
		}
	}
	return true, nil
}

// encloses tells whether a state is in the box around a set. Of what nothing is known every state is in.
func encloses(set reach.Set, x []float64) bool {
	if !set.Known() {
		return true
	}
	for d, v := range x {
		lo, hi := set.Range(d)
		if room := nearest * math.Abs(v); !(lo-room <= v && v <= hi+room) {
			return false
		}
	}
	return true
}

// faces are those of each set of the tube: on both sides of every dimension, and in some directions between them, in which dimensions count in
// half widths of the set, as shapes differ in these. There are none of a set of which nothing is known.
func (c *check) faces(r *rand.Rand) (all [][]face) {
	nx := len(c.System.State)
	random := make([][]float64, oblique)
	for i := range random {
		for range nx {
			random[i] = append(random[i], r.NormFloat64())
		}
	}
	for _, set := range c.tube.Sets {
		if !set.Known() {
			all = append(all, nil)
			continue
		}
		var axes, between []face
		for _, sign := range []float64{1, -1} {
			for d := range nx {
				a := make([]float64, nx)
				a[d] = sign
				axes = append(axes, face{a, set.Support(a), d})
			}
			for _, along := range random {
				a := make([]float64, nx)
				for d := range a {
					if lo, hi := set.Range(d); hi > lo {
						a[d] = sign * along[d] / ((hi - lo) / 2)
					}
				}
				between = append(between, face{a, set.Support(a), -1})
			}
		}
		all = append(all, append(axes, between...)) // an escape by a dimension is said as such
	}
	return all
}

// follow is the first escape of a lane; nil if it stays in the tube.
func (c *check) follow(out *safex.Rolled, lane int, faces [][]face) *Escape {
	s := c.System
	nx, nl := len(s.State), len(s.Limits)
	for t, of := range faces {
		for _, f := range of {
			sum, size := 0.0, 0.0
			for d, a := range f.a {
				v := a * out.States[t*nx+d][lane]
				sum, size = sum+v, size+math.Abs(v)
			}
			if sum <= f.far+nearest*size {
				continue
			}
			e := &Escape{After: t + 1, Of: "a direction between the dimensions of the state", By: sum - f.far, Unit: "half widths"}
			if f.dim >= 0 {
				e.Of, e.Unit = s.State[f.dim].Name, s.State[f.dim].Unit
			}
			return e
		}
		for k, bound := range c.tube.Excess[t] {
			e := out.Excess[t*nl+k][lane] * s.LimitScale(k)
			if room := nearest * (math.Abs(e) + math.Abs(s.Limits[k].Max) + s.LimitScale(k)); !(e <= bound+room || math.IsInf(bound, 1)) {
				return &Escape{After: t + 1, Of: "limit " + s.Limits[k].Name, By: e - bound, Unit: s.Limits[k].Unit}
			}
		}
		for d, v := range c.target.State {
			if !(math.Abs(out.States[t*nx+d][lane]-v) <= near*s.State[d].Scale) {
				return nil
			}
		}
	}
	return nil
}
