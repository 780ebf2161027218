package train

import (
	"time"
)

// A clock keeps the period of an episode in real time.
type clock struct {
	next time.Time     // when the next action is due; zero before the first of an episode, which sets it
	rest time.Duration // what lately came between the end of a search for a plan and the moment that its action was ready
}

// within is the time that a plan has which begins now: that of the Deadline and, in real time, what is left until its action is due. 0 is as long as it takes,
// as the first plan of an episode may.
func (a Agent) within(s *State, now time.Time) time.Duration {
	if !a.Realtime || s.clock.next.IsZero() {
		return a.Deadline
	}
	left := max(s.clock.next.Sub(now)-s.clock.rest, time.Millisecond)
	if a.Deadline > 0 {
		left = min(left, a.Deadline)
	}
	return left
}

// searched notes what came after the search of a plan that ended at a time: checks by a filter, and what is believed of the step. The longest counts, and
// is forgotten slowly.
func (c *clock) searched(at time.Time) {
	const forget = 0.98
	c.rest = max(time.Duration(forget*float64(c.rest)), time.Since(at)+time.Millisecond/2)
}

// wait waits until the action is due, and returns how much later than that it is, and whether that is because it was not ready. What comes after one that
// was not is due a period after it.
func (a Agent) wait(s *State) (late time.Duration, missed bool) {
	if !a.Realtime {
		return 0, false
	}
	period := time.Duration(a.System.Dt * float64(time.Second))
	now := time.Now()
	if s.clock.next.IsZero() {
		s.clock.next = now
	}
	due := s.clock.next
	missed = now.After(due.Add(slack))
	time.Sleep(due.Sub(now))
	late = time.Since(due)
	if s.clock.next = due.Add(period); missed {
		s.clock.next = time.Now().Add(period)
	}
	return late, missed
}

// slack is how much later than it is due an action may be ready: what a timer is off by.
const slack = time.Millisecond
