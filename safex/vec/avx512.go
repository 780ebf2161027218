//go:build goexperiment.simd && amd64

package vec

import (
	"math"
	"simd/archsimd"
)

// vectors512 is the form for AVX512.
var vectors512 = kernels{
	form: AVX512,
	add:  add512, sub: sub512, mul: mul512, div: div512, mulAdd: mulAdd512,
	min: min512, max: max512, less: less512, where: where512, atan2: atan2512,
	sqrt: sqrt512, exp: exp512, log: log512, tanh: tanh512, sin: sin512, cos: cos512, round: round512,
	swish: swish512, relu: relu512, tanhUnit: tanhUnit512,
	spread: spread512, spreadBack: spreadBack512, panel: panel512, fma: fma512,
	panel64: panel64x512, squaredExponential: squaredExponential512, matern52: matern512, mul64: mulWide512, squares64: squares512,
}

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

func add512(dst, a, b []float32) {
	for i := 0; i < len(dst); i += width512 {
		store512(dst, i, load512(a, i).Add(load512(b, i)))
	}
	archsimd.ClearAVXUpperBits()
}

func sub512(dst, a, b []float32) {
	for i := 0; i < len(dst); i += width512 {
		store512(dst, i, load512(a, i).Sub(load512(b, i)))
	}
	archsimd.ClearAVXUpperBits()
}

func mul512(dst, a, b []float32) {
	for i := 0; i < len(dst); i += width512 {
		store512(dst, i, load512(a, i).Mul(load512(b, i)))
	}
	archsimd.ClearAVXUpperBits()
}

func div512(dst, a, b []float32) {
	for i := 0; i < len(dst); i += width512 {
		store512(dst, i, load512(a, i).Div(load512(b, i)))
	}
	archsimd.ClearAVXUpperBits()
}

func mulAdd512(dst, a, b []float32) {
	for i := 0; i < len(dst); i += width512 {
		store512(dst, i, load512(a, i).MulAdd(load512(b, i), load512(dst, i)))
	}
	archsimd.ClearAVXUpperBits()
}

func min512(dst, a, b []float32) {
	for i := 0; i < len(dst); i += width512 {
		x, y := load512(a, i), load512(b, i)
		sum := x.Add(y) // the processor's minimum may drop a NaN
		z := x.IfElse(x.Less(y), y)
		store512(dst, i, sum.IfElse(x.IsNaN().Or(y.IsNaN()), z))
	}
	archsimd.ClearAVXUpperBits()
}

func max512(dst, a, b []float32) {
	for i := 0; i < len(dst); i += width512 {
		x, y := load512(a, i), load512(b, i)
		sum := x.Add(y)
		z := x.IfElse(x.Greater(y), y)
		store512(dst, i, sum.IfElse(x.IsNaN().Or(y.IsNaN()), z))
	}
	archsimd.ClearAVXUpperBits()
}

func less512(dst, a, b []float32) {
	for i := 0; i < len(dst); i += width512 {
		store512(dst, i, k512(cOne).Masked(load512(a, i).Less(load512(b, i))))
	}
	archsimd.ClearAVXUpperBits()
}

func where512(dst, c, a, b []float32) {
	for i := 0; i < len(dst); i += width512 {
		store512(dst, i, load512(b, i).IfElse(load512(c, i).Equal(k512(cZero)), load512(a, i)))
	}
	archsimd.ClearAVXUpperBits()
}

func sqrt512(dst, x []float32) {
	for i := 0; i < len(dst); i += width512 {
		store512(dst, i, load512(x, i).Sqrt())
	}
	archsimd.ClearAVXUpperBits()
}

func round512(dst, x []float32) {
	for i := 0; i < len(dst); i += width512 {
		v := load512(x, i)
		size := v.Abs() // from 2²³ on, every number is an integer
		r := size.Add(k512(cShift)).Sub(k512(cShift)).IfElse(size.Less(k512(cShift)), size)
		sign := bits512(v).And(bits512(k512(cZero).Neg()))
		store512(dst, i, float512(bits512(r).Or(sign)))
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

func exp512(dst, x []float32) {
	for i := 0; i < len(dst); i += width512 {
		v := load512(x, i)
		p, n := power512(v.Max(k512(cExpLo)).Min(k512(cExpHi)))
		// 2ⁿ in two factors, for results that overflow or are denormal.
		whole, one := bits512(n).Sub(bits512(k512(cMagic))), bits512(k512(cOne))
		half := whole.ShiftAllRight(1)
		a, b := float512(half.ShiftAllLeft(23).Add(one)), float512(whole.Sub(half).ShiftAllLeft(23).Add(one))
		store512(dst, i, v.IfElse(v.IsNaN(), p.Mul(a).Mul(b)))
	}
	archsimd.ClearAVXUpperBits()
}

func log512(dst, x []float32) {
	least := archsimd.BroadcastInt32x16(0x3f3504f3) // √½
	digits := archsimd.BroadcastInt32x16(0x7fffff)
	for i := 0; i < len(dst); i += width512 {
		v := load512(x, i)
		tiny := v.Less(k512(cNormal))
		bits := bits512(v.Mul(k512(cShift)).IfElse(tiny, v)).Sub(least)
		e := bits.ShiftAllRight(23).ConvertToFloat32().Add(k512(cMinus23).Masked(tiny))
		m := float512(bits.And(digits).Add(least)).Sub(k512(cOne)) // in [√½ - 1, √2 - 1)
		p := m.MulAdd(k512(cLog0), k512(cLog1))
		p = m.MulAdd(p, k512(cLog2))
		p = m.MulAdd(p, k512(cLog3))
		p = m.MulAdd(p, k512(cLog4))
		p = m.MulAdd(p, k512(cLog5))
		p = m.MulAdd(p, k512(cLog6))
		p = m.MulAdd(p, k512(cLog7))
		p = m.MulAdd(p, k512(cLog8))
		square := m.Mul(m)
		p = e.MulAdd(k512(cLn2Lo), square.Mul(m).Mul(p))
		p = square.MulAdd(k512(cMinusHalf), p)
		y := e.MulAdd(k512(cLn2Hi), m.Add(p))
		y = y.IfElse(v.Less(k512(cInf)), v)                           // ∞ and NaN
		y = k512(cInf).Neg().IfElse(v.Equal(k512(cZero)), y)          // 0
		y = k512(cInf).Sub(k512(cInf)).IfElse(v.Less(k512(cZero)), y) // below
		store512(dst, i, y)
	}
	archsimd.ClearAVXUpperBits()
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
	return v.IfElse(v.IsNaN(), y)
}

func tanh512(dst, x []float32) {
	for i := 0; i < len(dst); i += width512 {
		store512(dst, i, tanhOf512(load512(x, i)))
	}
	archsimd.ClearAVXUpperBits()
}

// quadrant512 takes x apart into r in [-π/4, π/4] and a number whose low bits are the quadrant, and gives the sine and
// the cosine of r.
func quadrant512(v lanes512) (sin, cos lanes512, q ints512) {
	n := v.MulAdd(k512(cTwoOverPi), k512(cMagic))
	whole := n.Sub(k512(cMagic))
	r := whole.MulAdd(k512(cMinusPi1), v)
	r = whole.MulAdd(k512(cMinusPi2), r)
	r = whole.MulAdd(k512(cMinusPi3), r)
	z := r.Mul(r)
	p := z.MulAdd(k512(cSin0), k512(cSin1))
	p = z.MulAdd(p, k512(cSin2))
	sin = r.Mul(z).MulAdd(p, r)
	p = z.MulAdd(k512(cCos0), k512(cCos1))
	p = z.MulAdd(p, k512(cCos2))
	cos = z.Mul(z).MulAdd(p, z.MulAdd(k512(cMinusHalf), k512(cOne)))
	return sin, cos, bits512(n)
}

func sin512(dst, x []float32) {
	one, wide := archsimd.BroadcastInt32x16(1), false
	for i := 0; i < len(dst); i += width512 {
		v := load512(x, i)
		sin, cos, q := quadrant512(v)
		y := cos.IfElse(q.And(one).Equal(one), sin)
		sign := q.ShiftAllRight(1).And(one).ShiftAllLeft(31)
		store512(dst, i, float512(bits512(y).Xor(sign)))
		wide = wide || v.Abs().LessEqual(k512(cAngle)).ToBits() != 1<<width512-1
	}
	archsimd.ClearAVXUpperBits()
	if wide {
		wideAngles(dst, x, math.Sin)
	}
}

func cos512(dst, x []float32) {
	one, wide := archsimd.BroadcastInt32x16(1), false
	for i := 0; i < len(dst); i += width512 {
		v := load512(x, i)
		sin, cos, q := quadrant512(v)
		y := sin.IfElse(q.And(one).Equal(one), cos)
		sign := q.Add(one).ShiftAllRight(1).And(one).ShiftAllLeft(31)
		store512(dst, i, float512(bits512(y).Xor(sign)))
		wide = wide || v.Abs().LessEqual(k512(cAngle)).ToBits() != 1<<width512-1
	}
	archsimd.ClearAVXUpperBits()
	if wide {
		wideAngles(dst, x, math.Cos)
	}
}

func atan2512(dst, y, x []float32) {
	odd := false
	for i := 0; i < len(dst); i += width512 {
		b, a := load512(y, i), load512(x, i)
		dy, dx := b.Abs(), a.Abs()
		steep := dy.Greater(dx)
		t := dx.IfElse(steep, dy).Div(dy.IfElse(steep, dx)) // in [0, 1]
		far := t.Greater(k512(cTan8))
		w := t.Sub(k512(cOne)).Div(t.Add(k512(cOne))).IfElse(far, t)
		z := w.Mul(w)
		p := z.MulAdd(k512(cAtan0), k512(cAtan1))
		p = z.MulAdd(p, k512(cAtan2))
		p = z.MulAdd(p, k512(cAtan3))
		angle := w.Mul(z).MulAdd(p, w).Add(k512(cQuarterPi).Masked(far))
		angle = k512(cHalfPi).Sub(angle).IfElse(steep, angle)
		angle = k512(cPi).Sub(angle).IfElse(a.Less(k512(cZero)), angle)
		sign := bits512(b).And(bits512(k512(cZero).Neg()))
		store512(dst, i, float512(bits512(angle).Or(sign)))
		size := dx.Add(dy)
		odd = odd || size.Greater(k512(cZero)).And(size.Less(k512(cInf))).ToBits() != 1<<width512-1
	}
	archsimd.ClearAVXUpperBits()
	if odd {
		oddAngles(dst, y, x)
	}
}

func swish512(y, d, x []float32) {
	low := k512(cUnitHi).Neg()
	for i := 0; i < len(y); i += width512 {
		v := load512(x, i)
		s := k512(cOne).Div(k512(cOne).Add(unitExp512(v.Neg())))
		s = s.Masked(v.GreaterEqual(low))
		z := v.Mul(s)
		store512(y, i, z)
		if len(d) > 0 {
			store512(d, i, k512(cOne).Sub(s).MulAdd(z, s))
		}
	}
	archsimd.ClearAVXUpperBits()
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
			e = r2.IfElse(r2.IsNaN(), e)
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
			e = r2.IfElse(r2.IsNaN(), e)
			slope := a.MulAdd(e, e)
			storeWide512(y, row+i, square.MulAdd(e.Mul(w512(wThird)), slope))
			if len(d) > 0 {
				storeWide512(d, row+i, slope.Mul(w512(wFiveSixths)).Neg())
			}
		}
	}
	archsimd.ClearAVXUpperBits()
}
