package storetest

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/audit/audittest"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// many is so many events of one moment that random ids are never in order by chance.
const many = 12

// kinds are "0", "1", and so on.
func kinds(n int) (all []string) {
	for i := range n {
		all = append(all, fmt.Sprint(i))
	}
	return all
}

func kindsOf(events []audit.Event) (all []string) {
	for _, e := range events {
		all = append(all, e.Type)
	}
	return all
}

// logged are the events of an object in the audit list, and in the sealed log, which webhooks follow.
func logged(t *testing.T, db *store.DB, tenant uid.Tenant, object uid.ID) (list, log []audit.Event) {
	t.Helper()
	head, err := audittest.Sealer(t, audit.SealerConfig{}, db).SealNow(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ids, err := audit.Order(t.Context(), db, 0, head.Size)
	if err != nil {
		t.Fatal(err)
	}
	page, err := audit.BrowseEvents(t.Context(), db, audit.Query{Tenant: tenant, Object: object, Page: uid.Page{Limit: 100}})
	if err != nil {
		t.Fatal(err)
	}
	log = slices.Clone(page.Events)
	slices.SortFunc(log, func(a, b audit.Event) int { return slices.Index(ids, a.ID) - slices.Index(ids, b.ID) })
	return page.Events, log
}

// inOrder: at one moment a verification and an invitation have many events, by one decision each.
func inOrder(t *testing.T, open opener) {
	db := open(t, nil)
	at, want := now(), kinds(many)
	v := sample(uid.NewTenant(at))
	if err := db.Change(t.Context(), place(v), func(h *verify.Held) (outbox.Effects, error) {
		var events []audit.Event
		for _, kind := range want {
			events = append(events, audit.Event{ID: uid.New(at, v.ID.Bucket()), Tenant: v.Tenant, Type: kind, Object: v.ID, At: at, Actor: "system"})
		}
		h.Create = v.Copy()
		return outbox.Effects{Events: events}, nil
	}); err != nil {
		t.Fatal(err)
	}
	inv := invitation(t, db, at, want[:5]...)
	alter(t, db, &inv, at.Add(time.Microsecond), func(*invite.Invitation) {}, want[5:]...)

	timeline, err := db.InvitationEvents(t.Context(), inv.Tenant, inv.ID, uid.ID{}, 100)
	if err != nil || !slices.Equal(kindsOf(timeline), want) {
		t.Errorf("timeline of the invitation: %v, %v", kindsOf(timeline), err)
	}
	for name, of := range map[string]struct {
		tenant uid.Tenant
		object uid.ID
	}{"verification": {v.Tenant, v.ID}, "invitation": {inv.Tenant, inv.ID}} {
		list, log := logged(t, db, of.tenant, of.object)
		if !slices.Equal(kindsOf(list), want) || !slices.Equal(kindsOf(log), want) {
			t.Errorf("%s: listed %v, in the log %v", name, kindsOf(list), kindsOf(log))
		}
	}
}

// inOrderOfImports: rows of an import that fall into one bucket at one moment take nothing of one another.
func inOrderOfImports(t *testing.T, open opener) {
	db := open(t, nil)
	at := now()
	im := invite.Import{Tenant: uid.NewTenant(at), ID: uid.New(at, 9), Rows: many, Accepted: many, CreatedAt: at}
	var rows []invite.ImportRow
	for i := range many {
		rows = append(rows, invite.ImportRow{N: i + 2, State: invite.RowWaiting, Invitation: uid.New(at, 9), Sealed: []byte{1}, Label: []byte{byte(i)}})
	}
	if err := db.CreateImport(t.Context(), im, rows, nil, outbox.Effects{}); err != nil {
		t.Fatal(err)
	}
	if err := db.StepImport(t.Context(), im.Tenant, im.ID, func(im *invite.Import) (out invite.ImportStep, err error) {
		for i, r := range rows {
			v := invite.Invitation{ID: r.Invitation, Tenant: im.Tenant, Kind: invite.Fixed, Status: invite.Created, CreatedAt: at, UpdatedAt: at, Version: 1}
			v.Link = invite.Link{N: 1, Hash: [32]byte{1, byte(i)}, MadeAt: at}
			out.Made = append(out.Made, invite.Made{Invitation: v, Events: about(&v, at, "made", "told")})
			r.State, r.Sealed = invite.RowCreated, nil
			out.Rows = append(out.Rows, r)
		}
		out.Effects.Events = []audit.Event{{ID: uid.New(at, 9), Tenant: im.Tenant, Type: "finished", Object: im.ID, At: at, Actor: "system"}}
		return out, nil
	}); err != nil {
		t.Fatal(err)
	}
	for i, r := range rows {
		timeline, err := db.InvitationEvents(t.Context(), im.Tenant, r.Invitation, uid.ID{}, 10)
		if want := []string{"made", "told"}; err != nil || !slices.Equal(kindsOf(timeline), want) || timeline[0].Object != r.Invitation {
			t.Errorf("timeline of row %d: %v, %v", i, kindsOf(timeline), err)
		}
	}
	all, err := audit.BrowseEvents(t.Context(), db, audit.Query{Tenant: im.Tenant, Page: uid.Page{Limit: 100}})
	if err != nil || len(all.Events) != 2*many+1 || all.Events[0].Type != "finished" {
		t.Errorf("newest first, the log of the import: %v, %v", kindsOf(all.Events), err)
	}
}
