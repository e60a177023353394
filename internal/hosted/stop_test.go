package hosted_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/hosted"
	"github.com/countersign/countersign/internal/invite"
)

// TestID_32_TheWayOut: a page of a gate has it where the domain says so; it asks first, and by a form of this session alone.
func TestID_32_TheWayOut(t *testing.T) {
	t.Parallel()
	c := &clerk{page: gateAt(invite.GateEnter, nil)}
	h := inside(t, c)
	if a := h.get(hub + "/mobile"); strings.Contains(a.text, "/stop") {
		t.Errorf("a way out is offered where there is none:\n%s", a.text)
	}
	h.leads(h.get(hub+"/stop"), hub)

	c.page.CanLeave = true
	if a := h.get(hub + "/mobile"); !strings.Contains(a.text, `href="`+hub+`/stop"`) {
		t.Errorf("no way out is offered:\n%s", a.text)
	}
	a := h.get(hub + "/stop")
	h.is(a, http.StatusOK, "Do you want to stop?")
	if strings.Contains(strings.Join(c.calls(), "\n"), "leave") {
		t.Error("to look at the question gave up")
	}
	if !strings.Contains(a.text, `href="`+hub+`">Continue`) || strings.Contains(a.text, "Stop here") {
		t.Errorf("the way back is missing, or the way out is there twice:\n%s", a.text)
	}
	h.leads(h.fill(hub+"/stop", hub+"/stop", nil), hub)
	if h.last() != "leave "+secret {
		t.Errorf("the domain was asked %s", h.last())
	}
	before := len(c.calls())
	h.is(h.follow(h.do("POST", hub+"/stop", map[string][]string{"form_token": {"0.x"}}, nil)), http.StatusConflict, "This page was out of date")
	if len(c.calls()) != before {
		t.Errorf("a form of nobody's was taken: %v", c.calls()[before:])
	}
	c.err = fault.New(fault.Conflict, "invitation_status", "It is over.") // another tab went on
	h.leads(h.fill(hub+"/stop", hub+"/stop", nil), hub)
}

// TestID_32_33_EndingsGoOn: by themselves and by a link, to https and to apps, and nowhere else.
func TestID_32_33_EndingsGoOn(t *testing.T) {
	t.Parallel()
	for _, to := range []string{"https://acme.example/sorry?a=1&b=2", "acme-app://stopped?scanRef=1"} {
		for step, failure := range map[invite.Step]string{invite.StepDeclined: invite.FailureLeft, invite.StepExpired: invite.FailureAttempts} {
			for _, why := range []string{failure, ""} {
				page := stepAt(step)
				page.Failure, page.LeadsTo = why, to
				a := inside(t, &clerk{page: page}).get(hub)
				attr := strings.ReplaceAll(to, "&", "&amp;")
				if !strings.Contains(a.text, `<meta http-equiv="refresh" content="0;url=`+attr+`">`) || !strings.Contains(a.text, `class="primary" href="`+attr+`"`) {
					t.Errorf("%s %q does not lead to %s:\n%s", step, why, to, a.text)
				}
				checkHeaders(t, string(step), a.header, "same-origin")
			}
		}
		c := &clerk{page: stepAt(invite.StepHandOff), url: to}
		h := inside(t, c)
		a := h.do("GET", hub+"/done", nil, http.Header{"Accept": {"text/html"}})
		if attr := strings.ReplaceAll(to, "&", "&amp;"); !strings.Contains(a.text, `content="0;url=`+attr+`"`) || !strings.Contains(a.text, `href="`+attr+`"`) {
			t.Errorf("the hand-over does not lead to %s:\n%s", to, a.text)
		}
		if a := h.do("GET", hub+"/done", nil, http.Header{"Accept": {"*/*"}}); a.header.Get("Location") != to {
			t.Errorf("a program is led to %q", a.header.Get("Location"))
		}
	}
	for _, step := range []invite.Step{invite.StepDeclined, invite.StepExpired, invite.StepCanceled} { // none of the firm's: the built-in page
		if a := inside(t, &clerk{page: stepAt(step)}).get(hub); strings.Contains(a.text, "http-equiv=\"refresh\"") {
			t.Errorf("%s leads somewhere:\n%s", step, a.text)
		}
	}
}

// TestID_33_NoPageLeadsToAScript, whatever stands in a row of the database.
func TestID_33_NoPageLeadsToAScript(t *testing.T) {
	t.Parallel()
	for _, to := range []string{
		"javascript:alert(1)", "javascript://a.example/%0aalert(1)", "JAVASCRIPT:alert(1)", "data:text/html,<script>alert(1)</script>", "vbscript:x", "file:///etc/passwd",
		"view-source://x", "ms-msdt://x", "intent://x#Intent;end", `acme-app://x"onclick="alert(1)`, "acmeapp://x",
	} {
		for _, v := range []hosted.View{&hosted.Leave{URL: to}, &hosted.Declined{ContinueURL: to}, &hosted.Expired{ContinueURL: to}, &hosted.Failed{ContinueURL: to}} {
			var page bytes.Buffer
			if err := newPages(t).Render(&page, v); err != nil {
				t.Fatal(err)
			}
			scheme, _, _ := strings.Cut(to, ":")
			if text := page.String(); strings.Contains(text, `href="`+scheme+":") || strings.Contains(text, "url="+scheme+":") || strings.Contains(text, "onclick=\"") {
				t.Errorf("%T leads to %s:\n%s", v, to, text)
			}
		}
	}
}

// TestRA_48_LongIDsLeadToAnAppToo: the address with the signed result is longer than one that a firm may give.
func TestRA_48_LongIDsLeadToAnAppToo(t *testing.T) {
	t.Parallel()
	to := "acme-app://done?state=" + strings.Repeat("%D7%A9", 100) + "&result=" + strings.Repeat("a", 2000)
	var page bytes.Buffer
	if err := newPages(t).Render(&page, &hosted.Leave{URL: to}); err != nil {
		t.Fatal(err)
	}
	shown := strings.ReplaceAll(to, "&", "&amp;")
	if text := page.String(); !strings.Contains(text, `content="0;url=`+shown) || !strings.Contains(text, `href="`+shown+`"`) {
		t.Errorf("the page does not go on:\n%s", text)
	}
}
