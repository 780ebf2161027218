package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex/figures"
	"github.com/rischiboy/safe_exploration/safex/internal/disk"
	"github.com/rischiboy/safe_exploration/safex/store"
)

// A drawing is what the flags of safex figures ask for.
type drawing struct {
	out, band, format string
	only, reached     []string
	episode           int
}

// formats are those of figures.
var formats = []string{"png", "svg", "pdf"}

// committed are the files that safex figures draws without an argument, and where it puts them.
const committed, drawn = "notebooks/results/*.json", "notebooks/figures"

func figuresCommand() *cobra.Command {
	var d drawing
	c := &cobra.Command{
		Use: "figures [STUDY...]", Short: "Draw the figures of studies",
		Long: `figures draws what runs came to, from run folders, folders that hold some at any depth, as those of studies,
files of safex report --save, and files of safex control, coverage, attack and bench --scale or --peers. Runs that are under way are
drawn as they are. Several are drawn together: variants of one study beside the plain runs of another, and published runs, as
those of notebooks/results/original.json, beside all of their task. Without an argument it draws again all that is
in notebooks/results, into notebooks/figures, in seconds. Plans in their tubes, and kernels that grow, are drawn by
safex certify, which makes the plans of a run again.

` + kindsOfFigures(),
		Example: `  safex figures
  safex figures runs/quick
  safex figures runs/quick notebooks/results/original.json --only learning --band minmax --out figures
  safex figures runs/pendulum runs/ablations --only beta,tradeoff --reached pendulum=-350
  safex figures runs/pendulum-pessimistic-1 --only episode --episode 3`,
		RunE: func(c *cobra.Command, paths []string) error {
			return d.draw(c.OutOrStdout(), paths, c.Flags().Changed("episode"))
		},
	}
	f := c.Flags()
	f.StringVar(&d.out, "out", "", "put the figures into this folder (default the folder figures of the first STUDY if that holds runs, drawn of a run, which has figures of its own, and else figures in the working folder)")
	f.StringSliceVar(&d.only, "only", nil, "draw these alone, by their names")
	f.StringVar(&d.band, "band", string(figures.IQM), "around returns: iqm, the 95 % bootstrap interval of their interquartile mean; or minmax, all seeds around their mean")
	f.StringArrayVar(&d.reached, "reached", nil, "return that tradeoff looks for: a number, TASK=NUMBER, or a share of the way from the lowest return of a task to its highest, as in 90% (default pendulum=-400, pitch=-0.9, else 90%)")
	f.IntVar(&d.episode, "episode", -1, "draw the figure episode too, of this one, and the kernel with it (default the last complete one, with --only episode)")
	f.StringVar(&d.format, "format", "png", "png, svg or pdf")
	return c
}

// kindsOfFigures lists the figures with a line about each.
func kindsOfFigures() string {
	names, about := figures.Kinds()
	var b strings.Builder
	for i, n := range names {
		fmt.Fprintf(&b, "  %-12s%s\n", n, about[i])
	}
	return b.String() + "\nOther files of results have a figure of their own name."
}

// ofRun tells whether dir is the folder of a run, whose figures are its own.
func ofRun(dir string) bool {
	return store.IsRun(dir)
}

// draw draws what can be drawn from paths, or what is asked for.
func (d drawing) draw(w io.Writer, paths []string, episode bool) error {
	if !slices.Contains(formats, d.format) {
		return fmt.Errorf("there is no format %q: there are png, svg and pdf", d.format)
	}
	if len(paths) == 0 {
		var err error
		if paths, err = filepath.Glob(committed); err != nil {
			return err
		}
		if len(paths) == 0 {
			return errors.New("there is no " + committed + " here: name run folders or files of results, as in: safex figures runs/quick")
		}
		if d.out == "" {
			d.out = drawn
		}
	}
	g, err := figures.Open(paths...)
	if err != nil {
		return err
	}
	if g.Band = figures.Band(d.band); episode {
		g.Episode = d.episode
	}
	for _, text := range d.reached {
		if err := g.UseReached(text); err != nil {
			return err
		}
	}
	if err := g.Check(); err != nil {
		return err
	}
	if d.out == "" {
		d.out = "figures"
		if info, err := os.Stat(paths[0]); err == nil && info.IsDir() {
			d.out = filepath.Join(paths[0], "figures")
			if ofRun(paths[0]) { // whose figures it drew itself
				d.out = filepath.Join(paths[0], "drawn")
			}
		}
	}
	if abs, err := filepath.Abs(d.out); err != nil {
		return err
	} else if filepath.Base(abs) == "figures" && ofRun(filepath.Dir(abs)) {
		return fmt.Errorf("%s has the figures that the run drew itself: name another folder with --out", d.out)
	}
	names := d.only
	if len(names) == 0 {
		names = g.Names()
	}
	if episode && !slices.Contains(names, figures.EpisodeName) {
		names = append(names, figures.EpisodeName)
	}
	if len(names) == 0 {
		return errors.New("there is nothing to draw yet: no run has completed an episode")
	}
	for _, name := range names {
		f, err := g.Draw(name)
		if err != nil {
			return err
		}
		picture, err := f.Encode(d.format)
		if err != nil {
			return err
		}
		file := name + "." + d.format
		if err := disk.Write(filepath.Join(d.out, file), picture); err != nil {
			return err
		}
		if _, err := fmt.Fprintln(w, filepath.Join(d.out, file)); err != nil {
			return err
		}
	}
	return nil
}
