package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/compat/twilio"
	"github.com/countersign/countersign/internal/tenant"
)

// at calls a route of a door and gives the status and the members of the answer.
func (in *installation) at(t testing.TB, method, path, form string, header func(h *http.Request)) (int, map[string]any) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, in.base()+path, strings.NewReader(form))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	header(req)
	res, err := in.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var out map[string]any
	if err := json.NewDecoder(res.Body).Decode(&out); err != nil {
		t.Fatalf("%s: %d %v", path, res.StatusCode, err)
	}
	return res.StatusCode, out
}

// TestMTA_4_ASuspendedTenantIsRefusedAtEveryDoorAndSendsNothing has a message under way when the tenant is suspended.
func TestMTA_4_ASuspendedTenantIsRefusedAtEveryDoorAndSendsNothing(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		in.up()
		in.relay.set(func(w http.ResponseWriter, _ *http.Request, _ message) {
			w.Header().Set("Retry-After", "3")
			w.WriteHeader(http.StatusServiceUnavailable)
		})
		id := in.start(t.Context(), "", body{"to": in.number()}).view(t).ID
		until(t, startTime, "the first try", func() bool { return in.relay.total() == 1 })
		by := tenant.Caller{Actor: "test"}
		in.tools(func(tools *app.Tools) error {
			_, err := tools.Directory.Suspend(t.Context(), by, in.tenant)
			return err
		})
		until(t, startTime, "the refusal", func() bool {
			return in.get(t.Context(), id).status == http.StatusForbidden
		})
		if a := in.start(t.Context(), "", body{"to": in.number()}); a.status != http.StatusForbidden || a.code() != "account_suspended" {
			t.Errorf("the native API: %v", a)
		}
		bearer := func(r *http.Request) { r.Header.Set("Authorization", "Bearer "+in.key) }
		if status, m := in.at(t, "GET", "/compat/mta/v3/auth/verify-api-key", "", bearer); status != http.StatusForbidden || m["reason"] != "account_suspended" || m["name"] != "ForbiddenError" {
			t.Errorf("MTA: %d %v", status, m)
		}
		token := func(r *http.Request) { r.SetBasicAuth(twilio.AccountSID(in.tenant), twilio.AuthToken(in.key)) }
		if status, m := in.at(t, "GET", twilio.Mount+"/v2/Services", "", token); status != http.StatusForbidden || m["code"] != 20005.0 {
			t.Errorf("Twilio: %d %v", status, m)
		}
		send := "/compat/camara/one-time-password-sms/v1/send-code"
		if status, m := in.at(t, "POST", send, "{}", func(r *http.Request) { bearer(r); r.Header.Set("Content-Type", "application/json") }); status != http.StatusForbidden || m["code"] != "PERMISSION_DENIED" {
			t.Errorf("CAMARA: %d %v", status, m)
		}
		form := url.Values{"grant_type": {"client_credentials"}}.Encode()
		if status, m := in.at(t, "POST", "/compat/camara/oauth2/token", form, func(r *http.Request) { r.SetBasicAuth(in.tenant.Text(), in.key) }); status != http.StatusForbidden || m["error"] != "unauthorized_client" {
			t.Errorf("CAMARA's tokens: %d %v", status, m)
		}

		in.relay.set(nil)
		in.drained(t)
		if n := in.relay.total(); n != 1 {
			t.Errorf("%d messages reached the provider, want the one before", n)
		}
		in.tools(func(tools *app.Tools) error {
			_, err := tools.Directory.Resume(t.Context(), by, in.tenant)
			return err
		})
		until(t, startTime, "the tenant to be back", func() bool { return in.get(t.Context(), id).ok() })
		if v := in.get(t.Context(), id).view(t); v.Status != "failed" {
			t.Errorf("the message that was under way: %s, want failed", v.Status)
		}
		in.begin(t, nil)
	})
}
