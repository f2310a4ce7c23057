package main

import (
	"errors"
	"math"

	"github.com/dustin/go-humanize"
)

// byteSize is a flag that takes 512MB or 4GiB.
type byteSize int64

// String writes a size as Set reads it.
func (b *byteSize) String() string {
	if *b == 0 {
		return ""
	}
	return humanize.IBytes(uint64(max(0, *b)))
}

// Set reads a size, which must be at least one byte.
func (b *byteSize) Set(text string) error {
	n, err := humanize.ParseBytes(text)
	if err != nil || n == 0 || n > math.MaxInt64 {
		return errors.New("give a size such as 512MB or 4GiB")
	}
	*b = byteSize(n)
	return nil
}

// Type names the flag's value in --help.
func (b *byteSize) Type() string { return "size" }
