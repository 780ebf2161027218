package filter

import (
	"context"
	"fmt"
	"math"
	"runtime"
	"slices"
	"sync"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/reach"
	"github.com/rischiboy/safe_exploration/safex/viability"
)

// Filter are the settings of a safex.Filter that proves steps by boxes and tubes into a terminal set.
type Filter struct {
	// Beta is how many epistemic deviations the model may err by where neither the model nor the plan says, as of planners that look at the
	// mean alone; at least 0.
	Beta float64
	// Noise is half the width of a box of noise that is added to the state in every step, in its units; nil is what the task declares, or 0.
	Noise []float64
	// Set is which terminal set steps have to lead to.
	Set Set
	// Own is a terminal set of one's own, in place of Set; nil is none. It is of a program alone, and not kept in a run's folder.
	Own Terminal `json:"-"`
	// Cells and Levels are those of viability.Settings, of kernels.
	Cells, Levels int
	// Watch is how many of the last steps of an episode the box of the next has to be wide enough for: it has at least Margin times the
	// deviations that the model, as it is now, was off by in one of them. 0 is none, which leaves the box as it is however often it does not hold.
	Watch  int
	Margin float64 // at least 0
	// Actions is how many actions of each dimension are tried in place of the plan's, from -1 to 1, at least 2.
	Actions int
	// Tube is whether plans are proved by tubes, where the box of a step is not enough.
	Tube bool
}

// Default proves with two deviations, as planners do, and with half as many again as the last ten steps took, by what the task has declared or a
// kernel of the cells of viability.DefaultSettings, and 41 actions.
func Default() Filter {
	return Filter{Beta: 2, Watch: 10, Margin: 1.5, Levels: 5, Actions: 41, Tube: true}
}

// Set says which terminal set is meant.
type Set string

const (
	Auto   Set = ""       // what the task has declared, or else the kernel
	Task   Set = "task"   // the Backup that the task has declared, which does not depend on what is learned
	Model  Set = "kernel" // the viability kernel of the model
	Either Set = "either" // both: a step may lead to one of them
)

// Check reports the first setting that is out of range.
func (f Filter) Check() error {
	switch {
	case !(f.Beta >= 0) || math.IsInf(f.Beta, 1):
		return fmt.Errorf("filter: Beta is %v, want at least 0", f.Beta)
	case slices.ContainsFunc(f.Noise, func(v float64) bool { return !(v >= 0) || math.IsInf(v, 1) }):
		return fmt.Errorf("filter: Noise is %v, want at least 0 in each dimension", f.Noise)
	case !slices.Contains([]Set{Auto, Task, Model, Either}, f.Set):
		return fmt.Errorf("filter: Set is %q, want %q, %q, %q, or %q for the task's where it has one and the kernel where not", f.Set, Task, Model, Either, Auto)
	case f.Watch < 0 || !(f.Margin >= 0) || math.IsInf(f.Margin, 1):
		return fmt.Errorf("filter: Watch is %d and Margin %v, want at least 0", f.Watch, f.Margin)
	case f.Actions < 2 || f.Actions > 1e4:
		return fmt.Errorf("filter: Actions is %d, want 2 to 1e4", f.Actions)
	}
	return f.kernel(f.Beta).Check()
}

// kernel are the settings of a kernel for a box of beta deviations.
func (f Filter) kernel(beta float64) viability.Settings {
	c := viability.DefaultSettings()
	c.Cells, c.Levels, c.Beta, c.Noise = f.Cells, f.Levels, beta, f.Noise
	return c
}

// Guard implements safex.Filter.
func (f Filter) Guard(s *safex.System, m safex.Model) (safex.Guard, error) {
	g, err := f.guard(s, m)
	if err != nil {
		return nil, err
	}
	return g, nil
}

// Terminal is the set that a Guard of f judges steps by whose box has beta deviations of m: see Deviations.
func (f Filter) Terminal(ctx context.Context, s *safex.System, m safex.Model, beta float64) (Terminal, error) {
	g, err := f.guard(s, m)
	if err != nil {
		return nil, err
	}
	return g.terminalOf(ctx, beta)
}

// Knows tells whether the terminal set of f is what the task has declared alone, whatever is learned. It was declared of a system without noise: where the
// task declares that there is some, Set has to say that the Backup is meant.
func (f Filter) Knows(s *safex.System) bool {
	return f.Own == nil && s.Backup != nil && (f.Set == Auto && s.NoiseBox() == nil || f.Set == Task)
}

// CheckSystem reports why nothing can be proved of a system, whatever is learned.
func (f Filter) CheckSystem(s *safex.System) error {
	if k := s.Delay(); k > 0 {
		return fmt.Errorf("filter: actions take effect %d steps late, and what a filter falls back on answers the state that is met: expect no delay", k)
	}
	if f.Own != nil {
		return nil
	}
	if f.Knows(s) || f.Set == Task {
		if s.Backup == nil {
			return fmt.Errorf("filter: Set is %q, and task %q declares no Backup", f.Set, s.Name)
		}
		return nil
	}
	if err := f.kernel(f.Beta).CheckSystem(s); err != nil {
		if s.Backup != nil && f.Set == Auto {
			return fmt.Errorf("filter: %w, and the Backup was declared of a system without noise: if it keeps the limits under that noise too, set filter.Set=%s", err, Task)
		}
		return fmt.Errorf("filter: %w: declare a Backup in the task, a set in which it is safe for ever", err)
	}
	if f.Set == Either && s.Backup == nil {
		return fmt.Errorf("filter: Set is %q, and task %q declares no Backup", f.Set, s.Name)
	}
	return nil
}

func (f Filter) guard(s *safex.System, m safex.Model) (*guard, error) {
	if err := f.Check(); err != nil {
		return nil, err
	}
	if len(f.Noise) == 0 { // as an empty list is read back
		f.Noise = s.NoiseBox()
	} else if len(f.Noise) != len(s.State) {
		return nil, fmt.Errorf("filter: Noise has %d dimensions, and task %q %d", len(f.Noise), s.Name, len(s.State))
	}
	if err := f.CheckSystem(s); err != nil {
		return nil, err
	}
	p, err := reach.New(s, m)
	if err != nil {
		return nil, fmt.Errorf("filter: %w: give it a method Form, or leave the filter out, as filter=off does", err)
	}
	return &guard{Filter: f, system: s, model: m, prover: p, terminals: map[float64]Terminal{}}, nil
}

// guard is a Filter that knows a model.
type guard struct {
	Filter
	system *safex.System
	model  safex.Model
	prover *reach.Prover

	lock      sync.Mutex
	terminals map[float64]Terminal // by the deviations of the box
}

// Prepare implements safex.Preparer.
func (g *guard) Prepare(ctx context.Context, asked, planned float64) error {
	_, err := g.terminalOf(ctx, g.Deviations(asked, planned))
	return err
}

var _ safex.Preparer = (*guard)(nil)

// step is a call of Keep.
type step struct {
	*guard
	safex.Query
	beta     float64
	terminal Terminal
}

// Keep implements safex.Guard.
func (g *guard) Keep(ctx context.Context, q safex.Query, p *safex.Plan) (*safex.Plan, error) {
	w := &step{guard: g, Query: q, beta: g.Deviations(q.Beta, p.Beta)}
	var err error
	if w.terminal, err = g.terminalOf(ctx, w.beta); err != nil {
		return nil, err
	}
	met, err := w.met()
	if err != nil {
		return nil, err
	}
	w.beta = max(w.beta, w.Margin*met)
	kept := *p
	kept.CoverBeta = w.beta
	first := w.decide(ctx, &kept)
	if err := ctx.Err(); err != nil { // what a proof that was cut short leaves out is not proved
		return nil, err
	}
	if w.system.Noisy() || w.system.SeenBox() != nil { // what is fallen back on goes by a state that the system is not in
		kept.Cover = safex.CoverNone
	}
	if first == nil {
		return &kept, nil
	}
	return &kept, w.replace(ctx, &kept, first)
}

// decide says by what the step is covered, and which actions to execute in place of the first ones of p; nil for none.
func (w *step) decide(ctx context.Context, p *safex.Plan) (first [][]float64) {
	p.Tail = nil
	if tail, ok := w.proved(ctx, p.Actions); ok {
		if p.Cover, p.Tail = safex.CoverPlanned, tail; tail == nil {
			p.Cover = safex.CoverKernel
		}
		return nil
	}
	if last := w.Previous; last != nil && len(last.Tail) > 0 {
		p.Cover, p.Tail = safex.CoverTail, last.Tail[1:]
		for _, f := range last.Tail { // those after the first as they are meant to be
			first = append(first, f.Action)
		}
		first[0] = last.Tail[0].At(w.State)
		return first
	}
	if u := w.nearest(ctx, p.Actions[0]); u != nil {
		p.Cover = safex.CoverBackup
		return [][]float64{u}
	}
	p.Cover = safex.CoverNone
	if t, ok := w.terminal.(rescuer); ok {
		return [][]float64{t.rescue(w.State)}
	}
	if p.Feasible {
		return nil
	}
	return [][]float64{w.deepest(ctx, p.Actions[0])}
}

// finer is by how much a box of a calibrated model grows before there is another kernel for it, as a share.
const finer = 1.05

// Deviations is how many of them the box of a step has: what the model asked for, rounded up so that few kernels do for a box that breathes;
// what the plan was made for; or else Beta. The first two are 0 where there is none, as in a safex.Forecast.
func (f Filter) Deviations(asked, planned float64) float64 {
	switch {
	case asked > 0:
		return math.Pow(finer, math.Ceil(math.Log(asked)/math.Log(finer)-1e-9))
	case planned > 0:
		return planned
	}
	return f.Beta
}

// terminalOf is the terminal set for a box of beta deviations.
func (g *guard) terminalOf(ctx context.Context, beta float64) (Terminal, error) {
	g.lock.Lock()
	defer g.lock.Unlock()
	if t, ok := g.terminals[beta]; ok {
		return t, nil
	}
	if g.Own != nil {
		return g.Own, nil
	}
	if g.Knows(g.system) {
		return Known(g.system), nil
	}
	t, err := Kernel(ctx, g.system, g.prover, g.kernel(beta))
	if err != nil {
		return nil, err
	}
	if g.Set == Either {
		t = either{Known(g.system), t}
	}
	g.terminals[beta] = t
	return t, nil
}

// tube encloses some actions from where the step is.
func (w *step) tube(ctx context.Context, actions [][]float64) *reach.Tube {
	t, err := w.prover.Tube(ctx, reach.Plan{State: w.State, Spread: w.system.SeenBox(), Actions: actions, Beta: w.beta, Noise: w.Noise, Last: w.LastAction})
	if err != nil {
		return &reach.Tube{}
	}
	return t
}

// enters tells whether a step of action u is proved to keep the limits and to end in the terminal set.
func (w *step) enters(ctx context.Context, u []float64) bool {
	t := w.tube(ctx, [][]float64{u})
	return len(t.Sets) == 1 && t.Holds(w.Left) && w.terminal.Holds(t.Sets[0])
}

// proved tells whether the first actions of a plan are proved to keep the limits and to end in the terminal set, as they are or with feedback
// about where they lead to, and what comes after the first; nil if that ends there by itself.
func (w *step) proved(ctx context.Context, actions [][]float64) (tail []safex.Feedback, ok bool) {
	q := reach.Plan{State: w.State, Spread: w.system.SeenBox(), Actions: actions, Beta: w.beta, Noise: w.Noise, Last: w.LastAction}
	if !w.Tube {
		q.Actions = actions[:1]
	}
	tail, kept, ok := w.ends(ctx, q)
	if ok || kept == 0 || len(q.Actions) < 2 { // feedback changes nothing of the first step
		return tail, ok
	}
	var err error
	if q.About, q.Gains, err = w.gains(ctx, actions); err != nil {
		return nil, false
	}
	tail, _, ok = w.ends(ctx, q)
	return tail, ok
}

// ends tells whether the tube of q keeps the limits up to a step that ends in the terminal set, what comes after the first step up to there, and for how many
// steps the limits are kept. It takes the tube no further than that.
func (w *step) ends(ctx context.Context, q reach.Plan) (tail []safex.Feedback, kept int, ok bool) {
	t := &reach.Tube{}
	for n, err := range w.prover.Steps(ctx, q, t) {
		if err != nil || t.Prefix(w.Left) < n {
			return nil, kept, false
		}
		if kept = n; !w.terminal.Holds(t.Sets[n-1]) || n == 1 && q.Gains != nil {
			continue
		}
		for i := 1; i < n; i++ {
			f := safex.Feedback{Action: q.Actions[i]}
			if q.Gains != nil {
				f.Gain, f.About = q.Gains[i], q.About[i]
			}
			tail = append(tail, f)
		}
		return tail, kept, true
	}
	return nil, kept, false
}

// nearest is the action nearest to u of those around it that are proved to lead to the terminal set, or the backup's own. It is nil if there is none. As many
// actions are tried at a time as there are cores, and the nearest of them counts.
func (w *step) nearest(ctx context.Context, u []float64) []float64 {
	for some := range slices.Chunk(w.around(u), runtime.GOMAXPROCS(0)) {
		enters := make([]bool, len(some))
		var all sync.WaitGroup
		for i, a := range some {
			all.Go(func() { enters[i] = w.enters(ctx, a) })
		}
		all.Wait()
		if i := slices.Index(enters, true); i >= 0 {
			return some[i]
		}
	}
	return w.terminal.Backup(w.State) // which keeps the limits by what a terminal set is
}

// around are actions to try in place of u, the nearest first.
func (w *step) around(u []float64) (all [][]float64) {
	n := w.Actions
	if nu := len(u); nu > 1 { // as many in all, but for corners
		n = max(2, int(math.Pow(float64(n), 1/float64(nu))))
		n = max(n, 5)
	}
	all = [][]float64{nil}
	for range u {
		var more [][]float64
		for _, a := range all {
			for i := range n {
				more = append(more, append(slices.Clone(a), -1+2*float64(i)/float64(n-1)))
			}
		}
		all = more
	}
	far := func(a []float64) (d float64) {
		for k, v := range a {
			d += (v - u[k]) * (v - u[k])
		}
		return d
	}
	slices.SortStableFunc(all, func(a, b []float64) int {
		switch d, e := far(a), far(b); {
		case d < e:
			return -1
		case d > e:
			return 1
		}
		return 0
	})
	return all
}

// deepest is the action that violates least: of those in place of u the one after which most of the box of next states is in the terminal set, and u
// itself if none is better than others.
func (w *step) deepest(ctx context.Context, u []float64) []float64 {
	best, most := u, math.Inf(-1)
	for _, a := range append([][]float64{u}, w.around(u)...) {
		t := w.tube(ctx, [][]float64{a})
		if len(t.Sets) != 1 {
			continue
		}
		if d := w.terminal.Depth(t.Sets[0]); d > most {
			best, most = a, d
		}
	}
	return best
}

// replace puts actions in place of the first ones of a plan, and says what is then expected.
func (w *step) replace(ctx context.Context, p *safex.Plan, first [][]float64) error {
	actions := slices.Clone(p.Actions)
	copy(actions, first)
	h, nx, nu, nl := len(actions), len(w.State), len(actions[0]), len(w.System.Limits)
	c := safex.Candidates{State: w.State, LastAction: w.LastAction, Actions: num.NewBatch(h*nu, 2), Eta: num.NewBatch(h*nx, 2), Beta: p.Beta}
	for t, u := range actions {
		for k, v := range u {
			c.Actions[t*nu+k][0], c.Actions[t*nu+k][1] = v, v
		}
		if p.Eta != nil {
			for d, v := range p.Eta[t] {
				c.Eta[t*nx+d][1] = v
			}
		}
	}
	var r safex.Rolled
	if err := w.Rollout.Roll(ctx, &r, c, nil); err != nil {
		return fmt.Errorf("filter: %w", err)
	}
	p.Actions = actions
	p.Expected, p.Worst = r.Trajectory(w.System, c, 0), r.Trajectory(w.System, c, 1)
	p.Feasible, p.Bound = p.Worst.Violations(w.Left...) == 0, make([]float64, nl)
	for k := range p.Bound {
		p.Bound[k] = math.Inf(-1)
		for _, t := range []safex.Trajectory{p.Expected, p.Worst} {
			if v := t.WorstExcess(nl)[k]; !(v <= p.Bound[k]) {
				p.Bound[k] = v
			}
		}
	}
	return nil
}
