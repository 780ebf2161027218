package fused

import (
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/vec"
)

// network is a packed ensemble. The transpose of the members' first layers is one matrix, which adds their gradients up, as
// they share their input.
type network struct {
	members, in, out int
	activation       vec.Activation
	hidden           []int           // widths
	layers           [][]*vec.Matrix // [layer][member]
	firstBack        *vec.Matrix     // [in, members·w], w = hidden[0], or out without hidden layers
	restBack         [][]*vec.Matrix // transposes of layer 1 and on, [layer - 1][member]
	center, inverse  []float64       // [in]: of the scales
	unit             []float64       // [out]
}

var activations = map[string]vec.Activation{"swish": vec.Swish, "relu": vec.Relu, "tanh": vec.TanhUnit}

// pack checks and packs the layers of a model of nx state and nu action dimensions.
func pack(l *safex.Layers, nx, nu int) (*network, error) {
	activation, ok := activations[l.Activation]
	if !ok && len(l.Dense) > 1 {
		return nil, fmt.Errorf("fused: no activation %q: use the graph engine", l.Activation)
	}
	n := &network{members: l.Members, in: nx + nu, out: nx, activation: activation}
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
	if in != nx || len(l.Dense) == 0 {
		panic(fmt.Sprintf("fused: %d layers with %d outputs for %d state dimensions", len(l.Dense), in, nx))
	}
	for k, d := range l.Dense {
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
	y           []float32 // [kept, members, out]: outputs of the members
	mean, dev   []float32 // [kept, out]: their mean and deviation
	slopes      []float32 // [steps, members, units]: derivatives of the activations; empty without a way back
	first, a, b []float32 // of forth and back
	dy          []float32 // [members, out]
	gMean, gDev []float32 // [out]: gradients in units

	wide       []float64
	change     []float64 // [out]: mean in the units of the state
	deviations []float64 // [kept, out]: and dev
}

// prepare implements stepper.
func (s *members) prepare(steps int) {
	s.rowsKept = steps > 0
	s.piece = min(most, vec.Piece(s.widest()))
	kept := max(1, steps)
	s.memory = lay(s.memory,
		part[float32]{&s.z, s.in}, part[float32]{&s.y, kept * s.members * s.out}, part[float32]{&s.mean, kept * s.out}, part[float32]{&s.dev, kept * s.out},
		part[float32]{&s.slopes, steps * s.members * s.units()}, part[float32]{&s.first, s.firstRows()}, part[float32]{&s.a, s.widest()}, part[float32]{&s.b, s.widest()},
		part[float32]{&s.dy, s.members * s.out}, part[float32]{&s.gMean, s.out}, part[float32]{&s.gDev, s.out})
	s.wide = lay(s.wide, part[float64]{&s.change, s.out}, part[float64]{&s.deviations, kept * s.out})
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
	y := at(s.rowsKept, s.y, t, s.members*s.out, lanes)
	s.forth(y, slopes, z, s.a, s.b, lanes, s.piece)
	m, d := at(s.rowsKept, s.mean, t, s.out, lanes), []float32(nil)
	if epistemic {
		d = at(s.rowsKept, s.dev, t, s.out, lanes)
	}
	for lo := 0; lo < lanes; lo += s.piece {
		n := min(s.piece, lanes-lo)
		var dev []float32
		if epistemic {
			dev = cut(d, s.out, lo, n)
		}
		vec.Spread(cut(m, s.out, lo, n), dev, cut(y, s.members*s.out, lo, n), s.members)
	}
	mean = s.change[:s.out*lanes]
	s.widen(mean, m, lanes)
	if epistemic {
		dev = at(s.rowsKept, s.deviations, t, s.out, lanes)
		s.widen(dev, d, lanes)
	}
	return mean, dev
}

// cut are the given rows of the piece of n lanes from lo on.
func cut(x []float32, rows, lo, n int) []float32 { return x[rows*lo:][:rows*n] }

// widen writes outputs in the units of the state.
func (s *members) widen(dst []float64, y []float32, lanes int) {
	for lo := 0; lo < lanes; lo += s.piece {
		n := min(s.piece, lanes-lo)
		for d, unit := range s.unit {
			from, to := y[s.out*lo+d*n:][:n], dst[d*lanes+lo:][:n]
			for l, v := range from {
				to[l] = unit * float64(v)
			}
		}
	}
}

// narrow is the gradient with respect to y, of that with respect to the dst of widen.
func (s *members) narrow(g []float32, dst []float64, lanes int) {
	for lo := 0; lo < lanes; lo += s.piece {
		n := min(s.piece, lanes-lo)
		for d, unit := range s.unit {
			from, to := dst[d*lanes+lo:][:n], g[s.out*lo+d*n:][:n]
			for l, v := range from {
				to[l] = float32(unit * v)
			}
		}
	}
}

// backward implements stepper.
func (s *members) backward(dxu, _, gMean, gDev []float64, t, lanes int) {
	s.narrow(s.gMean, gMean, lanes)
	s.narrow(s.gDev, gDev, lanes)
	dy, all, out := s.dy[:s.members*s.out*lanes], s.members*s.out, s.out
	y, mean, dev := at(s.rowsKept, s.y, t, all, lanes), at(s.rowsKept, s.mean, t, out, lanes), at(s.rowsKept, s.dev, t, out, lanes)
	for lo := 0; lo < lanes; lo += s.piece {
		n := min(s.piece, lanes-lo)
		vec.SpreadBack(cut(dy, all, lo, n), cut(y, all, lo, n), cut(mean, out, lo, n), cut(dev, out, lo, n), cut(s.gMean, out, lo, n), cut(s.gDev, out, lo, n), s.members)
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

// units is how many hidden units a member has.
func (n *network) units() (sum int) {
	for _, w := range n.hidden {
		sum += w
	}
	return sum
}

// widest is the width of the widest layer, input and output among them.
func (n *network) widest() int {
	w := max(n.in, n.out)
	for _, h := range n.hidden {
		w = max(w, h)
	}
	return w
}

// firstRows is the number of outputs of all members' first layers.
func (n *network) firstRows() int {
	if len(n.hidden) == 0 {
		return n.members * n.out
	}
	return n.members * n.hidden[0]
}

// forth is the members' outputs y, [members, out, lanes], at x, [in, lanes]. slopes gets the derivatives of the
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
			n.layers[len(n.hidden)][m].Mul(cut(y, n.members*n.out, lo, k)[m*n.out*k:][:n.out*k], h, k)
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
			g := cut(dy, n.members*n.out, lo, k)[m*n.out*k:][:n.out*k]
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
