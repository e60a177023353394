package delivery

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the collectors of the package.
type metrics struct {
	tries         *prometheus.CounterVec
	latency       *prometheus.HistogramVec
	failovers     *prometheus.CounterVec
	receipts      *prometheus.CounterVec
	originLeftOut prometheus.Counter
}

// meters are one provider's.
type meters struct {
	tries     *prometheus.CounterVec
	latency   prometheus.Observer
	failovers prometheus.Counter
	receipts  *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		tries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_delivery_tries_total",
			Help: "Tries of a provider to carry a message, by what they ended with.",
		}, []string{"provider", "channel", "state", "error"}),
		latency: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "countersign_delivery_latency_seconds",
			Help:    "How long a provider took to answer a hand-over.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"provider"}),
		failovers: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_delivery_failovers_total",
			Help: "Messages that went on to another provider because this one did not take them.",
		}, []string{"provider"}),
		receipts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_delivery_receipts_total",
			Help: "Callbacks of a provider, by outcome: read, forged (signature wrong, missing or too old), malformed.",
		}, []string{"provider", "outcome"}),
		originLeftOut: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "countersign_delivery_origin_line_left_out_total",
			Help: "Messages without their last line @host #code because it did not fit.",
		}),
	}
	return m, errors.Join(reg.Register(m.tries), reg.Register(m.latency), reg.Register(m.failovers),
		reg.Register(m.receipts), reg.Register(m.originLeftOut))
}

// of are the meters of one provider, found once.
func (m *metrics) of(provider string) meters {
	label := prometheus.Labels{"provider": provider}
	return meters{
		tries:     m.tries.MustCurryWith(label), // the label is one of its own
		latency:   m.latency.With(label),
		failovers: m.failovers.With(label),
		receipts:  m.receipts.MustCurryWith(label),
	}
}

// watch reports the state of a provider's circuit when it is read.
func (m *metrics) watch(reg prometheus.Registerer, provider string, state func() phase) error {
	return reg.Register(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "countersign_delivery_circuit",
		Help:        "State of a provider's circuit: 0 closed, 1 half open, 2 open (left out).",
		ConstLabels: prometheus.Labels{"provider": provider},
	}, func() float64 { return float64(state()) }))
}

// tried counts one try.
func (m meters) tried(t Try) {
	m.tries.WithLabelValues(string(t.Channel), string(t.State), t.Error).Inc()
	m.latency.Observe(t.Latency.Seconds())
}
