package web

import (
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// traffic counts exchanges. Its labels are bounded: route patterns are ours, and statuses are counted by class.
type traffic struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
	routes   sync.Map // route pattern -> *route: saves two label look-ups a request
}

// route is the counters of one route pattern.
type route struct {
	classes  [6]prometheus.Counter // by first digit of the status
	duration prometheus.Observer
}

func newTraffic(reg prometheus.Registerer) (*traffic, error) {
	t := &traffic{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_http_requests_total",
			Help: "Requests answered, by route and class of status.",
		}, []string{"route", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "countersign_http_request_duration_seconds",
			Help: "Time from the request's header to the end of its answer, by route.",
			// From an answer out of memory (a refusal) to a commit that waits for a slow disk.
			Buckets: []float64{.0001, .0003, .001, .003, .01, .03, .1, .3, 1, 3},
		}, []string{"route"}),
	}
	for _, c := range []prometheus.Collector{t.requests, t.duration} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register http metrics: %w", err)
		}
	}
	return t, nil
}

// count adds one exchange.
func (t *traffic) count(pattern string, status int, took time.Duration) {
	known, ok := t.routes.Load(pattern)
	if !ok {
		known, _ = t.routes.LoadOrStore(pattern, t.newRoute(pattern))
	}
	r := known.(*route)
	r.classes[min(max(status/100, 0), len(r.classes)-1)].Inc()
	r.duration.Observe(took.Seconds())
}

func (t *traffic) newRoute(pattern string) *route {
	r := &route{duration: t.duration.WithLabelValues(pattern)}
	for class := range r.classes {
		r.classes[class] = t.requests.WithLabelValues(pattern, fmt.Sprintf("%dxx", class))
	}
	return r
}
