package bench

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/rischiboy/safe_exploration/safex/internal/table"
)

// Table writes rows for people: the machine and its peak, then a part for each kind of row.
func Table(w io.Writer, rows []Row) error {
	p := table.Page{Right: true}
	for _, r := range rows {
		if r.What == peaks {
			p.Say("%s", r.Machine)
			if r.CPU != "" {
				p.Say("%s", on(r.CPU, nil, r.Load))
			}
			p.Say("peak %.1f GFLOP/s: multiplications with addition on all cores, the most of %d times", r.GFLOPs, r.Repetitions)
		}
	}
	for _, part := range parts {
		part.add(&p, rows)
	}
	return p.Text(w)
}

// A part of the table has its own columns.
type part struct {
	title   string
	of      func(Row) bool
	columns []column
}

type column = table.Column[Row]

// Columns of several parts.
var (
	what       = column{Name: "what", Of: func(r Row) string { return r.What }}
	engine     = column{Name: "engine", Of: func(r Row) string { return r.Engine }}
	task       = column{Name: "task", Of: func(r Row) string { return r.Task }}
	planner    = column{Name: "planner", Of: func(r Row) string { return r.Planner }}
	hidden     = column{Name: "hidden", Of: func(r Row) string { return fmt.Sprintf("%d,%d", r.Hidden, r.Hidden) }}
	activation = column{Name: "activation", Of: func(r Row) string { return r.Activation }}
	members    = column{Name: "members", Of: func(r Row) string { return strconv.Itoa(r.Members) }}
	batch      = column{Name: "batch", Of: func(r Row) string { return strconv.Itoa(r.Batch) }}
	horizon    = column{Name: "horizon", Of: func(r Row) string { return strconv.Itoa(r.Horizon) }}
	evals      = column{Name: "evals/s", Of: func(r Row) string { return fmt.Sprintf("%.0f", r.EvalsPerS) }}
	gflops     = column{Name: "GFLOP/s", Of: func(r Row) string { return fmt.Sprintf("%.1f", r.GFLOPs) }}
	share      = column{Name: "of peak", Of: func(r Row) string { return fmt.Sprintf("%.1f %%", 100*r.PeakShare) }}
	p50        = column{Name: "p50 ms", Of: func(r Row) string { return fmt.Sprintf("%.2f", r.P50) }}
	p99        = column{Name: "p99 ms", Of: func(r Row) string { return fmt.Sprintf("%.2f", r.P99) }}
	perAction  = column{Name: "evals/action", Of: func(r Row) string { return fmt.Sprintf("%.0f", r.EvalsPerAction) }}
	grown      = column{Name: "size", Of: func(r Row) string { return strconv.Itoa(r.Size()) }}
	times      = column{Name: "times", Of: func(r Row) string { return strconv.Itoa(r.Repetitions) }}
)

var parts = []part{
	{
		"Rollouts and gradients: an evaluation is a step of one candidate through all members; medians of so many times, engines in turn",
		func(r Row) bool { return (r.What == rollouts || r.What == gradients) && r.Against == "" },
		[]column{what, hidden, activation, batch, horizon, engine, evals, gflops, share, times},
	},
	{
		"Fits: gradient steps of all members; medians of so many fits",
		func(r Row) bool { return r.What == fits && r.Against == "" },
		[]column{hidden, activation, members, batch, {Name: "steps/s", Of: func(r Row) string { return fmt.Sprintf("%.0f", r.StepsPerS) }}, times},
	},
	{
		"Plans: the time of an action, over so many; an evaluation with its gradient counts as two",
		func(r Row) bool { return r.What == plans && r.Against == "" },
		[]column{task, planner, hidden, horizon, engine, p50, p99, perAction, share, times},
	},
	{
		"Series: the time as one quantity grows. An exponent, of the range that it stands at the end of, of 1 is linear, less has a part that does not grow; that of the width is in the products of the layers",
		func(r Row) bool { return r.Against != "" && r.What != memories },
		[]column{
			what, {Name: "against", Of: func(r Row) string { return r.Against }}, {Name: "model", Of: func(r Row) string { return r.Model }},
			grown,
			{Name: "samples", Of: func(r Row) string { return number(r.Samples + r.Batch) }},
			{Name: "horizon", Of: func(r Row) string { return number(r.Horizon) }},
			{Name: "members", Of: func(r Row) string { return number(r.Members) }},
			{Name: "hidden", Of: func(r Row) string {
				if r.Hidden == 0 {
					return ""
				}
				return hidden.Of(r)
			}},
			{Name: "evals/action", Of: func(r Row) string { return number(int(r.EvalsPerAction + 0.5)) }},
			{Name: "evals/s", Of: func(r Row) string { return number(int(r.EvalsPerS + 0.5)) }}, p50,
		},
	},
	{
		"Start: until the command has answered and ended",
		func(r Row) bool { return r.What == starts },
		[]column{{Name: "command", Of: func(r Row) string { return "safex " + r.Task }}, p50, p99, times},
	},
	{
		"Memory: what a run of short episodes has resident, while it completes them. An exponent of 0 does not grow",
		func(r Row) bool { return r.What == memories },
		[]column{grown, {Name: "MB", Of: func(r Row) string { return fmt.Sprintf("%.1f", r.MB) }}, times},
	},
}

// number is n, and nothing where it is 0.
func number(n int) string {
	if n == 0 {
		return ""
	}
	return strconv.Itoa(n)
}

// add adds the rows of a part; nothing if there are none.
func (p part) add(to *table.Page, rows []Row) {
	var mine []Row
	for _, r := range rows {
		if p.of(r) {
			mine = append(mine, r)
		}
	}
	if len(mine) == 0 {
		return
	}
	head, cells, _ := table.Cells(mine, 0, p.columns...)
	if mine[0].Against != "" { // a Series
		head = append(head, "ratio", "exponent")
		for i, r := range mine {
			same := func(k int) bool {
				return k >= 0 && k < len(mine) && mine[k].What == r.What && mine[k].Against == r.Against && mine[k].Model == r.Model
			}
			ratio, exponent := "", ""
			if same(i - 1) {
				ratio = fmt.Sprintf("%.2f", (r.P50+r.MB)/(mine[i-1].P50+mine[i-1].MB)) // one of them is 0
			}
			if !same(i + 1) {
				first := i
				for same(first - 1) {
					first--
				}
				exponent = fmt.Sprintf("%.2f over %d to %d", r.Exponent, mine[first].Size(), r.Size())
			}
			cells[i] = append(cells[i], ratio, exponent)
		}
	}
	to.Add(p.title, head, cells...)
}

// Table writes the comparison for people: what was measured on, a part for each peer, and who was left out.
func (c *Comparison) Table(w io.Writer) error {
	p := table.Page{Right: true}
	p.Say("%s", c.Machine)
	p.Say("%s", on(c.CPU, c.Versions, c.Load))
	var peers []string
	for _, r := range c.Rows {
		if !slices.Contains(peers, r.Peer) {
			peers = append(peers, r.Peer)
		}
	}
	for _, peer := range peers {
		var mine []Versus
		var notes []string
		for _, r := range c.Rows {
			if r.Peer != peer {
				continue
			}
			mine = append(mine, r)
			if r.Note != "" && !slices.Contains(notes, r.Note) {
				notes = append(notes, r.Note)
			}
		}
		title := "Beside " + peer + ": medians of turns, ours, theirs, ours, theirs; a ratio below 1 is less of it for safex"
		if len(notes) > 0 {
			title += ". " + strings.TrimSuffix(strings.Join(notes, " "), ".")
		}
		head, cells, _ := table.Cells(mine, 0, versus...)
		p.Add(title, head, cells...)
	}
	if err := p.Text(w); err != nil {
		return err
	}
	for _, text := range c.LeftOut {
		if _, err := fmt.Fprintf(w, "\n%s\n", text); err != nil {
			return err
		}
	}
	return nil
}

// on is a line about the machine, and versions of what else runs on it.
func on(cpu string, versions map[string]string, load string) string {
	words := []string{cpu}
	for _, name := range slices.Sorted(maps.Keys(versions)) {
		words = append(words, name+" "+versions[name])
	}
	if load != "" {
		words = append(words, "load before "+load)
	}
	return strings.Join(words, ", ")
}

// versus are the columns of a Comparison.
var versus = []table.Column[Versus]{
	{Name: "what", Of: func(v Versus) string { return v.What }},
	{Name: "ours", Of: func(v Versus) string { return v.Our }},
	{Name: "unit", Of: func(v Versus) string { return v.Unit }},
	{Name: "safex", Of: func(v Versus) string { return short(v.Ours) }},
	{Name: "peer", Of: func(v Versus) string { return openly(">", v.Open) + short(v.Theirs) }},
	{Name: "ratio", Of: func(v Versus) string { return openly("<", v.Open) + fmt.Sprintf("%.2g", v.Ratio) }},
	{Name: "of turns", Of: func(v Versus) string {
		if v.Turns < 2 {
			return ""
		}
		return fmt.Sprintf("%.2g to %.2g", v.Low, v.High)
	}},
	{Name: "turns", Of: func(v Versus) string { return strconv.Itoa(v.Turns) }},
}

// short is a number above 0 in three digits, and in more where they are before the point.
func short(v float64) string {
	if v >= 100 {
		return fmt.Sprintf("%.0f", v)
	}
	return fmt.Sprintf("%.3g", v)
}

// openly is a sign before a number that is a bound.
func openly(sign string, open bool) string {
	if open {
		return sign + " "
	}
	return ""
}
