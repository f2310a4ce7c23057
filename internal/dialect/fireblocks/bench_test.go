package fireblocks_test

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/authn"
	"github.com/countersign/countersign/internal/dialect/fireblocks"
)

// sink is an answer nobody reads.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkRequests compares requests that are signed with the same engine calls
// behind a bearer token, and with the same handlers behind no check of who asks.
// Signing is the client's work: requests are made beforehand, in batches, while
// the clock stands.
func BenchmarkRequests(b *testing.B) {
	for _, method := range []string{"GET", "POST"} {
		b.Run(method+"/signed", func(b *testing.B) {
			h := newHouse(b)
			g := h.makes("Treasury", h.ids["ada"])
			h.bench(b, func(i int) *http.Request {
				if method == "GET" {
					return h.build(request{method: "GET", target: groupsPath + "/" + g.ID})
				}
				return h.build(request{method: "POST", target: groupsPath, body: `{"groupName":"Group ` + strconv.Itoa(i) + `"}`})
			})
		})
		b.Run(method+"/bearer", func(b *testing.B) {
			h := newHouse(b)
			g := h.makes("Treasury", h.ids["ada"])
			made := h.submit(&countersign.CreateCredential{UserID: countersign.UserID(h.robot.id), Type: countersign.Token})
			token := made.Secrets[0].Reveal()
			h.compose("", fireblocks.BearerForBenchmarks(fireblocks.Config{Engine: h.Engine, Signatures: authn.NewSignatures(h.Engine, h.Now), Now: h.Now}, func(r *http.Request) (countersign.Actor, error) {
				text, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
				return h.Authn.Bearer(r.Context(), text, netip.IPv6Loopback())
			}))
			h.bench(b, func(i int) *http.Request {
				r := httptest.NewRequestWithContext(b.Context(), "GET", groupsPath+"/"+g.ID, http.NoBody)
				if method == "POST" {
					r = httptest.NewRequestWithContext(b.Context(), "POST", groupsPath, strings.NewReader(`{"groupName":"Group `+strconv.Itoa(i)+`"}`))
				}
				r.Header.Set("Authorization", "Bearer "+token)
				return r
			})
		})
	}
}

// bench serves requests made by ask, which is not timed.
func (h *house) bench(b *testing.B, ask func(i int) *http.Request) {
	b.Helper()
	const batch = 200
	requests := make([]*http.Request, 0, batch)
	out := sink{header: http.Header{}}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		if len(requests) == 0 {
			b.StopTimer()
			for j := range min(batch, b.N-i) {
				requests = append(requests, ask(i+j))
			}
			b.StartTimer()
		}
		last := len(requests) - 1
		clear(out.header)
		h.web.ServeHTTP(&out, requests[last])
		if out.status >= http.StatusBadRequest {
			b.Fatalf("status %d", out.status)
		}
		requests = requests[:last]
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "requests/s")
}
