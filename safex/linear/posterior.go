package linear

import (
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// posterior returns the weights [k, nx], and the root R [k, k] of their covariance: Σ = RᵀR, lower triangular.
func (l Linear) posterior(s *safex.System, p *num.Program, data *safex.Data) (w, root *mat.Dense, err error) {
	k, nx, n := p.Out, len(s.State), data.Len()
	φ := num.NewBatch(k, n)
	if n > 0 {
		p.EvalBatch(φ, append(append(num.Batch{}, data.X...), data.U...))
	}
	for j, column := range φ {
		for i, v := range column {
			if v-v != 0 {
				return nil, nil, fmt.Errorf("linear: feature %d of transition %d is %v", j, i, v)
			}
		}
	}
	precision, right := mat.NewSymDense(k, nil), mat.NewDense(k, nx, nil)
	weight := 1 / (l.Noise * l.Noise)
	for a := range k {
		for b := range a + 1 {
			var sum float64
			for i := range n {
				sum += φ[a][i] * φ[b][i]
			}
			sum *= weight
			if a == b {
				sum += 1 / (l.Prior * l.Prior)
			}
			precision.SetSym(a, b, sum)
		}
		for d := range nx {
			var sum float64
			for i := range n {
				sum += φ[a][i] * (data.Next[d][i] - data.X[d][i])
			}
			right.Set(a, d, sum*weight/s.State[d].Scale)
		}
	}
	var chol mat.Cholesky
	if !chol.Factorize(precision) {
		return nil, nil, fmt.Errorf("linear: the features are too large or too much alike for Prior %v and Noise %v: raise Noise or lower Prior", l.Prior, l.Noise)
	}
	w, root = mat.NewDense(k, nx, nil), mat.NewDense(k, k, nil)
	_ = chol.SolveTo(w, right) // a bad condition is what Prior is for
	var lower mat.TriDense
	chol.LTo(&lower) // precision = L Lᵀ, so Σ = L⁻ᵀ L⁻¹
	var inverse mat.TriDense
	if err := inverse.InverseTri(&lower); err != nil {
		if _, ok := err.(mat.Condition); !ok {
			return nil, nil, fmt.Errorf("linear: %w", err)
		}
	}
	root.Copy(&inverse)
	return w, root, nil
}
