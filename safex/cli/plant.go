package cli

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"gonum.org/v1/gonum/stat"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/plant"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

func plantCommand() *cobra.Command {
	var python bool
	var command string
	var set []string
	var steps int
	var seed uint64
	c := &cobra.Command{
		Use:   "plant [TASK]",
		Short: "Try a real system that answers from outside, as a simulator in Python",
		Long: `plant starts the process that --plant names, or the plant of the task, compares its names and its
time step with those of the task, takes an episode of a few gentle random steps, and says what
came of it. A process answers a line of JSON for a line of JSON:

  it begins with         {"safex": 1, "state": ["cos", "sin", "omega"], "action": ["torque"], "dt": 0.05}
  {"reset": {"seed": 7}} is answered by {"state": [1, 0, 0.1]}
  {"step": [0.3]}        with actions in [-1, 1], by {"state": [0.98, 0.2, 0.4]}, and with
                         "terminated": true or "truncated": true, and "why", where the episode is over
  {"close": true}        ends it; {"error": "a sentence"} answers what cannot be done

"repeats": true in its first line promises the same answers to the same seed and actions: a run
that was stopped then goes on within its episode. Without it, that episode is over. --python
writes a file with which a system in Python answers: one of your own, or a Gymnasium environment.`,
		Example: `  safex plant --python > safex_plant.py
  safex plant pendulum --plant 'python3 my_pendulum.py'
  safex train pendulum --plant 'python3 my_pendulum.py'`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if python {
				if len(args) > 0 || command != "" {
					return fmt.Errorf("--python writes the file and does nothing else: leave the task and --plant out")
				}
				_, err := io.WriteString(c.OutOrStdout(), plant.Python)
				return err
			}
			if len(args) == 0 {
				return fmt.Errorf("name a task, as in: safex plant pendulum --plant 'python3 my_pendulum.py'")
			}
			if steps < 1 {
				return fmt.Errorf("--steps %d: want at least 1", steps)
			}
			s, err := experiment.Named(args[0])
			if err != nil {
				return err
			}
			if command != "" {
				set = append([]string{"plant=" + command}, set...)
			}
			if err := s.SetAll(set...); err != nil {
				return err
			}
			system, err := s.Compile()
			if err != nil {
				return err
			}
			if !system.Outside() {
				return fmt.Errorf("task %q has formulas, and no plant: name one, as in --plant 'python3 my_system.py'", system.Name)
			}
			return try(c, system, steps, rng.New(seed))
		},
	}
	c.Flags().BoolVar(&python, "python", false, "write safex_plant.py, with which a system in Python answers")
	c.Flags().StringVar(&command, "plant", "", "the command that starts the process")
	c.Flags().StringArrayVar(&set, "set", nil, "change a parameter of the task, or plant.FIELD, as in plant.Timeout=30")
	c.Flags().IntVar(&steps, "steps", 20, "gentle random steps to take")
	c.Flags().Uint64Var(&seed, "seed", 1, "seed of the episode")
	return c
}

// try takes an episode of the plant of s, and another of the same seed if it says that it repeats itself.
func try(c *cobra.Command, s *safex.System, steps int, src rng.Stream) error {
	ctx, out := c.Context(), c.OutOrStdout()
	began := time.Now()
	p, err := s.Plant.Open(ctx, s)
	if err != nil {
		return err
	}
	defer p.Close()
	timed := &timing{Plant: p}
	fmt.Fprintf(out, "it is task %q, by its names and its step of %v s; it answered after %.2g s\n", s.Name, s.Dt, time.Since(began).Seconds())
	t, last, err := s.TryPlant(ctx, timed, steps, src)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d steps, %.3g ms each in the median, %.3g ms at most; return %.4g, %d of them beyond a limit\n",
		len(t.Actions), 1e3*stat.Quantile(0.5, stat.Empirical, slices.Sorted(slices.Values(timed.seconds)), nil), 1e3*slices.Max(timed.seconds), t.Return(), t.Violations(s.Budgets()...))
	if last.End != "" {
		fmt.Fprintf(out, "the episode was %s: %s\n", last.End, cmp.Or(last.Why, "it did not say why"))
	}
	for d, v := range s.State {
		lo, hi := t.States[0][d], t.States[0][d]
		for _, x := range t.States {
			lo, hi = min(lo, x[d]), max(hi, x[d])
		}
		unit := ""
		if v.Unit != "" {
			unit = " " + v.Unit
		}
		fmt.Fprintf(out, "%-12s from %.4g to %.4g%s, of a Scale of %.4g\n", v.Name, lo, hi, unit, v.Scale)
	}
	if !safex.Repeats(p) {
		fmt.Fprintln(out, "it does not say that it repeats itself: a run that is stopped goes on with the next episode")
		return nil
	}
	again, _, err := s.TryPlant(ctx, p, steps, src)
	if err != nil {
		return err
	}
	if !slices.EqualFunc(t.States, again.States, slices.Equal) {
		return fmt.Errorf("it says that it repeats itself, and the same seed and actions led elsewhere: seed all that is random in it, or do not say so")
	}
	fmt.Fprintln(out, "it repeats itself: a run that is stopped goes on where it was")
	return nil
}

// timing is a plant whose steps are timed.
type timing struct {
	safex.Plant
	seconds []float64
}

// Step implements safex.Plant.
func (p *timing) Step(ctx context.Context, u []float64) (safex.Answer, error) {
	began := time.Now()
	a, err := p.Plant.Step(ctx, u)
	p.seconds = append(p.seconds, time.Since(began).Seconds())
	return a, err
}
