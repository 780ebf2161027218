// Package viability computes robust viability kernels: sets of states from which a limit can be kept for ever, whatever the model errs by
// within its box.
//
// A kernel K of a belief is a set of cells of a grid in which, for each cell, one action leads every state of the cell, under every model
// error η in [-1, 1] and β deviations, to cells of K, and breaks no limit on the way:
//
//	for all x in cell, all η:  μ(x, u) + β σ(x, u) ⊙ η in K.
//
// It is the discriminating kernel of Cardaliaguet (1996) on a grid, by the fixed point S ← {x in S : some u keeps all in S}. The bounds of μ and σ
// hold over blocks of cells, and not at their centres alone, so that what a kernel says is proved for the belief: as long as the box of the belief
// holds the true dynamics at the states of K, a system in K stays in K under the kernel's actions, for ever (Theorem 2 of Koller et al., 2018, with
// K as the terminal set).
//
// What is not proved: that the box holds the truth. A kernel about a box that does not is worth nothing; measure it (package reliability).
package viability
