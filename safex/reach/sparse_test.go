package reach

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// No walk leaves the tube of a sparse process that was fitted to a task. Its width is compared with what walks need of it, and with that of a process for
// each dimension.
func TestTubesOfSparse(t *testing.T) {
	r := rand.New(rand.NewPCG(41, 42))
	walks, h := 60, 22
	if testing.Short() {
		walks, h = 20, 8
	}
	var count tested
	for _, maker := range []safex.Maker{tasks.DefaultPendulum(), tasks.DefaultRCCar()} {
		s, err := maker.Task().System()
		if err != nil {
			t.Fatal(err)
		}
		data := transitions(s, 150)
		some := plans(r, s, h, 2)
		at := r.IntN(data.Len())
		for _, l := range []kind{{"sparse gp", gp.DefaultSparse()}, {"gp", gp.Default()}} {
			m, err := l.learner.Learn(t.Context(), s, data, nil, rng.New(1))
			if err != nil {
				t.Fatal(err)
			}
			f := safex.FormOf(m)
			for _, doubted := range []bool{false, true} {
				if f.Doubted = doubted; doubted && f.Noise == nil {
					continue
				}
				for _, kind := range []string{"open", "loose"} {
					for _, beta := range []float64{0.5, 2} {
						q := some[kind]
						q.Beta, q.State = beta, data.X.Point(at)
						name := fmt.Sprintf("%s, %s, %s, β = %v, doubted %t", s.Name, l.name, kind, beta, doubted)
						tube := sound(t, &count, name, r, s, f, q, walks)
						if kind != "open" || beta > 1 || doubted {
							continue
						}
						wide, ratio := widths(s, f, q, tube)
						t.Logf("%s: %.3g Scales wide in the end, %.2f of what adversaries reach", name, wide, ratio)
						if ratio > 2 {
							t.Errorf("the tube of %s is %v times as wide as what adversaries reach", name, ratio)
						}
					}
				}
			}
		}
	}
	t.Logf("%d walks of %d states", count.walks, count.states)
}

// widths are how wide the last set of a tube is on average over the dimensions, in Scales, and as a multiple of the range of what adversaries reach, who
// turn each error that leads farther so.
func widths(s *safex.System, f *safex.Form, q Plan, tube *Tube) (wide, ratio float64) {
	nx, h := len(s.State), len(q.Actions)
	for d, v := range s.State {
		width := 0.0
		for _, sign := range []float64{-1, 1} {
			w := walk{start: [][]float64{make([]float64, nx)}}
			for range h {
				w.eta = append(w.eta, slices.Repeat([]float64{sign}, nx))
			}
			far := func() float64 {
				states, _ := follow(s, f, q, tube, w)
				return sign * states[h-1][d]
			}
			best := far()
			for _, η := range w.eta {
				for k := range η {
					η[k] = -η[k]
					if v := far(); v > best {
						best = v
					} else {
						η[k] = -η[k]
					}
				}
			}
			width += best
		}
		lo, hi := tube.Sets[h-1].Range(d)
		wide += (hi - lo) / v.Scale / float64(nx)
		ratio += (hi - lo) / width / float64(nx)
	}
	return wide, ratio
}

// Rounding is counted: the image of a point holds what a process of many points says there to 60 digits, and little else.
func TestDigitsOfSparse(t *testing.T) {
	r := rand.New(rand.NewPCG(43, 44))
	n := 30
	if testing.Short() {
		n = 5
	}
	for _, maker := range []safex.Maker{tasks.DefaultPendulum(), tasks.DefaultRCCar()} {
		s, err := maker.Task().System()
		if err != nil {
			t.Fatal(err)
		}
		data := transitions(s, 300)
		m, err := gp.DefaultSparse().Learn(t.Context(), s, data, nil, rng.New(1))
		if err != nil {
			t.Fatal(err)
		}
		f := safex.FormOf(m).Process
		x := newShared(f, len(s.State), len(f.Length)).setter()
		loose := 0.0
		for range n {
			i := r.IntN(data.Len())
			z := slices.Concat(data.X.Point(i), data.U.Point(i))
			mean, left := digits(f, z)
			u := math.Sqrt(max(left, 1e-14))
			var said enclosure
			x.enclose(&said, &region{nz: len(z), mid: z, off: make([]float64, len(z))})
			for d, v := range mean {
				if !(math.Abs(v-said.mid[d]) <= said.rad[d] && u*f.Deviation[d] <= said.dev[d]) {
					t.Errorf("%s: dimension %d is %v with %v, and in %v ± %v with %v", s.Name, d, v, u*f.Deviation[d], said.mid[d], said.rad[d], said.dev[d])
				}
				loose = max(loose, said.dev[d]/f.Deviation[d]-u, said.rad[d]/f.Deviation[d])
			}
		}
		t.Logf("%s: mean and deviation have up to %.2g of what they are where nothing was seen to spare", s.Name, loose)
		if loose > 1e-4 {
			t.Errorf("the image of a point is wider than it is by %v", loose)
		}
	}
}

// digits are the means of a process, and the share of its variance that is left, of sums to 60 digits.
func digits(p *safex.Process, z []float64) (mean []float64, left float64) {
	of := func(v float64) *big.Float { return new(big.Float).SetPrec(200).SetFloat64(v) }
	times := func(a, b *big.Float) *big.Float { return of(0).Mul(a, b) }
	k := p.Features()
	n := k - len(p.Trend)
	var φ []*big.Float
	for i := range n {
		r2 := of(0)
		for d, v := range z {
			e := of(v)
			e.Sub(e, of(p.Center[d])).Quo(e, of(p.Length[d])).Sub(e, of(p.Points[i*len(z)+d]))
			r2.Add(r2, times(e, e))
		}
		// exp(-r²/2) is (exp(-r²/2 / 2²⁰)) ^ 2²⁰, by the series of that
		x := r2.Quo(r2, of(-1<<21))
		sum, term := of(1), of(1)
		for q := 1; q < 12; q++ {
			term.Mul(term, x).Quo(term, of(float64(q)))
			sum.Add(sum, term)
		}
		for range 20 {
			sum.Mul(sum, sum)
		}
		φ = append(φ, sum)
	}
	rest := of(1)
	for d, b := range p.Trend {
		h := of(b)
		if d > 0 {
			e := of(z[d-1])
			h.Mul(h, e.Sub(e, of(p.Center[d-1])))
		}
		φ = append(φ, h)
		rest.Add(rest, times(h, h))
	}
	product := func(row []float64) *big.Float {
		sum := of(0)
		for i, v := range row {
			sum.Add(sum, times(of(v), φ[i]))
		}
		return sum
	}
	for i := range k {
		v := product(p.Root[i*k:][:i+1])
		rest.Sub(rest, v.Mul(v, v))
	}
	left, _ = rest.Float64()
	for d := range p.Deviation {
		v, _ := product(p.Weights[d*k:][:k]).Float64()
		mean = append(mean, v)
	}
	return mean, left
}
