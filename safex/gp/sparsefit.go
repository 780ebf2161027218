package gp

import (
	"context"
	"math"

	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// fit returns the hyper-parameters that explain the changes y at z best. It is cut short by ctx, whose error then is stopped.
func (g Sparse) fit(ctx context.Context, start common, z, y num.Batch) (best common, stopped, err error) {
	t := newShape(g, z, y)
	θ := start.logs()
	t.clamp(θ)
	_, _ = optimize.Minimize(optimize.Problem{
		Func:   t.at,
		Grad:   func(grad, θ []float64) { t.at(θ); copy(grad, t.grad) },
		Status: func() (optimize.Status, error) { return optimize.NotTerminated, ctx.Err() },
	}, θ, &optimize.Settings{
		FuncEvaluations: g.Evaluations, GradientThreshold: 1e-5,
		Converger: &optimize.FunctionConverge{Absolute: 1e-7, Iterations: 3},
	}, &optimize.LBFGS{})
	if t.best == nil {
		if ctx.Err() != nil {
			return start, ctx.Err(), nil
		}
		return common{}, nil, t.err
	}
	e := make([]float64, len(t.best))
	for i, v := range t.best {
		e[i] = math.Exp(v)
	}
	return common{e[0], e[1:]}, ctx.Err(), nil
}

// logs are the logarithms of h: noise, length scales.
func (h common) logs() []float64 {
	θ := append([]float64{h.Noise}, h.Length...)
	for i, v := range θ {
		θ[i] = math.Log(v)
	}
	return θ
}

// shape is what a fit of Sparse minimises, per transition: minus the logarithms of the marginal likelihoods of all outputs, of which the signals
// are the best ones, and of the prior.
type shape struct {
	z                   num.Batch
	y                   []*mat.VecDense
	n                   int
	spread, signal, own float64 // of the priors: of θ, and Signal² of so many observations
	center, least, most []float64
	inside, last, grad  []float64
	value               float64
	best                []float64
	bestValue           float64
	err                 error
}

func newShape(g Sparse, z, y num.Batch) *shape {
	center := g.center(len(z)).logs()
	t := &shape{
		z: z, n: z.Len(), spread: g.Spread, signal: g.Signal * g.Signal, own: g.Prior, center: center,
		inside: make([]float64, len(center)), grad: make([]float64, len(center)), bestValue: math.Inf(1),
	}
	for _, column := range y {
		t.y = append(t.y, mat.NewVecDense(t.n, column))
	}
	for _, c := range center {
		t.least, t.most = append(t.least, c-3*g.Spread), append(t.most, c+3*g.Spread)
	}
	t.least[0] = max(t.least[0], math.Log(g.MinNoise))
	return t
}

// clamp moves θ within bounds.
func (t *shape) clamp(θ []float64) {
	for i := range θ {
		θ[i] = min(max(θ[i], t.least[i]), t.most[i])
	}
}

// at is the value at θ; grad is then the gradient.
func (t *shape) at(θ []float64) float64 {
	if t.last != nil && mat.Equal(mat.NewVecDense(len(θ), θ), mat.NewVecDense(len(θ), t.last)) {
		return t.value
	}
	t.last = append(t.last[:0], θ...)
	copy(t.inside, θ)
	t.clamp(t.inside)
	value, err := t.likelihood(t.inside)
	if err != nil {
		if t.err == nil {
			t.err = err
		}
		clear(t.grad)
		t.value = math.Inf(1)
		return t.value
	}
	n := float64(t.n)
	for i, v := range θ {
		if v != t.inside[i] {
			t.grad[i] = 0
		}
		off := (v - t.center[i]) / t.spread
		value -= off * off / 2
		t.grad[i] = -(t.grad[i] - off/t.spread) / n
	}
	t.value = -value / n
	if t.value < t.bestValue {
		t.best, t.bestValue = append(t.best[:0], t.inside...), t.value
	}
	return t.value
}

// likelihood returns the logarithm of the likelihoods, and writes its gradient by θ to grad. With K + ς²I of correlations, α_j its inverse times y_j
// and the best s_j² = (y_jᵀα_j + Prior Signal²) / (n + Prior), it is Σ_j -(n + Prior)/2 ln s_j² - ½ ln det, whose derivative is ½ tr(W dK) for
// W = Σ_j α_j α_jᵀ/s_j² - nx (K + ς²I)⁻¹.
func (t *shape) likelihood(θ []float64) (value float64, err error) {
	n, nx := t.n, float64(len(t.y))
	h := hyper{1, math.Exp(θ[0]), make([]float64, len(θ)-1)}
	for d := range h.Length {
		h.Length[d] = math.Exp(θ[1+d])
	}
	z, ς2 := h.inLengths(t.z), h.Noise*h.Noise
	correlations := make([]float64, n*n)
	for i := range n {
		row := correlations[i*n+i : (i+1)*n]
		distances(row, z, i, z, i)
		kernels["se"].correlate(row, nil)
	}
	matrix := mat.NewSymDense(n, append([]float64{}, correlations...))
	for i := range n {
		matrix.SetSym(i, i, 1+ς2)
	}
	chol, _, err := factorize(matrix, 1)
	if err != nil {
		return 0, err
	}
	var w mat.SymDense
	// A bad condition has an effect on the last digits only: the noise bounds it.
	_ = chol.InverseTo(&w)
	w.ScaleSym(-nx, &w)
	value = -nx / 2 * chol.LogDet()
	var α mat.VecDense
	for _, y := range t.y {
		_ = chol.SolveVecTo(&α, y)
		s2 := (mat.Dot(y, &α) + t.own*t.signal) / (float64(n) + t.own)
		value -= (float64(n) + t.own) / 2 * math.Log(s2)
		w.SymRankOne(&w, 1/s2, &α)
	}
	clear(t.grad)
	raw := w.RawSymmetric()
	for i := range n {
		weights, row := raw.Data[i*raw.Stride+i:i*raw.Stride+n], correlations[i*n+i:(i+1)*n]
		t.grad[0] += ς2 * weights[0] // ½ tr(W) of 2 ς²
		for j := range row {
			row[j] *= weights[j] // twice in the trace
		}
		for d, column := range z {
			v := column[i]
			var sum float64
			for j := 1; j < len(row); j++ {
				e := v - column[i+j]
				sum += row[j] * e * e
			}
			t.grad[1+d] += sum
		}
	}
	return value, nil
}
