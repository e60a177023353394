package storetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/risk/safelist"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
)

// safeNumbers: of adds at once one wins, with the one event; what is removed is that entry; tenants are apart; and a person
// who is erased is on no list.
func safeNumbers(t *testing.T, e store.Engine) {
	db, at := Start(t, e, nil), now()
	mine := safelist.Entry{ID: uid.New(at, 7), Tenant: uid.NewTenant(at), Hash: [16]byte{1, 0xff}, CreatedAt: at}
	theirs := safelist.Entry{ID: uid.New(at, 7), Tenant: uid.NewTenant(at), Hash: mine.Hash, CreatedAt: at}
	told := func(e safelist.Entry, kind string) outbox.Effects {
		return outbox.Effects{Events: []audit.Event{{ID: uid.New(at, 7), Tenant: e.Tenant, Type: kind, Object: e.ID, At: at, Actor: "command"}}}
	}
	var won, lost atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			switch err := db.AddSafeNumber(t.Context(), mine, told(mine, "added")); {
			case err == nil:
				won.Add(1)
			case errors.Is(err, safelist.ErrExists):
				lost.Add(1)
			default:
				t.Errorf("add: %v", err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || lost.Load() != 7 || Count(t, e, "event") != 1 {
		t.Errorf("%d won, %d were told that it is there, %d events", won.Load(), lost.Load(), Count(t, e, "event"))
	}
	got, err := db.SafeNumber(t.Context(), mine.Tenant, mine.Hash)
	if diff := cmp.Diff(mine, got, sameTimes); err != nil || diff != "" {
		t.Errorf("%v, want -, got +:\n%s", err, diff)
	}
	if _, err := db.SafeNumber(t.Context(), theirs.Tenant, mine.Hash); !errors.Is(err, safelist.ErrNotFound) {
		t.Errorf("on another tenant's list: %v", err)
	}
	other := mine
	other.ID = uid.New(at, 7)
	for _, gone := range []safelist.Entry{theirs, other} {
		if err := db.RemoveSafeNumber(t.Context(), gone, told(gone, "removed")); !errors.Is(err, safelist.ErrNotFound) {
			t.Errorf("removed what is not there: %v", err)
		}
	}
	if err := db.RemoveSafeNumber(t.Context(), mine, told(mine, "removed")); err != nil || Count(t, e, "safe_number") != 0 || Count(t, e, "event") != 2 {
		t.Errorf("remove: %v, %d rows and %d events", err, Count(t, e, "safe_number"), Count(t, e, "event"))
	}
	for _, again := range []safelist.Entry{mine, theirs} {
		if err := db.AddSafeNumber(t.Context(), again, told(again, "added")); err != nil {
			t.Errorf("add again: %v", err)
		}
	}
	if _, err := db.EraseRecipient(t.Context(), mine.Tenant, 7, mine.Hash); err != nil || Count(t, e, "safe_number") != 1 {
		t.Errorf("erase: %v, %d rows, want that of the other tenant", err, Count(t, e, "safe_number"))
	}
}
