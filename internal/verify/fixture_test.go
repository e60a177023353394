package verify

import (
	"context"
	"encoding/base64"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/risk"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

const phone = "+12025550123"

// fixture is a service with everything outside it in the test's hands.
type fixture struct {
	*Service
	t       testing.TB
	store   *memStore
	carrier *fakeCarrier
	tenants *fakeTenants
	caller  Caller

	mu    sync.Mutex
	clock time.Time // under mu
}

func setup(t testing.TB, change ...func(*Deps)) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC), carrier: &fakeCarrier{}}
	f.store = newMemStore(f.time)
	f.tenants = newFakeTenants()
	f.caller = Caller{Tenant: f.tenants.tenant.ID, Actor: "key:test", RequestID: "req_1"}
	deps := Deps{
		Store: f.store, Ring: testRing(t), Tenants: f.tenants, Carrier: f.carrier, Log: slog.New(slog.DiscardHandler),
		Registry: prometheus.NewRegistry(),
	}
	for _, one := range change {
		one(&deps)
	}
	s, err := New(Config{Rules: recipient.Rules{Fiction: true}}, deps)
	if err != nil {
		t.Fatal(err)
	}
	s.Now = f.time
	f.Service = s
	return f
}

func testRing(t testing.TB) *seal.Ring {
	t.Helper()
	key := make([]byte, 32)
	key[0] = 7
	ring, err := seal.Parse([]byte(base64.StdEncoding.EncodeToString(key)))
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := ring.NewIndexKey()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ring.UseIndexKey(wrapped); err != nil {
		t.Fatal(err)
	}
	return ring
}

func (f *fixture) time() time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.clock
}

func (f *fixture) pass(d time.Duration) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.clock = f.clock.Add(d)
}

func (f *fixture) start(change ...func(*StartRequest)) (StartAnswer, error) {
	req := StartRequest{Caller: f.caller, To: phone}
	for _, one := range change {
		one(&req)
	}
	return f.Start(context.Background(), req)
}

func (f *fixture) mustStart(change ...func(*StartRequest)) StartAnswer {
	f.t.Helper()
	a, err := f.start(change...)
	if err != nil {
		f.t.Fatalf("Start: %v", err)
	}
	return a
}

func (f *fixture) check(id uid.ID, code string, change ...func(*CheckRequest)) (CheckAnswer, error) {
	req := CheckRequest{Caller: f.caller, ID: id, Code: code}
	for _, one := range change {
		one(&req)
	}
	return f.Check(context.Background(), req)
}

func (f *fixture) mustCheck(id uid.ID, code string, change ...func(*CheckRequest)) CheckAnswer {
	f.t.Helper()
	a, err := f.check(id, code, change...)
	if err != nil {
		f.t.Fatalf("Check: %v", err)
	}
	return a
}

// work runs the jobs that are due until none is.
func (f *fixture) work() {
	f.t.Helper()
	for range 100 {
		i := slices.IndexFunc(f.store.jobs(), func(j outbox.Job) bool { return !j.Due.After(f.time()) })
		if i < 0 {
			return
		}
		f.run(f.store.jobs()[i])
	}
	f.t.Fatal("jobs without end")
}

// run does one job as the worker would.
func (f *fixture) run(j outbox.Job) outbox.Verdict {
	v := f.Handlers()[j.Kind](context.Background(), j)
	f.store.mu.Lock()
	defer f.store.mu.Unlock()
	i := slices.IndexFunc(f.store.effects.Jobs, func(o outbox.Job) bool { return o.ID == j.ID })
	switch {
	case v.Outcome == outbox.Committed && i >= 0:
		f.t.Errorf("job %s said to be finished in a commit is still there", j.Kind)
	case v.Outcome == outbox.Retried && i >= 0:
		f.store.effects.Jobs[i].Due, f.store.effects.Jobs[i].Attempt = v.At, j.Attempt+1
		f.store.effects.Jobs[i].Taken = false
	case i >= 0:
		f.store.effects.Jobs = slices.Delete(f.store.effects.Jobs, i, i+1)
	}
	return v
}

// code runs the jobs and gives the code of the latest message.
func (f *fixture) code() string {
	f.t.Helper()
	f.work()
	sent := f.carrier.sent()
	if len(sent) == 0 {
		f.t.Fatal("no message was carried")
	}
	return sent[len(sent)-1].Code.Reveal()
}

// other is a code of the same length that is not code.
func other(code string) string {
	b := []byte(code)
	b[0] = '0' + (b[0]-'0'+1)%10
	return string(b)
}

func wantFault(t testing.TB, err error, kind fault.Kind, code string) *fault.Error {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind != kind || f.Code != code {
		t.Fatalf("got %v, want fault %s", err, code)
	}
	return f
}

// fakeTenants is one tenant with one profile.
type fakeTenants struct {
	mu      sync.Mutex
	tenant  tenant.Tenant
	service tenant.Service
}

func newFakeTenants() *fakeTenants {
	now := time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC)
	id := uid.NewTenant(now)
	return &fakeTenants{
		tenant: tenant.Tenant{ID: id, Limits: tenant.DefaultLimits()},
		service: tenant.Service{
			ID: uid.Random(now), Tenant: id, Name: "Acme", Default: true, CodeLength: 6, TTL: 5 * time.Minute,
			EmailTTL: 10 * time.Minute, MaxChecks: 5, MaxSends: 5, Resend: tenant.SameCode,
		},
	}
}

func (f *fakeTenants) Tenant(_ context.Context, id uid.Tenant) (tenant.Tenant, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := f.tenant
	t.ID = id
	return t, nil
}

func (f *fakeTenants) Service(_ context.Context, id uid.Tenant, ref string) (tenant.Service, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := f.service
	if ref != "" && ref != s.Name && ref != s.ID.Text(uid.Service) {
		return tenant.Service{}, fault.New(fault.NotFound, "service_not_found", "none")
	}
	s.Tenant = id
	return s, nil
}

// fakeCarrier takes every message, unless told otherwise.
type fakeCarrier struct {
	mu       sync.Mutex
	messages []delivery.Message
	answer   func(ctx context.Context, m delivery.Message) (delivery.Result, error)
	closed   []delivery.Channel
}

func (c *fakeCarrier) Carry(ctx context.Context, m delivery.Message) (delivery.Result, error) {
	c.mu.Lock()
	c.messages = append(c.messages, m)
	answer := c.answer
	c.mu.Unlock()
	if answer != nil {
		return answer(ctx, m)
	}
	return delivery.Result{Accepted: true, Tries: []delivery.Try{{
		N: m.FirstN, Provider: "main", Channel: m.Channel, State: delivery.Sent, Reference: "ref-" + m.SendKey(),
	}}}, nil
}

func (c *fakeCarrier) Routes(ch delivery.Channel, _ recipient.Recipient) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !slices.Contains(c.closed, ch)
}

func (c *fakeCarrier) Preview(_ context.Context, m delivery.Message) (delivery.Content, error) {
	return delivery.Content{Text: "Your code is " + m.Code.Reveal()}, nil
}

func (c *fakeCarrier) sent() []delivery.Message {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.messages)
}

func (c *fakeCarrier) set(answer func(ctx context.Context, m delivery.Message) (delivery.Result, error)) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answer = answer
}

// tries makes a carrier's answer of failed tries, one for each error word.
func tries(retry bool, words ...string) func(context.Context, delivery.Message) (delivery.Result, error) {
	return func(_ context.Context, m delivery.Message) (delivery.Result, error) {
		r := delivery.Result{Retry: retry}
		for i, w := range words {
			r.Tries = append(r.Tries, delivery.Try{
				N: m.FirstN + i, Provider: "p" + string(rune('0'+i)), Channel: m.Channel, State: delivery.Failed, Error: w,
			})
		}
		return r, nil
	}
}

func withRisk(outcome risk.Outcome) func(*Deps) {
	return func(d *Deps) {
		d.Risk = func(context.Context, risk.Signals) (risk.Decision, error) {
			return risk.Decision{Outcome: outcome, Reasons: []string{"prefix_storm"}, Wait: time.Minute}, nil
		}
	}
}
