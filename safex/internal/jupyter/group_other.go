//go:build !unix

package jupyter

import "syscall"

func group() *syscall.SysProcAttr { return nil }
