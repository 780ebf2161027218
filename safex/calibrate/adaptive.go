package calibrate

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Adaptive is adaptive conformal inference (Gibbs and Candès, 2021) that tracks a factor in place of a level, as Angelopoulos, Candès and
// Tibshirani (2023): q answers for every step that is executed. The box that was planned in, before the step was known to any fit, reaches q deviations
// of the model, and after the step
//
//	q ← Raise · q                                if it fell outside, and else
//	q ← max(Least, q / Raise^(Miss / (1-Miss)))   so that a share of Miss outside leaves it where it is.
//
// A step that is outside by no more than what is harmless does neither. Noise that the task declares is added to the box, and no error. Learners leave it out of their
// aleatoric deviation. A model whose deviations are made of what was held out, as those of Conformal, of Temperature and with HoldOut, has it counted twice: that is
// safe, and wider than need be.
//
// Each dimension is scored by itself, the sine and the cosine of an angle too: the box that is planned in, and that tubes are made of, has these for itself, and what counts as
// inside is to be what is inside there. One deviation for both, the larger one, would change little. Replayed on the 9600 steps of eight runs each of notebooks/studies/frontier.yaml, it
// takes 32 misses of the pendulum to 27, and the mean q from 1.58 to 1.57 in a box as wide; 174 misses of the RC car to 173, and 2.04 to 2.03; on 1600 steps of two
// runs of the cart-pole, 21 misses to 20, and 2.01 to 1.93 in a box that is 4 % narrower. The
// default's processes share one covariance, so that what they doubt of both is in one proportion everywhere: it does not vanish where one of them is flat.
//
// Nothing is assumed about the steps, and what holds is about their number alone. A step can only miss where q is below its score z, the most
// deviations that it is off by in a dimension. So ln q, which sums up what misses add and hits take, stays below ln(Raise z*) for the largest score z*,
// and with that
//
//	misses ≤ Miss · T + (1-Miss) max(0, 1 + ln(z*/Start) / ln Raise)   of the first T steps.
//
// That is a budget of misses, not zero violations; and it says nothing if errors, in deviations, grow without end.
//
// With Doubt the deviation is √(epistemic² + aleatoric²): where the truth jumps, as with dry friction, smooth networks agree on an answer between, and
// only the noise that they learned shows it; and where there is noise, the next step has it. What is left aleatoric is then 0.
//
// With HoldOut it stands on top of [Conformal]: that is how the deviations are made, and q is at least the quantile of the held-out scores. Without, q is
// at least the learner's own β.
type Adaptive struct {
	Learner  safex.Codec `json:"-"`
	Start    float64     // q before the first step, at least Least
	Least    float64     // of q, above 0
	Raise    float64     // above 1
	Miss     float64     // share of steps that may leave the box in the long run: above 0, below 1
	Harmless float64     // errors of up to so many Scales, in a dimension, are neither misses nor hits: at least 0. A safex.Var can declare more
	Doubt    bool        // the learned aleatoric deviation counts to the box
	HoldOut  int         // one of so many transitions is held out to calibrate, at least 2; 0 for none
}

// DefaultAdaptive begins with two deviations and doubts the noise, holds nothing out, and lets three steps in a hundred leave the box.
func DefaultAdaptive() Adaptive {
	return Adaptive{Start: 2, Least: 1.5, Raise: 1.5, Miss: 0.03, Harmless: 1e-5, Doubt: true}
}

// With implements Calibrator.
func (c Adaptive) With(l safex.Codec) Calibrator { c.Learner = l; return c }

// conformal is what it stands on top of.
func (c Adaptive) conformal() Conformal {
	return Conformal{Learner: c.Learner, Miss: c.Miss, HoldOut: c.HoldOut}
}

// Check reports the first setting that is out of range, or what the Learner reports.
func (c Adaptive) Check() error {
	switch {
	case !(c.Least > 0) || !(c.Start >= c.Least) || math.IsInf(c.Start, 1):
		return fmt.Errorf("calibrate: Start is %v and Least %v, want at least Least, and above 0", c.Start, c.Least)
	case !(c.Raise > 1) || math.IsInf(c.Raise, 1):
		return fmt.Errorf("calibrate: Raise is %v, want above 1", c.Raise)
	case !(c.Miss > 0 && c.Miss < 1):
		return fmt.Errorf("calibrate: Miss is %v, want above 0 and below 1", c.Miss)
	case !(c.Harmless >= 0) || math.IsInf(c.Harmless, 1):
		return fmt.Errorf("calibrate: Harmless is %v Scales, want at least 0", c.Harmless)
	case c.HoldOut == 0:
		return checkLearner(c.Learner, 2)
	}
	return checkLearner(c.Learner, c.HoldOut)
}

// A Track is what Adaptive has come to.
type Track struct {
	Q      float64 // how many deviations the box reaches
	Steps  int     // that were held against it
	Misses int     // those of them that fell outside
}

// box sets β to what m has tracked.
func (c Adaptive) box(m *model) {
	least, _ := quantile(m.Scores, c.Miss)
	if c.HoldOut == 0 {
		least = safex.BetaOf(m.Model)
	}
	m.Summary.Beta = max(m.Track.Q, least)
}

// learned is what of data the learner sees.
func (c Adaptive) learned(by split, data *safex.Data) *safex.Data {
	if c.HoldOut == 0 {
		return data
	}
	return c.conformal().learned(by, data)
}

// Learn implements safex.Learner. Transitions that prev does not know move its q first.
func (c Adaptive) Learn(ctx context.Context, s *safex.System, data *safex.Data, prev safex.Model, src rng.Stream) (safex.Model, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	if err := data.Check(); err != nil {
		return nil, err
	}
	track := Track{Q: c.Start}
	if prev != nil {
		p, err := c.tracked(ctx, s, data, prev, false)
		if err != nil {
			return nil, err
		}
		track = p.Track
	}
	m, stopped, err := c.learn(ctx, s, data, prev, src)
	if err != nil || m == nil {
		return nil, err
	}
	m.Track, m.Doubted, m.Miss, m.Level = track, c.Doubt, c.Miss, 0
	c.box(m)
	return m, stopped
}

// learn fits the learner, and measures its deviations if something is held out.
func (c Adaptive) learn(ctx context.Context, s *safex.System, data *safex.Data, prev safex.Model, src rng.Stream) (m *model, stopped, err error) {
	if c.HoldOut > 0 {
		return c.conformal().learn(ctx, s, data, prev, src)
	}
	inner, stopped, err := learn(ctx, c.Learner, s, data, prev, src)
	if err != nil || inner == nil {
		return nil, nil, err
	}
	sum := Summary{Scale: ones(len(s.State)), Floor: make([]float64, len(s.State))}
	for d, v := range s.State {
		sum.Floor[d] = 1e-6 * v.Scale
	}
	if m, err = newModel(inner, sum, data.Len(), 0, c.learned); err != nil {
		return nil, nil, err
	}
	const enough = 64 // of the last steps, near which the next ones are
	from := data.Len() - enough
	each, err := scores(m, data.Pick(func(i int) bool { return i >= from }))
	if err != nil {
		return nil, nil, err
	}
	if slices.ContainsFunc(each, func(v float64) bool { return math.IsInf(v, 1) }) {
		return nil, nil, fmt.Errorf("calibrate: the model leaves the real numbers on its own data")
	}
	return m, stopped, nil
}

// Update implements safex.Updater: each step that m does not know moves its q.
func (c Adaptive) Update(ctx context.Context, s *safex.System, data *safex.Data, m safex.Model) (safex.Model, error) {
	return c.tracked(ctx, s, data, m, true)
}

// tracked is m after the steps that it does not know, one by one; inner tells whether its learner takes them in.
func (c Adaptive) tracked(ctx context.Context, s *safex.System, data *safex.Data, sm safex.Model, inner bool) (*model, error) {
	m, ok := sm.(*model)
	if !ok {
		return nil, fmt.Errorf("calibrate: cannot update a %T", sm)
	}
	_, updates := c.Learner.(safex.Updater)
	for i := m.known; i < data.Len(); i++ {
		one := &safex.Data{X: single(data.X, i), U: single(data.U, i), Next: single(data.Next, i)}
		if err := one.Check(); err != nil {
			return nil, fmt.Errorf("calibrate: transition %d of %d is not a number", i, data.Len())
		}
		said, err := c.judge(s, m, one)
		if err != nil {
			return nil, err
		}
		next := *m
		next.known = i + 1
		t := &next.Track
		t.Steps++
		switch said {
		case miss:
			t.Misses++
			t.Q = c.Raise * m.Summary.Beta
		case hit:
			t.Q = max(c.Least, t.Q*math.Pow(c.Raise, -c.Miss/(1-c.Miss)))
		}
		c.box(&next)
		m = &next
		if !inner || !updates {
			continue
		}
		if m, err = update(ctx, c.Learner, s, data.Pick(func(k int) bool { return k <= i }), m); err != nil {
			return nil, err
		}
		c.box(m)
	}
	return m, nil
}

// A verdict is what a step says of a box.
type verdict int

const (
	hit      verdict = iota // it is inside
	harmless                // it is outside, and nothing depends on that
	miss
)

// judge holds a transition against the box of m. What is not a number is outside.
func (c Adaptive) judge(s *safex.System, m *model, one *safex.Data) (said verdict, err error) {
	var p safex.Prediction
	if err := m.Predict(&p, one.X, one.U); err != nil {
		return miss, err
	}
	noise, err := s.SeenNoise(m, one.X.Point(0), one.U.Point(0))
	if err != nil {
		return miss, err
	}
	for d, v := range s.State {
		x, mean, next := one.X[d][0], p.Mean[d][0], one.Next[d][0]
		off := math.Abs(next-mean) + rounding(x, mean, next)
		if noise != nil {
			off -= noise[d]
		}
		switch {
		case off <= m.Summary.Beta*p.Epistemic[d][0]:
		case off <= max(c.Harmless*v.Scale, v.Harmless):
			said = harmless
		default:
			return miss, nil
		}
	}
	return said, nil
}

// Save implements safex.Codec.
func (c Adaptive) Save(m safex.Model) ([]byte, error) {
	return saveAs("adaptive", adaptiveFormat, c.Learner, m)
}

// adaptiveFormat is 2 since it tracks a factor, not a level.
const adaptiveFormat = 2

// Load implements safex.Codec.
func (c Adaptive) Load(s *safex.System, data []byte) (safex.Model, error) {
	return loadAs("adaptive", adaptiveFormat, c.Learner, s, data, c.learned)
}

var _ Calibrator = Adaptive{}
