package vec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// eachForm runs f once with each form that this machine has.
func eachForm(t *testing.T, f func(t *testing.T)) {
	for _, form := range Forms() {
		t.Run(string(form), func(t *testing.T) {
			defer Use(Use(form))
			f(t)
		})
	}
}

var (
	inf = float32(math.Inf(1))
	nan = float32(math.NaN())
)

// special are numbers at which functions go wrong.
var special = []float32{
	0, float32(math.Copysign(0, -1)), 1, -1, inf, -inf, nan, 0.5, -0.5, 1.5, 2.5, -2.5, 0.625, 9.02, 1e-20, -1e-20, 1e-30, 1e-38, 1e-40, -1e-40, 1e-45,
	-1e-45, 86.9, 87, 87.1, 88, 88.1, 88.37, 88.7, 88.72, 88.73, 89, 90, 91, -86.9, -87.1, -88, -88.1, -88.8, -100, -103, -104, -105, -106, 1e4, 1.0001e4,
	1e5, 4.1e6, 4.2e6, 8.4e6, 1.7e7, 1e10, 1e20, 3e38, -3e38, math.MaxFloat32, math.Pi, math.Pi / 2, math.Pi / 4, 100 * math.Pi, -3 * math.Pi / 2, 0.41421357,
}

// points are special numbers, and numbers of every sign and size: even steps through the bits, and small ones.
func points() []float32 {
	x := slices.Clone(special)
	for bits := uint64(0); bits < 1<<32; bits += 20011 {
		x = append(x, math.Float32frombits(uint32(bits)))
	}
	r := rand.New(rand.NewPCG(1, 2))
	for range 200_000 {
		x = append(x, 3*float32(r.NormFloat64()), 60*float32(r.NormFloat64()))
	}
	for i := range 2000 { // beside the zeros of the sine and the cosine
		x = append(x, float32(float64(i)*math.Pi/2))
	}
	for len(x)%Lanes != 0 {
		x = append(x, 1)
	}
	return x
}

// ulps is how far got is from want, in units in the last place of want as a float32; 0 if got is want rounded, or both are
// NaN.
func ulps(got float32, want float64) float64 {
	w := float32(want)
	switch {
	case got == w || got != got && w != w:
		return 0
	case got != got || w != w || math.IsInf(float64(got), 0) != math.IsInf(float64(w), 0) && math.Abs(want) < math.MaxFloat32:
		return math.Inf(1)
	case math.IsInf(float64(got), 0) || math.IsInf(want, 0):
		return math.Inf(1)
	}
	size := max(math.Abs(float64(w)), 0x1p-126)
	_, e := math.Frexp(size)
	return math.Abs(float64(got)-want) / math.Ldexp(1, e-24)
}

// Activations and their derivatives are as accurate as they say.
func TestActivations(t *testing.T) {
	x := points()
	y, d := make([]float32, len(x)), make([]float32, len(x))
	for _, c := range []struct {
		name string
		a    Activation
		want func(x float64) (y, d float64)
	}{
		{"swish", Swish, func(x float64) (float64, float64) {
			s := 1 / (1 + math.Exp(-x))
			return x * s, s + x*s*(1-s)
		}},
		{"relu", Relu, func(x float64) (float64, float64) {
			if x > 0 {
				return x, 1
			} else if x <= 0 {
				return 0, 0
			}
			return x, 0
		}},
		{"tanh", TanhUnit, func(x float64) (float64, float64) { return math.Tanh(x), 1 - math.Tanh(x)*math.Tanh(x) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			eachForm(t, func(t *testing.T) {
				c.a.Apply(y, d, x)
				worst, most, units := 0.0, 0.0, 0.0
				for i, v := range x {
					wantY, wantD := c.want(float64(v))
					if wantY != wantY || y[i] != y[i] {
						if wantY == wantY || y[i] == y[i] {
							t.Fatalf("%s(%v) = %v, want %v", c.name, v, y[i], wantY)
						}
						continue
					}
					size := max(1, math.Abs(float64(v)))
					if e := math.Abs(float64(y[i])-wantY) / size; e > worst {
						worst = e
					}
					if e := math.Abs(float64(d[i])-wantD) / size; e > most && !math.IsInf(float64(v), 0) {
						most = e
					}
					if u := ulps(y[i], wantY); u > units && v > -87 {
						units = u
					}
					if v <= -87 && math.Abs(float64(y[i])-wantY) > 1e-36 && c.a == Swish {
						t.Errorf("swish(%v) = %v, want %v", v, y[i], wantY)
					}
				}
				t.Logf("off by %.2g and %.2g of max(1, |x|), %.2f ulp", worst, most, units)
				if worst > 2e-7 || most > 2e-7 || units > 4 {
					t.Errorf("off by %.2g and %.2g of max(1, |x|), and by %.2f ulp", worst, most, units)
				}
				alone := slices.Clone(x)
				c.a.Apply(alone, nil, alone)
				if !slices.EqualFunc(alone, y, sameBits) {
					t.Error("in place and without the derivative, the activation is another")
				}
				for n := 0; n < 6*Lanes; n += Lanes {
					few, slope := make([]float32, n), make([]float32, n)
					c.a.Apply(few, slope, x[:n])
					if !slices.EqualFunc(few, y[:n], sameBits) || !slices.EqualFunc(slope, d[:n], sameBits) {
						t.Errorf("of %d numbers alone, the activation is another", n)
					}
				}
			})
		})
	}
}

func sameBits(a, b float32) bool {
	return math.Float32bits(a) == math.Float32bits(b) || a != a && b != b
}

// Mul is Go's own product, in place too.
func TestProduct(t *testing.T) {
	var a, b []float32
	for _, x := range special {
		for _, y := range special {
			a, b = append(a, x), append(b, y)
		}
	}
	for len(a)%Lanes != 0 {
		a, b = append(a, 1), append(b, 2)
	}
	eachForm(t, func(t *testing.T) {
		got := slices.Clone(a)
		Mul(got, got, b)
		for i := range a {
			if want := a[i] * b[i]; got[i] != want && !(got[i] != got[i] && want != want) {
				t.Fatalf("%v times %v is %v, want %v", a[i], b[i], got[i], want)
			}
		}
	})
}

// layer is a random layer and its input.
func layer(r *rand.Rand, out, in, lanes int) (m *Matrix, w, bias, x []float32) {
	fill := func(n int) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	w, bias, x = fill(out*in), fill(out), fill(in*lanes)
	return Pack(out, in, func(o, i int) float32 { return w[o*in+i] }, bias), w, bias, x
}

// A dense layer is the sum of its products, whatever its shape.
func TestMul(t *testing.T) {
	eachForm(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for range 60 {
			out, in, lanes := 1+r.IntN(70), 1+r.IntN(130), Lanes*(1+r.IntN(4))
			m, w, bias, x := layer(r, out, in, lanes)
			y := slices.Repeat([]float32{nan}, out*lanes)
			m.Mul(y, x, lanes)
			for o := range out {
				for l := range lanes {
					want, size := float64(bias[o]), 1.0
					for i := range in {
						p := float64(w[o*in+i]) * float64(x[i*lanes+l])
						want += p
						size += math.Abs(p)
					}
					if got := y[o*lanes+l]; !(math.Abs(float64(got)-want) <= 1e-6*size) {
						t.Fatalf("%d × %d in %d lanes: output %d of lane %d is %v, want %v", out, in, lanes, o, l, got, want)
					}
				}
			}
		}
		m := Pack(1, 1, func(o, i int) float32 { return 2 }, nil)
		y := make([]float32, Lanes)
		m.Mul(y, slices.Repeat([]float32{3}, Lanes), Lanes)
		if y[5] != 6 {
			t.Errorf("without a bias, 2 · 3 = %v", y[5])
		}
	})
}

// A layer in one pass is to the bit what it is in two, with NaN, infinities and zeros of both signs among its numbers.
func TestLayer(t *testing.T) {
	eachForm(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(15, 16))
		for range 150 {
			out, in, lanes := 1+r.IntN(60), 1+r.IntN(12), Lanes*(1+r.IntN(5))
			m, _, _, x := layer(r, out, in, lanes)
			for range r.IntN(9) {
				x[r.IntN(len(x))] = special[r.IntN(len(special))]
			}
			if r.IntN(4) == 0 {
				m = Pack(out, in, func(o, i int) float32 { return float32(r.IntN(3) - 1) }, slices.Repeat([]float32{float32(math.Copysign(0, -1))}, out))
				for i := range x {
					x[i] *= float32(r.IntN(2))
				}
			}
			n := out * lanes
			sum, want, wantD := make([]float32, n), make([]float32, n), make([]float32, n)
			m.Mul(sum, x, lanes)
			row := func() []float32 { return slices.Repeat([]float32{7}, n) }
			for a := Swish; a <= TanhUnit; a++ {
				a.Apply(want, wantD, sum)
				y, d, alone := row(), row(), row()
				m.Layer(a, y, d, x, lanes)
				m.Layer(a, alone, nil, x, lanes)
				if !slices.EqualFunc(y, want, sameBits) || !slices.EqualFunc(alone, want, sameBits) || !slices.EqualFunc(d, wantD, sameBits) {
					t.Fatalf("%d × %d in %d lanes: activation %d is another in one pass", out, in, lanes, a)
				}
			}
			for i := range wantD {
				wantD[i] = float32(r.NormFloat64())
			}
			Mul(want, sum, wantD)
			y := row()
			m.MulTimes(y, wantD, x, lanes)
			if !slices.EqualFunc(y, want, sameBits) {
				t.Fatalf("%d × %d in %d lanes: the product is another in one pass", out, in, lanes)
			}
		}
	})
}

// A piece is rows that vectors and blocks can be made of, and of wide layers no more than half of a cache of 32 KiB holds.
func TestPiece(t *testing.T) {
	eachForm(t, func(t *testing.T) {
		for width := 1; width < 2000; width++ {
			n := Piece(width)
			if n < Lanes || n > 4*Lanes || n%Lanes != 0 || n > Piece(max(1, width-1)) {
				t.Fatalf("a piece of layers of %d has %d lanes", width, n)
			}
			if Current() == AVX2 && n > Lanes && 4*n*width > 16<<10 {
				t.Fatalf("a row of %d units in %d lanes takes %d bytes", width, n, 4*n*width)
			}
		}
	})
}

// A lane is the same to the bit in any place and in any company, NaN and infinity among it.
func TestLanesAreIndependent(t *testing.T) {
	eachForm(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(7, 8))
		const out, in, lanes = 9, 21, 96
		m, _, _, x := layer(r, out, in, lanes)
		y := make([]float32, out*lanes)
		m.Mul(y, x, lanes)
		for _, from := range []int{0, 31, 40, 63, 64, 95} {
			few, z := make([]float32, in*Lanes), make([]float32, out*Lanes)
			for i := range few {
				few[i] = special[r.IntN(len(special))]
			}
			to := r.IntN(Lanes)
			for i := range in {
				few[i*Lanes+to] = x[i*lanes+from]
			}
			m.Mul(z, few, Lanes)
			for o := range out {
				if z[o*Lanes+to] != y[o*lanes+from] {
					t.Fatalf("output %d of lane %d of %d is %v, as lane %d of %d it is %v", o, from, lanes, y[o*lanes+from], to, Lanes, z[o*Lanes+to])
				}
			}
		}
	})
}

// AVX-512 and AVX2 agree to the bit.
func TestWidthsAgree(t *testing.T) {
	if !slices.Contains(Forms(), AVX512) {
		t.Skip("this build or processor has no AVX-512")
	}
	r := rand.New(rand.NewPCG(9, 10))
	x := points()
	r.Shuffle(len(x), func(i, j int) { x[i], x[j] = x[j], x[i] })
	w := slices.Clone(x)
	r.Shuffle(len(w), func(i, j int) { w[i], w[j] = w[j], w[i] })
	m, _, _, in := layer(r, 23, 67, 96)
	all := func(f Form) (out [][]float32) {
		defer Use(Use(f))
		row := func() []float32 {
			y := make([]float32, len(x))
			out = append(out, y)
			return y
		}
		Mul(row(), x, w)
		for a := Swish; a <= TanhUnit; a++ {
			a.Apply(row(), row(), x)
		}
		const members = 3
		n := len(x) / members / Lanes * Lanes
		mean, dev := row()[:n], row()[:n]
		Spread(mean, dev, x[:members*n], members)
		SpreadBack(row()[:members*n], x[:members*n], mean, dev, w[:n], w[n:2*n], members)
		sums := func() []float32 { return row()[:23*96] }
		m.Mul(sums(), in, 96)
		m.MulTimes(sums(), w[:23*96], in, 96)
		for a := Swish; a <= TanhUnit; a++ {
			m.Layer(a, sums(), sums(), in, 96)
		}
		return out
	}
	a, b := all(AVX512), all(AVX2)
	if a, b := wideResults(AVX512), wideResults(AVX2); !slices.Equal(a, b) {
		t.Errorf("float64: %v with AVX-512, %v with AVX2", a, b)
	}
	for k := range a {
		for i := range a[k] {
			if !sameBits(a[k][i], b[k][i]) {
				t.Fatalf("result %d at %d of %v: %v with AVX-512, %v with AVX2", k, i, x[min(i, len(x)-1)], a[k][i], b[k][i])
			}
		}
	}
}

// The spread of members is that of its definition, and its gradient that of differences.
func TestSpread(t *testing.T) {
	eachForm(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(11, 12))
		for members := 1; members < 8; members++ {
			const n = 2 * Lanes
			y := make([]float32, members*n)
			for i := range y {
				y[i] = float32(r.NormFloat64())
			}
			value := func(y []float64, i int) (mean, dev float64) {
				for m := range members {
					mean += y[m*n+i] / float64(members)
				}
				for m := range members {
					dev += (y[m*n+i] - mean) * (y[m*n+i] - mean) / float64(members)
				}
				return mean, math.Sqrt(dev + 1e-16)
			}
			wide := make([]float64, len(y))
			for i, v := range y {
				wide[i] = float64(v)
			}
			mean, dev, dy := make([]float32, n), make([]float32, n), make([]float32, len(y))
			gMean, gDev := make([]float32, n), make([]float32, n)
			for i := range n {
				gMean[i], gDev[i] = float32(r.NormFloat64()), float32(r.NormFloat64())
			}
			Spread(mean, dev, y, members)
			SpreadBack(dy, y, mean, dev, gMean, gDev, members)
			for i := range n {
				wantMean, wantDev := value(wide, i)
				if math.Abs(float64(mean[i])-wantMean) > 1e-6 || math.Abs(float64(dev[i])-wantDev) > 1e-6 {
					t.Fatalf("%d members: mean %v and deviation %v, want %v and %v", members, mean[i], dev[i], wantMean, wantDev)
				}
				for m := range members {
					if members == 1 {
						break // at the floor, where differences fail
					}
					const h = 1e-5
					at := m*n + i
					old := wide[at]
					wide[at] = old + h
					hiMean, hiDev := value(wide, i)
					wide[at] = old - h
					loMean, loDev := value(wide, i)
					wide[at] = old
					want := (float64(gMean[i])*(hiMean-loMean) + float64(gDev[i])*(hiDev-loDev)) / (2 * h)
					if math.Abs(float64(dy[at])-want) > 1e-5 {
						t.Fatalf("%d members: gradient %v, want %v", members, dy[at], want)
					}
				}
			}
			alone := make([]float32, n)
			Spread(alone, nil, y, members)
			if !slices.Equal(alone, mean) {
				t.Error("without the deviation, the mean is another")
			}
		}
	})
}

// Where the members nearly agree, the rounding of their mean does not become a gradient of all of them together.
func TestSpreadOfLikes(t *testing.T) {
	eachForm(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(13, 14))
		const n = 2 * Lanes
		for members := 2; members < 8; members++ {
			y, dy := make([]float32, members*n), make([]float32, members*n)
			mean, dev, zero, one := make([]float32, n), make([]float32, n), make([]float32, n), slices.Repeat([]float32{1}, n)
			for i := range y {
				y[i] = float32(1 + float64(i%n)/100 + 1e-4*r.NormFloat64())
			}
			Spread(mean, dev, y, members)
			SpreadBack(dy, y, mean, dev, zero, one, members)
			for i := range n {
				var sum float64
				for m := range members {
					sum += float64(dy[m*n+i])
				}
				if math.Abs(sum) > 1e-6 {
					t.Fatalf("%d members around %v with a deviation of %v: moved together, they change their deviation by %v", members, mean[i], dev[i], sum)
				}
			}
		}
	})
}

// Rows of the wrong length are the caller's mistake.
func TestWrongLengthsPanic(t *testing.T) {
	row, short, wide := make([]float32, Lanes), make([]float32, Lanes/2), make([]float64, Lanes)
	m := Pack(2, 3, func(o, i int) float32 { return 0 }, nil)
	wider := func(n int) []float32 { return make([]float32, n) }
	for i, f := range []func(){
		func() { Mul(row, row, short) }, func() { Mul(short, short, short) },
		func() { Swish.Apply(row, short, row) }, func() { m.Mul(row, row, Lanes) }, func() { Spread(row, nil, row, 2) },
		func() { Pack(2, 3, nil, []float32{1}) }, func() { Use("abacus") }, func() { Activation(9).Apply(row, nil, row) },
		func() { m.Layer(9, wider(32), nil, wider(48), Lanes) }, func() { m.Layer(Swish, wider(32), row, wider(48), Lanes) },
		func() { m.MulTimes(wider(32), nil, wider(48), Lanes) }, func() { m.MulTimes(wider(32), wider(32), row, Lanes) },
		func() { SpreadBack(row, row, row, row, row, short, 1) }, func() { Pack64(0, 1, nil) },
		func() { Pack64(1, 1, func(o, i int) float64 { return 1 }).Mul(wide, wide, Lanes-1) }, func() { Mul64(wide, wide, wide[1:]) },
		func() { Squares64(wide, wide[1:]) }, func() { Matern52.Apply(wide, wide[1:], wide, wide[:1], 1, Lanes) },
		func() { Correlation(7).Apply(wide, nil, wide, wide[:1], 1, Lanes) },
		func() { Relu.Expand(&Jets{}) }, func() { Swish.Expand(&Jets{Bias: wide[:1]}) }, func() { Weigh64(wide, wide, wide, wide[1:]) }, func() { Steepen64(wide, wide, wide[1:], wide) },
	} {
		func() {
			defer func() {
				if p := recover(); p == nil || !strings.HasPrefix(fmt.Sprint(p), "vec: ") {
					t.Errorf("mistake %d gave %v", i, p)
				}
			}()
			f()
		}()
	}
}

// SAFEX_SIMD chooses the form of a process.
func TestEnvironmentChooses(t *testing.T) {
	if os.Getenv("VEC_TELL") != "" {
		fmt.Println("form:", Current())
		return
	}
	forms := Forms()
	for _, form := range forms {
		cmd := exec.Command(os.Args[0], "-test.run", "^TestEnvironmentChooses$")
		cmd.Env = append(os.Environ(), "VEC_TELL=1", "SAFEX_SIMD="+string(form))
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "form: "+string(form)+"\n") {
			t.Errorf("with SAFEX_SIMD=%s: %s %v", form, out, err)
		}
	}
}

// Noise is as near to e^(3 tanh x - 2) as it says, in every form, and hides no NaN.
func TestNoise(t *testing.T) {
	x := make([]float32, 64*Lanes)
	for i := range x {
		x[i] = float32(24*float64(i)/float64(len(x)) - 12)
	}
	for i, v := range []float64{0, 1e-30, -1e-30, 100, -100, math.Inf(1), math.Inf(-1), math.NaN()} {
		x[i*7] = float32(v)
	}
	for _, form := range Forms() {
		before := Use(form)
		y, d, alone := make([]float32, len(x)), make([]float32, len(x)), make([]float32, len(x))
		Noise(y, d, x)
		Noise(alone, nil, x)
		Use(before)
		for i, v := range x {
			z := math.Tanh(float64(v))
			want := math.Exp(3*z - 2)
			slope := 3 * (1 - z*z) * want
			if v != v {
				if y[i] == y[i] || alone[i] == alone[i] {
					t.Errorf("%s: NaN gives %v", form, y[i])
				}
				continue
			}
			if math.Abs(float64(y[i])-want) > 3e-6*want || alone[i] != y[i] || math.Abs(float64(d[i])-slope) > 3e-6*want {
				t.Errorf("%s: of %v %v with slope %v, want %v and %v", form, v, y[i], d[i], want, slope)
			}
		}
	}
}
