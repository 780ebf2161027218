package certify

import (
	"context"
	"fmt"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/filter"
	"github.com/rischiboy/safe_exploration/safex/retake"
)

// growth is where the limits can be kept, by the models that a run has one after the other.
type growth struct {
	filter        filter.Filter // whose terminal set is the kernel
	episodes      []int         // that are drawn, in order
	fits, updated int           // of the model of the last kernel
	beta          []float64     // how many deviations the box of each kernel has
	phase         fig.Phase
}

// atOnce is how many episodes can be told apart in a picture.
const atOnce = 4

// newGrowth says what cannot be drawn, before anything is taken again.
func newGrowth(c *Certification) (*growth, error) {
	g := &growth{filter: filter.Default(), phase: fig.Phase{System: c.System}}
	if f, ok := experiment.Held(c.Spec.Filter).(*filter.Filter); ok {
		g.filter = *f
	}
	if g.filter.Set = filter.Model; c.Noise != nil {
		g.filter.Noise = c.Noise
	}
	_, err := g.phase.Figure()
	if err == nil {
		err = g.filter.CheckSystem(c.System)
	}
	if err != nil {
		return nil, fmt.Errorf("the kernels of task %s cannot be drawn: %w", c.System.Name, err)
	}
	last := c.Episodes[len(c.Episodes)-1]
	n := min(atOnce, last)
	for i := range n { // the first, the last, and as evenly as can be between
		g.episodes = append(g.episodes, 1+(i*(last-1)+(n-1)/2)/max(1, n-1))
	}
	return g, nil
}

// follow adds the kernel of the model that a step was planned by, at the start of each episode that is drawn and at the end of the last.
func (g *growth) follow(ctx context.Context, c *Certification, s retake.Step) error {
	if s.Query == nil || !slices.Contains(g.episodes, s.Episode) {
		return nil
	}
	e := c.run.Episodes[s.Episode]
	if s.At == 0 {
		if err := g.add(ctx, c, s, fmt.Sprintf("start of episode %d", s.Episode)); err != nil {
			return err
		}
	}
	if s.At+1 < len(e.Actions) {
		return nil
	}
	g.phase.Episodes = append(g.phase.Episodes, e)
	if s.Episode == g.episodes[len(g.episodes)-1] && (s.State.Fits != g.fits || s.State.Updated != g.updated) {
		return g.add(ctx, c, s, fmt.Sprintf("end of episode %d", s.Episode))
	}
	return nil
}

// add adds the kernel of the model in force, as a filter would judge by it.
func (g *growth) add(ctx context.Context, c *Certification, s retake.Step, name string) error {
	g.fits, g.updated = s.State.Fits, s.State.Updated
	m := s.State.Base
	if m == nil { // without a filter
		m = s.State.Model
	}
	f := c.run.Episodes[s.Episode].Forecasts[s.At]
	beta := c.Beta
	if beta == 0 {
		beta = g.filter.Deviations(f.AskedBeta, f.Beta)
	}
	t, err := g.filter.Terminal(ctx, c.System, m, beta)
	if err != nil {
		return err
	}
	g.beta = append(g.beta, beta)
	g.phase.Regions = append(g.phase.Regions, fig.Region{Name: name, Contains: func(x []float64) bool { return t.Backup(x) != nil }})
	return nil
}

// DrawKernels shows where every limit can be kept by the models that Run came by, from the start of the first planned episode to the end of the last
// that is certified, with the ways of these episodes; of more than four, with those of four. The error says that Settings.Kernels did not ask for it, or that
// Run has come to none yet.
func (c *Certification) DrawKernels() (*fig.Figure, error) {
	g := c.growth
	if g == nil || len(g.phase.Regions) == 0 {
		return nil, fmt.Errorf("there is no kernel to show: want Settings.Kernels, and a Run that comes to one")
	}
	p := g.phase
	lo, hi := slices.Min(g.beta), slices.Max(g.beta)
	box := fmt.Sprintf("%.3g", lo)
	if hi > lo {
		box += fmt.Sprintf(" to %.3g", hi)
	}
	inside := 0
	for _, q := range c.Proofs {
		if q.Inside {
			inside++
		}
	}
	p.Notes = []string{
		fmt.Sprintf("Task %s: from a shaded state every limit can be kept for ever, under every error of the model of that time in a box of %s epistemic deviations. The earlier, the darker.", c.System.Name, box),
		fmt.Sprintf("That is proved of the model. It holds for the system as long as the box holds the real next state, which it did after %d of the %d executed steps that were looked at. %s", inside, len(c.Proofs), c.guarded()),
	}
	return p.Figure()
}

// guarded says what kept the run inside of its kernels.
func (c *Certification) guarded() string {
	f, ok := experiment.Held(c.Spec.Filter).(*filter.Filter)
	switch {
	case c.Spec.Filter == nil:
		return "The run had no filter: nothing kept it inside."
	case !ok:
		return "The run's filter did not judge by these sets."
	case f.Knows(c.System):
		return fmt.Sprintf("The run's filter did not judge by these sets, but by what the task declares: %s.", c.System.Backup.Name)
	case f.Set == filter.Either:
		return fmt.Sprintf("The run's filter judged each step by the set of its time, or by what the task declares: %s.", c.System.Backup.Name)
	}
	return "The run's filter judged each step by the set of its time."
}
