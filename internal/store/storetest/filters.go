package storetest

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
)

// everyFilter: whatever lists are filtered by, and together, what is asked for is listed, once and in order, page after page from either end.
func everyFilter(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	ten, contact := uid.NewTenant(now()), [16]byte{1}
	var all []invite.Invitation
	for i := range 150 {
		v := invite.Invitation{ID: uid.Random(now().Add(time.Duration(i*7%150) * time.Second)), Tenant: ten, Kind: invite.Fixed, Status: invite.Statuses[i%7], Mobile2FA: i%5 < 2,
			Reference: []string{"", "one", "many"}[i%3], CreatedAt: now(), UpdatedAt: now(), Version: 1}
		if i%4 == 0 {
			v.EmailIndex = contact
		}
		v.Link = invite.Link{N: 1, Hash: [32]byte{byte(i), 1}, MadeAt: now()}
		if err := db.CreateInvitation(t.Context(), v, nil, outbox.Effects{}); err != nil {
			t.Fatal(err)
		}
		if i%2 == 1 { // of some that were sent
			v.Link.Carried = []invite.Carried{{State: delivery.Unknown}}
			alter(t, db, &v, now(), func(stored *invite.Invitation) { stored.Link = v.Link })
		}
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b invite.Invitation) int { return bytes.Compare(a.ID[:], b.ID[:]) })
	for _, f := range filters(&contact) {
		var want []uid.ID
		for i := range all {
			if v := &all[i]; (f.Status == "" || v.Status == f.Status) && (f.Mobile2FA == nil || v.Mobile2FA == *f.Mobile2FA) &&
				(f.Reference == "" || v.Reference == f.Reference) && (f.Contact == nil || v.EmailIndex == *f.Contact) && (!f.LinkUnknown || v.LinkUnknown()) {
				want = append(want, v.ID)
			}
		}
		if !f.OldestFirst {
			slices.Reverse(want)
		}
		if diff := cmp.Diff(want, listedBy(t, db, ten, f)); diff != "" {
			t.Errorf("%+v: want -, got +:\n%s", f, diff)
		}
	}
}

// filters are all that can be asked for together, from both ends.
func filters(contact *[16]byte) (list []invite.Filter) {
	yes, no := true, false
	for _, status := range append([]invite.Status{""}, invite.Statuses[:8]...) { // nobody is in the eighth
		for _, gate := range []*bool{nil, &yes, &no} {
			for _, reference := range []string{"", "one", "many", "none"} {
				for _, who := range []*[16]byte{nil, contact} {
					for _, unknown := range []bool{false, true} {
						for _, first := range []bool{false, true} {
							list = append(list, invite.Filter{Status: status, Mobile2FA: gate, Reference: reference, Contact: who, LinkUnknown: unknown, OldestFirst: first})
						}
					}
				}
			}
		}
	}
	return list
}

// listedBy are the ids of what f lists, seven a page.
func listedBy(t *testing.T, db *store.DB, ten uid.Tenant, f invite.Filter) (ids []uid.ID) {
	t.Helper()
	f.Limit = 7
	for {
		page, err := db.Invitations(t.Context(), ten, f)
		if err != nil {
			t.Fatalf("%+v: %v", f, err)
		}
		for i := range page {
			ids = append(ids, page[i].ID)
		}
		if len(page) < f.Limit {
			return ids
		}
		if last := page[len(page)-1].ID; f.OldestFirst {
			f.From = last.Next()
		} else {
			f.To = last
		}
	}
}
