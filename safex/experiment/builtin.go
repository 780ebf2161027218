package experiment

import (
	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/calibrate"
	"github.com/rischiboy/safe_exploration/safex/ensemble"
	"github.com/rischiboy/safe_exploration/safex/filter"
	"github.com/rischiboy/safe_exploration/safex/fused"
	"github.com/rischiboy/safe_exploration/safex/gp"
	"github.com/rischiboy/safe_exploration/safex/linear"
	"github.com/rischiboy/safe_exploration/safex/opt"
	"github.com/rischiboy/safe_exploration/safex/plan"
	"github.com/rischiboy/safe_exploration/safex/plant"
	"github.com/rischiboy/safe_exploration/safex/rollout"
	"github.com/rischiboy/safe_exploration/safex/tasks"
)

// The parts of an experiment by name. Those of this library are there; a program adds its own before it uses them.
var (
	Tasks        = &Registry[safex.Maker]{what: "task"}
	Planners     = &Registry[safex.Planner]{what: "planner"}
	Learners     = &Registry[safex.Codec]{what: "model"}
	Calibrations = &Registry[calibrate.Calibrator]{what: "calibration"}
	Filters      = &Registry[safex.Filter]{what: "filter"}
	Engines      = &Registry[safex.Engine]{what: "engine"}
	Plants       = &Registry[safex.PlantMaker]{what: "plant"}
	Searches     = &Registry[opt.Minimizer]{what: "search"}
	Adversaries  = &Registry[plan.Adversary]{what: "adversary"}
)

// None is the name of no calibration; Uncalibrated is the word for it in the names of runs whose model suggests one.
const (
	None         = "none"
	Uncalibrated = "uncalibrated"
)

// Off and On are the names of no filter, and of filter.Default; Filtered is the word for one in the names of runs.
const (
	Off      = "off"
	On       = "on"
	Filtered = "filtered"
)

// filtering is the filter that is on.
func filtering() safex.Filter { return filter.Default() }

// of is a function that returns v as a T.
func of[T any, V any](fresh func() V) func() T {
	return func() T { return any(fresh()).(T) }
}

func init() {
	for _, name := range tasks.Names() {
		Tasks.Add(name, "", func() safex.Maker { m, _ := tasks.New(name); return m })
	}

	Planners.Add("pessimistic", "keeps the limits under the worst model error that it finds", of[safex.Planner](plan.DefaultPessimistic))
	Planners.Add("safe", "keeps the limits under the model's mean", of[safex.Planner](plan.DefaultSafe))
	Planners.Add("unsafe", "looks at the reward alone", of[safex.Planner](plan.DefaultUnsafe))
	Planners.Add("pestraj", "keeps the limits under the worst of some random draws of the dynamics", of[safex.Planner](plan.DefaultPesTraj))
	Planners.Add("minmax", "lets a search for actions and one for model errors play against each other", of[safex.Planner](plan.DefaultMinMax))
	Planners.Add("optminmax", "the same, with a reward that hopes for the best error", of[safex.Planner](plan.DefaultOptMinMax))

	Planners.Add("cce", "keeps the limits on average over trajectories that the model believes possible, by constrained cross-entropy", of[safex.Planner](plan.DefaultCCE))
	Planners.Add("rce", "the same under the worst of the trajectories, by robust cross-entropy", of[safex.Planner](plan.DefaultRCE))
	Planners.Add("cap", "the same on average, with a penalty of doubt that grows with violations", of[safex.Planner](plan.DefaultCAP))
	Planners.Add("barrier", "keeps away from the limits under the model's mean, by a log barrier", of[safex.Planner](plan.DefaultBarrier))

	Learners.Add("sparse-gp", "Gaussian processes of one covariance, with a linear trend and noise that may differ from place to place; it takes in every step", of[safex.Codec](gp.DefaultSparse))
	Learners.Add("probabilistic", "neural networks that each predict a mean and an aleatoric deviation; what they disagree on is the epistemic deviation", of[safex.Codec](ensemble.Default))
	Learners.Add("deterministic", "neural networks that each predict a mean", of[safex.Codec](ensemble.Deterministic))
	Learners.Add("gp", "Gaussian processes, one for each dimension of the state", of[safex.Codec](gp.Default))
	Learners.Add("linear", "Bayesian linear regression, exact for systems that are linear or, with learner.Degree=2, quadratic", of[safex.Codec](linear.Default))
	Learners.Add(oracle, "the oracle: the true dynamics, without any error, to see what planning alone can reach", func() safex.Codec { return rollout.Oracle{} })

	Calibrations.Add(None, "the model's epistemic deviation as it is", func() calibrate.Calibrator { return nil })
	Calibrations.Add("temperature", "the epistemic deviation is scaled so that quantiles match on average", of[calibrate.Calibrator](calibrate.DefaultTemperature))
	Calibrations.Add("conformal", "the box holds a share of 1 - calibration.Miss of held-out steps, or episodes", of[calibrate.Calibrator](calibrate.DefaultConformal))
	Calibrations.Add("adaptive", "the box, with the noise in it, grows when a step leaves it, and shrinks when one does not", of[calibrate.Calibrator](calibrate.DefaultAdaptive))

	Filters.Add(Off, "every plan is executed as it is", func() safex.Filter { return nil })
	Filters.Add(On, "a plan is executed where it is proved that the limits can be kept from then on, and a backup where not", filtering)

	Engines.Add("auto", "fused where it can, else graph, else stepwise", func() safex.Engine { return rollout.NewAuto() })
	Engines.Add("fused", "vector code, for every model of this library", func() safex.Engine { return fused.New() })
	Engines.Add("graph", "GoMLX graphs, for every model of this library; slower, and what fused is tested against", func() safex.Engine { return rollout.NewGoMLX() })
	Engines.Add("stepwise", "a prediction for each step, for every model there can be, with gradients by differences", func() safex.Engine { return rollout.NewStepwise() })

	Plants.Add("process", "another program, which speaks the protocol of package plant", func() safex.PlantMaker { return plant.DefaultProcess("") })

	Searches.Add("icem", "cross-entropy method with coloured noise and kept elites", of[opt.Minimizer](opt.DefaultICEM))
	Searches.Add("cem", "plain cross-entropy method", of[opt.Minimizer](opt.DefaultCEM))
	Searches.Add("mppi", "path integral control: the mean moves to a weighted average", of[opt.Minimizer](opt.DefaultMPPI))

	Adversaries.Add("sign-gradient", "sign-gradient ascent from several starts", of[plan.Adversary](plan.DefaultSignGradient))
	Adversaries.Add("sign-gradient-thorough", "the same with more and sharper steps, in at most 32 rollouts", of[plan.Adversary](plan.ThoroughSignGradient))
	for _, random := range []struct {
		name, about  string
		distribution plan.Distribution
	}{
		{"particles-gaussian", "random errors, normal and clipped to the box", plan.Gaussian},
		{"particles-uniform", "random errors, uniform over the box", plan.Uniform},
		{"particles-vertices", "random vertices of the box", plan.AtVertices},
	} {
		Adversaries.Add(random.name, random.about, func() plan.Adversary {
			a := plan.DefaultParticles()
			a.Distribution = random.distribution
			return a
		})
	}
	Adversaries.Add("cem", "cross-entropy method, for the worst excess", of[plan.Adversary](plan.DefaultPopulation))
	Adversaries.Add("cem-count", "cross-entropy method as published, for the number of steps beyond a limit", of[plan.Adversary](plan.ReferencePopulation))
	Adversaries.Add("vertices", "vertex search: flips of single numbers, from vertex to vertex of the box", of[plan.Adversary](plan.DefaultVertexSearch))
	Adversaries.Add("linear", "the vertices that would be the worst if all were linear, where it is exact", of[plan.Adversary](plan.DefaultAffine))
	Adversaries.Add("best", "a long cem, sign-gradient from many starts, and vertex search from the worst: to measure the others by", of[plan.Adversary](plan.DefaultBest))
}
