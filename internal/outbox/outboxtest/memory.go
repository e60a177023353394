package outboxtest

import (
	"bytes"
	"cmp"
	"context"
	"maps"
	"slices"
	"sync"
	"time"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// Row is a job as a store keeps it.
type Row struct {
	Job    outbox.Job // LeaseUntil is the lease of the row, to the microsecond, zero without one
	Holder uid.ID     // who has the lease, or had it when it ran out; zero: never leased since it last became due
	Dead   bool
	Reason string // of a dead letter
}

// Memory is a Store in memory, for tests of what stands on the outbox. The zero value is ready. Safe for concurrent
// use. TakeOver works as on SQLite.
type Memory struct {
	Queue *outbox.Queue // gets born-leased jobs; may be nil

	mu    sync.Mutex
	rows  map[uid.ID]*Row      // under mu
	beats map[uid.ID]time.Time // under mu: alive until
}

var _ outbox.Store = (*Memory)(nil)

// Commit keeps the jobs of a change, removes those that it finishes, and hands the born-leased ones to the queue.
func (m *Memory) Commit(_ context.Context, e outbox.Effects) error {
	jobs := slices.Clone(e.Jobs)
	m.Queue.Lease(jobs, time.Now())
	m.mu.Lock()
	if m.rows == nil {
		m.rows = make(map[uid.ID]*Row)
	}
	for _, j := range jobs {
		r := &Row{Job: j}
		r.Job.LeaseUntil = stored(j.LeaseUntil)
		if !j.LeaseUntil.IsZero() {
			r.Holder = m.Queue.Node()
		}
		m.rows[j.ID] = r
	}
	for _, d := range e.Done {
		delete(m.rows, d.ID)
	}
	m.mu.Unlock()
	m.Queue.Offer(jobs)
	return nil
}

// stored is a time as a database gives it back: UTC, whole microseconds, no monotonic reading.
func stored(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.Round(0).UTC().Truncate(time.Microsecond)
}

// Rows are all jobs in the order of their ids.
func (m *Memory) Rows(context.Context) ([]Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var rows []Row
	for _, r := range m.rows {
		rows = append(rows, *r)
	}
	slices.SortFunc(rows, func(a, b Row) int { return bytes.Compare(a.Job.ID[:], b.Job.ID[:]) })
	return rows, nil
}

// Claim implements outbox.Store.
func (m *Memory) Claim(ctx context.Context, node uid.ID, now, until time.Time, limit, nodes, rank int) ([]outbox.Job, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	due := m.due(now)
	due = slices.DeleteFunc(due, func(r *Row) bool { return int(r.Job.ID.Bucket())%nodes != rank })
	var jobs []outbox.Job
	for _, r := range due[:min(limit, len(due))] {
		if !r.Holder.IsZero() {
			r.Job.Taken = true
			r.Job.Attempt++
		}
		r.Holder, r.Job.LeaseUntil = node, stored(until)
		jobs = append(jobs, r.Job)
	}
	return jobs, nil
}

// due lists what can be claimed at now, the longest due first. The caller holds mu.
func (m *Memory) due(now time.Time) []*Row {
	var due []*Row
	for _, r := range m.rows {
		if !r.Dead && !r.Job.Due.After(now) && !r.Job.LeaseUntil.After(now) {
			due = append(due, r)
		}
	}
	slices.SortFunc(due, func(a, b *Row) int {
		return cmp.Or(a.Job.Due.Compare(b.Job.Due), bytes.Compare(a.Job.ID[:], b.Job.ID[:]))
	})
	return due
}

// held calls change with the row of a job that node holds, if it does.
func (m *Memory) held(job outbox.Ref, node uid.ID, change func(*Row)) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if r := m.rows[job.ID]; r != nil && r.Holder == node && !r.Dead {
		change(r)
	}
	return nil
}

func free(r *Row) {
	r.Holder, r.Job.LeaseUntil = uid.ID{}, time.Time{}
}

// Finish implements outbox.Store.
func (m *Memory) Finish(_ context.Context, job outbox.Ref, node uid.ID) error {
	return m.held(job, node, func(*Row) { delete(m.rows, job.ID) })
}

// Retry implements outbox.Store.
func (m *Memory) Retry(_ context.Context, job outbox.Ref, node uid.ID, due time.Time, attempt int, taken bool) error {
	return m.held(job, node, func(r *Row) {
		free(r)
		r.Job.Due, r.Job.Attempt, r.Job.Taken = stored(due), attempt, taken
	})
}

// Bury implements outbox.Store.
func (m *Memory) Bury(_ context.Context, job outbox.Ref, node uid.ID, reason string) error {
	return m.held(job, node, func(r *Row) {
		free(r)
		r.Dead, r.Reason = true, reason
	})
}

// GiveBack implements outbox.Store.
func (m *Memory) GiveBack(_ context.Context, jobs []outbox.Ref, node uid.ID) error {
	for _, j := range jobs {
		_ = m.held(j, node, free) // never fails
	}
	return nil
}

// Release implements outbox.Store.
func (m *Memory) Release(_ context.Context, node uid.ID, running []outbox.Ref) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rows {
		if r.Holder == node && !slices.Contains(running, r.Job.Ref()) {
			free(r)
		}
	}
	delete(m.beats, node)
	return nil
}

// TakeOver implements outbox.Store.
func (m *Memory) TakeOver(_ context.Context, node uid.ID, now time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.rows {
		if r.Holder != node && r.Job.LeaseUntil.After(now) {
			r.Job.LeaseUntil = stored(now)
		}
	}
	maps.DeleteFunc(m.beats, func(n uid.ID, _ time.Time) bool { return n != node })
	return nil
}

// Beat implements outbox.Store.
func (m *Memory) Beat(_ context.Context, node uid.ID, now, until time.Time) ([]uid.ID, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.beats == nil {
		m.beats = make(map[uid.ID]time.Time)
	}
	m.beats[node] = until
	var alive []uid.ID
	for n, end := range m.beats {
		if end.After(now) {
			alive = append(alive, n)
		}
	}
	slices.SortFunc(alive, func(a, b uid.ID) int { return bytes.Compare(a[:], b[:]) })
	return alive, nil
}

// Oldest implements outbox.Store.
func (m *Memory) Oldest(_ context.Context, now time.Time) (time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if due := m.due(now); len(due) > 0 {
		return due[0].Job.Due, nil
	}
	return time.Time{}, nil
}
