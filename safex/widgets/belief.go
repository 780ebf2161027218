// Package widgets has what a hand moves in a notebook: the settings of a plan, where a pendulum starts, the error of a model, and the steps of a
// run; and it shows a run while it learns. Each is a live.Widget, or a call, of one line.
package widgets

import (
	"context"
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/reach"
)

// A belief is a model of a system, with what takes it through time and what bounds it.
type belief struct {
	system  *safex.System
	rollout safex.Rollout
	prover  *reach.Prover
}

func newBelief(s *safex.System, e safex.Engine, m safex.Model) (belief, error) {
	r, err := e.Rollout(s, m)
	if err != nil {
		return belief{}, fmt.Errorf("widgets: %w", err)
	}
	p, err := reach.New(s, m)
	if err != nil {
		return belief{}, fmt.Errorf("widgets: %w", err)
	}
	return belief{s, r, p}, nil
}

// under takes actions through time under each of some errors, which are flat: of each dimension in each step one after the other; nil is none.
func (b belief) under(ctx context.Context, x []float64, actions [][]float64, beta float64, etas ...[]float64) (ways []safex.Trajectory, err error) {
	nx, nu := len(b.system.State), len(b.system.Action)
	c := safex.Candidates{State: x, Actions: num.NewBatch(nu*len(actions), len(etas)), Eta: num.NewBatch(nx*len(actions), len(etas)), Beta: beta}
	for i, eta := range etas {
		for t, u := range actions {
			for k, v := range u {
				c.Actions[t*nu+k][i] = v
			}
		}
		for k, v := range eta {
			c.Eta[k][i] = v
		}
	}
	var out safex.Rolled
	if err := b.rollout.Roll(ctx, &out, c, nil); err != nil {
		return nil, err
	}
	for i := range etas {
		ways = append(ways, out.Trajectory(b.system, c, i))
	}
	return ways, nil
}

// A quantity is what a limit is about: a dimension of the state where the limit bounds one, or else the limit's own number.
type quantity struct {
	system *safex.System
	limit  int
	state  int // -1 of a limit's own number
	panel  fig.Panel
}

// quantityOf is that of limit k.
func quantityOf(s *safex.System, k int) quantity {
	l := s.Limits[k]
	q := quantity{system: s, limit: k, state: -1, panel: fig.Panel{Label: l.Name, Levels: []float64{l.Max}}}
	if l.Unit != "" {
		q.panel.Label += " [" + l.Unit + "]"
	}
	if b, ok := s.Bound(k); ok {
		q.state, q.panel.Label, q.panel.Levels = b.State, s.State[b.State].Label(), nil
		if b.Lower {
			q.panel.Levels = append(q.panel.Levels, -l.Max)
		}
		if b.Upper {
			q.panel.Levels = append(q.panel.Levels, l.Max)
		}
		if b.Lower && b.Upper {
			q.panel.From, q.panel.To = -1.5*l.Max, 1.5*l.Max
		}
	}
	return q
}

// of is the quantity along a trajectory, from its start on; where a start has none it is NaN.
func (q quantity) of(t safex.Trajectory) (values []float64) {
	if q.state >= 0 {
		for _, x := range t.States {
			values = append(values, x[q.state])
		}
		return values
	}
	values = append(values, math.NaN())
	for _, e := range t.Excess {
		values = append(values, q.system.Limits[q.limit].Max+e[q.limit])
	}
	return values
}

// line is the quantity along a trajectory, over time from its start.
func (q quantity) line(name string, t safex.Trajectory) fig.Line {
	l := fig.Line{Name: name, Y: q.of(t)}
	l.X = times(len(l.Y), q.system.Dt)
	return l
}

// tube is a band of where the quantity is proved to be, of the line's own times.
func (q quantity) tube(l *fig.Line, t *reach.Tube) {
	l.Lo, l.Hi = make([]float64, len(l.X)), make([]float64, len(l.X))
	for i := range l.X {
		l.Lo[i], l.Hi[i] = l.Y[i], l.Y[i]
		switch {
		case i == 0:
		case i > len(t.Sets):
			l.Lo[i], l.Hi[i] = math.Inf(-1), math.Inf(1)
		case q.state >= 0:
			l.Lo[i], l.Hi[i] = t.Sets[i-1].Range(q.state)
		default:
			l.Lo[i], l.Hi[i] = math.Inf(-1), q.system.Limits[q.limit].Max+t.Excess[i-1][q.limit]
		}
	}
}

// times are n times from 0.
func times(n int, dt float64) (all []float64) {
	for i := range n {
		all = append(all, float64(i)*dt)
	}
	return all
}

// steps is the first action over time: each holds for its step.
func steps(name string, s *safex.System, actions [][]float64) fig.Line {
	l := fig.Line{Name: name}
	for t, u := range actions {
		l.X, l.Y = append(l.X, float64(t)*s.Dt, float64(t+1)*s.Dt), append(l.Y, u[0], u[0])
	}
	return l
}

// torque is a panel of first actions.
func torque(s *safex.System, lines ...fig.Line) fig.Panel {
	return fig.Panel{Label: s.Action[0].Label(), Lines: lines, From: -1.2, To: 1.2}
}

// most is the largest that a limited quantity comes to in some trajectory, in words.
func (q quantity) most(t safex.Trajectory) float64 {
	return q.system.Limits[q.limit].Max + t.WorstExcess(len(q.system.Limits))[q.limit]
}

// said is a number of the limit's with its unit.
func (q quantity) said(v float64) string {
	text := fmt.Sprintf("%.2f", v)
	if u := q.system.Limits[q.limit].Unit; u != "" {
		text += " " + u
	}
	return text
}

// proved is what a tube proves of the quantity, in words.
func (q quantity) proved(t *reach.Tube) string {
	most := q.system.Limits[q.limit].Max + t.Worst(q.limit)
	if !(most < 100*(1+math.Abs(q.system.Limits[q.limit].Max))) {
		return "as far as is proved, anything"
	}
	return "as far as is proved, " + q.said(most)
}

// some of the states of a trajectory, every so many, for a sketch.
func some(t safex.Trajectory, every int) (states [][]float64) {
	for i := every; i < len(t.States); i += every {
		states = append(states, t.States[i])
	}
	return states
}
