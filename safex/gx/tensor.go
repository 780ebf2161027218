package gx

import (
	"fmt"

	"github.com/gomlx/compute"
	"github.com/gomlx/gomlx/core/tensors"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// Columns copies b, whose columns are the rows of a matrix, into a tensor of T and of the given
// dimensions, the last of which is lanes >= b.Len(). Lanes beyond b repeat its last one.
func Columns[T float32 | float64](b num.Batch, lanes int, dims ...int) *tensors.Tensor {
	flat := make([]T, len(b)*lanes)
	n := b.Len()
	for d, column := range b {
		row := flat[d*lanes : (d+1)*lanes]
		for i, v := range column {
			row[i] = T(v)
		}
		for i := n; i < lanes; i++ {
			row[i] = row[n-1]
		}
	}
	return tensors.FromFlatDataAndDimensions(flat, dims...)
}

// Share moves tensors into the Backend, once and for all. Only then may graphs that run side by side
// read them: GoMLX moves a tensor at its first use, unguarded.
func Share(ts []*tensors.Tensor) error {
	backend, err := Backend()
	if err != nil {
		return err
	}
	return ShareOn(backend, ts)
}

// ShareOn is Share for graphs of backend b.
func ShareOn(b compute.Backend, ts []*tensors.Tensor) error {
	for _, t := range ts {
		if err := t.MaterializeOnDevice(b, true, 0); err != nil {
			return fmt.Errorf("gx: share: %w", err)
		}
	}
	return nil
}

// SetColumns is the inverse of Columns of float64: it fills b from a tensor of len(b) rows, and leaves
// lanes beyond b.
func SetColumns(b num.Batch, t *tensors.Tensor) error {
	return tensors.ConstFlatData(t, func(flat []float64) {
		lanes := len(flat) / max(1, len(b))
		for d, column := range b {
			copy(column, flat[d*lanes:(d+1)*lanes])
		}
	})
}

// Lanes is the batch size that a graph is compiled for to run n points: the next power of
// two from 16 on, so that few graphs serve all sizes.
func Lanes(n int) int {
	lanes := 16
	for lanes < n {
		lanes *= 2
	}
	return lanes
}
