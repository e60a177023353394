package load

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestRunStopsAtTheCount(t *testing.T) {
	t.Parallel()
	var done atomic.Int64
	r := Run(t.Context(), Config{Callers: 8, Duration: time.Hour, Count: 100}, func(context.Context, int) (Sample, error) {
		done.Add(1)
		return Sample{}, nil
	})
	if done.Load() != 100 || len(r.Samples) != 100 || r.Failed != 0 {
		t.Errorf("did %d, kept %d, failed %d; want 100, 100, 0", done.Load(), len(r.Samples), r.Failed)
	}
}

func TestRunStopsAtTheTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := Run(t.Context(), Config{Callers: 2, Duration: 10 * time.Second, Count: 1 << 40}, func(ctx context.Context, _ int) (Sample, error) {
			<-time.After(time.Second)
			return Sample{Start: time.Second}, nil
		})
		if len(r.Samples) != 20 || r.Took != 10*time.Second || r.Rate() != 2 {
			t.Errorf("%d samples in %v at %v/s; want 20 in 10s at 2/s", len(r.Samples), r.Took, r.Rate())
		}
	})
}

func TestRunEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	r := Run(ctx, Config{Callers: 4, Duration: time.Hour, Count: 1 << 40}, func(ctx context.Context, _ int) (Sample, error) {
		cancel()
		<-ctx.Done()
		return Sample{}, ctx.Err()
	})
	if len(r.Samples) != 0 || !errors.Is(r.Err, context.Canceled) {
		t.Errorf("%d samples, error %v; want none and canceled", len(r.Samples), r.Err)
	}
}

func TestFailuresAreCountedAndNotTimed(t *testing.T) {
	t.Parallel()
	wrong := errors.New("wrong")
	var n atomic.Int64
	r := Run(t.Context(), Config{Callers: 1, Duration: time.Hour, Count: 10}, func(context.Context, int) (Sample, error) {
		if n.Add(1)%2 == 0 {
			return Sample{}, wrong
		}
		return Sample{}, nil
	})
	if len(r.Samples) != 5 || r.Failed != 5 || !errors.Is(r.Err, wrong) {
		t.Errorf("%d samples, %d failed, %v; want 5, 5, wrong", len(r.Samples), r.Failed, r.Err)
	}
}

func TestQuantileIsNearestRank(t *testing.T) {
	t.Parallel()
	var r Result
	for i := range 100 {
		r.Samples = append(r.Samples, Sample{Check: time.Duration(100 - i)}) // 100 down to 1
	}
	check := func(s Sample) time.Duration { return s.Check }
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 50, 0.99: 99, 0.991: 100, 1: 100} {
		if got := r.Quantile(q, check); got != want {
			t.Errorf("quantile %v of 1..100 is %d, want %d", q, got, want)
		}
	}
	if got := (Result{}).Quantile(0.5, check); got != 0 {
		t.Errorf("quantile of nothing is %v, want 0", got)
	}
}

func TestMedianIsTheMiddleOne(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		in   []float64
		want float64
	}{{nil, 0}, {[]float64{7}, 7}, {[]float64{9, 1, 5}, 5}, {[]float64{4, 1, 3, 2}, 2}} {
		if got := Median(c.in); got != c.want {
			t.Errorf("median of %v is %v, want %v", c.in, got, c.want)
		}
	}
}
