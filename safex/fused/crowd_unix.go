//go:build unix

package fused

import "syscall"

// preemptions is how often the system has taken a core from a thread of this process that could have gone on; 0 where it does not count.
func preemptions() int64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return int64(u.Nivcsw)
}
