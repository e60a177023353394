package verify

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics counts what this package does. No label holds a recipient or a tenant.
type metrics struct {
	starts   *prometheus.CounterVec
	checks   *prometheus.CounterVec
	refusals *prometheus.CounterVec
	handover prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		starts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_starts_total",
			Help: "Starts and resends by outcome: created, sent_again, cooling_down, test_number, denied, challenge, replayed.",
		}, []string{"outcome"}),
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_checks_total",
			Help: "Checks by outcome: right, wrong, unbound, exhausted, not_found, malformed, replayed.",
		}, []string{"outcome"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_limit_refusals_total",
			Help: "Requests that a limit refused, by the limit.",
		}, []string{"limit"}),
		handover: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "countersign_start_to_handover_seconds",
			Help:    "Time from the request for a message until a provider took it.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60},
		}),
	}
	err := errors.Join(reg.Register(m.starts), reg.Register(m.checks), reg.Register(m.refusals), reg.Register(m.handover))
	return m, err
}

func (m *metrics) started(outcome string)        { m.starts.WithLabelValues(outcome).Inc() }
func (m *metrics) checked(outcome string)        { m.checks.WithLabelValues(outcome).Inc() }
func (m *metrics) refused(c class)               { m.refusals.WithLabelValues(string(c)).Inc() }
func (m *metrics) handedOver(took time.Duration) { m.handover.Observe(max(took, 0).Seconds()) }
