package storetest

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// windowsHold: of many at once no more pass than a window holds, its state comes back as it was kept, and it goes when it has
// ended, however long it was open.
func windowsHold(t *testing.T, open opener) {
	at := now()
	clock := at
	db := open(t, nil)
	db.Now = func() time.Time { return clock }
	limits := []ratelimit.Limit{{Burst: 7, Period: 31 * 24 * time.Hour}, {Burst: 99_999, Period: time.Hour}}
	meters := []verify.Meter{{Bucket: 4095, Key: [16]byte{1, 15: 0xff}}, {Bucket: 0, Key: [16]byte{2}}}
	take := func(ctx context.Context) error {
		return db.Count(ctx, uid.Tenant{}, meters, func(states []ratelimit.TAT) error {
			for i := range states {
				next, d := ratelimit.TakeFixed(ratelimit.Fixed(states[i]), limits[i], at)
				if !d.Allowed {
					return errRefused
				}
				states[i] = ratelimit.TAT(next)
			}
			return nil
		})
	}
	var passed atomic.Int64
	parallel(64, func(int) {
		if take(context.Background()) == nil {
			passed.Add(1)
		}
	})
	if passed.Load() != 7 {
		t.Errorf("%d passed, want 7", passed.Load())
	}
	for _, step := range []struct {
		after time.Duration
		left  int64 // of the second window's count, whose end comes first
		full  bool  // the first window is
	}{{0, 7, true}, {3*time.Hour + time.Second, 0, true}, {31*24*time.Hour + 2*time.Hour + time.Second, 0, false}} {
		clock = at.Add(step.after)
		if _, err := db.Sweep(t.Context(), store.Retention{}); err != nil {
			t.Fatalf("sweep: %v", err)
		}
		if err := db.Count(t.Context(), uid.Tenant{}, meters, func(states []ratelimit.TAT) error {
			if n := int64(states[1]) % 100_000; n != step.left || step.full != (int64(states[0])%100_000 == 7) {
				t.Errorf("after %v: states %v", step.after, states)
			}
			return errRefused
		}); err != errRefused {
			t.Errorf("read: %v", err)
		}
	}
}
