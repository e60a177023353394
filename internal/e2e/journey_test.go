package e2e

import (
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"
)

const firmURL = "https://firm.example/done"

// redirects lets a tenant's customers go on to firmURL, with a code of the number.
func (c *caller) redirects(t testing.TB) {
	t.Helper()
	if a := c.decide(t, 0, body{"mobile_2fa": "yes_required", "redirect_urls": []string{firmURL}}); !a.ok() {
		t.Fatalf("the settings: %v", a)
	}
}

// linkTo waits for the link of an invitation to a number.
func (r *relay) linkTo(to string) (link string) {
	r.t.Helper()
	until(r.t, 30*time.Second, "the link does not come", func() bool {
		if list := r.links(to); len(list) > 0 {
			link = list[0]
		}
		return link != ""
	})
	return link
}

// codeTo waits for the code that an invitation sent to a number.
func (r *relay) codeTo(to string) (code string) {
	r.t.Helper()
	until(r.t, 30*time.Second, "the code does not come", func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		i := slices.IndexFunc(r.all, func(m message) bool { return m.To == to && m.Verification != "" })
		if i >= 0 {
			code = r.all[i].Code
		}
		return i >= 0
	})
	return code
}

// walk goes from an open link to the firm, with the code that the page asks for.
func (c *customer) walk(code func() string) (result string) {
	c.t.Helper()
	c.press("/mobile/send", nil)
	c.press("/mobile/check", url.Values{"code": {code()}})
	c.press("/consent", url.Values{"decision": {"accept"}})
	return c.result()
}

// TestSEC_7_8_92_NoSecretOfACustomersWayIsAnywhere looks through all that a server leaves behind or shows while a customer is on the
// way and after the hand-over: for links, cookies, tokens of forms, and the signed result.
func TestSEC_7_8_92_NoSecretOfACustomersWayIsAnywhere(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in, own := installApart(t, database)
		s := in.up()
		in.redirects(t)
		const canary = "canary-7c1e90"
		to := in.number()
		v := in.invite(t, "k-1", body{"mobile": to, "reference": canary, "redirect_url": firmURL, "external_id": "x-1", "notes": "owes-us-nothing"}).invitation(t)
		beside := in.start(t.Context(), "", body{"to": in.number(), "external_id": canary}).view(t).ID // what places looks for
		c := in.customer()
		first := in.relay.linkTo(to)
		in.handled(t, v.ID, 1)
		in.call(t.Context(), http.MethodPost, "/v1/invitations/"+v.ID+"/resend", "k-2", nil).invitation(t)
		until(t, 30*time.Second, "the second link does not come", func() bool { return len(in.relay.links(to)) == 2 })
		c.keep("the old link", first[strings.LastIndex(first, "/")+1:])
		link := in.relay.links(to)[1]
		c.open(link)
		secrets := func() map[string]string {
			c.secrets["the number"], c.secrets["the notes"] = to, "owes-us-nothing"
			return c.secrets
		}
		look := func(when string) {
			t.Helper()
			in.drained(t)
			places := append(in.places([]string{beside}), in.files(own)...)
			for _, path := range []string{"/v1/invitations", "/v1/invitations/" + v.ID, "/v1/invitations/" + v.ID + "/events"} {
				text := string(in.call(t.Context(), http.MethodGet, path, "", nil).body)
				places = append(places, place{path, []byte(strings.ReplaceAll(text, "owes-us-nothing", ""))}) // the firm's own words
			}
			newHaystack(secrets()).search(t, when, canary, places)
		}
		look("while the customer is on the way")
		result := c.walk(func() string { return in.relay.codeTo(to) })
		if n := len(c.secrets); strings.Count(result, ".") != 2 || n < 8 { // links, cookies, tokens, result
			t.Fatalf("%d secrets were seen", n)
		}
		if got := in.call(t.Context(), http.MethodGet, "/v1/invitations/"+v.ID, "", nil).invitation(t); got.Status != "handed_off" {
			t.Errorf("the invitation is %s", got.Status)
		}
		look("after the hand-over")
		if code := s.stop(30e9); code != 0 {
			t.Errorf("the server ended with %d", code)
		}
		_, export := in.events()
		stopped := []place{{"database", in.dump()}, {"log", []byte(s.log.String())}, {"audit export", export}}
		newHaystack(secrets()).search(t, "after the server stopped", canary, append(stopped, in.files(own)...))
	})
}

// TestMTA_57_ACustomersWayCanBeWalkedInASandbox reads the link and the code where a sandbox shows them.
func TestMTA_57_ACustomersWayCanBeWalkedInASandbox(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		s := in.up()
		box, _ := in.sandbox()
		box.redirects(t)
		to := in.number()
		v := box.invite(t, "", body{"mobile": to, "email": "ann@example.com", "redirect_url": firmURL}).invitation(t)
		box.handled(t, v.ID, 2)
		read := func(what string) (found string) {
			t.Helper()
			until(t, 30*time.Second, "there is no "+what, func() bool {
				a := box.call(t.Context(), http.MethodGet, "/v1/sandbox/messages?to="+url.QueryEscape(to), "", nil)
				var list struct{ Data []map[string]any }
				if err := json.Unmarshal(a.body, &list); !a.ok() || err != nil {
					t.Fatalf("%v (%v)", a, err)
				}
				for _, m := range list.Data {
					if text, ok := m[what].(string); ok && found == "" {
						found = text
					}
				}
				return found != ""
			})
			return found
		}
		c := in.customer()
		c.open(read("link"))
		result := c.walk(func() string { return read("code") })
		if got := box.call(t.Context(), http.MethodGet, "/v1/invitations/"+v.ID, "", nil).invitation(t); got.Status != "handed_off" {
			t.Errorf("the invitation is %s", got.Status)
		}
		if n := in.relay.total(); n != 0 {
			t.Errorf("%d messages reached the provider", n)
		}
		newHaystack(c.secrets).search(t, "in a sandbox", "Trying", []place{{"database", in.dump()}, {"log", []byte(s.log.String())}})
		if a := in.call(t.Context(), http.MethodGet, "/v1/sandbox/messages", "", nil); a.status != http.StatusNotFound || strings.Contains(string(a.body), result) {
			t.Errorf("a live tenant reads %v", a)
		}
	})
}

// TestRA_65_AServerIsToldThatALinkFailed: forged, before the send is recorded, twice, and late.
func TestRA_65_AServerIsToldThatALinkFailed(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		in.up()
		to := in.number()
		told := make(chan string, 1)
		early := func(w http.ResponseWriter, _ *http.Request, m message) {
			if m.To == to {
				if a := in.report(relaySecret, body{"delivery_id": m.Delivery, "state": "failed", "error": "absent"}); a.status != http.StatusAccepted {
					t.Errorf("a receipt before the record: %v", a)
				}
				select {
				case told <- m.Delivery:
				default:
				}
			}
			w.WriteHeader(http.StatusAccepted)
			_, _ = w.Write([]byte(`{"reference":"r"}`)) // who does not read it asks again
		}
		in.relay.answer.Store(&early)
		v := in.invite(t, "", body{"mobile": to}).invitation(t)
		status := func() string {
			return in.call(t.Context(), http.MethodGet, "/v1/invitations/"+v.ID, "", nil).invitation(t).Status
		}
		until(t, 30*time.Second, "the invitation is not undeliverable", func() bool { return status() == "undeliverable" })
		id := <-told
		in.relay.answer.Store(nil)
		in.report(relaySecret, body{"delivery_id": id, "state": "failed", "error": "absent"})
		in.report(relaySecret, body{"delivery_id": id, "state": "delivered"})
		if got := in.timeline(t, v.ID); status() != "undeliverable" || !slices.Equal(got, []string{"invitation.created", "invitation.sent", "invitation.undeliverable"}) {
			t.Errorf("%s after %v", status(), got)
		}

		in.call(t.Context(), http.MethodPost, "/v1/invitations/"+v.ID+"/resend", "", nil)
		in.handled(t, v.ID, 3)
		next := strings.Replace(id, "_1_sms", "_2_sms", 1)
		in.report(relaySecret, body{"delivery_id": id, "state": "failed"}) // of the link before
		if a := in.report("whsec_"+strings.Repeat("QUJD", 11), body{"delivery_id": next, "state": "failed"}); a.status != http.StatusUnauthorized {
			t.Errorf("a receipt with a false signature: %v", a)
		}
		if got := status(); got != "sent" {
			t.Errorf("after a forged and a late receipt: %s", got)
		}
		in.report(relaySecret, body{"delivery_id": next, "state": "delivered"})
		a := in.call(t.Context(), http.MethodGet, "/v1/invitations/"+v.ID, "", nil)
		if !strings.Contains(string(a.body), `"deliveries":[{"channel":"sms","provider":"main","state":"delivered","error":"",`) {
			t.Errorf("what arrived is not told: %v", a)
		}
	})
}
