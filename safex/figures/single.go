package figures

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/filter"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// Figures of a run, which are made from its folder alone.
const (
	EpisodeName = "episode"
	KernelName  = "kernel"
)

// single reads the run whose folder is all that there is, and the number of the episode to draw. name is that of the figure.
func (g *Gallery) single(name string) (r *store.Saved, at int, err error) {
	if len(g.folders) != 1 {
		return nil, 0, fmt.Errorf("figure %s is of one run folder, as in: safex figures runs/pendulum-pessimistic-1 --only %s", name, name)
	}
	dir := g.folders[0]
	if !store.IsRun(dir) {
		return nil, 0, fmt.Errorf("figure %s is of one run, and %s is a folder of runs: name one of them", name, dir)
	}
	if r, err = store.Open(dir, g.own...); err != nil {
		return nil, 0, err
	}
	n := len(r.Episodes)
	if n == 0 {
		return nil, 0, fmt.Errorf("%s has no episode yet", dir)
	}
	if at = g.Episode; at < 0 {
		at = n - 1
		if at > 0 && r.Episodes[at].Underway(r.System) { // under way
			at--
		}
	}
	if at >= n {
		return nil, 0, fmt.Errorf("%s has no episode %d: it has 0 to %d", dir, at, n-1)
	}
	return r, at, nil
}

// episode draws an episode of the run.
func (g *Gallery) episode() (*fig.Figure, error) {
	r, at, err := g.single(EpisodeName)
	if err != nil {
		return nil, err
	}
	return fig.Episode(r.System, r.Episodes[at]), nil
}

// A judge is a run whose steps a filter judges, and what it does so by.
type judge struct {
	*store.Saved
	filter  *filter.Filter
	model   safex.Model
	last    safex.Forecast // of the run
	episode safex.Episode  // to draw
}

// judged is the run, if a filter has judged a step of it, its folder has the model, and its states have a plane to be drawn in.
func (g *Gallery) judged() (j judge, err error) {
	r, at, err := g.single(KernelName)
	if err != nil {
		return j, err
	}
	j.Saved, j.episode = r, r.Episodes[at]
	var ok bool
	if j.filter, ok = experiment.Held(r.Spec.Filter).(*filter.Filter); !ok {
		return j, fmt.Errorf("figure %s is of a run with a filter, as in: safex train %s --filter on", KernelName, r.Spec.TaskName())
	}
	for _, e := range r.Episodes {
		if n := len(e.Forecasts); n > 0 {
			j.last = e.Forecasts[n-1]
		}
	}
	if j.model, err = r.Model(); err != nil {
		return j, err
	}
	if j.last.Cover == "" || j.model == nil {
		return j, fmt.Errorf("%s has no model yet that a filter judged by", r.Dir)
	}
	_, err = fig.Phase{System: r.System}.Figure()
	return j, err
}

// kernel draws where the limits can be kept by the last model of the run, and the way of an episode.
func (g *Gallery) kernel() (*fig.Figure, error) {
	j, err := g.judged()
	if err != nil {
		return nil, err
	}
	beta := j.filter.Deviations(j.last.AskedBeta, j.last.Beta)
	t, err := j.filter.Terminal(context.Background(), j.System, j.model, beta)
	if err != nil {
		return nil, err
	}
	what := fmt.Sprintf("Task %s, by the last fit of the run: from a shaded state every limit can be kept for ever, under every error of the model in a box of %.3g epistemic deviations. That is proved of the model, and holds for the system as long as the box holds the truth.", j.System.Name, beta)
	if j.filter.Knows(j.System) {
		what = fmt.Sprintf("Task %s: from a shaded state every limit can be kept for ever, by its backup, %q. The task declares that, whatever was learned; safex check tries it.", j.System.Name, j.System.Backup.Name)
	}
	return fig.Phase{
		System: j.System, Episodes: []safex.Episode{j.episode},
		Regions: []fig.Region{{Name: "the limits can be kept from here on", Contains: func(x []float64) bool { return t.Backup(x) != nil }}},
		Notes: []string{
			what,
			"Steps of the episode were judged by the models of their time, and not by this one.",
		},
	}.Figure()
}
