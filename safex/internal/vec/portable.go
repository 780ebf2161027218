package vec

import "math"

// portable is the form in plain Go.
var portable = kernels{
	form: Portable,
	mul: func(dst, a, b []float32) {
		for i := range dst {
			dst[i] = a[i] * b[i]
		}
	},
	swish: unit(func(x float64) (y, d float64) {
		s := 1 / (1 + math.Exp(-x))
		y = x * s
		return y, s + y*(1-s)
	}),
	relu: func(y, d, x []float32) {
		for i := range d {
			d[i] = 0
			if x[i] > 0 {
				d[i] = 1
			}
		}
		for i := range y {
			y[i] = max(x[i], 0)
		}
	},
	tanhUnit: unit(func(x float64) (y, d float64) {
		y = math.Tanh(x)
		return y, 1 - y*y
	}),
	noise: unit(func(x float64) (y, d float64) {
		z := math.Tanh(x)
		y = math.Exp(3*z - 2)
		return y, 3 * (1 - z*z) * y
	}),
	spread:     spreadPortable,
	spreadBack: spreadBackPortable,
	panel:      panelPortable,
	outputs:    2 * height,
	piece:      func(int) int { return 4 * Lanes },
	fma:        fmaPortable,
	panel64:    panelWidePortable,
	squaredExponential: correlation(func(r2 float64) (y, d float64) {
		y = math.Exp(-r2 / 2)
		return y, -y / 2
	}),
	matern52: correlation(func(r2 float64) (y, d float64) {
		a := math.Sqrt(5 * r2)
		e := math.Exp(-a)
		return (1 + a + a*a/3) * e, -5.0 / 6 * (1 + a) * e
	}),
	mul64: func(dst, a, b []float64) {
		for i := range dst {
			dst[i] = a[i] * b[i]
		}
	},
	squares64: func(sum, x []float64) {
		for i := range x {
			sum[i%len(sum)] += x[i] * x[i]
		}
	},
	expand: expandPortable, weigh64: weighPortable, steepen64: steepenPortable,
}

// unit makes an activation of a function and its derivative.
func unit(f func(x float64) (y, d float64)) func(y, d, x []float32) {
	return func(y, d, x []float32) {
		for i := range y {
			v, slope := f(float64(x[i]))
			y[i] = float32(v)
			if len(d) > 0 {
				d[i] = float32(slope)
			}
		}
	}
}

func spreadPortable(mean, dev, y []float32, members int) {
	n := len(mean)
	for i := range mean {
		var sum, square float32
		for m := range members {
			sum += y[m*n+i]
		}
		mean[i] = sum / float32(members)
		if len(dev) == 0 {
			continue
		}
		for m := range members {
			d := y[m*n+i] - mean[i]
			square += d * d
		}
		dev[i] = float32(math.Sqrt(float64(square/float32(members) + floor)))
	}
}

func spreadBackPortable(dy, y, mean, dev, gMean, gDev []float32, members int) {
	n, share := len(mean), 1/float32(members)
	for i := range mean {
		slope := gDev[i] * share / dev[i]
		var rest float32
		for m := range members {
			rest += y[m*n+i] - mean[i]
		}
		level := (gMean[i] - slope*rest) * share
		for m := range members {
			dy[m*n+i] = slope*(y[m*n+i]-mean[i]) + level
		}
	}
}

func panelPortable(y, _, w, bias, x []float32, then after, rows, in, lanes int) (done bool) {
	if rows > height {
		panelPortable(y[height*lanes:], nil, w[height*in:], bias[height:], x, then, rows-height, in, lanes)
		rows = height
	}
	var sum [height][Lanes]float32
	for lo := 0; lo < lanes; lo += Lanes {
		for r := range sum {
			for l := range sum[r] {
				sum[r][l] = bias[r]
			}
		}
		for i := range in {
			wi, xi := (*[height]float32)(w[i*height:]), (*[Lanes]float32)(x[i*lanes+lo:])
			for l, v := range xi {
				sum[0][l] += wi[0] * v
				sum[1][l] += wi[1] * v
				sum[2][l] += wi[2] * v
				sum[3][l] += wi[3] * v
			}
		}
		for r := range rows {
			copy(y[r*lanes+lo:], sum[r][:])
		}
	}
	return false
}

func panelWidePortable(y, w, x []float64, rows, in, lanes int) {
	var sum [height][Lanes]float64
	for lo := 0; lo < lanes; lo += Lanes {
		clear(sum[:])
		for i := range in {
			wi, xi := (*[height]float64)(w[i*height:]), (*[Lanes]float64)(x[i*lanes+lo:])
			for l, v := range xi {
				sum[0][l] += wi[0] * v
				sum[1][l] += wi[1] * v
				sum[2][l] += wi[2] * v
				sum[3][l] += wi[3] * v
			}
		}
		for r := range rows {
			copy(y[r*lanes+lo:], sum[r][:])
		}
	}
}

// correlation makes the correlations of a function of r² and its derivative.
func correlation(f func(r2 float64) (y, d float64)) func(y, d, z, points []float64, dim, lanes int) {
	return func(y, d, z, points []float64, dim, lanes int) {
		for i := range y {
			var r2 float64
			for k, c := range points[i/lanes*dim:][:dim] {
				e := z[k*lanes+i%lanes] - c
				r2 += e * e
			}
			v, slope := f(r2)
			y[i] = v
			if len(d) > 0 {
				d[i] = slope
			}
		}
	}
}

func fmaPortable(rounds int) (flops int) {
	var a [8]float32
	for range rounds {
		for i := range a {
			a[i] = a[i]*0.5 + 1
		}
	}
	if a[0] < 0 { // never, but the compiler must do the work to know
		return 0
	}
	return rounds * 2 * len(a)
}
