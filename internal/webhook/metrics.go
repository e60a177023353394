package webhook

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type meters struct {
	tries *prometheus.CounterVec // by what came of them
	dead  prometheus.Counter
	made  prometheus.Counter
	lag   prometheus.Gauge
}

func newMeters(reg prometheus.Registerer) (*meters, error) {
	m := &meters{
		tries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_webhook_tries_total", Help: "Events posted to endpoints, by what came of it.",
		}, []string{"outcome"}),
		dead: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "countersign_webhook_dead_total", Help: "Deliveries to endpoints that were given up.",
		}),
		made: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "countersign_webhook_deliveries_total", Help: "Deliveries that the fan-out of this node made.",
		}),
		lag: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "countersign_webhook_lag_events", Help: "Events in the log that the fan-out has not looked at.",
		}),
	}
	var errs []error
	for _, c := range []prometheus.Collector{m.tries, m.dead, m.made, m.lag} {
		errs = append(errs, reg.Register(c))
	}
	return m, errors.Join(errs...)
}

// tried counts a try.
func (m *meters) tried(t Try) {
	outcome := t.Error
	if outcome == "" {
		outcome = "delivered"
	}
	m.tries.WithLabelValues(outcome).Inc()
}
