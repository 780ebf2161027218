package fused

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex/internal/vec"
	"github.com/rischiboy/safe_exploration/safex/num"
)

// worker takes one block of lanes after the other through a job. Its rows are as long as the block; those of a block
// follow each other as the comments say.
type worker struct {
	*job
	change     stepper
	prior      *num.Tape // nil if there is none
	tape       *num.Tape // of the outcome
	lanes      int       // of this block, with padding
	lo, hi     int       // its candidates
	nx, nu, nl int

	memory []float64
	xu     []float64 // [horizon + 1, nx + nu]: state and action of each step, and the last state
	last   []float64 // [nu]: action before the first
	eta    []float64 // [horizon, nx]
	excess []float64 // [horizon, nl], in units of the limits' scales
	reward []float64 // [1]: sum over the steps

	carry    []float64 // [nx]: gradient with respect to the state after the step
	spread   []float64 // [nx]: with respect to the deviation
	dxu      []float64 // [nx + nu]
	later    []float64 // [nu]: gradient with respect to the action, from the limits on rates a step later
	top, sum []float64 // [1] of the smooth maximum
	spare    []float64 // [1]

	devs [][]float64 // deviations of each step, of change
	in   [][]float64 // inputs of a tape
}

// prepare lays out the memory for blocks of j.
func (w *worker) prepare(j *job) {
	w.job = j
	w.nx, w.nu, w.nl = len(j.bound.system.State), len(j.bound.system.Action), len(j.bound.system.Limits)
	steps := 0
	if j.ascend {
		steps = j.horizon
	}
	w.change.prepare(steps)
	w.memory = lay(w.memory,
		part[float64]{&w.xu, (j.horizon + 1) * (w.nx + w.nu)}, part[float64]{&w.last, w.nu}, part[float64]{&w.eta, j.horizon * w.nx}, part[float64]{&w.excess, j.horizon * w.nl}, part[float64]{&w.reward, 1},
		part[float64]{&w.carry, w.nx}, part[float64]{&w.spread, w.nx}, part[float64]{&w.dxu, w.nx + w.nu}, part[float64]{&w.later, w.nu}, part[float64]{&w.top, 1}, part[float64]{&w.sum, 1}, part[float64]{&w.spare, 1})
	if w.in == nil {
		w.in = make([][]float64, 2*(w.nx+w.nu))
	}
	if len(w.devs) < j.horizon {
		w.devs = make([][]float64, j.horizon)
	}
}

// rows are n rows of x from the i-th on.
func (w *worker) rows(x []float64, i, n int) []float64 { return x[i*w.lanes:][:n*w.lanes] }

// state is the state before step t, action the action of step t, and both are one after the other.
func (w *worker) state(t int) []float64  { return w.rows(w.xu, t*(w.nx+w.nu), w.nx) }
func (w *worker) action(t int) []float64 { return w.rows(w.xu, t*(w.nx+w.nu)+w.nx, w.nu) }
func (w *worker) both(t int) []float64   { return w.rows(w.xu, t*(w.nx+w.nu), w.nx+w.nu) }

// block rolls candidates lo to hi out, and back if the job asks for it. It returns false if the job's context is done.
func (w *worker) block(lo, hi int) bool {
	w.lo, w.hi = lo, hi
	w.lanes = (hi - lo + vec.Lanes - 1) / vec.Lanes * vec.Lanes
	w.load()
	for t := range w.horizon {
		if w.ctx.Err() != nil {
			return false
		}
		w.step(t)
	}
	if !w.ascend {
		return true
	}
	w.value()
	for t := w.horizon - 1; t >= 0; t-- {
		if w.ctx.Err() != nil {
			return false
		}
		w.back(t)
	}
	return true
}

// load reads the candidates.
func (w *worker) load() {
	for d, v := range w.c.State {
		fill(w.rows(w.xu, d, 1), v)
	}
	for k := range w.nu {
		var v float64
		if w.c.LastAction != nil {
			v = w.c.LastAction[k]
		}
		fill(w.rows(w.last, k, 1), v)
	}
	for t := range w.horizon {
		for k := range w.nu {
			w.take(w.rows(w.action(t), k, 1), w.c.Actions[t*w.nu+k])
		}
	}
	if w.c.Eta == nil {
		clear(w.rows(w.eta, 0, w.horizon*w.nx))
	} else {
		for i, column := range w.c.Eta {
			w.take(w.rows(w.eta, i, 1), column)
		}
	}
	clear(w.rows(w.reward, 0, 1))
}

// take fills a row with the block's part of a column. Lanes beyond keep what they have: nobody looks.
func (w *worker) take(row, column []float64) { copy(row, column[w.lo:w.hi]) }

// give is the inverse of take.
func (w *worker) give(column, row []float64) { copy(column[w.lo:w.hi], row) }

// step takes the block from state t to state t + 1.
func (w *worker) step(t int) {
	nx, next := w.nx, w.state(t+1)
	pushed := w.c.Eta != nil || w.ascend
	mean, dev := w.change.forward(w.both(t), t, pushed || w.c.Epistemic, w.lanes)
	w.devs[t] = dev
	if w.prior == nil {
		copy(next, w.state(t))
	} else {
		w.run(w.prior, w.both(t))
		for d := range nx {
			copy(w.rows(next, d, 1), w.prior.Out(d, w.lanes))
		}
	}
	add(next, mean)
	if pushed {
		push := w.rows(w.spread, 0, nx)
		scale(push, dev, w.c.Beta)
		addProduct(next, push, w.rows(w.eta, t*nx, nx))
		w.noise(next, w.rows(w.eta, t*nx, nx), t)
	}
	if w.c.Epistemic {
		for d := range nx {
			w.give(w.dst.Epistemic[t*nx+d], w.rows(dev, d, 1))
		}
	}
	w.outcome(t)
	w.give(w.dst.Reward[t], w.tape.Out(0, w.lanes))
	sum := w.rows(w.reward, 0, 1)
	add(sum, w.tape.Out(0, w.lanes))
	for k := range w.nl {
		e := w.rows(w.excess, t*w.nl+k, 1)
		scale(e, w.tape.Out(1+k, w.lanes), w.unit(k))
		w.give(w.dst.Excess[t*w.nl+k], e)
	}
	for d := range nx {
		w.give(w.dst.States[t*nx+d], w.rows(next, d, 1))
	}
}

// noise adds to each dimension half the width of the box of noise in step t, times a row of by.
func (w *worker) noise(sum, by []float64, t int) {
	for d, v := range w.bound.system.NoiseBox() {
		addTimes(w.rows(sum, d, 1), w.rows(by, d, 1), v)
	}
	if t > 0 {
		return
	}
	for d, v := range w.c.Spread {
		addTimes(w.rows(sum, d, 1), w.rows(by, d, 1), v)
	}
}

// unit is what an excess of limit k is multiplied by.
func (w *worker) unit(k int) float64 { return 1 / w.bound.system.LimitScale(k) }

// outcome runs the tape on step t, whose next state is known.
func (w *worker) outcome(t int) {
	last := w.rows(w.last, 0, w.nu)
	if t > 0 {
		last = w.action(t - 1)
	}
	w.run(w.tape, w.both(t), w.state(t+1), last)
}

// run runs a tape on the rows of its inputs.
func (w *worker) run(t *num.Tape, inputs ...[]float64) {
	i := 0
	for _, part := range inputs {
		for ; len(part) > 0; part = part[w.lanes:] {
			w.in[i] = part[:w.lanes]
			i++
		}
	}
	t.Run(w.in[:i], w.lanes)
}

// value is safex.Scalarisation's, and begins the way back.
func (w *worker) value() {
	value := w.rows(w.spare, 0, 1)
	scale(value, w.rows(w.reward, 0, 1), w.up.Reward)
	if w.nl > 0 {
		w.smooth(value)
	}
	w.give(w.dst.Value, value)
	clear(w.rows(w.carry, 0, w.nx))
	clear(w.rows(w.later, 0, w.nu))
}

// smooth adds Excess times the smooth maximum to value, and turns each excess into the gradient with respect to it.
func (w *worker) smooth(value []float64) {
	top, sum, n := w.rows(w.top, 0, 1), w.rows(w.sum, 0, 1), w.horizon*w.nl
	copy(top, w.rows(w.excess, 0, 1))
	for i := 1; i < n; i++ {
		for l, e := range w.rows(w.excess, i, 1) {
			top[l] = max(top[l], e)
		}
	}
	clear(sum)
	for i := range n {
		for l, e := range w.rows(w.excess, i, 1) {
			e = math.Exp(w.up.Sharpness * (e - top[l]))
			w.rows(w.excess, i, 1)[l] = e
			sum[l] += e
		}
	}
	for l, s := range sum {
		value[l] += w.up.Excess * (top[l] + math.Log(s)/w.up.Sharpness)
		sum[l] = w.up.Excess / s
	}
	for i := range n {
		e := w.rows(w.excess, i, 1)
		product(e, e, sum)
	}
}

// back takes the gradient with respect to state t + 1, which is in carry but for the outcome of step t, to state t.
func (w *worker) back(t int) {
	nx, nu := w.nx, w.nu
	carry, later, spare := w.rows(w.carry, 0, nx), w.rows(w.later, 0, nu), w.rows(w.spare, 0, 1)

	w.outcome(t)
	w.tape.Seed(w.lanes)
	fill(spare, w.up.Reward)
	w.tape.AddTo(0, spare)
	for k := range w.nl {
		scale(spare, w.rows(w.excess, t*w.nl+k, 1), w.unit(k))
		w.tape.AddTo(1+k, spare)
	}
	w.tape.Back(w.lanes)
	in := w.tape.Inputs()
	x, u, next, last := in[:nx], in[nx:nx+nu], in[nx+nu:nx+nu+nx], in[nx+nu+nx:]
	w.gather(carry, next)

	// next = x, or prior(x, u), + mean + (β dev + noise) η
	slope, push := w.rows(w.spread, 0, nx), w.rows(w.dxu, 0, nx)
	scale(slope, carry, w.c.Beta)
	product(push, slope, w.devs[t])
	w.noise(push, carry, t)
	for d := range nx {
		w.give(w.dst.GradEta[t*nx+d], w.rows(push, d, 1))
	}
	product(slope, slope, w.rows(w.eta, t*nx, nx))
	dxu := w.rows(w.dxu, 0, nx+nu)
	w.change.backward(dxu, w.both(t), carry, slope, t, w.lanes)
	action := dxu[len(carry):]
	if w.prior == nil {
		add(carry, dxu[:len(carry)])
	} else {
		w.run(w.prior, w.both(t))
		w.prior.Seed(w.lanes)
		for d := range nx {
			w.prior.AddTo(d, w.rows(carry, d, 1))
		}
		w.prior.Back(w.lanes)
		copy(carry, dxu)
		w.gather(carry, w.prior.Inputs()[:nx])
		w.gather(action, w.prior.Inputs()[nx:])
	}
	w.gather(carry, x)
	w.gather(action, u)
	add(action, later)
	for k := range nu {
		w.give(w.dst.GradAction[t*nu+k], w.rows(action, k, 1))
	}
	clear(later)
	w.gather(later, last)
}

// gather adds rows, one after the other, to sum.
func (w *worker) gather(sum []float64, rows [][]float64) {
	for i, r := range rows {
		add(w.rows(sum, i, 1), r)
	}
}
