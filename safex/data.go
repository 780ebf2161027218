package safex

import (
	"fmt"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// Data is every transition seen so far, in order. Transitions are only ever appended, so
// that row i stays row i.
type Data struct {
	X, U, Next num.Batch
	Starts     []int // rows with which episodes begin, rising; what is before the first is an episode too
}

// Len is the number of transitions.
func (d *Data) Len() int { return d.X.Len() }

// Begin says that the next transition is the first of an episode.
func (d *Data) Begin() {
	if n := len(d.Starts); n == 0 || d.Starts[n-1] != d.Len() {
		d.Starts = append(d.Starts, d.Len())
	}
}

// Episodes are the rows of each episode, from the first to before the last; none is empty.
func (d *Data) Episodes() (rows [][2]int) {
	from := 0
	for _, to := range append(d.Starts[:len(d.Starts):len(d.Starts)], d.Len()) {
		if to > from {
			rows = append(rows, [2]int{from, to})
			from = to
		}
	}
	return rows
}

// Pick copies the transitions whose row keep wants, with the beginnings of their episodes.
func (d *Data) Pick(keep func(row int) bool) *Data {
	p := &Data{X: make(num.Batch, len(d.X)), U: make(num.Batch, len(d.U)), Next: make(num.Batch, len(d.Next))}
	for _, e := range d.Episodes() {
		p.Begin()
		for i := e[0]; i < e[1]; i++ {
			if !keep(i) {
				continue
			}
			for _, c := range []struct{ to, from num.Batch }{{p.X, d.X}, {p.U, d.U}, {p.Next, d.Next}} {
				for k, column := range c.from {
					c.to[k] = append(c.to[k], column[i])
				}
			}
		}
	}
	return p
}

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

// AppendEpisode adds the transitions of an episode, as the agent saw them.
func (d *Data) AppendEpisode(t Trajectory) {
	d.Begin()
	for i, u := range t.Actions {
		d.Append(t.States[i], u, t.States[i+1])
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
