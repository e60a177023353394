package audit

import (
	"fmt"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// sealerMetrics counts what a sealer does.
type sealerMetrics struct {
	sealed   prometheus.Counter
	batch    prometheus.Histogram
	lag      prometheus.Gauge
	failures *prometheus.CounterVec

	checkpointAt atomic.Int64 // microseconds since 1970 of the last one this sealer signed or found; 0 for none
}

func newSealerMetrics(reg prometheus.Registerer, now func() time.Time) (*sealerMetrics, error) {
	m := &sealerMetrics{
		sealed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "countersign_audit_sealed_events_total", Help: "Events that this node appended to the audit log.",
		}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "countersign_audit_seal_batch_events", Help: "Events in one addition to the audit log.",
			Buckets: prometheus.ExponentialBuckets(1, 4, 7), // 1 to 4096, the greatest batch
		}),
		lag: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "countersign_audit_seal_lag_seconds", Help: "Age of the oldest event that the audit log does not protect yet.",
		}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_audit_failures_total", Help: "Failed steps of the sealer: seal, checkpoint.",
		}, []string{"step"}),
	}
	age := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "countersign_audit_checkpoint_age_seconds", Help: "Time since the last signed checkpoint; 0 before the first.",
	}, func() float64 {
		at := m.checkpointAt.Load()
		if at == 0 {
			return 0
		}
		return now().Sub(time.UnixMicro(at)).Seconds()
	})
	for _, c := range []prometheus.Collector{m.sealed, m.batch, m.lag, m.failures, age} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics of the audit log: %w", err)
		}
	}
	return m, nil
}
