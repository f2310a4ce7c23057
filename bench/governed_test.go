package main

import "testing"

func BenchmarkGovernedChange(b *testing.B) {
	w, err := open(b.Context(), b.TempDir(), 1000)
	if err != nil {
		b.Fatal(err)
	}
	defer w.close()
	for b.Loop() {
		if err := w.governed(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkBareCommit(b *testing.B) {
	w, err := open(b.Context(), b.TempDir(), 100)
	if err != nil {
		b.Fatal(err)
	}
	defer w.close()
	for b.Loop() {
		if err := w.bareCommit(); err != nil {
			b.Fatal(err)
		}
	}
}
