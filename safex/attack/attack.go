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
	"strings"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/internal/table"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/reliability"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/stats"
	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// Settings ask of the plans that a run executed whether a model error in the box breaks them, and how many of those that
// can be broken an adversary misses. Adversaries are named as by UseAdversary, each perhaps with settings of its own, as in
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

// adversary reads a name and settings.
func adversary(text string) (plan.Adversary, error) {
	name, settings, _ := strings.Cut(strings.TrimSpace(text), " ")
	a, err := experiment.Adversaries.New(name)
	if err != nil {
		return nil, err
	}
	for _, w := range strings.Fields(settings) {
		path, value, ok := strings.Cut(w, "=")
		if !ok {
			return nil, fmt.Errorf("adversary %q: %q is no setting, as in Samples=30", text, w)
		}
		if err := experiment.SetField(a, path, value); err != nil {
			return nil, fmt.Errorf("adversary %q: %w", text, err)
		}
	}
	if err := a.Check(); err != nil {
		return nil, fmt.Errorf("adversary %q: %w", text, err)
	}
	return a, nil
}

// An Attempt is an attack on the run in a folder.
type Attempt struct {
	Settings
	Spec     *experiment.Spec // of the run
	Outcomes []PlanOutcome    // so far
	// Progress is called after each step that Run has taken again, with how many there are by now; nil is nobody.
	Progress func(steps int)

	system    *safex.System
	agent     train.Agent
	learner   safex.Codec
	episodes  []safex.Episode
	attackers []plan.Adversary // of Adversaries, then of Reference
	worst     *Scenario
	model     safex.Model // of worst
}

// A PlanOutcome is the result of attacks on a plan that was executed.
type PlanOutcome struct {
	Episode, Step int
	Beta          float64   // how many epistemic deviations the box reached
	Mean          float64   // worst excess without an error, in units of the limit's Scale
	Excess        []float64 // the worst that each of the Adversaries found, and last that of the Reference
	Rollouts      []int     // that each of them took
	Gradients     []int     // of these, how many with a gradient
}

// Open checks Settings against the run in the folder dir. The run has to be of this build, since its plans are made again.
func (a Settings) Open(dir string, own ...safex.Maker) (*Attempt, error) {
	r, err := store.Open(dir, own...)
	if err != nil {
		return nil, err
	}
	s, system := r.Spec, r.System
	if s.Build != experiment.Build() {
		return nil, fmt.Errorf("%s was made by safex %s, and this is %s: its plans can be made again by that build alone", dir, s.Build, experiment.Build())
	}
	switch {
	case s.Deadline > 0:
		return nil, fmt.Errorf("%s was planned with a deadline of %v, and what a plan came to by then depended on what else the machine did: its plans cannot be made again", dir, s.Deadline)
	case s.Oracle():
		return nil, fmt.Errorf("%s was planned with the oracle model, which has no epistemic deviation: there is nothing to attack", dir)
	case len(system.Limits) == 0:
		return nil, fmt.Errorf("task %q of %s has no limits: there is nothing to break", s.TaskName(), dir)
	case !(a.Beta >= 0) || math.IsInf(a.Beta, 1):
		return nil, fmt.Errorf("beta %v: want a number of at least 0, where 0 is that of the run", a.Beta)
	case len(a.Adversaries) == 0:
		return nil, fmt.Errorf("there is no adversary: want one, such as sign-gradient")
	}
	t := &Attempt{Settings: a, Spec: s, system: system, episodes: r.Episodes}
	for i, text := range a.Adversaries {
		if slices.Contains(a.Adversaries[:i], text) {
			return nil, fmt.Errorf("adversary %q is named twice", text)
		}
	}
	for _, text := range append(slices.Clone(a.Adversaries), a.Reference) {
		attacker, err := adversary(text)
		if err != nil {
			return nil, err
		}
		t.attackers = append(t.attackers, attacker)
	}
	if t.agent, t.learner, err = s.Agent(system); err != nil {
		return nil, err
	}
	last := len(t.episodes) - 1
	if last < 1 {
		return nil, fmt.Errorf("%s has no planned episode yet: there is no plan to attack", dir)
	}
	if len(a.Episodes) == 0 {
		t.Episodes = []int{last}
		if last > 1 && len(t.episodes[last].Actions) < system.Steps { // it is under way
			t.Episodes[0]--
		}
	}
	t.Episodes = slices.Compact(slices.Sorted(slices.Values(t.Episodes)))
	for _, e := range t.Episodes {
		if e < 1 || e > last {
			return nil, fmt.Errorf("episode %d is none of the planned ones of %s, which are 1 to %d", e, dir, last)
		}
	}
	return t, nil
}

// Plans is how many plans there are to attack.
func (t *Attempt) Plans() (n int) {
	for _, e := range t.Episodes {
		n += len(t.episodes[e].Actions)
	}
	return n
}

// Steps is how many steps of the run are taken again: all up to the end of the last episode that is attacked.
func (t *Attempt) Steps() (n int) {
	for _, e := range t.episodes[:t.Episodes[len(t.Episodes)-1]+1] {
		n += len(e.Actions)
	}
	return n
}

// Run takes the run from its beginning again, to the same bits, and yields the outcome of each plan that was attacked. A
// cancelled ctx ends it between two steps or within an attack, which is then left out.
func (t *Attempt) Run(ctx context.Context) iter.Seq2[PlanOutcome, error] {
	return func(yield func(PlanOutcome, error) bool) {
		walk := &walk{Planner: t.Spec.Planner, recorded: t.episodes, planned: t.Episodes}
		agent := t.agent
		agent.Planner = walk
		last, steps := t.Episodes[len(t.Episodes)-1], 0
		for s, err := range agent.Steps(ctx, &train.State{}, last) {
			if err == nil && slices.Contains(t.Episodes, s.Episode.Number) {
				var out PlanOutcome
				if out, err = t.attack(ctx, walk, s.Model); err == nil {
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
			if s.Episode.Number == last && len(s.Episode.Actions) == len(t.episodes[last].Actions) {
				return // of an episode under way
			}
		}
	}
}

// attack lets every adversary attack the plan that walk has just made, by errors in the steps that its planner defends.
func (t *Attempt) attack(ctx context.Context, walk *walk, m safex.Model) (out PlanOutcome, err error) {
	out = PlanOutcome{Episode: walk.episode, Step: walk.step - 1, Beta: t.Beta}
	for _, β := range []float64{walk.plan.Beta, walk.query.Beta, reliability.AssumedBeta} {
		if out.Beta == 0 {
			out.Beta = β
		}
	}
	count := &counted{Rollout: walk.query.Rollout}
	target := plan.Target{Query: walk.query, Plans: column(slices.Concat(walk.plan.Actions...)), Beta: out.Beta}
	if p, ok := experiment.Held(t.Spec.Planner).(*plan.Pessimistic); ok {
		target.Robust = p.Robust
	}
	target.Rollout = count
	var rolled safex.Rolled
	mean, err := target.Roll(ctx, &rolled, nil)
	if err != nil {
		return out, err
	}
	out.Mean = mean[0]
	src := rng.New(t.Spec.Seed).Child("attack").At(out.Episode).At(out.Step)
	var found plan.Perturbations
	for i, attacker := range t.attackers {
		name := t.Reference
		if i < len(t.Adversaries) {
			name = t.Adversaries[i]
		}
		if k := slices.Index(t.Adversaries[:min(i, len(t.Adversaries))], name); k >= 0 { // done already
			out.Excess, out.Rollouts, out.Gradients = append(out.Excess, out.Excess[k]), append(out.Rollouts, out.Rollouts[k]), append(out.Gradients, out.Gradients[k])
			continue
		}
		count.all, count.gradients = 0, 0
		if err := attacker.Attack(ctx, &found, target, src); err != nil {
			return out, err
		}
		out.Excess, out.Rollouts, out.Gradients = append(out.Excess, found.Excess[0]), append(out.Rollouts, count.all), append(out.Gradients, count.gradients)
		if t.worst == nil || stats.Worse(found.Excess[0], t.worst.Excess) {
			t.model = m
			t.worst = &Scenario{
				Spec: t.Spec, Episode: out.Episode, Step: out.Step, Adversary: name,
				State: walk.query.State, LastAction: walk.query.LastAction, Left: walk.query.Left, Beta: out.Beta,
				Actions: walk.plan.Actions, Eta: rows(found.Eta.Point(0), len(t.system.State)), Excess: found.Excess[0],
			}
		}
	}
	return out, nil
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

// walk is a planner that takes the steps of a run again: it plans in some episodes, and otherwise does as was done.
type walk struct {
	safex.Planner
	recorded []safex.Episode
	planned  []int // numbers of the episodes in which it plans

	episode, step int // which comes next
	query         safex.Query
	plan          *safex.Plan // the last, of query
}

// Plan implements safex.Planner. It refuses to take another step than the one that was recorded.
func (w *walk) Plan(ctx context.Context, q safex.Query, src rng.Stream) (p *safex.Plan, err error) {
	if q.Episode != w.episode {
		w.episode, w.step = q.Episode, 0
	}
	past := w.recorded[q.Episode]
	did := past.Actions[w.step]
	if slices.Contains(w.planned, q.Episode) {
		if p, err = w.Planner.Plan(ctx, q, src); err != nil {
			return nil, err
		}
	} else {
		p = &safex.Plan{Actions: [][]float64{did}, Expected: safex.Trajectory{States: [][]float64{q.State, q.State}}}
	}
	if !slices.Equal(q.State, past.States[w.step]) || !slices.Equal(p.Actions[0], did) {
		return nil, fmt.Errorf("the run takes another way than the one in its files: it was made on another kind of processor, or its files were changed")
	}
	w.step++
	w.query, w.plan = q, p
	return p, nil
}

// counted counts rollouts.
type counted struct {
	safex.Rollout
	all, gradients int
}

// Roll implements safex.Rollout.
func (c *counted) Roll(ctx context.Context, dst *safex.Rolled, in safex.Candidates, up *safex.Scalarisation) error {
	n := in.Actions.Len()
	if c.all += n; up != nil {
		c.gradients += n
	}
	return c.Rollout.Roll(ctx, dst, in, up)
}

// Scenario is the worst that was found so far.
func (t *Attempt) Scenario() (*Scenario, error) {
	if t.worst == nil {
		return nil, fmt.Errorf("no plan was attacked yet")
	}
	if t.worst.Model == nil {
		model, err := t.learner.Save(t.model)
		if err != nil {
			return nil, err
		}
		t.worst.Model = model
	}
	return t.worst, nil
}

// A Gap is what an adversary found in the plans of an episode.
type Gap struct {
	Adversary string  `json:"adversary"`
	Episode   int     `json:"episode"`
	Beta      float64 `json:"beta"` // of the last plan
	Plans     int     `json:"plans"`
	Breakable int     `json:"breakable"`    // plans that the reference or any of the adversaries breaks
	Broken    int     `json:"broken"`       // of these, plans that break without an error
	Missed    int     `json:"missed"`       // breakable plans that this adversary does not break
	Worst     float64 `json:"worst_excess"` // that this adversary found, in units of the limit's Scale; null is NaN
	Recovered float64 `json:"recovered"`    // of what the worst errors add to the excesses, the share that this adversary's add; null of nothing
	Rollouts  float64 `json:"rollouts_per_plan"`
	Gradients float64 `json:"gradients_per_plan"` // of the rollouts, how many with a gradient
}

// Gaps sums the outcomes up, for each episode and adversary.
func (t *Attempt) Gaps() (gaps []Gap) {
	for _, e := range t.Episodes {
		for i, name := range t.Adversaries {
			g, found, most := Gap{Adversary: name, Episode: e, Worst: math.Inf(-1)}, 0.0, 0.0
			for _, o := range t.Outcomes {
				if o.Episode != e {
					continue
				}
				best := slices.Max(o.Excess) // NaN if any is
				g.Plans++
				if g.Beta = o.Beta; !(best <= 0) {
					g.Breakable++
					if o.Excess[i] <= 0 {
						g.Missed++
					}
				}
				if !(o.Mean <= 0) {
					g.Broken++
				}
				g.Worst = max(g.Worst, o.Excess[i])
				found, most = found+o.Excess[i]-o.Mean, most+best-o.Mean
				g.Rollouts, g.Gradients = g.Rollouts+float64(o.Rollouts[i]), g.Gradients+float64(o.Gradients[i])
			}
			if g.Plans == 0 {
				continue
			}
			g.Recovered = found / most
			g.Rollouts, g.Gradients = g.Rollouts/float64(g.Plans), g.Gradients/float64(g.Plans)
			gaps = append(gaps, g)
		}
	}
	return gaps
}

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

// GapTable is a Markdown table of gaps: a row for each adversary, a column for each episode.
func GapTable(gaps []Gap) string {
	var names []string
	var episodes []Gap // the first of each
	for _, g := range gaps {
		if !slices.Contains(names, g.Adversary) {
			names = append(names, g.Adversary)
		}
		if !slices.ContainsFunc(episodes, func(o Gap) bool { return o.Episode == g.Episode }) {
			episodes = append(episodes, g)
		}
	}
	head := []string{"adversary", "rollouts of a plan", "with gradient"}
	for _, e := range episodes {
		head = append(head, fmt.Sprintf("episode %d, β %.3g: %d of %d plans can be broken, %d without an error", e.Episode, e.Beta, e.Breakable, e.Plans, e.Broken))
	}
	var rows [][]string
	for _, name := range names {
		row := []string{name, "–", "–"}
		for _, e := range episodes {
			k := slices.IndexFunc(gaps, func(g Gap) bool { return g.Adversary == name && g.Episode == e.Episode })
			if k < 0 {
				row = append(row, "–")
				continue
			}
			g := gaps[k]
			if row[1] == "–" {
				row[1], row[2] = fmt.Sprintf("%.0f", g.Rollouts), fmt.Sprintf("%.0f", g.Gradients)
			}
			share := "–"
			if v := g.Recovered; v == v {
				share = fmt.Sprintf("%.1f %%", 100*v)
			}
			row = append(row, fmt.Sprintf("%s, %d missed, up to %.3f", share, g.Missed, g.Worst))
		}
		rows = append(rows, row)
	}
	var p table.Page
	p.Add("", head, rows...)
	return p.MarkdownString()
}
