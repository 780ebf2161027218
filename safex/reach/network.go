package reach

import (
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/vec"
)

// network is a packed ensemble, in float64. Its weights are the float32 numbers of the safex.Layers, taken as real ones.
type network struct {
	members, nz, nx int
	heads           int // outputs of a member: nx, and as many of the noise if that is doubted
	activation      activation
	layers          []layer
	widest          int // hidden layer, or 1
	unit            []float64
	declared        []float64 // variance that is left out of the noise, of each dimension; nil for 0
	norm            normalizer
}

// layer is one layer of each member.
type layer struct {
	in, out int
	w       []*vec.Matrix64 // of each member
	abs     []*vec.Matrix64 // of magnitudes
	back    []*vec.Matrix64 // transposed
	rows    [][]float64     // the entries, [member][out, in]
	bias    [][]float64     // [member][out]
	size    [][]float64     // at least the sum of the magnitudes in each row
	column  []float64       // at least that of each column, the greatest of each member
}

// newNetwork checks and packs the layers of a model of nx state and nz - nx action dimensions. What they say of the noise counts if it is doubted.
func newNetwork(l *safex.Layers, nx, nz int, doubted bool) (*network, error) {
	act, ok := activations[l.Activation]
	if !ok && len(l.Dense) > 1 {
		return nil, fmt.Errorf("reach: no activation %q", l.Activation)
	}
	n := &network{members: l.Members, nz: nz, nx: nx, heads: nx, activation: act, widest: 1, norm: newNormalizer(l.Center, l.Scale, nz), unit: ones(nx)}
	if l.Unit != nil {
		copy(n.unit, l.Unit)
	}
	in, outputs := nz, nx
	if l.Noise {
		outputs *= 2
	}
	if l.Noise && doubted {
		n.heads, n.declared = outputs, l.Declared
	}
	for k, d := range l.Dense {
		if l.Members < 1 || d.In != in || d.Out < 1 || len(d.Weights) != l.Members*d.Out*d.In || len(d.Bias) != l.Members*d.Out {
			panic(fmt.Sprintf("reach: layer %d of %d members has %d weights and %d biases for %d inputs and %d outputs, after %d outputs",
				k, l.Members, len(d.Weights), len(d.Bias), d.In, d.Out, in))
		}
		in = d.Out
		out := d.Out
		if k+1 == len(l.Dense) && out == outputs {
			out = n.heads
		}
		y := layer{in: d.In, out: out}
		for m := range l.Members {
			row := make([]float64, out*d.In)
			for i := range row {
				row[i] = float64(d.Weights[m*d.Out*d.In+i])
			}
			bias, size, column := make([]float64, out), make([]float64, out), make([]float64, d.In)
			for o := range bias {
				bias[o] = float64(d.Bias[m*d.Out+o])
				for i, v := range row[o*d.In:][:d.In] {
					size[o] += math.Abs(v)
					column[i] += math.Abs(v)
				}
				size[o] = above(size[o], d.In)
			}
			at := func(o, i int) float64 { return row[o*d.In+i] }
			y.w = append(y.w, vec.Pack64(out, d.In, at))
			y.abs = append(y.abs, vec.Pack64(out, d.In, func(o, i int) float64 { return math.Abs(at(o, i)) }))
			y.back = append(y.back, vec.Pack64(d.In, out, func(i, o int) float64 { return at(o, i) }))
			y.rows, y.bias, y.size = append(y.rows, row), append(y.bias, bias), append(y.size, size)
			y.column = append(y.column, above(greatest(column), out))
		}
		if k+1 < len(l.Dense) {
			n.widest = max(n.widest, d.Out)
		}
		n.layers = append(n.layers, y)
	}
	if in != outputs || len(n.layers) == 0 {
		panic(fmt.Sprintf("reach: %d layers with %d outputs for %d state dimensions, with noise %v", len(n.layers), in, nx, l.Noise))
	}
	return n, nil
}

// greatest is the largest magnitude in x, and NaN if one is.
func greatest(x []float64) (most float64) {
	for _, v := range x {
		most = max(most, math.Abs(v))
	}
	return most
}

func ones(n int) []float64 {
	x := make([]float64, n)
	for i := range x {
		x[i] = 1
	}
	return x
}

// normalizer is (z - center) / scale.
type normalizer struct{ center, scale []float64 }

func newNormalizer(center, scale []float64, nz int) normalizer {
	n := normalizer{make([]float64, nz), ones(nz)}
	for _, given := range []struct{ from, to []float64 }{{center, n.center}, {scale, n.scale}} {
		if given.from != nil && len(given.from) != nz {
			panic(fmt.Sprintf("reach: a center and scales of %d and %d for %d inputs", len(center), len(scale), nz))
		}
		copy(given.to, given.from)
	}
	return n
}

// lanes is how many patches are taken together.
const lanes = vec.Lanes

// patches are sets of points z = (x, u), one in each of so many lanes: z = mid + span y + Σ bend[pq] y[p] y[q] ± off with every |y| ≤ 1. Pairs p ≤ q are packed
// as the upper triangle of a matrix.
type patches struct {
	nz, nv int
	mid    []float64 // [nz, lanes]
	span   []float64 // [nz·nv, lanes]
	bend   []float64 // [nz·packed(nv), lanes]
	off    []float64 // [nz, lanes]
}

// straighten makes what patches bend by a part of what they are off by.
func (p *patches) straighten() {
	nq := packed(p.nv)
	for d := range p.nz {
		mid, off := p.mid[d*lanes:][:lanes], p.off[d*lanes:][:lanes]
		i := 0
		for a := range p.nv {
			for b := a; b < p.nv; b++ {
				for l, v := range p.bend[(d*nq+i)*lanes:][:lanes] {
					if v == 0 {
						continue
					}
					if a == b { // y² is in ½ ± ½
						v /= 2
						mid[l] += v
					}
					off[l] += math.Abs(v)
					off[l] += 4 * unit * (math.Abs(mid[l]) + off[l])
				}
				i++
			}
		}
	}
}

// enclosures are what is said of the change of the state over patches: it is in mid + slope y + Σ bend[pq] y[p] y[q] ± rad. The epistemic deviation
// is at y at most what the corners of the cube are interpolated to. What is not known is +Inf or NaN in rad and corner.
type enclosures struct {
	nx, nv      int
	mid         []float64 // [nx, lanes]
	slope, bend []float64 // [nx·nv, lanes], [nx·packed(nv), lanes]
	rad         []float64 // [nx, lanes]
	corner      []float64 // [1<<nv, nx, lanes], bit i of a corner says that y[i] is 1
	dev         []float64 // [nx, lanes]: of what a straight wraps, and in place of corner
}

func newEnclosures(nx, nv int) *enclosures {
	row := func(n int) []float64 { return make([]float64, n*lanes) }
	return &enclosures{nx: nx, nv: nv, mid: row(nx), slope: row(nx * nv), rad: row(nx), dev: row(nx)}
}

// straight is a patcher made of one that knows neither bends nor corners: it writes dev.
type straight struct{ patcher }

// enclose implements patcher.
func (s straight) enclose(dst *enclosures, p *patches) {
	p.straighten()
	s.patcher.enclose(dst, p)
	clear(dst.bend)
	for c := 0; c < len(dst.corner); c += len(dst.dev) {
		copy(dst.corner[c:], dst.dev)
	}
}

// chords is the memory of a worker that encloses patches by chords.
type chords struct {
	*network
	relaxer
	nv, columns  int         // 1 + nv columns; of jets those of a polynomial of degree 2
	a, b         []float64   // [widest, columns·lanes]: values and slopes
	e, t         []float64   // [widest, lanes]: radii of errors of earlier layers
	α, d         [][]float64 // of each hidden layer, [out, lanes]
	row          [4][]float64
	c, cc        []float64 // [widest, heads·lanes]: coefficients on the way back
	out          []float64 // [members, heads, columns·lanes]
	rad          []float64 // [members, heads, lanes]
	deviation    deviation
	first        []float64 // [nz, columns·lanes]
	top          [lanes]float64
	steepest     [lanes]float64 // of a layer's slopes
	most         []float64      // [columns, lanes]
	loose, cmost []float64      // [heads·lanes]
}

// patcher implements source.
func (n *network) patcher(nv int) patcher {
	if n.activation == relu {
		return straight{n.chords(nv, 1+nv)}
	}
	return n.jets(nv)
}

// chords returns the memory for patches of nv variables and so many columns.
func (n *network) chords(nv, columns int) *chords {
	c := &chords{network: n, nv: nv, columns: columns}
	w, cols := max(n.widest, n.heads), columns*lanes
	c.a, c.b, c.e, c.t = make([]float64, w*cols), make([]float64, w*cols), make([]float64, w*lanes), make([]float64, w*lanes)
	c.c, c.cc = make([]float64, w*n.heads*lanes), make([]float64, w*n.heads*lanes)
	c.out, c.rad = make([]float64, n.members*n.heads*cols), make([]float64, n.members*n.heads*lanes)
	c.first, c.most = make([]float64, n.nz*cols), make([]float64, cols)
	c.loose, c.cmost = make([]float64, n.heads*lanes), make([]float64, n.heads*lanes)
	for _, l := range n.layers[:len(n.layers)-1] {
		c.α, c.d = append(c.α, make([]float64, l.out*lanes)), append(c.d, make([]float64, l.out*lanes))
	}
	for i := range c.row {
		c.row[i] = make([]float64, lanes)
	}
	return c
}

// enclose implements patcher.
func (c *chords) enclose(dst *enclosures, p *patches) {
	heads, nv, cols := c.heads, c.nv, (1+c.nv)*lanes
	// The inputs, and the most that one of them can be.
	var inTop [lanes]float64
	for k := range c.nz {
		row := c.first[k*cols:][:cols]
		s := c.norm.scale[k]
		for l := range lanes {
			row[l] = (p.mid[k*lanes+l] - c.norm.center[k]) / s
			sum := math.Abs(row[l])
			for i := range nv {
				v := p.span[(k*nv+i)*lanes+l] / s
				row[(1+i)*lanes+l] = v
				sum += math.Abs(v)
			}
			inTop[l] = max(inTop[l], sum)
		}
	}
	var off [lanes]float64 // of the inputs, in scales
	for k := range c.nz {
		for l := range lanes {
			off[l] = max(off[l], p.off[k*lanes+l]/math.Abs(c.norm.scale[k])*(1+4*unit))
		}
	}
	last := len(c.layers) - 1
	for m := range c.members {
		c.top = inTop
		from, to := c.first, c.a
		for k, y := range c.layers {
			if k == last {
				to = c.out[m*heads*cols:][:heads*cols]
			}
			to = to[:y.out*cols]
			y.w[m].Mul(to, from[:y.in*cols], cols)
			if 0 < k && k < last {
				y.abs[m].Mul(c.e[:y.out*lanes], c.t[:y.in*lanes], lanes)
			}
			g := gamma(y.in + nv + 4)
			if k == last {
				for o := range y.out {
					row, rad := to[o*cols:][:lanes], c.rad[(m*heads+o)*lanes:][:lanes]
					for l := range lanes {
						row[l] += y.bias[m][o]
						rad[l] = g*(math.Abs(y.bias[m][o])+y.size[m][o]*c.top[l]) + tiny
						if k == 0 {
							rad[l] += y.size[m][o] * off[l] * (1 + 8*unit)
						}
					}
				}
				break
			}
			clear(c.most)
			v, ρ, d, loss := c.row[0], c.row[1], c.row[2], c.row[3]
			for o := range y.out {
				row := to[o*cols:][:cols]
				e := c.e[o*lanes:][:lanes]
				α := c.α[k][o*lanes:][:lanes]
				for l := range lanes {
					row[l] += y.bias[m][o]
					loss[l] = g*(math.Abs(y.bias[m][o])+y.size[m][o]*c.top[l]) + tiny
					if k == 0 {
						loss[l] += y.size[m][o] * off[l] * (1 + 8*unit)
						e[l] = 0
					}
					ρ[l] = e[l]
				}
				for i := range nv {
					for l, v := range row[(1+i)*lanes:][:lanes] {
						ρ[l] += math.Abs(v)
					}
				}
				for l := range lanes {
					ρ[l] = ρ[l]*(1+g) + loss[l]
				}
				c.activation.relax(&c.relaxer, v, α, d, row[:lanes], ρ)
				own, t := c.d[k][o*lanes:][:lanes], c.t[o*lanes:][:lanes]
				for l := range lanes {
					row[l] = v[l]
					own[l] = (d[l] + math.Abs(α[l])*loss[l]) * (1 + 8*unit)
					t[l] = (own[l] + math.Abs(α[l])*e[l]) * (1 + gamma(y.out+4)) // and of the sum that it goes into
					c.most[l] = max(c.most[l], math.Abs(v[l]))
				}
				for i := range nv {
					r, most := row[(1+i)*lanes:][:lanes], c.most[(1+i)*lanes:][:lanes]
					for l := range lanes {
						r[l] *= α[l]
						most[l] = max(most[l], math.Abs(r[l]))
					}
				}
			}
			clear(c.top[:])
			for i := range 1 + nv {
				for l := range lanes {
					c.top[l] += c.most[i*lanes+l]
				}
			}
			from, to = to, c.b
			if k%2 == 1 {
				to = c.a
			}
		}
		c.backward(m)
	}
	c.combine(dst)
}

// backward adds to the radii of member m's outputs those of the errors of all hidden layers, each with the coefficient that it comes to
// an output with: what cancels on the way does.
func (c *chords) backward(m int) {
	heads, cols := c.heads, c.heads*lanes
	last := len(c.layers) - 1
	if last == 0 {
		return
	}
	y := &c.layers[last]
	coef, next := c.c[:y.in*cols], c.cc
	for k := range y.in {
		for d := range heads {
			w := y.rows[m][d*y.in+k]
			for l := range lanes {
				coef[k*cols+d*lanes+l] = w
			}
		}
	}
	clear(c.loose) // by how much coefficients are off at most
	for h := last - 1; ; h-- {
		rad := c.rad[m*heads*lanes:][:cols]
		width := c.layers[h].out
		vec.Weigh64(rad, coef[:width*cols], c.loose, c.d[h])
		if h == 0 {
			break
		}
		vec.Steepen64(coef[:width*cols], c.α[h], c.cmost, c.steepest[:])
		y := &c.layers[h]
		for i := range c.loose {
			c.loose[i] = (c.loose[i]*c.steepest[i%lanes] + gamma(width+2)*c.cmost[i]) * y.column[m] * (1 + 16*unit)
		}
		y.back[m].Mul(next[:y.in*cols], coef, cols)
		coef, next = next[:y.in*cols], coef[:cap(coef)]
	}
	total := 2
	for _, y := range c.layers[:last] {
		total += y.out
	}
	for i, v := range c.rad[m*heads*lanes:][:cols] {
		c.rad[m*heads*lanes+i] = above(v, total)
	}
}

// combine writes the mean of the members, and a bound of their deviation from it.
func (c *chords) combine(dst *enclosures) {
	nx, heads, nv, cols := c.nx, c.heads, c.nv, (1+c.nv)*lanes
	share := 1 / float64(c.members)
	c.deviation.resize(c.members, nv)
	for d := range nx {
		for l := range lanes {
			most, sum := 0.0, 0.0
			for i := range 1 + nv {
				mean := 0.0
				for m := range c.members {
					v := c.out[(m*heads+d)*cols+i*lanes+l]
					mean += v
					most = max(most, math.Abs(v))
				}
				mean *= share
				sum += most
				if i == 0 {
					dst.mid[d*lanes+l] = c.unit[d] * mean
				} else {
					dst.slope[(d*nv+i-1)*lanes+l] = c.unit[d] * mean
				}
				for m := range c.members {
					v := c.out[(m*heads+d)*cols+i*lanes+l] - mean
					if i == 0 {
						c.deviation.v[m] = v
					} else {
						c.deviation.a[m*nv+i-1] = v
					}
				}
			}
			loss := gamma(c.members+4) * sum // of the mean and of what is subtracted from it
			all := 0.0
			for m := range c.members {
				all += c.rad[(m*heads+d)*lanes+l]
			}
			all *= share
			for m := range c.members {
				c.deviation.rad[m] = above((1-2*share)*c.rad[(m*heads+d)*lanes+l]+all, c.members+4) + loss
				if c.members == 1 {
					c.deviation.rad[m] = 0
				}
			}
			size := math.Abs(c.unit[d])
			dst.rad[d*lanes+l] = above(size*(above(all, c.members)+loss), 4)
			norm := c.deviation.norm(nil)
			dst.dev[d*lanes+l] = c.doubted(above(size*math.Sqrt(above(norm*norm*share, 4)+1e-16), 4), d, l)
		}
	}
}

// doubted is at least the length of dev and the noise of dimension d in lane l, if that is doubted.
func (c *chords) doubted(dev float64, d, l int) float64 {
	if c.heads == c.nx {
		return dev
	}
	return above(math.Hypot(dev, c.noise(d, func(m int) float64 {
		i := m*c.heads + c.nx + d
		row := c.out[i*c.columns*lanes:][:c.columns*lanes]
		far := c.rad[i*lanes+l]
		for k := lanes + l; k < len(row); k += lanes {
			far += math.Abs(row[k]) // a monomial of y is in ±1
		}
		return row[l] + far + gamma(c.columns+4)*(math.Abs(row[l])+far)
	})), 4)
}

// noise is at least the noise of dimension d, of members whose raw outputs are at most what raw says.
func (n *network) noise(d int, raw func(m int) float64) float64 {
	sum := 0.0
	for m := range n.members {
		sum += math.Exp(3*math.Tanh(raw(m)) - 2)
	}
	most := math.Abs(n.unit[d]) * sum / float64(n.members) * (1 + 1e-12)
	if n.declared == nil {
		return most
	}
	return safex.Undeclared(most, n.declared[d]*(1-1e-12)) * (1 + 1e-12) // which grows with it
}
