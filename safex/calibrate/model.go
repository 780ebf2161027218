package calibrate

import (
	"fmt"
	"math"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/internal/checksum"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// model is a belief whose epistemic deviation σ is √((Scale σ)² + Floor²), in a box of Beta of them; of its aleatoric deviation
// what is beyond the Floor is left. It is immutable.
type model struct {
	safex.Model
	Summary
	known      int // transitions that it was learned and calibrated with, or that it was adapted to
	split      split
	learned    learned
	parameters []*tensors.Tensor // nil of a learner's models without a graph form
}

// learned is what of data the learner sees.
type learned func(s split, data *safex.Data) *safex.Data

func newModel(inner safex.Model, s Summary, known int, by split, l learned) (m *model, err error) {
	defer gx.Catch(&err)
	m = &model{inner, s, known, by, l, nil}
	b, ok := gx.Of(inner)
	if !ok {
		return m, nil
	}
	own := []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(slices.Clone(s.Scale), len(s.Scale), 1),
		tensors.FromFlatDataAndDimensions(slices.Clone(s.Floor), len(s.Floor), 1),
	}
	if err := gx.Share(own); err != nil {
		return nil, err
	}
	m.parameters = slices.Concat(own, b.Parameters())
	return m, nil
}

// ones are the scales of a model whose epistemic deviation is left as it is.
func ones(n int) []float64 { return slices.Repeat([]float64{1}, n) }

// Beta implements safex.Calibrated. It is the calibration's β, or else the learner's, which was made for the learner's own deviation: it
// holds for a wider one, but not for one that was scaled.
func (m *model) Beta() float64 {
	switch {
	case m.Summary.Beta > 0:
		return m.Summary.Beta
	case slices.ContainsFunc(m.Scale, func(v float64) bool { return v != 1 }):
		return 0
	}
	return safex.BetaOf(m.Model)
}

// Learned implements safex.Selective.
func (m *model) Learned(data *safex.Data) *safex.Data { return m.learned(m.split, data) }

// Predict implements safex.Model.
func (m *model) Predict(dst *safex.Prediction, x, u num.Batch) error {
	if err := m.Model.Predict(dst, x, u); err != nil {
		return err
	}
	for d, column := range dst.Epistemic {
		floor := m.Floor[d]
		for i, v := range column {
			if m.Doubted {
				v = math.Hypot(v, dst.Aleatoric[d][i])
			}
			column[i] = math.Hypot(m.Scale[d]*v, floor)
			if m.Doubted {
				dst.Aleatoric[d][i] = 0
			} else if floor > 0 { // the floor is of errors that had noise in them: count it once
				dst.Aleatoric[d][i] = math.Sqrt(max(dst.Aleatoric[d][i]*dst.Aleatoric[d][i]-floor*floor, 0))
			}
		}
	}
	return nil
}

// Members implements safex.Membered model.
func (m *model) Members() int { return safex.MembersOf(m.Model) }

// PredictMember implements safex.Membered model: the members are as they were.
func (m *model) PredictMember(dst *safex.Prediction, member []int, x, u num.Batch) error {
	c, ok := m.Model.(safex.Membered)
	if !ok {
		return fmt.Errorf("calibrate: a %T has no members", m.Model)
	}
	return c.PredictMember(dst, member, x, u)
}

// Member implements safex.Splittable: the members are as they were.
func (m *model) Member(i int) (safex.Model, error) { return safex.MemberOf(m.Model, i) }

// Form implements safex.Formed.
func (m *model) Form() *safex.Form {
	inner := safex.FormOf(m.Model)
	if inner == nil {
		return nil
	}
	f := *inner
	f.Doubted = f.Doubted || m.Doubted
	f.Scale, f.Floor = slices.Clone(m.Scale), slices.Clone(m.Floor)
	for d, v := range inner.Scale { // of a model that was calibrated already
		f.Scale[d] *= v
	}
	for d, v := range inner.Floor {
		f.Floor[d] = math.Hypot(m.Scale[d]*v, f.Floor[d])
	}
	return &f
}

// Architecture implements gx.Belief.
func (m *model) Architecture() string {
	b, ok := gx.Of(m.Model)
	switch {
	case !ok:
		return ""
	case m.Doubted:
		return "calibrated, doubted " + b.Architecture()
	}
	return "calibrated " + b.Architecture()
}

// Parameters implements gx.Belief.
func (m *model) Parameters() []*tensors.Tensor { return m.parameters }

// Step implements gx.Belief.
func (m *model) Step(p []*Node, xu *Node) (mean, epistemic *Node) {
	mean, epistemic = m.Model.(gx.Belief).Step(p[2:], xu)
	if n, ok := m.Model.(gx.Noisy); ok && m.Doubted {
		epistemic = Sqrt(Add(Square(epistemic), Square(n.Noise(p[2:], xu))))
	}
	const tiny = 1e-60 // keeps the gradient finite where there is no deviation
	return mean, Sqrt(AddScalar(Add(Square(Mul(p[0], epistemic)), Square(p[1])), tiny))
}

// Noise implements gx.Noisy: what the floor and the doubt leave of that of the learner.
func (m *model) Noise(p []*Node, xu *Node) *Node {
	n, ok := m.Model.(gx.Noisy)
	if !ok || m.Doubted {
		return ZerosLike(Slice(xu, AxisRange(0, len(m.Scale)), AxisRange()))
	}
	return Sqrt(MaxScalar(Sub(Square(n.Noise(p[2:], xu)), Square(p[1])), 0))
}

// file is a saved model.
type file struct {
	Summary
	Known int
	Split split
	Model []byte // of the Learner
}

const format = 1

// save seals m as a kind of calibration.
func save(kind string, l safex.Codec, sm safex.Model) ([]byte, error) {
	return saveAs(kind, format, l, sm)
}

// saveAs is save in a format.
func saveAs(kind string, format int, l safex.Codec, sm safex.Model) ([]byte, error) {
	m, ok := sm.(*model)
	if !ok {
		return nil, fmt.Errorf("calibrate: cannot save a %T", sm)
	}
	inner, err := l.Save(m.Model)
	if err != nil {
		return nil, err
	}
	return checksum.Seal(kind, format, file{m.Summary, m.known, m.split, inner})
}

// load is the inverse of save.
func load(kind string, l safex.Codec, s *safex.System, data []byte, seen learned) (safex.Model, error) {
	return loadAs(kind, format, l, s, data, seen)
}

// loadAs is load of a format.
func loadAs(kind string, format int, l safex.Codec, s *safex.System, data []byte, seen learned) (safex.Model, error) {
	var f file
	if err := checksum.Open(kind, format, data, &f); err != nil {
		return nil, err
	}
	inner, err := l.Load(s, f.Model)
	if err != nil {
		return nil, err
	}
	if len(f.Scale) != len(s.State) || len(f.Floor) != len(s.State) {
		return nil, fmt.Errorf("calibrate: load: a model of %d dimensions, and task %q has %d", len(f.Scale), s.Name, len(s.State))
	}
	return newModel(inner, f.Summary, f.Known, f.Split, seen)
}

var (
	_ safex.Calibrated = (*model)(nil)
	_ safex.Formed     = (*model)(nil)
	_ safex.Selective  = (*model)(nil)
	_ safex.Splittable = (*model)(nil)
	_ gx.Noisy         = (*model)(nil)
)
