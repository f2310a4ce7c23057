//go:build unix

package sqlstore_test

import (
	"syscall"
	"time"
)

// cpuTime is the processor time this process has used. Beside the time by the
// clock it says what a benchmark costs where others use the machine as well;
// what a server of PostgreSQL uses is not in it.
func cpuTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		return 0
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
