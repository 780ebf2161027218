package plan

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Affine takes the excess of each limit at each step for affine in η, with the derivatives J that single errors of ±Size
// leave. The maximum over the box is then the excess without an error plus ‖J‖₁, at the vertex sign(J): a vertex for each limit
// and step, all of which are tried. It is exact if the excess is affine, as it is for linear dynamics under a constant epistemic deviation and
// linear limits without a budget, and otherwise a guess.
type Affine struct {
	Size float64 // of the single errors, above 0 and at most 1
}

// DefaultAffine returns errors as wide as the box.
func DefaultAffine() Affine { return Affine{Size: 1} }

// Check implements Adversary.
func (f Affine) Check() error {
	if !(f.Size > 0 && f.Size <= 1) {
		return fmt.Errorf("plan: Size is %v, want above 0 and at most 1", f.Size)
	}
	return nil
}

// Attack implements Adversary. It draws nothing.
func (f Affine) Attack(ctx context.Context, dst *Perturbations, t Target, _ rng.Stream) error {
	a := newAttackState(dst, t)
	n := a.horizon * a.nx
	single := num.NewBatch(n, 2*n+1) // lanes d and n+d are errors of d alone; the last is none
	for d, column := range single {
		column[d], column[n+d] = f.Size, -f.Size
	}
	vertices := num.NewBatch(n, max(1, a.horizon*a.nl))
	for i := range t.Plans.Len() {
		if err := a.try(ctx, i, single); err != nil {
			return err
		}
		for k, excess := range a.out.Excess {
			for d, column := range vertices {
				column[k] = 0
				switch up, down := excess[d], excess[n+d]; {
				case up > down:
					column[k] = 1
				case up < down:
					column[k] = -1
				} // what changes nothing, or comes out as NaN, stays out
			}
		}
		if err := a.try(ctx, i, vertices); err != nil {
			return err
		}
	}
	return nil
}

var _ Adversary = Affine{}
