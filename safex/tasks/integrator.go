package tasks

import (
	"fmt"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// An Integrator solves differential equations step by step.
type Integrator int

const (
	RK4          Integrator = iota // the classical Runge–Kutta method of order 4
	Accumulating                   // the reference's: each stage starts where the one before ended, which is of order 1
)

// String is the name of the integrator.
func (i Integrator) String() string {
	if i < RK4 || i > Accumulating {
		return fmt.Sprintf("Integrator(%d)", int(i))
	}
	return [...]string{"RK4", "Accumulating"}[i]
}

// MarshalText writes the integrator's name.
func (i Integrator) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText reads an integrator's name.
func (i *Integrator) UnmarshalText(text []byte) error {
	for k := RK4; k <= Accumulating; k++ {
		if k.String() == string(text) {
			*i = k
			return nil
		}
	}
	return fmt.Errorf("no integrator %q: want RK4 or Accumulating", text)
}

// step goes from z over h seconds, with stages at 0, h/2, h/2 and h of weights 1/6, 1/3, 1/3 and 1/6.
func (i Integrator) step(derivative func(num.Vec) num.Vec, z num.Vec, h float64) num.Vec {
	add := func(z, k num.Vec, by float64) num.Vec {
		sum := make(num.Vec, len(z))
		for d := range z {
			sum[d] = z[d].Add(k[d].Mul(by))
		}
		return sum
	}
	next, at := z, z
	for stage, weight := range []float64{1.0 / 6, 1.0 / 3, 1.0 / 3, 1.0 / 6} {
		k := derivative(at)
		next = add(next, k, weight*h)
		ahead := []float64{h / 2, h / 2, h, 0}[stage]
		if i == Accumulating {
			at = add(at, k, ahead)
		} else {
			at = add(z, k, ahead)
		}
	}
	return next
}
