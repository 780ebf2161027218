// Package residual joins what is known about a system with what is learned: an analytic prior, and any learner
// for what the prior gets wrong.
package residual

import (
	"context"
	"fmt"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/checksum"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Residual learns the difference between a system and a nominal model of it:
//
//	next = prior(x, u) + (what Learner says of next - prior(x, u)).
//
// The prior itself is taken for certain: epistemic and aleatoric deviations are those of the Learner. A prior that is nearly right
// leaves small differences, which a learner needs few data for; one that is wrong is no worse than none, as
// long as the difference is no harder to learn than the movement.
type Residual struct {
	// Prior has the nominal dynamics, perhaps with wrong parameters, and the states and actions of the task. Nothing
	// else of it is used.
	Prior   *safex.System
	Learner safex.Codec // of the difference
}

// Check reports the first setting that is missing, or what the Learner reports.
func (r Residual) Check() error {
	if r.Prior == nil || r.Learner == nil {
		return fmt.Errorf("residual: Prior and Learner are required")
	}
	if c, ok := r.Learner.(interface{ Check() error }); ok {
		return c.Check()
	}
	return nil
}

func (r Residual) fits(s *safex.System) error {
	if err := r.Check(); err != nil {
		return err
	}
	if len(r.Prior.State) != len(s.State) || len(r.Prior.Action) != len(s.Action) {
		return fmt.Errorf("residual: a prior %q of %d state and %d action dimensions for task %q of %d and %d",
			r.Prior.Name, len(r.Prior.State), len(r.Prior.Action), s.Name, len(s.State), len(s.Action))
	}
	return nil
}

// differences are the data that the Learner sees: what is added to the state is what the prior missed.
func (r Residual) differences(data *safex.Data) (*safex.Data, error) {
	prior := num.NewBatch(len(data.X), data.Len())
	if data.Len() > 0 {
		r.Prior.Dynamics.EvalBatch(prior, slices.Concat(data.X, data.U))
	}
	for d, column := range prior {
		for i := range column {
			column[i] = data.X[d][i] + (data.Next[d][i] - column[i])
			if column[i]-column[i] != 0 {
				return nil, fmt.Errorf("residual: prior %q leaves the real numbers at transition %d of %d", r.Prior.Name, i, data.Len())
			}
		}
	}
	return &safex.Data{X: data.X, U: data.U, Next: prior, Starts: data.Starts}, nil
}

// Learn implements safex.Learner.
func (r Residual) Learn(ctx context.Context, s *safex.System, data *safex.Data, prev safex.Model, src rng.Stream) (safex.Model, error) {
	if err := r.fits(s); err != nil {
		return nil, err
	}
	if err := data.Check(); err != nil {
		return nil, err
	}
	var inner safex.Model
	if prev != nil {
		p, ok := prev.(*model)
		if !ok {
			return nil, fmt.Errorf("residual: cannot go on from a %T", prev)
		}
		inner = p.Model
	}
	rest, err := r.differences(data)
	if err != nil {
		return nil, err
	}
	m, err := r.Learner.Learn(ctx, s, rest, inner, src)
	if m == nil {
		return nil, err
	}
	return &model{m, r.Prior.Dynamics}, err
}

// Update implements safex.Updater. A Learner that is none knows no more than before.
func (r Residual) Update(ctx context.Context, s *safex.System, data *safex.Data, m safex.Model) (safex.Model, error) {
	old, ok := m.(*model)
	if !ok {
		return nil, fmt.Errorf("residual: cannot update a %T", m)
	}
	u, ok := r.Learner.(safex.Updater)
	if !ok {
		return m, nil
	}
	if err := r.fits(s); err != nil {
		return nil, err
	}
	rest, err := r.differences(data)
	if err != nil {
		return nil, err
	}
	inner, err := u.Update(ctx, s, rest, old.Model)
	if err != nil {
		return nil, err
	}
	return &model{inner, r.Prior.Dynamics}, nil
}

// file is a saved model.
type file struct {
	Prior string // fingerprint
	Model []byte // of the Learner
}

const kind, format = "prior and residual", 1

// Save implements safex.Codec.
func (r Residual) Save(sm safex.Model) ([]byte, error) {
	m, ok := sm.(*model)
	if !ok {
		return nil, fmt.Errorf("residual: cannot save a %T", sm)
	}
	inner, err := r.Learner.Save(m.Model)
	if err != nil {
		return nil, err
	}
	return checksum.Seal(kind, format, file{m.prior.Fingerprint(), inner})
}

// Load implements safex.Codec.
func (r Residual) Load(s *safex.System, data []byte) (safex.Model, error) {
	if err := r.fits(s); err != nil {
		return nil, err
	}
	var f file
	if err := checksum.Open(kind, format, data, &f); err != nil {
		return nil, err
	}
	if f.Prior != r.Prior.Dynamics.Fingerprint() {
		return nil, fmt.Errorf("residual: load: a model of another prior than %q of this learner", r.Prior.Name)
	}
	inner, err := r.Learner.Load(s, f.Model)
	if err != nil {
		return nil, err
	}
	return &model{inner, r.Prior.Dynamics}, nil
}

var (
	_ safex.Codec   = Residual{}
	_ safex.Updater = Residual{}
)
