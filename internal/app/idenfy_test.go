package app

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/webhook"
)

// firmTown is a whole development server, whose customers go their way without pages, and a client's own server that listens.
type firmTown struct {
	*testing.T
	*server
	credentials
	heard chan posted
	hook  string
}

// posted is what reached the client's server.
type posted struct {
	event, signature string
	raw              []byte
	body             map[string]any
}

func newFirmTown(t *testing.T) *firmTown {
	t.Helper()
	cfg, err := Load(Options{Dev: true, Listen: "127.0.0.1:0", DataDir: filepath.Join(t.TempDir(), "data")})
	if err != nil {
		t.Fatal(err)
	}
	s, err := newServer(t.Context(), cfg, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", cfg.Listen)
	if err != nil {
		t.Fatal(err)
	}
	stages, err := s.stages(l, nil)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- runStages(ctx, stages) }()
	t.Cleanup(func() { cancel(); <-ended; _ = s.close() })
	c := &firmTown{T: t, server: s, heard: make(chan posted, 100)}
	c.until("the credentials", func() bool {
		text, err := os.ReadFile(s.credentialsFile())
		return err == nil && json.Unmarshal(text, &c.credentials) == nil && c.IDenfy.APIKey != ""
	})
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		p := posted{event: r.Header.Get("Idenfy-Event-Type"), signature: r.Header.Get("Idenfy-Signature")}
		p.raw, _ = io.ReadAll(r.Body) // what broke off is no object
		_ = json.Unmarshal(p.raw, &p.body)
		c.heard <- p
	}))
	t.Cleanup(receiver.Close)
	c.hook = receiver.URL + "/hook"
	return c
}

// until waits for what the server does in its own time.
func (c *firmTown) until(what string, done func() bool) {
	c.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(30 * time.Second); !done(); {
		select {
		case <-tick.C:
		case <-late:
			c.Fatalf("waited for %s in vain", what)
		}
	}
}

// call asks the door with the credentials of the file.
func (c *firmTown) call(method, path string, body any) (int, map[string]any) {
	c.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		c.Fatal(err)
	}
	r, err := http.NewRequestWithContext(c.Context(), method, c.IDenfy.BaseURL+path, bytes.NewReader(text))
	if err != nil {
		c.Fatal(err)
	}
	r.SetBasicAuth(c.IDenfy.APIKey, c.IDenfy.APISecret)
	r.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		c.Fatal(err)
	}
	defer res.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		c.Fatalf("%s %s: %v", method, path, err)
	}
	return res.StatusCode, out
}

// session makes one whose events come to the client's server.
func (c *firmTown) session(more map[string]any) map[string]any {
	c.Helper()
	body := map[string]any{"clientId": "customer-7", "externalRef": "order-7", "callbackUrl": c.hook}
	for k, v := range more {
		body[k] = v
	}
	status, out := c.call("POST", "/api/v2/token", body)
	if status != http.StatusCreated {
		c.Fatalf("%d %v", status, out)
	}
	return out
}

// open opens the link as a customer's browser does: by where it leads.
func (c *firmTown) open(session map[string]any) (invite.Visit, invite.Page) {
	c.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(session["redirectUrl"].(string))
	if err != nil {
		c.Fatal(err)
	}
	_ = res.Body.Close()
	at := res.Header.Get("Location")
	token := at[strings.LastIndexByte(at, '/')+1:]
	if res.StatusCode != http.StatusSeeOther || token != session["authToken"] {
		c.Fatalf("%d %s", res.StatusCode, at)
	}
	a, err := c.invites.Open(c.Context(), token, "", nil, "")
	if err != nil {
		c.Fatal(err)
	}
	return invite.Visit{ID: a.ID, Cookie: a.Cookie}, a.Page
}

// prove has the customer enter a contact and the code that comes to it.
func (c *firmTown) prove(v invite.Visit, ch delivery.Channel, contact string, digits int) {
	c.Helper()
	if got, _, err := c.invites.Send(c.Context(), v, ch, invite.Entry{Contact: contact}); err != nil || got != invite.SendSent {
		c.Fatalf("send: %s, %v", got, err)
	}
	code := c.code(contact)
	if len(code) != digits {
		c.Errorf("a code of %d digits by %s", len(code), ch)
	}
	if got, _, err := c.invites.Check(c.Context(), v, ch, code); err != nil || got != invite.CheckRight {
		c.Fatalf("check: %s, %v", got, err)
	}
}

// code waits for the newest message to somebody, and gives its code.
func (c *firmTown) code(to string) (code string) {
	c.Helper()
	c.until("a message", func() bool {
		for _, m := range c.inbox.Messages(to) {
			code = m.Code
			return true
		}
		return false
	})
	return code
}

// next waits for what comes to the client's server, and checks its signature.
func (c *firmTown) next(event string) posted {
	c.Helper()
	select {
	case p := <-c.heard:
		mac := hmac.New(sha256.New, []byte(c.IDenfy.SigningKey))
		mac.Write(p.raw)
		if p.event != event || p.signature != hex.EncodeToString(mac.Sum(nil)) {
			c.Errorf("%s %s, want %s and its signature", p.event, p.raw, event)
		}
		return p
	case <-time.After(30 * time.Second):
		c.Fatalf("no %s came", event)
		return posted{}
	}
}

func TestIDenfy_a_session_from_its_token_to_the_signed_webhook(t *testing.T) {
	t.Parallel()
	c := newFirmTown(t)
	if !strings.HasPrefix(c.IDenfy.APIKey, "key_") || c.IDenfy.SigningKey == "" || c.IDenfy.APISecret != c.APIKey {
		t.Fatalf("%+v", c.IDenfy)
	}
	session := c.session(map[string]any{"verifyPhone": true, "verifyEmail": true, "generateDigitString": true})
	status := func() map[string]any {
		_, out := c.call("POST", "/api/v2/status", map[string]any{"scanRef": session["scanRef"]})
		return out
	}
	if s := status(); s["status"] != "ACTIVE" || len(session["authToken"].(string)) != 40 || len(session["digitString"].(string)) != 8 {
		t.Errorf("%v %v", s, session)
	}
	v, page := c.open(session)
	if page.Step != invite.StepPhone { // ID-3: first the phone
		t.Errorf("%+v", page)
	}
	if _, _, err := c.invites.HandOff(t.Context(), v); err == nil { // ID-2
		t.Error("nothing is proven and the customer was sent on")
	}
	c.prove(v, delivery.SMS, "+12025550149", 4)
	if s := status(); s["status"] != "ACTIVE" || s["phoneVerification"].(map[string]any)["phoneVerified"] != true || s["emailVerification"].(map[string]any)["emailVerified"] != false {
		t.Errorf("%v", s)
	}
	c.prove(v, delivery.Email, "ann@example.net", 6)
	if to, _, err := c.invites.HandOff(t.Context(), v); err != nil || to != "" {
		t.Fatalf("%q, %v", to, err)
	}
	p := c.next("IDENTIFICATION_AUTO_FINISHED")
	phone, email := p.body["phoneVerification"].(map[string]any), p.body["emailVerification"].(map[string]any)
	if phone["phone"] != "+12025550149" || phone["phoneVerified"] != true || email["email"] != "ann@example.net" || email["emailVerified"] != true ||
		p.body["final"] != true || p.body["scanRef"] != session["scanRef"] || p.body["externalRef"] != "order-7" || p.body["status"].(map[string]any)["overall"] != "APPROVED" {
		t.Errorf("%s", p.raw)
	}
	if s := status(); s["status"] != "APPROVED" {
		t.Errorf("%v", s)
	}
	if a, err := c.invites.Open(t.Context(), session["authToken"].(string), "", nil, ""); err != nil || a.Cookie != "" || a.Page.Step != invite.StepDone { // ID-29
		t.Errorf("used again: %+v, %v", a, err)
	}
}

func TestID_32_33_a_customer_is_sent_to_the_pages_of_the_list_with_nothing_added(t *testing.T) {
	t.Parallel()
	c := newFirmTown(t)
	by := invite.Caller{Actor: "key:key_1"}
	var err error
	if by.Tenant, err = uid.ParseTenant(c.Tenant); err != nil {
		t.Fatal(err)
	}
	checks, err := c.invites.Checks(t.Context(), by.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	checks.RedirectURLs = []string{"https://shop.example/"}
	if _, err := c.invites.SetChecks(t.Context(), by, checks, checks.Version); err != nil {
		t.Fatal(err)
	}
	urls := map[string]any{"successUrl": "https://shop.example/ok?cart=7", "errorUrl": "https://shop.example/no"}
	v, page := c.open(c.session(urls)) // no contact is required (ID-1)
	if page.Step != invite.StepHandOff {
		t.Errorf("%+v", page)
	}
	if to, _, err := c.invites.HandOff(t.Context(), v); err != nil || to != urls["successUrl"] {
		t.Errorf("%s, %v", to, err)
	}
	c.next("IDENTIFICATION_AUTO_FINISHED")
	if status, out := c.call("POST", "/api/v2/token", map[string]any{"clientId": "c", "successUrl": "https://evil.example/"}); status != 400 || out["identifier"] != "BAD_VALUE" {
		t.Errorf("%d %v", status, out)
	}
}

func TestIDenfy_a_test_of_the_webhook_of_development_mode_is_taken(t *testing.T) {
	t.Parallel()
	c := newFirmTown(t)
	owner, err := uid.ParseTenant(c.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	all, err := c.webhooks.Endpoints(c.Context(), owner)
	if err != nil || len(all) != 1 {
		t.Fatalf("%d webhooks, %v", len(all), err)
	}
	sent, err := c.webhooks.Test(c.Context(), webhook.Caller{Actor: "system"}, owner, all[0].ID)
	if err != nil {
		t.Fatal(err)
	}
	var shown webhook.Shown
	c.until("the test to be tried", func() bool {
		shown, err = c.webhooks.Show(c.Context(), owner, all[0].ID, sent.ID)
		return err != nil || shown.Delivery.Tries > 0
	})
	if d := &shown.Delivery; err != nil || d.State != webhook.Delivered || d.Status != http.StatusOK || !strings.Contains(d.Answer, "development mode") ||
		shown.Request == nil || shown.Request.URL != c.BaseURL+"/dev/webhook" {
		t.Errorf("%s after status %d: %q, %+v; %v", d.State, d.Status, d.Answer, shown.Request, err)
	}
}

func TestIDenfy_a_session_that_nobody_uses_ends_with_its_webhook_and_is_asked_for_anew(t *testing.T) {
	t.Parallel()
	c := newFirmTown(t)
	late := c.session(map[string]any{"verifyPhone": true, "expiryTime": 1})
	p := c.next("IDENTIFICATION_EXPIRED")
	if p.body["scanRef"] != late["scanRef"] || p.body["final"] != nil || p.body["phoneVerification"].(map[string]any)["phone"] != nil || p.body["status"].(map[string]any)["reason"] != "link_expired" {
		t.Errorf("%s", p.raw)
	}
	_, again := c.call("POST", "/kyc/identifications/"+late["scanRef"].(string)+"/request-information/", map[string]any{"lifetime": 600})
	if again["scanRef"] == late["scanRef"] || again["tokenString"] == late["authToken"] {
		t.Errorf("%v", again)
	}
	if _, list := c.call("GET", "/kyc/identifications/?clientId=customer-7", nil); list["count"] != 2.0 {
		t.Errorf("%v", list)
	}
}

func TestID_46_48_a_text_message_and_its_code_are_good_once_and_for_three_tries(t *testing.T) {
	t.Parallel()
	c := newFirmTown(t)
	send := func(to string) string {
		t.Helper()
		status, out := c.call("POST", "/fraud/send-sms", map[string]any{"phone_number": to, "sender_name": "Acme"})
		if status != http.StatusOK {
			t.Fatalf("%d %v", status, out)
		}
		return out["request_id"].(string)
	}
	verified := func(id, code string, want bool) {
		t.Helper()
		if status, out := c.call("POST", "/fraud/verify-sms", map[string]any{"request_id": id, "received_code": code}); status != 200 || out["is_verified"] != want {
			t.Errorf("%d %v, want %t", status, out, want)
		}
	}
	id := send("+12025550150")
	code := c.code("+12025550150")
	if m := c.inbox.Messages("+12025550150")[0]; m.Body != "Acme code: "+code+". Valid for 5 minutes." || len(code) != 4 {
		t.Errorf("%q", m.Body)
	}
	wrong := string('0'+(code[0]-'0'+1)%10) + code[1:]
	verified(id, wrong, false)
	verified(id, wrong, false)
	verified(id, code, true)
	verified(id, code, false) // ID-47: already validated
	id = send("+12025550151")
	code = c.code("+12025550151")
	wrong = string('0'+(code[0]-'0'+1)%10) + code[1:]
	for range 3 {
		verified(id, wrong, false)
	}
	verified(id, code, false) // ID-48
	verified("01a21715-4680-7001-98c5-72f04d1cb047", code, false)
}

// The digits of a session are held by a key that is written in the commit which makes it: no other session can be made with them.
func TestID_45_digits_are_an_accounts_own_while_they_can_be_used(t *testing.T) {
	t.Parallel()
	c := newFirmTown(t)
	by, err := uid.ParseTenant(c.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	seen := map[any]bool{}
	for range 20 {
		seen[c.session(map[string]any{"generateDigitString": true})["digitString"]] = true
	}
	if len(seen) != 20 {
		t.Errorf("%d different ones of 20", len(seen))
	}
	for digits := range seen {
		ask := invite.CreateRequest{
			Caller: invite.Caller{Tenant: by, Actor: "key:key_1"}, Kind: invite.Entered, Silent: true, WithoutConsent: true,
			Idempotency: &verify.Idempotency{Key: "idenfy digits " + digits.(string), Body: []byte("another")},
		}
		if _, err := c.invites.Create(t.Context(), ask); fault.As(err).Code != "idempotency_mismatch" {
			t.Errorf("%s is free: %v", digits, err)
		}
	}
}
