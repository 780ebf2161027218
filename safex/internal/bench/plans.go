package bench

import (
	"context"
	"fmt"
	"time"

	"gonum.org/v1/gonum/floats"
	"gonum.org/v1/gonum/stat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/rollout"
)

// plans measures each planner on its task, with a model that has learned it.
func (b *bench) plans(ctx context.Context) error {
	for _, pair := range b.Plans {
		for _, width := range b.PlanWidths {
			l, err := b.loop(ctx, b.recipe(pair.Task, width, b.Activations[0], b.Learned), pair.Planner)
			if err != nil {
				return err
			}
			if err := play(ctx, b.PlanWarm, b.PlanCount, l); err != nil {
				return err
			}
			if err := b.add(l.row()); err != nil {
				return err
			}
		}
	}
	return nil
}

// A loop is a planner that acts on the true system, episode after episode.
type loop struct {
	recipe
	planner string
	engine  string
	system  *safex.System
	model   safex.Model
	plan    safex.Planner
	counter *rollout.Counter
	src     rng.Stream

	episode, at int
	so          safex.Trajectory
	last        *safex.Plan

	millis, evals []float64 // of each plan that counts
}

// loop puts a planner, with more settings, before the first plan.
func (b *bench) loop(ctx context.Context, r recipe, planner string, more ...string) (*loop, error) {
	s, err := r.spec(append(more, "planner="+planner)...)
	if err != nil {
		return nil, err
	}
	system, m, err := b.model(ctx, r)
	if err != nil {
		return nil, err
	}
	engine, bound, err := b.bind(system, m)
	if err != nil {
		return nil, err
	}
	return &loop{
		recipe: r, planner: planner, engine: engine, system: system, model: m, plan: s.Planner,
		counter: &rollout.Counter{Rollout: bound, Actions: len(system.Action)}, src: b.src.Child("plans"),
	}, nil
}

// play takes loops in turn, a step each: first so many that do not count, then so many that do.
func play(ctx context.Context, warm, count int, loops ...*loop) error {
	for i := range warm + count {
		for _, l := range loops {
			if err := l.step(ctx, i >= warm); err != nil {
				return err
			}
		}
	}
	return nil
}

// step plans and acts. An episode that is over, or that leaves the real numbers, is followed by the next.
func (l *loop) step(ctx context.Context, counts bool) error {
	src := l.src.At(l.episode)
	if l.at == 0 {
		x, err := l.system.DrawStart(src.Child("start"))
		if err != nil {
			return err
		}
		l.so, l.last = l.system.Begin(x, src.Child("real")), nil
	}
	q := safex.Query{
		System: l.system, Rollout: l.counter, State: l.so.States[l.at], Episode: 1, Previous: l.last,
		Left: l.so.Left(l.system.Budgets()), Beta: safex.BetaOf(l.model),
	}
	if l.at > 0 {
		q.LastAction = l.so.Actions[l.at-1]
	}
	before, began := l.counter.Evaluations.Load(), time.Now()
	p, err := l.plan.Plan(ctx, q, src.Child("plan").At(l.at))
	if err != nil {
		return fmt.Errorf("bench: %s on %s: %w", l.planner, l.task, err)
	}
	if counts {
		l.millis = append(l.millis, 1e3*time.Since(began).Seconds())
		l.evals = append(l.evals, float64(l.counter.Evaluations.Load()-before))
	}
	l.last = p
	l.at++
	if err := l.system.Advance(&l.so, p.Actions[0], src.Child("real")); err != nil || l.at == l.system.Steps {
		l.episode, l.at = l.episode+1, 0
	}
	return nil
}

// row is what the plans that counted come to.
func (l *loop) row() Row {
	rate := 1e3 * floats.Sum(l.evals) / floats.Sum(l.millis)
	return Row{
		What: plans, Engine: l.engine, Task: l.task, Planner: l.planner, States: l.states, Limits: l.limits, Hidden: l.width, Activation: l.activation, Members: l.members,
		Horizon: len(l.last.Actions), P50: quantile(0.5, l.millis), P99: quantile(0.99, l.millis),
		EvalsPerS: rate, GFLOPs: rate * float64(2*products(l.model)) / 1e9,
		EvalsPerAction: stat.Mean(l.evals, nil), Repetitions: len(l.millis),
	}
}
