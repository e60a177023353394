package invite_test

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

var yes, no = true, false

func TestCreationIsValidatedFieldByField(t *testing.T) {
	t.Parallel()
	d := setup(t)
	long := strings.Repeat("x", 101)
	short, week := time.Minute, 7*24*time.Hour
	for name, c := range map[string]struct {
		change func(*invite.CreateRequest)
		code   string
	}{
		"RA-21 no contact":            {func(r *invite.CreateRequest) { r.Email, r.Mobile = "", "" }, "contact_required"},
		"RA-25 e-mail only, ticked":   {func(r *invite.CreateRequest) { r.Mobile, r.Mobile2FA = "", &yes }, "mobile_required"},
		"RA-25 e-mail only, preset":   {func(r *invite.CreateRequest) { r.Mobile = "" }, "mobile_required"},
		"e-mail only, switched off":   {func(r *invite.CreateRequest) { r.Mobile, r.Mobile2FA = "", &no }, ""},
		"RA-32 landline":              {func(r *invite.CreateRequest) { r.Mobile = landline }, "recipient_line_type"},
		"RA-32 no number":             {func(r *invite.CreateRequest) { r.Mobile = "12345" }, "recipient_line_type"},
		"RA-32 impossible number":     {func(r *invite.CreateRequest) { r.Mobile = "+1202" }, "recipient_not_possible"},
		"an address as a number":      {func(r *invite.CreateRequest) { r.Mobile = email }, "recipient_invalid"},
		"a number as an address":      {func(r *invite.CreateRequest) { r.Email = mobile }, "email_invalid"},
		"RA-31 national":              {func(r *invite.CreateRequest) { r.Mobile, r.Country = "(202) 555-0123", "US" }, ""},
		"national without a country":  {func(r *invite.CreateRequest) { r.Mobile = "(202) 555-0123" }, "recipient_country_code_missing"},
		"no first name":               {func(r *invite.CreateRequest) { r.FirstName = " " }, "first_name_invalid"},
		"long last name":              {func(r *invite.CreateRequest) { r.LastName = long }, "last_name_invalid"},
		"control character":           {func(r *invite.CreateRequest) { r.LastName = "a\x00b" }, "last_name_invalid"},
		"long reference":              {func(r *invite.CreateRequest) { r.Reference = long }, "reference_invalid"},
		"long external id":            {func(r *invite.CreateRequest) { r.ExternalID = long }, "external_id_invalid"},
		"long notes":                  {func(r *invite.CreateRequest) { r.Notes = strings.Repeat("x", 2001) }, "notes_invalid"},
		"notes in lines":              {func(r *invite.CreateRequest) { r.Notes = "a\nb" }, ""},
		"locale":                      {func(r *invite.CreateRequest) { r.Locale = "english please" }, "locale_invalid"},
		"redirect off the list":       {func(r *invite.CreateRequest) { r.RedirectURL = "https://evil.example/" }, "redirect_url_invalid"},
		"failure redirect off it":     {func(r *invite.CreateRequest) { r.FailureURL = "javascript:1" }, "failure_url_invalid"},
		"another consent text":        {func(r *invite.CreateRequest) { r.ConsentVersion = "7" }, "consent_version_invalid"},
		"a link of a minute":          {func(r *invite.CreateRequest) { r.LinkTTL = &short }, "expires_in_hours_invalid"},
		"a link of a week":            {func(r *invite.CreateRequest) { r.LinkTTL = &week }, ""},
		"RA-27 one channel":           {func(r *invite.CreateRequest) { r.Channels = []delivery.Channel{delivery.Email} }, ""},
		"a channel without a contact": {func(r *invite.CreateRequest) { r.Email, r.Channels = "", []delivery.Channel{delivery.Email} }, "channel_invalid"},
		"an unknown channel":          {func(r *invite.CreateRequest) { r.Channels = []delivery.Channel{delivery.Voice} }, "channel_invalid"},
		"an unknown kind":             {func(r *invite.CreateRequest) { r.Kind = "x" }, "kind_invalid"},
	} {
		before := len(d.list(invite.ListRequest{}))
		_, err := d.Create(t.Context(), d.ask(c.change))
		if (err == nil) != (c.code == "") || err != nil && fault.As(err).Code != c.code {
			t.Errorf("%s: %v, want %q", name, err, c.code)
		}
		if err != nil && len(d.list(invite.ListRequest{})) != before {
			t.Errorf("%s: something was created", name)
		}
	}
}

func (d *desk) list(r invite.ListRequest) []invite.View {
	d.Helper()
	r.Caller = d.by
	page, _, err := d.List(d.Context(), r)
	if err != nil {
		d.Fatal(err)
	}
	return page
}

func TestRA_14_a_request_against_a_locked_policy_is_refused_and_nothing_is_made(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.Mobile2FA = policy.YesRequired })
	_, err := d.Create(t.Context(), d.ask(func(r *invite.CreateRequest) { r.Mobile2FA = &no }))
	d.fault(err, fault.Conflict, "policy_locked")
	_, err = d.Create(t.Context(), d.ask(func(r *invite.CreateRequest) { r.Mobile2FA, r.Mobile = &no, "" })) // both apply
	d.fault(err, fault.Conflict, "policy_locked")
	d.work()
	d.is(len(d.list(invite.ListRequest{}))+len(d.world.notices), 0, "invitations and messages")
}

func TestRA_16_what_was_decided_is_frozen(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	d.checks(func(c *policy.Checks) {
		c.Mobile2FA, c.Resend.Max, c.EditableByCustomer = policy.NoRequired, 0, true
	})
	page := d.hub(v, invite.StepPhone)
	d.is(page.Gate.SendsLeft, 4, "sends")
	d.is(page.Gate.CanChange, false, "may change")
	got := d.status(v, invite.Opened)
	d.is(got.Policy, policy.YesOptional, "policy")
	d.is(got.Mobile2FA, true, "effective")
	d.hub(d.invited(), invite.StepConsent) // a new one goes by the new setting
}

func TestRA_17_a_change_of_the_setting_is_in_the_log_with_old_and_new(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.Mobile2FA = policy.YesRequired })
	d.checks(func(c *policy.Checks) { c.Mobile2FA = policy.NoOptional })
	events, err := d.db.Events(t.Context(), uid.ID{}, uid.ID{0xff}, 100)
	if err != nil {
		t.Fatal(err)
	}
	loosened := 0
	for _, e := range events {
		text := string(e.Data)
		if e.Type != invite.EventSettingsChanged || e.Actor != "key:key_1" || !strings.Contains(text, `"old":{"mobile_2fa":`) {
			t.Errorf("%s by %s: %s", e.Type, e.Actor, text)
		}
		loosened += strings.Count(text, `"loosened":true`)
	}
	d.is(len(events), 2, "events")
	d.is(loosened, 1, "changes that loosen")
}

func TestSettingsOfAnotherVersionAreStale(t *testing.T) {
	t.Parallel()
	d := setup(t)
	c, err := d.Checks(t.Context(), d.by.Tenant)
	if err != nil || c.Version != 0 || c.Mobile2FA != policy.YesOptional { // RA-18
		t.Fatalf("%+v %v", c, err)
	}
	set, err := d.SetChecks(t.Context(), d.by, c, 0)
	if err != nil || set.Version != 1 || set.UpdatedBy != "key:key_1" || set.UpdatedAt.IsZero() {
		t.Fatalf("%+v %v", set, err)
	}
	_, err = d.SetChecks(t.Context(), d.by, c, 0)
	d.fault(err, fault.Conflict, "settings_stale")
	_, err = d.SetChecks(t.Context(), d.by, c, 7)
	d.fault(err, fault.Conflict, "settings_stale")
	c.Mobile2FA = "x"
	_, err = d.SetChecks(t.Context(), d.by, c, 1)
	d.fault(err, fault.Invalid, "mobile_2fa_invalid")
	look, err := d.Customisation(t.Context(), d.by.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	look.Brand.Name, look.VerifyPhone = "Acme & Sons", policy.LockedOn
	if look, err = d.SetCustomisation(t.Context(), d.by, look, 0); err != nil || look.Version != 1 {
		t.Fatalf("%+v %v", look, err)
	}
	if look, err = d.Customisation(t.Context(), d.by.Tenant); err != nil || look.Brand.Name != "Acme & Sons" || look.VerifyPhone != policy.LockedOn {
		t.Fatalf("%+v %v", look, err)
	}
}

func TestRA_19_an_override_records_who_did_it(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.create(func(r *invite.CreateRequest) { r.Mobile2FA = &no })
	d.is(a.View.Overridden, true, "overridden")
	got := d.data(a.View.ID, "created")
	if got["overridden"] != true || got["mobile_2fa_policy"] != "yes_optional" || got["mobile_2fa_effective"] != false {
		t.Errorf("%v", got)
	}
	d.is(d.events(a.View.ID)[0].Actor, "key:key_1", "actor")
	d.is(d.create(func(r *invite.CreateRequest) { r.Mobile2FA = &yes }).View.Overridden, false, "the preset, said aloud, is an override")
}

func TestRA_27_the_link_goes_by_every_contact_or_by_those_that_the_firm_chose(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	d.create(func(r *invite.CreateRequest) { r.Channels = []delivery.Channel{delivery.Email} })
	d.work()
	var got []string
	for _, n := range d.world.notices {
		got = append(got, string(n.Channel)+" "+n.To.Value)
		if n.Kind != invite.NoticeInvitation || n.Firm != "Acme" || n.Name != "Ann Bee" || n.N != 1 || !strings.HasPrefix(n.Link, "https://verify.example/v/") {
			t.Errorf("%+v", n)
		}
	}
	slices.Sort(got)
	if want := []string{"email " + email, "email " + email, "sms " + mobile}; !slices.Equal(got, want) {
		t.Errorf("%v", got)
	}
}

func TestRA_57_up_to_ten_at_once_and_a_bad_one_stops_no_other(t *testing.T) {
	t.Parallel()
	d := setup(t)
	rs := make([]invite.CreateRequest, 10)
	for i := range rs {
		rs[i] = d.ask()
	}
	rs[3].Mobile, rs[7].FirstName = landline, ""
	out, err := d.CreateMany(t.Context(), rs)
	if err != nil || len(out) != 10 {
		t.Fatalf("%d %v", len(out), err)
	}
	for i, o := range out {
		if (o.Err != nil) != (i == 3 || i == 7) {
			t.Errorf("%d: %v", i, o.Err)
		}
	}
	d.is(len(d.list(invite.ListRequest{})), 8, "invitations")
	for _, n := range []int{0, 11} {
		_, err := d.CreateMany(t.Context(), make([]invite.CreateRequest, n))
		d.fault(err, fault.Invalid, "items_invalid")
	}
}

func TestAnEqualCreationIsAnsweredAsTheFirst(t *testing.T) {
	t.Parallel()
	d := setup(t)
	req := d.ask(func(r *invite.CreateRequest) { r.Idempotency = &verify.Idempotency{Key: "k", Body: []byte("b")} })
	first, err := d.Create(t.Context(), req)
	if err != nil {
		t.Fatal(err)
	}
	again, err := d.Create(t.Context(), req)
	if err != nil || !again.Replayed || again.View.ID != first.View.ID || again.View.FirstName != "Ann" {
		t.Fatalf("%+v %v", again, err)
	}
	req.Idempotency.Body = []byte("c")
	_, err = d.Create(t.Context(), req)
	d.fault(err, fault.Invalid, "idempotency_mismatch")
	d.work()
	d.is(len(d.world.notices), 2, "messages")
}

func TestRA_58_the_list_is_filtered_and_paged(t *testing.T) {
	t.Parallel()
	d := setup(t)
	first := d.create(func(r *invite.CreateRequest) { r.Reference = "case 1" })
	d.later(time.Hour)
	second := d.create(func(r *invite.CreateRequest) { r.Reference, r.Mobile, r.Email = "case 2", another, "" })
	d.later(time.Hour)
	third := d.create(func(r *invite.CreateRequest) { r.Reference, r.Mobile2FA, r.Mobile = "case 2", &no, "" })
	if _, err := d.Cancel(t.Context(), invite.Target{Caller: d.by, ID: third.View.ID}, ""); err != nil {
		t.Fatal(err)
	}
	at := first.View.CreatedAt
	for name, c := range map[string]struct {
		ask  invite.ListRequest
		want []invite.CreateAnswer
	}{
		"all, newest first": {invite.ListRequest{}, []invite.CreateAnswer{third, second, first}},
		"reference":         {invite.ListRequest{Reference: "case 2"}, []invite.CreateAnswer{third, second}},
		"no such reference": {invite.ListRequest{Reference: "case"}, nil},
		"number":            {invite.ListRequest{Contact: "+1 (202) 555-0123"}, []invite.CreateAnswer{first}},
		"address":           {invite.ListRequest{Contact: "Ann@EXAMPLE.net"}, []invite.CreateAnswer{third, first}},
		"status":            {invite.ListRequest{Status: invite.Canceled}, []invite.CreateAnswer{third}},
		"gate":              {invite.ListRequest{Mobile2FA: &no}, []invite.CreateAnswer{third}},
		"from":              {invite.ListRequest{From: at.Add(time.Minute)}, []invite.CreateAnswer{third, second}},
		"to":                {invite.ListRequest{To: at.Add(time.Hour)}, []invite.CreateAnswer{first}},
		"from and to":       {invite.ListRequest{From: at.Add(time.Hour), To: at.Add(2 * time.Hour)}, []invite.CreateAnswer{second}},
	} {
		got := d.list(c.ask)
		if len(got) != len(c.want) {
			t.Errorf("%s: %d, want %d", name, len(got), len(c.want))
			continue
		}
		for i := range got {
			if got[i].ID != c.want[i].View.ID {
				t.Errorf("%s: at %d another one", name, i)
			}
		}
	}
	var seen []uid.ID
	for before, pages := (uid.ID{}), 0; ; pages++ {
		page, more, err := d.List(t.Context(), invite.ListRequest{Caller: d.by, Page: uid.Page{Limit: 2, Before: before}})
		if err != nil || pages > 3 {
			t.Fatal(err, pages)
		}
		for _, v := range page {
			seen = append(seen, v.ID)
		}
		if before = more; more.IsZero() {
			break
		}
	}
	if !slices.Equal(seen, []uid.ID{third.View.ID, second.View.ID, first.View.ID}) {
		t.Errorf("paged: %v", seen)
	}
	for _, c := range []struct {
		limit int
		want  []uid.ID
		more  bool
	}{{1, []uid.ID{second.View.ID}, true}, {2, []uid.ID{third.View.ID, second.View.ID}, false}} {
		page, more, err := d.List(t.Context(), invite.ListRequest{Caller: d.by, Page: uid.Page{Limit: c.limit, After: second.View.ID}})
		var got []uid.ID
		for _, v := range page {
			got = append(got, v.ID)
		}
		if !slices.Equal(got, c.want) || err != nil || more.IsZero() == c.more {
			t.Errorf("back by %d: %v, more %v, %v", c.limit, got, more, err)
		}
	}
	for _, r := range []invite.ListRequest{{Page: uid.Page{Limit: 251}}, {Page: uid.Page{Limit: -1}}, {Status: "x"}, {Contact: "1"}} {
		r.Caller = d.by
		if _, _, err := d.List(t.Context(), r); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func TestRA_70_another_firms_invitation_is_not_there(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	mine := d.by
	d.by.Tenant = uid.NewTenant(d.world.now)
	for name, ask := range map[string]func(invite.Target) error{
		"get":      func(x invite.Target) error { _, err := d.Get(t.Context(), x); return err },
		"reveal":   func(x invite.Target) error { _, err := d.Reveal(t.Context(), x); return err },
		"events":   func(x invite.Target) error { _, _, err := d.Events(t.Context(), x, uid.ID{}, 0); return err },
		"resend":   func(x invite.Target) error { _, err := d.Resend(t.Context(), x, nil); return err },
		"cancel":   func(x invite.Target) error { _, err := d.Cancel(t.Context(), x, ""); return err },
		"unlock":   func(x invite.Target) error { _, err := d.Unlock(t.Context(), x, "why"); return err },
		"complete": func(x invite.Target) error { _, err := d.Complete(t.Context(), x); return err },
		"correct": func(x invite.Target) error {
			to := another
			_, err := d.Correct(t.Context(), x, invite.Contact{Mobile: &to})
			return err
		},
	} {
		if err := ask(d.target(v)); fault.As(err).Code != "invitation_not_found" {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.is(len(d.list(invite.ListRequest{})), 0, "invitations of the other firm")
	d.by = mine
	d.status(v, invite.Opened)
}

func TestNoSecretAndNoPersonIsInTheDatabase(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create(func(r *invite.CreateRequest) {
		r.FirstName, r.LastName, r.Notes = "Annabella", "Beethoven", "owes us money"
	})
	token := d.token()
	v, _ := d.open(token)
	d.send(v, invite.SendSent)
	code := d.code()
	d.check(v, code, invite.CheckRight)
	if _, err := d.Reveal(t.Context(), d.target(v)); err != nil {
		t.Fatal(err)
	}
	names, err := filepath.Glob(filepath.Join(d.dir, "*"))
	if err != nil || len(names) == 0 {
		t.Fatal(names, err)
	}
	for _, name := range names {
		content, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{token, v.Cookie, "Annabella", "Beethoven", "owes us", mobile, mobile[2:], email, "192.0.2.7", "Firefox"} {
			if bytes.Contains(content, []byte(secret)) {
				t.Errorf("%s holds %q", filepath.Base(name), secret)
			}
		}
	}
	for _, e := range d.events(v.ID) {
		if strings.Contains(string(e.Data), code) {
			t.Errorf("%s: %s", e.Type, e.Data)
		}
	}
}

// TestContacts_that_can_not_be_read_are_refused_by_what_their_field_takes: of the two kinds of contacts each field takes one.
func TestContacts_that_can_not_be_read_are_refused_by_what_their_field_takes(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for field, typed := range map[string][]string{
		"email": {"ann", "ann.example.net", "+12025550123", "+12025550123 ext 7"}, "mobile": {"ann@example.net", "a@b", "ann", "++"},
	} {
		for _, one := range typed {
			_, err := d.Create(t.Context(), d.ask(func(r *invite.CreateRequest) {
				if field == "email" {
					r.Email = one
				} else {
					r.Mobile = one
				}
			}))
			f, other := fault.As(err), map[string]string{"email": "number", "mobile": "e-mail"}[field]
			if f.Kind != fault.Invalid || f.Field != field || strings.Contains(f.Message, other) || !strings.HasPrefix(f.Message, "Give ") {
				t.Errorf("%s %q: %v on %s: %s", field, one, f.Code, f.Field, f.Message)
			}
		}
	}
}
