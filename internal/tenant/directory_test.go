package tenant_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
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
		Hash: hash, Once: tenanttest.Ring(t).Once, Showable: showable, Channels: []string{"sms", "voice", "whatsapp", "email"}, Limits: tenant.DefaultLimits(),
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

// nodes are two directories over one store, which poll until the test ends. They belong in a bubble.
func nodes(t *testing.T) (here, there *tenant.Directory) {
	t.Helper()
	s := &store{}
	here, there = open(t, s), open(t, s)
	run(t, here)
	run(t, there)
	return here, there
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
