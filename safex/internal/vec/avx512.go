//go:build goexperiment.simd && amd64

package vec

import "simd/archsimd"

type (
	lanes512 = archsimd.Float32x16
	ints512  = archsimd.Int32x16
	wides512 = archsimd.Float64x8
)

const (
	width512 = 16
	half512  = width512 / 2
)

// table512 are the coefficients, one vector each: reading one is cheaper than spreading a number over a vector.
var table512 = func() (t [constants][width512]float32) {
	for i, c := range coefficients {
		for l := range t[i] {
			t[i][l] = c
		}
	}
	return t
}()

func k512(i int) lanes512 { return archsimd.LoadFloat32x16Array(&table512[i]) }

func load512(x []float32, i int) lanes512 {
	return archsimd.LoadFloat32x16Array((*[width512]float32)(x[i:]))
}

func store512(x []float32, i int, v lanes512) { v.StoreArray((*[width512]float32)(x[i:])) }

func bits512(x lanes512) ints512 { return x.ToBits().BitsToInt32() }

func float512(x ints512) lanes512 { return x.ToBits().BitsToFloat32() }

func mul512(dst, a, b []float32) {
	for i := 0; i < len(dst); i += width512 {
		store512(dst, i, load512(a, i).Mul(load512(b, i)))
	}
	archsimd.ClearAVXUpperBits()
}

// power512 is eˣ = p·2ⁿ in two parts: p in [0.7, 1.5], and a number whose low bits are n.
func power512(x lanes512) (p, n lanes512) {
	n = x.MulAdd(k512(cLog2e), k512(cMagic))
	whole := n.Sub(k512(cMagic))
	r := whole.MulAdd(k512(cMinusLn2Hi), x)
	r = whole.MulAdd(k512(cMinusLn2Lo), r)
	p = r.MulAdd(k512(cExp0), k512(cExp1))
	p = r.MulAdd(p, k512(cExp2))
	p = r.MulAdd(p, k512(cExp3))
	p = r.MulAdd(p, k512(cExp4))
	p = r.MulAdd(p, k512(cExp5))
	return r.Mul(r).MulAdd(p, r.Add(k512(cOne))), n
}

// unitExp512 is eˣ with x kept where the result is normal, from -87 to 88. A NaN gives any number.
func unitExp512(x lanes512) lanes512 {
	p, n := power512(x.Max(k512(cUnitLo)).Min(k512(cUnitHi)))
	return float512(bits512(p).Add(bits512(n).ShiftAllLeft(23)))
}

// tanhOf512 is tanh x: a polynomial near 0, 1 - 2/(e²ˣ + 1) elsewhere.
func tanhOf512(v lanes512) lanes512 {
	a := v.Abs()
	z := v.Mul(v)
	p := z.MulAdd(k512(cTanh0), k512(cTanh1))
	p = z.MulAdd(p, k512(cTanh2))
	p = z.MulAdd(p, k512(cTanh3))
	p = z.MulAdd(p, k512(cTanh4))
	near := v.Mul(z).MulAdd(p, v)
	e := unitExp512(a.Add(a))
	far := k512(cOne).Sub(k512(cTwo).Div(e.Add(k512(cOne))))
	far = far.IfElse(a.Less(k512(cTanhHi)), k512(cOne))
	far = far.Neg().IfElse(v.Less(k512(cZero)), far)
	y := near.IfElse(a.Less(k512(cTanhLo)), far)
	return y.IfElse(v.Equal(v), v)
}

func relu512(y, d, x []float32) {
	for i := 0; i < len(y); i += width512 {
		v := load512(x, i)
		if len(d) > 0 {
			store512(d, i, k512(cOne).Masked(v.Greater(k512(cZero))))
		}
		store512(y, i, k512(cZero).IfElse(v.LessEqual(k512(cZero)), v))
	}
	archsimd.ClearAVXUpperBits()
}

func tanhUnit512(y, d, x []float32) {
	for i := 0; i < len(y); i += width512 {
		z := tanhOf512(load512(x, i))
		store512(y, i, z)
		if len(d) > 0 {
			store512(d, i, k512(cOne).Sub(z.Mul(z)))
		}
	}
	archsimd.ClearAVXUpperBits()
}

// noise512 is e^(3 tanh x - 2), and its derivative.
func noise512(y, d, x []float32) {
	for i := 0; i < len(y); i += width512 {
		z := tanhOf512(load512(x, i))
		v := unitExp512(z.MulAdd(k512(cThree), k512(cMinusTwo)))
		v = v.IfElse(z.Equal(z), z)
		store512(y, i, v)
		if len(d) > 0 {
			store512(d, i, k512(cThree).Mul(k512(cOne).Sub(z.Mul(z))).Mul(v))
		}
	}
	archsimd.ClearAVXUpperBits()
}

func spread512(mean, dev, y []float32, members int) {
	share := archsimd.BroadcastFloat32x16(1 / float32(members))
	for i := 0; i < len(mean); i += width512 {
		sum := load512(y, i)
		for j := i + len(mean); j < len(y); j += len(mean) {
			sum = sum.Add(load512(y, j))
		}
		m := sum.Mul(share)
		store512(mean, i, m)
		if len(dev) == 0 {
			continue
		}
		square := k512(cZero)
		for j := i; j < len(y); j += len(mean) {
			e := load512(y, j).Sub(m)
			square = e.MulAdd(e, square)
		}
		store512(dev, i, square.MulAdd(share, k512(cFloor)).Sqrt())
	}
	archsimd.ClearAVXUpperBits()
}

func spreadBack512(dy, y, mean, dev, gMean, gDev []float32, members int) {
	share := archsimd.BroadcastFloat32x16(1 / float32(members))
	for i := 0; i < len(mean); i += width512 {
		m, slope := load512(mean, i), load512(gDev, i).Mul(share).Div(load512(dev, i))
		rest := k512(cZero)
		for j := i; j < len(y); j += len(mean) {
			rest = rest.Add(load512(y, j).Sub(m))
		}
		level := load512(gMean, i).Sub(slope.Mul(rest)).Mul(share)
		for j := i; j < len(y); j += len(mean) {
			store512(dy, j, load512(y, j).Sub(m).MulAdd(slope, level))
		}
	}
	archsimd.ClearAVXUpperBits()
}

// tableWide512 are the coefficients of float64, likewise.
var tableWide512 = func() (t [constants64][half512]float64) {
	for i, c := range coefficients64 {
		for l := range t[i] {
			t[i][l] = c
		}
	}
	return t
}()

func w512(i int) wides512 { return archsimd.LoadFloat64x8Array(&tableWide512[i]) }

func loadWide512(x []float64, i int) wides512 {
	return archsimd.LoadFloat64x8Array((*[half512]float64)(x[i:]))
}

func storeWide512(x []float64, i int, v wides512) { v.StoreArray((*[half512]float64)(x[i:])) }

func mulWide512(dst, a, b []float64) {
	for i := 0; i < len(dst); i += half512 {
		storeWide512(dst, i, loadWide512(a, i).Mul(loadWide512(b, i)))
	}
	archsimd.ClearAVXUpperBits()
}

func squares512(sum, x []float64) {
	for i := 0; i < len(sum); i += half512 {
		s := loadWide512(sum, i)
		for j := i; j < len(x); j += len(sum) {
			v := loadWide512(x, j)
			s = v.MulAdd(v, s)
		}
		storeWide512(sum, i, s)
	}
	archsimd.ClearAVXUpperBits()
}

// expWide512 is eˣ for x up to 0, with x kept at -708 or above. A NaN gives any number.
func expWide512(x wides512) wides512 {
	x = x.Max(w512(wExpLo))
	n := x.MulAdd(w512(wLog2e), w512(wMagic))
	whole := n.Sub(w512(wMagic))
	r := whole.MulAdd(w512(wMinusLn2Hi), x)
	r = whole.MulAdd(w512(wMinusLn2Lo), r)
	p := r.MulAdd(w512(wExp0), w512(wExp1))
	p = r.MulAdd(p, w512(wExp2))
	p = r.MulAdd(p, w512(wExp3))
	p = r.MulAdd(p, w512(wExp4))
	p = r.MulAdd(p, w512(wExp5))
	p = r.MulAdd(p, w512(wExp6))
	p = r.MulAdd(p, w512(wExp7))
	p = r.MulAdd(p, w512(wExp8))
	p = r.MulAdd(p, w512(wExp9))
	p = r.MulAdd(p, w512(wExp10))
	p = r.Mul(r).MulAdd(p, r.Add(w512(wOne)))
	return p.ToBits().BitsToInt64().Add(n.ToBits().BitsToInt64().ShiftAllLeft(52)).ToBits().BitsToFloat64()
}

// distance512 is r² between lanes i on of z and a point.
func distance512(z []float64, i, lanes int, point []float64) wides512 {
	square := w512(wZero)
	for d, c := range point {
		e := loadWide512(z, d*lanes+i).Sub(archsimd.BroadcastFloat64x8(c))
		square = e.MulAdd(e, square)
	}
	return square
}

func squaredExponential512(y, d, z, points []float64, dim, lanes int) {
	for k := 0; k < len(points); k += dim {
		point, row := points[k:k+dim], k/dim*lanes
		for i := 0; i < lanes; i += half512 {
			r2 := distance512(z, i, lanes, point)
			e := expWide512(r2.Mul(w512(wMinusHalf)))
			e = e.IfElse(r2.Equal(r2), r2)
			storeWide512(y, row+i, e)
			if len(d) > 0 {
				storeWide512(d, row+i, e.Mul(w512(wMinusHalf)))
			}
		}
	}
	archsimd.ClearAVXUpperBits()
}

func matern512(y, d, z, points []float64, dim, lanes int) {
	for k := 0; k < len(points); k += dim {
		point, row := points[k:k+dim], k/dim*lanes
		for i := 0; i < lanes; i += half512 {
			r2 := distance512(z, i, lanes, point)
			square := r2.Mul(w512(wFive))
			a := square.Sqrt()
			e := expWide512(a.Neg())
			e = e.IfElse(r2.Equal(r2), r2)
			slope := a.MulAdd(e, e)
			storeWide512(y, row+i, square.MulAdd(e.Mul(w512(wThird)), slope))
			if len(d) > 0 {
				storeWide512(d, row+i, slope.Mul(w512(wFiveSixths)).Neg())
			}
		}
	}
	archsimd.ClearAVXUpperBits()
}

// derivatives512 are swish or tanh at c, and its first three derivatives.
func derivatives512(c wides512, tanh bool) (s0, s1, s2, s3 wides512) {
	one, two := w512(wOne), w512(wTwo)
	size := c.Abs()
	if tanh {
		e := expWide512(size.Add(size).Neg())
		s0 = one.Sub(e).Div(one.Add(e))
		s0 = s0.Neg().IfElse(c.Less(w512(wZero)), s0)
		s0 = s0.IfElse(c.Equal(c), c)
		square := s0.Mul(s0)
		s1 = one.Sub(square)
		s2 = s0.Mul(s1).Mul(two).Neg()
		s3 = square.MulAdd(w512(wSix), two.Neg()).Mul(s1)
		return s0, s1, s2, s3
	}
	e := expWide512(size.Neg())
	σ := e.IfElse(c.Less(w512(wZero)), one).Div(one.Add(e))
	p, q := σ.Mul(one.Sub(σ)), one.Sub(σ.Add(σ))
	s0 = c.Mul(σ)
	s1 = c.MulAdd(p, σ)
	s2 = c.MulAdd(q, two).Mul(p)
	s3 = q.MulAdd(q, p.Add(p).Neg()).MulAdd(c, q.Mul(w512(wThree))).Mul(p)
	return s0, s1, s2, s3
}

func expand512(j *Jets, tanh bool) {
	nv, n := j.Vars, Monomials(j.Vars)
	fourth := w512(wFourSwish)
	if tanh {
		fourth = w512(wFourTanh)
	}
	one, half, grow := w512(wOne), w512(wHalf), archsimd.BroadcastFloat64x8(j.Grow)
	for o, bias := range j.Bias {
		loss, less, add := archsimd.BroadcastFloat64x8(j.Loss[o]), archsimd.BroadcastFloat64x8(j.Less[o]), archsimd.BroadcastFloat64x8(bias)
		for l := 0; l < Lanes; l += half512 {
			poly := j.Poly[o*n*Lanes+l:]
			at := o*Lanes + l
			c := loadWide512(poly, 0).Add(add)
			s0, s1, s2, s3 := derivatives512(c, tanh)
			err := loadWide512(j.Error, at)
			off := loss.MulAdd(loadWide512(j.Share, l), less)
			first, qe := w512(wZero), err.Add(off)
			for i := 1; i <= nv; i++ {
				first = first.Add(loadWide512(poly, i*Lanes).Abs())
			}
			for i := 1 + nv; i < n; i++ {
				qe = qe.Add(loadWide512(poly, i*Lanes).Abs())
			}
			ρ := first.Add(qe)
			steep := s1.Abs()
			own := qe.MulAdd(half, first).Mul(qe).Mul(s2.Abs())
			own = fourth.MulAdd(ρ, s3.Abs().Add(w512(wThirdError))).MulAdd(ρ.Mul(ρ).Mul(ρ).Mul(w512(wSixth)), own)
			own = steep.MulAdd(off, own)
			wide := ρ.Add(one)
			own = own.MulAdd(w512(wGrow), c.Abs().Add(one).Mul(wide).Mul(wide).Mul(w512(wInexact)))
			storeWide512(j.Slope, at, s1)
			storeWide512(j.Own, at, own)
			storeWide512(j.Sum, at, steep.MulAdd(err, own).Mul(grow))
			put := func(i int, v wides512) {
				storeWide512(poly, i*Lanes, v)
				storeWide512(j.Most, i*Lanes+l, v.Abs().Max(loadWide512(j.Most, i*Lanes+l)))
			}
			put(0, s0)
			i := 1 + nv
			for p := 1; p <= nv; p++ {
				a := s2.Mul(loadWide512(poly, p*Lanes))
				for q := p; q <= nv; q++ {
					b := a
					if p == q {
						b = a.Mul(half)
					}
					put(i, s1.MulAdd(loadWide512(poly, i*Lanes), b.Mul(loadWide512(poly, q*Lanes))))
					i++
				}
			}
			for p := 1; p <= nv; p++ {
				put(p, s1.Mul(loadWide512(poly, p*Lanes)))
			}
		}
	}
	archsimd.ClearAVXUpperBits()
}

func weigh512(sum, coef, loose, own []float64) {
	rows := len(sum)
	for r := 0; r < rows; r += half512 {
		s, off := loadWide512(sum, r), loadWide512(loose, r)
		for i, l := r, r%Lanes; i < len(coef); i, l = i+rows, l+Lanes {
			s = loadWide512(coef, i).Abs().Add(off).MulAdd(loadWide512(own, l), s)
		}
		storeWide512(sum, r, s)
	}
	archsimd.ClearAVXUpperBits()
}

func steepen512(coef, slope, most, steepest []float64) {
	rows := len(most)
	for r := 0; r < rows; r += half512 {
		top := w512(wZero)
		for i, l := r, r%Lanes; i < len(coef); i, l = i+rows, l+Lanes {
			v := loadWide512(coef, i).Mul(loadWide512(slope, l))
			storeWide512(coef, i, v)
			top = v.Abs().Max(top)
		}
		storeWide512(most, r, top)
	}
	for l := 0; l < Lanes; l += half512 {
		top := w512(wZero)
		for i := l; i < len(slope); i += Lanes {
			top = loadWide512(slope, i).Abs().Max(top)
		}
		storeWide512(steepest, l, top)
	}
	archsimd.ClearAVXUpperBits()
}
