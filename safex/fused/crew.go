package fused

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// cores are shared by the rolls of all engines: together they keep no more goroutines at work than the process may run.
var cores crew

// others are the processes beside this one.
var others = crowd{preemptions: preemptions}

// A crew lends goroutines to jobs. A plan is many short rolls, one after the other, and to wake a core takes as long as some of
// them: one that has done its part looks out for the next for a while, before it goes, unless others want its core.
type crew struct {
	mu   sync.Mutex
	busy int     // goroutines at work, those that called Roll among them
	idle []*hand // that look out
}

// A hand is a goroutine that helps.
type hand struct{ job atomic.Pointer[job] }

// patience is how long a hand looks out for a job, and a caller for its hands, before they sleep.
const patience = 200 * time.Microsecond

// join is a caller's: it counts itself in, and takes up to n hands for j.
func (c *crew) join(j *job, n int) {
	c.mu.Lock()
	c.busy++
	n = min(n, runtime.GOMAXPROCS(0)-c.busy)
	if n <= 0 {
		c.mu.Unlock()
		return
	}
	c.busy += n
	ready := min(n, len(c.idle))
	j.left.Store(int64(n))
	j.wait.Add(n)
	for range ready {
		last := len(c.idle) - 1
		c.idle[last].job.Store(j)
		c.idle = c.idle[:last]
	}
	c.mu.Unlock()
	for range n - ready {
		go c.help(j)
	}
}

// part is a caller's: it waits for the hands of j, and counts itself out.
func (c *crew) part(j *job) {
	watch(func() bool { return j.left.Load() == 0 })
	j.wait.Wait()
	c.mu.Lock()
	c.busy--
	c.mu.Unlock()
}

// help works on one job after the other.
func (c *crew) help(j *job) {
	h := &hand{}
	for j != nil {
		j.work()
		c.mu.Lock()
		c.busy--
		c.idle = append(c.idle, h)
		c.mu.Unlock()
		j.left.Add(-1)
		j.wait.Done() // from here on, j may be another call's
		j = c.next(h)
	}
}

// next is the next job of h, nil if it has none for some time.
func (c *crew) next(h *hand) *job {
	if !watch(func() bool { return h.job.Load() != nil }) {
		c.mu.Lock()
		for i, other := range c.idle {
			if other == h {
				c.idle[i] = c.idle[len(c.idle)-1]
				c.idle = c.idle[:len(c.idle)-1]
				break
			}
		}
		c.mu.Unlock()
	}
	return h.job.Swap(nil)
}

// watch looks whether something has happened until it has, or patience is at its end, which it is at once where others want the core.
func watch(happened func() bool) bool {
	for began := time.Now(); !others.about() && time.Since(began) < patience; {
		for range 100 {
			if happened() {
				return true
			}
		}
		runtime.Gosched()
	}
	return happened()
}
