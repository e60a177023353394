package verify

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
)

// mail keeps a verification that began s seconds before the clock's time, with two sends and the given deliveries of the first.
func mail(f *fixture, s int, phone string, tries ...Delivery) *Verification {
	began := f.time().Add(-time.Duration(s) * time.Second)
	v := &Verification{
		ID: uid.New(began, f.ring.Bucket(f.caller.Tenant, phone)), Tenant: f.caller.Tenant, Kind: recipient.Phone, Country: "US",
		BlindIndex: f.ring.BlindIndex(f.caller.Tenant, phone), CreatedAt: began,
		Sends: []Send{{N: 1, Channel: delivery.SMS, At: began}, {N: 2, Channel: delivery.Voice, At: began.Add(time.Second)}},
	}
	v.Recipient = f.ring.Seal(kept(sealRecipient, v.Tenant, v.ID), []byte(phone))
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	f.store.verifications[v.ID] = v
	for i := range tries {
		tries[i].Verification, tries[i].Send, tries[i].N, tries[i].Channel = v.ID, 1, i+1, delivery.SMS
	}
	f.store.deliveries[v.ID] = tries
	return v
}

// named are messages as "number of the verification.N state".
func named(page []Dispatch, of ...*Verification) (list []string) {
	for _, d := range page {
		for i, v := range of {
			if v.ID == d.Verification {
				list = append(list, fmt.Sprintf("%d.%d %s", i, d.N, d.State))
			}
		}
	}
	return list
}

// listed reads all pages of a query, of limit each, down to the oldest and from there up again.
func listed(t *testing.T, f *fixture, q DispatchQuery, limit int, of ...*Verification) (down, up []string, pages int) {
	t.Helper()
	q.Caller = f.caller
	var last uid.ID
	for p := (uid.Page{Limit: limit}); ; {
		page, more, err := f.Dispatches(t.Context(), q, p)
		if err != nil {
			t.Fatal(err)
		}
		down, pages = append(down, named(page, of...)...), pages+1
		if more.IsZero() {
			up = named(page, of...)
			break
		}
		last, p.Before = more, more
	}
	for p := (uid.Page{After: last, Limit: limit}); !p.After.IsZero(); {
		page, more, err := f.Dispatches(t.Context(), q, p)
		if err != nil {
			t.Fatal(err)
		}
		up, p.After = slices.Concat(named(page, of...), up), more
	}
	return down, up, pages
}

func TestRA_55_wrong_codes_are_those_of_all_verifications_but_for_the_one_that_was_right(t *testing.T) {
	t.Parallel()
	f := setup(t)
	a, b, c := mail(f, 30, "+12025550123"), mail(f, 20, "+12025550123"), mail(f, 10, "+12025550123")
	a.Checks, a.Status = 5, Exhausted
	b.Checks, b.Status = 0, Superseded
	c.Checks, c.Status = 3, Approved
	for _, one := range []struct {
		ids   []uid.ID
		n     int
		known bool
	}{{nil, 0, true}, {[]uid.ID{a.ID, b.ID, c.ID}, 7, true}, {[]uid.ID{b.ID}, 0, true}, {[]uid.ID{a.ID, c.ID.Next()}, 5, false}} {
		if n, known, err := f.WrongCodes(t.Context(), f.caller, one.ids); n != one.n || known != one.known || err != nil {
			t.Errorf("%d of %d verifications, known %v, %v", n, len(one.ids), known, err)
		}
	}
	other := f.caller
	other.Tenant[0]++
	if n, known, err := f.WrongCodes(t.Context(), other, []uid.ID{a.ID}); n != 0 || known || err != nil {
		t.Errorf("of another tenant: %d, %v, %v", n, known, err)
	}
}

func TestDispatches_are_tries_and_sends_without_one_newest_first_and_back_again(t *testing.T) {
	t.Parallel()
	f := setup(t)
	const one, two = "+12025550123", "+442079460123"
	a := mail(f, 30, one, Delivery{Provider: "x", State: delivery.Failed}, Delivery{Provider: "y", State: delivery.Sent})
	b := mail(f, 20, two)
	c := mail(f, 10, one, Delivery{Provider: "y", State: delivery.Unknown})
	test := mail(f, 5, one)
	test.TestNumber = true
	all := []string{"2.100 ", "2.1 unknown", "1.100 ", "1.0 ", "0.100 ", "0.2 sent", "0.1 failed"}
	for _, k := range []struct {
		name string
		q    DispatchQuery
		want []string
	}{
		{"all", DispatchQuery{}, all},
		{"failed", DispatchQuery{Failed: true}, []string{"2.1 unknown", "0.1 failed"}},
		{"a state", DispatchQuery{State: delivery.Sent}, []string{"0.2 sent"}},
		{"failed of a state", DispatchQuery{Failed: true, State: delivery.Failed}, []string{"0.1 failed"}},
		{"a channel", DispatchQuery{Channel: delivery.Voice}, []string{"2.100 ", "1.100 ", "0.100 "}},
		{"a provider", DispatchQuery{Provider: "y"}, []string{"2.1 unknown", "0.2 sent"}},
		{"a time", DispatchQuery{Since: b.CreatedAt, Until: c.CreatedAt}, []string{"1.100 ", "1.0 "}},
	} {
		for _, limit := range []int{1, 2, 3, 200} {
			down, up, _ := listed(t, f, k.q, limit, a, b, c)
			if diff := cmp.Diff(k.want, down) + cmp.Diff(k.want, up); diff != "" {
				t.Errorf("%s, %d a page: want -, got +:\n%s", k.name, limit, diff)
			}
		}
	}
	strange := f.caller
	f.caller.Tenant = uid.NewTenant(f.time())
	if got, _, _ := listed(t, f, DispatchQuery{}, 10, a, b, c); got != nil {
		t.Errorf("another tenant sees %v", got)
	}
	f.caller = strange
}

// TestRA_30_Dispatches_show_a_number_as_its_owner_may_see_it, which is how the invitation shows it that asked for the code.
func TestRA_30_Dispatches_show_a_number_as_its_owner_may_see_it(t *testing.T) {
	t.Parallel()
	f := setup(t)
	mail(f, 20, "+12025550123", Delivery{Provider: "x", State: delivery.Failed})
	erased := mail(f, 10, "+12025550177")
	erased.Recipient = nil
	page, _, err := f.Dispatches(t.Context(), DispatchQuery{Caller: f.caller}, uid.Page{Limit: 10})
	if err != nil || len(page) != 4 {
		t.Fatalf("%d messages, %v", len(page), err)
	}
	for i, want := range []string{"", "", "+1 ••• ••• •123", "+1 ••• ••• •123"} {
		if page[i].To != want {
			t.Errorf("message %d is to %q, want %q", i, page[i].To, want)
		}
	}
}

func TestDispatches_of_verifications_are_those_of_the_list(t *testing.T) {
	t.Parallel()
	f := setup(t)
	a := mail(f, 30, "+12025550123", Delivery{Provider: "x", State: delivery.Failed})
	mail(f, 20, "+12025550123")
	c := mail(f, 10, "+12025550177", Delivery{Provider: "y", State: delivery.Sent})
	all, _, err := f.Dispatches(t.Context(), DispatchQuery{Caller: f.caller}, uid.Page{Limit: 10})
	if err != nil {
		t.Fatal(err)
	}
	got, err := f.DispatchesOf(t.Context(), f.caller, []uid.ID{a.ID, uid.New(f.time(), 1), c.ID})
	if diff := cmp.Diff(slices.Concat(all[:2], all[4:]), got); diff != "" || err != nil || len(got) != 4 {
		t.Errorf("%v; want -, got +:\n%s", err, diff)
	}
	strange := f.caller
	strange.Tenant = uid.NewTenant(f.time())
	if got, err := f.DispatchesOf(t.Context(), strange, []uid.ID{a.ID}); err != nil || got != nil {
		t.Errorf("another tenant sees %v, %v", got, err)
	}
}

func TestDispatches_looks_at_a_bounded_number_and_says_where_to_go_on(t *testing.T) {
	t.Parallel()
	f := setup(t)
	first := mail(f, 10_000, "+12025550123", Delivery{Provider: "rare", State: delivery.Sent})
	for i := range mostParcels + 500 {
		mail(f, i, "+12025550123")
	}
	down, up, pages := listed(t, f, DispatchQuery{Provider: "rare"}, 50, first)
	if len(down) != 1 || len(up) != 1 || pages != 2 {
		t.Errorf("%v on %d pages, and %v on the way back; want one on the second", down, pages, up)
	}
}

func TestDispatches_refuses_what_it_can_not_read(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for _, limit := range []int{0, 201} {
		if _, _, err := f.Dispatches(t.Context(), DispatchQuery{Caller: f.caller}, uid.Page{Limit: limit}); !fault.Is(err, fault.Invalid) {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
}
