package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// A Run is a run in a folder, new or resumed.
type Run struct {
	Dir    string
	Spec   *experiment.Spec
	System *safex.System

	// Watch, if it is not nil, is called by Steps: before its first step, and after each episode that ends, once the episode, its
	// figures and the evaluation that follows it are in the folder. It must neither change the State nor keep it.
	Watch func(*train.State)

	agent    train.Agent
	logged   int // transitions that precede the first step
	writer   *writer
	state    *train.State
	before   []safex.Episode // those that were complete when the run was opened
	complete []fig.Learned   // what the learning curve needs of all complete ones: a run of many has no room for their steps

	evaluating evaluating
}

// Start makes the folder of a new run. It refuses a folder that is not empty, and leaves nothing behind if it fails.
func Start(dir string, s *experiment.Spec) (*Run, error) {
	if _, err := experiment.Backend(); err != nil {
		return nil, err
	}
	r, l, err := assemble(dir, s)
	if err != nil {
		return nil, err
	}
	if err := readable(s); err != nil {
		return nil, err
	}
	if err := Create(dir, s); err != nil {
		return nil, err
	}
	r.writer, r.state = newWriter(dir, r.System, l), &train.State{}
	return r, nil
}

// assemble is a run of s without its state, and its learner.
func assemble(dir string, s *experiment.Spec) (*Run, safex.Codec, error) {
	system, err := s.Compile()
	if err != nil {
		return nil, nil, err
	}
	agent, l, err := s.Agent(system)
	if err != nil {
		return nil, nil, err
	}
	r := &Run{Dir: dir, Spec: s, System: system, agent: agent}
	if r.evaluating, err = newEvaluating(s, system); err != nil {
		return nil, nil, err
	}
	if agent.Logged != nil {
		r.logged = agent.Logged.Len()
	}
	return r, l, nil
}

// readable reports settings that run.yaml could not be read back with.
func readable(s *experiment.Spec) error {
	parts := []any{s.Task, s.Plant, s.Planner, s.Learner, s.Prior, s.Calibration, s.Filter}
	if e := s.Evaluate; e != nil {
		parts = append(parts, e.Task, e.Planner)
	}
	for _, part := range parts {
		if field := experiment.Unkept(part); field != "" {
			return fmt.Errorf("store: %s cannot be kept in %s, and a run that goes on needs it: leave it out, or train with train.Agent, which keeps nothing", field, SpecFile)
		}
	}
	again, err := s.Clone()
	if err != nil {
		return err
	}
	name, had, has, err := experiment.Difference(s, again)
	if err != nil || name == "" {
		return err
	}
	return fmt.Errorf("store: %s is %s, and would be read back as %s: export what it depends on, or give it JSON methods", name, had, has)
}

// Resume opens a run folder to go on where it stopped. It refuses one of another build, as the bits would differ from those of a run
// that was never stopped. Tasks are those of experiment.Tasks, and the program's own that are passed.
func Resume(dir string, own ...safex.Maker) (*Run, error) {
	s, err := ReadSpec(dir, own...)
	if err != nil {
		return nil, err
	}
	if _, err := experiment.Backend(); err != nil {
		return nil, err
	}
	if s.Build != experiment.Build() {
		return nil, fmt.Errorf("%s was made by safex %s, and this is %s: go on with that build, or start another run", dir, s.Build, experiment.Build())
	}
	r, l, err := assemble(dir, s)
	if err != nil {
		return nil, err
	}
	if r.writer, r.state, err = resume(dir, r.System, l, r.logged); err != nil {
		return nil, err
	}
	if err := r.evaluating.resume(dir, r.Complete()); err != nil {
		return nil, err
	}
	if complete := len(r.Complete()); complete > 0 {
		all, err := readSteps(r.System, dir)
		if err != nil {
			return nil, err
		}
		all = explored(all, r.Complete())
		r.before = all[:min(len(all), complete)]
		for _, e := range r.before {
			r.complete = append(r.complete, fig.LearnedIn(r.System, e))
		}
	}
	return r, r.redraw()
}

// Train runs s in the folder dir: from the start if there is none, and on from where it stopped if there
// is one of the same settings. It yields every episode, those that were complete before first, and
// is saved as it goes; see Run.Steps.
func Train(ctx context.Context, dir string, s *experiment.Spec) iter.Seq2[safex.Episode, error] {
	return func(yield func(safex.Episode, error) bool) {
		r, before, err := Begin(dir, s)
		if err != nil {
			yield(safex.Episode{}, err)
			return
		}
		for _, e := range before {
			if !yield(e, nil) {
				return
			}
		}
		before = nil
		for e, err := range r.Episodes(ctx) {
			if err != nil {
				err = Stopped(e, err)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// Begin is the run of s in the folder dir, to be gone on with: a new one if there is none, and one of the same settings from where it stopped. It returns the
// episodes that are complete, too, which the Run does not keep.
func Begin(dir string, s *experiment.Spec) (r *Run, before []safex.Episode, err error) {
	r, err = Start(dir, s)
	if err != nil {
		if r, err = again(dir, s, err); err != nil {
			return nil, nil, err
		}
	}
	before, r.before = r.before, nil
	return r, before, nil
}

// Stopped is the error of a run in the middle of an episode. Of one that was cancelled it says how to go on.
func Stopped(e safex.Episode, err error) error {
	if errors.Is(err, context.Canceled) {
		return fmt.Errorf("stopped in episode %d after %d steps; all is saved, run it again to go on (%w)", e.Number, len(e.Actions), err)
	}
	return err
}

// again resumes dir if it is a run of the settings s, and returns refused if it is none.
func again(dir string, s *experiment.Spec, refused error) (*Run, error) {
	if !IsRun(dir) {
		return nil, refused
	}
	own := []safex.Maker{s.Task}
	if e := s.Evaluate; e != nil && e.Task != nil {
		own = append(own, e.Task)
	}
	old, err := ReadSpec(dir, own...)
	if err != nil {
		return nil, err
	}
	if name, had, has, err := experiment.Difference(old, s); err != nil {
		return nil, err
	} else if name != "" {
		return nil, fmt.Errorf("%s holds a run of other settings: %s is %s there, and %s here: choose another folder, or remove it", dir, name, had, has)
	}
	return Resume(dir, own...)
}

// Done is the number of steps taken so far, and Total that of the whole run.
func (r *Run) Done() int {
	if r.state.Data == nil {
		return 0
	}
	return r.state.Data.Len() - r.logged
}

// Total is the number of steps of the whole run, less those that the ends of episodes have left out so far.
func (r *Run) Total() int {
	total := r.Spec.Total()
	for _, sum := range r.Complete() {
		total -= sum.Short
	}
	return total
}

// Complete are the summaries of the episodes that are over.
func (r *Run) Complete() []Summary { return r.writer.episodes }

// saveEvery is the time between two saves within an episode. It does not change what is computed.
const saveEvery = 5 * time.Second

// Steps runs to the end, yielding after each step of the real system, and saves at the end of each
// episode and every few seconds in between. A cancelled ctx ends it between two steps; it is
// saved then too, as after any error that left the State sound.
func (r *Run) Steps(ctx context.Context) iter.Seq2[*train.State, error] {
	return func(yield func(*train.State, error) bool) {
		unlock, err := Lock(r.Dir)
		if err != nil {
			yield(r.state, err)
			return
		}
		defer unlock()
		GoOn(r.Dir)
		err = r.evaluate(ctx) // what a stop cut short
		if r.Watch != nil {
			r.Watch(r.state)
		}
		if err != nil {
			yield(r.state, err)
			return
		}
		saved := time.Now()
		for s, err := range r.agent.Steps(ctx, r.state, r.Spec.Episodes) {
			if err != nil || s.Over || time.Since(saved) > saveEvery {
				if e := r.save(); e != nil {
					yield(s, e)
					return
				}
				saved = time.Now()
			}
			if err == nil && s.Over {
				err = r.evaluate(ctx)
				if r.Watch != nil {
					r.Watch(s)
				}
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

// Episodes runs to the end, one episode for each turn of the caller's loop, the random phase first.
func (r *Run) Episodes(ctx context.Context) iter.Seq2[safex.Episode, error] {
	return func(yield func(safex.Episode, error) bool) {
		for s, err := range r.Steps(ctx) {
			if (err != nil || s.Over) && !yield(s.Episode, err) {
				return
			}
		}
	}
}

// save writes the state, and the figures if an episode has just ended.
func (r *Run) save() error {
	if r.state.Data == nil {
		return nil // nothing has happened yet
	}
	over := r.state.Over && len(r.complete) <= r.state.Episode.Number
	if r.state.Over && !over {
		return nil // saved when it ended
	}
	if err := r.writer.save(r.System, r.state); err != nil {
		return err
	}
	if !over {
		return nil
	}
	r.complete = append(r.complete, fig.LearnedIn(r.System, r.state.Episode))
	return r.draw(r.state.Episode)
}

// draw writes the learning curve, the figure of an episode, and the animation of the last.
func (r *Run) draw(e safex.Episode) error {
	if e.Phase == safex.PlannedPhase {
		film, err := fig.Animate(r.System, e)
		if err != nil {
			return err
		}
		if err := r.picture(figuresDir+"/animation.png", film); err != nil {
			return err
		}
	}
	if r.limited(e) {
		if err := r.picture(safety(e), fig.Safety(r.System, e)); err != nil {
			return err
		}
	}
	return r.picture(figuresDir+"/learning.png", fig.LearningCurve(r.System.Name, r.complete))
}

// limited tells whether an episode has a safety figure: there is a limit, and something was said of its steps before they were taken.
func (r *Run) limited(e safex.Episode) bool { return len(e.Forecasts) > 0 && len(r.System.Limits) > 0 }

// safety is the file of the safety figure of an episode.
func safety(e safex.Episode) string { return fmt.Sprintf(figuresDir+"/safety-%03d.png", e.Number) }

func (r *Run) picture(name string, f interface{ PNG() ([]byte, error) }) error {
	png, err := f.PNG()
	if err != nil {
		return err
	}
	return Write(r.Dir, name, png)
}

// redraw draws what a stop between a save and its figures left out.
func (r *Run) redraw() error {
	for i, e := range r.before {
		_, err := os.Stat(filepath.Join(r.Dir, safety(e)))
		missing := err != nil && r.limited(e)
		if _, err := os.Stat(filepath.Join(r.Dir, figuresDir+"/learning.png")); missing || err != nil || i == len(r.before)-1 {
			if err := r.draw(e); err != nil {
				return err
			}
		}
	}
	return nil
}
