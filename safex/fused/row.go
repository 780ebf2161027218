package fused

// Rows of float64 hold what must not lose digits, one number for each lane. What takes the time is in float32, and in vectors.

func fill(row []float64, v float64) {
	for i := range row {
		row[i] = v
	}
}

// add adds a to sum.
func add(sum, a []float64) {
	a = a[:len(sum)]
	for i := range sum {
		sum[i] += a[i]
	}
}

// addTimes adds k a to sum.
func addTimes(sum, a []float64, k float64) {
	a = a[:len(sum)]
	for i := range sum {
		sum[i] += float64(k * a[i])
	}
}

// addProduct adds a b to sum.
func addProduct(sum, a, b []float64) {
	a, b = a[:len(sum)], b[:len(sum)]
	for i := range sum {
		sum[i] += float64(a[i] * b[i])
	}
}

// scale multiplies a by k into dst.
func scale(dst, a []float64, k float64) {
	a = a[:len(dst)]
	for i := range dst {
		dst[i] = k * a[i]
	}
}

// product is a b in dst.
func product(dst, a, b []float64) {
	a, b = a[:len(dst)], b[:len(dst)]
	for i := range dst {
		dst[i] = a[i] * b[i]
	}
}
