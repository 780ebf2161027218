//go:build goexperiment.simd && amd64

package vec

// Tiles are register blocks of 4 outputs and as many lanes as their name's vectors: y[4, lanes] = bias + w x. y, w, bias
// and x point to the first number; w is [in, 4]. strideY and strideX are bytes from row to row. They are in assembly because
// the compiler keeps moving the accumulators of a block in Go from register to register: that was half as fast. What follows
// the sums costs least where they are in registers: the tail of the tiles that have one. d is the first number of rows as far
// apart as those of y.

//go:noescape
func tile512x4(y, w, bias, x, d *float32, in int, strideY, strideX uintptr, then tail)

//go:noescape
func tile512x2(y, w, bias, x, d *float32, in int, strideY, strideX uintptr, then tail)

// tiles512x2 and tiles512x1 are n tiles, one below the other, of 12 outputs and 2 vectors of lanes or one, so that as many sums are
// under way in few lanes.

//go:noescape
func tiles512x2(y, w, bias, x, d *float32, n, in int, strideY, strideX uintptr, then tail)

//go:noescape
func tiles512x1(y, w, bias, x, d *float32, n, in int, strideY, strideX uintptr, then tail)

// tiles256x6 and tiles256x4 are n tiles, one below the other, of 6 and 4 outputs and 2 vectors of lanes. The first takes an even n. Two
// multiplications with addition begin in a cycle and take 4 or 5: its twelve sums keep both busy, and the 8 of the second where
// it is 4.

//go:noescape
func tiles256x6(y, w, bias, x, d *float32, n, in int, strideY, strideX uintptr, then tail)

//go:noescape
func tiles256x4(y, w, bias, x, d *float32, n, in int, strideY, strideX uintptr, then tail)

// A tail is the end of a tile.
type tail int

const (
	tailNone tail = iota
	tailRelu
	tailSlope // and its derivative, to d
	tailTimes // d
)

// tailOf is the tail for what becomes of the sums, tailNone if there is none for that.
func tailOf(then after, d []float32) tail {
	switch {
	case then == multiplied:
		return tailTimes
	case then == clipped && len(d) > 0:
		return tailSlope
	case then == clipped:
		return tailRelu
	}
	return tailNone
}

// place points to number i of y, and of d if the tail has to do with it.
func (t tail) place(y, d []float32, i int) (to, other *float32) {
	if t >= tailSlope {
		other = &d[i]
	}
	return &y[i], other
}

// Wide tiles are the same in float64, without a bias.

//go:noescape
func wide512x4(y, w, x *float64, in int, strideY, strideX uintptr)

//go:noescape
func wide512x2(y, w, x *float64, in int, strideY, strideX uintptr)

//go:noescape
func wide256x2(y, w, x *float64, in int, strideY, strideX uintptr)

// chains512 and chains256 run rounds of 16 and 12 multiplications with addition, each of which waits for its own of the
// round before.

//go:noescape
func chains512(rounds int)

//go:noescape
func chains256(rounds int)

// panel512 takes columns of 4 vectors of lanes, and what is left in one of 2 and one of 1.
func panel512(y, d, w, bias, x []float32, then after, rows, in, lanes int) (done bool) {
	const tall = 12
	stride := uintptr(4 * lanes)
	full := rows / height * height
	twelve := full / tall * tall
	end := tailOf(then, d)
	lo := 0
	for ; lo+64 <= lanes; lo += 64 {
		for r := 0; r < full; r += height {
			to, other := end.place(y, d, r*lanes+lo)
			tile512x4(to, &w[r*in], &bias[r], &x[lo], other, in, stride, stride, end)
		}
	}
	if lo+32 <= lanes {
		if twelve > 0 {
			to, other := end.place(y, d, lo)
			tiles512x2(to, &w[0], &bias[0], &x[lo], other, twelve/tall, in, stride, stride, end)
		}
		for r := twelve; r < full; r += height {
			to, other := end.place(y, d, r*lanes+lo)
			tile512x2(to, &w[r*in], &bias[r], &x[lo], other, in, stride, stride, end)
		}
		lo += 32
	}
	if lo < lanes {
		if twelve > 0 {
			to, other := end.place(y, d, lo)
			tiles512x1(to, &w[0], &bias[0], &x[lo], other, twelve/tall, in, stride, stride, end)
		}
		if full > twelve {
			to, other := end.place(y, d, twelve*lanes+lo)
			tiles256x4(to, &w[twelve*in], &bias[twelve], &x[lo], other, (full-twelve)/height, in, stride, stride, end)
		}
	}
	if full < rows {
		y, w, bias := y[full*lanes:], w[full*in:], bias[full:]
		partial512(y, w, bias, x, rows-full, in, lanes)
		switch end {
		case tailRelu:
			relu512(y, nil, y)
		case tailSlope:
			relu512(y, d[full*lanes:], y)
		case tailTimes:
			mul512(y, y, d[full*lanes:])
		}
	}
	return end != tailNone
}

// panel256 goes through the whole layer column by column, two vectors of lanes each: a column of x stays in the nearest cache, and
// the weights come by.
func panel256(y, d, w, bias, x []float32, then after, rows, in, lanes int) (done bool) {
	const pair = 12 // outputs of two tiles of 6
	stride := uintptr(4 * lanes)
	full := rows / height * height
	six := full / pair * pair
	end := tailOf(then, d)
	for lo := 0; lo < lanes; lo += Lanes {
		if six > 0 {
			to, other := end.place(y, d, lo)
			tiles256x6(to, &w[0], &bias[0], &x[lo], other, six/6, in, stride, stride, end)
		}
		if full > six {
			to, other := end.place(y, d, six*lanes+lo)
			tiles256x4(to, &w[six*in], &bias[six], &x[lo], other, (full-six)/height, in, stride, stride, end)
		}
	}
	if full < rows {
		y, w, bias := y[full*lanes:], w[full*in:], bias[full:]
		partial256(y, w, bias, x, rows-full, in, lanes)
		switch end {
		case tailRelu:
			relu256(y, nil, y)
		case tailSlope:
			relu256(y, d[full*lanes:], y)
		case tailTimes:
			mul256(y, y, d[full*lanes:])
		}
	}
	return end != tailNone
}

// partial512 and partial256 are for fewer rows than a tile has, which writes all of them: elsewhere.

func partial512(y, w, bias, x []float32, rows, in, lanes int) {
	var spare [height * 64]float32
	for lo := 0; lo < lanes; {
		n := min(64, (lanes-lo)/32*32)
		switch n {
		case 64:
			tile512x4(&spare[0], &w[0], &bias[0], &x[lo], nil, in, 4*64, uintptr(4*lanes), tailNone)
		case 32:
			tile512x2(&spare[0], &w[0], &bias[0], &x[lo], nil, in, 4*64, uintptr(4*lanes), tailNone)
		default:
			n = 16
			tiles256x4(&spare[0], &w[0], &bias[0], &x[lo], nil, 1, in, 4*64, uintptr(4*lanes), tailNone)
		}
		for r := range rows {
			copy(y[r*lanes+lo:][:n], spare[64*r:])
		}
		lo += n
	}
}

func partial256(y, w, bias, x []float32, rows, in, lanes int) {
	var spare [height * Lanes]float32
	for lo := 0; lo < lanes; lo += Lanes {
		tiles256x4(&spare[0], &w[0], &bias[0], &x[lo], nil, 1, in, 4*Lanes, uintptr(4*lanes), tailNone)
		for r := range rows {
			copy(y[r*lanes+lo:][:Lanes], spare[Lanes*r:])
		}
	}
}

func panel64x512(y, w, x []float64, rows, in, lanes int) {
	const most = 2 * Lanes
	var spare [height * most]float64
	stride := uintptr(8 * lanes)
	for lo := 0; lo < lanes; lo += most {
		to, strideTo, n := &spare[0], uintptr(8*most), min(most, lanes-lo)
		if rows == height {
			to, strideTo = &y[lo], stride
		}
		if n == most {
			wide512x4(to, &w[0], &x[lo], in, strideTo, stride)
		} else {
			wide512x2(to, &w[0], &x[lo], in, strideTo, stride)
		}
		if rows == height {
			continue
		}
		for r := range rows {
			copy(y[r*lanes+lo:][:n], spare[r*most:])
		}
	}
}

func panel64x256(y, w, x []float64, rows, in, lanes int) {
	const step = 8
	var spare [height * step]float64
	stride := uintptr(8 * lanes)
	for lo := 0; lo < lanes; lo += step {
		if rows == height {
			wide256x2(&y[lo], &w[0], &x[lo], in, stride, stride)
			continue
		}
		wide256x2(&spare[0], &w[0], &x[lo], in, 8*step, stride)
		for r := range rows {
			copy(y[r*lanes+lo:][:step], spare[r*step:])
		}
	}
}

func piece512(int) int { return 4 * width512 }

// piece256 lets the rows of a layer take 16 KiB, half of the nearest cache of the processors that have no wider vectors, with at
// least one column.
func piece256(width int) int { return max(Lanes, min(64, 4096/width/Lanes*Lanes)) }

func fma512(rounds int) (flops int) {
	chains512(rounds)
	return rounds * 16 * 2 * 16
}

func fma256(rounds int) (flops int) {
	chains256(rounds)
	return rounds * 12 * 2 * 8
}
