package study

import (
	"context"
	"fmt"
	"slices"
	"strings"
)

// OutOfTime is how the failure of a run begins that a time limit of Slurm has stopped, and that has saved.
const OutOfTime = "its time limit came"

// SweepSubmitted is the result of a sweep that was submitted to Slurm.
type SweepSubmitted struct {
	Submitted           // of the runs of the present rung
	Rung, Rungs int     // the present one, from 1 on, and all
	Episodes    int     // of the Rung
	Trials      int     // that came to it
	Over        bool    // the sweep is, and nothing was submitted
	Failed      []State // runs that had failed in Slurm when all of their rung had ended
}

// Submit submits to Slurm what is unfinished of the present rung of the sweep in the folder out, as Study.Submit does a study. If all runs of the
// rung have ended, it compares the trials as Run does, and submits the next rung: to call it again, once all that it submitted has
// ended, is to go on. It goes on without trials whose runs failed, and tries these again if too few trials are left, and on the last rung
// by a call after the one that found it over. Runs that were cancelled, or stopped by their time limit, are always tried again.
func (s *Sweep) Submit(ctx context.Context, out string, slurm Slurm, program string, args ...string) (SweepSubmitted, error) {
	var sum SweepSubmitted
	if _, err := largest(ctx); err != nil {
		return sum, err
	}
	l, rungs, again, release, err := s.enter(out)
	if err != nil {
		return sum, err
	}
	defer release()
	for r := len(l.Over); r < len(rungs); r++ {
		sum.Rung, sum.Rungs, sum.Episodes, sum.Trials = r+1, len(rungs), rungs[r].Episodes, rungs[r].Trials
		entrants := l.entrants(s, rungs)
		study, jobs, err := s.stage(entrants, l, rungs)
		if err != nil {
			return sum, err
		}
		mine := slices.DeleteFunc(slices.Clone(jobs), func(j Job) bool { return !slices.Contains(entrants, j.Variant) })
		var outcomes []Outcome
		var judgement error
		over := false
		sum.Submitted, err = study.submit(ctx, out, slurm, program, args, jobs, study.open, func(c *cluster, active map[string]bool) []Job {
			failed, ended := c.ended(mine, active)
			if !ended {
				return mine
			}
			sum.Failed = append(sum.Failed, failed...)
			outcomes = s.outcomes(out, entrants, jobs, rungs[r].Episodes)
			judgement = judged(outcomes, rungs, r)
			if len(failed) > 0 && (again || judgement != nil) {
				judgement = nil
				return mine
			}
			over = true
			return nil
		})
		if err == nil && judgement != nil {
			err = fmt.Errorf("sweep %s: %w", s.Study.Name, judgement)
		}
		if err != nil || !over {
			return sum, err
		}
		l.Over = append(l.Over, outcomes)
		if err := l.save(out); err != nil {
			return sum, err
		}
	}
	sum.Over = true
	return sum, nil
}

// ended tells whether all of jobs have ended: they are Done, or have failed in Slurm for another reason than its time limit. Those that have
// failed are returned.
func (c *cluster) ended(jobs []Job, active map[string]bool) (failed []State, all bool) {
	for _, j := range jobs {
		switch s := j.State(c.out); {
		case active[j.Dir]:
			return nil, false
		case s.Phase == Done:
		case s.Phase == Failed && slices.Contains(c.runs, j.Dir) && !strings.HasPrefix(s.Failure, OutOfTime):
			failed = append(failed, s)
		default:
			return nil, false
		}
	}
	return failed, true
}
