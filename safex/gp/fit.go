package gp

import (
	"context"
	"fmt"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/mat"
	"gonum.org/v1/gonum/optimize"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// fit returns the hyper-parameters of each output that explain the changes y at x best. It is cut short by ctx, whose
// error then is stopped.
func (g GP) fit(ctx context.Context, start []hyper, x, y num.Batch, src rng.Stream) (best []hyper, stopped, err error) {
	best = make([]hyper, len(start))
	var outputs errgroup.Group
	for j := range start {
		outputs.Go(func() (err error) {
			best[j], err = g.fitOutput(ctx, start[j], x, y[j], src.Child("restarts").At(j))
			return err
		})
	}
	if err := outputs.Wait(); err != nil {
		return nil, nil, err
	}
	return best, ctx.Err(), nil
}

// fitOutput is fit for one output.
func (g GP) fitOutput(ctx context.Context, start hyper, x num.Batch, y []float64, src rng.Stream) (hyper, error) {
	t := g.target(x, y)
	for r := range 1 + g.Restarts {
		θ := start.logs()
		if r > 0 {
			draw := src.At(r).Rand()
			for i := range θ {
				θ[i] = t.center[i] + g.Spread*draw.NormFloat64()
			}
		}
		t.search(ctx, θ, g.Evaluations)
	}
	if t.best == nil {
		if ctx.Err() != nil {
			return start, nil
		}
		return hyper{}, t.err
	}
	return exp(t.best), nil
}

// target is what a fit of an output minimises.
func (g GP) target(x num.Batch, y []float64) *target {
	l := newLikelihood(kernels[g.Kernel], x, y)
	t := newTarget(len(y), g.Spread, g.center(len(x)).logs(), []int{1}, g.MinNoise)
	t.likelihood = func(θ, grad []float64) (float64, error) { return l.at(exp(θ), grad) }
	return t
}

// logs are the logarithms of h: signal, noise, length scales.
func (h hyper) logs() []float64 {
	θ := append([]float64{h.Signal, h.Noise}, h.Length...)
	for i, v := range θ {
		θ[i] = math.Log(v)
	}
	return θ
}

// exp is the inverse of logs.
func exp(θ []float64) hyper {
	e := make([]float64, len(θ))
	for i, v := range θ {
		e[i] = math.Exp(v)
	}
	return hyper{e[0], e[1], e[2:]}
}

// target is what a fit minimises: minus the logarithm of marginal likelihood times prior, over the rows. Beyond
// its bounds the likelihood is that on the bound, and the prior leads back.
type target struct {
	// likelihood is the logarithm of the marginal likelihood of hyper-parameters, given by their logarithms, and writes its gradient by these to grad.
	likelihood          func(θ, grad []float64) (float64, error)
	n                   int // rows
	spread              float64
	center, least, most []float64
	inside, last, grad  []float64 // the last point within bounds, as it was, and the gradient there
	value               float64   // at last
	best                []float64 // best point so far, within bounds; nil if there is none
	bestValue           float64
	err                 error // of the first point without likelihood
}

// newTarget is one of n rows with the prior around center, and minNoise as the least of the parameters noise.
func newTarget(n int, spread float64, center []float64, noise []int, minNoise float64) *target {
	t := &target{n: n, spread: spread, center: center, inside: make([]float64, len(center)), grad: make([]float64, len(center)), bestValue: math.Inf(1)}
	for _, c := range center {
		t.least, t.most = append(t.least, c-3*spread), append(t.most, c+3*spread)
	}
	for _, i := range noise {
		t.least[i] = max(t.least[i], math.Log(minNoise))
	}
	return t
}

// clamp moves θ within bounds.
func (t *target) clamp(θ []float64) {
	for i := range θ {
		θ[i] = min(max(θ[i], t.least[i]), t.most[i])
	}
}

// search minimises from θ on, by at most so many evaluations. However it ends, the best point of all counts.
func (t *target) search(ctx context.Context, θ []float64, evaluations int) {
	t.clamp(θ)
	_, _ = optimize.Minimize(optimize.Problem{
		Func:   t.at,
		Grad:   func(grad, θ []float64) { t.at(θ); copy(grad, t.grad) },
		Status: func() (optimize.Status, error) { return optimize.NotTerminated, ctx.Err() },
	}, θ, &optimize.Settings{
		FuncEvaluations: evaluations, GradientThreshold: 1e-5,
		Converger: &optimize.FunctionConverge{Absolute: 1e-7, Iterations: 3},
	}, &optimize.LBFGS{})
}

// at is the value at θ; grad is then the gradient.
func (t *target) at(θ []float64) float64 {
	if slices.Equal(θ, t.last) {
		return t.value
	}
	t.last = append(t.last[:0], θ...)
	copy(t.inside, θ)
	t.clamp(t.inside)
	value, err := t.likelihood(t.inside, t.grad)
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

// likelihood is the marginal likelihood of one output.
type likelihood struct {
	k             kernel
	n             int
	x             num.Batch
	y             *mat.VecDense
	matrix, slope []float64 // [n, n], upper triangles
	inverse       mat.SymDense
	alpha         mat.VecDense
}

func newLikelihood(k kernel, x num.Batch, y []float64) *likelihood {
	n := len(y)
	return &likelihood{k: k, n: n, x: x, y: mat.NewVecDense(n, y), matrix: make([]float64, n*n), slope: make([]float64, n*n)}
}

// at returns the logarithm of the marginal likelihood of h, and writes its gradient by the logarithms of h to
// grad, in the order of logs (Rasmussen and Williams, 2006, equations 5.8 and 5.9).
func (l *likelihood) at(h hyper, grad []float64) (float64, error) {
	n, z := l.n, h.inLengths(l.x)
	s2, ς2 := h.Signal*h.Signal, h.Noise*h.Noise
	for i := range n {
		row, slope := l.matrix[i*n+i:(i+1)*n], l.slope[i*n+i:(i+1)*n]
		distances(row, z, i, z, i)
		l.k.correlate(row, slope)
		for j := range row {
			row[j] *= s2
			slope[j] *= s2
		}
		row[0] += ς2
	}
	chol, _, err := factorize(mat.NewSymDense(n, l.matrix), s2)
	if err != nil {
		return 0, err
	}
	// A bad condition has an effect on the last digits only: the noise bounds it.
	_ = chol.SolveVecTo(&l.alpha, l.y)
	_ = chol.InverseTo(&l.inverse)
	α, inverse := l.alpha.RawVector().Data, l.inverse.RawSymmetric().Data
	fit := mat.Dot(l.y, &l.alpha)
	clear(grad)
	// With W = ααᵀ - K⁻¹ the derivative by a parameter is ½ tr(W dK). Of K + ς²I it is ½ (yᵀα - n) without a loop.
	var trace float64
	for i := range n {
		row, slope := inverse[i*n:(i+1)*n], l.slope[i*n:(i+1)*n]
		trace += α[i]*α[i] - row[i]
		for j := i + 1; j < n; j++ {
			slope[j] *= α[i]*α[j] - row[j] // twice in the trace
		}
		for d, column := range z {
			v := column[i]
			var sum float64
			for j := i + 1; j < n; j++ {
				sum += slope[j] * (v - column[j]) * (v - column[j])
			}
			grad[2+d] += sum
		}
	}
	grad[0] = fit - float64(n) - ς2*trace
	grad[1] = ς2 * trace
	return -fit/2 - chol.LogDet()/2 - float64(n)/2*math.Log(2*math.Pi), nil
}

// factorize is the Cholesky factorisation of a kernel matrix of the given scale. Where rounding makes it indefinite
// it adds a jitter to the diagonal, the least power of ten that helps, up to a millionth of the scale.
func factorize(k *mat.SymDense, scale float64) (chol *mat.Cholesky, jitter float64, err error) {
	chol = &mat.Cholesky{}
	if chol.Factorize(k) {
		return chol, 0, nil
	}
	n := k.SymmetricDim()
	for jitter = 1e-12 * scale; jitter < 2e-6*scale; jitter *= 10 {
		spoilt := mat.NewSymDense(n, nil)
		spoilt.CopySym(k)
		for i := range n {
			spoilt.SetSym(i, i, k.At(i, i)+jitter)
		}
		if chol.Factorize(spoilt) {
			return chol, jitter, nil
		}
	}
	return nil, 0, fmt.Errorf("gp: the kernel matrix of %d transitions is not positive definite, nor with a jitter of a millionth of its scale: raise MinNoise or lower Signal", n)
}
