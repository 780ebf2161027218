package safex

import (
	"fmt"
	"math"
)

// A Barrier prices an excess. It is 0 for x <= 0, and convex and increasing beyond.
type Barrier int

const (
	Relu        Barrier = iota // x
	Quadratic                  // x + x²
	Exponential                // exp(x) - 1
	Huber                      // x²/2 up to 1, and x - 1/2 beyond
)

// Of is the price of the excess x.
func (b Barrier) Of(x float64) float64 {
	if x <= 0 {
		return 0
	}
	switch b {
	case Relu:
		return x
	case Quadratic:
		return x + x*x
	case Exponential:
		return math.Expm1(x)
	case Huber:
		if x < 1 {
			return x * x / 2
		}
		return x - 0.5
	}
	panic(fmt.Sprintf("safex: Barrier(%d)", int(b)))
}

// String is the name of the barrier, as in "relu".
func (b Barrier) String() string {
	if b < Relu || b > Huber {
		return fmt.Sprintf("Barrier(%d)", int(b))
	}
	return [...]string{"relu", "quadratic", "exponential", "huber"}[b]
}

// MarshalText writes the barrier's name.
func (b Barrier) MarshalText() ([]byte, error) { return []byte(b.String()), nil }

// UnmarshalText reads a barrier's name.
func (b *Barrier) UnmarshalText(text []byte) error {
	for i := Relu; i <= Huber; i++ {
		if i.String() == string(text) {
			*b = i
			return nil
		}
	}
	return fmt.Errorf("no barrier %q: want relu, quadratic, exponential or huber", text)
}

// An Objective weighs reward against safety. Excesses are signed and in units of the limit's Scale.
//
// Reward is averaged over the horizon, and the excess is not: Weight, the published λ, is a price against the mean reward of a
// step. Where steps are counted, λ = 1 at a horizon of 20 prices a step beyond a limit at 20 units of summed reward, and twice the
// horizon doubles that.
type Objective struct {
	// FeasibleFirst ranks every candidate that keeps the limits before every one that does not;
	// the former by their reward, the latter by their excess. There is no price to choose.
	FeasibleFirst bool
	Weight        float64 // otherwise: the price of a unit of Barrier, in units of mean reward per step
	Barrier       Barrier
	Budget        float64 // an excess up to this is free

	// Count takes the number of steps that break a limit for the excess, as the published planners did. It is blind to how
	// far a plan is from a limit on either side; without it the excess is the worst signed one.
	Count bool

	// LogBarrier is the price η, in units of mean reward per step, of being near a limit: a candidate whose largest excess e is below
	// Budget d, in units of the limit's Scale, costs -η log(d - e) more, as the log barrier f - η Σ log(-g) of LB-SGD (Usmanova et
	// al., 2024) does, here for the limit that binds. It is at least 0, and 0 is no barrier.
	LogBarrier float64 `json:",omitempty"`
}

// Check reports the first setting that is out of range.
func (o Objective) Check() error {
	if !(o.LogBarrier >= 0) || math.IsInf(o.LogBarrier, 1) {
		return fmt.Errorf("Objective.LogBarrier is %v, want a number of at least 0, and 0 for no barrier", o.LogBarrier)
	}
	return nil
}

// Under FeasibleFirst a cost is an order of two keys in one number. A candidate that keeps the limits costs its negative
// reward, which mostReward bounds. One that does not costs infeasible · (levels + log₂ excess): more than any reward can make up
// for, rising with the excess, and telling excesses of any size apart that differ by more than 1e-10 of themselves.
const (
	mostReward = 1e280
	infeasible = 1e290
	levels     = 1 << 20 // far above |log₂| of any number, so that a mean over draws goes by how many of them break a limit
)

// touching is the room that a LogBarrier sees where there is less, in units of the limit's Scale: a plan that just keeps the limits costs a number.
const touching = 1e-12

// Cost of a candidate of this mean reward per step and this worst excess over steps and limits. Less is better. With
// FeasibleFirst, no reward makes up for an excess, whatever the sizes of both. It is NaN if either is, if the reward or
// the excess is beyond the real numbers, or if the reward is beyond ±1e280.
func (o Objective) Cost(reward, excess float64) float64 {
	over := excess - o.Budget
	switch {
	case !(math.Abs(reward) <= mostReward) || math.IsNaN(excess) || math.IsInf(excess, 1): // the excess is -Inf if there are no limits
		return math.NaN()
	case !o.FeasibleFirst:
		return o.Weight*o.Barrier.Of(over) + o.near(over) - reward
	case over > 0:
		return infeasible * (levels + math.Log2(over))
	}
	return o.near(over) - reward
}

// near is what the LogBarrier takes for what is over: the most where there is no room, and nothing where there are no limits.
func (o Objective) near(over float64) float64 {
	if o.LogBarrier == 0 || math.IsInf(over, -1) {
		return 0
	}
	return -o.LogBarrier * math.Log(max(-over, touching))
}
