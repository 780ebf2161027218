package safex

// A Maker makes a Task of its parameters: a struct of them, or a Task, which has none.
type Maker interface{ Task() Task }

// Task implements Maker.
func (t Task) Task() Task { return t }

// A Tuning says how planners suit a task. What is 0 is left to the planner.
type Tuning struct {
	Horizon int // steps of a plan
	// Robust is the number of steps, at most Horizon, that a pessimistic planner defends against model errors: those that the
	// system takes to come to rest.
	Robust int
	// Std and Color are for a search with coloured noise: the first standard deviation of actions, in (0, 1] mostly, and how slowly
	// they change: 0 is white, 2 Brownian.
	Std, Color float64
}

// A Tunable planner is one that a Tuning can suit to a task.
type Tunable interface {
	Planner
	// Tuned is the planner with what t says, and its own settings where t says nothing.
	Tuned(t Tuning) Planner
}
