package storetest

import (
	"crypto/rand"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/attention"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// needy holds each condition to the rows that it is of.
func needy(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	at := now()
	mine := owner(t, db, at)
	other := owner(t, db, at)
	s := attention.New(db, func() []attention.Provider {
		return []attention.Provider{{Name: "good"}, {Name: "bad", Failing: true, Since: at}}
	})
	if got, err := s.Look(t.Context(), other); err != nil || len(got) != 1 || got[0].Object != "bad" {
		t.Errorf("of a tenant with nothing: %+v %v", got, err)
	}
	inv := undeliverable(t, db, mine, at.Add(-time.Hour))
	undeliverable(t, db, mine, at.Add(-8*24*time.Hour))
	lost := unknown(t, db, mine, at)
	gone := endpointOf(t, db, mine, false, webhook.OffGone, at)
	endpointOf(t, db, mine, false, webhook.OffByOwner, at)
	bad, good := endpointOf(t, db, mine, true, "", at), endpointOf(t, db, mine, true, "", at)
	tries(t, db, mine, bad, at, webhook.Dead, webhook.Dead, webhook.Pending)
	tries(t, db, mine, good, at, webhook.Pending, webhook.Pending, webhook.Delivered)
	buried := uid.Random(at)
	tamper(t, e, `INSERT INTO job (bucket, id, kind, tenant, object, n, due_us, attempt, claim_us, dead) VALUES ($1, $2, 'send', $3, $2, 1, 5, 0, 5, $4)`,
		int64(buried.Bucket()), buried[:], mine[:], true)
	old := keyOf(t, db, mine, at.Add(-400*24*time.Hour), at)
	idle := keyOf(t, db, mine, at.Add(-100*24*time.Hour), time.Time{})
	keyOf(t, db, mine, at, time.Time{})
	tamper(t, e, `INSERT INTO audit_pending (bucket, batch, entries) VALUES (1, $1, $2)`, uid.Random(at.Add(-2*time.Minute)), make([]byte, 48))
	got, err := s.Look(t.Context(), mine)
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, c := range got {
		lines = append(lines, fmt.Sprint(c.Kind, " ", c.Severity, " ", c.Count, " ", c.Object))
	}
	want := []string{
		"provider_failing 2 1 bad", "events_unsealed 2 1 ", "jobs_dead 2 1 " + buried.Text(uid.Job), "webhook_off 1 1 " + gone.Text(uid.Webhook),
		"webhook_failing 1 1 " + bad.Text(uid.Webhook), "webhook_dead 1 2 *", "invitations_undeliverable 1 1 " + inv.Text(uid.Invitation),
		"invitations_unknown 1 1 " + lost.Text(uid.Invitation),
		"keys_old 0 1 " + old.Text(uid.Key), "keys_unused 0 1 " + idle.Text(uid.Key),
	}
	if len(lines) == len(want) {
		lines[5] = lines[5][:len(want[5])-1] + "*"
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	if got, err := s.Look(t.Context(), other); err != nil || len(got) != 2 { // the log is everybody's
		t.Errorf("of the other tenant: %+v %v", got, err)
	}
}

func owner(t *testing.T, db *store.DB, at time.Time) uid.Tenant {
	t.Helper()
	ten := tenant.Tenant{ID: uid.NewTenant(at), Name: "acme", CreatedAt: at, UpdatedAt: at}
	if err := db.CreateTenant(t.Context(), ten, tenant.Service{ID: uid.Random(at), Tenant: ten.ID, Name: "acme", Default: true, CreatedAt: at, UpdatedAt: at, Version: 1},
		outbox.Effects{}); err != nil {
		t.Fatal(err)
	}
	return ten.ID
}

func endpointOf(t *testing.T, db *store.DB, ten uid.Tenant, on bool, off string, at time.Time) uid.ID {
	t.Helper()
	e := webhook.Endpoint{ID: uid.Random(at), Tenant: ten, URL: "https://example.com/", Secret: []byte{1}, Enabled: on, Off: off, Since: at, CreatedAt: at, UpdatedAt: at, Version: 1}
	if err := db.CreateEndpoint(t.Context(), e, 100, nil, outbox.Effects{}); err != nil {
		t.Fatal(err)
	}
	return e.ID
}

func tries(t *testing.T, db *store.DB, ten uid.Tenant, endpoint uid.ID, at time.Time, states ...webhook.State) {
	t.Helper()
	for _, s := range states {
		d := webhook.Delivery{ID: uid.Random(at), Tenant: ten, Endpoint: endpoint, Event: uid.Random(at), Type: "a.b", State: s, Tries: 3, CreatedAt: at, UpdatedAt: at}
		if err := db.AddDelivery(t.Context(), d, nil, outbox.Effects{}); err != nil {
			t.Fatal(err)
		}
	}
}

func undeliverable(t *testing.T, db *store.DB, ten uid.Tenant, at time.Time) uid.ID {
	t.Helper()
	v := invite.Invitation{ID: uid.Random(at), Tenant: ten, Status: invite.Undeliverable, CreatedAt: at, UpdatedAt: at, Version: 1}
	_, _ = rand.Read(v.Link.Hash[:])
	if err := db.CreateInvitation(t.Context(), v, nil, outbox.Effects{}); err != nil {
		t.Fatal(err)
	}
	return v.ID
}

// unknown makes one whose link may not have left, and one that has got there by another channel.
func unknown(t *testing.T, db *store.DB, ten uid.Tenant, at time.Time) (lost uid.ID) {
	t.Helper()
	for _, states := range [][]delivery.State{{delivery.Unknown, delivery.Sent}, {delivery.Failed, delivery.Unknown}} {
		lost = undeliverable(t, db, ten, at)
		if err := db.ChangeInvitation(t.Context(), ten, lost, func(v *invite.Invitation) (outbox.Effects, error) {
			v.Status = invite.Sent
			for _, s := range states {
				v.Link.Carried = append(v.Link.Carried, invite.Carried{State: s})
			}
			return outbox.Effects{}, nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	return lost
}

func keyOf(t *testing.T, db *store.DB, ten uid.Tenant, made, used time.Time) uid.ID {
	t.Helper()
	k := tenant.Key{ID: uid.Random(made), Tenant: ten, Name: "a", CreatedAt: made, LastUsed: used}
	_, _ = rand.Read(k.Hash[:])
	if err := db.CreateKey(t.Context(), k, nil, outbox.Effects{}); err != nil {
		t.Fatal(err)
	}
	return k.ID
}
