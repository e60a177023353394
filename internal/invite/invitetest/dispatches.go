package invitetest

import (
	"slices"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// dispatchCases are those of messages that are no codes.
var dispatchCases = []struct {
	name string
	run  func(*bench)
}{
	{"messages_commit_with_their_invitation_and_are_changed_by_their_name", (*bench).posted},
	{"messages_are_listed_in_both_directions_failures_by_themselves", (*bench).postedList},
}

// letter is message n of an invitation by SMS, in a state, placed at a time.
func letter(v *invite.Invitation, n int, state delivery.State, at time.Time) invite.Dispatch {
	return invite.Dispatch{ID: uid.New(at, v.ID.Bucket()), Invitation: v.ID, N: n, Kind: invite.NoticeReminder, Channel: delivery.SMS, To: "+1 ••• 23",
		Index: index(), Provider: "main", State: state, Error: "ü <e>", At: at, UpdatedAt: at}
}

// dispatchesOf reads what is there of one invitation.
func (b *bench) dispatchesOf(t uid.Tenant, id uid.ID) []invite.Dispatch {
	b.Helper()
	list, err := b.Store.DispatchesOf(b.Context(), t, id)
	b.ok(err)
	return list
}

func (b *bench) posted() {
	v := sample(uid.NewTenant(Noon), Noon)
	one, two := letter(&v, 1, delivery.Sending, Noon), letter(&v, 1, delivery.Sent, Noon.Add(time.Second))
	two.Channel, two.To, two.Index = delivery.Email, "", [16]byte{}
	v.Posted = []invite.Dispatch{one, two}
	b.create(v)
	b.same(b.read(v).Posted, []invite.Dispatch(nil), "read with the invitation")
	b.same(b.dispatchesOf(v.Tenant, v.ID), []invite.Dispatch{two, one}, "as they went in")
	b.same(len(b.dispatchesOf(uid.NewTenant(Noon), v.ID)), 0, "another tenant's")

	later := letter(&v, 1, delivery.Failed, Noon.Add(time.Hour))
	later.To, later.Provider, later.Kind = "another", "other", "another"
	three := letter(&v, 101, delivery.Unknown, Noon.Add(2*time.Hour))
	no := invite.ErrStale
	b.is(b.Store.ChangeInvitation(b.Context(), v.Tenant, v.ID, func(v *invite.Invitation) (outbox.Effects, error) {
		v.Posted = []invite.Dispatch{later}
		return outbox.Effects{}, no
	}), no, "a refused decision")
	b.same(b.dispatchesOf(v.Tenant, v.ID), []invite.Dispatch{two, one}, "after a refused decision")
	b.change(v, func(v *invite.Invitation) { v.Posted = []invite.Dispatch{later, three} })
	one.State, one.Provider, one.Error, one.UpdatedAt = delivery.Failed, "other", later.Error, later.UpdatedAt
	b.same(b.dispatchesOf(v.Tenant, v.ID), []invite.Dispatch{three, two, one}, "what became of the first, where it stood")
	b.change(v, func(v *invite.Invitation) { v.Posted = []invite.Dispatch{{N: 1, Channel: delivery.SMS}} })
	b.same(b.dispatchesOf(v.Tenant, v.ID), []invite.Dispatch{three, two}, "one that was taken back")
}

func (b *bench) postedList() {
	t := uid.NewTenant(Noon)
	v := sample(t, Noon)
	var all []uid.ID // oldest first
	for i, state := range []delivery.State{delivery.Failed, delivery.Sent, delivery.ExpiredAt, delivery.Delivered, delivery.Unknown, delivery.Sending} {
		m := letter(&v, i+1, state, Noon.Add(time.Duration(i)*time.Second))
		v.Posted, all = append(v.Posted, m), append(all, m.ID)
	}
	b.create(v)
	b.create(sample(t, Noon)) // without messages
	other := sample(uid.NewTenant(Noon), Noon)
	other.Posted = []invite.Dispatch{letter(&other, 1, delivery.Failed, Noon)}
	b.create(other)
	for name, c := range map[string]struct {
		span invite.DispatchSpan
		want []int
	}{
		"all":                  {invite.DispatchSpan{Limit: 10}, []int{5, 4, 3, 2, 1, 0}},
		"some":                 {invite.DispatchSpan{Limit: 2}, []int{5, 4}},
		"a span":               {invite.DispatchSpan{From: all[1], Below: all[4], Limit: 10}, []int{3, 2, 1}},
		"oldest first":         {invite.DispatchSpan{From: all[1], OldestFirst: true, Limit: 3}, []int{1, 2, 3}},
		"failed":               {invite.DispatchSpan{Failed: true, Limit: 10}, []int{4, 2, 0}},
		"failed, below":        {invite.DispatchSpan{Failed: true, Below: all[4], Limit: 1}, []int{2}},
		"failed, oldest first": {invite.DispatchSpan{Failed: true, From: all[1], OldestFirst: true, Limit: 10}, []int{2, 4}},
	} {
		list, err := b.Store.Dispatches(b.Context(), t, c.span)
		b.ok(err)
		var got []int
		for _, m := range list {
			got = append(got, slices.Index(all, m.ID))
		}
		b.same(got, c.want, name)
	}
}
