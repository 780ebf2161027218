package safex

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// A Backup is what is known of a task before anything is learned: a set of states in which the system can be kept for ever within
// its limits, and the actions that keep it there. It is a terminal set with its policy, as in SafeMPC (Koller et al., 2018): a car
// brakes before a wall, whatever else it has to learn. Its author promises of every state of the set that it is within the limits,
// and that a step of the real system under Act keeps them and ends in the set. Check tries that.
//
// A set that is only just kept is of little use: who accepts an action if the set holds all states to which a model thinks that it
// may lead needs room for the model's doubt, and real systems differ a little from what is known. So let Act drive inside at the
// edge, and not along it.
//
// The Backup of a System is compiled: Holds, Contains and Action are its own, and safe for concurrent use. On the Backup of a Task
// that is not compiled they panic.
type Backup struct {
	Name string // a few words, as in "braking distance"
	// Outside maps a state to one or more conditions. The set is where all of them are at or below 0; NaN is outside. Above 0 a
	// condition says how far outside, in a unit of its own, as in m beyond where the car may stop.
	Outside func(x num.Vec) num.Vec
	// Act maps a state of the set to the action that keeps it there, each dimension in [-1, 1].
	Act func(x num.Vec) num.Vec

	outside, act *num.Program // of a System: x to Outside, and to Act
}

// fault is what is wrong with the fields of b, nil if nothing is.
func (b *Backup) fault() error {
	if strings.TrimSpace(b.Name) == "" || strings.ContainsAny(b.Name, "\"\n") || b.Outside == nil || b.Act == nil {
		return fmt.Errorf("Backup %q: want a Name of a few words, Outside and Act", b.Name)
	}
	return nil
}

// compile traces b for a state of nx dimensions and an action of nu.
func (b Backup) compile(nx, nu int) (*Backup, error) {
	for _, f := range []struct {
		name string
		of   func(num.Vec) num.Vec
		to   **num.Program
	}{{"Outside", b.Outside, &b.outside}, {"Act", b.Act, &b.act}} {
		if err := traced("Backup."+f.name, func() {
			*f.to = num.Trace(nx, func(x num.Vec) num.Vec { return f.of(slices.Clone(x)) })
		}); err != nil {
			return nil, err
		}
	}
	if b.outside.Out == 0 {
		return nil, fmt.Errorf("Backup.Outside returns nothing, want one or more conditions that are at or below 0 in the set")
	}
	if b.act.Out != nu {
		return nil, fmt.Errorf("Backup.Act returns %d dimensions, Action names %d", b.act.Out, nu)
	}
	return &b, nil
}

// programs are Outside and Act, for states that have as many numbers as each length in n says.
func (b *Backup) programs(what string, n ...int) (outside, act *num.Program) {
	if b.outside == nil {
		panic(fmt.Sprintf("safex: %s of the backup %q of a Task: compile it by Task.System, and take that of the System", what, b.Name))
	}
	for _, n := range n {
		if n != b.outside.In {
			panic(fmt.Sprintf("safex: %s of the backup %q with %d numbers, of a state of %d dimensions", what, b.Name, n, b.outside.In))
		}
	}
	return b.outside, b.act
}

// distances are Outside at the state x, in the unit of each condition.
func (b *Backup) distances(x []float64) []float64 {
	outside, _ := b.programs("Outside", len(x))
	d := make([]float64, outside.Out)
	outside.Eval(d, x)
	return d
}

// Beyond is at least the largest of the conditions over all the states that Holds is asked about: how far outside the farthest may be, as far as
// intervals tell; +Inf if nothing is known.
func (b *Backup) Beyond(center []float64, gen [][]float64, rem []float64) float64 {
	outside, _ := b.programs("Beyond", len(center))
	box := make([]num.Interval, len(center))
	for d, c := range center {
		r := 0.0
		for _, g := range gen {
			r += math.Abs(g[d])
		}
		if rem != nil {
			r += rem[d]
		}
		box[d] = num.Interval{Lo: c - r, Hi: c + r}
	}
	out := make([]num.Interval, outside.Out)
	outside.EvalInterval(out, box)
	worst := math.Inf(-1)
	for _, r := range out {
		if r.MayNaN || r.Hi != r.Hi {
			return math.Inf(1)
		}
		worst = max(worst, r.Hi)
	}
	return worst
}

// Contains tells whether the state x is in the set. A state that has a NaN or an infinite number is not. It panics if x does not
// have the dimension of the state.
func (b *Backup) Contains(x []float64) bool {
	return !slices.ContainsFunc(b.distances(x), func(v float64) bool { return !(v <= 0) }) && !slices.ContainsFunc(x, bad)
}

// Action is Act at the state x, cut to [-1, 1]. It panics if x does not have the dimension of the state.
func (b *Backup) Action(x []float64) []float64 {
	_, act := b.programs("Action", len(x))
	u := make([]float64, act.Out)
	act.Eval(u, x)
	for k, v := range u {
		u[k] = min(1, max(-1, v))
	}
	return u
}

// Holds proves that the set holds all the states
//
//	center + Σ ε[k] gen[k] ± rem,   every ε[k] in [-1, 1],
//
// with the rows gen[k] of the state's dimension in its units, and rem at least 0 in each dimension by itself. Either may be nil: a
// box has rem alone. False means that there is no proof, by intervals or by affine forms, which is mostly, and not always, that
// some state is outside. What is not finite is outside. It panics if a length is not the dimension of the state.
func (b *Backup) Holds(center []float64, gen [][]float64, rem []float64) bool {
	lengths := []int{len(center)}
	for _, g := range gen {
		lengths = append(lengths, len(g))
	}
	if rem != nil {
		lengths = append(lengths, len(rem))
	}
	outside, _ := b.programs("Holds", lengths...)
	if !b.Contains(center) {
		return false
	}
	forms, box := make([]num.Affine, len(center)), make([]num.Interval, len(center))
	symbols := len(gen)
	for d, c := range center {
		f := num.Affine{Mid: c, Range: num.Interval{Lo: math.Inf(-1), Hi: math.Inf(1)}}
		f.Coef = make([]float64, len(gen), symbols+1)
		radius := 0.0
		for k, g := range gen {
			f.Coef[k] = g[d]
			radius += math.Abs(g[d])
		}
		if rem != nil && rem[d] != 0 { // a symbol of its own, which dimensions do not share
			f.Coef = append(f.Coef, make([]float64, symbols+1-len(f.Coef))...)
			f.Coef[symbols] = rem[d]
			symbols++
			radius += math.Abs(rem[d])
		}
		if bad(radius) {
			return false
		}
		if radius == 0 {
			f = num.Known(c)
		}
		f.Range = f.At(nil)
		forms[d], box[d] = f, f.Range
	}
	inside := func(r num.Interval) bool { return r.Hi <= 0 && !r.MayNaN }
	out := make([]num.Interval, outside.Out)
	outside.EvalInterval(out, box)
	if !slices.ContainsFunc(out, func(r num.Interval) bool { return !inside(r) }) {
		return true
	}
	affine := make([]num.Affine, outside.Out)
	outside.EvalAffine(affine, forms, symbols)
	return !slices.ContainsFunc(affine, func(f num.Affine) bool { return !inside(f.Range) })
}

// blame says what of b is no number at the state x, and the line of its formula; "" if all is well, or b is nil.
func (b *Backup) blame(x []float64) string {
	if b == nil {
		return ""
	}
	for k, v := range b.distances(x) {
		if v != v {
			return fmt.Sprintf("Backup.Outside is NaN (%s)", b.outside.Blame(k, x))
		}
	}
	if !b.Contains(x) {
		return ""
	}
	u := make([]float64, b.act.Out)
	b.act.Eval(u, x)
	for k, v := range u {
		if bad(v) {
			return fmt.Sprintf("Backup.Act is %v (%s)", v, b.act.Blame(k, x))
		}
	}
	return ""
}

// digest tells the formulas of b from others.
func (b *Backup) digest() string {
	digests := func(p *num.Program) string {
		h := sha256.New()
		for k := range p.Out {
			fmt.Fprintln(h, p.Digest(k))
		}
		return hex.EncodeToString(h.Sum(nil)[:6])
	}
	return fmt.Sprintf("outside by %s, acts by %s", digests(b.outside), digests(b.act))
}
