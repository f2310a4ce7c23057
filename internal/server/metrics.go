package server

import (
	"net/http"
	"runtime"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/countersign/countersign/internal/wire"
)

// Figure is one number about the house, read at every scrape.
type Figure struct {
	Name string
	Help string
	// Total says that it only grows.
	Total bool
	Value float64
}

// unmatched names, in metrics, requests that no row took.
const unmatched = "none"

// metrics counts requests. All series of routes exist from the start: a request
// finds its own by name and then only adds.
type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
	now      func() time.Time
}

func newMetrics(c Config) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		now:      c.Now,
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_http_requests_total", Help: "Requests answered, by dialect, route and class of status.",
		}, []string{"dialect", "route", "status"}),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "countersign_http_request_duration_seconds", Help: "Time from the header to the end of the answer.",
			// A check takes tens of microseconds, a durable write milliseconds.
			Buckets: []float64{.00005, .0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, 1, 5},
		}, []string{"dialect", "route"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "countersign_http_requests_in_flight", Help: "Requests being answered now.",
		}),
	}
	build := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "countersign_build_info", Help: "Always 1; the labels name the running version.",
	}, []string{"version", "go"})
	build.WithLabelValues(c.Build, runtime.Version()).Set(1)
	m.registry.MustRegister(m.requests, m.seconds, m.inFlight, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	if c.Figures != nil {
		m.registry.MustRegister(figures(c.Figures))
	}
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{Registry: m.registry})
}

// An answer's status has a first digit from 2 to 5.
const leastClass, mostClass = 2, 5

// series are the counters of one route.
type series struct {
	byClass [mostClass + 1]prometheus.Counter
	seconds prometheus.Observer
}

func (m *metrics) series(dialect, route string) *series {
	s := &series{seconds: m.seconds.WithLabelValues(dialect, route)}
	for class := leastClass; class <= mostClass; class++ {
		s.byClass[class] = m.requests.WithLabelValues(dialect, route, strconv.Itoa(class)+"xx")
	}
	return s
}

// measured counts what a dialect answers.
func (m *metrics) measured(dialect string, api API) http.Handler {
	byRoute := map[string]*series{"": m.series(dialect, unmatched)}
	for _, row := range api.Routes() {
		byRoute[row.Name] = m.series(dialect, row.Name)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		m.inFlight.Inc()
		began := m.now()
		out := &status{ResponseWriter: w}
		defer func() {
			m.inFlight.Dec()
			s := byRoute[wire.EventOf(r.Context()).Route]
			s.seconds.Observe(m.now().Sub(began).Seconds())
			s.byClass[out.class()].Inc()
		}()
		api.ServeHTTP(out, r)
	})
}

// status remembers the status of an answer.
type status struct {
	http.ResponseWriter
	code int
}

// Unwrap lets http.ResponseController reach the connection.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }

func (s *status) WriteHeader(code int) {
	if s.code == 0 && code >= http.StatusOK {
		s.code = code
	}
	s.ResponseWriter.WriteHeader(code)
}

func (s *status) Write(b []byte) (int, error) {
	if s.code == 0 {
		s.code = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

// class is the first digit; what was never answered was a failure of ours.
func (s *status) class() int {
	const digits = 100
	if class := s.code / digits; class >= leastClass && class <= mostClass {
		return class
	}
	return mostClass
}

// figures shows Config.Figures to Prometheus, all from one reading.
type figures func() []Figure

// Describe names nothing beforehand: the figures name themselves.
func (figures) Describe(chan<- *prometheus.Desc) {}

// Collect reads them.
func (f figures) Collect(out chan<- prometheus.Metric) {
	for _, row := range f() {
		kind := prometheus.GaugeValue
		if row.Total {
			kind = prometheus.CounterValue
		}
		out <- prometheus.MustNewConstMetric(prometheus.NewDesc(row.Name, row.Help, nil, nil), kind, row.Value)
	}
}
