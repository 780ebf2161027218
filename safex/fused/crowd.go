package fused

import (
	"sync/atomic"
	"time"
)

// A crowd tells whether other processes want the cores that this one runs on. A goroutine that looks out for work takes time from them, and
// from the rest of its own process: where cores are wanted it is better to sleep, and to be woken.
type crowd struct {
	preemptions func() int64 // of the whole process, since it began
	looked      atomic.Int64 // when, in nanoseconds since the process began
	count       atomic.Int64 // preemptions by then
	there       atomic.Bool
}

// A look at others is made so often at most. Where two processes with two threads each share two cores, every thread is preempted some hundred times
// a second; where nobody else wants them, a few times.
const (
	lookEvery = 10 * time.Millisecond
	some      = 2 // preemptions between two looks
)

var born = time.Now()

// about tells whether others are about.
func (c *crowd) about() bool {
	now, last := int64(time.Since(born)), c.looked.Load()
	if now-last < int64(lookEvery) || !c.looked.CompareAndSwap(last, now) {
		return c.there.Load()
	}
	n := c.preemptions()
	before := c.count.Swap(n)
	// After a long time without a look, preemptions may be as old as that.
	c.there.Store((n-before)*int64(lookEvery) >= some*(now-last))
	return c.there.Load()
}
