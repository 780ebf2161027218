package lab

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"

	"gonum.org/v1/gonum/stat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/run"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// A Control asks what planning alone reaches: with the true dynamics, and without learning, an episode for each seed. Episode 1 of
// a run of the same settings and seed takes the same steps.
type Control struct {
	Settings []*Settings // one for each task; see ControlSettings
	Vary     string      // a setting, named as by Settings.Set, that takes each of the Values; "" is none
	Values   []string
	First    uint64 // seed of the first run of each task and value; the others follow it
	Seeds    int    // runs of each task and value
	Times    bool   // measure how long plans take, with one run at a time

	past []*Settings // of other tasks in the file that Resume read
}

// ControlSettings are the settings of a planner that knows the true dynamics of a task, those of a preset or by default.
func ControlSettings(task, planner, preset string) (*Settings, error) {
	s, err := Default(task, planner)
	if err != nil {
		return nil, err
	}
	if err := s.UsePreset(preset); err != nil {
		return nil, err
	}
	if err := s.UseCalibration("none"); err != nil {
		return nil, err
	}
	s.Episodes, s.Explore, s.LearnEvery = 1, 1, 0 // a random step that is not looked at
	return s, s.Use(known)
}

// A Controlled is the outcome of a run.
type Controlled struct {
	Task        string
	Value       string `json:",omitempty"` // of the setting that is varied
	Seed        uint64
	Return      float64
	Steps       int
	Violations  int    `json:",omitempty"` // steps that break a limit
	Excess      []real // largest of each limit, in its unit
	Arrived     bool   `json:",omitempty"`
	Infeasible  int    `json:",omitempty"` // plans that do not keep the limits
	Evaluations int64  // steps of candidates, in all plans; one with its gradient counts as two
	// Milliseconds of a plan, of Times alone.
	P50, P99 float64 `json:",omitempty"`
}

// UseVary reads a setting and its values: a list, as in "planner.Horizon=20,40", or a range with its step, as in "MaxSpeed=5:6:0.1".
func (c *Control) UseVary(text string) error {
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
	settings *Settings
	value    string
	system   *safex.System
	engine   safex.Engine
}

// Check reports the first setting that is out of range, at any value.
func (c *Control) Check() error {
	_, err := c.variants()
	return err
}

// variants are all tasks at all values.
func (c *Control) variants() (all []variant, err error) {
	switch {
	case c.Seeds < 1 || c.Seeds > 1e6:
		return nil, fmt.Errorf("seeds %d: want 1 to 1e6", c.Seeds)
	case len(c.Settings) == 0:
		return nil, fmt.Errorf("there is no task: want one")
	case (c.Vary == "") != (len(c.Values) == 0):
		return nil, fmt.Errorf("vary %q with %d values: want a setting and values for it, or neither", c.Vary, len(c.Values))
	}
	for i, s := range c.Settings {
		if s.Model != known {
			return nil, fmt.Errorf("model %q of task %q: want %q, as ControlSettings have it", s.Model, s.Task, known)
		}
		if slices.ContainsFunc(c.Settings[:i], func(o *Settings) bool { return o.Task == s.Task }) {
			return nil, fmt.Errorf("task %q is named twice", s.Task)
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

// values are those of the setting that is varied; a single empty one if none is.
func (c *Control) values() []string {
	if c.Vary == "" {
		return []string{""}
	}
	return c.Values
}

// Left is how many runs are not among done.
func (c *Control) Left(done []Controlled) int { return len(c.todo(done)) }

// todo names the runs that are not among done.
func (c *Control) todo(done []Controlled) (left []Controlled) {
	there := map[string]bool{}
	for _, d := range done {
		there[d.key()] = true
	}
	for _, s := range c.Settings {
		for _, value := range c.values() {
			for i := range c.Seeds {
				if d := (Controlled{Task: s.Task, Value: value, Seed: c.First + uint64(i)}); !there[d.key()] {
					left = append(left, d)
				}
			}
		}
	}
	return left
}

// key is what a run is of.
func (d Controlled) key() string { return fmt.Sprintf("%s %s %d", d.Task, d.Value, d.Seed) }

// variant is the task of s at a value.
func (c *Control) variant(s *Settings, value string) (v variant, err error) {
	text, err := json.Marshal(s)
	if err != nil {
		return v, err
	}
	v = variant{settings: &Settings{}, value: value}
	if err := json.Unmarshal(text, v.settings); err != nil {
		return v, err
	}
	if c.Vary != "" {
		if err := v.settings.Set(c.Vary + "=" + value); err != nil {
			return v, fmt.Errorf("vary: %w", err)
		}
	}
	if v.system, err = v.settings.System(); err != nil {
		return v, err
	}
	v.engine = v.settings.engine()
	return v, nil
}

// Run yields the outcome of every run that is not among done, workers of them at a time, as they end: their order is
// not always the same, and what they hold is. With Times one run is made at a time. A cancelled ctx ends the runs under way, and is
// reported after what had ended before.
func (c *Control) Run(ctx context.Context, workers int, done []Controlled) iter.Seq2[Controlled, error] {
	return func(yield func(Controlled, error) bool) {
		variants, err := c.variants()
		if err != nil {
			yield(Controlled{}, err)
			return
		}
		if c.Times {
			workers = 1
		}
		type result struct {
			Controlled
			err error
		}
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		todo, results := make(chan Controlled), make(chan result)
		var wait sync.WaitGroup
		for range max(1, workers) {
			wait.Go(func() {
				for d := range todo {
					i := slices.IndexFunc(variants, func(v variant) bool { return v.settings.Task == d.Task && v.value == d.Value })
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
				if going = yield(r.Controlled, nil); !going {
					cancel()
				}
			}
		}
		if failed == nil && going {
			failed = ctx.Err()
		}
		if failed != nil && going {
			yield(Controlled{}, failed)
		}
	}
}

// run is the outcome of a seed.
func (v variant) run(ctx context.Context, seed uint64, times bool) (out Controlled, err error) {
	s := *v.settings
	s.Seed = seed
	agent, tally := s.agent(v.system, s.Learning), &tally{Engine: v.engine}
	agent.Engine = tally
	var e safex.Episode
	for e, err = range agent.Episodes(ctx, 1) {
		if err != nil {
			where := s.Task
			if v.value != "" {
				where += " at " + v.value
			}
			return out, fmt.Errorf("%s, seed %d: %w", where, seed, err)
		}
	}
	out = Controlled{
		Task: s.Task, Value: v.value, Seed: seed, Return: e.Return(), Steps: len(e.Actions),
		Violations: e.Violations(v.system.Budgets()...), Arrived: v.system.Arrived(e.Trajectory),
	}
	for _, x := range e.WorstExcess(len(v.system.Limits)) {
		out.Excess = append(out.Excess, real(x))
	}
	var millis []float64
	for _, f := range e.Forecasts {
		if millis = append(millis, f.Millis); !f.Feasible {
			out.Infeasible++
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
	rollouts []*Counter
}

// Rollout implements safex.Engine.
func (t *tally) Rollout(s *safex.System, m safex.Model) (safex.Rollout, error) {
	r, err := t.Engine.Rollout(s, m)
	if err != nil {
		return nil, err
	}
	c := &Counter{Rollout: r, Actions: len(s.Action)}
	t.rollouts = append(t.rollouts, c)
	return c, nil
}

// controlHead is what a file of outcomes begins with: all that they depend on.
type controlHead struct {
	Vary     string `json:",omitempty"`
	Times    bool   `json:",omitempty"`
	Settings []*Settings
}

// ReadControl reads outcomes that Save wrote.
func ReadControl(path string) (c *Control, done []Controlled, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	var f struct {
		controlHead
		Outcomes []Controlled
	}
	if err := run.Strict(text, &f); err != nil {
		return nil, nil, fmt.Errorf("%s holds no outcomes of safex control: %w", path, err)
	}
	if i := slices.Index(f.Settings, nil); i >= 0 {
		return nil, nil, fmt.Errorf("%s holds no outcomes of safex control: Settings.%d is null, want an object", path, i)
	}
	return &Control{Settings: f.Settings, Vary: f.Vary, Times: f.Times}, f.Outcomes, nil
}

// Save writes outcomes to a file, whole or not at all, with the settings that made them: in order, a line for each.
func (c *Control) Save(path string, done []Controlled) error {
	head := controlHead{c.Vary, c.Times, slices.Concat(c.past, c.Settings)}
	slices.SortStableFunc(head.Settings, func(a, b *Settings) int { return byTask(a.Task, b.Task) })
	text, err := json.MarshalIndent(head, "", " ")
	if err != nil {
		return err
	}
	text = append(text[:len(text)-len("\n}")], ",\n \"Outcomes\": ["...)
	for i, d := range ordered(done) {
		line, err := json.Marshal(d)
		if err != nil {
			return err
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(text, "\n  "...), line...)
	}
	return run.Write(filepath.Dir(path), filepath.Base(path), append(text, "\n ]\n}\n"...))
}

// ordered are outcomes by task, value and seed.
func ordered(done []Controlled) []Controlled {
	done = slices.Clone(done)
	slices.SortStableFunc(done, func(a, b Controlled) int {
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
	names := tasks.Names()
	return cmp.Compare(slices.Index(names, a), slices.Index(names, b))
}

// Resume is what is done already in a file of the same settings, whatever its tasks, values and seeds; nothing if there is no file.
func (c *Control) Resume(path string) ([]Controlled, error) {
	old, done, err := ReadControl(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	differ := old.Vary != c.Vary || old.Times != c.Times
	c.past = nil
	for _, s := range old.Settings {
		i := slices.IndexFunc(c.Settings, func(own *Settings) bool { return own.Task == s.Task })
		if i < 0 {
			c.past = append(c.past, s)
		}
		differ = differ || i >= 0 && !same(s, c.Settings[i])
	}
	if differ {
		return nil, fmt.Errorf("%s holds outcomes of other settings or another build: choose another file with --out, or remove it", path)
	}
	return done, nil
}
