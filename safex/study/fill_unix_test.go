//go:build unix

package study

import (
	"os/signal"
	"syscall"
)

func init() {
	fill = func() {
		signal.Ignore(syscall.SIGXFSZ)
		most := syscall.Rlimit{Cur: 1500, Max: 1500}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &most); err != nil {
			panic(err)
		}
	}
}
