package offline

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A Fit is a model that was learned from logs alone.
type Fit struct {
	Spec   *experiment.Spec // its task, planner, filter and seed are those that Plan plans with
	System *safex.System
	Model  safex.Model
}

// Learn learns from all logs of a Spec. A cancelled ctx ends it with ctx's error.
func Learn(ctx context.Context, spec *experiment.Spec) (*Fit, error) {
	system, log, learner, err := prepare(spec)
	if err != nil {
		return nil, err
	}
	m, err := learner.Learn(ctx, system, log.Data, nil, rng.New(spec.Seed).Child("learn").At(0)) // as the first fit of a run
	if err != nil {
		return nil, fmt.Errorf("offline: %w", err)
	}
	return &Fit{spec, system, m}, nil
}

// Plan plans from a state as an agent at the start of an episode does: by the Planner, and by the Filter if there is one. The real system is not touched. The
// error names a state that cannot be.
func (f *Fit) Plan(ctx context.Context, state []float64) (*safex.Plan, error) {
	if len(state) != len(f.System.State) {
		return nil, fmt.Errorf("offline: a state of %d numbers, want the %d of task %q", len(state), len(f.System.State), f.System.Name)
	}
	if err := f.System.CheckPoint("offline: the state to plan from", state, nil); err != nil {
		return nil, err
	}
	r, err := f.Spec.Engine.Rollout(f.System, f.Model)
	if err != nil {
		return nil, fmt.Errorf("offline: %w", err)
	}
	q := safex.Query{
		System: f.System, Rollout: r, State: state, Episode: 1, Past: safex.Trajectory{States: [][]float64{state}}, Left: f.System.Budgets(),
		Beta: safex.BetaOf(f.Model), Filtered: f.Spec.Filter != nil,
	}
	q.Members, q.Member = safex.BindMembers(f.Spec.Engine, f.System, f.Model)
	p, err := f.Spec.Planner.Plan(ctx, q, rng.New(f.Spec.Seed).Child("plan").At(1).At(0))
	if err != nil || f.Spec.Filter == nil {
		return p, err
	}
	g, err := f.Spec.Filter.Guard(f.System, f.Model)
	if err != nil {
		return nil, err
	}
	return g.Keep(ctx, q, p)
}

// Files of the folder of a fit.
const (
	SpecFile   = "fit.yaml"        // every setting in force
	ModelFile  = "model.json"      // the model, learned from all logs
	ReportFile = "report.json"     // what cross-validation found
	FigureFile = "figures/fit.png" // the same, drawn
)

// Save keeps a fit in a folder, from which Open reads it, and a report beside it. It refuses a folder that is there and not empty.
func (f *Fit) Save(dir string, r *Report) error {
	if err := Free(dir); err != nil {
		return err
	}
	learner, err := f.Spec.Compose()
	if err != nil {
		return err
	}
	model, err := learner.Save(f.Model)
	if err != nil {
		return fmt.Errorf("offline: %w", err)
	}
	settings, err := f.Spec.YAML()
	if err != nil {
		return fmt.Errorf("offline: %w", err)
	}
	report, err := r.JSON()
	if err != nil {
		return err
	}
	png, err := r.Figure().PNG()
	if err != nil {
		return err
	}
	for _, file := range []struct { // the settings last: with them it is a fit
		name string
		data []byte
	}{{FigureFile, png}, {ReportFile, report}, {ModelFile, model}, {SpecFile, settings}} {
		if err := disk.Write(filepath.Join(dir, file.name), file.data); err != nil {
			return fmt.Errorf("offline: %w", err)
		}
	}
	return nil
}

// Free reports a folder that is there and not empty.
func Free(dir string) error {
	entries, err := os.ReadDir(dir)
	if err == nil && len(entries) == 0 || errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return fmt.Errorf("offline: %s is there and not an empty folder: choose another with --out", dir)
}

// Open reads the fit in the folder dir. Tasks are those of experiment.Tasks, and the program's own that are passed. Its logs are not needed.
func Open(dir string, own ...safex.Maker) (*Fit, error) {
	read := func(name string) ([]byte, error) {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("offline: %s holds no fit that safex fit --out has kept: %w", dir, err)
		}
		return text, nil
	}
	settings, err := read(SpecFile)
	if err != nil {
		return nil, err
	}
	spec, err := experiment.FromYAML(settings, own...)
	if err != nil {
		return nil, fmt.Errorf("offline: %s: %w", filepath.Join(dir, SpecFile), err)
	}
	text, err := read(ModelFile)
	if err != nil {
		return nil, err
	}
	system, err := experiment.Disturbed(spec.Task.Task(), spec.Disturbances)
	if err != nil {
		return nil, err
	}
	learner, err := spec.Compose()
	if err != nil {
		return nil, err
	}
	m, err := learner.Load(system, text)
	if err != nil {
		return nil, fmt.Errorf("offline: %s: %w", filepath.Join(dir, ModelFile), err)
	}
	return &Fit{spec, system, m}, nil
}
