package webhook_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/audit/audittest"
	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
	"github.com/countersign/countersign/internal/webhook/webhooktest"
)

// post is what reached a receiver.
type post struct {
	at     time.Time
	url    string
	header http.Header
	body   string
}

// receiver stands in for the customers' servers: it notes what it gets, and answers by its function, with 204 when nil.
type receiver struct {
	answer func(ctx context.Context, n int, url string) (*egress.Response, error) // n counts from 1 for each URL

	mu    sync.Mutex
	posts []post         // under mu
	of    map[string]int // under mu
}

func status(code int, header ...string) *egress.Response {
	h := http.Header{}
	for i := 0; i+1 < len(header); i += 2 {
		h.Set(header[i], header[i+1])
	}
	return &egress.Response{Status: code, Header: h, Body: []byte("answer")}
}

func (r *receiver) Do(ctx context.Context, req *http.Request) (*egress.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	r.posts = append(r.posts, post{time.Now(), req.URL.String(), req.Header.Clone(), string(body)})
	if r.of == nil {
		r.of = map[string]int{}
	}
	r.of[req.URL.String()]++
	n := r.of[req.URL.String()]
	r.mu.Unlock()
	if r.answer == nil {
		return status(204), nil
	}
	return r.answer(ctx, n, req.URL.String())
}

func (*receiver) UserAgent() string { return "receiver" }

func (r *receiver) all() []post {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]post(nil), r.posts...)
}

// records knows every verification.
type records struct{ gone bool }

func (r records) Record(_ context.Context, _ uid.Tenant, id uid.ID) (webhook.Record, error) {
	if r.gone {
		return webhook.Record{}, fault.New(fault.NotFound, "verification_not_found", "gone")
	}
	return webhook.Record{ID: id, Status: "approved", To: "+1•••••••23", Channel: "sms", Service: id, Purpose: "login", Outcome: "allow",
		CreatedAt: time.Unix(1e9, 0), ExpiresAt: time.Unix(1e9+300, 0)}, nil
}

func (r records) Factor(_ context.Context, _ uid.Tenant, kind uid.Prefix, id uid.ID) (webhook.FactorRecord, error) {
	if r.gone {
		return webhook.FactorRecord{}, fault.New(fault.NotFound, "factor_not_found", "gone")
	}
	f := webhook.FactorRecord{ID: id, Status: "verified", Service: id, Entity: id, Identity: "ident-0001", Type: "totp", CreatedAt: time.Unix(1e9, 0)}
	if kind == uid.Challenge {
		f.Status, f.Type, f.Factor = "approved", "", id
	}
	return f, nil
}

func (r records) Invitation(_ context.Context, _ uid.Tenant, id uid.ID) (webhook.InvitationRecord, error) {
	if r.gone {
		return webhook.InvitationRecord{}, fault.New(fault.NotFound, "invitation_not_found", "gone")
	}
	return webhook.InvitationRecord{ID: id, Kind: "fixed", Status: "sent", CreatedAt: time.Unix(1e9, 0)}, nil
}

// bench is a service on a store in memory.
type bench struct {
	*webhook.Service
	t      *testing.T
	store  *webhooktest.Memory
	seen   *receiver
	log    *bytes.Buffer
	logger *slog.Logger
	sealer *audit.Sealer
	tenant uid.Tenant
	putOff atomic.Int32 // tries that could not be begun
}

var by = webhook.Caller{Actor: "key:key_1", RequestID: "req_1"}

func ring(t *testing.T) *seal.Ring {
	t.Helper()
	r, err := seal.Parse([]byte(base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := r.NewIndexKey()
	if err == nil {
		_, err = r.UseIndexKey(wrapped)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func newBench(t *testing.T, client webhook.Client) *bench {
	t.Helper()
	b := &bench{t: t, store: webhooktest.NewMemory(), log: &bytes.Buffer{}, tenant: uid.NewTenant(time.Now())}
	if client == nil {
		b.seen = &receiver{}
		client = b.seen
	}
	b.logger = slog.New(slog.NewJSONHandler(b.log, nil))
	b.Service = b.service(b.store, client)
	b.sealer = audittest.Sealer(t, audit.SealerConfig{}, b.store)
	return b
}

// service is one node's.
func (b *bench) service(store webhook.Store, client webhook.Client) *webhook.Service {
	b.t.Helper()
	return b.serviceBy(webhook.Config{Loopback: true}, store, client)
}

func (b *bench) serviceBy(cfg webhook.Config, store webhook.Store, client webhook.Client) *webhook.Service {
	b.t.Helper()
	s, err := webhook.New(cfg, webhook.Deps{
		Store: store, Ring: ring(b.t), Records: records{}, Client: client,
		Log: b.logger, Registry: prometheus.NewRegistry(),
	})
	if err != nil {
		b.t.Fatal(err)
	}
	return s
}

// endpoint makes one of the tenant.
func (b *bench) endpoint(url string, events ...string) (webhook.Endpoint, string) {
	b.t.Helper()
	e, secret, err := b.Create(b.t.Context(), by, webhook.Endpoint{Tenant: b.tenant, URL: url, Events: events})
	if err != nil {
		b.t.Fatal(err)
	}
	return e, secret.Reveal()
}

// happen writes and seals an event of a tenant.
func (b *bench) happen(t uid.Tenant, kind string) audit.Event {
	b.t.Helper()
	return b.happenWith(t, kind, `{"checks":1}`)
}

// happenWith is happen with data of its own.
func (b *bench) happenWith(t uid.Tenant, kind, data string) audit.Event {
	b.t.Helper()
	at := time.Now().UTC().Truncate(time.Microsecond)
	id := uid.Random(at)
	e := audit.Event{ID: id, Tenant: t, Type: kind, Object: uid.New(at, id.Bucket()), At: at, Actor: "system", Data: []byte(data)}
	if err := b.store.Write(b.t.Context(), []audit.Event{e}); err != nil {
		b.t.Fatal(err)
	}
	b.sealNow()
	return e
}

func (b *bench) sealNow() {
	b.t.Helper()
	if _, err := b.sealer.SealNow(b.t.Context()); err != nil {
		b.t.Fatal(err)
	}
}

// jobs are those that wait.
func (b *bench) jobs() []outbox.Job {
	b.t.Helper()
	rows, err := b.store.Jobs.Rows(b.t.Context())
	if err != nil {
		b.t.Fatal(err)
	}
	jobs := make([]outbox.Job, len(rows))
	for i, r := range rows {
		jobs[i] = r.Job
	}
	return jobs
}

// deliveries of an endpoint, newest first.
func (b *bench) deliveries(e webhook.Endpoint) []webhook.Delivery {
	b.t.Helper()
	page, _, err := b.store.Deliveries(b.t.Context(), e.Tenant, webhook.DeliveryFilter{Endpoint: e.ID, Page: uid.Page{Limit: 200}})
	if err != nil {
		b.t.Fatal(err)
	}
	return page
}

// try sends a test event to e and runs its one job by hand.
func (b *bench) try(e webhook.Endpoint) (webhook.Delivery, outbox.Verdict) {
	b.t.Helper()
	d, err := b.Test(b.t.Context(), by, e.Tenant, e.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	v := b.HandleDeliver(b.t.Context(), b.jobOf(d))
	d, err = b.store.Delivery(b.t.Context(), e.Tenant, e.ID, d.ID)
	if err != nil {
		b.t.Fatal(err)
	}
	return d, v
}

func (b *bench) jobOf(d webhook.Delivery) outbox.Job {
	b.t.Helper()
	for _, j := range b.jobs() {
		if j.Object == d.ID {
			return j
		}
	}
	b.t.Fatal("the delivery has no job")
	return outbox.Job{}
}

// run runs what the program runs of webhooks, until the test ends: it belongs in a bubble.
func (b *bench) run(s *webhook.Service) {
	b.t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	b.t.Cleanup(func() { cancel(); <-done })
	b.work(s, time.Second)
}

// putOff wraps a handler so that n counts what could not be begun.
func putOff(h outbox.Handler, n *atomic.Int32) outbox.Handler {
	return func(ctx context.Context, j outbox.Job) outbox.Verdict {
		v := h(ctx, j)
		if v.Unbegun {
			n.Add(1)
		}
		return v
	}
}

// work runs the jobs alone, until the test ends: it belongs in a bubble.
func (b *bench) work(s *webhook.Service, poll time.Duration) {
	b.t.Helper()
	queue := outbox.NewQueue(uid.Random(time.Now()))
	handlers := s.Handlers()
	handlers[webhook.KindDeliver] = putOff(handlers[webhook.KindDeliver], &b.putOff)
	w, err := outbox.New(outbox.Config{Node: queue.Node(), PollMax: poll, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()},
		b.store.Jobs, queue, handlers)
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- w.Run(ctx) }()
	b.t.Cleanup(func() { cancel(); <-done })
}

// verifies reports whether a receiver with the secret takes a post, by the published library. Time is the post's.
func verifies(t *testing.T, p post, secret string) bool {
	t.Helper()
	library, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return library.VerifyIgnoringTimestamp([]byte(p.body), p.header) == nil
}
