package main

import (
	"encoding/csv"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/lab"
)

func simulateCommand() *cobra.Command {
	var set []string
	var preset string
	c := &cobra.Command{
		Use:   "simulate TASK",
		Short: "Step the true system from given states, without any learning",
		Long: `simulate reads CSV from standard input. Its header names the state and action variables of the
task (safex list shows them); other columns and lines that begin with # are ignored. For each
row it writes the next state, the reward, and the signed excess of each limit: at most 0 is safe.`,
		Example: `  printf 'cos,sin,omega,torque\n-1,0,0,1\n' | safex simulate pendulum
  safex simulate pendulum --set MaxSpeed=5 --set SpeedClip=6 < transitions.csv`,
		Args: one("TASK", "pendulum"),
		RunE: func(c *cobra.Command, args []string) error {
			m, err := lab.Parameters(args[0], preset)
			if err != nil {
				return err
			}
			for _, a := range set {
				path, value, ok := strings.Cut(a, "=")
				if !ok {
					return fmt.Errorf("--set %s: want field=value, as in MaxSpeed=5", a)
				}
				if err := lab.SetField(m, path, value); err != nil {
					return err
				}
			}
			s, err := m.Task().System()
			if err != nil {
				return err
			}
			return simulate(s, c.InOrStdin(), c.OutOrStdout())
		},
	}
	c.Flags().StringArrayVar(&set, "set", nil, "change a parameter of the task, as in MaxSpeed=5")
	c.Flags().StringVar(&preset, "preset", "", "reference: the published behaviour, with its defects")
	return c
}

// simulate steps s from each row of in.
func simulate(s *safex.System, in io.Reader, out io.Writer) error {
	r := csv.NewReader(in)
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
		next, reward, excess := s.Step(xu[:nx], xu[nx:])
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
		header[i] = strings.TrimSpace(strings.TrimPrefix(header[i], "\ufeff"))
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
	for _, name := range lab.Tasks() {
		m, err := lab.Parameters(name, "")
		if err != nil {
			return err
		}
		t := m.Task()
		fmt.Fprintf(out, "  %s: %d steps of %g s\n", name, t.Steps, t.Dt)
		fmt.Fprintf(out, "    state   %s\n    action  %s, each in [-1, 1]\n", vars(t.State), vars(t.Action))
		for _, l := range t.Limits {
			fmt.Fprintf(out, "    limit   %s at most %g %s\n", l.Name, l.Max, l.Unit)
		}
		fmt.Fprintf(out, "    --set   %s\n", strings.Join(lab.Fields(m), ", "))
	}
	fmt.Fprintln(out, "Planners")
	names, about := lab.Planners()
	for i := range names {
		fmt.Fprintf(out, "  %-12s %s\n", names[i], about[i])
	}
	return nil
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
