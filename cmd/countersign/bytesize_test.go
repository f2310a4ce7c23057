package main

import "testing"

func TestSizesAreReadWithTheirUnits(t *testing.T) {
	for text, want := range map[string]byteSize{
		"1": 1, "512MB": 512_000_000, "4GiB": 4 << 30, "1.5 GiB": 3 << 29, "": 0, "0": 0, "-1": 0, "lots": 0, "20EB": 0, "1e3": 0,
	} {
		var got byteSize
		if err := got.Set(text); (err != nil) != (want == 0) || got != want {
			t.Errorf("%q is %d (%v), want %d", text, got, err, want)
		}
	}
}
