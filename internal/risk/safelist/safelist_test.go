package safelist_test

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/factor/factortest"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/risk/safelist"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlite"
	"github.com/countersign/countersign/internal/store/storetest"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

const number = "+12025550123"

// desk is a list over a database of its own.
type desk struct {
	*safelist.List
	db   *store.DB
	dir  string
	ring *seal.Ring
	by   safelist.Caller
}

func setup(t *testing.T, limit ratelimit.Limit) *desk {
	t.Helper()
	d := &desk{dir: t.TempDir(), by: safelist.Caller{Tenant: uid.NewTenant(time.Now()), Actor: "key:key_1", RequestID: "req_1"}}
	e, err := sqlite.Open(t.Context(), d.dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Schema(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	d.db = storetest.Start(t, e, nil)
	if d.ring, err = factortest.Ring(); err != nil {
		t.Fatal(err)
	}
	d.List, err = safelist.New(safelist.Config{Rules: recipient.Rules{Fiction: true}, Limit: limit}, d.ring, d.db)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func is(t *testing.T, err error, kind fault.Kind, code string) {
	t.Helper()
	if f := fault.As(err); f.Kind != kind || f.Code != code {
		t.Errorf("%v, want %s", err, code)
	}
}

func TestANumberIsListedFoundAndRemoved(t *testing.T) {
	t.Parallel()
	d := setup(t, safelist.DefaultLimit())
	holds := func(want bool) {
		t.Helper()
		if got, err := d.Holds(t.Context(), d.by.Tenant, d.ring.BlindIndex(d.by.Tenant, number)); got != want || err != nil {
			t.Errorf("listed %v %v, want %v", got, err, want)
		}
	}
	holds(false)
	made, err := d.Add(t.Context(), d.by, "+1 (202) 555-0123")
	if err != nil || made.Value != number {
		t.Fatalf("%+v %v", made, err)
	}
	holds(true)
	if got, err := d.Number(t.Context(), d.by, number); err != nil || got != made {
		t.Errorf("found %+v %v, want %+v", got, err, made)
	}
	_, err = d.Add(t.Context(), d.by, number)
	is(t, err, fault.Conflict, "safe_number_exists")
	other := safelist.Caller{Tenant: uid.NewTenant(time.Now())}
	_, err = d.Number(t.Context(), other, number)
	is(t, err, fault.NotFound, "safe_number_not_found")
	is(t, d.Remove(t.Context(), other, number), fault.NotFound, "safe_number_not_found")
	if err := d.Remove(t.Context(), d.by, number); err != nil {
		t.Fatal(err)
	}
	holds(false)
	is(t, d.Remove(t.Context(), d.by, number), fault.NotFound, "safe_number_not_found")
	for _, bad := range []string{"", "123", "a@example.com"} {
		_, err := d.Add(t.Context(), d.by, bad)
		if f := fault.As(err); f.Kind != fault.Invalid || f.Field != "phone_number" {
			t.Errorf("%q: %v", bad, err)
		}
	}
}

func TestNoNumberOfAListIsInTheDatabaseAndItsEventsNameItToItsOwnerAlone(t *testing.T) {
	t.Parallel()
	d := setup(t, safelist.DefaultLimit())
	if _, err := d.Add(t.Context(), d.by, number); err != nil {
		t.Fatal(err)
	}
	if err := d.Remove(t.Context(), d.by, number); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Add(t.Context(), d.by, number); err != nil {
		t.Fatal(err)
	}
	events, err := d.db.Events(t.Context(), uid.ID{}, uid.ID{0xff}, 10)
	if err != nil || len(events) != 3 {
		t.Fatalf("%d events %v, want one for each change", len(events), err)
	}
	for _, e := range events {
		if who, err := verify.OpenSubject(d.ring, &e); who != number || err != nil || e.Actor != d.by.Actor || e.RequestID != d.by.RequestID {
			t.Errorf("%s by %s names %q %v", e.Type, e.Actor, who, err)
		}
		if e.ID.Bucket() != d.ring.Bucket(d.by.Tenant, number) {
			t.Errorf("%s lies where the rights of the person don't reach it", e.Type)
		}
	}
	files, err := filepath.Glob(filepath.Join(d.dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("2025550123")) {
			t.Errorf("the number is in %s", filepath.Base(f))
		}
	}
}

func TestATenantAsksItsListThirtyTimesAMinute(t *testing.T) {
	t.Parallel()
	d := setup(t, safelist.DefaultLimit())
	at := time.Now()
	d.Now = func() time.Time { return at }
	var limited atomic.Int64
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			if _, err := d.Number(t.Context(), d.by, number); fault.Is(err, fault.Limited) {
				limited.Add(1)
			}
		})
	}
	wg.Wait()
	if limited.Load() != 2 {
		t.Errorf("%d of 32 requests were limited, want 2", limited.Load())
	}
	_, err := d.Add(t.Context(), d.by, number)
	is(t, err, fault.Limited, "safe_list_limited")
	if wait := fault.As(err).RetryAfter; wait < time.Minute || wait > time.Minute+100*time.Millisecond {
		t.Errorf("wait %s", wait)
	}
	if _, err := d.Add(t.Context(), safelist.Caller{Tenant: uid.NewTenant(at)}, number); err != nil {
		t.Errorf("another tenant: %v", err)
	}
	if listed, err := d.Holds(t.Context(), d.by.Tenant, d.ring.BlindIndex(d.by.Tenant, number)); listed || err != nil {
		t.Errorf("what was refused was done: %v %v", listed, err)
	}
	at = at.Add(time.Minute + 100*time.Millisecond)
	if _, err := d.Add(t.Context(), d.by, number); err != nil {
		t.Errorf("a minute later: %v", err)
	}
}
