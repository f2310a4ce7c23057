//go:build !unix

package sqlstore_test

import "time"

// cpuTime is known on Unix only.
func cpuTime() time.Duration { return 0 }
