package cli

import (
	"cmp"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex/internal/jupyter"
)

func labCommand() *cobra.Command {
	serving := jupyter.Serving{IP: "127.0.0.1"}
	var noBrowser, save, prepare, install, uninstall bool
	var notebook, name string
	c := &cobra.Command{
		Use:   "lab",
		Short: "Open the notebooks in JupyterLab",
		Long: `lab makes everything that the notebooks need, inside the folder .safex of this clone: the Go
kernel, JupyterLab in a virtual environment of its own, and a warm build. The first time takes
minutes, later ones seconds. Then it opens copies of the notebooks, my-pendulum.ipynb and so on, which
are yours to change, on this machine alone, behind a token; Ctrl-C ends it. It needs Go, and Python 3.10 or newer with venv.

With --install the kernel alone is made, for a Jupyter that you have, on a hub too: notebooks of any folder can choose it. In a clone
its cells import safex, and in a module that requires safex the packages of that module besides. --uninstall removes it.`,
		Example: `  safex lab
  safex lab --no-browser --port 9000
  safex lab --run notebooks/pendulum.ipynb
  safex lab --install`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			asked := 0
			for _, a := range []bool{install, uninstall, prepare, notebook != ""} {
				if a {
					asked++
				}
			}
			switch {
			case asked > 1:
				return errors.New("lab does one thing at a time: choose one of --install, --uninstall, --prepare and --run")
			case name != "" && !install && !uninstall:
				return errors.New("--name is the name of a kernel: give it with --install or --uninstall")
			case save && notebook == "":
				return errors.New("--save keeps what a notebook puts out: give it with --run NOTEBOOK")
			case install:
				return installKernel(c, name)
			case uninstall:
				return uninstallKernel(c, name)
			}
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
	f.BoolVar(&install, "install", false, "make the Go kernel for a Jupyter that you have, for this user, and open nothing")
	f.BoolVar(&uninstall, "uninstall", false, "remove the kernel that --install made")
	f.StringVar(&name, "name", "", "with --install or --uninstall: name of the kernel (default: gonb in a clone, gonb-MODULE in another module)")
	return c
}

func installKernel(c *cobra.Command, name string) error {
	ctx := untilSignal(c.Context(), func() {})
	u, err := jupyter.FindUser(ctx, ".", c.ErrOrStderr())
	if err != nil {
		return err
	}
	k, err := jupyter.NamedKernel(cmp.Or(name, u.KernelName()))
	if err == nil {
		err = u.Install(ctx, k)
	}
	if err == nil {
		fmt.Fprintf(c.OutOrStdout(), "Notebooks can have the kernel %s; safex lab --uninstall --name %[1]s removes it\n", k.Name)
	}
	return err
}

func uninstallKernel(c *cobra.Command, name string) error {
	if name == "" {
		u, err := jupyter.FindUser(c.Context(), ".", c.ErrOrStderr())
		if err != nil {
			return err
		}
		name = u.KernelName()
	}
	k, err := jupyter.NamedKernel(name)
	if err == nil {
		err = k.Uninstall()
	}
	if err == nil {
		fmt.Fprintf(c.OutOrStdout(), "The kernel %s is removed from %s\n", k.Name, filepath.Dir(k.Dir))
	}
	return err
}
