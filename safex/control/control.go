// Package control asks what planning alone reaches: it plans with the oracle dynamics, which are the true ones, and nothing is learned.
package control

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json/jsontext"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"

	"gonum.org/v1/gonum/stat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/rollout"
)

// Settings ask what planning alone reaches: with the oracle dynamics, and without learning, an episode for each seed. Episode 1 of
// a run of the same settings and seed takes the same steps.
type Settings struct {
	Specs  []*experiment.Spec // one for each task; see For
	Vary   string             // a setting, named as by Settings.Set, that takes each of the Values; "" is none
	Values []string
	First  uint64 // seed of the first run of each task and value; the others follow it
	Seeds  int    // runs of each task and value
	Times  bool   // measure how long plans take, with one run at a time

	past []tried // of other tasks in the file that Resume read
}

// For are the settings of oracle planning on a task, by a preset or by default.
func For(task safex.Maker, planner, preset string) (*experiment.Spec, error) {
	s := experiment.Default(task)
	if err := s.Set("planner=" + planner); err != nil {
		return nil, err
	}
	if err := s.UsePreset(preset); err != nil {
		return nil, err
	}
	s.Episodes, s.RandomSteps, s.LearnEvery = 1, 1, 0 // a random step that is not looked at
	s.Filter = nil                                    // what a planner can do is measured, and not what is done in its place
	return s, s.SetAll("calibration=none", "learner=true")
}

// An Outcome is the result of a run.
type Outcome struct {
	Task        string
	Value       string `json:",omitempty"` // of the setting that is varied
	Seed        uint64
	Return      float64
	Steps       int
	Violations  int       `json:",omitempty"` // steps that break a limit
	Excess      []float64 // largest of each limit, in its unit
	ReachedGoal bool      `json:"Arrived,omitempty"`
	Infeasible  int       `json:",omitempty"` // plans that do not keep the limits
	Late        int       `json:",omitempty"` // plans that took as long as their deadline or longer
	Evaluations int64     // steps of candidates, in all plans; one with its gradient counts as two
	// Milliseconds of a plan, of Times alone.
	P50, P99 float64 `json:",omitempty"`
}

// UseVary reads a setting and its values: a list, as in "planner.Horizon=20,40", or a range with its step, as in "MaxSpeed=5:6:0.1".
func (c *Settings) UseVary(text string) error {
	field, list, ok := strings.Cut(text, "=")
	if !ok {
		return fmt.Errorf("vary %q: want field=values, as in MaxSpeed=5,5.5,6 or MaxSpeed=5:6:0.1", text)
	}
	values := strings.Split(list, ",")
	if parts := strings.Split(list, ":"); len(parts) > 1 {
		var v [3]float64
		digits := 0
		for i, p := range parts {
			var err error
			if i < len(v) {
				v[i], err = strconv.ParseFloat(p, 64)
			}
			if _, behind, ok := strings.Cut(p, "."); ok {
				digits = max(digits, len(behind))
			}
			if err != nil || len(parts) != len(v) {
				return fmt.Errorf("vary %q: want first:last:step, as in MaxSpeed=5:6:0.1", text)
			}
		}
		const most = 1000
		n := math.Floor((v[1]-v[0])/v[2] + 1e-9) // NaN of no step
		if !(n >= 0 && n < most) {
			return fmt.Errorf("vary %q: want first:last:step of 1 to %d values", text, most)
		}
		values = nil
		for i := range int(n) + 1 {
			values = append(values, strconv.FormatFloat(v[0]+float64(i)*v[2], 'f', digits, 64))
		}
	}
	for i, text := range values { // 5.0 is 5
		if v, err := strconv.ParseFloat(text, 64); err == nil {
			values[i] = strconv.FormatFloat(v, 'f', -1, 64)
		}
	}
	c.Vary, c.Values = field, values
	return nil
}

// A variant is a task at one value.
type variant struct {
	spec   *experiment.Spec
	task   string
	value  string
	system *safex.System
}

// Check reports the first setting that is out of range, at any value.
func (c *Settings) Check() error {
	_, err := c.variants()
	return err
}

// variants are all tasks at all values.
func (c *Settings) variants() (all []variant, err error) {
	switch {
	case c.Seeds < 1 || c.Seeds > 1e6:
		return nil, fmt.Errorf("seeds %d: want 1 to 1e6", c.Seeds)
	case len(c.Specs) == 0:
		return nil, fmt.Errorf("there is no task: want one")
	case (c.Vary == "") != (len(c.Values) == 0):
		return nil, fmt.Errorf("vary %q with %d values: want a setting and values for it, or neither", c.Vary, len(c.Values))
	}
	for i, s := range c.Specs {
		if !s.Oracle() {
			return nil, fmt.Errorf("model %q of task %q: want the oracle dynamics, as control.For has them", s.ModelName(), s.TaskName())
		}
		if slices.ContainsFunc(c.Specs[:i], func(o *experiment.Spec) bool { return o.TaskName() == s.TaskName() }) {
			return nil, fmt.Errorf("task %q is named twice", s.TaskName())
		}
		for k, value := range c.values() {
			if slices.Contains(c.Values[:k], value) {
				return nil, fmt.Errorf("vary: %s takes the value %q twice", c.Vary, value)
			}
			v, err := c.variant(s, value)
			if err != nil {
				return nil, err
			}
			all = append(all, v)
		}
	}
	return all, nil
}

// values are the values of the setting that is varied; a single empty one if none is.
func (c *Settings) values() []string {
	if c.Vary == "" {
		return []string{""}
	}
	return c.Values
}

// Left is how many runs are not among done.
func (c *Settings) Left(done []Outcome) int { return len(c.todo(done)) }

// todo names the runs that are not among done.
func (c *Settings) todo(done []Outcome) (left []Outcome) {
	there := map[string]bool{}
	for _, d := range done {
		there[d.key()] = true
	}
	for _, s := range c.Specs {
		for _, value := range c.values() {
			for i := range c.Seeds {
				if d := (Outcome{Task: s.TaskName(), Value: value, Seed: c.First + uint64(i)}); !there[d.key()] {
					left = append(left, d)
				}
			}
		}
	}
	return left
}

// key is what a run is of.
func (d Outcome) key() string { return fmt.Sprintf("%s %s %d", d.Task, d.Value, d.Seed) }

// variant is the task of s at a value.
func (c *Settings) variant(s *experiment.Spec, value string) (v variant, err error) {
	v = variant{value: value, task: s.TaskName()}
	if v.spec, err = s.Clone(); err != nil {
		return v, err
	}
	if c.Vary != "" {
		if err := v.spec.Set(c.Vary + "=" + value); err != nil {
			return v, fmt.Errorf("vary: %w", err)
		}
	}
	v.system, err = v.spec.Compile()
	return v, err
}

// Run yields the outcome of every run that is not among done, workers of them at a time, as they end: their order is
// not always the same, and what they hold is. With Times one run is made at a time. A cancelled ctx ends the runs under way, and is
// reported after what had ended before.
func (c *Settings) Run(ctx context.Context, workers int, done []Outcome) iter.Seq2[Outcome, error] {
	return func(yield func(Outcome, error) bool) {
		variants, err := c.variants()
		if err != nil {
			yield(Outcome{}, err)
			return
		}
		if c.Times {
			workers = 1
		}
		type result struct {
			Outcome
			err error
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		todo, results := make(chan Outcome), make(chan result)
		var wait sync.WaitGroup
		for range max(1, workers) {
			wait.Go(func() {
				for d := range todo {
					i := slices.IndexFunc(variants, func(v variant) bool { return v.task == d.Task && v.value == d.Value })
					out, err := variants[i].run(ctx, d.Seed, c.Times)
					results <- result{out, err}
				}
			})
		}
		go func() {
			defer func() { wait.Wait(); close(results) }()
			defer close(todo)
			for _, d := range c.todo(done) {
				select {
				case todo <- d:
				case <-ctx.Done():
					return
				}
			}
		}()
		var failed error
		going := true
		for r := range results { // to the end, so that nobody is left waiting
			switch {
			case r.err != nil:
				if cancel(); failed == nil {
					failed = r.err
				}
			case going:
				if going = yield(r.Outcome, nil); !going {
					cancel()
				}
			}
		}
		if failed == nil && going {
			failed = ctx.Err()
		}
		if failed != nil && going {
			yield(Outcome{}, failed)
		}
	}
}

// run is the outcome of a seed.
func (v variant) run(ctx context.Context, seed uint64, times bool) (out Outcome, err error) {
	s := *v.spec
	s.Seed = seed
	agent, _, err := s.Agent(v.system)
	if err != nil {
		return out, err
	}
	tally := &tally{Engine: s.Engine}
	agent.Engine = tally
	var e safex.Episode
	for e, err = range agent.Episodes(ctx, 1) {
		if err != nil {
			where := v.task
			if v.value != "" {
				where += " at " + v.value
			}
			return out, fmt.Errorf("%s, seed %d: %w", where, seed, err)
		}
	}
	out = Outcome{
		Task: v.task, Value: v.value, Seed: seed, Return: e.Return(), Steps: len(e.Actions),
		Violations: e.Violations(v.system.Budgets()...), ReachedGoal: v.system.ReachedGoal(e.Trajectory),
	}
	out.Excess = e.WorstExcess(len(v.system.Limits))
	var millis []float64
	for _, f := range e.Forecasts {
		if millis = append(millis, f.Millis); !f.Feasible {
			out.Infeasible++
		}
		if f.Late {
			out.Late++
		}
	}
	for _, r := range tally.rollouts {
		out.Evaluations += r.Evaluations.Load()
	}
	if times {
		slices.Sort(millis)
		out.P50, out.P99 = stat.Quantile(0.5, stat.Empirical, millis, nil), stat.Quantile(0.99, stat.Empirical, millis, nil)
	}
	return out, nil
}

// tally is an engine whose rollouts count.
type tally struct {
	safex.Engine
	rollouts []*rollout.Counter
}

// Rollout implements safex.Engine.
func (t *tally) Rollout(s *safex.System, m safex.Model) (safex.Rollout, error) {
	r, err := t.Engine.Rollout(s, m)
	if err != nil {
		return nil, err
	}
	c := &rollout.Counter{Rollout: r, Actions: len(s.Action)}
	t.rollouts = append(t.rollouts, c)
	return c, nil
}

// tried is what outcomes of a task depend on, and what their table says of it.
type tried struct {
	Task    string
	Planner string
	Limits  []safex.Trait  `json:",omitempty"` // the name and the unit of each
	HasGoal bool           `json:"Arrives"`    // the task has one
	Spec    jsontext.Value // perhaps of another version
}

// tries has one for each spec.
func (c *Settings) tries() (all []tried, err error) {
	for _, s := range c.Specs {
		task := s.Task.Task()
		t := tried{Task: task.Name, Planner: s.PlannerName(), HasGoal: task.Goal != nil}
		for _, l := range task.Limits {
			t.Limits = append(t.Limits, safex.Trait{Name: l.Name, Text: l.Unit})
		}
		if t.Spec, err = encode.JSON(s); err != nil {
			return nil, err
		}
		all = append(all, t)
	}
	return all, nil
}

// format is what a file of outcomes begins with.
const format = "safex control 2"

// kept is a file of outcomes, with all that they depend on.
type kept struct {
	Format   string
	Vary     string `json:",omitempty"`
	Times    bool   `json:",omitempty"`
	Tried    []tried
	Outcomes []Outcome
}

// read reads a file that Save wrote.
func read(path string) (f kept, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return f, err
	}
	if err := encode.Decode(text, &f); err != nil {
		return f, fmt.Errorf("%s holds no outcomes of safex control: %w", path, err)
	}
	if f.Format != format {
		return f, fmt.Errorf("%s holds no outcomes of safex control: its format is %q, want %q", path, f.Format, format)
	}
	return f, nil
}

// Read reads outcomes that Save wrote. The Settings have no Specs: they are for Rows alone.
func Read(path string) (c *Settings, done []Outcome, err error) {
	f, err := read(path)
	return &Settings{Vary: f.Vary, Times: f.Times, past: f.Tried}, f.Outcomes, err
}

// Save writes outcomes to a file, whole or not at all, with the settings that made them: in order, a line for each.
func (c *Settings) Save(path string, done []Outcome) error {
	tries, err := c.tries()
	if err != nil {
		return err
	}
	f := kept{Format: format, Vary: c.Vary, Times: c.Times, Tried: slices.Concat(c.past, tries), Outcomes: []Outcome{}}
	slices.SortStableFunc(f.Tried, func(a, b tried) int { return byTask(a.Task, b.Task) })
	text, err := encode.Indented(f)
	if err != nil {
		return err
	}
	text = bytes.TrimSuffix(text, []byte("[]\n}\n"))
	text = append(text, '[')
	for i, d := range ordered(done) {
		line, err := encode.JSON(d)
		if err != nil {
			return err
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(text, "\n  "...), line...)
	}
	return disk.Write(path, append(text, "\n ]\n}\n"...))
}

// ordered are outcomes by task, value and seed.
func ordered(done []Outcome) []Outcome {
	done = slices.Clone(done)
	slices.SortStableFunc(done, func(a, b Outcome) int {
		if order := byTask(a.Task, b.Task); order != 0 {
			return order
		}
		x, errX := strconv.ParseFloat(a.Value, 64)
		y, errY := strconv.ParseFloat(b.Value, 64)
		switch {
		case errX == nil && errY == nil && x != y:
			return cmp.Compare(x, y)
		case a.Value != b.Value:
			return strings.Compare(a.Value, b.Value)
		}
		return cmp.Compare(a.Seed, b.Seed)
	})
	return done
}

// byTask is the order of the tasks in their list.
func byTask(a, b string) int {
	names := experiment.Tasks.Names()
	return cmp.Or(cmp.Compare(slices.Index(names, a), slices.Index(names, b)), strings.Compare(a, b))
}

// Resume is what is done already in a file of the same settings, whatever its tasks, values and seeds; nothing if there is no file.
func (c *Settings) Resume(path string) ([]Outcome, error) {
	old, err := read(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	tries, err := c.tries()
	if err != nil {
		return nil, err
	}
	differ := old.Vary != c.Vary || old.Times != c.Times
	c.past = nil
	for _, t := range old.Tried {
		i := slices.IndexFunc(tries, func(own tried) bool { return own.Task == t.Task })
		if i < 0 {
			c.past = append(c.past, t)
			continue
		}
		plain := t.Spec.Clone()
		if err := plain.Compact(); err != nil {
			return nil, fmt.Errorf("%s is damaged: %w", path, err)
		}
		differ = differ || !bytes.Equal(plain, tries[i].Spec)
	}
	if differ {
		return nil, fmt.Errorf("%s holds outcomes of other settings or another build: choose another file with --out, or remove it", path)
	}
	return old.Outcomes, nil
}
