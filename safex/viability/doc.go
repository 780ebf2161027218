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
// # How it is computed
//
// Cells are many and small, as a cell is what a kernel cannot see into; blocks are few, as each has to be enclosed under every action, and large, as an image
// of package reach says of each part of a block where it goes: a polynomial of degree 2 in the place in the block, with a radius that is interpolated
// between the corners. Then cells that no action keeps are removed, and blocks are visited again when cells that they lead to have gone. Of a network of
// 5 × [64, 64] units a kernel of 1200² cells in 100² blocks takes 0.6 s of one core and 24 MB, and is 4 to 10 % of the grid larger than one of 241² cells. Of a
// Gaussian process of 400 points it takes 6 s: a Block of 20 halves that.
//
// # What is not proved
//
// That the box holds the truth. A kernel about a box that does not is worth nothing; measure it (package reliability).
package viability
