// Package attack looks for model errors that break the plans that a run executed, and keeps the worst as a scenario that can be replayed.
package attack

import (
	"context"
	"encoding/json/jsontext"
	"fmt"
	"iter"
	"math"
	"os"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/retake"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/stats"
)

// Settings ask of the plans that a run executed whether a model error in the box breaks them, and how many of those that
// can be broken an adversary misses. Adversaries are named as by experiment.NewAdversary, each perhaps with settings of its own, as in
// "particles-uniform Samples=30".
type Settings struct {
	Build       string
	Episodes    []int    // whose plans are attacked; nil is the last
	Adversaries []string // at least one
	Reference   string   // the best known adversary, which says what can be broken, together with the others
	Beta        float64  // how many epistemic deviations the box reaches; 0 is what the plan defended, what the model asked for, or AssumedBeta
}

// Default is thorough sign-gradient ascent on the plans of the last episode that is over.
func Default() Settings {
	return Settings{Build: experiment.Build(), Adversaries: []string{"sign-gradient-thorough"}, Reference: "best"}
}

// Compared are the adversaries of the table of what each misses.
func Compared() []string {
	return []string{
		"particles-gaussian", "particles-gaussian Samples=30", "particles-uniform", "cem-count", "cem", "vertices", "linear",
		"sign-gradient", "sign-gradient-thorough", "best",
	}
}

// An Attempt is an attack on the run in a folder.
type Attempt struct {
	Settings
	Spec     *experiment.Spec // of the run
	Outcomes []PlanOutcome    // so far
	// Progress is called after each step that Run has taken again, with how many there are by now; nil is nobody.
	Progress func(steps int)

	run       *retake.Run
	attackers []plan.Adversary // of Adversaries, then of Reference
	worst     *Scenario
	model     safex.Model // of worst
}

// Open checks Settings against the run in the folder dir. The run has to be of this build, since its plans are made again.
func (a Settings) Open(dir string, own ...safex.Maker) (*Attempt, error) {
	r, err := retake.Open(dir, own...)
	if err != nil {
		return nil, err
	}
	switch {
	case r.Spec.Oracle():
		return nil, fmt.Errorf("%s was planned with the oracle model, which has no epistemic deviation: there is nothing to attack", dir)
	case len(r.System.Limits) == 0:
		return nil, fmt.Errorf("task %q of %s has no limits: there is nothing to break", r.Spec.TaskName(), dir)
	case !(a.Beta >= 0) || math.IsInf(a.Beta, 1):
		return nil, fmt.Errorf("beta %v: want a number of at least 0, where 0 is that of the run", a.Beta)
	case len(a.Adversaries) == 0:
		return nil, fmt.Errorf("there is no adversary: want one, such as sign-gradient")
	}
	t := &Attempt{Settings: a, Spec: r.Spec, run: r}
	for i, text := range a.Adversaries {
		if slices.Contains(a.Adversaries[:i], text) {
			return nil, fmt.Errorf("adversary %q is named twice", text)
		}
	}
	for _, text := range append(slices.Clone(a.Adversaries), a.Reference) {
		attacker, err := experiment.NewAdversary(text)
		if err != nil {
			return nil, err
		}
		t.attackers = append(t.attackers, attacker)
	}
	if err := r.Choose(a.Episodes...); err != nil {
		return nil, err
	}
	t.Episodes = r.Chosen
	return t, nil
}

// Plans is how many plans there are to attack.
func (t *Attempt) Plans() int { return t.run.Plans() }

// Steps is how many steps of the run are taken again: all up to the end of the last episode that is attacked.
func (t *Attempt) Steps() int { return t.run.Count() }

// Run takes the run from its beginning again, to the same bits, and yields the outcome of each plan that was attacked. A
// cancelled ctx ends it between two steps or within an attack, which is then left out.
func (t *Attempt) Run(ctx context.Context) iter.Seq2[PlanOutcome, error] {
	return func(yield func(PlanOutcome, error) bool) {
		steps := 0
		for s, err := range t.run.Steps(ctx) {
			if err == nil && s.Executed != nil {
				var out PlanOutcome
				if out, err = t.attack(ctx, s); err == nil {
					t.Outcomes = append(t.Outcomes, out)
					if !yield(out, nil) {
						return
					}
				}
			}
			if err != nil {
				yield(PlanOutcome{}, err)
				return
			}
			if steps++; t.Progress != nil {
				t.Progress(steps)
			}
		}
	}
}

// attack lets every adversary attack a plan that was executed, by errors in the steps that its planner defends.
func (t *Attempt) attack(ctx context.Context, s retake.Step) (PlanOutcome, error) {
	beta := s.Beta(t.Beta)
	target := s.Target(beta)
	src := rng.New(t.Spec.Seed).Child("attack").At(s.Episode).At(s.At)
	names := append(slices.Clone(t.Adversaries), t.Reference)
	out, err := compare(ctx, target, src, names, t.attackers, func(name string, found *plan.Perturbations) {
		if t.worst == nil || stats.Worse(found.Excess[0], t.worst.Excess) {
			t.model = s.State.Model
			t.worst = &Scenario{
				Spec: t.Spec, Episode: s.Episode, Step: s.At, Adversary: name,
				State: target.State, LastAction: target.LastAction, Left: target.Left, Beta: beta,
				Actions: s.Executed.Actions, Eta: rows(found.Eta.Point(0), len(target.State)), Excess: found.Excess[0],
			}
		}
	})
	out.Episode, out.Step = s.Episode, s.At
	return out, err
}

// column is a batch of one point.
func column(x []float64) num.Batch {
	b := num.NewBatch(len(x), 1)
	b.SetPoint(0, x)
	return b
}

// rows takes a flat series apart into its steps.
func rows(flat []float64, dim int) (steps [][]float64) {
	for part := range slices.Chunk(flat, dim) {
		steps = append(steps, part)
	}
	return steps
}

// Scenario is the worst that was found so far.
func (t *Attempt) Scenario() (*Scenario, error) {
	if t.worst == nil {
		return nil, fmt.Errorf("no plan was attacked yet")
	}
	if t.worst.Model == nil {
		model, err := t.run.Learner.Save(t.model)
		if err != nil {
			return nil, err
		}
		t.worst.Model = model
	}
	return t.worst, nil
}

// Gaps sums the outcomes up, for each episode and adversary.
func (t *Attempt) Gaps() []Gap { return GapsOf(t.Adversaries, t.Outcomes) }

// gapFile is a file of gaps, with the settings that made them.
type gapFile struct {
	Settings Settings
	Run      jsontext.Value // the Spec of the run that was attacked, perhaps of another version
	Gaps     []Gap
}

// SaveGaps writes the Gaps to a file, whole or not at all, with the settings of the attack and of the run.
func (t *Attempt) SaveGaps(path string) error {
	attacked, err := encode.JSON(t.Spec)
	if err != nil {
		return err
	}
	text, err := encode.Indented(gapFile{t.Settings, attacked, t.Gaps()})
	if err != nil {
		return err
	}
	return disk.Write(path, text)
}

// ReadGaps reads Gaps that SaveGaps wrote.
func ReadGaps(path string) ([]Gap, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f gapFile
	if err := encode.Decode(text, &f); err != nil {
		return nil, fmt.Errorf("%s holds no outcomes of safex attack: %w", path, err)
	}
	return f.Gaps, nil
}
