package operator_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/factor/factortest"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlite"
	"github.com/countersign/countersign/internal/store/storetest"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

const (
	annEmail = "ann@example.net"
	password = "gravel umbrella teacup" // 22 characters
	base     = "https://verify.example"
)

// here is a browser at its desk.
var here = operator.Client{IP: "192.0.2.7", UserAgent: "Firefox", RequestID: "req_1"}

// from is a browser of another network.
func from(ip string) operator.Client { return operator.Client{IP: ip, RequestID: "req_2"} }

// office is the service over a database of its own, with a clock and a notifier that remembers.
type office struct {
	*testing.T
	*operator.Service
	db     *store.DB
	engine store.Engine
	dir    string
	ring   *seal.Ring
	deps   operator.Deps
	world  *world
}

// world is what is outside: it may be used concurrently.
type world struct {
	mu        sync.Mutex
	now       time.Time
	db        *store.DB
	notices   []delivery.Notice
	refuse    bool // providers take nothing
	suspended bool
}

func (w *world) time() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) Tenant(ctx context.Context, id uid.Tenant) (tenant.Tenant, error) {
	t, err := w.db.Tenant(ctx, id)
	if errors.Is(err, tenant.ErrNotFound) {
		err = fault.New(fault.NotFound, "tenant_not_found", "There is no such tenant.")
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.suspended {
		t.SuspendedAt = w.now
	}
	return t, err
}

func (w *world) Found(_ tenant.Caller, name string) (tenant.Founding, error) {
	if name == "" {
		return tenant.Founding{}, fault.New(fault.Invalid, "name_invalid", "Give a name.").On("name")
	}
	now := w.time()
	t := tenant.Tenant{ID: uid.NewTenant(now), Name: name, CreatedAt: now, UpdatedAt: now}
	s := tenant.Service{ID: uid.Random(now), Tenant: t.ID, Name: name, Default: true, CreatedAt: now, UpdatedAt: now, Version: 1}
	created := audit.Event{ID: uid.Random(now), Tenant: t.ID, Type: "tenant.created", Object: uid.ID(t.ID), At: now, Actor: "test"}
	return tenant.Founding{Tenant: t, Service: s, Effects: outbox.Effects{Events: []audit.Event{created}}}, nil
}

// founded is a tenant that is there.
func (o *office) founded(name string) uid.Tenant {
	o.Helper()
	f, err := o.world.Found(tenant.Caller{}, name)
	o.ok(err)
	o.ok(o.db.CreateTenant(o.ctx(), f.Tenant, f.Service, f.Effects))
	return f.Tenant.ID
}

// tenants is how many there are.
func (o *office) tenants() int {
	o.Helper()
	all, err := o.db.Tenants(o.ctx(), uid.Tenant{}, 100)
	o.ok(err)
	return len(all)
}

func (w *world) Notify(_ context.Context, n delivery.Notice) (delivery.Result, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.refuse {
		return delivery.Result{Retry: true}, nil
	}
	w.notices = append(w.notices, n)
	return delivery.Result{Accepted: true}, nil
}

func setup(t *testing.T, change ...func(*operator.Config)) *office {
	t.Helper()
	o := &office{T: t, dir: t.TempDir(), world: &world{now: time.Date(2031, 5, 6, 12, 0, 0, 123457000, time.UTC)}}
	e, err := sqlite.Open(t.Context(), o.dir)
	if err != nil {
		t.Fatal(err)
	}
	if m, err := e.Schema(t.Context(), true); err != nil || !m.Current() {
		t.Fatal(m, err)
	}
	o.engine, o.db = e, storetest.Start(t, e, nil)
	o.db.Now, o.world.db = o.world.time, o.db
	if o.ring, err = factortest.Ring(); err != nil {
		t.Fatal(err)
	}
	o.deps = operator.Deps{Store: o.db, Ring: o.ring, Tenants: o.world, Notifier: o.world, Log: slog.New(slog.DiscardHandler)}
	o.Service = o.another(change...)
	return o
}

// another is one more service over the same database: a second node.
func (o *office) another(change ...func(*operator.Config)) *operator.Service {
	o.Helper()
	cfg := operator.Config{PublicURL: base}
	for _, one := range change {
		one(&cfg)
	}
	s, err := operator.New(cfg, o.deps)
	if err != nil {
		o.Fatal(err)
	}
	s.Now = o.world.time
	return s
}

func (o *office) ctx() context.Context { return context.Background() }

// later lets time pass.
func (o *office) later(by time.Duration) {
	o.world.mu.Lock()
	defer o.world.mu.Unlock()
	o.world.now = o.world.now.Add(by)
}

func (o *office) ok(err error) {
	o.Helper()
	if err != nil {
		o.Fatal(err)
	}
}

// code asks that err is the fault of a code; "" is none.
func (o *office) fault(err error, code, what string) {
	o.Helper()
	got := ""
	if f, is := errors.AsType[*fault.Error](err); is {
		got = f.Code
	}
	if got != code || (err == nil) != (code == "") {
		o.Errorf("%s: %v, want %q", what, err, code)
	}
}

// member is somebody with what that person signs in with.
type member struct {
	email, password string
	app             factor.Secret
	codes           []string
	token           string // of the session
}

// signed is the session of m.
func (o *office) signed(m *member) operator.Signed {
	o.Helper()
	g, err := o.Session(o.ctx(), m.token)
	if err != nil {
		o.Fatalf("session of %s: %v", m.email, err)
	}
	return g
}

// shows is the code of m's app, of a time step that none was used of.
func (o *office) shows(m *member) string {
	o.later(30 * time.Second)
	return factor.DefaultConfig().Code(m.app, factor.DefaultConfig().At(o.world.time()))
}

// offered is the token of a new link of set-up.
func (o *office) offered() string {
	o.Helper()
	link, err := o.OfferSetup(o.ctx())
	o.ok(err)
	token, is := strings.CutPrefix(link, base+"/console/setup#")
	if !is {
		o.Fatalf("link %q", link)
	}
	return token
}

var annSets = operator.SetupRequest{Firm: "Acme", Email: annEmail, Name: "Ann Bee", Password: password}

// ann is the first owner, signed in.
func (o *office) ann() *member {
	o.Helper()
	step, err := o.Setup(o.ctx(), here, o.offered(), annSets)
	o.ok(err)
	return o.enrolled(&member{email: annEmail, password: password}, step)
}

// enrolled sets up an app in the place that step has led to.
func (o *office) enrolled(m *member, step operator.Step) *member {
	o.Helper()
	e, err := o.EnrolTOTP(o.ctx(), here, step.Token.Reveal())
	o.ok(err)
	m.app = e.Secret
	step, m.codes, err = o.ConfirmTOTP(o.ctx(), here, step.Token.Reveal(), o.shows(m))
	o.ok(err)
	m.token = step.Token.Reveal()
	return m
}

// hired is somebody whom by has invited, signed in; owners and admins with an app.
func (o *office) hired(by *member, email string, role operator.Role) *member {
	o.Helper()
	_, err := o.Invite(o.ctx(), here, o.signed(by), operator.InviteRequest{Email: email, Role: role})
	o.ok(err)
	return o.accepted(email, o.posted("/console/join#"))
}

func (o *office) accepted(email, token string) *member {
	o.Helper()
	m := &member{email: email, password: password}
	step, err := o.Accept(o.ctx(), here, token, operator.AcceptRequest{Name: "Bob", Password: m.password})
	o.ok(err)
	if step.Stage == operator.StageEnrol {
		return o.enrolled(m, step)
	}
	m.token = step.Token.Reveal()
	return m
}

// signIn goes all the way.
func (o *office) signIn(m *member) {
	o.Helper()
	step, err := o.SignIn(o.ctx(), here, m.email, m.password)
	o.ok(err)
	if step.Stage == operator.StageSecond {
		step, err = o.SecondFactor(o.ctx(), here, step.Token.Reveal(), o.shows(m))
		o.ok(err)
	}
	if step.Stage != operator.StageOpen {
		o.Fatalf("stage %s", step.Stage)
	}
	m.token = step.Token.Reveal()
}

// posted is the token in the last message whose link leads to path.
func (o *office) posted(path string) string {
	o.Helper()
	o.work()
	o.world.mu.Lock()
	defer o.world.mu.Unlock()
	for _, n := range slices.Backward(o.world.notices) {
		if token, is := strings.CutPrefix(n.Link, base+path); is {
			return token
		}
	}
	o.Fatalf("no link to %s was posted", path)
	return ""
}

// mail is what was posted so far: "kind address".
func (o *office) mail() (all []string) {
	o.Helper()
	o.work()
	o.world.mu.Lock()
	defer o.world.mu.Unlock()
	for _, n := range o.world.notices {
		all = append(all, n.Kind+" "+n.To.Value)
	}
	o.world.notices = nil
	return all
}

// work runs all jobs that are due.
func (o *office) work() {
	o.Helper()
	handlers := o.Handlers()
	node := uid.Random(o.world.time())
	for {
		now := o.world.time().Add(time.Second)
		jobs, err := o.db.Claim(o.ctx(), node, now, now.Add(time.Minute), 100, 1, 0)
		o.ok(err)
		if len(jobs) == 0 {
			return
		}
		for _, j := range jobs {
			switch v := handlers[j.Kind](o.ctx(), j); v.Outcome {
			case outbox.Committed:
			case outbox.Finished:
				o.ok(o.db.Finish(o.ctx(), j.Ref(), node))
			case outbox.Retried:
				o.ok(o.db.Retry(o.ctx(), j.Ref(), node, v.At, j.Attempt+1, v.Taken))
			default:
				o.Fatalf("job %s: %+v", j.Kind, v)
			}
		}
	}
}

// events are those of a type, oldest first.
func (o *office) events(kind string) (of []audit.Event) {
	o.Helper()
	all, err := o.db.Events(o.ctx(), uid.ID{}, uid.ID{0xff}, 10_000)
	o.ok(err)
	for _, e := range all {
		if e.Type == kind {
			of = append(of, e)
		}
	}
	return of
}

// said is what an event says.
func (o *office) said(e audit.Event) (d map[string]any) {
	o.Helper()
	o.ok(json.Unmarshal(e.Data, &d))
	return d
}

// token is a step's, from its text.
func token(text string) operator.Secret { return seal.CodeFrom(text) }
