package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/tally"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// runReads runs the tests of what operators read.
func runReads(t *testing.T, engine Open) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, e store.Engine)
	}{
		{"four_followers_count_each_event_once", counted},
		{"counts_are_added_only_from_where_the_position_was", guarded},
		{"counts_and_failures_are_swept", talliesSwept},
		{"parcels_are_listed_with_their_deliveries", parcels},
		{"events_are_browsed_by_what_they_are_and_of_one_tenant", browsed},
		{"browsing_looks_at_a_bounded_number_and_passes_over_empty_hours", browsedFar},
		{"an_event_proves_that_it_is_as_it_was_sealed", proved},
		{"what_needs_somebody_is_found_of_one_tenant", needy},
	} {
		t.Run(c.name, func(t *testing.T) { t.Parallel(); c.test(t, engine(t)) })
	}
}

// parcels holds the list of messages to the rows that it is of.
func parcels(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	ten := uid.NewTenant(now())
	var all []*verify.Verification // oldest first, at times of their own
	for i := range 6 {
		v := sample(ten)
		v.ID = uid.New(now().Add(time.Duration(i-10)*time.Second), v.ID.Bucket())
		v.Checks = i
		create(t, db, v)
		all = append(all, v)
	}
	create(t, db, sample(uid.NewTenant(now())))
	state := func(v *verify.Verification, n int, s delivery.State) verify.Delivery {
		return verify.Delivery{Verification: v.ID, N: n, Send: 1, Provider: "main", Channel: delivery.SMS, State: s, Error: "e", Reference: "r",
			Latency: time.Millisecond, Price: &delivery.Price{Amount: "0.01", Currency: "EUR"}, Segments: 2, CreatedAt: now(), UpdatedAt: now()}
	}
	one, two := state(all[1], 1, delivery.Failed), state(all[1], 2, delivery.Sent)
	was := tally.Position{Index: -1}
	if err := db.RecordDeliveries(t.Context(), ten, []verify.Delivery{one, two, state(all[4], 1, delivery.Sent)}, outbox.Effects{}); err != nil {
		t.Fatal(err)
	}
	if err := db.AddTally(t.Context(), was, tally.Position{}, nil, []tally.Failure{{Tenant: ten, Verification: all[1].ID, N: 1},
		{Tenant: ten, Verification: all[3].ID, N: 1}, {Tenant: ten, Verification: all[3].ID, N: 2}, {Tenant: uid.NewTenant(now()), Verification: all[4].ID, N: 1}}); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name   string
		span   verify.Span
		failed bool
		want   []int
		more   bool
	}{
		{"all", verify.Span{Limit: 10}, false, []int{5, 4, 3, 2, 1, 0}, false},
		{"some", verify.Span{Limit: 2}, false, []int{5, 4}, true},
		{"a span", verify.Span{From: all[1].ID, Below: all[4].ID, Limit: 10}, false, []int{3, 2, 1}, false},
		{"oldest first", verify.Span{From: all[2].ID, OldestFirst: true, Limit: 2}, false, []int{2, 3}, true},
		{"failed", verify.Span{Limit: 10}, true, []int{3, 1}, false},
		{"some failed", verify.Span{Limit: 1}, true, []int{3}, true},
		{"failed below", verify.Span{Below: all[3].ID, Limit: 10}, true, []int{1}, false},
		{"failed, oldest first", verify.Span{OldestFirst: true, Limit: 10}, true, []int{1, 3}, false},
		{"some failed, oldest first", verify.Span{OldestFirst: true, Limit: 1}, true, []int{1}, true},
	} {
		list, more, err := db.Parcels(t.Context(), ten, c.span, c.failed)
		var got []int
		for _, p := range list {
			for i, v := range all {
				if v.ID == p.ID {
					got = append(got, i)
				}
			}
		}
		if diff := cmp.Diff(c.want, got); diff != "" || err != nil || more.IsZero() == c.more {
			t.Errorf("%s: more %v, %v; want -, got +:\n%s", c.name, more, err, diff)
		}
		for _, p := range list {
			if p.ID == all[1].ID {
				want := verify.Parcel{
					ID: p.ID, Service: all[1].Service, ExternalID: all[1].ExternalID, Kind: all[1].Kind, Recipient: all[1].Recipient, Country: "US",
					Status: all[1].Status, Checks: all[1].Checks,
					Sends: all[1].Sends, Deliveries: []verify.Delivery{one, two},
				}
				if diff := cmp.Diff(want, p, sameTimes); diff != "" {
					t.Errorf("%s: want -, got +:\n%s", c.name, diff)
				}
			}
		}
	}
}
