package reach

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex/internal/vec"
)

// expander is the memory of a worker that encloses what a network says over a region, by chords of any number of hidden layers and by
// a second-order expansion of two smooth ones.
//
// Both go forward with one matrix for each layer, whose columns are: of chords the middle and the slope by each y; of the expansion the
// middle, the slopes, and the second derivatives by each pair of y. The expansion of a member with the hidden layers a and b is
//
//	a = c + M y,   s(a) = s + s′ M y + ½ s″ (M y)² + r₁,   |r₁| ≤ sup |s‴| ρ³/6,   ρ = sup |M y|;
//	b = c + M₂ y + ½ yᵀQ₂y + e,   M₂ = W s′M,   Q₂ = Σ W s″ MMᵀ,   |e| ≤ E = |W| r₁;
//	s(b) = t + t′ (M₂ y + ½ yᵀQ₂y + e) + ½ t″ (M₂ y)² + r₂,   |r₂| ≤ |t″| L (q + E) + ½ |t″| (q + E)² + sup |t‴| (L + q + E)³/6
//
// with L = sup |M₂ y| and q = sup |½ yᵀQ₂y|. The outputs have the slope J = W₂ t′M₂, the second derivatives H = W₂ (t′Q₂ + t″M₂M₂ᵀ), and are
// off by |W₂| r₂ + |W₂ t′W| r₁. J and H are averaged over the members before anything is bounded: that is where most of them cancels.
type expander struct {
	*network
	relaxer
	nv, nq, cols int
	taylor       bool
	a, b         []float64 // [widest, cols]
	t, e         []float64 // [widest, lanes]: column 0 of chords, column 1 of the expansion
	own          [][]float64
	α            [][]float64
	c, ρ, v, d   []float64 // [widest]
	loss         []float64
	third        [3][]float64 // [widest]: r₁; t′; r₂
	coef, next   []float64    // [widest, wide]
	wide         int          // columns on the way back, heads of chords and heads of the expansion
	loose        []float64    // [wide]
	most         []float64    // [wide]
	said         [2]spreadOut
	deviation    deviation
	quad         quadratic
	h            []float64
	mem          enclosure
	first        []float64
	row          []float64
}

// spreadOut is what each member says: [members, heads] of [1 + nv + nq] numbers, and their radii.
type spreadOut struct{ out, rad []float64 }

// pad is n rounded up to whole lanes.
func pad(n int) int { return (n + vec.Lanes - 1) / vec.Lanes * vec.Lanes }

// setter implements source.
func (n *network) setter() setter { return &expander{network: n, nv: -1} }

// prepare makes room for nv variables.
func (x *expander) prepare(nv int) {
	if x.nv == nv {
		return
	}
	x.nv, x.nq = nv, packed(nv)
	x.taylor = len(x.layers) == 3 && x.activation != relu && nv > 0
	x.cols = 1 + nv
	if x.taylor {
		x.cols += 1 + nv + x.nq
	}
	x.cols = pad(x.cols)
	x.wide = pad(2 * x.heads)
	w := max(x.widest, x.heads)
	x.a, x.b, x.first = make([]float64, w*x.cols), make([]float64, w*x.cols), make([]float64, x.nz*x.cols)
	x.t, x.e = make([]float64, w*lanes), make([]float64, w*lanes)
	x.c, x.ρ, x.v, x.d, x.loss = make([]float64, w), make([]float64, w), make([]float64, w), make([]float64, w), make([]float64, w)
	for i := range x.third {
		x.third[i] = make([]float64, w)
	}
	x.coef, x.next = make([]float64, w*x.wide), make([]float64, w*x.wide)
	x.loose, x.most = make([]float64, x.wide), make([]float64, x.wide)
	x.own, x.α = nil, nil
	for _, l := range x.layers[:len(x.layers)-1] {
		x.own, x.α = append(x.own, make([]float64, l.out)), append(x.α, make([]float64, l.out))
	}
	for i := range x.said {
		x.said[i] = spreadOut{make([]float64, x.members*x.heads*(1+nv+x.nq)), make([]float64, x.members*x.heads)}
	}
	x.h, x.row = make([]float64, x.nq), make([]float64, nv)
}

// enclose implements setter.
func (x *expander) enclose(dst *enclosure, r *region) {
	x.prepare(r.nv)
	top, off := 0.0, 0.0
	for k := range x.nz {
		row := x.first[k*x.cols:][:x.cols]
		s := x.norm.scale[k]
		row[0] = (r.mid[k] - x.norm.center[k]) / s
		sum := math.Abs(row[0])
		for i, v := range r.span[k*r.nv:][:r.nv] {
			row[1+i] = v / s
			sum += math.Abs(row[1+i])
		}
		top = max(top, sum)
		off = max(off, r.off[k]/math.Abs(s)*(1+4*unit))
	}
	for m := range x.members {
		x.member(m, top, off, r)
	}
	dst.resize(x.nx, r.nv)
	x.combine(dst, 0, r)
	if x.taylor {
		x.mem.resize(x.nx, r.nv)
		x.combine(&x.mem, 1, r)
		dst.keep(&x.mem)
	}
	if x.heads > x.nx {
		for d := range x.nx {
			dst.dev[d] = above(math.Hypot(dst.dev[d], x.noise(d, func(m int) float64 { return x.top(m, x.nx+d, r) })), 4)
		}
	}
}

// top is at least output o of member m over the region.
func (x *expander) top(m, o int, r *region) float64 {
	i, size := m*x.heads+o, 1+x.nv+x.nq
	up := func(which int) float64 {
		said := x.said[which].out[i*size:]
		far := radiusUp(said[1:][:x.nv], r.gen) + x.said[which].rad[i]
		return said[0] + far + gamma(4)*(math.Abs(said[0])+far)
	}
	v := up(0)
	if x.taylor {
		_, hi := x.quad.span(x.said[1].out[i*size+1+x.nv:][:x.nq], x.nv, r.gen)
		if w := outward(up(1)+hi, 1) + gamma(4)*math.Abs(hi); w < v || v != v { // a NaN is worst
			v = w
		}
	}
	return v
}

// member takes member m through its layers. top is the most that an input can be, off its error.
func (x *expander) member(m int, top, off float64, r *region) {
	nv, nq, cols := x.nv, x.nq, x.cols
	last := len(x.layers) - 1
	from, to := x.first, x.a
	topT := 0.0 // of the expansion
	for k := range x.layers {
		y := &x.layers[k]
		n := y.out
		z := to[:n*cols]
		y.w[m].Mul(z, from[:y.in*cols], cols)
		if 0 < k && k < last {
			y.abs[m].Mul(x.e[:n*lanes], x.t[:y.in*lanes], lanes)
		}
		g := gamma(y.in + nv + 4)
		for o := range n {
			z[o*cols] += y.bias[m][o]
			x.loss[o] = g*(math.Abs(y.bias[m][o])+y.size[m][o]*top) + tiny
			if k == 0 {
				x.loss[o] += y.size[m][o] * off * (1 + 8*unit)
			}
		}
		if k == last {
			for o := range n {
				row := z[o*cols:]
				copy(x.said[0].out[(m*n+o)*(1+nv+nq):], row[:1+nv])
				x.said[0].rad[m*n+o] = x.loss[o]
				if x.taylor {
					row = row[1+nv:]
					row[0] += y.bias[m][o]
					copy(x.said[1].out[(m*n+o)*(1+nv+nq):], row[:1+nv+nq])
					x.said[1].rad[m*n+o] = g*(math.Abs(y.bias[m][o])+y.size[m][o]*topT) + tiny
				}
			}
			break
		}
		for o := range n {
			x.c[o] = z[o*cols]
			x.ρ[o] = radiusUp(z[o*cols+1:][:nv], r.gen) + x.loss[o]
			if k > 0 {
				x.ρ[o] = (x.ρ[o] + x.e[o*lanes]) * (1 + 8*unit)
			}
		}
		if x.taylor {
			if k == 0 {
				topT = x.expandFirst(z, n)
			} else {
				topT = x.expandSecond(z, m, g, topT, r)
			}
		}
		x.activation.relax(&x.relaxer, x.v, x.α[k], x.d, x.c[:n], x.ρ[:n])
		next := gamma(n + 4)
		most := x.most[:1+nv]
		clear(most)
		for o := range n {
			row := z[o*cols:][:1+nv]
			α, e := x.α[k][o], 0.0
			if k > 0 {
				e = x.e[o*lanes]
			}
			row[0] = x.v[o]
			most[0] = max(most[0], math.Abs(row[0]))
			for i := 1; i <= nv; i++ {
				row[i] *= α
				most[i] = max(most[i], math.Abs(row[i]))
			}
			own := (x.d[o] + math.Abs(α)*x.loss[o]) * (1 + 8*unit)
			x.own[k][o] = own
			x.t[o*lanes] = (own + math.Abs(α)*e) * (1 + next)
		}
		top = 0
		for _, v := range most {
			top += v
		}
		from, to = to, x.b
		if k%2 == 1 {
			to = x.a
		}
	}
	x.backward(m)
}

// derivatives are s, s′ and s″ at unit o of the layer that exponentials were computed for last, each off by less than 1e-14 (1 + |c|).
func (x *expander) derivatives(c float64) (s0, s1, s2 float64) {
	if x.activation == tanh {
		t := math.Tanh(c)
		return t, 1 - t*t, -2 * t * (1 - t*t)
	}
	σ := logistic(c, math.Exp(-math.Abs(c)))
	return c * σ, σ + c*σ*(1-σ), swishSecond(c, σ)
}

// inexact is the error of an expansion to second order by inexact derivatives.
func inexact(c, ρ float64) float64 { return 0x1p-45 * (1 + math.Abs(c)) * (1 + ρ) * (1 + ρ) }

// expandFirst writes the columns of the expansion of the first hidden layer, of n units, whose middles and slopes are those of the chords. It returns
// the most that an input of the next layer can be.
func (x *expander) expandFirst(z []float64, n int) float64 {
	nv, cols := x.nv, x.cols
	most := 0.0
	for o := range n {
		row := z[o*cols:][:cols]
		c, ρ, loss := x.c[o], x.ρ[o], x.loss[o]
		s0, s1, s2 := x.derivatives(c)
		r := x.activation.third(c, ρ)*ρ*ρ*ρ/6 + math.Abs(s1)*loss + math.Abs(s2)*(ρ*loss+loss*loss/2)
		x.third[0][o] = r*(1+16*unit) + inexact(c, ρ)
		x.t[o*lanes+1] = x.third[0][o] * (1 + gamma(n+4))
		slopes, own := row[1:][:nv], row[1+nv:][:1+nv+x.nq]
		own[0] = s0
		sum := math.Abs(s0)
		i := 1 + nv
		for p, a := range slopes {
			own[1+p] = s1 * a
			sum += math.Abs(own[1+p])
			for _, b := range slopes[p:] {
				own[i] = s2 * a * b
				sum += math.Abs(own[i])
				i++
			}
		}
		most = max(most, sum)
	}
	return most
}

// expandSecond writes the columns of the expansion of the second hidden layer. g and top are of what came in.
func (x *expander) expandSecond(z []float64, m int, g, top float64, r *region) float64 {
	nv, cols := x.nv, x.cols
	y := &x.layers[1]
	most := 0.0
	for o := range y.out {
		own := z[o*cols+1+nv:][:1+nv+x.nq]
		c := own[0] + y.bias[m][o]
		loss := g*(math.Abs(y.bias[m][o])+y.size[m][o]*top) + tiny
		e := x.e[o*lanes+1] + loss
		l := radiusUp(own[1:][:nv], r.gen)
		q := cube(own[1+nv:], nv)
		ρ := (l + q + e) * (1 + 16*unit)
		t0, t1, t2 := x.derivatives(c)
		qe := q + e
		κ := math.Abs(t2)*(l*qe+qe*qe/2) + x.activation.third(c, ρ)*ρ*ρ*ρ/6 + math.Abs(t1)*loss
		x.third[1][o], x.third[2][o] = t1, κ*(1+32*unit)+inexact(c, ρ)
		own[0] = t0
		sum := math.Abs(t0)
		i := 1 + nv
		for p := range nv {
			a := own[1+p]
			for s := p; s < nv; s++ {
				first, second := t1*own[i], t2*a*own[1+s]
				own[i] = first + second
				sum += math.Abs(first) + math.Abs(second)
				i++
			}
		}
		for p := range nv {
			own[1+p] *= t1
			sum += math.Abs(own[1+p])
		}
		most = max(most, sum)
	}
	return most
}

// cube is at least |½ yᵀQy| over the cube, for the packed upper triangle of Q.
func cube(q []float64, n int) float64 {
	lo, hi, off := 0.0, 0.0, 0.0
	i := 0
	for p := range n {
		for s := p; s < n; s++ {
			v := q[i]
			if p != s {
				off += math.Abs(v)
			} else if v < 0 {
				lo -= v / 2
			} else {
				hi += v / 2
			}
			i++
		}
	}
	return (max(lo, hi)+off)*(1+gamma(n*n)) + tiny
}

// backward adds to the radii of member m's outputs the errors of all hidden layers, each with the coefficient that it comes to an output with.
func (x *expander) backward(m int) {
	heads, wide := x.heads, x.wide
	last := len(x.layers) - 1
	if last == 0 {
		return
	}
	y := &x.layers[last]
	coef, next := x.coef, x.next
	clear(coef[:y.in*wide])
	for k := range y.in {
		for d := range heads {
			w := y.rows[m][d*y.in+k]
			coef[k*wide+d] = w
			if x.taylor {
				x.said[1].rad[m*heads+d] += math.Abs(w) * x.third[2][k]
				coef[k*wide+heads+d] = w
			}
		}
	}
	clear(x.loose)
	rad := x.said[0].rad[m*heads:][:heads]
	for h := last - 1; ; h-- {
		width := x.layers[h].out
		for k := range width {
			row := coef[k*wide:][:heads]
			own := x.own[h][k]
			for d, v := range row {
				rad[d] += (math.Abs(v) + x.loose[d]) * own
			}
		}
		if h == 0 {
			break
		}
		clear(x.most[:2*heads])
		steepest := 0.0
		for k := range width {
			row := coef[k*wide:][:2*heads]
			α, t := x.α[h][k], 0.0
			if x.taylor {
				t = x.third[1][k]
			}
			for d := range heads {
				row[d] *= α
				row[heads+d] *= t
				x.most[d] = max(x.most[d], math.Abs(row[d]))
				x.most[heads+d] = max(x.most[heads+d], math.Abs(row[heads+d]))
			}
			steepest = max(steepest, math.Abs(α))
		}
		y := &x.layers[h]
		for i := range 2 * heads {
			x.loose[i] = (x.loose[i]*steepest + gamma(width+2)*x.most[i]) * y.column[m] * (1 + 16*unit)
		}
		y.back[m].Mul(next[:y.in*wide], coef[:width*wide], wide)
		coef, next = next, coef
	}
	total := 2
	for _, y := range x.layers[:last] {
		total += y.out
	}
	if x.taylor {
		own := x.said[1].rad[m*heads:][:heads]
		for k, r := range x.third[0][:x.layers[0].out] {
			row := coef[k*wide+heads:][:heads]
			for d, v := range row {
				own[d] += (math.Abs(v) + x.loose[heads+d]) * r
			}
		}
		for d := range own {
			own[d] = above(own[d], total)
		}
	}
	for d := range rad {
		rad[d] = above(rad[d], total)
	}
}

// combine writes the mean of what the members say, by chords or the expansion, and a bound of their deviation from it.
func (x *expander) combine(dst *enclosure, which int, r *region) {
	nx, heads, nv, size := x.nx, x.heads, x.nv, 1+x.nv+x.nq
	said := &x.said[which]
	second := which == 1
	share := 1 / float64(x.members)
	b := &x.deviation
	b.resize(x.members, nv)
	for d := range nx {
		at := func(m, i int) float64 { return said.out[(m*heads+d)*size+i] }
		mean := func(i int) (v, most float64) {
			for m := range x.members {
				v += at(m, i)
				most = max(most, math.Abs(at(m, i)))
			}
			return v * share, most
		}
		all := 0.0
		for m := range x.members {
			all += said.rad[m*heads+d]
		}
		all *= share
		g := gamma(x.members + 4)
		by := math.Abs(x.unit[d])
		mid, most := mean(0)
		loss := g * most
		for m := range x.members {
			b.v[m] = at(m, 0) - mid
			b.rad[m] = (1-2*share)*said.rad[m*heads+d] + all
		}
		for i := range nv {
			v, most := mean(1 + i)
			loss += g * most
			dst.slope[d*nv+i] = x.unit[d] * v
			for m := range x.members {
				b.a[m*nv+i] = at(m, 1+i) - v
			}
		}
		rad := all
		if second {
			for i := range x.nq {
				v, most := mean(1 + nv + i)
				loss += g * most
				x.h[i] = v
			}
			for m := range x.members {
				lo, hi := x.apart(said.out[(m*heads+d)*size+1+nv:][:x.nq], r)
				b.v[m] += lo/2 + hi/2
				b.rad[m] += (hi - lo) / 2
				loss += g * (math.Abs(lo) + math.Abs(hi))
			}
			lo, hi := x.quad.span(x.h, nv, r.gen)
			mid += lo/2 + hi/2
			rad += (hi - lo) / 2
			loss += g * (math.Abs(lo) + math.Abs(hi))
		}
		dst.mid[d] = x.unit[d] * mid
		dst.rad[d] = above(by*(above(rad, x.members+4)+loss), 4)
		for m := range x.members {
			b.rad[m] = above(b.rad[m], x.members+8) + loss
			if x.members == 1 {
				b.rad[m], b.v[m] = 0, 0
			}
		}
		norm := b.norm(r.gen)
		dst.dev[d] = above(by*math.Sqrt(above(norm*norm*share, 4)+1e-16), 4)
	}
}

// apart is the range of a member's quadratic form less the mean one.
func (x *expander) apart(h []float64, r *region) (lo, hi float64) {
	if x.members == 1 {
		return 0, 0
	}
	if len(x.row) < x.nq {
		x.row = make([]float64, x.nq)
	}
	for i, v := range h {
		x.row[i] = v - x.h[i]
	}
	return x.quad.span(x.row[:x.nq], x.nv, r.gen)
}
