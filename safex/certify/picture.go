package certify

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/fig"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/reach"
	"github.com/rischiboy/safe_exploration/safex/retake"
)

// picture is a plan that DrawTube shows.
type picture struct {
	fig.Tube
	proof Proof
	held  int   // steps of the real way through the plan after which the system is where the model holds possible
	lost  error // why there is no real way; nil if there is
}

// DrawTube shows a plan between what is proved of it, what was found, and what is true: that of Step or, if Step is -1, the one that tells most of those
// that Run has yielded. It is the certified plan in which the errors of the model may take the most room to a limit and leave the least or, where none is
// certified, the one whose first steps are proved furthest. The error says that there is no plan yet.
func (c *Certification) DrawTube() (*fig.Figure, error) {
	if c.shown == nil {
		return nil, fmt.Errorf("there is no plan to show yet: let Run come to one")
	}
	t := c.shown.Tube
	t.Notes = c.caption()
	return t.Figure(), nil
}

// binding is the limit that a plan is proved to come nearest to, counted in its Scale.
func (c *Certification) binding(p Proof) (k int) {
	for i, bound := range p.Bound {
		if bound/c.System.LimitScale(i) > p.Bound[k]/c.System.LimitScale(k) {
			k = i
		}
	}
	return k
}

// taken is how much of the room to the limit that binds the errors of the model may take, less what they leave, in its Scale. It is large
// where the mean is far from the limit, and the tube comes near.
func (c *Certification) taken(p Proof, mean safex.Trajectory) float64 {
	k := c.binding(p)
	return (2*p.Bound[k] - mean.WorstExcess(len(p.Bound))[k]) / c.System.LimitScale(k)
}

// tells tells whether a plan is to be shown in place of the one that is.
func (c *Certification) tells(p Proof, mean safex.Trajectory) bool {
	switch v := c.shown; {
	case c.Step >= 0:
		return p.Step == c.Step
	case v == nil:
		return true
	case p.Certified != v.proof.Certified:
		return p.Certified
	case p.Certified:
		return c.taken(p, mean) > c.taken(v.proof, v.Mean)
	default:
		return p.Prefix > v.proof.Prefix
	}
}

// show keeps the plan of a step for DrawTube, if it tells more than the one before.
func (c *Certification) show(ctx context.Context, s retake.Step, p Proof, tube *reach.Tube, target plan.Target, worst [][]float64, box []float64) (err error) {
	if !c.tells(p, s.Executed.Expected) {
		return nil
	}
	v := &picture{proof: p, Tube: fig.Tube{System: c.System, Excess: tube.Excess}}
	for _, set := range tube.Sets {
		lo, hi := make([]float64, len(c.System.State)), make([]float64, len(c.System.State))
		for d := range lo {
			lo[d], hi[d] = set.Range(d)
		}
		v.Lo, v.Hi = append(v.Lo, lo), append(v.Hi, hi)
	}
	if v.Mean, v.Found, err = c.find(ctx, target, worst); err != nil {
		return err
	}
	if v.Real, v.lost = c.run.Real(s); v.lost == nil {
		if v.held, err = held(s.State.Model, v.Real, p, box); err != nil {
			return err
		}
	}
	c.shown = v
	return nil
}

// roll takes the plan of a target through time under each of some errors, which are flat: of each dimension in each step one after the other.
func roll(ctx context.Context, t plan.Target, all [][]float64) (c safex.Candidates, out safex.Rolled, err error) {
	c = repeated(t, len(all))
	for i, column := range c.Eta {
		for lane := range column {
			column[lane] = all[lane][i]
		}
	}
	err = t.Rollout.Roll(ctx, &out, c, nil)
	return c, out, err
}

// repeated is the plan of a target side by side with itself, without errors.
func repeated(t plan.Target, lanes int) safex.Candidates {
	nx, nu := len(t.System.State), len(t.System.Action)
	c := safex.Candidates{
		State: t.State, LastAction: t.LastAction, Beta: t.Beta,
		Actions: num.NewBatch(len(t.Plans), lanes), Eta: num.NewBatch(len(t.Plans)/nu*nx, lanes),
	}
	for i, column := range t.Plans {
		for lane := range lanes {
			c.Actions[i][lane] = column[0]
		}
	}
	return c
}

// find takes a plan through time under no error, and under the errors that show how much of the tube is filled, the worst first: those that adversaries
// found, their opposites, and what pushes each limited quantity furthest after each step, to either side and to first order. Adversaries alone
// leave the band thin where no limit is near.
func (c *Certification) find(ctx context.Context, t plan.Target, worst [][]float64) (mean safex.Trajectory, found []safex.Trajectory, err error) {
	nx, nl := len(c.System.State), len(c.System.Limits)
	n := len(t.Plans) / len(c.System.Action) * nx
	free := n // of the errors
	if t.Robust > 0 {
		free = min(n, t.Robust*nx)
	}
	single := [][]float64{make([]float64, n)}
	for i := range free {
		e := make([]float64, n)
		e[i] = 1
		single = append(single, e)
	}
	lanes, out, err := roll(ctx, t, single)
	if err != nil {
		return mean, nil, err
	}
	mean = out.Trajectory(c.System, lanes, 0)
	var all [][]float64
	both := func(e []float64) {
		opposite := slices.Clone(e)
		for i := range opposite {
			opposite[i] = -e[i]
		}
		all = append(all, e, opposite)
	}
	for _, e := range worst {
		both(e)
	}
	push := func(quantity []float64) {
		e := make([]float64, n)
		for i := range free {
			if by := quantity[1+i] - quantity[0]; by != 0 {
				e[i] = math.Copysign(1, by)
			}
		}
		both(e)
	}
	for step := range n / nx {
		for k := range nl {
			if b, ok := c.System.Bound(k); ok {
				push(out.States[step*nx+b.State])
			} else {
				push(out.Excess[step*nl+k])
			}
		}
	}
	if lanes, out, err = roll(ctx, t, all); err != nil {
		return mean, nil, err
	}
	most := 0
	excess := make([]float64, len(all))
	for i := range all {
		excess[i] = math.Inf(-1)
		for _, column := range out.Excess {
			excess[i] = max(excess[i], column[i])
		}
		if excess[i] > excess[most] {
			most = i
		}
		found = append(found, out.Trajectory(c.System, lanes, i))
	}
	found[0], found[most] = found[most], found[0]
	return mean, found, nil
}

// held counts the steps of the real way through a plan after which the system is in the box of the model: as far as it may err in that step, give or
// take what is added besides. If it is after all of them, the tube has the whole way in it.
func held(m safex.Model, way safex.Trajectory, p Proof, box []float64) (n int, err error) {
	states := way.States
	if way.Real != nil {
		states = way.Real
	}
	x, u := num.NewBatch(len(box), p.Horizon), num.NewBatch(len(way.Actions[0]), p.Horizon)
	for t, a := range way.Actions {
		x.SetPoint(t, states[t])
		u.SetPoint(t, a)
	}
	var said safex.Prediction
	if err := m.Predict(&said, x, u); err != nil {
		return 0, err
	}
	for t := range p.Horizon {
		beta := p.Beta
		if p.Robust > 0 && t >= p.Robust {
			beta = 0
		}
		if within(states[t+1], said.Mean.Point(t), said.Epistemic.Point(t), beta, box) {
			n++
		}
	}
	return n, nil
}

// caption says in words what the figure shows.
func (c *Certification) caption() (notes []string) {
	say := func(format string, args ...any) { notes = append(notes, fmt.Sprintf(format, args...)) }
	v := c.shown
	p := v.proof
	is := "not certified"
	switch {
	case p.Escapes > 0:
		is = "rollouts left this tube, so that it proves nothing"
	case p.Certified && c.Step < 0:
		is = "certified, and of all certified plans the one in which doubt takes the most room to a limit and leaves the least"
	case p.Certified:
		is = "certified"
	case c.Step < 0:
		is = "not certified; none is, and of this one the first steps are proved furthest"
	}
	say("%s, the plan of step %d of episode %d: %s.", c.System.Name, p.Step, p.Episode, is)
	k := c.binding(p)
	l := c.System.Limits[k]
	at := func(excess float64) string { return strings.TrimSpace(fmt.Sprintf("%.4g %s", l.Max+excess, l.Unit)) }
	worst := func(t safex.Trajectory) float64 { return t.WorstExcess(len(p.Bound))[k] }
	errors := fmt.Sprintf("whatever the model errs by, up to %.3g epistemic deviations", p.Beta)
	if p.Robust > 0 && p.Robust < p.Horizon {
		errors += fmt.Sprintf(" in the first %d steps", p.Robust)
	}
	if slices.ContainsFunc(c.noise(), func(v float64) bool { return v > 0 }) {
		errors += ", and whatever the noise that is allowed for adds"
	}
	if p.Certified {
		say("Proved: %s ≤ %s (limit %s), %s.", l.Name, at(p.Bound[k]), at(0), errors)
	} else {
		say("Proved: every limit is kept in the first %d of %d steps, %s.", p.Prefix, p.Horizon, errors)
	}
	found := math.Inf(-1)
	for _, t := range v.Found {
		found = max(found, worst(t))
	}
	say("Found: %s = %s, the most of %d errors that were tried. From there to the proof all is open.", l.Name, at(found), len(v.Found))
	way := fmt.Sprintf("The box holds this way in %d of its %d steps; the proof is about ways that it holds in all of them.", v.held, p.Horizon)
	switch {
	case c.System.Noisy():
		way = "The plan starts where the state was seen through noise, and the system where it was: the proof is not about its way."
	case v.held == p.Horizon:
		way = "The box holds this way in every step, so that the proof is about it."
	}
	if v.lost != nil {
		say("Mean: %s. Real: %v.", at(worst(v.Mean)), v.lost)
	} else {
		say("Mean: %s. Real, under the same actions: %s. %s", at(worst(v.Mean)), at(worst(v.Real)), way)
	}
	inside, plans := 0, 0
	for _, q := range c.Proofs {
		if q.Episode != p.Episode {
			continue
		}
		if plans++; q.Inside {
			inside++
		}
	}
	say("The box held the real next state after %d of the %d executed steps of the episode.", inside, plans)
	return notes
}
