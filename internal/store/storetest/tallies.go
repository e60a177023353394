package storetest

import (
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/audit/audittest"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/tally"
	"github.com/countersign/countersign/internal/uid"
)

// counter makes what counts on a store.
func counter(t testing.TB, db *store.DB) *tally.Service {
	t.Helper()
	s, err := tally.New(tally.Deps{Store: db, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// happened is an event of a tenant about something new.
func happened(t uid.Tenant, at time.Time, kind, data string) audit.Event {
	object := uid.Random(at)
	e := audit.Event{ID: uid.New(at, object.Bucket()), Tenant: t, Type: kind, Object: object, At: at, Actor: "system"}
	if data != "" {
		e.Data = []byte(data)
	}
	return e
}

// record writes events.
func record(t testing.TB, db *store.DB, events ...audit.Event) {
	t.Helper()
	if err := db.Record(t.Context(), outbox.Effects{Events: events}); err != nil {
		t.Fatal(err)
	}
}

// sealAll seals what is pending.
func sealAll(t testing.TB, db *store.DB) {
	t.Helper()
	if _, err := audittest.Sealer(t, audit.SealerConfig{}, db).SealNow(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// counted: four followers count a log that grows, each event once; what fails in between leaves nothing.
func counted(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	mine, other, at := uid.NewTenant(now()), uid.NewTenant(now()), now()
	const commits, each = 40, 5
	var done atomic.Bool
	var wg sync.WaitGroup
	for range 4 {
		s := counter(t, db)
		wg.Go(func() {
			for last := false; !last; {
				last = done.Load()
				if err := s.CatchUp(t.Context()); err != nil && !errors.Is(err, tally.ErrMoved) {
					t.Errorf("count: %v", err)
				}
			}
		})
	}
	for i := range commits {
		var events []audit.Event
		for range each {
			events = append(events, happened(mine, at, "verification.started", ""))
		}
		failed := happened(mine, at, "verification.sent", `{"send":1,"deliveries":[{"n":1,"provider":"a","state":"failed"},{"n":2,"provider":"b","state":"sent"}]}`)
		record(t, db, append(events, failed, happened(other, at, "verification.approved", ""))...)
		if i%3 == 0 {
			sealAll(t, db)
		}
	}
	sealAll(t, db)
	done.Store(true)
	wg.Wait()
	if err := counter(t, db).CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	s := counter(t, db)
	r, err := s.Hours(t.Context(), mine, at, at.Add(time.Hour))
	want := tally.Count{Started: commits * each, Accepted: commits}
	if err != nil || r.Total != want || r.Behind != 0 || !r.Since.IsZero() {
		t.Errorf("%+v of %v, behind %d, since %v; want %+v", r.Total, err, r.Behind, r.Since, want)
	}
	r, err = s.Hours(t.Context(), other, at, at.Add(time.Hour))
	if want := (tally.Count{Approved: commits}); err != nil || r.Total != want {
		t.Errorf("the other tenant: %+v %v, want %+v", r.Total, err, want)
	}
	if n := Count(t, e, "message_failure"); n != commits {
		t.Errorf("%d failures are kept, want %d", n, commits)
	}
}

// guarded: counts are added only from where the position was, and with it.
func guarded(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	ten, at := uid.NewTenant(now()), now().Truncate(time.Hour)
	was, err := db.TallyPosition(t.Context())
	if err != nil || was.Index != -1 {
		t.Fatalf("a new database is counted up to %d, %v", was.Index, err)
	}
	row := tally.Row{Tenant: ten, Hour: at, Kind: "verification.started", N: 2}
	next := tally.Position{Index: 7, Since: at, At: at.Add(time.Minute)}
	for i := range 2 {
		err := db.AddTally(t.Context(), was, next, []tally.Row{row}, []tally.Failure{{Tenant: ten, Verification: uid.Random(at), N: 1}})
		if i == 0 && err != nil || i == 1 && !errors.Is(err, tally.ErrMoved) {
			t.Errorf("move %d: %v", i, err)
		}
	}
	if err := db.AddTally(t.Context(), next, next, []tally.Row{row}, nil); err != nil {
		t.Error(err)
	}
	got, err := db.Tally(t.Context(), ten, at, at.Add(time.Hour))
	row.N = 4
	if err != nil || len(got) != 1 || got[0] != row || Count(t, e, "message_failure") != 1 {
		t.Errorf("%+v %v, want %+v and one failure", got, err, row)
	}
	stands, err := db.TallyPosition(t.Context())
	if err != nil || fmt.Sprint(stands) != fmt.Sprint(next) {
		t.Errorf("the position is %+v %v, want %+v", stands, err, next)
	}
}

// talliesSwept: counts and failures go when their time is over.
func talliesSwept(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	ten, at := uid.NewTenant(now()), now().Truncate(time.Hour)
	was, err := db.TallyPosition(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	old, young := at.Add(-tally.Kept-2*time.Hour), at.Add(-tally.Kept+2*time.Hour)
	rows := []tally.Row{{Tenant: ten, Hour: old, Kind: "a.b", N: 1}, {Tenant: ten, Hour: young, Kind: "a.b", N: 1}}
	if err := db.AddTally(t.Context(), was, tally.Position{}, rows, []tally.Failure{
		{Tenant: ten, Verification: uid.Random(at.Add(-48 * time.Hour)), N: 1}, {Tenant: ten, Verification: uid.Random(at), N: 1},
	}); err != nil {
		t.Fatal(err)
	}
	if _, err := db.Sweep(t.Context(), store.Retention{Verifications: 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	if n, failures := Count(t, e, "tally"), Count(t, e, "message_failure"); n != 1 || failures != 1 {
		t.Errorf("%d counts and %d failures are left, want one of each", n, failures)
	}
}
