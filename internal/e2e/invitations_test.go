package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/tenant"
)

// invitation is what the tests read of one.
type invitation struct {
	ID, Status, Reference string
	MaskedMobile          string `json:"masked_mobile"`
	On                    bool   `json:"mobile_2fa_effective"`
	Policy                string `json:"mobile_2fa_policy"`
	Mobile                string
	Resends               int `json:"resend_count"`
}

func (a answer) invitation(t testing.TB) (v invitation) {
	t.Helper()
	if err := json.Unmarshal(a.body, &v); !a.ok() || err != nil {
		t.Fatalf("want an invitation, got %v (%v)", a, err)
	}
	return v
}

// invite asks for an invitation.
func (c *caller) invite(t testing.TB, idempotency string, fields body) answer {
	t.Helper()
	b := body{"first_name": "Ann", "last_name": "Lee"}
	for k, v := range fields {
		b[k] = v
	}
	return c.call(t.Context(), http.MethodPost, "/v1/invitations", idempotency, b)
}

// decide changes what the tenant requires, of the version of now.
func (c *caller) decide(t testing.TB, version int, fields body) answer {
	t.Helper()
	text, err := json.Marshal(fields)
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, c.base()+"/v1/settings/checks", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("If-Match", strconv.Itoa(version))
	res, err := c.http.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	var out bytes.Buffer
	if _, err := out.ReadFrom(res.Body); err != nil {
		t.Fatal(err)
	}
	return answer{status: res.StatusCode, header: res.Header, body: out.Bytes()}
}

// links are those that the relay got for a number, in order.
func (r *relay) links(to string) (list []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, m := range r.all {
		if m.To == to {
			list = append(list, regexp.MustCompile(`https?://\S+/v/[0-9A-Za-z_-]+`).FindString(m.Body))
		}
	}
	return list
}

// handled waits until n links of an invitation by one channel have been tried, whatever came of it.
func (c *caller) handled(t testing.TB, id string, n int) {
	t.Helper()
	until(t, 30*time.Second, fmt.Sprintf("link %d to be tried", n), func() bool {
		tried := 0
		for _, one := range c.timeline(t, id) {
			if one == "invitation.sent" || one == "invitation.undeliverable" {
				tried++
			}
		}
		return tried >= n
	})
}

// timeline is the types of the events of an invitation, read a page of two at a time.
func (c *caller) timeline(t testing.TB, id string) (types []string) {
	t.Helper()
	for cursor := ""; ; {
		a := c.call(t.Context(), http.MethodGet, "/v1/invitations/"+id+"/events?limit=2&cursor="+cursor, "", nil)
		var page struct {
			Data []struct{ Type string }
			Next *string
		}
		if err := json.Unmarshal(a.body, &page); !a.ok() || err != nil {
			t.Fatalf("the timeline: %v (%v)", a, err)
		}
		for _, e := range page.Data {
			types = append(types, e.Type)
		}
		if page.Next == nil {
			return types
		}
		cursor = *page.Next
	}
}

func problem(t testing.TB, what string, a answer, status int, code string) {
	t.Helper()
	if a.status != status || a.code() != code {
		t.Errorf("%s: %v, want %d %s", what, a, status, code)
	}
}

func TestRA_14_to_19_the_setting_decides_and_what_was_made_keeps_it(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		in.up()
		first := in.number()
		made := in.invite(t, "", body{"mobile": first}).invitation(t)
		if !made.On || made.Policy != "yes_optional" { // RA-15, RA-18
			t.Errorf("by default: %+v", made)
		}
		in.handled(t, made.ID, 1)
		if a := in.decide(t, 0, body{"mobile_2fa": "yes_required"}); !a.ok() {
			t.Fatalf("the setting: %v", a)
		}
		problem(t, "a change of what was before", in.decide(t, 0, body{"mobile_2fa": "no_required"}), 409, "settings_stale")
		to := in.number()
		problem(t, "RA-14", in.invite(t, "", body{"mobile": to, "mobile_2fa": false}), 409, "policy_locked")
		problem(t, "RA-25", in.invite(t, "", body{"email": "ann@example.com"}), 400, "mobile_required")
		problem(t, "RA-21", in.invite(t, "", nil), 400, "contact_required")
		problem(t, "RA-14 before RA-25", in.invite(t, "", body{"email": "ann@example.com", "mobile_2fa": false}), 409, "policy_locked")
		if a := in.invite(t, "", body{"mobile": "+441212345678"}); a.status != 422 || !strings.Contains(string(a.body), `"field":"mobile"`) {
			t.Errorf("RA-32: a landline gets %v", a)
		}
		list := in.call(t.Context(), http.MethodGet, "/v1/invitations", "", nil)
		if n := strings.Count(string(list.body), `"id":"inv_`); n != 1 || len(in.relay.links(to)) != 0 {
			t.Errorf("what was refused left %d invitations, and links %v", n, in.relay.links(to))
		}
		got := in.call(t.Context(), http.MethodGet, "/v1/invitations/"+made.ID, "", nil).invitation(t)
		if !got.On || got.Policy != "yes_optional" {
			t.Errorf("RA-16: %+v", got)
		}
	})
}

func TestRA_55_to_60_the_firm_repairs_an_invitation_and_sees_no_link(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		s := in.up()
		first, second := in.number(), in.number()
		var answers []answer
		note := func(a answer) answer { answers = append(answers, a); return a }
		v := note(in.invite(t, "", body{"mobile": first, "reference": "case-7"})).invitation(t)
		one := "/v1/invitations/" + v.ID
		in.handled(t, v.ID, 1)
		if got := note(in.call(t.Context(), http.MethodPost, one+"/resend", "", nil)).invitation(t); got.Resends != 1 { // RA-60
			t.Errorf("after a resend: %+v", got)
		}
		in.handled(t, v.ID, 2)
		got := note(in.call(t.Context(), http.MethodPatch, one+"/contact", "", body{"mobile": second})).invitation(t) // RA-56
		if strings.HasSuffix(got.MaskedMobile, first[len(first)-2:]) || !strings.HasSuffix(got.MaskedMobile, second[len(second)-2:]) {
			t.Errorf("after a correction: %+v", got)
		}
		in.handled(t, v.ID, 3)
		now := in.call(t.Context(), http.MethodGet, one, "", nil).invitation(t)
		problem(t, "nothing is locked", in.call(t.Context(), http.MethodPost, one+"/unlock", "", body{"reason": "they called"}), 409, "invitation_status")
		if a := in.call(t.Context(), http.MethodPost, one+"/unlock", "", body{}); a.status != 422 { // RA-55
			t.Errorf("an unlock without a reason: %v", a)
		}
		for _, filter := range []string{"reference=case-7", "contact=" + url.QueryEscape(second), "status=" + now.Status, "mobile_2fa=true"} { // RA-58
			if a := note(in.call(t.Context(), http.MethodGet, "/v1/invitations?"+filter, "", nil)); !strings.Contains(string(a.body), v.ID) {
				t.Errorf("%s: %v", filter, a)
			}
		}
		for _, filter := range []string{"reference=case", "contact=" + url.QueryEscape(first), "status=opened", "mobile_2fa=false", "to=2020-01-01"} {
			if a := in.call(t.Context(), http.MethodGet, "/v1/invitations?"+filter, "", nil); !a.ok() || strings.Contains(string(a.body), v.ID) {
				t.Errorf("%s: %v", filter, a)
			}
		}
		if shown := in.call(t.Context(), http.MethodGet, one+"?reveal=contact", "", nil).invitation(t); shown.Mobile != second {
			t.Errorf("revealed: %+v", shown)
		}
		if got := note(in.call(t.Context(), http.MethodPost, one+"/cancel", "", body{"reason": "wrong person"})).invitation(t); got.Status != "canceled" {
			t.Errorf("after the end: %+v", got)
		}
		for _, path := range []string{"/resend", "/cancel", "/complete"} {
			problem(t, path+" after the end", in.call(t.Context(), http.MethodPost, one+path, "", nil), 409, "invitation_status")
		}
		note(in.call(t.Context(), http.MethodGet, one+"/events?limit=250", "", nil))
		types := in.timeline(t, v.ID)
		for _, want := range []string{"created", "resent", "contact_changed", "revealed", "canceled"} {
			if !slices.Contains(types, "invitation."+want) {
				t.Errorf("the timeline lacks %s: %v", want, types)
			}
		}
		secrets := []string{first, second}
		for _, link := range append(in.relay.links(first), in.relay.links(second)...) {
			secrets = append(secrets, link[strings.LastIndex(link, "/")+1:])
		}
		for i, secret := range secrets {
			if slices.Contains(secrets[:i], secret) {
				t.Error("two links are alike")
			}
			if strings.Contains(s.log.String(), secret) {
				t.Error("the log holds a link or a number")
			}
			for _, a := range answers {
				if strings.Contains(string(a.body), secret) {
					t.Errorf("an answer holds a link or a number: %v", a)
				}
			}
		}
	})
}

func TestRA_57_of_many_each_is_by_itself(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		in.up()
		first, second := in.number(), in.number()
		request := body{"items": []body{
			{"first_name": "Ann", "last_name": "Lee", "mobile": first},
			{"first_name": "Bob", "last_name": "Ray", "email": "bob@example.com"},
			{"first_name": "Cy"},
			{"first_name": "Di", "last_name": "Fox", "mobile": second},
		}}
		ask := func() answer { return in.call(t.Context(), http.MethodPost, "/v1/invitations/bulk", "k-1", request) }
		a := ask()
		var rows struct {
			Accepted []struct {
				Row        int
				Invitation invitation
			}
			Rejected []struct {
				Row         int
				Field, Code string
			}
		}
		if err := json.Unmarshal(a.body, &rows); a.status != 202 || err != nil || len(rows.Accepted) != 2 || len(rows.Rejected) != 2 {
			t.Fatalf("%v (%v)", a, err)
		}
		if rows.Accepted[1].Row != 3 || rows.Rejected[0].Code != "mobile_required" || rows.Rejected[0].Row != 1 || rows.Rejected[1].Code != "invalid_request" {
			t.Errorf("%+v", rows)
		}
		for _, row := range rows.Accepted {
			in.handled(t, row.Invitation.ID, 1)
		}
		if again := ask(); string(again.body) != string(a.body) {
			t.Errorf("asked again: %v, first %v", again, a)
		}
		list := in.call(t.Context(), http.MethodGet, "/v1/invitations", "", nil)
		if n := strings.Count(string(list.body), `"id":"inv_`); n != 2 || in.relay.total() > 2 {
			t.Errorf("%d invitations and %d messages for two", n, in.relay.total())
		}
	})
}

func TestSEC_81_equal_requests_for_an_invitation_make_one(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		in.up()
		to := in.number()
		all := atATime(8, func(int) answer { return in.invite(t, "k-1", body{"mobile": to}) })
		for _, a := range all {
			if a.invitation(t).ID != all[0].invitation(t).ID {
				t.Errorf("another answer: %v", a)
			}
		}
		problem(t, "another request", in.invite(t, "k-1", body{"mobile": in.number()}), 422, "idempotency_mismatch")
		v := all[0].invitation(t)
		one := "/v1/invitations/" + v.ID
		in.handled(t, v.ID, 1)
		all = atATime(8, func(int) answer { return in.call(t.Context(), http.MethodPost, one+"/resend", "k-2", nil) })
		for _, a := range all {
			if a.invitation(t).Resends != 1 {
				t.Errorf("a resend more: %v", a)
			}
		}
		in.handled(t, v.ID, 2)
		for range 2 { // the second time it has ended
			if v := in.call(t.Context(), http.MethodPost, one+"/cancel", "k-3", nil).invitation(t); v.Status != "canceled" {
				t.Errorf("%+v", v)
			}
		}
		if n := in.relay.total(); n > 2 {
			t.Errorf("%d messages for two links", n)
		}
		count := map[string]int{}
		for _, one := range in.timeline(t, v.ID) {
			count[one]++
		}
		if count["invitation.created"] != 1 || count["invitation.resent"] != 1 || count["invitation.canceled"] != 1 {
			t.Errorf("events %v", count)
		}
	})
}

func TestRA_70_another_firms_invitations_are_not_there(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		in.up()
		v := in.invite(t, "", body{"mobile": in.number(), "reference": "case-7"}).invitation(t)
		other := &caller{base: in.base, http: in.http}
		in.tools(func(tools *app.Tools) error {
			by := tenant.Caller{Actor: "test"}
			made, err := tools.Directory.CreateTenant(t.Context(), by, "Other")
			if err != nil {
				return err
			}
			_, secret, err := tools.Directory.CreateKey(t.Context(), by, made.ID, tenant.KeyRequest{Scopes: []string{tenant.ScopeAll, tenant.ScopeRecipientShow}})
			other.key = secret.Reveal()
			return err
		})
		one := "/v1/invitations/" + v.ID
		for _, r := range []struct {
			method, path string
			body         any
		}{
			{"GET", "", nil}, {"GET", "?reveal=contact", nil}, {"GET", "/events", nil}, {"POST", "/resend", nil}, {"POST", "/cancel", nil},
			{"POST", "/complete", nil}, {"POST", "/unlock", body{"reason": "x"}}, {"PATCH", "/contact", body{"mobile": in.number()}},
		} {
			problem(t, r.method+" "+r.path, other.call(t.Context(), r.method, one+r.path, "", r.body), 404, "invitation_not_found")
		}
		if a := other.call(t.Context(), http.MethodGet, "/v1/invitations?reference=case-7", "", nil); string(bytes.TrimSpace(a.body)) != `{"data":[],"next":null}` {
			t.Errorf("a list: %v", a)
		}
		if a := other.decide(t, 0, body{"mobile_2fa": "no_required"}); !a.ok() {
			t.Errorf("the other's setting: %v", a)
		}
		if got := in.invite(t, "", body{"mobile": in.number()}).invitation(t); got.Policy != "yes_optional" {
			t.Errorf("the setting of another holds for us: %+v", got)
		}
		if got := in.call(t.Context(), http.MethodGet, one, "", nil).invitation(t); got.Status == "canceled" || got.Resends != 0 {
			t.Errorf("another changed it: %+v", got)
		}
	})
}
