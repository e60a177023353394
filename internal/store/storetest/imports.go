package storetest

import (
	"errors"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
)

// importsSwept: an import goes with its rows a week after its end, or a month after its beginning when it has none. No other goes.
func importsSwept(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	at := now()
	tenant := uid.NewTenant(at)
	bring := func(finished time.Time) invite.Import {
		t.Helper()
		im := invite.Import{Tenant: tenant, ID: uid.Random(at), Rows: 2, Accepted: 2, CreatedAt: at, FinishedAt: finished}
		rows := []invite.ImportRow{{N: 2, State: invite.RowCreated, Label: []byte{1}}, {N: 3, State: invite.RowWaiting, Sealed: []byte{1}, Label: []byte{1}}}
		if err := db.CreateImport(t.Context(), im, rows, nil, outbox.Effects{}); err != nil {
			t.Fatal(err)
		}
		return im
	}
	done, later, never := bring(at), bring(at.Add(48*time.Hour)), bring(time.Time{})
	for range 40 { // several pages
		bring(at)
	}
	clock := db.Now
	for _, c := range []struct {
		days    int
		gone    []invite.Import
		there   []invite.Import
		imports int
	}{
		{6, nil, []invite.Import{done, later, never}, 43},
		{8, []invite.Import{done}, []invite.Import{later, never}, 2},
		{29, []invite.Import{done, later}, []invite.Import{never}, 1},
		{31, []invite.Import{done, later, never}, nil, 0},
	} {
		db.Now = func() time.Time { return clock().AddDate(0, 0, c.days) }
		if _, err := db.Sweep(t.Context(), store.Retention{Contacts: time.Hour}); err != nil {
			t.Fatal(err)
		}
		for _, im := range c.gone {
			if _, err := db.Import(t.Context(), tenant, im.ID); !errors.Is(err, invite.ErrNotFound) {
				t.Errorf("after %d days: %v", c.days, err)
			}
		}
		for _, im := range c.there {
			if _, err := db.Import(t.Context(), tenant, im.ID); err != nil {
				t.Errorf("after %d days: %v", c.days, err)
			}
		}
		if n, rows := Count(t, e, "invitation_import"), Count(t, e, "invitation_import_row"); n != c.imports || rows != 2*n {
			t.Errorf("after %d days: %d imports and %d rows, want %d", c.days, n, rows, c.imports)
		}
	}
}

// importsKeepTheirRules: an import is kept with what its sender allowed.
func importsKeepTheirRules(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	for _, allowed := range []bool{false, true} {
		im := invite.Import{Tenant: uid.NewTenant(now()), ID: uid.Random(now()), Rows: 1, AllowOpen: allowed, CreatedAt: now(), FinishedAt: now()}
		if err := db.CreateImport(t.Context(), im, nil, nil, outbox.Effects{}); err != nil {
			t.Fatal(err)
		}
		got, err := db.Import(t.Context(), im.Tenant, im.ID)
		list, wrong := db.Imports(t.Context(), im.Tenant, uid.Page{Limit: 2})
		if err != nil || wrong != nil || len(list) != 1 || got != im || list[0] != im {
			t.Errorf("kept as %+v, %v; listed as %+v, %v; want %+v", got, err, list, wrong, im)
		}
	}
}
