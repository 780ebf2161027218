//go:build goexperiment.simd && (amd64 || arm64)

package vec

import "math"

// Constants of the vector functions, by place in coefficients.
const (
	cZero = iota
	cOne
	cTwo
	cMagic // 1.5·2²³: x + cMagic is x rounded, and the low bits of the sum are that integer
	cFloor
	cLog2e
	cMinusLn2Hi // -ln 2 in two parts, the first with few digits
	cMinusLn2Lo
	cUnitLo // eˣ has a normal exponent between these
	cUnitHi
	cMinusUnitHi // of -x
	cMinusUnitLo
	cExp0 // to cExp5: of eˣ
	cExp1
	cExp2
	cExp3
	cExp4
	cExp5
	cTanhLo // a polynomial below, 1 above cTanhHi
	cTanhHi
	cTanh0
	cTanh1
	cTanh2
	cTanh3
	cTanh4
	cThree
	cMinusTwo
	constants
)

// Constants of the functions in float64, by place in coefficients64.
const (
	wZero = iota
	wOne
	wMinusHalf
	wThird
	wFive
	wFiveSixths
	wMagic // 1.5·2⁵²
	wLog2e
	wMinusLn2Hi
	wMinusLn2Lo
	wExpLo
	wExp0 // to wExp10
	wExp1
	wExp2
	wExp3
	wExp4
	wExp5
	wExp6
	wExp7
	wExp8
	wExp9
	wExp10
	wTwo
	wThree
	wSix
	wHalf
	wSixth
	wThirdError // of Expand
	wInexact
	wGrow
	wFourSwish // a quarter of the fourth derivative
	wFourTanh
	constants64
)

// coefficients64 are those constants. The polynomial is that of N. Shibata's SLEEF library (xexp), highest power first.
var coefficients64 = [constants64]float64{
	wOne: 1, wMinusHalf: -0.5, wThird: 1.0 / 3, wFive: 5, wFiveSixths: 5.0 / 6,
	wMagic: 0x1.8p52, wLog2e: math.Log2E, wMinusLn2Hi: -0.69314718055966295651160180568695068359375, wMinusLn2Lo: -0.28235290563031577122588448175013436025525412068e-12,
	wExpLo: -708,
	wExp0:  2.08860621107283687536341e-09, wExp1: 2.51112930892876518610661e-08, wExp2: 2.75573911234900471893338e-07,
	wExp3: 2.75572362911928827629423e-06, wExp4: 2.4801587159235472998791e-05, wExp5: 1.98412698960509205564975e-04,
	wExp6: 1.38888888889774492207962e-03, wExp7: 8.33333333331652721664984e-03, wExp8: 4.16666666666665047591422e-02,
	wExp9: 1.66666666666666851703837e-01, wExp10: 0.5,
	wTwo: 2, wThree: 3, wSix: 6, wHalf: 0.5, wSixth: 1.0 / 6,
	wThirdError: jetThird, wInexact: jetInexact, wGrow: jetGrow, wFourSwish: fourSwish / 4, wFourTanh: fourTanh / 4,
}

// coefficients are the constants. The polynomials are those of S. L. Moshier's Cephes library (expf, tanhf), highest power
// first.
var coefficients = [constants]float32{
	cOne: 1, cTwo: 2, cMagic: 0x1.8p23, cFloor: floor,
	cLog2e: math.Log2E, cMinusLn2Hi: -0.693359375, cMinusLn2Lo: 2.12194440e-4,
	cUnitLo: -87, cUnitHi: 88, cMinusUnitHi: -88, cMinusUnitLo: 87,
	cExp0: 1.9875691500e-4, cExp1: 1.3981999507e-3, cExp2: 8.3334519073e-3,
	cExp3: 4.1665795894e-2, cExp4: 1.6666665459e-1, cExp5: 5.0000001201e-1,
	cTanhLo: 0.625, cTanhHi: 9.02,
	cTanh0: -5.70498872745e-3, cTanh1: 2.06390887954e-2, cTanh2: -5.37397155531e-2,
	cTanh3: 1.33314422036e-1, cTanh4: -3.33332819422e-1,
	cThree: 3, cMinusTwo: -2,
}
