package tenant_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/tenant/tenanttest"
	"github.com/countersign/countersign/internal/uid"
)

// store counts reads and can be away.
type store struct {
	tenanttest.Memory
	keyReads, tenantReads, touches atomic.Int32
	away                           atomic.Bool
	hold                           chan struct{} // when set: reads of keys wait until it is closed
}

var errAway = fault.New(fault.Unavailable, "database_away", "Try again soon.")

func (s *store) KeyByHash(ctx context.Context, hash [32]byte) (tenant.Key, error) {
	s.keyReads.Add(1)
	if s.away.Load() {
		return tenant.Key{}, errAway
	}
	k, err := s.Memory.KeyByHash(ctx, hash)
	if s.hold != nil {
		<-s.hold
	}
	return k, err
}

func (s *store) Tenant(ctx context.Context, id uid.Tenant) (tenant.Tenant, error) {
	s.tenantReads.Add(1)
	return s.Memory.Tenant(ctx, id)
}

func (s *store) TouchKey(ctx context.Context, id uid.ID, at time.Time) error {
	s.touches.Add(1)
	return s.Memory.TouchKey(ctx, id, at)
}

func (s *store) Version(ctx context.Context) (int64, error) {
	if s.away.Load() {
		return 0, errAway
	}
	return s.Memory.Version(ctx)
}

func hash(secret string) [32]byte {
	m := hmac.New(sha256.New, []byte("key of the test"))
	m.Write([]byte(secret))
	return [32]byte(m.Sum(nil))
}

func showable(name string, limit int) bool {
	return name != "" && utf8.RuneCountInString(name) <= limit && !strings.ContainsAny(name, "\n\u202e/")
}

var by = tenant.Caller{Actor: "command", RequestID: "req_1"}

func open(t testing.TB, s tenant.Store, change ...func(*tenant.Config)) *tenant.Directory {
	t.Helper()
	cfg := tenant.Config{
		Hash: hash, Showable: showable, Channels: []string{"sms", "voice", "whatsapp", "email"}, Limits: tenant.DefaultLimits(),
		Rules: recipient.Rules{}, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
	}
	for _, c := range change {
		c(&cfg)
	}
	d, err := tenant.New(cfg, s)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func newTenant(t testing.TB, d *tenant.Directory) tenant.Tenant {
	t.Helper()
	ten, err := d.CreateTenant(t.Context(), by, "Acme")
	if err != nil {
		t.Fatal(err)
	}
	return ten
}

func newKey(t testing.TB, d *tenant.Directory, ten uid.Tenant) (tenant.Key, string) {
	t.Helper()
	k, secret, err := d.CreateKey(t.Context(), by, ten, tenant.KeyRequest{Scopes: []string{tenant.ScopeAll}})
	if err != nil {
		t.Fatal(err)
	}
	return k, secret.Reveal()
}

// run lets d poll until the test ends. It belongs in a bubble.
func run(t *testing.T, d *tenant.Directory) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- d.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(stop)
	return stop
}

func pass(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

func wantKind(t *testing.T, err error, kind fault.Kind, what string) {
	t.Helper()
	if !fault.Is(err, kind) {
		t.Errorf("%s: %v, want a fault of kind %d", what, err, kind)
	}
}

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
		s := &store{}
		here, there := open(t, s), open(t, s)
		run(t, here)
		run(t, there)
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

func TestAReadThatIsOvertakenByAChangeIsNotRemembered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		here, there := open(t, s), open(t, s)
		run(t, there)
		ten := newTenant(t, here)
		k, text := newKey(t, here, ten.ID)
		pass(time.Second)
		s.hold = make(chan struct{}) // the row is read, and its answer is slow
		go func() { _, _ = there.Authenticate(context.Background(), text) }()
		synctest.Wait()
		if err := here.RevokeKey(t.Context(), by, ten.ID, k.ID); err != nil {
			t.Fatal(err)
		}
		pass(time.Second)
		close(s.hold)
		synctest.Wait()
		_, err := there.Authenticate(t.Context(), text)
		wantKind(t, err, fault.Unauthenticated, "after the slow answer of before")
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

func TestAStampedeIsOneRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &store{hold: make(chan struct{})}
		d := open(t, s)
		ten := newTenant(t, d)
		_, text := newKey(t, d, ten.ID)
		before := s.tenantReads.Load()
		for range 64 {
			go func() {
				if _, err := d.Authenticate(t.Context(), text); err != nil {
					t.Error(err)
				}
				if _, err := d.Service(t.Context(), ten.ID, ""); err != nil {
					t.Error(err)
				}
			}()
		}
		synctest.Wait() // one reads, the others wait for their turn
		close(s.hold)
		synctest.Wait()
		if k, n := s.keyReads.Load(), s.tenantReads.Load()-before; k != 1 || n != 1 {
			t.Errorf("64 callers cost %d reads of the key and %d of the tenant, want one each", k, n)
		}
	})
}

func TestADatabaseThatIsAwayIsNoUnknownKey(t *testing.T) {
	t.Parallel()
	s := &store{}
	d := open(t, s)
	ten := newTenant(t, d)
	_, text := newKey(t, d, ten.ID)
	s.away.Store(true)
	_, err := d.Authenticate(t.Context(), text)
	wantKind(t, err, fault.Unavailable, "while it is away")
	s.away.Store(false)
	if _, err := d.Authenticate(t.Context(), text); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

func TestWhatIsCachedIsDroppedWhileTheVersionCantBePolled(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &store{}
		d := open(t, s)
		run(t, d)
		ten := newTenant(t, d)
		_, text := newKey(t, d, ten.ID)
		pass(time.Second)
		if _, err := d.Authenticate(t.Context(), text); err != nil {
			t.Fatal(err)
		}
		s.away.Store(true)
		pass(2 * time.Second)
		if _, err := d.Authenticate(t.Context(), text); err != nil {
			t.Errorf("two seconds blind: %v", err)
		}
		pass(5 * time.Second)
		_, err := d.Authenticate(t.Context(), text)
		wantKind(t, err, fault.Unavailable, "seven seconds blind")
		s.away.Store(false)
		pass(time.Second)
		if _, err := d.Authenticate(t.Context(), text); err != nil {
			t.Errorf("when it is back: %v", err)
		}
	})
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

func TestLimitsOfATenantAreItsOwnOrTheInstallations(t *testing.T) {
	t.Parallel()
	d := open(t, &store{})
	ten := newTenant(t, d)
	if diff := cmp.Diff(tenant.DefaultLimits(), ten.Limits); diff != "" {
		t.Errorf("a new tenant (-want +got):\n%s", diff)
	}
	own := ratelimit.Limit{Burst: 2, Period: time.Hour}
	if _, err := d.UpdateTenant(t.Context(), by, ten.ID, func(t *tenant.Tenant) { t.Limits.ClientDevice = own }); err != nil {
		t.Fatal(err)
	}
	want := tenant.DefaultLimits()
	want.ClientDevice = own
	got, err := d.Tenant(t.Context(), ten.ID)
	if diff := cmp.Diff(want, got.Limits); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	_, err = d.UpdateTenant(t.Context(), by, ten.ID, func(t *tenant.Tenant) { t.Limits.Recipient = []ratelimit.Limit{{Burst: 1}} })
	wantKind(t, err, fault.Invalid, "a limit without a period")
	page, err := d.Tenants(t.Context(), uid.Tenant{}, 10)
	if err != nil || len(page) != 1 || !cmp.Equal(page[0], got) {
		t.Errorf("list: %v, %v; want the tenant as it is read alone", page, err)
	}
	_, err = d.Tenant(t.Context(), uid.NewTenant(time.Now()))
	wantKind(t, err, fault.NotFound, "an unknown tenant")
}

func TestSEC_13_TestNumbersAreFewInFullAndHaveAnOrdinaryCode(t *testing.T) {
	t.Parallel()
	many := map[string]string{}
	for i := range 11 {
		many[fmt.Sprintf("+4915112345%03d", i)] = "123456"
	}
	for name, c := range map[string]struct {
		codes map[string]string
		ok    bool
	}{
		"numbers and addresses": {map[string]string{"+4915112345678": "000000", "qa@example.com": "1234"}, true},
		"eleven":                {many, false},
		"not in normal form":    {map[string]string{"+49 151 12345678": "123456"}, false},
		"no number":             {map[string]string{"12": "123456"}, false},
		"no digits":             {map[string]string{"+4915112345678": "12345a"}, false},
		"too short":             {map[string]string{"+4915112345678": "123"}, false},
		"too long":              {map[string]string{"+4915112345678": "12345678901"}, false},
	} {
		d := open(t, &store{})
		ten := newTenant(t, d)
		_, err := d.UpdateTenant(t.Context(), by, ten.ID, func(t *tenant.Tenant) {
			t.TestNumbers = tenant.TestNumbers{Enabled: true, Codes: c.codes}
		})
		if (err == nil) != c.ok || err != nil && !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
		if got, _ := d.Tenant(t.Context(), ten.ID); got.TestNumbers.Enabled != c.ok {
			t.Errorf("%s: test numbers are on: %v", name, got.TestNumbers.Enabled)
		}
	}
}

func TestNewRefusesMissingParts(t *testing.T) {
	t.Parallel()
	if _, err := tenant.New(tenant.Config{}, &store{}); err == nil {
		t.Error("an empty config gave a directory")
	}
}

// A key that is in memory costs under a microsecond, most of it the keyed hash.
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
