package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"time"
)

// machine is where and when figures were taken, and of what.
type machine struct {
	CPU    string  `json:"cpu"`
	Cores  int     `json:"cores"`
	Memory string  `json:"memory"`
	OS     string  `json:"os"`
	Go     string  `json:"go"`
	Commit string  `json:"commit"`
	Date   string  `json:"date"`
	Load   float64 `json:"load_before"`
}

func describeMachine(ctx context.Context, now time.Time) machine {
	return machine{
		CPU: field("/proc/cpuinfo", "model name"), Cores: runtime.GOMAXPROCS(0), Memory: memory(), OS: system(),
		Go: runtime.Version(), Commit: commit(ctx), Date: now.UTC().Format("2006-01-02 15:04 UTC"), Load: loadAverage(),
	}
}

// field is the first value of a name in one of Linux's lists; elsewhere unknown.
func field(file, name string) string {
	text, err := os.ReadFile(file)
	if err != nil {
		return "unknown"
	}
	for line := range strings.Lines(string(text)) {
		if key, value, ok := strings.Cut(line, ":"); ok && strings.TrimSpace(key) == name {
			return strings.TrimSpace(value)
		}
	}
	return "unknown"
}

func memory() string {
	text, _ := strings.CutSuffix(field("/proc/meminfo", "MemTotal"), " kB")
	kilobytes, err := strconv.Atoi(text)
	if err != nil {
		return "unknown"
	}
	return fmt.Sprintf("%.1f GiB", float64(kilobytes)/(1<<20))
}

func system() string {
	kernel, err := os.ReadFile("/proc/sys/kernel/osrelease")
	if err != nil {
		return runtime.GOOS + "/" + runtime.GOARCH
	}
	return runtime.GOOS + "/" + runtime.GOARCH + " " + strings.TrimSpace(string(kernel))
}

// loadAverage tells whether the machine was quiet before.
func loadAverage() float64 {
	text, err := os.ReadFile("/proc/loadavg")
	if err != nil {
		return 0
	}
	first, _, _ := strings.Cut(string(text), " ")
	load, _ := strconv.ParseFloat(first, 64)
	return load
}

// commit is what was measured, and whether files differ from it. "go run" stamps
// nothing, so git is asked.
func commit(ctx context.Context) string {
	if hash, err := exec.CommandContext(ctx, "git", "rev-parse", "--short=12", "HEAD").Output(); err == nil {
		changed, _ := exec.CommandContext(ctx, "git", "status", "--porcelain", "--untracked-files=no").Output()
		if len(changed) > 0 {
			return strings.TrimSpace(string(hash)) + " with changes"
		}
		return strings.TrimSpace(string(hash))
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		return info.Main.Version
	}
	return "unknown"
}
