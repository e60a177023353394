package storetest

import (
	"database/sql"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// earlierProgram: while nodes are upgraded one after the other, one that does not know rate limits makes services without any,
// and keeps those of the services that it changes.
func earlierProgram(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	at := now()
	ten := tenant.Tenant{ID: uid.NewTenant(at), Name: "Acme", CreatedAt: at, UpdatedAt: at}
	s := tenant.Service{ID: uid.Random(at), Tenant: ten.ID, Name: "Acme", Default: true, CreatedAt: at, UpdatedAt: at, Version: 1,
		RateLimits: []tenant.RateLimit{{ID: uid.Random(at), Name: "session", CreatedAt: at, UpdatedAt: at, Buckets: []tenant.Bucket{
			{ID: uid.Random(at), Max: 5, Interval: time.Hour, CreatedAt: at, UpdatedAt: at},
		}}}}
	if err := db.CreateTenant(t.Context(), ten, s, outbox.Effects{}); err != nil {
		t.Fatal(err)
	}
	other := uid.Random(at)
	if err := e.Write(t.Context(), func(tx *sql.Tx) error {
		if _, err := tx.Exec(`INSERT INTO service (tenant, id, name, is_default, profile, created_us, updated_us, version)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, ten.ID[:], other[:], "Other", false, `{}`, 1, 1, 1); err != nil {
			return err
		}
		_, err := tx.Exec(`UPDATE service SET name = $3, is_default = $4, profile = $5, created_us = $6, updated_us = $7, version = $8
			WHERE tenant = $1 AND id = $2 AND version = $9`, ten.ID[:], s.ID[:], "New", true, `{"max_sends":3}`, 1, 1, 2, 1)
		return err
	}); err != nil {
		t.Fatal(err)
	}
	all, err := db.Services(t.Context(), ten.ID)
	if err != nil || len(all) != 2 {
		t.Fatalf("%d services, %v", len(all), err)
	}
	for _, got := range all {
		want := s.RateLimits
		if got.ID == other {
			want = nil
		}
		if diff := cmp.Diff(want, got.RateLimits); diff != "" {
			t.Errorf("%s (-want +got):\n%s", got.Name, diff)
		}
	}
}
