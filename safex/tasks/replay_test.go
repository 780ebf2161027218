package tasks_test

import (
	"encoding/csv"
	"math"
	"os"
	"slices"
	"strconv"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// table reads testdata/name.csv, whose first line says how it was made.
func table(t *testing.T, name string) (header []string, rows [][]string) {
	f, err := os.Open("testdata/" + name + ".csv")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comment = '#'
	records, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	return records[0], records[1:]
}

func compile(t testing.TB, m tasks.Maker) *safex.System {
	s, err := m.Task().System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Each task, with the parameters of the reference, replays every transition of the reference's own
// environment to 1e-5: next state, reward, and whether a limit was broken.
func TestReplays(t *testing.T) {
	reference := tasks.ReferenceCarPark()
	reference.AbsoluteExcess = false // the cost column is of x alone; the metric was of |x|
	for name, maker := range map[string]tasks.Maker{
		"pitch": tasks.DefaultPitch(), "carpark": reference, "rccar": tasks.ReferenceRCCar(),
	} {
		t.Run(name, func(t *testing.T) {
			s := compile(t, maker)
			header, rows := table(t, name)
			value := func(row []string, column string) float64 {
				v, err := strconv.ParseFloat(row[slices.Index(header, column)], 64)
				if err != nil {
					t.Fatal(err)
				}
				return v
			}
			broken := 0
			for i, row := range rows {
				var x, u []float64
				for _, v := range s.State {
					x = append(x, value(row, v.Name))
				}
				for _, v := range s.Action {
					u = append(u, value(row, v.Name))
				}
				next, reward, excess := s.Step(x, u)
				for d, v := range s.State {
					if want := value(row, "next_"+v.Name); math.Abs(next[d]-want) > 1e-5*max(1, math.Abs(want)) {
						t.Fatalf("row %d: next %s is %v, published %v", i, v.Name, next[d], want)
					}
				}
				if want := value(row, "reward"); math.Abs(reward-want) > 1e-5*max(1, math.Abs(want)) {
					t.Fatalf("row %d: reward %v, published %v", i, reward, want)
				}
				if violated := excess[0] > 0; violated != (value(row, "cost") == 1) {
					t.Fatalf("row %d: excess %v, published cost %v", i, excess[0], value(row, "cost"))
				} else if violated {
					broken++
				}
			}
			if len(rows) != 480 || broken == 0 {
				t.Errorf("%d rows replayed, %d beyond the limit", len(rows), broken)
			}
		})
	}
}

// The exact zero-order hold of the pitch dynamics has the published coefficients, and two half steps are
// one whole step.
func TestPitchIsExact(t *testing.T) {
	s := compile(t, tasks.DefaultPitch())
	x, u := []float64{0.1, 0.002, -0.15}, []float64{0.5}
	next, _, _ := s.Step(x, u)
	for i, c := range [][4]float64{
		{0.9835039431, 2.7821940927, 0, 0.0129268746}, {-0.0006820546, 0.9779591823, 0, 0.0009999571}, {-0.0009729535, 2.8041030457, 1, 0.0014245940},
	} { // spec of the reference, 1.2
		want := c[0]*x[0] + c[1]*x[1] + c[2]*x[2] + c[3]*1.4*u[0]
		if math.Abs(next[i]-want) > 1e-9 {
			t.Errorf("next %s is %v, want %v", s.State[i].Name, next[i], want)
		}
	}
	half := tasks.DefaultPitch()
	half.Dt /= 2
	h := compile(t, half)
	mid, _, _ := h.Step(x, u)
	end, _, _ := h.Step(mid, u)
	for i := range end {
		if math.Abs(end[i]-next[i]) > 1e-14 {
			t.Errorf("two half steps end at %v, one step at %v", end, next)
		}
	}
}

// Full elevator from the published start crosses the level at step 11 (appendix B of the reference's spec).
func TestPitchFullElevator(t *testing.T) {
	s := compile(t, tasks.DefaultPitch())
	x := []float64{0, 0, -0.2}
	for step, want := range []float64{-.1980, -.1921, -.1824, -.1691, -.1522, -.1320, -.1085, -.0819, -.0523, -.0199, .0152, .0528} {
		x, _, _ = s.Step(x, []float64{1})
		if math.Abs(x[2]-want) > 6e-5 {
			t.Errorf("pitch after step %d is %.4f, want %.4f", step+1, x[2], want)
		}
	}
}

// turn drives the car for a second and returns where it is, with the given number of substeps in a step.
func turn(t *testing.T, integrator tasks.Integrator, substeps int) []float64 {
	p := tasks.DefaultRCCar()
	p.Integrator, p.Substeps, p.Relaxation = integrator, substeps, 0.1 // slow enough that all steps resolve it
	s := compile(t, p)
	x := []float64{1, -0.5, 0, 1, 1, 0.2, 0.3}
	for range 15 {
		x, _, _ = s.Step(x, []float64{0.7, 0.4})
	}
	return x
}

// The classical Runge–Kutta method is of order 4; the accumulating one of order 1 only.
func TestIntegratorOrder(t *testing.T) {
	exact := turn(t, tasks.RK4, 256)
	distance := func(a []float64) (sum float64) {
		for i := range a {
			sum += math.Abs(a[i] - exact[i])
		}
		return sum
	}
	for integrator, want := range map[tasks.Integrator]float64{tasks.RK4: 4, tasks.Accumulating: 1} {
		order := math.Log2(distance(turn(t, integrator, 4)) / distance(turn(t, integrator, 8)))
		if math.Abs(order-want) > 0.3 {
			t.Errorf("%v is of order %.2f, want %v", integrator, order, want)
		}
	}
}

// The published test vectors of both integrators (appendix B; with the reference's slip angle), states
// (x, y, θ, vx, vy, ω) after steps 1, 5, 6 and 10.
func TestRCCarVectors(t *testing.T) {
	for integrator, want := range map[tasks.Integrator]map[int][6]float64{
		tasks.Accumulating: {
			1: {1.411868, -1.020750, -3.138808, -0.217247, -0.022964, 0.131523}, 5: {1.249257, -1.049511, -3.026966, -0.942261, -0.223212, 0.670445},
			6: {1.182846, -1.053687, -3.044838, -1.026967, -0.029094, -0.413242}, 10: {0.879244, -1.039159, 3.103412, -1.228442, 0.140723, -0.551346},
		},
		tasks.RK4: {
			1: {1.412655, -1.020650, -3.139369, -0.218008, -0.022767, 0.131069}, 5: {1.252198, -1.048489, -3.029185, -0.945599, -0.221802, 0.672552},
			6: {1.185836, -1.052706, -3.046553, -1.030628, -0.020582, -0.454790}, 10: {0.882217, -1.038022, 3.101244, -1.231063, 0.143731, -0.552687},
		},
	} {
		p := tasks.ReferenceRCCar()
		p.Integrator = integrator
		s := compile(t, p)
		x := []float64{1.42, -1.02, math.Sin(3.14), math.Cos(3.14), 0, 0, 0}
		for step := 1; step <= 10; step++ {
			u := []float64{1, 1}
			if step > 5 {
				u = []float64{-0.5, 0.5}
			}
			x, _, _ = s.Step(x, u)
			if w, ok := want[step]; ok {
				got := []float64{x[0], x[1], math.Atan2(x[2], x[3]), x[4], x[5], x[6]}
				for k := range got {
					if math.Abs(got[k]-w[k]) > 2e-6 {
						t.Errorf("%v, step %d: %.6f, want %v", integrator, step, got, w)
						break
					}
				}
			}
		}
	}
}

// A car that is mirrored at the x axis steers the other way and stays the mirror image; the default is the
// standard kinematic bicycle, whose slip angle has the rear length in it.
func TestRCCarSymmetry(t *testing.T) {
	s := compile(t, tasks.DefaultRCCar())
	a, b := []float64{0.5, -0.3, 0.6, 0.8, 0.9, 0.2, 0.4}, []float64{0.5, 0.3, -0.6, 0.8, 0.9, -0.2, -0.4}
	for range 30 {
		a, _, _ = s.Step(a, []float64{0.4, 0.8})
		b, _, _ = s.Step(b, []float64{-0.4, 0.8})
	}
	for k, sign := range []float64{1, -1, -1, 1, 1, -1, -1} {
		if math.Abs(a[k]-sign*b[k]) > 1e-12 {
			t.Fatalf("%v mirrors to %v", a, b)
		}
	}
}

// At full lock the centre of mass goes round in the circle of the kinematic bicycle model, whose radius is
// √(RearLength² + (wheelbase / tan δ)²).
func TestRCCarCircle(t *testing.T) {
	p := tasks.DefaultRCCar()
	s := compile(t, p)
	x := []float64{0, 0, 0, 1, 0, 0, 0}
	var points [][]float64
	for i := range 400 {
		x, _, _ = s.Step(x, []float64{1, 0.5})
		if i >= 100 { // until then it gathers speed
			points = append(points, x)
		}
	}
	low, high := slices.Clone(points[0]), slices.Clone(points[0])
	for _, q := range points {
		for d, v := range q {
			low[d], high[d] = min(low[d], v), max(high[d], v)
		}
	}
	want := math.Hypot(p.RearLength, (p.FrontLength+p.RearLength)/math.Tan(p.MaxSteering))
	for d := range 2 {
		if got := (high[d] - low[d]) / 2; math.Abs(got-want) > 0.02*want {
			t.Errorf("radius %v along %d, want %v", got, d, want)
		}
	}
}

// Without throttle the car only slows down; its top speed is Motor/MotorDrag².
func TestRCCarSpeed(t *testing.T) {
	s := compile(t, tasks.DefaultRCCar())
	x := []float64{0, 0, 0, 1, 0, 0, 0}
	for range 200 {
		x, _, _ = s.Step(x, []float64{0, 1})
	}
	if v := math.Hypot(x[4], x[5]); math.Abs(v-8/2.25) > 1e-6 {
		t.Errorf("top speed %v m/s, want %v", v, 8/2.25)
	}
	for range 20 {
		last := math.Hypot(x[4], x[5])
		x, _, _ = s.Step(x, []float64{0.5, 0})
		if v := math.Hypot(x[4], x[5]); !(v < last) {
			t.Fatalf("coasting from %v to %v m/s", last, v)
		}
	}
}

// Friction of the car park: below static friction the car rests; energy is only lost while coasting; the
// published check values hold.
func TestCarPark(t *testing.T) {
	s := compile(t, tasks.ReferenceCarPark())
	x, _, _ := s.Step([]float64{0, 0}, []float64{1})
	if math.Abs(x[1]-0.1038) > 1e-9 || math.Abs(x[0]-0.00519) > 1e-9 {
		t.Errorf("the first step ends at %v", x)
	}
	if x, _, _ = s.Step(x, []float64{1}); math.Abs(x[1]-0.3057) > 1e-9 || math.Abs(x[0]-0.020475) > 1e-9 {
		t.Errorf("the second step ends at %v", x)
	}
	for _, u := range []float64{0, 0.6, -0.6, 0.654} { // 0.4 · 9.81 / 6 = 0.654
		if x, _, _ := s.Step([]float64{1, 0}, []float64{u}); x[0] != 1 || x[1] != 0 {
			t.Errorf("a push of %v below static friction moves the car to %v", u, x)
		}
	}
	if x, _, _ := s.Step([]float64{1, 0}, []float64{-0.7}); !(x[1] < 0) {
		t.Errorf("a push beyond static friction leaves the car at %v", x)
	}
	if x, _, _ := s.Step([]float64{1, 2}, []float64{0}); math.Abs(x[1]-(2-0.2*9.81*0.05)) > 1e-12 {
		t.Errorf("coasting at 2 m/s gives %v", x)
	}
	if _, _, e := s.Step([]float64{-5, 0}, []float64{0}); !(e[0] > 0) {
		t.Error("the reference's metric does not count positions far to the left")
	}
	if _, _, e := compile(t, tasks.DefaultCarPark()).Step([]float64{-5, 0}, []float64{0}); e[0] != -9 {
		t.Errorf("excess %v at x = -5, want -9", e[0])
	}
}

// Without a push the cart and its pole keep their energy and momentum; the energy drift of RK4 falls with the
// fourth power of the step or faster.
func TestCartPoleConserves(t *testing.T) {
	drift := func(dt float64) (energy, momentum float64) {
		p := tasks.DefaultCartPole()
		p.Dt, p.MaxPosition = dt, 100
		s := compile(t, p)
		invariants := func(x []float64) (float64, float64) {
			m, l, v, cos, ω := p.PoleMass, p.HalfLength, x[1], x[3], x[4]
			return (p.CartMass+m)*v*v/2 + m*l*v*ω*cos + 2.0/3*m*l*l*ω*ω + m*p.Gravity*l*cos, (p.CartMass+m)*v + m*l*ω*cos
		}
		x := []float64{0, 0.3, math.Sin(2), math.Cos(2), 1}
		e0, m0 := invariants(x)
		for range int(math.Round(4 / dt)) {
			x, _, _ = s.Step(x, []float64{0})
			e, m := invariants(x)
			energy, momentum = max(energy, math.Abs(e-e0)), max(momentum, math.Abs(m-m0))
		}
		return energy, momentum
	}
	e1, m1 := drift(0.05)
	e2, _ := drift(0.025)
	if e1 > 1e-3 || e1/e2 < 14 {
		t.Errorf("energy drifts by %.2g J, and by %.2g J with half the step", e1, e2)
	}
	if m1 > 1e-3 {
		t.Errorf("momentum drifts by %.2g kg m/s", m1)
	}
}

// A mirrored cart-pole moves as the mirror image, and it falls from upright.
func TestCartPoleSymmetry(t *testing.T) {
	s := compile(t, tasks.DefaultCartPole())
	a, _, _ := s.Step([]float64{0.2, 0.1, 0.6, 0.8, 1}, []float64{0.5})
	b, _, _ := s.Step([]float64{-0.2, -0.1, -0.6, 0.8, -1}, []float64{-0.5})
	for k, sign := range []float64{-1, -1, -1, 1, -1} {
		if math.Abs(a[k]-sign*b[k]) > 1e-14 {
			t.Errorf("%v mirrors to %v", a, b)
		}
	}
	x := []float64{0, 0, 0.01, math.Sqrt(1 - 1e-4), 0}
	for range 20 {
		x, _, _ = s.Step(x, []float64{0})
	}
	if x[2] < 0.1 {
		t.Errorf("an upright pole did not fall: %v", x)
	}
}
