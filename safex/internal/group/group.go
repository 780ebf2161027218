// Package group keeps a child process, and what it starts, apart from the terminal: Ctrl-C comes to the parent alone, which ends them in its own time.
package group

import "os/exec"

// Own puts a command into a process group of its own, before it is started. Where there are no groups it does nothing.
func Own(c *exec.Cmd) { own(c) }

// Kill ends a started command at once, with all of its group.
func Kill(c *exec.Cmd) { kill(c) }
