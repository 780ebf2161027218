package cli

import (
	"bufio"
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

func simulateCommand() *cobra.Command {
	var set, disturb []string
	var preset string
	var noise bool
	var seed uint64
	c := &cobra.Command{
		Use:   "simulate TASK",
		Short: "Step the true system from given states, without any learning",
		Long: `simulate reads CSV from standard input. Its header names the state and action variables of the
task (safex list shows them); other columns and lines that begin with # are ignored. For each
row it writes the next state, the reward, and the signed excess of each limit: at most 0 is safe.
The rows are transitions by themselves, without noise; a limit on the rate of an action holds. With
--noise they are the steps of an episode from its beginning, each from the real state in its row:
the disturbances of the task and of --disturb act, the next state is what an agent would see, and
reward and excess are judged on what really happened.`,
		Example: `  printf 'cos,sin,omega,torque\n-1,0,0,1\n' | safex simulate pendulum
  safex simulate rccar --preset reference --noise --seed 3 < transitions.csv
  safex simulate pendulum --set MaxSpeed=5 --set SpeedClip=6 < transitions.csv`,
		Args: one("TASK", "pendulum"),
		RunE: func(c *cobra.Command, args []string) error {
			m, err := parameters(args[0], preset, set)
			if err != nil {
				return err
			}
			ds, err := disturbances(disturb)
			if err != nil {
				return err
			}
			s, err := experiment.Disturbed(m.Task(), ds)
			if err != nil {
				return err
			}
			if err := s.Unknown("simulate"); err != nil {
				return err
			}
			switch {
			case len(ds) > 0 && !noise:
				return fmt.Errorf("--disturb: simulate is undisturbed unless --noise is given too")
			case noise && len(s.Disturbances) == 0:
				return fmt.Errorf(`--noise: task %q has no disturbances: add one, as in --disturb "process %s 0.1"`, s.Name, s.State[len(s.State)-1].Name)
			}
			step := func(x, u []float64) ([]float64, float64, []float64, error) {
				next, reward, excess := s.Step(x, u)
				return next, reward, excess, nil
			}
			if noise {
				step = disturbed(s, rng.New(seed).Child("real").At(0))
			}
			return simulate(s, step, c.InOrStdin(), c.OutOrStdout())
		},
	}
	c.Flags().StringArrayVar(&set, "set", nil, "change a parameter of the task, as in MaxSpeed=5")
	c.Flags().StringVar(&preset, "preset", "", "reference: the published behaviour, with its defects")
	c.Flags().BoolVar(&noise, "noise", false, "let the disturbances of the task and of --disturb act")
	c.Flags().Uint64Var(&seed, "seed", 1, "seed of the noise")
	disturbFlag(c, &disturb)
	return c
}

// parameters are a task's, with the values of --set.
func parameters(task, preset string, set []string) (safex.Maker, error) {
	m, err := experiment.Parameters(task, preset)
	if err != nil {
		return nil, err
	}
	for _, a := range set {
		path, value, ok := strings.Cut(a, "=")
		if !ok {
			return nil, fmt.Errorf("--set %s: want field=value, as in MaxSpeed=5", a)
		}
		if err := experiment.SetField(m, path, value); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func checkCommand() *cobra.Command {
	var set []string
	var preset string
	c := &cobra.Command{
		Use:   "check TASK",
		Short: "Look for what is wrong with a task, before it is learned",
		Long: `check traces the functions of a task, draws starts, runs episodes under random and constant
actions, and says in plain words what is wrong, what is unusual, and how often random actions
break each limit. For a task of your own, call safex.Check in Go or in a notebook.`,
		Example: `  safex check pendulum
  safex check cartpole --set MaxPosition=0.5 --set RandomAmplitude=0.5`,
		Args: one("TASK", "pendulum"),
		RunE: func(c *cobra.Command, args []string) error {
			m, err := parameters(args[0], preset, set)
			if err != nil {
				return err
			}
			r := safex.Check(m.Task())
			if !r.OK() {
				return fmt.Errorf("task %q: %s", r.Task, strings.Join(r.Problems, "; "))
			}
			fmt.Fprint(c.OutOrStdout(), r)
			return nil
		},
	}
	c.Flags().StringArrayVar(&set, "set", nil, "change a parameter of the task, as in MaxSpeed=5")
	c.Flags().StringVar(&preset, "preset", "", "reference: the published behaviour, with its defects")
	return c
}

// A stepper takes a system a step further.
type stepper func(x, u []float64) (next []float64, reward float64, excess []float64, err error)

// disturbed steps s through an episode, from whatever state it is given.
func disturbed(s *safex.System, src rng.Stream) stepper {
	var t safex.Trajectory
	return func(x, u []float64) ([]float64, float64, []float64, error) {
		n := len(t.Actions)
		if n == 0 {
			t = s.Begin(x, src)
		}
		t.States[n] = x
		if s.Noisy() {
			t.Real[n] = x
		}
		if err := s.Advance(&t, u, src); err != nil {
			return nil, 0, nil, err
		}
		return t.States[n+1], t.Rewards[n], t.Excess[n], nil
	}
}

// simulate steps s from each row of in.
func simulate(s *safex.System, step stepper, in io.Reader, out io.Writer) error {
	text := bufio.NewReader(in)
	if mark, _ := text.Peek(3); string(mark) == "\ufeff" { // of UTF-8, as spreadsheets write it, before quotes or comments too
		text.Discard(3)
	}
	r := csv.NewReader(text)
	r.Comment, r.TrimLeadingSpace, r.ReuseRecord = '#', true, true
	first, err := r.Read()
	if err == io.EOF {
		return fmt.Errorf("simulate: standard input is empty: want CSV with a header")
	}
	if err != nil {
		return fmt.Errorf("simulate: %w", err)
	}
	first = slices.Clone(first) // the reader will overwrite it
	columns, err := find(s, first)
	if err != nil {
		return err
	}
	w := csv.NewWriter(out)
	var header []string
	for _, v := range s.State {
		header = append(header, "next_"+v.Name)
	}
	header = append(header, "reward")
	for _, l := range s.Limits {
		header = append(header, "excess_"+l.Name)
	}
	w.Write(header)
	nx := len(s.State)
	for {
		record, err := r.Read()
		if err == io.EOF {
			break
		}
		if err != nil {
			w.Flush()
			return fmt.Errorf("simulate: %w", err)
		}
		xu := make([]float64, len(columns))
		for k, c := range columns {
			if xu[k], err = strconv.ParseFloat(strings.TrimSpace(record[c]), 64); err != nil || xu[k]-xu[k] != 0 {
				line, _ := r.FieldPos(c)
				w.Flush()
				return fmt.Errorf("simulate: line %d: %s is %q, want a number", line, first[c], record[c])
			}
		}
		line, _ := r.FieldPos(0)
		if err := s.CheckPoint(fmt.Sprintf("simulate: line %d", line), xu[:nx:nx], xu[nx:]); err != nil {
			w.Flush()
			return err
		}
		next, reward, excess, err := step(xu[:nx:nx], xu[nx:])
		if err != nil {
			w.Flush()
			return fmt.Errorf("simulate: line %d: %w", line, err)
		}
		var row []string
		for _, v := range slices.Concat(next, []float64{reward}, excess) {
			row = append(row, strconv.FormatFloat(v, 'g', -1, 64))
		}
		w.Write(row)
	}
	w.Flush()
	return w.Error()
}

// find is the column of each state and action variable.
func find(s *safex.System, header []string) (columns []int, err error) {
	for i := range header {
		header[i] = strings.TrimSpace(header[i])
	}
	for _, v := range slices.Concat(s.State, s.Action) {
		i := slices.Index(header, v.Name)
		if i < 0 {
			return nil, fmt.Errorf("simulate: the header %.80q has no column %q (columns are separated by commas)", strings.Join(header, ","), v.Name)
		}
		if slices.Contains(header[i+1:], v.Name) {
			return nil, fmt.Errorf("simulate: the header names %q twice", v.Name)
		}
		columns = append(columns, i)
	}
	return columns, nil
}

// list writes the tasks and the planners.
func list(out io.Writer) error {
	fmt.Fprintln(out, "Tasks")
	for _, e := range experiment.Tasks.Entries() {
		name, m := e.Name, experiment.Held(e.Make())
		t := m.Task()
		fmt.Fprintf(out, "  %s: %d steps of %.4g s\n", name, t.Steps, t.Dt)
		fmt.Fprintf(out, "    state   %s\n    action  %s, each in [-1, 1]\n", vars(t.State), vars(t.Action))
		for _, l := range t.Limits {
			fmt.Fprintf(out, "    limit   %s at most %g %s\n", l.Name, l.Max, l.Unit)
		}
		if a := t.Goal; a != nil {
			fmt.Fprintf(out, "    goal    %s at most %g %s in the last %d steps\n", a.Name, a.Max, a.Unit, a.Steps)
		}
		if b := t.Backup; b != nil {
			fmt.Fprintf(out, "    backup  %s\n", b.Name)
		}
		var more []string
		for _, a := range t.Angles {
			more = append(more, a.Name)
		}
		if len(more) > 0 {
			fmt.Fprintf(out, "    angle   %s, for --disturb and --expect\n", strings.Join(more, ", "))
		}
		fmt.Fprintf(out, "    --set   %s\n", strings.Join(experiment.Fields(m), ", "))
	}
	fmt.Fprintln(out, "Disturbances, as in --disturb \"impulse omega 1 from 3\"")
	for _, k := range safex.Kinds() {
		fmt.Fprintf(out, "  %-12s %s\n", k, k.About())
	}
	for _, kind := range []struct {
		title string
		list  func() (names, about []string)
	}{
		{"Expectations, as in --expect \"process omega 0.05\"", safex.Expectations},
		{"Models, for --model", experiment.Models}, {"Calibrations, for --calibrate", listed(experiment.Calibrations)},
		{"Filters, for --filter", listed(experiment.Filters)}, {"Planners, for --planner", listed(experiment.Planners)}, {"Engines, for --engine", listed(experiment.Engines)},
	} {
		fmt.Fprintln(out, kind.title)
		names, about := kind.list()
		for i := range names {
			fmt.Fprintf(out, "  %-26s %s\n", names[i], about[i])
		}
	}
	return nil
}

// listed lists what a registry has, with a line about each.
func listed[T any](r *experiment.Registry[T]) func() (names, about []string) {
	return func() (names, about []string) {
		for _, e := range r.Entries() {
			names, about = append(names, e.Name), append(about, e.About)
		}
		return names, about
	}
}

// vars lists variables with their units.
func vars(vs []safex.Var) string {
	var names []string
	for _, v := range vs {
		s := v.Name
		if v.Unit != "" {
			s += " [" + v.Unit + "]"
		}
		names = append(names, s)
	}
	return strings.Join(names, ", ")
}
