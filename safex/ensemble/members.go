package ensemble

import (
	"fmt"

	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// Members implements safex.Membered model.
func (m *model) Members() int { return m.shape.members }

// PredictMember implements safex.Membered model. It panics if member does not name one of Members for each point. All members are
// evaluated at all points, as in Predict.
func (m *model) PredictMember(dst *safex.Prediction, member []int, x, u num.Batch) error {
	nx, n := m.shape.out, x.Len()
	if len(member) != n {
		panic(fmt.Sprintf("ensemble: PredictMember of %d points by %d members", n, len(member)))
	}
	for i, k := range member {
		if k < 0 || k >= m.shape.members {
			panic(fmt.Sprintf("ensemble: PredictMember of point %d by member %d of %d", i, k, m.shape.members))
		}
	}
	out, err := m.call(each, x, u)
	if err != nil {
		return err
	}
	dst.Resize(nx, n)
	for i, b := range []num.Batch{dst.Mean, dst.Aleatoric} {
		err := tensors.ConstFlatData(out[i], func(flat []float64) { // [members, nx, lanes]
			lanes := len(flat) / (m.shape.members * nx)
			for d, column := range b {
				for l, k := range member {
					column[l] = flat[(k*nx+d)*lanes+l]
				}
			}
		})
		if err != nil {
			return fmt.Errorf("ensemble: predict: %w", err)
		}
	}
	for _, column := range dst.Epistemic {
		clear(column)
	}
	return nil
}

// Member implements safex.Splittable. It has the averaged weights of member i alone.
func (m *model) Member(i int) (safex.Model, error) {
	s := m.shape
	if i < 0 || i >= s.members {
		panic(fmt.Sprintf("ensemble: Member %d of %d", i, s.members))
	}
	s.members = 1
	var own state
	for _, all := range m.trained.average {
		n := len(all) / m.shape.members
		own.average = append(own.average, all[i*n:(i+1)*n])
	}
	return newModel(s, m.in, m.yScale, m.noise, m.declared, own)
}

var _ safex.Splittable = (*model)(nil)
