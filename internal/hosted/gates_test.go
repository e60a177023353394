package hosted_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
)

// TestGate_faces: what each state of a gate shows, and what it must not.
func TestGate_faces(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		state  invite.GateState
		change func(g *invite.GatePage)
		title  string
		want   []string
		not    []string
	}{
		{"intro", invite.GateIntro, nil, "Confirm your mobile number",
			[]string{"+44 ••• ••• •123", "6-digit code", "Continue", "Step 1 of 2", `action="` + hub + `/mobile/send"`}, []string{"?change", "role=\"alert\""}},
		{"intro, and the number may be changed", invite.GateIntro, func(g *invite.GatePage) { g.CanChange = true }, "Confirm your mobile number",
			[]string{hub + "/mobile?change"}, nil},
		{"entry", invite.GateEnter, func(g *invite.GatePage) { g.Fixed, g.SendsLeft = false, 3 }, "What is your mobile number?",
			[]string{`<option value="GB" selected`, `action="` + hub + `/mobile"`}, []string{"more time", "role=\"alert\""}},
		{"entry after a first try", invite.GateEnter, func(g *invite.GatePage) { g.SendsLeft, g.Asked = 2, 1 }, "What is your mobile number?",
			[]string{"2 more times"}, nil},
		{"code", invite.GateCode, nil, "Enter your code",
			[]string{"+44 ••• ••• •123", "It works for 5 minutes", `data-wait="30"`, "3 new codes left", `action="` + hub + `/mobile/check"`}, []string{"role=\"alert\"", "new code is on its way"}},
		{"code, no more to be had", invite.GateCode, func(g *invite.GatePage) { g.SendsLeft = 0 }, "Enter your code",
			[]string{"You can’t ask for another code now."}, []string{`action="` + hub + `/mobile/send"`}},
		{"dead", invite.GateDead, func(g *invite.GatePage) { g.NextSendAt = time.Time{} }, "Enter your code",
			[]string{"This code no longer works", "You can ask for a new code"}, []string{"data-wait"}},
		{"locked", invite.GateLocked, func(g *invite.GatePage) { g.LockedUntil = moment.Add(29*time.Minute + time.Second) }, "Please take a break",
			[]string{"in 30 minutes", `datetime="2026-11-26T12:30:00Z"`, `href="` + hub + `"`}, nil},
		{"shut", invite.GateLocked, func(g *invite.GatePage) { g.Shut = true }, "You need help to continue", []string{"Ask"}, []string{"minutes"}},
	} {
		h := inside(t, &clerk{page: gateAt(c.state, c.change)})
		a := h.get(hub + "/mobile")
		h.is(a, http.StatusOK, c.title)
		for _, want := range c.want {
			if !strings.Contains(a.text, want) {
				t.Errorf("%s: the page lacks %q:\n%s", c.name, want, a.text)
			}
		}
		for _, not := range c.not {
			if strings.Contains(a.text, not) {
				t.Errorf("%s: the page has %q", c.name, not)
			}
		}
		if n := strings.Count(strings.Join(h.c.calls(), "\n"), "send"); n > 0 {
			t.Errorf("%s: showing it sent %d codes", c.name, n)
		}
	}
}

func TestGate_of_an_address(t *testing.T) {
	t.Parallel()
	c := &clerk{page: gateAt(invite.GateEnter, func(g *invite.GatePage) { g.Channel = delivery.Email }), send: invite.SendSent}
	c.page.Step = invite.StepEmail
	h := inside(t, c)
	h.is(h.get(hub+"/email"), http.StatusOK, "What is your email address?")
	h.leads(h.fill(hub+"/email", hub+"/email", url.Values{"address": {" \u200ejo@acme.example "}}), hub+"/email")
	if want := `send ` + secret + ` email "jo@acme.example" "" 0`; h.last() != want {
		t.Errorf("the domain was asked %s, want %s", h.last(), want)
	}
}

// TestRA_33_CodesAsTyped: digits of any script, separators and marks reach the domain as what they mean.
func TestRA_33_CodesAsTyped(t *testing.T) {
	t.Parallel()
	c := &clerk{page: gateAt(invite.GateCode, nil), check: invite.CheckRight}
	h := inside(t, c)
	for typed, want := range map[string]string{
		"482913": "482913", " 482 913 ": "482 913", "٤٨٢٩١٣": "482913", "۴۸۲۹۱۳": "482913", "４８２９１３": "482913", "\u200f482-913\u200e": "482-913",
		"४८२९१३": "482913", "４８２－９１３": "482-913", "𝟒𝟖𝟐𝟗𝟏𝟑": "482913", "abc": "abc",
	} {
		h.leads(h.fill(hub+"/mobile", hub+"/mobile/check", url.Values{"code": {typed}}), hub)
		if want := fmt.Sprintf("check %s sms %q", secret, want); h.last() != want {
			t.Errorf("%q: the domain was asked %s, want %s", typed, h.last(), want)
		}
	}
}

// TestRA_41_Texts: a wrong code says how many tries are left; codes that ended for whatever reason share one text.
func TestRA_41_Texts(t *testing.T) {
	t.Parallel()
	dead := gateAt(invite.GateDead, nil)
	for _, c := range []struct {
		outcome invite.CheckOutcome
		page    invite.Page
		typed   string
		want    string
	}{
		{invite.CheckWrong, gateAt(invite.GateCode, func(g *invite.GatePage) { g.ChecksLeft = 4 }), "000000", "That code is not right. You have 4 tries left."},
		{invite.CheckWrong, gateAt(invite.GateCode, func(g *invite.GatePage) { g.ChecksLeft = 1 }), "000000", "That code is not right. You have 1 try left."},
		{invite.CheckWrong, gateAt(invite.GateDead, func(g *invite.GatePage) { g.ChecksLeft = 0 }), "000000", "This code no longer works. Choose Resend to get a new one."},
		{invite.CheckMalformed, gateAt(invite.GateCode, nil), "12", "The code has 6 digits. Enter it as it stands in the message."},
		{invite.CheckDead, dead, "000000", "This code no longer works. Choose Resend to get a new one."},
		{invite.CheckDead, gateAt(invite.GateCode, nil), "000000", "This code no longer works. Choose Resend to get a new one."},
		{"", gateAt(invite.GateCode, nil), "", "Enter the 6 digits of the code."},
		{"", gateAt(invite.GateCode, nil), " \u200e ", "Enter the 6 digits of the code."},
		{"", gateAt(invite.GateCode, nil), strings.Repeat("1", 300), "The code has 6 digits."},
		{"", gateAt(invite.GateCode, nil), "\xff\xfe" + strings.Repeat("1", 300), "The code has 6 digits."},
	} {
		h := inside(t, &clerk{page: c.page, check: c.outcome})
		a := h.follow(h.fill(hub+"/mobile", hub+"/mobile/check", url.Values{"code": {c.typed}}))
		h.is(a, http.StatusOK, "Enter your code")
		for _, want := range []string{c.want, `aria-invalid="true"`, "autofocus", "<title>Error: ", `href="` + hub + `/mobile?lang=`} {
			if !strings.Contains(a.text, want) {
				t.Errorf("%s %q: the page lacks %q:\n%s", c.outcome, c.typed, want, a.text)
			}
		}
		if strings.Contains(a.text, "000000") {
			t.Errorf("%s: the page repeats the code", c.outcome)
		}
		if asked := strings.HasPrefix(h.last(), "check"); asked != (c.outcome != "") {
			t.Errorf("%s %q: the domain was asked: %t", c.outcome, c.typed, asked)
		}
	}
}

// TestCheck_leads_on: what a check has brought about besides.
func TestCheck_leads_on(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		outcome invite.CheckOutcome
		after   invite.Page
		err     error
		status  int
		to      string
		title   string
	}{
		"right":                              {invite.CheckRight, stepAt(invite.StepConsent), nil, 303, hub, ""},
		"right, and the next gate":           {invite.CheckRight, gateAt(invite.GateIntro, nil), nil, 303, hub, ""},
		"dead, and the link with it":         {invite.CheckDead, stepAt(invite.StepExpired), nil, 303, hub, ""},
		"dead, and the gate is locked":       {invite.CheckDead, gateAt(invite.GateLocked, func(g *invite.GatePage) { g.LockedUntil = moment.Add(30 * time.Minute) }), nil, 200, "", "Please take a break"},
		"dead, since another browser asked":  {invite.CheckDead, gateAt(invite.GateIntro, nil), nil, 200, "", "Confirm your mobile number"},
		"paused":                             {invite.CheckPaused, gateAt(invite.GateCode, nil), nil, 429, "", "One moment, please"},
		"the gate was passed in another tab": {"", stepAt(invite.StepConsent), fault.New(fault.Conflict, "gate_closed", "x"), 303, hub, ""},
		"the session ended":                  {"", stepAt(invite.StepConsent), noMatch, 404, "", "There is nothing at this address"},
		"the database is away":               {"", stepAt(invite.StepConsent), fault.New(fault.Unavailable, "unavailable", "x"), 503, "", "Something went wrong"},
	} {
		k := &clerk{page: gateAt(invite.GateCode, nil), check: c.outcome}
		h := inside(t, k)
		form := url.Values{"code": {"000000"}, "form_token": {h.get(hub + "/mobile").formToken(hub + "/mobile/check")}}
		k.page, k.err = c.after, c.err
		a := h.do("POST", hub+"/mobile/check", form, nil)
		if c.status != http.StatusSeeOther && a.status == http.StatusSeeOther {
			k.err = nil
			a = h.follow(a)
		}
		if a.status != c.status || a.header.Get("Location") != c.to || c.title != "" && !strings.Contains(a.text, "<h1>"+c.title+"</h1>") {
			t.Errorf("%s: the answer is %d to %q, want %d to %q, title %q\n%s", name, a.status, a.header.Get("Location"), c.status, c.to, c.title, a.text)
		}
	}
}

// TestSend_outcomes: what is shown after a request for a code, from each of the forms that make one.
func TestSend_outcomes(t *testing.T) {
	t.Parallel()
	locked := gateAt(invite.GateLocked, func(g *invite.GatePage) { g.LockedUntil = moment.Add(30 * time.Minute) })
	cooling := func(g *invite.GatePage) { g.NextSendAt = moment.Add(20 * time.Second) }
	type after struct {
		page   invite.Page
		status int
		to     string
		title  string
		text   string
	}
	intro, enter, code := gateAt(invite.GateIntro, nil), gateAt(invite.GateEnter, nil), gateAt(invite.GateCode, nil)
	for _, c := range []struct {
		name    string
		before  invite.Page
		form    string
		outcome invite.SendOutcome
		after   after
	}{
		{"Continue", intro, "/mobile/send", invite.SendSent, after{code, 303, hub + "/mobile", "", ""}},
		{"Resend", code, "/mobile/send", invite.SendSent, after{code, 200, "", "Enter your code", "A new code is on its way"}},
		{"a form that was sent before", code, "/mobile/send", invite.SendStale, after{code, 200, "", "Enter your code", "Enter the newest one."}},
		{"another browser asked", intro, "/mobile/send", invite.SendStale, after{intro, 200, "", "Confirm your mobile number", "To get a new one here, choose Continue."}},
		{"another tab gave a number", enter, "/mobile", invite.SendStale, after{code, 200, "", "Enter your code", "Enter the newest one."}},
		{"another tab gave a number that was refused", enter, "/mobile", invite.SendStale, after{enter, 200, "", "What is your mobile number?", "To get a new one here, choose Continue."}},
		{"too soon", code, "/mobile/send", invite.SendCooling, after{gateAt(invite.GateCode, cooling), 200, "", "Enter your code", "It is too early for a new code"}},
		{"too soon, from another browser", intro, "/mobile/send", invite.SendCooling, after{gateAt(invite.GateIntro, cooling), 429, "", "One moment, please", "20 seconds"}},
		{"a limit of the number", intro, "/mobile/send", invite.SendLimited, after{gateAt(invite.GateIntro, nil), 429, "", "One moment, please", "a few minutes"}},
		{"used up", code, "/mobile/send", invite.SendLocked, after{locked, 303, hub + "/mobile", "", ""}},
		{"used up, and the link with it", code, "/mobile/send", invite.SendLocked, after{stepAt(invite.StepExpired), 303, hub, "", ""}},
		{"nobody carries it", intro, "/mobile/send", invite.SendFailed, after{intro, 200, "", "Confirm your mobile number", "The code could not be sent"}},
		{"nobody carries another", code, "/mobile/send", invite.SendFailed, after{code, 200, "", "Enter your code", "The code could not be sent"}},
		{"the firm's number is refused", intro, "/mobile/send", invite.SendRefused, after{intro, 200, "", "Confirm your mobile number", "The code could not be sent"}},
		{"a number", enter, "/mobile", invite.SendSent, after{code, 303, hub + "/mobile", "", ""}},
		{"a landline", enter, "/mobile", invite.SendRefused, after{enter, 200, "", "What is your mobile number?", "We can’t send a code to this number"}},
		{"half a number", enter, "/mobile", invite.SendMalformed, after{enter, 200, "", "What is your mobile number?", "This is not a complete mobile number."}},
		{"a number that nobody carries to", enter, "/mobile", invite.SendFailed, after{enter, 200, "", "What is your mobile number?", "The code could not be sent"}},
		{"a number too soon", enter, "/mobile", invite.SendCooling, after{gateAt(invite.GateEnter, cooling), 429, "", "One moment, please", "20 seconds"}},
	} {
		k := &clerk{page: c.before, send: c.outcome}
		h := inside(t, k)
		form := url.Values{"number": {"07400 123456"}, "country": {"GB"}, "form_token": {h.get(hub + "/mobile").formToken(hub + c.form)}}
		k.page = c.after.page
		a := h.do("POST", hub+c.form, form, nil)
		if c.after.status != http.StatusSeeOther {
			a = h.follow(a)
		}
		if a.status != c.after.status || a.header.Get("Location") != c.after.to || c.after.title != "" && !strings.Contains(a.text, "<h1>"+c.after.title+"</h1>") || !strings.Contains(a.text, c.after.text) {
			t.Errorf("%s: the answer is %d to %q, want %d to %q, title %q, text %q\n%s", c.name, a.status, a.header.Get("Location"), c.after.status, c.after.to, c.after.title, c.after.text, a.text)
		}
		if !strings.HasPrefix(h.last(), "send ") {
			t.Errorf("%s: the domain was asked %s", c.name, h.last())
		}
		if strings.Contains(a.text, "What is your mobile number?") && (!strings.Contains(a.text, `value="07400 123456"`) || !strings.Contains(a.text, `<option value="GB" selected`)) {
			t.Errorf("%s: what was typed is gone", c.name)
		}
	}
}

// TestRA_37_Resent: a further code is told of once it was sent, and an ended one isn't told of as new.
func TestRA_37_Resent(t *testing.T) {
	t.Parallel()
	h := inside(t, &clerk{page: gateAt(invite.GateCode, nil), send: invite.SendSent})
	a := h.follow(h.fill(hub+"/mobile", hub+"/mobile/send", nil))
	if !strings.Contains(a.text, "A new code is on its way. The earlier one no longer works.") {
		t.Errorf("the page does not tell of the new code:\n%s", a.text)
	}
	a = h.fill(hub+"/mobile", hub+"/mobile/send", nil)
	h.c.page = gateAt(invite.GateDead, nil)
	if a = h.follow(a); strings.Contains(a.text, "A new code is on its way") {
		t.Errorf("an ended code is told of as new:\n%s", a.text)
	}
}

// TestID_12_Numbers: the number is taken as typed, with the country of the picker.
func TestID_12_Numbers(t *testing.T) {
	t.Parallel()
	c := &clerk{page: gateAt(invite.GateEnter, nil), send: invite.SendSent}
	h := inside(t, c)
	for typed, want := range map[string]string{
		"07400 123456": "07400 123456", "٠٧٤٠٠ ١٢٣٤٥٦": "07400 123456", "＋４９ １５１ ２３４５６７８９": "+49 151 23456789", "\u202a+44 7400 123456\u202c": "+44 7400 123456",
	} {
		h.leads(h.fill(hub+"/mobile", hub+"/mobile", url.Values{"number": {typed}, "country": {"DE"}}), hub+"/mobile")
		if want := fmt.Sprintf("send %s sms %q %q 0", secret, want, "DE"); h.last() != want {
			t.Errorf("%q: the domain was asked %s, want %s", typed, h.last(), want)
		}
	}
	for typed, want := range map[string]string{"": "Enter your mobile number.", "  ": "Enter your mobile number.", strings.Repeat("7", 255): "This is not a complete mobile number."} {
		before := len(c.calls())
		a := h.follow(h.fill(hub+"/mobile", hub+"/mobile", url.Values{"number": {typed}, "country": {"FR"}}))
		if h.is(a, http.StatusOK, "What is your mobile number?"); !strings.Contains(a.text, want) || !strings.Contains(a.text, `<option value="FR" selected`) {
			t.Errorf("%.20q: the page lacks %q or forgets the country:\n%.3000s", typed, want, a.text)
		}
		if c.since(before, "send") {
			t.Errorf("%.20q: the domain was asked %s", typed, h.last())
		}
	}
}

// TestRA_30_Change: another number may be given where the domain says so, and nowhere else.
func TestRA_30_Change(t *testing.T) {
	t.Parallel()
	for _, can := range []bool{true, false} {
		h := inside(t, &clerk{page: gateAt(invite.GateIntro, func(g *invite.GatePage) { g.CanChange = can }), send: invite.SendSent})
		a := h.get(hub + "/mobile?change")
		if got := strings.Contains(a.text, "What is your mobile number?"); got != can {
			t.Errorf("the number may be changed: %t; it is asked for: %t", can, got)
		}
		if can {
			h.leads(h.fill(hub+"/mobile?change", hub+"/mobile", url.Values{"number": {"+447400123456"}}), hub+"/mobile")
		}
	}
	h := inside(t, &clerk{page: gateAt(invite.GateLocked, func(g *invite.GatePage) { g.CanChange, g.LockedUntil = true, moment.Add(time.Minute) })})
	h.is(h.get(hub+"/mobile?change"), http.StatusOK, "Please take a break")
}

// TestRA_44_Addresses: the address of a form that was answered with an error leads to its page.
func TestRA_44_Addresses(t *testing.T) {
	t.Parallel()
	h := inside(t, &clerk{page: gateAt(invite.GateCode, nil)})
	for _, path := range []string{"/mobile/check", "/mobile/send", "/email/check", "/email/send"} {
		h.leads(h.get(hub+path), hub+pageOf(path))
	}
	if a := h.get("/v/i/inv_x/mobile/check"); a.status != http.StatusNotFound {
		t.Errorf("of an invitation that is none: %d", a.status)
	}
}

// TestRA_31_Countries: only those that the firm enabled can be chosen; without names for any of them, all can.
func TestRA_31_Countries(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		allowed []string
		firms   string
		want    []string // nil: all
		chosen  string
	}{
		{[]string{"DE", "AT"}, "GB", []string{"AT", "DE"}, "AT"}, {[]string{"GB", "IE"}, "IE", []string{"IE", "GB"}, "IE"}, {nil, "GB", nil, "GB"},
		{[]string{"XK"}, "GB", nil, "GB"},
	} {
		h := inside(t, &clerk{page: gateAt(invite.GateEnter, func(g *invite.GatePage) { g.Countries, g.Country = c.allowed, c.firms })})
		page := h.get(hub + "/mobile").text
		var offered []string
		for _, m := range regexp.MustCompile(`<option value="([A-Z]{2})"`).FindAllStringSubmatch(page, -1) {
			offered = append(offered, m[1])
		}
		if c.want == nil && len(offered) < 200 || c.want != nil && !slices.Equal(offered, c.want) || !strings.Contains(page, `<option value="`+c.chosen+`" selected`) {
			t.Errorf("%v: %d are offered, %.20v, want %v with %s chosen", c.allowed, len(offered), offered, c.want, c.chosen)
		}
	}
}

// TestRA_33_Life: the page tells how long a code is good that it offers to send.
func TestRA_33_Life(t *testing.T) {
	t.Parallel()
	h := inside(t, &clerk{page: gateAt(invite.GateDead, func(g *invite.GatePage) { g.CodeLife, g.CodeEnds = 8*time.Minute, moment })})
	if a := h.get(hub + "/mobile"); !strings.Contains(a.text, "It works for 8 minutes.") {
		t.Errorf("the life of a code is not told:\n%s", a.text)
	}
}

// TestRA_39_TheLockIsOverAtTheTimeThatThePageTells: which has no seconds.
func TestRA_39_TheLockIsOverAtTheTimeThatThePageTells(t *testing.T) {
	t.Parallel()
	for until, told := range map[time.Time]string{
		moment.Add(29*time.Minute + 20*time.Second):                  "12:30",
		moment.Add(29 * time.Minute):                                 "12:29",
		moment.Add(30*time.Minute - time.Microsecond):                "12:30",
		moment.Add(11*time.Hour + 59*time.Minute + time.Millisecond): "00:00",
	} {
		h := inside(t, &clerk{page: gateAt(invite.GateLocked, func(g *invite.GatePage) { g.LockedUntil = until })})
		if a := h.get(hub + "/mobile"); !strings.Contains(a.text, ">"+told+" UTC<") {
			t.Errorf("locked until %s: %s is not told:\n%s", until, told, a.text)
		}
	}
}
