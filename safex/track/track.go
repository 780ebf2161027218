// Package track writes runs for TensorBoard and for Weights & Biases, without an account, a network or Python. It makes all from
// the run folder, where it keeps
//
//	tensorboard/                      an event file for each complete episode
//	wandb/offline-run-…/run-….wandb   an offline run, with its pictures in files/
//	validation.jsonl                  what the model predicted, after each episode, of transitions that no agent chose
//
// such that these show a folder of runs, and upload one:
//
//	tensorboard --logdir runs
//	wandb sync RUN/wandb/offline-run-*
//
// The step of every number is the episode; 0 is the random phase, which has no plans. The names are those of the published
// experiments where the quantity is theirs:
//
//	Train Reward                  sum of the rewards
//	Train Violations              steps beyond a limit
//	Max Violation                 largest excess of any limit, in its unit, or 0
//	Pessimistic Alpha             β of the episode's last plan, if its planner defends a box
//	Optimistic Alpha              β° or κ°, if its planner hopes for an error in its favour
//	Episode                       number of the episode
//	Mean epistemic uncertainty    mean of the epistemic deviations over the validation points and dimensions
//	Std epistemic uncertainty     standard deviation of the same
//	Mean aleatoric uncertainty    mean of the aleatoric deviations
//	Validation MSE                mean squared error of the predicted mean, over points and dimensions
//	Planning MSE                  the same of the planned steps, each by the model that planned it
//	Average NLL                   -Σ over planned steps of the mean over dimensions of log N(next; mean, epistemic² + aleatoric²)
//	Violations_hist               histogram of the violating steps of each episode so far
//
// and these are added:
//
//	Excess/LIMIT                  largest excess of a limit, in its unit: at most 0 is safe
//	Plan/median ms, Plan/p99 ms   time of a plan
//	Plan/infeasible               plans that could not keep every limit
//	Cover/by plan                 steps that a filter proved to be safe as they were planned, if there is one
//	Cover/by backup               steps that are proved, and were executed in place of the plan's
//	Cover/uncovered               steps of which it proved nothing
//	Plan/late                     plans that took as long as the agent's deadline or longer, if it has one
//	Plan/NaN candidates           candidates that came out as NaN
//	Plan/epistemic uncertainty    mean of the epistemic deviations of the planned steps
//	Plan/aleatoric uncertainty    mean of the aleatoric deviations of the planned steps
//	Box/beta                      mean β of the planned steps: what was defended or, if nothing was, what the model asks for
//	Box/share inside              planned steps that ended within β epistemic deviations of their mean in every dimension
//	Fit/seconds                   of all fits of the episode
//	Evaluation/reward             sum of the rewards of the evaluation that follows the episode, if the run has such
//	Evaluation/violations         steps of it beyond a limit
//	Evaluation/max violation      largest excess of any limit in it, in its unit, or 0
//
// Uncertainties and squared errors mix the units of the dimensions, as published. Validation points are 500 transitions of
// coloured noise on the task without disturbances, the same in every run of a task, where the published ones were uniform in a
// box; the four numbers that want the model of each episode are there only of episodes that were written while they ran. Figures
// of an episode, as figures/safety, are at its step; those of all episodes so far, as figures/learning, at the last, in
// TensorBoard once the run is over. Settings are a text in TensorBoard, and the configuration at Weights & Biases, where the
// group of a run is its study and its method, its type of job the planner and the model, and its name the seed.
//
// Some published names are not written: nll, mse, eval_nll and eval_mse, because a fit does not keep its losses; Reward and Average violations,
// which are Evaluation/reward and Evaluation/violations here, and Iterations and Average predicted violations of evaluations, which are in the
// run folder alone; and the plots of violations, in place of which there are the figures of the run.
//
// A run keeps no time of day. The wall time of an episode is that of run.yaml and, from there, the time that was spent on fits and
// plans, the latter at their median: pauses are left out, and the same folder gives the same bytes.
//
// Every file is whole or absent. A run that was killed at any moment and resumed has each episode once: an event file is that of
// one episode, and a file of an episode that is run again is replaced, as is the whole offline run at each episode. TensorBoard
// shows both versions of such an episode until it is started again.
package track

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/store"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// Settings say for whom a run is written. They change nothing of the run.
type Settings struct {
	TensorBoard bool
	WandB       string // project at Weights & Biases; "" if it is not written for them
}

// Project is the one at Weights & Biases that is meant without a name.
const Project = "safex"

// Any tells whether a run is written for anyone.
func (s Settings) Any() bool { return s.TensorBoard || s.WandB != "" }

// Check reports a project that Weights & Biases would refuse.
func (s Settings) Check() error {
	const refused = `/\#?%:`
	switch {
	case len(s.WandB) > 128:
		return fmt.Errorf("track: the project's name has %d characters: Weights & Biases takes at most 128", len(s.WandB))
	case strings.ContainsAny(s.WandB, refused):
		return fmt.Errorf("track: project %q: Weights & Biases takes no name with one of %s", s.WandB, refused)
	case strings.ContainsFunc(s.WandB, func(r rune) bool { return r < ' ' || r == 0x7f || r == '\ufffd' }):
		return fmt.Errorf("track: project %q: Weights & Biases takes no name with control characters", s.WandB)
	}
	return nil
}

// Update writes the complete episodes of the run folder dir, and returns how many there are. A process that runs it keeps others
// out of the folder meanwhile. What is there and up to date stays as it is.
func (s Settings) Update(dir string) (episodes int, err error) {
	if err := s.Check(); err != nil {
		return 0, err
	}
	if _, err := store.ReadSpec(dir); err != nil {
		return 0, err
	}
	unlock, err := store.Lock(dir)
	if err != nil {
		return 0, err
	}
	defer unlock()
	sums, err := store.Summaries(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, nil // nothing has happened yet
	}
	if err != nil {
		return 0, err
	}
	return len(sums), s.update(dir, len(sums))
}

// update writes the first n episodes of a run folder that is locked.
func (s Settings) update(dir string, n int) error {
	r, err := read(dir, n)
	if err != nil || n == 0 {
		return err
	}
	if s.TensorBoard {
		if err := r.tensorBoard(); err != nil {
			return err
		}
	}
	if s.WandB != "" {
		if err := r.wandB(s.WandB); err != nil {
			return err
		}
	}
	return r.trouble
}

// Follow writes r while it runs: what is complete when Steps begins, and every episode that ends. Trouble does not stop
// the run. The first is handed to say, and loses nothing: each episode writes again what is missing, and so does Update.
func (s Settings) Follow(r *store.Run, say func(error)) error {
	if err := s.Check(); err != nil {
		return err
	}
	if !s.Any() {
		return nil
	}
	v, said := &validator{run: r}, false
	r.Watch = func(state *train.State) {
		err := v.note(state)
		if e := s.update(r.Dir, complete(state)); e != nil {
			err = e
		}
		if err != nil && !said {
			said = true
			say(fmt.Errorf("not tracked: %w; the run goes on", err))
		}
	}
	return nil
}

// complete is the number of episodes that are over.
func complete(s *train.State) int {
	switch {
	case s.Data == nil:
		return 0
	case s.Over:
		return s.Episode.Number + 1
	}
	return s.Episode.Number
}

// write is store.Write. Tests replace it.
var write = store.Write

// put writes a file whole or not at all, under a temporary name that no reader takes for what it will be.
func put(dir, name string, data []byte) error {
	part := filepath.Join(filepath.Dir(name), "part")
	if err := write(dir, part, data); err != nil {
		return err
	}
	if err := os.Rename(filepath.Join(dir, part), filepath.Join(dir, name)); err != nil {
		os.Remove(filepath.Join(dir, part))
		return fmt.Errorf("track: %w", err)
	}
	return nil
}

// tidy removes the files of a folder that are not to be kept, among them what a killed process left.
func tidy(dir string, keep func(name string) bool) error {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return fmt.Errorf("track: %w", err)
	}
	for _, e := range entries {
		if e.Type().IsRegular() && !keep(e.Name()) {
			if err := os.Remove(filepath.Join(dir, e.Name())); err != nil {
				return fmt.Errorf("track: %w", err)
			}
		}
	}
	return nil
}
