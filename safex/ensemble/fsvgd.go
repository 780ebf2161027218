package ensemble

import (
	"encoding/json/jsontext"
	"encoding/json/v2"
	"fmt"
	"math"

	. "github.com/gomlx/gomlx/core/graph"
)

// SVGD lets the members repel each other in function space, as those of the published learner do, by Stein variational gradient
// descent on what they predict (Wang et al., 2019, Function space particle optimization for Bayesian neural networks). The members'
// predictions on a batch are particles of
//
//	p(f) ∝ Π N(y; f, s²),
//
// and particle j moves along φ_j = 1/M Σ_l [k(f_l, f_j) ∇ log p(f_l) + ∇_{f_l} k(f_l, f_j)], backpropagated
// into its weights. In the data the members differ by about s; away from them nothing says by how much.
//
// s is the Noise of the Ensemble. Where noise is learned s is a fiftieth of the movement, and the noise is learned
// beside, about the mean of the members.
//
// Each predicted entry has a kernel of its own, k = exp(-(f_l - f_j)²/h), as a diagonal matrix-valued kernel
// (Wang, Tang, Bajaj and Liu, 2019). One kernel over all entries would see only distances that grow with their
// number, and let the spread collapse.
//
// It is for comparisons with what was published. Members that also repel each other beside the data hold more steps in their box, and
// err several times as much there: an adversary who may use all of that box leaves a planner nothing to explore with.
type SVGD struct {
	On        bool    // Bandwidth has no meaning without
	Bandwidth float64 // length ℓ in h = 2ℓ², in normalised differences; 0 takes h from the members' mean squared distance in the entry
}

// UnmarshalJSONFrom implements json.UnmarshalerFrom. It passes over what settings until version 0.9 had beside: points away from the data
// at which members repelled each other, and a prior for them.
func (v *SVGD) UnmarshalJSONFrom(d *jsontext.Decoder) error {
	all := struct {
		On                  bool
		Bandwidth           float64
		Extra, Reach, Prior jsontext.Value
	}{On: v.On, Bandwidth: v.Bandwidth}
	err := json.UnmarshalDecode(d, &all)
	v.On, v.Bandwidth = all.On, all.Bandwidth
	return err
}

func (v SVGD) check() error {
	if v.On && !(v.Bandwidth >= 0 && v.Bandwidth <= 1e6) {
		return fmt.Errorf("ensemble: SVGD.Bandwidth is %v, want 0 to 1e6", v.Bandwidth)
	}
	return nil
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
