package storetest

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// Apart changes a few recipients through two stores over one database, each with an engine of its own, in turns at random,
// and asks that a decision always sees what the last one has left, whichever store made it.
func Apart(t *testing.T, dbs [2]*store.DB) {
	t.Helper()
	type recipient struct {
		first *verify.Verification
		open  uid.ID
		seen  map[uid.ID]verify.Verification // as the last decision left them
		sends int
	}
	tenant := uid.NewTenant(now())
	people := make([]*recipient, 3)
	for i := range people {
		people[i] = &recipient{first: sample(tenant), seen: map[uid.ID]verify.Verification{}}
	}
	compare := func(p *recipient, h *verify.Held, want uid.ID) error {
		v, known := p.seen[want]
		switch {
		case known != (h.V != nil):
			return fmt.Errorf("found %v, want %v", h.V != nil, known)
		case known && (h.V.ID != want || h.V.Status != v.Status || h.V.Checks != v.Checks):
			return fmt.Errorf("found %s %s with %d checks, want %s %s with %d", h.V.ID, h.V.Status, h.V.Checks, v.ID, v.Status, v.Checks)
		case h.Contact.Sends.Len() != p.sends:
			return fmt.Errorf("found %d sends, want %d", h.Contact.Sends.Len(), p.sends)
		}
		return nil
	}
	// start is a start: a new verification, or one more send of the open one.
	start := func(p *recipient, db *store.DB) {
		var left verify.Verification
		err := db.Change(t.Context(), place(p.first), func(h *verify.Held) (outbox.Effects, error) {
			if err := compare(p, h, p.open); err != nil {
				return outbox.Effects{}, err
			}
			h.Contact.Sends.Add(now())
			if h.V == nil {
				h.Create = p.first.Copy()
				h.Create.ID = uid.New(now(), p.first.ID.Bucket())
				left = *h.Create.Copy()
				return outbox.Effects{}, nil
			}
			h.V.ResendAt = now()
			left = *h.V.Copy()
			return outbox.Effects{}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		p.open, p.seen[left.ID] = left.ID, left
		p.sends++
	}
	// check is a wrong check, or with end the last change of a verification.
	check := func(p *recipient, db *store.DB, id uid.ID, end bool) {
		var left verify.Verification
		err := db.Change(t.Context(), verify.Target{Tenant: tenant, ID: id}, func(h *verify.Held) (outbox.Effects, error) {
			if err := compare(p, h, id); err != nil {
				return outbox.Effects{}, err
			}
			if h.V.Status == verify.Pending {
				h.V.Checks++
				if end {
					h.V.Status, h.V.EndedAt = verify.Canceled, now()
				}
			}
			left = *h.V.Copy()
			return outbox.Effects{}, nil
		})
		if err != nil {
			t.Fatal(err)
		}
		p.seen[id] = left
		if p.open == id && left.Status != verify.Pending {
			p.open = uid.ID{}
		}
	}
	for range 600 {
		p, db := people[rand.IntN(len(people))], dbs[rand.IntN(2)]
		switch n := rand.IntN(10); {
		case n < 3 && p.sends < 20:
			start(p, db)
		default:
			for id := range p.seen { // any
				check(p, db, id, n > 7)
				break
			}
		}
	}
}

// staysAsRead is about a server that was started again: what it remembers of a verification it has read, and not written.
func staysAsRead(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	all := make([]*verify.Verification, 3)
	for i := range all {
		all[i] = sample(uid.NewTenant(now()))
		all[i].Recipient = fmt.Append(nil, "recipient ", i)
		all[i].Code.Custom, all[i].Transaction = fmt.Append(nil, "code ", i), fmt.Append(nil, "transaction ", i)
		create(t, db, all[i])
	}
	again := another(t, e, nil)
	for range 2 {
		for _, v := range all {
			v.Checks++
			err := again.Change(t.Context(), byID(v), func(h *verify.Held) (outbox.Effects, error) {
				h.V.Checks++
				if diff := cmp.Diff(v, h.V, sameTimes); diff != "" {
					t.Errorf("held: want -, got +:\n%s", diff)
				}
				return outbox.Effects{}, nil
			})
			if err != nil {
				t.Fatalf("change: %v", err)
			}
			if diff := cmp.Diff(v, read(t, db, v), sameTimes); diff != "" {
				t.Errorf("written: want -, got +:\n%s", diff)
			}
		}
	}
}
