package train

import "github.com/rischiboy/safe_exploration/safex"

// logged are the data that a run begins with: a copy of those that were Logged, or none.
func (a Agent) logged() *safex.Data {
	if a.Logged == nil {
		return &safex.Data{}
	}
	return a.Logged.Pick(func(int) bool { return true })
}

// before is how many there are.
func (a Agent) before() int {
	if a.Logged == nil {
		return 0
	}
	return a.Logged.Len()
}

// least is the fewest RandomSteps: a first fit needs something to learn from.
func (a Agent) least() int {
	if a.before() > 0 {
		return 0
	}
	return 1
}
