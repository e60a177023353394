package twilio_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/compat/twilio"
	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

var _ twilio.Factors = (*factor.Service)(nil)

var (
	ent = uid.New(began, 13)
	fac = uid.New(began, 15)
	chl = uid.New(began, 17)

	theEntity    = at + "/Entities/ident-0001"
	theFactor    = theEntity + "/Factors/YF" + fac.Hex()
	theChallenge = theEntity + "/Challenges/YC" + chl.Hex()
)

// factorFake is the part of the fake that stands for factor.Service.
type factorFake struct {
	status    factor.Status
	outcome   factor.Outcome // of every code
	made      bool           // a challenge is made whatever the outcome
	codes     int            // how many codes were handed in
	abandoned int            // how many services were abandoned
	changes   int            // how many changes came
	filters   []factor.Filter
}

func newFactorFake() factorFake {
	return factorFake{status: factor.Verified, outcome: factor.Right, made: true}
}

func (f *fake) entity() factor.Entity {
	return factor.Entity{ID: ent, Tenant: acme, Service: svc, Identity: "ident-0001", CreatedAt: began, UpdatedAt: began}
}

func (f *fake) factor() factor.Factor {
	return factor.Factor{ID: fac, Tenant: acme, Service: svc, Entity: ent, Identity: "ident-0001", Type: factor.TOTP, Name: "phone",
		Config: factor.DefaultConfig(), Status: f.status, CreatedAt: began, UpdatedAt: began, ExpiresAt: began.Add(10 * time.Minute)}
}

func (f *fake) challenge() factor.Challenge {
	return factor.Challenge{ID: chl, Tenant: acme, Service: svc, Entity: ent, Factor: fac, Identity: "ident-0001", State: factor.StatePending,
		CreatedAt: began, UpdatedAt: began, ExpiresAt: began.Add(5 * time.Minute)}
}

func (f *fake) CreateEntity(context.Context, factor.Owner) (factor.Entity, error) {
	return f.entity(), f.answer()
}

func (f *fake) Entity(context.Context, factor.Owner) (factor.Entity, error) {
	return f.entity(), f.answer()
}

func (f *fake) Entities(context.Context, uid.Tenant, uid.ID, uid.ID, int) ([]factor.Entity, error) {
	return []factor.Entity{f.entity()}, f.answer()
}

func (f *fake) DeleteEntity(context.Context, factor.Owner) error { return f.answer() }

func (f *fake) Enrol(_ context.Context, r factor.EnrolRequest) (factor.Enrolment, error) {
	s := factor.NewSecret()
	return factor.Enrolment{Factor: f.factor(), Entity: f.entity(), Secret: s, URI: r.Settings.Config.URI(s, r.Issuer, r.Settings.Name)}, f.answer()
}

func (f *fake) Verify(context.Context, factor.Owner, uid.ID, string) (factor.Answer, error) {
	f.codes++
	return factor.Answer{Outcome: f.outcome, Factor: f.factor()}, f.answer()
}

func (f *fake) Update(_ context.Context, _ factor.Owner, _ uid.ID, change func(*factor.Settings)) (factor.Factor, error) {
	f.changes++
	got := f.factor()
	set := factor.Settings{Name: got.Name, Config: got.Config}
	change(&set)
	got.Name, got.Config = set.Name, set.Config
	return got, f.answer()
}

func (f *fake) Abandon(context.Context, factor.Caller, uid.ID) error {
	f.abandoned++
	return f.answer()
}

func (f *fake) Factor(context.Context, factor.Owner, uid.ID) (factor.Factor, error) {
	return f.factor(), f.answer()
}

func (f *fake) Factors(context.Context, factor.Owner, uid.ID, int) ([]factor.Factor, error) {
	return []factor.Factor{f.factor()}, f.answer()
}

func (f *fake) DeleteFactor(context.Context, factor.Owner, uid.ID) error { return f.answer() }

func (f *fake) Challenge(context.Context, factor.ChallengeRequest) (factor.Answer, error) {
	a := factor.Answer{Outcome: f.outcome, Factor: f.factor(), RetryAt: f.now.Add(30 * time.Second)}
	if f.made {
		a.Challenge = f.challenge()
	}
	return a, f.answer()
}

func (f *fake) Answer(context.Context, factor.Owner, uid.ID, string) (factor.Answer, error) {
	f.codes++
	return factor.Answer{Outcome: f.outcome, Factor: f.factor(), Challenge: f.challenge(), RetryAt: f.now.Add(30 * time.Second)}, f.answer()
}

func (f *fake) ChallengeOf(context.Context, factor.Owner, uid.ID) (factor.Challenge, error) {
	return f.challenge(), f.answer()
}

func (f *fake) Challenges(_ context.Context, _ factor.Owner, filter factor.Filter) ([]factor.Challenge, error) {
	f.filters = append(f.filters, filter)
	return []factor.Challenge{f.challenge()}, f.answer()
}

func TestEveryOutcomeOfACodeHasItsAnswer(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		path    string
		outcome factor.Outcome
		status  int
		code    int
		wait    string
	}{
		{theFactor, factor.Right, 200, 0, ""},
		{theFactor, factor.Wrong, 200, 0, ""},
		{theFactor, factor.Malformed, 200, 0, ""},
		{theFactor, factor.Settled, 400, 60300, ""}, // told as verified, any code would look right
		{theFactor, factor.Expired, 404, 20404, ""},
		{theFactor, factor.Exhausted, 429, 60310, "540"},
		{theChallenge, factor.Right, 200, 0, ""},
		{theChallenge, factor.Wrong, 200, 0, ""},
		{theChallenge, factor.Malformed, 200, 0, ""},
		{theChallenge, factor.Settled, 403, 60322, ""},
		{theChallenge, factor.Expired, 403, 60323, ""},
		{theChallenge, factor.Exhausted, 429, 60308, "240"},
		{theChallenge, factor.Idle, 403, 60318, ""},
		{theChallenge, factor.Disabled, 403, 60318, ""},
		{theChallenge, factor.Paused, 429, 20429, "30"},
	} {
		f := newFake()
		f.outcome = c.outcome
		a := f.ask(t, "POST", c.path, "AuthPayload=918273")
		if c.code == 0 && a.status != c.status {
			t.Errorf("%s %s: %d %s", c.path, c.outcome, a.status, a.raw)
		}
		if c.code != 0 {
			client{TB: t}.isError(a, c.status, c.code)
		}
		if a.header.Get("Retry-After") != c.wait {
			t.Errorf("%s %s: Retry-After %q, want %q", c.path, c.outcome, a.header.Get("Retry-After"), c.wait)
		}
	}
}

func TestAChallengeThatWasMadeIsToldWhateverCameOfItsCode(t *testing.T) {
	t.Parallel()
	ask := "AuthPayload=918273&FactorSid=YF" + fac.Hex()
	for _, outcome := range []factor.Outcome{factor.Wrong, factor.Malformed, factor.Paused, factor.None} {
		f := newFake()
		f.outcome = outcome
		if a := f.ask(t, "POST", theEntity+"/Challenges", ask); a.status != 201 || a.text("status") != "pending" {
			t.Errorf("%s: %d %s", outcome, a.status, a.raw)
		}
	}
	f := newFake()
	f.outcome, f.made, f.status = factor.Idle, false, factor.Unverified
	client{TB: t}.isError(f.ask(t, "POST", theEntity+"/Challenges", ask), 403, 60318)
	f.now = began.Add(10 * time.Minute)
	client{TB: t}.isError(f.ask(t, "POST", theEntity+"/Challenges", ask), 404, 20404)
	f.outcome, f.status = factor.Disabled, factor.Verified
	client{TB: t}.isError(f.ask(t, "POST", theEntity+"/Challenges", ask), 403, 60318)
	f.outcome = factor.Rationed
	a := f.ask(t, "POST", theEntity+"/Challenges", ask)
	client{TB: t}.isError(a, 429, 60312)
	if a.header.Get("Retry-After") != "30" {
		t.Errorf("Retry-After %q", a.header.Get("Retry-After"))
	}
}

func TestAFactorThatWasNotVerifiedInTimeIsGone(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.status, f.now = factor.Unverified, began.Add(10*time.Minute-time.Microsecond)
	if a := f.ask(t, "GET", theFactor, ""); a.status != 200 {
		t.Errorf("in its last moment: %s", a.raw)
	}
	f.now = began.Add(10 * time.Minute)
	client{TB: t}.isError(f.ask(t, "GET", theFactor, ""), 404, 20404)
	client{TB: t}.isError(f.ask(t, "POST", theFactor, "AuthPayload=918273"), 404, 20404)
	client{TB: t}.isError(f.ask(t, "POST", theFactor, "FriendlyName=other"), 404, 20404)
	client{TB: t}.isError(f.ask(t, "DELETE", theFactor, ""), 404, 20404)
	if a := f.ask(t, "GET", theEntity+"/Factors", ""); !strings.Contains(a.raw, `"factors":[]`) {
		t.Errorf("it is listed: %s", a.raw)
	}
	if f.codes+f.changes != 0 {
		t.Errorf("%d codes and %d changes came through", f.codes, f.changes)
	}
}

func TestAChallengeExpiresWithItsTime(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.now = began.Add(5 * time.Minute)
	if a := f.ask(t, "GET", theChallenge, ""); a.text("status") != "expired" || a.at("date_responded") != nil {
		t.Errorf("%s", a.raw)
	}
}

func TestFiltersOfChallengesReachTheService(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.ask(t, "GET", theEntity+"/Challenges?FactorSid=YF"+fac.Hex()+"&Status=approved&Order=desc&PageSize=7", "")
	want := factor.Filter{Factor: fac, State: factor.StateApproved, Newest: true, Limit: 8}
	if len(f.filters) != 1 || f.filters[0] != want {
		t.Errorf("%+v, want %+v", f.filters, want)
	}
	if a := f.ask(t, "GET", theEntity+"/Challenges?Status=denied", ""); !strings.Contains(a.raw, `"challenges":[]`) || len(f.filters) != 1 {
		t.Errorf("denied: %s", a.raw)
	}
	for _, query := range []string{"Status=open", "Order=up", "FactorSid=YC" + fac.Hex()} {
		client{TB: t}.isError(f.ask(t, "GET", theEntity+"/Challenges?"+query, ""), 400, 60306)
	}
}

func TestRefusalsOfTheFactorServiceHaveTwiliosCodes(t *testing.T) {
	t.Parallel()
	enrol := "FactorType=totp&FriendlyName=phone"
	for _, c := range []struct {
		path, form string
		err        *fault.Error
		status     int
		code       int
	}{
		{at + "/Entities", "Identity=ident-0001", fault.New(fault.Conflict, "entity_exists", "It is there."), 409, 60301},
		{theEntity + "/Factors", enrol, fault.New(fault.Conflict, "too_many_factors", "Delete some."), 400, 60315},
		{theEntity + "/Factors", enrol, fault.New(fault.Conflict, "secret_in_use", "Another.").On("secret"), 409, 60317},
		{theEntity + "/Factors", enrol, fault.New(fault.Limited, "enrolments_used_up", "Wait.").After(time.Hour), 429, 60326},
		{theEntity + "/Factors", enrol, fault.New(fault.Invalid, "name_invalid", "Another.").On("name"), 400, 60300},
		{theEntity + "/Challenges", "FactorSid=YF" + fac.Hex(), fault.New(fault.Invalid, "note_invalid", "Less.").On("details"), 400, 60306},
	} {
		f := newFake()
		f.err = c.err
		client{TB: t}.isError(f.ask(t, "POST", c.path, c.form), c.status, c.code)
	}
}

func TestWhatHangsOnAHiddenServiceIsAbandoned(t *testing.T) {
	t.Parallel()
	for inUse, want := range map[bool]int{false: 0, true: 1} { // one that is removed takes it along
		f := newFake()
		f.inUse = inUse
		if a := f.ask(t, "DELETE", at, ""); a.status != 204 || f.abandoned != want {
			t.Errorf("a verification is open: %v: %d, abandoned %d times", inUse, a.status, f.abandoned)
		}
	}
}
