package tally

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/audit/audittest"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

// memStore obeys the contract of Store in memory. The suite of the store holds the databases to it.
type memStore struct {
	*audittest.Memory
	mu       sync.Mutex
	at       Position
	rows     map[cell]int64
	failures []Failure
	reads    int
}

func newMemStore() *memStore {
	return &memStore{Memory: audittest.NewMemory(), at: Position{Index: -1}, rows: map[cell]int64{}}
}

func (m *memStore) TallyPosition(context.Context) (Position, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at, nil
}

func (m *memStore) Happenings(ctx context.Context, ids []uid.ID) (list []Happening, err error) {
	all, err := m.Events(ctx, uid.ID{}, uid.ID{0xff}, 1<<20)
	for _, e := range all {
		if slices.Contains(ids, e.ID) {
			list = append(list, Happening{Tenant: e.Tenant, Type: e.Type, Object: e.Object, At: e.At, Data: e.Data})
		}
	}
	return list, err
}

func (m *memStore) AddTally(_ context.Context, was, now Position, rows []Row, failures []Failure) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.at.Index != was.Index {
		return ErrMoved
	}
	m.at, m.failures = now, append(m.failures, failures...)
	for _, r := range rows {
		m.rows[cell{r.Tenant, r.Hour.UnixMicro(), r.Kind}] += r.N
	}
	return nil
}

func (m *memStore) Tally(_ context.Context, t uid.Tenant, from, to time.Time) (list []Row, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	for c, n := range m.rows {
		if hour := time.UnixMicro(c.hourUS).UTC(); c.tenant == t && !hour.Before(from) && hour.Before(to) {
			list = append(list, Row{Tenant: t, Hour: hour, Kind: c.kind, N: n})
		}
	}
	slices.SortFunc(list, func(a, b Row) int { return a.Hour.Compare(b.Hour) })
	return list, nil
}

// read is how often counts were read.
func (m *memStore) read() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.reads
}

func service(t *testing.T, m *memStore) *Service {
	t.Helper()
	s, err := New(Deps{Store: m, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func happened(t uid.Tenant, at time.Time, kind, data string) audit.Event {
	e := audit.Event{ID: uid.New(at, 7), Tenant: t, Type: kind, Object: uid.New(at, 7), At: at, Actor: "system"}
	if data != "" {
		e.Data = []byte(data)
	}
	return e
}

func write(t *testing.T, m *memStore, events ...audit.Event) {
	t.Helper()
	if err := m.Write(t.Context(), events); err != nil {
		t.Fatal(err)
	}
	if _, err := audittest.Sealer(t, audit.SealerConfig{}, m).SealNow(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func TestHours_tell_what_happened_in_each_hour_of_one_tenant(t *testing.T) {
	t.Parallel()
	m := newMemStore()
	s, mine, other := service(t, m), audittest.Tenant(1), audittest.Tenant(2)
	write(t, m,
		happened(mine, noon, "verification.started", ""),
		happened(mine, noon.Add(59*time.Minute), "verification.started", ""),
		happened(mine, noon.Add(time.Hour), "verification.started", ""),
		happened(mine, noon.Add(time.Second), "verification.sent", `{"send":1,"deliveries":[{"n":1,"provider":"a","state":"failed"},{"n":2,"provider":"b","state":"sent"}]}`),
		happened(mine, noon.Add(2*time.Second), "verification.receipt", `{"n":2,"send":1,"provider":"b","state":"delivered"}`),
		happened(mine, noon.Add(3*time.Second), "verification.receipt", `{"n":3,"send":2,"provider":"b","state":"expired"}`),
		happened(mine, noon.Add(4*time.Second), "verification.receipt", `{"n":3,"send":2,"provider":"b","state":"sent"}`),
		happened(mine, noon.Add(5*time.Second), "verification.sent", `{"send":1,"deliveries":[{"n":1,"provider":"c","state":"delivered"}]}`),
		happened(mine, noon.Add(6*time.Second), "verification.failed", `{"send":1,"deliveries":[{"n":1,"provider":"c","state":"unknown"}]}`),
		happened(mine, noon.Add(7*time.Second), "invitation.completed", ""),
		happened(mine, noon.Add(7*time.Second), "invitation.sent", `{"channel":"sms","state":"unknown"}`),
		happened(mine, noon.Add(7*time.Second), "invitation.sent", `{"channel":"email","state":"sent","first":true}`),
		happened(mine, noon.Add(7*time.Second), "invitation.sent", `{"channel":"sms","state":"sent"}`),
		happened(mine, noon.Add(8*time.Second), "a.type_of_tomorrow", `no JSON`),
		happened(other, noon, "verification.started", ""),
	)
	if err := s.CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := s.Hours(t.Context(), mine, noon.Add(30*time.Minute), noon.Add(3*time.Hour))
	if err != nil {
		t.Fatal(err)
	}
	want := []Hour{
		{noon, Count{Started: 2, Accepted: 2, Delivered: 2, Undelivered: 1, Failed: 1, InvitationsSent: 1, InvitationsCompleted: 1}},
		{noon.Add(time.Hour), Count{Started: 1}},
		{noon.Add(2 * time.Hour), Count{}},
	}
	if diff := cmp.Diff(want, got.Hours); diff != "" || got.Total.Started != 3 || got.Behind != 0 {
		t.Errorf("total %+v, behind %d; want -, got +:\n%s", got.Total, got.Behind, diff)
	}
	if len(m.failures) != 3 || m.failures[0].N != 1 || m.failures[1].N != 3 {
		t.Errorf("failures: %+v", m.failures)
	}
	write(t, m, happened(mine, noon.Add(2*time.Hour), "verification.started", ""))
	if got, err = s.Hours(t.Context(), mine, noon, noon.Add(time.Hour)); err != nil || got.Behind != 1 || !got.AsOf.Equal(noon.Add(time.Hour)) {
		t.Errorf("one event is not counted: behind %d, as of %v, %v", got.Behind, got.AsOf, err)
	}
}

func TestHours_refuses_a_time_that_is_empty_or_too_long(t *testing.T) {
	t.Parallel()
	s := service(t, newMemStore())
	for _, to := range []time.Time{noon.Add(-time.Hour), noon, noon.Add(Kept + 2*time.Hour)} {
		if _, err := s.Hours(t.Context(), audittest.Tenant(1), noon, to); !fault.Is(err, fault.Invalid) {
			t.Errorf("to %v: %v", to, err)
		}
	}
}

func TestCatchUp_counts_a_short_log_whole_and_of_a_long_one_two_days(t *testing.T) {
	t.Parallel()
	var events []audit.Event
	now := noon.Add(100 * time.Hour)
	for h := range 100 {
		events = append(events, happened(audittest.Tenant(1), noon.Add(time.Duration(h)*time.Hour), "verification.started", ""))
	}
	for _, c := range []struct {
		whole int64
		since time.Time
		want  int64
	}{{100, time.Time{}, 100}, {99, now.Add(-history), 49}} {
		m := newMemStore()
		write(t, m, events...)
		s := service(t, m)
		s.Now, s.whole = func() time.Time { return now }, c.whole
		if err := s.CatchUp(t.Context()); err != nil {
			t.Fatal(err)
		}
		got, err := s.Hours(t.Context(), audittest.Tenant(1), noon, now)
		if err != nil || got.Total.Started != c.want || !got.Since.Equal(c.since) || m.at.Index != 100 {
			t.Errorf("a log of 100 where %d is whole: %d counted since %v, at %d, %v; want %d since %v", c.whole, got.Total.Started, got.Since, m.at.Index, err, c.want, c.since)
		}
	}
}

func TestCatchUp_of_two_nodes_counts_each_event_once(t *testing.T) {
	t.Parallel()
	m := newMemStore()
	const n = 25
	var wg sync.WaitGroup
	for range 2 {
		s := service(t, m)
		wg.Go(func() {
			for {
				if err := s.CatchUp(t.Context()); err != nil && !errors.Is(err, ErrMoved) {
					t.Errorf("count: %v", err)
				}
				if at, _ := m.TallyPosition(t.Context()); at.Index == n {
					return
				}
			}
		})
	}
	for i := range n {
		write(t, m, happened(audittest.Tenant(1), noon.Add(time.Duration(i)*time.Millisecond), "verification.started", ""))
	}
	wg.Wait()
	if got := m.rows[cell{audittest.Tenant(1), noon.UnixMicro(), "verification.started"}]; got != n {
		t.Errorf("%d are counted, want %d", got, n)
	}
}

// bump counts one event of a kind, as a follower would.
func (m *memStore) bump(t uid.Tenant, at time.Time, kind string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.rows[cell{t, at.UTC().Truncate(time.Hour).UnixMicro(), kind}]++
}

func TestWatch_tells_of_changes_of_its_tenant_and_polls_only_while_somebody_watches(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemStore()
		s, mine := service(t, m), audittest.Tenant(1)
		m.bump(mine, time.Now(), "verification.started") // before: nobody is told
		ctx, leave := context.WithCancel(t.Context())
		first, err := s.Watch(ctx, mine)
		if err != nil {
			t.Fatal(err)
		}
		second, err := s.Watch(t.Context(), mine)
		if err != nil {
			t.Fatal(err)
		}
		m.bump(audittest.Tenant(2), time.Now(), "verification.started")
		time.Sleep(3 * time.Second)
		synctest.Wait()
		if len(first) != 0 {
			t.Error("told of what was before, or of another tenant")
		}
		m.bump(mine, time.Now(), "invitation.opened")
		time.Sleep(2 * time.Second)
		m.bump(mine, time.Now(), "verification.started")
		time.Sleep(2 * time.Second)
		synctest.Wait()
		for i, ch := range []<-chan Change{first, second} {
			got := <-ch
			if diff := cmp.Diff([]string{"invitation.opened", "verification.started"}, got.Kinds); diff != "" || len(ch) != 0 || !got.Of("invitation") || got.Of("factor") {
				t.Errorf("watcher %d: want what was not read merged -, got +:\n%s", i, diff)
			}
		}
		leave()
		synctest.Wait()
		if _, open := <-first; open {
			t.Error("the channel of one who left is open")
		}
		reads := m.read()
		time.Sleep(10 * time.Second)
		synctest.Wait()
		if m.read()-reads != 10 {
			t.Errorf("%d reads in ten seconds for one tenant, want 10", m.read()-reads)
		}
	}) // the bubble ends with its context: a goroutine that is left over fails the test
}

func TestWatch_ends_its_polling_with_the_last_watcher_and_refuses_too_many(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newMemStore()
		s := service(t, m)
		ctx, leave := context.WithCancel(t.Context())
		for i := range mostWatched {
			if _, err := s.Watch(ctx, audittest.Tenant(i/mostOfOne)); err != nil {
				t.Fatalf("watcher %d: %v", i, err)
			}
		}
		if _, err := s.Watch(ctx, audittest.Tenant(99)); !fault.Is(err, fault.Limited) {
			t.Errorf("one more of the process: %v", err)
		}
		leave()
		synctest.Wait()
		reads := m.read()
		time.Sleep(time.Minute)
		synctest.Wait()
		if m.read() != reads || len(s.watch.rooms) != 0 || s.watch.all != 0 {
			t.Errorf("%d reads while nobody watches, %d rooms", m.read()-reads, len(s.watch.rooms))
		}
		again, leaveAgain := context.WithCancel(t.Context())
		defer leaveAgain()
		for i := range mostOfOne + 1 {
			_, err := s.Watch(again, audittest.Tenant(1))
			if (i == mostOfOne) != fault.Is(err, fault.Limited) {
				t.Errorf("watcher %d of one tenant: %v", i, err)
			}
		}
	})
}

func TestNew_says_what_is_missing(t *testing.T) {
	t.Parallel()
	if _, err := New(Deps{}); err == nil {
		t.Error("made of nothing")
	}
}
