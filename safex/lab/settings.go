// Package lab puts the parts together: settings by name, runs in folders, what the command
// safex and the notebooks call.
package lab

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strings"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/residual"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/run"
	"github.com/rischiboy/safe_exploration/safex/tasks"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// Settings are everything that a run depends on. They are what run.yaml holds.
type Settings struct {
	Build       string
	Task        string
	Parameters  tasks.Maker // of the Task: a pointer to its struct
	Planner     string
	Planning    safex.Planner // of the Planner: a pointer to its struct
	Search      string        `json:",omitempty"` // how the Planner searches actions; "" if it does not
	Inner       string        `json:",omitempty"` // how it searches the errors that those meet; "" if it does not
	Adversary   string        `json:",omitempty"` // who attacks its plans; "" if nobody does
	Model       string
	Learning    safex.Keeper         // of the Model: a pointer to its struct
	Prior       tasks.Maker          `json:",omitempty"` // of a Model "prior+…": the parameters that are believed, a pointer; nil of others
	Calibrate   string               // how the Model's doubt is calibrated; "none"
	Calibrating calibrate.Calibrator `json:",omitempty"` // of Calibrate: a pointer to its struct; nil of "none"
	Engine      string               // what takes the Model through time
	Episodes    int                  // after the random phase
	Explore     int                  // random steps before the first plan
	LearnEvery  int                  // steps from one fit to the next; 0 fits at the start of each episode alone
	Seed        uint64               // of every random number
	RepeatNoise bool                 `json:",omitempty"` // the planner draws the same random numbers in every episode, as published

	Disturbances []safex.Disturbance `json:",omitempty"` // besides the task's own
}

// planners are the planners by name, each with a function that returns its defaults.
var planners = []struct {
	name, about string
	make        func() safex.Planner
}{
	{"pessimistic", "keeps the limits under the worst model error that it finds", func() safex.Planner { p := plan.DefaultPessimistic(); return &p }},
	{"safe", "keeps the limits under the model's mean", func() safex.Planner { p := plan.DefaultSafe(); return &p }},
	{"unsafe", "looks at the reward alone", func() safex.Planner { p := plan.DefaultUnsafe(); return &p }},
	{"pestraj", "keeps the limits under the worst of some random draws of the dynamics", func() safex.Planner { p := plan.DefaultPesTraj(); return &p }},
	{"minmax", "lets a search for actions and one for model errors play against each other", func() safex.Planner { p := plan.DefaultMinMax(); return &p }},
	{"optminmax", "the same, with a reward that hopes for the best error", func() safex.Planner { p := plan.DefaultOptMinMax(); return &p }},
}

// A modelEntry is a learner with its name.
type modelEntry struct {
	name, about string
	make        func() safex.Keeper
}

// models are the learners by name, each with a function that returns its defaults.
var models = []modelEntry{
	{"probabilistic", "neural networks that each predict a mean and a noise; they doubt what they disagree on", pointer(ensemble.Default)},
	{"deterministic", "neural networks that each predict a mean", pointer(ensemble.Deterministic)},
	{"fsvgd", "deterministic, and the networks repel each other in function space", pointer(ensemble.FSVGD)},
	{"probabilistic-fsvgd", "probabilistic, and the networks' means repel each other in function space", pointer(ensemble.ProbabilisticFSVGD)},
	{"gp", "Gaussian processes, one for each dimension of the state", pointer(gp.Default)},
	{"linear", "Bayesian linear regression, exact for systems that are linear or, with learner.Degree=2, quadratic", pointer(linear.Default)},
	{known, "the true dynamics, without doubt: what planning alone can reach", pointer(func() rollout.Known { return rollout.Known{} })},
}

// known is the model that needs no learning, nor a prior.
const known = "true"

// pointer is a function that returns a pointer to fresh settings.
func pointer[T any, P interface {
	*T
	safex.Keeper
}](make func() T) func() safex.Keeper {
	return func() safex.Keeper {
		v := make()
		return P(&v)
	}
}

// prior before the name of a model is a prior of the task's dynamics, and that model for what it misses.
const prior = "prior+"

// calibrators are the calibrations by name, each with a function that returns its defaults.
var calibrators = []struct {
	name, about string
	make        func() calibrate.Calibrator
}{
	{"none", "the model's doubt as it is", func() calibrate.Calibrator { return nil }},
	{"temperature", "doubt is scaled so that quantiles match on average", func() calibrate.Calibrator { c := calibrate.DefaultTemperature(); return &c }},
	{"conformal", "the box holds a share of 1 - calibration.Miss of held-out steps, or episodes", func() calibrate.Calibrator { c := calibrate.DefaultConformal(); return &c }},
	{"adaptive", "the box grows and shrinks as steps leave it", func() calibrate.Calibrator { c := calibrate.DefaultAdaptive(); return &c }},
}

// Models lists the names of the models, and a line about each.
func Models() (names, about []string) {
	for _, m := range models {
		names, about = append(names, m.name), append(about, m.about)
	}
	for _, m := range models {
		if m.name == known {
			continue
		}
		names, about = append(names, prior+m.name), append(about, "the task's dynamics with its default parameters, or those of prior.FIELD, and "+m.name+" for what they miss")
	}
	return names, about
}

// Calibrations lists the names of the calibrations, and a line about each.
func Calibrations() (names, about []string) {
	for _, c := range calibrators {
		names, about = append(names, c.name), append(about, c.about)
	}
	return names, about
}

// Use chooses a model by name, with its defaults. The prior of a "prior+…" is the task with its default parameters. The error
// names the nearest name.
func (s *Settings) Use(model string) error {
	names, _ := Models()
	if !slices.Contains(names, model) {
		return fmt.Errorf("there is no model %q: %s", model, Instead(model, names))
	}
	bare, withPrior := strings.CutPrefix(model, prior)
	var believed tasks.Maker
	if withPrior {
		var err error
		if believed, err = Parameters(s.Task, ""); err != nil {
			return fmt.Errorf("model %q: %w", model, err)
		}
	}
	i := slices.IndexFunc(models, func(m modelEntry) bool { return m.name == bare })
	s.Model, s.Learning, s.Prior = model, models[i].make(), believed
	return nil
}

// UseCalibration chooses a calibration by name, with its defaults. The error names the nearest name.
func (s *Settings) UseCalibration(name string) error {
	names, _ := Calibrations()
	i := slices.Index(names, name)
	if i < 0 {
		return fmt.Errorf("there is no calibration %q: %s", name, Instead(name, names))
	}
	s.Calibrate, s.Calibrating = name, calibrators[i].make()
	return nil
}

// Learner is the learner of a run: Learning, on the difference to Prior if there is one, calibrated.
func (s *Settings) Learner() (safex.Keeper, error) {
	l := s.Learning
	if s.Prior != nil {
		nominal, err := s.Prior.Task().System()
		if err != nil {
			return nil, fmt.Errorf("prior: %w", err)
		}
		l = residual.Residual{Prior: nominal, Learner: l}
	}
	if s.Calibrating != nil {
		l = s.Calibrating.With(l)
	}
	return l, nil
}

// Tasks lists the names of the tasks.
func Tasks() []string { return tasks.Names() }

// Planners lists the names of the planners, and a line about each.
func Planners() (names, about []string) {
	for _, p := range planners {
		names, about = append(names, p.name), append(about, p.about)
	}
	return names, about
}

// Parameters returns the parameters of a task by the name of a preset: "" for the defaults, or "reference"
// for the published behaviour. The error names the nearest name.
func Parameters(task, preset string) (m tasks.Maker, err error) {
	ok := false
	switch preset {
	case "":
		m, ok = tasks.New(task)
	case "reference":
		m, ok = tasks.Reference(task)
	default:
		return nil, fmt.Errorf("there is no preset %q: %s", preset, Instead(preset, []string{"reference"}))
	}
	if !ok {
		return nil, fmt.Errorf("there is no task %q: %s", task, Instead(task, tasks.Names()))
	}
	return m, nil
}

// Default returns the settings of a run of a task with a planner and the first model: the defaults of each, with the planner's horizon and
// noise as they suit the task. The error names the nearest name.
func Default(task, planner string) (*Settings, error) {
	m, err := Parameters(task, "")
	if err != nil {
		return nil, err
	}
	names, _ := Planners()
	i := slices.Index(names, planner)
	if i < 0 {
		return nil, fmt.Errorf("there is no planner %q: %s", planner, Instead(planner, names))
	}
	s := &Settings{
		Build: Build(), Task: task, Parameters: m, Planner: planner, Planning: planners[i].make(),
		Calibrate: "none", Engine: engines[0].name, Episodes: 10, Explore: 100, LearnEvery: 50, Seed: 1,
	}
	s.choose()
	s.suit()
	return s, s.Use(models[0].name)
}

// choose names what Planning holds.
func (s *Settings) choose() {
	s.Search, s.Inner = chosen(s.Planning, searches, first, s.Search), chosen(s.Planning, searches, second, s.Inner)
	s.Adversary = chosen(s.Planning, adversaries, first, s.Adversary)
}

// UnmarshalJSON reads settings whose Parameters, Planning, Learning and Calibrating are those of the Task, Planner, Model and
// Calibrate named.
func (s *Settings) UnmarshalJSON(text []byte) error {
	var names struct {
		Task, Planner, Search, Inner, Adversary, Model, Calibrate, Engine string
	}
	if err := json.Unmarshal(text, &names); err != nil {
		return err
	}
	d, err := Default(names.Task, names.Planner)
	if err != nil {
		return err
	}
	if names.Model != "" {
		if err := d.Use(names.Model); err != nil {
			return err
		}
	}
	if names.Search != "" {
		if err := d.UseSearch(names.Search); err != nil {
			return err
		}
	}
	if names.Inner != "" {
		if err := d.UseInner(names.Inner); err != nil {
			return err
		}
	}
	if names.Adversary != "" {
		if err := d.UseAdversary(names.Adversary); err != nil {
			return err
		}
	}
	if names.Engine != "" {
		if err := d.UseEngine(names.Engine); err != nil {
			return err
		}
	}
	if names.Calibrate != "" {
		if err := d.UseCalibration(names.Calibrate); err != nil {
			return err
		}
	}
	type plain Settings // without this method
	p := plain(*d)
	if err := run.Strict(text, &p); err != nil {
		return err
	}
	if p.Parameters == nil || p.Planning == nil || p.Learning == nil || (p.Prior == nil) != (d.Prior == nil) || (p.Calibrating == nil) != (d.Calibrating == nil) {
		return fmt.Errorf("Parameters, Planning, Learning, Prior and Calibrating must not be null if there are any")
	}
	*s = Settings(p)
	return nil
}

// System checks the settings and compiles the task.
func (s *Settings) System() (*safex.System, error) {
	if s.Episodes < 0 || s.Explore < 1 || s.LearnEvery < 0 {
		return nil, fmt.Errorf("episodes %d, explore %d and learn-every %d: want at least 0, 1 and 0", s.Episodes, s.Explore, s.LearnEvery)
	}
	if s.Episodes > 1e6 || s.Explore > 1e7 {
		return nil, fmt.Errorf("episodes %d and explore %d: want at most 1e6 and 1e7", s.Episodes, s.Explore)
	}
	for _, part := range []any{s.Parameters, s.Planning, s.Prior} {
		if c, ok := part.(interface{ Check() error }); ok {
			if err := c.Check(); err != nil {
				return nil, err
			}
		}
	}
	if err := s.named(); err != nil {
		return nil, err
	}
	l, err := s.Learner()
	if err != nil {
		return nil, err
	}
	if c, ok := l.(interface{ Check() error }); ok {
		if err := c.Check(); err != nil {
			return nil, err
		}
	}
	system, err := Disturbed(s.Parameters.Task(), s.Disturbances)
	if err != nil {
		return nil, err
	}
	for _, fits := range []func() error{s.members, s.doubted} {
		if err := fits(); err != nil {
			return nil, err
		}
	}
	return system, s.enough(system)
}

// members reports a planner that draws a member of a model that has none.
func (s *Settings) members() error {
	var explore plan.Exploration
	switch p := s.Planning.(type) {
	case *plan.Nominal:
		explore = p.Explore
	case *plan.Pessimistic:
		explore = p.Explore
	case *plan.PesTraj:
		explore = p.Explore
	}
	if _, ok := s.Learning.(*ensemble.Ensemble); explore.Thompson && !ok {
		return fmt.Errorf("planner.Explore.Thompson draws a member of the model, and this one has none: choose an ensemble, as probabilistic")
	}
	return nil
}

// doubted reports a calibration that scales the doubt of a model that has none: no factor makes a box of it.
func (s *Settings) doubted() error {
	_, scales := s.Calibrating.(*calibrate.Temperature)
	if _, exact := s.Learning.(*rollout.Known); scales && exact {
		return fmt.Errorf("calibration temperature scales the doubt of the model, and the model true has none: choose conformal or adaptive, which measure its error, or none")
	}
	return nil
}

// named checks that what the names say is there, such that run.yaml can be read back.
func (s *Settings) named() error {
	for _, part := range []struct {
		field string
		value any
	}{{"Parameters", s.Parameters}, {"Planning", s.Planning}, {"Learning", s.Learning}, {"Prior", s.Prior}, {"Calibrating", s.Calibrating}} {
		if part.value != nil && reflect.TypeOf(part.value).Kind() != reflect.Pointer {
			return fmt.Errorf("%s is a %T: want a pointer to one", part.field, part.value)
		}
	}
	if err := (&Settings{}).UseEngine(s.Engine); err != nil {
		return err
	}
	has := *s
	if has.choose(); has.Search != s.Search || has.Inner != s.Inner || has.Adversary != s.Adversary {
		return fmt.Errorf("Search, Inner and Adversary are %q, %q and %q, and the planner has %q, %q and %q: choose them by UseSearch, UseInner and UseAdversary",
			s.Search, s.Inner, s.Adversary, has.Search, has.Inner, has.Adversary)
	}
	switch none := s.Calibrate == "none" || s.Calibrate == ""; {
	case none != (s.Calibrating == nil):
		return fmt.Errorf("Calibrate is %q and Calibrating a %T: choose a calibration by UseCalibration", s.Calibrate, s.Calibrating)
	case strings.HasPrefix(s.Model, prior) != (s.Prior != nil):
		return fmt.Errorf("model %q has a %T for its prior, or has no prior: choose it by Use", s.Model, s.Prior)
	}
	return nil
}

// enough checks that the random steps are enough for the first fit, and the run for what its calibration promises.
func (s *Settings) enough(system *safex.System) error {
	every, miss, episode := 0, 0.0, false
	switch c := s.Calibrating.(type) {
	case *calibrate.Temperature:
		every = c.HoldOut
	case *calibrate.Conformal:
		every, miss, episode = c.HoldOut, c.Miss, c.Episode
	case *calibrate.Adaptive:
		every = c.HoldOut
	}
	held := 0
	if every > 0 && !episode {
		held = (s.Explore + every - 1) / every
		if s.Explore < every {
			return fmt.Errorf("explore %d: want at least calibration.HoldOut = %d random steps, so that there is something to calibrate with", s.Explore, every)
		}
	}
	if e, ok := s.Learning.(*ensemble.Ensemble); ok && s.Explore-held < e.HoldOut {
		return fmt.Errorf("explore %d: want at least learner.HoldOut = %d random steps besides those that calibrate, so that the first fit has something to learn from and to stop by", s.Explore, e.HoldOut)
	}
	if miss > 0 {
		scores, what := (s.Explore+s.Episodes*system.Steps)/every, "steps"
		if episode {
			scores, what = (s.Episodes+1)/every, "episodes"
		}
		if want := int(math.Ceil(1/miss-1e-9)) - 1; scores < want {
			return fmt.Errorf("calibration.Miss %v: the run can have %d scores, and a promise takes %d: raise Miss, lower calibration.HoldOut or train for more %s", miss, scores, want, what)
		}
	}
	return nil
}

// Disturbed compiles t with more disturbances than its own.
func Disturbed(t safex.Task, ds []safex.Disturbance) (*safex.System, error) {
	t.Disturbances = slices.Concat(t.Disturbances, ds)
	return t.System()
}

// agent puts the agent together.
func (s *Settings) agent(system *safex.System, l safex.Keeper) train.Agent {
	return train.Agent{
		System: system, Learner: l, Engine: s.engine(), Planner: s.Planning,
		Explore: s.Explore, LearnEvery: s.LearnEvery, Seed: s.Seed, RepeatNoise: s.RepeatNoise,
	}
}

// same tells whether two runs would take the same steps.
func same(a, b *Settings) bool {
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	return errX == nil && errY == nil && bytes.Equal(x, y)
}

// Difference is the first setting, by name, in which a and b differ, as in Planning.Horizon, with the values of both as JSON; all
// are "" if none does.
func Difference(a, b *Settings) (name, inA, inB string, err error) {
	var values [2]any
	for i, s := range []*Settings{a, b} {
		text, err := json.Marshal(s)
		if err != nil {
			return "", "", "", err
		}
		d := json.NewDecoder(bytes.NewReader(text))
		d.UseNumber() // a seed has more digits than a float
		if err := d.Decode(&values[i]); err != nil {
			return "", "", "", err
		}
	}
	name, x, y := difference("", values[0], values[1])
	if name == "" {
		return "", "", "", nil
	}
	textX, _ := json.Marshal(x)
	textY, _ := json.Marshal(y)
	return name, string(textX), string(textY), nil
}

// difference is the path of the first difference between two values of decoded JSON, and what is there; "" if there is none.
func difference(path string, a, b any) (string, any, any) {
	x, okX := a.(map[string]any)
	y, okY := b.(map[string]any)
	if !okX || !okY {
		if reflect.DeepEqual(a, b) {
			return "", nil, nil
		}
		return path, a, b
	}
	all := maps.Clone(x)
	maps.Copy(all, y)
	for _, key := range slices.Sorted(maps.Keys(all)) {
		if at, p, q := difference(strings.TrimPrefix(path+"."+key, "."), x[key], y[key]); at != "" {
			return at, p, q
		}
	}
	return "", nil, nil
}
