// Package reach proves what a model does not believe possible. It encloses the next states of whole sets of states and actions under every
// model error η of the box,
//
//	next = mean + β · epistemic ⊙ η,   η ∈ [-1, 1]ᵈ,
//
// where an adversary finds single ones: what it does not find may be there, what an enclosure leaves out is not.
//
// # What is enclosed
//
// The function that a safex.Form writes down, in real arithmetic: the float32 weights of a network are the real numbers that they are, and
// sums are exact. An engine that rolls plans out rounds, networks to float32: its states may be off those of that function by more than
// this package's own rounding.
//
// # Rounding
//
// All computation here is in float64 and rounds to nearest, and every result is widened by a bound of what rounding can have done to it.
// A sum of n products is off by at most γₙ times the sum of their magnitudes, γₙ = n u / (1 - n u) with u = 2⁻⁵³, in whatever order
// and with fused multiply-add or without (Higham, 2002, section 3.1). For a row of weights that sum is at most the row's own sum of
// magnitudes, which is known beforehand, times the largest input. Bounds count with 2u in place of u. Functions of package math are taken to be
// within 4 units in the last place, as package num does, and the exponential of package vec within 2e-15, as its tests show.
package reach
