package reach

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex/internal/vec"
)

// jets is the memory of a worker that encloses patches under a network of smooth units, by expansions to second order in the coordinates y of a
// patch. It goes forward with a polynomial of degree 2 for each unit and what that is off by, of which vec.Jets has the formulas, and back with the
// coefficients that each layer's own error comes to an output with, as chords do with their slopes.
//
// What is left is of third order in the width of a patch, where chords leave as much as the second. So patches may be larger, and parts of one are known
// nearly as well as if each had been enclosed alone.
type jets struct {
	*chords
	hidden []vec.Jets // layers
	share  []float64  // [lanes]
}

// jets returns the memory for patches of nv variables.
func (n *network) jets(nv int) *jets {
	j := &jets{chords: n.chords(nv, vec.Monomials(nv)), share: make([]float64, lanes)}
	for k, l := range n.layers[:len(n.layers)-1] {
		size := l.out * lanes
		j.hidden = append(j.hidden, vec.Jets{
			Vars: nv, Error: j.e[:size], Less: make([]float64, l.out), Share: j.share, Grow: 1 + gamma(l.out+4), // of the sum that Sum goes into
			Slope: j.α[k], Own: j.d[k], Sum: j.t[:size], Most: j.most,
		})
	}
	return j
}

// enclose implements patcher.
func (j *jets) enclose(dst *enclosures, p *patches) {
	top, off := j.inputs(p)
	n, cols := j.columns, j.columns*lanes
	last := len(j.layers) - 1
	for m := range j.members {
		top := top // the most that an input of the layer can be
		from, to := j.first, j.a
		for k := range j.layers {
			y := &j.layers[k]
			if k == last {
				to = j.out[m*j.heads*cols:][:j.heads*cols]
			}
			to = to[:y.out*cols]
			y.w[m].Mul(to, from[:y.in*cols], cols)
			g := gamma(y.in + n + 4)
			for l, v := range top {
				j.share[l] = g * v
				if k == 0 {
					j.share[l] += off[l] * (1 + 8*unit)
				}
			}
			if k == last {
				for o, b := range y.bias[m] {
					row, rad := to[o*cols:][:lanes], j.rad[(m*j.heads+o)*lanes:][:lanes]
					for l := range lanes {
						row[l] += b
						rad[l] = y.size[m][o]*j.share[l] + g*math.Abs(b) + tiny
					}
				}
				break
			}
			u := &j.hidden[k]
			if clear(u.Error); k > 0 {
				y.abs[m].Mul(u.Error, j.t[:y.in*lanes], lanes)
			}
			u.Poly, u.Bias, u.Loss = to, y.bias[m], y.size[m]
			for o, b := range u.Bias {
				u.Less[o] = g*math.Abs(b) + tiny
			}
			j.activation.vector().Expand(u)
			clear(top[:])
			for i, v := range j.most {
				top[i%lanes] += v
			}
			from, to = to, j.b
			if k%2 == 1 {
				to = j.a
			}
		}
		j.backward(m)
	}
	j.combine(dst)
}

// inputs writes the polynomials of the inputs to first. It returns the most that one of them can be, and what they are off by, in scales.
func (j *jets) inputs(p *patches) (top, off [lanes]float64) {
	nv, nq, cols := j.nv, packed(j.nv), j.columns*lanes
	for k, s := range j.norm.scale {
		row := j.first[k*cols:][:cols]
		for l := range lanes {
			row[l] = (p.mid[k*lanes+l] - j.norm.center[k]) / s
			off[l] = max(off[l], p.off[k*lanes+l]/math.Abs(s)*(1+4*unit))
		}
		for i, v := range p.span[k*nv*lanes:][:nv*lanes] {
			row[lanes+i] = v / s
		}
		for i, v := range p.bend[k*nq*lanes:][:nq*lanes] {
			row[(1+nv)*lanes+i] = v / s
		}
		var sum [lanes]float64
		for i, v := range row {
			sum[i%lanes] += math.Abs(v)
		}
		for l, v := range sum {
			top[l] = max(top[l], v)
		}
	}
	return top, off
}

// vector is a smooth activation in package vec.
func (s activation) vector() vec.Activation {
	if s == tanh {
		return vec.TanhUnit
	}
	return vec.Swish
}

// combine writes the mean of the members, and bounds of their deviation from it at the corners of the cube. Between those the length of a vector that is
// linear in y, and what is made of it here, is at most what they are interpolated to, as both are convex, also with a noise that is the same at all of them.
func (j *jets) combine(dst *enclosures) {
	nx, heads, nv, nq, members := j.nx, j.heads, j.nv, packed(j.nv), j.members
	cols := j.columns * lanes
	share := 1 / float64(members)
	b := &j.deviation
	b.resize(members, nv)
	for d := range nx {
		by := j.unit[d]
		size := math.Abs(by)
		for l := range lanes {
			at := func(m, i int) *float64 { return &j.out[(m*heads+d)*cols+i*lanes+l] }
			most, sum := 0.0, 0.0
			for i := range j.columns {
				mean := 0.0
				for m := range members {
					v := *at(m, i)
					mean += v
					most = max(most, math.Abs(v))
				}
				mean *= share
				sum += most
				switch {
				case i == 0:
					dst.mid[d*lanes+l] = by * mean
				case i <= nv:
					dst.slope[(d*nv+i-1)*lanes+l] = by * mean
				default:
					dst.bend[(d*nq+i-1-nv)*lanes+l] = by * mean
				}
				for m := range members {
					*at(m, i) -= mean
				}
			}
			loss := gamma(members+4) * sum // of the mean and of what is subtracted from it
			all := 0.0
			for m := range members {
				all += j.rad[(m*heads+d)*lanes+l]
			}
			all *= share
			dst.rad[d*lanes+l] = above(size*(above(all, members)+loss), 4)
			rest := 0.0 // of the vector, beside what is linear
			for m := range members {
				b.v[m] = *at(m, 0)
				for i := range nv {
					b.a[m*nv+i] = *at(m, 1+i)
				}
				rad := above((1-2*share)*j.rad[(m*heads+d)*lanes+l]+all, members+4) + loss
				i := 1 + nv
				for p := range nv {
					for q := p; q < nv; q++ {
						v := *at(m, i)
						if p == q { // y² is in ½ ± ½
							v /= 2
							b.v[m] += v
						}
						rad += math.Abs(v)
						i++
					}
				}
				if members == 1 {
					b.v[m], rad = 0, 0
				}
				rad = above(rad, nq)
				rest += rad * rad
			}
			rest = above(math.Sqrt(above(rest, members)), 2) + gamma(4*members+4*j.columns+1<<nv)*sum*float64(members) // and the rounding of corners
			noise := j.doubted(0, d, l)
			b.eachCorner(func(k int, square float64) {
				s := above(math.Sqrt(square), members+4) + rest
				dst.corner[(k*nx+d)*lanes+l] = above(math.Hypot(size*math.Sqrt(above(s*s*share, 4)+1e-16), noise), 8)
			})
		}
	}
}
