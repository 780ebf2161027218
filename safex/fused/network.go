package fused

import (
	"fmt"
	"math"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/vec"
)

// network is a packed ensemble. The transpose of the members' first layers is one matrix, which adds their gradients up, as
// they share their input.
type network struct {
	members, in, out int
	heads            int // outputs of a member: out, and as many of the noise if that is doubted
	activation       vec.Activation
	hidden           []int           // widths
	layers           [][]*vec.Matrix // [layer][member]
	firstBack        *vec.Matrix     // [in, members·w], w = hidden[0], or heads without hidden layers
	restBack         [][]*vec.Matrix // transposes of layer 1 and on, [layer - 1][member]
	center, inverse  []float64       // [in]: of the scales
	unit             []float64       // [out]
	declared         []float64       // [out]: variance that is left out of the noise; nil for 0
}

var activations = map[string]vec.Activation{"swish": vec.Swish, "relu": vec.Relu, "tanh": vec.TanhUnit}

// pack checks and packs the layers of a model of nx state and nu action dimensions. What they say of the noise counts if it is doubted.
func pack(l *safex.Layers, nx, nu int, doubted bool) (*network, error) {
	activation, ok := activations[l.Activation]
	if !ok && len(l.Dense) > 1 {
		return nil, fmt.Errorf("fused: no activation %q: use the graph engine", l.Activation)
	}
	n := &network{members: l.Members, in: nx + nu, out: nx, heads: nx, activation: activation}
	n.center, n.inverse, n.unit = make([]float64, n.in), make([]float64, n.in), make([]float64, nx)
	fill(n.inverse, 1)
	fill(n.unit, 1)
	for _, given := range []struct{ from, to []float64 }{{l.Center, n.center}, {l.Scale, n.inverse}, {l.Unit, n.unit}} {
		if given.from != nil && len(given.from) != len(given.to) {
			panic(fmt.Sprintf("fused: a center, scales and units of %d, %d and %d for %d inputs and %d outputs", len(l.Center), len(l.Scale), len(l.Unit), n.in, nx))
		}
		copy(given.to, given.from)
	}
	for k, v := range l.Scale {
		n.inverse[k] = 1 / v
	}
	in := n.in
	for k, d := range l.Dense {
		if l.Members < 1 || d.In != in || d.Out < 1 || len(d.Weights) != l.Members*d.Out*d.In || len(d.Bias) != l.Members*d.Out {
			panic(fmt.Sprintf("fused: layer %d of %d members has %d weights and %d biases for %d inputs and %d outputs, after %d outputs",
				k, l.Members, len(d.Weights), len(d.Bias), d.In, d.Out, in))
		}
		in = d.Out
	}
	outputs := nx
	if l.Noise {
		outputs *= 2
	}
	if in != outputs || len(l.Dense) == 0 {
		panic(fmt.Sprintf("fused: %d layers with %d outputs for %d state dimensions, with noise %v", len(l.Dense), in, nx, l.Noise))
	}
	if l.Noise && doubted {
		n.heads = outputs
		if n.declared = l.Declared; n.declared != nil && len(n.declared) != nx {
			panic(fmt.Sprintf("fused: variances of %d dimensions that are declared, for %d outputs", len(n.declared), nx))
		}
	}
	for k, d := range l.Dense {
		if k+1 == len(l.Dense) {
			d = first(d, l.Members, n.heads)
		}
		if k+1 < len(l.Dense) {
			n.hidden = append(n.hidden, d.Out)
		}
		forth, back := make([]*vec.Matrix, l.Members), make([]*vec.Matrix, l.Members)
		for m := range l.Members {
			forth[m] = forward(d, m)
			if k > 0 {
				back[m] = transposed(d, m, 1)
			}
		}
		n.layers = append(n.layers, forth)
		if k == 0 {
			n.firstBack = transposed(d, 0, l.Members)
		} else {
			n.restBack = append(n.restBack, back)
		}
	}
	return n, nil
}

// first is a layer with the first keep outputs of each member alone.
func first(d safex.Dense, members, keep int) safex.Dense {
	f := safex.Dense{In: d.In, Out: keep}
	for m := range members {
		f.Weights = append(f.Weights, d.Weights[m*d.Out*d.In:][:keep*d.In]...)
		f.Bias = append(f.Bias, d.Bias[m*d.Out:][:keep]...)
	}
	return f
}

// forward is layer d of member m.
func forward(d safex.Dense, m int) *vec.Matrix {
	w := d.Weights[m*d.Out*d.In:]
	return vec.Pack(d.Out, d.In, func(o, i int) float32 { return w[o*d.In+i] }, d.Bias[m*d.Out:][:d.Out])
}

// transposed is the transpose of layer d of n members from the m-th on, one above the other, without a bias.
func transposed(d safex.Dense, m, n int) *vec.Matrix {
	w := d.Weights[m*d.Out*d.In:]
	return vec.Pack(d.In, n*d.Out, func(i, o int) float32 { return w[o*d.In+i] }, nil)
}

// stepper implements source.
func (n *network) stepper() stepper { return &members{network: n} }

// members are a network's memory. Rows of float32 are cut into pieces: those of the first lanes of a block come first, then those of
// the next. So what a layer leaves to the next one is near.
type members struct {
	*network
	rowsKept
	piece       int // lanes
	memory      []float32
	z           []float32 // [in]: inputs
	y           []float32 // [kept, members, heads]: outputs of the members
	mean, dev   []float32 // [kept, heads]: their mean and deviation; those of the noise nobody looks at
	noise       []float32 // [kept, out]: of the members on average
	steep       []float32 // [kept, members, out]: its derivatives by the outputs
	each        []float32 // [out]: noise of one member
	slopes      []float32 // [steps, members, units]: derivatives of the activations; empty without a way back
	first, a, b []float32 // of forth and back
	dy          []float32 // [members, heads]
	gMean, gDev []float32 // [heads]: gradients in units

	wide       []float64
	change     []float64 // [out]: mean in the units of the state
	deviations []float64 // [kept, out]: and dev, with the noise
	sigma      []float64 // [kept, out]: without
	aleatoric  []float64 // [kept, out]: half the derivative of the square of the noise that is left, by the noise; the noise itself where none is declared
	g          []float64 // [out]: gradient with respect to one of them
}

// prepare implements stepper.
func (s *members) prepare(steps int) {
	s.rowsKept = steps > 0
	s.piece = min(most, vec.Piece(s.widest()))
	kept := max(1, steps)
	s.memory = lay(s.memory,
		part[float32]{&s.z, s.in}, part[float32]{&s.y, kept * s.members * s.heads}, part[float32]{&s.mean, kept * s.heads}, part[float32]{&s.dev, kept * s.heads},
		part[float32]{&s.noise, kept * (s.heads - s.out)}, part[float32]{&s.steep, kept * s.members * (s.heads - s.out)}, part[float32]{&s.each, s.heads - s.out},
		part[float32]{&s.slopes, steps * s.members * s.units()}, part[float32]{&s.first, s.firstRows()}, part[float32]{&s.a, s.widest()}, part[float32]{&s.b, s.widest()},
		part[float32]{&s.dy, s.members * s.heads}, part[float32]{&s.gMean, s.heads}, part[float32]{&s.gDev, s.heads})
	s.wide = lay(s.wide, part[float64]{&s.change, s.out}, part[float64]{&s.deviations, kept * s.out},
		part[float64]{&s.sigma, kept * (s.heads - s.out)}, part[float64]{&s.aleatoric, kept * (s.heads - s.out)}, part[float64]{&s.g, s.out})
}

// forward implements stepper.
func (s *members) forward(xu []float64, t int, epistemic bool, lanes int) (mean, dev []float64) {
	var slopes []float32
	if s.rowsKept {
		slopes = at(s.rowsKept, s.slopes, t, s.members*s.units(), lanes)
	}
	z := s.z[:s.in*lanes]
	for lo := 0; lo < lanes; lo += s.piece {
		n := min(s.piece, lanes-lo)
		for k, c := range s.center {
			from, to, by := xu[k*lanes+lo:][:n], z[s.in*lo+k*n:][:n], s.inverse[k]
			for l, v := range from {
				to[l] = float32((v - c) * by)
			}
		}
	}
	y := at(s.rowsKept, s.y, t, s.members*s.heads, lanes)
	s.forth(y, slopes, z, s.a, s.b, lanes, s.piece)
	m, d := at(s.rowsKept, s.mean, t, s.heads, lanes), []float32(nil)
	if epistemic {
		d = at(s.rowsKept, s.dev, t, s.heads, lanes)
	}
	for lo := 0; lo < lanes; lo += s.piece {
		n := min(s.piece, lanes-lo)
		var dev []float32
		if epistemic {
			dev = cut(d, s.heads, lo, n)
		}
		vec.Spread(cut(m, s.heads, lo, n), dev, cut(y, s.members*s.heads, lo, n), s.members)
	}
	mean = s.change[:s.out*lanes]
	s.widen(mean, m, s.heads, lanes)
	if !epistemic {
		return mean, nil
	}
	dev = at(s.rowsKept, s.deviations, t, s.out, lanes)
	if s.heads == s.out {
		s.widen(dev, d, s.heads, lanes)
		return mean, dev
	}
	noise := at(s.rowsKept, s.noise, t, s.out, lanes)
	s.doubt(noise, at(s.rowsKept, s.steep, t, s.members*s.out, lanes), y, lanes)
	sigma, aleatoric := at(s.rowsKept, s.sigma, t, s.out, lanes), at(s.rowsKept, s.aleatoric, t, s.out, lanes)
	s.widen(sigma, d, s.heads, lanes)
	s.widen(aleatoric, noise, s.out, lanes)
	for i, v := range sigma {
		dev[i] = math.Sqrt(float64(v*v) + float64(aleatoric[i]*aleatoric[i]))
	}
	for d, variance := range s.declared {
		if variance > 0 {
			leave(dev[d*lanes:][:lanes], sigma[d*lanes:], aleatoric[d*lanes:], variance)
		}
	}
	return mean, dev
}

// leave writes to dev what sigma and the noise come to that a declared variance leaves, and to the noise half the derivative of the square of what is left of it.
func leave(dev, sigma, noise []float64, variance float64) {
	const least = safex.Known * safex.Known
	for i := range dev {
		v := noise[i]
		square := float64(v * v)
		left := square - variance
		if bound := float64(least * square); !(left > bound) {
			left, noise[i] = bound, least*v
		}
		dev[i] = math.Sqrt(float64(sigma[i]*sigma[i]) + left)
	}
}

// doubt writes the members' noise on average, [out] in pieces, and its derivatives by their outputs y.
func (s *members) doubt(noise, steep, y []float32, lanes int) {
	share := 1 / float32(s.members)
	for lo := 0; lo < lanes; lo += s.piece {
		n := min(s.piece, lanes-lo)
		sum, slopes, each := cut(noise, s.out, lo, n), cut(steep, s.members*s.out, lo, n), s.each[:s.out*n]
		clear(sum)
		for m := range s.members {
			var slope []float32
			if s.rowsKept {
				slope = slopes[m*s.out*n:][:s.out*n]
			}
			vec.Noise(each, slope, cut(y, s.members*s.heads, lo, n)[(m*s.heads+s.out)*n:][:s.out*n])
			for i, v := range each {
				sum[i] += share * v
			}
		}
	}
}

// cut are the given rows of the piece of n lanes from lo on.
func cut(x []float32, rows, lo, n int) []float32 { return x[rows*lo:][:rows*n] }

// widen writes the first outputs of so many rows in the units of the state.
func (s *members) widen(dst []float64, y []float32, rows, lanes int) {
	for lo := 0; lo < lanes; lo += s.piece {
		n := min(s.piece, lanes-lo)
		for d, unit := range s.unit {
			from, to := y[rows*lo+d*n:][:n], dst[d*lanes+lo:][:n]
			for l, v := range from {
				to[l] = unit * float64(v)
			}
		}
	}
}

// narrow is the gradient with respect to y, of that with respect to the dst of widen.
func (s *members) narrow(g []float32, dst []float64, rows, lanes int) {
	for lo := 0; lo < lanes; lo += s.piece {
		n := min(s.piece, lanes-lo)
		for d, unit := range s.unit {
			from, to := dst[d*lanes+lo:][:n], g[rows*lo+d*n:][:n]
			for l, v := range from {
				to[l] = float32(unit * v)
			}
		}
	}
}

// backward implements stepper.
func (s *members) backward(dxu, _, gMean, gDev []float64, t, lanes int) {
	dy, all, out := s.dy[:s.members*s.heads*lanes], s.members*s.heads, s.heads
	clear(s.gMean[:out*lanes])
	s.narrow(s.gMean, gMean, out, lanes)
	if s.heads > s.out {
		clear(s.gDev[:out*lanes])
		s.narrow(s.gDev, s.share(gDev, s.sigma, t, lanes), out, lanes)
	} else {
		s.narrow(s.gDev, gDev, out, lanes)
	}
	y, mean, dev := at(s.rowsKept, s.y, t, all, lanes), at(s.rowsKept, s.mean, t, out, lanes), at(s.rowsKept, s.dev, t, out, lanes)
	for lo := 0; lo < lanes; lo += s.piece {
		n := min(s.piece, lanes-lo)
		vec.SpreadBack(cut(dy, all, lo, n), cut(y, all, lo, n), cut(mean, out, lo, n), cut(dev, out, lo, n), cut(s.gMean, out, lo, n), cut(s.gDev, out, lo, n), s.members)
	}
	if s.heads > s.out {
		s.doubtBack(dy, s.share(gDev, s.aleatoric, t, lanes), t, lanes)
	}
	z := s.z[:s.in*lanes]
	s.back(z, dy, at(s.rowsKept, s.slopes, t, s.members*s.units(), lanes), s.first[:s.firstRows()*lanes], s.a, s.b, lanes, s.piece)
	for lo := 0; lo < lanes; lo += s.piece {
		n := min(s.piece, lanes-lo)
		for k, by := range s.inverse {
			from, to := z[s.in*lo+k*n:][:n], dxu[k*lanes+lo:][:n]
			for l, v := range from {
				to[l] = by * float64(v)
			}
		}
	}
}

// share is the gradient with respect to sigma or aleatoric, from that with respect to the root of their squares.
func (s *members) share(gDev, part []float64, t, lanes int) []float64 {
	g, part := s.g[:s.out*lanes], at(s.rowsKept, part, t, s.out, lanes)
	for i, v := range at(s.rowsKept, s.deviations, t, s.out, lanes) {
		g[i] = gDev[i] * (part[i] / v)
	}
	return g
}

// doubtBack completes dy by the gradient with respect to the noise.
func (s *members) doubtBack(dy []float32, g []float64, t, lanes int) {
	steep, noise := at(s.rowsKept, s.steep, t, s.members*s.out, lanes), s.gMean // which nobody needs any more
	s.narrow(noise, g, s.out, lanes)
	share := 1 / float32(s.members)
	for lo := 0; lo < lanes; lo += s.piece {
		n := min(s.piece, lanes-lo)
		by, slopes, to := cut(noise, s.out, lo, n), cut(steep, s.members*s.out, lo, n), cut(dy, s.members*s.heads, lo, n)
		for m := range s.members {
			slope, raw := slopes[m*s.out*n:][:s.out*n], to[(m*s.heads+s.out)*n:][:s.out*n]
			for i, v := range slope {
				raw[i] = share * by[i] * v
			}
		}
	}
}

// units is how many hidden units a member has.
func (n *network) units() (sum int) {
	for _, w := range n.hidden {
		sum += w
	}
	return sum
}

// widest is the width of the widest layer, input and output among them.
func (n *network) widest() int {
	w := max(n.in, n.heads)
	for _, h := range n.hidden {
		w = max(w, h)
	}
	return w
}

// firstRows is the number of outputs of all members' first layers.
func (n *network) firstRows() int {
	if len(n.hidden) == 0 {
		return n.members * n.heads
	}
	return n.members * n.hidden[0]
}

// forth is the members' outputs y, [members, heads, lanes], at x, [in, lanes]. slopes gets the derivatives of the
// activations, [members, units, lanes], unless it is empty. a and b are for intermediate results. All are in pieces of so many lanes. A
// member takes all of them after each other, so that its weights come from afar once.
func (n *network) forth(y, slopes, x, a, b []float32, lanes, piece int) {
	all := n.members * n.units()
	for m := range n.members {
		for lo := 0; lo < lanes; lo += piece {
			k := min(piece, lanes-lo)
			h := cut(x, n.in, lo, k)
			var rest []float32
			if len(slopes) > 0 {
				rest = cut(slopes, all, lo, k)[m*n.units()*k:]
			}
			for l, w := range n.hidden {
				var d []float32
				if len(slopes) > 0 {
					d, rest = rest[:w*k], rest[w*k:]
				}
				next := a[:w*k]
				n.layers[l][m].Layer(n.activation, next, d, h, k)
				h = next
				a, b = b, a
			}
			n.layers[len(n.hidden)][m].Mul(cut(y, n.members*n.heads, lo, k)[m*n.heads*k:][:n.heads*k], h, k)
		}
	}
}

// back takes the gradient dy with respect to the members' outputs back to dx, with respect to x. slopes are those of
// forth, and first is for intermediate results too.
func (n *network) back(dx, dy, slopes, first, a, b []float32, lanes, piece int) {
	if len(n.hidden) == 0 {
		first = dy
	}
	rows := n.firstRows()
	for m := range n.members {
		for lo := 0; lo < lanes; lo += piece {
			k := min(piece, lanes-lo)
			g := cut(dy, n.members*n.heads, lo, k)[m*n.heads*k:][:n.heads*k]
			d := cut(slopes, n.members*n.units(), lo, k)[m*n.units()*k:][:n.units()*k]
			for l := len(n.hidden) - 1; l >= 0; l-- {
				w := n.hidden[l] * k
				next := a[:w]
				if l == 0 {
					next = cut(first, rows, lo, k)[m*w:][:w]
				}
				n.restBack[l][m].MulTimes(next, d[len(d)-w:], g, k)
				g, d = next, d[:len(d)-w]
				a, b = b, a
			}
		}
	}
	for lo := 0; lo < lanes; lo += piece {
		k := min(piece, lanes-lo)
		n.firstBack.Mul(cut(dx, n.in, lo, k), cut(first, rows, lo, k), k)
	}
}
