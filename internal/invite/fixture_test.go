package invite_test

import (
	"context"
	"encoding/json"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/factor/factortest"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/risk"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlite"
	"github.com/countersign/countersign/internal/store/storetest"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

const (
	mobile   = "+12025550123"
	another  = "+12025550177"
	landline = "+442079460123"
	email    = "ann@example.net"
)

// desk is the whole of it over a database of its own: invitations, a real verify.Service, a carrier and a notifier that remember, and
// a clock.
type desk struct {
	*testing.T
	*invite.Service
	db     *store.DB
	dir    string
	ring   *seal.Ring
	verify *verify.Service
	world  *world
	by     invite.Caller
}

// world is what is outside: it may be used concurrently.
type world struct {
	mu       sync.Mutex
	now      time.Time
	owner    tenant.Tenant
	channels []string // of the service
	codes    []delivery.Message
	notices  []invite.Notice
	carry    func(delivery.Message) (delivery.Result, error)
	notify   func(invite.Notice) (delivery.Result, error)
	decision risk.Decision
	barred   map[[16]byte]bool // by blind index: who has opted out
	asking   error             // of who has
	results  []invite.Result   // that were signed
}

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) Tenant(_ context.Context, id uid.Tenant) (tenant.Tenant, error) {
	o := w.owner
	o.ID = id
	return o, nil
}

func (w *world) Service(_ context.Context, id uid.Tenant, _ string) (tenant.Service, error) {
	return tenant.Service{ID: uid.ID(id), Tenant: id, Name: "Acme", Default: true, CodeLength: 6, TTL: 5 * time.Minute, EmailTTL: 10 * time.Minute,
		MaxChecks: 5, MaxSends: 5, Resend: tenant.SameCode, Channels: w.channels}, nil
}

var taken = delivery.Result{Accepted: true, Tries: []delivery.Try{{N: 1, Provider: "test", State: delivery.Sent}}}

func (w *world) Carry(_ context.Context, m delivery.Message) (delivery.Result, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.carry != nil {
		return w.carry(m)
	}
	w.codes = append(w.codes, m)
	r := taken
	r.Tries = []delivery.Try{{N: m.FirstN, Provider: "test", Channel: m.Channel, State: delivery.Sent, At: w.now}}
	return r, nil
}

func (w *world) Routes(delivery.Channel, recipient.Recipient) bool { return true }

func (w *world) Preview(context.Context, delivery.Message) (delivery.Content, error) {
	return delivery.Content{}, delivery.ErrLive
}

func (w *world) Notify(_ context.Context, n invite.Notice) (delivery.Result, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.notify != nil {
		return w.notify(n)
	}
	w.notices = append(w.notices, n)
	return taken, nil
}

func (w *world) PreviewNotice(_ context.Context, n invite.Notice) (delivery.Content, error) {
	return delivery.Content{Text: n.Firm + ": " + n.Link}, nil
}

func (w *world) weigh(context.Context, risk.Signals) (risk.Decision, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.decision, nil
}

func (w *world) optOuts(_ context.Context, s risk.Signals) (risk.Decision, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.barred[s.BlindIndex] {
		return risk.Decision{Outcome: risk.OutcomeDeny, Reasons: []string{"opted_out"}}, w.asking
	}
	return risk.Decision{Outcome: risk.OutcomeAllow}, w.asking
}

// wide are limits that no test meets which is not about them.
func wide() tenant.Limits {
	l := ratelimit.Limit{Burst: 1000, Period: time.Hour}
	return tenant.Limits{Recipient: []ratelimit.Limit{l}, RecipientNew: []ratelimit.Limit{l}, WrongPerClient: l, WrongPause: time.Minute,
		WrongTotal: l, ClientAddress: l, ClientDevice: l}
}

func setup(t *testing.T) *desk { return setupWith(t, nil, nil) }

// setupWith lets the test stand between the service and what it works with.
func setupWith(t *testing.T, wrapStore func(invite.Store) invite.Store, wrapVerify func(invite.Verifier) invite.Verifier) *desk {
	t.Helper()
	dir := t.TempDir()
	e, err := sqlite.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Schema(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	d := &desk{T: t, db: storetest.Start(t, e, nil), dir: dir, world: &world{now: time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)}}
	d.world.owner = tenant.Tenant{Name: "Acme", Limits: wide()}
	d.world.decision = risk.Decision{Outcome: risk.OutcomeAllow}
	if d.ring, err = factortest.Ring(); err != nil {
		t.Fatal(err)
	}
	rules := recipient.Rules{Fiction: true}
	quiet := slog.New(slog.DiscardHandler)
	if d.verify, err = verify.New(verify.Config{Rules: rules, PagesHost: "verify.example"}, verify.Deps{Store: d.db, Ring: d.ring, Tenants: d.world, Carrier: d.world,
		Risk: d.world.weigh, Log: quiet, Registry: prometheus.NewRegistry(),
		Notices: func(ctx context.Context, r delivery.Receipt) error { return d.Receipt(ctx, r) }}); err != nil {
		t.Fatal(err)
	}
	d.verify.Now = d.world.time
	var st invite.Store = d.db
	if wrapStore != nil {
		st = wrapStore(st)
	}
	var vf invite.Verifier = d.verify
	if wrapVerify != nil {
		vf = wrapVerify(vf)
	}
	d.Service, err = invite.New(invite.Config{Rules: rules, PublicURL: "https://verify.example"}, invite.Deps{Store: st, Ring: d.ring, Verify: vf,
		Tenants: d.world, Notifier: d.world, OptOuts: d.world.optOuts, Log: quiet,
		Signer: func(_ context.Context, r invite.Result) (string, error) {
			d.world.mu.Lock()
			defer d.world.mu.Unlock()
			d.world.results = append(d.world.results, r)
			return "signed." + r.Invitation.Text(uid.Invitation) + "." + string(r.Status), nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	d.Service.Now = d.world.time
	d.by = invite.Caller{Tenant: uid.NewTenant(d.world.now), Actor: "key:key_1", RequestID: "req_1"}
	return d
}

func (d *desk) ctx() context.Context { return context.Background() }

// later lets time pass.
func (d *desk) later(by time.Duration) {
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	d.world.now = d.world.now.Add(by)
}

// checks changes the tenant's settings.
func (d *desk) checks(change func(*policy.Checks)) {
	d.Helper()
	c, err := d.Checks(d.ctx(), d.by.Tenant)
	if err != nil {
		d.Fatal(err)
	}
	change(&c)
	if _, err := d.SetChecks(d.ctx(), d.by, c, c.Version); err != nil {
		d.Fatal(err)
	}
}

// ask is a request for an invitation of Ann.
func (d *desk) ask(change ...func(*invite.CreateRequest)) invite.CreateRequest {
	r := invite.CreateRequest{Caller: d.by, FirstName: "Ann", LastName: "Bee", Email: email, Mobile: mobile}
	for _, one := range change {
		one(&r)
	}
	return r
}

func entered(phone, mail bool) func(*invite.CreateRequest) {
	return func(r *invite.CreateRequest) {
		*r = invite.CreateRequest{Caller: r.Caller, Kind: invite.Entered, VerifyPhone: &phone, VerifyEmail: &mail, Silent: true, WithoutConsent: true,
			SessionTTL: 10 * time.Minute}
	}
}

func (d *desk) create(change ...func(*invite.CreateRequest)) invite.CreateAnswer {
	d.Helper()
	a, err := d.Create(d.ctx(), d.ask(change...))
	if err != nil {
		d.Fatalf("create: %v", err)
	}
	return a
}

// work runs all jobs that are due.
func (d *desk) work() {
	d.Helper()
	handlers := d.verify.Handlers()
	for kind, h := range d.Handlers() {
		handlers[kind] = h
	}
	node := uid.Random(d.world.time())
	for {
		now := d.world.time().Add(time.Second)
		jobs, err := d.db.Claim(d.ctx(), node, now, now.Add(time.Minute), 100, 1, 0)
		if err != nil {
			d.Fatalf("claim: %v", err)
		}
		if len(jobs) == 0 {
			return
		}
		for _, j := range jobs {
			switch v := handlers[j.Kind](d.ctx(), j); v.Outcome {
			case outbox.Committed:
			case outbox.Finished:
				err = d.db.Finish(d.ctx(), j.Ref(), node)
			case outbox.Retried:
				err = d.db.Retry(d.ctx(), j.Ref(), node, v.At, j.Attempt+1, v.Taken)
			default:
				d.Fatalf("job %s: %+v", j.Kind, v)
			}
			if err != nil {
				d.Fatalf("job %s: %v", j.Kind, err)
			}
		}
	}
}

// token is what stands in the last notice with a link.
func (d *desk) token() string {
	d.Helper()
	d.work()
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	link := ""
	for _, n := range d.world.notices {
		if n.Kind != invite.NoticeContactChanged {
			link = n.Link
		}
	}
	token, ok := strings.CutPrefix(link, "https://verify.example/v/")
	if !ok {
		d.Fatalf("link %s", link)
	}
	return token
}

// open opens a link in a browser of its own.
func (d *desk) open(token string) (invite.Visit, invite.Page) {
	d.Helper()
	a, err := d.Open(d.ctx(), token, "", nil, "req_2")
	if err != nil {
		d.Fatalf("open: %v", err)
	}
	return invite.Visit{ID: a.ID, Cookie: a.Cookie, RequestID: "req_3", Client: &invite.Client{IP: "192.0.2.7", UserAgent: "Firefox"}}, a.Page
}

// invited is an invitation whose link is open.
func (d *desk) invited(change ...func(*invite.CreateRequest)) invite.Visit {
	d.Helper()
	a := d.create(change...)
	if token := a.Token.Reveal(); token != "" {
		v, _ := d.open(token)
		return v
	}
	v, _ := d.open(d.token())
	return v
}

// asked is a desk with a customer who opened the link and was sent a code.
func asked(t *testing.T) (*desk, invite.Visit) {
	t.Helper()
	d := setup(t)
	v := d.invited()
	d.send(v, invite.SendSent)
	return d, v
}

// proven is one with a customer who entered it.
func proven(t *testing.T) (*desk, invite.Visit) {
	t.Helper()
	d, v := asked(t)
	d.check(v, d.code(), invite.CheckRight)
	return d, v
}

func (d *desk) send(v invite.Visit, want invite.SendOutcome) invite.Page {
	d.Helper()
	return d.sendTo(v, delivery.SMS, "", want)
}

func (d *desk) sendTo(v invite.Visit, ch delivery.Channel, to string, want invite.SendOutcome) invite.Page {
	d.Helper()
	got, page, err := d.Send(d.ctx(), v, ch, invite.Entry{Contact: to})
	if err != nil || got != want {
		d.Fatalf("send: %s %v, want %s", got, err, want)
	}
	d.work()
	return page
}

// code is the last one that was sent.
func (d *desk) code() string {
	d.Helper()
	d.work()
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	if len(d.world.codes) == 0 {
		d.Fatal("no code was sent")
	}
	return d.world.codes[len(d.world.codes)-1].Code.Reveal()
}

func (d *desk) sent() int {
	d.work()
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	return len(d.world.codes)
}

// other is a code that is not this one.
func other(code string) string {
	last := code[len(code)-1]
	return code[:len(code)-1] + string('0'+(last-'0'+1)%10)
}

func (d *desk) check(v invite.Visit, code string, want invite.CheckOutcome) invite.Page {
	d.Helper()
	return d.checkOn(v, delivery.SMS, code, want)
}

func (d *desk) checkOn(v invite.Visit, ch delivery.Channel, code string, want invite.CheckOutcome) invite.Page {
	d.Helper()
	got, page, err := d.Check(d.ctx(), v, ch, code)
	if err != nil || got != want {
		d.Fatalf("check: %s %v, want %s", got, err, want)
	}
	return page
}

func (d *desk) hub(v invite.Visit, want invite.Step) invite.Page {
	d.Helper()
	page, err := d.Hub(d.ctx(), v)
	if err != nil || page.Step != want {
		d.Fatalf("hub: step %s %v, want %s", page.Step, err, want)
	}
	return page
}

func (d *desk) target(v invite.Visit) invite.Target { return invite.Target{Caller: d.by, ID: v.ID} }

func (d *desk) status(v invite.Visit, want invite.Status) invite.View {
	d.Helper()
	got, err := d.Get(d.ctx(), d.target(v))
	if err != nil || got.Status != want {
		d.Fatalf("status %s %v, want %s", got.Status, err, want)
	}
	return got
}

// timeline are the types of the events of an invitation, without their family.
func (d *desk) timeline(id uid.ID) (kinds []string) {
	d.Helper()
	for _, e := range d.events(id) {
		kinds = append(kinds, strings.TrimPrefix(e.Type, "invitation."))
	}
	return kinds
}

func (d *desk) events(id uid.ID) []audit.Event {
	d.Helper()
	events, _, err := d.Events(d.ctx(), invite.Target{Caller: d.by, ID: id}, uid.ID{}, 250)
	if err != nil {
		d.Fatal(err)
	}
	return events
}

// data is what the last event of a type says.
func (d *desk) data(id uid.ID, kind string) map[string]any {
	d.Helper()
	var found map[string]any
	for _, e := range d.events(id) {
		if e.Type == "invitation."+kind {
			found = nil
			if err := json.Unmarshal(e.Data, &found); err != nil {
				d.Fatal(err)
			}
		}
	}
	if found == nil {
		d.Fatalf("no event %s in %v", kind, d.timeline(id))
	}
	return found
}

func (d *desk) fault(err error, kind fault.Kind, code string) {
	d.Helper()
	if f := fault.As(err); f.Kind != kind || f.Code != code {
		d.Errorf("fault %v, want %s", err, code)
	}
}

func (d *desk) is(got, want any, what string) {
	d.Helper()
	if got != want {
		d.Errorf("%s: %v, want %v", what, got, want)
	}
}
