package fused

import (
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/internal/vec"
)

// network is a packed ensemble. The members' first layers are one matrix, as they share their input, and so is its
// transpose, which adds their gradients up.
type network struct {
	members, in, out int
	activation       vec.Activation
	hidden           []int           // widths
	first, firstBack *vec.Matrix     // [members·w, in] and its transpose, w = hidden[0], or out without hidden layers
	rest, restBack   [][]*vec.Matrix // of layer 1 and on, [layer - 1][member], and their transposes
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
		if k == 0 {
			n.first, n.firstBack = matrices(d, 0, l.Members)
			continue
		}
		forth, back := make([]*vec.Matrix, l.Members), make([]*vec.Matrix, l.Members)
		for m := range l.Members {
			forth[m], back[m] = matrices(d, m, 1)
		}
		n.rest, n.restBack = append(n.rest, forth), append(n.restBack, back)
	}
	return n, nil
}

// matrices are the layer d of n members from the m-th on, one above the other, and the transpose without a bias.
func matrices(d safex.Dense, m, n int) (w, transposed *vec.Matrix) {
	rows := n * d.Out
	at := func(o, i int) float32 { return d.Weights[(m*d.Out+o)*d.In+i] }
	w = vec.Pack(rows, d.In, at, d.Bias[m*d.Out:][:rows])
	return w, vec.Pack(d.In, rows, func(i, o int) float32 { return at(o, i) }, nil)
}

// stepper implements source.
func (n *network) stepper() stepper { return &members{network: n} }

// members are a network's memory.
type members struct {
	*network
	rowsKept
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
	for k, c := range s.center {
		from, to, by := xu[k*lanes:][:lanes], z[k*lanes:][:lanes], s.inverse[k]
		for l, v := range from {
			to[l] = float32((v - c) * by)
		}
	}
	y := at(s.rowsKept, s.y, t, s.members*s.out, lanes)
	s.forth(y, slopes, z, s.first[:s.firstRows()*lanes], s.a, s.b, lanes)
	m, d := at(s.rowsKept, s.mean, t, s.out, lanes), []float32(nil)
	if epistemic {
		d = at(s.rowsKept, s.dev, t, s.out, lanes)
	}
	vec.Spread(m, d, y, s.members)
	mean = s.change[:s.out*lanes]
	s.widen(mean, m, lanes)
	if epistemic {
		dev = at(s.rowsKept, s.deviations, t, s.out, lanes)
		s.widen(dev, d, lanes)
	}
	return mean, dev
}

// widen writes outputs in the units of the state.
func (s *members) widen(dst []float64, y []float32, lanes int) {
	for d, unit := range s.unit {
		to := dst[d*lanes:][:lanes]
		for l, v := range y[d*lanes:][:lanes] {
			to[l] = unit * float64(v)
		}
	}
}

// backward implements stepper.
func (s *members) backward(dxu, _, gMean, gDev []float64, t, lanes int) {
	for d, unit := range s.unit {
		for _, g := range []struct {
			to   []float32
			from []float64
		}{{s.gMean, gMean}, {s.gDev, gDev}} {
			to := g.to[d*lanes:][:lanes]
			for l, v := range g.from[d*lanes:][:lanes] {
				to[l] = float32(unit * v)
			}
		}
	}
	dy, n := s.dy[:s.members*s.out*lanes], s.out*lanes
	vec.SpreadBack(dy, at(s.rowsKept, s.y, t, s.members*s.out, lanes), at(s.rowsKept, s.mean, t, s.out, lanes), at(s.rowsKept, s.dev, t, s.out, lanes), s.gMean[:n], s.gDev[:n], s.members)
	z := s.z[:s.in*lanes]
	s.back(z, dy, at(s.rowsKept, s.slopes, t, s.members*s.units(), lanes), s.first[:s.firstRows()*lanes], s.a, s.b, lanes)
	for k, by := range s.inverse {
		to := dxu[k*lanes:][:lanes]
		for l, v := range z[k*lanes:][:lanes] {
			to[l] = by * float64(v)
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
// activations, [members, units, lanes], unless it is empty. a, b and first are for intermediate results.
func (n *network) forth(y, slopes, x, first, a, b []float32, lanes int) {
	if len(n.hidden) == 0 {
		n.first.Mul(y, x, lanes)
		return
	}
	n.first.Mul(first, x, lanes)
	for m := range n.members {
		h := first[m*n.hidden[0]*lanes:][:n.hidden[0]*lanes]
		for l, w := range n.hidden {
			var d []float32
			if len(slopes) > 0 {
				d, slopes = slopes[:w*lanes], slopes[w*lanes:]
			}
			n.activation.Apply(h, d, h)
			next := y[m*n.out*lanes:][:n.out*lanes]
			if l+1 < len(n.hidden) {
				next = a[:n.hidden[l+1]*lanes]
				a, b = b, a
			}
			n.rest[l][m].Mul(next, h, lanes)
			h = next
		}
	}
}

// back takes the gradient dy with respect to the members' outputs back to dx, with respect to x. slopes are those of
// forth.
func (n *network) back(dx, dy, slopes, first, a, b []float32, lanes int) {
	if len(n.hidden) == 0 {
		n.firstBack.Mul(dx, dy, lanes)
		return
	}
	for m := range n.members {
		g := dy[m*n.out*lanes:][:n.out*lanes]
		d := slopes[m*n.units()*lanes:][:n.units()*lanes]
		for l := len(n.hidden) - 1; l >= 0; l-- {
			w := n.hidden[l] * lanes
			next := first[m*n.hidden[0]*lanes:][:n.hidden[0]*lanes]
			if l > 0 {
				next = a[:w]
				a, b = b, a
			}
			n.restBack[l][m].Mul(next, g, lanes)
			vec.Mul(next, next, d[len(d)-w:])
			g, d = next, d[:len(d)-w]
		}
	}
	n.firstBack.Mul(dx, first, lanes)
}
