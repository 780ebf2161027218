package safex

import (
	"fmt"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// Data is every transition seen so far, in order. Transitions are only ever appended, so
// that row i stays row i.
type Data struct {
	X, U, Next num.Batch
}

// Len is the number of transitions.
func (d *Data) Len() int { return d.X.Len() }

// Append adds the transition from x to next with the action u.
func (d *Data) Append(x, u, next []float64) {
	if d.X == nil {
		d.X, d.U, d.Next = make(num.Batch, len(x)), make(num.Batch, len(u)), make(num.Batch, len(next))
	}
	if len(x) != len(d.X) || len(u) != len(d.U) || len(next) != len(d.Next) {
		panic(fmt.Sprintf("safex: Append of %d, %d, %d dimensions to data of %d, %d, %d", len(x), len(u), len(next), len(d.X), len(d.U), len(d.Next)))
	}
	for k, v := range x {
		d.X[k] = append(d.X[k], v)
	}
	for k, v := range u {
		d.U[k] = append(d.U[k], v)
	}
	for k, v := range next {
		d.Next[k] = append(d.Next[k], v)
	}
}

// Check reports the first transition that holds a NaN or an infinity.
func (d *Data) Check() error {
	for i := range d.Len() {
		for _, b := range []num.Batch{d.X, d.U, d.Next} {
			for _, column := range b {
				if bad(column[i]) {
					return fmt.Errorf("safex: transition %d of %d holds %v", i, d.Len(), column[i])
				}
			}
		}
	}
	return nil
}
