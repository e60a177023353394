package tenant_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

func TestSEC_82_AKeyIsRandomShownOnceAndKeptAsAHash(t *testing.T) {
	t.Parallel()
	s := &store{}
	d := open(t, s)
	ten := newTenant(t, d)
	k, secret, err := d.CreateKey(t.Context(), by, ten.ID, tenant.KeyRequest{Name: "ci", Scopes: []string{tenant.ScopeVerifyStart}})
	if err != nil {
		t.Fatal(err)
	}
	text := secret.Reveal()
	if !strings.HasPrefix(text, "csk_") || len(text) != 64 || k.Hash != hash(text) {
		t.Errorf("a key of %d characters that does not match its hash", len(text))
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if out := fmt.Sprintf(verb, secret); out != "[redacted]" {
			t.Errorf("%s prints %s", verb, out)
		}
	}
	if out, _ := json.Marshal(map[string]any{"k": secret}); bytes.Contains(out, []byte(text)) {
		t.Errorf("JSON holds the secret")
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("made", "key", secret)
	if strings.Contains(log.String(), text) {
		t.Errorf("a log line holds the secret")
	}
	p, err := d.Authenticate(t.Context(), text)
	want := tenant.Principal{Tenant: ten.ID, Key: k.ID, Scopes: []string{tenant.ScopeVerifyStart}}
	if diff := cmp.Diff(want, p); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	events, _ := s.Events(t.Context())
	all, _ := json.Marshal(events)
	if bytes.Contains(all, []byte(text)) || !bytes.Contains(all, []byte("key.created")) {
		t.Error("events must tell of the key and not hold it")
	}
}

func TestSEC_82_TwoKeysWorkAtOnceForRotation(t *testing.T) {
	t.Parallel()
	d := open(t, &store{})
	ten := newTenant(t, d)
	old, oldText := newKey(t, d, ten.ID)
	_, newText := newKey(t, d, ten.ID)
	for _, text := range []string{oldText, newText} {
		if _, err := d.Authenticate(t.Context(), text); err != nil {
			t.Errorf("one of two keys: %v", err)
		}
	}
	if err := d.RevokeKey(t.Context(), by, ten.ID, old.ID); err != nil {
		t.Fatal(err)
	}
	_, err := d.Authenticate(t.Context(), oldText)
	wantKind(t, err, fault.Unauthenticated, "the revoked key, at once")
	if _, err := d.Authenticate(t.Context(), newText); err != nil {
		t.Errorf("the other key: %v", err)
	}
	if err := d.RevokeKey(t.Context(), by, ten.ID, old.ID); err != nil {
		t.Errorf("revoking again: %v", err)
	}
	wantKind(t, d.RevokeKey(t.Context(), by, newTenant(t, d).ID, old.ID), fault.NotFound, "revoking another tenant's key")
}

func TestARevokedKeyStopsOnEveryNodeWithinASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		here, there := nodes(t)
		ten := newTenant(t, here)
		k, text := newKey(t, here, ten.ID)
		if _, err := there.Authenticate(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		if err := here.RevokeKey(t.Context(), by, ten.ID, k.ID); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		_, err := there.Authenticate(t.Context(), text)
		wantKind(t, err, fault.Unauthenticated, "on the other node after a second")
	})
}

func TestAKeyExpires(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := open(t, &store{})
		ten := newTenant(t, d)
		_, secret, err := d.CreateKey(t.Context(), by, ten.ID, tenant.KeyRequest{Scopes: []string{"all"}, ExpiresAt: time.Now().Add(time.Hour)})
		if err != nil {
			t.Fatal(err)
		}
		pass(time.Hour - time.Second)
		if _, err := d.Authenticate(t.Context(), secret.Reveal()); err != nil {
			t.Errorf("before it expires: %v", err)
		}
		pass(time.Second)
		_, err = d.Authenticate(t.Context(), secret.Reveal())
		wantKind(t, err, fault.Unauthenticated, "from cache, when it has expired")
		_, err = open(t, &store{}).Authenticate(t.Context(), secret.Reveal())
		wantKind(t, err, fault.Unauthenticated, "unknown")
	})
}

func TestUnknownExpiredAndRevokedKeysLookTheSame(t *testing.T) {
	t.Parallel()
	s := &store{}
	d := open(t, s)
	ten := newTenant(t, d)
	k, revoked := newKey(t, d, ten.ID)
	_ = d.RevokeKey(t.Context(), by, ten.ID, k.ID)
	texts := map[string]bool{}
	for _, key := range []string{"", "csk_", revoked, "csk_" + strings.Repeat("0", 60), strings.ToUpper(revoked), revoked + "0"} {
		_, err := d.Authenticate(t.Context(), key)
		wantKind(t, err, fault.Unauthenticated, "a key that doesn't work")
		texts[fault.As(err).Message+fault.As(err).Code] = true
	}
	if len(texts) != 1 {
		t.Errorf("%d different answers", len(texts))
	}
}

func TestMadeUpKeysNeverReachTheDatabaseAndDeadOnesOnce(t *testing.T) {
	t.Parallel()
	s := &store{}
	d := open(t, s)
	ten := newTenant(t, d)
	k, text := newKey(t, d, ten.ID)
	for i := range len(text) {
		b := []byte(text)
		if b[i]++; b[i] == '_'+1 {
			b[i] = '-'
		}
		_, err := d.Authenticate(t.Context(), string(b))
		wantKind(t, err, fault.Unauthenticated, "one character changed")
	}
	if n := s.keyReads.Load(); n != 0 {
		t.Errorf("made-up keys cost %d reads", n)
	}
	_ = d.RevokeKey(t.Context(), by, ten.ID, k.ID)
	for range 100 {
		_, _ = d.Authenticate(t.Context(), text)
	}
	if n := s.keyReads.Load(); n != 1 {
		t.Errorf("a dead key shown 100 times cost %d reads, want 1", n)
	}
}

func TestLastUseIsWrittenLaterAndOncePerMinute(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		d := open(t, s)
		stop := run(t, d)
		ten := newTenant(t, d)
		_, text := newKey(t, d, ten.ID)
		minute := time.Now().Truncate(time.Minute)
		for range 100 {
			_, _ = d.Authenticate(t.Context(), text)
		}
		if n := s.touches.Load(); n != 0 {
			t.Errorf("%d writes on the request path", n)
		}
		pass(20 * time.Second)
		keys, _ := d.Keys(t.Context(), ten.ID)
		if n := s.touches.Load(); n != 1 || !keys[0].LastUsed.Equal(minute) {
			t.Errorf("%d writes, last used %v; want 1, %v", n, keys[0].LastUsed, minute)
		}
		_, _ = d.Authenticate(t.Context(), text)
		pass(20 * time.Second)
		if n := s.touches.Load(); n != 1 {
			t.Errorf("%d writes of one minute", n)
		}
		pass(time.Minute)
		_, _ = d.Authenticate(t.Context(), text)
		stop()
		keys, _ = d.Keys(t.Context(), ten.ID)
		if want := minute.Add(time.Minute); !keys[0].LastUsed.Equal(want) {
			t.Errorf("after shutdown last used is %v, want %v", keys[0].LastUsed, want)
		}
	})
}

func TestKeyRequestsAreChecked(t *testing.T) {
	t.Parallel()
	d := open(t, &store{})
	ten := newTenant(t, d)
	_, _, err := d.CreateKey(t.Context(), by, ten.ID, tenant.KeyRequest{
		Name: "a\nb", Scopes: []string{"everything"}, ExpiresAt: time.Now().Add(-time.Second)})
	if diff := cmp.Diff([]string{"name", "scopes", "expires_at"}, fields(err)); diff != "" {
		t.Errorf("fields at fault (-want +got):\n%s", diff)
	}
	_, _, err = d.CreateKey(t.Context(), by, ten.ID, tenant.KeyRequest{})
	if diff := cmp.Diff([]string{"scopes"}, fields(err)); diff != "" {
		t.Errorf("fields at fault (-want +got):\n%s", diff)
	}
	_, _, err = d.CreateKey(t.Context(), by, uid.NewTenant(time.Now()), tenant.KeyRequest{Scopes: []string{"all"}})
	wantKind(t, err, fault.NotFound, "an unknown tenant")
	for range 100 {
		newKey(t, d, ten.ID)
	}
	_, _, err = d.CreateKey(t.Context(), by, ten.ID, tenant.KeyRequest{Scopes: []string{"all"}})
	wantKind(t, err, fault.Conflict, "the 101st live key")
	keys, _ := d.Keys(t.Context(), ten.ID)
	_ = d.RevokeKey(t.Context(), by, ten.ID, keys[0].ID)
	newKey(t, d, ten.ID)
}

func fields(err error) []string {
	all, _ := errors.AsType[tenant.Faults](err)
	var names []string
	for _, f := range all {
		names = append(names, f.Field)
	}
	return names
}

// A key that is in memory, with its tenant, costs about a microsecond, most of it the keyed hash.
func BenchmarkAuthenticateWarm(b *testing.B) {
	ring, err := seal.Parse([]byte(base64.StdEncoding.EncodeToString(make([]byte, 32)) + "\n"))
	if err != nil {
		b.Fatal(err)
	}
	index, err := ring.NewIndexKey()
	if err != nil {
		b.Fatal(err)
	}
	if _, err := ring.UseIndexKey(index); err != nil {
		b.Fatal(err)
	}
	d := open(b, &store{}, func(c *tenant.Config) {
		c.Hash = func(secret string) [32]byte { return ring.Hash("api_key", uid.Tenant{}, []byte(secret)) }
	})
	_, text := newKey(b, d, newTenant(b, d).ID)
	for b.Loop() {
		if _, err := d.Authenticate(b.Context(), text); err != nil {
			b.Fatal(err)
		}
	}
}
