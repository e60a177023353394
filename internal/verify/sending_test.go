package verify

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// states are the states of the deliveries of a verification, in the order of their numbers.
func (f *fixture) states(id uid.ID) (states []delivery.State) {
	f.t.Helper()
	r, err := f.Get(context.Background(), f.caller, id, false)
	if err != nil {
		f.t.Fatal(err)
	}
	slices.SortFunc(r.Deliveries, func(a, b Delivery) int { return a.N - b.N })
	for _, d := range r.Deliveries {
		states = append(states, d.State)
	}
	return states
}

func TestSend_is_retried_while_the_code_lives(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.carrier.set(tries(true, "timeout"))
	v := f.mustStart()
	f.work()
	if got := f.store.get(v.View.ID).Status; got != Pending || len(f.store.jobs()) != 1 {
		t.Fatalf("status %s, %d jobs, want pending with the job put back", got, len(f.store.jobs()))
	}
	f.carrier.set(nil)
	f.pass(sendSlowest)
	if a := f.mustCheck(v.View.ID, f.code()); !a.Valid {
		t.Fatalf("%+v", a)
	}
	if got := f.states(v.View.ID); !slices.Equal(got, []delivery.State{delivery.Failed, delivery.Sent}) {
		t.Fatalf("deliveries %v", got)
	}
}

func TestSend_fails_after_five_rounds(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.carrier.set(tries(true, "timeout", "busy"))
	v := f.mustStart()
	for range 10 {
		f.work()
		f.pass(sendSlowest)
	}
	if n := len(f.carrier.sent()); n != 5 {
		t.Fatalf("%d rounds, want 5", n)
	}
	if got := f.store.get(v.View.ID).Status; got != Failed || len(f.store.jobs()) != 0 {
		t.Fatalf("status %s, %d jobs", got, len(f.store.jobs()))
	}
	if n := len(f.states(v.View.ID)); n != 10 {
		t.Fatalf("%d deliveries, want one for each try", n)
	}
	if n := count(f.store.eventTypes(), EventFailed); n != 1 {
		t.Fatalf("%d events of failure", n)
	}
}

func TestSend_refused_for_good_fails_at_once_unless_another_got_through(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.carrier.set(tries(false, "number_unknown"))
	lost := f.mustStart()
	f.work()
	if got := f.store.get(lost.View.ID); got.Status != Failed || len(f.store.jobs()) != 0 {
		t.Fatalf("status %s", got.Status)
	}
	f.carrier.set(nil)
	v := f.mustStart()
	code := f.code()
	f.carrier.set(tries(false, "number_unknown"))
	f.pass(30 * time.Second)
	f.mustStart()
	f.work()
	if a := f.mustCheck(v.View.ID, code); !a.Valid {
		t.Fatalf("the first message got through: %+v", a)
	}
}

func TestSend_without_a_route_fails(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.carrier.set(func(context.Context, delivery.Message) (delivery.Result, error) {
		return delivery.Result{}, errors.New("no route")
	})
	v := f.mustStart()
	f.work()
	if got := f.store.get(v.View.ID).Status; got != Failed {
		t.Fatalf("status %s", got)
	}
}

func TestSend_taken_from_another_holder_is_never_silently_doubled(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart()
	j := f.store.jobs()[0]
	j.Taken = true
	if verdict := f.run(j); verdict.Outcome != outbox.Committed {
		t.Fatalf("verdict %s", verdict.Outcome)
	}
	if got := f.states(v.View.ID); !slices.Equal(got, []delivery.State{delivery.Unknown, delivery.Sent}) {
		t.Fatalf("deliveries %v", got)
	}
	if m := f.carrier.sent()[0]; m.FirstN != 2 {
		t.Fatalf("the second message has delivery number %d", m.FirstN)
	}
}

func TestSend_where_it_was_born_records_without_reading_only_while_its_lease_is_sure(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		left  time.Duration
		taken bool // by another holder, while it is carried
		want  []delivery.State
	}{
		"a full lease":                     {outbox.LeaseTime, false, []delivery.State{delivery.Sent}},
		"a lease that is all but over":     {recordTime, true, []delivery.State{delivery.Unknown, delivery.Sent, delivery.Sent}},
		"a full lease, taken all the same": {outbox.LeaseTime, true, []delivery.State{delivery.Unknown, delivery.Sent, delivery.Sent}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.store.live = true
			v := f.mustStart()
			j := f.store.jobs()[0]
			j.LeaseUntil = f.time().Add(c.left)
			sure := !c.taken
			f.carrier.set(func(_ context.Context, m delivery.Message) (delivery.Result, error) {
				if !sure { // another holder takes it over meanwhile
					sure = true
					taken := j
					taken.Taken, taken.Live = true, nil
					f.HandleSend(context.Background(), taken)
				}
				return delivery.Result{Accepted: true, Tries: []delivery.Try{{N: m.FirstN, Provider: "main", State: delivery.Sent}}}, nil
			})
			before := f.store.calls()
			if verdict := f.HandleSend(context.Background(), j); verdict.Outcome != outbox.Committed || len(f.store.jobs()) != 0 {
				t.Fatalf("verdict %s, %d jobs left", verdict.Outcome, len(f.store.jobs()))
			}
			if got := f.states(v.View.ID); !slices.Equal(got, c.want) {
				t.Fatalf("deliveries %v, want %v", got, c.want)
			}
			if calls := f.store.calls() - before; !c.taken && calls != 1 {
				t.Fatalf("%d commits, want 1", calls)
			}
		})
	}
}

func TestSend_by_two_holders_keeps_both_results_and_one_code(t *testing.T) {
	t.Parallel()
	f := setup(t)
	v := f.mustStart()
	j := f.store.jobs()[0]
	first, release := make(chan struct{}), make(chan struct{})
	slow := true
	f.carrier.set(func(_ context.Context, m delivery.Message) (delivery.Result, error) {
		if slow {
			slow = false
			close(first)
			<-release
		}
		return delivery.Result{Accepted: true, Tries: []delivery.Try{{N: m.FirstN, Provider: "main", State: delivery.Sent}}}, nil
	})
	done := make(chan struct{})
	go func() {
		defer close(done)
		f.HandleSend(context.Background(), j)
	}()
	<-first
	taken := j
	taken.Taken = true
	f.HandleSend(context.Background(), taken)
	close(release)
	<-done
	want := []delivery.State{delivery.Unknown, delivery.Sent, delivery.Sent}
	if got := f.states(v.View.ID); !slices.Equal(got, want) {
		t.Fatalf("deliveries %v, want %v", got, want)
	}
	if sent := f.carrier.sent(); sent[0].Code.Reveal() != sent[1].Code.Reveal() {
		t.Fatal("two codes")
	}
}

func TestSend_sends_nothing_that_is_of_no_use(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(f *fixture, id uid.ID){
		"after approval": func(f *fixture, id uid.ID) {
			v := f.store.get(id)
			code, _ := f.want(v)
			f.mustCheck(id, code.Reveal())
		},
		"after the end": func(f *fixture, _ uid.ID) { f.pass(5 * time.Minute) },
		"after a newer code": func(f *fixture, id uid.ID) {
			f.pass(30 * time.Second)
			if _, err := f.Resend(context.Background(), ResendRequest{Caller: f.caller, ID: id}); err != nil {
				f.t.Fatal(err)
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.tenants.service.Resend = tenant.NewCode
			v := f.mustStart()
			j := f.store.jobs()[0]
			prepare(f, v.View.ID)
			if verdict := f.run(j); verdict.Outcome != outbox.Finished || len(f.carrier.sent()) != 0 {
				t.Fatalf("verdict %s, %d messages", verdict.Outcome, len(f.carrier.sent()))
			}
		})
	}
}

func TestSend_interrupted_by_shutdown(t *testing.T) {
	t.Parallel()
	t.Run("before the hand-over goes back untouched", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		v := f.mustStart()
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if verdict := f.HandleSend(ctx, f.store.jobs()[0]); verdict.Outcome != outbox.Retried || len(f.states(v.View.ID)) != 0 {
			t.Fatalf("verdict %s, deliveries %v", verdict.Outcome, f.states(v.View.ID))
		}
	})
	t.Run("during the hand-over leaves an unknown delivery", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		v := f.mustStart()
		ctx, cancel := context.WithCancel(context.Background())
		f.carrier.set(func(ctx context.Context, _ delivery.Message) (delivery.Result, error) {
			cancel()
			return delivery.Result{}, ctx.Err()
		})
		if verdict := f.HandleSend(ctx, f.store.jobs()[0]); verdict.Outcome != outbox.Retried {
			t.Fatalf("verdict %s", verdict.Outcome)
		}
		if got := f.states(v.View.ID); !slices.Equal(got, []delivery.State{delivery.Unknown}) {
			t.Fatalf("deliveries %v", got)
		}
	})
}

func TestSend_waits_for_a_database_that_is_away(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.mustStart()
	j := f.store.jobs()[0]
	f.store.setDown(fault.New(fault.Unavailable, "database_unavailable", "x"))
	if verdict := f.HandleSend(context.Background(), j); verdict.Outcome != outbox.Retried || len(f.carrier.sent()) != 0 {
		t.Fatalf("verdict %s", verdict.Outcome)
	}
}

func TestReceipt(t *testing.T) {
	t.Parallel()
	sent := func(t *testing.T) (*fixture, uid.ID) {
		f := setup(t)
		v := f.mustStart()
		f.work()
		return f, v.View.ID
	}
	receipt := func(f *fixture, r delivery.Receipt) error { return f.Receipt(context.Background(), r) }

	t.Run("by delivery id advances the state and keeps the price", func(t *testing.T) {
		t.Parallel()
		f, id := sent(t)
		r := delivery.Receipt{
			Provider: "main", Delivery: delivery.ID{Verification: id, N: 1}, State: delivery.Delivered,
			Price: &delivery.Price{Amount: "0.0075", Currency: "USD"},
		}
		if err := receipt(f, r); err != nil || f.states(id)[0] != delivery.Delivered {
			t.Fatalf("%v, %v", err, f.states(id))
		}
		rec, _ := f.Get(context.Background(), f.caller, id, false)
		if rec.Deliveries[0].Price.Amount != "0.0075" {
			t.Fatal("no price")
		}
		events := len(f.store.eventTypes())
		if err := receipt(f, r); err != nil || len(f.store.eventTypes()) != events {
			t.Fatal("the same receipt twice is news once")
		}
	})
	t.Run("SP-119: never goes back", func(t *testing.T) {
		t.Parallel()
		f, id := sent(t)
		name := delivery.ID{Verification: id, N: 1}
		for _, state := range []delivery.State{delivery.Delivered, delivery.Sent, delivery.Failed} {
			if err := receipt(f, delivery.Receipt{Provider: "main", Delivery: name, State: state}); err != nil {
				t.Fatal(err)
			}
		}
		if got := f.states(id)[0]; got != delivery.Delivered {
			t.Fatalf("state %s", got)
		}
	})
	t.Run("of another provider is refused", func(t *testing.T) {
		t.Parallel()
		f, id := sent(t)
		err := receipt(f, delivery.Receipt{Provider: "evil", Delivery: delivery.ID{Verification: id, N: 1}, State: delivery.Delivered})
		wantFault(t, err, fault.Denied, "receipt_denied")
		if got := f.states(id)[0]; got != delivery.Sent {
			t.Fatalf("state %s", got)
		}
	})
	t.Run("by reference", func(t *testing.T) {
		t.Parallel()
		f, id := sent(t)
		ref := "ref-" + f.carrier.sent()[0].SendKey()
		if err := receipt(f, delivery.Receipt{Provider: "main", Reference: ref, State: delivery.Failed, Error: "absent"}); err != nil {
			t.Fatal(err)
		}
		if got := f.states(id)[0]; got != delivery.Failed {
			t.Fatalf("state %s", got)
		}
	})
	t.Run("that comes before its delivery is tried again", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		v := f.mustStart()
		ref := "ref-" + delivery.Message{Verification: v.View.ID, Send: 1}.SendKey()
		if err := receipt(f, delivery.Receipt{Provider: "main", Reference: ref, State: delivery.Delivered}); err != nil {
			t.Fatal(err)
		}
		f.work()
		f.pass(time.Second)
		f.work()
		if got := f.states(v.View.ID); !slices.Equal(got, []delivery.State{delivery.Delivered}) || len(f.store.jobs()) != 0 {
			t.Fatalf("deliveries %v, %d jobs", got, len(f.store.jobs()))
		}
	})
	t.Run("about nothing is dropped after a minute", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		if err := receipt(f, delivery.Receipt{Provider: "main", Reference: "nobody", State: delivery.Sent}); err != nil {
			t.Fatal(err)
		}
		for range 80 {
			f.work()
			f.pass(time.Second)
		}
		if n := len(f.store.jobs()); n != 0 {
			t.Fatalf("%d jobs left", n)
		}
	})
	t.Run("that says nothing is refused", func(t *testing.T) {
		t.Parallel()
		f := setup(t)
		wantFault(t, receipt(f, delivery.Receipt{Provider: "main", State: delivery.Sent}), fault.Invalid, "receipt_invalid")
		wantFault(t, receipt(f, delivery.Receipt{Provider: "main", Reference: "r", State: "lost"}), fault.Invalid, "receipt_invalid")
	})
}

func TestSend_goes_by_what_was_committed_for_a_moment_and_reads_after_that(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		wait time.Duration
		want int
	}{"at once": {0, 1}, "later": {freshFor, 0}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := setup(t)
			f.store.live = true
			v := f.mustStart()
			j := f.store.jobs()[0]
			if _, err := f.Cancel(context.Background(), EndRequest{Caller: f.caller, ID: v.View.ID}); err != nil {
				t.Fatal(err)
			}
			f.pass(c.wait)
			f.run(j)
			if n := len(f.carrier.sent()); n != c.want {
				t.Errorf("%d messages, want %d", n, c.want)
			}
		})
	}
}
