package safex

import (
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// A Formed model can say in numbers what it computes, so that an Engine can compute it in its own way.
type Formed interface {
	Model
	// Form is what the model computes, nil if it cannot say after all. Callers must not change it.
	Form() *Form
}

// FormOf is the Form of a Formed model, and nil of any other.
func FormOf(m Model) *Form {
	if f, ok := m.(Formed); ok {
		return f.Form()
	}
	return nil
}

// A Form is a belief as numbers. One of Layers, Features, Kernels and Process says by how much the state will change, with a mean
// μ(x, u) and an epistemic deviation σ(x, u). Without any, both are 0. The belief about x[t+1] is
//
//	mean = Prior(x, u) + μ(x, u),   epistemic = √((Scale s)² + Floor²),   s² = σ² (+ ν² if Doubted)
//
// with the aleatoric deviation ν that the model has learned.
type Form struct {
	Layers   *Layers
	Features *Features
	Kernels  *Kernels
	Process  *Process

	Noise   []float64 // ν of each dimension, in its unit, where Layers have none of their own; nil for 0
	Spots   *Spots    // where that is larger; nil for nowhere
	Doubted bool      // ν counts to the epistemic deviation

	Prior *num.Program // (x, u) to the next state; nil for x, a state that stays
	Scale []float64    // of each dimension; nil for 1
	Floor []float64    // of each dimension, in its unit; nil for 0
}

// Floors is the Floor of each of nx dimensions with what the Noise adds to it, if that is doubted and the Layers have none of their own.
// Noise that has Spots is not in it: see [Form.Spotted]. It is nil for 0.
func (f *Form) Floors(nx int) []float64 {
	if !f.noisy() || f.Spots != nil {
		return f.Floor
	}
	floor := make([]float64, nx)
	copy(floor, f.Floor)
	for d, v := range f.Noise {
		if f.Scale != nil {
			v *= f.Scale[d]
		}
		floor[d] = math.Hypot(floor[d], v)
	}
	return floor
}

// noisy tells whether the Noise counts.
func (f *Form) noisy() bool {
	return f.Doubted && f.Noise != nil && (f.Layers == nil || !f.Layers.Noise)
}

// Spotted are the Spots of a Noise that counts to the epistemic deviation, and nil if there are none.
func (f *Form) Spotted() *Spots {
	if !f.noisy() {
		return nil
	}
	return f.Spots
}

// Spots are n places where noise is larger than elsewhere: at (x, u) the deviation of dimension j is
//
//	ν_j = Noise_j √(1 + Σ_k Times_jk exp(-r_k²/2)),   r_k = |((x, u) - Center)/Length - Points_k|.
type Spots struct {
	Center []float64 // [nx + nu], from which (x, u) counts
	Length []float64 // [nx + nu], how far a spot reaches, of each input, in its unit
	Points []float64 // [n, nx + nu], from Center in Lengths
	Times  []float64 // [nx, n], at least 0
}

// Check panics if the sizes are not those of nx state dimensions and nz inputs.
func (s *Spots) Check(nx, nz int) {
	n := len(s.Points) / max(1, nz)
	if len(s.Center) != nz || len(s.Length) != nz || len(s.Points) != n*nz || len(s.Times) != nx*n {
		panic(fmt.Sprintf("safex: %d coordinates of spots with %d centers, %d lengths and %d times for %d state dimensions and %d inputs", len(s.Points), len(s.Center), len(s.Length), len(s.Times), nx, nz))
	}
}

// Layers are the networks of an ensemble, of one shape, side by side. They map z = ((x, u) - Center) / Scale to the change of the
// state in Units: with the mean m of the members' outputs, μ = Unit m and σ = Unit √(mean (output - m)² + 1e-16). So numbers of
// float32 are those of the networks, near 1, whatever units and offsets the state has.
//
// With Noise the last layer has as many raw outputs r of the aleatoric deviation after the nx of the change, of which ν = Unit mean e^(3 tanh r - 2), or what noise
// that is Declared leaves of that: see Undeclared.
type Layers struct {
	Members    int
	Noise      bool
	Activation string  // of all layers but the last: swish (x σ(x)), relu or tanh
	Dense      []Dense // from z to the change, and the raw aleatoric deviation, at least 1

	Center, Scale []float64 // [nx + nu]; nil for 0 and for 1
	Unit          []float64 // [nx]; nil for 1
	Declared      []float64 // [nx]: variance of the noise that the task declares, in squares of its units; nil for 0
}

// Dense is one layer of each member: y = W x + b.
type Dense struct {
	In, Out int
	Weights []float32 // [members, Out, In]
	Bias    []float32 // [members, Out]
}

// Features are a linear regression on features φ of a state and an action: μ = Scale Weights φ and σ = Scale √(|Root φ|² + 1e-16).
type Features struct {
	Program *num.Program // (x, u) to φ, of which there are k
	Weights []float64    // [nx, k]
	Root    []float64    // [k, k]: of the covariance of the weights, RootᵀRoot
	Scale   []float64    // [nx]
}

// Kernels are Gaussian processes, one for each dimension of the state.
type Kernels struct {
	// Correlation ρ of the squared distance r² in lengths: se is exp(-r²/2), matern52 (1 + √5 r + 5r²/3) exp(-√5 r).
	Correlation string
	Outputs     []Kernel  // [nx]
	Center      []float64 // [nx + nu], from which (x, u) counts; nil for 0
}

// Kernel is the posterior of one dimension. With the correlations ρ of (x, u) with n points, μ = Weights·ρ and
// σ² = Variance - |Root ρ|², which is at least Variance · 1e-14. It takes float64: σ² is a small difference.
type Kernel struct {
	Length   []float64 // of each input, in its unit
	Points   []float64 // [n, nx + nu], in lengths
	Weights  []float64 // [n]
	Root     []float64 // [n, n], lower triangular
	Variance float64   // where nothing was seen
}

// Process is a Gaussian process of all dimensions of the state, with one covariance for all of them: a linear trend, and what departs from it
// with the correlation ρ = exp(-r²/2). With the values φ of the n correlations with Points, of Trend_0 and of Trend_d (x, u)_d from Center, which are
// the k = n + 1 + nx + nu features, or n without a Trend, and |h|² the sum of the squares of the latter,
//
//	μ_j = Weights_j·φ,   σ_j² = Deviation_j² (1 + |h|² - |Root φ|²), which is at least Deviation_j² · 1e-14.
//
// So a rollout pays for its points once, and not for each dimension. An input that is beyond its Range counts as if it were at the end of it, so that both are
// bounded, and what a rollout makes of a doubt grows by no more in a step than a bound, however many steps it has.
type Process struct {
	Center    []float64 // [nx + nu], from which (x, u) counts
	Range     []float64 // [nx + nu], how far from Center on either side, in its unit; nil for no end
	Length    []float64 // [nx + nu], of each input, in its unit
	Points    []float64 // [n, nx + nu], from Center in lengths
	Trend     []float64 // [1 + nx + nu], of the constant and of each input in its unit; nil for none
	Weights   []float64 // [nx, k], in the units of the state
	Root      []float64 // [k, k], lower triangular
	Deviation []float64 // [nx], of what departs from the trend where nothing was seen, in the units of the state
}

// Features is k, how many features the process has.
func (p *Process) Features() int {
	n := len(p.Trend)
	if in := len(p.Length); in > 0 {
		n += len(p.Points) / in
	}
	return n
}
