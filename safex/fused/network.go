package fused

import (
	"fmt"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/vec"
)

// network is a packed ensemble. The members' first layers are one matrix, as they share their input, and so is its
// transpose, which adds their gradients up.
type network struct {
	members, in, out int
	activation       vec.Activation
	hidden           []int           // widths
	first, firstBack *vec.Matrix     // [members·w, in] and its transpose, w = hidden[0], or out without hidden layers
	rest, restBack   [][]*vec.Matrix // of layer 1 and on, [layer - 1][member], and their transposes
}

var activations = map[string]vec.Activation{"swish": vec.Swish, "relu": vec.Relu, "tanh": vec.TanhUnit}

// pack checks and packs the layers of a model of nx state and nu action dimensions.
func pack(l *safex.Layers, nx, nu int) (*network, error) {
	activation, ok := activations[l.Activation]
	if !ok && len(l.Dense) > 1 {
		return nil, fmt.Errorf("fused: no activation %q: use the graph engine", l.Activation)
	}
	n := &network{members: l.Members, in: nx + nu, out: nx, activation: activation}
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
	keeper
	memory      []float32
	y           []float32 // [kept, members, out]: outputs of the members
	mean, dev   []float32 // [kept, out]: their mean and deviation
	slopes      []float32 // [steps, members, units]: derivatives of the activations; empty without a way back
	first, a, b []float32 // of forth and back
	dy          []float32 // [members, out]
}

// prepare implements stepper.
func (s *members) prepare(steps int) {
	s.keeper = steps > 0
	kept := max(1, steps)
	s.memory = lay(s.memory,
		part{&s.y, kept * s.members * s.out}, part{&s.mean, kept * s.out}, part{&s.dev, kept * s.out}, part{&s.slopes, steps * s.members * s.units()},
		part{&s.first, s.firstRows()}, part{&s.a, s.widest()}, part{&s.b, s.widest()}, part{&s.dy, s.members * s.out})
}

// forward implements stepper.
func (s *members) forward(xu []float32, t int, doubt bool, lanes int) (mean, dev []float32) {
	var slopes []float32
	if s.keeper {
		slopes = s.at(s.slopes, t, s.members*s.units(), lanes)
	}
	y := s.at(s.y, t, s.members*s.out, lanes)
	s.forth(y, slopes, xu, s.first[:s.firstRows()*lanes], s.a, s.b, lanes)
	mean = s.at(s.mean, t, s.out, lanes)
	if doubt {
		dev = s.at(s.dev, t, s.out, lanes)
	}
	vec.Spread(mean, dev, y, s.members)
	return mean, dev
}

// backward implements stepper.
func (s *members) backward(dxu, _, gMean, gDev []float32, t, lanes int) {
	dy := s.dy[:s.members*s.out*lanes]
	vec.SpreadBack(dy, s.at(s.y, t, s.members*s.out, lanes), s.at(s.mean, t, s.out, lanes), s.at(s.dev, t, s.out, lanes), gMean, gDev, s.members)
	s.back(dxu, dy, s.at(s.slopes, t, s.members*s.units(), lanes), s.first[:s.firstRows()*lanes], s.a, s.b, lanes)
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
