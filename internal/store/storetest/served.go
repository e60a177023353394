package storetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/audit/audittest"
	"github.com/countersign/countersign/internal/factor/factortest"
	"github.com/countersign/countersign/internal/invite/invitetest"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/outbox/outboxtest"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/tenant/tenanttest"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/webhook"
	"github.com/countersign/countersign/internal/webhook/webhooktest"
)

// runServed runs the suites of the packages that the store serves, over this store.
func runServed(t *testing.T, engine Open) {
	runReads(t, engine)
	t.Run("a_send_that_was_taken_over_keeps_what_was_recorded", func(t *testing.T) { t.Parallel(); takenOver(t, engine(t)) })
	t.Run("erasing_ends_the_place_of_a_used_up_verification", func(t *testing.T) { t.Parallel(); erasedExhausted(t, engine(t)) })
	t.Run("a_number_is_on_a_safe_list_once_and_goes_with_its_owner", func(t *testing.T) { t.Parallel(); safeNumbers(t, engine(t)) })
	t.Run("a_tenant_has_no_more_endpoints_than_it_may_also_at_once", func(t *testing.T) { t.Parallel(); endpointsAtOnce(t, engine(t)) })
	t.Run("a_removed_service_leaves_no_factor_behind", func(t *testing.T) { t.Parallel(); leavesNothing(t, engine(t)) })
	t.Run("imports_keep_what_their_sender_allowed", func(t *testing.T) { t.Parallel(); importsKeepTheirRules(t, engine(t)) })
	t.Run("invitations_are_found_by_either_contact", func(t *testing.T) { t.Parallel(); invitationsOfAContact(t, engine(t)) })
	t.Run("whatever_invitations_are_filtered_by_is_listed_page_after_page", func(t *testing.T) { t.Parallel(); everyFilter(t, engine(t)) })
	t.Run("imports_go_a_week_after_their_end", func(t *testing.T) { t.Parallel(); importsSwept(t, engine(t)) })
	t.Run("outlines_are_listed_as_their_verifications_stand", func(t *testing.T) { t.Parallel(); outlines(t, engine(t)) })
	t.Run("a_reference_leads_to_the_link_that_a_provider_took", func(t *testing.T) { t.Parallel(); linkReferences(t, engine(t)) })
	t.Run("a_timeline_goes_with_its_events", func(t *testing.T) { t.Parallel(); timelinesSwept(t, engine(t)) })
	t.Run("whom_a_message_went_to_is_erased", func(t *testing.T) { t.Parallel(); lettersErased(t, engine(t)) })
	t.Run("outbox", func(t *testing.T) { t.Parallel(); outboxtest.Run(t, outboxBench(engine)) })
	t.Run("audit", func(t *testing.T) { t.Parallel(); audittest.Run(t, auditLog(engine)) })
	t.Run("tenant", func(t *testing.T) { t.Parallel(); tenanttest.Run(t, tenantBench(engine)) })
	t.Run("factor", func(t *testing.T) { t.Parallel(); factortest.Run(t, factorBench(engine)) })
	t.Run("invite", func(t *testing.T) { t.Parallel(); invitetest.Run(t, inviteBench(engine)) })
	t.Run("operator", func(t *testing.T) { t.Parallel(); runOperators(t, engine) })
	t.Run("webhook", func(t *testing.T) { t.Parallel(); webhooktest.Run(t, webhookBench(engine)) })
}

type auditStore struct{ *store.DB }

func (s auditStore) Write(ctx context.Context, events []audit.Event) error {
	return s.Record(ctx, outbox.Effects{Events: events})
}

func auditLog(engine Open) func(t *testing.T) audittest.Log {
	return func(t *testing.T) audittest.Log {
		e := engine(t)
		if err := e.Partitions(t.Context(), audittest.Start); err != nil {
			t.Fatalf("partitions: %v", err)
		}
		return auditStore{Start(t, e, nil)}
	}
}

func outboxBench(engine Open) func(t *testing.T) outboxtest.Bench {
	return func(t *testing.T) outboxtest.Bench {
		e := engine(t)
		db := Start(t, e, nil)
		var mu sync.Mutex
		stores := map[*outbox.Queue]*store.DB{nil: db} // under mu
		return outboxtest.Bench{
			Store:  db,
			Shared: e.Locks(),
			Commit: func(ctx context.Context, queue *outbox.Queue, effects outbox.Effects) error {
				mu.Lock()
				defer mu.Unlock()
				if stores[queue] == nil {
					stores[queue] = another(t, e, queue)
				}
				return stores[queue].Record(ctx, effects)
			},
			Rows: func(ctx context.Context) ([]outboxtest.Row, error) { return jobs(ctx, e) },
		}
	}
}

func tenantBench(engine Open) func(t *testing.T) tenanttest.Bench {
	return func(t *testing.T) tenanttest.Bench {
		e := engine(t)
		if err := e.Partitions(t.Context(), tenanttest.Noon); err != nil {
			t.Fatalf("partitions: %v", err)
		}
		db := Start(t, e, nil)
		return tenanttest.Bench{
			Store: db,
			Events: func(ctx context.Context) ([]audit.Event, error) {
				return db.Events(ctx, uid.ID{}, uid.ID{0xff}, 10_000)
			},
			Open: func(ctx context.Context, of uid.Tenant, service uid.ID, until time.Time) error {
				v := sample(of)
				v.Service, v.ExpiresAt = service, until
				return db.Change(ctx, place(v), func(h *verify.Held) (outbox.Effects, error) {
					h.Create = v.Copy()
					return outbox.Effects{}, nil
				})
			},
		}
	}
}

func factorBench(engine Open) func(t *testing.T) factortest.Bench {
	return func(t *testing.T) factortest.Bench {
		e := engine(t)
		if err := e.Partitions(t.Context(), factortest.Noon); err != nil {
			t.Fatalf("partitions: %v", err)
		}
		db := Start(t, e, nil)
		return factortest.Bench{Store: db, Events: func(ctx context.Context) ([]audit.Event, error) {
			return db.Events(ctx, uid.ID{}, uid.ID{0xff}, 10_000)
		}}
	}
}

func inviteBench(engine Open) func(t *testing.T) invitetest.Bench {
	return func(t *testing.T) invitetest.Bench {
		e := engine(t)
		if err := e.Partitions(t.Context(), invitetest.Noon); err != nil {
			t.Fatalf("partitions: %v", err)
		}
		db := Start(t, e, nil)
		return invitetest.Bench{
			Store: db,
			Events: func(ctx context.Context) ([]audit.Event, error) {
				return db.Events(ctx, uid.ID{}, uid.ID{0xff}, 10_000)
			},
			Jobs: func(ctx context.Context) (int, error) {
				list, err := jobs(ctx, e)
				return len(list), err
			},
		}
	}
}

func webhookBench(engine Open) func(t *testing.T) webhooktest.Bench {
	return func(t *testing.T) webhooktest.Bench {
		e := engine(t)
		db := Start(t, e, nil)
		return webhooktest.Bench{
			Store: db,
			Events: func(ctx context.Context) ([]audit.Event, error) {
				return db.Events(ctx, uid.ID{}, uid.ID{0xff}, 10_000)
			},
			Jobs: func(ctx context.Context) ([]outboxtest.Row, error) { return jobs(ctx, e) },
			Write: func(ctx context.Context, events []audit.Event) error {
				return db.Record(ctx, outbox.Effects{Events: events})
			},
		}
	}
}

func hooksSwept(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	at := now()
	d := webhook.Delivery{ID: uid.Random(at), Tenant: uid.NewTenant(at), Endpoint: uid.Random(at), Event: uid.Random(at), Type: "a",
		State: webhook.Dead, CreatedAt: at, UpdatedAt: at}
	if err := db.AddDelivery(t.Context(), d, nil, outbox.Effects{}); err != nil {
		t.Fatal(err)
	}
	clock := db.Now
	for _, days := range []int{29, 32} {
		db.Now = func() time.Time { return clock().AddDate(0, 0, days) }
		if _, err := db.Sweep(t.Context(), store.Retention{Contacts: 24 * time.Hour}); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Delivery(t.Context(), d.Tenant, d.Endpoint, d.ID); errors.Is(err, webhook.ErrNotFound) != (days > 30) {
			t.Errorf("after %d days: %v", days, err)
		}
	}
}

// jobs reads all jobs as they are kept.
func jobs(ctx context.Context, e store.Engine) ([]outboxtest.Row, error) {
	rows, err := e.Reader().QueryContext(ctx, `SELECT id, kind, tenant, object, n, payload, due_us, attempt, taken, lease_owner, claim_us,
		dead, reason FROM job ORDER BY id`)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var list []outboxtest.Row
	for rows.Next() {
		var r outboxtest.Row
		var due, claim int64
		if err := rows.Scan(&r.Job.ID, &r.Job.Kind, &r.Job.Tenant, &r.Job.Object, &r.Job.N, &r.Job.Payload, &due, &r.Job.Attempt,
			&r.Job.Taken, &r.Holder, &claim, &r.Dead, &r.Reason); err != nil {
			return nil, err
		}
		r.Job.Due = time.UnixMicro(due).UTC()
		if !r.Holder.IsZero() {
			r.Job.LeaseUntil = time.UnixMicro(claim).UTC()
		}
		list = append(list, r)
	}
	return list, rows.Err()
}
