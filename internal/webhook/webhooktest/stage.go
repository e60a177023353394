package webhooktest

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/audit/audittest"
	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// Heard is what reached a client's server.
type Heard struct {
	At     time.Time
	URL    string
	Header http.Header
	Raw    string
	Body   map[string]any // of Raw; nil when that is no object
}

// Ears stand in for clients' servers: they are a webhook.Client. They answer by their function, with 200 when it is nil, and 0 is no
// answer at all.
type Ears struct {
	Answer func(n int) int // the status, by how many came before from 1; set before the first one comes, or by who sees to order

	mu  sync.Mutex
	all []Heard // under mu
}

// Do takes what is posted.
func (e *Ears) Do(ctx context.Context, r *http.Request) (*egress.Response, error) {
	text, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	got := Heard{At: time.Now(), URL: r.URL.String(), Header: r.Header.Clone(), Raw: string(text)}
	_ = json.Unmarshal(text, &got.Body) // what is no object has no members
	e.mu.Lock()
	e.all = append(e.all, got)
	status := http.StatusOK
	if e.Answer != nil {
		status = e.Answer(len(e.all))
	}
	e.mu.Unlock()
	if status == 0 {
		<-ctx.Done()
		return nil, &egress.CallError{Host: "example.com", Sent: true, Err: ctx.Err()}
	}
	return &egress.Response{Status: status, Header: http.Header{}}, nil
}

// UserAgent names these ears.
func (*Ears) UserAgent() string { return "Ears" }

// Got is all that came, in order.
func (e *Ears) Got() []Heard {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]Heard(nil), e.all...)
}

// NoRecords has nothing to be told, for a dialect that reads by itself and to be embedded in what has something.
type NoRecords struct{}

var _ webhook.Records = NoRecords{}

// Record knows no verification.
func (NoRecords) Record(context.Context, uid.Tenant, uid.ID) (webhook.Record, error) {
	return webhook.Record{}, fault.New(fault.NotFound, "verification_not_found", "none")
}

// Factor knows no factor.
func (NoRecords) Factor(context.Context, uid.Tenant, uid.Prefix, uid.ID) (webhook.FactorRecord, error) {
	return webhook.FactorRecord{}, fault.New(fault.NotFound, "factor_not_found", "none")
}

// Invitation knows no invitation.
func (NoRecords) Invitation(context.Context, uid.Tenant, uid.ID) (webhook.InvitationRecord, error) {
	return webhook.InvitationRecord{}, fault.New(fault.NotFound, "invitation_not_found", "none")
}

// NewService is the service of webhooks as the program builds it, with the dialects of a door. It panics on a fault of the test.
func NewService(store webhook.Store, client webhook.Client, records webhook.Records, loopback bool, dialects ...webhook.Dialect) *webhook.Service {
	ring, err := seal.Parse([]byte(base64.StdEncoding.EncodeToString(make([]byte, 32))))
	if err != nil {
		panic(err)
	}
	s, err := webhook.New(webhook.Config{Loopback: loopback}, webhook.Deps{
		Store: store, Ring: ring, Records: records, Client: client, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
		Dialects: dialects,
	})
	if err != nil {
		panic(err)
	}
	return s
}

// Stage is such a service at work in a bubble of testing/synctest, with the servers of clients.
type Stage struct {
	*webhook.Service
	Ears   *Ears
	Tenant uid.Tenant

	t      *testing.T
	store  *Memory
	sealer *audit.Sealer
}

// NewStage starts one, which ends with the test. It must be called inside the bubble.
func NewStage(t *testing.T, tenant uid.Tenant, records webhook.Records, dialects ...webhook.Dialect) *Stage {
	t.Helper()
	s := &Stage{Ears: &Ears{}, Tenant: tenant, t: t, store: NewMemory()}
	s.Service = NewService(s.store, s.Ears, records, false, dialects...)
	s.sealer = audittest.Sealer(t, audit.SealerConfig{}, s.store)
	queue := outbox.NewQueue(uid.Random(time.Now()))
	w, err := outbox.New(outbox.Config{Node: queue.Node(), PollMax: time.Second, Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry()},
		s.store.Jobs, queue, s.Handlers())
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 2)
	go func() { done <- w.Run(ctx) }()
	go func() { done <- s.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done; <-done })
	return s
}

// Register makes a webhook of the tenant, and waits until the service goes by it.
func (s *Stage) Register(draft webhook.Endpoint) (e webhook.Endpoint, secret string) {
	s.t.Helper()
	draft.Tenant = s.Tenant
	e, made, err := s.Create(s.t.Context(), webhook.Caller{Actor: "key:key_1"}, draft)
	if err != nil {
		s.t.Fatal(err)
	}
	settle(time.Second)
	return e, made.Reveal()
}

// Happen has events of one object happen, a pause after each: pairs of a type and its data.
func (s *Stage) Happen(of uid.ID, pause time.Duration, pairs ...string) {
	s.t.Helper()
	for i := 0; i+1 < len(pairs); i += 2 {
		at := time.Now().UTC().Truncate(time.Microsecond)
		e := audit.Event{ID: uid.New(at, of.Bucket()), Tenant: s.Tenant, Type: pairs[i], Object: of, At: at, Actor: "system", Data: []byte(pairs[i+1])}
		if err := s.store.Write(s.t.Context(), []audit.Event{e}); err != nil {
			s.t.Fatal(err)
		}
		if _, err := s.sealer.SealNow(s.t.Context()); err != nil {
			s.t.Fatal(err)
		}
		settle(pause)
	}
}

// CheckShown holds what is shown of the newest delivery to e against what came last: it is the same but for the named header, which
// proves that it was sent by who has the secret, and for what people are shown masked, pairs of what came and what is shown.
func (s *Stage) CheckShown(e webhook.Endpoint, signature string, masked ...string) {
	s.t.Helper()
	page, _, err := s.Deliveries(s.t.Context(), s.Tenant, webhook.DeliveryFilter{Endpoint: e.ID, Page: uid.Page{Limit: 1}})
	if err != nil || len(page) == 0 {
		s.t.Fatalf("no delivery to be shown: %v", err)
	}
	shown, err := s.Show(s.t.Context(), s.Tenant, e.ID, page[0].ID)
	if err != nil || shown.Request == nil {
		s.t.Fatalf("nothing is shown: %+v, %v", shown, err)
	}
	all := s.Ears.Got()
	came := all[len(all)-1]
	if came.Header.Get(signature) == "" {
		s.t.Errorf("what came has no %s: %v", signature, came.Header)
	}
	want := came.Header.Clone()
	want.Set(signature, "[not shown]")
	want.Set("User-Agent", s.Ears.UserAgent())
	want.Del("Idempotency-Key") // without a value it is for the transport, and not sent
	got := http.Header{}
	for _, f := range shown.Request.Header {
		got.Add(f.Name, f.Value)
	}
	body := strings.NewReplacer(masked...).Replace(came.Raw)
	if diff := cmp.Diff(want, got); diff != "" || shown.Request.Method != http.MethodPost || shown.Request.URL != came.URL || string(shown.Request.Body) != body {
		s.t.Errorf("shown is %s %s\n%s\ninstead of %s\n%s\nheaders that came -, shown +:\n%s", shown.Request.Method, shown.Request.URL, shown.Request.Body,
			came.URL, body, diff)
	}
}

// settle lets time pass in the bubble, until everything that it brought about waits again.
func settle(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}
