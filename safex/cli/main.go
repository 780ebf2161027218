// Package cli is the command safex, for the tasks of this library and for those of its caller.
package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/spf13/cobra"

	"github.com/rischiboy/safe_exploration/safex"
	"github.com/rischiboy/safe_exploration/safex/experiment"
)

// Main is the command, with tasks of the program's own beside those of this library, and ends the process: a program that calls it with its
// task trains, resumes, runs studies, reports, draws, attacks, certifies and checks it as safex does the pendulum.
//
//	func main() { cli.Main(spring) }
func Main(own ...safex.Maker) {
	os.Exit(Run(context.Background(), own...))
}

// Run is Main without the end of the process: it returns the exit status, 0 or 1.
func Run(ctx context.Context, own ...safex.Maker) int {
	for _, m := range own {
		if err := experiment.AddTask(m); err != nil {
			fmt.Fprintln(os.Stderr, sentence(err))
			return 1
		}
	}
	hosted = len(own) > 0
	if err := command().ExecuteContext(ctx); err != nil {
		fmt.Fprintln(os.Stderr, sentence(err))
		return 1
	}
	return 0
}

// hosted tells whether a program with tasks of its own is the command.
var hosted bool

// untilSignal is a context that Ctrl-C or a termination ends; a second signal ends the process at once. Commands
// that have something to finish use it, all others end at the first.
func untilSignal(parent context.Context, note func()) context.Context {
	ctx, stop := signal.NotifyContext(parent, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-ctx.Done()
		stop()
		note()
	}()
	return ctx
}

// sentence is an error as a line for a person: without the trace that GoMLX's errors carry.
func sentence(err error) string {
	s := err.Error()
	s, _, _ = strings.Cut(s, "\n")
	return "safex: " + strings.TrimPrefix(s, "safex: ")
}

func command() *cobra.Command {
	root := &cobra.Command{
		Use:   "safex",
		Short: "Model-based safe exploration of dynamical systems",
		Long: `safex lets an agent learn the dynamics of a system from its own steps, and plan against
the worst dynamics that its model still believes possible, so that it keeps its safety
limits while it learns.

  safex train pendulum      an agent learns to swing up, without turning faster than 6 rad/s
  safex lab                 the same in notebooks, in JupyterLab
  safex bench --quick       how fast this machine is, in less than a minute`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.CompletionOptions.HiddenDefaultCmd = true
	root.AddCommand(trainCommand(), resumeCommand(), importCommand(), fitCommand(), planCommand(), trackCommand(), runCommand(), sweepCommand(), statusCommand(), cancelCommand(), workCommand(), taskCommand(), reportCommand(), figuresCommand(), cardCommand(), controlCommand(), coverageCommand(), attackCommand(), certifyCommand(), benchCommand(), simulateCommand(), plantCommand(), checkCommand(), labCommand(), listCommand(), versionCommand())
	return root
}

// one takes exactly one argument, and says which.
func one(what, example string) cobra.PositionalArgs {
	return func(c *cobra.Command, args []string) error {
		if len(args) != 1 {
			return fmt.Errorf("%s takes one %s, as in: safex %s %s", c.Name(), what, c.Name(), example)
		}
		return nil
	}
}

func listCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the tasks and the planners", Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error { return list(c.OutOrStdout()) },
	}
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the version, whether this build has SIMD, and what trains and runs graphs", Args: cobra.NoArgs,
		Run: func(c *cobra.Command, _ []string) {
			fmt.Fprintf(c.OutOrStdout(), "safex %s\n", experiment.Build())
			if experiment.SIMD() {
				fmt.Fprintln(c.OutOrStdout(), "SIMD: yes")
			} else {
				fmt.Fprintln(c.OutOrStdout(), "SIMD: no. "+slower)
			}
			if backend, err := experiment.Backend(); err != nil {
				fmt.Fprintf(c.OutOrStdout(), "backend: none. %v\n", err)
			} else {
				fmt.Fprintf(c.OutOrStdout(), "backend: %s\n", backend)
			}
		},
	}
}

// self is how this command was started, for a line to copy.
func self() string {
	path, err := os.Executable()
	switch {
	case err != nil:
		return "safex"
	case strings.Contains(path, "go-build") && hosted: // by go run
		return "GOTOOLCHAIN=go1.27.3 GOEXPERIMENT=simd go run ."
	case strings.Contains(path, "go-build"):
		return "GOTOOLCHAIN=go1.27.3 GOEXPERIMENT=simd go run ./safex/cmd/safex"
	case hosted:
		return quoted(os.Args[0])
	}
	return "safex"
}

// quoted is a path as a shell wants it.
func quoted(path string) string {
	if strings.HasPrefix(path, "-") {
		path = "./" + path
	}
	if strings.ContainsAny(path, " \t\n\"'\\$`*?[]{}()<>|&;!~#") {
		return "'" + strings.ReplaceAll(path, "'", `'\''`) + "'"
	}
	return path
}

// slower is the hint of a build without SIMD.
const slower = "This build has no SIMD and is several times slower: start it with GOTOOLCHAIN=go1.27.3 GOEXPERIMENT=simd before go run."

// stopped reports whether err is that of a signal.
func stopped(err error) bool { return errors.Is(err, context.Canceled) }
