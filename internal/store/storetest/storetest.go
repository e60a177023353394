// Package storetest is the suite that the store passes on every database. A fault found on one becomes a case for all.
package storetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/risk"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// Open gives an engine over a fresh, migrated database, which the test closes.
type Open func(t testing.TB) store.Engine

// opener gives a store that runs until the test ends.
type opener func(t *testing.T, queue *outbox.Queue) *store.DB

// Run runs the whole suite, and those of the packages that the store serves.
func Run(t *testing.T, engine Open) {
	open := func(t *testing.T, queue *outbox.Queue) *store.DB { return Start(t, engine(t), queue) }
	runServed(t, engine)
	t.Run("deliveries_to_webhooks_are_kept_for_30_days", func(t *testing.T) { t.Parallel(); hooksSwept(t, engine(t)) })
	t.Run("a_program_from_before_rate_limits_keeps_them", func(t *testing.T) { t.Parallel(); earlierProgram(t, engine(t)) })
	t.Run("a_broken_request_in_a_batch_fails_alone", func(t *testing.T) { t.Parallel(); brokenFailsAlone(t, engine(t)) })
	t.Run("a_place_that_is_taken_and_left_within_one_batch_is_free", func(t *testing.T) { t.Parallel(); takenAndLeft(t, engine(t)) })
	t.Run("a_row_that_stands_for_a_key_is_no_answer", func(t *testing.T) { t.Parallel(); emptyRowIsNoAnswer(t, engine(t)) })
	t.Run("what_was_read_stays_as_it_was_read", func(t *testing.T) { t.Parallel(); staysAsRead(t, engine(t)) })
	t.Run("commit_tokens_of_the_past_are_swept", func(t *testing.T) { t.Parallel(); tokensSwept(t, engine(t)) })
	t.Run("a_random_load_leaves_what_was_acknowledged", func(t *testing.T) { t.Parallel(); randomLoad(t, engine(t)) })
	for _, c := range []struct {
		name string
		test func(t *testing.T, open opener)
	}{
		{"a_verification_comes_back_as_it_was_created", comesBack},
		{"64_parallel_decisions_have_one_winner", oneWinner},
		{"a_refused_decision_leaves_nothing", refusedLeavesNothing},
		{"a_refused_decision_does_not_touch_its_neighbours", neighbours},
		{"one_open_place_per_recipient_service_and_purpose", onePlace},
		{"another_tenants_verification_is_not_there", tenantsApart},
		{"limits_hold_under_contention", limitsHold},
		{"client_meters_hold_under_contention", metersHold},
		{"windows_of_rate_limits_hold_and_are_swept_after_their_end", windowsHold},
		{"an_idempotency_key_keeps_one_answer", keepsOneAnswer},
		{"an_idempotency_key_is_one_for_services_and_verifications", oneAnswerForAll},
		{"an_idempotency_key_of_refused_requests_is_free_for_a_service", freeAfterRefusals},
		{"lists_are_paged_by_key_without_gaps", pages},
		{"deliveries_and_references_are_found", deliveries},
		{"due_places_are_listed_and_freed", due},
		{"jobs_are_born_leased_and_handed_over_after_commit", bornLeased},
		{"events_of_one_decision_stand_everywhere_in_the_order_in_which_they_happened", inOrder},
		{"events_of_an_import_stand_in_timelines_and_in_the_log_alike", inOrderOfImports},
		{"the_sweep_removes_what_is_past_its_time", sweeps},
		{"the_sweep_keeps_factors_and_removes_what_hangs_on_none", factorsSwept},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.test(t, open)
		})
	}
}

var sameTimes = cmpopts.EquateApproxTime(0)

// now is a time that a database keeps whole: microseconds, UTC.
func now() time.Time { return time.Now().UTC().Truncate(time.Microsecond) }

// sample makes a verification of a random recipient with every field set.
func sample(tenant uid.Tenant) *verify.Verification {
	at := now()
	v := &verify.Verification{
		ID: uid.Random(at), Tenant: tenant, Service: uid.Random(at), Purpose: verify.ForLogin, Kind: 1,
		Recipient: []byte("sealed"), Masked: "+1 ••• 67", Country: "US", Status: verify.Pending, Channel: delivery.SMS,
		Code:    verify.CodeShape{Key: 3, Length: 6, Generation: 1, Custom: []byte{1, 0, 2}},
		Binding: []byte{0xff}, Transaction: []byte("sealed too"), Text: "your {{code}}", Sender: "Acme Payments", Locale: "de", ExternalID: "order 7",
		Metadata: map[string]string{"a": "ü\x00b"}, Decision: risk.Decision{Outcome: risk.OutcomeAllow, Reasons: []string{"new"}},
		Sends:  []verify.Send{{N: 1, Channel: delivery.SMS, Generation: 1, At: at}},
		Meters: []verify.Meter{{Bucket: 4095, Key: [16]byte{9}}}, MaxChecks: 5, MaxSends: 5,
		CreatedAt: at, ExpiresAt: at.Add(5 * time.Minute), ResendAt: at.Add(30 * time.Second), UpdatedAt: at,
	}
	_, _ = rand.Read(v.BlindIndex[:])
	_, _ = rand.Read(v.Code.Salt[:])
	return v
}

func place(v *verify.Verification) verify.Target {
	return verify.Target{Tenant: v.Tenant, Bucket: v.ID.Bucket(), BlindIndex: v.BlindIndex, Service: v.Service, Purpose: v.Purpose}
}

func byID(v *verify.Verification) verify.Target { return verify.Target{Tenant: v.Tenant, ID: v.ID} }

func event(v *verify.Verification, kind string) audit.Event {
	return audit.Event{ID: uid.New(now(), v.ID.Bucket()), Tenant: v.Tenant, Type: kind, Object: v.ID, At: now(), Actor: "system"}
}

func job(v *verify.Verification) outbox.Job {
	return outbox.Job{ID: uid.New(now(), v.ID.Bucket()), Kind: "send", Tenant: v.Tenant, Object: v.ID, N: 1, Due: now()}
}

// create puts v into the store with one event and one job.
func create(t *testing.T, db *store.DB, v *verify.Verification) {
	t.Helper()
	err := db.Change(t.Context(), place(v), func(h *verify.Held) (outbox.Effects, error) {
		h.Create = v.Copy()
		return outbox.Effects{Events: []audit.Event{event(v, "verification.started")}, Jobs: []outbox.Job{job(v)}}, nil
	})
	if err != nil {
		t.Fatalf("create: %v", err)
	}
}

func read(t *testing.T, db *store.DB, v *verify.Verification) *verify.Verification {
	t.Helper()
	got, _, err := db.Verification(t.Context(), v.Tenant, v.ID)
	if err != nil {
		t.Fatalf("read: %v", err)
	}
	return got
}

func comesBack(t *testing.T, open opener) {
	db := open(t, nil)
	full := sample(uid.NewTenant(now()))
	bare := &verify.Verification{
		ID: uid.Random(now()), Tenant: full.Tenant, Status: verify.Denied, CreatedAt: now(),
		Decision: risk.Decision{Outcome: risk.OutcomeAllow, Reasons: []string{}},
	}
	for _, v := range []*verify.Verification{full, bare} {
		create(t, db, v)
		if diff := cmp.Diff(v, read(t, db, v), sameTimes); diff != "" {
			t.Errorf("want -, got +:\n%s", diff)
		}
	}
	err := db.Change(t.Context(), byID(full), func(h *verify.Held) (outbox.Effects, error) {
		if diff := cmp.Diff(full, h.V, sameTimes); diff != "" {
			t.Errorf("held: want -, got +:\n%s", diff)
		}
		h.V.Status, h.V.EndedAt, h.V.Checks, h.V.Code.Custom = verify.Approved, now(), 2, nil
		h.V.Sends = append(h.V.Sends, verify.Send{N: 2, Channel: delivery.Voice, Generation: 1, At: now()})
		full = h.V.Copy()
		return outbox.Effects{}, nil
	})
	if err != nil {
		t.Fatalf("change: %v", err)
	}
	if diff := cmp.Diff(full, read(t, db, full), sameTimes); diff != "" {
		t.Errorf("after a change: want -, got +:\n%s", diff)
	}
}

func oneWinner(t *testing.T, open opener) {
	db := open(t, nil)
	v := sample(uid.NewTenant(now()))
	create(t, db, v)
	var won, lost atomic.Int64
	parallel(64, func(int) {
		var mine bool
		err := db.Change(context.Background(), byID(v), func(h *verify.Held) (outbox.Effects, error) {
			mine = h.V.Status == verify.Pending
			h.V.Checks++
			if mine {
				h.V.Status, h.V.EndedAt = verify.Approved, now()
			}
			return outbox.Effects{}, nil
		})
		switch {
		case err != nil:
			t.Errorf("change: %v", err)
		case mine:
			won.Add(1)
		default:
			lost.Add(1)
		}
	})
	if won.Load() != 1 || lost.Load() != 63 {
		t.Errorf("won %d, lost %d; want 1 and 63", won.Load(), lost.Load())
	}
	if got := read(t, db, v); got.Checks != 64 {
		t.Errorf("checks counted: %d, want 64", got.Checks)
	}
}

var errRefused = fault.New(fault.Limited, "test", "no")

func refusedLeavesNothing(t *testing.T, open opener) {
	db := open(t, outbox.NewQueue(uid.Random(now())))
	v := sample(uid.NewTenant(now()))
	err := db.Change(t.Context(), place(v), func(h *verify.Held) (outbox.Effects, error) {
		h.Create = v.Copy()
		h.Contact.Sends.Add(now())
		return outbox.Effects{Events: []audit.Event{event(v, "no")}, Jobs: []outbox.Job{job(v)}}, errRefused
	})
	if !errors.Is(err, errRefused) {
		t.Fatalf("got %v, want the refusal", err)
	}
	if _, _, err := db.Verification(t.Context(), v.Tenant, v.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("verification: %v, want not found", err)
	}
	if pending, err := db.Pending(t.Context(), 10); err != nil || len(pending) != 0 {
		t.Errorf("events left: %v %v", pending, err)
	}
	node := uid.Random(now())
	if jobs, err := db.Claim(t.Context(), node, now().Add(time.Hour), now().Add(2*time.Hour), 10, 1, 0); err != nil || len(jobs) != 0 {
		t.Errorf("jobs left: %v %v", jobs, err)
	}
	err = db.Change(t.Context(), place(v), func(h *verify.Held) (outbox.Effects, error) {
		if h.Contact.Sends.Len() != 0 || h.V != nil {
			t.Errorf("left in the recipient's state: %d sends, %v", h.Contact.Sends.Len(), h.V)
		}
		return outbox.Effects{}, nil
	})
	if err != nil {
		t.Fatalf("change: %v", err)
	}
}

func neighbours(t *testing.T, open opener) {
	db := open(t, nil)
	tenant := uid.NewTenant(now())
	parallel(60, func(i int) {
		v := sample(tenant)
		err := db.Change(context.Background(), place(v), func(h *verify.Held) (outbox.Effects, error) {
			h.Create = v.Copy()
			if i%3 == 0 {
				return outbox.Effects{}, errRefused
			}
			return outbox.Effects{}, nil
		})
		if refused := errors.Is(err, errRefused); refused != (i%3 == 0) {
			t.Errorf("request %d: %v", i, err)
		}
		_, _, err = db.Verification(context.Background(), tenant, v.ID)
		if there := err == nil; there == (i%3 == 0) {
			t.Errorf("request %d: there is %v (%v)", i, there, err)
		}
	})
}

func onePlace(t *testing.T, open opener) {
	db := open(t, nil)
	first := sample(uid.NewTenant(now()))
	var created atomic.Int64
	parallel(32, func(int) {
		err := db.Change(context.Background(), place(first), func(h *verify.Held) (outbox.Effects, error) {
			if h.V == nil {
				h.Create = sample(first.Tenant)
				h.Create.ID = uid.New(now(), first.ID.Bucket())
				h.Create.BlindIndex, h.Create.Service = first.BlindIndex, first.Service
			}
			return outbox.Effects{}, nil
		})
		if err != nil {
			t.Errorf("change: %v", err)
		}
	})
	page, _, err := db.Verifications(t.Context(), first.Tenant, verify.Filter{Limit: 50})
	if err != nil || len(page) != 1 {
		t.Fatalf("%d created (%v), want 1; %d", len(page), err, created.Load())
	}
	// Ended in one change and begun anew: the place is the new one's.
	next := sample(first.Tenant)
	next.ID, next.BlindIndex, next.Service = uid.New(now(), first.ID.Bucket()), first.BlindIndex, first.Service
	supersede(t, db, next)
	err = db.Change(t.Context(), place(next), func(h *verify.Held) (outbox.Effects, error) {
		if h.V == nil || h.V.ID != next.ID {
			t.Errorf("the place is held by %v, want %v", h.V, next.ID)
		}
		return outbox.Effects{}, nil
	})
	if err != nil {
		t.Fatalf("change: %v", err)
	}
}

func supersede(t *testing.T, db *store.DB, next *verify.Verification) {
	t.Helper()
	err := db.Change(t.Context(), place(next), func(h *verify.Held) (outbox.Effects, error) {
		h.V.Status, h.V.EndedAt = verify.Superseded, now()
		h.Create = next.Copy()
		return outbox.Effects{}, nil
	})
	if err != nil {
		t.Fatalf("supersede: %v", err)
	}
}

func tenantsApart(t *testing.T, open opener) {
	db := open(t, nil)
	v := sample(uid.NewTenant(now()))
	create(t, db, v)
	other := uid.NewTenant(now())
	if _, _, err := db.Verification(t.Context(), other, v.ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("read by another tenant: %v", err)
	}
	for _, target := range []verify.Target{{Tenant: other, ID: v.ID}, {Tenant: other, Bucket: v.ID.Bucket(),
		BlindIndex: v.BlindIndex, Service: v.Service, Purpose: v.Purpose}} {
		err := db.Change(t.Context(), target, func(h *verify.Held) (outbox.Effects, error) {
			if h.V != nil {
				t.Errorf("held by another tenant: %v", h.V.ID)
			}
			return outbox.Effects{}, nil
		})
		if err != nil {
			t.Errorf("change: %v", err)
		}
	}
	if page, _, err := db.Verifications(t.Context(), other, verify.Filter{Limit: 50}); err != nil || len(page) != 0 {
		t.Errorf("listed by another tenant: %d %v", len(page), err)
	}
}

func limitsHold(t *testing.T, open opener) {
	db := open(t, nil)
	v := sample(uid.NewTenant(now()))
	limits := []ratelimit.Limit{{Burst: 5, Period: 10 * time.Minute}}
	var allowed atomic.Int64
	parallel(64, func(int) {
		ok := false
		err := db.Change(context.Background(), place(v), func(h *verify.Held) (outbox.Effects, error) {
			if ok = h.Contact.Sends.Allowed(limits, now()).Allowed; !ok {
				return outbox.Effects{}, errRefused
			}
			h.Contact.Sends.Add(now())
			return outbox.Effects{}, nil
		})
		if err == nil && ok {
			allowed.Add(1)
		}
	})
	if allowed.Load() != 5 {
		t.Errorf("allowed %d, want 5", allowed.Load())
	}
}

func metersHold(t *testing.T, open opener) {
	db := open(t, nil)
	meters := []verify.Meter{{Bucket: 7, Key: [16]byte{1}}, {Bucket: 4000, Key: [16]byte{2}}}
	parallel(40, func(i int) {
		_ = db.Count(context.Background(), uid.Tenant{}, meters, func(s []ratelimit.TAT) error {
			s[0]++
			s[1] += 2
			if i%2 == 0 {
				return errRefused
			}
			return nil
		})
	})
	err := db.Count(t.Context(), uid.Tenant{}, meters, func(s []ratelimit.TAT) error {
		if s[0] != 20 || s[1] != 40 {
			t.Errorf("counted %v, want [20 40]", s)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func keepsOneAnswer(t *testing.T, open opener) {
	db := open(t, nil)
	v := sample(uid.NewTenant(now()))
	var first, repeated, kept atomic.Int64
	target := place(v)
	target.Answer = &verify.Answer{Bucket: 99, Key: [16]byte{5}, Body: [32]byte{6}}
	parallel(32, func(i int) {
		isFirst := false
		err := db.Change(context.Background(), target, func(h *verify.Held) (outbox.Effects, error) {
			if isFirst = h.Kept == nil; !isFirst {
				if h.Kept.Body != target.Answer.Body || string(h.Kept.Sealed) == "" {
					t.Errorf("kept %v", h.Kept)
				}
				return outbox.Effects{}, nil
			}
			if i%2 == 0 {
				return outbox.Effects{}, errRefused // keeps nothing
			}
			h.Keep = fmt.Appendf(nil, "answer %d", i)
			return outbox.Effects{}, nil
		})
		switch {
		case errors.Is(err, errRefused):
			first.Add(1)
		case err != nil:
			t.Errorf("change: %v", err)
		case isFirst:
			kept.Add(1)
		default:
			repeated.Add(1)
		}
	})
	if kept.Load() != 1 || first.Load()+repeated.Load() != 31 {
		t.Errorf("kept %d, refused %d, repeated %d", kept.Load(), first.Load(), repeated.Load())
	}
}

// parallel runs n at once and waits.
func parallel(n int, do func(i int)) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}
