package idenfy_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// statusOf asks for the status of a session with a key of these scopes.
func (f *fake) statusOf(scanRef any, scopes string) reply {
	user, secret := as(scopes)
	return f.callAs(user, secret, "POST", "/api/v2/status", fmt.Sprintf(`{"scanRef":%q}`, scanRef))
}

func TestID_44_a_session_is_ACTIVE_until_it_ends_and_APPROVED_when_the_gates_are_passed(t *testing.T) {
	t.Parallel()
	f := newFake()
	scanRef := f.token(t, `"verifyPhone":true`).object["scanRef"]
	want := map[invite.Status]string{
		invite.HandedOff: "APPROVED", invite.Completed: "APPROVED", invite.Declined: "DENIED", invite.Expired: "EXPIRED", invite.Canceled: "DELETED",
	}
	for _, s := range invite.Statuses {
		f.change(scanRef, func(v *invite.View) { v.Status = s })
		expected := want[s]
		if expected == "" {
			expected = "ACTIVE"
		}
		if r := f.statusOf(scanRef, everything); r.status != 200 || r.object["status"] != expected {
			t.Errorf("%s: %s", s, r.text)
		}
	}
	f.change(scanRef, func(v *invite.View) { v.Status, v.Failure = invite.Expired, "contact_attempts_exceeded" })
	r := f.statusOf(scanRef, everything)
	for name, want := range map[string]any{
		"reason": "contact_attempts_exceeded", "scanRef": scanRef, "clientId": "c-1", "autoDocument": nil, "autoFace": nil, "manualDocument": nil, "manualFace": nil,
	} {
		if got, there := r.object[name]; !there || got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if !strings.Contains(r.text, `"fraudTags":[],"mismatchTags":[]`) {
		t.Errorf("%s", r.text)
	}
}

func TestID_19_the_confirmed_contacts_are_told_with_the_status(t *testing.T) {
	t.Parallel()
	f := newFake()
	scanRef := f.token(t, `"verifyPhone":true`).object["scanRef"]
	if r := f.statusOf(scanRef, everything); !strings.Contains(r.text, `"phoneVerification":{"phone":null,"phoneVerified":false},"emailVerification":null`) || f.reveals != 0 {
		t.Errorf("nothing entered: %s", r.text)
	}
	f.change(scanRef, func(v *invite.View) {
		v.Gates[0].Masked, v.Gates[0].PassedAt = "+44 ••• ••• ••23", began
	})
	if r := f.statusOf(scanRef, "all"); !strings.Contains(r.text, `"phoneVerification":{"phone":"+44 ••• ••• ••23","phoneVerified":true}`) || f.reveals != 0 {
		t.Errorf("without the scope: %s", r.text)
	}
}

func TestID_55_a_number_in_full_needs_the_scope_and_leaves_an_event(t *testing.T) {
	t.Parallel()
	f := newFake()
	scanRef := f.token(t, `"verifyPhone":true,"verifyEmail":true`).object["scanRef"]
	f.change(scanRef, func(v *invite.View) {
		v.Gates[0].Masked, v.Gates[1].Masked = "+44 ••• ••• ••23", "a•••@example.net"
	})
	r := f.statusOf(scanRef, "invitations:read "+tenant.ScopeRecipientShow)
	if !strings.Contains(r.text, `{"phone":"+447700900123","phoneVerified":false},"emailVerification":{"email":"ann@example.net","emailVerified":false}`) || f.reveals != 1 {
		t.Errorf("%d reveals: %s", f.reveals, r.text)
	}
	if r := f.statusOf(scanRef, "invitations:read"); strings.Contains(r.text, "7700900123") || strings.Contains(r.text, "ann@") || f.reveals != 1 {
		t.Errorf("%s", r.text)
	}
}

func TestStatus_of_what_is_not_theirs_is_one_answer(t *testing.T) {
	t.Parallel()
	f := newFake()
	mine := f.token(t, "").object["scanRef"]
	native, err := f.Create(t.Context(), invite.CreateRequest{Caller: invite.Caller{Tenant: account}, Kind: invite.Entered})
	if err != nil {
		t.Fatal(err)
	}
	told := ""
	for _, r := range []reply{
		f.statusOf(uid.Random(began).UUID(), everything), f.statusOf("x", everything), f.statusOf(strings.Repeat("0", 36), everything),
		f.statusOf(native.View.ID.UUID(), everything),
		f.callAs(keyID.Text(uid.Key), "csk_other", "POST", "/api/v2/status", fmt.Sprintf(`{"scanRef":%q}`, mine)),
		f.call("POST", "/kyc/identifications/"+uid.Random(began).UUID()+"/request-information/", `{}`),
	} {
		checkError(t, r, 404, "BAD_VALUE")
		if told == "" {
			told = r.text
		}
		if r.text != told {
			t.Errorf("%s and %s", r.text, told)
		}
	}
	checkField(t, f.call("POST", "/api/v2/status", `{}`), "MISSING_VALUE", "scanRef")
	checkField(t, f.call("POST", "/api/v2/status", `{"scanRef":7}`), "BAD_VALUE", "scanRef")
}

func TestList_is_paged_and_by_client(t *testing.T) {
	t.Parallel()
	f := newFake()
	var newest any
	for i := range 25 {
		newest = f.call("POST", tokenPath, fmt.Sprintf(`{"clientId":"c-%d"}`, i%2)).object["scanRef"]
		f.pass(time.Second)
	}
	if _, err := f.Create(t.Context(), invite.CreateRequest{Caller: invite.Caller{Tenant: account}, Reference: "c-1"}); err != nil { // not of this door
		t.Fatal(err)
	}
	results := func(query string) (reply, []any) {
		t.Helper()
		r := f.call("GET", "/kyc/identifications/"+query, "")
		list, ok := r.object["results"].([]any)
		if r.status != 200 || !ok {
			t.Fatalf("%s: %d %s", query, r.status, r.text)
		}
		return r, list
	}
	r, list := results("")
	if first := list[0].(object); len(list) != 10 || first["scanRef"] != newest || first["status"] != "ACTIVE" || first["suspected"] != false || r.object["count"] != 25.0 {
		t.Errorf("%s", r.text)
	}
	if r.object["next"] != "https://verify.example/compat/idenfy/kyc/identifications/?page=2" || r.object["previous"] != nil {
		t.Errorf("%s", r.text)
	}
	if r, list := results("?page=3"); len(list) != 5 || r.object["next"] != nil || r.object["previous"] != "https://verify.example/compat/idenfy/kyc/identifications/?page=2" {
		t.Errorf("%s", r.text)
	}
	if r, list := results("?clientId=c-1&perPage=100"); len(list) != 12 || r.object["count"] != 12.0 {
		t.Errorf("%s", r.text)
	}
	if r, list := results("?clientId=c-1&page=2&perPage=7"); len(list) != 5 || r.object["previous"] != "https://verify.example/compat/idenfy/kyc/identifications/?clientId=c-1&page=1&perPage=7" {
		t.Errorf("%s", r.text)
	}
	if _, list := results("?clientId=nobody"); len(list) != 0 {
		t.Errorf("%v", list)
	}
	if r, list := results("?page=99"); len(list) != 0 || r.object["next"] != nil {
		t.Errorf("%s", r.text)
	}
	for query, field := range map[string]string{"?page=0": "page", "?page=x": "page", "?page=-1": "page", "?page=100001": "page", "?perPage=101": "perPage", "?perPage=1e3": "perPage",
		"?clientId=" + strings.Repeat("x", 101): "clientId"} {
		checkField(t, f.call("GET", "/kyc/identifications/"+query, ""), "BAD_VALUE", field)
	}
	if r := f.callAs(keyID.Text(uid.Key), "csk_other", "GET", "/kyc/identifications", ""); r.object["count"] != 0.0 {
		t.Errorf("another account sees %s", r.text)
	}
}

func TestList_looks_at_ten_thousand_and_says_what_it_does_not_know(t *testing.T) {
	t.Parallel()
	f := newFake()
	for i := range 10_300 {
		f.sessions = append(f.sessions, invite.View{ID: uid.New(began.Add(-time.Duration(i)*time.Second), 1), Vendor: map[string]string{"dialect": "idenfy"}})
	}
	r := f.call("GET", "/kyc/identifications/?perPage=100", "")
	if r.object["count"] != nil || r.object["next"] == nil || len(r.object["results"].([]any)) != 100 {
		t.Errorf("%.300s", r.text)
	}
	if r := f.call("GET", "/kyc/identifications/?perPage=100&page=100", ""); len(r.object["results"].([]any)) != 100 {
		t.Errorf("%.300s", r.text)
	}
	checkField(t, f.call("GET", "/kyc/identifications/?perPage=100&page=101", ""), "BAD_VALUE", "page")
}

func TestID_31_an_expired_session_is_not_revived_but_asked_for_anew(t *testing.T) {
	t.Parallel()
	f := newFake()
	made := f.token(t, `"verifyEmail":true,"sessionLength":900,"locale":"fr","externalRef":"o-7","firstName":"Ann","theme":"t","successUrl":"https://shop.example/ok","callbackUrl":"https://shop.example/hook"`)
	scanRef, _ := made.object["scanRef"].(string)
	f.change(scanRef, func(v *invite.View) { v.Status = invite.Expired })
	r := f.call("POST", "/kyc/identifications/"+scanRef+"/request-information/", `{"lifetime":7200,"comment":"once more"}`)
	if r.status != 200 || r.object["scanRef"] == scanRef || !strings.HasSuffix(r.object["sessionUrl"].(string), r.object["tokenString"].(string)) {
		t.Fatalf("%s", r.text)
	}
	asked := f.last()
	if asked.VerifyEmail == nil || !*asked.VerifyEmail || asked.VerifyPhone != nil || asked.SessionTTL != 15*time.Minute || *asked.LinkTTL != 2*time.Hour || asked.Locale != "fr" ||
		asked.Reference != "c-1" || asked.ExternalID != "o-7" || asked.FirstName != "ANN" || !strings.Contains(asked.Notes, "theme") || asked.RedirectURL != "https://shop.example/ok" ||
		asked.Vendor["callback_url"] != "https://shop.example/hook" || asked.Vendor["again"] != scanRef || !asked.Silent || !asked.WithoutConsent {
		t.Errorf("%+v", asked)
	}
	if r := f.statusOf(scanRef, everything); r.object["status"] != "EXPIRED" {
		t.Errorf("revived: %s", r.text)
	}
	again := "/kyc/identifications/" + scanRef + "/request-information"
	if f.call("POST", again, `{}`); *f.last().LinkTTL != 24*time.Hour {
		t.Errorf("by default %v", *f.last().LinkTTL)
	}
	for _, life := range []string{"-1", "2592001", `"1"`} {
		checkField(t, f.call("POST", again, `{"lifetime":`+life+`}`), "BAD_VALUE", "lifetime")
	}
}

// TestID_53_a_new_link_for_the_same_person_leaves_a_locked_contact_locked: with a link of its own the customer could enter any other one.
func TestID_53_a_new_link_for_the_same_person_leaves_a_locked_contact_locked(t *testing.T) {
	t.Parallel()
	f := newFake()
	again := func(members string, fixed ...bool) (reply, invite.CreateRequest) {
		scanRef, _ := f.token(t, `"verifyPhone":true,"verifyEmail":true`+members).object["scanRef"].(string)
		f.change(scanRef, func(v *invite.View) {
			for i := range fixed {
				v.Gates[i].Fixed, v.Gates[i].Masked = fixed[i], "masked"
			}
		})
		user, secret := as("all") // the number is shown to nobody
		r := f.callAs(user, secret, "POST", "/kyc/identifications/"+scanRef+"/request-information/", `{}`)
		return r, f.last()
	}
	for _, c := range []struct {
		phone, email bool
		want         invite.Prefill
	}{
		{true, true, invite.Prefill{Phone: "+447700900123", Email: "ann@example.net", Locked: true}},
		{true, false, invite.Prefill{Phone: "+447700900123", Locked: true}}, // the address is the customer's own
		{false, true, invite.Prefill{Email: "ann@example.net", Locked: true}},
		{false, false, invite.Prefill{}},
	} {
		if r, asked := again("", c.phone, c.email); r.status != 200 || asked.Contacts != c.want {
			t.Errorf("%+v: %s %+v", c, r.text, asked.Contacts)
		}
	}
	if f.reveals != 3 {
		t.Errorf("%d readings in full, want 3", f.reveals)
	}
	f.erased = true
	r, _ := again("", true, false)
	checkField(t, r, "BAD_VALUE", "scanRef")
}
