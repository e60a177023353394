package app

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
)

// put changes settings of the account over the native API, as the console does.
func (c *firmTown) put(path string, body map[string]any) {
	c.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		c.Fatal(err)
	}
	r, err := http.NewRequestWithContext(c.Context(), "PUT", c.BaseURL+path, bytes.NewReader(text))
	if err != nil {
		c.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+c.APIKey)
	r.Header.Set("If-Match", "0") // nobody has changed them before
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		c.Fatalf("PUT %s: %d", path, res.StatusCode)
	}
}

// asks holds what a session asks its customer for, first of all.
func (c *firmTown) asks(members map[string]any, want invite.Step) {
	c.Helper()
	session := c.session(members)
	if _, page := c.open(session); page.Step != want {
		c.Errorf("%v begins with %s, want %s", members, page.Step, want)
	}
	if phone, email := session["verifyPhone"], session["verifyEmail"]; phone != (want == invite.StepPhone) || email != (want == invite.StepEmail) {
		c.Errorf("%v: the answer says %v and %v", members, phone, email)
	}
}

// The toggles of ID-5 to ID-8 stand in the console; what they switch is shown here.

func TestID_5_one_session_asks_for_the_phone_by_its_token(t *testing.T) {
	t.Parallel()
	c := newFirmTown(t)
	c.asks(map[string]any{"verifyPhone": true}, invite.StepPhone)
	c.asks(nil, invite.StepHandOff) // and the next one does not
}

func TestID_6_all_sessions_ask_for_the_phone_by_a_setting(t *testing.T) {
	t.Parallel()
	c := newFirmTown(t)
	c.put("/v1/settings/customisation", map[string]any{"verify_phone": "on"})
	c.asks(nil, invite.StepPhone)
	c.asks(map[string]any{"clientId": "customer-8"}, invite.StepPhone)
}

func TestID_7_one_session_asks_for_the_address_by_its_token(t *testing.T) {
	t.Parallel()
	c := newFirmTown(t)
	c.asks(map[string]any{"verifyEmail": true}, invite.StepEmail)
	c.asks(nil, invite.StepHandOff)
}

func TestID_8_all_sessions_ask_for_the_address_by_a_setting(t *testing.T) {
	t.Parallel()
	c := newFirmTown(t)
	c.put("/v1/settings/customisation", map[string]any{"verify_email": "on"})
	c.asks(nil, invite.StepEmail)
	c.asks(map[string]any{"clientId": "customer-8"}, invite.StepEmail)
}

func TestID_9_the_address_is_asked_for_in_all_sessions_or_in_chosen_ones(t *testing.T) {
	t.Parallel()
	c := newFirmTown(t) // as it is made: there is nothing to be unlocked
	c.asks(map[string]any{"verifyEmail": true}, invite.StepEmail)
	c.put("/v1/settings/customisation", map[string]any{"verify_email": "on"})
	c.asks(nil, invite.StepEmail)
	c.asks(map[string]any{"verifyEmail": false}, invite.StepHandOff)
}

func TestID_13_14_the_code_by_SMS_has_four_digits_and_lets_the_customer_through(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	id, link := w.invited(entered(true, false))
	v := w.visitor()
	v.open(link)
	v.press("/mobile", url.Values{"number": {"(202) 555-0123"}, "country": {"US"}})
	code := w.code(devMobile, 1)
	if m := w.s.inbox.Messages(devMobile)[0]; len(code) != 4 || !strings.Contains(m.Body, code) || m.Channel != "sms" {
		t.Errorf("%q by %s", m.Body, m.Channel)
	}
	if v.open("/v/i/" + id.Text(uid.Invitation) + "/done"); v.at != "/v/i/"+id.Text(uid.Invitation)+"/mobile" {
		t.Errorf("let through before the code, to %s", v.at)
	}
	v.press("/mobile/check", url.Values{"code": {code}})
	v.sees("You are done")
	w.is(id, invite.Completed)
}

func TestID_16_17_18_the_code_by_email_has_six_digits_and_lets_the_customer_through(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	id, link := w.invited(entered(false, true))
	v := w.visitor()
	v.open(link)
	v.sees("What is your email address?")
	v.press("/email", url.Values{"address": {devEmail}})
	code := w.code(devEmail, 1)
	if m := w.s.inbox.Messages(devEmail)[0]; len(code) != 6 || !strings.Contains(m.Body, code) || m.Channel != "email" {
		t.Errorf("%q by %s", m.Body, m.Channel)
	}
	v.press("/email/check", url.Values{"code": {code}})
	v.sees("You are done")
	w.is(id, invite.Completed)
}

func TestID_20_a_page_names_the_step_says_why_and_shows_nothing_else(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	_, link := w.invited(entered(true, true))
	v := w.visitor()
	shows := func(title, step, why string, fields ...string) {
		t.Helper()
		v.sees(title)
		if !strings.Contains(words(v.text), step) || !strings.Contains(words(v.text), why) {
			t.Errorf("%s does not say %q and %q:\n%s", v.at, step, why, v.text)
		}
		for _, field := range []string{"number", "address", "code"} {
			want := len(fields) == 1 && fields[0] == field
			if got := strings.Contains(v.text, `name="`+field+`"`); got != want {
				t.Errorf("%s: the field %s is there: %t", v.at, field, got)
			}
		}
	}
	v.open(link)
	shows("What is your mobile number?", "Step 1 of 2", "dev asks you to confirm a mobile number before you continue.", "number")
	v.press("/mobile", url.Values{"number": {devMobile}, "country": {"US"}})
	shows("Enter your code", "Step 1 of 2", "We sent it by text message to", "code")
	v.press("/mobile/check", url.Values{"code": {w.code(devMobile, 1)}})
	shows("What is your email address?", "Step 2 of 2", "dev asks you to confirm an email address before you continue.", "address")
	v.press("/email", url.Values{"address": {devEmail}})
	shows("Enter your code", "Step 2 of 2", "We sent it by email to", "code")
}

// words is a page without its elements.
func words(page string) string {
	var out strings.Builder
	for piece := range strings.SplitSeq(page, "<") {
		_, text, _ := strings.Cut(piece, ">")
		out.WriteString(text)
	}
	return out.String()
}

// redirecting makes an invitation with a page of the firm's for each outcome, as the door does.
func (w *town) redirecting() (uid.ID, string) {
	w.Helper()
	c, err := w.s.invites.Checks(w.Context(), w.by.Tenant)
	if err != nil {
		w.Fatal(err)
	}
	c.RedirectURLs = []string{"https://shop.example/", "acme-app://"}
	if _, err := w.s.invites.SetChecks(w.Context(), w.by, c, c.Version); err != nil {
		w.Fatal(err)
	}
	return w.invited(func(r *invite.CreateRequest) {
		entered(true, false)(r)
		r.RedirectURL, r.FailureURL, r.UnverifiedURL, r.IDParam = "https://shop.example/ok?cart=7", "https://shop.example/no", "acme-app://stopped", "scanRef"
	})
}

// TestID_32_33_AServerSendsOn: each outcome to its page, by the page that the browser is left with.
func TestID_32_33_AServerSendsOn(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	leads := func(v *visitor, id uid.ID, to, sep string) {
		t.Helper()
		if want := `content="0;url=` + to + sep + "scanRef=" + id.UUID() + `"`; !strings.Contains(v.text, want) {
			t.Errorf("%s does not lead on by %s:\n%s", v.at, want, v.text)
		}
	}
	id, link := w.redirecting()
	v := w.visitor()
	v.open(link)
	v.open("/v/i/" + id.Text(uid.Invitation) + "/stop")
	v.sees("Do you want to stop?")
	page := v.text
	v.press("/stop", nil)
	v.sees("You stopped")
	leads(v, id, "acme-app://stopped", "?")
	w.is(id, invite.Declined)
	v.text = page
	v.press("/stop", nil) // twice
	leads(v, id, "acme-app://stopped", "?")
	v.open(link) // and again later
	leads(v, id, "acme-app://stopped", "?")

	id, link = w.redirecting()
	v = w.visitor()
	v.open(link)
	v.press("/mobile", url.Values{"number": {devMobile}, "country": {"US"}})
	for i := range 2 {
		w.code(devMobile, i+1)
		w.later(31 * time.Second)
		v.press("/mobile/send", nil)
	}
	for range 3 {
		v.press("/mobile/check", url.Values{"code": {otherCode(w.code(devMobile, 3))}})
	}
	v.sees("We could not complete this step")
	leads(v, id, "https://shop.example/no", "?")

	id, link = w.redirecting()
	v = w.visitor()
	v.open(link)
	w.later(31 * time.Minute)
	v.open(v.at)
	v.sees("This link no longer works")
	leads(v, id, "https://shop.example/no", "?")

	id, link = w.redirecting()
	v = w.visitor()
	v.open(link)
	v.press("/mobile", url.Values{"number": {"+12025550124"}, "country": {"US"}})
	v.press("/mobile/check", url.Values{"code": {w.code("+12025550124", 1)}})
	leads(v, id, "https://shop.example/ok?cart=7", "&amp;")
}

func TestID_32_a_customer_who_leaves_is_told_to_the_firm(t *testing.T) {
	t.Parallel()
	c := newFirmTown(t)
	session := c.session(map[string]any{"verifyPhone": true})
	v, _ := c.open(session)
	if _, err := c.invites.Leave(t.Context(), v); err != nil {
		t.Fatal(err)
	}
	p := c.next("IDENTIFICATION_CANCELLED")
	status, _ := p.body["status"].(map[string]any)
	if p.body["scanRef"] != session["scanRef"] || status["overall"] != "DENIED" || status["reason"] != "customer_left" || p.body["final"] != nil {
		t.Errorf("%s", p.raw)
	}
	if _, out := c.call("POST", "/api/v2/status", map[string]any{"scanRef": session["scanRef"]}); out["status"] != "DENIED" || out["reason"] != "customer_left" {
		t.Errorf("%v", out)
	}
}
