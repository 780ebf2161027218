// Package calibrate calibrates the epistemic deviation of any learner on transitions that it never learned from.
//
// The box of a belief is |next - mean| ≤ β · epistemic in each dimension. Three wrappers, from the weakest statement to
// the one that asks least:
//
//   - [Temperature] scales the epistemic deviation of each dimension so that quantiles match on average, as Kuleshov et al.
//     (2018). There is no finite-sample statement.
//   - [Conformal] is split conformal prediction (Vovk et al., 2005; Lei et al., 2018): β is a quantile of the scores of
//     held-out transitions, or of held-out episodes (Lindemann et al., 2023).
//   - [Adaptive] is adaptive conformal inference (Gibbs and Candès, 2021): every step that is executed is held against the box, which grows where
//     one falls outside, and shrinks while few do.
//
// What each guarantees, and when it does not, is in its own comment. The first two break where the policy changes after
// the calibration, or seeks high uncertainty: exploration does both; the third then still has its long-run average. What is
// left has to be measured, see the command safex card.
package calibrate

import (
	"context"
	"fmt"
	"math"
	"reflect"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A Calibrator is a Codec around another one. Its zero Learner has to be set before use, With does it.
type Calibrator interface {
	safex.Codec
	safex.Updater
	// With is the same settings around l.
	With(l safex.Codec) Calibrator
}

// A Summary says how a model was calibrated.
type Summary struct {
	Beta   float64   // how many deviations the box reaches; 0 leaves that to the learner or the planner
	Scale  []float64 // by which the epistemic deviation of each dimension was multiplied
	Floor  []float64 // deviation that every point has at least, of each dimension, in its unit
	Scores []float64 // of the held-out transitions or episodes, rising
	Level  float64   // share of the scores, in the sense of the quantile, that Beta covers: what is promised, under exchangeability; 0 if nothing is
	Miss   float64   // the setting

	Doubted bool // the learner's aleatoric deviation counts to the epistemic one
	Track   Track
}

// Of is how m was calibrated, if it was.
func Of(m safex.Model) (s Summary, ok bool) {
	c, ok := m.(*model)
	if !ok {
		return s, false
	}
	s = c.Summary
	s.Scale, s.Floor, s.Scores = slices.Clone(s.Scale), slices.Clone(s.Floor), slices.Clone(s.Scores)
	return s, true
}

// A split says which rows are held out: 0 for those that are so in every fit, and otherwise a number that was drawn for one.
type split uint64

// heldOut tells whether a row is held out if one in k is: one of each k rows that follow each other, drawn so that no period of the
// data can be mistaken for the whole.
func (s split) heldOut(row, k int) bool {
	block := rng.New(uint64(row / k))
	if s != 0 {
		block = rng.New(uint64(s)).At(row / k)
	}
	return row%k == int(block.Source().Uint64()%uint64(k))
}

// part is one in k transitions if held, and otherwise all others.
func (s split) part(data *safex.Data, k int, held bool) *safex.Data {
	return data.Pick(func(i int) bool { return s.heldOut(i, k) == held })
}

// checkLearner is the part of Check that all calibrators share.
func checkLearner(l safex.Codec, holdOut int) error {
	if l == nil {
		return fmt.Errorf("calibrate: Learner is required")
	}
	if holdOut < 2 || holdOut > 1e6 {
		return fmt.Errorf("calibrate: HoldOut is %d, want 2 to 1e6", holdOut)
	}
	if c, ok := l.(interface{ Check() error }); ok {
		return c.Check()
	}
	return nil
}

// learn fits the inner learner to data, going on from the inner model of prev.
func learn(ctx context.Context, l safex.Codec, s *safex.System, data *safex.Data, prev safex.Model, src rng.Stream) (inner safex.Model, stopped error, err error) {
	var before safex.Model
	if prev != nil {
		p, ok := prev.(*model)
		if !ok {
			return nil, nil, fmt.Errorf("calibrate: cannot go on from a %T", prev)
		}
		before = p.Model
	}
	inner, err = l.Learn(ctx, s, data, before, src)
	if inner == nil {
		return nil, nil, err
	}
	return inner, err, nil
}

// update takes what is learned of data into the inner model of m, if its learner can.
func update(ctx context.Context, l safex.Codec, s *safex.System, data *safex.Data, m *model) (*model, error) {
	u, ok := l.(safex.Updater)
	if !ok {
		return m, nil
	}
	inner, err := u.Update(ctx, s, m.Learned(data), m.Model)
	if err != nil {
		return nil, err
	}
	if same(inner, m.Model) {
		return m, nil
	}
	return newModel(inner, m.Summary, m.known, m.split, m.learned)
}

// same tells whether an update gave back the model that it was given.
func same(a, b safex.Model) bool {
	return reflect.TypeOf(a).Comparable() && a == b
}

// floor is the root-mean-square error of the mean on data that were learned from: what remains where the
// epistemic deviation says that nothing does. It is at least a millionth of each Scale.
func floor(s *safex.System, inner safex.Model, learned *safex.Data) ([]float64, error) {
	var p safex.Prediction
	if err := inner.Predict(&p, learned.X, learned.U); err != nil {
		return nil, err
	}
	f := make([]float64, len(s.State))
	for d, v := range s.State {
		for i, mean := range p.Mean[d] {
			f[d] += (learned.Next[d][i] - mean) * (learned.Next[d][i] - mean) / float64(learned.Len())
		}
		f[d] = max(math.Sqrt(f[d]), 1e-6*v.Scale)
		if f[d]-f[d] != 0 {
			return nil, fmt.Errorf("calibrate: the model's mean of %s leaves the real numbers on its own data", v.Name)
		}
	}
	return f, nil
}

// rounding is by how much a forecast may be off as an engine computes it, which a box is held against: some of the last places of
// float32 of the change of a state, in which networks compute, and of float64 of the state itself.
func rounding(x, mean, next float64) float64 {
	return max(math.Abs(next-x), math.Abs(mean-x))/(1<<21) + max(math.Abs(x), math.Abs(next))/(1<<50)
}

// scores are by how many deviations of m each transition misses the mean, in its worst dimension and with the rounding of a
// rollout on top. Without it the box of a model that is exact would be narrower than the numbers that it is compared with.
func scores(m safex.Model, data *safex.Data) ([]float64, error) {
	s := make([]float64, data.Len())
	if len(s) == 0 {
		return s, nil
	}
	var p safex.Prediction
	if err := m.Predict(&p, data.X, data.U); err != nil {
		return nil, err
	}
	for d := range p.Mean {
		for i := range s {
			x, mean, next := data.X[d][i], p.Mean[d][i], data.Next[d][i]
			off := (math.Abs(next-mean) + rounding(x, mean, next)) / p.Epistemic[d][i]
			if off != off { // a NaN is worst; 0 of 0 too
				off = math.Inf(1)
			}
			s[i] = max(s[i], off)
		}
	}
	return s, nil
}

// quantile is the ⌈(n+1)(1-miss)⌉-th smallest of n rising scores, and its rank over n+1. Both are 0 if there are too few.
func quantile(scores []float64, miss float64) (q, level float64) {
	n := len(scores)
	rank := max(1, int(math.Ceil(float64(n+1)*(1-miss)-1e-9))) // 20 · 0.95 is 19
	if rank > n {
		return 0, 0
	}
	return scores[rank-1], float64(rank) / float64(n+1)
}

// single is a batch of row i.
func single(b num.Batch, i int) num.Batch {
	s := make(num.Batch, len(b))
	for d := range b {
		s[d] = b[d][i : i+1]
	}
	return s
}
