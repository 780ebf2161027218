package gp

import (
	"context"
	"math"
	"slices"

	"golang.org/x/sync/errgroup"
	"gonum.org/v1/gonum/mat"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// fit returns the hyper-parameters that explain the changes y at z best. It is cut short by ctx, whose error then is stopped.
func (g Sparse) fit(ctx context.Context, start common, where spots, z, y num.Batch) (best common, stopped, err error) {
	t := g.target(where, z, y)
	t.search(ctx, start.logs(), g.Evaluations)
	if t.best == nil {
		if ctx.Err() != nil {
			return start, ctx.Err(), nil
		}
		return common{}, nil, t.err
	}
	// In steps of 2⁻¹⁶, far below what a fit can tell: so that the last places of the data, which search after search multiplies, come to
	// nothing in most cases.
	for i, v := range t.best {
		t.best[i] = math.Round(v*(1<<16)) / (1 << 16)
	}
	return commonOf(t.best, len(z)), ctx.Err(), nil
}

// target is what a fit minimises. Noise has spots that stay where they are.
func (g Sparse) target(where spots, z, y num.Batch) *target {
	var noise []int
	for j := range y {
		noise = append(noise, len(z)+1+j)
	}
	t := newTarget(z.Len(), g.Spread, g.center(len(z), len(y)).logs(), noise, g.MinNoise)
	for d := range z {
		t.least[d] = max(t.least[d], math.Log(g.MinLength))
	}
	t.likelihood = g.shape(where, z, y).likelihood
	return t
}

// shape is the marginal likelihood of the rows z, y.
func (g Sparse) shape(where spots, z, y num.Batch) shape {
	s := shape{z: z, n: z.Len(), times: where.rows(z, len(y)), signal: g.Signal * g.Signal, own: g.Prior}
	for _, column := range y {
		s.y = append(s.y, mat.NewVecDense(s.n, column))
	}
	return s
}

// logs are the logarithms of h: length scales, trend, noise.
func (h common) logs() []float64 {
	θ := slices.Concat(h.Length, []float64{h.Trend}, h.Noise)
	for i, v := range θ {
		θ[i] = math.Log(v)
	}
	return θ
}

// commonOf is the inverse of logs, for so many inputs.
func commonOf(θ []float64, in int) common {
	e := make([]float64, len(θ))
	for i, v := range θ {
		e[i] = math.Exp(v)
	}
	return common{e[:in], e[in], e[in+1:]}
}

// signals are the best s_j for the rows z, y, in 16 binary digits.
func (g Sparse) signals(h common, where spots, z, y num.Batch) (signal []float64, err error) {
	if z.Len() == 0 {
		return slices.Repeat([]float64{g.Signal}, len(y)), nil
	}
	t := g.shape(where, z, y)
	covariances := t.covariances(h, make([]float64, t.n*t.n))
	for j := range y {
		p, err := t.solve(covariances, j, h.Noise[j])
		if err != nil {
			return nil, err
		}
		signal = append(signal, rounded(math.Sqrt(p.s2)))
	}
	return signal, nil
}

// shape is the marginal likelihood of all outputs, of which the signals are the best ones.
type shape struct {
	z           num.Batch
	y           []*mat.VecDense
	n           int
	times       num.Batch // g_j of each row
	signal, own float64   // of the prior: Signal² of so many observations
}

// likelihood returns the logarithm of the likelihoods, and writes its gradient by θ to grad. With the covariances K of s_j = 1, those of the noise G_j = ς_j² diag g_j,
// α_j = (K + G_j)⁻¹ y_j and the best s_j² = (y_jᵀα_j + Prior Signal²) / (n + Prior), it is Σ_j -(n + Prior)/2 ln s_j² - ½ ln det (K + G_j), whose
// derivative is ½ tr(W_j dK) for W_j = α_j α_jᵀ/s_j² - (K + G_j)⁻¹.
func (t shape) likelihood(θ, grad []float64) (value float64, err error) {
	n, in, h := t.n, len(t.z), commonOf(θ, len(t.z))
	correlations := make([]float64, n*n)
	covariances := t.covariances(h, correlations)
	values, weights := make([]float64, len(t.y)), make([]*mat.SymDense, len(t.y))
	clear(grad)
	var outputs errgroup.Group
	for j := range t.y {
		outputs.Go(func() error {
			p, err := t.solve(covariances, j, h.Noise[j])
			if err != nil {
				return err
			}
			values[j] = -(float64(n)+t.own)/2*math.Log(p.s2) - p.logDet/2
			w := &p.inverse
			w.ScaleSym(-1, w)
			w.SymRankOne(w, 1/p.s2, &p.α)
			for i, g := range t.times[j] {
				grad[in+1+j] += h.Noise[j] * h.Noise[j] * g * w.At(i, i)
			}
			weights[j] = w
			return nil
		})
	}
	if err := outputs.Wait(); err != nil {
		return 0, err
	}
	w := weights[0]
	for j, v := range values {
		value += v
		if j > 0 {
			w.AddSym(w, weights[j])
		}
	}
	z := hyper{1, 0, h.Length}.inLengths(t.z)
	for i := range n {
		row := correlations[i*n+i : (i+1)*n]
		for j := range row {
			by := w.At(i, i+j)
			if j == 0 {
				by /= 2
			}
			grad[in] += 2 * by * (covariances.At(i, i+j) - row[j])
			row[j] *= by
		}
		for d, column := range z {
			v := column[i]
			var sum float64
			for j := 1; j < len(row); j++ {
				e := v - column[i+j]
				sum += row[j] * e * e
			}
			grad[d] += sum
		}
	}
	return value, nil
}

// covariances are those of the rows for s_j = 1, without noise. It writes the upper triangle of the correlations [n, n].
func (t shape) covariances(h common, correlations []float64) *mat.SymDense {
	n := t.n
	z := hyper{1, 0, h.Length}.inLengths(t.z)
	covariances := mat.NewSymDense(n, nil)
	for i := range n {
		row := correlations[i*n+i : (i+1)*n]
		distances(row, z, i, z, i)
		kernels["se"].correlate(row, nil)
		for j, v := range row {
			dot := 1.0
			for _, column := range t.z {
				dot += column[i] * column[i+j]
			}
			covariances.SetSym(i, i+j, v+h.Trend*h.Trend*dot)
		}
	}
	return covariances
}

// solved is what an output's covariances give.
type solved struct {
	inverse mat.SymDense // (K + G)⁻¹
	α       mat.VecDense
	s2      float64 // the best s²
	logDet  float64
}

// solve solves for output j with noise ς.
func (t shape) solve(covariances *mat.SymDense, j int, ς float64) (*solved, error) {
	k := mat.NewSymDense(t.n, nil)
	k.CopySym(covariances)
	for i, g := range t.times[j] {
		k.SetSym(i, i, k.At(i, i)+ς*ς*g)
	}
	chol, _, err := factorize(k, 1)
	if err != nil {
		return nil, err
	}
	p := &solved{logDet: chol.LogDet()}
	// A bad condition has an effect on the last digits only: the noise bounds it.
	_ = chol.InverseTo(&p.inverse)
	_ = chol.SolveVecTo(&p.α, t.y[j])
	p.s2 = (mat.Dot(t.y[j], &p.α) + t.own*t.signal) / (float64(t.n) + t.own)
	return p, nil
}
