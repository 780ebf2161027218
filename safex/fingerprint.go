package safex

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"

	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A Trait is one thing that makes a Task what it is, in words, or as a digest of a formula.
type Trait struct{ Name, Text string }

// Fingerprint tells one task from another, also where they have the same name: its variables, limits, backup, disturbances and expectations in words,
// and a digest for each formula that was traced and for where episodes start. Numbers count to twelve digits, so that another kind of
// processor, which may compute a constant with another last bit, finds the same. How a task is drawn and tuned does not count.
func (s *System) Fingerprint() (traits []Trait) {
	add := func(name, format string, args ...any) {
		traits = append(traits, Trait{name, fmt.Sprintf(format, args...)})
	}
	add("name", "%s", s.Name)
	add("steps", "%d of %s s", s.Steps, digits(s.Dt))
	for k, v := range s.State {
		text := fmt.Sprintf("[%s], scale %s", v.Unit, digits(v.Scale))
		if v.Min < v.Max {
			text += fmt.Sprintf(", from %s to %s", digits(v.Min), digits(v.Max))
		}
		if v.Harmless != 0 {
			text += ", errors harmless to " + digits(v.Harmless)
		}
		next := "a plant"
		if !s.Outside() {
			next = s.Dynamics.Digest(k)
		}
		add("state "+v.Name, "%s, next by %s", text, next)
	}
	for _, v := range s.Action {
		add("action "+v.Name, "[%s], scale %s, explored by %s around %s", v.Unit, digits(v.Scale), digits(v.RandomAmplitude), digits(v.RandomCenter))
	}
	for _, a := range s.Angles {
		add("angle "+a.Name, "of %s and %s", s.State[a.Sin].Name, s.State[a.Cos].Name)
	}
	add("start", "drawn by %s", s.startDigest())
	add("reward", "by %s", s.Outcome.Digest(0))
	for k, l := range s.Limits {
		add("limit "+l.Name, "at most %s [%s], budget %s, scale %s, by %s", digits(l.Max), l.Unit, digits(l.Budget), digits(l.Scale), s.Outcome.Digest(1+k))
	}
	if a := s.Goal; a != nil {
		add("goal "+a.Name, "at most %s [%s] in the last %d steps, by %s", digits(a.Max), a.Unit, a.Steps, s.goalProgram.Digest(0))
	}
	if b := s.Backup; b != nil {
		add("backup "+b.Name, "%s", b.digest())
	}
	for i, d := range s.Disturbances {
		add(fmt.Sprintf("disturbance %d", i+1), "%s", d)
	}
	for i, e := range s.Expected {
		add(fmt.Sprintf("expectation %d", i+1), "%s", e)
	}
	return traits
}

// digits is a number in the digits that count.
func digits(v float64) string { return strconv.FormatFloat(v, 'g', 12, 64) }

// startDigest is a digest of the first starts that are drawn.
func (s *System) startDigest() string {
	h := sha256.New()
	for i := range 10 {
		x, err := s.DrawStart(rng.New(1).Child("try").At(i))
		if err != nil {
			return err.Error()
		}
		for _, v := range x {
			fmt.Fprintf(h, "%.9g ", v) // sines and cosines of the machine's own differ more than formulas do
		}
	}
	return hex.EncodeToString(h.Sum(nil)[:6])
}
