// Package filter keeps a system safe around any planner: what is planned is executed where a proof says that every limit can be kept from then
// on, and a proved action in its place where none does.
//
// # Terminal sets
//
// All proofs end in a terminal set: states from each of which a backup keeps the limits for ever. Task is the safex.Backup that a task has
// declared, as the states from which a car can still brake; it is known before anything is learned, and stays what it is. Model is the viability
// kernel of the model (package viability): it needs nothing to be known, and says nothing before the model knows something. A user's own is a
// Terminal.
//
// # What is tried
//
// The first of these that succeeds says by what the step is covered:
//
//   - kernel: the box of next states of the plan's action lies in the terminal set;
//   - planned: a tube around the plan, as it is or with feedback, keeps the limits and ends in the terminal set;
//   - tail: the rest of a plan that was proved before;
//   - backup: another action whose box of next states lies in the terminal set, the one nearest to the plan's; or, in the terminal set, its backup;
//   - none: nothing is proved. What is known to be the backup is done where the task has declared one. Else a plan that its own
//     planner could not break is executed, and in place of any other the action after which most of the box is in the kernel.
//
// # Before anything is learned
//
// A step before the first fit is judged like any other by what its user believes, a safex.Model as residual.Nominal makes one of a prior and of how
// wrong it may be. A belief that fails is noticed as that of any model: the box gets wider, until a backup is all that is left. Without a belief such
// steps are executed as they come.
//
// # What is proved
//
// As long as one model is in force and its box holds the truth at every step that is executed, covered steps follow covered steps and no limit
// is broken, whatever the planner does (theorem 2 of Koller et al., 2018). With a Backup of the task this goes on over all fits, as
// its set stays, if what the task declares is so: safex.Check tries it. A kernel belongs to a fit: after the next, a
// state of the old one may be in none, and the step then says so.
//
// Of a system whose state is seen through noise nothing is proved, as proofs are about the state that is seen: all its steps say none. The filter acts
// as it would elsewhere.
//
// That the box holds the truth is an assumption. Far from the data it fails, and a plan that goes fast goes there: see package reliability, which
// measures it. So a box is at least as wide as Margin times what the last Watch steps of the episode were off by: a model that was just wrong is
// not believed. That is caution, and no proof.
package filter
