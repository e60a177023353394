package invite_test

import (
	"context"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
)

func TestRA_31_a_number_of_any_country_is_read_in_the_senders_own(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for typed, country := range map[string]string{"0151 23456789": "DE", "+81 90 1234 5678": "DE", "07700 900123": "GB"} {
		d.create(func(r *invite.CreateRequest) { r.Mobile, r.Country = typed, country })
	}
	_, err := d.Create(t.Context(), d.ask(func(r *invite.CreateRequest) { r.Mobile, r.Country = "0151 23456789", "Germany" }))
	d.fault(err, fault.Invalid, "country_invalid")
}

func TestRA_31_national_numbers_are_of_the_firms_default_country(t *testing.T) {
	t.Parallel()
	d := setup(t)
	national := func(r *invite.CreateRequest) { r.Mobile, r.Email = "07700 900123", "" }
	_, err := d.Create(t.Context(), d.ask(national))
	if err == nil {
		t.Fatal("a national number without a country is read")
	}
	d.checks(func(c *policy.Checks) { c.DefaultCountry = "GB" })
	a := d.create(national)
	got, err := d.Reveal(t.Context(), invite.Target{Caller: d.by, ID: a.View.ID})
	if err != nil || got.Phone != "+447700900123" {
		t.Errorf("%+v %v", got, err)
	}
	typed := "07700 900177"
	if _, err := d.Correct(t.Context(), invite.Target{Caller: d.by, ID: a.View.ID}, invite.Contact{Mobile: &typed}); err != nil {
		t.Error(err)
	}
	d.create(func(r *invite.CreateRequest) { r.Mobile, r.Country = "0151 23456789", "DE" }) // the request's own comes first
	_, page := d.open(d.create(entered(true, false)).Token.Reveal())
	d.is(page.Gate.Country, "GB", "first choice")
	d.bring("first_name,last_name,mobile,country,reference\nBob,Ray,07400 000001,,firms\nCy,Fox,0151 23456780,DE,own\n")
	d.work()
	for reference, want := range map[string]string{"firms": "+447400000001", "own": "+4915123456780"} {
		row := d.list(invite.ListRequest{Reference: reference})
		d.is(len(row), 1, "rows of a file: "+reference)
		got, err := d.Reveal(t.Context(), invite.Target{Caller: d.by, ID: row[0].ID})
		d.is(got.Phone, want, "of a row of a file: "+reference)
		if err != nil {
			t.Fatal(err)
		}
	}
	for _, wrong := range []policy.Checks{{DefaultCountry: "UK"}, {DefaultCountry: "GB", Countries: []string{"DE"}}} {
		c := policy.DefaultChecks()
		c.DefaultCountry, c.Countries = wrong.DefaultCountry, wrong.Countries
		d.fault(c.Validate(), fault.Invalid, "default_country_invalid")
	}
}

func TestRA_66_invitations_that_name_no_language_have_the_firms(t *testing.T) {
	t.Parallel()
	d := setup(t)
	before := d.create()
	d.is(before.View.Locale, "", "of a firm without one")
	d.work()
	look, err := d.Customisation(d.ctx(), d.by.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	look.Locale = "de"
	if look, err = d.SetCustomisation(d.ctx(), d.by, look, look.Version); err != nil {
		t.Fatal(err)
	}
	a := d.create()
	d.work()
	_, page := d.open(d.token())
	d.is(a.View.Locale+page.Locale+d.world.notices[len(d.world.notices)-1].Locale, "dedede", "record, page and message")
	d.is(d.create(func(r *invite.CreateRequest) { r.Locale = "fr" }).View.Locale, "fr", "the request's own comes first")
	d.is(d.create(entered(true, false)).View.Locale, "de", "of one whose customer enters the contact")
	d.bring("first_name,last_name,mobile,locale,reference\nAnn,Bee,+447400000001,,none\nBob,Ray,+447400000002,pt-BR,own\n")
	d.work()
	for reference, want := range map[string]string{"none": "de", "own": "pt-BR"} {
		d.is(d.list(invite.ListRequest{Reference: reference})[0].Locale, want, "of a row of a file: "+reference)
	}
	got, err := d.Get(d.ctx(), invite.Target{Caller: d.by, ID: before.View.ID})
	d.is(got.Locale, "", "of one that was made before")
	if err != nil {
		t.Fatal(err)
	}
	look.Locale = "German, please"
	d.fault(look.Validate(), fault.Invalid, "default_locale_invalid")
}

func TestRA_41_expired_and_used_codes_and_those_of_another_browser_look_the_same(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	token := d.token()
	v, _ := d.open(token)
	d.send(v, invite.SendSent)
	used := d.code()
	d.later(5 * time.Minute)
	d.check(v, used, invite.CheckDead) // expired
	other, _ := d.open(token)
	d.send(other, invite.SendSent)
	d.check(v, d.code(), invite.CheckDead) // another browser's
	d.check(other, d.code(), invite.CheckRight)
	d.check(v, d.code(), invite.CheckDead) // used
}

func TestRA_52_53_54_the_page_names_the_firm_and_whom_to_turn_to(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	d.is(d.hub(v, invite.StepPhone).Firm, "Acme", "the firm's own name")
	look, err := d.Customisation(t.Context(), d.by.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	look.Brand.Name, look.Brand.Support = "Acme & Sons", "help@acme.example"
	if _, err := d.SetCustomisation(t.Context(), d.by, look, 0); err != nil {
		t.Fatal(err)
	}
	page := d.exhaust(v)
	d.is(page.Firm, "Acme & Sons", "the name that it chose")
	d.is(page.Support, "help@acme.example", "support")
	if page.Gate.Masked == "" {
		t.Error("the masked number is not shown")
	}
}

func TestRA_64_after_a_new_link_a_passed_gate_is_repeated(t *testing.T) {
	t.Parallel()
	d, v := proven(t)
	if _, err := d.Resend(t.Context(), d.target(v), nil); err != nil {
		t.Fatal(err)
	}
	v, page := d.open(d.token())
	d.is(page.Step, invite.StepPhone, "step")
	d.later(time.Minute)
	d.send(v, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	d.hub(v, invite.StepConsent)
}

func TestRA_71_the_timeline_tells_why_a_gate_was_on_who_chose_it_and_when_it_was_passed(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(func(r *invite.CreateRequest) { r.Mobile2FA = &yes })
	d.later(time.Minute)
	d.send(v, invite.SendSent)
	d.later(time.Minute)
	d.check(v, d.code(), invite.CheckRight)
	made := d.data(v.ID, "created")
	if made["mobile_2fa_policy"] != "yes_optional" || made["mobile_2fa_effective"] != true || made["gates"] == nil {
		t.Errorf("%v", made)
	}
	for _, e := range d.events(v.ID) {
		want := map[string]string{"invitation.created": "key:key_1", "invitation.sent": "system"}[e.Type]
		if want == "" {
			want = "customer"
		}
		d.is(e.Actor, want, e.Type)
		if e.Type == "invitation.mobile_verified" {
			d.is(e.At, d.world.time(), "time of the pass")
		}
	}
}

func TestID_26_the_limit_tells_the_firm_and_the_customer_why(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(entered(true, false))
	for range 3 {
		d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
		d.later(30 * time.Second)
	}
	page := d.sendTo(v, delivery.SMS, mobile, invite.SendLocked)
	d.is(page.Failure, "contact_attempts_exceeded", "the page")
	d.is(page.Firm, "Acme", "whom to ask")
	d.is(d.status(v, invite.Expired).Failure, "contact_attempts_exceeded", "the record")
}

func TestID_38_an_expired_one_still_tells_what_was_confirmed(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited(entered(true, true))
	d.sendTo(v, delivery.SMS, mobile, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	d.later(30 * time.Minute)
	d.hub(v, invite.StepExpired)
	got, err := d.Reveal(t.Context(), d.target(v))
	if err != nil || !got.PhoneVerified || got.EmailVerified || got.Phone != mobile {
		t.Errorf("%+v %v", got, err)
	}
}

func TestID_43_one_person_may_have_several(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for range 2 {
		d.create(entered(true, false), func(r *invite.CreateRequest) { r.Reference = "client-7" })
	}
	d.is(len(d.list(invite.ListRequest{Reference: "client-7"})), 2, "invitations")
}

// replacing is a store in which a new link comes between the look-up of the old one and its opening.
type replacing struct {
	invite.Store
	then func()
}

func (r *replacing) InvitationByLink(ctx context.Context, hash [32]byte) (invite.Invitation, error) {
	v, err := r.Store.InvitationByLink(ctx, hash)
	if r.then != nil {
		r.then()
	}
	return v, err
}

func TestRA_60_a_link_that_is_replaced_while_it_is_opened_opens_nothing(t *testing.T) {
	t.Parallel()
	r := &replacing{}
	d := setupWith(t, func(s invite.Store) invite.Store { r.Store = s; return r }, nil)
	a := d.create()
	token := d.token()
	r.then = func() {
		if _, err := d.Resend(context.Background(), invite.Target{Caller: d.by, ID: a.View.ID}, nil); err != nil {
			t.Error(err)
		}
	}
	d.replaced(token)
	d.status(invite.Visit{ID: a.View.ID}, invite.Created)
}

func TestRA_68_what_was_erased_is_shown_as_nothing(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.world.notify = func(n invite.Notice) (delivery.Result, error) {
		d.world.notices = append(d.world.notices, n)
		return delivery.Result{Accepted: true, Tries: []delivery.Try{{Provider: "test", State: delivery.Sent, Reference: n.To.Value}}}, nil
	}
	v := d.invited(func(r *invite.CreateRequest) { r.Notes = "owes us" })
	open := d.invited(func(r *invite.CreateRequest) { r.Mobile = another })
	if _, err := d.Cancel(t.Context(), d.target(v), ""); err != nil {
		t.Fatal(err)
	}
	for _, contact := range []string{mobile, another} {
		if _, err := d.db.EraseRecipient(t.Context(), d.by.Tenant, d.ring.Bucket(d.by.Tenant, contact), d.ring.BlindIndex(d.by.Tenant, contact)); err != nil {
			t.Fatal(err)
		}
	}
	got := d.status(v, invite.Canceled)
	d.is(got.Carried[0].Provider+got.Carried[0].Reference, "test", "the provider, and what it calls the message")
	if got.FirstName+got.LastName+got.Notes+got.MaskedMobile+got.MaskedEmail+got.Gates[0].Masked != "" {
		t.Errorf("%+v", got)
	}
	if c, err := d.Reveal(t.Context(), d.target(v)); err != nil || c.Phone+c.Email != "" {
		t.Errorf("%+v %v", c, err)
	}
	d.is(len(d.list(invite.ListRequest{Contact: mobile})), 0, "found by the number")
	d.is(d.status(open, invite.Opened).FirstName, "Ann", "of one that is not over")
	if _, err := uid.Parse(uid.Invitation, got.ID.Text(uid.Invitation)); err != nil {
		t.Error(err)
	}
}
