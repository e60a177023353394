package twilio

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/risk/safelist"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web"
)

// Mount is the path below which the door is served.
const Mount = "/compat/twilio"

// life is how long a verification can be approved, from its first send.
const life = 10 * time.Minute

// Keys knows API keys.
type Keys interface {
	// AuthenticateToken finds who a key without its prefix belongs to, or Unauthenticated: unknown, expired and revoked
	// look the same.
	AuthenticateToken(ctx context.Context, token string) (tenant.Principal, error)
}

// Verifications is what the door asks of verify.Service, which says what each method answers.
type Verifications interface {
	Start(ctx context.Context, r verify.StartRequest) (verify.StartAnswer, error)
	Check(ctx context.Context, r verify.CheckRequest) (verify.CheckAnswer, error)
	Cancel(ctx context.Context, r verify.EndRequest) (verify.View, error)
	Approve(ctx context.Context, r verify.EndRequest) (verify.View, error)
	Get(ctx context.Context, by verify.Caller, id uid.ID, reveal bool) (verify.Record, error)
	Open(ctx context.Context, by verify.Caller, to, service string, purpose verify.Purpose) (verify.View, error)
	Sends(ctx context.Context, q verify.SendQuery, p verify.SendPage) (page []verify.SendRef, more verify.SendRef, err error)
	CountSends(ctx context.Context, q verify.SendQuery) (verify.SendCount, error)
}

// Profiles is what the door asks of tenant.Directory, which says what each method answers.
type Profiles interface {
	Profile(ctx context.Context, t uid.Tenant, id uid.ID) (tenant.Service, error)
	Services(ctx context.Context, t uid.Tenant, after uid.ID, limit int) (page []tenant.Service, more uid.ID, err error)
	CreateService(ctx context.Context, by tenant.Caller, s tenant.Service, i *tenant.Idempotency) (tenant.Service, error)
	UpdateService(ctx context.Context, by tenant.Caller, t uid.Tenant, id uid.ID, change func(*tenant.Service)) (tenant.Service, error)
	DeleteService(ctx context.Context, by tenant.Caller, t uid.Tenant, id uid.ID) error
	CreateRateLimit(ctx context.Context, by tenant.Caller, t uid.Tenant, service uid.ID, name, description string) (tenant.RateLimit, error)
	DescribeRateLimit(ctx context.Context, by tenant.Caller, ref tenant.RateLimitRef, description string) (tenant.RateLimit, error)
	DeleteRateLimit(ctx context.Context, by tenant.Caller, ref tenant.RateLimitRef) error
	CreateBucket(ctx context.Context, by tenant.Caller, ref tenant.RateLimitRef, most int, interval time.Duration) (tenant.Bucket, error)
	UpdateBucket(ctx context.Context, by tenant.Caller, ref tenant.RateLimitRef, change func(*tenant.Bucket)) (tenant.Bucket, error)
	DeleteBucket(ctx context.Context, by tenant.Caller, ref tenant.RateLimitRef) error
}

// Factors is what the door asks of factor.Service, which says what each method answers.
type Factors interface {
	CreateEntity(ctx context.Context, o factor.Owner) (factor.Entity, error)
	Entity(ctx context.Context, o factor.Owner) (factor.Entity, error)
	Entities(ctx context.Context, t uid.Tenant, service, after uid.ID, limit int) ([]factor.Entity, error)
	DeleteEntity(ctx context.Context, o factor.Owner) error
	Abandon(ctx context.Context, by factor.Caller, service uid.ID) error
	Enrol(ctx context.Context, r factor.EnrolRequest) (factor.Enrolment, error)
	Verify(ctx context.Context, o factor.Owner, id uid.ID, code string) (factor.Answer, error)
	Update(ctx context.Context, o factor.Owner, id uid.ID, change func(*factor.Settings)) (factor.Factor, error)
	Factor(ctx context.Context, o factor.Owner, id uid.ID) (factor.Factor, error)
	Factors(ctx context.Context, o factor.Owner, after uid.ID, limit int) ([]factor.Factor, error)
	DeleteFactor(ctx context.Context, o factor.Owner, id uid.ID) error
	Challenge(ctx context.Context, r factor.ChallengeRequest) (factor.Answer, error)
	Answer(ctx context.Context, o factor.Owner, challenge uid.ID, code string) (factor.Answer, error)
	ChallengeOf(ctx context.Context, o factor.Owner, id uid.ID) (factor.Challenge, error)
	Challenges(ctx context.Context, o factor.Owner, f factor.Filter) ([]factor.Challenge, error)
}

// SafeList is what the door asks of safelist.List, which says what each method answers.
type SafeList interface {
	Add(ctx context.Context, by safelist.Caller, number string) (safelist.Number, error)
	Number(ctx context.Context, by safelist.Caller, number string) (safelist.Number, error)
	Remove(ctx context.Context, by safelist.Caller, number string) error
}

// Config is what the door is built of. All but Templates, Life, Now and Attempts are required.
type Config struct {
	Keys          Keys
	Verifications Verifications
	Profiles      Profiles
	Factors       Factors
	Webhooks      Webhooks
	SafeList      SafeList
	Templates     []delivery.Template          // the server's texts
	Rules         recipient.Rules              // which recipients are valid here
	Origin        func(r *http.Request) string // scheme and host for URLs in the answer to r
	Life          time.Duration                // of a code; zero: ten minutes
	Now           func() time.Time             // nil: time.Now
	Attempts      int                          // requests about attempts that a tenant has in a minute; zero: Twilio's 100
}

// door holds the services that handlers call.
type door struct {
	Config
	mux       *web.Mux
	templates []template
	attempts  *polls // requests about attempts
	fetches   *polls // of verifications
}

// New builds the door: a handler to be wrapped in the chain of package web with Policy. It takes whole paths, below Mount.
func New(cfg Config) http.Handler {
	if cfg.Life == 0 {
		cfg.Life = life
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Attempts == 0 {
		cfg.Attempts = perMinute
	}
	d := &door{
		Config: cfg, templates: templatesOf(cfg.Templates),
		attempts: newPolls([]ratelimit.Limit{{Burst: cfg.Attempts, Period: time.Minute}}), fetches: newPolls(perVerification()),
	}
	d.mux = newMux(d)
	return d
}

// Policy is that of the door: for machines, with errors in Twilio's form.
func Policy() web.Policy {
	p := web.APIPolicy()
	p.Fail = fail
	return p
}

// ServeHTTP lets those through whom their credentials prove, before anything else is looked at.
func (d *door) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	p, err := d.authenticate(r)
	if err != nil {
		fail(w, r, err)
		return
	}
	web.SetPrincipal(r.Context(), p)
	path := plainPath(r.URL.Path)
	if path == r.URL.Path {
		d.mux.ServeHTTP(w, r)
		return
	}
	plain := r.Clone(r.Context())
	plain.URL.Path, plain.URL.RawPath = path, plainPath(r.URL.RawPath)
	defer func() { r.Pattern = plain.Pattern }() // the chain counts and logs by it
	d.mux.ServeHTTP(w, plain)
}

// plainPath is the path with one prefix and no slash at its end. Twilio's library for Ruby puts the base URL in front of the
// path of the next page, and so the prefix comes twice.
func plainPath(path string) string {
	if rest, ok := strings.CutPrefix(path, Mount); ok && strings.HasPrefix(rest, Mount+"/") {
		path = rest
	}
	if len(path) > 1 && strings.HasSuffix(path, "/") && !strings.HasSuffix(path, "//") {
		path = path[:len(path)-1]
	}
	return path
}

// authenticate finds who r comes from. The password is an API key without its prefix, for Twilio's libraries take letters
// and digits only; the user is the account SID of its tenant or the SID of the key itself.
func (d *door) authenticate(r *http.Request) (tenant.Principal, error) {
	user, secret, ok := r.BasicAuth()
	if !ok {
		return tenant.Principal{}, errAuth
	}
	p, err := d.Keys.AuthenticateToken(r.Context(), secret)
	if fault.Is(err, fault.Unauthenticated) {
		return tenant.Principal{}, errAuth
	}
	if err != nil {
		return tenant.Principal{}, err
	}
	account, isAccount := parseSID(sidAccount, user)
	key, isKey := parseSID(sidKey, user)
	if isAccount && uid.Tenant(account) == p.Tenant || isKey && key == p.Key {
		return p, nil
	}
	return tenant.Principal{}, errAuth
}

// named are the scopes that tenant.ScopeAll does not stand for.
var named = []string{tenant.ScopeVerifyApprove, tenant.ScopeRecipientShow}

// allows reports whether p holds scope.
func allows(p tenant.Principal, scope string) bool {
	return slices.Contains(p.Scopes, scope) || !slices.Contains(named, scope) && slices.Contains(p.Scopes, tenant.ScopeAll)
}

// caller is who asks, for verifications.
func caller(ctx context.Context) verify.Caller {
	p := web.Principal(ctx)
	return verify.Caller{Tenant: p.Tenant, Actor: "key:" + p.Key.Text(uid.Key), RequestID: web.RequestID(ctx)}
}

// changer is who asks, for changes of services.
func changer(ctx context.Context) tenant.Caller {
	by := caller(ctx)
	return tenant.Caller{Actor: by.Actor, RequestID: by.RequestID}
}

// owner names the entity of a path, and who asks. Whether its identity can be one is for the service of factors to say.
func owner(r *http.Request, s tenant.Service, identity string) factor.Owner {
	return factor.Owner{Caller: prover(r.Context()), Service: s.ID, Identity: factor.Identity(identity)}
}

// prover is who asks, for factors.
func prover(ctx context.Context) factor.Caller {
	by := caller(ctx)
	return factor.Caller{Tenant: by.Tenant, Actor: by.Actor, RequestID: by.RequestID}
}

// account is the account SID for answers.
func account(ctx context.Context) string { return AccountSID(web.Principal(ctx).Tenant) }

// AccountSID is a tenant as Twilio's libraries take it.
func AccountSID(t uid.Tenant) string { return sid(sidAccount, uid.ID(t)) }

// KeySID is an API key's id as Twilio's libraries take it; its secret is the AuthToken.
func KeySID(key uid.ID) string { return sid(sidKey, key) }

// AuthToken is an API key as Twilio's libraries take it: letters and digits only.
func AuthToken(key string) string { return tenant.Token(key) }

// stamp is a time as answers show it: whole seconds, for one library takes no other form.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }
