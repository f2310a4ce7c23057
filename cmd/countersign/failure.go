package main

import (
	"fmt"
	"io"
)

func explain(w io.Writer, err error) { fmt.Fprintf(w, "countersign: %v\n", err) }

func exitCode(err error) int {
	if err != nil {
		return 1
	}
	return 0
}
