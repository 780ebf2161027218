package ensemble

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// The gradient that reaches the head is the formula of SVGD, written out for each entry by itself, and the value of
// the loss is the weighted negative log-likelihood.
func TestFormula(t *testing.T) {
	const members, out, batch = 3, 2, 4
	backend, err := gx.Backend()
	if err != nil {
		t.Fatal(err)
	}
	for _, fixed := range []bool{true, false} {
		for _, bandwidth := range []float64{0, 0.7} {
			t.Run(fmt.Sprintf("fixed=%v,bandwidth=%v", fixed, bandwidth), func(t *testing.T) {
				r := recipe{shape: shape{members: members, out: out, fixed: fixed}, batch: batch, beta: 0.5, svgd: SVGD{On: true, Bandwidth: bandwidth}}
				draw := rng.New(4).Rand()
				random := func(n int) []float32 {
					x := make([]float32, n)
					for i := range x {
						x[i] = float32(draw.NormFloat64())
					}
					return x
				}
				rows := out
				if !fixed {
					rows = 2 * out
				}
				head, y, levels := random(members*rows*batch), random(members*out*batch), []float32{-0.3, 0.2, 0.7, 0.4}
				for i := out * batch; i < len(y); i++ {
					y[i] = y[i-out*batch] // members share the batch
				}
				got := MustExecOnceN(backend, func(in []*Node) []*Node {
					loss := r.loss(in[0], in[1], in[2])
					return []*Node{loss, Gradient(loss, in[0])[0]}
				}, tensors.FromFlatDataAndDimensions(head, members, rows, batch), tensors.FromFlatDataAndDimensions(y, members, out, batch),
					tensors.FromFlatDataAndDimensions(levels, 2, out))
				var grad []float32
				if err := tensors.ConstFlatData(got[1], func(flat []float32) { grad = append(grad, flat...) }); err != nil {
					t.Fatal(err)
				}

				var nll float64
				for d := range out {
					for i := range batch {
						at := func(m, row int) int { return (m*rows+row)*batch + i }
						var f, score [members]float64
						var center float64
						for m := range members {
							f[m] = float64(head[at(m, d)])
							center += f[m] / members
						}
						noise, target := float64(levels[out+d]), float64(y[d*batch+i])
						for m := range members {
							logStd := float64(levels[d])
							if !fixed {
								logStd = (logHi-logLo)/2*math.Tanh(float64(head[at(m, out+d)])) + (logHi+logLo)/2
							}
							score[m] = (target - f[m]) / (noise * noise)
							nll += math.Exp(2*0.5*logStd) * (math.Pow((target-center)*math.Exp(-logStd), 2)/2 + logStd)
						}
						h := 2 * bandwidth * bandwidth
						if bandwidth == 0 {
							for l := range members {
								for j := range members {
									h += math.Pow(f[l]-f[j], 2) / (members * (members - 1)) / math.Log(members+1)
								}
							}
						}
						for j := range members {
							var phi float64
							for l := range members {
								k := math.Exp(-math.Pow(f[l]-f[j], 2) / h)
								phi += (k*score[l] - k*2*(f[l]-f[j])/h) / members
							}
							want := -noise * phi / (out * batch)
							if off := math.Abs(float64(grad[at(j, d)]) - want); off > 1e-4*(1+math.Abs(want)) {
								t.Errorf("member %d, dimension %d, point %d: gradient %v, the formula says %v", j, d, i, grad[at(j, d)], want)
							}
						}
					}
				}
				nll /= out * batch
				if value := float64(tensors.ToScalar[float32](got[0])); math.Abs(value-nll) > 1e-4*(1+math.Abs(nll)) {
					t.Errorf("the loss is %v, the negative log-likelihood %v", value, nll)
				}
			})
		}
	}
}

// Repelled members differ by about their noise in the data, where those that only started from different weights agree.
func TestRepulsion(t *testing.T) {
	s, data := modeltest.Pendulum(t, 300)
	spread := func(e Ensemble) float64 {
		e.Hidden, e.MaxSteps = []int{32, 32}, 1000
		deviations := slices.Clone(predict(t, learn(t, e, s, data, nil, 1), data.X, data.U).Epistemic[2])
		slices.Sort(deviations)
		return deviations[len(deviations)/2] / s.State[2].Scale
	}
	plain, apart := spread(Deterministic()), spread(repelled(Deterministic()))
	t.Logf("median deviation of ω in the data, in Scales: %.2g, and %.2g of members that repel each other", plain, apart)
	if noise := Deterministic().Noise; apart < noise/2 || apart > 2*noise || apart < 2*plain {
		t.Errorf("ω has a deviation of %.2g Scales among members that repel each other, of %.2g among others, beside a noise of %v", apart, plain, noise)
	}
}

// What version 0.9 had beside the bandwidth is passed over, in settings with and without repulsion; what no version had is refused.
func TestSVGDOfOlderRuns(t *testing.T) {
	for text, want := range map[string]SVGD{
		`{"On":false,"Extra":0,"Reach":0,"Prior":0,"Bandwidth":0}`:     {},
		`{"On":true,"Extra":32,"Reach":1,"Prior":0.2,"Bandwidth":0.5}`: {On: true, Bandwidth: 0.5},
		`{"On":true,"Bandwidth":0.2}`:                                  {On: true, Bandwidth: 0.2},
	} {
		var e Ensemble
		if err := encode.Decode([]byte(`{"SVGD":`+text+`}`), &e); err != nil || e.SVGD != want {
			t.Errorf("%s is %+v, error %v", text, e.SVGD, err)
		}
	}
	var e Ensemble
	if err := encode.Decode([]byte(`{"SVGD":{"On":true,"Reech":1}}`), &e); err == nil || !strings.Contains(err.Error(), "Reech") {
		t.Errorf("error %v", err)
	}
	if text, err := encode.JSON(SVGD{On: true, Bandwidth: 0.2}); err != nil || string(text) != `{"On":true,"Bandwidth":0.2}` {
		t.Errorf("written as %s, error %v", text, err)
	}
}
