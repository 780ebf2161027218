package ensemble

import (
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// SVGD lets the members repel each other in function space, by Stein variational gradient descent on what they predict
// (Wang et al., 2019, Function space particle optimization for Bayesian neural networks). The members'
// predictions on a measurement set, the batch and Extra points beside it, are particles of the posterior
//
//	p(f) ∝ Π_batch N(y; f, s²) · Π_extra N(f; 0, Prior²),
//
// and particle j moves along φ_j = 1/M Σ_l [k(f_l, f_j) ∇ log p(f_l) + ∇_{f_l} k(f_l, f_j)], backpropagated
// into its weights. Where there are data, they decide, and the members differ by about s; away from them the members
// fill the prior. The prior does not act on the batch, which it would count anew in every step.
//
// s is the Noise of the Ensemble. Where noise is learned s is a fiftieth of the movement, and the noise is learned
// beside, about the mean of the members.
//
// Each predicted entry has a kernel of its own, k = exp(-(f_l - f_j)²/h), as a diagonal matrix-valued kernel
// (Wang, Tang, Bajaj and Liu, 2019). One kernel over all entries would see only distances that grow with their
// number, and let the spread collapse.
type SVGD struct {
	On        bool    // the fields below have no meaning without
	Extra     int     // measurement points that are not data, in each step
	Reach     float64 // they are uniform in the box of the data, wider by Reach Scales on each side
	Prior     float64 // deviation of a difference before any data, in Scales; 0 for no prior
	Bandwidth float64 // length ℓ in h = 2ℓ², in normalised differences; 0 takes h from the members' mean squared distance in the entry
}

// DefaultSVGD returns repulsion on the batch and half as many points up to 1 Scale beyond the data, with a prior of 0.2 Scales.
func DefaultSVGD() SVGD { return SVGD{On: true, Extra: 32, Reach: 1, Prior: 0.2} }

func (v SVGD) check() error {
	if v.On && (v.Extra < 0 || v.Extra > 1e5 || !(v.Reach >= 0 && v.Reach <= 1e6) || !(v.Prior >= 0 && v.Prior <= 1e6) || !(v.Bandwidth >= 0 && v.Bandwidth <= 1e6)) {
		return fmt.Errorf("ensemble: SVGD.Extra %d, Reach %v, Prior %v and Bandwidth %v, want 0 to 1e5, and 0 to 1e6", v.Extra, v.Reach, v.Prior, v.Bandwidth)
	}
	return nil
}

// extra is how many columns a batch has besides the data.
func (v SVGD) extra() int {
	if v.On {
		return v.Extra
	}
	return 0
}

// steepest is φ for the particles f, [members, out, n], whose log-density has the gradient score.
func (v SVGD) steepest(f, score *Node) *Node {
	members := float64(f.Shape().Dim(0))
	apart := Sub(InsertAxes(f, 1), InsertAxes(f, 0)) // [l, j, out, n]: f_l - f_j
	square := Square(apart)
	var h *Node
	if v.Bandwidth > 0 {
		h = Scalar(f.Graph(), f.DType(), 2*v.Bandwidth*v.Bandwidth)
	} else {
		// The mean heuristic: the kernels of a particle with the others sum up to about 1.
		// The floor is for members that agree to a millionth of the movement.
		h = AddScalar(MulScalar(ReduceSum(square, 0, 1), 1/(members*(members-1)*math.Log(members+1))), 1e-12)
		h = InsertAxes(h, 0, 0)
	}
	k := Exp(Neg(Div(square, h)))
	attraction := Mul(k, InsertAxes(score, 1))
	repulsion := MulScalar(Div(Mul(k, apart), h), -2)
	return MulScalar(ReduceSum(Add(attraction, repulsion), 0), 1/members)
}

// surrogate is a scalar with the value of loss. Its gradient is that of loss - Σ f·φ, with φ held fixed.
func surrogate(loss, f, phi *Node) *Node {
	s := ReduceAllSum(Mul(f, StopGradient(phi)))
	return Sub(loss, Sub(s, StopGradient(s)))
}
