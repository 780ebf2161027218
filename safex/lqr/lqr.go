// Package lqr has linear-quadratic regulators of nonlinear tasks about a state of rest, and the sets of states that they bring
// there within the limits. Such a set is a safex.Backup for a task that has no simpler one.
package lqr

import (
	"errors"
	"fmt"
	"math"
	"slices"

	"gonum.org/v1/gonum/mat"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// A Regulator holds a system at rest in the state X by the action U + K (x - X), cut to [-1, 1]. Of all linear ones it has the
// least cost
//
//	Σ (x - X)ᵀQ(x - X) + (u - U)ᵀR(u - U)
//
// over all steps to come, for the dynamics that are linear about X, and P is that cost: (x - X)ᵀP(x - X). Callers must not change
// it.
type Regulator struct {
	X []float64   // [nx], in the units of the state
	U []float64   // [nu], in [-1, 1]
	K [][]float64 // [nu][nx]
	P [][]float64 // [nx][nx], symmetric and positive definite

	next func(x, u num.Vec) num.Vec
	root [][]float64 // [nx][nx], upper triangular: rootᵀ root is P
	gain float64     // the share of its cost that a state loses in a step at least, where the dynamics are linear and actions are not cut
}

// New returns the regulator of next, as it is in Task.Next, about the state x in which the system rests under the action u. q [nx]
// and r [nu] are the diagonals of Q and R, above 0: 1/d² for a deviation d that matters as much as those of the others do. K and P
// have six digits, so that they are the same on every machine. An error says that x is not a state of rest, or that no action leads
// back to it.
func New(next func(x, u num.Vec) num.Vec, x, u, q, r []float64) (*Regulator, error) {
	nx, nu := len(x), len(u)
	if nx == 0 || nu == 0 || len(q) != nx || len(r) != nu {
		return nil, fmt.Errorf("lqr: a state of %d dimensions with %d weights, and an action of %d with %d: want as many, and at least one", nx, len(q), nu, len(r))
	}
	for i, v := range slices.Concat(q, r) {
		if !(v > 0) || math.IsInf(v, 1) {
			return nil, fmt.Errorf("lqr: weight %d of %d is %v, want above 0", i+1, nx+nu, v)
		}
	}
	p := num.Trace(nx+nu, func(v num.Vec) num.Vec { return next(slices.Clone(v[:nx]), slices.Clone(v[nx:])) })
	if p.Out != nx {
		return nil, fmt.Errorf("lqr: next has %d dimensions, the state %d", p.Out, nx)
	}
	at, to := slices.Concat(x, u), make([]float64, nx)
	p.Eval(to, at)
	for d, v := range to {
		if !(math.Abs(v-x[d]) <= 1e-9*(1+math.Abs(x[d]))) {
			return nil, fmt.Errorf("lqr: there is no rest: dimension %d of the state goes from %v to %v", d, x[d], v)
		}
	}
	a, b := linearised(p, at, nx)
	cost, err := costs(a, b, q, r)
	if err != nil {
		return nil, err
	}
	var pb, s, pba, k mat.Dense // K = -(R + BᵀPB)⁻¹ BᵀPA
	pb.Mul(cost, b)
	s.Mul(b.T(), &pb)
	for i, v := range r {
		s.Set(i, i, s.At(i, i)+v)
	}
	pba.Mul(pb.T(), a)
	if err := k.Solve(&s, &pba); err != nil {
		return nil, fmt.Errorf("lqr: %w", err)
	}
	k.Scale(-1, &k)
	g := &Regulator{X: slices.Clone(x), U: slices.Clone(u), K: rounded(&k), P: rounded(cost), next: next}
	var chol mat.Cholesky
	if !chol.Factorize(symmetric(dense(g.P))) {
		return nil, errors.New("lqr: the costs of some dimensions are too small beside those of others: choose weights nearer to each other")
	}
	var root mat.TriDense
	chol.UTo(&root)
	g.root = rounded(&root)
	return g, g.converge(&k, q, r)
}

// converge finds the gain: a step takes (x - X)ᵀ(Q + KᵀRK)(x - X) off the cost.
func (g *Regulator) converge(k *mat.Dense, q, r []float64) error {
	var rk, krk, inverse, left, whole mat.Dense
	rk.Mul(mat.NewDiagDense(len(r), r), k)
	krk.Mul(k.T(), &rk)
	krk.Add(&krk, mat.NewDiagDense(len(q), q))
	if err := inverse.Inverse(dense(g.root)); err != nil {
		return fmt.Errorf("lqr: %w", err)
	}
	left.Mul(inverse.T(), &krk)
	whole.Mul(&left, &inverse)
	var eigen mat.EigenSym
	if !eigen.Factorize(symmetric(&whole), false) {
		return errors.New("lqr: the eigenvalues of the costs do not converge")
	}
	g.gain = eigen.Values(nil)[0]
	return nil
}

// linearised are the derivatives of p at a point with respect to the state, its first nx inputs, and to the action.
func linearised(p *num.Program, at []float64, nx int) (a, b *mat.Dense) {
	rows := make([][]float64, len(at))
	for i, v := range at {
		rows[i] = slices.Repeat([]float64{v}, nx)
	}
	t := num.NewTape(p, nx)
	t.Run(rows, nx)
	t.Seed(nx)
	for d := range nx { // lane d is about result d
		one := make([]float64, nx)
		one[d] = 1
		t.AddTo(d, one)
	}
	t.Back(nx)
	a, b = mat.NewDense(nx, nx, nil), mat.NewDense(nx, len(at)-nx, nil)
	for i, row := range t.Inputs() {
		if i < nx {
			a.SetCol(i, row[:nx])
		} else {
			b.SetCol(i-nx, row[:nx])
		}
	}
	return a, b
}

// costs solves P = Q + AᵀPA - AᵀPB (R + BᵀPB)⁻¹ BᵀPA by doubling: each round takes twice the steps of that before (Anderson, 1978).
func costs(a, b *mat.Dense, q, r []float64) (*mat.Dense, error) {
	nx := len(q)
	var g, step mat.Dense
	step.Apply(func(_, k int, v float64) float64 { return v / r[k] }, b)
	g.Mul(&step, b.T())
	h := mat.DenseCopyOf(mat.NewDiagDense(nx, q))
	for range 60 {
		var w, wa, wg, ha, ag, more mat.Dense // W = (I + G H)⁻¹, of which these are W A and W G
		w.Mul(&g, h)
		for d := range nx {
			w.Set(d, d, w.At(d, d)+1)
		}
		if wa.Solve(&w, a) != nil || wg.Solve(&w, &g) != nil {
			break
		}
		ha.Mul(h, &wa)
		step.Reset()
		step.Mul(a.T(), &ha)
		ag.Mul(a, &wg)
		more.Mul(&ag, a.T())
		g.Add(&g, &more)
		h.Add(h, &step)
		next := new(mat.Dense)
		next.Mul(a, &wa)
		a = next
		if size := mat.Norm(h, 1); !(size < 1e100) {
			break
		} else if mat.Norm(&step, 1) <= 1e-13*size {
			return mat.DenseCopyOf(symmetric(h)), nil
		}
	}
	return nil, errors.New("lqr: no action leads back to rest, or the weights of actions are too large")
}

// symmetric is the symmetric part of m.
func symmetric(m *mat.Dense) *mat.SymDense {
	n, _ := m.Dims()
	s := mat.NewSymDense(n, nil)
	for i := range n {
		for j := range i + 1 {
			s.SetSym(i, j, m.At(i, j)/2+m.At(j, i)/2)
		}
	}
	return s
}

// dense is the matrix of rows.
func dense(rows [][]float64) *mat.Dense {
	m := mat.NewDense(len(rows), len(rows[0]), nil)
	for i, row := range rows {
		m.SetRow(i, row)
	}
	return m
}

// rounded are the rows of m in six digits.
func rounded(m mat.Matrix) (rows [][]float64) {
	n, k := m.Dims()
	for i := range n {
		row := make([]float64, k)
		for j := range row {
			row[j] = digits(m.At(i, j))
		}
		rows = append(rows, row)
	}
	return rows
}

// digits is v in six digits.
func digits(v float64) float64 {
	if v == 0 || v-v != 0 {
		return v
	}
	unit := math.Pow(10, 5-math.Floor(math.Log10(math.Abs(v))))
	return math.Round(v*unit) / unit
}
