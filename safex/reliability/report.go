// Package reliability compares what was believed about each step with what happened: whether the box of a belief held the
// next state, and whether its deviations were as large as its errors.
package reliability

import (
	"fmt"
	"io"
	"math"
	"slices"

	"gonum.org/v1/gonum/stat"
	"gonum.org/v1/gonum/stat/distuv"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/table"
	"github.com/rischiboy/safe_exploration/safex/stats"
)

// A Report compares a run's beliefs with what happened: the calibration report. The box of a step is |next - mean| ≤ β · epistemic in each dimension, and as much
// more as noise may add that the task declares; next is what the agent saw, with all noise. Steps count of which something was believed: those that were planned, and with a prior that a filter judges by those before the first plan.
type Report struct {
	Task                   string    // name
	Began                  string    // a sentence on what the agent had learned from before the first step; "" of nothing
	Dimensions             []Share   // steps whose box held the dimension, for each of the state
	Joint                  Share     // steps whose box held all dimensions
	Whole                  Share     // complete episodes whose every step's box held all dimensions
	JointInDistribution    Share     // of the steps in distribution, those whose box held all dimensions
	JointOutOfDistribution Share     // of the steps out of distribution, likewise
	OutOfDistribution      Share     // steps: Forecast.OutOfDistribution
	Assumed                Share     // steps whose planner defended no box and whose model asked for none: they were given Beta
	Beta                   float64   // of the steps of Assumed
	Quantile               float64   // 95 % of all steps miss their mean by at most as many epistemic deviations, in their worst dimension
	Episodes               []Episode // those with a step that counts
	Levels                 []float64 // of the reliability curve: shares of a normal distribution around its mean
	Reached                [][]float64
	// Reached is, for each dimension and level, the share of steps whose error was within the central interval of that
	// level under a normal distribution of variance epistemic² + aleatoric².
}

// A Share is how many of a number were so.
type Share struct {
	Name string `json:",omitempty"`
	K, N int
}

// An Episode is a line of the report.
type Episode struct {
	Number            int
	Joint             Share   // steps whose box held all dimensions
	Plans             Share   // plans in whose tube the system stays; of nothing without AddTubes
	Backups           Share   // proofs of a filter in whose tube, and then in its terminal set, the system stays under the backup; likewise
	OutOfDistribution Share   // steps: Forecast.OutOfDistribution
	Beta              float64 // median β in force
	Width             float64 // median half-width of the box over steps and dimensions, in Scales
	Quantile          float64 // 95 % of the steps miss their mean by at most as many epistemic deviations, in their worst dimension
	Worst             float64 // all of them
}

// Of is K/N; NaN of nothing.
func (s Share) Of() float64 { return float64(s.K) / float64(s.N) }

// Interval is the 95 % interval of Clopper and Pearson (1934) for the share that K of N were drawn from, if they were
// drawn independently. Steps of one episode are not, nor are episodes between which the model learns.
func (s Share) Interval() (lo, hi float64) { return stats.ClopperPearson(s.K, s.N, 0.95) }

func (s *Share) add(ok bool) {
	s.N++
	if ok {
		s.K++
	}
}

// AssumedBeta is the β of the box that a report asks about if the planner defended none, and the model asked for none.
const AssumedBeta = 2

// nominal is the share of steps that Quantile covers.
const nominal = 0.95

// New reads the episodes of s. assumed is the β of steps whose planner defended no box and whose model asked for none. It fails if no step
// kept what was believed.
func New(s *safex.System, episodes []safex.Episode, assumed float64) (*Report, error) {
	c := &Report{Task: s.Name, Beta: assumed, Joint: Share{Name: "all dimensions"}, Whole: Share{Name: "all steps of an episode"}, JointInDistribution: Share{Name: "steps in distribution"}, JointOutOfDistribution: Share{Name: "steps out of distribution"}, OutOfDistribution: Share{Name: "out of distribution"}}
	for _, v := range s.State {
		c.Dimensions = append(c.Dimensions, Share{Name: v.Name})
		c.Reached = append(c.Reached, nil)
	}
	for i := 1; i < 20; i++ {
		c.Levels = append(c.Levels, float64(i)/20)
	}
	var all []float64
	errors := make([][]float64, len(s.State)) // in total deviations
	for _, e := range episodes {
		line, scores := Episode{Number: e.Number}, []float64{}
		var betas, widths []float64
		whole := true
		for t, f := range e.Forecasts {
			if n := len(s.State); t+1 >= len(e.States) || len(f.Mean) != n || len(f.Epistemic) != n || len(f.Aleatoric) != n {
				continue
			}
			β := f.BoxBeta()
			if β == 0 {
				β = assumed
				c.Assumed.add(true)
			} else {
				c.Assumed.add(false)
			}
			joint, score := true, 0.0
			for d, next := range e.States[t+1] {
				off, half := math.Abs(next-f.Mean[d]), β*f.Epistemic[d]
				if f.Noise != nil { // that it is off by so much is no error of the model
					off, half = max(0, off-f.Noise[d]), half+f.Noise[d]
				}
				in := off <= β*f.Epistemic[d] // false of a NaN
				c.Dimensions[d].add(in)
				joint = joint && in
				widths = append(widths, half/s.State[d].Scale)
				if off != 0 || f.Epistemic[d] != 0 { // 0 of 0 is no miss
					score = max(score, off/f.Epistemic[d])
				}
				total := math.Hypot(f.Epistemic[d], f.Aleatoric[d])
				if off != 0 || total != 0 {
					off /= total
				}
				errors[d] = append(errors[d], off)
			}
			if score != score { // a NaN is worst
				score = math.Inf(1)
			}
			whole = whole && joint
			c.Joint.add(joint)
			line.Joint.add(joint)
			c.OutOfDistribution.add(f.OutOfDistribution)
			line.OutOfDistribution.add(f.OutOfDistribution)
			if f.OutOfDistribution {
				c.JointOutOfDistribution.add(joint)
			} else {
				c.JointInDistribution.add(joint)
			}
			betas = append(betas, β)
			scores = append(scores, score)
		}
		if len(scores) == 0 {
			continue
		}
		if (len(e.Actions) == s.Steps || e.End != "") && e.Phase != safex.RandomPhase {
			c.Whole.add(whole)
		}
		line.Beta, line.Width = median(betas), median(widths)
		all = append(all, scores...)
		line.Quantile, line.Worst = quantile(scores), slices.Max(scores)
		c.Episodes = append(c.Episodes, line)
	}
	if c.Joint.N == 0 {
		return nil, fmt.Errorf("reliability: no planned step of task %q kept what was believed about it: train for an episode with this version", s.Name)
	}
	c.Quantile = quantile(all)
	for d := range errors {
		for _, p := range c.Levels {
			z, in := distuv.UnitNormal.Quantile(0.5+p/2), 0
			for _, v := range errors[d] {
				if v <= z {
					in++
				}
			}
			c.Reached[d] = append(c.Reached[d], float64(in)/float64(len(errors[d])))
		}
	}
	return c, nil
}

// median is that of x; of an even number the lower of the two in the middle.
func median(x []float64) float64 {
	return stat.Quantile(0.5, stat.Empirical, slices.Sorted(slices.Values(x)), nil)
}

// quantile is the smallest score that at least the nominal share does not exceed.
func quantile(scores []float64) float64 {
	return stat.Quantile(nominal, stat.Empirical, slices.Sorted(slices.Values(scores)), nil)
}

// Markdown is the report as two tables.
func (c *Report) Markdown() string { return c.page().MarkdownString() }

// Text writes the same for a terminal.
func (c *Report) Text(w io.Writer) error { return c.page().Text(w) }

func (c *Report) page() *table.Page {
	p := &table.Page{}
	steps, assumed := "planned steps", ""
	if c.Episodes[0].Number == 0 {
		steps = "steps"
	}
	if c.Assumed.K > 0 {
		assumed = fmt.Sprintf(", with β = %g at %d steps, where the planner defended none", c.Beta, c.Assumed.K)
	}
	p.Say("Beliefs about %d %s of %s against what happened. A box is |next - mean| ≤ β · epistemic%s.", c.Joint.N, steps, c.Task, assumed)
	if c.Began != "" {
		p.Say("%s", c.Began)
	}
	var shares [][]string
	plans, backups := c.sum("plans in their tube", func(e *Episode) Share { return e.Plans }), c.sum("backups in theirs", func(e *Episode) Share { return e.Backups })
	for _, s := range append(slices.Clone(c.Dimensions), c.Joint, c.JointInDistribution, c.JointOutOfDistribution, c.Whole, plans, backups) {
		if s.N == 0 {
			continue
		}
		lo, hi := s.Interval()
		shares = append(shares, []string{s.Name, fmt.Sprintf("%d of %d", s.K, s.N), fmt.Sprintf("%.1f %%", 100*s.Of()), fmt.Sprintf("%.1f to %.1f %%", 100*lo, 100*hi)})
	}
	p.Add("", []string{"in the box", "of", "share", "95 % interval"}, shares...)
	p.Say("The interval is that of Clopper and Pearson; it is too narrow for steps, which depend on each other, and a guess for episodes, whose models learn from those before.")
	p.Say("%.0f %% of the steps miss their mean by at most %.2f epistemic deviations in their worst dimension. %d of %d steps (%.1f %%) were out of distribution.",
		100*nominal, c.Quantile, c.OutOfDistribution.K, c.OutOfDistribution.N, 100*c.OutOfDistribution.Of())
	if plans.N > 0 {
		text := "A plan is in its tube if the system, under that plan and with nothing planned anew, stays where every model error in the box may lead, for the steps in which the plan defends them."
		if backups.N > 0 {
			text += " A backup is in its own if it stays where the filter proved it to, under the actions that were proved and then the backup, for as many steps as the plan has."
		}
		p.Say("%s", text)
	}
	of := func(s Share) string {
		if s.N == 0 {
			return "–"
		}
		return fmt.Sprintf("%d of %d", s.K, s.N)
	}
	head, cells, _ := table.Cells(c.Episodes, 0,
		table.Column[Episode]{Name: "episode", Of: func(e Episode) string { return fmt.Sprint(e.Number) }},
		table.Column[Episode]{Name: "steps in their box", Of: func(e Episode) string { return of(e.Joint) }},
		table.Column[Episode]{Name: plans.Name, Has: func(e Episode) bool { return e.Plans.N > 0 }, Of: func(e Episode) string { return of(e.Plans) }},
		table.Column[Episode]{Name: backups.Name, Has: func(e Episode) bool { return e.Backups.N > 0 }, Of: func(e Episode) string { return of(e.Backups) }},
		table.Column[Episode]{Name: "β in force", Of: func(e Episode) string { return fmt.Sprintf("%.2f", e.Beta) }},
		table.Column[Episode]{Name: "half-width / Scale", Of: func(e Episode) string { return fmt.Sprintf("%.2g", e.Width) }},
		table.Column[Episode]{Name: fmt.Sprintf("%.0f %% quantile", 100*nominal), Of: func(e Episode) string { return fmt.Sprintf("%.2f", e.Quantile) }},
		table.Column[Episode]{Name: "worst", Of: func(e Episode) string { return fmt.Sprintf("%.2f", e.Worst) }},
		table.Column[Episode]{Name: "out of distribution", Of: func(e Episode) string { return fmt.Sprintf("%.1f %%", 100*e.OutOfDistribution.Of()) }})
	p.Add("", head, cells...)
	return p
}
