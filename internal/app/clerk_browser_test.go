package app

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/web/browsertest"
)

// maxFirstLoad is the most that the first load of a page of the console may bring, with everything that it asks for, in bytes.
const maxFirstLoad = 120_000

// person is somebody who signs in to the console.
type person struct {
	name, email, password string
	secret                factor.Secret // of the authenticator app; zero: none
	recovery              []string
	signed                operator.Signed // of a session of their own, for what a test does in place of them
}

// code is what their authenticator shows.
func (o *office) code(p person) string {
	c := factor.DefaultConfig()
	return c.Code(p.secret, c.At(o.now()))
}

// withApp sets an authenticator app up by the service, and gives the session.
func (o *office) withApp(p *person, step operator.Step) operator.Signed {
	o.Helper()
	c := operator.Client{RequestID: "req_test"}
	if step.Stage == operator.StageEnrol {
		e, err := o.s.operators.EnrolTOTP(o.Context(), c, step.Token.Reveal())
		if err != nil {
			o.Fatal(err)
		}
		p.secret = e.Secret
		if step, p.recovery, err = o.s.operators.ConfirmTOTP(o.Context(), c, step.Token.Reveal(), o.code(*p)); err != nil {
			o.Fatal(err)
		}
		o.nextCode()
	}
	signed, err := o.s.operators.Session(o.Context(), step.Token.Reveal())
	if err != nil {
		o.Fatal(err)
	}
	return signed
}

// joined is somebody of the owner's team with a role, made by the service in place of the pages.
func (o *office) joined(owner person, role operator.Role, name string) person {
	o.Helper()
	p := person{name: name, email: strings.ToLower(strings.Fields(name)[0]) + "@acme.example", password: "another " + ownerPassword}
	c := operator.Client{RequestID: "req_test"}
	if _, err := o.s.operators.Invite(o.Context(), c, owner.signed, operator.InviteRequest{Email: p.email, Role: role, Locale: "en"}); err != nil {
		o.Fatal(err)
	}
	_, token, _ := strings.Cut(o.letter(p.email, links, 1), "#")
	step, err := o.s.operators.Accept(o.Context(), c, token, operator.AcceptRequest{Name: name, Password: p.password, Locale: "en"})
	if err != nil {
		o.Fatal(err)
	}
	p.signed = o.withApp(&p, step)
	return p
}

// clerk is somebody before the console, in a browser of their own.
type clerk struct {
	*browsertest.Tab
	o      *office
	script bool
	clicks int
	seen   *figures
}

// figures are what is known of the pages that were looked at in a test.
type figures struct {
	pages            map[string]int // bytes of the first load
	looked, stumbles int            // views by axe, and what it found
}

// clerk opens the console for somebody, with script or without.
func (o *office) clerk(t *testing.T, chromium context.Context, script bool) *clerk {
	t.Helper()
	tb := browsertest.Open(t, chromium, o.base(), "/console", "/v/assets/", "/v/brand/")
	tb.Look(1280, 800, "light")
	if !script {
		tb.WithoutScript()
	}
	k := &clerk{Tab: tb, o: o, script: script, seen: &figures{pages: map[string]int{}}}
	t.Cleanup(func() { k.seen.tell(t) })
	return k
}

// tell prints what is known.
func (f *figures) tell(t *testing.T) {
	if len(f.pages) == 0 {
		return
	}
	var all []string
	for page, bytes := range f.pages {
		all = append(all, fmt.Sprintf("%s %.0f kB", page, float64(bytes)/1000))
	}
	slices.Sort(all)
	t.Logf("%d views of pages by axe that no other test had shown it: %d findings; first loads: %s", f.looked, f.stumbles, strings.Join(all, ", "))
}

// sees holds that a page with a heading comes, and looks it over: its size, and with axe, in light and dark.
func (k *clerk) sees(title string) {
	k.T.Helper()
	k.Heading(title)
	k.look(title)
}

// heaviness is what the page and all that it asked for brought, as it would without a cache: the bodies as they came over the wire.
const heaviness = `performance.getEntriesByType("navigation").concat(performance.getEntriesByType("resource")).reduce((n, e) => n + e.encodedBodySize, 0)`

// look holds what every page of the console is held to.
func (k *clerk) look(name string) {
	k.T.Helper()
	path := browsertest.Eval[string](k.Tab, `location.pathname`)
	if _, known := k.seen.pages[name]; known {
		return
	}
	k.seen.pages[name] = 0
	if k.script {
		bytes := browsertest.Eval[int](k.Tab, heaviness)
		k.seen.pages[name] = bytes
		if bytes > maxFirstLoad || bytes == 0 {
			k.T.Errorf("%s (%s): the first load is %d bytes, less than %d are meant", name, path, bytes, maxFirstLoad)
		}
	}
	k.Look(1280, 800, "light")
	k.CheckFit(fmt.Sprintf("%s (%s), script %t", name, path, k.script))
	if k.script { // without it axe runs no more than the page does
		looked, found := k.CheckShape(fmt.Sprintf("%s (%s)", name, path), browsertest.Views(1280)...)
		k.seen.looked += looked
		k.seen.stumbles += found
		k.Look(1280, 800, "light")
	}
}

// press presses a button or a link that leads to another page.
func (k *clerk) press(selector string) {
	k.T.Helper()
	k.Settle()
	k.clicks++
	k.Follow(chromedp.Click(chromedp.CSS(selector)))
}

// fill puts text into fields by their names, over what is there, as soon as they are there.
func (k *clerk) fill(fields ...string) {
	k.T.Helper()
	for i := 0; i < len(fields); i += 2 {
		put := fmt.Sprintf(`(() => { const f = document.querySelector("main [name=" + %q + "]"); if (f) { f.value = %q; f.dispatchEvent(new Event("input", { bubbles: true })) } return !!f })()`,
			fields[i], fields[i+1])
		k.Wait(put)
	}
}

// text is what the page says beside its navigation.
func (k *clerk) text() string {
	k.T.Helper()
	return browsertest.Eval[string](k.Tab, `document.querySelector("main").innerText`)
}

// lacks holds that nothing on the page fits a selector: a button that somebody has no use for, or may not press.
func (k *clerk) lacks(selectors ...string) {
	k.T.Helper()
	for _, s := range selectors {
		if n := browsertest.Eval[int](k.Tab, `document.querySelectorAll(`+fmt.Sprintf("%q", s)+`).length`); n > 0 {
			k.T.Errorf("%s has %d of %s", browsertest.Eval[string](k.Tab, `location.pathname`), n, s)
		}
	}
}

// main presses the button that the page is for.
func (k *clerk) main() {
	k.T.Helper()
	k.press("main form button.primary:not(.unseen), main form button.danger")
}

// signIn goes the whole way in, from the first page of the console.
func (k *clerk) signIn(p person) {
	k.T.Helper()
	k.Go("/console")
	k.sees("Sign in")
	k.enterSign(p)
	k.sees("Home")
}

// enterSign fills in the pages of the sign-in.
func (k *clerk) enterSign(p person) {
	k.T.Helper()
	k.fill("email", p.email, "password", p.password)
	k.press("main button.primary")
	if p.secret.IsZero() {
		return
	}
	k.o.nextCode()
	k.fill("code", k.o.code(p))
	k.press("main button.primary")
}
