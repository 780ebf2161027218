package safex

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A Propagation is a way to draw next states from a belief, as in Chua et al. (2018), section 5. With the mean μ, the
// epistemic and aleatoric deviations σ and ς, and ε from a standard normal distribution in each dimension:
type Propagation int

const (
	ByMean         Propagation = iota // μ
	ByNoisyMean                       // μ + ς ε
	ByDistribution                    // μ + √(σ² + ς²) ε
	TS1                               // μ + ς ε of one member of a Membered model, drawn at every step
	TSInf                             // μ + ς ε of one member of a Membered model, drawn for the whole trajectory
)

var propagations = [...]string{"mean", "noisy-mean", "distribution", "ts1", "tsinf"}

// String is the name of the propagation, as in "ts1".
func (p Propagation) String() string {
	if p < ByMean || p > TSInf {
		return fmt.Sprintf("Propagation(%d)", int(p))
	}
	return propagations[p]
}

// MarshalText writes the propagation's name.
func (p Propagation) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText reads a propagation's name.
func (p *Propagation) UnmarshalText(text []byte) error {
	for i, name := range propagations {
		if name == string(text) {
			*p = Propagation(i)
			return nil
		}
	}
	return fmt.Errorf("no propagation %q: want mean, noisy-mean, distribution, ts1 or tsinf", text)
}

// Propagate draws a trajectory of m, a model of s, for each lane: x [nx] holds where they start, and column t·nu+k of
// actions action k at step t. In the result, column t·nx+d is dimension d of the state after step t. Lanes draw from streams of their
// own, src.At(lane), so that one never depends on the others. TS1 and TSInf need a Membered model.
func (p Propagation) Propagate(ctx context.Context, s *System, m Model, x, actions num.Batch, src rng.Stream) (states num.Batch, err error) {
	nx, nu, n := len(s.State), len(s.Action), x.Len()
	if len(x) != nx || n == 0 || actions.Len() != n || len(actions)%nu != 0 {
		panic(fmt.Sprintf("safex: Propagate of %d states of %d dimensions under %d columns of %d actions by a system of %d and %d", n, len(x), len(actions), actions.Len(), nx, nu))
	}
	committee, _ := m.(Membered)
	if (p == TS1 || p == TSInf) && MembersOf(m) == 0 {
		return nil, fmt.Errorf("safex: %s draws members, and a %T has none: use an ensemble, or distribution", p, m)
	}
	horizon := len(actions) / nu
	states = num.NewBatch(horizon*nx, n)
	draws := make([]*rand.Rand, n)
	member := make([]int, n)
	for i := range draws {
		draws[i] = src.At(i).Rand()
		if p == TSInf {
			member[i] = draws[i].IntN(committee.Members())
		}
	}
	var belief Prediction
	for t := range horizon {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		u := actions[t*nu : (t+1)*nu]
		switch p {
		case TS1, TSInf:
			if p == TS1 {
				for i := range member {
					member[i] = draws[i].IntN(committee.Members())
				}
			}
			err = committee.PredictMember(&belief, member, x, u)
		default:
			err = m.Predict(&belief, x, u)
		}
		if err != nil {
			return nil, err
		}
		next := states[t*nx : (t+1)*nx]
		for d := range next {
			for i := range n {
				next[d][i] = belief.Mean[d][i]
				switch p {
				case ByNoisyMean, TS1, TSInf:
					next[d][i] += belief.Aleatoric[d][i] * draws[i].NormFloat64()
				case ByDistribution:
					next[d][i] += math.Hypot(belief.Epistemic[d][i], belief.Aleatoric[d][i]) * draws[i].NormFloat64()
				}
			}
		}
		x = next
	}
	return states, nil
}
