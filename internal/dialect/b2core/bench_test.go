package b2core_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign/countersign"
)

// sink is an answer nobody reads.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkGroups asks what a request costs in an organization of few groups and
// of many: it should be the same, but for a page far behind the first.
func BenchmarkGroups(b *testing.B) {
	for _, groups := range []int{10, 100_000} {
		if groups > 1000 && testing.Short() {
			continue
		}
		h := newHouse(b)
		h.fill(groups)
		last := strconv.Itoa(groups - 5)
		for _, ask := range []struct {
			name, method string
			target       func(i int) string
			body         func(i int) string
		}{
			{"create", "POST", at(groupsPath), func(i int) string {
				return fmt.Sprintf(`{"name":"Made %s %d","permissions":["accounts.read"]}`, b.Name(), made(i))
			}},
			{"list", "GET", at(groupsPath + "?limit=10&offset=0"), nil},
			{"list-deep", "GET", at(groupsPath + "?limit=5&offset=" + last), nil},
			{"get", "GET", at(groupsPath + "/" + last), nil},
			{"update", "PUT", func(i int) string { return groupsPath + "/" + strconv.Itoa(1+i%groups) }, func(i int) string {
				return fmt.Sprintf(`{"name":"Renamed %d"}`, made(i))
			}},
		} {
			b.Run(fmt.Sprintf("%s/groups=%d", ask.name, groups), func(b *testing.B) {
				b.ReportAllocs()
				for i := range b.N {
					body := ""
					if ask.body != nil {
						body = ask.body(i)
					}
					in := httptest.NewRequestWithContext(b.Context(), ask.method, ask.target(i), strings.NewReader(body))
					in.Header.Set("Authorization", "Bearer "+h.tokens["robot"])
					out := sink{header: http.Header{}}
					h.web.ServeHTTP(&out, in)
					if out.status >= http.StatusBadRequest {
						b.Fatalf("status %d for %s", out.status, body)
					}
				}
			})
		}
	}
}

func at(target string) func(int) string { return func(int) string { return target } }

// counted keeps names from meeting again when a benchmark is run with another N.
var counted int

func made(int) int {
	counted++
	return counted
}

// fill makes groups a hundred at a time.
func (h *house) fill(groups int) {
	h.t.Helper()
	for n := 0; n < groups; {
		var ops []countersign.Change
		for ; n < groups && len(ops) < countersign.MaxOperations; n++ {
			ops = append(ops, &countersign.CreateGroup{Name: fmt.Sprintf("Group %06d", n), Permissions: []countersign.Permission{countersign.AccountsRead}})
		}
		h.submit(ops...)
	}
}
