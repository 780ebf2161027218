package viability

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/reach"
)

// A part is a block of cells side by side, from first to last on each axis, the last not among them. Its y are in [-1, 1] on each axis.
type part struct{ first, last [mostAxes]int32 }

// width is how many cells p has along axis k.
func (p *part) width(k int) float64 { return float64(p.last[k] - p.first[k]) }

// y is where the middle of a cell is along axis k.
func (p *part) y(k, cell int) float64 {
	return (2*float64(cell-int(p.first[k])) + 1 - p.width(k)) / p.width(k)
}

// A layout is how a form is written down. A form says where the cells of a part go under an action: the states of the cell whose middle is at y go, whatever the
// model errs by, to within a radius of a point, both in cells along each axis. The point is a polynomial of degree 2 in y. The radius is linear in each
// of the y, which is what the deviation of a model is bounded by between the corners of a part.
//
// For each axis in turn that is the coefficients of 1, of the y and of their pairs y[p] y[q], p ≤ q; then of the products of each set of y, bit i of its number
// for y[i]. A form of an angle is at 1 to 2 times around the circle, so that nothing is negative.
type layout struct{ axes, point, size int }

func newLayout(axes int) layout {
	point := 1 + axes + axes*(axes+1)/2
	return layout{axes, point, axes * (point + 1<<axes)}
}

// axis is the part of a form for axis k.
func (h *layout) axis(form []float64, k int) []float64 {
	n := h.size / h.axes
	return form[k*n:][:n]
}

// span is the range of a form along axis k.
func (h *layout) span(form []float64, k int) (lo, hi float64) {
	f := h.axis(form, k)
	r := 0.0
	for _, v := range f[1:] {
		r += math.Abs(v)
	}
	r += sums * (math.Abs(f[0]) + r)
	return f[0] - r, f[0] + r
}

// sums is more than what the sums of a form round, as a share of the numbers in them: the range of many cells has those of each of them in it, as they are
// computed, so that it never matters which was asked for.
const sums = 1e-14

// former is the memory of a goroutine that writes forms.
type former struct {
	*cover
	imager     *reach.Imager
	from       [together]reach.Patch
	to         [together]reach.Image
	in, excess []num.Interval
}

// together is how many parts are enclosed at a time: those that fit in a vector.
const together = 16

func newFormer(c *cover) *former {
	nx, axes := len(c.system.State), c.axes
	w := &former{cover: c, imager: c.prover.Imager(axes), in: make([]num.Interval, 2*(nx+len(c.system.Action))), excess: make([]num.Interval, 1+len(c.system.Limits))}
	rows := func(n int) (all [][]float64) {
		for range n {
			all = append(all, make([]float64, nx))
		}
		return all
	}
	for i := range w.from {
		w.from[i] = reach.Patch{Center: make([]float64, nx), Gen: rows(axes), Bend: rows(axes * (axes + 1) / 2), Off: make([]float64, nx)}
	}
	return w
}

// states encloses the states of a part: a column for each axis and, for angles, the circle's bend and what that leaves,
// |cos(m + δ) - (cos m - δ sin m - ½ δ² cos m)| ≤ |δ|³/6, and as much of the sine.
func (w *former) states(to *reach.Patch, p *part) {
	square := 0 // where Bend has y[k]²
	for k, a := range w.grid.Axes {
		lo, hi := a.From+float64(p.first[k])*a.width(), a.From+float64(p.last[k])*a.width()
		mid, half := lo+(hi-lo)/2, (hi-lo)/2*(1+slack)
		gen, bend := to.Gen[k], to.Bend[square]
		clear(gen)
		clear(bend)
		if a.Angle == nil {
			to.Center[a.State], gen[a.State], to.Off[a.State] = mid, half, slack*max(math.Abs(a.From), math.Abs(a.To))
		} else {
			sin, cos := math.Sincos(mid)
			rest := half*half*half/6*(1+slack) + slack
			c, s := a.Angle.Cos, a.Angle.Sin
			to.Center[c], gen[c], bend[c], to.Off[c] = cos, -sin*half, -cos*half*half/2, rest
			to.Center[s], gen[s], bend[s], to.Off[s] = sin, cos*half, -sin*half*half/2, rest
		}
		square += w.axes - k
	}
}

// write writes the form of a part from its image.
func (w *former) write(form []float64, p *part, to *reach.Image) {
	nv := w.axes
	for k := range nv {
		a := &w.grid.Axes[k]
		f := w.axis(form, k)
		if a.Angle == nil {
			w.dimension(f, a, to)
		} else {
			w.angle(f, a, to)
		}
		scale := 1 / a.width()
		size := 0.0
		for i := range f {
			f[i] *= scale
			size += math.Abs(f[i])
		}
		if a.Angle != nil {
			f[0] += float64(a.Cells) - a.From*scale
		}
		// A cell is at y + hε with ε in the cube. That moves the point by what its derivatives allow, and the radius by its largest slopes.
		own := slack * (size + 4*float64(a.Cells))
		i := 1 + nv
		for q := range nv {
			h := 1 / p.width(q)
			own += h * math.Abs(f[1+q])
			for r := q; r < nv; r++ {
				g := 1 / p.width(r)
				if r == q {
					own += math.Abs(f[i]) * (2*h - h*h)
				} else {
					own += math.Abs(f[i]) * (h + g - h*g)
				}
				i++
			}
		}
		own *= 1 + slack
		radius := f[w.point:]
		for q := range nv {
			most := 0.0
			for c := range radius {
				if c>>q&1 == 0 {
					most = max(most, math.Abs(radius[c|1<<q]-radius[c]))
				}
			}
			own += most / 2 / p.width(q) * (1 + slack)
		}
		for q := range nv { // from the corners to coefficients
			for c := range radius {
				if c>>q&1 == 0 {
					lo, hi := radius[c], radius[c|1<<q]
					radius[c], radius[c|1<<q] = lo/2+hi/2, (hi-lo)/2
				}
			}
		}
		radius[0] += own
	}
}

// off is what dimension d of an image may be off by at a corner, by the model's error and noise too.
func (w *former) off(to *reach.Image, d, corner int) float64 {
	v := to.Off[d] + w.Beta*to.Corner[corner][d]
	if len(w.Noise) > 0 {
		v += w.Noise[d]
	}
	return v * (1 + slack)
}

// dimension writes where an image is along the axis of a dimension, from the end of the axis, with the radius at corners.
func (w *former) dimension(f []float64, a *Axis, to *reach.Image) {
	d := a.State
	f[0] = to.Center[d] - a.From
	for i, g := range to.Gen {
		f[1+i] = g[d]
	}
	for i, g := range to.Bend {
		f[1+w.axes+i] = g[d]
	}
	for c := range to.Corner {
		f[w.point+c] = w.off(to, d, c)
	}
}

// angle does the same for an angle. With T across the direction of the middle, N along it from the middle and r the middle's distance from the origin, an image is
// at the angle
//
//	atan(T / (r + N)) = T₁/r + T₂/r - T₁N₁/r² + rest
//
// from the middle's, of which T₁ and N₁ are linear in y, T₂ all else of T and N₂ all else of N. |atan x - x| is at most |x|³/3, and
//
//	|T/(r + N) - T/r + TN/r²| ≤ |T| N²/(r² (r - |N|)),   |TN - T₁N₁| ≤ |T₁| |N₂| + |T₂| |N|.
//
// If N may be as large as half of r, the angle is not known.
func (w *former) angle(f []float64, a *Axis, to *reach.Image) {
	nv, c, s := w.axes, a.Angle.Cos, a.Angle.Sin
	r := math.Hypot(to.Center[c], to.Center[s])
	cos, sin := to.Center[c]/r, to.Center[s]/r
	across := func(x []float64) float64 { return cos*x[s] - sin*x[c] }
	along := func(x []float64) float64 { return cos*x[c] + sin*x[s] }
	var first, slope [mostAxes]float64 // T₁ and N₁
	var t1, t2, n1, n2 float64
	for i, g := range to.Gen {
		first[i], slope[i] = across(g), along(g)
		t1 += math.Abs(first[i])
		n1 += math.Abs(slope[i])
	}
	f[0] = math.Atan2(to.Center[s], to.Center[c])
	i := 0
	for p := range nv {
		f[1+p] = first[p] / r
		for q := p; q < nv; q++ {
			t, n := across(to.Bend[i]), along(to.Bend[i])
			t2 += math.Abs(t)
			n2 += math.Abs(n)
			product := first[p] * slope[q]
			if p != q {
				product += first[q] * slope[p]
			}
			f[1+nv+i] = t/r - product/(r*r)
			i++
		}
	}
	offAcross, offAlong := 0.0, 0.0
	for k := range to.Corner {
		offC, offS := w.off(to, c, k), w.off(to, s, k)
		x, y := math.Abs(cos)*offS+math.Abs(sin)*offC, math.Abs(cos)*offC+math.Abs(sin)*offS
		f[w.point+k] = x / r
		offAcross, offAlong = max(offAcross, x), max(offAlong, y)
	}
	t2 += offAcross
	n2 += offAlong
	rest, n := math.Inf(1), n1+n2
	if n < r/2 {
		x := (t1 + t2) / (r - n)
		rest = ((t1*n2+t2*n)/(r*r) + (t1+t2)*n*n/(r*r*(r-n)) + x*x*x/3) * (1 + slack)
	}
	for k := range to.Corner {
		f[w.point+k] += rest
	}
}

// breaks tells whether a step from a patch to its image may break a limit. A limit that is a plain bound of the next state is
// that of the grid.
func (w *former) breaks(from *reach.Patch, to *reach.Image, u []float64) bool {
	if w.plain {
		return false
	}
	nx, nu := len(w.system.State), len(w.system.Action)
	for d := range nx {
		r, next := from.Off[d], w.Beta*to.Deviation[d]+to.Off[d]
		if len(w.Noise) > 0 {
			next += w.Noise[d]
		}
		for i, g := range from.Gen {
			r, next = r+math.Abs(g[d]), next+math.Abs(to.Gen[i][d])
		}
		for i, g := range from.Bend {
			r, next = r+math.Abs(g[d]), next+math.Abs(to.Bend[i][d])
		}
		r, next = (r+slack*math.Abs(from.Center[d]))*(1+slack), (next+slack*math.Abs(to.Center[d]))*(1+slack)
		w.in[d] = num.Interval{Lo: from.Center[d] - r, Hi: from.Center[d] + r}
		w.in[nx+nu+d] = num.Interval{Lo: to.Center[d] - next, Hi: to.Center[d] + next}
	}
	for i, v := range u {
		w.in[nx+i], w.in[2*nx+nu+i] = num.Point(v), num.Point(v)
	}
	w.system.Outcome.EvalInterval(w.excess, w.in)
	for l := range w.system.Limits {
		if b, ok := w.system.Bound(l); ok && w.grid.along(b.State) {
			continue
		}
		if e := w.excess[1+l]; e.MayNaN || !(e.Hi <= 0) {
			return true
		}
	}
	return false
}
