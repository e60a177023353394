package console_test

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/tenant/tenanttest"
	"github.com/countersign/countersign/internal/uid"
)

// mint is a directory that makes real keys, of a tenant of its own.
type mint struct {
	*directory
	real  *tenant.Directory
	owner uid.Tenant
}

func newMint(t *testing.T, f *directory) *mint {
	t.Helper()
	d, err := tenant.New(tenant.Config{
		Hash: func(secret string) [32]byte { return [32]byte([]byte(secret)[5:37]) }, Once: tenanttest.Ring(t).Once, Showable: func(string, int) bool { return true },
		Channels: []string{"sms"}, Limits: tenant.DefaultLimits(), Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
	}, &tenanttest.Memory{})
	if err != nil {
		t.Fatal(err)
	}
	ten, err := d.CreateTenant(t.Context(), tenant.Caller{Actor: "test"}, "Acme")
	if err != nil {
		t.Fatal(err)
	}
	return &mint{f, d, ten.ID}
}

func (m *mint) CreateKey(ctx context.Context, by tenant.Caller, t uid.Tenant, r tenant.KeyRequest) (tenant.Key, tenant.Secret, error) {
	if k, secret, err := m.directory.CreateKey(ctx, by, t, r); err != nil {
		return k, secret, err
	}
	return m.real.CreateKey(ctx, by, m.owner, r)
}

var (
	keyNoon = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	keyText = regexp.MustCompile(`csk_[0-9a-z]{60}`)
	web1    = tenant.Key{
		ID: uid.ID{5}, Tenant: ours, Name: "Web shop", Scopes: []string{"verifications:start"}, CreatedAt: keyNoon.Add(-400 * 24 * time.Hour),
		LastUsed: keyNoon.Add(-time.Minute),
	}
)

func withKeys(t *testing.T, f *directory) *browser {
	t.Helper()
	m := newMint(t, f)
	return newBrowser(t, &people{}, func(c *console.Config) { c.Directory, c.Now = m, func() time.Time { return keyNoon } })
}

func keyPath(k tenant.Key, act string) string {
	return "/console/keys/" + k.ID.Text(uid.Key) + "/" + act
}

func TestKeysAreListedWithScopesAgeAndLastUse(t *testing.T) {
	newer, ended, dead := web1, web1, web1
	newer.ID, newer.CreatedAt, newer.LastUsed = uid.ID{6}, keyNoon, time.Time{}
	ended.ID, ended.Name, ended.ExpiresAt = uid.ID{7}, hostile, keyNoon.Add(-time.Hour)
	dead.ID, dead.Name, dead.RevokedAt = uid.ID{9}, "Old app", keyNoon
	f := &directory{list: []tenant.Key{dead, web1, ended, newer}}
	body := withKeys(t, f).as("owner").get("/console/keys").Body.String()
	has(t, body, "verifications:start", "26 Nov 2026, 11:59 UTC", "22 Oct 2025, 12:00 UTC", "Being replaced", "Active", "Ended", "Revoked", "Never",
		keyPath(web1, "rotate"), keyPath(web1, "revoke"), "&lt;script&gt;")
	hasNot(t, body, keyPath(dead, "revoke"), keyPath(ended, "rotate"), "<script>alert")
	if strings.Index(body, newer.ID.Text(uid.Key)) > strings.Index(body, dead.ID.Text(uid.Key)) {
		t.Error("a dead key stands before one that works")
	}
}

func TestAKeyIsShownOnceWhenItIsMade(t *testing.T) {
	f := &directory{}
	b := withKeys(t, f).as("admin")
	w := b.send("/console/keys/new", "/console/keys/new", url.Values{"name": {"Till"}, "scopes": {"verifications:start", "verifications:check"}, "expires_in_days": {"90"}})
	body := w.Body.String()
	if w.Code != http.StatusOK || len(keyText.FindAllString(body, -1)) == 0 {
		t.Fatalf("answer %d without a key", w.Code)
	}
	if f.made.Name != "Till" || !slices.Equal(f.made.Scopes, []string{"verifications:start", "verifications:check"}) || !f.made.ExpiresAt.Equal(keyNoon.Add(90*24*time.Hour)) {
		t.Errorf("asked for %+v", f.made)
	}
	has(t, body, "http://console.test/v1/verifications", "countersign.New(", "urllib.request", "await fetch(", "process.env.KEY")
	for _, c := range w.Result().Cookies() {
		if keyText.MatchString(c.Value) {
			t.Error("a cookie holds the key")
		}
	}
	hasNot(t, b.get("/console/keys").Body.String(), keyText.FindString(body))
}

func TestAKeyThatIsNotMadeKeepsWhatWasTyped(t *testing.T) {
	f := &directory{err: tenant.Faults{
		fault.New(fault.Invalid, "scopes_invalid", "Name at least one scope.").On("scopes"),
		fault.New(fault.Invalid, "expires_at_invalid", "Choose an expiry in the future.").On("expires_at"),
	}}
	body := withKeys(t, f).as("owner").send("/console/keys/new", "/console/keys/new", url.Values{"name": {hostile}, "expires_in_days": {"-3"}, "scopes": {"webhooks:read"}}).Body.String()
	has(t, body, `id="scopes" aria-describedby="scopes-error"`, `id="expires_in_days-error"`, "Name at least one scope.", "Choose an expiry in the future.", `value="-3"`, "&lt;script&gt;", `value="webhooks:read" checked`)
	hasNot(t, body, "<script>alert")
	if !f.made.ExpiresAt.Before(keyNoon) {
		t.Errorf("what is no number of days ends the key at %v", f.made.ExpiresAt)
	}
}

func TestEachScopeSaysWhatItIsFor(t *testing.T) {
	body := withKeys(t, &directory{}).as("owner").get("/console/keys/new").Body.String()
	for _, scope := range tenant.Scopes() {
		has(t, body, `id="scopes-`+scope+`-hint"`, `aria-describedby="scopes-`+scope+`-hint"`)
	}
}

func TestARotationMakesASecondKeyAndLeavesTheFirst(t *testing.T) {
	old := web1
	old.ExpiresAt = old.CreatedAt.Add(500 * 24 * time.Hour)
	f := &directory{list: []tenant.Key{old}}
	b := withKeys(t, f).as("owner")
	has(t, b.get(keyPath(old, "rotate")).Body.String(), "works until you revoke it")
	body := b.send(keyPath(old, "rotate"), keyPath(old, "rotate"), url.Values{}).Body.String()
	if !keyText.MatchString(body) || !slices.Equal(f.calls, []string{"make key"}) {
		t.Fatalf("calls %v", f.calls)
	}
	if f.made.Name != old.Name || !slices.Equal(f.made.Scopes, old.Scopes) || !f.made.ExpiresAt.Equal(keyNoon.Add(500*24*time.Hour)) {
		t.Errorf("asked for %+v", f.made)
	}
	has(t, body, "The key before works until you revoke it.", keyPath(old, "revoke"))
}

func TestAKeyIsRevokedAfterAQuestion(t *testing.T) {
	f := &directory{list: []tenant.Key{web1}}
	b := withKeys(t, f).as("admin")
	has(t, b.get(keyPath(web1, "revoke")).Body.String(), "Web shop")
	if f.calls != nil {
		t.Errorf("asking calls %v", f.calls)
	}
	form := url.Values{}
	wantTo(t, b.send(keyPath(web1, "revoke"), keyPath(web1, "revoke"), form), "/console/keys")
	f.list[0].RevokedAt, f.calls = keyNoon, nil
	wantTo(t, b.post(keyPath(web1, "revoke"), form), "/console/keys") // a second click
	if !slices.Equal(f.calls, []string{"revoke " + web1.ID.Text(uid.Key)}) {
		t.Errorf("calls %v", f.calls)
	}
}

func TestAKeyOfNobodyOfAnotherFirmOrThatIsOverIsNotThere(t *testing.T) {
	dead := web1
	dead.RevokedAt = keyNoon
	b := withKeys(t, &directory{list: []tenant.Key{dead}}).as("owner")
	for _, path := range []string{keyPath(dead, "revoke"), keyPath(dead, "rotate"), keyPath(tenant.Key{ID: uid.ID{1}}, "revoke"), "/console/keys/csk_x/revoke"} {
		if w := b.get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s is answered by %d", path, w.Code)
		}
	}
}

func TestAgentsAndViewersSeeAndMakeNoKeys(t *testing.T) {
	f := &directory{list: []tenant.Key{web1}}
	for _, role := range []operator.Role{operator.Agent, operator.Viewer} {
		b := withKeys(t, f).as(role)
		for _, path := range []string{"/console/keys", "/console/keys/new", keyPath(web1, "rotate"), keyPath(web1, "revoke")} {
			w := b.get(path)
			if w.Code != http.StatusForbidden {
				t.Errorf("%s reads %s: %d", role, path, w.Code)
			}
			hasNot(t, w.Body.String(), web1.ID.Text(uid.Key))
		}
		for _, path := range []string{"/console/keys/new", keyPath(web1, "rotate"), keyPath(web1, "revoke")} {
			if w := b.post(path, url.Values{}); w.Code != http.StatusForbidden {
				t.Errorf("%s posts to %s: %d", role, path, w.Code)
			}
		}
	}
	if f.calls != nil {
		t.Errorf("called %v", f.calls)
	}
}
