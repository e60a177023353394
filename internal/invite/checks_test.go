package invite_test

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
)

func TestRA_33_a_code_lives_as_long_as_the_firm_said_when_the_invitation_was_made(t *testing.T) {
	t.Parallel()
	for _, minutes := range []int{2, 5, 10} {
		d := setup(t)
		life := time.Duration(minutes) * time.Minute
		d.checks(func(c *policy.Checks) { c.CodeMinutes = minutes })
		early, late := d.invited(), d.invited(func(r *invite.CreateRequest) { r.Mobile = another })
		d.checks(func(c *policy.Checks) { c.CodeMinutes = 7 }) // RA-16: for later ones alone
		d.is(d.hub(early, invite.StepPhone).Gate.CodeLife, life, "the life that the page tells")
		page := d.send(early, invite.SendSent)
		d.is(page.Gate.CodeEnds, d.world.time().Add(life), "the end that the page tells")
		code := d.code()
		d.is(d.world.codes[0].Life, life, "the life that the message tells")
		d.later(life - time.Microsecond)
		d.check(early, code, invite.CheckRight)

		d.send(late, invite.SendSent)
		code = d.code()
		d.later(life)
		d.check(late, code, invite.CheckDead)
		d.is(d.hub(d.invited(), invite.StepPhone).Gate.CodeLife, 7*time.Minute, "of one that is made later")
	}
}

func TestRA_33_codes_of_a_contact_that_the_customer_enters_live_five_minutes_whatever_the_firm_says(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.CodeMinutes = 10 })
	v := d.invited(entered(true, false))
	page := d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
	d.is(page.Gate.CodeEnds, d.world.time().Add(5*time.Minute), "end") // ID-25
}

func TestRA_31_numbers_are_of_the_countries_that_the_firm_enabled(t *testing.T) {
	t.Parallel()
	const british, german = "+447700900123", "+4915123456789"
	d := setup(t)
	before := d.invited(func(r *invite.CreateRequest) { r.Mobile = german })
	d.checks(func(c *policy.Checks) { c.Countries = []string{"GB", "US"} })
	for name, c := range map[string]struct {
		number, country string
		ok              bool
	}{
		"a country of the list": {british, "", true}, "another": {german, "", false}, "another, as it is typed there": {"0151 23456789", "DE", false},
		"a shared code, another country": {"+15062345678", "", false}, "of no country": {"+870773111632", "", false},
	} {
		for _, on := range []bool{true, false} { // whether the gate is on or not
			_, err := d.Create(t.Context(), d.ask(func(r *invite.CreateRequest) { r.Mobile, r.Country, r.Mobile2FA = c.number, c.country, &on }))
			if c.ok != (err == nil) {
				t.Errorf("%s: %v", name, err)
			}
			if err != nil && (fault.As(err).Code != "country_not_allowed" && name != "of no country" || fault.As(err).Field != "mobile") {
				t.Errorf("%s: %v on %s", name, err, fault.As(err).Field)
			}
		}
	}
	answers, err := d.CreateMany(t.Context(), []invite.CreateRequest{d.ask(), d.ask(func(r *invite.CreateRequest) { r.Mobile = german })})
	if err != nil || answers[0].Err != nil || fault.As(answers[1].Err).Code != "country_not_allowed" {
		t.Errorf("of many: %+v %v", answers, err)
	}
	d.work() // so that the link that is opened is that of the next one
	v, to := d.invited(), german
	_, err = d.Correct(t.Context(), d.target(v), invite.Contact{Mobile: &to})
	d.fault(err, fault.Invalid, "country_not_allowed")
	d.is(fault.As(err).Field, "mobile", "field")
	to = british
	if _, err := d.Correct(t.Context(), d.target(v), invite.Contact{Mobile: &to}); err != nil {
		t.Error(err)
	}
	if _, err := d.Correct(t.Context(), d.target(before), invite.Contact{Mobile: ptr("+4915123456780")}); err != nil { // RA-16
		t.Errorf("of one that was made before: %v", err)
	}
}

func TestRA_31_a_number_of_another_country_that_a_customer_types_is_refused_and_uses_no_attempt(t *testing.T) {
	t.Parallel()
	const german = "+4915123456789"
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.Countries, c.EditableByCustomer = []string{"US"}, true })
	for name, v := range map[string]invite.Visit{"entered": d.invited(entered(true, false)), "changed": d.invited()} {
		before := d.hub(v, invite.StepPhone).Gate
		if !slices.Equal(before.Countries, []string{"US"}) {
			t.Errorf("%s: the page offers %v", name, before.Countries)
		}
		for _, typed := range []invite.Entry{{Contact: german}, {Contact: "0151 23456789", Country: "DE"}} {
			outcome, page, err := d.Send(t.Context(), v, delivery.SMS, typed)
			if err != nil || outcome != invite.SendRefused || page.Gate.SendsLeft != before.SendsLeft || page.Gate.Asked != 0 {
				t.Errorf("%s: %s %v, %+v", name, outcome, err, page.Gate)
			}
		}
		d.is(d.sent(), 0, "codes")
	}
	v := d.invited(entered(true, false))
	d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
	_, err := d.Create(t.Context(), d.ask(entered(true, false), func(r *invite.CreateRequest) { r.Contacts.Phone = german }))
	d.fault(err, fault.Invalid, "country_not_allowed")
	d.is(fault.As(err).Field, "phone", "field of one that is given with a session")
}

func ptr[T any](v T) *T { return &v }

func TestRA_19_a_choice_against_the_preset_records_who_made_it_and_a_reason_that_the_firm_may_demand(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	for _, c := range []struct {
		name     string
		mode     policy.Mode
		demanded bool
		wanted   *bool
		reason   string
		against  bool
		code     string
	}{
		{"off, and no reason is demanded", policy.YesOptional, false, &no, "", true, ""},
		{"off, with a reason all the same", policy.YesOptional, false, &no, "known for years", true, ""},
		{"off, without the reason", policy.YesOptional, true, &no, "", true, "reason_required"},
		{"off, with a blank one", policy.YesOptional, true, &no, " ", true, "reason_required"},
		{"off, with the reason", policy.YesOptional, true, &no, "known for years", true, ""},
		{"on, without the reason", policy.NoOptional, true, &yes, "", true, "reason_required"},
		{"on, with the reason", policy.NoOptional, true, &yes, "a large sum", true, ""},
		{"as the preset", policy.YesOptional, true, &yes, "", false, ""},
		{"nothing chosen", policy.NoOptional, true, nil, "", false, ""},
		{"a reason for the preset", policy.NoOptional, true, nil, "a small sum", false, ""},
		{"a locked setting comes first", policy.YesRequired, true, &no, "", false, "policy_locked"},
	} {
		d := setup(t)
		d.checks(func(s *policy.Checks) { s.Mobile2FA, s.OverrideReason = c.mode, c.demanded })
		a, err := d.Create(t.Context(), d.ask(func(r *invite.CreateRequest) { r.Mobile2FA, r.Reason = c.wanted, c.reason }))
		if c.code != "" {
			if got := fault.As(err); err == nil || got.Code != c.code || c.code == "reason_required" && (got.Kind != fault.Malformed || got.Field != "mobile_2fa_reason") {
				t.Errorf("%s: %v", c.name, err)
			}
			d.is(len(d.list(invite.ListRequest{})), 0, c.name+": invitations")
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		by := map[bool]string{true: "key:key_1"}[c.against]
		got := d.status(invite.Visit{ID: a.View.ID}, invite.Created)
		if got.Overridden != c.against || got.OverriddenBy != by || got.OverrideReason != c.reason {
			t.Errorf("%s: the record says %t by %q: %q", c.name, got.Overridden, got.OverriddenBy, got.OverrideReason)
		}
		told := d.data(a.View.ID, "created")
		if reason, _ := told["reason"].(string); reason != c.reason || (told["overridden"] == true) != c.against {
			t.Errorf("%s: the event says %v", c.name, told)
		}
		d.is(d.events(a.View.ID)[0].Actor, "key:key_1", c.name+": actor")
	}
	d := setup(t)
	_, err := d.Create(t.Context(), d.ask(func(r *invite.CreateRequest) { r.Mobile2FA, r.Reason = &no, "line\nbreak" }))
	d.fault(err, fault.Invalid, "mobile_2fa_reason_invalid")
}

func TestRA_30_a_number_is_shown_by_its_country_code_and_last_three_digits(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.EditableByCustomer = true })
	v := d.invited()
	d.is(d.hub(v, invite.StepPhone).Gate.Masked, "+1 ••• ••• •123", "on the page")
	got := d.status(v, invite.Opened)
	d.is(got.MaskedMobile, "+1 ••• ••• •123", "in the record")
	d.is(got.Gates[0].Masked, "+1 ••• ••• •123", "in the gate")
	d.is(got.MaskedEmail, "a•••@example.net", "the address")
	d.is(d.sendTo(v, delivery.SMS, another, invite.SendSent).Gate.Masked, "+1 ••• ••• •177", "changed by the customer")
	d.correct(v, invite.Contact{Mobile: ptr("+447700900456")})
	got = d.status(v, invite.Created)
	d.is(got.MaskedMobile, "+44 ••• ••• •456", "corrected")
	d.is(got.Gates[0].Masked, "+44 ••• ••• •456", "corrected, in the gate")

	own := d.invited(entered(true, false)) // what the door of another vendor shows stays
	d.sendTo(own, delivery.SMS, mobile, invite.SendSent)
	d.is(d.status(own, invite.MobilePending).Gates[0].Masked, "+1 ••• ••• •123", "entered by the customer")
}

func TestRA_41_a_replaced_code_is_a_wrong_one_and_uses_up_tries(t *testing.T) {
	t.Parallel()
	var d *desk
	var v invite.Visit
	var replaced, fresh string
	for replaced == fresh { // again where chance gave the same digits twice
		d = setup(t)
		v = d.invited()
		d.send(v, invite.SendSent)
		replaced = d.code()
		d.later(30 * time.Second)
		d.send(v, invite.SendSent)
		fresh = d.code()
	}
	for left := 4; left > 0; left-- {
		d.is(d.check(v, replaced, invite.CheckWrong).Gate.ChecksLeft, left, "tries left")
	}
	d.check(v, replaced, invite.CheckWrong)
	d.check(v, fresh, invite.CheckDead) // a guesser who knows old codes has no more tries than any other
	d.status(v, invite.MobilePending)
}

func TestRA_17_each_change_of_the_settings_tells_old_and_new_who_when_and_what_loosens(t *testing.T) {
	t.Parallel()
	d := setup(t)
	hours := 48
	steps := []struct {
		name   string
		change func(*policy.Checks)
		old    map[string]any // a part of it
		new    map[string]any
		looser bool
	}{
		{"stricter", func(c *policy.Checks) { c.Mobile2FA = policy.YesRequired }, map[string]any{"mobile_2fa": "yes_optional"}, map[string]any{"mobile_2fa": "yes_required"}, false},
		{"looser", func(c *policy.Checks) { c.Mobile2FA = policy.NoOptional }, map[string]any{"mobile_2fa": "yes_required"}, map[string]any{"mobile_2fa": "no_optional"}, true},
		{"proofs are kept", func(c *policy.Checks) { c.KeepProof = true }, map[string]any{"keep_proof": nil}, map[string]any{"keep_proof": true}, true},
		{"and no more", func(c *policy.Checks) { c.KeepProof = false }, map[string]any{"keep_proof": true}, map[string]any{"keep_proof": nil}, false},
		{"the rest", func(c *policy.Checks) {
			c.CodeMinutes, c.Countries, c.OverrideReason, c.LinkExpiryHours, c.EditableByCustomer = 8, []string{"DE"}, true, &hours, true
		}, map[string]any{"code_minutes": 5.0, "countries": nil, "override_reason": nil, "link_expiry_hours": 720.0, "editable_by_customer": false},
			map[string]any{"code_minutes": 8.0, "override_reason": true, "link_expiry_hours": 48.0, "editable_by_customer": true}, false},
	}
	for i, c := range steps {
		d.later(time.Minute)
		d.by.Actor, d.by.RequestID = "operator:op_"+strconv.Itoa(i), "req_"+strconv.Itoa(i)
		d.checks(c.change)
		events, err := d.db.Events(t.Context(), uid.ID{}, uid.ID{0xff}, 100)
		if err != nil || len(events) != i+1 {
			t.Fatalf("%s: %d events, %v", c.name, len(events), err)
		}
		e := events[i]
		var told struct {
			Setting  string
			Old, New map[string]any
			Loosened bool
		}
		if err := json.Unmarshal(e.Data, &told); err != nil {
			t.Fatal(err)
		}
		if e.Type != invite.EventSettingsChanged || e.Tenant != d.by.Tenant || e.Actor != d.by.Actor || e.RequestID != d.by.RequestID || !e.At.Equal(d.world.time()) {
			t.Errorf("%s: %s by %s (%s) at %s", c.name, e.Type, e.Actor, e.RequestID, e.At)
		}
		if told.Setting != "checks" || told.Loosened != c.looser {
			t.Errorf("%s: %s", c.name, e.Data)
		}
		for field, want := range c.old {
			d.is(told.Old[field], want, c.name+": old "+field)
		}
		for field, want := range c.new {
			d.is(told.New[field], want, c.name+": new "+field)
		}
	}
	c, err := d.Checks(t.Context(), d.by.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	_, stale := d.SetChecks(t.Context(), d.by, c, c.Version-1)
	d.fault(stale, fault.Conflict, "settings_stale")
	c.CodeMinutes = 60
	_, bad := d.SetChecks(t.Context(), d.by, c, c.Version)
	d.fault(bad, fault.Invalid, "code_minutes_invalid")
	if events, err := d.db.Events(t.Context(), uid.ID{}, uid.ID{0xff}, 100); err != nil || len(events) != len(steps) {
		t.Errorf("%d events, %v: a change that was refused is told", len(events), err)
	}
}

// TestRA_17_a_change_of_settings_says_from_where, by a keyed hash, which is that of the sign-in on the same machine.
func TestRA_17_a_change_of_settings_says_from_where(t *testing.T) {
	t.Parallel()
	d := setup(t)
	desk, other := invite.Client{IP: "192.0.2.77", UserAgent: "Browser/1"}, invite.Client{IP: "192.0.2.77", UserAgent: "Browser/2"}
	var hashes []string
	for _, d.by.Client = range []invite.Client{desk, other, desk, {}} {
		d.later(time.Second)
		d.checks(func(c *policy.Checks) { c.OverrideReason = !c.OverrideReason })
	}
	events, err := d.db.Events(t.Context(), uid.ID{}, uid.ID{0xff}, 100)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range events {
		var told struct {
			ClientHash string `json:"client_hash"`
		}
		if err := json.Unmarshal(e.Data, &told); err != nil || strings.Contains(string(e.Data), "192.0.2") || strings.Contains(string(e.Data), "Browser") {
			t.Errorf("%s: %v", e.Data, err)
		}
		hashes = append(hashes, told.ClientHash)
	}
	if want := d.ring.Whence(desk.IP, desk.UserAgent); len(hashes) != 4 || hashes[0] != want || hashes[2] != want || hashes[1] == want || hashes[1] == "" || hashes[3] != "" {
		t.Errorf("from where: %q", hashes)
	}
}
