package outbox

import (
	"testing"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

func TestBackoffDoublesUpToTheLimitAndSpreads(t *testing.T) {
	t.Parallel()
	const base, limit = time.Second, 40 * time.Second
	seen := map[time.Duration]bool{}
	for attempt := range 100 {
		whole := limit
		if attempt < 6 {
			whole = min(limit, base<<attempt)
		}
		for range 20 {
			j := Job{ID: uid.Random(time.Now()), Attempt: attempt}
			d := j.Backoff(base, limit)
			if d < whole/2 || d > whole {
				t.Fatalf("attempt %d: waits %v, want %v..%v", attempt, d, whole/2, whole)
			}
			if d != j.Backoff(base, limit) {
				t.Fatal("the same job got two answers")
			}
			seen[d] = true
		}
	}
	if len(seen) < 1500 {
		t.Errorf("2000 waits have only %d values: jobs that failed together come back together", len(seen))
	}
}

func TestLeaseLeftTakesTheStricterClock(t *testing.T) {
	t.Parallel()
	now := time.Now()
	mono := now.Add(time.Minute)
	for name, c := range map[string]struct {
		until, now time.Time
		want       time.Duration
	}{
		"both clocks agree":    {mono, now.Add(time.Second), 59 * time.Second},
		"wall clock ran ahead": {mono, now.Round(0).Add(50 * time.Second), 10 * time.Second},
		"lease is over":        {mono, now.Add(2 * time.Minute), -time.Minute},
	} {
		if got := (Job{LeaseUntil: c.until}).LeaseLeft(c.now); got != c.want {
			t.Errorf("%s: %v left, want %v", name, got, c.want)
		}
	}
}

func TestANilQueueLeasesNothing(t *testing.T) {
	t.Parallel()
	var q *Queue
	jobs := []Job{{Due: time.Now()}}
	q.Lease(jobs, time.Now())
	q.Offer(jobs)
	if !jobs[0].LeaseUntil.IsZero() || q.Len() != 0 || !q.Node().IsZero() {
		t.Error("a nil queue leased a job")
	}
}

func TestLeaseGivesNoMoreThanFits(t *testing.T) {
	t.Parallel()
	now := time.Now()
	q := NewQueue(uid.Random(now))
	jobs := make([]Job, QueueSize+3)
	q.Lease(jobs, now)
	leased := 0
	for _, j := range jobs {
		if !j.LeaseUntil.IsZero() {
			leased++
		}
	}
	if leased != QueueSize {
		t.Errorf("%d jobs were leased, want %d", leased, QueueSize)
	}
}
