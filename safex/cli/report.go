package cli

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/internal/encode"
	"github.com/rischiboy/safe_exploration/safex/report"
	"github.com/rischiboy/safe_exploration/safex/rng"
)

// A reporting is what the flags of safex report ask for.
type reporting struct {
	asJSON, markdown, cards, episodes bool
	against, out, save                string
}

func reportCommand() *cobra.Command {
	var r reporting
	c := &cobra.Command{
		Use: "report DIR|FILE...", Short: "Compare runs in a table",
		Long: `report compares methods: runs on a task that differ in their seed alone. It reads run folders, folders that hold
some at any depth, as those of studies, and files of --save. Runs that are under way are read as they are.

Violating steps count from the first random step on; the worst excess is at most 0 if no limit was broken. Returns are
interquartile means over the seeds of finished runs, with 95 % bootstrap intervals. Where a task has more than one method,
each is compared with the first, or with that of --against: the probability that its last episode has a higher return.

--card adds a safety card for each method: what is known of its runs, and what is not certified by it. --episodes has a row
for each episode of a method: how it learned, and how far its steps were proved to be safe. --save keeps all that tables
and figures need in one small file.`,
		Example: `  safex report runs
  safex report runs/quick --against safe
  safex report runs/quick --markdown --out report.md
  safex report runs/quick --save quick.json
  safex report quick.json --card
  safex report quick.json --episodes`,
		RunE: func(c *cobra.Command, paths []string) error { return r.run(c.OutOrStdout(), paths) },
	}
	f := c.Flags()
	f.BoolVar(&r.asJSON, "json", false, "print a line of JSON for each method")
	f.BoolVar(&r.markdown, "markdown", false, "write Markdown, with the safety cards")
	f.BoolVar(&r.cards, "card", false, "add a safety card for each method")
	f.BoolVar(&r.episodes, "episodes", false, "print a row for each episode of each method, in place of one for each method")
	f.StringVar(&r.against, "against", "", "compare returns with this method, by its name in the table or its planner (default the first of each task)")
	f.StringVar(&r.out, "out", "", "write into this file")
	f.StringVar(&r.save, "save", "", "keep what was read in this file, which report reads again")
	return c
}

// run reads, keeps and prints.
func (r reporting) run(out io.Writer, paths []string) error {
	switch {
	case len(paths) == 0:
		return fmt.Errorf("report wants run folders, folders with some, or files of --save, as in: safex report runs")
	case r.asJSON && (r.markdown || r.cards):
		return fmt.Errorf("--json is lines of JSON: leave out --markdown and --card")
	case r.episodes && (r.cards || r.against != ""):
		return fmt.Errorf("--episodes has rows of episodes: leave out --card and --against")
	case r.out != "" && r.save != "" && sameFile(r.out, r.save):
		return fmt.Errorf("--out and --save are both %s: the report would replace what is kept, name another file for one of them", r.out)
	}
	for _, path := range []string{r.out, r.save} {
		if info, err := os.Stat(path); err == nil && info.IsDir() {
			return fmt.Errorf("%s is a folder: name a file in it, as in: %s", path, filepath.Join(path, "report"))
		}
	}
	set, err := report.Read(paths...)
	if err != nil {
		return err
	}
	var b bytes.Buffer
	if r.episodes {
		err = r.writeEpisodes(&b, set.Episodes())
	} else if rows, e := set.Rows(r.against, rng.New(1).Child("report")); e != nil {
		err = e
	} else {
		err = r.write(&b, rows)
	}
	if err != nil {
		return err
	}
	if r.save != "" {
		if err := set.Save(r.save); err != nil {
			return err
		}
	}
	if r.out != "" {
		return disk.Write(r.out, b.Bytes())
	}
	_, err = out.Write(b.Bytes())
	return err
}

// sameFile tells whether two paths name one file, which need not be there yet.
func sameFile(a, b string) bool {
	if x, err := os.Stat(a); err == nil {
		y, err := os.Stat(b)
		return err == nil && os.SameFile(x, y)
	}
	x, errX := filepath.Abs(a)
	y, errY := filepath.Abs(b)
	if errX != nil || errY != nil || filepath.Base(x) != filepath.Base(y) {
		return false
	}
	if x == y {
		return true
	}
	in, errIn := os.Stat(filepath.Dir(x))
	of, errOf := os.Stat(filepath.Dir(y))
	return errIn == nil && errOf == nil && os.SameFile(in, of)
}

// write writes rows as they are asked for.
func (r reporting) write(w io.Writer, rows []report.Row) error {
	if r.asJSON {
		return encode.Lines(w, rows...)
	}
	table, card := report.Table, report.SafetyCard.Text
	if r.markdown {
		table, card = report.Markdown, report.SafetyCard.Markdown
	}
	if err := table(w, rows); err != nil || !r.markdown && !r.cards {
		return err
	}
	for _, row := range rows {
		fmt.Fprintln(w)
		if err := card(row.Card(), w); err != nil {
			return err
		}
	}
	return nil
}

// writeEpisodes writes rows of episodes as they are asked for.
func (r reporting) writeEpisodes(w io.Writer, rows []report.EpisodeRow) error {
	switch {
	case r.asJSON:
		return encode.Lines(w, rows...)
	case r.markdown:
		return report.EpisodesMarkdown(w, rows)
	}
	return report.EpisodesTable(w, rows)
}
