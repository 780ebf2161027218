// Package reach proves that a plan keeps its limits under every error that a model believes possible,
//
//	next = mean + β · epistemic ⊙ η + noise,   η ∈ [-1, 1]ᵈ in every step.
//
// An adversary looks for errors that break a plan: what it does not find may still be there. A [Tube] encloses all of them at once. After
// each step it has a [Set] that no error leads out of, and of each limit an excess that none goes beyond. So a Tube that [Tube.Holds] is a
// proof, and one that does not is no proof of the contrary: it may be wider than what it encloses. [Imager.Images] encloses one step from each
// of many parts of a grid, as polynomials of degree 2.
//
// # What is proved, and of what
//
// Proved is a statement about the model: for every state in Spread of State, every action within Play of the plan's, with its feedback, every
// sequence of η in the box and every noise in its box, the trajectory of the recursion above stays in the sets and below the excesses. It becomes one
// about the real system where that is in the box: if in each executed step the truth is within β epistemic deviations of the mean, give
// or take the noise, then some η is the real trajectory. Whether it is has to be measured or calibrated: package calibrate chooses β, and the
// command safex coverage counts. A certificate of a box that does not hold the truth proves nothing about it.
//
// The model is the function that its safex.Form writes down, in real arithmetic: weights of float32 are the real numbers that they are, and
// nothing is rounded. Engines round. In float32 one step of a network is off by up to 5e-6 of its Unit (150 plans of 22 steps of the pendulum,
// 64 errors each, three episodes of [64, 64]), which after 22 steps had come to 1.6e-5 rad/s. Regressions and processes are
// rolled in float64, with as many more digits. A Noise of [Prover.Rounding] has an engine's own trajectories in the tube too, by what was measured: it is not proved.
//
// Of Gaussian processes one thing is taken from how they were made: that Root belongs to a posterior, so that what the points leave open is a
// projection of what there was, or at least no longer. The function σ of any Root would not have to be one.
//
// Only the horizon of the plan is spoken of. What comes after is the affair of a terminal set and a backup, as is what happens when the next plan
// has no proof (Koller et al., 2018; Wabersich and Zeilinger, 2021).
//
// # How
//
// A Set is a zonotope. In coordinates y along its axes, the change that a model believes in is enclosed by a middle, a slope by each y and a radius:
//
//   - of networks by chords of the activations, as DeepZ (Singh et al., 2018), with the coefficient that each chord's error comes to an output
//     with; and, with two hidden layers of swish or tanh, by an expansion to second order with a bound of the rest. The better of both is taken
//     for each dimension;
//   - of regressions by package num's affine forms of the features;
//   - of Gaussian processes by their expansion to second order, whose rest is bounded by the norm of the mean in the space of its kernel. Those of
//     one covariance for all dimensions pay for their points once; their trend is linear, and exact.
//
// The state, or what a prior makes of it, has affine forms on the same symbols, so that x + change is compared as such. Every epistemic deviation
// is the length of a vector that is nearly linear in y (the members' differences, Root times the features, what the points leave open), and so
// at most its length at a corner of the cube |y| ≤ 1, and what is not linear. Noise that is doubted is a floor of it, or comes with upper bounds of the
// networks' raw outputs, in which it rises. The new columns of the next Set are, for each dimension, the radius
// plus β times that deviation plus the noise. Columns are few: see Plan.Keep (Girard, 2005).
//
// Images of patches are such expansions too: a polynomial of degree 2 goes through all hidden layers of a smooth network, and what it leaves out at
// each is bounded by the derivatives there, the third as it is and the fourth by its largest. That is of third order in the width of a patch, so that one
// image serves many small cells. The deviation is bounded at the corners of a patch, between which it is convex but for what is of second order.
//
// Limits are evaluated on the affine forms of (x, u, next, last). Sines and cosines of an angle that a
// task takes from its own sine and cosine are turned to quotients, which know no cut. That sin² + cos² = 1 is not used: errors of a model
// may leave the circle.
//
// # Rounding
//
// Bounds are computed in float64, which rounds to nearest, and widened by what that can have done. A sum of n products in any order, with fused
// multiply-add or without, is off by at most γₙ = n u / (1 - n u) times the sum of the products' magnitudes, u = 2⁻⁵³ (Higham, 2002, section 3.1). That
// sum is at most the magnitudes of a row of weights, which are summed up once and for all, times the largest input that a set allows.
// Everything counts with 2u in place of u and some terms more, for what such bounds leave out of second order. Two things are taken on trust: that
// functions of package math are within 4 units in the last place, as package num does, and that the exponential of this module's vector code
// is within 2e-15, as its tests have it.
package reach
