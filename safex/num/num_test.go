package num_test

import (
	"math"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// every uses each operation of the algebra, on inputs that keep all of them real.
func every(x num.Vec) num.Vec {
	a, b := x[0], x[1]
	return num.Vec{
		a.Add(b), a.Sub(b), a.Mul(b), a.Div(b.Square().Add(1)), a.Min(b), a.Max(b), a.Less(b),
		num.Where(a.Less(b), a.Mul(3), b.Neg()), a.Abs().Sqrt(), a.Exp(), a.Abs().Add(0.1).Log(), a.Tanh(),
		a.Sin().Mul(b.Cos()), num.Atan2(a, b), a.Mul(3).Round(), a.Clamp(-0.5, 0.5), num.Lit(2),
	}
}

// byHand is every in plain Go.
func byHand(a, b float64) []float64 {
	less := 0.0
	where := -b
	if a < b {
		less, where = 1, a*3
	}
	return []float64{
		a + b, a - b, a * b, a / (b*b + 1), min(a, b), max(a, b), less,
		where, math.Sqrt(math.Abs(a)), math.Exp(a), math.Log(math.Abs(a) + 0.1), math.Tanh(a),
		math.Sin(a) * math.Cos(b), math.Atan2(a, b), math.RoundToEven(3 * a), min(max(a, -0.5), 0.5), 2,
	}
}

// A program is the arithmetic that was written down, on a point and on a batch to the same bit,
// over a block boundary too, and however many cores share the work.
func TestPointAndBatchAgree(t *testing.T) {
	p := num.Trace(2, every)
	const n = 6000
	r := rand.New(rand.NewPCG(1, 2))
	x, batch := num.NewBatch(2, n), num.NewBatch(p.Out, n)
	for i := range n {
		x.SetPoint(i, []float64{3 * r.NormFloat64(), 3 * r.NormFloat64()})
	}
	p.EvalBatch(batch, x)
	point := make([]float64, p.Out)
	for i := range n {
		p.Eval(point, x.Point(i))
		want := byHand(x[0][i], x[1][i])
		for d := range point {
			if point[d] != want[d] || batch[d][i] != want[d] {
				t.Fatalf("output %d at %v: point %v, batch %v, by hand %v", d, x.Point(i), point[d], batch[d][i], want[d])
			}
		}
	}
}

// An output uses the inputs of its formula, through whatever it shares with others.
func TestUses(t *testing.T) {
	p := num.Trace(3, func(x num.Vec) num.Vec {
		s := x[0].Mul(x[1])
		return num.Vec{s.Sin(), num.Where(s, x[2], 1), num.Lit(3), x[0]}
	})
	want := [][]bool{{true, true, false}, {true, true, true}, {false, false, false}, {true, false, false}}
	if got := p.Uses(); !reflect.DeepEqual(got, want) {
		t.Errorf("uses %v, want %v", got, want)
	}
}

// NaN and infinities pass through as they do in Go.
func TestSpecialValues(t *testing.T) {
	p := num.Trace(2, func(x num.Vec) num.Vec { return num.Vec{x[0].Min(x[1]), x[0].Max(x[1]), x[0].Div(x[1])} })
	y := make([]float64, 3)
	p.Eval(y, []float64{math.NaN(), 1})
	for d, v := range y {
		if !math.IsNaN(v) {
			t.Errorf("output %d of NaN is %v", d, v)
		}
	}
	p.Eval(y, []float64{1, 0})
	if !math.IsInf(y[2], 1) {
		t.Errorf("1/0 is %v", y[2])
	}
}

// Common subexpressions are computed once, and constants before the program runs.
func TestTraceIsLean(t *testing.T) {
	p := num.Trace(1, func(x num.Vec) num.Vec {
		return num.Vec{x[0].Sin().Mul(num.Lit(2).Mul(3)), x[0].Sin().Mul(6).Add(1)}
	})
	steps, _ := p.Steps()
	if len(steps) != 6 { // x, sin x, 6, 6 sin x, 1, the sum
		t.Errorf("%d steps: %v", len(steps), steps)
	}
}

// Blame finds the line of the formula that broke, not the one that passed it on.
func TestBlame(t *testing.T) {
	p := num.Trace(2, func(x num.Vec) num.Vec {
		ratio := x[0].Div(x[1]) // this line
		return num.Vec{ratio.Mul(2).Add(1), x[0]}
	})
	got := p.Blame(0, []float64{0, 0})
	if !strings.HasPrefix(got, "div at num_test.go:") {
		t.Errorf("Blame is %q", got)
	}
	if got := p.Blame(1, []float64{0, 0}); got != "" {
		t.Errorf("Blame of a finite output is %q", got)
	}
	if got := p.Blame(1, []float64{math.NaN(), 0}); got != "input 0" {
		t.Errorf("Blame of a NaN input is %q", got)
	}
}

func TestEvalRefusesDimensions(t *testing.T) {
	defer func() {
		if got := recover(); got != "num: Eval of a 2-to-17 program on 1 inputs and 17 outputs" {
			t.Errorf("panic %v", got)
		}
	}()
	num.Trace(2, every).Eval(make([]float64, 17), make([]float64, 1))
}

func BenchmarkEval(b *testing.B) {
	p := num.Trace(2, every)
	x, y := []float64{0.3, -0.4}, make([]float64, p.Out)
	for b.Loop() {
		p.Eval(y, x)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N), "ns/point")
}
