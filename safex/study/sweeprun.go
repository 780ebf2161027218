package study

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// Files of the folder of a sweep, beside those of a study.
const (
	SweepFile = "sweep.json" // see Outcomes
	sweepLock = "sweep.lock" // held by the process that runs it
)

// SweepProgress is how far a sweep is.
type SweepProgress struct {
	Progress         // of the study on its present rung, with the trials that are out of the sweep
	Rung, Rungs int  // the present one, from 1 on, and all
	Episodes    int  // of the Rung
	Trials      int  // that came to it
	Out         bool // the run that has Ended is of a trial that was out, and has failed before
}

// A ladder is a sweep while it runs. For each rung that is over it has the results of the trials that took part, the best first.
type ladder struct {
	Study  json.RawMessage `json:"study"`
	Trials json.RawMessage `json:"sweep"`
	Over   [][]Outcome     `json:"rungs"`
}

// Run runs what is unfinished of the sweep in the folder out, as Study.Run does a study, rung by rung. Trials whose runs fail come last,
// and Run goes on without them; if it is run again, those of the last rung are tried again. The last error says what is unfinished.
//
// A rung with a run that is neither complete nor failed is not over. Once one is, the sweep goes on with the trials that were the best, and it is
// refused if its file has changed.
func (s *Sweep) Run(ctx context.Context, out string, workers int, work Worker) iter.Seq2[SweepProgress, error] {
	return func(yield func(SweepProgress, error) bool) {
		if err := s.run(ctx, out, workers, work, yield); err != nil && !errors.Is(err, errEnough) {
			yield(SweepProgress{}, err)
		}
	}
}

// errEnough is that of a caller who breaks out.
var errEnough = errors.New("study: the caller has broken out")

func (s *Sweep) run(ctx context.Context, out string, workers int, work Worker, yield func(SweepProgress, error) bool) error {
	l, rungs, _, release, err := s.enter(out)
	if err != nil {
		return err
	}
	defer release()
	for r := len(l.Over); r < len(rungs); r++ {
		at := SweepProgress{Rung: r + 1, Rungs: len(rungs), Episodes: rungs[r].Episodes, Trials: rungs[r].Trials}
		entrants := l.entrants(s, rungs)
		study, jobs, err := s.stage(entrants, l, rungs)
		if err != nil {
			return err
		}
		gone := map[string]bool{}
		for _, j := range jobs {
			if !slices.Contains(entrants, j.Variant) {
				gone[j.folder(out)] = true
			}
		}
		var failed error
		for p, err := range study.run(ctx, out, workers, spared(work, gone), study.open) {
			at.Progress, at.Out = p, p.Ended != nil && gone[filepath.Join(out, filepath.FromSlash(p.Ended.Run))]
			if err != nil && (ctx.Err() != nil || p.Failed == 0) {
				yield(at, err)
				return errEnough
			}
			if failed = err; err == nil && !yield(at, nil) {
				return errEnough
			}
		}
		outcomes := s.outcomes(out, entrants, jobs, rungs[r].Episodes)
		if err := judged(outcomes, rungs, r); err != nil {
			if err = fmt.Errorf("sweep %s: %w", s.Study.Name, err); failed != nil {
				err = fmt.Errorf("%w (%w)", err, failed)
			}
			yield(at, err)
			return errEnough
		}
		l.Over = append(l.Over, outcomes)
		if err := l.save(out); err != nil {
			return err
		}
		at.Ended, at.Out = nil, false
		if !yield(at, nil) {
			return errEnough
		}
	}
	return nil
}

// enter checks the sweep, and keeps other processes out of its folder until release is called. It returns the ladder without its last rung, the
// rungs, and whether the last one was over before.
func (s *Sweep) enter(out string) (l *ladder, rungs []Rung, ended bool, release func(), err error) {
	if _, err := s.Jobs(); err != nil {
		return nil, nil, false, nil, err
	}
	if rungs, err = s.Rungs(); err != nil {
		return nil, nil, false, nil, err
	}
	if err := outside(out); err != nil {
		return nil, nil, false, nil, fmt.Errorf("sweep %s: %w", s.Study.Name, err)
	}
	if release, err = hold(out, sweepLock); err != nil {
		return nil, nil, false, nil, err
	}
	if l, ended, err = s.goOn(out, rungs); err != nil {
		release()
		return nil, nil, false, nil, err
	}
	return l, rungs, ended, release, nil
}

// judged reports why there is nothing to go on from after rung r, or to choose from.
func judged(outcomes []Outcome, rungs []Rung, r int) error {
	last := r == len(rungs)-1
	complete := 0
	for _, o := range outcomes {
		if o.Return != nil {
			complete++
		}
		for _, one := range o.Runs {
			if !last && one.Failure != "" && !one.failed {
				return fmt.Errorf("rung %d is not over, as of %s seed %d is %s", r+1, o.Trial, one.Seed, one.Failure)
			}
		}
	}
	switch {
	case complete == 0:
		return fmt.Errorf("none of %d trials is complete", len(outcomes))
	case !last && complete < rungs[r+1].Trials:
		return fmt.Errorf("%d trials go on from rung %d, and %d are complete", rungs[r+1].Trials, r+1, complete)
	}
	return nil
}

// spared is work, but for the runs that are gone, which have failed and are not tried again.
func spared(work Worker, gone map[string]bool) Worker {
	return func(ctx context.Context, dir string) error {
		if failure := store.Failure(dir); gone[dir] && failure != "" {
			return errors.New(failure)
		}
		return work(ctx, dir)
	}
}

// entrants are the trials that come to the rung after those that are over.
func (l *ladder) entrants(s *Sweep, rungs []Rung) (names []string) {
	if r := len(l.Over); r > 0 {
		for _, o := range l.Over[r-1][:rungs[r].Trials] {
			names = append(names, o.Trial)
		}
		return names
	}
	for _, t := range s.Trials.Draw() {
		names = append(names, t.Name)
	}
	return names
}

// stage is the study of the rung after those that are over, with its runs: trials that are out have the episodes of the last rung that they came
// to.
func (s *Sweep) stage(entrants []string, l *ladder, rungs []Rung) (*Study, []Job, error) {
	came := map[string]int{}
	for r, rung := range l.Over {
		for _, o := range rung {
			came[o.Trial] = r
		}
	}
	for _, name := range entrants {
		came[name] = len(l.Over)
	}
	var episodes []int
	for _, t := range s.Trials.Draw() {
		episodes = append(episodes, rungs[came[t.Name]].Episodes)
	}
	study := s.study(episodes)
	jobs, err := study.Jobs()
	return study, jobs, err
}

// outcomes are those of the trials named, ranked.
func (s *Sweep) outcomes(out string, names []string, jobs []Job, episodes int) (all []Outcome) {
	src := rng.New(s.Trials.Seed).Child("sweep").Child("interval")
	runs := map[string][]Job{}
	for _, j := range jobs {
		runs[j.Variant] = append(runs[j.Variant], j)
	}
	for _, t := range s.Trials.Draw() {
		if !slices.Contains(names, t.Name) {
			continue
		}
		o := s.Trials.Objective.outcome(out, runs[t.Name], episodes, src)
		o.Settings = map[string]string{}
		for i, setting := range s.Trials.Over {
			o.Settings[setting.Name] = t.Values[i]
		}
		all = append(all, o)
	}
	rank(all)
	return all
}

// begun is the ladder of s before its first rung is over.
func (s *Sweep) begun() (*ladder, error) {
	l := &ladder{}
	for _, part := range []struct {
		to   *json.RawMessage
		from any
	}{{&l.Study, s.Study}, {&l.Trials, s.Trials}} {
		text, err := encode.JSON(part.from)
		if err != nil {
			return nil, fmt.Errorf("sweep %s: %w", s.Study.Name, err)
		}
		*part.to = text
	}
	return l, nil
}

// load reads sweep.json of the folder out; nil if there is none.
func load(out string) (*ladder, error) {
	path := filepath.Join(out, SweepFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("sweep: %w", err)
	}
	l := &ladder{}
	if err := encode.Decode(text, l); err != nil {
		return nil, fmt.Errorf("sweep: %s is damaged, or of another version: choose another folder with --out (%w)", path, err)
	}
	return l, nil
}

// save replaces sweep.json of the folder out.
func (l *ladder) save(out string) error {
	text, err := encode.Indented(l)
	if err != nil {
		return fmt.Errorf("sweep: %w", err)
	}
	return disk.Write(filepath.Join(out, SweepFile), text)
}

// goOn is the ladder of the folder out without its last rung, whose runs may have failed and are tried again, and whether that was over. What was
// decided was so by the same file.
func (s *Sweep) goOn(out string, rungs []Rung) (l *ladder, ended bool, err error) {
	if l, err = s.begun(); err != nil {
		return nil, false, err
	}
	old, err := load(out)
	if err != nil || old == nil {
		return l, false, err
	}
	ended = len(old.Over) == len(rungs)
	over := old.Over[:min(len(old.Over), len(rungs)-1)]
	if len(over) == 0 {
		return l, ended, nil
	}
	for _, part := range []struct{ was, is json.RawMessage }{{old.Study, l.Study}, {old.Trials, l.Trials}} {
		var plain bytes.Buffer
		var was, is map[string]json.RawMessage
		if err := errors.Join(json.Compact(&plain, part.was), json.Unmarshal(plain.Bytes(), &was), json.Unmarshal(part.is, &is)); err != nil {
			return nil, false, fmt.Errorf("sweep: %s is damaged: choose another folder with --out", filepath.Join(out, SweepFile))
		}
		all := maps.Clone(was)
		maps.Copy(all, is)
		for _, key := range slices.Sorted(maps.Keys(all)) {
			if !bytes.Equal(was[key], is[key]) {
				return nil, false, fmt.Errorf("sweep %s: %s is not that by which trials in %s were left out: change it back, or choose another folder with --out", s.Study.Name, key, out)
			}
		}
	}
	for r, all := range over {
		if len(all) != rungs[r].Trials {
			return nil, false, fmt.Errorf("sweep: %s is damaged: %d trials came to rung %d, want %d: choose another folder with --out", filepath.Join(out, SweepFile), len(all), r+1, rungs[r].Trials)
		}
	}
	l.Over = over
	return l, ended, nil
}

// Outcomes are what the trials of the sweep in the folder out came to, from the best on: those of the last rung that is over, and then those that
// were left out before it, the later ones first. There are none before the first rung is over.
func Outcomes(out string) ([]Outcome, error) {
	l, err := load(out)
	if err != nil || l == nil {
		return nil, err
	}
	var all []Outcome
	for _, rung := range slices.Backward(l.Over) {
		before := len(all)
		for _, o := range rung {
			if slices.ContainsFunc(all[:before], func(kept Outcome) bool { return kept.Trial == o.Trial }) {
				continue
			}
			if o.Rank > 0 {
				o.Rank = max(o.Rank, 1+before)
			}
			all = append(all, o)
		}
	}
	return all, nil
}
