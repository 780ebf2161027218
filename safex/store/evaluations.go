package store

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// Files of a run folder with an experiment.Evaluation.
const (
	evaluationsFile     = "evaluations.jsonl"
	evaluationStepsFile = "evaluations.csv"
)

// evaluating is what a Run keeps of its evaluations.
type evaluating struct {
	*train.Evaluation           // nil of a run without
	columns           []column  // of evaluations.csv
	sums              []Summary // of those that were made
	past              []byte    // lines of evaluations.csv
}

// newEvaluating are the evaluations of s on system, none of which was made.
func newEvaluating(s *experiment.Spec, system *safex.System) (e evaluating, err error) {
	if e.Evaluation, err = s.Evaluation(system); e.Evaluation != nil {
		e.columns = columns(e.System)
	}
	return e, err
}

// resume reads the evaluations that were made in the run folder dir after the episodes that are complete. What follows an episode that is not will
// be made again.
func (e *evaluating) resume(dir string, complete []Summary) error {
	if e.Evaluation == nil {
		return nil
	}
	episodes, sums, err := Evaluations(e.System, dir)
	if err != nil {
		return err
	}
	for i, sum := range sums {
		if sum.Episode < len(complete) {
			e.sums = append(e.sums, sum)
			e.past = append(e.past, text(rows(e.columns, episodes[i]))...)
		}
	}
	return nil
}

// due tells whether an evaluation is to follow the last complete episode.
func (e *evaluating) due(a train.Agent, s *train.State) bool {
	if e.Evaluation == nil || !a.Ready(s) {
		return false
	}
	last := len(e.sums) - 1
	return last < 0 || e.sums[last].Episode < s.Episode.Number
}

// evaluate makes the evaluation that is due, if one is, and saves it.
func (r *Run) evaluate(ctx context.Context) error {
	e := &r.evaluating
	if !e.due(r.agent, r.state) {
		return nil
	}
	done, err := r.agent.Evaluate(ctx, r.state, *e.Evaluation)
	if err != nil {
		return err
	}
	sums, past := append(slices.Clip(e.sums), Summarize(e.System, done)), append(slices.Clip(e.past), text(rows(e.columns, done))...)
	if err := Write(r.Dir, evaluationStepsFile, slices.Concat(text([][]string{header(e.columns)}), past)); err != nil {
		return err
	}
	var lines bytes.Buffer
	if err := encode.Lines(&lines, sums...); err != nil {
		return fmt.Errorf("store: %w", err)
	}
	if err := Write(r.Dir, evaluationsFile, lines.Bytes()); err != nil {
		return err
	}
	e.sums, e.past = sums, past // only now: a save that failed can be tried again
	return nil
}

// Evaluated are the summaries of the evaluations that were made, each with the number of the episode that it follows; nil of a run without.
func (r *Run) Evaluated() []Summary { return r.evaluating.sums }

// EvaluationSystem is the task of the evaluations; nil of a run without.
func (r *Run) EvaluationSystem() *safex.System {
	if r.evaluating.Evaluation == nil {
		return nil
	}
	return r.evaluating.System
}

// Evaluations reads evaluations.jsonl and evaluations.csv of the run folder dir, whose evaluations are of s: the episodes and their summaries, each with the
// number of the episode that it follows. Both are empty if there is none yet. One whose steps are saved, and whose summary is not yet, is left out.
func Evaluations(s *safex.System, dir string) (episodes []safex.Episode, sums []Summary, err error) {
	if sums, err = EvaluationSummaries(dir); err != nil || sums == nil {
		return nil, nil, err
	}
	if episodes, err = readTable(s, filepath.Join(dir, evaluationStepsFile), true); err != nil {
		return nil, nil, err
	}
	for i, sum := range sums {
		if i < len(episodes) {
			e := Summarize(s, episodes[i])
			if e.Episode == sum.Episode && e.Steps == sum.Steps && e.Return == sum.Return && e.Violations == sum.Violations {
				continue
			}
		}
		return nil, nil, fmt.Errorf("store: %s: %s and %s do not agree on the evaluation after episode %d: %w", dir, evaluationsFile, evaluationStepsFile, sum.Episode, ErrDisagree)
	}
	return episodes[:len(sums)], sums, nil
}

// EvaluationSummaries reads evaluations.jsonl of the run folder dir; nil if there is none.
func EvaluationSummaries(dir string) (sums []Summary, err error) {
	path := filepath.Join(dir, evaluationsFile)
	if ok, err := there(path); err != nil || !ok {
		return nil, err
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, cannot("read", path, err)
	}
	for line := range bytes.Lines(text) {
		var s Summary
		if err := encode.Decode(line, &s); err != nil {
			return nil, fmt.Errorf("store: %s, line %d is damaged: %w", path, len(sums)+1, err)
		}
		if n := len(sums); s.Episode < 0 || n > 0 && s.Episode <= sums[n-1].Episode || s.Phase != safex.PlannedPhase {
			return nil, fmt.Errorf("store: %s, line %d is damaged: it does not follow the line before", path, n+1)
		}
		sums = append(sums, s)
	}
	return sums, nil
}

// Owed tells whether a run of s whose complete episodes are those, the last of them the last of the run, waits for its last evaluation.
func Owed(s *experiment.Spec, complete, evaluated []Summary) bool {
	if s.Evaluate == nil || len(complete) == 0 {
		return false
	}
	n := len(evaluated)
	return n == 0 || evaluated[n-1].Episode < complete[len(complete)-1].Episode
}
