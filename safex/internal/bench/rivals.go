package bench

import (
	"context"
	"fmt"
	"math"
	"time"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/rng"
	"github.com/rischiboy/safe_exploration/safex/train"
)

// What pip installs for each peer. mbrl-lib pins versions of others that do not run on the Pythons of today, so that it comes
// without them, and they by name.
const (
	installJAX  = "jax==0.10.2"
	installPETS = "torch==2.12.1 gymnasium==0.26.3 hydra-core==1.3.2 omegaconf==2.3.0 tqdm termcolor matplotlib imageio" +
		" && %[1]s -m pip install --no-deps mbrl==0.2.0"
)

// jax compares rollouts and their gradients with those of JAX, which are one scan, in the better of two forms: compiled for the
// whole machine, and split over its cores.
func (c *compare) jax(ctx context.Context) error {
	whole, err := c.open(ctx, "JAX", installJAX, "jax_rollouts")
	if err != nil {
		return err
	}
	defer whole.close()
	split, err := c.open(ctx, "JAX, split over the cores,", installJAX, "jax_rollouts", "split")
	if err != nil {
		return err
	}
	defer split.close()
	for _, width := range c.Widths {
		for _, activation := range c.Acts {
			s, m, err := c.model(ctx, c.recipe(pendulum, width, activation, drawn))
			if err != nil {
				return err
			}
			for _, of := range []Row{{What: rollouts, Batch: c.Batch}, {What: gradients, Batch: c.GradientBatch}} {
				of.Hidden, of.Activation, of.Members, of.Horizon = width, activation, c.Members, c.Horizon
				engine, r, err := c.bind(s, m)
				if err != nil {
					return err
				}
				run := c.roll(ctx, s, r, of)
				nanos := func(seconds float64, candidates int) float64 { return 1e9 * seconds / float64(candidates*c.Horizon) }
				ours := func() (float64, error) {
					best := math.Inf(1)
					for range c.Calls {
						seconds, err := clock(run)
						if err != nil {
							return 0, err
						}
						best = min(best, seconds)
					}
					return nanos(best, of.Batch), nil
				}
				theirs := func() (float64, error) {
					best := math.Inf(1)
					for _, p := range []*peer{whole, split} {
						var got struct {
							Seconds    float64 `json:"seconds"`
							Candidates int     `json:"candidates"`
						}
						err := p.ask(ctx, 0, map[string]any{
							"calls": c.Calls, "hidden": width, "activation": activation, "members": c.Members, "batch": of.Batch,
							"horizon": c.Horizon, "gradient": of.What == gradients,
						}, &got)
						if err != nil {
							return 0, err
						}
						if !(got.Seconds > 0) || got.Candidates < 1 {
							return 0, unable("JAX is left out: it answered %v seconds for %d candidates, which cannot be", got.Seconds, got.Candidates)
						}
						best = min(best, nanos(got.Seconds, got.Candidates))
					}
					return best, nil
				}
				rows, err := c.turns(theirs, []Versus{{
					Peer: "JAX", What: fmt.Sprintf("%s, %d,%d %s", of.What, width, width, activation), Unit: "ns",
					Our: "engine " + engine, Their: "a scan, the better of two forms",
				}}, ours)
				if err != nil {
					return err
				}
				if err := c.add(rows...); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// plannedTask is a planner before a state, with a model that it plans with.
type plannedTask struct {
	planner safex.Planner
	query   safex.Query
	src     rng.Stream
}

// before puts a planner before the first state of an episode.
func before(spec *experiment.Spec, s *safex.System, m safex.Model, src rng.Stream) (*plannedTask, error) {
	bound, err := spec.Engine.Rollout(s, m)
	if err != nil {
		return nil, err
	}
	x, err := s.DrawStart(src.Child("start"))
	if err != nil {
		return nil, err
	}
	so := s.Begin(x, src.Child("real"))
	return &plannedTask{spec.Planner, safex.Query{
		System: s, Rollout: bound, State: x, Episode: 1, Left: so.Left(s.Budgets()), Beta: safex.BetaOf(m),
	}, src.Child("plan")}, nil
}

// seconds is the time of a plan.
func (p *plannedTask) seconds(ctx context.Context) (float64, error) {
	return clock(func() error {
		_, err := p.planner.Plan(ctx, p.query, p.src)
		return err
	})
}

// published compares plans with that of the published planner, stated again in JAX: with ours by its published settings, which do the
// same work, and with the planner that safex has by default.
func (c *compare) published(ctx context.Context) error {
	const name = "the published planner, in JAX"
	p, err := c.open(ctx, name, installJAX, "jax_minmax")
	if err != nil {
		return err
	}
	defer p.close()
	theirs := func() (float64, error) {
		var got struct {
			Seconds float64 `json:"seconds"`
		}
		err := p.ask(ctx, 0, map[string]any{
			"hidden": 128, "members": 5, "horizon": 20, "samples": 500, "elites": 50, "iterations": 5, "alternations": 10, "fixed": 5,
			"particles": 10, "beta": 1.1907, "limit": 6,
		}, &got)
		if err == nil && !(got.Seconds > 0) {
			err = unable("%s is left out: it answered %v seconds, which cannot be", name, got.Seconds)
		}
		return got.Seconds, err
	}
	var rows []Versus
	var ours []measure
	for _, of := range []struct{ planner, preset, our string }{
		{"minmax", "reference", "minmax --preset reference"},
		{pessimistic, "", "pessimistic, 128,128"},
	} {
		spec, err := experiment.Named(pendulum, "planner="+of.planner, "learner=probabilistic", "learner.Hidden=128,128", fmt.Sprintf("learner.MaxSteps=%d", c.Learned))
		if err != nil {
			return err
		}
		if err := spec.UsePreset(of.preset); err != nil {
			return err
		}
		s, err := spec.Compile()
		if err != nil {
			return err
		}
		l, err := spec.Compose()
		if err != nil {
			return err
		}
		data, err := everywhere(s, transitions, c.src.Child("data"))
		if err != nil {
			return err
		}
		m, err := l.Learn(ctx, s, data, nil, c.src.Child("learn"))
		if err != nil {
			return err
		}
		ready, err := before(spec, s, m, c.src.Child("published"))
		if err != nil {
			return err
		}
		rows = append(rows, Versus{
			Peer: name, What: "a plan of the pendulum", Unit: "s", Our: of.our, Their: "10 alternations of 5 populations of 500, 128,128",
			Note: "The published program is a JAX code base of its own that pip does not install: this is its inner loop, stated again.",
		})
		ours = append(ours, func() (float64, error) { return ready.seconds(ctx) })
	}
	rows, err = c.turns(theirs, rows, ours...)
	if err != nil {
		return err
	}
	return c.add(rows...)
}

// A solver is one side on the cart-pole: its steps and its time from the first random step on.
type solver struct {
	steps, trials int
	seconds, best float64 // best is the largest return of a trial
	solved        bool
}

// add counts a trial.
func (s *solver) add(steps int, seconds float64) {
	s.steps, s.trials, s.seconds = s.steps+steps, s.trials+1, s.seconds+seconds
	s.best = max(s.best, float64(steps))
	s.solved = s.best >= solved
}

// pets compares with PETS on the continuous cart-pole of mbrl-lib: a plan after the random steps, and what it takes to solve it.
func (c *compare) pets(ctx context.Context) error {
	const name = "PETS of mbrl-lib"
	p, err := c.open(ctx, name, fmt.Sprintf(installPETS, c.Python), "mbrl_pets")
	if err != nil {
		return err
	}
	defer p.close()
	type outcome struct {
		Steps   int     `json:"steps"`
		Return  float64 `json:"return"`
		Seconds float64 `json:"seconds"`
		Late    bool    `json:"late"`
	}
	ask := func(longer time.Duration, request map[string]any) (o outcome, err error) {
		if err = p.ask(ctx, longer, request, &o); err == nil && (o.Steps < 0 || !(o.Seconds > 0) || request["do"] != "plan" && o.Steps < 1) {
			err = unable("%s is left out: it answered %+v, which cannot be", name, o)
		}
		return o, err
	}

	own, err := newBalancer(c.Seed)
	if err != nil {
		return err
	}
	var ours, theirs solver
	if err := own.explore(ctx, &ours); err != nil {
		return err
	}
	begun, err := ask(0, map[string]any{"do": "begin", "seed": c.Seed})
	if err != nil {
		return err
	}
	theirs.steps, theirs.seconds = begun.Steps, begun.Seconds

	row := Versus{Peer: name, Our: "pessimistic, 64,64, 5 members", Their: "CEM of 5 populations of 350, 20 particles, 15 steps, 4 layers of 200, 7 members"}
	row.What, row.Unit = "a plan of the cart-pole", "s"
	ready, err := before(own.spec, own.agent.System, own.state.Model, c.src.Child("pets"))
	if err != nil {
		return err
	}
	rows, err := c.turns(func() (float64, error) {
		o, err := ask(0, map[string]any{"do": "plan"})
		return o.Seconds, err
	}, []Versus{row}, func() (float64, error) { return ready.seconds(ctx) })
	if err != nil {
		return err
	}
	if err := c.add(rows...); err != nil {
		return err
	}

	late := false
	for trial := 0; trial < c.Trials && !late && !(ours.solved && theirs.solved); trial++ {
		if !ours.solved {
			if err := own.trial(ctx, &ours); err != nil {
				return err
			}
		}
		if !theirs.solved {
			left := c.Within - time.Duration(theirs.seconds*float64(time.Second))
			o, err := ask(max(0, left), map[string]any{"do": "trial", "within": left.Seconds()})
			if err != nil {
				return err
			}
			theirs.add(o.Steps, o.Seconds)
			late = o.Late && !theirs.solved || theirs.seconds > c.Within.Seconds()
		}
	}
	for late && !ours.solved && ours.trials < c.Trials { // ours still has its trials
		if err := own.trial(ctx, &ours); err != nil {
			return err
		}
	}
	return c.solve(row, ours, theirs)
}

// solve adds the rows of what it took to solve the cart-pole, and says how far a side came that did not.
func (c *compare) solve(row Versus, ours, theirs solver) error {
	far := func(who string, s solver) string {
		if s.solved {
			return ""
		}
		return fmt.Sprintf("%s did not solve it: its longest trial of %d lasted %.0f of %d steps, after %d steps and %.0f s in all.", who, s.trials, s.best, balanceSteps, s.steps, s.seconds)
	}
	if !ours.solved {
		c.got.LeftOut = append(c.got.LeftOut, far("safex", ours))
		return c.tell()
	}
	row.Turns, row.Open, row.Note = 1, !theirs.solved, far(row.Peer, theirs)
	for _, of := range []struct {
		what, unit   string
		ours, theirs float64
	}{
		{"from the first step until a trial lasts " + fmt.Sprint(solved) + " steps", "steps", float64(ours.steps), float64(theirs.steps)},
		{"the same, by the clock", "s", ours.seconds, theirs.seconds},
	} {
		v := row
		v.What, v.Unit, v.Ours, v.Theirs, v.Ratio = of.what, of.unit, of.ours, of.theirs, of.ours/of.theirs
		if err := c.add(v); err != nil {
			return err
		}
	}
	return nil
}

// A balancer is our agent on the cart-pole, whose trials end as the pole falls.
type balancer struct {
	spec  *experiment.Spec
	agent train.Agent
	state *train.State
}

// newBalancer is an agent before its first step.
func newBalancer(seed uint64) (*balancer, error) {
	spec := experiment.Default(balance())
	spec.Seed = seed
	if err := spec.SetAll("planner="+pessimistic, "learner=probabilistic", "learner.Hidden=64,64"); err != nil {
		return nil, err
	}
	spec.RandomSteps = balanceSteps
	system, err := spec.Compile()
	if err != nil {
		return nil, err
	}
	agent, _, err := spec.Agent(system)
	return &balancer{spec, agent, &train.State{}}, err
}

// steps goes on until a trial is over, and counts it.
func (b *balancer) steps(ctx context.Context, episode int, s *solver) error {
	began := time.Now()
	for state, err := range b.agent.Steps(ctx, b.state, episode) {
		if err != nil {
			return err
		}
		e := state.Episode
		state.Over = state.Over || fallen(e.States[len(e.States)-1])
	}
	s.add(len(b.state.Episode.Actions), time.Since(began).Seconds())
	return nil
}

// explore acts at random until the pole falls, and takes the first step of the first trial, so that there is a model.
func (b *balancer) explore(ctx context.Context, s *solver) error {
	if err := b.steps(ctx, 0, s); err != nil {
		return err
	}
	s.trials, s.best, s.solved = 0, 0, false // random steps are no trial
	began := time.Now()
	for _, err := range b.agent.Steps(ctx, b.state, 1) { // the first fit
		if err != nil {
			return err
		}
		break
	}
	s.seconds += time.Since(began).Seconds()
	return nil
}

// trial goes on until the next trial is over.
func (b *balancer) trial(ctx context.Context, s *solver) error {
	return b.steps(ctx, s.trials+1, s)
}
