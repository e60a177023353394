package hosted_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/hosted"
	"github.com/countersign/countersign/internal/invite"
)

// TestRA_A11_AnHonestStatus: the page says "sent" when a provider took the code and not before, and that none could, with what to do.
func TestRA_A11_AnHonestStatus(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		state     invite.GateState
		change    func(g *invite.GatePage)
		want, not string
		told      string // to the script
	}{
		{invite.GateCode, func(g *invite.GatePage) { g.Taken = false }, "<span>We are sending it by text message to", "", "sending"},
		{invite.GateCode, nil, "<p>We sent it by text message to", "We are sending", "sent"},
		{invite.GateDead, func(g *invite.GatePage) { g.Taken = false }, "<p>We sent it by text message to", "We are sending", "over"},
		{invite.GateIntro, func(g *invite.GatePage) { g.Unsent = true }, "The code could not be sent. Try again in a moment.", "We sent it", "over"},
	} {
		h := inside(t, &clerk{page: gateAt(c.state, c.change)})
		if a := h.get(hub + "/mobile"); !strings.Contains(a.text, c.want) || c.not != "" && strings.Contains(a.text, c.not) {
			t.Errorf("%s: the page lacks %q, or has %q:\n%s", c.state, c.want, c.not, a.text)
		}
		if a := h.get(hub + "/mobile/state"); a.status != http.StatusOK || a.text != c.told {
			t.Errorf("%s: the script is told %d %q, want %q", c.state, a.status, a.text, c.told)
		}
		h.http = h.browser()
		if a := h.get(hub + "/mobile/state"); a.status != http.StatusNotFound {
			t.Errorf("%s: a stranger is told %d %q", c.state, a.status, a.text)
		}
	}
}

// TestRA_A11_OtherWays: the page offers what the domain says there is, each by a form of its own; Resend repeats the way of the last code.
func TestRA_A11_OtherWays(t *testing.T) {
	t.Parallel()
	c := &clerk{send: invite.SendSent, page: gateAt(invite.GateCode, func(g *invite.GatePage) {
		g.Via, g.Ways = delivery.Voice, []delivery.Channel{delivery.SMS, delivery.Voice, delivery.WhatsApp}
	})}
	h := inside(t, c)
	a := h.get(hub + "/mobile")
	if !strings.Contains(a.text, "Get the code by text message") || !strings.Contains(a.text, "Get the code by WhatsApp") || strings.Contains(a.text, "Get the code by phone call") {
		t.Errorf("the ways are not those that there are beside the last:\n%s", a.text)
	}
	var tokens []string
	for _, m := range formHead.FindAllStringSubmatch(a.text, -1) {
		if strings.HasSuffix(m[1], "/mobile/send") {
			tokens = append(tokens, m[2])
		}
	}
	if len(tokens) != 3 {
		t.Fatalf("there are %d forms for a code, want Resend and two ways", len(tokens))
	}
	for i, via := range []string{"voice", "sms", "whatsapp"} {
		token := strings.ReplaceAll(tokens[i], "&#43;", "+")
		h.leads(h.do("POST", hub+"/mobile/send", url.Values{"form_token": {token}}, nil), hub+"/mobile")
		if want := `send ` + secret + ` sms "" "" 1` + via; h.last() != want {
			t.Errorf("the domain was asked %s, want %s", h.last(), want)
		}
	}
	if strings.Count(a.text, `data-wait="30"`) != 3 || strings.Count(a.text, "New code in 30 seconds") != 3 ||
		!strings.Contains(a.text, `aria-describedby="whatsapp-when"`) || !strings.Contains(a.text, `<p class="when" id="whatsapp-when"`) {
		t.Errorf("not each way tells the wait:\n%s", a.text)
	}
	c.page.Gate.NextSendAt = c.page.Now
	if a := h.get(hub + "/mobile"); strings.Contains(a.text, "data-wait") {
		t.Errorf("a way waits for nothing:\n%s", a.text)
	}
	c.page.Gate.SendsLeft = 0
	if a := h.get(hub + "/mobile"); strings.Contains(a.text, "Get the code by") {
		t.Errorf("a way is offered when no code is left:\n%s", a.text)
	}
}

// TestWaits_are_told_in_minutes from two minutes up.
func TestWaits_are_told_in_minutes(t *testing.T) {
	t.Parallel()
	for seconds, want := range map[int]string{1: "1 second.", 119: "119 seconds.", 120: "2 minutes.", 121: "3 minutes.", 599: "10 minutes."} {
		if page := draw(t, &hosted.Wait{Seconds: seconds}); !strings.Contains(page, "Please wait "+want) {
			t.Errorf("%d seconds are not told as %s:\n%s", seconds, want, page)
		}
	}
	for seconds, want := range map[int]string{119: "New code in 119 seconds", 600: "New code in 10 minutes"} {
		if page := draw(t, &hosted.CodeEntry{ResendIn: seconds, ResendsLeft: 1}); !strings.Contains(page, "<span>"+want+"</span>") {
			t.Errorf("beside the button %d seconds are not told as %s:\n%s", seconds, want, page)
		}
	}
}

// TestID_32_WhoStoppedHasNotDeclined: the end has words of its own, and the question is no step.
func TestID_32_WhoStoppedHasNotDeclined(t *testing.T) {
	t.Parallel()
	c := &clerk{page: stepAt(invite.StepDeclined)}
	h := inside(t, c)
	if a := h.get(hub); !strings.Contains(a.text, "<h1>You declined</h1>") {
		t.Errorf("who declined is told:\n%s", a.text)
	}
	c.page.Failure = invite.FailureLeft
	if a := h.get(hub); !strings.Contains(a.text, "<h1>You stopped</h1>") || strings.Contains(a.text, "declined") {
		t.Errorf("who stopped is told:\n%s", a.text)
	}
	c.page = gateAt(invite.GateEnter, nil)
	c.page.CanLeave = true
	if a := h.get(hub + "/stop"); strings.Contains(a.text, "Step 1 of 2") {
		t.Errorf("the question is a step:\n%s", a.text)
	}
}

// TestLinks_as_mail_programs_leave_them: what they put behind a link is no part of it.
func TestLinks_as_mail_programs_leave_them(t *testing.T) {
	t.Parallel()
	h := newHouse(t, &clerk{open: invite.OpenAnswer{ID: inv, Cookie: secret}})
	for _, end := range []string{".", ",", ")", ">", "]", `"`, "'", ").", "”", "»", "%20", "%E2%80%8B"} {
		before := len(h.c.calls())
		h.leads(h.get("/v/"+linkToken+strings.NewReplacer(">", "%3E", `"`, "%22", "]", "%5D").Replace(end)), "/v/"+linkToken)
		h.leads(h.get("/v/"+linkToken), hub)
		if opened := h.c.calls()[before:]; len(opened) != 1 || !strings.HasPrefix(opened[0], "open "+linkToken+" ") {
			t.Errorf("%q: the domain was asked %v", end, opened)
		}
	}
	for _, not := range []string{".a", "<b>", "..%2F"} {
		if a := h.get("/v/" + linkToken + not); a.status != http.StatusNotFound {
			t.Errorf("%q leads somewhere: %d", not, a.status)
		}
	}
}

// TestRA_46_TheFirmStandsApartInOurText: its name has its own direction in the text for consent too; a firm's own text stays as it is.
func TestRA_46_TheFirmStandsApartInOurText(t *testing.T) {
	t.Parallel()
	c := &clerk{page: stepAt(invite.StepConsent)}
	c.page.Firm, c.page.Locale = "Acme & Sons", "ar"
	h := inside(t, c)
	const apart = `<bdi class="name">Acme &amp; Sons</bdi>`
	_, terms, _ := strings.Cut(h.get(hub+"/consent").text, `<dl class="terms">`)
	terms, _, _ = strings.Cut(terms, "<dt>من يمكنك سؤاله</dt>")
	if n := strings.Count(terms, "Acme"); n < 3 || strings.Count(terms, apart) != n {
		t.Errorf("the firm stands there %d times, apart %d times:\n%s", n, strings.Count(terms, apart), terms)
	}
	c.page.Consent.Texts = map[string]string{"ar": "Acme & Sons <b>\n\na\n\nb\n\nc"}
	if text := h.get(hub + "/consent").text; !strings.Contains(text, `>Acme &amp; Sons &lt;b&gt;</dd>`) {
		t.Errorf("a text of the firm is changed:\n%s", text)
	}
}
