package lqr_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"gonum.org/v1/gonum/mat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/lqr"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// stick is a stick of 1 m on a motor, which must not lean by more than 0.3 rad.
func stick() safex.Task {
	return safex.Task{
		Name: "stick", Dt: 0.05, Steps: 100, Start: safex.StartAt(0, 0),
		State:  []safex.Var{{Name: "lean", Unit: "rad", Scale: 0.2}, {Name: "rate", Unit: "rad/s", Scale: 1}},
		Action: []safex.Var{{Name: "torque", Scale: 0.6, RandomAmplitude: 0.05}},
		Next: func(x, u num.Vec) num.Vec {
			rate := x[1].Add(x[0].Sin().Mul(15).Add(u[0].Mul(6)).Mul(0.05))
			return num.Vec{x[0].Add(rate.Mul(0.05)), rate}
		},
		Reward: func(x, u, next num.Vec) num.Expr { return next[1].Square().Neg() },
		Limits: []safex.Limit{{Name: "lean", Unit: "rad", Max: 0.3, Scale: 0.1, Of: func(x, u, next num.Vec) num.Expr { return next[0].Abs() }}},
	}
}

// Makes the backup of a stick that must not fall: its regulator about upright, and the states that this brings there. A lead finds
// more of these than the ellipsoid alone, here a fall that is caught at the last moment.
func Example() {
	task := stick()
	g, err := lqr.New(task.Next, []float64{0, 0}, []float64{0}, []float64{25, 1}, []float64{1})
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, lead := range []int{0, 10} {
		if task.Backup, err = g.Backup("regulator", task, lead); err != nil {
			fmt.Println(err)
			return
		}
		s, err := task.System()
		if err != nil {
			fmt.Println(err)
			return
		}
		report := safex.Check(task)
		fmt.Printf("%s; at 0.2 rad it catches 0.3 rad/s: %v\n", report.Facts[len(report.Facts)-1], s.Backup.Contains([]float64{0.2, 0.3}))
	}
	// Output:
	// backup "regulator": 2000 states kept inside; at 0.2 rad it catches 0.3 rad/s: false
	// backup "regulator": 2000 states kept inside; at 0.2 rad it catches 0.3 rad/s: true
}

// linear is x' = A x + B u about x0, where it rests under u0.
func linear(a, b *mat.Dense, x0, u0 []float64) func(x, u num.Vec) num.Vec {
	return func(x, u num.Vec) num.Vec {
		next := make(num.Vec, len(x))
		for i := range next {
			next[i] = num.Lit(x0[i])
			for j := range x {
				next[i] = next[i].Add(x[j].Sub(x0[j]).Mul(a.At(i, j)))
			}
			for k := range u {
				next[i] = next[i].Add(u[k].Sub(u0[k]).Mul(b.At(i, k)))
			}
		}
		return next
	}
}

// Of one state the cost to go is the root of a quadratic; of many, P and K satisfy Bellman's equation, and K leads back.
func TestRiccati(t *testing.T) {
	a, b, q, r := 1.2, 0.5, 2.0, 3.0
	g, err := lqr.New(linear(mat.NewDense(1, 1, []float64{a}), mat.NewDense(1, 1, []float64{b}), []float64{0}, []float64{0}), []float64{0}, []float64{0}, []float64{q}, []float64{r})
	if err != nil {
		t.Fatal(err)
	}
	// b² P² + (r - a² r - q b²) P - q r = 0
	half := (r - a*a*r - q*b*b) / 2
	p := (-half + math.Sqrt(half*half+b*b*q*r)) / (b * b)
	if k := -a * b * p / (r + b*b*p); math.Abs(g.P[0][0]/p-1) > 1e-5 || math.Abs(g.K[0][0]/k-1) > 1e-5 {
		t.Errorf("P is %v and K %v, want %v and %v", g.P[0][0], g.K[0][0], p, k)
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	draw := func(n, m int, size float64) *mat.Dense {
		d := mat.NewDense(n, m, nil)
		d.Apply(func(_, _ int, _ float64) float64 { return size * rnd.NormFloat64() }, d)
		return d
	}
	for range 50 {
		nx, nu := 1+rnd.IntN(6), 1+rnd.IntN(3)
		a, b, x0, u0, q, r := draw(nx, nx, 1), draw(nx, nu, 1), make([]float64, nx), make([]float64, nu), make([]float64, nx), make([]float64, nu)
		for d := range q {
			x0[d], q[d] = rnd.NormFloat64(), 0.1+rnd.Float64()
		}
		for k := range r {
			u0[k], r[k] = 0.5*rnd.Float64(), 0.1+rnd.Float64()
		}
		g, err := lqr.New(linear(a, b, x0, u0), x0, u0, q, r)
		if err != nil {
			t.Fatal(err)
		}
		P, K := mat.NewDense(nx, nx, nil), mat.NewDense(nu, nx, nil)
		for i, row := range g.P {
			P.SetRow(i, row)
		}
		for i, row := range g.K {
			K.SetRow(i, row)
		}
		var closed, cost, rk, krk, pc mat.Dense // P = Q + KᵀRK + (A + BK)ᵀP(A + BK)
		closed.Mul(b, K)
		closed.Add(a, &closed)
		pc.Mul(P, &closed)
		cost.Mul(closed.T(), &pc)
		rk.Mul(mat.NewDiagDense(nu, r), K)
		krk.Mul(K.T(), &rk)
		cost.Add(&cost, &krk)
		cost.Add(&cost, mat.NewDiagDense(nx, q))
		if !mat.EqualApprox(&cost, P, 1e-4*mat.Norm(P, 2)) {
			t.Fatalf("P is\n%v\nand after a step\n%v", mat.Formatted(P), mat.Formatted(&cost))
		}
		value := num.Trace(nx, func(x num.Vec) num.Vec { return num.Vec{g.Value(x)} })
		x, out := make([]float64, nx), make([]float64, 1)
		d := draw(nx, 1, 1)
		for i := range x {
			x[i] = x0[i] + d.At(i, 0)
		}
		value.Eval(out, x)
		if want := mat.Inner(d.ColView(0), P, d.ColView(0)); math.Abs(out[0]-want) > 1e-4*want {
			t.Fatalf("the value is %v, want %v", out[0], want)
		}
	}
}

// Of linear dynamics and small actions the level is known: where the ellipsoid touches the limit, or where it is too large for the
// action.
func TestLevel(t *testing.T) {
	task := stick()
	task.Next = func(x, u num.Vec) num.Vec {
		rate := x[1].Add(u[0].Mul(0.3))
		return num.Vec{x[0].Add(rate.Mul(0.05)), rate}
	}
	for _, c := range []struct{ lean, weight float64 }{{0.3, 1}, {0.02, 1}, {0.3, 30}} {
		task.Limits[0].Max = c.lean
		g, err := lqr.New(task.Next, []float64{0, 0}, []float64{0}, []float64{25, 1}, []float64{c.weight})
		if err != nil {
			t.Fatal(err)
		}
		b, err := g.Backup("ellipsoid", task, 0)
		if err != nil {
			t.Fatal(err)
		}
		task.Backup = b
		s, err := task.System()
		if err != nil {
			t.Fatal(err)
		}
		task.Backup = nil
		// The most that the lean is in the ellipsoid.
		most := 0.0
		for i := range 4000 {
			angle, far := 2*math.Pi*float64(i)/4000, 0.0
			for h := 8.0; h > 1e-6; h /= 2 {
				if s.Backup.Contains([]float64{(far + h) * 0.1 * math.Cos(angle), (far + h) * math.Sin(angle)}) {
					far += h
				}
			}
			most = max(most, far*0.1*math.Cos(angle))
		}
		if most > c.lean || most < 0.95*c.lean {
			t.Errorf("with the weight %v the ellipsoid leans by %v of %v", c.weight, most, c.lean)
		}
	}
}

// A longer lead loses no state, and each is kept.
func TestLeadGrows(t *testing.T) {
	task := stick()
	g, err := lqr.New(task.Next, []float64{0, 0}, []float64{0}, []float64{25, 1}, []float64{1})
	if err != nil {
		t.Fatal(err)
	}
	r, before := rand.New(rand.NewPCG(3, 4)), 0
	points := make([][]float64, 4000)
	for i := range points {
		points[i] = []float64{0.6*r.Float64() - 0.3, 3*r.Float64() - 1.5}
	}
	for _, lead := range []int{0, 3, 10, 30} {
		if task.Backup, err = g.Backup("regulator", task, lead); err != nil {
			t.Fatal(err)
		}
		s, err := task.System()
		if err != nil {
			t.Fatal(err)
		}
		in := 0
		for _, x := range points {
			if s.Backup.Contains(x) {
				in++
			}
		}
		t.Logf("with a lead of %d it holds %d of %d", lead, in, len(points))
		if float64(in) < 0.97*float64(before) { // the longer, the more is to spare
			t.Errorf("a lead of %d holds %d states, a shorter one %d", lead, in, before)
		}
		before = in
		if r := safex.Check(task); !r.OK() {
			t.Errorf("with a lead of %d: %s", lead, r)
		}
	}
}

// Angles in sine and cosine, six dimensions, two actions: the regulators of tasks that have other backups are kept too.
func TestBackupsOfTasks(t *testing.T) {
	p := tasks.DefaultQuadrotor()
	quadrotor, cartpole := p.Task(), tasks.DefaultCartPole().Task()
	for _, c := range []struct {
		task       safex.Task
		x, u, q, r []float64
		lead       int
	}{
		{quadrotor, []float64{0, 1, 0, 0, 0, 0}, []float64{0, 0}, []float64{1, 4, 10, 1, 1, 0.1}, []float64{1, 1}, 0},
		{cartpole, []float64{0, 0, 0, 1, 0}, []float64{0}, []float64{1, 0.1, 4, 4, 0.1}, []float64{1}, 5},
	} {
		begin := time.Now()
		g, err := lqr.New(c.task.Next, c.x, c.u, c.q, c.r)
		if err != nil {
			t.Fatal(err)
		}
		if c.task.Backup, err = g.Backup("regulator", c.task, c.lead); err != nil {
			t.Fatal(err)
		}
		took := time.Since(begin)
		c.task.Start = func(x []float64, r *rand.Rand) { copy(x, c.x) }
		if r := safex.Check(c.task); !r.OK() || strings.Contains(r.String(), "warning  backup") {
			t.Errorf("%s", r)
		}
		t.Logf("%s: %v", c.task.Name, took)
	}
}

// What cannot be is said in a sentence.
func TestErrors(t *testing.T) {
	task, one := stick(), []float64{1}
	still := []float64{0, 0}
	for want, try := range map[string]func() (*lqr.Regulator, error){
		"there is no rest: dimension 0": func() (*lqr.Regulator, error) {
			return lqr.New(task.Next, []float64{0.1, 0}, []float64{0}, []float64{1, 1}, one)
		},
		"weight 3 of 3 is 0, want above 0": func() (*lqr.Regulator, error) {
			return lqr.New(task.Next, still, []float64{0}, []float64{1, 1}, []float64{0})
		},
		"2 dimensions with 1 weights": func() (*lqr.Regulator, error) { return lqr.New(task.Next, still, []float64{0}, one, one) },
		"no action leads back to rest": func() (*lqr.Regulator, error) {
			return lqr.New(func(x, u num.Vec) num.Vec { return num.Vec{x[0].Mul(1.5), u[0]} }, still, []float64{0}, []float64{1, 1}, one)
		},
	} {
		if _, err := try(); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	g, err := lqr.New(task.Next, still, []float64{0}, []float64{25, 1}, one)
	if err != nil {
		t.Fatal(err)
	}
	for want, spoil := range map[string]func(t *safex.Task){
		`limit "lean" is on the rate`: func(t *safex.Task) {
			t.Limits[0].Of, t.Limits[0].Rate = nil, func(last, u num.Vec) num.Expr { return u[0].Sub(last[0]) }
		},
		"no ellipsoid about the state of rest is safe": func(t *safex.Task) { t.Limits[0].Max = 0 },
		"a task of 2 states and 2 actions":             func(t *safex.Task) { t.Action = append(t.Action, t.Action[0]) },
	} {
		task := stick()
		spoil(&task)
		if _, err := g.Backup("regulator", task, 2); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
}
