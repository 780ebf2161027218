package tasks_test

import (
	"math"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// fine takes a step of a point on a rod by its own formulas, in a thousand small ones of the midpoint rule.
func fine(θ, ω, torque, dt, gravity, mass, length, friction float64) (float64, float64) {
	const n = 1000
	h, inertia := dt/n, mass*length*length
	α := func(θ, ω float64) float64 {
		return gravity/length*math.Sin(θ) + torque/inertia - friction/inertia*ω
	}
	for range n {
		θm, ωm := θ+h/2*ω, ω+h/2*α(θ, ω)
		θ, ω = θ+h*ωm, ω+h*α(θm, ωm)
	}
	return θ, ω
}

// within tells whether a state is within the published polytope, by its corners.
func within(θ, ω float64) bool {
	lean := 20 * math.Pi / 180
	corners := [][2]float64{{0, 0.8}, {lean, -1.2}, {0, -0.8}, {-lean, 1.2}} // clockwise
	for i, a := range corners {
		b := corners[(i+1)%4]
		if (b[0]-a[0])*(ω-a[1])-(b[1]-a[1])*(θ-a[0]) > 0 {
			return false
		}
	}
	return true
}

// A step of SafeMPC is that of the published equation, and its limits are the published polytope.
func TestSafeMPCIsTheProtocol(t *testing.T) {
	s := compile(t, tasks.DefaultSafeMPC())
	r := rng.New(1).Rand()
	inside := 0
	for range 2000 {
		θ, ω, u := 0.5*(2*r.Float64()-1), 1.5*(2*r.Float64()-1), 0.3*(2*r.Float64()-1)
		next, _, excess := s.Step([]float64{θ, ω}, []float64{u})
		wantθ, wantω := fine(θ, ω, u, 0.05, 9.82, 0.15, 0.5, 0)
		if math.Abs(next[0]-wantθ) > 1e-5 || math.Abs(next[1]-wantω) > 1e-4 { // which is what one step of order 4 leaves of (g/l)²·Dt⁵
			t.Fatalf("from θ %v, ω %v with %v: %v, want θ %v, ω %v", θ, ω, u, next, wantθ, wantω)
		}
		keeps := max(excess[0], excess[1]) <= 0
		if keeps != within(next[0], next[1]) {
			t.Fatalf("θ %v, ω %v: the excess is %v, and the polytope says %v", next[0], next[1], excess, !keeps)
		}
		if keeps {
			inside++
		}
	}
	if inside < 200 || inside > 1800 {
		t.Errorf("%d of 2000 states are inside", inside)
	}
}

// Its start is normal, and within the limits; its backup is the regulator of the published weights, which keeps all but the edge of the limits.
func TestSafeMPCStartsInItsBackup(t *testing.T) {
	s := compile(t, tasks.DefaultSafeMPC())
	sum := 0.0
	for i := range 2000 {
		x, err := s.DrawStart(rng.New(3).At(i))
		if err != nil {
			t.Fatal(err)
		}
		if !s.Backup.Contains(x) {
			t.Fatalf("%v is outside of the backup", x)
		}
		sum += x[1] * x[1] / 2000
	}
	if d := math.Sqrt(sum); math.Abs(d-0.05) > 0.004 {
		t.Errorf("the deviation of the speed at the start is %v", d)
	}
	for _, x := range [][]float64{{0.98 * 20 * math.Pi / 180, -0.98 * 1.2}, {0, 0.98 * 0.8}} {
		if !s.Backup.Contains(x) {
			t.Errorf("%v is outside of the backup", x)
		}
	}
}

// A parameter that makes no sense is named, and limits that the regulator does not keep have no backup.
func TestSafeMPCChecksItsParameters(t *testing.T) {
	p := tasks.DefaultSafeMPC()
	p.MaxLean = 0
	if err := p.Check(); err == nil || !strings.Contains(err.Error(), "safempc: MaxLean is 0, want above 0") {
		t.Errorf("error %v", err)
	}
	if b := changed(tasks.DefaultSafeMPC(), func(p *tasks.SafeMPC) { p.MaxSpeed = 8 }).Task().Backup; b != nil {
		t.Error("there is a backup for limits that end in a spike")
	}
}
