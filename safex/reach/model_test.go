package reach

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"gonum.org/v1/gonum/mat"

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
	case f.Process != nil:
		sharedOf(mean, dev, f.Process, z)
	}
	if f.Doubted {
		ν := f.Noise
		if f.Layers != nil && f.Layers.Noise {
			ν = noiseOf(f.Layers, z)
			for d, variance := range f.Layers.Declared {
				ν[d] = math.Sqrt(max(ν[d]*ν[d]-variance, safex.Known*safex.Known*ν[d]*ν[d]))
			}
		}
		for d, v := range ν {
			if f.Spots != nil && (f.Layers == nil || !f.Layers.Noise) {
				v *= spotOf(f.Spots, d, z)
			}
			dev[d] = math.Hypot(dev[d], v)
		}
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

// spotOf is by how much spots raise the noise of dimension d at z.
func spotOf(s *safex.Spots, d int, z []float64) float64 {
	g, n := 1.0, len(s.Points)/len(z)
	for k := range n {
		r2 := 0.0
		for j, v := range z {
			e := (v-s.Center[j])/s.Length[j] - s.Points[k*len(z)+j]
			r2 += e * e
		}
		g += s.Times[d*n+k] * math.Exp(-r2/2)
	}
	return math.Sqrt(g)
}

// spotsOf are n spots, some of which say nothing.
func spotsOf(r *rand.Rand, nx, nz, n int) *safex.Spots {
	s := &safex.Spots{}
	for range nz {
		s.Center, s.Length = append(s.Center, 0.3*r.NormFloat64()), append(s.Length, 0.1+0.4*r.Float64())
	}
	for range n * nz {
		s.Points = append(s.Points, r.NormFloat64())
	}
	for range nx * n {
		s.Times = append(s.Times, max(0, 300*r.NormFloat64()))
	}
	return s
}

// outputs are what the members of l say of z.
func outputs(l *safex.Layers, z []float64) (all [][]float64) {
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
	return all
}

// noiseOf is what they say of the noise.
func noiseOf(l *safex.Layers, z []float64) (ν []float64) {
	nx := l.Dense[len(l.Dense)-1].Out / 2
	for d := range nx {
		sum := 0.0
		for _, y := range outputs(l, z) {
			sum += math.Exp(3*math.Tanh(y[nx+d]) - 2)
		}
		ν = append(ν, sum/float64(l.Members))
		if l.Unit != nil {
			ν[d] *= l.Unit[d]
		}
	}
	return ν
}

func spread(mean, dev []float64, l *safex.Layers, z []float64) {
	all := outputs(l, z)
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

func sharedOf(mean, dev []float64, p *safex.Process, z []float64) {
	z = slices.Clone(z)
	for d, end := range p.Range {
		z[d] = max(p.Center[d]-end, min(p.Center[d]+end, z[d]))
	}
	k := p.Features()
	n := k - len(p.Trend)
	φ, left := make([]float64, n, k), 1.0
	for i := range φ {
		r2 := 0.0
		for d, v := range z {
			e := (v-p.Center[d])/p.Length[d] - p.Points[i*len(z)+d]
			r2 += e * e
		}
		φ[i] = math.Exp(-r2 / 2)
	}
	for d, b := range p.Trend {
		if d > 0 {
			b *= z[d-1] - p.Center[d-1]
		}
		φ = append(φ, b)
		left += b * b
	}
	for i := range k {
		v := dot(p.Root[i*k:][:i+1], φ)
		left -= v * v
	}
	for d := range mean {
		mean[d] = dot(p.Weights[d*k:][:k], φ)
		dev[d] = p.Deviation[d] * math.Sqrt(max(left, 1e-14))
	}
}

// processOf draws a process of n points, with a trend of b in each length if that is not 0. What it knows are values at some more places, with noise: with the
// Gram matrix G of its features' functions, RᵀR = G⁻¹ - (G + Φ)⁻¹ for the sum Φ of what they tell.
func processOf(r *rand.Rand, nx, nz, n int, b float64) *safex.Process {
	p := &safex.Process{}
	for range nz {
		p.Center, p.Length = append(p.Center, 0.3*r.NormFloat64()), append(p.Length, 0.5+r.Float64())
	}
	for range n * nz {
		p.Points = append(p.Points, r.NormFloat64())
	}
	if b > 0 {
		p.Trend = []float64{b}
		for _, v := range p.Length {
			p.Range = append(p.Range, (0.5+2*r.Float64())*v) // which some of what is enclosed is beyond
			p.Trend = append(p.Trend, b/v)
		}
	}
	k := p.Features()
	if k > 0 {
		root := rootOf(r, p, k, n, nz)
		for i := range k {
			for l := range k {
				v := 0.0
				if l <= i {
					v = root.At(k-1-l, k-1-i)
				}
				p.Root = append(p.Root, v)
			}
		}
	}
	for range nx {
		p.Deviation = append(p.Deviation, 0.05+0.1*r.Float64())
		for range k {
			p.Weights = append(p.Weights, 0.1*r.NormFloat64())
		}
	}
	return p
}

// rootOf is the factor of the root of p, turned around.
func rootOf(r *rand.Rand, p *safex.Process, k, n, nz int) *mat.TriDense {
	gram := mat.NewSymDense(k, nil)
	for i := range k {
		gram.SetSym(i, i, 1+1e-3)
		for l := range i {
			if i < n {
				r2 := 0.0
				for d := range nz {
					e := p.Points[i*nz+d] - p.Points[l*nz+d]
					r2 += e * e
				}
				gram.SetSym(i, l, math.Exp(-r2/2))
			}
		}
	}
	more := mat.NewSymDense(k, nil)
	more.CopySym(gram)
	for range 2 * k {
		v := mat.NewVecDense(k, nil)
		for i := range k {
			v.SetVec(i, r.NormFloat64())
		}
		more.SymRankOne(more, math.Pow(10, 4*r.Float64()-1), v)
	}
	invert := func(a mat.Symmetric) *mat.SymDense {
		var c mat.Cholesky
		var x mat.SymDense
		if !c.Factorize(a) || c.InverseTo(&x) != nil {
			panic("not positive definite")
		}
		return &x
	}
	before, after := invert(gram), invert(more)
	turned := mat.NewSymDense(k, nil)
	for i := range k {
		for j := range i + 1 {
			turned.SetSym(i, j, before.At(k-1-i, k-1-j)-after.At(k-1-i, k-1-j))
		}
	}
	var c mat.Cholesky
	if !c.Factorize(turned) {
		panic("not positive definite")
	}
	var lower mat.TriDense
	c.LTo(&lower)
	return &lower
}

// noisy are networks of layersOf with raw rows of noise.
func noisy(r *rand.Rand, nx, nu, members int, hidden []int, act string, apart float64) *safex.Layers {
	l := layersOf(r, nx, nu, members, hidden, act, apart)
	l.Noise = true
	last := &l.Dense[len(l.Dense)-1]
	old := *last
	last.Out, last.Weights, last.Bias = 2*nx, nil, nil
	for m := range members {
		last.Weights = append(last.Weights, old.Weights[m*nx*old.In:][:nx*old.In]...)
		last.Bias = append(last.Bias, old.Bias[m*nx:][:nx]...)
		for range nx * old.In {
			last.Weights = append(last.Weights, float32(0.7*r.NormFloat64()/math.Sqrt(float64(old.In))))
		}
		for range nx {
			last.Bias = append(last.Bias, float32(-1+r.NormFloat64()))
		}
	}
	return l
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
