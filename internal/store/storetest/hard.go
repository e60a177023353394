package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// brokenFailsAlone puts a request that the database refuses, one with an id that is taken, into the middle of a batch.
func brokenFailsAlone(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	var l Ledger
	taken, err := l.Start(db)
	if err != nil {
		t.Fatalf("start: %v", err)
	}
	const size = 30
	broken := sample(l.entries[0].v.Tenant)
	broken.ID = taken
	requests := make([]func(*store.DB) error, size)
	for i := range requests {
		requests[i] = func(db *store.DB) error {
			if i != size/2 {
				_, err := l.Start(db)
				return err
			}
			return db.Change(t.Context(), place(broken), func(h *verify.Held) (outbox.Effects, error) {
				h.Create = broken.Copy()
				h.Contact.Sends.Add(now())
				return outbox.Effects{Events: []audit.Event{event(broken, "no")}, Jobs: []outbox.Job{job(broken)}}, nil
			})
		}
	}
	for i, err := range Together(t, e, requests...) {
		if i != size/2 && err != nil {
			t.Errorf("neighbour %d: %v", i, err)
		}
		if i == size/2 && !fault.Is(err, fault.Unavailable) {
			t.Errorf("the broken one: %v, want unavailable", err)
		}
	}
	if got := l.Compare(t, e); got.Acknowledged != size {
		t.Errorf("%+v, want %d acknowledged", got, size)
	}
	err = db.Change(t.Context(), place(broken), func(h *verify.Held) (outbox.Effects, error) {
		if h.V != nil || h.Contact.Sends.Len() != 0 {
			t.Errorf("the broken one left %v and %d sends", h.V, h.Contact.Sends.Len())
		}
		return outbox.Effects{}, nil
	})
	if err != nil {
		t.Errorf("look: %v", err)
	}
	if n := Count(t, e, "event"); n != size {
		t.Errorf("%d events, want %d", n, size)
	}
}

// takenAndLeft ends the open verification, begins another and ends that, all in one batch. The requests are alike, so
// that their order does not matter.
func takenAndLeft(t *testing.T, e store.Engine) {
	first := sample(uid.NewTenant(now()))
	create(t, Start(t, e, nil), first)
	next := func(db *store.DB) error {
		return db.Change(t.Context(), place(first), func(h *verify.Held) (outbox.Effects, error) {
			if h.V != nil {
				h.V.Status, h.V.EndedAt = verify.Approved, now()
				return outbox.Effects{}, nil
			}
			h.Create = first.Copy()
			h.Create.ID = uid.New(now(), first.ID.Bucket())
			return outbox.Effects{}, nil
		})
	}
	if err := errors.Join(Together(t, e, next, next, next)...); err != nil {
		t.Fatalf("change: %v", err)
	}
	if n, open := Count(t, e, "verification"), Count(t, e, "open_verification"); n != 2 || open != 0 {
		t.Errorf("%d verifications and %d open places, want 2 and 0", n, open)
	}
}

// tokensSwept asks that a server that was started often leaves nothing behind for it.
func tokensSwept(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	var l Ledger
	for range 3 {
		if err := errors.Join(Together(t, e, func(db *store.DB) error { _, err := l.Start(db); return err })...); err != nil {
			t.Fatalf("start: %v", err)
		}
	}
	for _, c := range []struct {
		after time.Duration
		want  int
	}{{time.Hour, 3}, {25 * time.Hour, 0}} {
		db.Now = func() time.Time { return now().Add(c.after) }
		if _, err := db.Sweep(t.Context(), store.Retention{Contacts: 24 * time.Hour}); err != nil {
			t.Fatalf("sweep: %v", err)
		}
		if n := Count(t, e, `commit_token WHERE length(owner) > 16`); n != c.want { // a node's id and the number of its lane
			t.Errorf("%d tokens after %v, want %d", n, c.after, c.want)
		}
	}
}

func randomLoad(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	var l Ledger
	l.Work(db, 32, 20)
	if got := l.Compare(t, e); got.Refused+got.Unknown != 0 {
		t.Errorf("%+v", got)
	}
}
