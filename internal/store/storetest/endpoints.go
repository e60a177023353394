package storetest

import (
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// endpointsAtOnce: of endpoints that a tenant makes at the same moment no more come about than it may have.
func endpointsAtOnce(t *testing.T, e store.Engine) {
	db, at := Start(t, e, nil), now()
	ten := tenant.Tenant{ID: uid.NewTenant(at), Name: "acme", CreatedAt: at, UpdatedAt: at}
	if err := db.CreateTenant(t.Context(), ten, tenant.Service{ID: uid.New(at, 1), Tenant: ten.ID, Name: "acme", Default: true, CreatedAt: at, UpdatedAt: at, Version: 1}, outbox.Effects{}); err != nil {
		t.Fatal(err)
	}
	const most = 3
	var made atomic.Int64
	var wg sync.WaitGroup
	for range 24 {
		wg.Go(func() {
			one := webhook.Endpoint{ID: uid.Random(at), Tenant: ten.ID, URL: "https://example.com/", Secret: []byte{1}, Since: at, CreatedAt: at, UpdatedAt: at, Version: 1}
			switch err := db.CreateEndpoint(t.Context(), one, most, nil, outbox.Effects{}); {
			case err == nil:
				made.Add(1)
			case !errors.Is(err, webhook.ErrTooMany):
				t.Errorf("create: %v", err)
			}
		})
	}
	wg.Wait()
	if got := Count(t, e, "webhook_endpoint"); made.Load() != most || got != most {
		t.Errorf("%d were made and %d are there, want %d", made.Load(), got, most)
	}
}
