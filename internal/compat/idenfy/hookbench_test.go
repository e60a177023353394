package idenfy_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/audit/audittest"
	"github.com/countersign/countersign/internal/compat/idenfy"
	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
	"github.com/countersign/countersign/internal/webhook/webhooktest"
)

// heard is what reached a client's server.
type heard struct {
	at     time.Time
	url    string
	header http.Header
	raw    string
	body   object
}

// ears stand in for clients' servers. They answer by their function, with 200 when it is nil, and 0 is no answer at all.
type ears struct {
	answer func(n int) int // by how many came before, from 1

	mu  sync.Mutex
	all []heard // under mu
}

func (e *ears) Do(ctx context.Context, r *http.Request) (*egress.Response, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	got := heard{at: time.Now(), url: r.URL.String(), header: r.Header.Clone(), raw: string(text)}
	_ = json.Unmarshal(text, &got.body) // what is no object has no members
	e.mu.Lock()
	e.all = append(e.all, got)
	status := http.StatusOK
	if e.answer != nil {
		status = e.answer(len(e.all))
	}
	e.mu.Unlock()
	if status == 0 {
		<-ctx.Done()
		return nil, &egress.CallError{Host: "example.com", Sent: true, Err: ctx.Err()}
	}
	return &egress.Response{Status: status, Header: http.Header{}}, nil
}

func (e *ears) got() []heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]heard(nil), e.all...)
}

// records has nothing: events of sessions are read by the dialect.
type records struct{}

func (records) Record(context.Context, uid.Tenant, uid.ID) (webhook.Record, error) {
	return webhook.Record{}, fault.New(fault.NotFound, "verification_not_found", "none")
}

func (records) Factor(context.Context, uid.Tenant, uid.Prefix, uid.ID) (webhook.FactorRecord, error) {
	return webhook.FactorRecord{}, fault.New(fault.NotFound, "factor_not_found", "none")
}

func (records) Invitation(context.Context, uid.Tenant, uid.ID) (webhook.InvitationRecord, error) {
	return webhook.InvitationRecord{}, fault.New(fault.NotFound, "invitation_not_found", "none")
}

// hooksOn is the service of webhooks as the program builds it, on a store in memory.
func hooksOn(store webhook.Store, client webhook.Client, of idenfy.Sessions, loopback bool) *webhook.Service {
	ring, err := seal.Parse([]byte(base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		panic(err)
	}
	s, err := webhook.New(webhook.Config{Loopback: loopback}, webhook.Deps{
		Store: store, Ring: ring, Records: records{}, Client: client, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
		Dialects: idenfy.Dialects(of),
	})
	if err != nil {
		panic(err)
	}
	return s
}

// hookBench is that service with its runner, in a bubble, and a door whose sessions it tells.
type hookBench struct {
	*webhook.Service
	*fake
	t      *testing.T
	store  *webhooktest.Memory
	ears   *ears
	sealer *audit.Sealer
}

// bubble runs a test on a bench, in a bubble.
func bubble(t *testing.T, run func(t *testing.T, b *hookBench)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		b := &hookBench{t: t, store: webhooktest.NewMemory(), ears: &ears{}, fake: newFake()}
		b.Service = hooksOn(b.store, b.ears, b.fake, false)
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
		run(t, b)
	})
}

// register makes a webhook.
func (b *hookBench) register(draft webhook.Endpoint) (webhook.Endpoint, string) {
	b.t.Helper()
	draft.Tenant = account
	e, secret, err := b.Service.Create(b.t.Context(), webhook.Caller{Actor: "key:key_1"}, draft)
	if err != nil {
		b.t.Fatal(err)
	}
	time.Sleep(time.Second)
	return e, signing.Secret(secret).Reveal()
}

// wait lets time pass in the bubble.
func (*hookBench) wait(d time.Duration) { time.Sleep(d) }

// forEvents is a webhook of the account for events.
func forEvents(events ...string) webhook.Endpoint {
	return webhook.Endpoint{Dialect: "idenfy", URL: "https://example.com/account", Events: events}
}

// session makes one with both gates, by a body's members.
func (b *hookBench) session(members string) uid.ID {
	b.t.Helper()
	if members != "" {
		members = "," + members
	}
	scanRef, _ := b.token(b.t, `"verifyPhone":true,"verifyEmail":true,"externalRef":"order-7"`+members).object["scanRef"].(string)
	id, err := uid.ParseUUID(scanRef)
	if err != nil {
		b.t.Fatal(err)
	}
	return id
}

// happen has events of one session happen, a second after each other: pairs of a type and its data.
func (b *hookBench) happen(of uid.ID, pairs ...string) {
	b.t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		at := time.Now().UTC().Truncate(time.Microsecond)
		e := audit.Event{ID: uid.New(at, of.Bucket()), Tenant: account, Type: pairs[i], Object: of, At: at, Actor: "system", Data: []byte(pairs[i+1])}
		if err := b.store.Write(b.t.Context(), []audit.Event{e}); err != nil {
			b.t.Fatal(err)
		}
		if _, err := b.sealer.SealNow(b.t.Context()); err != nil {
			b.t.Fatal(err)
		}
		time.Sleep(20 * time.Second)
	}
}
