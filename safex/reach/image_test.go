package reach

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// patchesOf are n random sets of states of 3 dimensions with k generators, of widths from 0 to 1, and an action each.
func patchesOf(r *rand.Rand, n, k int) (all []Patch, u [][]float64) {
	const nx = 3
	for range n {
		p := Patch{Center: make([]float64, nx), Off: make([]float64, nx)}
		width := math.Pow(10, 4*r.Float64()-4)
		for d := range nx {
			p.Center[d] = r.NormFloat64()
			p.Off[d] = max(0, 0.1*width*r.NormFloat64())
		}
		for range k {
			p.Gen = append(p.Gen, []float64{width * r.NormFloat64(), width * r.NormFloat64(), width * r.NormFloat64()})
		}
		if r.IntN(3) == 0 {
			p.Off = nil
		}
		if r.IntN(2) == 0 {
			for range packed(k) {
				p.Bend = append(p.Bend, []float64{width * width * r.NormFloat64(), 0, width * width * r.NormFloat64()})
			}
		}
		all, u = append(all, p), append(u, []float64{2*r.Float64() - 1})
	}
	return all, u
}

// state is one of a patch, at y.
func (p *Patch) state(r *rand.Rand) (x, y []float64) {
	sign := func() float64 {
		v := 2*r.Float64() - 1
		if r.IntN(2) == 0 {
			v = math.Copysign(1, v)
		}
		return v
	}
	x = slices.Clone(p.Center)
	for _, g := range p.Gen {
		e := sign()
		y = append(y, e)
		for d := range x {
			x[d] += g[d] * e
		}
	}
	for i, e := range pairs(y) {
		if p.Bend != nil {
			for d := range x {
				x[d] += p.Bend[i][d] * e
			}
		}
	}
	for d, v := range p.Off {
		x[d] += v * sign()
	}
	return x, y
}

// pairs are the products of two of y, in the order of Bend.
func pairs(y []float64) (all []float64) {
	for i, a := range y {
		for _, b := range y[i:] {
			all = append(all, a*b)
		}
	}
	return all
}

// between is the multilinear interpolation of the corners of dimension d at y.
func between(corner [][]float64, y []float64, d int) (v float64) {
	for k, c := range corner {
		w := c[d]
		for i, a := range y {
			if k>>i&1 == 1 {
				w *= (1 + a) / 2
			} else {
				w *= (1 - a) / 2
			}
		}
		v += w
	}
	return v
}

// The mean of every state of a patch is in its image, at the state's own coordinates, and its deviation is no larger. An image does not depend on
// the patches beside it.
func TestImages(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 5))
	s := plain(t, 3, 1)
	all := forms(r)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		p, err := New(s, formed{all[name]})
		if err != nil {
			t.Fatal(err)
		}
		for _, k := range []int{0, 1, 3} {
			from, u := patchesOf(r, 2*lanes+3, k)
			got, alone := make([]Image, len(from)), make([]Image, 1)
			p.Imager(k).Images(got, from, u)
			vague := 0
			for i := range from {
				p.Imager(k).Images(alone, from[i:i+1], u[i:i+1])
				if !slices.Equal(alone[0].Center, got[i].Center) || !slices.Equal(alone[0].Off, got[i].Off) || !slices.Equal(alone[0].Deviation, got[i].Deviation) {
					t.Fatalf("%s: patch %d alone goes to %v, and among others to %v", name, i, alone[0], got[i])
				}
				for range 20 {
					x, y := from[i].state(r)
					mean, dev := believe(all[name], x, u[i])
					for d := range x {
						mid := got[i].Center[d]
						for k, g := range got[i].Gen {
							mid += g[d] * y[k]
						}
						for j, e := range pairs(y) {
							mid += got[i].Bend[j][d] * e
						}
						most := between(got[i].Corner, y, d)
						if math.IsInf(got[i].Deviation[d], 1) {
							most = math.Inf(1)
						}
						if !(most <= got[i].Deviation[d]*(1+1e-12)) {
							t.Fatalf("%s: the deviation is at most %v at %v, and %v everywhere", name, most, y, got[i].Deviation[d])
						}
						const rounding = 1e-13 // of the test's own sums
						if !(math.Abs(mean[d]-mid) <= got[i].Off[d]+rounding*(1+math.Abs(mean[d])) && dev[d] <= most*(1+1e-9)+rounding) {
							t.Fatalf("%s, patch %d of %d generators, dimension %d: mean %v not in %v ± %v, or deviation %v above %v",
								name, i, k, d, mean[d], mid, got[i].Off[d], dev[d], most)
						}
					}
				}
				if math.IsInf(got[i].Off[0], 1) {
					vague++
				}
			}
			if vague > len(from)/5 {
				t.Errorf("%s: nothing is known of %d images of %d", name, vague, len(from))
			}
		}
	}
}

// The image of a point is the prediction there.
func TestImageOfAPoint(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 6))
	s := plain(t, 3, 1)
	for name, f := range forms(r) {
		p, err := New(s, formed{f})
		if err != nil {
			t.Fatal(err)
		}
		x, u := []float64{0.3, -0.4, 0.5}, []float64{0.6}
		got := make([]Image, 1)
		p.Imager(0).Images(got, []Patch{{Center: x}}, [][]float64{u})
		mean, dev := believe(f, x, u)
		for d := range x {
			if !(got[0].Off[d] < 1e-9) || math.Abs(got[0].Center[d]-mean[d]) > 1e-9 || math.Abs(got[0].Deviation[d]-dev[d]) > 1e-6 {
				t.Errorf("%s, dimension %d: %v ± %v with deviation %v, and it is %v with %v", name, d, got[0].Center[d], got[0].Off[d], got[0].Deviation[d], mean[d], dev[d])
			}
		}
	}
}

// What an image of a smooth network is off by is of third order: over an eighth of a patch, some 512th.
func TestImagesAreTight(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 7))
	s := plain(t, 3, 1)
	for _, activation := range []string{"swish", "tanh"} {
		for _, hidden := range [][]int{{16}, {16, 16}, {16, 16, 16}} {
			p, err := New(s, formed{&safex.Form{Layers: layersOf(r, 3, 1, 3, hidden, activation, 0.1)}})
			if err != nil {
				t.Fatal(err)
			}
			from, u := patchesOf(r, lanes, 2)
			for i := range from {
				from[i].Gen, from[i].Bend, from[i].Off = [][]float64{{0.03, 0.01, 0}, {0, -0.02, 0.05}}, nil, nil
			}
			got := make([]Image, len(from))
			p.Imager(2).Images(got, from, u)
			var off [][]float64
			for i := range from {
				off = append(off, slices.Clone(got[i].Off))
				for _, g := range from[i].Gen {
					for d := range g {
						g[d] /= 8
					}
				}
			}
			p.Imager(2).Images(got, from, u)
			for i := range from {
				for d, v := range got[i].Off {
					if !(v < off[i][d]/300+1e-11) {
						t.Errorf("%s of %v: dimension %d is off by %v, and over an eighth by %v", activation, hidden, d, off[i][d], v)
					}
				}
			}
		}
	}
}

// BenchmarkImages are blocks of a grid of the pendulum under an ensemble of 5 × [64, 64], on one core.
func BenchmarkImages(b *testing.B) {
	r := rand.New(rand.NewPCG(7, 8))
	s, err := tasks.DefaultPendulum().Task().System()
	if err != nil {
		b.Fatal(err)
	}
	p, err := New(s, formed{&safex.Form{Layers: layersOf(r, 3, 1, 5, []int{64, 64}, "swish", 0.01)}})
	if err != nil {
		b.Fatal(err)
	}
	from, u := patchesOf(r, 256, 2)
	m, got := p.Imager(2), make([]Image, len(from))
	for b.Loop() {
		m.Images(got, from, u)
	}
	b.ReportMetric(float64(b.Elapsed().Microseconds())/float64(b.N*len(from)), "µs/image")
}
