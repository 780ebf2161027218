package safex

import (
	"context"
	"sync"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// An Engine knows how to take Models through time fast. Implementations keep what they
// compiled, so that a new Model of the same shape costs nothing. rollout.NewAuto is one for every Model.
type Engine interface {
	// Rollout binds a Model. It fails if the Engine cannot run models of this kind.
	Rollout(s *System, m Model) (Rollout, error)
}

// A Rollout takes a belief through time,
//
//	x[t+1] = mean(x[t], u[t]) + (β · epistemic(x[t], u[t]) + w) ⊙ η[t],
//
// where w is the System's NoiseBox, for many candidates side by side. It is the only thing that turns a belief into a
// trajectory. It is safe for concurrent use, and candidate i of a batch never depends
// on the others.
type Rollout interface {
	// Roll takes every candidate through its horizon into dst, which it grows as needed.
	// If up is not nil, Roll also writes to dst the gradients of *up with respect to the
	// actions and to η.
	Roll(ctx context.Context, dst *Rolled, c Candidates, up *Scalarisation) error
}

// BindMembers binds the members of m to e, each when it is first asked for: what Query.Members and Query.Member are. The
// function is safe for concurrent use.
func BindMembers(e Engine, s *System, m Model) (members int, member func(i int) (Rollout, error)) {
	each := make([]func() (Rollout, error), MembersOf(m))
	for i := range each {
		each[i] = sync.OnceValues(func() (Rollout, error) {
			own, err := MemberOf(m, i)
			if err != nil {
				return nil, err
			}
			return e.Rollout(s, own)
		})
	}
	return len(each), func(i int) (Rollout, error) { return each[i]() }
}

// Candidates are action sequences of one horizon from one state, each with a model error.
type Candidates struct {
	State      []float64 // where every candidate starts
	Actions    num.Batch // column t·nu+k is action k at step t, in [-1, 1]; a lane is a candidate
	Eta        num.Batch // column t·nx+d is the error of dimension d at step t, in [-1, 1] unless it is drawn, when w counts for a deviation; nil is 0
	Beta       float64   // how many epistemic deviations η = 1 means, at least 0
	LastAction []float64 // action before the first, for limits on rates; nil is 0
	Spread     []float64 // [nx] what comes to the noise w in the first step, where the start is not known; nil is 0
	Epistemic  bool      // also write Rolled.Epistemic
}

// Rolled is the rollout of Candidates: where they went. Lane i belongs to candidate i.
type Rolled struct {
	Reward num.Batch // column t: reward of step t
	Excess num.Batch // column t·nl+k: signed excess of limit k after step t, in units of its Scale
	States num.Batch // column t·nx+d: dimension d of the state after step t
	// Epistemic in column t·nx+d is the epistemic deviation of dimension d, in its unit and not times β, at the state and the
	// action of step t; nil unless the Candidates ask for it.
	Epistemic num.Batch

	Value      []float64 // of the Scalarisation; nil without one
	GradAction num.Batch // of Value, shaped as Candidates.Actions; nil without a Scalarisation
	GradEta    num.Batch // of Value, columns t·nx+d; nil without a Scalarisation
}

// A Scalarisation is the quantity whose gradient is wanted: for each candidate
//
//	Reward · Σₜ reward[t] + Excess · (1/κ) log Σₜₖ exp(κ excess[t,k]),   κ = Sharpness,
//
// where the second term is a smooth maximum over the steps and limits of the horizon.
type Scalarisation struct {
	Reward, Excess float64
	Sharpness      float64 // above 0; the smooth maximum is at most log(H·nl)/κ too large
}

// Resize makes r hold n candidates of the given horizon, state and limit dimensions.
func (r *Rolled) Resize(horizon, nx, nl, n int) {
	for _, b := range []struct {
		batch *num.Batch
		dim   int
	}{{&r.Reward, horizon}, {&r.Excess, horizon * nl}, {&r.States, horizon * nx}} {
		if len(*b.batch) != b.dim || b.batch.Len() != n {
			*b.batch = num.NewBatch(b.dim, n)
		}
	}
}

// Return is the sum of the rewards of candidate i.
func (r *Rolled) Return(i int) (sum float64) {
	for _, column := range r.Reward {
		sum += column[i]
	}
	return sum
}

// Trajectory is the way of candidate i of c, which were rolled out into r: a trajectory of the System s, with excesses in the units of its limits.
func (r *Rolled) Trajectory(s *System, c Candidates, i int) Trajectory {
	nx, nu, nl := len(s.State), len(s.Action), len(s.Limits)
	t := Trajectory{States: [][]float64{c.State}}
	for at := range r.Reward {
		u, next, excess := make([]float64, nu), make([]float64, nx), make([]float64, nl)
		for k := range u {
			u[k] = c.Actions[at*nu+k][i]
		}
		for d := range next {
			next[d] = r.States[at*nx+d][i]
		}
		for k := range excess {
			excess[k] = r.Excess[at*nl+k][i] * s.LimitScale(k)
		}
		t.Append(u, next, r.Reward[at][i], excess)
	}
	return t
}
