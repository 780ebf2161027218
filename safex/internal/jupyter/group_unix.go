//go:build unix

package jupyter

import "syscall"

// group puts a child into a process group of its own.
func group() *syscall.SysProcAttr { return &syscall.SysProcAttr{Setpgid: true} }
