package storetest

import (
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
)

// invitation is one that was made at a time, with events of those types.
func invitation(t *testing.T, db *store.DB, at time.Time, kinds ...string) invite.Invitation {
	t.Helper()
	v := invite.Invitation{ID: uid.Random(at), Tenant: uid.NewTenant(at), Kind: invite.Fixed, Status: invite.Created, CreatedAt: at, UpdatedAt: at, Version: 1}
	v.Link = invite.Link{N: 1, Hash: [32]byte(slices.Concat(v.ID[:], v.Tenant[:])), MadeAt: at}
	if err := db.CreateInvitation(t.Context(), v, nil, outbox.Effects{Events: about(&v, at, kinds...)}); err != nil {
		t.Fatalf("create an invitation: %v", err)
	}
	return v
}

func about(v *invite.Invitation, at time.Time, kinds ...string) (events []audit.Event) {
	for _, kind := range kinds {
		events = append(events, audit.Event{ID: uid.New(at, v.ID.Bucket()), Tenant: v.Tenant, Type: kind, Object: v.ID, At: at, Actor: "system"})
	}
	return events
}

// alter changes one, with events of those types.
func alter(t *testing.T, db *store.DB, v *invite.Invitation, at time.Time, do func(v *invite.Invitation), kinds ...string) {
	t.Helper()
	if err := db.ChangeInvitation(t.Context(), v.Tenant, v.ID, func(v *invite.Invitation) (outbox.Effects, error) {
		do(v)
		return outbox.Effects{Events: about(v, at, kinds...)}, nil
	}); err != nil {
		t.Fatalf("change an invitation: %v", err)
	}
}

func linkReferences(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	v := invitation(t, db, now())
	for _, c := range []invite.Carried{
		{Channel: delivery.SMS, Provider: "main", Reference: "SM1", State: delivery.Sent, At: now()},
		{Channel: delivery.Email, Provider: "post", State: delivery.Sent, At: now()},
	} {
		alter(t, db, &v, now(), func(v *invite.Invitation) { v.Link.Carried = append(v.Link.Carried, c) })
	}
	owner, named, err := db.Reference(t.Context(), "main", "SM1")
	if err != nil || owner != v.Tenant || named != (delivery.ID{Invitation: v.ID}) {
		t.Errorf("reference: %v %v %v", owner, named, err)
	}
	other := invitation(t, db, now())
	alter(t, db, &other, now(), func(v *invite.Invitation) {
		v.Link.Carried = []invite.Carried{{Channel: delivery.SMS, Provider: "main", Reference: "SM1", State: delivery.Sent, At: now()}}
	})
	if owner, _, err := db.Reference(t.Context(), "main", "SM1"); err != nil || owner != v.Tenant {
		t.Errorf("a reference that is used again leads to %v (%v), not to whose it was", owner, err)
	}
	alter(t, db, &v, now(), func(v *invite.Invitation) { v.Link = invite.Link{N: 2, Hash: [32]byte{2}, MadeAt: now()} })
	if n := Count(t, e, "provider_reference"); n != 1 {
		t.Errorf("%d references", n)
	}
	db.Now = func() time.Time { return now().AddDate(0, 0, 8) }
	if _, err := db.Sweep(t.Context(), store.Retention{Contacts: 24 * time.Hour}); err != nil {
		t.Fatal(err)
	}
	if _, _, err := db.Reference(t.Context(), "main", "SM1"); !fault.Is(err, fault.NotFound) {
		t.Errorf("after a week: %v", err)
	}
}

func timelinesSwept(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	before := now().Truncate(24 * time.Hour)
	if err := e.Partitions(t.Context(), before.AddDate(0, 0, -2)); err != nil {
		t.Fatalf("partitions: %v", err)
	}
	if err := e.Partitions(t.Context(), now()); err != nil {
		t.Fatalf("partitions: %v", err)
	}
	old := invitation(t, db, before.AddDate(0, 0, -2), "a", "b")
	alter(t, db, &old, before.Add(-time.Hour), func(v *invite.Invitation) { v.Posted = letters(v, before.Add(-time.Hour), 1) }, "c")
	alter(t, db, &old, before, func(v *invite.Invitation) { v.Posted = letters(v, before, 2) }, "d")
	young := invitation(t, db, now(), "a")
	for range 2 {
		if err := db.DropEvents(t.Context(), uid.Floor(before)); err != nil {
			t.Fatalf("drop events: %v", err)
		}
	}
	for _, one := range []struct {
		v    invite.Invitation
		want []string
	}{{old, []string{"d"}}, {young, []string{"a"}}} {
		var kinds []string
		events, err := db.InvitationEvents(t.Context(), one.v.Tenant, one.v.ID, uid.ID{}, 10)
		for _, e := range events {
			kinds = append(kinds, e.Type)
		}
		if err != nil || !slices.Equal(kinds, one.want) {
			t.Errorf("a timeline: %v %v, want %v", kinds, err, one.want)
		}
	}
	if n := Count(t, e, "invitation_event"); n != 2 {
		t.Errorf("%d rows are left, want those of the two events", n)
	}
	if n := Count(t, e, "invitation_message"); n != 1 {
		t.Errorf("%d messages are left, want the one that is not older", n)
	}
}

// letters are message n of an invitation, at a time.
func letters(v *invite.Invitation, at time.Time, n int) []invite.Dispatch {
	return []invite.Dispatch{{ID: uid.New(at, v.ID.Bucket()), Invitation: v.ID, N: n, Kind: invite.NoticeInvitation, Channel: delivery.SMS, To: "+1 ••• 123",
		Index: [16]byte{byte(n)}, State: delivery.Sent, At: at, UpdatedAt: at}}
}

// lettersErased: whom a message went to is blanked by the recipient alone, also where the invitation has another contact by now.
func lettersErased(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	v := invitation(t, db, now())
	alter(t, db, &v, now(), func(v *invite.Invitation) { v.Posted = append(letters(v, now(), 1), letters(v, now(), 2)...) })
	stranger := uid.NewTenant(now())
	for _, tenant := range []uid.Tenant{stranger, v.Tenant} {
		if _, err := db.EraseRecipient(t.Context(), tenant, 0, [16]byte{1}); err != nil {
			t.Fatal(err)
		}
		list, err := db.DispatchesOf(t.Context(), v.Tenant, v.ID)
		if err != nil || len(list) != 2 {
			t.Fatalf("%d messages, %v", len(list), err)
		}
		for _, m := range list {
			if erased := m.N == 1 && tenant == v.Tenant; (m.To == "") != erased || (m.Index == [16]byte{}) != erased {
				t.Errorf("message %d is to %q, by %x", m.N, m.To, m.Index)
			}
		}
	}
}

// invitationsOfAContact: those to a contact are found by either of their two, each once, as many as are asked for from the end that is.
func invitationsOfAContact(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	ann, bob := [16]byte{1}, [16]byte{2}
	tenant := uid.NewTenant(now())
	var all []uid.ID
	for i, c := range [][2][16]byte{{ann, {}}, {{}, ann}, {bob, {}}, {ann, ann}, {bob, ann}} { // e-mail, number
		at := now().Add(time.Duration(i) * time.Second)
		v := invite.Invitation{ID: uid.Random(at), Tenant: tenant, Status: invite.Created, EmailIndex: c[0], PhoneIndex: c[1], CreatedAt: at, UpdatedAt: at, Version: 1}
		v.Link = invite.Link{N: 1, Hash: [32]byte{byte(i + 1)}, MadeAt: at}
		if err := db.CreateInvitation(t.Context(), v, nil, outbox.Effects{}); err != nil {
			t.Fatal(err)
		}
		all = append(all, v.ID)
	}
	for _, c := range []struct {
		f    invite.Filter
		want []int
	}{
		{invite.Filter{Contact: &ann, Limit: 9}, []int{4, 3, 1, 0}},
		{invite.Filter{Contact: &ann, Limit: 2}, []int{4, 3}},
		{invite.Filter{Contact: &ann, Limit: 3, OldestFirst: true}, []int{0, 1, 3}},
		{invite.Filter{Contact: &bob, Limit: 1}, []int{4}},
		{invite.Filter{Contact: &ann, Status: invite.Created, Limit: 2}, []int{4, 3}},
	} {
		list, err := db.Invitations(t.Context(), tenant, c.f)
		var got []int
		for _, v := range list {
			got = append(got, slices.Index(all, v.ID))
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%+v: %v, %v; want %v", c.f, got, err, c.want)
		}
	}
}
