package vec

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

// wideResults are those of every function of float64 on random numbers.
func wideResults(f Form) (all []uint64) {
	defer Use(Use(f))
	r := rand.New(rand.NewPCG(15, 16))
	const out, in, lanes, dim = 23, 67, 96, 4
	numbers := func(n int, size float64) []float64 {
		x := make([]float64, n)
		for i := range x {
			x[i] = size * r.NormFloat64()
		}
		return x
	}
	keep := func(x []float64) {
		for _, v := range x {
			all = append(all, math.Float64bits(v))
		}
	}
	w, x, y := numbers(out*in, 1), numbers(in*lanes, 1), make([]float64, out*lanes)
	Pack64(out, in, func(o, i int) float64 { return w[o*in+i] }).Mul(y, x, lanes)
	keep(y)
	sum := numbers(lanes, 1)
	Squares64(sum, y)
	keep(sum)
	Mul64(y, y, x[:len(y)])
	keep(y)
	for c := SquaredExponential; c <= Matern52; c++ {
		d := make([]float64, out*lanes)
		c.Apply(y, d, numbers(dim*lanes, 3), numbers(out*dim, 3), dim, lanes)
		keep(y)
		keep(d)
	}
	for _, s := range []Activation{Swish, TanhUnit} {
		j := jetsOf(r, 11, 3)
		s.Expand(j)
		for _, row := range [][]float64{j.Poly, j.Slope, j.Own, j.Sum, j.Most} {
			keep(row)
		}
		sums, most, steepest := numbers(2*Lanes, 1), make([]float64, 2*Lanes), make([]float64, Lanes)
		coef := numbers(11*2*Lanes, 1)
		Weigh64(sums, coef, numbers(2*Lanes, 1), j.Own)
		Steepen64(coef, j.Slope, most, steepest)
		for _, row := range [][]float64{sums, coef, most, steepest} {
			keep(row)
		}
	}
	return all
}

// A matrix of float64 is the sum of its products, whatever its shape and wherever its zeros are.
func TestMul64(t *testing.T) {
	eachForm(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(5, 6))
		for k := range 60 {
			out, in, lanes := 1+r.IntN(70), 1+r.IntN(130), Lanes*(1+r.IntN(4))
			w, x := make([]float64, out*in), make([]float64, in*lanes)
			for i := range w {
				switch o, i := i/in, i%in; {
				case k%4 == 1 && i > o, k%4 == 2 && i < o, k%4 == 3 && o%7 < 5: // lower and upper triangular, or with rows of zeros
				default:
					w[o*in+i] = r.NormFloat64()
				}
			}
			for i := range x {
				x[i] = r.NormFloat64()
			}
			y := slices.Repeat([]float64{math.NaN()}, out*lanes)
			Pack64(out, in, func(o, i int) float64 { return w[o*in+i] }).Mul(y, x, lanes)
			for o := range out {
				for l := range lanes {
					want, size := 0.0, 1.0
					for i := range in {
						p := w[o*in+i] * x[i*lanes+l]
						want += p
						size += math.Abs(p)
					}
					if got := y[o*lanes+l]; !(math.Abs(got-want) <= 1e-14*size) {
						t.Fatalf("%d × %d in %d lanes: output %d of lane %d is %v, want %v", out, in, lanes, o, l, got, want)
					}
				}
			}
		}
	})
}

// Correlations and their derivatives are those of their definitions, near and far, and NaN for a NaN.
func TestCorrelations(t *testing.T) {
	const n, lanes = 41, 2 * Lanes
	for c, f := range map[Correlation]func(r2 float64) (y, d float64){
		SquaredExponential: func(r2 float64) (float64, float64) { return math.Exp(-r2 / 2), -math.Exp(-r2/2) / 2 },
		Matern52: func(r2 float64) (float64, float64) {
			a := math.Sqrt(5 * r2)
			return (1 + a + 5*r2/3) * math.Exp(-a), -5 * (1 + a) * math.Exp(-a) / 6
		},
	} {
		eachForm(t, func(t *testing.T) {
			r := rand.New(rand.NewPCG(7, 8))
			for dim := 1; dim < 7; dim++ {
				z, points := make([]float64, dim*lanes), make([]float64, n*dim)
				for i := range z {
					z[i] = r.NormFloat64() * math.Pow(10, float64(i%lanes)/8-4)
				}
				for i := range points {
					points[i] = r.NormFloat64() * float64(i%3)
				}
				y, d := make([]float64, n*lanes), make([]float64, n*lanes)
				c.Apply(y, d, z, points, dim, lanes)
				for i := range y {
					var r2 float64
					for k := range dim {
						e := z[k*lanes+i%lanes] - points[i/lanes*dim+k]
						r2 += e * e
					}
					wantY, wantD := f(r2)
					if math.Abs(y[i]-wantY) > 1e-15 || math.Abs(d[i]-wantD) > 1e-15 {
						t.Fatalf("correlation %d at r² = %v is %v with a derivative of %v, want %v and %v", c, r2, y[i], d[i], wantY, wantD)
					}
				}
				alone := make([]float64, n*lanes)
				c.Apply(alone, nil, z, points, dim, lanes)
				if !slices.Equal(alone, y) {
					t.Error("without the derivative, the correlation is another")
				}
				z[0], z[(dim-1)*lanes+5] = math.NaN(), math.NaN()
				c.Apply(y, d, z, points, dim, lanes)
				for k := range n {
					if y[k*lanes] == y[k*lanes] || d[k*lanes+5] == d[k*lanes+5] || y[k*lanes+1] != alone[k*lanes+1] {
						t.Fatalf("with a NaN: %v, its derivative %v, and beside it %v", y[k*lanes], d[k*lanes+5], y[k*lanes+1])
					}
				}
			}
		})
	}
}

// Products and sums of squares of float64 are Go's own.
func TestWideArithmetic(t *testing.T) {
	eachForm(t, func(t *testing.T) {
		r := rand.New(rand.NewPCG(9, 10))
		a, b, sum := make([]float64, 5*Lanes), make([]float64, 5*Lanes), make([]float64, Lanes)
		for i := range a {
			a[i], b[i] = r.NormFloat64(), r.NormFloat64()
		}
		sum[3] = 100
		Squares64(sum, a)
		for l, got := range sum {
			want := 0.0
			if l == 3 {
				want = 100
			}
			for k := range 5 {
				want += a[k*Lanes+l] * a[k*Lanes+l]
			}
			if math.Abs(got-want) > 1e-13 {
				t.Errorf("the squares of lane %d sum to %v, want %v", l, got, want)
			}
		}
		dst := make([]float64, len(a))
		Mul64(dst, a, b)
		for i, got := range dst {
			if want := a[i] * b[i]; got != want {
				t.Errorf("%v · %v = %v, want %v", a[i], b[i], got, want)
			}
		}
	})
}
