package tasks

import (
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
)

// A Maker makes a Task from parameters: here, a pointer to one of this package's structs.
type Maker = safex.Maker

// all are the tasks by name, each with its parameters: the default ones, and those that give the
// published behaviour of the reference, which are the same where it has no such task or no defect.
var all = []struct {
	name                string
	defaults, published func() Maker
}{
	{"pendulum", pointer(DefaultPendulum), pointer(DefaultPendulum)},
	{"pitch", pointer(DefaultPitch), pointer(ReferencePitch)},
	{"carpark", pointer(DefaultCarPark), pointer(ReferenceCarPark)},
	{"rccar", pointer(DefaultRCCar), pointer(ReferenceRCCar)},
	{"cartpole", pointer(DefaultCartPole), pointer(DefaultCartPole)},
	{"quadrotor", pointer(DefaultQuadrotor), pointer(DefaultQuadrotor)},
	{"actsafe", pointer(DefaultActSafe), pointer(DefaultActSafe)},
	{"safempc", pointer(DefaultSafeMPC), pointer(DefaultSafeMPC)},
	{"hucrl", pointer(DefaultHUCRL), pointer(DefaultHUCRL)},
}

// pointer is a function that returns a pointer to a fresh value of make.
func pointer[T any, P interface {
	*T
	Maker
}](fresh func() T) func() Maker {
	return func() Maker {
		v := fresh()
		return P(&v)
	}
}

// A quantity is a parameter with its name, for messages.
type quantity struct {
	name  string
	value float64
}

// positive reports the first quantity that is not above 0, or not finite.
func positive(task string, qs ...quantity) error {
	for _, q := range qs {
		if !(q.value > 0) || math.IsInf(q.value, 1) {
			return fmt.Errorf("%s: %s is %v, want above 0", task, q.name, q.value)
		}
	}
	return nil
}

// atLeast0 reports the first quantity that is negative, or not finite.
func atLeast0(task string, qs ...quantity) error {
	for _, q := range qs {
		if !(q.value >= 0) || math.IsInf(q.value, 1) {
			return fmt.Errorf("%s: %s is %v, want at least 0", task, q.name, q.value)
		}
	}
	return nil
}

// amplitude reports the first quantity that is no amplitude of random actions.
func amplitude(task string, qs ...quantity) error {
	for _, q := range qs {
		if !(q.value > 0 && q.value <= 1) {
			return fmt.Errorf("%s: %s is %v, want an amplitude in (0, 1]", task, q.name, q.value)
		}
	}
	return nil
}

// Names lists the tasks.
func Names() (names []string) {
	for _, t := range all {
		names = append(names, t.name)
	}
	return names
}

// New returns the default parameters of a task, a pointer to its struct; ok is false if there is no
// task of that name.
func New(name string) (m Maker, ok bool) {
	for _, t := range all {
		if t.name == name {
			return t.defaults(), true
		}
	}
	return nil, false
}

// Reference returns the parameters of a task that give the published behaviour of the reference, a
// pointer to its struct; ok is false if there is no task of that name.
func Reference(name string) (m Maker, ok bool) {
	for _, t := range all {
		if t.name == name {
			return t.published(), true
		}
	}
	return nil, false
}
