package widgets

import (
	"context"
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/filter"
	"github.com/rischiboy/safe_exploration/safex/live"
	"github.com/rischiboy/safe_exploration/safex/reach"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// Start lets a hand drag the rod of a pendulum to where it starts. The agent of a run, with the model that it has learned, plans from there; the
// tube, what proves the first step, and what the backup would do follow. The run needs a model and a filter.
func Start(r *store.Saved) (live.Widget, error) {
	none := live.Widget{}
	ring, err := ringOf(r.System)
	if err != nil {
		return none, err
	}
	if r.Spec.Filter == nil {
		return none, fmt.Errorf("widgets: the run %s has no filter, and nothing to prove: train one with", r.Dir)
	}
	m, err := r.Model()
	if err != nil {
		return none, err
	}
	if m == nil {
		return none, fmt.Errorf("widgets: the run %s has learned nothing yet: let it go on", r.Dir)
	}
	b, err := newBelief(r.System, r.Spec.Engine, m)
	if err != nil {
		return none, err
	}
	guard, err := r.Spec.Filter.Guard(r.System, m)
	if err != nil {
		return none, err
	}
	v := started{belief: b, planner: r.Spec.Planner, guard: guard, beta: safex.BetaOf(m), episode: max(1, len(r.Episodes)-1)}
	limit := r.System.Limits[0].Max
	return live.Widget{
		Name: "Drag the rod to where it starts",
		Controls: []live.Control{
			{Name: "angle", Min: -math.Pi, Max: math.Pi, Step: 0.01, Start: []float64{math.Pi}},
			{Name: "speed", Label: "speed [rad/s]", Min: -1.2 * limit, Max: 1.2 * limit, Step: 0.1, Start: []float64{0}},
		},
		Handles: []live.Handle{{Control: "angle", Path: ring}},
		View:    v.view,
	}, nil
}

// ringOf is the way of the bob of a pendulum in its picture, from the angle -π to π.
func ringOf(s *safex.System) (ring [][2]float64, err error) {
	if s.Name != "pendulum" || s.Picture == nil || len(s.State) != 3 {
		return nil, fmt.Errorf("widgets: task %q is no pendulum, and has no rod to drag", s.Name)
	}
	const pieces = 72
	radius := 0.9 * s.Picture.Top / 1.25 // see its Picture
	for i := range pieces + 1 {
		sin, cos := math.Sincos(-math.Pi + 2*math.Pi*float64(i)/pieces)
		ring = append(ring, [2]float64{-radius * sin, radius * cos})
	}
	return ring, nil
}

// started is what plans from a start.
type started struct {
	belief
	planner safex.Planner
	guard   safex.Guard
	beta    float64
	episode int
}

func (v started) view(ctx context.Context, at live.Values) (*live.View, error) {
	s := v.system
	sin, cos := math.Sincos(at.One("angle"))
	x := []float64{cos, sin, at.One("speed")}
	q := safex.Query{System: s, Rollout: v.rollout, State: x, Episode: v.episode, Beta: v.beta, Filtered: true}
	p, err := v.planner.Plan(ctx, q, rng.New(1))
	if err != nil {
		return nil, err
	}
	kept, err := v.guard.Keep(ctx, q, p)
	if err != nil {
		return nil, err
	}
	certificate, err := filter.CertificateOf(ctx, v.guard, q, kept)
	if err != nil {
		return nil, err
	}
	tube, err := v.prover.Tube(ctx, reach.Plan{State: x, Actions: p.Actions, Beta: kept.CoverBeta})
	if err != nil {
		return nil, err
	}
	speed := quantityOf(s, 0)
	worst := speed.line("worst found", p.Worst)
	speed.tube(&worst, tube)
	mean := speed.line("plan", p.Expected)
	mean.Dashed = true
	panel := speed.panel
	panel.Lines = []fig.Line{worst, mean}
	push := torque(s, fig.Line{}, steps("plan", s, p.Actions))
	if certificate != nil {
		way := v.backup(x, kept, certificate, len(p.Actions))
		panel.Lines = append(panel.Lines, speed.line("then the backup", way))
		push.Lines = append(push.Lines, steps("then the backup", s, way.Actions))
	}
	notes := []string{
		covered(kept, p),
		fmt.Sprintf("Of the plan the %s is at most %s under the mean, %s under the worst error found and, %s; the limit is %s.",
			s.Limits[0].Name, speed.said(speed.most(p.Expected)), speed.said(speed.most(p.Worst)), speed.proved(tube), speed.said(s.Limits[0].Max)),
		fmt.Sprintf("The box of the proof reaches %.2f epistemic deviations.", kept.CoverBeta),
	}
	return &live.View{
		Sketch: live.SketchOf(s, x, kept.Actions[0], some(p.Expected, 2)...), Panels: []fig.Panel{panel, push}, Axis: "time into the plan [s]",
		Notes: notes, Alarm: !kept.Cover.Covered(),
	}, nil
}

// backup is the way of the real system that takes the first step of a plan, and then what its certificate does, for as many steps as are asked for.
func (v started) backup(x []float64, p *safex.Plan, c *filter.Certificate, n int) safex.Trajectory {
	way := safex.Trajectory{States: [][]float64{x}}
	for t := range n {
		u := p.Actions[0]
		if t > 0 {
			if u = c.Action(len(c.Actions)+t, x); u == nil {
				break
			}
		}
		next, reward, excess := v.system.Step(x, u)
		way.Append(u, next, reward, excess)
		x = next
	}
	return way
}

// covered says in words what proves the first step of kept, which stands in place of p.
func covered(kept, p *safex.Plan) string {
	switch kept.Cover {
	case safex.CoverPlanned:
		return "Proved, planned: whatever the model errs by in its box, the first steps keep the limit and end where the backup does for ever."
	case safex.CoverKernel:
		return "Proved, kernel: whatever the model errs by in its box, the next state lies where the backup keeps the limit for ever."
	case safex.CoverBackup:
		return fmt.Sprintf("Not the plan, but the backup is proved: the filter executes %.2f in place of %.2f.", kept.Actions[0][0], p.Actions[0][0])
	}
	return "Nothing is proved from here: no action is known after which the rod can surely be braked in time."
}
