package gx_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/gomlx/gomlx/core/graph"

	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// every uses each operation of the algebra.
func every(x num.Vec) num.Vec {
	a, b := x[0], x[1]
	return num.Vec{
		a.Add(b), a.Sub(b), a.Mul(b), a.Div(b.Square().Add(1)), a.Min(b), a.Max(b), a.Less(b),
		num.Where(a.Less(b), a.Mul(3), b.Neg()), a.Abs().Sqrt(), a.Exp(), a.Abs().Add(0.1).Log(), a.Tanh(),
		a.Sin().Mul(b.Cos()), num.Atan2(a, b), a.Mul(3).Round(), a.Clamp(-0.5, 0.5), num.Lit(2),
	}
}

// points are n points; the first few are the corners of the arc tangent.
func points(dim, n int) num.Batch {
	r := rand.New(rand.NewPCG(1, 2))
	x := num.NewBatch(dim, n)
	for _, column := range x {
		for i := range column {
			column[i] = 3 * r.NormFloat64()
		}
	}
	nan := math.NaN()
	for i, p := range [][]float64{{0, 0}, {0, -1}, {1, 0}, {-1, 0}, {0.5, 0.5}, {nan, 0.5}, {0.5, nan}, {nan, nan}} {
		x[0][i], x[1][i] = p[0], p[1]
	}
	return x
}

// A float64 graph is the program to 1e-12, and a point and a batch of it agree to the bit: for each
// operation, and for the dynamics, reward and limits of a task.
func TestCarriersAgree(t *testing.T) {
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		t.Fatal(err)
	}
	backend, err := gx.Backend()
	if err != nil {
		t.Fatal(err)
	}
	const n = 300
	for name, p := range map[string]*num.Program{"every operation": num.Trace(2, every), "dynamics": s.Dynamics, "outcome": s.Outcome} {
		x := points(p.In, n)
		args := make([]any, p.In)
		for d := range x {
			args[d] = x[d]
		}
		nodes := graph.MustExecOnceN(backend, func(in []*graph.Node) []*graph.Node { return gx.Nodes(p, in) }, args...)
		batch, point := num.NewBatch(p.Out, n), make([]float64, p.Out)
		p.EvalBatch(batch, x)
		for i := range n {
			p.Eval(point, x.Point(i))
			for d := range point {
				got := nodes[d].Value().([]float64)[i]
				if math.IsNaN(point[d]) && math.IsNaN(batch[d][i]) && math.IsNaN(got) {
					continue
				}
				if !(point[d] == batch[d][i] && math.Abs(got-point[d]) <= 1e-12*(1+math.Abs(point[d]))) {
					t.Fatalf("%s: output %d at %v: point %v, batch %v, graph %v", name, d, x.Point(i), point[d], batch[d][i], got)
				}
			}
		}
	}
}

// The graph's derivatives are those of the program, by central differences away from its kinks.
func TestNodesDifferentiate(t *testing.T) {
	smooth := func(x num.Vec) num.Vec {
		a, b := x[0], x[1]
		return num.Vec{a.Mul(b).Add(a.Sin()).Add(num.Atan2(a, b.Exp())).Add(a.Tanh().Mul(b.Cos())).
			Add(a.Square().Add(1).Log()).Add(b.Square().Add(1).Sqrt()).Add(a.Div(b.Square().Add(2)))}
	}
	const n, h = 50, 1e-5
	p, x := num.Trace(2, smooth), points(2, n)
	backend, err := gx.Backend()
	if err != nil {
		t.Fatal(err)
	}
	grads := graph.MustExecOnceN(backend, func(in []*graph.Node) []*graph.Node {
		return graph.Gradient(graph.ReduceAllSum(gx.Nodes(p, in)[0]), in...)
	}, x[0], x[1])
	for i := range n {
		for d := range 2 {
			at := func(by float64) float64 {
				y, q := make([]float64, 1), x.Point(i)
				q[d] += by
				p.Eval(y, q)
				return y[0]
			}
			want := (at(h) - at(-h)) / (2 * h)
			if math.IsNaN(want) {
				continue
			}
			if got := grads[d].Value().([]float64)[i]; math.Abs(got-want) > 1e-6*(1+math.Abs(want)) {
				t.Errorf("derivative %d at %v is %v, differences say %v", d, x.Point(i), got, want)
			}
		}
	}
}

// Columns and SetColumns are inverse, and the padding repeats the last lane.
func TestColumns(t *testing.T) {
	b := num.Batch{{1, 2, 3}, {4, 5, 6}}
	tensor := gx.Columns[float64](b, 5, 2, 5)
	if got := tensor.Value().([][]float64); got[0][4] != 3 || got[1][3] != 6 {
		t.Errorf("padded to %v", got)
	}
	back := num.NewBatch(2, 3)
	if err := gx.SetColumns(back, tensor); err != nil {
		t.Fatal(err)
	}
	for d := range b {
		for i := range b[d] {
			if back[d][i] != b[d][i] {
				t.Errorf("%v came back as %v", b, back)
			}
		}
	}
}
