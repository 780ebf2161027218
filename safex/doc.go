// Package safex is the vocabulary of safe exploration: what a control task is,
// what a belief about its dynamics is, what a plan against the worst of that
// belief is, and what an episode was.
//
// An agent knows the reward and the limits of a [Task] and learns its dynamics.
// A [Learner] turns the transitions seen so far into a [Model], which never
// changes. A [Rollout] takes action sequences through that model,
//
//	next = mean + β · epistemic ⊙ η,   η ∈ [-1, 1]ᵈ,
//
// and is the only place where a belief becomes a trajectory. A [Planner] chooses
// the actions; a pessimistic one answers the worst η. If the real dynamics lie
// within β epistemic deviations of the mean along the executed trajectory, then
// there is an η that reproduces them exactly, so a plan that keeps the limits under
// every η keeps them in reality for its horizon (Curi, Berkenkamp and Krause, 2020).
// Three things stay open. An adversary that finds no violation has not proved that
// there is none. Only the first action of a plan is executed, and the next step
// need not have a plan that holds. And the first, random steps are gentle where
// a task says so, and guarded by nothing else.
// No plan of this package is a certificate.
//
// [Check] looks for what is wrong with a task of one's own, and [System.Simulate] runs
// it under a [Policy].
//
// The other packages build on these words: tasks; ensemble, gp, linear and residual (each a [Learner]), and
// calibrate, which wraps any of them; rollout and fused (each an [Engine]), plan ([Planner] implementations), train (the loop), run (a
// run on disk), card (what was believed against what happened), fig (figures) and lab, which puts them together.
package safex
