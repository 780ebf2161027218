package safex

import (
	"context"
	"slices"
)

// Cover says by what a step is proved to keep every limit for ever, as long as the box of the model that was in force holds the truth.
type Cover string

const (
	// CoverPlanned: a tube encloses the plan under every model error, keeps every limit, and ends in a set that a backup keeps.
	CoverPlanned Cover = "planned"
	// CoverKernel: the box of next states lies in a set that a backup keeps, as the model's viability kernel.
	CoverKernel Cover = "kernel"
	// CoverTail: the rest of a plan that was CoverPlanned is executed in place of the new one.
	CoverTail Cover = "tail"
	// CoverBackup: an action of the backup is executed in place of the plan's.
	CoverBackup Cover = "backup"
	// CoverNone: nothing is proved.
	CoverNone Cover = "none"
)

// Covered tells whether something is proved. Of a step that no Filter looked at, whose Cover is "", nothing is.
func (c Cover) Covered() bool { return c != "" && c != CoverNone }

// Covers lists what a Filter says of a step, the planner's own first.
func Covers() []Cover { return []Cover{CoverPlanned, CoverKernel, CoverTail, CoverBackup, CoverNone} }

// Feedback is an action that depends on the state that is met: Action + Gain (x - About), clipped to [-1, 1].
type Feedback struct {
	Action []float64 // [nu]
	Gain   []float64 // [nu, nx], rows one after the other, in actions per unit of the state; nil is 0
	About  []float64 // [nx], the state at which Action is what is done; nil without a Gain
}

// At is what is done in the state x.
func (f Feedback) At(x []float64) []float64 {
	u := slices.Clone(f.Action)
	if f.Gain == nil {
		return u
	}
	for k := range u {
		for d, v := range x {
			u[k] += f.Gain[k*len(x)+d] * (v - f.About[d])
		}
		u[k] = max(-1, min(1, u[k]))
	}
	return u
}

// A Filter stands between a plan and the system: it executes the plan where that is proved to be safe, and what is proved in its place where
// it is not (Wabersich and Zeilinger, 2021). Implementations are plain structs of settings.
type Filter interface {
	// Guard binds the Filter to a Model of s that was just fitted. It fails if it can prove nothing of such a system or model.
	Guard(s *System, m Model) (Guard, error)
}

// A Guard is a Filter that knows a Model. It is safe for concurrent use.
type Guard interface {
	// Keep returns the plan to execute in place of p, which it leaves as it is: with another first action, if need be, and always with
	// a Cover. The same q and p give the same plan, bit by bit. q is what p answers. A cancelled ctx returns its error.
	Keep(ctx context.Context, q Query, p *Plan) (*Plan, error)
}

// A Boxed Guard says how wide the box is that it proves by.
type Boxed interface {
	Guard
	// Deviations is how many epistemic deviations the box of a step reaches whose model asked for so many, and whose plan was made for so
	// many; either is 0 where there is none.
	Deviations(asked, planned float64) float64
}

// A Preparer is a Guard that can do ahead what the first Keep would else take its time for, as the viability kernel of its Model.
type Preparer interface {
	Guard
	// Prepare readies the Guard for steps whose model asks for so many epistemic deviations, and whose plan was made for so many; either is 0
	// where there is none. What Keep returns does not depend on it. A cancelled ctx returns its error.
	Prepare(ctx context.Context, asked, planned float64) error
}

// DeviationsOf are the Deviations of a Boxed Guard. Of any other they are what the model asked for, or else what the plan was made for.
func DeviationsOf(g Guard, asked, planned float64) float64 {
	if b, ok := g.(Boxed); ok {
		return b.Deviations(asked, planned)
	}
	if asked > 0 {
		return asked
	}
	return planned
}
