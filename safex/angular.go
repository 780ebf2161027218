package safex

import (
	"math"

	"github.com/rischiboy/safe_exploration/safex/num"
)

// turned are the dimensions of the state whose sine or cosine Next takes: they are angles.
func (s *System) turned() []bool {
	angles := make([]bool, len(s.State))
	if s.Outside() {
		return angles
	}
	steps, _ := s.Dynamics.Steps()
	for _, step := range steps {
		if step.Op != num.OpSin && step.Op != num.OpCos {
			continue
		}
		if d := source(steps, step.Arg[0]); d >= 0 && d < len(angles) {
			angles[d] = true
		}
	}
	return angles
}

// source is the input that step i takes as it is, or up to constants; -1 if there is none.
func source(steps []num.Step, i int) int {
	switch s := steps[i]; s.Op {
	case num.OpInput:
		return s.Src
	case num.OpNeg:
		return source(steps, s.Arg[0])
	case num.OpAdd, num.OpSub, num.OpMul, num.OpDiv:
		for k := range 2 {
			if steps[s.Arg[1-k]].Op == num.OpConst {
				return source(steps, s.Arg[k])
			}
		}
	}
	return -1
}

// angular warns of angles that a learner cannot know for such: those that turn all the way round, and those that jump from one end
// of a turn to the other.
func (r *Report) angular(s *System, seen ...*survey) {
	turned := s.turned()
	for d, v := range s.State {
		lo, hi, step := math.Inf(1), math.Inf(-1), 0.0
		for _, w := range seen {
			lo, hi, step = min(lo, w.lo[d]), max(hi, w.hi[d]), max(step, w.step[d])
		}
		const most = 2*math.Pi + 1e-9
		wraps := step > 0.9*2*math.Pi && hi-lo <= most && (lo >= -most/2 && hi <= most/2 || lo >= -1e-9)
		switch {
		case wraps:
			r.warn("%s jumps by %.2f in a step, as an angle does that is wrapped: a learner would have to learn the jump; %s", v.Name, step, circle)
		case turned[d] && hi-lo > 2*math.Pi && !s.kept(d):
			r.warn("%s turns by %.2f, and Next takes its sine or cosine: a learner does not know that a turn of 2π changes nothing; %s", v.Name, hi-lo, circle)
		}
	}
}

// kept tells whether a limit keeps dimension d within half a turn, so that all the way round is out of question.
func (s *System) kept(d int) bool {
	for k, l := range s.Limits {
		if b, ok := s.Bound(k); ok && b.State == d && b.Upper && b.Lower && l.Max < math.Pi {
			return true
		}
	}
	return false
}

// circle is how a task says that a state is an angle.
const circle = `keep its cosine and sine in the state, return θ.Cos() and θ.Sin() from Next, where θ := num.Atan2(sin, cos), and add Angles: []safex.Angle{{Name: "theta", Sin: 1, Cos: 0}} with their dimensions`

// blurred warns of states so far from 0 that float64 keeps too little of them, and of limits without a Scale whose sizes are far
// from 1, which is what a Scale of 0 means.
func (r *Report) blurred(s *System, seen ...*survey) {
	for d, v := range s.State {
		reach := 0.0
		for _, w := range seen {
			reach = max(reach, math.Abs(w.lo[d]), math.Abs(w.hi[d]))
		}
		if place := math.Nextafter(reach, math.MaxFloat64) - reach; place > 1e-6*v.Scale {
			r.warn("%s reaches %.4g, where numbers differ by %.2g %s at least, and its Scale is %v: nothing finer can be learned or planned; measure it from where an episode starts", v.Name, reach, place, v.Unit, v.Scale)
		}
	}
	for k, l := range s.Limits {
		size := math.Abs(l.Max)
		for _, w := range seen {
			size = max(size, math.Abs(w.most[k]-l.Max))
		}
		if l.Scale == 0 && size > 0 && (size < 1e-3 || size > 1e4) {
			r.warn("limit %q is about %.2g %s and has no Scale, so that planners take an excess of 1 %s for one that matters: set Scale to the size of an excess that does", l.Name, size, l.Unit, l.Unit)
		}
	}
}
