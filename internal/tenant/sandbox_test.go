package tenant_test

import (
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/sandbox"
	"github.com/countersign/countersign/internal/tenant"
)

// newSandbox makes a sandbox and a key of it.
func newSandbox(t testing.TB, d *tenant.Directory) (tenant.Tenant, string) {
	t.Helper()
	box, err := d.CreateSandbox(t.Context(), by, "Trying")
	if err != nil {
		t.Fatal(err)
	}
	_, text := newKey(t, d, box.ID)
	return box, text
}

func TestMTA_57_keys_of_a_sandbox_tell_what_they_are(t *testing.T) {
	t.Parallel()
	s := &store{}
	d := open(t, s)
	box, text := newSandbox(t, d)
	_, live := newKey(t, d, newTenant(t, d).ID)
	if !strings.HasPrefix(text, "test_") || len(text) != 65 || strings.HasPrefix(live, "test_") {
		t.Errorf("a sandbox's key begins with %s, a live one with %s", text[:5], live[:5])
	}
	if p, err := d.Authenticate(t.Context(), text); err != nil || p.Tenant != box.ID {
		t.Errorf("the key: %v", err)
	}
	reads := s.keyReads.Load()
	for _, made := range []string{"csk_" + tenant.Token(text), "test_" + tenant.Token(live), "test_", "test_" + strings.Repeat("0", 60), tenant.Token(text)} {
		_, err := d.Authenticate(t.Context(), made)
		wantKind(t, err, fault.Unauthenticated, "a key with the other's prefix, or made up")
	}
	if n := s.keyReads.Load() - reads; n != 0 {
		t.Errorf("made-up keys cost %d reads", n)
	}
}

func TestATokenIsAKeyOfEitherKindWithoutItsPrefix(t *testing.T) {
	t.Parallel()
	s := &store{}
	d := open(t, s)
	box, text := newSandbox(t, d)
	ten := newTenant(t, d)
	k, live := newKey(t, d, ten.ID)
	if p, err := d.AuthenticateToken(t.Context(), tenant.Token(text)); err != nil || p.Tenant != box.ID {
		t.Errorf("a sandbox's: %v", err)
	}
	if p, err := d.AuthenticateToken(t.Context(), tenant.Token(live)); err != nil || p.Tenant != ten.ID {
		t.Errorf("a live one: %v", err)
	}
	reads := s.keyReads.Load()
	for _, made := range []string{"", text, live, strings.Repeat("0", 60)} {
		_, err := d.AuthenticateToken(t.Context(), made)
		wantKind(t, err, fault.Unauthenticated, "what is no token")
	}
	if n := s.keyReads.Load() - reads; n != 0 {
		t.Errorf("made-up tokens cost %d reads", n)
	}
	if err := d.RevokeKey(t.Context(), by, ten.ID, k.ID); err != nil {
		t.Fatal(err)
	}
	_, err := d.AuthenticateToken(t.Context(), tenant.Token(live))
	wantKind(t, err, fault.Unauthenticated, "of a revoked key")
}

func TestASandboxStaysOneAndHasATestNumber(t *testing.T) {
	t.Parallel()
	s := &store{}
	d := open(t, s)
	box, _ := newSandbox(t, d)
	ten := newTenant(t, d)
	if !box.Sandbox || ten.Sandbox || !box.TestNumbers.Enabled || box.TestNumbers.Codes[sandbox.FixedNumber] != sandbox.FixedCode {
		t.Errorf("made %+v and %+v", box, ten)
	}
	for _, one := range []tenant.Tenant{box, ten} {
		changed, err := d.UpdateTenant(t.Context(), by, one.ID, func(t *tenant.Tenant) { t.Sandbox, t.Name = !t.Sandbox, "Other" })
		if err != nil || changed.Sandbox != one.Sandbox {
			t.Errorf("a change makes it %t, %v", changed.Sandbox, err)
		}
		if got, err := d.Tenant(t.Context(), one.ID); err != nil || got.Sandbox != one.Sandbox {
			t.Errorf("%s is a sandbox: %t, %v", one.Name, got.Sandbox, err)
		}
	}
	events, _ := s.Events(t.Context())
	if data := string(events[0].Data); events[0].Type != "tenant.created" || data != `{"sandbox":true}` {
		t.Errorf("the event %s says %s", events[0].Type, data)
	}
}
