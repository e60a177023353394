package mta_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/tenant"
)

// sandbox is a client whose account is a new sandbox of the server.
func (s *shared) sandbox(t testing.TB) *client {
	t.Helper()
	c := s.client(t)
	c.key = c.at.account(t, (*tenant.Directory).CreateSandbox)
	return c
}

// account makes a tenant beside the running server and gives a key of it.
func (s site) account(t testing.TB, create func(*tenant.Directory, context.Context, tenant.Caller, string) (tenant.Tenant, error)) string {
	t.Helper()
	tools, err := app.OpenTools(t.Context(), s.cfg)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := tools.Close(); err != nil {
			t.Error(err)
		}
	}()
	by := tenant.Caller{Actor: "test"}
	made, err := create(tools.Directory, t.Context(), by, "Trying")
	if err != nil {
		t.Fatal(err)
	}
	_, secret, err := tools.Directory.CreateKey(t.Context(), by, made.ID, tenant.KeyRequest{Scopes: []string{tenant.ScopeAll, tenant.ScopeRecipientShow}})
	if err != nil {
		t.Fatal(err)
	}
	return secret.Reveal()
}

// shown are the messages of a sandbox to a number, newest first.
func (c *client) shown(to string) []any {
	c.t.Helper()
	r := c.native().get("/v1/sandbox/messages?to=" + url.QueryEscape(to))
	list, ok := r.object["data"].([]any)
	if r.status != http.StatusOK || !ok {
		c.t.Fatalf("messages: %d %s", r.status, r.text)
	}
	return list
}

func TestMTA_57_a_sandbox_key_sends_nothing_and_reads_its_codes_in_the_inbox(t *testing.T) {
	t.Parallel()
	c, to := ordinary.sandbox(t), newNumber()
	if !strings.HasPrefix(c.key, "test_") {
		t.Fatalf("the key begins with %s", c.key[:5])
	}
	sent := c.mustSend(object{"to": to, "serviceName": "Acme"})
	m := c.shown(to)[0].(map[string]any)
	code := m["code"].(string)
	if m["text"] != "Your Acme verification code is: "+code {
		t.Errorf("%v", m)
	}
	id := sent.object["verificationId"].(string)
	until(t, "the message to end", func() bool { return c.get("/v3/verify/" + id).data()["deliveryStatus"] == "delivered" })
	if n := len(c.inbox(to)); n != 0 {
		t.Errorf("%d messages reached the provider", n)
	}
	c.want(c.check(object{"verificationId": id, "code": otherCode(code)}), "INVALID")
	c.want(c.check(object{"verificationId": id, "code": code}), "APPROVED")
	if list := c.shown(to); len(list) != 0 {
		t.Errorf("after its end: %v", list)
	}
	live := ordinary.client(t)
	live.wantError(live.get("/v3/verify/"+id), http.StatusNotFound, "NotFoundError")
	if r := live.native().get("/v1/sandbox/messages"); r.status != http.StatusNotFound {
		t.Errorf("a live account reads %d %s", r.status, r.text)
	}
	live.key = "csk_" + strings.TrimPrefix(c.key, "test_")
	live.wantError(live.get("/v3/auth/verify-api-key"), http.StatusUnauthorized, "UnauthorizedError")
}

func TestMTA_56_magic_numbers_give_every_risk(t *testing.T) {
	t.Parallel()
	c := ordinary.sandbox(t)
	for _, one := range []struct{ to, risk, line, status string }{
		{"+1202555017", "invalid_format", "unknown", "INVALID"},
		{"+12025550180", "deny_list", "unknown", "INVALID"},
		{"+12025550181", "unsubscribed", "unknown", "INVALID"},
		{"+12025550182", "suspended", "unknown", "INVALID"},
		{"+12025550183", "deactivated", "unknown", "INVALID"},
		{"+12025550184", "landline", "landline", "INVALID"},
		{"+12025550185", "voip", "voip", "PENDING"},
		{"+12025550186", "unknown", "unknown", "PENDING"},
	} {
		deliverable := one.status == "PENDING"
		judged := c.post("/v3/verify/number", object{"to": one.to})
		r := c.post(sendPath, object{"to": one.to})
		for _, said := range []reply{judged, r} {
			if said.status != http.StatusOK || said.object["risk"] != one.risk || said.object["deliverable"] != deliverable || said.object["lineType"] != one.line {
				t.Errorf("%s: %d %s", one.to, said.status, said.text)
			}
		}
		if r.object["status"] != one.status {
			t.Errorf("%s: %s, want %s", one.to, r.text, one.status)
		}
	}
	// The hard ones can't be overridden, the soft ones can (MTA-24); a live account's number is an ordinary one.
	for _, to := range []string{"+12025550180", "+12025550181", "+12025550182"} {
		for _, flag := range []string{"bypass", "gated"} {
			if r := c.post(sendPath, object{"to": to, flag: true}); r.object["status"] != "INVALID" || r.object["risk"] != c.post("/v3/verify/number", object{"to": to}).object["risk"] {
				t.Errorf("%s with %s: %s", to, flag, r.text)
			}
		}
	}
	for _, to := range []string{"+12025550183", "+12025550184"} {
		c.mustSend(object{"to": to, "bypass": true})
	}
	live := ordinary.client(t)
	if r := live.mustSend(object{"to": "+12025550180"}); r.object["risk"] != nil || r.object["deliverable"] != true {
		t.Errorf("of a live account: %s", r.text)
	}
}

func TestMTA_56_magic_numbers_give_every_delivery_status(t *testing.T) {
	t.Parallel()
	c := ordinary.sandbox(t)
	for to, want := range map[string]string{
		"+12025550177": "delivered", "+12025550190": "sent", "+12025550191": "undelivered",
		"+12025550192": "undeliverable", "+12025550193": "unknown", "+12025550194": "rejected",
	} {
		id := c.mustSend(object{"to": to}).object["verificationId"].(string)
		status := "PENDING"
		if want == "undeliverable" || want == "rejected" {
			status = "INVALID"
		}
		until(t, to+" to be "+want, func() bool { // the two are read one after the other
			got := c.get("/v3/verify/" + id).data()
			return got["deliveryStatus"] == want && got["status"] == status
		})
	}
}

func TestMTA_56_the_test_number_of_a_sandbox_has_a_fixed_code(t *testing.T) {
	t.Parallel()
	c := ordinary.sandbox(t)
	const to, code = "+12025550170", "000000"
	for range 3 { // it waits for nothing
		c.mustSend(object{"to": to})
		c.want(c.check(object{"to": to, "code": otherCode(code)}), "INVALID")
		c.want(c.check(object{"to": to, "code": code}), "APPROVED")
	}
	live := ordinary.client(t)
	live.mustSend(object{"to": to})
	if live.message(to, 1).Code == code {
		return // once in a million: the code of the live account is the fixed one
	}
	live.want(live.check(object{"to": to, "code": code}), "INVALID")
}
