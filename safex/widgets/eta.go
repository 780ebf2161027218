package widgets

import (
	"context"
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/live"
)

// Eta lets a hand be the adversary of a plan from the state of q: it drags what the model errs by in each step and each dimension of the
// state, and sees what breaks. The model errs by up to beta deviations. It starts without an error.
func Eta(e safex.Engine, m safex.Model, q safex.Query, actions [][]float64, beta float64) (live.Widget, error) {
	s := q.System
	if len(s.Limits) == 0 {
		return live.Widget{}, fmt.Errorf("widgets: task %q has no limit to break", s.Name)
	}
	if len(actions) == 0 {
		return live.Widget{}, fmt.Errorf("widgets: the plan has no action")
	}
	b, err := newBelief(s, e, m)
	if err != nil {
		return live.Widget{}, err
	}
	v := &rival{belief: b, query: q, actions: actions, quantity: quantityOf(s, 0)}
	w := live.Widget{
		Name:     "Be the adversary: drag the errors η, and break the plan",
		Controls: []live.Control{{Name: "beta", Label: "β, which η = 1 is", Min: 0, Max: 2 * max(beta, 1), Step: 0.1, Start: []float64{beta}}},
		View:     v.view,
	}
	for d, x := range s.State {
		w.Controls = append(w.Controls, live.Control{Name: "eta " + x.Name, Min: -1, Max: 1, Step: 0.05, Start: make([]float64, len(actions))})
		w.Handles = append(w.Handles, live.Handle{Control: "eta " + x.Name, Panel: 1 + d})
	}
	return w, nil
}

// rival is a hand against a plan.
type rival struct {
	belief
	quantity
	query   safex.Query
	actions [][]float64

	beta  float64 // for which worst was found
	worst []float64
}

func (v *rival) view(ctx context.Context, at live.Values) (*live.View, error) {
	s := v.belief.system
	nx, beta := len(s.State), at.One("beta")
	own := make([]float64, nx*len(v.actions))
	for d, x := range s.State {
		for t, e := range at["eta "+x.Name] {
			own[t*nx+d] = e
		}
	}
	if v.worst == nil || v.beta != beta {
		worst, err := attacked(ctx, v.query, v.actions, beta)
		if err != nil {
			return nil, err
		}
		v.worst, v.beta = worst, beta
	}
	ways, err := v.under(ctx, v.query.State, v.actions, beta, nil, own, v.worst)
	if err != nil {
		return nil, err
	}
	panel := v.panel
	plain := v.line("without", ways[0])
	plain.Dashed = true
	panel.Lines = []fig.Line{v.line("under your η", ways[1]), plain, v.line("worst found", ways[2])}
	panels := []fig.Panel{panel}
	for _, x := range s.State {
		label := "η of " + x.Name
		if x.Symbol != "" {
			label = "η of " + x.Symbol
		}
		panels = append(panels, fig.Panel{Label: label, Lines: []fig.Line{{X: times(len(v.actions), s.Dt), Y: at["eta "+x.Name], Dots: true}}, From: -1.15, To: 1.15})
	}
	limit, came := s.Limits[v.limit].Max, v.most(ways[1])
	says := fmt.Sprintf("The plan holds against you: %s, and the limit is %s.", v.said(came), v.said(limit))
	if !(came <= limit) {
		says = fmt.Sprintf("You broke it: %s, and the limit is %s.", v.said(came), v.said(limit))
	}
	return &live.View{
		Sketch: live.SketchOf(s, v.query.State, v.actions[0], some(ways[1], 2)...),
		Panels: panels,
		Axis:   "time into the plan [s]",
		Notes: []string{says, fmt.Sprintf("Without an error it comes to %s; the worst error that sign-gradient ascent finds leads to %s.",
			v.said(v.most(ways[0])), v.said(v.most(ways[2])))},
		Alarm: !(came <= limit),
	}, nil
}
