package safex

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/rng"
)

// kept is how many states of a Backup Check steps from, and ahead how many steps it takes from most of them.
const (
	kept  = 2000
	ahead = 3
)

// backup tries what a Backup promises: from states of its set, many of them at the edge, the real system goes on under its action,
// disturbances and all. v is what random episodes showed.
func (r *Report) backup(s *System, v *survey, src rng.Stream) {
	b := s.Backup
	if b == nil {
		return
	}
	src = src.Child("backup")
	states, outside, nan := s.backupStates(v, src)
	if nan != "" {
		r.warn("backup %q: %s; that counts as outside", b.Name, nan)
	}
	if outside > 0 {
		r.warn("backup %q: %d of %d starts of episodes are outside, where it promises nothing", b.Name, outside, starts)
	}
	if len(states) == 0 {
		r.warn("backup %q: of %d states around where random episodes go none is inside: is it of use?", b.Name, probes)
		return
	}
	lost, first := 0, ""
	for i, x := range states {
		steps := ahead
		if i < trials {
			steps = min(s.Steps, most)
		}
		if what := s.leaves(x, steps, src.Child("step").At(i)); what != "" {
			if lost == 0 {
				first = what
			}
			lost++
		}
	}
	if lost > 0 {
		r.problem("backup %q: %s; %d of %d states are not kept", b.Name, first, lost, len(states))
		return
	}
	r.fact("backup %q: %d states kept inside", b.Name, len(states))
}

// backupStates are states of the Backup: starts, what is inside of the box of random episodes and a Scale around it, and, for the
// other half, states at the edge, in random directions from those. There are none if neither a start nor the box has one. outside
// is how many starts are not inside. nan names a state that has no number for Outside, "" if none was met.
func (s *System) backupStates(v *survey, src rng.Stream) (states [][]float64, outside int, nan string) {
	b, g := s.Backup, src.Child("states").Rand()
	inside := func(x []float64) bool {
		if d := b.distances(x); nan == "" {
			if k := slices.IndexFunc(d, math.IsNaN); k >= 0 {
				nan = fmt.Sprintf("Outside is NaN (%s) at %s", b.outside.Blame(k, x), s.point(x, nil))
			}
		}
		return b.Contains(x)
	}
	for i := range starts {
		if x, err := s.DrawStart(rng.New(1).Child("try").At(i)); err == nil && inside(x) {
			states = append(states, x)
		} else {
			outside++
		}
	}
	for range probes {
		x := make([]float64, len(s.State))
		for d := range x {
			lo, hi := v.lo[d]-s.State[d].Scale, v.hi[d]+s.State[d].Scale
			x[d] = lo + (hi-lo)*g.Float64()
		}
		if s.mend(x); inside(x) {
			states = append(states, x)
		}
	}
	if len(states) == 0 {
		return nil, outside, nan
	}
	g.Shuffle(len(states), func(i, j int) { states[i], states[j] = states[j], states[i] })
	for states = states[:min(len(states), kept/2)]; len(states) < kept; {
		from := states[g.IntN(len(states))]
		way, far := make([]float64, len(from)), 3*g.Float64()
		for d := range way {
			way[d] = far * s.State[d].Scale * g.NormFloat64()
		}
		at := func(share float64) []float64 {
			x := slices.Clone(from)
			if share > 0 {
				for d := range x {
					x[d] += share * way[d]
				}
				s.mend(x)
			}
			return x
		}
		in, out := 0.0, 1.0
		if inside(at(1)) {
			in = 1
		}
		for range 30 {
			if mid := in/2 + out/2; inside(at(mid)) {
				in = mid
			} else {
				out = mid
			}
		}
		states = append(states, at(in))
	}
	return states, outside, nan
}

// mend makes a state of x that can be: in its own range, and with angles on the circle.
func (s *System) mend(x []float64) {
	for d, v := range s.State {
		if v.Min < v.Max {
			x[d] = min(v.Max, max(v.Min, x[d]))
		}
	}
	for _, a := range s.Angles {
		if n := math.Hypot(x[a.Sin], x[a.Cos]); n > 0 {
			x[a.Sin], x[a.Cos] = x[a.Sin]/n, x[a.Cos]/n
		} else {
			x[a.Cos] = 1
		}
	}
}

// leaves says how, in so many steps from the state x, the real system leaves the Backup or breaks a limit; "" if it does not. It
// begins at a random time of an episode, after random actions, if disturbances or limits on the rate of actions know of them.
func (s *System) leaves(x []float64, steps int, src rng.Stream) string {
	b, t := s.Backup, s.Begin(x, src)
	under := ""
	if len(s.effects) > 0 || s.Rated() {
		g := src.Child("past").Rand()
		at := g.IntN(min(s.Steps, most))
		t.States = slices.Repeat([][]float64{s.observe(x, at, src)}, at+1)
		for range at {
			t.Actions = append(t.Actions, s.anyAction(g))
		}
		if s.noisy {
			t.Real = slices.Repeat([][]float64{x}, at+1)
		}
	}
	if len(s.effects) > 0 {
		under = ", with the task's disturbances"
	}
	for k, e := range s.still(x) {
		if e > 0 {
			return fmt.Sprintf("its state %s is beyond limit %q by %.3g %s", s.point(x, nil), s.Limits[k].Name, e, s.Limits[k].Unit)
		}
	}
	for range steps {
		n, from, u := len(t.Actions), x, make([]float64, len(s.Action))
		b.act.Eval(u, t.States[n])
		for k, v := range u {
			if !(v >= -1-1e-9 && v <= 1+1e-9) {
				return fmt.Sprintf("Act gives %s %.4g at %s, want it in [-1, 1]", s.Action[k].Name, v, s.point(t.States[n], nil))
			}
		}
		u = b.Action(t.States[n])
		if err := s.Advance(&t, u, src); err != nil {
			return fmt.Sprintf("under Act, %v", err)
		}
		if x = t.States[n+1]; s.noisy {
			x = t.Real[n+1]
		}
		for k, e := range t.Excess[len(t.Excess)-1] {
			if e > 0 {
				return fmt.Sprintf("from %s Act breaks limit %q by %.3g %s%s", s.point(from, u), s.Limits[k].Name, e, s.Limits[k].Unit, under)
			}
		}
		d := b.distances(x)
		if k := slices.IndexFunc(d, func(v float64) bool { return !(v <= 0) }); k >= 0 {
			return fmt.Sprintf("from %s Act leads outside, to %s, where condition %d of %d is %.3g%s", s.point(from, u), s.point(x, nil), k+1, len(d), d[k], under)
		}
	}
	return ""
}

// anyAction draws one from its whole range.
func (s *System) anyAction(g *rand.Rand) []float64 {
	u := make([]float64, len(s.Action))
	for k := range u {
		u[k] = 2*g.Float64() - 1
	}
	return u
}
