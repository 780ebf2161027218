package cli

import (
	"context"
	"fmt"
	"iter"
	"strconv"
	"strings"

	"github.com/schollz/progressbar/v3"
	"github.com/spf13/cobra"
)

// A retaking is a question to the plans of a run, which is taken again for it.
type retaking[O any] interface {
	Plans() int
	Steps() int
	Run(ctx context.Context) iter.Seq2[O, error]
}

// retaken asks about all plans of some episodes, with a bar of the steps, and then prints what is known, also if a signal ends it before.
// The error says how far it came. doing is the word for it, and progress where q is told whom to tell its steps.
func retaken[O any](c *cobra.Command, doing string, q retaking[O], episodes []int, progress *func(steps int), known func() error) error {
	errs := c.ErrOrStderr()
	var which []string
	for _, e := range episodes {
		which = append(which, strconv.Itoa(e))
	}
	fmt.Fprintf(errs, "%s %d plans of episode %s; the run is taken again up to there\n", doing, q.Plans(), strings.Join(which, ", "))
	bar := progressbar.NewOptions(q.Steps(), progressbar.OptionSetWriter(errs), progressbar.OptionSetVisibility(terminal(errs)),
		progressbar.OptionSetDescription("steps"), progressbar.OptionShowCount(), progressbar.OptionSetPredictTime(true), progressbar.OptionClearOnFinish())
	ctx := untilSignal(c.Context(), func() { fmt.Fprintln(errs, "\nfinishing; Ctrl-C again ends at once") })
	*progress = func(steps int) { bar.Set(steps) }
	bar.RenderBlank()
	var failed error
	done := 0
	for _, err := range q.Run(ctx) {
		if failed = err; err == nil {
			done++
		}
	}
	bar.Clear()
	if failed != nil && !stopped(failed) {
		return failed
	}
	if done > 0 {
		if err := known(); err != nil {
			return err
		}
	}
	if failed != nil {
		return fmt.Errorf("stopped after %d of %d plans", done, q.Plans())
	}
	return nil
}
