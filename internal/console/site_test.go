package console_test

import (
	"context"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/countersign/countersign/internal/factor"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/web"
)

func wantTo(t *testing.T, w *httptest.ResponseRecorder, to string) {
	t.Helper()
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != to {
		t.Errorf("answer %d to %q, want 303 to %q", w.Code, w.Header().Get("Location"), to)
	}
}

func TestSomebodyWhoIsNotSignedInIsLedToTheDoorAndBack(t *testing.T) {
	b := newBrowser(t, &people{})
	wantTo(t, b.get("/console/prove?next=/console/team"), "/console/sign-in")
	w := b.send("/console/sign-in?next=/console/team%3Fpage%3D2", "/console/sign-in",
		url.Values{"email": {"a@example.com"}, "password": {"x"}, "next": {"/console/team?page=2"}})
	wantTo(t, w, "/console/second-factor?next=%2Fconsole%2Fteam%3Fpage%3D2")
	w = b.send("/console/second-factor?next=/console/team%3Fpage%3D2", "/console/second-factor",
		url.Values{"code": {"999999"}, "next": {"/console/team?page=2"}})
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "That did not fit.") {
		t.Errorf("a wrong code is answered by %d", w.Code)
	}
	w = b.send("/console/second-factor", "/console/second-factor", url.Values{"code": {"123456"}, "next": {"/console/team?page=2"}})
	wantTo(t, w, "/console/team?page=2")
	wantTo(t, b.get("/console/sign-in"), "/console")
}

func TestSEC_70_EachStepGivesTheBrowserAnotherToken(t *testing.T) {
	b := newBrowser(t, &people{})
	b.cookies["countersign_console"] = "planted"
	b.send("/console/sign-in", "/console/sign-in", url.Values{"email": {"a@example.com"}, "password": {"x"}})
	if got := b.cookies["countersign_console"]; got != "half" {
		t.Errorf("after the password the cookie is %q", got)
	}
	b.send("/console/second-factor", "/console/second-factor", url.Values{"code": {"123456"}})
	if got := b.cookies["countersign_console"]; got != "owner" {
		t.Errorf("after the code the cookie is %q", got)
	}
}

func TestTheSetUpSaysThatItIsDoneAndLeadsToTheSignIn(t *testing.T) {
	p := &people{fresh: true}
	b := newBrowser(t, p)
	body := b.get("/console/setup").Body.String()
	has(t, body, "Set up this server", `action="/console/setup"`)
	form := url.Values{"form_token": {tokenField.FindStringSubmatch(body)[1]}, "token": {"old"}}
	if w := b.post("/console/setup", form); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "not valid any more") {
		t.Errorf("a wrong link is answered by %d", w.Code)
	}
	p.fresh = false // somebody was quicker
	for _, w := range []*httptest.ResponseRecorder{b.get("/console/setup"), b.post("/console/setup", form)} {
		if w.Code != http.StatusGone {
			t.Errorf("answered %d", w.Code)
		}
		has(t, w.Body.String(), "This server is set up", `href="/console/sign-in"`)
		hasNot(t, w.Body.String(), `action="/console/setup"`)
	}
}

// doubler is signed in by a password, to the same session by the same form.
type doubler struct{ people }

func (d *doubler) SignIn(_ context.Context, c operator.Client, _, _ string) (operator.Step, error) {
	d.once = append(d.once, c.Once)
	return operator.Step{Stage: operator.StageOpen, Token: seal.CodeFrom("owner")}, nil
}

func TestSEC_70_ASecondClickOnAPasswordDoesNotEndWhatTheFirstHasLedTo(t *testing.T) {
	p := &doubler{}
	b := newBrowser(t, p)
	body := b.get("/console/sign-in").Body.String()
	once := regexp.MustCompile(`name="once" value="([A-Z2-7]{26})"`).FindStringSubmatch(body)
	if once == nil {
		t.Fatal("the page has no name")
	}
	b.cookies["countersign_console"] = "agent" // whoever sat here before
	form := url.Values{"form_token": {tokenField.FindStringSubmatch(body)[1]}, "once": {once[1]}, "email": {"a@example.com"}, "password": {"x"}}
	for range 2 {
		wantTo(t, b.post("/console/sign-in", form), "/console")
	}
	if !slices.Equal(p.once, []string{once[1], once[1]}) || !slices.Equal(p.out, []string{"agent"}) {
		t.Errorf("sent on %q; signed out: %q", p.once, p.out)
	}
}

func TestEachPageOfASecondStepIsNamedAndTheNameIsSentOn(t *testing.T) {
	p := &people{}
	b := newBrowser(t, p)
	b.send("/console/sign-in", "/console/sign-in", url.Values{"email": {"a@example.com"}, "password": {"x"}})
	body := b.get("/console/second-factor").Body.String()
	once := regexp.MustCompile(`name="once" value="([A-Z2-7]{26})"`).FindStringSubmatch(body)
	if once == nil {
		t.Fatal("the page has no name")
	}
	form := url.Values{"form_token": {tokenField.FindStringSubmatch(body)[1]}, "once": {once[1]}, "code": {"999999"}}
	again := b.post("/console/second-factor", form).Body.String()
	if strings.Contains(again, once[1]) {
		t.Error("the page that asks again has the same name: what is typed now would be taken for a second click")
	}
	form.Set("code", "123456")
	wantTo(t, b.post("/console/second-factor", form), "/console")
	form.Set("once", strings.Repeat("A", 41))
	b.post("/console/second-factor", form)
	if got := p.once[1:]; !slices.Equal(got, []string{once[1], once[1], ""}) {
		t.Errorf("sent on %q", got)
	}
}

// prover shows everything again, once.
type prover struct {
	people
	tokens []string
}

func (p *prover) Prove(_ context.Context, c operator.Client, token, _, _ string) (operator.Step, error) {
	p.tokens = append(p.tokens, token+" "+c.Once)
	return operator.Step{Stage: operator.StageOpen, Token: seal.CodeFrom("owner")}, nil
}

func TestASecondClickOnAProofLeadsToWhereTheFirstDid(t *testing.T) {
	p := &prover{}
	b := newBrowser(t, p).as(operator.Owner)
	body := b.get("/console/prove").Body.String()
	form := url.Values{"form_token": {tokenField.FindStringSubmatch(body[strings.Index(body, `action="/console/prove"`):])[1]}, "once": {"TWICE"}, "next": {"/console/enrol"}}
	b.cookies["countersign_console"] = "gone" // the browser never saw the answer to the first
	wantTo(t, b.post("/console/prove", form), "/console/enrol")
	if b.cookies["countersign_console"] != "owner" || !slices.Equal(p.tokens, []string{"owner TWICE"}) {
		t.Errorf("the cookie is %q, asked with %q", b.cookies["countersign_console"], p.tokens)
	}
	for what, change := range map[string]func(url.Values){
		"another form":                 func(f url.Values) { f.Set("once", "OTHER") },
		"a form of another session":    func(f url.Values) { f.Set("form_token", "x") },
		"a form without a name":        func(f url.Values) { f.Del("once") },
		"a form from somewhere else":   nil,
		"a form of a session that was": func(f url.Values) { f.Set("once", "") },
	} {
		p.tokens, b.cookies["countersign_console"] = nil, "gone"
		other := maps.Clone(form)
		var w *httptest.ResponseRecorder
		if change != nil {
			change(other)
			w = b.post("/console/prove", other)
		} else {
			r := httptest.NewRequest(http.MethodPost, "http://console.test/console/prove", strings.NewReader(form.Encode()))
			r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			r.Header.Set("Origin", "https://evil.test")
			w = b.do(r)
		}
		if len(p.tokens) != 0 || w.Header().Get("Location") == "/console/enrol" {
			t.Errorf("%s is answered by %d to %q, asked with %q", what, w.Code, w.Header().Get("Location"), p.tokens)
		}
	}
}

// newcomer sets up an authenticator by a form that is sent twice.
type newcomer struct{ house }

func (*newcomer) EnrolTOTP(context.Context, operator.Client, string) (operator.Enrolment, error) {
	return operator.Enrolment{Secret: factor.NewSecret(), Account: "a@example.com"}, nil
}

func (p *newcomer) ConfirmTOTP(_ context.Context, c operator.Client, token, _ string) (operator.Step, []string, error) {
	step := operator.Step{Stage: operator.StageOpen, Token: seal.CodeFrom("owner")}
	if p.once = append(p.once, c.Once); len(p.once) == 1 {
		return step, []string{"1111-2222"}, nil
	}
	return step, nil, nil
}

func TestASecondClickOnANewAuthenticatorLeadsToWhereCodesAreMade(t *testing.T) {
	p := &newcomer{}
	b := newBrowser(t, p)
	wantSays(t, b.send("/console/enrol", "/console/enrol", url.Values{"code": {"123456"}, "once": {"O"}}), "1111-2222")
	b.cookies["countersign_console"] = "half" // the browser never saw the answer
	wantTo(t, b.send("/console/enrol", "/console/enrol", url.Values{"code": {"123456"}, "once": {"O"}}), "/console/profile/security")
	if b.cookies["countersign_console"] != "owner" || !slices.Equal(p.once, []string{"O", "O"}) {
		t.Errorf("the cookie is %q, forms %q", b.cookies["countersign_console"], p.once)
	}
	has(t, b.get("/console/profile/security").Body.String(), "If you didn’t see your recovery codes, make new ones here.")
}

func TestNobodyIsLedOutOfTheConsole(t *testing.T) {
	b := newBrowser(t, &people{})
	for _, next := range []string{
		"https://evil.example", "//evil.example/console/", "/console/../v1", "/v1/verifications", "/console/\\evil", "javascript:alert(1)",
		"/console/sign-out", "/consoles/x", "/console/x\r\nSet-Cookie: a=b", "http:/console/team", "%2F%2Fevil.example",
	} {
		b.cookies = map[string]string{}
		b.send("/console/sign-in", "/console/sign-in", url.Values{"email": {"a@example.com"}, "password": {"x"}})
		w := b.send("/console/second-factor", "/console/second-factor", url.Values{"code": {"123456"}, "next": {next}})
		if to := w.Header().Get("Location"); to != "/console" {
			t.Errorf("next=%q leads to %q", next, to)
		}
	}
}

func TestAFormIsTakenFromOurOwnPageAlone(t *testing.T) {
	p := &people{}
	b := newBrowser(t, p).as("owner")
	if w := b.post("/console/sign-out", url.Values{}); w.Code != http.StatusConflict {
		t.Errorf("a form without a token is answered by %d", w.Code)
	}
	if w := b.post("/console/sign-out", url.Values{"form_token": {"x"}}); w.Code != http.StatusConflict {
		t.Errorf("a form with a made-up token is answered by %d", w.Code)
	}
	other := newBrowser(t, p).as("viewer")
	body := other.get("/console/prove").Body.String()
	if w := b.post("/console/sign-out", url.Values{"form_token": {tokenField.FindStringSubmatch(body)[1]}}); w.Code != http.StatusConflict {
		t.Errorf("a form of another session is answered by %d", w.Code)
	}
	r := httptest.NewRequest(http.MethodPost, "http://console.test/console/sign-out", strings.NewReader(""))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	if w := b.do(r); w.Code != http.StatusForbidden {
		t.Errorf("a form of another site is answered by %d", w.Code)
	}
	if len(p.out) != 0 {
		t.Errorf("signed out by a form that was refused: %v", p.out)
	}
	wantTo(t, b.send("/console/prove", "/console/sign-out", url.Values{}), "/console/sign-in")
	if len(p.out) != 1 || b.cookies["countersign_console"] != "" {
		t.Errorf("the button signs out %v, and leaves the cookie %q", p.out, b.cookies["countersign_console"])
	}
}

// barred are people of a firm that is suspended.
type barred struct{ people }

func (p *barred) Session(ctx context.Context, token string) (operator.Signed, error) {
	g, err := p.people.Session(ctx, token)
	if err == nil {
		err = fault.New(fault.Denied, tenant.CodeSuspended, "This account is suspended.")
	}
	return g, err
}

func (p *barred) Glance(ctx context.Context, token string) (operator.Signed, error) {
	return p.Session(ctx, token)
}

func TestOperatorsOfASuspendedFirmSeeWhyNothingWorksAndSignOut(t *testing.T) {
	p := &barred{}
	b := newBrowser(t, p).as(operator.Owner)
	for _, path := range []string{"/console", "/console/profile", "/console/keys", "/console/live", "/console/prove"} {
		w := b.get(path)
		if w.Code != http.StatusForbidden {
			t.Errorf("%s: %d", path, w.Code)
		}
		has(t, w.Body.String(), "Your firm’s account is suspended", "owner@example.com", `action="/console/sign-out"`)
		for _, offered := range []string{`href="/console/keys"`, `href="/console/verifications`, `href="/console/team"`, `href="/console/profile"`} {
			if strings.Contains(w.Body.String(), offered) {
				t.Errorf("%s offers %s", path, offered)
			}
		}
	}
	if w := b.post("/console/sign-out", url.Values{}); w.Code != http.StatusConflict || len(p.out) != 0 {
		t.Errorf("a form without a token is answered by %d, signed out: %v", w.Code, p.out)
	}
	if w := b.send("/console", "/console/sign-out", url.Values{}); w.Header().Get("Location") != "/console/sign-in" || len(p.out) != 1 || b.cookies["countersign_console"] != "" {
		t.Errorf("the button is answered by %d to %q, signed out: %v", w.Code, w.Header().Get("Location"), p.out)
	}
	stranger := newBrowser(t, p).as(operator.Owner)
	if w := stranger.post("/console/prove", url.Values{"password": {"x"}}); w.Code != http.StatusForbidden {
		t.Errorf("another form is answered by %d", w.Code)
	}
	wantTo(t, newBrowser(t, p).get("/console"), "/console/sign-in")
}

func TestRA_53_OperatorsAreToldWhoRunsTheServer(t *testing.T) {
	t.Parallel()
	for support, want := range map[string]string{
		"help@platform.example":         `href="mailto:help@platform.example"><bdi dir="ltr">help@platform.example</bdi>`,
		"https://platform.example/help": `href="https://platform.example/help"><bdi dir="ltr">platform.example/help</bdi>`,
		"":                              "",
	} {
		b := newBrowser(t, &people{}, func(c *console.Config) { c.Support, c.PageTexts = support, vocabulary{} })
		pages := []string{b.get("/console/sign-in").Body.String()}
		b = b.as(operator.Agent)
		pages = append(pages, b.get("/console/profile").Body.String(), b.get("/console/nowhere").Body.String())
		for _, body := range pages {
			if want != "" {
				has(t, body, want)
			} else {
				hasNot(t, body, "whoever runs this server:", "mailto:")
			}
		}
	}
}

func TestTroubleHasTheFrameOfTheConsoleForWhoIsSignedIn(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, &people{})
	site := b.site.(*console.Site)
	chain, err := web.NewChain(web.Config{Log: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	behind := chain.Wrap(site.Policy(), site)
	large := httptest.NewRequest(http.MethodPost, "http://console.test/console/sign-out", strings.NewReader(strings.Repeat("x", 4<<20)))
	for what, r := range map[string]*http.Request{
		"an unknown page":       httptest.NewRequest(http.MethodGet, "http://console.test/console/nowhere", nil),
		"too large an upload":   large,
		"a method without page": httptest.NewRequest(http.MethodDelete, "http://console.test/console/profile", nil),
	} {
		for role, home := range map[string]bool{"owner": true, "": false} {
			w := httptest.NewRecorder()
			asked := r.Clone(t.Context())
			asked.AddCookie(&http.Cookie{Name: "countersign_console", Value: role})
			behind.ServeHTTP(w, asked)
			if w.Code < 400 || strings.Contains(w.Body.String(), `class="quiet" href="/console"`) != home || strings.Contains(w.Body.String(), `href="/console/sign-in"`) == home {
				t.Errorf("%s for %q: %d, a way home %v", what, role, w.Code, !home)
			}
		}
	}
}

func TestAPageThatCanNotBeShownSaysWhy(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, &people{}).as(operator.Owner)
	says := func(w *httptest.ResponseRecorder, status int, words string) {
		t.Helper()
		if w.Code != status {
			t.Errorf("%d, want %d", w.Code, status)
		}
		has(t, w.Body.String(), words)
	}
	says(b.post("/console/sign-out", url.Values{"x": {strings.Repeat("x", 70_000)}}), http.StatusRequestEntityTooLarge, "This is too much at once")
	r := httptest.NewRequest(http.MethodPost, "http://console.test/console/sign-out", strings.NewReader(""))
	r.Header.Set("Origin", "https://evil.test")
	says(b.do(r), http.StatusForbidden, "This came from another address")
	says(newBrowser(t, &barred{}).as(operator.Owner).get("/console/profile"), http.StatusForbidden, "Your firm’s account is suspended")
	says(b.as(operator.Viewer).get("/console/keys"), http.StatusForbidden, "Your role doesn’t include this")
	says(b.as(operator.Viewer).get("/console/keys"), http.StatusForbidden, "You are not allowed to see this")
	says(b.as(operator.Viewer).post("/console/keys/new", url.Values{}), http.StatusForbidden, "You are not allowed to do this")
}

// caller is somebody who comes by a link, which is refused when it is looked at, or when it is used.
type caller struct {
	people
	looked, used error
}

func (c *caller) Link(context.Context, operator.Client, string) (operator.LinkView, error) {
	return operator.LinkView{Kind: operator.LinkInvitation, Firm: "Acme", Email: "bob@example.com", Role: operator.Agent, Least: 15}, c.looked
}

func (c *caller) Accept(context.Context, operator.Client, string, operator.AcceptRequest) (operator.Step, error) {
	return operator.Step{Stage: operator.StageOpen, Token: seal.CodeFrom("agent")}, c.used
}

func TestAnInvitationThatLeadsNowhereSaysWhyOnAPlainPage(t *testing.T) {
	ended := fault.New(fault.NotFound, "invitation_ended", "This invitation has ended: whoever sent it may not invite you any more.")
	unknown := fault.New(fault.NotFound, "link_invalid", "This link is not known.")
	gone := &caller{looked: unknown} // used by the first click of two
	wantTo(t, newBrowser(t, gone).send("/console/join", "/console/join", url.Values{"token": {"t"}, "name": {"Bob"}, "password": {"x"}}), "/console")
	wantSays(t, newBrowser(t, gone).send("/console/join", "/console/join", url.Values{"token": {"t"}}), "This link is not valid any more.")
	form := url.Values{"token": {"t"}, "name": {"Bob"}, "password": {"x"}}
	for name, c := range map[string]*caller{"looked at": {looked: ended}, "used": {used: ended}} {
		w := newBrowser(t, c).send("/console/join", "/console/join", form)
		wantSays(t, w, "whoever sent it may not invite you any more", `name="form_token"`)
		if strings.Contains(w.Body.String(), `name="password"`) || w.Header().Get("Set-Cookie") != "" && strings.Contains(w.Header().Get("Set-Cookie"), "console=") {
			t.Errorf("%s: the page asks for a password, or somebody is signed in", name)
		}
	}
	wantSays(t, newBrowser(t, &caller{looked: unknown, used: unknown}).send("/console/join", "/console/join", form), "This link is not valid any more. If you have chosen a password already, sign in with it.")
	wantTo(t, newBrowser(t, &caller{}).send("/console/join", "/console/join", form), "/console")
}

// sluggish are people whose database answers nobody, until the request gives up.
type sluggish struct {
	people
	wrapped bool
}

func (p *sluggish) wait(ctx context.Context) error {
	<-ctx.Done()
	if p.wrapped {
		return fault.Wrap(fault.Unavailable, "storage_unavailable", "Not now.", ctx.Err()).After(2 * time.Second)
	}
	return ctx.Err()
}

func (p *sluggish) SignIn(ctx context.Context, _ operator.Client, _, _ string) (operator.Step, error) {
	return operator.Step{}, p.wait(ctx)
}

func (p *sluggish) SecondFactor(ctx context.Context, _ operator.Client, _, _ string) (operator.Step, error) {
	return operator.Step{}, p.wait(ctx)
}

func (p *sluggish) EnrolTOTP(ctx context.Context, _ operator.Client, _ string) (operator.Enrolment, error) {
	return operator.Enrolment{}, p.wait(ctx)
}

func TestASignInWhileTheDatabaseIsBusyIsAnsweredWithinSeconds(t *testing.T) {
	for wrapped, after := range map[bool]string{true: "2", false: "1"} {
		synctest.Test(t, func(t *testing.T) {
			b := newBrowser(t, &sluggish{wrapped: wrapped})
			answered := func(what string, ask func() *httptest.ResponseRecorder, again string) {
				t.Helper()
				began := time.Now()
				w := ask()
				if took := time.Since(began); w.Code != http.StatusServiceUnavailable || took > 4*time.Second || w.Header().Get("Retry-After") != after {
					t.Errorf("%s is answered by %d after %s, Retry-After %q", what, w.Code, took, w.Header().Get("Retry-After"))
				}
				has(t, w.Body.String(), "Nothing is lost. Try again in a moment.", `href="`+again+`"`)
			}
			answered("the first step", func() *httptest.ResponseRecorder {
				return b.send("/console/sign-in", "/console/sign-in", url.Values{"email": {"a@example.com"}, "password": {"x"}, "next": {"/console/team"}})
			}, "/console/sign-in?next=%2Fconsole%2Fteam")
			b.cookies["countersign_console"] = "half"
			answered("the second step", func() *httptest.ResponseRecorder {
				return b.send("/console/second-factor", "/console/second-factor", url.Values{"code": {"123456"}})
			}, "/console/second-factor")
			answered("a new authenticator", func() *httptest.ResponseRecorder { return b.get("/console/enrol") }, "/console/enrol")
		})
	}
}
