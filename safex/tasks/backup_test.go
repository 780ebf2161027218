package tasks_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// circled puts the angles of x back on their circle.
func circled(s *safex.System, x []float64) []float64 {
	for _, a := range s.Angles {
		n := math.Hypot(x[a.Sin], x[a.Cos])
		x[a.Sin], x[a.Cos] = x[a.Sin]/n, x[a.Cos]/n
	}
	return x
}

// inside draws n states of the backup of s, about half of them at its edge: from starts on, in all directions and along single
// dimensions, and so into corners too.
func inside(s *safex.System, n int, r *rand.Rand) (states [][]float64) {
	for i := range 10 {
		if x, err := s.DrawStart(rng.New(1).At(i)); err == nil && s.Backup.Contains(x) {
			states = append(states, x)
		}
	}
	for len(states) > 0 && len(states) < n {
		from, way := states[r.IntN(len(states))], make([]float64, len(s.State))
		far, one := math.Pow(10, 3*r.Float64()-2), r.IntN(2*len(way))
		for d := range way {
			if one >= len(way) || d == one {
				way[d] = far * s.State[d].Scale * r.NormFloat64()
			}
		}
		at := func(share float64) []float64 {
			x := slices.Clone(from)
			for d := range x {
				x[d] += share * way[d]
			}
			return circled(s, x)
		}
		in, out := 0.0, 1.0
		if s.Backup.Contains(at(1)) {
			in = 1
		}
		for range 30 {
			if mid := in/2 + out/2; s.Backup.Contains(at(mid)) {
				in = mid
			} else {
				out = mid
			}
		}
		if x := at(in); s.Backup.Contains(x) {
			states = append(states, x)
		}
	}
	return states
}

// keeps takes a step of the backup's action from n states of its set, and from others near those of them that come closest to the
// edge of each condition, always closer. The limits must hold before and after it, and each condition with something to spare.
func keeps(t *testing.T, s *safex.System, n int, spare float64) {
	t.Helper()
	outside := num.Trace(len(s.State), s.Backup.Outside)
	r := rand.New(rand.NewPCG(1, 2))
	step := func(x []float64) (out []float64) {
		if err := s.CheckStart(x); err != nil {
			t.Fatalf("%q: %v is inside: %v", s.Backup.Name, x, err)
		}
		u := s.Backup.Action(x)
		next, _, excess := s.Step(x, u)
		if slices.Max(excess) > 0 {
			t.Fatalf("%q: from %v to %v the excess is %v", s.Backup.Name, x, next, excess)
		}
		out = make([]float64, outside.Out)
		if outside.Eval(out, next); !(slices.Max(out) <= -spare) || !s.Backup.Contains(next) {
			t.Fatalf("%q: from %v the action %v leads to %v, where the conditions are %v, want at most %v", s.Backup.Name, x, u, next, out, -spare)
		}
		return out
	}
	states := inside(s, n, r)
	if len(states) == 0 {
		t.Fatalf("no start is inside of %q", s.Backup.Name)
	}
	closest, at := slices.Repeat([]float64{math.Inf(-1)}, outside.Out), make([][]float64, outside.Out)
	for _, x := range states {
		for k, v := range step(x) {
			if v > closest[k] {
				closest[k], at[k] = v, x
			}
		}
	}
	for k := range at {
		for range n / 50 {
			x, far, one := slices.Clone(at[k]), 0.3*math.Pow(10, -4*r.Float64()), r.IntN(2*len(s.State))
			for d := range x {
				if one >= len(x) || one == d {
					x[d] += far * s.State[d].Scale * r.NormFloat64()
				}
			}
			if !s.Backup.Contains(circled(s, x)) {
				continue
			}
			if v := step(x)[k]; v > closest[k] {
				closest[k], at[k] = v, x
			}
		}
	}
	t.Logf("%s, %q: closest %.2g", s.Name, s.Backup.Name, closest)
}

// From every state of its set the backup of every task keeps the true system there, and in its limits. What is left over is what
// the tasks say.
func TestBackupsKeep(t *testing.T) {
	n := 100_000
	if testing.Short() {
		n = 10_000
	}
	for _, c := range []struct {
		task  safex.Maker
		spare float64
	}{
		{tasks.DefaultPendulum(), 0.01}, {tasks.DefaultPitch(), 0.99e-3}, {tasks.DefaultCarPark(), 5e-3}, {tasks.ReferenceCarPark(), 5e-3},
		{tasks.DefaultRCCar(), 0}, {tasks.ReferenceRCCar(), 0}, {tasks.DefaultCartPole(), 2.5e-3}, {tasks.DefaultQuadrotor(), 5e-3},
		{tasks.DefaultSafeMPC(), 0.04}, {tasks.DefaultHUCRL(), 0.5},
	} {
		t.Run(fmt.Sprintf("%T", c.task), func(t *testing.T) { keeps(t, compile(t, c.task), n, c.spare) })
	}
}

// changed are the default parameters of a task after a change.
func changed[T any](p T, change func(p *T)) T {
	change(&p)
	return p
}

// It is so with other parameters, or there is no backup.
func TestBackupsOfOtherParameters(t *testing.T) {
	n := 1000
	if testing.Short() {
		n = 300
	}
	type (
		pendulum  = tasks.Pendulum
		car       = tasks.CarPark
		quadrotor = tasks.Quadrotor
		cart      = tasks.CartPole
		rc        = tasks.RCCar
		pitch     = tasks.Pitch
		upright   = tasks.SafeMPC
		hanging   = tasks.HUCRL
	)
	var all []safex.Maker
	for _, dt := range []float64{0.01, 0.02, 0.08, 0.1, 0.15} {
		all = append(all,
			changed(tasks.DefaultPendulum(), func(p *pendulum) { p.Dt = dt }),
			changed(tasks.DefaultCarPark(), func(p *car) { p.Dt, p.AbsoluteExcess = 2*dt, true }),
			changed(tasks.DefaultCartPole(), func(p *cart) { p.Dt = dt }),
			changed(tasks.DefaultQuadrotor(), func(p *quadrotor) { p.Dt = dt }),
			changed(tasks.DefaultRCCar(), func(p *rc) { p.Dt, p.Substeps = dt, int(math.Ceil(90*dt)) }),
			changed(tasks.DefaultPitch(), func(p *pitch) { p.Dt = 2 * dt }),
			changed(tasks.DefaultSafeMPC(), func(p *upright) { p.Dt = dt }),
			changed(tasks.DefaultHUCRL(), func(p *hanging) { p.Dt = 2 * dt }))
	}
	for _, v := range []float64{0.5, 1, 3, 5, 6, 10} {
		all = append(all,
			changed(tasks.DefaultPendulum(), func(p *pendulum) { p.MaxTorque = v }),
			changed(tasks.DefaultPendulum(), func(p *pendulum) { p.MaxSpeed = 1.2 * v }),
			changed(tasks.DefaultCarPark(), func(p *car) { p.MaxAccel, p.AbsoluteExcess = 3*v, true }),
			changed(tasks.DefaultCartPole(), func(p *cart) { p.PoleMass = v / 5 }),
			changed(tasks.DefaultCartPole(), func(p *cart) { p.HalfLength = v / 5 }),
			changed(tasks.DefaultCartPole(), func(p *cart) { p.MaxForce = 3 * v }),
			changed(tasks.DefaultQuadrotor(), func(p *quadrotor) { p.ThrustRange = v / 5 }),
			changed(tasks.DefaultQuadrotor(), func(p *quadrotor) { p.Drag = v / 3 }),
			changed(tasks.DefaultRCCar(), func(p *rc) { p.Motor = 3 * v }),
			changed(tasks.DefaultRCCar(), func(p *rc) { p.MotorDrag = v / 3 }),
			changed(tasks.DefaultPitch(), func(p *pitch) { p.MaxElevator = v / 2 }),
			changed(tasks.DefaultSafeMPC(), func(p *upright) { p.MaxTorque = v / 3 }),
			changed(tasks.DefaultSafeMPC(), func(p *upright) { p.Friction = v / 100 }),
			changed(tasks.DefaultHUCRL(), func(p *hanging) { p.MaxTorque = v / 2 }))
	}
	all = append(all,
		changed(tasks.DefaultPendulum(), func(p *pendulum) { p.SpeedClip = 5.5 }),
		changed(tasks.DefaultPendulum(), func(p *pendulum) { p.Length, p.MaxTorque = 2, 5 }),
		changed(tasks.DefaultCarPark(), func(p *car) { p.KineticFriction, p.StaticFriction = 0, 0 }),
		changed(tasks.DefaultCarPark(), func(p *car) { p.KineticFriction, p.StaticFriction, p.AbsoluteExcess = 0.5, 0.1, true }),
		changed(tasks.DefaultCarPark(), func(p *car) { p.Wall, p.AbsoluteExcess = 0.3, true }),
		changed(tasks.DefaultCarPark(), func(p *car) { p.MaxSpeed, p.AbsoluteExcess = 0.3, true }),
		changed(tasks.DefaultCartPole(), func(p *cart) { p.MaxPosition = 0.3 }),
		changed(tasks.DefaultQuadrotor(), func(p *quadrotor) { p.RateLag = 0.2 }),
		changed(tasks.DefaultQuadrotor(), func(p *quadrotor) { p.RateLag = 0.026 }),
		changed(tasks.DefaultQuadrotor(), func(p *quadrotor) { p.Ceiling, p.StartZ = 0.6, 0.4 }),
		changed(tasks.DefaultQuadrotor(), func(p *quadrotor) { p.MaxTilt, p.ThrustRange = 0.9, 1 }),
		changed(tasks.DefaultRCCar(), func(p *rc) { p.Substeps = 3 }),
		changed(tasks.DefaultRCCar(), func(p *rc) { p.MaxSteering = 1 }),
		changed(tasks.DefaultRCCar(), func(p *rc) { p.Relaxation = 0.1 }),
		changed(tasks.DefaultPitch(), func(p *pitch) { p.MaxPitch = 0.1 }))
	without := 0
	for _, m := range all {
		if s := compile(t, m); s.Backup == nil {
			without++
		} else if !t.Run(s.Name, func(t *testing.T) { keeps(t, s, n, 0) }) {
			t.Errorf("parameters %+v", m)
		}
	}
	if without > len(all)/6 {
		t.Errorf("of %d there is no backup of %d", len(all), without)
	}
	for _, m := range []safex.Maker{
		changed(tasks.DefaultPendulum(), func(p *pendulum) { p.MaxSpeed = 5 }),
		changed(tasks.DefaultPendulum(), func(p *pendulum) { p.MaxTorque = 0 }),
		changed(tasks.DefaultPitch(), func(p *pitch) { p.MaxElevator = 0 }),
		changed(tasks.DefaultCarPark(), func(p *car) { p.MaxAccel = 3 }),
		changed(tasks.DefaultRCCar(), func(p *rc) { p.ActionDelay = 1 }),
		changed(tasks.DefaultCartPole(), func(p *cart) { p.MaxForce = 0 }),
		changed(tasks.DefaultQuadrotor(), func(p *quadrotor) { p.ThrustRange = 0.05 }),
	} {
		if b := m.Task().Backup; b != nil {
			t.Errorf("with %+v there is a backup, %q", m, b.Name)
		}
	}
}

// The published car sees its state through noise, and is kept for an episode all the same.
func TestBackupSeesThroughNoise(t *testing.T) {
	s := compile(t, tasks.ReferenceRCCar())
	for i, x := range inside(s, 200, rand.New(rand.NewPCG(5, 6))) {
		src := rng.New(1).At(i)
		tr := s.Begin(x, src)
		for n := range 100 {
			if err := s.Advance(&tr, s.Backup.Action(tr.States[n]), src); err != nil {
				t.Fatal(err)
			}
			if !s.Backup.Contains(tr.Real[n+1]) {
				t.Fatalf("from %v step %d leads to %v", x, n, tr.Real[n+1])
			}
		}
		if tr.Violations() > 0 {
			t.Fatalf("from %v the walls are crossed", x)
		}
	}
}

// Zonotopes of which Holds has a proof have no point outside, in any task: corners and points that are drawn, and those that are
// furthest along each condition. Small ones, well inside, have a proof.
func TestBackupsHold(t *testing.T) {
	n := 4000
	if testing.Short() {
		n = 1000
	}
	for _, name := range tasks.Names() {
		m, _ := tasks.New(name)
		s := compile(t, m)
		r := rand.New(rand.NewPCG(7, 8))
		nx, proved, small, provedSmall := len(s.State), 0, 0, 0
		for _, x := range inside(s, n, r) {
			gen, rem, size := make([][]float64, r.IntN(4)), make([]float64, nx), math.Pow(10, -4*r.Float64())
			for k := range gen {
				gen[k] = make([]float64, nx)
				for d := range gen[k] {
					gen[k][d] = size * s.State[d].Scale * r.NormFloat64()
				}
			}
			for d := range rem {
				rem[d] = size * s.State[d].Scale * r.Float64() * float64(r.IntN(2))
			}
			holds := s.Backup.Holds(x, gen, rem)
			for range 50 {
				y := slices.Clone(x)
				corner := r.IntN(2) == 0
				draw := func() float64 {
					if corner {
						return float64(2*r.IntN(2) - 1)
					}
					return 2*r.Float64() - 1
				}
				for _, g := range gen {
					ε := draw()
					for d := range y {
						y[d] += ε * g[d]
					}
				}
				for d := range y {
					y[d] += draw() * rem[d]
				}
				if holds && !s.Backup.Contains(y) {
					t.Fatalf("%s: %v is in the set about %v with %v ± %v, and outside", name, y, x, gen, rem)
				}
			}
			if holds {
				proved++
			}
			if size < 1e-3 {
				small++
				if holds {
					provedSmall++
				}
			}
		}
		t.Logf("%s: %d of %d, of those smaller than a thousandth of a scale %d of %d", name, proved, n, provedSmall, small)
		if proved < n/10 || provedSmall < small/3 {
			t.Errorf("%s: proofs of %d of %d, and of %d of %d small ones", name, proved, n, provedSmall, small)
		}
	}
}

// drive takes an episode under what wish asks for, where it leads to a state of the backup, and else under the backup's action. It
// returns the last state, the steps that were the backup's, and the first step after which there tells that it is.
func drive(t *testing.T, s *safex.System, wish func(x []float64) []float64, there func(x []float64) bool) (x []float64, backup, arrived int) {
	t.Helper()
	x, err := s.DrawStart(rng.New(3))
	if err != nil {
		t.Fatal(err)
	}
	arrived = -1
	for n := range s.Steps {
		u := wish(x)
		if next, _, _ := s.Step(x, u); !s.Backup.Contains(next) {
			u = s.Backup.Action(x)
			backup++
		}
		next, _, excess := s.Step(x, u)
		if slices.Max(excess) > 0 {
			t.Fatalf("step %d from %v to %v is beyond a limit by %v", n, x, next, excess)
		}
		if x = next; arrived < 0 && there(x) {
			arrived = n
		}
	}
	return x, backup, arrived
}

// A driver with the foot down who knows nothing of walls comes to the goal of the cars with the backup alone, and nearly as soon as
// can be.
func TestBackupsAreOfUse(t *testing.T) {
	p := tasks.DefaultCarPark()
	s := compile(t, p)
	full := func([]float64) []float64 { return []float64{1} }
	x, _, arrived := drive(t, s, full, func(x []float64) bool { return x[0] >= p.Wall-p.GoalGap-p.Tolerance })
	// Without friction's start, half of the way at 4.04 m/s² and then at -7.96 takes 1.7 s.
	if limit := int(2 / p.Dt); arrived < 0 || arrived > limit || x[0] < p.Wall-0.03 {
		t.Errorf("the car comes to its goal in step %d, want by %d, and ends at %v", arrived, limit, x)
	}
	q := tasks.DefaultRCCar()
	s = compile(t, q)
	home := func(x []float64) []float64 { // always to the origin, at full throttle
		off := math.Remainder(math.Atan2(-x[1], -x[0])-math.Atan2(x[2], x[3]), 2*math.Pi)
		return []float64{min(1, max(-1, 3*off)), 1}
	}
	x, backup, arrived := drive(t, s, home, func(x []float64) bool { return math.Hypot(x[0], x[1]) < 2*q.Bound })
	if arrived < 0 || arrived > 60 {
		t.Errorf("the RC car comes to the origin in step %d, with %d steps of the backup, and ends at %v", arrived, backup, x)
	}
	t.Logf("the RC car comes to the origin in step %d, with %d steps of the backup, and ends at %v", arrived, backup, x)
}
