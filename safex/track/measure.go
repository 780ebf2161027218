package track

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// measure is what an episode's summary and its steps say, in the order in which it is written. Of those that are planned it is number planned.
func measure(s *experiment.Spec, system *safex.System, sum store.Summary, e safex.Episode, planned int) (values []value) {
	add := func(name string, v float64) { values = append(values, value{name, v}) }
	worst := e.WorstExcess(len(system.Limits))
	most := 0.0
	for _, w := range worst {
		most = max(most, w) // a NaN stays
	}
	add("Train Reward", sum.Return)
	add("Train Violations", float64(sum.Violations))
	add("Max Violation", most)
	if sum.Beta != 0 && e.Phase == safex.PlannedPhase {
		add("Pessimistic Alpha", sum.Beta)
	}
	if o := optimism(experiment.Held(s.Planner)); o != (plan.Schedule{}) && e.Phase == safex.PlannedPhase {
		add("Optimistic Alpha", o.At(planned))
	}
	add("Episode", float64(e.Number))
	for k, l := range system.Limits {
		add("Excess/"+l.Name, worst[k])
	}
	cover := func() {
		add("Cover/by plan", float64(sum.ByPlan))
		add("Cover/by backup", float64(sum.ByBackup))
		add("Cover/uncovered", float64(sum.Uncovered))
	}
	if e.Phase != safex.PlannedPhase {
		if len(e.Forecasts) > 0 { // a filter looked at them
			cover()
		}
		return values
	}
	b := forecasts(e)
	if b.n > 0 {
		add("Planning MSE", b.squares)
		add("Average NLL", b.nll)
		add("Plan/epistemic uncertainty", b.epistemic)
		add("Plan/aleatoric uncertainty", b.aleatoric)
	}
	if b.boxes > 0 {
		add("Box/beta", b.beta)
		add("Box/share inside", b.inside)
	}
	add("Plan/median ms", sum.PlanP50)
	add("Plan/p99 ms", sum.PlanP99)
	add("Plan/infeasible", float64(sum.Infeasible))
	if s.Filter != nil {
		cover()
	}
	if s.Deadline > 0 {
		add("Plan/late", float64(sum.Late))
	}
	add("Plan/NaN candidates", float64(sum.NaNs))
	add("Fit/seconds", sum.FitSeconds)
	return values
}

// evaluated is what the summary of the evaluation that follows an episode says.
func evaluated(sum store.Summary) []value {
	most := 0.0
	for _, w := range sum.Worst {
		most = max(most, w) // a NaN stays
	}
	return []value{{"Evaluation/reward", sum.Return}, {"Evaluation/violations", float64(sum.Violations)}, {"Evaluation/max violation", most}}
}

// optimism is how many deviations a planner's reward may be better by.
func optimism(p safex.Planner) plan.Schedule {
	switch p := p.(type) {
	case *plan.MinMax:
		return p.Optimism
	case *plan.Pessimistic:
		return p.Exploration.Optimism
	case *plan.Nominal:
		return p.Exploration.Optimism
	}
	return plan.Schedule{}
}

// beliefs sum up how the forecasts of an episode did.
type beliefs struct {
	n                    int     // forecasts whose next state is known
	squares              float64 // mean squared error over steps and dimensions
	nll                  float64 // sum over steps of the mean over dimensions
	epistemic, aleatoric float64 // mean deviations over steps and dimensions
	boxes                int     // those of n that had one
	beta                 float64 // mean of the boxes
	inside               float64 // share of the boxes that held every dimension
}

// forecasts compares an episode's forecasts with the states that followed. The one after the last step of a disturbed episode is not kept.
func forecasts(e safex.Episode) (b beliefs) {
	cells := 0.0
	for t, f := range e.Forecasts {
		if t+1 >= len(e.States) {
			break
		}
		β := f.BoxBeta()
		nll, total, inside := 0.0, 0.0, true
		for d, next := range e.States[t+1] {
			off, deviation := next-f.Mean[d], math.Hypot(f.Epistemic[d], f.Aleatoric[d])
			b.squares += off * off
			b.epistemic += f.Epistemic[d]
			b.aleatoric += f.Aleatoric[d]
			nll -= distuv.Normal{Mu: f.Mean[d], Sigma: deviation}.LogProb(next)
			total += deviation
			half := β * f.Epistemic[d]
			if f.Noise != nil {
				half += f.Noise[d]
			}
			inside = inside && math.Abs(off) <= half // false of a NaN
		}
		nx := float64(len(e.States[t+1]))
		cells += nx
		b.n++
		if total != 0 { // a model without any deviation has no density, and counts as 0
			b.nll += nll / nx
		}
		if β != 0 {
			b.boxes++
			b.beta += β
			if inside {
				b.inside++
			}
		}
	}
	b.squares, b.epistemic, b.aleatoric = b.squares/cells, b.epistemic/cells, b.aleatoric/cells
	b.beta, b.inside = b.beta/float64(b.boxes), b.inside/float64(b.boxes)
	return b
}
