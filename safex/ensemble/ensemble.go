// Package ensemble learns dynamics with ensembles of neural networks on GoMLX.
package ensemble

import (
	"fmt"
	"slices"
	"strings"
)

// Ensemble is an ensemble of neural networks (Lakshminarayanan et al., 2017; Chua et al., 2018).
// Its Members each predict a normal distribution of the state difference, and are trained
// together on its negative log-likelihood. The spread of their means is the epistemic
// deviation, their average predicted deviation the aleatoric one, without the noise that the task declares. The spread is not calibrated:
// it is a measure of uncertainty, not a probability.
//
// Inputs are taken from the Center of the System and divided by the Scale of each Var, not by the mean and the deviation of the data
// so far, so that it grows at one rate from the first data to the last. Targets are divided by their
// root mean square.
//
// Every HoldOut-th transition is never trained on. A fit goes on from the weights and the
// moments of the fit before, until the likelihood of the held-out transitions has not improved
// for Patience steps. What predicts is an average of the weights over the last steps (Polyak and Juditsky, 1992),
// the one that the held-out transitions liked best.
type Ensemble struct {
	Members      int     // at least 2
	Hidden       []int   // widths of the hidden layers
	Activation   string  // of the hidden layers: swish, relu or tanh
	Noise        float64 // aleatoric deviation of the difference, in Scales; 0 learns one for each state and action
	Beta         float64 // in [0, 1]: the loss of an entry is weighted by its variance to the power of Beta (Seitzer et al., 2022)
	SVGD         SVGD    // repulsion of the members in function space, as published
	LearningRate float64 // of AdamW (Loshchilov and Hutter, 2019)
	WeightDecay  float64 // of AdamW
	Average      float64 // in (0, 1]: share of the weights of a step in their average; 1 averages nothing
	Batch        int     // transitions of each member in a gradient step
	Batches      Batches // which transitions each member sees
	HoldOut      int     // every HoldOut-th transition is held out, at least 2
	MinSteps     int     // gradient steps of a fit at least: without them a first few held-out rows may end it
	MaxSteps     int     // gradient steps of a fit at most
	Patience     int     // gradient steps without progress on the held-out transitions that end a fit
	Progress     float64 // fall of their mean negative log-likelihood that counts as progress
	Forget       bool    // AdamW's moments start at 0 in each fit, in place of where the fit before left them
}

// Default returns 5 members with two layers of 64 swish units that learn their noise, enough for the pendulum. Its average and
// its Beta leave a tenth of the error there, after a run of refits, of what the last weights and Beta = 0 leave.
func Default() Ensemble {
	return Ensemble{
		Members: 5, Hidden: []int{64, 64}, Activation: "swish", Beta: 0.5,
		LearningRate: 2e-3, WeightDecay: 1e-4, Average: 0.01, Batch: 64, Batches: OwnOrder,
		HoldOut: 5, MinSteps: 200, MaxSteps: 2000, Patience: 300, Progress: 0.01,
	}
}

// Deterministic is Default with means alone. The aleatoric deviation is 0.003 of each Scale, so the loss is a mean squared error.
func Deterministic() Ensemble {
	e := Default()
	e.Noise = 0.003
	return e
}

// Reference comes as near to the published learner as the settings allow: deterministic members of [128, 128] that repel
// each other at a bandwidth of 0.2, and 10 steps of AdamW a fit whose moments are forgotten.
//
// It differs in this. The published deviation is 1e-4 in units of the state, here it is that many Scales. Its kernel looks at the whole
// batch at once, here at one prediction at a time; it hardly acts in either, beside a likelihood as narrow as this. Its inputs are divided
// by the deviation of the data so far. Its batches are drawn with replacement from a new 80 % of the data in each
// fit, here from shuffled data whose held-out fifth stays the same; and it keeps the last weights, here the better of first and last.
func Reference() Ensemble {
	e := Deterministic()
	e.Hidden, e.Noise, e.Beta, e.SVGD, e.Batches = []int{128, 128}, 1e-4, 0, SVGD{On: true, Bandwidth: 0.2}, Shared
	e.LearningRate, e.Average, e.MinSteps, e.MaxSteps, e.Forget = 1e-3, 1, 10, 10, true
	return e
}

// Label tells learners of one type apart, by what their members predict and whether these repel each other, as those of Reference do.
func (e Ensemble) Label() string {
	switch {
	case e.SVGD.On && e.Noise > 0:
		return "fsvgd"
	case e.SVGD.On:
		return "probabilistic-fsvgd"
	case e.Noise > 0:
		return "deterministic"
	}
	return "probabilistic"
}

// Check reports the first setting that is out of range.
func (e Ensemble) Check() error {
	switch {
	case e.Members < 2 || e.Members > 1000:
		return fmt.Errorf("ensemble: Members is %d, want at least 2 to disagree, and at most 1000", e.Members)
	case slices.ContainsFunc(e.Hidden, func(w int) bool { return w < 1 || w > 1e4 }):
		return fmt.Errorf("ensemble: Hidden is %v, want widths of 1 to 1e4", e.Hidden)
	case activations[e.Activation] == nil:
		return fmt.Errorf("ensemble: no activation %q: want swish, relu or tanh", e.Activation)
	case !(e.Noise == 0 || e.Noise >= 1e-6 && e.Noise <= 1e3):
		return fmt.Errorf("ensemble: Noise is %v Scales, want 0 to learn it, or 1e-6 to 1e3", e.Noise)
	case !(e.Beta >= 0 && e.Beta <= 1):
		return fmt.Errorf("ensemble: Beta is %v, want 0 to 1", e.Beta)
	case !(e.LearningRate > 0) || !(e.WeightDecay >= 0):
		return fmt.Errorf("ensemble: LearningRate %v and WeightDecay %v, want above 0 and at least 0", e.LearningRate, e.WeightDecay)
	case !(e.Average > 0 && e.Average <= 1):
		return fmt.Errorf("ensemble: Average is %v, want above 0, and 1 at most for no average", e.Average)
	case e.Batch < 1 || e.Batch > 1e5 || e.HoldOut < 2:
		return fmt.Errorf("ensemble: Batch %d and HoldOut %d, want 1 to 1e5 and at least 2", e.Batch, e.HoldOut)
	case e.Batches < OwnOrder || e.Batches > Bootstrap:
		return fmt.Errorf("ensemble: Batches is %v, want own, shared or bootstrap", e.Batches)
	case e.MinSteps < 0 || e.MaxSteps < 1 || e.Patience < 1 || !(e.Progress >= 0):
		return fmt.Errorf("ensemble: MinSteps %d, MaxSteps %d, Patience %d and Progress %v, want at least 0, 1, 1 and 0", e.MinSteps, e.MaxSteps, e.Patience, e.Progress)
	case e.SVGD.On && e.Batches != Shared:
		return fmt.Errorf("ensemble: SVGD compares members on one batch: set Batches to shared, not %v", e.Batches)
	}
	return e.SVGD.check()
}

// shape is what fixes the graphs of a network.
type shape struct {
	members, in, out int
	hidden           string // widths, as in "64 64"
	activation       string
	fixed            bool // the head has means alone
}

func (e Ensemble) shape(nx, nu int) shape {
	return shape{e.Members, nx + nu, nx, strings.Trim(fmt.Sprint(e.Hidden), "[]"), e.Activation, e.Noise > 0}
}

// widths are the sizes of the layers from the input to the head, which holds the means over
// the raw log deviations, if these are learned.
func (s shape) widths() []int {
	w := []int{s.in}
	for _, f := range strings.Fields(s.hidden) {
		var n int
		fmt.Sscan(f, &n)
		w = append(w, n)
	}
	if s.fixed {
		return append(w, s.out)
	}
	return append(w, 2*s.out)
}

func (s shape) String() string {
	noise := "learned"
	if s.fixed {
		noise = "fixed"
	}
	return fmt.Sprintf("ensemble of %d, %d-%s-%d, %s, %s noise", s.members, s.in, s.hidden, s.out, s.activation, noise)
}
