// Package outboxtest is the suite that every outbox.Store must pass, and a Store in memory that passes it.
//
// A store's own test opens an empty database for each case and hands it over as a Bench; the suite brings jobs in by
// Commit, as a change would, and looks at what is kept by Rows. Only tests import this package.
package outboxtest

import (
	"bytes"
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// Bench is one empty store under test.
type Bench struct {
	Store outbox.Store
	// Commit writes the jobs of e and deletes those that it finishes, in one transaction, through queue: it asks
	// Lease before and calls Offer after. queue is nil in most cases.
	Commit func(ctx context.Context, queue *outbox.Queue, e outbox.Effects) error
	// Rows reads all jobs, dead ones too, in the order of their ids.
	Rows func(ctx context.Context) ([]Row, error)
	// Shared says that several processes may have the database open, so that TakeOver does nothing.
	Shared bool
}

// Run runs the suite. open gives an empty store for one case and closes it by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) Bench) {
	for _, c := range []struct {
		name string
		run  func(*testing.T, *bench)
	}{
		{"a_job_comes_back_as_it_went_in", roundTrip},
		{"only_due_jobs_are_claimed_the_longest_due_before_others", dueOrder},
		{"a_claim_takes_only_its_share_of_buckets", shares},
		{"a_live_lease_keeps_others_away", liveLease},
		{"an_expired_lease_is_taken_over_and_said_so", expiredLease},
		{"a_born_leased_job_is_held_by_its_node", bornLeased},
		{"one_of_many_claimers_gets_each_job", contention},
		{"only_the_holder_settles", onlyHolder},
		{"finish_and_done_remove", removal},
		{"a_retry_is_not_taken", retry},
		{"a_dead_letter_is_kept_and_never_claimed", deadLetter},
		{"given_back_jobs_are_as_they_were", giveBack},
		{"release_frees_all_but_the_running", release},
		{"take_over_ends_leases_of_earlier_processes", takeOver},
		{"beats_list_the_living_in_order", beats},
		{"oldest_is_the_longest_due_without_lease", oldest},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(t, &bench{T: t, Bench: open(t)})
		})
	}
}

// The suite's clock: a day with microseconds that are not whole milliseconds, far from the present, so that a store
// that asks a clock of its own fails.
var noon = time.Date(2031, 5, 6, 12, 0, 0, 123457000, time.UTC)

const lease = time.Minute

var (
	nodeA = uid.New(noon, 1)
	nodeB = uid.New(noon.Add(time.Second), 2)
)

type bench struct {
	*testing.T
	Bench
}

func (b *bench) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func job(bucket uint16, due time.Time) outbox.Job {
	return outbox.Job{
		ID: uid.New(noon, bucket), Kind: "test", Tenant: uid.NewTenant(noon), Object: uid.New(noon, bucket), N: 2,
		Payload: []byte{0, 1, 255}, Due: due,
	}
}

func (b *bench) commit(jobs ...outbox.Job) {
	b.Helper()
	b.ok(b.Commit(b.Context(), nil, outbox.Effects{Jobs: jobs}))
}

// claim takes all buckets.
func (b *bench) claim(node uid.ID, now time.Time, limit int) []outbox.Job {
	b.Helper()
	jobs, err := b.Store.Claim(b.Context(), node, now, now.Add(lease), limit, 1, 0)
	b.ok(err)
	return jobs
}

func (b *bench) row(id uid.ID) *Row {
	b.Helper()
	rows, err := b.Rows(b.Context())
	b.ok(err)
	for _, r := range rows {
		if r.Job.ID == id {
			return &r
		}
	}
	return nil
}

func (b *bench) same(got, want any, what string) {
	b.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		b.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// ids are those of the jobs, in ascending order.
func ids(jobs []outbox.Job) []uid.ID {
	var out []uid.ID
	for _, j := range jobs {
		out = append(out, j.ID)
	}
	slices.SortFunc(out, func(a, b uid.ID) int { return bytes.Compare(a[:], b[:]) })
	return out
}

func roundTrip(t *testing.T, b *bench) {
	full, bare := job(4095, noon), job(0, noon)
	full.Attempt = 3
	bare.Payload, bare.N, bare.Object = nil, 0, uid.ID{}
	b.commit(full, bare)
	want := []outbox.Job{bare, full}
	for i := range want {
		want[i].LeaseUntil = noon.Add(lease)
	}
	got := b.claim(nodeA, noon, 10)
	slices.SortFunc(got, func(a, c outbox.Job) int { return bytes.Compare(a.ID[:], c.ID[:]) })
	slices.SortFunc(want, func(a, c outbox.Job) int { return bytes.Compare(a.ID[:], c.ID[:]) })
	b.same(got, want, "claimed jobs")
}

func dueOrder(t *testing.T, b *bench) {
	late, early, future := job(1, noon.Add(-time.Second)), job(2, noon.Add(-time.Minute)), job(3, noon.Add(time.Microsecond))
	b.commit(late, early, future)
	b.same(ids(b.claim(nodeA, noon, 1)), []uid.ID{early.ID}, "the first claimed")
	b.same(ids(b.claim(nodeA, noon, 10)), []uid.ID{late.ID}, "the rest that is due")
	b.same(ids(b.claim(nodeA, noon.Add(time.Microsecond), 10)), []uid.ID{future.ID}, "due a microsecond later")
}

func shares(t *testing.T, b *bench) {
	mine, other := job(7, noon), job(6, noon)
	b.commit(mine, other)
	got, err := b.Store.Claim(b.Context(), nodeA, noon, noon.Add(lease), 10, 3, 1)
	b.ok(err)
	b.same(ids(got), []uid.ID{mine.ID}, "bucket 7 of 3 nodes is of rank 1")
}

func liveLease(t *testing.T, b *bench) {
	b.commit(job(1, noon))
	b.same(len(b.claim(nodeA, noon, 10)), 1, "first claim")
	b.same(len(b.claim(nodeB, noon.Add(lease-time.Microsecond), 10)), 0, "another node's claim under the lease")
	b.same(len(b.claim(nodeA, noon.Add(lease-time.Microsecond), 10)), 0, "the holder's own second claim")
}

func expiredLease(t *testing.T, b *bench) {
	b.commit(job(1, noon))
	first := b.claim(nodeA, noon, 10)[0]
	b.same([]any{first.Taken, first.Attempt}, []any{false, 0}, "first claim")
	second := b.claim(nodeB, noon.Add(lease), 10)
	if len(second) != 1 {
		t.Fatalf("claimed %d jobs after the lease, want 1", len(second))
	}
	b.same([]any{second[0].Taken, second[0].Attempt}, []any{true, 1}, "claim after the lease")
	b.same(second[0].LeaseUntil, noon.Add(2*lease), "new lease")
}

func bornLeased(t *testing.T, b *bench) {
	now := time.Now()
	queue := outbox.NewQueue(nodeA)
	due, future := job(1, now), job(2, now.Add(time.Hour))
	b.ok(b.Commit(t.Context(), queue, outbox.Effects{Jobs: []outbox.Job{due, future}}))
	b.same(queue.Len(), 1, "jobs in the queue")
	b.same(b.row(due.ID).Holder, nodeA, "holder of the job that is due")
	b.same(b.row(future.ID).Holder, uid.ID{}, "holder of the job that is not")
	b.same(len(b.claim(nodeB, now, 10)), 0, "jobs that another node can claim")
	b.same(b.claim(nodeB, now.Add(2*outbox.LeaseTime), 10)[0].Taken, true, "taken, after the lease")
}

func contention(t *testing.T, b *bench) {
	const jobs, claimers = 200, 16
	for i := range jobs {
		b.commit(job(uint16(i), noon))
	}
	var mu sync.Mutex
	count := map[uid.ID]int{} // under mu
	var wg sync.WaitGroup
	for i := range claimers {
		wg.Go(func() {
			for {
				got, err := b.Store.Claim(t.Context(), uid.New(noon, uint16(i)), noon, noon.Add(lease), 7, 1, 0)
				if err != nil {
					t.Error(err)
					return
				}
				mu.Lock()
				for _, j := range got {
					count[j.ID]++
				}
				left := jobs - len(count)
				mu.Unlock()
				if left == 0 || len(got) == 0 {
					return
				}
			}
		})
	}
	wg.Wait()
	for _, j := range b.claim(nodeA, noon, jobs) { // what claimers left to each other
		count[j.ID]++
	}
	for id, n := range count {
		if n != 1 {
			t.Errorf("job %s was claimed %d times", id, n)
		}
	}
	b.same(len(count), jobs, "jobs claimed")
}

func onlyHolder(t *testing.T, b *bench) {
	j := job(1, noon)
	b.commit(j)
	b.claim(nodeA, noon, 1)
	before := b.row(j.ID)
	ctx, ref := t.Context(), j.Ref()
	b.ok(b.Store.Finish(ctx, ref, nodeB))
	b.ok(b.Store.Retry(ctx, ref, nodeB, noon, 9, true))
	b.ok(b.Store.Bury(ctx, ref, nodeB, "not mine"))
	b.ok(b.Store.GiveBack(ctx, []outbox.Ref{ref}, nodeB))
	b.ok(b.Store.Release(ctx, nodeB, nil))
	b.same(b.row(j.ID), before, "the row after a stranger's calls")
}

func removal(t *testing.T, b *bench) {
	one, two, three := job(1, noon), job(2, noon), job(3, noon)
	b.commit(one, two, three)
	b.claim(nodeA, noon, 3)
	b.ok(b.Store.Finish(t.Context(), one.Ref(), nodeA))
	b.ok(b.Commit(t.Context(), nil, outbox.Effects{Done: []outbox.Ref{two.Ref()}}))
	rows, err := b.Rows(t.Context())
	b.ok(err)
	if len(rows) != 1 || rows[0].Job.ID != three.ID {
		t.Errorf("rows left: %v, want only %s", rows, three.ID)
	}
}

func retry(t *testing.T, b *bench) {
	j := job(1, noon)
	b.commit(j)
	b.claim(nodeA, noon, 1)
	b.ok(b.Store.Retry(t.Context(), j.Ref(), nodeA, noon.Add(time.Second), 4, false))
	b.same(len(b.claim(nodeB, noon, 1)), 0, "claimed before it is due again")
	again := b.claim(nodeB, noon.Add(time.Second), 1)
	if len(again) != 1 {
		t.Fatal("not claimed when due again")
	}
	b.same([]any{again[0].Taken, again[0].Attempt}, []any{false, 4}, "the job")
}

func deadLetter(t *testing.T, b *bench) {
	j := job(1, noon)
	b.commit(j)
	b.claim(nodeA, noon, 1)
	b.ok(b.Store.Bury(t.Context(), j.Ref(), nodeA, "no route"))
	b.same(len(b.claim(nodeA, noon.Add(24*time.Hour), 10)), 0, "claimed")
	r := b.row(j.ID)
	if r == nil || !r.Dead || r.Reason != "no route" || !r.Job.LeaseUntil.IsZero() {
		t.Errorf("row = %+v, want a dead letter without lease", r)
	}
}

func giveBack(t *testing.T, b *bench) {
	one, two := job(1, noon), job(2, noon)
	b.commit(one, two)
	b.claim(nodeA, noon, 2)
	b.ok(b.Store.GiveBack(t.Context(), []outbox.Ref{one.Ref()}, nodeA))
	b.ok(b.Store.GiveBack(t.Context(), nil, nodeA))
	got := b.claim(nodeB, noon, 10)
	b.same(ids(got), []uid.ID{one.ID}, "claimed by another node at once")
	b.same([]any{got[0].Taken, got[0].Attempt}, []any{false, 0}, "the job")

	later := noon.Add(lease)
	b.claim(nodeB, later, 10) // both leases have run out: taken
	b.ok(b.Store.GiveBack(t.Context(), []outbox.Ref{one.Ref(), two.Ref()}, nodeB))
	for _, j := range b.claim(nodeA, later, 10) {
		b.same([]any{j.Taken, j.Attempt}, []any{true, 1}, "a job that was taken when it was given back")
	}
}

func release(t *testing.T, b *bench) {
	one, two, other := job(1, noon), job(2, noon), job(3, noon)
	b.commit(one, two)
	b.claim(nodeA, noon, 2)
	b.commit(other)
	b.claim(nodeB, noon, 1)
	b.ok(b.Store.Release(t.Context(), nodeA, []outbox.Ref{two.Ref()}))
	got := b.claim(nodeB, noon, 10)
	b.same(ids(got), []uid.ID{one.ID}, "free after the release")
	b.same(got[0].Taken, false, "taken")
	b.same(b.row(two.ID).Holder, nodeA, "holder of the running job")
	b.same(b.claim(nodeB, noon.Add(lease), 1)[0].Taken, true, "taken, when the running job's lease is over")
}

func takeOver(t *testing.T, b *bench) {
	old, own := job(1, noon), job(2, noon)
	waiting := job(3, noon.Add(time.Second))
	b.commit(old)
	b.claim(nodeA, noon, 1)
	b.commit(own)
	b.claim(nodeB, noon, 1)
	b.commit(waiting)
	_, err := b.Store.Beat(t.Context(), nodeA, noon, noon.Add(15*time.Second))
	b.ok(err)
	b.ok(b.Store.TakeOver(t.Context(), nodeB, noon.Add(time.Second)))
	alive, err := b.Store.Beat(t.Context(), nodeB, noon.Add(time.Second), noon.Add(16*time.Second))
	b.ok(err)
	b.same(slices.Contains(alive, nodeA), b.Shared, "the earlier process counts as alive, and has a share of the buckets")
	got := b.claim(nodeB, noon.Add(time.Second), 10)
	if b.Shared {
		b.same(ids(got), []uid.ID{waiting.ID}, "claimed: a shared database lets leases run to their end")
		return
	}
	b.same(len(got), 2, "claimed")
	for _, j := range got {
		if j.ID == own.ID || j.Taken != (j.ID == old.ID) || j.Attempt != 0 && j.ID == waiting.ID {
			t.Errorf("claimed %+v; want the earlier process's job as taken and the waiting one as new", j)
		}
	}
}

func beats(t *testing.T, b *bench) {
	beat := func(node uid.ID, now time.Time) []uid.ID {
		t.Helper()
		alive, err := b.Store.Beat(t.Context(), node, now, now.Add(15*time.Second))
		b.ok(err)
		return alive
	}
	b.same(beat(nodeB, noon), []uid.ID{nodeB}, "alone")
	if !b.Shared {
		return
	}
	b.same(beat(nodeA, noon.Add(5*time.Second)), []uid.ID{nodeA, nodeB}, "both")
	b.same(beat(nodeA, noon.Add(15*time.Second)), []uid.ID{nodeA}, "when the other's beat is over")
	beat(nodeB, noon.Add(15*time.Second))
	b.ok(b.Store.Release(t.Context(), nodeA, nil))
	b.same(beat(nodeB, noon.Add(16*time.Second)), []uid.ID{nodeB}, "after the other's release")
}

func oldest(t *testing.T, b *bench) {
	get := func(now time.Time) time.Time {
		t.Helper()
		at, err := b.Store.Oldest(t.Context(), now)
		b.ok(err)
		return at
	}
	b.same(get(noon), time.Time{}, "of an empty store")
	b.commit(job(1, noon.Add(time.Hour)))
	b.same(get(noon), time.Time{}, "when nothing is due")
	b.commit(job(2, noon.Add(-time.Hour)), job(3, noon.Add(-time.Minute)))
	b.same(get(noon), noon.Add(-time.Hour), "of two")
	b.claim(nodeA, noon, 1)
	b.same(get(noon), noon.Add(-time.Minute), "when the oldest is leased")
}
