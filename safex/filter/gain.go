package filter

import (
	"context"
	"fmt"

	"gonum.org/v1/gonum/mat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// effort is what an action of 1 costs beside a deviation of one Scale of every dimension of the state, in the regulator of a plan.
const effort = 0.05

// gains are those of the linear-quadratic regulator along the mean of a plan: of each step the state that it is about, and K [nu, nx] of
// u = v + K (x - about), by the Riccati recursion from the end (Anderson and Moore, 1990). They pull the states that model errors lead to back to
// those that are planned, so that a tube stays narrow.
func (w *step) gains(ctx context.Context, actions [][]float64) (about, gains [][]float64, err error) {
	about, slopes, err := w.slopes(ctx, actions)
	if err != nil {
		return nil, nil, err
	}
	nx, nu, h := len(w.State), len(actions[0]), len(actions)
	cost := mat.NewDiagDense(nx, nil)
	for d, v := range w.system.State {
		cost.SetDiag(d, 1/(v.Scale*v.Scale))
	}
	value := mat.DenseCopyOf(cost) // of the state after the step
	gains = make([][]float64, h)
	for t := h - 1; t >= 0; t-- {
		a, b := slopes[t].Slice(0, nx, 0, nx), slopes[t].Slice(0, nx, nx, nx+nu)
		var vb, r, bva, va mat.Dense
		vb.Mul(value, b)
		r.Mul(b.T(), &vb)
		for k := range nu {
			r.Set(k, k, r.At(k, k)+effort)
		}
		bva.Mul(vb.T(), a)
		k := mat.NewDense(nu, nx, nil)
		if err := k.Solve(&r, &bva); err != nil {
			return nil, nil, fmt.Errorf("filter: gains: %w", err)
		}
		k.Scale(-1, k)
		gains[t] = k.RawMatrix().Data
		// V = Q + Aᵀ V (A + B K)
		var closed, next mat.Dense
		closed.Mul(b, k)
		closed.Add(a, &closed)
		va.Mul(value, &closed)
		next.Mul(a.T(), &va)
		next.Add(cost, &next)
		for i := range nx { // what rounding makes of a symmetric matrix
			for j := range i {
				v := (next.At(i, j) + next.At(j, i)) / 2
				next.Set(i, j, v)
				next.Set(j, i, v)
			}
		}
		value = &next
	}
	return about, gains, nil
}

// slopes are the states along the mean of a plan, before each step, and [A B] of the mean's change by the state and the action there, by central
// differences over a hundredth of a Scale.
func (w *step) slopes(ctx context.Context, actions [][]float64) (about [][]float64, ab []*mat.Dense, err error) {
	nx, nu, h := len(w.State), len(actions[0]), len(actions)
	c := safex.Candidates{State: w.State, LastAction: w.LastAction, Actions: num.NewBatch(h*nu, 1)}
	for t, u := range actions {
		for k, v := range u {
			c.Actions[t*nu+k][0] = v
		}
	}
	var r safex.Rolled
	if err := w.Rollout.Roll(ctx, &r, c, nil); err != nil {
		return nil, nil, err
	}
	about = append(about, w.State)
	for t := range h - 1 {
		x := make([]float64, nx)
		for d := range x {
			x[d] = r.States[t*nx+d][0]
		}
		about = append(about, x)
	}
	const small = 0.01
	nz := nx + nu
	x, u := num.NewBatch(nx, 2*nz*h), num.NewBatch(nu, 2*nz*h)
	step := func(i int) float64 {
		if i < nx {
			return small * w.system.State[i].Scale
		}
		return small
	}
	for t := range h {
		for i := range nz {
			for side := range 2 {
				lane := (t*nz+i)*2 + side
				x.SetPoint(lane, about[t])
				u.SetPoint(lane, actions[t])
				by := step(i) * float64(1-2*side)
				if i < nx {
					x[i][lane] += by
				} else {
					u[i-nx][lane] += by
				}
			}
		}
	}
	var said safex.Prediction
	if err := w.model.Predict(&said, x, u); err != nil {
		return nil, nil, err
	}
	for t := range h {
		m := mat.NewDense(nx, nz, nil)
		for i := range nz {
			lane := (t*nz + i) * 2
			for d := range nx {
				m.Set(d, i, (said.Mean[d][lane]-said.Mean[d][lane+1])/(2*step(i)))
			}
		}
		ab = append(ab, m)
	}
	return about, ab, nil
}
