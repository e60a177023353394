package app

import (
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/web/browsertest"
)

// TestTheConsoleOfADay looks at every page of a firm with some customers on a phone and on a desk, and with -update takes the pictures that
// docs/console.md shows.
func TestTheConsoleOfADay(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.later(-10 * time.Minute) // figures are counted up to the hour of now, and the clock of a test is put forward
	owner := o.found()
	o.joined(owner, operator.Admin, "Anton Admin")
	o.joined(owner, operator.Agent, "Robin Agent")
	window := o.aDay()
	k := o.clerk(t, browsertest.Start(t), true)
	k.Look(360, 700, "light")
	k.Go("/console/sign-in")
	keepPicture(t, k.Tab, "console-signin")
	k.Look(1280, 800, "light")
	k.signIn(owner)
	for _, p := range []struct {
		path, ready string
		pictures    []string // what is kept of it: a name alone at 1280 px, -narrow at 360 px, -dark
	}{
		{"/console", `document.querySelector(".plot canvas") !== null && (document.querySelector(".tile b").textContent !== "0" || new Date().toISOString().slice(11, 15) === "00:0")`, []string{"console-home", "console-home-dark"}},
		{"/console/verifications", `document.querySelectorAll("#results tbody tr").length === 6`, []string{"console-list", "console-list-narrow"}},
		{window, `document.querySelectorAll("#messages tbody tr").length > 1`, []string{"console-window"}},
		{window + "/correct", `true`, nil},
		{window + "/resend", `true`, nil},
		{window + "/cancel", `true`, nil},
		{"/console/verifications/new", `true`, []string{"console-new-narrow"}},
		{"/console/verifications/import", `true`, nil},
		{"/console/messages?order=newest", `document.querySelectorAll("tbody tr").length > 1`, nil},
		{"/console/services", `true`, nil},
		{"/console/keys", `true`, nil},
		{"/console/keys/new", `true`, nil},
		{"/console/webhooks", `true`, nil},
		{"/console/developer", `true`, nil},
		{"/console/team", `document.querySelectorAll("tbody tr").length === 3`, nil},
		{"/console/team/invite", `true`, nil},
		{"/console/audit", `document.querySelectorAll("tbody tr").length > 5`, nil},
		{"/console/settings/checks", `true`, []string{"console-checks"}},
		{"/console/settings/customisation", `document.querySelector("iframe") !== null`, []string{"console-preview"}},
		{"/console/profile", `true`, nil},
	} {
		k.Look(1280, 800, "light")
		k.Go(p.path)
		k.Wait(p.ready)
		k.look(p.path)
		k.Look(360, 740, "light")
		k.CheckFit(p.path + " at 360 px")
		for _, name := range p.pictures {
			k.keep(name)
		}
	}
	k.Look(1280, 800, "light")
	k.Go("/console/audit?type=invitation.completed")
	o.sealed()
	k.press("#results a.row")
	k.Says("Proven")
	k.keep("console-proof")
}

// keep takes a picture of the page that is there.
func (k *clerk) keep(name string) {
	k.T.Helper()
	width, scheme := int64(1280), "light"
	if strings.HasSuffix(name, "-narrow") {
		width = 360
	}
	if strings.HasSuffix(name, "-dark") {
		scheme = "dark"
	}
	k.Look(width, 740, scheme)
	k.Wait(`document.querySelector(".live[data-state=paused]") === null && (document.querySelector(".plot") === null || document.querySelector(".plot canvas") !== null)`)
	// The clock of the server is not the browser's; a picture is of some minutes later.
	late := `document.activeElement.blur(); { const now = performance.timeOrigin + performance.now() + %d; Date.now = () => now; tellTimes() }`
	k.Do(fmt.Sprintf(late, (time.Duration(k.o.ahead.Load()) + 4*time.Minute).Milliseconds()))
	keepPicture(k.T, k.Tab, name)
}

// sealed has every event in the log.
func (o *office) sealed() {
	o.Helper()
	if _, err := o.s.sealer.SealNow(o.Context()); err != nil {
		o.Fatal(err)
	}
}

// aDay is what some customers did: who is done, who is asked for a code, who was not reached. It gives the window of one who has begun.
func (o *office) aDay() (window string) {
	o.Helper()
	o.post.refuse("+447400123455")
	o.post.refuse("gone@customer.example")
	people := []struct{ first, last, mobile, email string }{
		{"Mary", "Somerville", "+447400123451", "mary@customer.example"},
		{"محمد", "الخوارزمي", "+447400123452", "mohammed@customer.example"},
		{"Katherine", "Johnson", "+447400123453", "katherine@customer.example"},
		{"Grace", "Hopper", "+447400123455", "gone@customer.example"},
		{"Emmy", "Noether", "+447400123454", "emmy@customer.example"},
		{"Ada", "Lovelace", adaMobile, adaAddress},
	}
	for i, p := range people {
		id, at := o.asked(func(r *invite.CreateRequest) {
			r.FirstName, r.LastName, r.Mobile, r.Email, r.Reference = p.first, p.last, p.mobile, p.email, fmt.Sprintf("INV-2026-08%d", 10+i)
		})
		if p.first == "Grace" || p.first == "Emmy" {
			continue // not reached; has not come yet
		}
		v := o.visitor()
		v.open(o.path(o.letter(p.email, links, 1)))
		v.press("/mobile/send", nil)
		code := o.letter(p.mobile, codes, 1)
		if p.first == "Ada" {
			v.press("/mobile/check", url.Values{"code": {otherCode(code)}})
			window = at
			continue
		}
		v.press("/mobile/check", url.Values{"code": {code}})
		if p.first == "Katherine" {
			continue
		}
		v.press("/consent", url.Values{"decision": {"accept"}})
		o.is(id, invite.Completed)
	}
	return window
}
