// Package certify proves by tubes that plans which a run executed keep every limit under every model error in the box, and sets beside it what
// the best adversary finds and how often the box held the truth: a certificate about a box that does not hold says nothing about the system.
//
// What is certified is the executed plan as it stands: its actions one after the other, without the feedback that a filter may have proved it
// with, and to its end. Of a step that a filter gave another action, it is that action and the rest of what was planned.
package certify

import (
	"context"
	"fmt"
	"iter"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/reach"
	"github.com/rischiboy/safe_exploration/safex/retake"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/stats"
)

// Settings ask of the plans that a run executed whether every model error in the box keeps every limit. Adversaries are named as by
// experiment.NewAdversary.
type Settings struct {
	Episodes    []int    // whose plans are certified; nil is the last that is over
	All         bool     // every planned episode, in place of Episodes
	Adversaries []string // of whom the best counts, at least one
	Beta        float64  // how many epistemic deviations the box reaches; 0 is what the plan defended, what the model asked for, or AssumedBeta
	// Noise is half the width of a box of noise that is added to the state in every step, in its units, besides what the task declares; nil is 0. What engines round is
	// in the box besides: see reach.Prover.Rounding.
	Noise    []float64
	Rollouts int // of the model, that each tube is checked by besides the mean, two corners and the adversaries' worst: 0 to 1e4
	// Step is that of the plan that DrawTube shows, in an episode that is then the only one; -1 is the plan that tells most.
	Step    int
	Kernels bool // compute what DrawKernels shows, some seconds for each kernel
}

// Default certifies the plans of the last episode that is over, against sign-gradient ascent from 32 starts of 10 steps, which takes a few
// milliseconds for a plan, and checks each tube by 64 rollouts.
func Default() Settings {
	return Settings{Adversaries: []string{"sign-gradient Starts=32 Steps=10"}, Rollouts: 64, Step: -1}
}

// A Certification is the question of Settings to the run in a folder.
type Certification struct {
	Settings
	Spec   *experiment.Spec // of the run
	System *safex.System
	Proofs []Proof // so far
	Escape *Escape // the first, if there is any
	// Progress is called after each step that Run has taken again, with how many there are by now; nil is nobody.
	Progress func(steps int)

	run       *retake.Run
	attackers []plan.Adversary
	tube      func(p *reach.Prover, ctx context.Context, q reach.Plan) (*reach.Tube, error)
	model     safex.Model // of prover
	prover    *reach.Prover
	shown     *picture // nil as long as there is no plan to show
	growth    *growth  // nil without Settings.Kernels
}

// A Proof is what is known of a plan that was executed.
type Proof struct {
	Episode, Step int
	Cover         safex.Cover // of the step, by the run's filter; "" without one
	Beta          float64     // how many epistemic deviations the box reaches
	Horizon       int         // steps of the plan
	Robust        int         // steps in which the model may err, as its planner had it; 0 is all
	Certified     bool        // every limit is proved to be kept to the end of the plan
	Prefix        int         // first steps of the plan in which that is proved
	Bound         []float64   // largest excess of each limit that the tube leaves possible, in its unit; +Inf where nothing is known
	Found         []float64   // largest excess of each limit that an adversary found, in its unit
	Worst         float64     // excess that an adversary found, over steps and limits and beyond their budgets, in units of Scale: at most 0 is unbroken
	Inside        bool        // the real state after the executed step is in the box
	Tried         bool        // the real system was asked what would come of the plan, with nothing planned anew: a plant is not
	InTube        bool        // the real system, under the plan and with nothing planned anew, stays in the tube of the steps in which the model may err
	Backup        bool        // the filter proved something new of the step: a tube that ends in its terminal set, where a backup takes over
	BackupInTube  bool        // the real system, under what was proved and then the backup, stays in that tube and then in that set, for as many steps as the plan has
	Millis        float64     // spent on the tube
	Escapes       int         // rollouts that left the tube
}

// Open checks Settings against the run in the folder dir. The run has to be of this build, since its plans are made again.
func (a Settings) Open(dir string, own ...safex.Maker) (*Certification, error) {
	r, err := retake.Open(dir, own...)
	if err != nil {
		return nil, err
	}
	bad := func(v float64) bool { return !(v >= 0) || math.IsInf(v, 1) }
	switch s := r.System; {
	case len(s.Limits) == 0:
		return nil, fmt.Errorf("task %q of %s has no limits: there is nothing to certify", s.Name, dir)
	case bad(a.Beta):
		return nil, fmt.Errorf("beta %v: want a number of at least 0, where 0 is that of the run", a.Beta)
	case len(a.Noise) > 0 && len(a.Noise) != len(s.State):
		return nil, fmt.Errorf("noise %v has %d numbers, and the state of task %q has %d: want half a width for each", a.Noise, len(a.Noise), s.Name, len(s.State))
	case slices.ContainsFunc(a.Noise, bad):
		return nil, fmt.Errorf("noise %v: want numbers of at least 0", a.Noise)
	case len(a.Adversaries) == 0:
		return nil, fmt.Errorf("there is no adversary: want one, such as sign-gradient")
	case a.Rollouts < 0 || a.Rollouts > 1e4:
		return nil, fmt.Errorf("%d rollouts: want 0 to 1e4", a.Rollouts)
	}
	c := &Certification{Settings: a, Spec: r.Spec, System: r.System, run: r, tube: (*reach.Prover).Tube}
	for _, text := range a.Adversaries {
		attacker, err := experiment.NewAdversary(text)
		if err != nil {
			return nil, err
		}
		c.attackers = append(c.attackers, attacker)
	}
	if a.All {
		r.ChooseAll()
	} else if err := r.Choose(a.Episodes...); err != nil {
		return nil, err
	}
	c.Episodes = r.Chosen
	if err := c.checkStep(); err != nil {
		return nil, err
	}
	if a.Kernels {
		if c.growth, err = newGrowth(c); err != nil {
			return nil, err
		}
	}
	return c, nil
}

// checkStep reports that there is no plan of Step.
func (c *Certification) checkStep() error {
	if c.Step < 0 {
		return nil
	}
	if len(c.Episodes) != 1 {
		return fmt.Errorf("step %d is of one episode, and %d are chosen: choose one", c.Step, len(c.Episodes))
	}
	if n := c.Plans(); c.Step >= n {
		return fmt.Errorf("episode %d has no step %d: it has 0 to %d", c.Episodes[0], c.Step, n-1)
	}
	return nil
}

// Plans is how many plans there are to certify.
func (c *Certification) Plans() int { return c.run.Plans() }

// Steps is how many steps of the run are taken again: all up to the end of the last episode whose plans are certified.
func (c *Certification) Steps() int { return c.run.Count() }

// Run takes the run from its beginning again, to the same bits, and yields what is known of each plan. A cancelled ctx ends it between two
// steps or within a proof, which is then left out. It fails if the model is one that nothing can be proved of.
func (c *Certification) Run(ctx context.Context) iter.Seq2[Proof, error] {
	return func(yield func(Proof, error) bool) {
		steps := 0
		for s, err := range c.run.Steps(ctx) {
			if err == nil && s.State.Model != nil && (c.prover == nil || s.Executed != nil) { // the first at once, so that it fails early
				err = c.bind(s.State.Model)
			}
			if err == nil && s.Executed != nil {
				var p Proof
				if p, err = c.prove(ctx, s); err == nil {
					c.Proofs = append(c.Proofs, p)
					if !yield(p, nil) {
						return
					}
				}
			}
			if err == nil && c.growth != nil {
				err = c.growth.follow(ctx, c, s)
			}
			if err != nil {
				yield(Proof{}, err)
				return
			}
			if steps++; c.Progress != nil {
				c.Progress(steps)
			}
		}
	}
}

// Check is an error if a rollout was outside of its tube: then what was proved is not to be relied on.
func (c *Certification) Check() error {
	if c.Escape == nil {
		return nil
	}
	n := 0
	for _, p := range c.Proofs {
		n += p.Escapes
	}
	return fmt.Errorf("rollouts that left their tube: %d, so that no certificate here is to be relied on; the first is %v", n, c.Escape)
}

// bind makes the prover of a model, if it is another than the last.
func (c *Certification) bind(m safex.Model) (err error) {
	if c.prover != nil && reflect.TypeOf(m).Comparable() && m == c.model {
		return nil
	}
	if c.prover, err = reach.New(c.System, m); err != nil {
		return fmt.Errorf("the model %s of %s cannot be certified: %w", c.Spec.ModelName(), c.run.Dir, err)
	}
	c.model = m
	return nil
}

// prove encloses the plan of a step in a tube, lets the adversaries attack it, and checks the tube by rollouts.
func (c *Certification) prove(ctx context.Context, s retake.Step) (p Proof, err error) {
	q, actions := s.Query, s.Executed.Actions
	p = Proof{Episode: s.Episode, Step: s.At, Cover: s.Executed.Cover, Beta: s.Beta(c.Beta), Horizon: len(actions), Robust: s.Robust}
	box := c.prover.Rounding(p.Beta) // what is added to a step besides the error
	for d, v := range c.noise() {
		box[d] += v
	}
	began := time.Now()
	tube, err := c.tube(c.prover, ctx, reach.Plan{State: q.State, Spread: c.System.SeenBox(), Actions: actions, Beta: p.Beta, Robust: p.Robust, Noise: box, Last: q.LastAction})
	if err != nil {
		return p, err
	}
	p.Millis = float64(time.Since(began).Microseconds()) / 1000
	p.Certified, p.Prefix = tube.Holds(q.Left), tube.Prefix(q.Left)
	src := rng.New(c.Spec.Seed).Child("certify").At(p.Episode).At(p.Step)
	target := s.Target(p.Beta)
	if c.System.SeenBox() != nil { // the tube starts from all states that it may be in, and rollouts from where it was seen
		if target.Query.Rollout, err = c.Spec.Engine.Rollout(c.System, c.model); err != nil {
			return p, err
		}
	}
	worst, err := c.attack(ctx, &p, target, src.Child("attack"))
	if err != nil {
		return p, err
	}
	for k := range c.System.Limits {
		p.Bound = append(p.Bound, tube.Worst(k))
	}
	check := check{Certification: c, target: target, tube: tube, src: src.Child("check")}
	if p.Escapes, err = check.rolls(ctx, &p, worst); err != nil {
		return p, err
	}
	if p.Escapes > 0 { // what encloses nothing proves nothing
		p.Certified, p.Prefix = false, 0
	}
	p.Inside = inside(s, p.Beta, box)
	if p.Tried = !c.System.Outside(); p.Tried {
		if p.InTube, err = check.truth(s); err != nil {
			return p, err
		}
		if p.Backup, p.BackupInTube, err = c.backup(ctx, s); err != nil {
			return p, err
		}
	}
	return p, c.show(ctx, s, p, tube, target, worst, box)
}

// noise is the box of noise that is allowed for: what the task declares, which is in rollouts too, and that of the Settings.
func (c *Certification) noise() []float64 {
	all := make([]float64, len(c.System.State))
	for _, box := range [][]float64{c.System.NoiseBox(), c.Noise} {
		for d, v := range box {
			all[d] += v
		}
	}
	return all
}

// attack lets every adversary attack a plan, and returns the worst error of each.
func (c *Certification) attack(ctx context.Context, p *Proof, target plan.Target, src rng.Stream) (worst [][]float64, err error) {
	var found plan.Perturbations
	p.Worst, p.Found = math.Inf(-1), slices.Repeat([]float64{math.Inf(-1)}, len(c.System.Limits))
	for i, attacker := range c.attackers {
		if err := attacker.Attack(ctx, &found, target, src.At(i)); err != nil {
			return nil, err
		}
		if e := found.Excess[0]; stats.Worse(e, p.Worst) {
			p.Worst = e
		}
		for k, e := range found.Each.Point(0) {
			p.Found[k] = max(p.Found[k], e*c.System.LimitScale(k))
		}
		worst = append(worst, found.Eta.Point(0))
	}
	return worst, nil
}

// inside tells whether the real state after a step is in the box of what was believed: within beta epistemic deviations of the mean, give or
// take what is added besides.
func inside(s retake.Step, beta float64, box []float64) bool {
	e := s.State.Episode
	next, f := e.States[s.At+1], e.Forecasts[s.At]
	if e.Real != nil {
		next = e.Real[s.At+1]
	}
	if f.Noise != nil { // of what was seen of the start
		box = slices.Clone(box)
		for d, v := range f.Noise {
			box[d] = max(box[d], v)
		}
	}
	return within(next, f.Mean, f.Epistemic, beta, box)
}

// within tells whether a state is within beta deviations of the mean, give or take a box.
func within(x, mean, epistemic []float64, beta float64, box []float64) bool {
	for d, v := range x {
		if !(math.Abs(v-mean[d]) <= beta*epistemic[d]+box[d]) { // also of a NaN
			return false
		}
	}
	return true
}
