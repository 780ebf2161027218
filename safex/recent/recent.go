// Package recent adds to any learner what it missed of late: a Gaussian process of the errors of its last predictions, which takes in every step
// as it happens. Errors of learned dynamics follow each other: where a network extrapolates, the error of the step before tells most of the
// next one.
package recent

import (
	"context"
	"fmt"
	"math"

	"gonum.org/v1/gonum/mat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/checksum"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Recent corrects the mean of a Learner by a Gaussian process of what it misses on the last transitions (Rasmussen and Williams, 2006,
// section 2.2), with one correlation for all dimensions j of the state. With z, the state and the action in Scales, and the errors e of the
// Learner's mean on the last n transitions,
//
//	ρ(z, z') = exp(-|z - z'|²/(2 Length²)),   a_j² = e_jᵀ (K + Noise² I)⁻¹ e_j / n,
//	mean_j += kᵀ (K + Noise² I)⁻¹ e_j,   epistemic_j² += a_j² (1 - kᵀ (K + Noise² I)⁻¹ k).
//
// a_j² is what maximises the likelihood of these errors. So a Learner that missed nothing of late is doubted no more than before, and one
// that errs is doubted by as much wherever it has not been of late.
type Recent struct {
	Learner safex.Codec `json:"-"`
	Points  int         // n, of the last transitions, at least 1; a rollout costs its square
	Length  float64     // distance over which an error becomes another, in Scales, above 0
	Noise   float64     // deviation of an error from the process, as a share of a_j, above 0
	Least   float64     // least a_j, in Scales, at least 0
}

// Default looks at the last 30 transitions.
func Default() Recent { return Recent{Points: 30, Length: 2, Noise: 0.01, Least: 1e-4} }

// With is the same settings around l.
func (r Recent) With(l safex.Codec) Recent { r.Learner = l; return r }

// Check reports the first setting that is out of range, or what the Learner reports.
func (r Recent) Check() error {
	switch {
	case r.Learner == nil:
		return fmt.Errorf("recent: Learner is required")
	case r.Points < 1 || r.Points > 1000:
		return fmt.Errorf("recent: Points is %d, want 1 to 1000", r.Points)
	case !(r.Length > 0) || math.IsInf(r.Length, 1) || !(r.Noise >= 1e-4 && r.Noise <= 1e3):
		return fmt.Errorf("recent: Length is %v and Noise %v, want above 0, and 1e-4 to 1e3", r.Length, r.Noise)
	case !(r.Least >= 0) || math.IsInf(r.Least, 1):
		return fmt.Errorf("recent: Least is %v, want at least 0", r.Least)
	}
	if c, ok := r.Learner.(interface{ Check() error }); ok {
		return c.Check()
	}
	return nil
}

// Learn implements safex.Learner.
func (r Recent) Learn(ctx context.Context, s *safex.System, data *safex.Data, prev safex.Model, src rng.Stream) (safex.Model, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	if err := data.Check(); err != nil {
		return nil, err
	}
	var before safex.Model
	if prev != nil {
		p, ok := prev.(*model)
		if !ok {
			return nil, fmt.Errorf("recent: cannot go on from a %T", prev)
		}
		before = p.Model
	}
	inner, stopped := r.Learner.Learn(ctx, s, data, before, src)
	if inner == nil {
		return nil, stopped
	}
	m, err := r.condition(s, inner, r.last(data), data.Len())
	if err != nil {
		return nil, err
	}
	return m, stopped
}

// Update implements safex.Updater.
func (r Recent) Update(ctx context.Context, s *safex.System, data *safex.Data, sm safex.Model) (safex.Model, error) {
	old, ok := sm.(*model)
	if !ok {
		return nil, fmt.Errorf("recent: cannot update a %T", sm)
	}
	if data.Len() == old.known {
		return sm, nil
	}
	if err := data.Check(); err != nil {
		return nil, err
	}
	inner := old.Model
	if u, ok := r.Learner.(safex.Updater); ok {
		var err error
		if inner, err = u.Update(ctx, s, data, inner); err != nil {
			return nil, err
		}
	}
	return r.condition(s, inner, r.last(data), data.Len())
}

// last are the last transitions of data.
func (r Recent) last(data *safex.Data) *safex.Data {
	from := data.Len() - r.Points
	return data.Pick(func(i int) bool { return i >= from })
}

// condition is inner with what it misses on the last transitions.
func (r Recent) condition(s *safex.System, inner safex.Model, last *safex.Data, known int) (*model, error) {
	center, scale := s.Inputs()
	n, nx, in := last.Len(), len(s.State), len(scale)
	f := &safex.Recent{Center: center, Length: make([]float64, in), Points: make([]float64, n*in), Weights: make([]float64, nx*n), Root: make([]float64, n*n), Deviation: make([]float64, nx)}
	for d, v := range scale {
		f.Length[d] = r.Length * v
	}
	for d, v := range s.State {
		f.Deviation[d] = r.Least * v.Scale
	}
	if n == 0 {
		return newModel(inner, f, known)
	}
	for d := range in {
		column := last.U
		k := d - nx
		if d < nx {
			column, k = last.X, d
		}
		for i, v := range column[k] {
			f.Points[i*in+d] = (v - center[d]) / f.Length[d]
		}
	}
	k := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i {
			k.SetSym(i, j, correlation(f.Points[i*in:][:in], f.Points[j*in:][:in]))
		}
		k.SetSym(i, i, 1+r.Noise*r.Noise)
	}
	var chol mat.Cholesky
	if !chol.Factorize(k) {
		return nil, fmt.Errorf("recent: the correlations of the last %d transitions are not positive definite: raise Noise", n)
	}
	var lower, root mat.TriDense
	chol.LTo(&lower)
	if err := root.InverseTri(&lower); err != nil {
		if _, ok := err.(mat.Condition); !ok { // the noise bounds the condition
			return nil, fmt.Errorf("recent: %w", err)
		}
	}
	for i := range n {
		for j := range i + 1 {
			f.Root[i*n+j] = root.At(i, j)
		}
	}
	var p safex.Prediction
	if err := inner.Predict(&p, last.X, last.U); err != nil {
		return nil, err
	}
	for d, v := range s.State {
		missed, weights := mat.NewVecDense(n, nil), mat.NewVecDense(n, f.Weights[d*n:][:n])
		for i, mean := range p.Mean[d] {
			missed.SetVec(i, last.Next[d][i]-mean)
		}
		if err := chol.SolveVecTo(weights, missed); err != nil {
			if _, ok := err.(mat.Condition); !ok {
				return nil, fmt.Errorf("recent: %w", err)
			}
		}
		square := mat.Dot(weights, missed) / float64(n)
		if square-square != 0 {
			return nil, fmt.Errorf("recent: the model's mean of %s leaves the real numbers on its own data", v.Name)
		}
		f.Deviation[d] = max(math.Sqrt(max(square, 0)), f.Deviation[d])
	}
	return newModel(inner, f, known)
}

// correlation is ρ of two points in lengths.
func correlation(a, b []float64) float64 {
	var square float64
	for d, v := range a {
		square += (v - b[d]) * (v - b[d])
	}
	return math.Exp(-square / 2)
}

// file is a saved model.
type file struct {
	Recent *safex.Recent
	Known  int
	Model  []byte // of the Learner
}

const kind, format = "recent errors", 1

// Save implements safex.Codec.
func (r Recent) Save(sm safex.Model) ([]byte, error) {
	m, ok := sm.(*model)
	if !ok {
		return nil, fmt.Errorf("recent: cannot save a %T", sm)
	}
	inner, err := r.Learner.Save(m.Model)
	if err != nil {
		return nil, err
	}
	return checksum.Seal(kind, format, file{m.recent, m.known, inner})
}

// Load implements safex.Codec.
func (r Recent) Load(s *safex.System, data []byte) (safex.Model, error) {
	if err := r.Check(); err != nil {
		return nil, err
	}
	var f file
	if err := checksum.Open(kind, format, data, &f); err != nil {
		return nil, err
	}
	inner, err := r.Learner.Load(s, f.Model)
	if err != nil {
		return nil, err
	}
	nx, in := len(s.State), len(s.State)+len(s.Action)
	if e := f.Recent; e == nil || len(e.Length) != in || len(e.Center) != in || len(e.Deviation) != nx || len(e.Weights)%nx != 0 ||
		len(e.Points) != len(e.Weights)/nx*in || len(e.Root) != len(e.Weights)/nx*len(e.Weights)/nx {
		return nil, fmt.Errorf("recent: load: errors of another shape than task %q has", s.Name)
	}
	return newModel(inner, f.Recent, f.Known)
}

var (
	_ safex.Codec   = Recent{}
	_ safex.Updater = Recent{}
)
