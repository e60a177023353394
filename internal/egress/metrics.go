package egress

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The outcomes of a call or connection, as told by the metrics. Hosts are no labels: tenants name them, so there is no end to them.
const (
	outcomeOK          = "ok" // 2xx; connected
	outcomeRedirect    = "redirect"
	outcomeClientError = "client_error"
	outcomeServerError = "server_error"
	outcomeRefused     = "refused"
	outcomeTimeout     = "timeout"
	outcomeCanceled    = "canceled"
	outcomeFailed      = "failed"
)

type metrics struct {
	calls    *prometheus.CounterVec
	dials    *prometheus.CounterVec
	duration prometheus.Histogram
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_egress_calls_total",
			Help: "Outgoing HTTP calls by outcome.",
		}, []string{"outcome"}),
		dials: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_egress_dials_total",
			Help: "Outgoing connections other than HTTP (SMTP, SMPP) by outcome.",
		}, []string{"outcome"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "countersign_egress_call_duration_seconds",
			Help:    "Time of outgoing HTTP calls, from the look-up of the name to the end of the body.",
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
	}
	// Each outcome exists from the start, so that a first refusal shows as a rise.
	for _, o := range []string{outcomeOK, outcomeRefused, outcomeTimeout, outcomeCanceled, outcomeFailed} {
		m.calls.WithLabelValues(o)
		m.dials.WithLabelValues(o)
	}
	for _, o := range []string{outcomeRedirect, outcomeClientError, outcomeServerError} {
		m.calls.WithLabelValues(o)
	}
	for _, c := range []prometheus.Collector{m.calls, m.dials, m.duration} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register egress metrics: %w", err)
		}
	}
	return m, nil
}

// call counts one call of Do. res is nil when err is not.
func (m *metrics) call(res *Response, err error, took time.Duration) {
	outcome := errorOutcome(err)
	if err == nil {
		outcome = statusOutcome(res.Status)
	}
	m.calls.WithLabelValues(outcome).Inc()
	m.duration.Observe(took.Seconds())
}

// dial counts one call of Dial.
func (m *metrics) dial(err error) {
	m.dials.WithLabelValues(errorOutcome(err)).Inc()
}

func statusOutcome(status int) string {
	switch status / 100 {
	case 2:
		return outcomeOK
	case 3:
		return outcomeRedirect
	case 4:
		return outcomeClientError
	}
	return outcomeServerError
}

func errorOutcome(err error) string {
	switch {
	case err == nil:
		return outcomeOK
	case errors.Is(err, ErrRefused):
		return outcomeRefused
	case errors.Is(err, context.DeadlineExceeded):
		return outcomeTimeout
	case errors.Is(err, context.Canceled):
		return outcomeCanceled
	}
	return outcomeFailed
}
