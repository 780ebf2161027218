// Package safex is the vocabulary of safe exploration: what a control task is,
// what a belief about its dynamics is, what a plan against the worst of that
// belief is, and what an episode was.
//
// An agent knows the reward and the limits of a [Task] and learns its dynamics.
// A [Learner] turns the transitions seen so far into a [Model], which never
// changes. A [Rollout] takes action sequences through that model,
//
//	next = mean + β · epistemic ⊙ η,   η ∈ [-1, 1]ᵈ,
//
// and is the only thing that turns a belief into a trajectory. A [Planner] chooses
// the actions; a pessimistic one answers the worst η. If the real dynamics lie
// within β epistemic deviations of the mean along the executed trajectory, then
// there is an η that reproduces them exactly, so a plan that keeps the limits under
// every η keeps them in reality for its horizon (Curi, Berkenkamp and Krause, 2020).
// Noise that a Task declares makes the box of a step as much wider, and a delay puts what was sent before in front of every plan: see [Expectation].
// Three things stay open. An adversary that finds no violation has not proved that
// there is none. Only the first action of a plan is executed, and the next step
// need not have a plan that holds. And the first, random steps are gentle where
// a task says so, and guarded by nothing else.
// No plan of this package is a certificate.
//
// [Check] looks for what is wrong with a task of one's own, and [System.Simulate] runs
// it under a [Policy].
//
// The packages of this module, from the ground up; each imports only packages that come before it.
//
// Words and tools that know nothing else of this module:
//
//   - num: formulas that are written once, and evaluated on numbers, intervals and graphs
//   - rng: a named stream of random numbers for each use
//   - nb: figures and errors in a notebook
//   - internal/checksum: files that notice damage
//   - internal/group: child processes, apart from the terminal
//   - internal/browser: a browser for tests, and what moves in it
//   - internal/vec: networks and Gaussian processes in vector instructions
//   - internal/encode: values as JSON and YAML
//   - internal/disk: files that are written whole or not at all
//   - internal/jupyter: the notebooks' kernel and JupyterLab
//   - internal/table: tables and what is said about them, for a terminal or in Markdown
//
// The vocabulary, and what computes:
//
//   - safex: tasks, beliefs, plans and episodes
//   - opt: searches with populations of candidates
//   - gx: the bridge to GoMLX
//   - stats: what few runs can tell
//
// The parts of an agent:
//
//   - lqr: linear-quadratic regulators, and the states that they keep within the limits
//   - tasks: the control tasks
//   - ensemble: a [Learner] of neural networks
//   - linear: a [Learner] by Bayesian linear regression
//   - gp: a [Learner] by Gaussian processes
//   - residual: a prior, and a [Learner] of what it gets wrong
//   - calibrate: a [Learner] around another, whose epistemic deviations it calibrates
//   - logs: transitions that were recorded elsewhere
//   - fused: the [Engine] in vector instructions
//   - reach: sound bounds of where a [Model] can take a plan, under every model error
//   - reliability: the calibration report, beliefs against what happened
//   - viability: sets of states in which a system can be kept for ever
//   - filter: the [Filter] that executes what is proved
//   - plan: the [Planner] implementations, and adversaries
//   - plant: real systems that answer from outside, as another process does
//   - rollout: the other engines, the choice among all, and the oracle
//
// The loop, its figures, and the laws of the parts:
//
//   - train: explore, learn, plan and act
//   - fig: figures of episodes and beliefs
//   - live: cells that answer a hand
//   - modeltest: laws of every [Learner]
//   - opttest: laws of every search
//   - plantest: laws of every [Planner]
//   - filtertest: laws of every [Filter]
//   - planttest: laws of every [Plant]
//
// Runs, and what is asked of them:
//
//   - experiment: all parts of a run by name, and its settings
//   - store: runs on disk
//   - retake: a run taken again, for what asks about its plans
//   - attack: errors that break the plans of a run
//   - certify: proofs that no error breaks them, beside what the box held
//   - control: what oracle planning reaches
//   - coverage: how often calibrated boxes hold
//   - offline: what a model learns from logs alone, and plans with
//   - study: many runs by one file
//   - internal/bench: how fast it all is
//   - track: runs for TensorBoard and Weights & Biases
//   - report: tables and safety cards of studies
//   - figures: figures of studies
//
// For people and tests:
//
//   - internal/quick: experiments that take a second
//   - widgets: plans, errors, episodes and training in a notebook, to be moved by hand
//   - cli: the command as a package
//   - cmd/safex: the command
//   - cmd/gym: the same, with tasks whose real systems are simulators in Python
package safex
