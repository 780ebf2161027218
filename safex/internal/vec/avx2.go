// Code generated from avx512.go by go generate; DO NOT EDIT.

//go:build goexperiment.simd && amd64

package vec

import "simd/archsimd"

type (
	lanes256 = archsimd.Float32x8
	ints256  = archsimd.Int32x8
	wides256 = archsimd.Float64x4
)

const (
	width256 = 8
	half256  = width256 / 2
)

// table256 are the coefficients, one vector each: reading one is cheaper than spreading a number over a vector.
var table256 = func() (t [constants][width256]float32) {
	for i, c := range coefficients {
		for l := range t[i] {
			t[i][l] = c
		}
	}
	return t
}()

func k256(i int) lanes256 { return archsimd.LoadFloat32x8Array(&table256[i]) }

func load256(x []float32, i int) lanes256 {
	return archsimd.LoadFloat32x8Array((*[width256]float32)(x[i:]))
}

func store256(x []float32, i int, v lanes256) { v.StoreArray((*[width256]float32)(x[i:])) }

func bits256(x lanes256) ints256 { return x.ToBits().BitsToInt32() }

func float256(x ints256) lanes256 { return x.ToBits().BitsToFloat32() }

func mul256(dst, a, b []float32) {
	for i := 0; i < len(dst); i += width256 {
		store256(dst, i, load256(a, i).Mul(load256(b, i)))
	}
	archsimd.ClearAVXUpperBits()
}

// power256 is eˣ = p·2ⁿ in two parts: p in [0.7, 1.5], and a number whose low bits are n.
func power256(x lanes256) (p, n lanes256) {
	n = x.MulAdd(k256(cLog2e), k256(cMagic))
	whole := n.Sub(k256(cMagic))
	r := whole.MulAdd(k256(cMinusLn2Hi), x)
	r = whole.MulAdd(k256(cMinusLn2Lo), r)
	p = r.MulAdd(k256(cExp0), k256(cExp1))
	p = r.MulAdd(p, k256(cExp2))
	p = r.MulAdd(p, k256(cExp3))
	p = r.MulAdd(p, k256(cExp4))
	p = r.MulAdd(p, k256(cExp5))
	return r.Mul(r).MulAdd(p, r.Add(k256(cOne))), n
}

// unitExp256 is eˣ with x kept where the result is normal, from -87 to 88. A NaN gives any number.
func unitExp256(x lanes256) lanes256 {
	p, n := power256(x.Max(k256(cUnitLo)).Min(k256(cUnitHi)))
	return float256(bits256(p).Add(bits256(n).ShiftAllLeft(23)))
}

// tanhOf256 is tanh x: a polynomial near 0, 1 - 2/(e²ˣ + 1) elsewhere.
func tanhOf256(v lanes256) lanes256 {
	a := v.Abs()
	z := v.Mul(v)
	p := z.MulAdd(k256(cTanh0), k256(cTanh1))
	p = z.MulAdd(p, k256(cTanh2))
	p = z.MulAdd(p, k256(cTanh3))
	p = z.MulAdd(p, k256(cTanh4))
	near := v.Mul(z).MulAdd(p, v)
	e := unitExp256(a.Add(a))
	far := k256(cOne).Sub(k256(cTwo).Div(e.Add(k256(cOne))))
	far = far.IfElse(a.Less(k256(cTanhHi)), k256(cOne))
	far = far.Neg().IfElse(v.Less(k256(cZero)), far)
	y := near.IfElse(a.Less(k256(cTanhLo)), far)
	return y.IfElse(v.Equal(v), v)
}

func relu256(y, d, x []float32) {
	for i := 0; i < len(y); i += width256 {
		v := load256(x, i)
		if len(d) > 0 {
			store256(d, i, k256(cOne).Masked(v.Greater(k256(cZero))))
		}
		store256(y, i, k256(cZero).IfElse(v.LessEqual(k256(cZero)), v))
	}
	archsimd.ClearAVXUpperBits()
}

func tanhUnit256(y, d, x []float32) {
	for i := 0; i < len(y); i += width256 {
		z := tanhOf256(load256(x, i))
		store256(y, i, z)
		if len(d) > 0 {
			store256(d, i, k256(cOne).Sub(z.Mul(z)))
		}
	}
	archsimd.ClearAVXUpperBits()
}

// noise256 is e^(3 tanh x - 2), and its derivative.
func noise256(y, d, x []float32) {
	for i := 0; i < len(y); i += width256 {
		z := tanhOf256(load256(x, i))
		v := unitExp256(z.MulAdd(k256(cThree), k256(cMinusTwo)))
		v = v.IfElse(z.Equal(z), z)
		store256(y, i, v)
		if len(d) > 0 {
			store256(d, i, k256(cThree).Mul(k256(cOne).Sub(z.Mul(z))).Mul(v))
		}
	}
	archsimd.ClearAVXUpperBits()
}

func spread256(mean, dev, y []float32, members int) {
	share := archsimd.BroadcastFloat32x8(1 / float32(members))
	for i := 0; i < len(mean); i += width256 {
		sum := load256(y, i)
		for j := i + len(mean); j < len(y); j += len(mean) {
			sum = sum.Add(load256(y, j))
		}
		m := sum.Mul(share)
		store256(mean, i, m)
		if len(dev) == 0 {
			continue
		}
		square := k256(cZero)
		for j := i; j < len(y); j += len(mean) {
			e := load256(y, j).Sub(m)
			square = e.MulAdd(e, square)
		}
		store256(dev, i, square.MulAdd(share, k256(cFloor)).Sqrt())
	}
	archsimd.ClearAVXUpperBits()
}

func spreadBack256(dy, y, mean, dev, gMean, gDev []float32, members int) {
	share := archsimd.BroadcastFloat32x8(1 / float32(members))
	for i := 0; i < len(mean); i += width256 {
		m, slope := load256(mean, i), load256(gDev, i).Mul(share).Div(load256(dev, i))
		rest := k256(cZero)
		for j := i; j < len(y); j += len(mean) {
			rest = rest.Add(load256(y, j).Sub(m))
		}
		level := load256(gMean, i).Sub(slope.Mul(rest)).Mul(share)
		for j := i; j < len(y); j += len(mean) {
			store256(dy, j, load256(y, j).Sub(m).MulAdd(slope, level))
		}
	}
	archsimd.ClearAVXUpperBits()
}

// tableWide256 are the coefficients of float64, likewise.
var tableWide256 = func() (t [constants64][half256]float64) {
	for i, c := range coefficients64 {
		for l := range t[i] {
			t[i][l] = c
		}
	}
	return t
}()

func w256(i int) wides256 { return archsimd.LoadFloat64x4Array(&tableWide256[i]) }

func loadWide256(x []float64, i int) wides256 {
	return archsimd.LoadFloat64x4Array((*[half256]float64)(x[i:]))
}

func storeWide256(x []float64, i int, v wides256) { v.StoreArray((*[half256]float64)(x[i:])) }

func mulWide256(dst, a, b []float64) {
	for i := 0; i < len(dst); i += half256 {
		storeWide256(dst, i, loadWide256(a, i).Mul(loadWide256(b, i)))
	}
	archsimd.ClearAVXUpperBits()
}

func squares256(sum, x []float64) {
	for i := 0; i < len(sum); i += half256 {
		s := loadWide256(sum, i)
		for j := i; j < len(x); j += len(sum) {
			v := loadWide256(x, j)
			s = v.MulAdd(v, s)
		}
		storeWide256(sum, i, s)
	}
	archsimd.ClearAVXUpperBits()
}

// expWide256 is eˣ for x up to 0, with x kept at -708 or above. A NaN gives any number.
func expWide256(x wides256) wides256 {
	x = x.Max(w256(wExpLo))
	n := x.MulAdd(w256(wLog2e), w256(wMagic))
	whole := n.Sub(w256(wMagic))
	r := whole.MulAdd(w256(wMinusLn2Hi), x)
	r = whole.MulAdd(w256(wMinusLn2Lo), r)
	p := r.MulAdd(w256(wExp0), w256(wExp1))
	p = r.MulAdd(p, w256(wExp2))
	p = r.MulAdd(p, w256(wExp3))
	p = r.MulAdd(p, w256(wExp4))
	p = r.MulAdd(p, w256(wExp5))
	p = r.MulAdd(p, w256(wExp6))
	p = r.MulAdd(p, w256(wExp7))
	p = r.MulAdd(p, w256(wExp8))
	p = r.MulAdd(p, w256(wExp9))
	p = r.MulAdd(p, w256(wExp10))
	p = r.Mul(r).MulAdd(p, r.Add(w256(wOne)))
	return p.ToBits().BitsToInt64().Add(n.ToBits().BitsToInt64().ShiftAllLeft(52)).ToBits().BitsToFloat64()
}

// distance256 is r² between lanes i on of z and a point.
func distance256(z []float64, i, lanes int, point []float64) wides256 {
	square := w256(wZero)
	for d, c := range point {
		e := loadWide256(z, d*lanes+i).Sub(archsimd.BroadcastFloat64x4(c))
		square = e.MulAdd(e, square)
	}
	return square
}

func squaredExponential256(y, d, z, points []float64, dim, lanes int) {
	for k := 0; k < len(points); k += dim {
		point, row := points[k:k+dim], k/dim*lanes
		for i := 0; i < lanes; i += half256 {
			r2 := distance256(z, i, lanes, point)
			e := expWide256(r2.Mul(w256(wMinusHalf)))
			e = e.IfElse(r2.Equal(r2), r2)
			storeWide256(y, row+i, e)
			if len(d) > 0 {
				storeWide256(d, row+i, e.Mul(w256(wMinusHalf)))
			}
		}
	}
	archsimd.ClearAVXUpperBits()
}

func matern256(y, d, z, points []float64, dim, lanes int) {
	for k := 0; k < len(points); k += dim {
		point, row := points[k:k+dim], k/dim*lanes
		for i := 0; i < lanes; i += half256 {
			r2 := distance256(z, i, lanes, point)
			square := r2.Mul(w256(wFive))
			a := square.Sqrt()
			e := expWide256(a.Neg())
			e = e.IfElse(r2.Equal(r2), r2)
			slope := a.MulAdd(e, e)
			storeWide256(y, row+i, square.MulAdd(e.Mul(w256(wThird)), slope))
			if len(d) > 0 {
				storeWide256(d, row+i, slope.Mul(w256(wFiveSixths)).Neg())
			}
		}
	}
	archsimd.ClearAVXUpperBits()
}

// derivatives256 are swish or tanh at c, and its first three derivatives.
func derivatives256(c wides256, tanh bool) (s0, s1, s2, s3 wides256) {
	one, two := w256(wOne), w256(wTwo)
	size := c.Abs()
	if tanh {
		e := expWide256(size.Add(size).Neg())
		s0 = one.Sub(e).Div(one.Add(e))
		s0 = s0.Neg().IfElse(c.Less(w256(wZero)), s0)
		s0 = s0.IfElse(c.Equal(c), c)
		square := s0.Mul(s0)
		s1 = one.Sub(square)
		s2 = s0.Mul(s1).Mul(two).Neg()
		s3 = square.MulAdd(w256(wSix), two.Neg()).Mul(s1)
		return s0, s1, s2, s3
	}
	e := expWide256(size.Neg())
	σ := e.IfElse(c.Less(w256(wZero)), one).Div(one.Add(e))
	p, q := σ.Mul(one.Sub(σ)), one.Sub(σ.Add(σ))
	s0 = c.Mul(σ)
	s1 = c.MulAdd(p, σ)
	s2 = c.MulAdd(q, two).Mul(p)
	s3 = q.MulAdd(q, p.Add(p).Neg()).MulAdd(c, q.Mul(w256(wThree))).Mul(p)
	return s0, s1, s2, s3
}

func expand256(j *Jets, tanh bool) {
	nv, n := j.Vars, Monomials(j.Vars)
	fourth := w256(wFourSwish)
	if tanh {
		fourth = w256(wFourTanh)
	}
	one, half, grow := w256(wOne), w256(wHalf), archsimd.BroadcastFloat64x4(j.Grow)
	for o, bias := range j.Bias {
		loss, less, add := archsimd.BroadcastFloat64x4(j.Loss[o]), archsimd.BroadcastFloat64x4(j.Less[o]), archsimd.BroadcastFloat64x4(bias)
		for l := 0; l < Lanes; l += half256 {
			poly := j.Poly[o*n*Lanes+l:]
			at := o*Lanes + l
			c := loadWide256(poly, 0).Add(add)
			s0, s1, s2, s3 := derivatives256(c, tanh)
			err := loadWide256(j.Error, at)
			off := loss.MulAdd(loadWide256(j.Share, l), less)
			first, qe := w256(wZero), err.Add(off)
			for i := 1; i <= nv; i++ {
				first = first.Add(loadWide256(poly, i*Lanes).Abs())
			}
			for i := 1 + nv; i < n; i++ {
				qe = qe.Add(loadWide256(poly, i*Lanes).Abs())
			}
			ρ := first.Add(qe)
			steep := s1.Abs()
			own := qe.MulAdd(half, first).Mul(qe).Mul(s2.Abs())
			own = fourth.MulAdd(ρ, s3.Abs().Add(w256(wThirdError))).MulAdd(ρ.Mul(ρ).Mul(ρ).Mul(w256(wSixth)), own)
			own = steep.MulAdd(off, own)
			wide := ρ.Add(one)
			own = own.MulAdd(w256(wGrow), c.Abs().Add(one).Mul(wide).Mul(wide).Mul(w256(wInexact)))
			storeWide256(j.Slope, at, s1)
			storeWide256(j.Own, at, own)
			storeWide256(j.Sum, at, steep.MulAdd(err, own).Mul(grow))
			put := func(i int, v wides256) {
				storeWide256(poly, i*Lanes, v)
				storeWide256(j.Most, i*Lanes+l, v.Abs().Max(loadWide256(j.Most, i*Lanes+l)))
			}
			put(0, s0)
			i := 1 + nv
			for p := 1; p <= nv; p++ {
				a := s2.Mul(loadWide256(poly, p*Lanes))
				for q := p; q <= nv; q++ {
					b := a
					if p == q {
						b = a.Mul(half)
					}
					put(i, s1.MulAdd(loadWide256(poly, i*Lanes), b.Mul(loadWide256(poly, q*Lanes))))
					i++
				}
			}
			for p := 1; p <= nv; p++ {
				put(p, s1.Mul(loadWide256(poly, p*Lanes)))
			}
		}
	}
	archsimd.ClearAVXUpperBits()
}

func weigh256(sum, coef, loose, own []float64) {
	rows := len(sum)
	for r := 0; r < rows; r += half256 {
		s, off := loadWide256(sum, r), loadWide256(loose, r)
		for i, l := r, r%Lanes; i < len(coef); i, l = i+rows, l+Lanes {
			s = loadWide256(coef, i).Abs().Add(off).MulAdd(loadWide256(own, l), s)
		}
		storeWide256(sum, r, s)
	}
	archsimd.ClearAVXUpperBits()
}

func steepen256(coef, slope, most, steepest []float64) {
	rows := len(most)
	for r := 0; r < rows; r += half256 {
		top := w256(wZero)
		for i, l := r, r%Lanes; i < len(coef); i, l = i+rows, l+Lanes {
			v := loadWide256(coef, i).Mul(loadWide256(slope, l))
			storeWide256(coef, i, v)
			top = v.Abs().Max(top)
		}
		storeWide256(most, r, top)
	}
	for l := 0; l < Lanes; l += half256 {
		top := w256(wZero)
		for i := l; i < len(slope); i += Lanes {
			top = loadWide256(slope, i).Abs().Max(top)
		}
		storeWide256(steepest, l, top)
	}
	archsimd.ClearAVXUpperBits()
}
