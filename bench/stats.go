package main

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// median of at least one number; of an even count, the mean of the two in the middle.
func median(list []float64) float64 {
	sorted := slices.Sorted(slices.Values(list))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}

// summary of ratios, one of each round.
type summary struct {
	Median float64 `json:"median"`
	Least  float64 `json:"min"`
	Most   float64 `json:"max"`
}

func summarize(list []float64) summary {
	return summary{median(list), slices.Min(list), slices.Max(list)}
}

// aim is what a ratio should reach; the zero aim asks for nothing.
type aim struct {
	AtLeast float64 `json:"at_least,omitempty"`
	AtMost  float64 `json:"at_most,omitempty"`
}

func (a aim) String() string {
	switch {
	case a.AtLeast > 0:
		return "≥ " + number(a.AtLeast)
	case a.AtMost > 0:
		return "≤ " + number(a.AtMost)
	default:
		return "-"
	}
}

// verdict compares a median with the aim.
func (a aim) verdict(ratio float64) string {
	switch {
	case a == aim{}:
		return ""
	case ratio >= a.AtLeast && (a.AtMost == 0 || ratio <= a.AtMost):
		return "met"
	default:
		return "missed"
	}
}

// number shows three digits of what is small, and all of what is large.
func number(f float64) string {
	switch {
	case f >= 1000:
		return grouped(int(f + 0.5))
	case f >= 100:
		return fmt.Sprintf("%.0f", f)
	case f >= 10:
		return strings.TrimSuffix(fmt.Sprintf("%.1f", f), ".0")
	default:
		return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.2f", f), "0"), ".")
	}
}

// grouped writes 1000000 as 1,000,000.
func grouped(n int) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// The units of a row.
const (
	rate   = "rate"  // seconds per operation, shown as operations per second
	took   = "time"  // seconds per operation, shown as such
	octets = "bytes" // bytes
)

func shown(unit string, f float64) string {
	switch unit {
	case rate:
		if f <= 0 {
			return "-"
		}
		return number(1/f) + "/s"
	case octets:
		return number(f) + " B"
	default:
		return duration(f)
	}
}

func duration(seconds float64) string {
	switch {
	case seconds < 1e-6:
		return number(seconds*1e9) + " ns"
	case seconds < 1e-3:
		return number(seconds*1e6) + " µs"
	case seconds < 1:
		return number(seconds*1e3) + " ms"
	default:
		return time.Duration(seconds * float64(time.Second)).Round(10 * time.Millisecond).String()
	}
}
