package storetest

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// Verifications change in batches and services do not, but a caller's idempotency key is the same for both.

// profile is a service of a new tenant.
func profile() tenant.Service {
	return tenant.Service{ID: uid.Random(now()), Tenant: uid.NewTenant(now()), Name: "Shop", CreatedAt: now(), UpdatedAt: now(), Version: 1}
}

func keyed(n byte) tenant.Answer {
	return tenant.Answer{Bucket: 99, Key: [16]byte{n}, Body: [32]byte{6}, Sealed: []byte("of a service"), At: now()}
}

// decided hands what is kept under the key of a to a decision that keeps keep, or is refused when that is nil.
func decided(t *testing.T, db *store.DB, a tenant.Answer, keep []byte) (kept *verify.Answer) {
	t.Helper()
	target := place(sample(uid.NewTenant(now())))
	target.Answer = &verify.Answer{Bucket: a.Bucket, Key: a.Key, Body: [32]byte{7}}
	err := db.Change(context.Background(), target, func(h *verify.Held) (outbox.Effects, error) {
		if kept = h.Kept; kept == nil && keep == nil {
			return outbox.Effects{}, errRefused
		}
		if kept == nil {
			h.Keep = keep
		}
		return outbox.Effects{}, nil
	})
	if err != nil && !errors.Is(err, errRefused) {
		t.Errorf("change: %v", err)
	}
	return kept
}

func oneAnswerForAll(t *testing.T, open opener) {
	db := open(t, nil)
	s, a := profile(), keyed(1)
	if err := db.CreateService(t.Context(), s, &a, outbox.Effects{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(&a, decided(t, db, a, []byte("another")), sameTimes); diff != "" {
		t.Errorf("a verification finds another answer than the service kept (-want +got):\n%s", diff)
	}

	other := keyed(2)
	if decided(t, db, other, []byte("of a verification")) != nil {
		t.Fatal("a new key has an answer")
	}
	s.ID, s.Name = uid.Random(now()), "Store"
	if err := db.CreateService(t.Context(), s, &other, outbox.Effects{}); !errors.Is(err, tenant.ErrAnswered) {
		t.Errorf("a service with the key of a verification: %v", err)
	}
	kept, err := db.KeptAnswer(t.Context(), other)
	if err != nil || string(kept.Sealed) != "of a verification" || kept.Body != [32]byte{7} {
		t.Errorf("kept %+v, %v", kept, err)
	}
}

// A batch makes a row for a key and takes it back when it keeps nothing, under the hands of who makes a service.
func freeAfterRefusals(t *testing.T, open opener) {
	db := open(t, nil)
	s := profile()
	for round := range byte(20) {
		a := keyed(round)
		var made atomic.Int32
		parallel(16, func(i int) {
			if i%2 == 0 {
				decided(t, db, a, nil)
				return
			}
			mine := s
			mine.ID, mine.Name = uid.Random(now()), fmt.Sprint(round, " ", i)
			switch err := db.CreateService(context.Background(), mine, &a, outbox.Effects{}); {
			case err == nil:
				made.Add(1)
			case !errors.Is(err, tenant.ErrAnswered):
				t.Errorf("create: %v", err)
			}
		})
		if kept, err := db.KeptAnswer(t.Context(), a); made.Load() != 1 || err != nil || string(kept.Sealed) != "of a service" {
			t.Fatalf("round %d: %d services were made, kept %+v, %v", round, made.Load(), kept, err)
		}
	}
}

func emptyRowIsNoAnswer(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	a := keyed(1)
	err := e.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), `INSERT INTO idempotency (bucket, answer_key, at_us) VALUES ($1, $2, $3)`,
			int64(a.Bucket), a.Key[:], a.At.Add(time.Minute).UnixMicro())
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if kept, err := db.KeptAnswer(t.Context(), a); !errors.Is(err, tenant.ErrNotFound) {
		t.Errorf("kept %+v, %v", kept, err)
	}
	if err := db.CreateService(t.Context(), profile(), &a, outbox.Effects{}); err != nil {
		t.Errorf("create: %v", err)
	}
}
