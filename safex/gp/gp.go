// Package gp learns dynamics by Gaussian processes: the epistemic deviation of a dimension grows with the distance to the
// transitions seen, measured in length scales that are learned too.
package gp

import (
	"context"
	"fmt"
	"math"
	"slices"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/num"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// GP regresses the change of each dimension j of the state by a Gaussian process of its own (Rasmussen and Williams,
// 2006, section 2.2). With inputs z, the state and the action, and changes y, both divided by their Scales,
//
//	f ~ GP(0, k),   y = f(z) + N(0, ς²),   k(z, z') = s² ρ(r),   r² = Σ_d (z_d - z'_d)² / ℓ_d²,
//	mean = kᵀ (K + ς² I)⁻¹ y,   epistemic² = s² - kᵀ (K + ς² I)⁻¹ k,   aleatoric = ς.
//
// ρ is exp(-r²/2), or (1 + √5 r + 5r²/3) exp(-√5 r), by Kernel. Where nothing was seen the state is believed to stay, give
// or take s. The inputs are measured in the task's Scales and not in the data's own deviation: a system that has hardly
// moved would make all else look infinitely far.
//
// With Fit, s, ς and the ℓ_d of each dimension maximise the marginal likelihood of the data (Rasmussen and Williams,
// equation 5.8) times a log-normal prior: the logarithm of each has a standard deviation of Spread around that of
// Signal, Noise or Length, and stays within three of them, ς above MinNoise.
//
// A prediction costs the square of the transitions that it is conditioned on, so these are a subset: those chosen one
// by one, the next always the one that is known worst, in units of its noise (Lawrence, Seeger and Herbrich, 2003: the
// one that tells most; the greedy order of a pivoted Cholesky factorisation). It is the exact posterior of the subset.
// Conditioning on fewer transitions never lowers the deviation, so this errs on the side of caution; Left says how much
// is lost. With Points for all of them, and without Fit, the posterior is given all data: the order of the
// data does not matter, and more never raise the epistemic deviation. With Fit they can, as the s, ς and ℓ_d change.
type GP struct {
	Kernel string // "se", squared exponential, for smooth dynamics; "matern52", Matérn 5/2, for rougher ones

	Fit      bool    // learn the hyper-parameters; without it they are the next three, in all dimensions
	Signal   float64 // s, standard deviation of a change where nothing was seen, in Scales, above 0
	Length   float64 // ℓ_d, distance over which a change becomes another, in Scales, above 0
	Noise    float64 // ς, standard deviation of a change around f, in Scales, at least MinNoise
	Spread   float64 // standard deviation of the logarithm of each under the prior, above 0
	MinNoise float64 // least Noise, in Scales, above 0: keeps the equations well-conditioned

	FitPoints   int // most transitions that a fit looks at, at least 1: it costs their cube
	Restarts    int // further starts of a fit, drawn from the prior, at least 0; the best of all is taken
	Evaluations int // of the likelihood from each start at most, at least 1

	Points int     // most transitions that Learn conditions on, at least 1
	Spare  int     // further ones that Update may add until the next Learn chooses anew, at least 0
	Novel  float64 // Update adds a transition whose deviation exceeds Novel · ς in some dimension, at least 0

	// Beta is the β of the models, or 0 for the planner's own, unless Norm asks for the bound.
	Beta float64
	// Norm is B above 0 for models whose β comes from data, as the largest of
	//
	//	β_j = B + √(2 (γ_j + 1 + ln(d/δ))),   γ_j = ½ ln det(I + K_j / ς_j²),
	//
	// over the d dimensions of the state (Chowdhury and Gopalan, 2017, theorem 2), or 0 for none. Then with a
	// probability of 1-δ the true changes are within β of the epistemic deviations of the means, everywhere and at all
	// times, if: (1) each f_j has a norm of at most B in the RKHS of its kernel k_j, s² and all: f_j is B s_j times a
	// function of norm 1 of the kernel ρ_j; (2) the noise is ς_j-sub-Gaussian; (3) the hyper-parameters and the subset do not
	// depend on the noise, as without Fit and with Points for all data. B is an assumption that no data can
	// confirm. The factor of the root is R_j / ς_j, the true noise over that of the model, both in Scales: 1
	// by (2), where the paper has R, because its regulariser is about 1 and ours is ς_j² (Whitehouse, Wu and Ramdas, 2023).
	Norm  float64
	Delta float64 // δ, probability that the bound of Norm fails, in (0, 1)
}

// Default returns a learner of smooth dynamics that fits a thousand transitions of a pendulum in about a second. A prior
// of longer length scales explores no faster, and errs by more than two deviations more often after the first fits, of
// a pendulum that has only hung.
func Default() GP {
	return GP{
		Kernel: "se", Fit: true, Signal: 0.3, Length: 1, Noise: 0.01, Spread: 1, MinNoise: 0.001,
		FitPoints: 200, Restarts: 1, Evaluations: 40, Points: 192, Spare: 64, Novel: 1, Delta: 0.1,
	}
}

// Check reports the first setting that is out of range.
func (g GP) Check() error {
	if _, ok := kernels[g.Kernel]; !ok {
		return fmt.Errorf("gp: Kernel is %q, want \"se\" or \"matern52\"", g.Kernel)
	}
	for _, s := range []struct {
		name  string
		value float64
	}{{"Signal", g.Signal}, {"Length", g.Length}, {"Noise", g.Noise}, {"Spread", g.Spread}, {"MinNoise", g.MinNoise}} {
		if !(s.value > 0) || math.IsInf(s.value, 1) {
			return fmt.Errorf("gp: %s is %v, want above 0", s.name, s.value)
		}
	}
	for _, s := range []struct {
		name         string
		value, least int
	}{{"FitPoints", g.FitPoints, 1}, {"Restarts", g.Restarts, 0}, {"Evaluations", g.Evaluations, 1}, {"Points", g.Points, 1}, {"Spare", g.Spare, 0}} {
		if s.value < s.least {
			return fmt.Errorf("gp: %s is %d, want at least %d", s.name, s.value, s.least)
		}
	}
	for _, s := range []struct {
		name  string
		value float64
	}{{"Novel", g.Novel}, {"Beta", g.Beta}, {"Norm", g.Norm}} {
		if !(s.value >= 0) || math.IsInf(s.value, 1) {
			return fmt.Errorf("gp: %s is %v, want at least 0", s.name, s.value)
		}
	}
	switch {
	case g.Noise < g.MinNoise:
		return fmt.Errorf("gp: Noise is %v, want at least MinNoise = %v", g.Noise, g.MinNoise)
	case g.Beta > 0 && g.Norm > 0:
		return fmt.Errorf("gp: Beta is %v and Norm %v, want one of them to be 0", g.Beta, g.Norm)
	case g.Norm > 0 && !(g.Delta > 0 && g.Delta < 1):
		return fmt.Errorf("gp: Delta is %v, want a probability between 0 and 1", g.Delta)
	}
	return nil
}

// Learn implements safex.Learner. The aleatoric deviation is without the noise that the task declares, which is counted where that is. A fit starts from the hyper-parameters of prev too, if there is one. Without data
// the model is the prior. A ctx that is cancelled during a fit returns the model of the best hyper-parameters so far.
func (g GP) Learn(ctx context.Context, s *safex.System, data *safex.Data, prev safex.Model, src rng.Stream) (safex.Model, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	if err := data.Check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	hypers := make([]hyper, len(s.State))
	for j := range hypers {
		hypers[j] = g.center(len(s.State) + len(s.Action))
	}
	if prev != nil {
		p, err := g.own(s, prev)
		if err != nil {
			return nil, fmt.Errorf("gp: cannot go on: %w", err)
		}
		if g.Fit {
			for j := range hypers {
				hypers[j] = p.outputs[j].hyper
			}
		}
	}
	x, y := inputs(s, data, 0), changes(s, data, 0)
	order := canonical(x, y)
	x, y = pick(x, order), pick(y, order)
	var stopped error
	if g.Fit && data.Len() > 0 {
		rows, _ := choose(kernels[g.Kernel], hypers, x, g.FitPoints)
		var err error
		if hypers, stopped, err = g.fit(ctx, hypers, pick(x, rows), pick(y, rows), src); err != nil {
			return nil, err
		}
	}
	rows, left := choose(kernels[g.Kernel], hypers, x, g.Points)
	m := &model{
		kernel: g.Kernel, task: s.Name, vars: variables(s), x: pick(x, rows), y: pick(y, rows),
		fitted: len(rows), seen: data.Len(), left: data.Len() - len(rows), deviation: left,
	}
	if err := m.condition(hypers); err != nil {
		return nil, err
	}
	done, err := g.finish(s, m)
	if err != nil {
		return nil, err
	}
	return done, stopped
}

// Update implements safex.Updater. A transition that is not Novel enough, or for which there is no room left by Points and
// Spare, is left out until the next Learn: the uncertainty about it stays. The hyper-parameters stay too. Each transition that is
// added costs the square of those before. It panics if there are fewer transitions than m knows.
func (g GP) Update(ctx context.Context, s *safex.System, data *safex.Data, sm safex.Model) (safex.Model, error) {
	if err := g.Check(); err != nil {
		return nil, err
	}
	old, err := g.own(s, sm)
	if err != nil {
		return nil, fmt.Errorf("gp: cannot update: %w", err)
	}
	if data.Len() < old.seen {
		panic(fmt.Sprintf("gp: Update by data of %d transitions of a model that knows %d", data.Len(), old.seen))
	}
	if err := data.Check(); err != nil {
		return nil, err
	}
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x, y := inputs(s, data, old.seen), changes(s, data, old.seen)
	m := old.copy(max(0, min(x.Len(), g.Points+g.Spare-old.x.Len())))
	for i := range x.Len() {
		m.take(x.Point(i), y.Point(i), g.Novel, g.Points+g.Spare)
	}
	m.seen = data.Len()
	return g.finish(s, m)
}

// center are the hyper-parameters of the settings.
func (g GP) center(dim int) hyper {
	h := hyper{Signal: g.Signal, Noise: g.Noise, Length: make([]float64, dim)}
	for d := range h.Length {
		h.Length[d] = g.Length
	}
	return h
}

// own is the model behind sm, if g can go on from it.
func (g GP) own(s *safex.System, sm safex.Model) (*model, error) {
	m, ok := sm.(*model)
	if !ok {
		return nil, fmt.Errorf("want a model of this learner, not a %T", sm)
	}
	return m, g.fits(s, m)
}

// finish gives m its β, if it has one, leaves the noise aleatoric that s does not declare, and makes it ready to predict.
func (g GP) finish(s *safex.System, m *model) (safex.Model, error) {
	m.noise = nil
	for j, o := range m.outputs {
		m.noise = append(m.noise, s.Undeclared(j, o.Noise*m.vars[j].Scale))
	}
	m.beta = g.Beta
	if g.Norm > 0 {
		for _, o := range m.outputs {
			m.beta = max(m.beta, g.Norm+math.Sqrt(2*(o.information()+1+math.Log(float64(len(m.outputs))/g.Delta))))
		}
	}
	if err := m.pack(); err != nil {
		return nil, err
	}
	return m, nil
}

// inputs are the states and actions from row on, from their centers and in Scales.
func inputs(s *safex.System, data *safex.Data, from int) num.Batch {
	nx, nu := len(s.State), len(s.Action)
	z := num.NewBatch(nx+nu, data.Len()-from)
	if data.Len() == 0 {
		return z
	}
	if len(data.X) != nx || len(data.U) != nu {
		panic(fmt.Sprintf("gp: data of %d state and %d action dimensions of a task of %d and %d", len(data.X), len(data.U), nx, nu))
	}
	center, scale := s.Inputs()
	for k, column := range slices.Concat(data.X, data.U) {
		for i := range z[k] {
			z[k][i] = (column[from+i] - center[k]) / scale[k]
		}
	}
	return z
}

// changes are how the states change from row on, in Scales.
func changes(s *safex.System, data *safex.Data, from int) num.Batch {
	y := num.NewBatch(len(s.State), data.Len()-from)
	for j, v := range s.State {
		for i := range y[j] {
			y[j][i] = (data.Next[j][from+i] - data.X[j][from+i]) / v.Scale
		}
	}
	return y
}

var (
	_ safex.Codec   = GP{}
	_ safex.Updater = GP{}
)
