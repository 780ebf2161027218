package safex

import (
	"context"
	"fmt"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A Model is a belief about the dynamics of a System. A Model never changes,
// so it is safe for concurrent use and can be kept, compared and plotted later. Predict is all that planning asks of it: the engine of
// rollout.NewAuto runs models that also say what they compute, as by a Form, faster than others.
type Model interface {
	// Predict writes the belief about the next states of the points (x, u) to dst, which it
	// grows as needed. The error is the backend's. It panics if the dimensions disagree.
	Predict(dst *Prediction, x, u num.Batch) error
}

// A Prediction is a mean and two standard deviations for each dimension of each next state,
// in the units of the state.
type Prediction struct {
	Mean      num.Batch
	Epistemic num.Batch // standard deviation that more data would remove
	Aleatoric num.Batch // standard deviation that remains
}

// Resize makes p hold n points of the given dimension. What it held is lost.
func (p *Prediction) Resize(dim, n int) {
	for _, b := range []*num.Batch{&p.Mean, &p.Epistemic, &p.Aleatoric} {
		if len(*b) != dim || b.Len() != n {
			*b = num.NewBatch(dim, n)
		}
	}
}

// A Learner turns data into a Model. Implementations are plain structs of settings.
type Learner interface {
	// Learn fits a Model of s to data. prev is the Model of the fit before, nil at first, for
	// those that go on from it. A cancelled ctx returns the best Model so far and ctx's error.
	Learn(ctx context.Context, s *System, data *Data, prev Model, src rng.Stream) (Model, error)
}

// An Updater is a Learner whose Models take in new transitions between two fits, at little cost.
type Updater interface {
	Learner
	// Update returns a Model that knows all of data, of which m, made by Learn or Update from the first rows of the
	// same data, knows those. It leaves m as it is, and returns it if nothing of data changes it. In how many calls rows
	// come changes no bit.
	Update(ctx context.Context, s *System, data *Data, m Model) (Model, error)
}

// A Codec is a Learner that also writes its Models to disk and reads them back, with the same bits.
type Codec interface {
	Learner
	// Save is everything that Model m needs to predict and to be learned further.
	Save(m Model) ([]byte, error)
	// Load is the inverse of Save. It refuses bytes that are damaged or of another shape.
	Load(s *System, data []byte) (Model, error)
}

// A Calibrated Model says how wide the box around its mean has to be, for a probability that its maker states.
type Calibrated interface {
	Model
	// Beta is how many epistemic deviations the box reaches in each dimension, or 0 if the Model does not know after
	// all. Planners that defend a box take it in place of their own.
	Beta() float64
}

// BetaOf is the Beta of a Calibrated model, and 0 of any other.
func BetaOf(m Model) float64 {
	if c, ok := m.(Calibrated); ok {
		return c.Beta()
	}
	return 0
}

// A Selective model has learned from a part of its data alone.
type Selective interface {
	Model
	// Learned is that part of data.
	Learned(data *Data) *Data
}

// MembersOf is the number of members of a Membered model, and 0 of any other Model.
func MembersOf(m Model) int {
	if c, ok := m.(Membered); ok {
		return c.Members()
	}
	return 0
}

// MemberOf is member i of a Membered model: the Model that a Splittable one gives, or else a Model that has nothing but Predict. The
// error says that a Model has no such member.
func MemberOf(m Model, i int) (Model, error) {
	if s, ok := m.(Splittable); ok {
		return s.Member(i)
	}
	c, ok := m.(Membered)
	if !ok || i < 0 || i >= c.Members() {
		return nil, fmt.Errorf("safex: a %T has no member %d", m, i)
	}
	return member{c, i}, nil
}

// member is one of a Membered model.
type member struct {
	all Membered
	i   int
}

// Predict implements Model.
func (m member) Predict(dst *Prediction, x, u num.Batch) error {
	return m.all.PredictMember(dst, slices.Repeat([]int{m.i}, x.Len()), x, u)
}

// A Splittable model is a Membered one that can be taken apart.
type Splittable interface {
	Membered
	// Member is member i alone, as a Model that predicts what PredictMember does, up to rounding. It is to be taken through time,
	// and neither to be saved nor to be learned further.
	Member(i int) (Model, error)
}

// A Membered model has several members, each a belief by itself.
type Membered interface {
	Model
	// Members is how many there are, 0 if the Model has none after all.
	Members() int
	// PredictMember is Predict by member[i] alone for point i. Its epistemic deviation is 0.
	PredictMember(dst *Prediction, member []int, x, u num.Batch) error
}
