package bench

import (
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"
)

// Table writes rows for people: the machine and its peak, then a part for each kind of row.
func Table(w io.Writer, rows []Row) error {
	for _, r := range rows {
		if r.What != peaks {
			continue
		}
		if _, err := fmt.Fprintf(w, "%s\npeak %.1f GFLOP/s: multiplications with addition on all cores, the most of %d times\n", r.Machine, r.GFLOPs, r.Repetitions); err != nil {
			return err
		}
	}
	for _, p := range parts {
		if err := p.write(w, rows); err != nil {
			return err
		}
	}
	return nil
}

// A part of the table has its own columns.
type part struct {
	title   string
	of      func(Row) bool
	columns []column
}

type column struct {
	name string
	of   func(Row) string
}

// Columns of several parts.
var (
	what       = column{"what", func(r Row) string { return r.What }}
	engine     = column{"engine", func(r Row) string { return r.Engine }}
	task       = column{"task", func(r Row) string { return r.Task }}
	planner    = column{"planner", func(r Row) string { return r.Planner }}
	hidden     = column{"hidden", func(r Row) string { return fmt.Sprintf("%d,%d", r.Hidden, r.Hidden) }}
	activation = column{"activation", func(r Row) string { return r.Activation }}
	members    = column{"members", func(r Row) string { return strconv.Itoa(r.Members) }}
	batch      = column{"batch", func(r Row) string { return strconv.Itoa(r.Batch) }}
	horizon    = column{"horizon", func(r Row) string { return strconv.Itoa(r.Horizon) }}
	evals      = column{"evals/s", func(r Row) string { return fmt.Sprintf("%.0f", r.EvalsPerS) }}
	gflops     = column{"GFLOP/s", func(r Row) string { return fmt.Sprintf("%.1f", r.GFLOPs) }}
	share      = column{"of peak", func(r Row) string { return fmt.Sprintf("%.1f %%", 100*r.PeakShare) }}
	p50        = column{"p50 ms", func(r Row) string { return fmt.Sprintf("%.2f", r.P50) }}
	p99        = column{"p99 ms", func(r Row) string { return fmt.Sprintf("%.2f", r.P99) }}
	perAction  = column{"evals/action", func(r Row) string { return fmt.Sprintf("%.0f", r.EvalsPerAction) }}
	times      = column{"times", func(r Row) string { return strconv.Itoa(r.Repetitions) }}
)

var parts = []part{
	{
		"Rollouts and gradients: an evaluation is a step of one candidate through all members; medians of so many times, engines in turn",
		func(r Row) bool { return (r.What == rollouts || r.What == gradients) && r.Against == "" },
		[]column{what, hidden, activation, batch, horizon, engine, evals, gflops, share, times},
	},
	{
		"Fits: gradient steps of all members; medians of so many fits",
		func(r Row) bool { return r.What == fits },
		[]column{hidden, activation, members, batch, {"steps/s", func(r Row) string { return fmt.Sprintf("%.0f", r.StepsPerS) }}, times},
	},
	{
		"Plans: the time of an action, over so many; an evaluation with its gradient counts as two",
		func(r Row) bool { return r.What == plans && r.Against == "" },
		[]column{task, planner, hidden, horizon, engine, p50, p99, perAction, share, times},
	},
	{
		"Series: the time as one quantity doubles. An exponent of 1 is linear, less has a part that does not grow; that of the width is in the products of the layers",
		func(r Row) bool { return r.Against != "" },
		[]column{
			what, {"against", func(r Row) string { return r.Against }},
			{"samples", func(r Row) string { return strconv.Itoa(r.Samples + r.Batch) }}, horizon, members, hidden,
			{"evals/action", func(r Row) string {
				if r.What == rollouts {
					return ""
				}
				return perAction.of(r)
			}}, evals, p50,
		},
	},
}

// write writes the rows of a part; nothing if there are none.
func (p part) write(w io.Writer, rows []Row) error {
	var mine []Row
	for _, r := range rows {
		if p.of(r) {
			mine = append(mine, r)
		}
	}
	if len(mine) == 0 {
		return nil
	}
	if _, err := fmt.Fprintf(w, "\n%s\n", p.title); err != nil {
		return err
	}
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	var cells []string
	for _, c := range p.columns {
		cells = append(cells, c.name)
	}
	series := mine[0].Against != ""
	if series {
		cells = append(cells, "ratio", "exponent")
	}
	fmt.Fprintf(t, "%s\t\n", strings.Join(cells, "\t"))
	for i, r := range mine {
		cells = cells[:0]
		for _, c := range p.columns {
			cells = append(cells, c.of(r))
		}
		if series {
			same := func(k int) bool {
				return k >= 0 && k < len(mine) && mine[k].What == r.What && mine[k].Against == r.Against
			}
			ratio, exponent := "", ""
			if same(i - 1) {
				ratio = fmt.Sprintf("%.2f", r.P50/mine[i-1].P50)
			}
			if !same(i + 1) {
				exponent = fmt.Sprintf("%.2f", r.Exponent)
			}
			cells = append(cells, ratio, exponent)
		}
		fmt.Fprintf(t, "%s\t\n", strings.Join(cells, "\t"))
	}
	return t.Flush()
}
