package tenant_test

import (
	"context"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

func TestMTA_4_keys_of_a_suspended_tenant_are_refused_everywhere_within_a_second(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		here, there := nodes(t)
		ten := newTenant(t, here)
		_, text := newKey(t, here, ten.ID)
		_, other := newKey(t, here, newTenant(t, here).ID)
		if _, err := there.Authenticate(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		if _, err := here.Suspend(t.Context(), by, ten.ID); err != nil {
			t.Fatal(err)
		}
		_, err := here.Authenticate(t.Context(), text)
		wantKind(t, err, fault.Denied, "at once, here")
		pass(time.Second)
		for _, how := range []func(*tenant.Directory, context.Context, string) (tenant.Principal, error){
			(*tenant.Directory).Authenticate,
			func(d *tenant.Directory, ctx context.Context, key string) (tenant.Principal, error) {
				return d.AuthenticateToken(ctx, tenant.Token(key))
			},
		} {
			p, err := how(there, t.Context(), text)
			wantKind(t, err, fault.Denied, "after a second, there")
			if fault.As(err).Code != tenant.CodeSuspended || !p.Tenant.IsZero() {
				t.Errorf("%v, %v", err, p)
			}
		}
		if _, err := there.Authenticate(t.Context(), other); err != nil {
			t.Errorf("another tenant's key: %v", err)
		}
		_, err = there.Authenticate(t.Context(), text+"0")
		wantKind(t, err, fault.Unauthenticated, "a made-up key")
		if _, err := here.Resume(t.Context(), by, ten.ID); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		for _, d := range []*tenant.Directory{here, there} {
			if _, err := d.Authenticate(t.Context(), text); err != nil {
				t.Errorf("resumed: %v", err)
			}
		}
	})
}

func TestSuspending_tells_by_an_event_and_changes_nothing_else(t *testing.T) {
	t.Parallel()
	s := &store{}
	d := open(t, s)
	ten := newTenant(t, d)
	first, err := d.Suspend(t.Context(), by, ten.ID)
	if err != nil || first.SuspendedAt.IsZero() || first.Name != ten.Name {
		t.Fatalf("%+v, %v", first, err)
	}
	again, err := d.Suspend(t.Context(), by, ten.ID)
	if err != nil || !again.SuspendedAt.Equal(first.SuspendedAt) {
		t.Errorf("suspended again at %v, %v; want since %v", again.SuspendedAt, err, first.SuspendedAt)
	}
	changed, err := d.UpdateTenant(t.Context(), by, ten.ID, func(t *tenant.Tenant) { t.Name, t.SuspendedAt = "Other", time.Time{} })
	if err != nil || changed.SuspendedAt.IsZero() {
		t.Errorf("another change has resumed it: %v", err)
	}
	for range 2 {
		resumed(t, d, ten.ID)
	}
	var kinds []string
	events, _ := s.Events(t.Context())
	for _, e := range events {
		kinds = append(kinds, e.Type)
	}
	if want := []string{"tenant.created", "service.created", "tenant.suspended", "tenant.updated", "tenant.resumed"}; !slices.Equal(kinds, want) {
		t.Errorf("events %v, want %v", kinds, want)
	}
	_, err = d.Suspend(t.Context(), by, uid.NewTenant(time.Now()))
	wantKind(t, err, fault.NotFound, "an unknown tenant")
}

func resumed(t *testing.T, d *tenant.Directory, id uid.Tenant) {
	t.Helper()
	if back, err := d.Resume(t.Context(), by, id); err != nil || !back.SuspendedAt.IsZero() || back.Name != "Other" {
		t.Errorf("%+v, %v", back, err)
	}
}
