package main

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

// BenchmarkImport is the import alone, for profiles; IMPORT_USERS sets its size.
func BenchmarkImport(b *testing.B) {
	users, err := strconv.Atoi(os.Getenv("IMPORT_USERS"))
	if err != nil {
		users = 10_000
	}
	dir := b.TempDir()
	if err := writeFiles(dir, 1, users, max(1, users/50), 3*users); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		file, took, err := importInto(b.Context(), dir)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(4*users+users/50)/took.Seconds(), "rows/s")
		plain, _, err := insertInto(b.Context(), file)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(plain.Seconds()/took.Seconds(), "of-a-plain-insert")
		if err := os.RemoveAll(filepath.Dir(file)); err != nil {
			b.Fatal(err)
		}
	}
}
