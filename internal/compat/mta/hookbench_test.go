package mta_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/audit/audittest"
	"github.com/countersign/countersign/internal/compat/mta"
	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
	"github.com/countersign/countersign/internal/webhook/webhooktest"
)

var _ mta.Webhooks = (*webhook.Service)(nil)

var loopbacks = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

// secret is one that a client brings, as the vendor's are.
const secret = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd9f"

// heard is what reached a client's server.
type heard struct {
	at     time.Time
	url    string
	header http.Header
	raw    string
	body   object
}

// ears stand in for clients' servers. They answer by their function, with 200 when it is nil.
type ears struct {
	answer func(n int) int // the status, by how many came before from 1

	mu  sync.Mutex
	all []heard // under mu
}

func (e *ears) Do(_ context.Context, r *http.Request) (*egress.Response, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	got := heard{at: time.Now(), url: r.URL.String(), header: r.Header.Clone(), raw: string(text)}
	_ = json.Unmarshal(text, &got.body) // what is no object has no members
	e.mu.Lock()
	defer e.mu.Unlock()
	e.all = append(e.all, got)
	status := http.StatusOK
	if e.answer != nil {
		status = e.answer(len(e.all))
	}
	return &egress.Response{Status: status, Header: http.Header{}}, nil
}

func (e *ears) got() []heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]heard(nil), e.all...)
}

// records has one verification for all ids, as it is long after its events.
type records struct{ gone bool }

func (r records) Record(_ context.Context, _ uid.Tenant, id uid.ID) (webhook.Record, error) {
	if r.gone {
		return webhook.Record{}, fault.New(fault.NotFound, "verification_not_found", "gone")
	}
	return webhook.Record{ID: id, Status: "superseded", To: "+44 ••• ••• ••23", Channel: "sms", ExternalID: "order-7",
		Metadata: map[string]string{"team": "a"}, Outcome: "deny", Reasons: []string{"landline"}}, nil
}

func (records) Invitation(context.Context, uid.Tenant, uid.ID) (webhook.InvitationRecord, error) {
	return webhook.InvitationRecord{}, nil
}

func (records) Factor(context.Context, uid.Tenant, uid.Prefix, uid.ID) (webhook.FactorRecord, error) {
	return webhook.FactorRecord{}, fault.New(fault.NotFound, "factor_not_found", "none")
}

// hooksOn is the service of webhooks as the program builds it, on a store in memory.
func hooksOn(store webhook.Store, client webhook.Client, of records, loopback bool) *webhook.Service {
	ring, err := seal.Parse([]byte(base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		panic(err)
	}
	s, err := webhook.New(webhook.Config{Loopback: loopback}, webhook.Deps{
		Store: store, Ring: ring, Records: of, Client: client, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
		Dialects: []webhook.Dialect{mta.Dialect()},
	})
	if err != nil {
		panic(err)
	}
	return s
}

// hookBench is that service with its runner, in a bubble.
type hookBench struct {
	*webhook.Service
	t      *testing.T
	store  *webhooktest.Memory
	ears   *ears
	tenant uid.Tenant
	sealer *audit.Sealer
}

// bubble runs a test on a bench, in a bubble.
func bubble(t *testing.T, of records, run func(t *testing.T, b *hookBench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { run(t, newHookBench(t, of)) })
}

func newHookBench(t *testing.T, of records) *hookBench {
	t.Helper()
	b := &hookBench{t: t, store: webhooktest.NewMemory(), ears: &ears{}, tenant: uid.NewTenant(time.Now())}
	b.Service = hooksOn(b.store, b.ears, of, false)
	b.sealer = audittest.Sealer(t, audit.SealerConfig{}, b.store)
	queue := outbox.NewQueue(uid.Random(time.Now()))
	w, err := outbox.New(outbox.Config{Node: queue.Node(), PollMax: time.Second, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()},
		b.store.Jobs, queue, b.Handlers())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- w.Run(ctx) }()
	go func() { done <- b.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; <-done })
	return b
}

// register makes a webhook for an event at the URL of that name.
func (b *hookBench) register(event string, change ...func(*webhook.Endpoint)) webhook.Endpoint {
	b.t.Helper()
	draft := webhook.Endpoint{Tenant: b.tenant, Dialect: "mta", URL: "https://example.com/" + event, Events: []string{event}, Own: secret}
	for _, f := range change {
		f(&draft)
	}
	e, _, err := b.Create(b.t.Context(), webhook.Caller{Actor: "key:key_1"}, draft)
	if err != nil {
		b.t.Fatal(err)
	}
	time.Sleep(time.Second)
	return e
}

// happen has events of one verification happen, a second after each other: pairs of a type and its data.
func (b *hookBench) happen(of uid.ID, pairs ...string) {
	b.t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		at := time.Now().UTC().Truncate(time.Microsecond)
		e := audit.Event{ID: uid.New(at, of.Bucket()), Tenant: b.tenant, Type: pairs[i], Object: of, At: at, Actor: "system", Data: []byte(pairs[i+1])}
		if err := b.store.Write(b.t.Context(), []audit.Event{e}); err != nil {
			b.t.Fatal(err)
		}
		if _, err := b.sealer.SealNow(b.t.Context()); err != nil {
			b.t.Fatal(err)
		}
		time.Sleep(10 * time.Second)
	}
}
