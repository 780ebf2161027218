package reach

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// A pendulum that hangs is at the cut of atan2, where a set around it has every angle that there is. Its tube is as good there as elsewhere.
func TestPriorAtTheCut(t *testing.T) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	p, err := New(s, formed{&safex.Form{Prior: s.Dynamics}})
	if err != nil {
		t.Fatal(err)
	}
	var width []float64
	for _, θ := range []float64{math.Pi, math.Pi - 0.3, math.Pi + 0.3} {
		q := Plan{State: []float64{math.Cos(θ), math.Sin(θ), 0}, Noise: []float64{1e-3, 1e-3, 1e-2}, Spread: []float64{1e-3, 1e-3, 1e-2}, Actions: slices.Repeat([][]float64{{0}}, 22)}
		tube, err := p.Tube(t.Context(), q)
		if err != nil {
			t.Fatal(err)
		}
		r := rand.New(rand.NewPCG(1, 1))
		most := 0.0
		for range 500 {
			states, _ := follow(s, &safex.Form{Prior: s.Dynamics}, q, tube, draw(r, 22, 3, 1, true))
			most = max(most, math.Abs(states[21][2]))
		}
		lo, hi := tube.Sets[21].Range(2)
		width = append(width, hi-lo)
		t.Logf("from %.2f rad: ω after 22 steps is in %.3f to %.3f, and up to %.3f in walks", θ, lo, hi, most)
	}
	if most, least := slices.Max(width), slices.Min(width); !(most < 2*least) {
		t.Errorf("the widths are %v", width)
	}
}

// What is turned is the same function, and takes no sine of an angle.
func TestTurned(t *testing.T) {
	angle := func(v num.Vec) num.Expr { return num.Atan2(v[1], v[0]) }
	p := num.Trace(4, func(v num.Vec) num.Vec {
		θ := angle(v)
		return num.Vec{
			θ.Sin(), θ.Cos(), θ.Add(v[2]).Sin(), v[2].Add(θ).Cos(), θ.Sub(v[2]).Add(v[3]).Cos(), v[2].Sub(θ).Sin(), θ.Neg().Sin(),
			θ.Square(), v[3].Sin(), θ.Sin().Mul(θ.Add(1).Cos()).Max(v[3]),
		}
	})
	all := []int{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}
	q, same := turned(p, all)
	if same {
		t.Fatal("there was nothing to turn")
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 1000 {
		x := []float64{r.NormFloat64(), r.NormFloat64(), r.NormFloat64(), r.NormFloat64()}
		a, b := make([]float64, 10), make([]float64, 10)
		p.Eval(a, x)
		q.Eval(b, x)
		for k := range a {
			if math.Abs(a[k]-b[k]) > 1e-14 {
				t.Fatalf("output %d is %v at %v, and turned %v", k, a[k], x, b[k])
			}
		}
	}
	if _, same := turned(p, []int{7, 8}); !same {
		t.Error("outputs without such a sine are turned")
	}
	// at the origin, where the angle is 0
	box := slices.Repeat([]num.Interval{{Lo: -0.1, Hi: 0.1}}, 4)
	got := make([]num.Interval, 10)
	q.EvalInterval(got, box)
	want := make([]float64, 10)
	p.Eval(want, make([]float64, 4))
	for k, v := range want {
		if !got[k].Contains(v) {
			t.Errorf("output %d is %v at the origin, and turned in %v around it", k, v, got[k])
		}
	}
}
