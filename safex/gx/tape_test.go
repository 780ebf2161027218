package gx_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// formulas use every operation, alone and in company.
var formulas = map[string]func(x num.Vec) num.Vec{
	"arithmetic": func(x num.Vec) num.Vec {
		return num.Vec{x[0].Add(x[1]).Mul(x[2].Sub(x[0])), x[0].Div(x[1].Square().Add(1)).Neg(), x[1].Mul(-2.5).Sub(3)}
	},
	"order": func(x num.Vec) num.Vec {
		return num.Vec{x[0].Min(x[1]), x[1].Max(x[2]), x[0].Clamp(-0.5, 0.5), x[2].Abs()}
	},
	"choice": func(x num.Vec) num.Vec { return num.Vec{num.Where(x[0].Less(x[1]), x[2].Square(), x[0].Exp())} },
	"guarded": func(x num.Vec) num.Vec { // the root of what is not there must not be seen in the gradient
		return num.Vec{num.Where(x[0].Abs().Sqrt().Less(0.5), x[1], x[2]), x[0].Sub(x[0]).Sqrt().Round().Add(x[1])}
	},
	"roots": func(x num.Vec) num.Vec {
		return num.Vec{x[0].Square().Add(0.1).Sqrt(), x[1].Abs().Add(0.2).Log(), x[2].Tanh()}
	},
	"angles": func(x num.Vec) num.Vec { return num.Vec{x[0].Mul(3).Sin(), x[1].Mul(5).Cos(), num.Atan2(x[0], x[2])} },
	"wrap": func(x num.Vec) num.Vec { // of 4 x, which is exact: XLA subtracts from products that are not rounded yet
		return num.Vec{x[0].Mul(4).Sub(x[0].Mul(4).Div(2).Round().Mul(2)).Square()}
	},
	"inputs and constants": func(x num.Vec) num.Vec { return num.Vec{x[1], num.Lit(4), x[1], x[1].Sub(1)} },
	"ties": func(x num.Vec) num.Vec {
		return num.Vec{x[0].Max(x[0].Add(0)), x[1].Min(x[1].Mul(1)), x[2].Sub(x[2]).Abs()}
	},
	"origin": func(x num.Vec) num.Vec { return num.Vec{num.Atan2(x[0].Sub(x[0]), x[1].Sub(x[1]))} },
}

// Programs and their gradients are those of the graph.
func TestProgramsAgreeWithGraph(t *testing.T) {
	backend, err := gx.Backend()
	if err != nil {
		t.Fatal(err)
	}
	const in, lanes = 3, 64
	for name, f := range formulas {
		p := num.Trace(in, f)
		r := rand.New(rand.NewPCG(1, 2))
		x, g := make([][]float64, in), make([][]float64, p.Out)
		for _, rows := range [][][]float64{x, g} {
			for i := range rows {
				rows[i] = make([]float64, lanes)
				for l := range rows[i] {
					rows[i][l] = 2 * r.NormFloat64()
				}
			}
		}
		exec, err := NewExec(backend, func(rows []*Node) []*Node {
			out := gx.Nodes(p, rows[:in])
			sum := Scalar(rows[0].Graph(), rows[0].DType(), 0)
			for k, o := range out {
				out[k] = BroadcastToDims(o, lanes)
				sum = Add(sum, ReduceAllSum(Mul(out[k], rows[in+k])))
			}
			return append(out, Gradient(sum, rows[:in]...)...)
		})
		if err != nil {
			t.Fatal(err)
		}
		var args []any
		for _, row := range append(append([][]float64{}, x...), g...) {
			args = append(args, row)
		}
		want, err := exec.Call(args...)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		tape := num.NewTape(p, lanes)
		for round := range 2 { // a second time, to see that nothing is left of the first
			tape.Run(x, lanes)
			tape.Seed(lanes)
			for k := range p.Out {
				tape.AddTo(k, g[k])
			}
			tape.Back(lanes)
			check := func(what string, got, want []float64) {
				for l := range got {
					if d := math.Abs(got[l] - want[l]); !(d <= 1e-12*(1+math.Abs(want[l]))) && (got[l] == got[l] || want[l] == want[l]) {
						t.Fatalf("%s, round %d: %s at %v, %v, %v is %v, want %v", name, round, what, x[0][l], x[1][l], x[2][l], got[l], want[l])
					}
				}
			}
			for k := range p.Out {
				check(fmt.Sprintf("result %d", k), tape.Out(k, lanes), want[k].Value().([]float64))
			}
			for k := range in {
				check(fmt.Sprintf("gradient %d", k), tape.Inputs()[k][:lanes], want[p.Out+k].Value().([]float64))
			}
		}
	}
}
