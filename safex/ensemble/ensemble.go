// Package ensemble learns dynamics with an ensemble of neural networks on GoMLX.
package ensemble

import (
	"fmt"
	"slices"
	"strings"
)

// Ensemble is a probabilistic ensemble (Lakshminarayanan et al., 2017; Chua et al., 2018):
// Members networks that each predict a normal distribution of the state difference, trained
// together on the Gaussian negative log-likelihood, each on its own order of the data. The
// spread of their means is the epistemic deviation, their average predicted deviation the
// aleatoric one. The spread is not calibrated: it is doubt, not a probability.
//
// Inputs are divided by the Scale of each Var, not by the deviation of the data so far, so
// that doubt grows at one rate from the first data to the last. Targets are divided by their
// root mean square.
//
// Every HoldOut-th transition is never trained on. A fit goes on from the weights and the
// moments of the fit before, in epochs of reshuffled data, until the likelihood of the held-out
// transitions has not improved for Patience steps.
type Ensemble struct {
	Members      int     // at least 2
	Hidden       []int   // widths of the hidden layers
	Activation   string  // of the hidden layers: swish, relu or tanh
	LearningRate float64 // of AdamW (Loshchilov and Hutter, 2019)
	WeightDecay  float64 // of AdamW
	Batch        int     // transitions of each member in a gradient step
	HoldOut      int     // every HoldOut-th transition is held out, at least 2
	MinSteps     int     // gradient steps of a fit at least: without them a first few held-out rows may end it
	MaxSteps     int     // gradient steps of a fit at most
	Patience     int     // gradient steps without improvement on the held-out transitions that end a fit
}

// Default returns 5 members with two layers of 64 swish units, enough for the pendulum.
func Default() Ensemble {
	return Ensemble{
		Members: 5, Hidden: []int{64, 64}, Activation: "swish",
		LearningRate: 1e-3, WeightDecay: 1e-4, Batch: 64,
		HoldOut: 5, MinSteps: 200, MaxSteps: 3000, Patience: 300,
	}
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
	case !(e.LearningRate > 0) || !(e.WeightDecay >= 0):
		return fmt.Errorf("ensemble: LearningRate %v and WeightDecay %v, want above 0 and at least 0", e.LearningRate, e.WeightDecay)
	case e.Batch < 1 || e.Batch > 1e5 || e.HoldOut < 2:
		return fmt.Errorf("ensemble: Batch %d and HoldOut %d, want 1 to 1e5 and at least 2", e.Batch, e.HoldOut)
	case e.MinSteps < 0 || e.MaxSteps < 1 || e.Patience < 1:
		return fmt.Errorf("ensemble: MinSteps %d, MaxSteps %d and Patience %d, want at least 0, 1 and 1", e.MinSteps, e.MaxSteps, e.Patience)
	}
	return nil
}

// shape is what fixes the graphs of a network.
type shape struct {
	members, in, out int
	hidden           string // widths, as in "64 64"
	activation       string
}

func (e Ensemble) shape(nx, nu int) shape {
	return shape{e.Members, nx + nu, nx, strings.Trim(fmt.Sprint(e.Hidden), "[]"), e.Activation}
}

// widths are the sizes of the layers from the input to the head, which holds the means over
// the raw log deviations.
func (s shape) widths() []int {
	w := []int{s.in}
	for _, f := range strings.Fields(s.hidden) {
		var n int
		fmt.Sscan(f, &n)
		w = append(w, n)
	}
	return append(w, 2*s.out)
}

func (s shape) String() string {
	return fmt.Sprintf("ensemble of %d, %d-%s-%d, %s", s.members, s.in, s.hidden, s.out, s.activation)
}
