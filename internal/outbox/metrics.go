package outbox

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type meters struct {
	jobs   *prometheus.CounterVec // by kind and outcome
	oldest prometheus.Gauge
	live   []prometheus.Collector // read from the worker and its queue when asked
}

func newMeters(w *Worker) *meters {
	gauge := func(name, help string, read func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, read)
	}
	dropped := func(reason string, read func() int64) prometheus.Collector {
		return prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name:        "countersign_outbox_dropped_total",
			Help:        "Jobs that fell out of memory and went back to the database, because the queue was full or their lease too short.",
			ConstLabels: prometheus.Labels{"reason": reason},
		}, func() float64 { return float64(read()) })
	}
	return &meters{
		jobs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "countersign_outbox_jobs_total", Help: "Jobs run, by kind and what came of them.",
		}, []string{"kind", "outcome"}),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "countersign_outbox_oldest_due_seconds",
			Help: "How long the oldest job has been due without anybody working on it.",
		}),
		live: []prometheus.Collector{
			gauge("countersign_outbox_queue_jobs", "Born-leased jobs that wait in memory.",
				func() float64 { return float64(w.queue.Len()) }),
			gauge("countersign_outbox_running_jobs", "Jobs that run now.",
				func() float64 { return float64(len(w.runningRefs())) }),
			dropped("full", w.queue.full.Load),
			dropped("late", w.queue.late.Load),
		},
	}
}

func (m *meters) register(reg prometheus.Registerer) error {
	for _, c := range append(m.live, m.jobs, m.oldest) {
		if err := reg.Register(c); err != nil {
			return err
		}
	}
	return nil
}

func (m *meters) count(kind Kind, outcome Outcome) {
	m.jobs.WithLabelValues(string(kind), string(outcome)).Inc()
}

func (m *meters) backlog(oldest, now time.Time) {
	age := 0.0
	if !oldest.IsZero() {
		age = max(0, now.Sub(oldest).Seconds())
	}
	m.oldest.Set(age)
}
