package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex/internal/jupyter"
)

func labCommand() *cobra.Command {
	serving := jupyter.Serving{IP: "127.0.0.1"}
	var noBrowser, save, prepare bool
	var notebook string
	c := &cobra.Command{
		Use:   "lab",
		Short: "Open the notebooks in JupyterLab",
		Long: `lab makes everything that the notebooks need, inside the folder .safex of this clone: the Go
kernel, JupyterLab in a virtual environment of its own, and a warm build. The first time takes
minutes, later ones seconds. Then it opens copies of the notebooks, my-pendulum.ipynb and so on, which
are yours to change, on this machine alone, behind a token; Ctrl-C ends it. It needs Go, and Python 3.10 or newer with venv.`,
		Example: `  safex lab
  safex lab --no-browser --port 9000
  safex lab --run notebooks/pendulum.ipynb`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			l, err := jupyter.Find(".", c.ErrOrStderr())
			if err != nil {
				return err
			}
			if notebook != "" {
				if _, err := l.Notebook(notebook); err != nil {
					return err
				}
			}
			ctx := untilSignal(c.Context(), func() {})
			if err := l.Prepare(ctx); err != nil {
				return err
			}
			switch {
			case prepare:
				return nil
			case notebook != "":
				return l.Execute(ctx, notebook, save)
			}
			serving.Browser = !noBrowser
			return l.Serve(ctx, serving, func(link string) {
				fmt.Fprintf(c.OutOrStdout(), "\nThe notebooks are open at\n\n    %s\n\nCtrl-C ends them.\n", link)
			})
		},
	}
	f := c.Flags()
	f.BoolVar(&noBrowser, "no-browser", false, "print the link, and open no browser")
	f.IntVar(&serving.Port, "port", 0, "port to listen on (default: the first free one from 8888 on)")
	f.StringVar(&serving.IP, "ip", "127.0.0.1", "address to listen on; anything else than loopback lets others in who have the token")
	f.StringVar(&notebook, "run", "", "run this notebook without a browser, and fail if a cell fails")
	f.BoolVar(&save, "save", false, "with --run: write the outputs into the notebook")
	f.BoolVar(&prepare, "prepare", false, "make everything ready, and open nothing")
	return c
}
