package calibrate

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Conformal is split conformal prediction. With σ the learner's epistemic deviation and ρ the root-mean-square error of its mean on
// what it learned from, the model's deviation is w = √(σ² + ρ²), and its box reaches β of them, where β is the
// ⌈(n+1)(1-Miss)⌉-th smallest of the scores
//
//	max over dimensions |next - mean| / w                            of n held-out transitions, or
//	max over dimensions and steps of an episode |next - mean| / w    of n held-out episodes.
//
// If a new transition (or episode) is exchangeable with the held-out ones, all its dimensions (and steps) are in the
// box with probability at least 1-Miss, for any model quality and any noise: next includes the noise, so the box
// already contains it, and what the task declares of it comes on top. This takes n ≥ 1/Miss - 1 scores. With fewer nothing is promised, and β is the learner's or the
// planner's own.
//
// Exchangeability is broken here: steps of one episode depend on each other (score episodes, then there are fewer scores),
// the policy changes after calibration and depends on β, and exploration seeks high uncertainty. Then nothing is
// guaranteed, and coverage is to be measured.
//
// One of each HoldOut transitions, drawn once and for all, or every HoldOut-th episode, is held out for ever: no fit learns
// from it. Scores are made with the model of the last fit. An episode has a score once Data.Begin has said that it is over.
type Conformal struct {
	Learner safex.Codec `json:"-"`
	Miss    float64     // share of transitions, or episodes, that may leave the box: above 0, below 1
	Episode bool        // score whole episodes, not transitions
	HoldOut int         // one of so many transitions, or episodes, calibrates, at least 2
	Recent  int         // how many scores count, the last ones; 0 is all
}

// DefaultConformal holds out one in five transitions, and lets one in twenty leave the box.
func DefaultConformal() Conformal { return Conformal{Miss: 0.05, HoldOut: 5} }

// With implements Calibrator.
func (c Conformal) With(l safex.Codec) Calibrator { c.Learner = l; return c }

// Check reports the first setting that is out of range, or what the Learner reports.
func (c Conformal) Check() error {
	if !(c.Miss > 0 && c.Miss < 1) || c.Recent < 0 {
		return fmt.Errorf("calibrate: Miss is %v and Recent %d, want above 0 and below 1, and at least 0", c.Miss, c.Recent)
	}
	return checkLearner(c.Learner, c.HoldOut)
}

// split takes data apart: what is learned from, what calibrates, and the rows of the latter that share a score.
func (c Conformal) split(data *safex.Data) (learned, held *safex.Data, units [][2]int) {
	if !c.Episode {
		held = split(0).part(data, c.HoldOut, true)
		for i := range held.Len() {
			units = append(units, [2]int{i, i + 1})
		}
		return split(0).part(data, c.HoldOut, false), held, units
	}
	out := make([]bool, data.Len())
	episodes := data.Episodes()
	for k, e := range episodes {
		if k%c.HoldOut == c.HoldOut-1 {
			for i := e[0]; i < e[1]; i++ {
				out[i] = true
			}
		}
	}
	held = data.Pick(func(i int) bool { return out[i] })
	units = held.Episodes()
	// An episode that goes on may get worse: it has no score yet.
	over := len(data.Starts) > 0 && data.Starts[len(data.Starts)-1] == data.Len()
	if !over && len(episodes)%c.HoldOut == 0 && len(units) > 0 {
		units = units[:len(units)-1]
	}
	return data.Pick(func(i int) bool { return !out[i] }), held, units
}

// learned is what of data the learner sees.
func (c Conformal) learned(_ split, data *safex.Data) *safex.Data {
	learned, _, _ := c.split(data)
	return learned
}

// Learn implements safex.Learner.
func (c Conformal) Learn(ctx context.Context, s *safex.System, data *safex.Data, prev safex.Model, src rng.Stream) (safex.Model, error) {
	m, stopped, err := c.learn(ctx, s, data, prev, src)
	if err != nil || m == nil {
		return nil, err
	}
	return m, stopped
}

func (c Conformal) learn(ctx context.Context, s *safex.System, data *safex.Data, prev safex.Model, src rng.Stream) (m *model, stopped, err error) {
	if err := c.Check(); err != nil {
		return nil, nil, err
	}
	if err := data.Check(); err != nil {
		return nil, nil, err
	}
	learned, held, units := c.split(data)
	if learned.Len() == 0 || !c.Episode && data.Len() < c.HoldOut {
		return nil, nil, fmt.Errorf("calibrate: %d transitions are too few: want at least HoldOut = %d", data.Len(), c.HoldOut)
	}
	inner, stopped, err := learn(ctx, c.Learner, s, learned, prev, src)
	if err != nil || inner == nil {
		return nil, nil, err
	}
	sum := Summary{Scale: ones(len(s.State)), Miss: c.Miss}
	if sum.Floor, err = floor(s, inner, learned); err != nil {
		return nil, nil, err
	}
	if m, err = newModel(inner, sum, data.Len(), 0, c.learned); err != nil {
		return nil, nil, err
	}
	each, err := scores(m, held)
	if err != nil {
		return nil, nil, err
	}
	for _, u := range units {
		m.Scores = append(m.Scores, slices.Max(each[u[0]:u[1]]))
	}
	if c.Recent > 0 && len(m.Scores) > c.Recent {
		m.Scores = m.Scores[len(m.Scores)-c.Recent:]
	}
	slices.Sort(m.Scores)
	if n := len(m.Scores); n > 0 && math.IsInf(m.Scores[n-1], 1) {
		return nil, nil, fmt.Errorf("calibrate: the model leaves the real numbers on held-out transitions")
	}
	m.Summary.Beta, m.Level = quantile(m.Scores, c.Miss)
	return m, stopped, nil
}

// Update implements safex.Updater; β stays until the next fit.
func (c Conformal) Update(ctx context.Context, s *safex.System, data *safex.Data, m safex.Model) (safex.Model, error) {
	old, ok := m.(*model)
	if !ok {
		return nil, fmt.Errorf("calibrate: cannot update a %T", m)
	}
	return update(ctx, c.Learner, s, data, old)
}

// Save implements safex.Codec.
func (c Conformal) Save(m safex.Model) ([]byte, error) { return save("conformal", c.Learner, m) }

// Load implements safex.Codec.
func (c Conformal) Load(s *safex.System, data []byte) (safex.Model, error) {
	return load("conformal", c.Learner, s, data, c.learned)
}

var _ Calibrator = Conformal{}
