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
func (g Sparse) fit(ctx context.Context, start common, z, y num.Batch) (best common, stopped, err error) {
	t := g.target(z, y)
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

// target is what a fit minimises.
func (g Sparse) target(z, y num.Batch) *target {
	var noise []int
	for j := range y {
		noise = append(noise, len(z)+1+j)
	}
	t := newTarget(z.Len(), g.Spread, g.center(len(z), len(y)).logs(), noise, g.MinNoise)
	s := shape{z: z, n: z.Len(), signal: g.Signal * g.Signal, own: g.Prior}
	for _, column := range y {
		s.y = append(s.y, mat.NewVecDense(s.n, column))
	}
	t.likelihood = s.likelihood
	return t
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

// shape is the marginal likelihood of all outputs, of which the signals are the best ones.
type shape struct {
	z           num.Batch
	y           []*mat.VecDense
	n           int
	signal, own float64 // of the prior: Signal² of so many observations
}

// likelihood returns the logarithm of the likelihoods, and writes its gradient by θ to grad. With the covariances K of s_j = 1, α_j = (K + ς_j² I)⁻¹ y_j
// and the best s_j² = (y_jᵀα_j + Prior Signal²) / (n + Prior), it is Σ_j -(n + Prior)/2 ln s_j² - ½ ln det (K + ς_j² I), whose derivative is
// ½ tr(W_j dK) for W_j = α_j α_jᵀ/s_j² - (K + ς_j² I)⁻¹.
func (t shape) likelihood(θ, grad []float64) (value float64, err error) {
	n, in, h := t.n, len(t.z), commonOf(θ, len(t.z))
	z := hyper{1, 0, h.Length}.inLengths(t.z)
	correlations, covariances := make([]float64, n*n), mat.NewSymDense(n, nil)
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
	values, weights := make([]float64, len(t.y)), make([]*mat.SymDense, len(t.y))
	clear(grad)
	var outputs errgroup.Group
	for j, y := range t.y {
		outputs.Go(func() error {
			ς2 := h.Noise[j] * h.Noise[j]
			k := mat.NewSymDense(n, nil)
			k.CopySym(covariances)
			for i := range n {
				k.SetSym(i, i, k.At(i, i)+ς2)
			}
			chol, _, err := factorize(k, 1)
			if err != nil {
				return err
			}
			var w mat.SymDense
			var α mat.VecDense
			// A bad condition has an effect on the last digits only: the noise bounds it.
			_ = chol.InverseTo(&w)
			_ = chol.SolveVecTo(&α, y)
			s2 := (mat.Dot(y, &α) + t.own*t.signal) / (float64(n) + t.own)
			values[j] = -(float64(n)+t.own)/2*math.Log(s2) - chol.LogDet()/2
			w.ScaleSym(-1, &w)
			w.SymRankOne(&w, 1/s2, &α)
			for i := range n {
				grad[in+1+j] += ς2 * w.At(i, i)
			}
			weights[j] = &w
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
