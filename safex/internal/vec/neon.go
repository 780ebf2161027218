// Code generated from avx512.go by go generate; DO NOT EDIT.

//go:build goexperiment.simd && arm64

package vec

import "simd/archsimd"

type (
	lanes128 = archsimd.Float32x4
	ints128  = archsimd.Int32x4
	wides128 = archsimd.Float64x2
)

const (
	width128 = 4
	half128  = width128 / 2
)

// table128 are the coefficients, one vector each: reading one is cheaper than spreading a number over a vector.
var table128 = func() (t [constants][width128]float32) {
	for i, c := range coefficients {
		for l := range t[i] {
			t[i][l] = c
		}
	}
	return t
}()

func k128(i int) lanes128 { return archsimd.LoadFloat32x4Array(&table128[i]) }

func load128(x []float32, i int) lanes128 {
	return archsimd.LoadFloat32x4Array((*[width128]float32)(x[i:]))
}

func store128(x []float32, i int, v lanes128) { v.StoreArray((*[width128]float32)(x[i:])) }

func bits128(x lanes128) ints128 { return x.ToBits().BitsToInt32() }

func float128(x ints128) lanes128 { return x.ToBits().BitsToFloat32() }

func mul128(dst, a, b []float32) {
	for i := 0; i < len(dst); i += width128 {
		store128(dst, i, load128(a, i).Mul(load128(b, i)))
	}
}

// power128 is eˣ = p·2ⁿ in two parts: p in [0.7, 1.5], and a number whose low bits are n.
func power128(x lanes128) (p, n lanes128) {
	n = x.MulAdd(k128(cLog2e), k128(cMagic))
	whole := n.Sub(k128(cMagic))
	r := whole.MulAdd(k128(cMinusLn2Hi), x)
	r = whole.MulAdd(k128(cMinusLn2Lo), r)
	p = r.MulAdd(k128(cExp0), k128(cExp1))
	p = r.MulAdd(p, k128(cExp2))
	p = r.MulAdd(p, k128(cExp3))
	p = r.MulAdd(p, k128(cExp4))
	p = r.MulAdd(p, k128(cExp5))
	return r.Mul(r).MulAdd(p, r.Add(k128(cOne))), n
}

// unitExp128 is eˣ with x kept where the result is normal, from -87 to 88. A NaN gives any number.
func unitExp128(x lanes128) lanes128 {
	p, n := power128(x.Max(k128(cUnitLo)).Min(k128(cUnitHi)))
	return float128(bits128(p).Add(bits128(n).ShiftAllLeft(23)))
}

// tanhOf128 is tanh x: a polynomial near 0, 1 - 2/(e²ˣ + 1) elsewhere.
func tanhOf128(v lanes128) lanes128 {
	a := v.Abs()
	z := v.Mul(v)
	p := z.MulAdd(k128(cTanh0), k128(cTanh1))
	p = z.MulAdd(p, k128(cTanh2))
	p = z.MulAdd(p, k128(cTanh3))
	p = z.MulAdd(p, k128(cTanh4))
	near := v.Mul(z).MulAdd(p, v)
	e := unitExp128(a.Add(a))
	far := k128(cOne).Sub(k128(cTwo).Div(e.Add(k128(cOne))))
	far = far.IfElse(a.Less(k128(cTanhHi)), k128(cOne))
	far = far.Neg().IfElse(v.Less(k128(cZero)), far)
	y := near.IfElse(a.Less(k128(cTanhLo)), far)
	return y.IfElse(v.Equal(v), v)
}

func relu128(y, d, x []float32) {
	for i := 0; i < len(y); i += width128 {
		v := load128(x, i)
		if len(d) > 0 {
			store128(d, i, k128(cOne).Masked(v.Greater(k128(cZero))))
		}
		store128(y, i, k128(cZero).IfElse(v.LessEqual(k128(cZero)), v))
	}
}

func tanhUnit128(y, d, x []float32) {
	for i := 0; i < len(y); i += width128 {
		z := tanhOf128(load128(x, i))
		store128(y, i, z)
		if len(d) > 0 {
			store128(d, i, k128(cOne).Sub(z.Mul(z)))
		}
	}
}

// noise128 is e^(3 tanh x - 2), and its derivative.
func noise128(y, d, x []float32) {
	for i := 0; i < len(y); i += width128 {
		z := tanhOf128(load128(x, i))
		v := unitExp128(z.MulAdd(k128(cThree), k128(cMinusTwo)))
		v = v.IfElse(z.Equal(z), z)
		store128(y, i, v)
		if len(d) > 0 {
			store128(d, i, k128(cThree).Mul(k128(cOne).Sub(z.Mul(z))).Mul(v))
		}
	}
}

func spread128(mean, dev, y []float32, members int) {
	share := archsimd.BroadcastFloat32x4(1 / float32(members))
	for i := 0; i < len(mean); i += width128 {
		sum := load128(y, i)
		for j := i + len(mean); j < len(y); j += len(mean) {
			sum = sum.Add(load128(y, j))
		}
		m := sum.Mul(share)
		store128(mean, i, m)
		if len(dev) == 0 {
			continue
		}
		square := k128(cZero)
		for j := i; j < len(y); j += len(mean) {
			e := load128(y, j).Sub(m)
			square = e.MulAdd(e, square)
		}
		store128(dev, i, square.MulAdd(share, k128(cFloor)).Sqrt())
	}
}

func spreadBack128(dy, y, mean, dev, gMean, gDev []float32, members int) {
	share := archsimd.BroadcastFloat32x4(1 / float32(members))
	for i := 0; i < len(mean); i += width128 {
		m, slope := load128(mean, i), load128(gDev, i).Mul(share).Div(load128(dev, i))
		rest := k128(cZero)
		for j := i; j < len(y); j += len(mean) {
			rest = rest.Add(load128(y, j).Sub(m))
		}
		level := load128(gMean, i).Sub(slope.Mul(rest)).Mul(share)
		for j := i; j < len(y); j += len(mean) {
			store128(dy, j, load128(y, j).Sub(m).MulAdd(slope, level))
		}
	}
}

// tableWide128 are the coefficients of float64, likewise.
var tableWide128 = func() (t [constants64][half128]float64) {
	for i, c := range coefficients64 {
		for l := range t[i] {
			t[i][l] = c
		}
	}
	return t
}()

func w128(i int) wides128 { return archsimd.LoadFloat64x2Array(&tableWide128[i]) }

func loadWide128(x []float64, i int) wides128 {
	return archsimd.LoadFloat64x2Array((*[half128]float64)(x[i:]))
}

func storeWide128(x []float64, i int, v wides128) { v.StoreArray((*[half128]float64)(x[i:])) }

func mulWide128(dst, a, b []float64) {
	for i := 0; i < len(dst); i += half128 {
		storeWide128(dst, i, loadWide128(a, i).Mul(loadWide128(b, i)))
	}
}

func squares128(sum, x []float64) {
	for i := 0; i < len(sum); i += half128 {
		s := loadWide128(sum, i)
		for j := i; j < len(x); j += len(sum) {
			v := loadWide128(x, j)
			s = v.MulAdd(v, s)
		}
		storeWide128(sum, i, s)
	}
}

// expWide128 is eˣ for x up to 0, with x kept at -708 or above. A NaN gives any number.
func expWide128(x wides128) wides128 {
	x = x.Max(w128(wExpLo))
	n := x.MulAdd(w128(wLog2e), w128(wMagic))
	whole := n.Sub(w128(wMagic))
	r := whole.MulAdd(w128(wMinusLn2Hi), x)
	r = whole.MulAdd(w128(wMinusLn2Lo), r)
	p := r.MulAdd(w128(wExp0), w128(wExp1))
	p = r.MulAdd(p, w128(wExp2))
	p = r.MulAdd(p, w128(wExp3))
	p = r.MulAdd(p, w128(wExp4))
	p = r.MulAdd(p, w128(wExp5))
	p = r.MulAdd(p, w128(wExp6))
	p = r.MulAdd(p, w128(wExp7))
	p = r.MulAdd(p, w128(wExp8))
	p = r.MulAdd(p, w128(wExp9))
	p = r.MulAdd(p, w128(wExp10))
	p = r.Mul(r).MulAdd(p, r.Add(w128(wOne)))
	return p.ToBits().BitsToInt64().Add(n.ToBits().BitsToInt64().ShiftAllLeft(52)).ToBits().BitsToFloat64()
}

// distance128 is r² between lanes i on of z and a point.
func distance128(z []float64, i, lanes int, point []float64) wides128 {
	square := w128(wZero)
	for d, c := range point {
		e := loadWide128(z, d*lanes+i).Sub(archsimd.BroadcastFloat64x2(c))
		square = e.MulAdd(e, square)
	}
	return square
}

func squaredExponential128(y, d, z, points []float64, dim, lanes int) {
	for k := 0; k < len(points); k += dim {
		point, row := points[k:k+dim], k/dim*lanes
		for i := 0; i < lanes; i += half128 {
			r2 := distance128(z, i, lanes, point)
			e := expWide128(r2.Mul(w128(wMinusHalf)))
			e = e.IfElse(r2.Equal(r2), r2)
			storeWide128(y, row+i, e)
			if len(d) > 0 {
				storeWide128(d, row+i, e.Mul(w128(wMinusHalf)))
			}
		}
	}
}

func matern128(y, d, z, points []float64, dim, lanes int) {
	for k := 0; k < len(points); k += dim {
		point, row := points[k:k+dim], k/dim*lanes
		for i := 0; i < lanes; i += half128 {
			r2 := distance128(z, i, lanes, point)
			square := r2.Mul(w128(wFive))
			a := square.Sqrt()
			e := expWide128(a.Neg())
			e = e.IfElse(r2.Equal(r2), r2)
			slope := a.MulAdd(e, e)
			storeWide128(y, row+i, square.MulAdd(e.Mul(w128(wThird)), slope))
			if len(d) > 0 {
				storeWide128(d, row+i, slope.Mul(w128(wFiveSixths)).Neg())
			}
		}
	}
}

// derivatives128 are swish or tanh at c, and its first three derivatives.
func derivatives128(c wides128, tanh bool) (s0, s1, s2, s3 wides128) {
	one, two := w128(wOne), w128(wTwo)
	size := c.Abs()
	if tanh {
		e := expWide128(size.Add(size).Neg())
		s0 = one.Sub(e).Div(one.Add(e))
		s0 = s0.Neg().IfElse(c.Less(w128(wZero)), s0)
		s0 = s0.IfElse(c.Equal(c), c)
		square := s0.Mul(s0)
		s1 = one.Sub(square)
		s2 = s0.Mul(s1).Mul(two).Neg()
		s3 = square.MulAdd(w128(wSix), two.Neg()).Mul(s1)
		return s0, s1, s2, s3
	}
	e := expWide128(size.Neg())
	σ := e.IfElse(c.Less(w128(wZero)), one).Div(one.Add(e))
	p, q := σ.Mul(one.Sub(σ)), one.Sub(σ.Add(σ))
	s0 = c.Mul(σ)
	s1 = c.MulAdd(p, σ)
	s2 = c.MulAdd(q, two).Mul(p)
	s3 = q.MulAdd(q, p.Add(p).Neg()).MulAdd(c, q.Mul(w128(wThree))).Mul(p)
	return s0, s1, s2, s3
}

func expand128(j *Jets, tanh bool) {
	nv, n := j.Vars, Monomials(j.Vars)
	fourth := w128(wFourSwish)
	if tanh {
		fourth = w128(wFourTanh)
	}
	one, half, grow := w128(wOne), w128(wHalf), archsimd.BroadcastFloat64x2(j.Grow)
	for o, bias := range j.Bias {
		loss, less, add := archsimd.BroadcastFloat64x2(j.Loss[o]), archsimd.BroadcastFloat64x2(j.Less[o]), archsimd.BroadcastFloat64x2(bias)
		for l := 0; l < Lanes; l += half128 {
			poly := j.Poly[o*n*Lanes+l:]
			at := o*Lanes + l
			c := loadWide128(poly, 0).Add(add)
			s0, s1, s2, s3 := derivatives128(c, tanh)
			err := loadWide128(j.Error, at)
			off := loss.MulAdd(loadWide128(j.Share, l), less)
			first, qe := w128(wZero), err.Add(off)
			for i := 1; i <= nv; i++ {
				first = first.Add(loadWide128(poly, i*Lanes).Abs())
			}
			for i := 1 + nv; i < n; i++ {
				qe = qe.Add(loadWide128(poly, i*Lanes).Abs())
			}
			ρ := first.Add(qe)
			steep := s1.Abs()
			own := qe.MulAdd(half, first).Mul(qe).Mul(s2.Abs())
			own = fourth.MulAdd(ρ, s3.Abs().Add(w128(wThirdError))).MulAdd(ρ.Mul(ρ).Mul(ρ).Mul(w128(wSixth)), own)
			own = steep.MulAdd(off, own)
			wide := ρ.Add(one)
			own = own.MulAdd(w128(wGrow), c.Abs().Add(one).Mul(wide).Mul(wide).Mul(w128(wInexact)))
			storeWide128(j.Slope, at, s1)
			storeWide128(j.Own, at, own)
			storeWide128(j.Sum, at, steep.MulAdd(err, own).Mul(grow))
			put := func(i int, v wides128) {
				storeWide128(poly, i*Lanes, v)
				storeWide128(j.Most, i*Lanes+l, v.Abs().Max(loadWide128(j.Most, i*Lanes+l)))
			}
			put(0, s0)
			i := 1 + nv
			for p := 1; p <= nv; p++ {
				a := s2.Mul(loadWide128(poly, p*Lanes))
				for q := p; q <= nv; q++ {
					b := a
					if p == q {
						b = a.Mul(half)
					}
					put(i, s1.MulAdd(loadWide128(poly, i*Lanes), b.Mul(loadWide128(poly, q*Lanes))))
					i++
				}
			}
			for p := 1; p <= nv; p++ {
				put(p, s1.Mul(loadWide128(poly, p*Lanes)))
			}
		}
	}
}

func weigh128(sum, coef, loose, own []float64) {
	rows := len(sum)
	for r := 0; r < rows; r += half128 {
		s, off := loadWide128(sum, r), loadWide128(loose, r)
		for i, l := r, r%Lanes; i < len(coef); i, l = i+rows, l+Lanes {
			s = loadWide128(coef, i).Abs().Add(off).MulAdd(loadWide128(own, l), s)
		}
		storeWide128(sum, r, s)
	}
}

func steepen128(coef, slope, most, steepest []float64) {
	rows := len(most)
	for r := 0; r < rows; r += half128 {
		top := w128(wZero)
		for i, l := r, r%Lanes; i < len(coef); i, l = i+rows, l+Lanes {
			v := loadWide128(coef, i).Mul(loadWide128(slope, l))
			storeWide128(coef, i, v)
			top = v.Abs().Max(top)
		}
		storeWide128(most, r, top)
	}
	for l := 0; l < Lanes; l += half128 {
		top := w128(wZero)
		for i := l; i < len(slope); i += Lanes {
			top = loadWide128(slope, i).Abs().Max(top)
		}
		storeWide128(steepest, l, top)
	}
}
