package vec

// Mul is dst = a b, lane by lane. dst may be one of them.
func Mul(dst, a, b []float32) { check2("Mul", dst, a, b); current.Load().mul(dst, a, b) }

func check1(name string, dst, x []float32) { check2(name, dst, x, x) }

func check2(name string, dst, a, b []float32) {
	if n := len(dst); len(a) != n || len(b) != n || n%Lanes != 0 {
		same(name, n, len(a), len(b))
	}
}
