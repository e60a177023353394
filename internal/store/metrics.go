package store

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics stand beside what they count: the committer's batches and its queue.
type metrics struct {
	size      prometheus.Histogram
	took      prometheus.Histogram
	waited    prometheus.Histogram
	overloads prometheus.Counter
	unsettled prometheus.Counter
}

func newMetrics(reg prometheus.Registerer, lanes []*lane) *metrics {
	m := &metrics{
		size: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "countersign_commit_batch_size", Help: "Requests committed in one transaction.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "countersign_commit_seconds", Help: "Time from the begin of a batch to its commit.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 12),
		}),
		waited: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "countersign_commit_queue_seconds", Help: "Time that the first request of a batch waited for its turn.",
			Buckets: prometheus.ExponentialBuckets(0.0001, 2.5, 12),
		}),
		overloads: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "countersign_commit_overloads_total", Help: "Requests refused because the commit queue was too long.",
		}),
		unsettled: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "countersign_commit_unanswered_total", Help: "Commits that got no answer and had to be looked for.",
		}),
	}
	queue := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "countersign_commit_queue_length", Help: "Requests waiting for a batch.",
	}, func() (n float64) {
		for _, l := range lanes {
			n += float64(len(l.queue) + len(l.calm))
		}
		return n
	})
	reg.MustRegister(m.size, m.took, m.waited, m.overloads, m.unsettled, queue)
	return m
}

func (m *metrics) batch(size int, took, waited time.Duration) {
	m.size.Observe(float64(size))
	m.took.Observe(took.Seconds())
	m.waited.Observe(waited.Seconds())
}
