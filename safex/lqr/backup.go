package lqr

import (
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// Act is the action of the regulator in the state x: U + K (x - X), cut to [-1, 1].
func (g *Regulator) Act(x num.Vec) (u num.Vec) {
	for k, row := range g.K {
		sum := num.Lit(g.U[k])
		for d, v := range row {
			sum = sum.Add(x[d].Sub(g.X[d]).Mul(v))
		}
		u = append(u, sum.Clamp(-1, 1))
	}
	return u
}

// Value is (x - X)ᵀP(x - X), at least 0, as a sum of squares.
func (g *Regulator) Value(x num.Vec) (value num.Expr) {
	for d, row := range g.root {
		var side num.Expr
		for e := d; e < len(row); e++ {
			side = side.Add(x[e].Sub(g.X[e]).Mul(row[e]))
		}
		value = value.Add(side.Square())
	}
	return value
}

// spare is the share of a limit's Scale by which the steps of a Backup gain on a limit.
const spare = 0.001

// Backup is the set of states from which the regulator leads the task t within its limits, in lead steps, to the ellipsoid of the
// states whose Value is at or below a level. With a lead of 0 it is the ellipsoid alone. A lead adds what the regulator can do far
// from rest, where actions are cut; each of its steps costs a formula of Next. t.Next must be what the regulator is of.
//
// The level is the largest, to 5 %, at which the ellipsoid is kept: at a thousand points in all directions, and at others within, a
// step keeps the limits and takes enough off the Value. That takes some milliseconds. It is a trial and no proof; safex.Check tries
// again.
//
// A step from the edge of the set ends inside: for a limit by a thousandth of its Scale, and for the ellipsoid by half the share of
// the Value that the regulator takes off at least, near rest. The last condition is the Value after the lead, above the level as a
// share of it, and the others are the excess of a limit as a share of its Scale. Disturbances do not count.
//
// An error says that no ellipsoid is kept, or that a limit is on the rate of actions: a state does not know the action before.
func (g *Regulator) Backup(name string, t safex.Task, lead int) (*safex.Backup, error) {
	if len(t.State) != len(g.X) || len(t.Action) != len(g.U) || lead < 0 {
		return nil, fmt.Errorf("lqr: a task of %d states and %d actions, and a regulator of %d and %d; a lead of %d steps", len(t.State), len(t.Action), len(g.X), len(g.U), lead)
	}
	for _, l := range t.Limits {
		if l.Rate != nil {
			return nil, fmt.Errorf("lqr: limit %q is on the rate of actions, and a state does not know the action before", l.Name)
		}
	}
	level, err := g.level(t, spare*float64(lead+1))
	if err != nil {
		return nil, err
	}
	return &safex.Backup{
		Name: name,
		Outside: func(x num.Vec) (out num.Vec) {
			for n := range lead + 1 {
				next, still, step := g.step(t, x)
				for k := range still {
					out = append(out, still[k].Add(spare*float64(n)))
					if n < lead {
						out = append(out, step[k].Add(spare*float64(n+1)))
					}
				}
				if n < lead {
					x = next
				}
			}
			return append(out, g.Value(x).Div(level).Sub(1))
		},
		Act: g.Act,
	}, nil
}

// step takes t a step further under the regulator. still are the excesses of the limits if the state stayed as it is, and step
// those of the step, each as a share of the limit's Scale.
func (g *Regulator) step(t safex.Task, x num.Vec) (next, still, step num.Vec) {
	u := g.Act(x)
	next = g.next(slices.Clone(x), slices.Clone(u))
	for _, l := range t.Limits {
		scale := l.Scale
		if scale == 0 {
			scale = 1
		}
		excess := func(next num.Vec) num.Expr {
			return l.Of(slices.Clone(x), slices.Clone(u), slices.Clone(next)).Sub(l.Max).Div(scale)
		}
		still, step = append(still, excess(x)), append(step, excess(next))
	}
	return next, still, step
}

// level is the largest value of an ellipsoid that is safe at all points that are tried, with the given share of each limit's Scale
// to spare.
func (g *Regulator) level(t safex.Task, room float64) (float64, error) {
	nx := len(g.X)
	p := num.Trace(nx, func(x num.Vec) num.Vec {
		next, still, step := g.step(t, x)
		return slices.Concat(num.Vec{g.Value(x), g.Value(next)}, still, step)
	})
	out, x := make([]float64, p.Out), make([]float64, nx)
	safe := func(to []float64, level float64) bool {
		for _, share := range []float64{-1, 1, -0.6, 0.6, -0.3, 0.3} {
			far := share * math.Sqrt(level)
			for range 3 { // on the way back to the circle of an angle the value changes
				for d := range x {
					x[d] = g.X[d] + far*to[d]
				}
				for _, a := range t.Angles {
					n := math.Hypot(x[a.Sin], x[a.Cos])
					x[a.Sin], x[a.Cos] = x[a.Sin]/n, x[a.Cos]/n
				}
				if p.Eval(out, x); out[0] <= level {
					break
				}
				far *= 0.999 * math.Sqrt(level/out[0])
			}
			if out[0] > level { // there is no such state
				continue
			}
			if !(out[1] <= (1-g.gain/2)*level) || slices.ContainsFunc(out[2:], func(e float64) bool { return !(e <= -room) }) {
				return false
			}
		}
		return true
	}
	directions, err := g.directions()
	if err != nil {
		return 0, err
	}
	level := 0.0
	for d, v := range t.State {
		level += g.P[d][d] * 1e4 * v.Scale * v.Scale
	}
	for first, before := level, 0.0; before != level; {
		before = level
		for _, to := range directions {
			for !safe(to, level) {
				if level *= 0.95; level < 1e-20*first {
					return 0, fmt.Errorf("lqr: no ellipsoid about the state of rest is safe: it is at a limit, or actions are cut there")
				}
			}
		}
	}
	return digits(level), nil
}

// directions lead from X to where Value is 1: to where each dimension is largest, and a thousand others.
func (g *Regulator) directions() (to [][]float64, err error) {
	nx := len(g.X)
	var inverse, squared mat.Dense
	if err := inverse.Inverse(dense(g.root)); err != nil {
		return nil, fmt.Errorf("lqr: %w", err)
	}
	squared.Mul(&inverse, inverse.T())
	for d := range nx {
		x := mat.Col(nil, d, &squared)
		far := math.Sqrt(x[d])
		for i := range x {
			x[i] /= far
		}
		to = append(to, x)
	}
	r := rng.New(1).Child("lqr").Rand()
	for range 1000 {
		y, sum := mat.NewVecDense(nx, nil), 0.0
		for d := range nx {
			v := r.NormFloat64()
			y.SetVec(d, v)
			sum += v * v
		}
		var x mat.VecDense
		x.MulVec(&inverse, y)
		x.ScaleVec(1/math.Sqrt(sum), &x)
		to = append(to, x.RawVector().Data)
	}
	return to, nil
}
