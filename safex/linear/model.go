package linear

import (
	"fmt"
	"math"
	"slices"

	. "github.com/gomlx/gomlx/core/graph"

	"github.com/gomlx/gomlx/core/tensors"
	"gonum.org/v1/gonum/mat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gx"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// model is a posterior. It is immutable.
type model struct {
	program    *num.Program // φ
	scale      []float64    // of each dimension of the state
	noise      float64      // in scales
	left       []float64    // of it, what the task does not declare, of each dimension in its unit
	w, root    *mat.Dense   // [k, nx] and [k, k]
	parameters []*tensors.Tensor
	form       *safex.Form
}

func newModel(s *safex.System, p *num.Program, noise float64, w, root *mat.Dense) (m *model, err error) {
	defer gx.Catch(&err)
	m = &model{program: p, noise: noise, w: w, root: root}
	for _, v := range s.State {
		m.left = append(m.left, s.Undeclared(len(m.scale), v.Scale*noise))
		m.scale = append(m.scale, v.Scale)
	}
	k, nx := w.Dims()
	flat := make([]float64, 0, nx*k)
	for d := range nx {
		for j := range k {
			flat = append(flat, w.At(j, d))
		}
	}
	roots := slices.Clone(root.RawMatrix().Data)
	m.parameters = []*tensors.Tensor{
		tensors.FromFlatDataAndDimensions(flat, nx, k),
		tensors.FromFlatDataAndDimensions(roots, k, k),
		tensors.FromFlatDataAndDimensions(slices.Clone(m.scale), nx, 1),
		tensors.FromFlatDataAndDimensions(slices.Clone(m.left), nx, 1),
	}
	m.form = &safex.Form{Features: &safex.Features{Program: p, Weights: flat, Root: roots, Scale: m.scale}, Noise: m.left}
	return m, gx.Share(m.parameters)
}

// Predict implements safex.Model.
func (m *model) Predict(dst *safex.Prediction, x, u num.Batch) error {
	k, nx := m.w.Dims()
	if len(x) != nx || len(x)+len(u) != m.program.In {
		panic(fmt.Sprintf("linear: Predict on %d state and %d action dimensions by a model of %d and %d", len(x), len(u), nx, m.program.In-nx))
	}
	n := x.Len()
	dst.Resize(nx, n)
	φ := num.NewBatch(k, n)
	m.program.EvalBatch(φ, append(append(num.Batch{}, x...), u...))
	for i := range n {
		var square float64
		for a := range k {
			var sum float64
			for b := range a + 1 { // root is lower triangular
				sum += m.root.At(a, b) * φ[b][i]
			}
			square += sum * sum
		}
		std := math.Sqrt(square)
		for d := range nx {
			var change float64
			for a := range k {
				change += m.w.At(a, d) * φ[a][i]
			}
			dst.Mean[d][i] = x[d][i] + m.scale[d]*change
			dst.Epistemic[d][i], dst.Aleatoric[d][i] = m.scale[d]*std, m.left[d]
		}
	}
	return nil
}

// Form implements safex.Formed.
func (m *model) Form() *safex.Form { return m.form }

// Architecture implements gx.Belief.
func (m *model) Architecture() string {
	return fmt.Sprintf("linear %s of %d", m.program.Fingerprint(), len(m.scale))
}

// Parameters implements gx.Belief.
func (m *model) Parameters() []*tensors.Tensor { return m.parameters }

// Step implements gx.Belief.
func (m *model) Step(p []*Node, xu *Node) (mean, epistemic *Node) {
	weights, root, scale := p[0], p[1], p[2]
	nx, φ := len(m.scale), gx.Apply(m.program, xu)
	mean = Add(Slice(xu, AxisRange(0, nx), AxisRange()), Mul(scale, Dot(weights, φ).MatMul()))
	// The floor keeps the gradient of the square root finite where the deviation is 0.
	std := Sqrt(AddScalar(ReduceSum(Square(Dot(root, φ).MatMul()), 0), 1e-16))
	return mean, Mul(scale, InsertAxes(std, 0))
}

// Noise implements gx.Noisy.
func (m *model) Noise(p []*Node, xu *Node) *Node {
	return BroadcastToDims(p[3], len(m.scale), xu.Shape().Dim(1))
}

var (
	_ safex.Formed = (*model)(nil)
	_ gx.Noisy     = (*model)(nil)
)
