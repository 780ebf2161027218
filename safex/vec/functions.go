package vec

// In every function of this file dst may be one of the arguments, except in Sin, Cos and Atan2. A NaN among the
// arguments that count gives NaN. Errors are in units in the last place (ulp) of the result, over the whole range of
// float32; the portable form rounds float64 results, and is within 1.

// Add is dst = a + b.
func Add(dst, a, b []float32) { check2("Add", dst, a, b); current.Load().add(dst, a, b) }

// Sub is dst = a - b.
func Sub(dst, a, b []float32) { check2("Sub", dst, a, b); current.Load().sub(dst, a, b) }

// Mul is dst = a b.
func Mul(dst, a, b []float32) { check2("Mul", dst, a, b); current.Load().mul(dst, a, b) }

// Div is dst = a / b.
func Div(dst, a, b []float32) { check2("Div", dst, a, b); current.Load().div(dst, a, b) }

// MulAdd is dst += a b, rounded once; twice in the portable form.
func MulAdd(dst, a, b []float32) { check2("MulAdd", dst, a, b); current.Load().mulAdd(dst, a, b) }

// Min is the smaller of a and b, and NaN if either is.
func Min(dst, a, b []float32) { check2("Min", dst, a, b); current.Load().min(dst, a, b) }

// Max is the larger of a and b, and NaN if either is.
func Max(dst, a, b []float32) { check2("Max", dst, a, b); current.Load().max(dst, a, b) }

// Less is 1 where a < b, and 0 elsewhere, also for NaN.
func Less(dst, a, b []float32) { check2("Less", dst, a, b); current.Load().less(dst, a, b) }

// Where is a where c is not 0, and b elsewhere. A NaN is not 0.
func Where(dst, c, a, b []float32) {
	check2("Where", dst, a, b)
	same("Where", len(dst), len(c))
	current.Load().where(dst, c, a, b)
}

// Sqrt is the square root of x, correctly rounded, and NaN below 0.
func Sqrt(dst, x []float32) { check1("Sqrt", dst, x); current.Load().sqrt(dst, x) }

// Exp is e to the power x, within 2 ulp, or 1e-44 where the result is denormal.
func Exp(dst, x []float32) { check1("Exp", dst, x); current.Load().exp(dst, x) }

// Log is the natural logarithm of x, within 2 ulp; -Inf at 0 and NaN below.
func Log(dst, x []float32) { check1("Log", dst, x); current.Load().log(dst, x) }

// Tanh is the hyperbolic tangent of x, within 3 ulp.
func Tanh(dst, x []float32) { check1("Tanh", dst, x); current.Load().tanh(dst, x) }

// Sin is the sine of x in radians, within 2 ulp, and NaN at ±Inf. dst must not be x.
func Sin(dst, x []float32) { check1("Sin", dst, x); current.Load().sin(dst, x) }

// Cos is the cosine of x in radians, within 2 ulp, and NaN at ±Inf. dst must not be x.
func Cos(dst, x []float32) { check1("Cos", dst, x); current.Load().cos(dst, x) }

// Atan2 is the angle of the point (x, y), within 4 ulp, in [-π, π]. Zeros and infinities are those of math.Atan2. dst
// must be neither y nor x.
func Atan2(dst, y, x []float32) { check2("Atan2", dst, y, x); current.Load().atan2(dst, y, x) }

// Round is the integer nearest to x, ties to even.
func Round(dst, x []float32) { check1("Round", dst, x); current.Load().round(dst, x) }

func check1(name string, dst, x []float32) { check2(name, dst, x, x) }

func check2(name string, dst, a, b []float32) {
	if n := len(dst); len(a) != n || len(b) != n || n%Lanes != 0 {
		same(name, n, len(a), len(b))
	}
}
