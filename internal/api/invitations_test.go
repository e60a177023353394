package api_test

import (
	"context"
	"encoding/json"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// invites is the fake of invitations and settings: it applies the policy as the service does, and its invitation is always the same.
type invites struct{ s *services }

// known is the open invitation of a customer of the name Known.
var known = uid.ID{0x0b, 15: 1}

func oneInvitation() invite.View {
	return invite.View{
		ID: inv, Kind: invite.Fixed, Status: invite.Sent, FirstName: "Ann", LastName: "Lee", MaskedEmail: "a•••@example.net", MaskedMobile: "+1 ••• ••• ••23",
		Policy: policy.YesOptional, Mobile2FA: true, Reference: "case-7", ExternalID: "x-1", Channels: []delivery.Channel{delivery.Email, delivery.SMS},
		Vendor:  map[string]string{"door": "hidden"},
		Carried: []invite.Carried{{Channel: delivery.SMS, Provider: "main", Reference: "SM1", State: delivery.Delivered, At: began, UpdatedAt: began.Add(time.Second)}},
		Gates:   []invite.GateView{{Channel: delivery.SMS, Fixed: true, Masked: "+1 ••• ••• ••23", Cycle: 1}}, CreatedAt: began, UpdatedAt: began, SentAt: began,
		ExpiresAt: began.Add(720 * time.Hour),
	}
}

// inviteAsked is a request about one invitation: a change with what it is to, or a read.
type inviteAsked struct {
	Target invite.Target
	What   any
}

func (i invites) one(t invite.Target, what any) (invite.View, error) {
	return i.s.view, i.s.note(t.Caller.Tenant, inviteAsked{t, what})
}

func (i invites) Create(_ context.Context, r invite.CreateRequest) (invite.CreateAnswer, error) {
	if err := i.s.note(r.Caller.Tenant, r); err != nil {
		return invite.CreateAnswer{}, err
	}
	on, err := policy.ForContacts(i.s.mode, r.Mobile2FA, policy.Contacts{Email: r.Email != "", Mobile: r.Mobile != ""})
	made := i.s.view
	if made.Mobile2FA = on; !on {
		made.Gates = nil
	}
	made.Policy, made.OverrideReason = i.s.mode, r.Reason
	if err == nil {
		made.Overridden, err = (&policy.Checks{Mobile2FA: i.s.mode, OverrideReason: i.s.reason}).Overrides(on, r.Reason)
	}
	if made.Overridden {
		made.OverriddenBy = r.Caller.Actor
	}
	answer := invite.CreateAnswer{View: made}
	if r.FirstName == "Known" && r.IfOpen == invite.OpenTold {
		answer.Open = []invite.OpenOne{{ID: known, Reference: "case-1", Status: invite.Sent, CreatedAt: began}}
	}
	return answer, err
}

func (i invites) CreateMany(_ context.Context, rs []invite.CreateRequest) ([]invite.ManyAnswer, error) {
	answers := make([]invite.ManyAnswer, len(rs))
	for n, r := range rs {
		open := []invite.OpenOne{{ID: known, Reference: "case-1", Status: invite.Sent, CreatedAt: began}}
		switch answers[n].Err = i.s.refused[r.FirstName]; {
		case answers[n].Err != nil:
		case r.FirstName == "Known" && r.IfOpen == invite.OpenRefused:
			answers[n].Err = fault.Wrap(fault.Conflict, "invitation_open", "Open.", &invite.OpenError{Open: open}).On("mobile")
		case r.FirstName == "Known" && r.IfOpen == invite.OpenTold:
			answers[n].Answer = invite.CreateAnswer{View: i.s.view, Open: open}
		default:
			answers[n].Answer.View = i.s.view
		}
	}
	return answers, i.s.note(rs[0].Caller.Tenant, rs)
}

func (i invites) Sandbox(_ context.Context, by invite.Caller, to string) ([]invite.Message, error) {
	at := func(d time.Duration) invite.Message {
		return invite.Message{Invitation: inv, N: 1, To: "a•••@example.net", Channel: delivery.Email, Subject: "Acme", Text: "Open it", Link: "https://x.example/v/t", At: began.Add(d)}
	}
	return []invite.Message{at(time.Second), at(-time.Second)}, i.s.note(by.Tenant, to)
}

func (i invites) Get(_ context.Context, t invite.Target) (invite.View, error) { return i.one(t, "get") }

func (i invites) Reveal(_ context.Context, t invite.Target) (invite.Revealed, error) {
	_, err := i.one(t, "reveal")
	return invite.Revealed{Phone: "+12025550123", Email: "ann@example.net"}, err
}

func (i invites) List(_ context.Context, r invite.ListRequest) ([]invite.View, uid.ID, error) {
	return []invite.View{i.s.view}, i.s.more, i.s.note(r.Caller.Tenant, r)
}

func (i invites) Events(_ context.Context, t invite.Target, after uid.ID, limit int) ([]audit.Event, uid.ID, error) {
	_, err := i.one(t, []any{after, limit})
	return i.s.timeline, i.s.more, err
}

func (i invites) Resend(_ context.Context, t invite.Target, channels []delivery.Channel) (invite.View, error) {
	return i.one(t, channels)
}

func (i invites) Correct(_ context.Context, t invite.Target, c invite.Contact) (invite.View, error) {
	return i.one(t, c)
}

func (i invites) Unlock(_ context.Context, t invite.Target, reason string) (invite.View, error) {
	return i.one(t, "unlock "+reason)
}

func (i invites) Cancel(_ context.Context, t invite.Target, reason string) (invite.View, error) {
	return i.one(t, "cancel "+reason)
}

func (i invites) Complete(_ context.Context, t invite.Target) (invite.View, error) {
	return i.one(t, "complete")
}

const draft = `{"first_name":"Ann","last_name":"Lee","email":"ann@example.net","mobile":"+12025550123"}`

// with is a draft with more fields.
func with(fields string) string { return strings.TrimSuffix(draft, "}") + "," + fields + "}" }

var invitations = []scenario{
	{name: "create answers 201 without a link, a contact or a vendor's word", method: "POST", target: "/v1/invitations", body: draft, status: 201,
		want: []string{`"id":"inv_`, `"kind":"fixed"`, `"status":"sent"`, `"first_name":"Ann"`, `"masked_email":"a•••@example.net"`, `"masked_mobile":"+1 ••• ••• ••23"`,
			`"mobile_2fa":"pending"`, `"mobile_2fa_effective":true`, `"mobile_2fa_policy":"yes_optional"`, `"mobile_2fa_overridden":false`,
			`"channels":["email","sms"]`, `"deliveries":[{"channel":"sms","provider":"main","state":"delivered","error":"","created_at":"2026-11-21T22:46:00.123Z","updated_at":"2026-11-21T22:46:01.123Z"}]`,
			`"gates":[{"channel":"sms","fixed":true,"contact":"+1 ••• ••• ••23","sends":0,"cycle":1,"shut":false}]`,
			`"resend_count":0`, `"version":1`, `"attempt_count":0`, `"link_sent_at":"2026-11-21T22:46:00.123Z"`, `"expires_at":"2026-12-21T22:46:00.123Z"`},
		not: []string{"ann@example.net", "+12025550123", `"email":`, `"mobile":`, "hidden", "opened_at", "/v/", "open_invitations"}},
	{name: "a person who has an open invitation gets another, and the answer says so", method: "POST", target: "/v1/invitations",
		body: `{"first_name":"Known","last_name":"Lee","email":"ann@example.net","mobile":"+12025550123"}`, status: 201,
		want: []string{`"open_invitations":[{"id":"` + known.Text(uid.Invitation) + `","reference":"case-1","status":"sent","created_at":"2026-11-21T22:46:00.123Z"}]`}},
	{name: "a link for ever has no end", method: "POST", target: "/v1/invitations", body: with(`"expires_in_hours":null`), status: 201,
		prepare: func(s *services) { s.view.ExpiresAt = time.Time{} }, not: []string{"expires_at"}},
	{name: "notes may have line breaks", method: "POST", target: "/v1/invitations", body: with(`"notes":"a\nb"`), status: 201},
	{name: "nothing else may", method: "POST", target: "/v1/invitations", body: with(`"reference":"a\nb"`), status: 400, want: []string{"control character"}},
	{name: "notes may not have a NUL", method: "POST", target: "/v1/invitations", body: with(`"notes":"a\u0000b"`), status: 400},
	{name: "no name", method: "POST", target: "/v1/invitations", body: `{"email":"ann@example.net"}`, status: 422, want: []string{"first_name", "last_name"}, not: []string{"ann@"}},
	{name: "an empty name", method: "POST", target: "/v1/invitations", body: `{"first_name":"","last_name":"Lee","email":"a@example.net"}`, status: 422,
		want: []string{`"field":"first_name"`}},
	{name: "a choice that is no boolean", method: "POST", target: "/v1/invitations", body: with(`"mobile_2fa":"yes please"`), status: 422,
		want: []string{`"field":"mobile_2fa"`}, not: []string{"yes please"}},
	{name: "a name of the vendor's spelling is unknown", method: "POST", target: "/v1/invitations", body: with(`"redirectUrl":"https://a.example"`), status: 422, not: []string{"a.example"}},
	{name: "a life of nothing", method: "POST", target: "/v1/invitations", body: with(`"expires_in_hours":0`), status: 422, want: []string{`"field":"expires_in_hours"`}},
	{name: "a life over a year", method: "POST", target: "/v1/invitations", body: with(`"expires_in_hours":8761`), status: 422, want: []string{`"field":"expires_in_hours"`}},
	{name: "a channel that carries no link", method: "POST", target: "/v1/invitations", body: with(`"channels":["voice"]`), status: 422, want: []string{`"field":"channels`}, not: []string{`"voice"`}},
	{name: "get", method: "GET", target: invPath, status: 200, want: []string{`"masked_mobile":"+1 ••• ••• ••23"`}, not: []string{"+12025550123"}},
	{name: "get reveals to those who may see", method: "GET", target: invPath + "?reveal=contact", status: 200, want: []string{`"email":"ann@example.net"`, `"mobile":"+12025550123"`}},
	{name: "get reveals nothing else", method: "GET", target: invPath + "?reveal=to", status: 422, want: []string{`"field":"reveal"`}},
	{name: "a malformed id looks unknown", method: "GET", target: "/v1/invitations/inv_zz", status: 404, want: []string{`"code":"invitation_not_found"`}},
	{name: "an id of another kind looks unknown", method: "POST", target: "/v1/invitations/" + vrf.Text(uid.Verification) + "/cancel", status: 404},
	{name: "list", method: "GET", target: "/v1/invitations?status=sent&limit=250", status: 200, want: []string{`{"data":[{"id":"inv_`, `"next":null}`}},
	{name: "list tells where to go on", method: "GET", target: "/v1/invitations", status: 200, prepare: func(s *services) { s.more = inv }, not: []string{`"next":null`}},
	{name: "list by a status that there is none", method: "GET", target: "/v1/invitations?status=cancelled", status: 422, want: []string{`"field":"status"`}},
	{name: "list from no time", method: "GET", target: "/v1/invitations?from=yesterday", status: 422, want: []string{`"code":"time_invalid"`, `"field":"from"`}, not: []string{"yesterday"}},
	{name: "list with a NUL", method: "GET", target: "/v1/invitations?reference=a%00b", status: 422, want: []string{`"code":"filter_invalid"`}},
	{name: "list over the limit", method: "GET", target: "/v1/invitations?limit=251", status: 422},
	{name: "events", method: "GET", target: invPath + "/events", status: 200, prepare: func(s *services) {
		s.timeline = []audit.Event{
			{ID: uid.New(began, 3), Tenant: acme, Type: "invitation.created", Object: inv, At: began, Actor: "key:k", RequestID: "req_1", Data: []byte(`{"mobile_2fa_effective":true}`)},
			{ID: uid.New(began, 4), Tenant: acme, Type: "invitation.opened", Object: inv, At: began, Actor: "customer"},
		}
	}, want: []string{`"type":"invitation.created","created_at":"2026-11-21T22:46:00.123Z","actor":"key:k","request_id":"req_1","detail":{"mobile_2fa_effective":true}}`,
		`"type":"invitation.opened","created_at":"2026-11-21T22:46:00.123Z","actor":"customer"}`, `"next":null`}},
	{name: "no events", method: "GET", target: invPath + "/events", status: 200, want: []string{`{"data":[],"next":null}`}},
	{name: "resend without a body", method: "POST", target: invPath + "/resend", status: 200},
	{name: "resend by no channel", method: "POST", target: invPath + "/resend", body: `{"channel":"pigeon"}`, status: 422, want: []string{`"field":"channel"`}, not: []string{"pigeon"}},
	{name: "resend by a channel without a contact", method: "POST", target: invPath + "/resend", body: `{"channel":"email"}`, status: 422,
		prepare: func(s *services) { s.err = fault.New(fault.Invalid, "channel_invalid", "Use another.").On("channels") }, want: []string{`"field":"channel"`}},
	{name: "a correction of nothing that there is", method: "PATCH", target: invPath + "/contact", body: `{"phone":"+12025550123"}`, status: 422, not: []string{"2025550123"}},
	{name: "complete", method: "POST", target: invPath + "/complete", status: 200},
	{name: "a state that forbids it", method: "POST", target: invPath + "/cancel", body: `{"reason":"no"}`, status: 409,
		prepare: func(s *services) { s.err = fault.New(fault.Conflict, "invitation_ended", "It has ended.") }, want: []string{`"code":"invitation_ended"`}},
}

func TestRA_14_a_choice_against_a_required_option_is_409_policy_locked(t *testing.T) {
	t.Parallel()
	play(t, []scenario{
		{name: "off under yes_required", method: "POST", target: "/v1/invitations", body: with(`"mobile_2fa":false`), status: 409,
			prepare: func(s *services) { s.mode = policy.YesRequired }, want: []string{`"code":"policy_locked"`, `"field":"mobile_2fa"`}, not: []string{"inv_"}},
		{name: "on under no_required", method: "POST", target: "/v1/invitations", body: with(`"mobile_2fa":true`), status: 409,
			prepare: func(s *services) { s.mode = policy.NoRequired }, want: []string{`"code":"policy_locked"`}},
		{name: "it wins over a missing number", method: "POST", target: "/v1/invitations", body: `{"first_name":"A","last_name":"B","email":"a@example.net","mobile_2fa":true}`,
			status: 409, prepare: func(s *services) { s.mode = policy.NoRequired }, want: []string{`"code":"policy_locked"`}},
		{name: "the same under yes_required is fine", method: "POST", target: "/v1/invitations", body: with(`"mobile_2fa":true`), status: 201,
			prepare: func(s *services) { s.mode = policy.YesRequired }, want: []string{`"mobile_2fa_effective":true`, `"mobile_2fa_policy":"yes_required"`}},
	})
}

func TestRA_15_a_choice_that_is_left_out_is_the_preset(t *testing.T) {
	t.Parallel()
	for mode, on := range map[policy.Mode]string{policy.YesOptional: "true", policy.YesRequired: "true", policy.NoOptional: "false", policy.NoRequired: "false"} {
		play(t, []scenario{{name: string(mode), method: "POST", target: "/v1/invitations", body: draft, status: 201,
			prepare: func(s *services) { s.mode = mode }, want: []string{`"mobile_2fa_effective":` + on, `"mobile_2fa_overridden":false`}}})
	}
}

func TestRA_19_a_choice_against_the_preset_is_told(t *testing.T) {
	t.Parallel()
	play(t, []scenario{
		{name: "off", method: "POST", target: "/v1/invitations", body: with(`"mobile_2fa":false`), status: 201,
			want: []string{`"mobile_2fa":"not_used"`, `"mobile_2fa_effective":false`, `"mobile_2fa_overridden":true`, `"gates":[]`}},
		{name: "on", method: "POST", target: "/v1/invitations", body: with(`"mobile_2fa":true`), status: 201,
			prepare: func(s *services) { s.mode = policy.NoOptional }, want: []string{`"mobile_2fa_effective":true`, `"mobile_2fa_overridden":true`}},
		{name: "with a reason", method: "POST", target: "/v1/invitations", body: with(`"mobile_2fa":false,"mobile_2fa_reason":"known for years"`), status: 201,
			want: []string{`"mobile_2fa_overridden":true,"mobile_2fa_overridden_by":"key:` + key.Text(uid.Key) + `","mobile_2fa_reason":"known for years"`}},
		{name: "without one where the firm demands it", method: "POST", target: "/v1/invitations", body: with(`"mobile_2fa":false`), status: 400,
			prepare: func(s *services) { s.reason = true }, want: []string{`"code":"reason_required"`, `"field":"mobile_2fa_reason"`}, not: []string{"inv_"}},
		{name: "an empty one", method: "POST", target: "/v1/invitations", body: with(`"mobile_2fa":false,"mobile_2fa_reason":""`), status: 422,
			want: []string{`"field":"mobile_2fa_reason"`}},
		{name: "one that is long", method: "POST", target: "/v1/invitations", body: with(`"mobile_2fa":false,"mobile_2fa_reason":"` + strings.Repeat("x", 201) + `"`), status: 422,
			want: []string{`"field":"mobile_2fa_reason"`}},
	})
}

func TestRA_21_25_contacts_that_are_missing_are_400(t *testing.T) {
	t.Parallel()
	play(t, []scenario{
		{name: "none", method: "POST", target: "/v1/invitations", body: `{"first_name":"A","last_name":"B"}`, status: 400, want: []string{`"code":"contact_required"`}},
		{name: "empty ones are none", method: "POST", target: "/v1/invitations", body: `{"first_name":"A","last_name":"B","email":"","mobile":""}`, status: 400,
			want: []string{`"code":"contact_required"`}},
		{name: "no number with the gate on", method: "POST", target: "/v1/invitations", body: `{"first_name":"A","last_name":"B","email":"a@example.net"}`, status: 400,
			want: []string{`"code":"mobile_required"`, `"field":"mobile"`, "switch Mobile 2FA off"}, not: []string{"a@example.net"}},
		{name: "no number with the gate required", method: "POST", target: "/v1/invitations", body: `{"first_name":"A","last_name":"B","email":"a@example.net"}`, status: 400,
			prepare: func(s *services) { s.mode = policy.YesRequired }, want: []string{`"code":"mobile_required"`}},
		{name: "no number with the gate off", method: "POST", target: "/v1/invitations", body: `{"first_name":"A","last_name":"B","email":"a@example.net","mobile_2fa":false}`, status: 201},
	})
}

func TestRA_55_every_act_of_the_firm_reaches_the_service_with_its_reason_and_none_passes_a_gate(t *testing.T) {
	t.Parallel()
	mobile := "+12025550124"
	for _, c := range []struct {
		method, path, body string
		what               any
	}{
		{"POST", "/resend", "", []delivery.Channel(nil)},
		{"POST", "/resend", `{"channel":"both"}`, []delivery.Channel{delivery.Email, delivery.SMS}},
		{"POST", "/resend", `{"channel":"sms"}`, []delivery.Channel{delivery.SMS}},
		{"POST", "/resend", `{"channel":"sms","reason":"they called"}`, []delivery.Channel{delivery.SMS}},
		{"POST", "/unlock", `{"reason":"they called"}`, "unlock they called"},
		{"POST", "/cancel", "", "cancel "},
		{"POST", "/cancel", `{"reason":"wrong person"}`, "cancel wrong person"},
		{"POST", "/complete", "", "complete"},
		{"PATCH", "/contact", `{"mobile":"+12025550124","country":"US"}`, invite.Contact{Mobile: &mobile, Country: "US"}}, // RA-56
		{"PATCH", "/contact", `{"mobile":"+12025550124","country":"US","reason":"they called"}`, invite.Contact{Mobile: &mobile, Country: "US"}},
	} {
		fake := newServices()
		w := call(newServer(t, fake, io.Discard), c.method, invPath+c.path, c.body, nil)
		if w.Code != 200 || len(fake.asked) != 1 {
			t.Errorf("%s %s: %d %s", c.path, c.body, w.Code, w.Body)
			continue
		}
		got := fake.asked[0].(inviteAsked)
		if got.Target.ID != inv || got.Target.Caller.Tenant != acme || got.Target.Caller.Actor != "key:"+key.Text(uid.Key) || !strings.HasPrefix(got.Target.Caller.RequestID, "req_") {
			t.Errorf("%s: asked by %+v", c.path, got.Target)
		}
		if said := strings.Contains(c.body, "they called") && !strings.HasPrefix(c.path, "/unlock"); said != (got.Target.Reason == "they called") {
			t.Errorf("%s %s: the reason is %q", c.path, c.body, got.Target.Reason)
		}
		if diff := cmp.Diff(c.what, got.What); diff != "" {
			t.Errorf("%s %s (-want +got):\n%s", c.path, c.body, diff)
		}
	}
	for _, path := range []string{"/verify", "/pass", "/skip", "/approve", "/code"} {
		if w := call(newServer(t, newServices(), io.Discard), "POST", invPath+path, "", nil); w.Code != 404 {
			t.Errorf("%s answers %d", path, w.Code)
		}
	}
	w := call(newServer(t, newServices(), io.Discard), "POST", invPath+"/unlock", `{}`, nil)
	if w.Code != 422 || !strings.Contains(w.Body.String(), "reason") {
		t.Errorf("unlock without a reason: %d %s", w.Code, w.Body)
	}
}

func TestRA_55_a_change_of_a_version_that_was_read_reaches_the_service_as_one(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ method, path, body string }{
		{"POST", "/resend", ""}, {"PATCH", "/contact", `{"email":"new@example.net"}`}, {"POST", "/unlock", `{"reason":"x"}`}, {"POST", "/cancel", ""}, {"POST", "/complete", ""},
	} {
		for given, want := range map[string]struct{ status, link int }{"": {200, 0}, "2": {200, 2}, `"2"`: {200, 2}, "0": {422, 0}, "*": {422, 0}, `W/"2"`: {422, 0}, "1, 2": {422, 0}} {
			fake := newServices()
			fake.view.Resends = 1
			var header map[string]string
			if given != "" {
				header = map[string]string{"If-Match": given}
			}
			w := call(newServer(t, fake, io.Discard), c.method, invPath+c.path, c.body, header)
			if w.Code != want.status || (len(fake.asked) == 1) != (want.status == 200) {
				t.Errorf("%s of %q: %d %s", c.path, given, w.Code, w.Body)
				continue
			}
			if w.Code == 200 && (fake.asked[0].(inviteAsked).Target.Link != want.link || w.Header().Get("ETag") != `"2"` || !strings.Contains(w.Body.String(), `"version":2`)) {
				t.Errorf("%s of %q: asked of %d, answered with ETag %s", c.path, given, fake.asked[0].(inviteAsked).Target.Link, w.Header().Get("ETag"))
			}
		}
		fake := newServices()
		fake.err = fault.New(fault.Conflict, invite.CodeChanged, "Somebody sent a new link meanwhile. Read the invitation again.")
		w := call(newServer(t, fake, io.Discard), c.method, invPath+c.path, c.body, map[string]string{"If-Match": "1"})
		if w.Code != 409 || !strings.Contains(w.Body.String(), `"code":"invitation_changed"`) {
			t.Errorf("%s of a version that is not of now: %d %s", c.path, w.Code, w.Body)
		}
	}
	if w := call(newServer(t, newServices(), io.Discard), "GET", invPath, "", nil); w.Header().Get("ETag") != `"1"` {
		t.Errorf("read with ETag %s", w.Header().Get("ETag"))
	}
}

func TestRA_58_59_filters_reach_the_service(t *testing.T) {
	t.Parallel()
	fake := newServices()
	fake.more = vrf
	h := newServer(t, fake, io.Discard)
	var first struct{ Next string }
	if err := json.Unmarshal(call(h, "GET", "/v1/invitations", "", nil).Body.Bytes(), &first); err != nil {
		t.Fatal(err)
	}
	call(h, "GET", "/v1/invitations?reference=case-7&contact=+12025550123&status=mobile_failed&mobile_2fa=false&from=2026-11-01&to=2026-11-21T22:46:00%2B01:00&limit=7&cursor="+first.Next, "", nil)
	off := false
	want := invite.ListRequest{
		Status: invite.MobileFailed, Reference: "case-7", Contact: "+12025550123", Mobile2FA: &off, Page: uid.Page{Before: vrf, Limit: 7},
		From: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC), To: time.Date(2026, 11, 21, 21, 46, 0, 0, time.UTC),
	}
	got := fake.asked[1].(invite.ListRequest)
	got.Caller = invite.Caller{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	if got := fake.asked[0].(invite.ListRequest); got.Mobile2FA != nil || !got.From.IsZero() || got.Limit != 50 {
		t.Errorf("without filters: %+v", got)
	}
}

func TestSEC_82_revealing_a_contact_needs_its_own_scope_and_is_told_to_the_service(t *testing.T) {
	t.Parallel()
	for _, scope := range []string{tenant.ScopeInvitesRead, tenant.ScopeRecipientShow, tenant.ScopeAll} {
		fake := newServices()
		w := call(newServer(t, fake, io.Discard), "GET", invPath+"?reveal=contact", "", map[string]string{"Authorization": "Bearer csk_only:" + scope})
		if w.Code != 403 || len(fake.asked) != 0 {
			t.Errorf("%s: %d; asked %v", scope, w.Code, fake.asked)
		}
	}
	fake := newServices()
	call(newServer(t, fake, io.Discard), "GET", invPath+"?reveal=contact", "", nil)
	if len(fake.asked) != 2 || fake.asked[1].(inviteAsked).What != "reveal" {
		t.Errorf("asked %v", fake.asked)
	}
	fake = newServices()
	call(newServer(t, fake, io.Discard), "GET", invPath, "", nil)
	if len(fake.asked) != 1 {
		t.Errorf("asked %v", fake.asked)
	}
}

// TestDraftFieldsReachTheService follows every field of a creation.
func TestDraftFieldsReachTheService(t *testing.T) {
	t.Parallel()
	fake := newServices()
	body := with(`"country":"AU","mobile_2fa":true,"mobile_2fa_reason":"a large sum","reference":"case-7","notes":"n","locale":"de-AT","consent_version":"2","redirect_url":"https://a.example/done",` +
		`"expires_in_hours":48,"external_id":"x-1","channels":["email"]`)
	if w := call(newServer(t, fake, io.Discard), "POST", "/v1/invitations", body, nil); w.Code != 201 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	yes, life := true, 48*time.Hour
	want := invite.CreateRequest{
		Kind: invite.Fixed, FirstName: "Ann", LastName: "Lee", Email: "ann@example.net", Mobile: "+12025550123", Country: "AU", Notes: "n", Mobile2FA: &yes, Reason: "a large sum",
		Reference: "case-7", ExternalID: "x-1", Locale: "de-AT", ConsentVersion: "2", RedirectURL: "https://a.example/done", LinkTTL: &life,
		Channels: []delivery.Channel{delivery.Email}, IfOpen: invite.OpenTold,
	}
	got := fake.asked[0].(invite.CreateRequest)
	got.Caller = invite.Caller{}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("request (-want +got):\n%s", diff)
	}
	for fields, life := range map[string]*time.Duration{`"reference":"r"`: nil, `"expires_in_hours":null`: new(time.Duration)} {
		fake := newServices()
		call(newServer(t, fake, io.Discard), "POST", "/v1/invitations", with(fields), nil)
		if diff := cmp.Diff(life, fake.asked[0].(invite.CreateRequest).LinkTTL); diff != "" {
			t.Errorf("%s: life (-want +got):\n%s", fields, diff)
		}
	}
}
