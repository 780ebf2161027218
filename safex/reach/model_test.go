package reach

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// A formed model is what its form says.
type formed struct{ form *safex.Form }

func (m formed) Form() *safex.Form { return m.form }

func (m formed) Predict(dst *safex.Prediction, x, u num.Batch) error {
	dst.Resize(len(x), x.Len())
	for i := range x.Len() {
		mean, dev := believe(m.form, x.Point(i), u.Point(i))
		dst.Mean.SetPoint(i, mean)
		dst.Epistemic.SetPoint(i, dev)
	}
	return nil
}

// believe is the mean of the next state and its epistemic deviation, by the words of safex.Form, in float64.
func believe(f *safex.Form, x, u []float64) (mean, dev []float64) {
	z := append(append([]float64{}, x...), u...)
	mean, dev = make([]float64, len(x)), make([]float64, len(x))
	switch {
	case f.Layers != nil:
		spread(mean, dev, f.Layers, z)
	case f.Features != nil:
		regress(mean, dev, f.Features, z)
	case f.Kernels != nil:
		posteriorOf(mean, dev, f.Kernels, z)
	}
	base := x
	if f.Prior != nil {
		base = make([]float64, len(x))
		f.Prior.Eval(base, z)
	}
	for d := range mean {
		mean[d] += base[d]
		scale, floor := 1.0, 0.0
		if f.Scale != nil {
			scale = f.Scale[d]
		}
		if f.Floor != nil {
			floor = f.Floor[d]
		}
		dev[d] = math.Hypot(scale*dev[d], floor)
	}
	return mean, dev
}

func spread(mean, dev []float64, l *safex.Layers, z []float64) {
	in := make([]float64, len(z))
	for i, v := range z {
		in[i] = v
		if l.Center != nil {
			in[i] -= l.Center[i]
		}
		if l.Scale != nil {
			in[i] /= l.Scale[i]
		}
	}
	var all [][]float64
	for m := range l.Members {
		h := in
		for k, d := range l.Dense {
			next := make([]float64, d.Out)
			for o := range next {
				next[o] = float64(d.Bias[m*d.Out+o])
				for i, v := range h {
					next[o] += float64(d.Weights[(m*d.Out+o)*d.In+i]) * v
				}
				if k+1 < len(l.Dense) {
					next[o] = activations[l.Activation].value(next[o])
				}
			}
			h = next
		}
		all = append(all, h)
	}
	n := float64(l.Members)
	for d := range mean {
		unit, square := 1.0, 1e-16
		if l.Unit != nil {
			unit = l.Unit[d]
		}
		for _, y := range all {
			mean[d] += y[d] / n
		}
		for _, y := range all {
			square += (y[d] - mean[d]) * (y[d] - mean[d]) / n
		}
		mean[d] *= unit
		dev[d] = unit * math.Sqrt(square)
	}
}

func regress(mean, dev []float64, f *safex.Features, z []float64) {
	k := f.Program.Out
	φ := make([]float64, k)
	f.Program.Eval(φ, z)
	square := 1e-16
	for r := range k {
		sum := 0.0
		for i, v := range φ {
			sum += f.Root[r*k+i] * v
		}
		square += sum * sum
	}
	for d := range mean {
		for i, v := range φ {
			mean[d] += f.Scale[d] * f.Weights[d*k+i] * v
		}
		dev[d] = f.Scale[d] * math.Sqrt(square)
	}
}

func posteriorOf(mean, dev []float64, k *safex.Kernels, z []float64) {
	for d, o := range k.Outputs {
		n := len(o.Weights)
		ρ := make([]float64, n)
		for i := range ρ {
			r2 := 0.0
			for j, v := range z {
				if k.Center != nil {
					v -= k.Center[j]
				}
				e := v/o.Length[j] - o.Points[i*len(z)+j]
				r2 += e * e
			}
			if ρ[i] = math.Exp(-r2 / 2); k.Correlation == "matern52" {
				a := math.Sqrt(5 * r2)
				ρ[i] = (1 + a + a*a/3) * math.Exp(-a)
			}
			mean[d] += o.Weights[i] * ρ[i]
		}
		known := 0.0
		for r := range n {
			sum := 0.0
			for i := range r + 1 {
				sum += o.Root[r*n+i] * ρ[i]
			}
			known += sum * sum
		}
		dev[d] = math.Sqrt(max(o.Variance-known, o.Variance*1e-14))
	}
}

// layersOf draws an ensemble. Its members share a part of what they compute, so that they agree more or less.
func layersOf(r *rand.Rand, nx, nu, members int, hidden []int, act string, apart float64) *safex.Layers {
	l := &safex.Layers{Members: members, Activation: act}
	in := nx + nu
	for k := range len(hidden) + 1 {
		out := nx
		if k < len(hidden) {
			out = hidden[k]
		}
		d := safex.Dense{In: in, Out: out}
		common, bias := make([]float64, in*out), make([]float64, out)
		for i := range common {
			common[i] = r.NormFloat64()
		}
		for i := range bias {
			bias[i] = 0.5 * r.NormFloat64()
		}
		gain := 1.4 / math.Sqrt(float64(in))
		if k == len(hidden) {
			gain *= 0.3
		}
		for range members {
			for _, v := range common {
				d.Weights = append(d.Weights, float32(gain*(v+apart*r.NormFloat64())))
			}
			for _, v := range bias {
				d.Bias = append(d.Bias, float32(v+apart*r.NormFloat64()))
			}
		}
		l.Dense = append(l.Dense, d)
		in = out
	}
	for range nx + nu {
		l.Center, l.Scale = append(l.Center, r.NormFloat64()), append(l.Scale, 0.5+r.Float64())
	}
	for range nx {
		l.Unit = append(l.Unit, 0.5+r.Float64())
	}
	return l
}

// plain is a system without limits of so many dimensions.
func plain(t testing.TB, nx, nu int) *safex.System {
	t.Helper()
	task := safex.Task{Name: "plain", Dt: 1, Steps: 10, Start: safex.StartAt(make([]float64, nx)...)}
	names := "abcdefgh"
	for d := range nx {
		task.State = append(task.State, safex.Var{Name: "x" + names[d:d+1], Scale: 1})
	}
	for d := range nu {
		task.Action = append(task.Action, safex.Var{Name: "u" + names[d:d+1], Scale: 1})
	}
	task.Next = func(x, u num.Vec) num.Vec { return x }
	task.Reward = func(x, u, next num.Vec) num.Expr { return x[0] }
	s, err := task.System()
	if err != nil {
		t.Fatal(err)
	}
	return s
}
