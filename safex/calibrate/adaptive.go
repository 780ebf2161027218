package calibrate

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Adaptive is adaptive conformal inference (Gibbs and Candès, 2021) on the scores of [Conformal], one for each
// held-out transition, made one-sided. It begins with the level δ₁ = Miss, and after every step that is executed
//
//	δ(t+1) = min(Miss, δ(t) + Rate · (Miss - err(t))),   err(t) = 1 if the step left the box of level δ(t), else 0.
//
// Without the minimum the level would rise over a good stretch until the box is too small for the next bad one; so
// the box is never smaller than that of Conformal. No assumption is made about the steps, and what holds is about a long-run average alone:
//
//	mean err - Miss ≤ (Miss - δ(T+1)) / (Rate·T)   after T steps.
//
// That is a budget of misses, not zero violations. In the paper δ stays above -Rate, as the box is everything for δ ≤ 0.
// A planner needs a finite box: for δ ≤ 0 it reaches the largest score times 1 - δ/Miss, and goes on growing as long as steps fall
// outside. So the right side vanishes with T if errors, in deviations, stay bounded; if they grow without end, it does not.
//
// With fewer than 1/Miss - 1 scores the largest is where the box begins.
type Adaptive struct {
	Learner safex.Codec `json:"-"`
	Miss    float64     // share of steps that may leave the box, at most, in the long run: above 0, below 1
	Rate    float64     // of adaptation, above 0: how far a step moves the level
	HoldOut int         // one of so many transitions calibrates, at least 2
	Recent  int         // how many scores count, the last ones; 0 is all
}

// DefaultAdaptive holds out one in five transitions, and lets one step in twenty leave the box.
func DefaultAdaptive() Adaptive { return Adaptive{Miss: 0.05, Rate: 0.01, HoldOut: 5} }

// With implements Calibrator.
func (c Adaptive) With(l safex.Codec) Calibrator { c.Learner = l; return c }

func (c Adaptive) conformal() Conformal {
	return Conformal{Learner: c.Learner, Miss: c.Miss, HoldOut: c.HoldOut, Recent: c.Recent}
}

// Check reports the first setting that is out of range, or what the Learner reports.
func (c Adaptive) Check() error {
	if !(c.Rate > 0 && c.Rate <= 1) {
		return fmt.Errorf("calibrate: Rate is %v, want above 0 and at most 1", c.Rate)
	}
	return c.conformal().Check()
}

// box sets β to the level that m has arrived at.
func (c Adaptive) box(m *model) {
	m.Summary.Beta, m.Level = quantile(m.Scores, m.Miss)
	if n := len(m.Scores); m.Level == 0 && n > 0 { // the level is beyond the scores
		m.Summary.Beta = m.Scores[n-1] * (1 + max(0, -m.Miss/c.Miss))
	}
}

// Learn implements safex.Learner. Transitions that prev does not know move its level first.
func (c Adaptive) Learn(ctx context.Context, s *safex.System, data *safex.Data, prev safex.Model, src rng.Stream) (safex.Model, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	level := c.Miss
	if prev != nil {
		p, err := c.adapted(ctx, s, data, prev, false)
		if err != nil {
			return nil, err
		}
		level = p.Miss
	}
	m, stopped, err := c.conformal().learn(ctx, s, data, prev, src)
	if err != nil || m == nil {
		return nil, err
	}
	m.Miss = level
	c.box(m)
	return m, stopped
}

// Update implements safex.Updater: each step that m does not know moves its level.
func (c Adaptive) Update(ctx context.Context, s *safex.System, data *safex.Data, m safex.Model) (safex.Model, error) {
	return c.adapted(ctx, s, data, m, true)
}

// adapted is m after the steps that it does not know, one by one; inner tells whether its learner takes them in.
func (c Adaptive) adapted(ctx context.Context, s *safex.System, data *safex.Data, sm safex.Model, inner bool) (*model, error) {
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
		score, err := scores(m, one)
		if err != nil {
			return nil, err
		}
		next := *m
		next.known = i + 1
		left := 0.0
		if score[0] > m.Summary.Beta {
			left = 1
		}
		next.Miss = min(c.Miss, next.Miss+c.Rate*(c.Miss-left))
		c.box(&next)
		m = &next
		if !inner || !updates {
			continue
		}
		if m, err = update(ctx, c.Learner, s, data.Pick(func(k int) bool { return k <= i }), m); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// Save implements safex.Codec.
func (c Adaptive) Save(m safex.Model) ([]byte, error) { return save("adaptive", c.Learner, m) }

// Load implements safex.Codec.
func (c Adaptive) Load(s *safex.System, data []byte) (safex.Model, error) {
	return load("adaptive", c.Learner, s, data, c.conformal().learned)
}

var _ Calibrator = Adaptive{}
