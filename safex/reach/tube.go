package reach

import (
	"context"
	"fmt"
	"iter"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// A Plan is what a Tube is of: a start, actions, and all that may happen to them. Fields that are zero mean that nothing does. With one action, a Tube is
// what may come of a set in one step.
type Plan struct {
	State   []float64   // where the plan starts
	Spread  []float64   // half the width of where it may start instead, around State, of each dimension in its unit; nil is 0
	Start   *Set        // where it may start, in place of State and Spread, which must then be nil; nil for those
	Actions [][]float64 // of each step

	// Gains, of each step nu rows of nx one after the other, give the actions
	//
	//	u = clip(Actions + K (x - About), -1, 1);
	//
	// nil, of all steps or of one, gives Actions as they are. About are the states that Gains are about, one for each step; nil is the Center of the
	// tube's own set before the step, and of the last one of which something is known: Tube.About.
	Gains, About [][]float64
	// Play is by how much each action may be off that, in either direction, of each step; nil is 0.
	Play [][]float64

	Beta   float64   // how many epistemic deviations the model may err by, at least 0; safex.BetaOf a model that knows
	Robust int       // steps in which it may err, 0 for all, as in plan.Pessimistic
	Noise  []float64 // half the width of a box of noise that is added to the state in every step, in its units; nil is 0
	Last   []float64 // action before the first, for limits on rates; nil is 0
	Keep   int       // columns of a Set that are kept from step to step, beside one for each dimension; 0 for 24
}

// A Tube encloses a Plan: whatever the model errors in the box of Beta deviations, the noise, the start and the play, the state after step t is in
// Sets[t], and limit k exceeds its Max in that step by at most Excess[t][k], in its unit, where 0 or below is safe. An Excess is +Inf if nothing is
// known, never a NaN.
type Tube struct {
	Sets   []Set
	About  [][]float64 // the states that Gains are about, of each step; nil without any
	Excess [][]float64
	Doubt  [][]float64 // at least the epistemic deviation of each dimension, in its unit and not times Beta, wherever step t may begin
}

// Worst is the largest Excess of limit k over the tube, and -Inf of a tube without steps.
func (t *Tube) Worst(k int) float64 {
	worst := math.Inf(-1)
	for _, e := range t.Excess {
		worst = max(worst, e[k])
	}
	return worst
}

// Spent is at least the sum of what limit k is exceeded by in the steps of the tube.
func (t *Tube) Spent(k int) (sum float64) {
	for _, e := range t.Excess {
		sum += max(e[k], 0)
	}
	return above(sum, len(t.Excess)) - tiny
}

// Holds tells whether it is proved that every limit is kept: no excess above 0, or with left, the budget that is left of each limit in its
// unit, no more of it than that over the whole tube.
func (t *Tube) Holds(left []float64) bool { return t.Prefix(left) == len(t.Excess) }

// Prefix is how many first steps of the tube are proved to keep every limit in the sense of Holds.
func (t *Tube) Prefix(left []float64) int {
	spent := make([]float64, len(left))
	for i, step := range t.Excess {
		for k, e := range step {
			if !(e > 0) {
				continue
			}
			if k >= len(left) {
				return i
			}
			if spent[k] = outward(spent[k]+e, 1); !(spent[k] <= left[k]) {
				return i
			}
		}
	}
	return len(t.Excess)
}

// check panics if the parts of the plan do not fit.
func (q *Plan) check(p *Prover) {
	nx, nu := p.nx, p.nu
	bad := func(format string, args ...any) { panic(fmt.Sprintf("reach: Tube of "+format, args...)) }
	if s := q.Start; s != nil {
		if q.State != nil || q.Spread != nil || len(s.Center) != nx || len(s.Gen) != nx {
			bad("a start with a state of %d dimensions, a spread of %d, and a set of %d with %d rows, for a system of %d", len(q.State), len(q.Spread), len(s.Center), len(s.Gen), nx)
		}
		for _, row := range s.Gen {
			if len(row) != len(s.Gen[0]) {
				bad("a set with rows of %d and %d columns", len(row), len(s.Gen[0]))
			}
		}
	}
	if q.Start == nil && len(q.State) != nx || q.Spread != nil && len(q.Spread) != nx || q.Noise != nil && len(q.Noise) != nx || q.Last != nil && len(q.Last) != nu {
		bad("a state of %d dimensions with a spread of %d, a noise of %d and a last action of %d, for a system of %d and %d", len(q.State), len(q.Spread), len(q.Noise), len(q.Last), nx, nu)
	}
	if !(q.Beta >= 0) || q.Robust < 0 || q.Keep < 0 {
		bad("Beta %v, Robust %d and Keep %d, want at least 0", q.Beta, q.Robust, q.Keep)
	}
	for _, r := range slices.Concat([][]float64{q.Spread, q.Noise}, q.Play) {
		for _, v := range r {
			if !(v >= 0) {
				bad("half a width of %v, want at least 0", v)
			}
		}
	}
	for _, r := range slices.Concat(q.Gains, q.About) { // with a NaN, an action would be one
		for _, v := range r {
			if v-v != 0 {
				bad("a gain, or a state that gains are about, of %v", v)
			}
		}
	}
	for _, part := range []struct {
		name string
		rows [][]float64
		size int
		none bool // rows may be nil
	}{{"actions", q.Actions, nu, false}, {"gains", q.Gains, nu * nx, true}, {"states about which gains are", q.About, nx, false}, {"play", q.Play, nu, true}} {
		if part.rows == nil {
			continue
		}
		if len(part.rows) != len(q.Actions) {
			bad("%d steps with %d %s", len(q.Actions), len(part.rows), part.name)
		}
		for t, row := range part.rows {
			if len(row) != part.size && !(part.none && row == nil) {
				bad("%s of %d numbers in step %d, want %d", part.name, len(row), t, part.size)
			}
		}
	}
}

// Tube encloses q. A cancelled ctx gives the steps so far and its error. It panics if the parts of q do not fit the system or each other, if a
// width is below 0, and if a gain is no number. What else is none, or not bounded, leaves nothing known. It takes some 2.5 ms for 22 steps of an ensemble of 5 × [64, 64], on one core.
func (p *Prover) Tube(ctx context.Context, q Plan) (*Tube, error) {
	t := &Tube{}
	for _, err := range p.Steps(ctx, q, t) {
		if err != nil {
			return t, err
		}
	}
	return t, nil
}

// Steps adds to an empty tube what Tube has, a step at a time, and yields how many there are. Who knows enough after some of them breaks out of the loop, and
// saves the time that the rest would take. A cancelled ctx yields its error, and ends it.
func (p *Prover) Steps(ctx context.Context, q Plan, t *Tube) iter.Seq2[int, error] {
	q.check(p)
	return func(yield func(int, error) bool) {
		w := &walker{Prover: p, plan: &q, setter: p.source.setter()}
		if w.keep = q.Keep; w.keep == 0 {
			w.keep = 24
		}
		s := q.start()
		w.last = make([]num.Affine, p.nu)
		for k := range w.last {
			w.last[k] = num.Known(0)
			if q.Last != nil {
				w.last[k] = num.Known(q.Last[k])
			}
		}
		for at := range q.Actions {
			if err := ctx.Err(); err != nil {
				yield(at, err)
				return
			}
			if s = w.step(t, s, at); !yield(at+1, nil) {
				return
			}
		}
	}
}

// start is where the plan starts: Start, or the box of State and Spread.
func (q *Plan) start() Set {
	if q.Start != nil {
		return Set{q.Start.Center, slices.Clone(q.Start.Gen)}
	}
	s := Set{slices.Clone(q.State), make([][]float64, len(q.State))}
	wide := 0
	for _, v := range q.Spread {
		if v > 0 {
			wide++
		}
	}
	at := 0
	for d := range s.Gen {
		s.Gen[d] = make([]float64, wide)
		if q.Spread != nil && q.Spread[d] > 0 {
			s.Gen[d][at] = q.Spread[d]
			at++
		}
	}
	return s
}

// walker is a call of Tube.
type walker struct {
	*Prover
	plan   *Plan
	keep   int
	setter setter
	said   enclosure
	about  []float64    // what the gains of this step are about, or of the last one of which something is known
	last   []num.Affine // the actions of the step before, on the columns of the set after it
}

// acts are the actions of a step on the set s: a + k δ ± off, with the deviation δ of the state from the set's center, and own symbols of
// which there are some that are not 0.
type acts struct {
	mid  []float64 // [nu]
	gain []float64 // [nu, nx]
	off  []float64 // [nu], rounding
	own  []float64 // [nu]: radius of a symbol of the action's own, or 0
	lo   []float64 // [nu]
	hi   []float64
}

// actions are those of step t on s with the basis b.
func (w *walker) actions(s Set, t int) (a acts, about []float64) {
	nx, nu := w.nx, w.nu
	a = acts{slices.Clone(w.plan.Actions[t]), make([]float64, nu*nx), make([]float64, nu), make([]float64, nu), make([]float64, nu), make([]float64, nu)}
	var gains []float64
	about = s.Center
	if w.plan.Gains != nil {
		gains = w.plan.Gains[t]
		if w.plan.About != nil {
			about = w.plan.About[t]
		}
	}
	for k := range nu {
		if gains != nil {
			w.feed(&a, s, gains[k*nx:][:nx], about, k)
		} else {
			a.lo[k], a.hi[k] = a.mid[k], a.mid[k]
		}
		if w.plan.Play != nil && w.plan.Play[t] != nil && w.plan.Play[t][k] > 0 {
			play := w.plan.Play[t][k]
			a.own[k] = (a.own[k] + play) * (1 + 4*unit)
			a.lo[k], a.hi[k] = outward(a.lo[k]-play, -1), outward(a.hi[k]+play, 1)
		}
	}
	return a, about
}

// feed is clip(v + row (x - about), -1, 1) over s, which becomes v′ + α row δ ± own: with w = v + row (x - about) in [lo, hi], clip(w) - α w is
// extreme at the ends and at the corners, and α is the slope between the ends.
func (w *walker) feed(a *acts, s Set, row, about []float64, k int) {
	nx := w.nx
	mid, size := a.mid[k], math.Abs(a.mid[k])
	r := 0.0
	for d, g := range row {
		mid += g * (s.Center[d] - about[d])
		size += math.Abs(g) * (math.Abs(s.Center[d]) + math.Abs(about[d]) + s.radius(d))
	}
	for i := range s.Gen[0] {
		v := 0.0
		for d, g := range row {
			v += g * s.Gen[d][i]
		}
		r += math.Abs(v)
	}
	off := gamma(2*nx+len(s.Gen[0])+8)*size + tiny
	lo, hi := mid-r-off, mid+r+off
	if !(hi-lo < 1e100) {
		a.mid[k], a.own[k], a.lo[k], a.hi[k] = 0, 1, -1, 1
		return
	}
	if lo >= -1 && hi <= 1 {
		a.mid[k], a.off[k], a.lo[k], a.hi[k] = mid, off, lo, hi
		copy(a.gain[k*nx:], row)
		return
	}
	clip := func(v float64) float64 { return max(-1, min(1, v)) }
	α := 0.0
	if hi > lo {
		α = min(1, max(0, (clip(hi)-clip(lo))/(hi-lo)))
	}
	low, high := math.Inf(1), math.Inf(-1)
	for _, v := range []float64{lo, hi, max(lo, min(hi, -1)), max(lo, min(hi, 1))} {
		g := clip(v) - α*v
		low, high = min(low, g), max(high, g)
	}
	a.mid[k] = α*mid + (low+high)/2
	a.own[k] = (high - low) / 2 * (1 + 8*unit)
	a.off[k] = off + gamma(8)*(1+size)
	a.lo[k], a.hi[k] = clip(lo), clip(hi)
	for d, g := range row {
		a.gain[k*nx+d] = α * g
	}
}

// step takes s through step t, and adds to the tube what becomes of it.
func (w *walker) step(tube *Tube, s Set, t int) Set {
	nx, nu := w.nx, w.nu
	robust := w.plan.Robust == 0 || t < w.plan.Robust
	var a acts
	known := s.Known()
	if known {
		var about []float64
		a, about = w.actions(s, t)
		w.about = slices.Clone(about)
	} else {
		a = w.anyActions(t)
	}
	if w.plan.About != nil {
		w.about = slices.Clone(w.plan.About[t])
	}
	if w.plan.Gains != nil {
		tube.About = append(tube.About, w.about)
	}
	cols := len(s.Gen[0])
	symbols := cols
	ownAt := make([]int, nu)
	for k := range nu {
		ownAt[k] = -1
		if a.own[k] > 0 {
			ownAt[k] = symbols
			symbols++
		}
	}
	x, u := make([]num.Affine, nx), make([]num.Affine, nu)
	for d := range x {
		x[d] = s.form(d)
	}
	for k := range u {
		u[k] = w.form(s, &a, k, ownAt[k], symbols)
	}
	next, doubt := unknown(nx), make([]float64, nx)
	for d := range doubt {
		doubt[d] = math.Inf(1)
	}
	forms := make([]num.Affine, nx)
	if known {
		b := s.axes()
		r := w.region(s, &a, &b, ownAt, symbols)
		w.setter.enclose(&w.said, r)
		next, symbols = w.join(s, r, x, u, symbols, robust, doubt)
	}
	for d := range forms {
		forms[d] = next.form(d)
	}
	tube.Doubt = append(tube.Doubt, doubt)
	tube.Excess = append(tube.Excess, w.excess(x, u, forms, symbols))
	w.last = u
	if next.Known() {
		next.reduce(w.keep, w.last)
	} else { // there are no columns any more
		for k := range u {
			if len(u[k].Coef) > 0 {
				u[k] = num.Affine{Rad: math.Inf(1), Range: u[k].Range}
			}
		}
	}
	tube.Sets = append(tube.Sets, next)
	return next
}

// anyActions are those of step t on a set of which nothing is known.
func (w *walker) anyActions(t int) acts {
	nu := w.nu
	a := acts{slices.Clone(w.plan.Actions[t]), make([]float64, nu*w.nx), make([]float64, nu), make([]float64, nu), slices.Clone(w.plan.Actions[t]), slices.Clone(w.plan.Actions[t])}
	for k := range nu {
		if w.plan.Gains != nil && w.plan.Gains[t] != nil {
			a.mid[k], a.own[k], a.lo[k], a.hi[k] = 0, 1, -1, 1
		}
		if w.plan.Play != nil && w.plan.Play[t] != nil && w.plan.Play[t][k] > 0 {
			play := w.plan.Play[t][k]
			a.own[k] = (a.own[k] + play) * (1 + 4*unit)
			a.lo[k], a.hi[k] = outward(a.lo[k]-play, -1), outward(a.hi[k]+play, 1)
		}
	}
	return a
}

// form is action k as an affine form on the columns of s, and the symbol of its own at the given place if that is not below 0.
func (w *walker) form(s Set, a *acts, k, own, symbols int) num.Affine {
	if a.lo[k] == a.hi[k] {
		return num.Known(a.lo[k])
	}
	f := num.Affine{Mid: a.mid[k], Coef: make([]float64, symbols), Rad: a.off[k], Range: num.Interval{Lo: a.lo[k], Hi: a.hi[k]}}
	size := 0.0
	for d, g := range a.gain[k*w.nx:][:w.nx] {
		if g == 0 {
			continue
		}
		for i, v := range s.Gen[d] {
			f.Coef[i] += g * v
			size += math.Abs(g * v)
		}
	}
	f.Rad += gamma(w.nx+4)*size + tiny
	if own >= 0 {
		f.Coef[own] = a.own[k]
	}
	return f
}

// region is that of s and its actions.
func (w *walker) region(s Set, a *acts, b *basis, ownAt []int, symbols int) *region {
	nx, nu := w.nx, w.nu
	n := b.n
	for _, at := range ownAt {
		if at >= 0 {
			n++
		}
	}
	r := &region{nz: nx + nu, nv: n, mid: slices.Concat(s.Center, a.mid), span: make([]float64, (nx+nu)*n), off: make([]float64, nx+nu)}
	for d := range nx {
		copy(r.span[d*n:], b.p[d*b.n:][:b.n])
		r.off[d] = b.off[d]
	}
	for i := range b.n {
		row := make([]float64, symbols)
		copy(row, b.gen[i])
		r.gen = append(r.gen, row)
	}
	for k := range nu {
		row := r.span[(nx+k)*n:][:n]
		size := 0.0
		off := a.off[k]
		for d, g := range a.gain[k*nx:][:nx] {
			if g == 0 {
				continue
			}
			for i, v := range b.p[d*b.n:][:b.n] {
				row[i] += g * v
				size += math.Abs(g * v)
			}
			off += math.Abs(g) * b.off[d]
		}
		r.off[nx+k] = off*(1+gamma(nx)) + gamma(nx+4)*size
		if at := ownAt[k]; at >= 0 {
			one := make([]float64, symbols)
			one[at] = 1
			row[len(r.gen)] = a.own[k]
			r.gen = append(r.gen, one)
		}
	}
	return r
}

// join is the set after a step on s: the state, or what the prior makes of it, and the change that the model believes in, with a column more
// for each dimension of all that is not known of it. It returns how many symbols there are then, and writes the epistemic deviations.
func (w *walker) join(s Set, r *region, x, u []num.Affine, symbols int, robust bool, doubt []float64) (Set, int) {
	nx, e := w.nx, &w.said
	base := x
	if w.prior != nil {
		base = make([]num.Affine, nx)
		symbols = w.evalPrior(base, slices.Concat(x, u), symbols)
	}
	all := symbols + nx
	next := Set{make([]float64, nx), make([][]float64, nx)}
	for d := range nx {
		f := base[d]
		if f.Range.MayNaN {
			return unknown(nx), symbols
		}
		if math.IsInf(f.Rad, 1) { // a range is all
			mid := f.Range.Lo/2 + f.Range.Hi/2
			f = num.Affine{Mid: mid, Rad: max(f.Range.Hi-mid, mid-f.Range.Lo) * (1 + 4*unit)}
		}
		row := make([]float64, all)
		copy(row, f.Coef)
		size := math.Abs(f.Mid) + math.Abs(e.mid[d])
		for _, v := range f.Coef {
			size += math.Abs(v)
		}
		for i := range r.nv {
			by := e.slope[d*r.nv+i]
			size += math.Abs(by) // rows of gen sum up to at most 1
			if by == 0 {
				continue
			}
			for c, g := range r.gen[i] {
				row[c] += by * g
			}
		}
		doubt[d] = calibrated(e.dev[d], w.scale[d], w.floor[d])
		own := e.rad[d] + f.Rad + gamma(r.nv+4)*size
		if robust {
			own += w.plan.Beta * doubt[d]
		}
		if w.plan.Noise != nil {
			own += w.plan.Noise[d]
		}
		row[symbols+d] = own*(1+gamma(8)) + tiny
		next.Center[d], next.Gen[d] = f.Mid+e.mid[d], row
		if !(math.Abs(next.Center[d])+next.radius(d) < 1e100 && doubt[d] < math.Inf(1)) {
			for k := range doubt {
				doubt[k] = math.Inf(1)
			}
			return unknown(nx), symbols
		}
	}
	return next, all
}

// evalPrior encloses the prior over the forms in, and returns how many symbols there are then. What atan2 makes vague at its cut has a second
// program; the better form of each dimension is taken.
func (w *walker) evalPrior(dst, in []num.Affine, symbols int) int {
	after := w.prior.EvalAffine(dst, in, symbols)
	if w.turned == nil {
		return after
	}
	other := make([]num.Affine, len(dst))
	second := w.turned.EvalAffine(other, in, symbols)
	used := [2]bool{}
	pick := make([]bool, len(dst))
	for d := range dst {
		pick[d] = spanOf(other[d], symbols) < spanOf(dst[d], symbols)
		used[b2i(pick[d])] = true
	}
	for d := range dst {
		if !pick[d] {
			continue
		}
		f := other[d]
		if used[0] && len(f.Coef) > symbols { // symbols of both programs, which are not the same
			coef := make([]float64, after+len(f.Coef)-symbols)
			copy(coef, f.Coef[:symbols])
			copy(coef[after:], f.Coef[symbols:])
			f.Coef = coef
		}
		dst[d] = f
	}
	switch {
	case !used[1]:
		return after
	case !used[0]:
		return second
	}
	return after + second - symbols
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// spanOf is how much of a form is not of the first symbols, what a program adds to them by not being linear.
func spanOf(f num.Affine, symbols int) float64 {
	switch {
	case f.Range.MayNaN:
		return math.Inf(1)
	case math.IsInf(f.Rad, 1):
		return f.Range.Width() // compares badly with a form that is not only a range, as it should
	}
	r := f.Rad
	for i := symbols; i < len(f.Coef); i++ {
		r += math.Abs(f.Coef[i])
	}
	return r
}

// excess bounds the excess of each limit.
func (w *walker) excess(x, u, next []num.Affine, symbols int) []float64 {
	e := make([]float64, len(w.system.Limits))
	if len(e) == 0 {
		return e
	}
	in := slices.Concat(x, u, next, w.last)
	for k := range e {
		e[k] = math.Inf(1)
	}
	out := make([]num.Affine, len(e))
	for _, p := range w.limits {
		p.EvalAffine(out, in, symbols)
		for k, f := range out {
			if r := f.At(nil); !r.MayNaN && r.Hi < e[k] {
				e[k] = r.Hi
			}
		}
	}
	return e
}
