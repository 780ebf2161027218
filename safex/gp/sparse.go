package gp

import (
	"context"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/blas"
	"gonum.org/v1/gonum/blas/blas64"
	"gonum.org/v1/gonum/mat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Sparse regresses the changes of all dimensions j of the state by Gaussian processes that share one covariance, given all data, by way of
// some of the inputs. With inputs z and changes y, both in Scales,
//
//	y_j = f_j(z) + N(0, (s_j ς_j)² g_j(z)),   f_j ~ GP(0, s_j² (ρ(r) + b² (1 + z·z'))),   ρ(r) = exp(-r²/2),   r² = Σ_d (z_d - z'_d)² / ℓ_d²:
//
// a linear trend, and what departs from it. What departs is the deterministic training conditional of m inducing inputs (Seeger, Williams and
// Lawrence, 2003; Quiñonero-Candela and Rasmussen, 2005, section 5), and the trend is exact (Rasmussen and Williams, 2006, section 2.7). With the
// correlations k of the inducing inputs with z, K = L Lᵀ of them among each other, the features φ = (L⁻¹ k, b, b z), and Φ of all data,
//
//	mean_j = φᵀ (Φ G⁻¹ Φᵀ + ς_j² I)⁻¹ Φ G⁻¹ y_j,   epistemic_j² = s_j² (1 + b² (1 + z·z) - φᵀ (I - (Φ G⁻¹ Φᵀ/ς² + I)⁻¹) φ),   aleatoric_j² = s_j² ς_j² g_j(z).
//
// G is diagonal, of the largest g_j of each transition, and for the deviation all dimensions have the ς of the noisiest: then its shape is one for all, and it is too
// large at most. Far from the inducing
// inputs it is that of the prior, whatever the data. Between them it can be less than what all data tell, by a tenth where they are few: what a transition
// tells of the inducing inputs is taken for exact. The inducing inputs are those that are known worst, one after the other, as for GP.
//
// s_j² is that of the largest marginal likelihood, of the transitions that a fit looks at, under a prior of Prior observations of Signal², and the ℓ_d, b and ς_j maximise the product of
// the likelihoods of all dimensions and of log-normal priors, as for GP.
//
// The noise has spots, where g_j is above 1: there the data depart from what f_j can be, as a function that does not change over less than MinLength. So is a
// jump, as that of dry friction: without spots its ℓ_d are as short as the jump is steep, and then nothing is known beyond what was seen. Spots are found by
// the errors of transitions that are left out, in turn with the other hyper-parameters, as the most likely noise of Kersting, Plagemann, Pfaff and Burgard (2007).
//
// The aleatoric deviation is without the noise that the task declares, which is counted where that is.
//
// One covariance for all dimensions makes a rollout several times cheaper than GP; the ℓ_d are about the shortest that any dimension
// needs. The trend is what extrapolates: a system that has hardly moved yet shows by how much each input moves it.
//
// A trend has no end, and neither has the doubt about it: in a rollout under errors each step would be larger than the one before. So an input that is farther
// than Range Scales from its center counts as that far, in mean and epistemic deviation alike. Both are then bounded, and no rollout of β deviations explodes: in t steps
// dimension j moves by no more than
//
//	t (max |mean_j - x_j| + β s_j √(1 + b² (1 + n Range²))),   with n inputs, in Scales, and a largest change of the mean.
type Sparse struct {
	Fit    bool    // learn ℓ_d, b, ς_j and spots of noise; without it the first are the next three, and there are no spots
	Length float64 // ℓ_d, distance over which a change becomes another, in Scales, above 0
	Trend  float64 // b, deviation of the trend over a Scale, as a share of s_j, above 0
	Noise  float64 // ς, deviation of a change around f, as a share of s_j, at least MinNoise
	Signal float64 // of the prior of s_j: deviation of what departs from the trend where nothing was seen, in Scales, above 0
	Prior  float64 // how many observations that prior counts for, above 0

	Spread   float64 // standard deviation of the logarithms of ℓ_d, b and ς_j under their priors, above 0
	MinNoise float64 // least ς, at least 1e-4: keeps the equations well-conditioned

	MinLength float64 // least ℓ_d of a fit, in Scales, above 0: what changes over less is noise
	Spots     int     // most spots of noise that Learn looks for, at least 0
	Spot      float64 // how far a spot reaches, in ℓ_d, above 0

	Range float64 // how far from its center an input counts, in Scales, at least 0: beyond that the model says what it says there; 0 is no end

	FitPoints   int // most transitions that a fit looks at, at least 1: it costs their cube
	Evaluations int // of the likelihood at most, at least 1

	Points int     // most inducing inputs that Learn chooses, at least 1: a rollout costs their square
	Spare  int     // further ones that Update may add until the next Learn chooses anew, at least 0
	Novel  float64 // Update adds the input of a transition of which the others leave more than this share of s_j open, at least 0

	Beta float64 // β of the models, or 0 for the planner's own
}

// DefaultSparse has up to 128 inducing inputs.
func DefaultSparse() Sparse {
	return Sparse{
		Fit: true, Length: 1, Trend: 3, Noise: 0.03, Signal: 0.3, Prior: 10, Spread: 1, MinNoise: 3e-3,
		MinLength: 0.5, Spots: 16, Spot: 0.25, Range: 10,
		FitPoints: 120, Evaluations: 40, Points: 96, Spare: 32, Novel: 0.02,
	}
}

// Check reports the first setting that is out of range.
func (g Sparse) Check() error {
	for _, s := range []struct {
		name         string
		value, least float64
	}{{"Length", g.Length, 0}, {"Trend", g.Trend, 0}, {"Noise", g.Noise, 0}, {"Signal", g.Signal, 0}, {"Prior", g.Prior, 0}, {"Spread", g.Spread, 0}, {"MinLength", g.MinLength, 0}, {"Spot", g.Spot, 0}} {
		if !(s.value > 0) || math.IsInf(s.value, 1) {
			return fmt.Errorf("gp: %s is %v, want above 0", s.name, s.value)
		}
	}
	switch {
	case !(g.MinNoise >= 1e-4) || !(g.Noise >= g.MinNoise):
		return fmt.Errorf("gp: Noise is %v and MinNoise %v, want at least MinNoise, and 1e-4", g.Noise, g.MinNoise)
	case !(g.Range >= 0):
		return fmt.Errorf("gp: Range is %v, want at least 0, where 0 is no end", g.Range)
	case g.Spots < 0:
		return fmt.Errorf("gp: Spots is %d, want at least 0", g.Spots)
	case g.FitPoints < 1 || g.Evaluations < 1 || g.Points < 1 || g.Spare < 0:
		return fmt.Errorf("gp: FitPoints is %d, Evaluations %d, Points %d and Spare %d, want at least 1, 1, 1 and 0", g.FitPoints, g.Evaluations, g.Points, g.Spare)
	case !(g.Novel >= 0) || math.IsInf(g.Novel, 1) || !(g.Beta >= 0) || math.IsInf(g.Beta, 1):
		return fmt.Errorf("gp: Novel is %v and Beta %v, want at least 0", g.Novel, g.Beta)
	}
	return nil
}

// Calibration is the one that an experiment gives its models if none is named: what they say of noise counts to their boxes, and each step to the size of these.
func (g Sparse) Calibration() string { return "adaptive" }

// Label tells it apart from GP.
func (g Sparse) Label() string { return "sparse-gp" }

// common are the hyper-parameters.
type common struct {
	Length []float64 // of each input, in Scales
	Trend  float64   // b
	Noise  []float64 // ς of each output
}

// sums are those over the data, each by its weight, of φ φᵀ and φ y_j.
type sums struct {
	N  int
	FF []float64 // [k, k], upper triangle
	FY []float64 // [nx, k]
}

// Learn implements safex.Learner. A fit starts from the hyper-parameters of prev, if there is one, and gives the best so far once ctx is
// cancelled, with its error.
func (g Sparse) Learn(ctx context.Context, s *safex.System, data *safex.Data, prev safex.Model, src rng.Stream) (safex.Model, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	if err := data.Check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	h, where := g.center(len(s.State)+len(s.Action), len(s.State)), spots{}
	if prev != nil {
		p, err := g.own(s, prev)
		if err != nil {
			return nil, fmt.Errorf("gp: cannot go on: %w", err)
		}
		if g.Fit {
			h, where = p.common, p.spots
		}
	}
	z, y := within(inputs(s, data, 0), g.Range), changes(s, data, 0)
	order := canonical(z, y)
	sorted := pick(z, order)
	var stopped error
	rows := h.choose(sorted, g.FitPoints)
	fz, fy := pick(sorted, rows), pick(pick(y, order), rows)
	if g.Fit && data.Len() > 0 {
		var err error
		if where, err = g.look(&h, where, fz, fy); err != nil {
			return nil, err
		}
		if h, stopped, err = g.fit(ctx, h, where, fz, fy); err != nil {
			return nil, err
		}
		if where, err = g.look(&h, where, fz, fy); err != nil {
			return nil, err
		}
	}
	signal, err := g.signals(h, where, fz, fy)
	if err != nil {
		return nil, err
	}
	m := &sparse{common: h, spots: where, reach: g.Range, signal: signal, task: s.Name, vars: variables(s), inducing: pick(sorted, h.choose(sorted, g.Points))}
	m.leave(s.NoiseVariance())
	if err := m.gather(z, y); err != nil {
		return nil, err
	}
	if err := g.complete(m); err != nil {
		return nil, err
	}
	return m, stopped
}

// center are the hyper-parameters of the settings.
func (g Sparse) center(inputs, outputs int) common {
	return common{slices.Repeat([]float64{g.Length}, inputs), g.Trend, slices.Repeat([]float64{g.Noise}, outputs)}
}

// hyper is what departs from the trend, for the functions of GP.
func (h common) hyper() hyper { return hyper{1, slices.Min(h.Noise), h.Length} }

// choose are the rows of at most count inducing inputs.
func (h common) choose(z num.Batch, count int) (rows []int) {
	rows, _ = choose(kernels["se"], []hyper{h.hyper()}, z, count)
	return rows
}

// Update implements safex.Updater. The hyper-parameters, s_j and spots stay, and so do the inducing inputs, but for Spare further ones. It panics if
// there are fewer transitions than m knows.
func (g Sparse) Update(ctx context.Context, s *safex.System, data *safex.Data, sm safex.Model) (safex.Model, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	old, err := g.own(s, sm)
	if err != nil {
		return nil, fmt.Errorf("gp: cannot update: %w", err)
	}
	switch {
	case data.Len() < old.sums.N:
		panic(fmt.Sprintf("gp: Update by data of %d transitions of a model that knows %d", data.Len(), old.sums.N))
	case data.Len() == old.sums.N:
		return sm, nil
	}
	if err := data.Check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	z, y := within(inputs(s, data, 0), old.reach), changes(s, data, 0)
	m := old.copy()
	for i := m.sums.N; i < data.Len(); i++ {
		at := z.Point(i)
		φ, left := m.features(at)
		if math.Sqrt(left) > g.Novel && m.inducing.Len() < g.Points+g.Spare {
			for d, w := range at {
				m.inducing[d] = append(m.inducing[d], w)
			}
			if err := m.gather(head(z, i+1), head(y, i+1)); err != nil {
				return nil, err
			}
			continue
		}
		m.take(φ, at, y.Point(i))
	}
	if err := g.complete(m); err != nil {
		return nil, err
	}
	return m, nil
}

// within cuts inputs, in Scales from their centers, to what counts.
func within(z num.Batch, reach float64) num.Batch {
	if reach == 0 {
		return z
	}
	for _, column := range z {
		for i, v := range column {
			column[i] = max(-reach, min(reach, v))
		}
	}
	return z
}

// head are the first n rows of b.
func head(b num.Batch, n int) num.Batch {
	h := make(num.Batch, len(b))
	for d, column := range b {
		h[d] = column[:n]
	}
	return h
}

// own is the model behind sm, if g can go on from it.
func (g Sparse) own(s *safex.System, sm safex.Model) (*sparse, error) {
	m, ok := sm.(*sparse)
	switch {
	case !ok:
		return nil, fmt.Errorf("want a model of this learner, not a %T", sm)
	case m.task != s.Name || !slices.Equal(m.vars, variables(s)):
		return nil, fmt.Errorf("a model of task %q with variables %v, want %q with %v", m.task, m.vars, s.Name, variables(s))
	}
	return m, nil
}

// jitter is added to the correlations of an inducing input with itself: two that nearly coincide would have no inverse. It is doubt, of a thousandth
// of s_j.
const jitter = 1e-6

// factorise makes lower of the inducing inputs.
func (m *sparse) factorise() error {
	k := m.inducing.Len()
	h := m.hyper()
	m.z = h.inLengths(m.inducing)
	matrix := mat.NewSymDense(max(k, 1), nil)
	row := make([]float64, k)
	for i := range k {
		distances(row, m.z, i, m.z, 0)
		kernels["se"].correlate(row, nil)
		for j := range i {
			matrix.SetSym(i, j, row[j])
		}
		matrix.SetSym(i, i, 1+jitter)
	}
	if k == 0 {
		m.lower = nil
		return nil
	}
	var chol mat.Cholesky
	if !chol.Factorize(matrix) {
		return fmt.Errorf("gp: the correlations of %d inducing inputs are not positive definite", k)
	}
	var lower mat.TriDense
	chol.LTo(&lower)
	m.lower = lower.RawTriangular().Data
	return nil
}

// triangle is L for BLAS.
func (m *sparse) triangle() blas64.Triangular {
	k := m.inducing.Len()
	return blas64.Triangular{N: k, Stride: k, Data: m.lower, Uplo: blas.Lower, Diag: blas.NonUnit}
}

// features are φ of an input, and how much of 1 the inducing inputs leave open.
func (m *sparse) features(at []float64) (φ []float64, left float64) {
	n := m.inducing.Len()
	φ = make([]float64, n, n+1+len(at))
	if n > 0 {
		for i := range φ {
			for d, w := range at {
				e := w/m.Length[d] - m.z[d][i]
				φ[i] += e * e
			}
		}
		kernels["se"].correlate(φ, nil)
		blas64.Trsv(blas.NoTrans, m.triangle(), vector(φ))
		left = blas64.Dot(vector(φ), vector(φ))
	}
	φ = append(φ, m.Trend)
	for _, w := range at {
		φ = append(φ, m.Trend*w)
	}
	return φ, max(0, 1-left)
}

// take adds the transition from z to the sums.
func (m *sparse) take(φ, z, y []float64) {
	k, times := len(φ), m.spots.times(z, len(y))
	weight := 1 / slices.Max(times)
	blas64.Syr(weight, vector(φ), blas64.Symmetric{N: k, Stride: k, Data: m.sums.FF, Uplo: blas.Upper})
	for j, w := range y {
		blas64.Axpy(weight*w, vector(φ), vector(m.sums.FY[j*k:][:k]))
	}
	m.sums.N++
}

// gather makes the sums of all rows.
func (m *sparse) gather(z, y num.Batch) error {
	if err := m.factorise(); err != nil {
		return err
	}
	k := m.inducing.Len() + 1 + len(z)
	m.sums = sums{FF: make([]float64, k*k), FY: make([]float64, len(y)*k)}
	for i := range z.Len() {
		at := z.Point(i)
		φ, _ := m.features(at)
		m.take(φ, at, y.Point(i))
	}
	return nil
}

// regularised is the factor of Φ Φᵀ + ς² I.
func (m *sparse) regularised(k int, ς float64) (*mat.Cholesky, error) {
	a := mat.NewSymDense(k, slices.Clone(m.sums.FF))
	for i := range k {
		a.SetSym(i, i, a.At(i, i)+ς*ς)
	}
	var chol mat.Cholesky
	if !chol.Factorize(a) {
		return nil, fmt.Errorf("gp: the sums over %d transitions are not positive definite: raise MinNoise", m.sums.N)
	}
	return &chol, nil
}

// complete makes what predicts of the sums.
func (g Sparse) complete(m *sparse) error {
	n, nx := m.inducing.Len(), len(m.signal)
	k := len(m.sums.FY) / nx
	m.beta, m.root, m.weights = g.Beta, make([]float64, k*k), make([]float64, nx*k)
	factors := map[float64]*mat.Cholesky{}
	for j, ς := range m.common.Noise {
		chol := factors[ς]
		if chol == nil {
			var err error
			if chol, err = m.regularised(k, ς); err != nil {
				return err
			}
			factors[ς] = chol
		}
		fy := mat.NewVecDense(k, slices.Clone(m.sums.FY[j*k:][:k]))
		w := mat.NewVecDense(k, m.weights[j*k:][:k])
		if err := conditioned(chol.SolveVecTo(w, fy)); err != nil {
			return err
		}
		if n > 0 {
			blas64.Trsv(blas.Trans, m.triangle(), vector(m.weights[j*k:][:n]))
		}
	}
	// The root R with RᵀR = I - (Φ Φᵀ/ς² + I)⁻¹: from the last column on, so that it is lower triangular.
	ς := slices.Max(m.common.Noise)
	var inverse mat.SymDense
	if err := conditioned(factors[ς].InverseTo(&inverse)); err != nil {
		return err
	}
	turned := mat.NewSymDense(k, nil)
	for i := range k {
		for j := i; j < k; j++ {
			v := -ς * ς * inverse.At(k-1-i, k-1-j)
			if i == j {
				v++
			}
			turned.SetSym(i, j, v)
		}
	}
	explained, err := semidefinite(turned)
	if err != nil {
		return err
	}
	var lower mat.TriDense
	explained.LTo(&lower)
	for i := range k {
		for j := range i + 1 {
			m.root[i*k+j] = lower.At(k-1-j, k-1-i)
		}
	}
	if n > 0 { // of correlations in place of L⁻¹ times them
		blas64.Trsm(blas.Right, blas.NoTrans, 1, m.triangle(), blas64.General{Rows: k, Cols: n, Stride: k, Data: m.root})
	}
	for i := range n {
		clear(m.root[i*k+i+1 : (i+1)*k])
	}
	return m.pack()
}

// semidefinite is the Cholesky factorisation of a, whose eigenvalues are in [0, 1] but for rounding. Many transitions that are nearly the same and have
// little noise round more of them away than a jitter of factorize makes up for; then each that is out of [0, 1] is taken for its nearer end.
func semidefinite(a *mat.SymDense) (*mat.Cholesky, error) {
	chol, _, err := factorize(a, 1)
	if sum := mat.Sum(a); err == nil || math.IsNaN(sum) || math.IsInf(sum, 0) {
		return chol, err
	}
	var e mat.EigenSym
	if !e.Factorize(a, true) {
		return nil, err
	}
	var root mat.Dense // a = root rootᵀ
	e.VectorsTo(&root)
	for i, v := range e.Values(nil) {
		column := root.ColView(i).(*mat.VecDense)
		column.ScaleVec(math.Sqrt(min(max(v, 0), 1)), column)
	}
	var kept mat.SymDense
	kept.SymOuterK(1, &root)
	chol, _, err = factorize(&kept, 1)
	return chol, err
}

// conditioned is err, but for a bad condition: that has an effect on the last digits only, as the noise bounds it.
func conditioned(err error) error {
	if _, ok := err.(mat.Condition); ok || err == nil {
		return nil
	}
	return fmt.Errorf("gp: %w", err)
}
