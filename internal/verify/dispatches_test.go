package verify

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

// mail keeps a verification that began s seconds before the clock's time, with two sends and the given deliveries of the first.
func mail(f *fixture, s int, phone string, tries ...Delivery) *Verification {
	began := f.time().Add(-time.Duration(s) * time.Second)
	v := &Verification{
		ID: uid.New(began, f.ring.Bucket(f.caller.Tenant, phone)), Tenant: f.caller.Tenant, Masked: "+1 ••• 23", Country: "US",
		BlindIndex: f.ring.BlindIndex(f.caller.Tenant, phone), CreatedAt: began,
		Sends: []Send{{N: 1, Channel: delivery.SMS, At: began}, {N: 2, Channel: delivery.Voice, At: began.Add(time.Second)}},
	}
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	f.store.verifications[v.ID] = v
	for i := range tries {
		tries[i].Verification, tries[i].Send, tries[i].N, tries[i].Channel = v.ID, 1, i+1, delivery.SMS
	}
	f.store.deliveries[v.ID] = tries
	return v
}

// listed reads all pages of a query, of limit each, as "number of the verification.N state".
func listed(t *testing.T, f *fixture, q DispatchQuery, limit int, of ...*Verification) (list []string, pages int) {
	t.Helper()
	q.Caller = f.caller
	for p := (DispatchPage{Limit: limit}); ; pages++ {
		page, more, err := f.Dispatches(t.Context(), q, p)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range page {
			for i, v := range of {
				if v.ID == d.Verification {
					list = append(list, fmt.Sprintf("%d.%d %s", i, d.N, d.State))
				}
			}
		}
		if more == (DispatchRef{}) {
			return list, pages + 1
		}
		p.From = more
	}
}

func TestDispatches_are_tries_and_sends_without_one_newest_first(t *testing.T) {
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
		{"a recipient as typed", DispatchQuery{To: "+44 20 7946 0123"}, []string{"1.100 ", "1.0 "}},
		{"a time", DispatchQuery{Since: b.CreatedAt, Until: c.CreatedAt}, []string{"1.100 ", "1.0 "}},
	} {
		for _, limit := range []int{1, 2, 3, 200} {
			if got, _ := listed(t, f, k.q, limit, a, b, c); cmp.Diff(k.want, got) != "" {
				t.Errorf("%s, %d a page: want -, got +:\n%s", k.name, limit, cmp.Diff(k.want, got))
			}
		}
	}
	strange := f.caller
	f.caller.Tenant = uid.NewTenant(f.time())
	if got, _ := listed(t, f, DispatchQuery{}, 10, a, b, c); got != nil {
		t.Errorf("another tenant sees %v", got)
	}
	f.caller = strange
}

func TestDispatches_looks_at_a_bounded_number_and_says_where_to_go_on(t *testing.T) {
	t.Parallel()
	f := setup(t)
	first := mail(f, 10_000, "+12025550123", Delivery{Provider: "rare", State: delivery.Sent})
	for i := range mostParcels + 500 {
		mail(f, i, "+12025550123")
	}
	got, pages := listed(t, f, DispatchQuery{Provider: "rare"}, 50, first)
	if len(got) != 1 || pages != 2 {
		t.Errorf("%v on %d pages, want one on the second", got, pages)
	}
}

func TestDispatches_refuses_what_it_can_not_read(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for _, limit := range []int{0, 201} {
		if _, _, err := f.Dispatches(t.Context(), DispatchQuery{Caller: f.caller}, DispatchPage{Limit: limit}); !fault.Is(err, fault.Invalid) {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
	if _, _, err := f.Dispatches(t.Context(), DispatchQuery{Caller: f.caller, To: "nobody"}, DispatchPage{Limit: 1}); !fault.Is(err, fault.Invalid) {
		t.Errorf("no recipient: %v", err)
	}
}
