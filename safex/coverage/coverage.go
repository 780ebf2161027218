// Package coverage measures how often calibrated boxes hold whole episodes.
package coverage

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"os"
	"reflect"
	"slices"

	"gonum.org/v1/gonum/stat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/internal/table"
	"github.com/rischiboy/safe_exploration/safex/reliability"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Settings ask how often the box of a model that was calibrated on whole episodes holds all steps of a new episode:
// of the policy that gathered the data, where split conformal prediction promises 1 - Miss, and of other policies, where
// nothing is promised. The policy that gathers is coloured noise.
type Settings struct {
	Build       string
	Tasks       []string
	Model       string
	Seeds       int     // runs of each task, from seed 1 on
	Miss        float64 // share of the episodes that may leave the box
	Held        int     // episodes that calibrate; as many are learned from
	Tested      int     // new episodes of the same policy, and of the bolder one
	Planned     int     // new episodes of a planner
	Correlation float64 // of the noise, from one step to the next
	Deviation   float64 // of the noise; the bolder policy has twice of it
}

// Default is four tasks, 30 seeds and 95 %, on 59 calibration episodes: the 57th of 60 ranks.
func Default() Settings {
	return Settings{
		Build: experiment.Build(), Tasks: []string{"pendulum", "pitch", "carpark", "rccar"}, Model: "probabilistic", Seeds: 30,
		Miss: 0.05, Held: 59, Tested: 100, Planned: 1, Correlation: 0.9, Deviation: 0.4,
	}
}

// An Outcome is the outcome of one seed of a task.
type Outcome struct {
	Task                  string
	Seed                  int
	Beta, Level           float64           // of the calibration
	Same, Bolder, Planned reliability.Share // episodes all of whose steps were in the box
	StepsSame, StepsOther reliability.Share // steps in the box, of the same policy, and of the two others
}

// Check reports the first setting that is out of range.
func (c Settings) Check() error {
	for _, t := range c.Tasks {
		if _, err := experiment.Tasks.New(t); err != nil {
			return err
		}
	}
	switch {
	case len(c.Tasks) == 0:
		return fmt.Errorf("there is no task: name one")
	case c.Seeds < 1 || c.Held < 1 || c.Tested < 1 || c.Planned < 0:
		return fmt.Errorf("seeds %d, held %d, tested %d and planned %d: want at least 1, 1, 1 and 0", c.Seeds, c.Held, c.Tested, c.Planned)
	case !(c.Miss > 0 && c.Miss < 1):
		return fmt.Errorf("miss %v: want above 0 and below 1", c.Miss)
	case !(c.Correlation >= 0 && c.Correlation < 1) || !(c.Deviation > 0):
		return fmt.Errorf("correlation %v and deviation %v: want at least 0 and below 1, and above 0", c.Correlation, c.Deviation)
	}
	if want := int(math.Ceil(1/c.Miss-1e-9)) - 1; c.Held < want {
		return fmt.Errorf("held %d: want at least %d episodes, so that %v can be promised", c.Held, want, 1-c.Miss)
	}
	seen := map[string]bool{}
	for _, t := range c.Tasks {
		if seen[t] {
			return fmt.Errorf("task %q is named twice", t)
		}
		seen[t] = true
	}
	spec, err := experiment.Named(c.Tasks[0])
	if err != nil {
		return err
	}
	if err := spec.Set("learner=" + c.Model); err != nil {
		return err
	}
	if spec.Prior != nil || spec.Oracle() {
		return fmt.Errorf("model %q is exact here, and leaves nothing to cover", c.Model)
	}
	return nil
}

// Run yields the outcome of each task and seed that is not among done. A cancelled ctx ends it between two fits.
func (c Settings) Run(ctx context.Context, done []Outcome) iter.Seq2[Outcome, error] {
	return func(yield func(Outcome, error) bool) {
		if err := c.Check(); err != nil {
			yield(Outcome{}, err)
			return
		}
		for _, task := range c.Tasks {
			for seed := 1; seed <= c.Seeds; seed++ {
				if slices.ContainsFunc(done, func(d Outcome) bool { return d.Task == task && d.Seed == seed }) {
					continue
				}
				out, err := c.one(ctx, task, seed)
				if err != nil {
					err = fmt.Errorf("%s, seed %d: %w", task, seed, err)
				}
				if !yield(out, err) || err != nil {
					return
				}
			}
		}
	}
}

// one is the outcome of a task and a seed.
func (c Settings) one(ctx context.Context, task string, seed int) (out Outcome, err error) {
	spec, err := experiment.Named(task)
	if err != nil {
		return out, err
	}
	if err := spec.SetAll("planner=safe", "learner="+c.Model); err != nil {
		return out, err
	}
	spec.Calibration = &calibrate.Conformal{Miss: c.Miss, Episode: true, HoldOut: 2}
	system, err := spec.Task.Task().System()
	if err != nil {
		return out, err
	}
	learner, err := spec.Compose()
	if err != nil {
		return out, err
	}
	src := rng.New(uint64(seed)).Child("coverage")
	noise := func(name string, n int, deviation float64) (*safex.Data, error) {
		data := &safex.Data{}
		for k := range n {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			s := src.Child(name).At(k)
			e, err := system.Simulate(system.ColouredPolicy(c.Correlation, deviation, s.Child("noise")), s)
			if err != nil {
				return nil, err
			}
			data.AppendEpisode(e.Trajectory)
		}
		data.Begin()
		return data, nil
	}
	data, err := noise("data", 2*c.Held, c.Deviation)
	if err != nil {
		return out, err
	}
	model, err := learner.Learn(ctx, system, data, nil, src.Child("learn"))
	if err != nil {
		return out, err
	}
	summary, _ := calibrate.Of(model)
	out = Outcome{Task: task, Seed: seed, Beta: summary.Beta, Level: summary.Level}
	same, err := noise("same", c.Tested, c.Deviation)
	if err != nil {
		return out, err
	}
	bolder, err := noise("bolder", c.Tested, 2*c.Deviation)
	if err != nil {
		return out, err
	}
	planned, err := c.planned(ctx, spec, system, model, src.Child("planned"))
	if err != nil {
		return out, err
	}
	for _, part := range []struct {
		data            *safex.Data
		episodes, steps *reliability.Share
	}{{same, &out.Same, &out.StepsSame}, {bolder, &out.Bolder, &out.StepsOther}, {planned, &out.Planned, &out.StepsOther}} {
		if err := boxed(system, model, part.data, part.episodes, part.steps); err != nil {
			return out, err
		}
	}
	return out, nil
}

// planned are episodes of the planner "safe" on the model, which does not learn from them.
func (c Settings) planned(ctx context.Context, spec *experiment.Spec, system *safex.System, model safex.Model, src rng.Stream) (*safex.Data, error) {
	r, err := spec.Engine.Rollout(system, model)
	if err != nil {
		return nil, err
	}
	data := &safex.Data{}
	for k := range c.Planned {
		var last *safex.Plan
		var previous []float64
		var pending [][]float64
		for range system.Delay() {
			pending = append(pending, make([]float64, len(system.Action)))
		}
		var failed error
		policy := func(t int, x []float64) []float64 {
			q := safex.Query{System: system, Rollout: r, State: x, Episode: 1, Previous: last, LastAction: previous, Left: system.Budgets(), Pending: pending}
			p, err := (*safex.Plan)(nil), q.Expect(model)
			if err == nil {
				p, err = spec.Planner.Plan(ctx, q, src.At(k).At(t))
			}
			if err == nil {
				p, err = q.Hold(p)
			}
			if err != nil {
				failed = err
				return nil
			}
			u := q.Command(p)
			if last, previous = p, p.Actions[0]; len(pending) > 0 {
				pending = append(slices.Clone(pending[1:]), u)
			}
			return u
		}
		e, err := system.Simulate(policy, src.At(k))
		if failed != nil {
			return nil, failed
		}
		if err != nil {
			return nil, err
		}
		data.AppendEpisode(e.Trajectory)
	}
	return data, nil
}

// boxed counts the episodes and the steps of data that stay in the box of m.
func boxed(s *safex.System, m safex.Model, data *safex.Data, episodes, steps *reliability.Share) error {
	if data.Len() == 0 {
		return nil
	}
	var p safex.Prediction
	if err := m.Predict(&p, data.X, data.U); err != nil {
		return err
	}
	β := safex.BetaOf(m)
	for _, e := range data.Episodes() {
		whole := true
		for i := e[0]; i < e[1]; i++ {
			noise, err := s.SeenNoise(m, data.X.Point(i), data.U.Point(i))
			if err != nil {
				return err
			}
			in := true
			for d := range p.Mean {
				half := β * p.Epistemic[d][i]
				if noise != nil {
					half += noise[d]
				}
				in = in && math.Abs(data.Next[d][i]-p.Mean[d][i]) <= half
			}
			steps.N++
			if in {
				steps.K++
			}
			whole = whole && in
		}
		episodes.N++
		if whole {
			episodes.K++
		}
	}
	return nil
}

// results is a file of outcomes, with the settings that made them.
type results struct {
	Settings Settings
	Outcomes []Outcome
}

// Read reads outcomes that Save wrote.
func Read(path string) (c Settings, done []Outcome, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return c, nil, err
	}
	var r results
	if err := encode.Decode(text, &r); err != nil {
		return c, nil, fmt.Errorf("%s holds no outcomes of safex coverage: %w", path, err)
	}
	return r.Settings, r.Outcomes, nil
}

// Save writes outcomes to a file, whole or not at all, with the settings that made them.
func (c Settings) Save(path string, done []Outcome) error {
	text, err := encode.Indented(results{c, done})
	if err != nil {
		return err
	}
	return disk.Write(path, text)
}

// Resume is what is done already in a file of the same settings, whatever its tasks and seeds; nothing if there is no file.
func (c Settings) Resume(path string) ([]Outcome, error) {
	old, done, err := Read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	old.Tasks, old.Seeds = c.Tasks, c.Seeds
	if err == nil && !reflect.DeepEqual(old, c) {
		err = fmt.Errorf("%s holds outcomes of other settings: choose another file with --out, or remove it", path)
	}
	return done, err
}

// Table is a Markdown table of outcomes, a row for each task.
func Table(c Settings, done []Outcome) string {
	var rows [][]string
	for _, task := range c.Tasks {
		var beta, each []float64
		var level float64
		var same, bolder, planned, steps, other reliability.Share
		for _, d := range done {
			if d.Task != task {
				continue
			}
			beta, each, level = append(beta, d.Beta), append(each, 100*d.Same.Of()), level+d.Level
			for _, s := range []struct {
				to   *reliability.Share
				from reliability.Share
			}{{&same, d.Same}, {&bolder, d.Bolder}, {&planned, d.Planned}, {&steps, d.StepsSame}, {&other, d.StepsOther}} {
				s.to.K, s.to.N = s.to.K+s.from.K, s.to.N+s.from.N
			}
		}
		n := len(beta)
		if n == 0 {
			continue
		}
		slices.Sort(beta)
		share := func(s reliability.Share) string {
			if s.N == 0 {
				return "–"
			}
			return fmt.Sprintf("%.1f %% of %d", 100*s.Of(), s.N)
		}
		spread := func(v []float64) string {
			if len(v) < 2 {
				return "–"
			}
			return fmt.Sprintf("%.1f %%", stat.StdDev(v, nil))
		}
		rows = append(rows, []string{
			task, fmt.Sprint(n), fmt.Sprintf("%.2f, %.2f, %.2f", beta[0], (beta[(n-1)/2]+beta[n/2])/2, beta[n-1]), fmt.Sprintf("%.1f %%", 100*level/float64(n)),
			share(same), spread(each), share(bolder), share(planned), share(steps), share(other),
		})
	}
	var p table.Page
	p.Add("", []string{
		"task", "seeds", "β: least, median, most", "promised", "episodes in the box", "deviation over seeds", "same, bolder noise", "same, planned", "steps in the box", "same, both changed",
	}, rows...)
	return p.MarkdownString()
}
