package server_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign"
	"github.com/countersign/countersign/internal/server"
	"github.com/countersign/countersign/internal/wire"
)

// parrot is a dialect that says its name and who called.
type parrot struct{ *wire.Mux }

func newParrot(name string, rows ...wire.Route) parrot {
	p := parrot{wire.NewMux(func(w http.ResponseWriter, r *http.Request, err error) {
		wire.EventOf(r.Context()).Fail(err)
		status, ok := wire.TransportStatus(err)
		if !ok {
			status = http.StatusInternalServerError
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, name+" cannot")
	})}
	p.Handle(rows...)
	return p
}

func say(name string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = io.WriteString(w, name+" "+r.RemoteAddr) })
}

func route(path, name string, h http.Handler) wire.Route {
	return wire.Route{Method: "GET", Pattern: path, Name: name, Handler: h}
}

type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) last(t *testing.T) map[string]any {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	all := strings.Split(strings.TrimSpace(l.b.String()), "\n")
	var line map[string]any
	if err := json.Unmarshal([]byte(all[len(all)-1]), &line); err != nil {
		t.Fatal(err)
	}
	return line
}

func config(log io.Writer) server.Config {
	return server.Config{
		Dialects: []server.Dialect{
			{Name: "directory", Paths: []string{"/directory/v1/"}, API: newParrot("directory",
				route("/directory/v1/things", "listThings", say("directory")),
				route("/directory/v1/broken", "breakThings", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic("oh") })))},
			{Name: "box", Paths: []string{"/2.0/", "/oauth2/"}, API: newParrot("box", route("/2.0/users", "listUsers", say("box")))},
			{Name: "deep", Paths: []string{"/directory/v1/deep/"}, API: newParrot("deep", route("/directory/v1/deep/thing", "thing", say("deep")))},
		},
		Logger: slog.New(slog.NewJSONHandler(log, nil)), Now: time.Now, Build: "v1.2.3",
	}
}

func get(t *testing.T, h http.Handler, path string, change ...func(*http.Request)) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	for _, c := range change {
		c(r)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestARequestGoesToWhosePathItIs(t *testing.T) {
	s := server.New(config(io.Discard))
	for path, want := range map[string]string{
		"/directory/v1/things":     "directory",
		"/2.0/users":               "box",
		"/directory/v1/deep/thing": "deep", // the longer path wins
		"/directory/v1/deep":       "deep cannot",
		"/2.0/groups":              "box cannot", // its own 404
		"/oauth2/token":            "box cannot",
		"/2.01/users":              "directory cannot",
		"/":                        "directory cannot",
		"/nothing":                 "directory cannot",
		"/healthz":                 "ok",
		"/healthz/":                "directory cannot",
	} {
		if got := get(t, s, path).Body.String(); !strings.HasPrefix(got, want) {
			t.Errorf("%s: %q, want %s", path, got, want)
		}
	}
}

func TestEveryRequestLeavesOneLine(t *testing.T) {
	var log lines
	s := server.New(config(&log))
	for path, want := range map[string]map[string]any{
		"/directory/v1/things?q=personal": {"route": "listThings", "status": 200.0, "level": "INFO"},
		"/directory/v1/broken":            {"route": "breakThings", "status": 500.0, "level": "ERROR"},
		"/nothing":                        {"route": "", "status": 404.0, "level": "INFO"},
		"/healthz":                        {"route": "getHealth", "status": 200.0, "level": "INFO"},
	} {
		get(t, s, path)
		line := log.last(t)
		for name, value := range want {
			if line[name] != value {
				t.Errorf("%s: %s is %v, want %v", path, name, line[name], value)
			}
		}
	}
	if n := strings.Count(log.b.String(), "\n"); n != 4 {
		t.Errorf("%d lines for 4 requests", n)
	}
	if strings.Contains(log.b.String(), "personal") {
		t.Error("a query got into the log")
	}
}

func TestMetricsCountByRouteAndClass(t *testing.T) {
	c := config(io.Discard)
	c.Figures = func() []server.Figure {
		return []server.Figure{
			{Name: "countersign_roster_users", Help: "Users.", Value: 31},
			{Name: "countersign_roster_loads_total", Help: "Loads.", Total: true, Value: 4},
		}
	}
	s := server.New(c)
	for range 3 {
		get(t, s, "/directory/v1/things")
	}
	get(t, s, "/directory/v1/broken")
	get(t, s, "/2.0/nothing")
	get(t, s, "/healthz")
	text := get(t, s, "/metrics").Body.String()
	for _, want := range []string{
		`countersign_http_requests_total{dialect="directory",route="listThings",status="2xx"} 3`,
		`countersign_http_requests_total{dialect="directory",route="listThings",status="5xx"} 0`,
		`countersign_http_requests_total{dialect="directory",route="breakThings",status="5xx"} 1`,
		`countersign_http_requests_total{dialect="box",route="none",status="4xx"} 1`,
		`countersign_http_requests_total{dialect="operations",route="getHealth",status="2xx"} 1`,
		`countersign_http_request_duration_seconds_count{dialect="directory",route="listThings"} 3`,
		`countersign_http_requests_in_flight 1`,
		`countersign_build_info{go="go`,
		`version="v1.2.3"} 1`,
		"# TYPE countersign_roster_users gauge", "countersign_roster_users 31", "# TYPE countersign_roster_loads_total counter", "countersign_roster_loads_total 4",
		"go_goroutines",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("metrics lack %s", want)
		}
	}
}

func TestReadinessAsksTheDatabase(t *testing.T) {
	c := config(io.Discard)
	var broken error
	c.Ready = func(context.Context) error { return broken }
	s := server.New(c)
	if w := get(t, s, "/readyz"); w.Code != http.StatusOK {
		t.Errorf("ready: %d", w.Code)
	}
	loading := true
	c.Loading = func() bool { return loading }
	late := server.New(c)
	if w := get(t, late, "/readyz"); w.Code != http.StatusServiceUnavailable || !strings.Contains(w.Body.String(), "being loaded") {
		t.Errorf("loading: %d %s", w.Code, w.Body)
	}
	loading = false
	if w := get(t, late, "/readyz"); w.Code != http.StatusOK {
		t.Errorf("loaded: %d", w.Code)
	}
	broken = countersign.E(countersign.Unavailable, "", "postgres://user:password@host is gone")
	if w := get(t, s, "/readyz"); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "password") {
		t.Errorf("broken: %d %s", w.Code, w.Body)
	}
	if w := get(t, s, "/healthz"); w.Code != http.StatusOK {
		t.Errorf("a process without a database lives: %d", w.Code)
	}
}

func TestOperatorsPathsTakeGetOnly(t *testing.T) {
	s := server.New(config(io.Discard))
	w := httptest.NewRecorder()
	s.ServeHTTP(w, httptest.NewRequest(http.MethodPost, "/metrics", nil))
	if w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
		t.Errorf("%d %v", w.Code, w.Header())
	}
}

func TestOnlyATrustedProxyNamesTheClient(t *testing.T) {
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	for _, c := range []struct {
		name, peer string
		forwarded  []string
		trusted    []netip.Prefix
		want       string
	}{
		{"nobody is trusted", "10.0.0.1:7", []string{"192.0.2.9"}, nil, "10.0.0.1:7"},
		{"a direct client", "198.51.100.1:7", nil, proxies, "198.51.100.1:7"},
		{"a direct client who lies", "198.51.100.1:7", []string{"192.0.2.9"}, proxies, "198.51.100.1:7"},
		{"behind one proxy", "10.0.0.1:7", []string{"192.0.2.9"}, proxies, "192.0.2.9:7"},
		{"behind two", "10.0.0.1:7", []string{"192.0.2.9, 10.0.0.2"}, proxies, "192.0.2.9:7"},
		{"behind two, in two headers", "10.0.0.1:7", []string{"192.0.2.9", "10.0.0.2"}, proxies, "192.0.2.9:7"},
		{"the client lies to the proxy", "10.0.0.1:7", []string{"127.0.0.1, 192.0.2.9"}, proxies, "192.0.2.9:7"},
		{"the client claims to be a proxy", "10.0.0.1:7", []string{"192.0.2.1, 10.9.9.9, 192.0.2.9"}, proxies, "192.0.2.9:7"},
		{"a proxy says nothing", "10.0.0.1:7", nil, proxies, "10.0.0.1:7"},
		{"nonsense", "10.0.0.1:7", []string{"192.0.2.9, unknown"}, proxies, "10.0.0.1:7"},
		{"with a port", "10.0.0.1:7", []string{"192.0.2.9:1234"}, proxies, "192.0.2.9:7"},
		{"IPv6", "[fd00::1]:7", []string{"2001:db8::9"}, proxies, "[2001:db8::9]:7"},
		{"IPv4 within IPv6", "[::ffff:10.0.0.1]:7", []string{"::ffff:192.0.2.9"}, proxies, "192.0.2.9:7"},
		{"all are proxies", "10.0.0.1:7", []string{"10.0.0.3, 10.0.0.2"}, proxies, "10.0.0.3:7"},
	} {
		t.Run(c.name, func(t *testing.T) {
			cfg := config(io.Discard)
			cfg.TrustedProxies = c.trusted
			w := get(t, server.New(cfg), "/directory/v1/things", func(r *http.Request) {
				r.RemoteAddr = c.peer
				r.Header["X-Forwarded-For"] = c.forwarded
			})
			if got := strings.TrimPrefix(w.Body.String(), "directory "); got != c.want {
				t.Errorf("client %s, want %s", got, c.want)
			}
		})
	}
}

// What has begun is finished, what is new is refused, and the balancer is told.
func TestShutdownLetsRequestsEnd(t *testing.T) {
	c := config(io.Discard)
	begun, proceed := make(chan struct{}), make(chan struct{})
	c.Dialects[0].API = newParrot("directory", route("/directory/v1/slow", "slow", http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(begun)
		<-proceed
		_, _ = io.WriteString(w, "finished")
	})))
	s := server.New(c)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l) }()

	got := make(chan string, 1)
	go func() {
		response, err := http.Get(url + "/directory/v1/slow")
		if err != nil {
			got <- err.Error()
			return
		}
		defer response.Body.Close()
		body, _ := io.ReadAll(response.Body)
		got <- string(body)
	}()
	<-begun
	stop()
	for get(t, s, "/readyz").Code == http.StatusOK {
		time.Sleep(time.Millisecond)
	}
	select {
	case err := <-ended:
		t.Fatalf("ended before the request: %v", err)
	default:
	}
	close(proceed)
	if body := <-got; body != "finished" {
		t.Errorf("the request that had begun got %q", body)
	}
	if err := <-ended; err != nil {
		t.Errorf("an orderly end: %v", err)
	}
	if _, err := http.Get(url + "/healthz"); err == nil {
		t.Error("still listening")
	}
}

func TestAListenerThatFailsIsReported(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := server.New(config(io.Discard)).Run(t.Context(), l); err == nil || errors.Is(err, http.ErrServerClosed) {
		t.Errorf("a closed listener: %v", err)
	}
}

// Headers beyond the limit are refused before anything is read.
func TestHeadersAreBounded(t *testing.T) {
	s := server.New(config(io.Discard))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- s.Run(ctx, l) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	for size, want := range map[int]int{8 << 10: 200, 20 << 10: 431} {
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+l.Addr().String()+"/healthz", nil)
		r.Header.Set("X-Long", strings.Repeat("x", size))
		response, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != want {
			t.Errorf("%d bytes of header: %d, want %d", size, response.StatusCode, want)
		}
	}
}
