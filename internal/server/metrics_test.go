package server

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/wire"
)

// lost keeps slog from noticing that nobody reads: the line is to be written.
type lost struct{}

func (lost) Write(b []byte) (int, error) { return len(b), nil }

// What counting adds to a request, and what the whole server does, beside the
// dialect's mux alone.
func BenchmarkRequest(b *testing.B) {
	mux := wire.NewMux(plainError)
	mux.Handle(wire.Route{Method: "GET", Pattern: "/directory/v1/thing", Name: "getThing", Handler: http.HandlerFunc(
		func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) },
	)})
	c := Config{
		Dialects: []Dialect{{Name: "directory", Paths: []string{"/directory/v1/"}, API: mux}},
		Logger:   slog.New(slog.NewJSONHandler(lost{}, nil)), Now: time.Now,
	}
	r := httptest.NewRequest(http.MethodGet, "/directory/v1/thing", nil)
	for _, row := range []struct {
		name string
		h    http.Handler
	}{
		{"mux", mux},
		{"mux+metrics", newMetrics(c).measured("directory", mux)},
		{"mux+log", wire.Log(mux, c.Logger, c.Now)},
		{"server", New(c)},
	} {
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				row.h.ServeHTTP(httptest.NewRecorder(), r)
			}
		})
	}
}
