package ensemble

import (
	"fmt"
	"math"
	"testing"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/modeltest"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// The gradient that reaches the head is the formula of SVGD, written out for each entry by itself, and the value of
// the loss is the weighted negative log-likelihood.
func TestFormula(t *testing.T) {
	const members, out, batch, extra = 3, 2, 4, 2
	backend, err := gx.Backend()
	if err != nil {
		t.Fatal(err)
	}
	for _, fixed := range []bool{true, false} {
		for _, bandwidth := range []float64{0, 0.7} {
			t.Run(fmt.Sprintf("fixed=%v,bandwidth=%v", fixed, bandwidth), func(t *testing.T) {
				r := recipe{shape: shape{members: members, out: out, fixed: fixed}, batch: batch, beta: 0.5, svgd: SVGD{On: true, Extra: extra, Prior: 1, Bandwidth: bandwidth}}
				draw := rng.New(4).Rand()
				random := func(n int) []float32 {
					x := make([]float32, n)
					for i := range x {
						x[i] = float32(draw.NormFloat64())
					}
					return x
				}
				const wide = batch + extra
				rows := out
				if !fixed {
					rows = 2 * out
				}
				head, y, levels := random(members*rows*wide), random(members*out*batch), []float32{-0.3, 0.2, 0.5, 2, 0.7, 0.4, 1.5, 0.6}
				for i := out * batch; i < len(y); i++ {
					y[i] = y[i-out*batch] // members share the batch
				}
				got := MustExecOnceN(backend, func(in []*Node) []*Node {
					loss := r.loss(in[0], in[1], in[2])
					return []*Node{loss, Gradient(loss, in[0])[0]}
				}, tensors.FromFlatDataAndDimensions(head, members, rows, wide), tensors.FromFlatDataAndDimensions(y, members, out, batch),
					tensors.FromFlatDataAndDimensions(levels, 4, out))
				var grad []float32
				if err := tensors.ConstFlatData(got[1], func(flat []float32) { grad = append(grad, flat...) }); err != nil {
					t.Fatal(err)
				}

				var nll float64
				for d := range out {
					for i := range wide {
						at := func(m, row int) int { return (m*rows+row)*wide + i }
						var f, score, weight [members]float64
						var center float64
						for m := range members {
							f[m] = float64(head[at(m, d)])
							center += f[m] / members
						}
						for m := range members {
							logStd := float64(levels[d])
							if !fixed {
								logStd = (logHi-logLo)/2*math.Tanh(float64(head[at(m, out+d)])) + (logHi+logLo)/2
							}
							weight[m], score[m] = float64(levels[3*out+d]), -f[m]*float64(levels[out+d])
							noise := float64(levels[2*out+d])
							if i < batch {
								target := float64(y[d*batch+i])
								weight[m], score[m] = noise, (target-f[m])/(noise*noise)
								nll += math.Exp(2*0.5*logStd) * (math.Pow((target-center)*math.Exp(-logStd), 2)/2 + logStd)
							}
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
							want := -weight[j] * phi / (out * batch)
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

// Repelled members agree in the data, and disagree away from them, at least twice as much as those of an ensemble that only
// started from different weights. Speeds beyond 4 rad/s were never seen.
func TestRepulsion(t *testing.T) {
	s, data := modeltest.Pendulum(t, 300)
	deviation := func(m safex.Model, speed float64) (mean float64) {
		x := num.NewBatch(3, data.Len())
		for d := range x {
			copy(x[d], data.X[d])
		}
		for i := range x[2] {
			if speed > 0 {
				x[2][i] = speed
			}
		}
		for _, v := range predict(t, m, x, data.U).Epistemic[2] {
			mean += v / float64(data.Len())
		}
		return mean
	}
	for _, pair := range [][2]Ensemble{{Deterministic(), FSVGD()}, {Default(), ProbabilisticFSVGD()}} {
		for i := range pair {
			pair[i].Hidden, pair[i].MaxSteps = []int{32, 32}, 1000
		}
		plain, repelled := learn(t, pair[0], s, data, nil, 1), learn(t, pair[1], s, data, nil, 1)
		in, out := deviation(repelled, 0), deviation(repelled, 8)
		t.Logf("ω has an epistemic deviation of %.2g rad/s in the data and %.2g at 8 rad/s, without repulsion by %.2g and %.2g", in, out, deviation(plain, 0), deviation(plain, 8))
		if in > 0.03 || out < 10*in {
			t.Errorf("%v: ω has an epistemic deviation of %.2g rad/s in the data and %.2g away from them", repelled.(*model).shape, in, out)
		}
		if without := deviation(plain, 8); out < 2*without {
			t.Errorf("%v: away from the data ω has an epistemic deviation of %.2g rad/s with repulsion and %.2g without", repelled.(*model).shape, out, without)
		}
	}
}
