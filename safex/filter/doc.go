// Package filter keeps a system safe around any planner: what is planned is executed where a proof says that every limit can be kept for ever,
// and a proved action in its place where none does.
//
// A step is covered if what follows it is proved to keep every limit under every model error in the box, in the order in which they are tried:
//
//   - kernel: the box of next states lies in a terminal set, from each state of which a backup keeps the limits for ever;
//   - planned: a tube around the plan keeps the limits and ends in a terminal set;
//   - tail: the rest of a plan that was proved before;
//   - backup: another action whose box of next states lies in a terminal set, the one nearest to the plan's.
//
// The terminal sets are what a task knows of itself (safex.Backup) or, where nothing is known, the viability kernel of the model. What is not
// covered is said to be "none". If the first planned step is covered and every box holds the truth, all steps are covered and no limit is ever
// broken, whatever the planner does (theorem 2 of Koller et al., 2018). That the boxes hold the truth is an assumption, which is measured beside: see
// package reliability.
package filter
