package reach

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// regionOf draws a region of nz inputs and nv variables, of a zonotope that fills the cube or not.
func regionOf(r *rand.Rand, nz, nv int, wide float64) *region {
	g := &region{nz: nz, nv: nv, mid: make([]float64, nz), span: make([]float64, nz*nv), off: make([]float64, nz)}
	for d := range g.mid {
		g.mid[d] = r.NormFloat64()
		for i := range nv {
			g.span[d*nv+i] = wide * r.NormFloat64()
		}
	}
	cols := nv + r.IntN(4)
	for range nv {
		row, sum := make([]float64, cols), 0.0
		for i := range row {
			row[i] = r.NormFloat64()
			sum += math.Abs(row[i])
		}
		for i := range row {
			row[i] /= sum * (1 + 1e-12)
		}
		g.gen = append(g.gen, row)
	}
	return g
}

// loosen has z off by up to a share of its width, of most dimensions.
func (g *region) loosen(r *rand.Rand) *region {
	share := math.Pow(10, 3*r.Float64()-3)
	for d := range g.off {
		g.off[d] = max(0, share*(r.Float64()-0.2)*greatest(g.span[d*g.nv:][:g.nv]))
	}
	return g
}

// points are y and z of a region: along its axes if it has one variable, and else corners, edges and others.
func (g *region) points(r *rand.Rand, n int, f func(y, z []float64)) {
	y, z := make([]float64, g.nv), make([]float64, g.nz)
	ε := make([]float64, 0)
	if len(g.gen) > 0 {
		ε = make([]float64, len(g.gen[0]))
	}
	for k := range n {
		for i := range ε {
			switch ε[i] = 2*r.Float64() - 1; k % 3 {
			case 0:
				ε[i] = math.Copysign(1, ε[i])
			case 1: // of one variable, all of its range in order
				if g.nv == 1 {
					ε[i] = math.Copysign(2*float64(k)/float64(n)-1, g.gen[0][i]*(2*float64(k)/float64(n)-1))
				}
			}
		}
		for i := range y {
			y[i] = dot(g.gen[i], ε)
		}
		for d := range z {
			z[d] = g.mid[d] + dot(g.span[d*g.nv:][:g.nv], y)
			if g.off[d] > 0 {
				z[d] += math.Copysign(g.off[d], r.Float64()-0.5)
			}
		}
		f(y, z)
	}
}

// holds asks whether what is said of a form holds in the points of a region. used is the largest share of a radius, and of a deviation, that a point needs.
func holds(r *rand.Rand, f *safex.Form, g *region, said *enclosure, n int) (used [2]float64, err error) {
	nx := said.nx
	g.points(r, n, func(y, z []float64) {
		mean, dev := believe(f, z[:nx], z[nx:])
		for d := range mean {
			off := mean[d] - z[d] - said.mid[d] - dot(said.slope[d*g.nv:][:g.nv], y)
			ε := 1e-14 * (1 + math.Abs(mean[d]) + math.Abs(z[d]))
			if err == nil && !(math.Abs(off) <= said.rad[d]+ε && dev[d] <= said.dev[d]+ε) {
				err = fmt.Errorf("dimension %d is off by %v, and %v at most; its deviation is %v, and %v at most", d, off, said.rad[d], dev[d], said.dev[d])
			}
			used[0], used[1] = max(used[0], math.Abs(off)/said.rad[d]), max(used[1], dev[d]/said.dev[d])
		}
	})
	return used, err
}

// Chords and expansions hold, each by itself, over regions of all sizes. Networks of one unit in each layer and regions of one variable leave
// little of the radius unused, so that none of its terms can be missing.
func TestEnclosureOfNetworks(t *testing.T) {
	r := rand.New(rand.NewPCG(21, 22))
	n := 400
	if testing.Short() {
		n = 100
	}
	for _, act := range []string{"swish", "tanh", "relu"} {
		for _, width := range []int{1, 2, 12} {
			for _, nv := range []int{1, 2, 3} {
				var most [2][2]float64
				var last [2][]float64
				for k := range n {
					members := 1 + k%3
					f := &safex.Form{Layers: layersOf(r, nv, 1, members, []int{width, width}, act, 0.3)}
					f.Layers.Center, f.Layers.Scale, f.Layers.Unit = nil, nil, nil
					g := regionOf(r, nv+1, nv, math.Pow(10, 3*r.Float64()-2.5))
					net, err := newNetwork(f.Layers, nv, nv+1, false)
					if err != nil {
						t.Fatal(err)
					}
					x := net.setter().(*expander)
					var best enclosure
					x.enclose(&best, g)
					for which := range 2 {
						if which == 1 && !x.taylor {
							break
						}
						var said enclosure
						said.resize(nv, nv)
						x.combine(&said, which, g)
						used, err := holds(r, f, g, &said, 60)
						if err != nil {
							t.Fatalf("%s of %d units, %d members and %d variables, bound %d: %v", act, width, members, nv, which, err)
						}
						most[which][0], most[which][1] = max(most[which][0], used[0]), max(most[which][1], used[1])
						last[which] = append(last[which], used[0])
					}
				}
				for which := range 2 {
					slices.Sort(last[which])
				}
				if width == 1 && nv == 1 {
					median := func(x []float64) float64 {
						if len(x) == 0 {
							return 1
						}
						return x[len(x)/2]
					}
					t.Logf("%s: %.2f of the radius of chords is used in the median, %.2f at most, and %.2f and %.2f of that of expansions", act, median(last[0]), most[0][0], median(last[1]), most[1][0])
				}
			}
		}
	}
}

// Regressions and processes hold over regions of all sizes, those of processes of few points with little to spare.
func TestEnclosureOfPosteriors(t *testing.T) {
	r := rand.New(rand.NewPCG(23, 24))
	n := 150
	if testing.Short() {
		n = 40
	}
	cubic := linear.Linear{Prior: 1, Noise: 0.01, Features: func(x, u num.Vec) num.Vec {
		return num.Vec{num.Lit(1), x[0], u[0], x[0].Mul(x[0]).Mul(x[0]), x[0].Sin(), x[0].Mul(u[0]).Tanh()}
	}}
	for _, nx := range []int{1, 2} {
		s := plain(t, nx, 1)
		for _, c := range []struct {
			name    string
			learner safex.Learner
			points  int
		}{
			{"linear", linear.Linear{Degree: 1, Prior: 1, Noise: 0.01}, 20}, {"quadratic", linear.Linear{Degree: 2, Prior: 1, Noise: 0.01}, 20}, {"cubic", cubic, 20},
			{"se of 1", processes("se"), 1}, {"se of 3", processes("se"), 3}, {"se", processes("se"), 40},
			{"matern52 of 1", processes("matern52"), 1}, {"matern52 of 3", processes("matern52"), 3}, {"matern52", processes("matern52"), 40},
			{"sparse of 1", unfitted(), 1}, {"sparse of 3", unfitted(), 3}, {"sparse", unfitted(), 40},
		} {
			var most [2]float64
			var median []float64
			for range n {
				data := &safex.Data{}
				for range c.points {
					x, next := make([]float64, nx), make([]float64, nx)
					for d := range x {
						x[d] = r.NormFloat64()
						next[d] = x[d] + 0.3*r.NormFloat64()
					}
					data.Append(x, []float64{2*r.Float64() - 1}, next)
				}
				m, err := c.learner.Learn(t.Context(), s, data, nil, rng.New(1))
				if err != nil {
					t.Fatal(err)
				}
				f := safex.FormOf(m)
				p, err := New(s, m)
				if err != nil {
					t.Fatal(err)
				}
				x := p.source.setter()
				for range 5 {
					g := regionOf(r, nx+1, 1+r.IntN(nx+1), math.Pow(10, 4*r.Float64()-3.5))
					var said enclosure
					x.enclose(&said, g)
					used, err := holds(r, f, g, &said, 60)
					if err != nil {
						t.Fatalf("%s in %d dimensions: %v", c.name, nx, err)
					}
					most[0], most[1] = max(most[0], used[0]), max(most[1], used[1])
					median = append(median, used[0])
				}
			}
			slices.Sort(median)
			t.Logf("%s in %d dimensions: %.2f of the radius is used in the median and %.2f at most, and %.2f of the deviation", c.name, nx, median[len(median)/2], most[0], most[1])
		}
	}
}

// Processes of random numbers hold over regions of all sizes, with a trend, with points, with both and with neither.
func TestEnclosureOfProcesses(t *testing.T) {
	r := rand.New(rand.NewPCG(25, 26))
	n := 150
	if testing.Short() {
		n = 40
	}
	for _, nx := range []int{1, 2, 4} {
		for _, points := range []int{0, 1, 3, 30} {
			for _, trend := range []float64{0, 0.3, 3} {
				var median [2][]float64
				for range n {
					f := &safex.Form{Process: processOf(r, nx, nx+1, points, trend)}
					x := newShared(f.Process, nx, nx+1).setter()
					for range 3 {
						g := regionOf(r, nx+1, 1+r.IntN(nx+1), math.Pow(10, 4*r.Float64()-3.5))
						if r.IntN(2) == 0 {
							g.loosen(r)
						}
						var said enclosure
						x.enclose(&said, g)
						used, err := holds(r, f, g, &said, 60)
						if err != nil {
							t.Fatalf("%d points in %d dimensions with a trend of %v: %v", points, nx, trend, err)
						}
						for k, v := range used {
							median[k] = append(median[k], v)
						}
					}
				}
				for k := range median {
					slices.Sort(median[k])
				}
				t.Logf("%d points in %d dimensions with a trend of %v: %.2f of the radius is used in the median, and %.2f of the deviation", points, nx, trend, median[0][len(median[0])/2], median[1][len(median[1])/2])
			}
		}
	}
}

// The noise of networks holds, and is tight.
func TestEnclosureOfNoise(t *testing.T) {
	r := rand.New(rand.NewPCG(27, 28))
	n := 200
	if testing.Short() {
		n = 40
	}
	for _, act := range []string{"swish", "tanh", "relu"} {
		for _, hidden := range [][]int{nil, {3}, {5, 5}, {12, 12}} {
			var used []float64
			for k := range n {
				f := &safex.Form{Layers: noisy(r, 2, 1, 1+k%3, hidden, act, 0.3), Doubted: true}
				g := regionOf(r, 3, 1+k%3, math.Pow(10, 3*r.Float64()-2.5)).loosen(r)
				net, err := newNetwork(f.Layers, 2, 3, true)
				if err != nil {
					t.Fatal(err)
				}
				var said enclosure
				net.setter().enclose(&said, g)
				one, err := holds(r, f, g, &said, 60)
				if err != nil {
					t.Fatalf("%s of %v: %v", act, hidden, err)
				}
				used = append(used, one[1])
			}
			slices.Sort(used)
			t.Logf("%s of %v: %.2f of the deviation is used in the median", act, hidden, used[n/2])
		}
	}
}
