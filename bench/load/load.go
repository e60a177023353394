// Package load runs work in a closed loop and says how it went.
//
// A closed loop has a fixed number of callers, each of which begins its next piece of work when the last one is done:
// the rate is what the server gives, never more than it takes. Every run is bounded in count and in time.
package load

import (
	"cmp"
	"context"
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// Config bounds a run. All three must be positive.
type Config struct {
	Callers  int
	Duration time.Duration // no work begins after it
	Count    int64         // nor more than this often
}

// Sample is how long the parts of one piece of work took.
type Sample struct {
	Start    time.Duration // asking for the message
	HandOver time.Duration // from the answer to the code in the caller's hand; never negative
	Check    time.Duration // handing the code in
}

// Work is one piece of work for one caller, 0 and up. It returns soon when ctx ends.
type Work func(ctx context.Context, caller int) (Sample, error)

// Result is what came of a run. Samples are of what succeeded.
type Result struct {
	Samples []Sample
	Failed  int64
	Err     error // the first failure, nil when there was none
	Took    time.Duration
}

// Run lets cfg.Callers callers do work until a bound is reached, and waits for what was begun. When ctx ends, work in
// hand fails and Run returns.
func Run(ctx context.Context, cfg Config, work Work) Result {
	var (
		begun   atomic.Int64
		failed  atomic.Int64
		first   sync.Once
		err     error
		samples = make([][]Sample, cfg.Callers)
		callers sync.WaitGroup
	)
	begin := time.Now()
	for c := range cfg.Callers {
		callers.Go(func() {
			for ctx.Err() == nil && time.Since(begin) < cfg.Duration && begun.Add(1) <= cfg.Count {
				s, e := work(ctx, c)
				if e != nil {
					failed.Add(1)
					first.Do(func() { err = e })
					continue
				}
				samples[c] = append(samples[c], s)
			}
		})
	}
	callers.Wait()
	return Result{Samples: slices.Concat(samples...), Failed: failed.Load(), Err: err, Took: time.Since(begin)}
}

// Rate is successes a second.
func (r Result) Rate() float64 {
	if r.Took <= 0 {
		return 0
	}
	return float64(len(r.Samples)) / r.Took.Seconds()
}

// Quantile is the q-th (0..1) of one part of the samples by the nearest-rank rule, zero without samples.
func (r Result) Quantile(q float64, part func(Sample) time.Duration) time.Duration {
	all := make([]time.Duration, len(r.Samples))
	for i, s := range r.Samples {
		all[i] = part(s)
	}
	slices.Sort(all)
	return quantile(all, q)
}

func quantile(sorted []time.Duration, q float64) time.Duration {
	if len(sorted) == 0 {
		return 0
	}
	rank := int(math.Ceil(q * float64(len(sorted))))
	return sorted[min(max(rank, 1), len(sorted))-1]
}

// Median is the middle value, the lower one of two, and the zero value of none.
func Median[T cmp.Ordered](values []T) T {
	if len(values) == 0 {
		var none T
		return none
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[(len(sorted)-1)/2]
}
