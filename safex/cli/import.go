package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/internal/table"
	"github.com/rischiboy/safe_exploration/safex/logs"
)

func importCommand() *cobra.Command {
	var task, out string
	var set, ranges []string
	var asJSON bool
	settings := logs.Default()
	c := &cobra.Command{
		Use: "import LOG.csv... --task TASK", Short: "Check a log of a task that was recorded elsewhere, and bring it into the form of safex",
		Long: `import reads logs: tables with a row for each sample of a system that was recorded elsewhere. Columns have the
names of the task's state and action; an angle of the task can be there in place of its sine and cosine. A column
episode tells trips apart, a column step, or time in seconds, shows gaps. With columns next_NAME each row is a transition by
itself. Cells are separated by commas, semicolons or tabs.

What cannot be read is refused, and so is what is probably something else than the task means, as an angle in
degrees, another sampling time, or swapped columns; --trust takes that as it is. An action is in [-1, 1], unless
--range says what -1 and 1 are in its physical unit. What was seen or left out is said, and a summary is printed.
--out writes what was read as a clean table, which train --log and fit read.`,
		Example: `  safex import swings.csv --task pendulum
  safex import bench.csv --task pendulum --range torque=-2:2 --out clean.csv`,
		Args: func(c *cobra.Command, args []string) error {
			if len(args) == 0 {
				return errors.New("import takes logs, as in: safex import swings.csv --task pendulum")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error {
			system, err := taskOf(task, "import", set)
			if err != nil {
				return err
			}
			if settings.Ranges, err = rangesOf(ranges); err != nil {
				return err
			}
			if err := fresh(out); err != nil {
				return err
			}
			var all []*logs.Log
			for _, path := range args {
				text, err := os.ReadFile(path)
				if err != nil {
					return disk.Cannot("read", path, err)
				}
				l, err := settings.Read(system, filepath.Base(path), text)
				if err != nil {
					return err
				}
				all = append(all, l)
			}
			l := logs.Join(all...)
			sum := logs.Summarize(system, l)
			if out != "" {
				if err := disk.Write(out, l.CSV(system)); err != nil {
					return err
				}
			}
			if asJSON {
				line, err := encode.JSON(sum)
				if err == nil {
					_, err = fmt.Fprintf(c.OutOrStdout(), "%s\n", line)
				}
				return err
			}
			if err := summary(sum).Text(c.OutOrStdout()); err != nil || out == "" {
				return err
			}
			_, err = fmt.Fprintf(c.OutOrStdout(), "Written to %s.\n", out)
			return err
		},
	}
	f := c.Flags()
	f.StringVar(&task, "task", "", "the task that the log is of")
	f.StringArrayVar(&set, "set", nil, "change a parameter of the task, as in Dt=0.02")
	f.StringArrayVar(&ranges, "range", nil, "what -1 and 1 are in the physical unit of an action, as in torque=-2:2")
	f.BoolVar(&settings.Trust, "trust", false, "take a log as it is, also where it is probably not what the task means")
	f.StringVar(&out, "out", "", "file of the clean table")
	f.BoolVar(&asJSON, "json", false, "print the summary in JSON")
	return c
}

// taskOf is the system of a task by name, with parameters.
func taskOf(task, command string, set []string) (*safex.System, error) {
	if task == "" {
		return nil, fmt.Errorf("%s takes the task that the log is of: add --task, as in --task %s", command, experiment.Tasks.Names()[0])
	}
	s, err := experiment.Named(task, set...)
	if err != nil {
		return nil, err
	}
	return s.Compile()
}

// rangesOf reads the values of --range.
func rangesOf(texts []string) (map[string]logs.Range, error) {
	all := map[string]logs.Range{}
	for _, text := range texts {
		name, ends, _ := strings.Cut(text, "=")
		lo, hi, ok := strings.Cut(ends, ":")
		a, errA := strconv.ParseFloat(lo, 64)
		b, errB := strconv.ParseFloat(hi, 64)
		if !ok || errA != nil || errB != nil {
			return nil, fmt.Errorf("--range %s: want an action and what -1 and 1 are, as in torque=-2:2", text)
		}
		all[name] = logs.Range{AtMinus1: a, At1: b}
	}
	return all, nil
}

// fresh refuses a file that is there, as it may be the only log.
func fresh(path string) error {
	if path == "" {
		return nil
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s is there already: choose another file with --out", path)
	}
	return nil
}

// summary is what a log has, on a page.
func summary(s logs.Summary) *table.Page {
	p := &table.Page{}
	for _, n := range s.Notes {
		p.Say("%s%s.", strings.ToUpper(n[:1]), n[1:])
	}
	p.Say("%d transitions (%.4g s) of %d rows, in %d episodes and %d trajectories without a gap.", s.Transitions, s.Seconds, s.Rows, s.Episodes, s.Trajectories)
	var columns, limits [][]string
	for _, c := range s.Columns {
		step := "–"
		if c.Step > 0 {
			step = fmt.Sprintf("%.3g", c.Step)
		}
		columns = append(columns, []string{named(c.Name, c.Unit), fmt.Sprintf("%.4g", c.Least), fmt.Sprintf("%.4g", c.Most), fmt.Sprintf("%.3g", c.Spread), fmt.Sprint(c.Scale), step})
	}
	p.Add("", []string{"column", "least", "most", "spread", "Scale", "a step"}, columns...)
	for _, l := range s.Limits {
		limits = append(limits, []string{named(l.Name, l.Unit), fmt.Sprintf("%+.4g", l.Worst), fmt.Sprintf("%d of %d", l.Transitions, s.Transitions)})
	}
	if limits != nil {
		p.Add("", []string{"limit", "largest excess", "transitions beyond it"}, limits...)
	}
	return p
}

// named is a name with its unit, if it has one.
func named(name, unit string) string {
	if unit != "" {
		name += " [" + unit + "]"
	}
	return name
}

// logFlags adds --log and --trust.
func logFlags(c *cobra.Command, files *[]string) {
	c.Flags().StringArrayVar(files, "log", nil, "a log that was recorded elsewhere, which the agent has before its first step; see safex import. With one, --explore can be 0")
	c.Flags().Bool("trust", false, "take a log as it is, also where it is probably not what the task means")
}

// logged are the assignments that these flags are short for.
func logged(c *cobra.Command, files []string) (assignments []string) {
	if len(files) > 0 {
		assignments = append(assignments, "log="+strings.Join(files, ","))
	}
	if c.Flags().Changed("trust") {
		assignments = append(assignments, "trust-log="+c.Flags().Lookup("trust").Value.String())
	}
	return assignments
}

// noteLogs says what was seen in the logs of s, and returns how many transitions they have.
func noteLogs(c *cobra.Command, s *experiment.Spec) (int, error) {
	if len(s.Logs) == 0 {
		return 0, nil
	}
	system, err := s.Compile()
	if err != nil {
		return 0, err
	}
	l, err := s.ReadLogs(system)
	if err != nil {
		return 0, err
	}
	for _, n := range l.Notes {
		fmt.Fprintf(c.ErrOrStderr(), "log: %s\n", n)
	}
	return l.Data.Len(), nil
}
