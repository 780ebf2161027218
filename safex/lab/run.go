package lab

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/run"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// A Run is a run in a folder, new or resumed.
type Run struct {
	Dir      string
	Settings *Settings
	System   *safex.System

	// Watch, if it is not nil, is called by Steps: before its first step, and after each episode that ends, once the episode and
	// its figures are in the folder. It must neither change the State nor keep it.
	Watch func(*train.State)

	agent    train.Agent
	writer   *run.Writer
	state    *train.State
	episodes []safex.Episode // complete ones, for the figures
}

// Start makes the folder of a new run. It refuses a folder that is not empty, and leaves nothing behind
// if it fails.
func Start(dir string, s *Settings) (*Run, error) {
	if _, err := Backend(); err != nil {
		return nil, err
	}
	system, err := s.System()
	if err != nil {
		return nil, err
	}
	l, err := s.Learner()
	if err != nil {
		return nil, err
	}
	if err := run.Create(dir, s); err != nil {
		return nil, err
	}
	return &Run{
		Dir: dir, Settings: s, System: system, agent: s.agent(system, l),
		writer: run.NewWriter(dir, system, l), state: &train.State{},
	}, nil
}

// Resume opens a run folder to go on where it stopped. It refuses one of another build, as the bits
// would differ from those of a run that was never stopped.
func Resume(dir string) (*Run, error) {
	s, system, err := read(dir)
	if err != nil {
		return nil, err
	}
	if _, err := Backend(); err != nil {
		return nil, err
	}
	if s.Build != Build() {
		return nil, fmt.Errorf("%s was made by safex %s, and this is %s: go on with that build, or start another run", dir, s.Build, Build())
	}
	l, err := s.Learner()
	if err != nil {
		return nil, err
	}
	w, state, err := run.Resume(dir, system, l)
	if err != nil {
		return nil, err
	}
	r := &Run{Dir: dir, Settings: s, System: system, agent: s.agent(system, l), writer: w, state: state}
	if len(w.Complete()) > 0 {
		all, err := run.Episodes(system, dir)
		if err != nil {
			return nil, err
		}
		r.episodes = all[:min(len(all), len(w.Complete()))]
	}
	return r, r.redraw()
}

// Train runs s in the folder dir: from the start if there is none, and on from where it stopped if there
// is one of the same settings. It yields every episode, those that were complete before first, and
// is saved as it goes; see Run.Steps.
func Train(ctx context.Context, dir string, s *Settings) iter.Seq2[safex.Episode, error] {
	return func(yield func(safex.Episode, error) bool) {
		r, err := Start(dir, s)
		if err != nil {
			if r, err = again(dir, s, err); err != nil {
				yield(safex.Episode{}, err)
				return
			}
		}
		for _, e := range r.episodes {
			if !yield(e, nil) {
				return
			}
		}
		for e, err := range r.Episodes(ctx) {
			if errors.Is(err, context.Canceled) {
				err = fmt.Errorf("stopped in episode %d after %d steps; all is saved, run it again to go on (%w)", e.Number, len(e.Actions), err)
			}
			if !yield(e, err) {
				return
			}
		}
	}
}

// again resumes dir if it is a run of the settings s, and returns refused if it is none.
func again(dir string, s *Settings, refused error) (*Run, error) {
	old, _, err := read(dir)
	if err != nil {
		return nil, refused
	}
	if !same(old, s) {
		return nil, fmt.Errorf("%s holds a run of other settings: choose another folder, or remove it", dir)
	}
	return Resume(dir)
}

// read is the settings and the task of a run folder.
func read(dir string) (*Settings, *safex.System, error) {
	s := &Settings{}
	if err := run.Settings(dir, s); err != nil {
		return nil, nil, err
	}
	system, err := s.System()
	return s, system, err
}

// Open reads the episodes of a run folder, complete or under way, with the task they are of.
func Open(dir string) (*safex.System, []safex.Episode, error) {
	_, system, err := read(dir)
	if err != nil {
		return nil, nil, err
	}
	episodes, err := run.Episodes(system, dir)
	return system, episodes, err
}

// Done is the number of steps taken so far, and Total that of the whole run.
func (r *Run) Done() int {
	if r.state.Data == nil {
		return 0
	}
	return r.state.Data.Len()
}

// Total is the number of steps of the whole run.
func (r *Run) Total() int { return r.Settings.Explore + r.Settings.Episodes*r.System.Steps }

// Complete are the summaries of the episodes that are over.
func (r *Run) Complete() []run.Summary { return r.writer.Complete() }

// saveEvery is the time between two saves within an episode. It does not change what is computed.
const saveEvery = 5 * time.Second

// Steps runs to the end, yielding after each step of the real system, and saves at the end of each
// episode and every few seconds in between. A cancelled ctx ends it between two steps; it is
// saved then too, as after any error that left the State sound.
func (r *Run) Steps(ctx context.Context) iter.Seq2[*train.State, error] {
	return func(yield func(*train.State, error) bool) {
		unlock, err := run.Lock(r.Dir)
		if err != nil {
			yield(r.state, err)
			return
		}
		defer unlock()
		run.GoOn(r.Dir)
		if r.Watch != nil {
			r.Watch(r.state)
		}
		saved := time.Now()
		for s, err := range r.agent.Steps(ctx, r.state, r.Settings.Episodes) {
			if err != nil || s.Over || time.Since(saved) > saveEvery {
				if e := r.save(); e != nil {
					yield(s, e)
					return
				}
				saved = time.Now()
			}
			if err == nil && s.Over && r.Watch != nil {
				r.Watch(s)
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
	over := r.state.Over && len(r.episodes) <= r.state.Episode.Number
	if r.state.Over && !over {
		return nil // saved when it ended
	}
	if err := r.writer.Save(r.state); err != nil {
		return err
	}
	if !over {
		return nil
	}
	r.episodes = append(r.episodes, r.state.Episode)
	return r.draw(r.state.Episode)
}

// draw writes the learning curve, the figure of an episode, and the animation of the last.
func (r *Run) draw(e safex.Episode) error {
	if e.Phase == safex.Planned {
		film, err := fig.Animate(r.System, e)
		if err != nil {
			return err
		}
		if err := r.picture("figures/animation.png", film); err != nil {
			return err
		}
	}
	if e.Phase == safex.Planned && len(r.System.Limits) > 0 {
		if err := r.picture(safety(e), fig.Safety(r.System, e)); err != nil {
			return err
		}
	}
	return r.picture("figures/learning.png", fig.Learning(r.System, r.episodes))
}

// safety is the file of the safety figure of an episode.
func safety(e safex.Episode) string { return fmt.Sprintf("figures/safety-%03d.png", e.Number) }

func (r *Run) picture(name string, f interface{ PNG() ([]byte, error) }) error {
	png, err := f.PNG()
	if err != nil {
		return err
	}
	return run.Write(r.Dir, name, png)
}

// redraw draws what a stop between a save and its figures left out.
func (r *Run) redraw() error {
	for i, e := range r.episodes {
		_, err := os.Stat(filepath.Join(r.Dir, safety(e)))
		missing := err != nil && e.Phase == safex.Planned && len(r.System.Limits) > 0
		if _, err := os.Stat(filepath.Join(r.Dir, "figures/learning.png")); missing || err != nil || i == len(r.episodes)-1 {
			if err := r.draw(e); err != nil {
				return err
			}
		}
	}
	return nil
}
