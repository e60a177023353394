package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/compat/twilio"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// sandbox makes a sandbox with a key.
func (in *installation) sandbox() (c *caller, id uid.Tenant) {
	in.t.Helper()
	c = &caller{base: in.base, http: in.http}
	in.tools(func(tools *app.Tools) error {
		by := tenant.Caller{Actor: "test"}
		made, err := tools.Directory.CreateSandbox(in.t.Context(), by, "Trying")
		if err != nil {
			return err
		}
		_, secret, err := tools.Directory.CreateKey(in.t.Context(), by, made.ID, tenant.KeyRequest{Scopes: []string{tenant.ScopeAll}})
		c.key, id = secret.Reveal(), made.ID
		return err
	})
	return c, id
}

// twilio makes a call of Twilio's API with the token that a key is, and gives the sid in the answer.
func (c *caller) twilio(t testing.TB, account uid.Tenant, path string, form url.Values) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, c.base()+twilio.Mount+path, strings.NewReader(form.Encode()))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.SetBasicAuth(twilio.AccountSID(account), twilio.AuthToken(c.key))
	res, err := c.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var out struct{ Sid string }
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil || res.StatusCode != http.StatusCreated {
		t.Fatalf("%s: %d (%v)", path, res.StatusCode, err)
	}
	return out.Sid
}

// shown reads the messages of a sandbox to a recipient.
func (c *caller) shown(t testing.TB, to string) (list []struct{ Verification, Text, Code string }) {
	t.Helper()
	a := c.call(t.Context(), http.MethodGet, "/v1/sandbox/messages?to="+url.QueryEscape(to), "", nil)
	out := struct {
		Data *[]struct{ Verification, Text, Code string }
	}{&list}
	if err := json.Unmarshal(a.body, &out); !a.ok() || err != nil {
		t.Fatalf("the messages: %v (%v)", a, err)
	}
	return list
}

// TestMTA_57_NothingOfASandboxLeavesAServer sends by each of the doors on a server with a real provider.
func TestMTA_57_NothingOfASandboxLeavesAServer(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		s := in.up()
		box, id := in.sandbox()
		if !strings.HasPrefix(box.key, "test_") {
			t.Fatalf("the key begins with %q", box.key[:4])
		}
		service := box.twilio(t, id, "/v2/Services", url.Values{"FriendlyName": {"Trying"}})
		tw := in.number()
		box.twilio(t, id, "/v2/Services/"+service+"/Verifications", url.Values{"To": {tw}, "Channel": {"sms"}})
		to, by := in.number(), in.number()
		first := box.start(t.Context(), "", body{"to": to}).view(t).ID
		mail := box.start(t.Context(), "", body{"to": "a@example.com"}).view(t).ID // no provider of the configuration carries e-mail
		if a := box.call(t.Context(), http.MethodPost, "/compat/mta/v3/verify/sms/send-code", "", body{"to": by}); !a.ok() {
			t.Fatalf("at the door of MTA: %v", a)
		}
		box.resend(t.Context(), "", first).view(t)
		in.drained(t)
		for _, one := range []string{first, mail} {
			v := box.get(t.Context(), one).view(t)
			if d := v.Sends.List[0].Deliveries; len(d) != 1 || d[0].State != "delivered" || d[0].Provider != "sandbox" {
				t.Errorf("deliveries %+v", d)
			}
		}
		for _, to := range []string{to, by, tw, "a@example.com"} {
			list := box.shown(t, to)
			if len(list) == 0 || len(list[0].Code) != 6 || !strings.Contains(list[0].Text, list[0].Code) {
				t.Fatalf("messages %+v", list)
			}
		}
		code := box.shown(t, to)[0].Code
		if !box.check(t.Context(), "", first, code).view(t).Valid || box.get(t.Context(), first).view(t).Status != "approved" {
			t.Error("the code of the inbox was wrong")
		}
		if n := in.relay.total(); n != 0 {
			t.Errorf("%d messages reached the provider", n)
		}
		if text := s.log.String(); strings.Contains(text, box.key) || strings.Contains(text, to) {
			t.Error("the log holds the key or the number")
		}

		// A live tenant has no inbox: its codes are for its recipients alone.
		live, _ := in.begin(t, nil)
		a := in.call(t.Context(), http.MethodGet, "/v1/sandbox/messages", "", nil)
		if a.status != http.StatusNotFound || bytes.Contains(a.body, []byte(live)) {
			t.Errorf("a live tenant reads %v", a)
		}
		if len(box.shown(t, "")) != 3 { // the mail, and those of the two doors
			t.Errorf("all messages: %+v", box.shown(t, ""))
		}
	})
}
