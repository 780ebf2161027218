package calibrate

import (
	"context"
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Tracking holds a factor to account by every step that is executed: a one-step prediction, made before the step was known to any fit, has the
// score
//
//	z = max over dimensions |next - mean| / w,   w = √(epistemic² + aleatoric²),
//
// and after it the box reaches
//
//	q ← Raise · z                            if the step was outside, z > q, else
//	q ← max(Least, (1 - Decay) q)            while no more than Miss of the steps were outside, and q as it is beyond that.
//
// So it is multiplicative conformal tracking (after Gibbs and Candès, 2021, and Angelopoulos, Candès and Tibshirani, 2023). Nothing is assumed
// about the steps: every miss multiplies q by Raise at least, and q stays between Least and Raise times the greatest score z*. So of T steps
//
//	misses ≤ Miss · T + 1 + ln(Raise · z* / Least) / ln(Raise).
//
// That is a budget of misses, not zero violations. The learned aleatoric deviation counts to the box: where the truth jumps, smooth networks agree
// on an answer between, and only that deviation shows it. Where there is real noise it belongs into the box too. What is explored for,
// the epistemic deviation of the learner, is widened by it as well.
//
// Errors of at most Harmless in some dimension neither raise q nor lower it there.
type Tracking struct {
	Learner  safex.Codec `json:"-"`
	Start    float64     // q before the first step, at least Least
	Least    float64     // of q, above 0; the learner's own β, if it has one, is where it is larger
	Raise    float64     // above 1
	Decay    float64     // in (0, 1): share of q that a step within the box takes away
	Miss     float64     // share of steps that may be outside while q still falls: in (0, 1)
	Harmless float64     // error that no limit minds, in Scales, at least 0
}

// DefaultTracking begins with three deviations, and lets one step in twenty leave the box.
func DefaultTracking() Tracking {
	return Tracking{Start: 2, Least: 1.5, Raise: 1.2, Decay: 0.01, Miss: 0.03, Harmless: 1e-5}
}

// With implements Calibrator.
func (c Tracking) With(l safex.Codec) Calibrator { c.Learner = l; return c }

// Check reports the first setting that is out of range, or what the Learner reports.
func (c Tracking) Check() error {
	switch {
	case !(c.Least > 0) || !(c.Start >= c.Least) || math.IsInf(c.Start, 1):
		return fmt.Errorf("calibrate: Start is %v and Least %v, want at least Least, and above 0", c.Start, c.Least)
	case !(c.Raise > 1) || math.IsInf(c.Raise, 1) || !(c.Decay > 0 && c.Decay < 1) || !(c.Miss > 0 && c.Miss < 1):
		return fmt.Errorf("calibrate: Raise is %v, Decay %v and Miss %v, want above 1, and between 0 and 1", c.Raise, c.Decay, c.Miss)
	case !(c.Harmless >= 0) || math.IsInf(c.Harmless, 1):
		return fmt.Errorf("calibrate: Harmless is %v Scales, want at least 0", c.Harmless)
	}
	return checkLearner(c.Learner, 2)
}

// everything is what of data the learner sees.
func everything(_ split, data *safex.Data) *safex.Data { return data }

// Learn implements safex.Learner. Transitions that prev does not know move its q first.
func (c Tracking) Learn(ctx context.Context, s *safex.System, data *safex.Data, prev safex.Model, src rng.Stream) (safex.Model, error) {
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
	inner, stopped, err := learn(ctx, c.Learner, s, data, prev, src)
	if err != nil || inner == nil {
		return nil, err
	}
	sum := Summary{Scale: ones(len(s.State)), Floor: make([]float64, len(s.State)), Miss: c.Miss, Doubted: true, Track: track}
	for d, v := range s.State {
		sum.Floor[d] = 1e-6 * v.Scale
	}
	m, err := newModel(inner, sum, data.Len(), 0, everything)
	if err != nil {
		return nil, err
	}
	c.box(m)
	return m, stopped
}

// box sets β to what m has tracked.
func (c Tracking) box(m *model) {
	m.Summary.Beta = max(m.Track.Q, safex.BetaOf(m.Model))
}

// Update implements safex.Updater.
func (c Tracking) Update(ctx context.Context, s *safex.System, data *safex.Data, m safex.Model) (safex.Model, error) {
	return c.tracked(ctx, s, data, m, true)
}

// tracked is m after the steps that it does not know, one by one; inner tells whether its learner takes them in.
func (c Tracking) tracked(ctx context.Context, s *safex.System, data *safex.Data, sm safex.Model, inner bool) (*model, error) {
	m, ok := sm.(*model)
	if !ok {
		return nil, fmt.Errorf("calibrate: cannot update a %T", sm)
	}
	_, updates := c.Learner.(safex.Updater)
	harmless := make([]float64, len(s.State))
	for d, v := range s.State {
		harmless[d] = c.Harmless * v.Scale
	}
	for i := m.known; i < data.Len(); i++ {
		one := &safex.Data{X: single(data.X, i), U: single(data.U, i), Next: single(data.Next, i)}
		if err := one.Check(); err != nil {
			return nil, fmt.Errorf("calibrate: transition %d of %d is not a number", i, data.Len())
		}
		z, err := score(m, one, harmless)
		if err != nil {
			return nil, err
		}
		next := *m
		next.known = i + 1
		t := &next.Track
		t.Steps++
		switch {
		case z > m.Summary.Beta:
			t.Misses++
			t.Q = c.Raise * m.Summary.Beta
		case float64(t.Misses) <= c.Miss*float64(t.Steps):
			t.Q = max(c.Least, (1-c.Decay)*t.Q)
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

// score is that of one transition, in which errors up to harmless do not count.
func score(m safex.Model, one *safex.Data, harmless []float64) (z float64, err error) {
	var p safex.Prediction
	if err := m.Predict(&p, one.X, one.U); err != nil {
		return 0, err
	}
	for d, h := range harmless {
		x, mean, next := one.X[d][0], p.Mean[d][0], one.Next[d][0]
		off := math.Abs(next-mean) + rounding(x, mean, next)
		if off <= h {
			continue
		}
		off /= p.Epistemic[d][0]
		if off != off { // a NaN is worst; 0 of 0 too
			off = math.Inf(1)
		}
		z = max(z, off)
	}
	if math.IsInf(z, 1) {
		return 0, fmt.Errorf("calibrate: the model leaves the real numbers on a step that was executed")
	}
	return z, nil
}

// Save implements safex.Codec.
func (c Tracking) Save(m safex.Model) ([]byte, error) { return save("tracking", c.Learner, m) }

// Load implements safex.Codec.
func (c Tracking) Load(s *safex.System, data []byte) (safex.Model, error) {
	return load("tracking", c.Learner, s, data, everything)
}

var _ Calibrator = Tracking{}
