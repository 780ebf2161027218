package filter

import (
	"context"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/reach"
)

// A Certificate is what proves a step: a tube around some first actions that ends in a terminal set, and the backup from there on.
type Certificate struct {
	// Actions are those of the tube, each with the feedback that it was proved with. There is none if nothing but the backup is proved, from a state of
	// the terminal set on.
	Actions []safex.Feedback
	// Tube encloses the states after each of Actions, of which the last are in Terminal.
	Tube     *reach.Tube
	Terminal Terminal
}

// Action is what the certificate does in the state x after so many steps: its actions, and then the backup; nil of a state outside of the terminal set.
func (c *Certificate) Action(steps int, x []float64) []float64 {
	if steps < len(c.Actions) {
		return c.Actions[steps].At(x)
	}
	return c.Terminal.Backup(x)
}

// CertificateOf is what g proved of the step that it answered q with p in, made again. It is nil of a step that nothing new was proved of, as one that is executed
// from the tail of an earlier plan, whose own Certificate it has, and of a Guard of another kind.
func CertificateOf(ctx context.Context, g safex.Guard, q safex.Query, p *safex.Plan) (*Certificate, error) {
	own, ok := g.(*guard)
	if !ok || p.Cover != safex.CoverPlanned && p.Cover != safex.CoverKernel && p.Cover != safex.CoverBackup {
		return nil, nil
	}
	w := &step{guard: own, Query: q, beta: p.CoverBeta}
	var err error
	if w.terminal, err = own.terminalOf(ctx, own.Deviations(q.Beta, p.Beta)); err != nil {
		return nil, err
	}
	c := &Certificate{Terminal: w.terminal, Actions: []safex.Feedback{{Action: p.Actions[0]}}}
	ask := reach.Plan{State: q.State, Actions: p.Actions[:1:1], Beta: w.beta, Noise: w.Noise, Last: q.LastAction}
	if p.Cover == safex.CoverPlanned {
		c.Actions = append(c.Actions, p.Tail...)
		for _, f := range p.Tail {
			ask.Actions = append(ask.Actions, f.Action)
			if f.Gain != nil && ask.Gains == nil {
				ask.Gains, ask.About = [][]float64{nil}, [][]float64{q.State}
			}
		}
		for _, f := range p.Tail {
			if ask.Gains != nil {
				ask.Gains, ask.About = append(ask.Gains, f.Gain), append(ask.About, f.About)
			}
		}
	}
	if c.Tube, err = own.prover.Tube(ctx, ask); err != nil {
		return nil, err
	}
	if last := len(c.Tube.Sets); last < len(c.Actions) || !c.Tube.Holds(q.Left) || !w.terminal.Holds(c.Tube.Sets[last-1]) {
		c.Actions, c.Tube = nil, &reach.Tube{} // the backup's own action, by what a terminal set is
	}
	return c, nil
}
