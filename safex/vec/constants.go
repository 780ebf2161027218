//go:build goexperiment.simd && amd64

package vec

import "math"

// Constants of the vector functions, by place in coefficients.
const (
	cZero = iota
	cOne
	cTwo
	cInf
	cMagic // 1.5·2²³: x + cMagic is x rounded, and the low bits of the sum are that integer
	cFloor
	cLog2e
	cMinusLn2Hi // -ln 2 in two parts, the first with few digits
	cMinusLn2Lo
	cExpLo // eˣ is 0 below and ∞ above
	cExpHi
	cUnitLo // eˣ has a normal exponent between these
	cUnitHi
	cExp0 // to cExp5: of eˣ
	cExp1
	cExp2
	cExp3
	cExp4
	cExp5
	cLn2Hi
	cLn2Lo
	cMinusHalf
	cNormal // the smallest normal number
	cShift  // 2²³
	cMinus23
	cLog0 // to cLog8: of the logarithm
	cLog1
	cLog2
	cLog3
	cLog4
	cLog5
	cLog6
	cLog7
	cLog8
	cTanhLo // a polynomial below, 1 above cTanhHi
	cTanhHi
	cTanh0
	cTanh1
	cTanh2
	cTanh3
	cTanh4
	cTwoOverPi
	cMinusPi1 // -π/2 in three parts
	cMinusPi2
	cMinusPi3
	cAngle // up to here the three parts are enough
	cSin0
	cSin1
	cSin2
	cCos0
	cCos1
	cCos2
	cTan8 // tan π/8
	cQuarterPi
	cHalfPi
	cPi
	cAtan0
	cAtan1
	cAtan2
	cAtan3
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
}

// coefficients are the constants. The polynomials are those of S. L. Moshier's Cephes library (expf, logf, tanhf, sinf,
// cosf, atanf), highest power first.
var coefficients = [constants]float32{
	cOne: 1, cTwo: 2, cInf: float32(math.Inf(1)), cMagic: 0x1.8p23, cFloor: floor,
	cLog2e: math.Log2E, cMinusLn2Hi: -0.693359375, cMinusLn2Lo: 2.12194440e-4,
	cExpLo: -105, cExpHi: 90, cUnitLo: -87, cUnitHi: 88,
	cExp0: 1.9875691500e-4, cExp1: 1.3981999507e-3, cExp2: 8.3334519073e-3,
	cExp3: 4.1665795894e-2, cExp4: 1.6666665459e-1, cExp5: 5.0000001201e-1,
	cLn2Hi: 0.693359375, cLn2Lo: -2.12194440e-4, cMinusHalf: -0.5, cNormal: 0x1p-126, cShift: 0x1p23, cMinus23: -23,
	cLog0: 7.0376836292e-2, cLog1: -1.1514610310e-1, cLog2: 1.1676998740e-1,
	cLog3: -1.2420140846e-1, cLog4: 1.4249322787e-1, cLog5: -1.6668057665e-1,
	cLog6: 2.0000714765e-1, cLog7: -2.4999993993e-1, cLog8: 3.3333331174e-1,
	cTanhLo: 0.625, cTanhHi: 9.02,
	cTanh0: -5.70498872745e-3, cTanh1: 2.06390887954e-2, cTanh2: -5.37397155531e-2,
	cTanh3: 1.33314422036e-1, cTanh4: -3.33332819422e-1,
	cTwoOverPi: 2 / math.Pi, cMinusPi1: -0x1.921fb6p0, cMinusPi2: 0x1.777a5cp-25, cMinusPi3: 0x1.ee59dap-50, cAngle: 1e4,
	cSin0: -1.9515295891e-4, cSin1: 8.3321608736e-3, cSin2: -1.6666654611e-1,
	cCos0: 2.443315711809948e-5, cCos1: -1.388731625493765e-3, cCos2: 4.166664568298827e-2,
	cTan8: 0.41421356237, cQuarterPi: math.Pi / 4, cHalfPi: math.Pi / 2, cPi: math.Pi,
	cAtan0: 8.05374449538e-2, cAtan1: -1.38776856032e-1, cAtan2: 1.99777106478e-1, cAtan3: -3.33329491539e-1,
}
