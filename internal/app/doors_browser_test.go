package app

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/web/browsertest"
)

// TestDoorsOfTheConsoleInABrowser is how operators come in and go. Like every test of the console in a browser it holds that no page
// asks another host for anything, complains, is too heavy or is barred to anybody: see clerk and browsertest.
func TestDoorsOfTheConsoleInABrowser(t *testing.T) {
	t.Parallel()
	chromium := browsertest.Start(t)
	for name, does := range map[string]func(*testing.T, context.Context){
		"the first run":                                   firstRun,
		"the first run without script":                    firstRunWithoutScript,
		"development mode":                                developmentMode,
		"SEC_76 a wrong password looks like a wrong code": wrongSignIn,
		"a recovery code works once":                      recoveryOnce,
		"SEC_72 a session that was signed out is dead":    signedOut,
		"a form of a page that lay open changes nothing":  outdatedForm,
	} {
		t.Run(name, func(t *testing.T) { does(t, chromium) })
	}
}

// firstRun is from the line on the terminal to the first page.
func firstRun(t *testing.T, chromium context.Context) {
	o := newOffice(t)
	k := o.clerk(t, chromium, true)
	link := o.setupLink()
	k.Go(link)
	k.sees("Set up your firm")
	past, err := chromedp.Call(k.Ctx, page.GetNavigationHistory, cdp.Empty{})
	if err != nil || len(past.Entries) == 0 {
		t.Fatalf("the history of the browser: %v", err)
	}
	for _, e := range past.Entries {
		if strings.Contains(e.URL, "#") {
			t.Errorf("the browser remembers the secret of the link: %s", e.URL)
		}
	}
	k.fill("firm", firmName, "name", ownerName, "email", ownerAddress, "password", "password1234")
	k.press("main button.primary")
	k.Says("There is a problem")
	if kept := browsertest.Eval[string](k.Tab, `document.getElementById("firm").value + document.getElementById("email").value`); kept != firmName+ownerAddress {
		t.Errorf("after a guessable password the form has %q", kept)
	}
	owner := person{name: ownerName, email: ownerAddress, password: ownerPassword}
	k.fill("password", owner.password)
	k.press("main button.primary")
	k.enrols(&owner)
	k.press("main a.primary")
	k.sees("Home")
	if frame := browsertest.Eval[string](k.Tab, `document.querySelector("header.side").innerText`); !strings.Contains(frame, firmName) || !strings.Contains(frame, ownerName) {
		t.Errorf("around the first page stands\n%s", frame)
	}
	t.Logf("from the link on the terminal to Home: %d clicks, and 2 more after a guessable password and a wrong code", k.clicks-2)

	second := o.clerk(t, chromium, true)
	second.Expect("the server responded with a status of 410")
	second.Go(link)
	second.Says("This server is set up")
	second.Go("/console")
	second.signInHere(owner)
	k.Go("/console/enrol") // the codes were shown once
	if strings.Contains(k.text(), owner.recovery[0]) {
		t.Error("a recovery code is shown again")
	}
	if log := o.log.String(); strings.Contains(log, link[strings.Index(link, "#")+1:]) || strings.Contains(log, owner.secret.Reveal()) || strings.Contains(log, owner.password) {
		t.Error("the log holds a secret of the set-up")
	}
}

// enrols sets an authenticator app up by the key that is typed, and keeps the recovery codes.
func (k *clerk) enrols(p *person) {
	k.T.Helper()
	k.sees("Set up your authenticator app")
	if k.script && !browsertest.Eval[bool](k.Tab, `document.querySelector("img.qr").naturalWidth > 100`) {
		k.T.Error("there is no picture to scan")
	}
	k.Click("details.more summary")
	key := browsertest.Eval[string](k.Tab, `document.querySelector("details.more code").textContent`)
	secret, err := factor.ParseSecret(strings.ReplaceAll(key, " ", ""))
	if err != nil {
		k.T.Fatalf("the key %q: %v", key, err)
	}
	p.secret = secret
	k.fill("code", otherCode(k.o.code(*p)))
	k.press("main button.primary")
	k.sees("Set up your authenticator app")
	k.Says("There is a problem")
	k.fill("code", k.o.code(*p))
	k.press("main button.primary")
	k.sees("Keep your recovery codes")
	p.recovery = browsertest.Eval[[]string](k.Tab, `[...document.querySelectorAll(".codes code")].map(c => c.textContent)`)
	if len(p.recovery) != 10 {
		k.T.Fatalf("%d recovery codes", len(p.recovery))
	}
}

// signInHere is the sign-in from the page that is there to the page that was asked for.
func (k *clerk) signInHere(p person) {
	k.T.Helper()
	k.sees("Sign in")
	k.enterSign(p)
	k.sees("Home")
}

// firstRunWithoutScript pastes what stands behind #, which no script takes from the address.
func firstRunWithoutScript(t *testing.T, chromium context.Context) {
	o := newOffice(t)
	k := o.clerk(t, chromium, false)
	path, token, _ := strings.Cut(o.setupLink(), "#")
	k.Go(path)
	k.sees("Set up this server")
	k.fill("token", token[:len(token)-1])
	k.press("main button.primary")
	k.sees("Set up this server")
	k.Says("This link is not valid any more.")
	k.fill("token", token)
	k.press("main button.primary")
	k.sees("Set up your firm")
	owner := person{name: ownerName, email: ownerAddress, password: ownerPassword}
	k.fill("firm", firmName, "name", ownerName, "email", ownerAddress, "password", owner.password)
	k.press("main button.primary")
	k.enrols(&owner)
	k.press("main a.primary")
	k.sees("Home")
}

// developmentMode has an operator whose password is in a file, and asks for no authenticator.
func developmentMode(t *testing.T, chromium context.Context) {
	w := newTown(t)
	made := w.credentials()
	k := (&office{town: w}).clerk(t, chromium, true)
	k.Go(strings.TrimPrefix(made.Console, w.base()))
	k.sees("Sign in")
	k.enterSign(person{email: made.Operator.Email, password: made.Operator.Password})
	k.sees("Home")
}

// wrongSignIn tells nobody which of the two was wrong, nor whether there is such an account.
func wrongSignIn(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	var told []string
	for _, try := range []struct{ email, password, code string }{
		{owner.email, owner.password, otherCode(o.code(owner))},
		{owner.email, "not the password", o.code(owner)},
		{"nobody@acme.example", owner.password, o.code(owner)},
	} {
		k := o.clerk(t, chromium, true)
		k.Go("/console")
		k.sees("Sign in")
		k.fill("email", try.email, "password", try.password)
		k.press("main button.primary")
		k.sees("Enter your code")
		k.fill("code", try.code)
		k.press("main button.primary")
		k.sees("Enter your code")
		k.Says("There is a problem")
		told = append(told, k.text())
	}
	if len(slices.Compact(told)) != 1 {
		t.Errorf("the three failures differ:\n%s", strings.Join(told, "\n---\n"))
	}
}

func recoveryOnce(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	k := o.clerk(t, chromium, true)
	in := func() {
		k.Go("/console/sign-in")
		k.sees("Sign in")
		k.fill("email", owner.email, "password", owner.password)
		k.press("main button.primary")
		k.sees("Enter your code")
		k.fill("code", owner.recovery[0])
		k.press("main button.primary")
	}
	in()
	k.sees("Home")
	k.leave()
	in()
	k.sees("Enter your code")
	k.Says("There is a problem")
}

// leave signs out by the button of the navigation.
func (k *clerk) leave() {
	k.T.Helper()
	k.press(".side .me form button")
	k.sees("Sign in")
	k.Says("You are signed out.")
}

// sessionCookie is the cookie of whoever is signed in.
func (k *clerk) sessionCookie() *network.Cookie {
	k.T.Helper()
	got, err := chromedp.Call(k.Ctx, network.GetCookies, network.GetCookiesParams{URLs: []string{k.Origin + "/console"}})
	if err != nil {
		k.T.Fatal(err)
	}
	for _, c := range got.Cookies {
		if c.Name == "countersign_console" {
			return c
		}
	}
	return nil
}

func signedOut(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	k := o.clerk(t, chromium, true)
	k.signIn(owner)
	kept := k.sessionCookie()
	if kept == nil || !kept.HTTPOnly {
		t.Fatalf("the cookie of the session is %+v", kept)
	}
	k.leave()
	if c := k.sessionCookie(); c != nil {
		t.Errorf("after the sign-out the browser still has %+v", c)
	}
	k.Back()
	k.sees("Sign in") // nothing of before is kept by the browser
	if strings.Contains(browsertest.Eval[string](k.Tab, `document.body.innerText`), ownerName) {
		t.Error("Back after the sign-out shows who was there")
	}
	back := network.SetCookieParams{Name: kept.Name, Value: kept.Value, URL: k.Origin + "/console"}
	if _, err := chromedp.Call(k.Ctx, network.SetCookie, back); err != nil {
		t.Fatal(err)
	}
	k.Go("/console")
	k.sees("Sign in")

	replay, err := http.NewRequestWithContext(t.Context(), "GET", o.base()+"/console", nil)
	if err != nil {
		t.Fatal(err)
	}
	replay.AddCookie(&http.Cookie{Name: kept.Name, Value: kept.Value})
	resp, err := http.DefaultTransport.RoundTrip(replay)
	if err != nil {
		t.Fatal(err)
	}
	_ = resp.Body.Close()
	if at := resp.Header.Get("Location"); resp.StatusCode != http.StatusSeeOther || !strings.HasPrefix(at, "/console/sign-in") || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("the cookie of before answers %d %s, %s", resp.StatusCode, at, resp.Header.Get("Cache-Control"))
	}
}

// outdatedForm is a form whose session is another one by now.
func outdatedForm(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	k := o.clerk(t, chromium, true)
	k.Expect("the server responded with a status of 4")
	k.signIn(owner)
	k.Do(`document.querySelector(".side .me form [name=form_token]").value = "of another page"`)
	k.press(".side .me form button")
	k.sees("This page is out of date")
	if c := k.sessionCookie(); c == nil {
		t.Error("the form without its token signed out")
	}
}
