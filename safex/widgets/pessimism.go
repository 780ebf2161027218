package widgets

import (
	"context"
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/live"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/reach"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// Pessimism lets a hand move what a pessimistic plan of a pendulum depends on: how many deviations it defends, the limit, how far it looks ahead, and how
// hard its adversary looks. The plan, by m from a state, is then attacked by a stronger adversary, which shows what the first may have missed.
func Pessimism(task tasks.Pendulum, e safex.Engine, m safex.Model, x []float64) live.Widget {
	g := &game{task: task, engine: e, model: m, x: x, beliefs: map[float64]belief{}}
	var words []string
	for _, r := range rivals {
		words = append(words, r.name)
	}
	return live.Widget{
		Name: "What pessimism costs, and what it buys",
		Controls: []live.Control{
			{Name: "beta", Label: "β of the planner", Min: 0, Max: 5, Step: 0.1, Start: []float64{2}},
			{Name: "limit", Label: "limit [rad/s]", Min: 0.6 * task.MaxSpeed, Max: 1.4 * task.MaxSpeed, Step: 0.05 * task.MaxSpeed, Start: []float64{task.MaxSpeed}},
			{Name: "horizon", Label: "horizon [steps]", Min: 4, Max: 34, Step: 1, Start: []float64{22}},
			{Name: "adversary", Label: "its adversary", Min: 0, Max: float64(len(rivals) - 1), Step: 1, Start: []float64{2}, Words: words},
		},
		View: g.view,
	}
}

// rivals are adversaries by strength; the first is none.
var rivals = []struct {
	name string
	plan.Adversary
}{{"none", nil}, {"10 random", plan.DefaultParticles()}, {"sign-gradient", plan.DefaultSignGradient()}, {"thorough", plan.ThoroughSignGradient()}}

// game is what plans for a Pessimism.
type game struct {
	task    tasks.Pendulum
	engine  safex.Engine
	model   safex.Model
	x       []float64
	beliefs map[float64]belief // by the limit
}

// belief is that of a pendulum with a limit.
func (g *game) belief(limit float64) (b belief, err error) {
	limit = math.Round(1e6*limit) / 1e6
	if b, ok := g.beliefs[limit]; ok {
		return b, nil
	}
	task := g.task
	task.MaxSpeed = limit
	s, err := task.Task().System()
	if err != nil {
		return b, err
	}
	if b, err = newBelief(s, g.engine, g.model); err == nil {
		g.beliefs[limit] = b
	}
	return b, err
}

// planner is that of some settings.
func planner(s *safex.System, at live.Values) safex.Planner {
	horizon, strength := at.Int("horizon"), at.Int("adversary")
	tuning := s.Tuning
	tuning.Horizon = horizon
	if strength == 0 {
		return plan.DefaultSafe().Tuned(tuning)
	}
	p := plan.DefaultPessimistic()
	p.Beta, p.Adversary = plan.Constant(at.One("beta")), rivals[strength].Adversary
	return p.Tuned(tuning)
}

func (g *game) view(ctx context.Context, at live.Values) (*live.View, error) {
	b, err := g.belief(at.One("limit"))
	if err != nil {
		return nil, err
	}
	s, beta := b.system, at.One("beta")
	q := safex.Query{System: s, Rollout: b.rollout, State: g.x, Episode: 1}
	p, err := planner(s, at).Plan(ctx, q, rng.New(1))
	if err != nil {
		return nil, err
	}
	eta, err := attacked(ctx, q, p.Actions, beta)
	if err != nil {
		return nil, err
	}
	ways, err := b.under(ctx, g.x, p.Actions, beta, nil, eta)
	if err != nil {
		return nil, err
	}
	tube, err := b.prover.Tube(ctx, reach.Plan{State: g.x, Actions: p.Actions, Beta: beta})
	if err != nil {
		return nil, err
	}
	speed := quantityOf(s, 0)
	worst := speed.line("worst found", ways[1])
	speed.tube(&worst, tube)
	mean := speed.line("plan", ways[0])
	mean.Dashed = true
	panel := speed.panel
	panel.From, panel.To, panel.Lines = -1.6*g.task.MaxSpeed, 1.6*g.task.MaxSpeed, []fig.Line{worst, mean}
	limit, found := s.Limits[0].Max, speed.most(ways[1])
	says := fmt.Sprintf("The plan holds: the worst error found leads to %s, and the limit is %s.", speed.said(found), speed.said(limit))
	if !(found <= limit) {
		says = fmt.Sprintf("The plan breaks: an error within β leads to %s, and the limit is %s.", speed.said(found), speed.said(limit))
	}
	return &live.View{
		Sketch: live.SketchOf(s, g.x, p.Actions[0], some(ways[0], 2)...),
		Panels: []fig.Panel{panel, torque(s, fig.Line{}, steps("plan", s, p.Actions))}, Axis: "time into the plan [s]",
		Notes: []string{
			says,
			fmt.Sprintf("Return of the plan %.1f. The %s is at most %s under the mean and, %s.", ways[0].Return(), s.Limits[0].Name,
				speed.said(speed.most(ways[0])), speed.proved(tube)),
		},
		Alarm: !(found <= limit),
	}, nil
}

// attacked is the worst error that a thorough adversary finds for some actions.
func attacked(ctx context.Context, q safex.Query, actions [][]float64, beta float64) ([]float64, error) {
	t := plan.Target{Query: q, Plans: num.NewBatch(len(actions)*len(actions[0]), 1), Beta: beta}
	for i, u := range actions {
		for k, v := range u {
			t.Plans[i*len(u)+k][0] = v
		}
	}
	var found plan.Perturbations
	if err := plan.ThoroughSignGradient().Attack(ctx, &found, t, rng.New(3)); err != nil {
		return nil, err
	}
	return found.Eta.Point(0), nil
}
