package rollout

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// walk takes one block of candidates after the other through time. Its batches have a lane for each of them, or as many as they say.
type walk struct {
	*stepped
	belief safex.Prediction
	tape   *num.Tape // of the outcome
	start  num.Batch // [nx]: where all start
	before num.Batch // [nu]: action before the first

	// Of the way back:
	devs   num.Batch // [horizon · nx]: deviations
	pull   num.Batch // [horizon · (1 + nl)]: gradient with respect to each reward, and to each excess in its unit
	carry  num.Batch // [nx]: with respect to the state after the step
	next   num.Batch // [nx]: with respect to the state before it, for which carry makes room
	slope  num.Batch // [nx]: with respect to the deviations
	later  num.Batch // [nu]: with respect to the action, from the limits on rates a step later
	points num.Batch // [nx + nu], twice as many lanes for each of these: the points of all differences
}

// fit makes b some rows of n lanes.
func fit(b *num.Batch, rows, n int) num.Batch {
	if len(*b) != rows || b.Len() != n {
		*b = num.NewBatch(rows, n)
	}
	return *b
}

// block rolls candidates lo to hi out, and back if up is not nil.
func (w *walk) block(ctx context.Context, dst *safex.Rolled, c safex.Candidates, up *safex.Scalarisation, lo, hi int) error {
	nx, nu, nl, n := len(w.system.State), len(w.system.Action), len(w.system.Limits), hi-lo
	horizon := len(c.Actions) / nu
	for d, row := range fit(&w.start, nx, n) {
		for i := range row {
			row[i] = c.State[d]
		}
	}
	for k, row := range fit(&w.before, nu, n) {
		for i := range row {
			if row[i] = 0; c.LastAction != nil {
				row[i] = c.LastAction[k]
			}
		}
	}
	part := func(b num.Batch, t, dim int) num.Batch { return window(b[t*dim:(t+1)*dim], lo, hi) }
	x, last := w.start, w.before
	for t := range horizon {
		if err := ctx.Err(); err != nil {
			return err
		}
		u, next := part(c.Actions, t, nu), part(dst.States, t, nx)
		if err := w.predict(x, u); err != nil {
			return err
		}
		for d, row := range next {
			mean, dev := w.belief.Mean[d], w.belief.Epistemic[d]
			copy(row, mean)
			if c.Eta != nil {
				for i, e := range c.Eta[t*nx+d][lo:hi] {
					row[i] = mean[i] + float64(float64(c.Beta*dev[i])*e)
				}
				if v := w.noise(c, t, d); v != 0 {
					for i, e := range c.Eta[t*nx+d][lo:hi] {
						row[i] += float64(v * e)
					}
				}
			}
			if c.Epistemic {
				copy(dst.Epistemic[t*nx+d][lo:hi], dev)
			}
			if up != nil {
				copy(fit(&w.devs, horizon*nx, n)[t*nx+d], dev)
			}
		}
		w.tape.Run(slices.Concat(x, u, next, last), n)
		copy(dst.Reward[t][lo:hi], w.tape.Out(0, n))
		for k, row := range part(dst.Excess, t, nl) {
			for i, e := range w.tape.Out(1+k, n) {
				row[i] = e * (1 / w.system.LimitScale(k))
			}
		}
		x, last = next, u
	}
	if up == nil {
		return nil
	}
	w.value(dst, up, lo, hi)
	for t := horizon - 1; t >= 0; t-- {
		if err := ctx.Err(); err != nil {
			return err
		}
		x, last := w.start, w.before
		if t > 0 {
			x, last = part(dst.States, t-1, nx), part(c.Actions, t-1, nu)
		}
		var eta num.Batch
		if c.Eta != nil {
			eta = part(c.Eta, t, nx)
		}
		grads := [2]num.Batch{part(dst.GradAction, t, nu), part(dst.GradEta, t, nx)}
		if err := w.back(grads, t, x, part(c.Actions, t, nu), part(dst.States, t, nx), last, eta, c); err != nil {
			return err
		}
	}
	return nil
}

// noise is half the width of the box of noise in step t and dimension d.
func (w *walk) noise(c safex.Candidates, t, d int) (v float64) {
	if box := w.system.NoiseBox(); box != nil {
		v = box[d]
	}
	if t == 0 && c.Spread != nil {
		v += c.Spread[d]
	}
	return v
}

// predict is the belief about the points (x, u). It refuses one of other dimensions.
func (w *walk) predict(x, u num.Batch) error {
	if err := w.model.Predict(&w.belief, x, u); err != nil {
		return fmt.Errorf("rollout: %w", err)
	}
	for i, b := range []num.Batch{w.belief.Mean, w.belief.Epistemic} {
		if len(b) != len(x) || slices.ContainsFunc(b, func(row []float64) bool { return len(row) != x.Len() }) {
			return fmt.Errorf("rollout: Predict of a %T wrote %d columns of %d points to %s, want %d of %d: it must Resize what it writes to",
				w.model, len(b), b.Len(), [...]string{"Mean", "Epistemic"}[i], len(x), x.Len())
		}
	}
	return nil
}

// value is safex.Scalarisation's, and begins the way back.
func (w *walk) value(dst *safex.Rolled, up *safex.Scalarisation, lo, hi int) {
	nx, nu, nl, n, horizon := len(w.system.State), len(w.system.Action), len(w.system.Limits), hi-lo, len(dst.Reward)
	pull := fit(&w.pull, horizon*(1+nl), n)
	for i := range n {
		sum, value := 0.0, 0.0
		for t := range horizon {
			sum += dst.Reward[t][lo+i]
			pull[t*(1+nl)][i] = up.Reward
		}
		value = up.Reward * sum
		if nl > 0 {
			top, sum := math.Inf(-1), 0.0
			for _, column := range dst.Excess {
				top = max(top, column[lo+i])
			}
			for k, column := range dst.Excess {
				e := math.Exp(up.Sharpness * (column[lo+i] - top))
				pull[k/nl*(1+nl)+1+k%nl][i] = e
				sum += e
			}
			value += up.Excess * (top + math.Log(sum)/up.Sharpness)
			for k := range dst.Excess {
				pull[k/nl*(1+nl)+1+k%nl][i] *= up.Excess / sum / w.system.LimitScale(k%nl)
			}
		}
		dst.Value[lo+i] = value
	}
	for _, b := range []num.Batch{fit(&w.carry, nx, n), fit(&w.later, nu, n)} {
		for _, row := range b {
			clear(row)
		}
	}
}

// back takes the gradient with respect to the state after step t, which is in carry but for the outcome of that step, to the state
// before it. It writes those with respect to the actions and to η.
func (w *walk) back(grads [2]num.Batch, t int, x, u, next, last, eta num.Batch, c safex.Candidates) error {
	nx, nu, n, beta := len(x), len(u), x.Len(), c.Beta
	outs := w.system.Outcome.Out
	w.tape.Run(slices.Concat(x, u, next, last), n)
	w.tape.Seed(n)
	for o, row := range w.pull[t*outs:][:outs] {
		w.tape.AddTo(o, row)
	}
	w.tape.Back(n)
	in := w.tape.Inputs()
	byX, byU, byNext, byLast := in[:nx], in[nx:nx+nu], in[nx+nu:nx+nu+nx], in[nx+nu+nx:]
	for d, row := range fit(&w.slope, nx, n) {
		carry, dev, noise := w.carry[d], w.devs[t*nx+d], w.noise(c, t, d)
		for i := range row {
			carry[i] += byNext[d][i]
			grads[1][d][i] = carry[i] * beta * dev[i]
			if noise != 0 {
				grads[1][d][i] += float64(carry[i] * noise)
			}
			if row[i] = 0; eta != nil {
				row[i] = carry[i] * beta * eta[d][i]
			}
		}
	}
	// next = mean(x, u) + (β dev(x, u) + noise) η, at all points of its differences.
	points, inputs := fit(&w.points, nx+nu, 2*(nx+nu)*n), slices.Concat(x, u)
	for k, row := range points {
		for part := range slices.Chunk(row, n) {
			copy(part, inputs[k])
		}
		below, above := row[2*k*n:][:n], row[(2*k+1)*n:][:n]
		for i, v := range inputs[k] {
			below[i], above[i] = w.inputs[k].around(v)
		}
	}
	if err := w.predict(points[:nx], points[nx:]); err != nil {
		return err
	}
	before := fit(&w.next, nx, n)
	for k, row := range points {
		below, above := 2*k*n, (2*k+1)*n
		for i := range n {
			sum := 0.0
			for d := range nx {
				mean, dev := w.belief.Mean[d], w.belief.Epistemic[d]
				sum += w.carry[d][i] * (mean[above+i] - mean[below+i])
				if eta != nil {
					sum += w.slope[d][i] * (dev[above+i] - dev[below+i])
				}
			}
			sum /= row[above+i] - row[below+i]
			if k < nx {
				before[k][i] = sum + byX[k][i]
			} else {
				grads[0][k-nx][i] = sum + byU[k-nx][i] + w.later[k-nx][i]
			}
		}
	}
	w.carry, w.next = w.next, w.carry
	for k, row := range w.later {
		copy(row, byLast[k])
	}
	return nil
}
