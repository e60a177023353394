package console_test

import (
	"context"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/policy"
)

const newPath = "/console/verifications/new"

// ada is the form for one customer as a browser sends it, changed.
func ada(change ...string) url.Values {
	form := url.Values{"first_name_0": {"Ada"}, "last_name_0": {"Lovelace"}, "mobile_0": {"07700 900123"}, "country_0": {"GB"}, "email_0": {""},
		"mode": {"yes_optional"}, "mobile_2fa": {"on"}, "once": {"ONCE"}}
	for i := 0; i+1 < len(change); i += 2 {
		if form.Set(change[i], change[i+1]); change[i+1] == "" {
			form.Del(change[i])
		}
	}
	return form
}

var theBox = regexp.MustCompile(`<input type="checkbox" id="mobile_2fa"[^>]*>`)

func TestRA_9_12_theBoxIsPresetAndLockedByTheFirm(t *testing.T) {
	t.Parallel()
	for mode, c := range map[policy.Mode]struct {
		on, locked bool
	}{policy.YesOptional: {true, false}, policy.YesRequired: {true, true}, policy.NoOptional: {false, false}, policy.NoRequired: {false, true}} {
		for _, ticked := range []bool{true, false} {
			d := newSender()
			d.checks.Mobile2FA = mode
			b := d.browse(t, operator.Agent)
			box := theBox.FindString(b.get(newPath).Body.String())
			if strings.Contains(box, " checked") != c.on || strings.Contains(box, " disabled") != c.locked {
				t.Errorf("%s: the box is %s", mode, box)
			}
			form := ada("mode", string(mode))
			if !ticked || c.locked && ticked { // a browser sends no box that is locked; here it is forged
				form.Del("mobile_2fa")
			}
			if c.locked && ticked {
				form.Set("mobile_2fa", map[bool]string{true: "", false: "on"}[c.on])
			}
			b.send(newPath, newPath, form)
			got := d.requests(t)[0].Mobile2FA
			if c.locked && got != nil || !c.locked && (got == nil || *got != ticked) {
				t.Errorf("%s, ticked %t: asked for %v", mode, ticked, got)
			}
		}
	}
}

func TestRA_16_aFormOfBeforeAChangeOfTheSettingSendsNothing(t *testing.T) {
	t.Parallel()
	d := newSender()
	b := d.browse(t, operator.Agent)
	w := b.send(newPath, newPath, ada("mode", "yes_required", "mobile_2fa", "")) // the box was locked there, and sent nothing
	has(t, w.Body.String(), "changed the setting of Mobile 2FA", "Lovelace")
	if box := theBox.FindString(w.Body.String()); !strings.Contains(box, " checked") {
		t.Errorf("the box is %s", box)
	}
	if len(d.did) != 0 {
		t.Errorf("did %+v", d.did)
	}
}

func TestOneLinkLeadsToItsWindow(t *testing.T) {
	t.Parallel()
	d := newSender()
	b := d.browse(t, operator.Agent)
	w := b.send(newPath, newPath, ada("reference_0", "INV-1", "notes_0", "call\nfirst", "locale", "de", "expires_in_hours", "48", "external_id", "x-1",
		"redirect_url", "https://acme.example/back", "reason", "asked for"))
	wantTo(t, w, window)
	r := d.requests(t)[0]
	if r.Caller.Tenant != acme || !strings.HasPrefix(r.Caller.Actor, "operator:opr_") || r.Kind != invite.Fixed || r.FirstName != "Ada" || r.Mobile != "07700 900123" ||
		r.Country != "GB" || r.Reference != "INV-1" || r.Notes != "call\nfirst" || r.Locale != "de" || r.LinkTTL.Hours() != 48 || r.ExternalID != "x-1" ||
		r.RedirectURL != "https://acme.example/back" || r.Reason != "asked for" || r.Silent {
		t.Errorf("asked for %+v", r)
	}
	has(t, b.get(window).Body.String(), "The link is on its way to")
}

func TestTheFormSaysWhichLanguageHoldsWithoutAChoice(t *testing.T) {
	t.Parallel()
	d := newSender()
	b := d.browse(t, operator.Agent)
	has(t, b.get(newPath).Body.String(), `<option value="">As the customer’s browser says`)
	d.look.Locale = "de"
	has(t, b.get(newPath).Body.String(), `<option value="">As set under Customisation`)
}

func TestASecondClickIsTheSameRequest(t *testing.T) {
	t.Parallel()
	d := newSender()
	b := d.browse(t, operator.Agent)
	keys := func(form url.Values) (string, string) {
		b.send(newPath, newPath, form)
		i := d.requests(t)[0].Idempotency
		return i.Key, string(i.Body)
	}
	key, body := keys(ada())
	if k, again := keys(ada()); k != key || again != body {
		t.Error("an equal form is another request")
	}
	if k, other := keys(ada("mobile_0", "07700 900124")); k != key || other == body {
		t.Error("another form is taken as the same request")
	}
	if k, _ := keys(ada("once", "OTHER")); k == key {
		t.Error("a form that was drawn anew has the old key")
	}
	m := regexp.MustCompile(`name="once" value="(\w{20,40})"`)
	if a, b := m.FindString(b.get(newPath).Body.String()), m.FindString(b.get(newPath).Body.String()); a == "" || a == b {
		t.Errorf("pages are drawn with %q and %q", a, b)
	}
}

func TestRA_25_aRefusalStandsAtItsFieldAndNothingTypedIsLost(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err   error
		field string
		text  string
	}{
		"RA-25":  {fault.New(fault.Malformed, "mobile_required", "Add a mobile number, or switch Mobile 2FA off for this verification.").On("mobile"), "mobile_0", "switch Mobile 2FA off"},
		"RA-19":  {fault.New(fault.Malformed, "reason_required", "Say so in mobile_2fa_reason.").On("mobile_2fa_reason"), "reason", "Say why this verification differs"},
		"RA-14":  {policy.ErrLocked(), "mobile_2fa", ""},
		"ID-53":  {fault.New(fault.Invalid, "recipient_line_type", "No messages there.").On("phone"), "mobile_0", "No messages there."},
		"name":   {fault.New(fault.Invalid, "last_name_invalid", "Give a name.").On("last_name"), "last_name_0", "Give a name."},
		"an URL": {fault.New(fault.Invalid, "redirect_url_invalid", "Not on your list.").On("redirect_url"), "redirect_url", "Not on your list."},
	} {
		d := newSender()
		d.checks.OverrideReason = true
		d.rows = []error{c.err}
		w := d.browse(t, operator.Agent).send(newPath, newPath, ada("email_0", "ada@example.org", "notes_0", "<b>n</b>", "reference_0", strings.Repeat("r", 200)))
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", name, w.Code)
		}
		body := w.Body.String()
		has(t, body, c.text, `id="`+c.field+`-error"`, "Lovelace", "07700 900123", "ada@example.org", "&lt;b&gt;n&lt;/b&gt;", strings.Repeat("r", 200), `value="GB" selected`)
		hasNot(t, body, "<b>n")
	}
}

func TestRA_57_oneThatIsRefusedStopsNoOtherAndComesBack(t *testing.T) {
	t.Parallel()
	d := newSender()
	d.rows = []error{nil, fault.New(fault.Invalid, "recipient_not_possible", "There is no such number.").On("mobile")}
	b := d.browse(t, operator.Agent)
	form := ada("first_name_1", "Grace", "last_name_1", "Hopper", "mobile_1", "1", "country_1", "DE", "first_name_2", "Alan", "email_2", "alan@example.org", "mobile_2fa", "")
	w := b.send(newPath, newPath, form)
	body := w.Body.String()
	has(t, body, window, "There is no such number.", "Grace Hopper", `name="first_name_0" value="Grace"`, `name="country_0" value="DE"`)
	hasNot(t, body, `value="Alan"`)
	rs := d.requests(t)
	if len(rs) != 3 || rs[2].Email != "alan@example.org" || rs[0].Idempotency.Key == rs[1].Idempotency.Key {
		t.Errorf("asked for %+v", rs)
	}
	carried := url.Values{"form_token": {tokenField.FindStringSubmatch(body[strings.Index(body, "<table"):])[1]}}
	for _, m := range regexp.MustCompile(`<input type="hidden" name="(\w+)" value="([^"]*)">`).FindAllStringSubmatch(body[strings.Index(body, "<table"):], -1) {
		carried.Set(m[1], m[2])
	}
	did := len(d.did)
	body = b.post(newPath, carried).Body.String()
	has(t, body, `value="Grace"`, `value="DE" selected`, `value="1"`)
	if box := theBox.FindString(body); strings.Contains(box, " checked") || len(d.did) != did {
		t.Errorf("the box is %s; %d acts", box, len(d.did)-did)
	}
}

// opened is the refusal of a service for Ada's open verification.
func opened() error {
	return fault.Wrap(fault.Conflict, "invitation_open", "Words of the API.", &invite.OpenError{Open: []invite.OpenOne{{ID: adaID, Reference: "INV-1", CreatedAt: noon}}}).On("mobile")
}

func TestRA_57_aCustomerWithAnOpenVerificationIsAskedAboutOnce(t *testing.T) {
	t.Parallel()
	d := newSender()
	d.rows = []error{opened()}
	b := d.browse(t, operator.Agent)
	body := b.send(newPath, newPath, ada()).Body.String()
	has(t, body, "has an open verification", `href="`+window+`"`, "INV-1", `id="allow_open-error"`, "Lovelace")
	hasNot(t, body, "Words of the API", `<details class="more" open>`)
	if got := d.requests(t)[0].IfOpen; got != invite.OpenRefused {
		t.Errorf("asked for %q", got)
	}
	d.rows = nil
	wantTo(t, b.send(newPath, newPath, ada("allow_open", "on")), window)
	if got := d.requests(t)[0].IfOpen; got != invite.OpenIgnored {
		t.Errorf("asked for %q by who allowed it", got)
	}
}

func TestRA_57_ofSeveralThoseWithAnOpenVerificationComeBackWithTheBox(t *testing.T) {
	t.Parallel()
	d := newSender()
	d.rows = []error{nil, opened()}
	b := d.browse(t, operator.Agent)
	body := b.send(newPath, newPath, ada("first_name_1", "Grace", "last_name_1", "Hopper", "mobile_1", "1")).Body.String()
	has(t, body, "Has an open verification", `href="`+window+`"`, `name="first_name_0" value="Grace"`, `name="ask_open"`)
	hasNot(t, body, "Words of the API")
	body = b.send(newPath, newPath, ada("ask_open", "on", "again", "1")).Body.String()
	if box, more := strings.Index(body, `name="allow_open"`), strings.Index(body, `<details class="more"`); box < 0 || box > more || strings.Count(body, `name="allow_open"`) != 1 {
		t.Errorf("the box is at %d, the advanced settings at %d", box, more)
	}
	has(t, b.send(newPath, newPath, ada("allow_open", "on", "again", "1")).Body.String(), `<details class="more" open>`, `name="allow_open" value="on" checked`)
}

func TestCustomersAreAddedAndTakenAwayWithoutScript(t *testing.T) {
	t.Parallel()
	d := newSender()
	b := d.browse(t, operator.Agent)
	body := b.send(newPath, newPath, ada("add", "1")).Body.String()
	has(t, body, `name="first_name_1"`, `value="Ada"`)
	body = b.send(newPath, newPath, ada("first_name_1", "Grace", "remove", "0")).Body.String()
	has(t, body, `name="first_name_0" type="text" value="Grace"`)
	hasNot(t, body, `name="first_name_1"`, `value="Ada"`)
	for _, place := range []string{"7", "-1", "x"} {
		has(t, b.send(newPath, newPath, ada("remove", place)).Body.String(), `value="Ada"`)
	}
	full := ada("add", "1")
	for i := range 12 {
		full.Set("first_name_"+strconv.Itoa(i), "N")
	}
	body = b.send(newPath, newPath, full).Body.String()
	if n := strings.Count(body, `<section class="card pad customer"`); n != invite.MaxMany || len(d.did) != 0 {
		t.Errorf("%d customers, did %v", n, d.did)
	}
}

func TestRA_29_aContactOfAnOperatorNeedsAnAnswerWhichIsAudited(t *testing.T) {
	t.Parallel()
	d := newSender()
	d.own["mara@acme.example"] = true
	b := d.browse(t, operator.Agent)
	w := b.send(newPath, newPath, ada("email_0", "mara@acme.example"))
	has(t, w.Body.String(), "belongs to an operator of your firm", `name="own_0"`, "Confirm that it is")
	if len(d.did) != 0 {
		t.Fatalf("did %+v", d.did)
	}
	wantTo(t, b.send(newPath, newPath, ada("email_0", "mara@acme.example", "own_0", "on")), window)
	if len(d.did) != 2 || d.did[0] != "confirmed by agent@example.com" {
		t.Errorf("did %+v", d.did)
	}
	d.did = nil
	wantTo(t, b.send(newPath, newPath, ada("email_0", "ada@example.org", "own_0", "on")), window)
	if len(d.did) != 1 {
		t.Errorf("a contact of nobody is confirmed: %+v", d.did)
	}
}

func TestID_5_7_aCustomerCanBeAskedToConfirmContacts(t *testing.T) {
	t.Parallel()
	d := newSender()
	b := d.browse(t, operator.Agent)
	b.send(newPath, newPath, ada("verify_email", "on", "email_0", "ada@example.org", "mobile_2fa", ""))
	r := d.requests(t)[0]
	if r.Kind != invite.Entered || !*r.VerifyEmail || *r.VerifyPhone || *r.Mobile2FA || r.Email != "" || r.Contacts != (invite.Prefill{Phone: "07700 900123", Email: "ada@example.org"}) || r.LinkTTL.Hours() != 720 {
		t.Errorf("asked for %+v", r)
	}
	d.checks.Mobile2FA, d.look.VerifyPhone = policy.YesRequired, policy.LockedOn
	body := b.get(newPath).Body.String()
	has(t, body, `<details class="more" open>`)
	b.send(newPath, newPath, ada("mode", "yes_required", "mobile_2fa", ""))
	if r = d.requests(t)[0]; r.Kind != invite.Entered || !*r.VerifyPhone || *r.VerifyEmail || !*r.Mobile2FA {
		t.Errorf("RA-10, ID-11: asked for %+v", r)
	}
}

func TestALifeThatIsNoNumberIsTold(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"a week", "0", "-1", "8761", "1.5", "99999999999999999999"} {
		d := newSender()
		w := d.browse(t, operator.Agent).send(newPath, newPath, ada("expires_in_hours", bad))
		has(t, w.Body.String(), "whole number of hours", `value="`+bad+`"`, `<details class="more" open>`)
		if len(d.did) != 0 {
			t.Errorf("%s: did %v", bad, d.did)
		}
	}
}

func TestAViewerSendsNothing(t *testing.T) {
	t.Parallel()
	d := newSender()
	b := d.browse(t, operator.Viewer)
	for _, path := range []string{newPath, importPath, importPath + "/sample.csv"} {
		if w := b.get(path); w.Code != http.StatusForbidden {
			t.Errorf("GET %s: %d", path, w.Code)
		}
	}
	for _, path := range []string{newPath, importPath} {
		if w := b.post(path, ada()); w.Code != http.StatusForbidden {
			t.Errorf("POST %s: %d", path, w.Code)
		}
	}
	if len(d.did) != 0 {
		t.Errorf("did %v", d.did)
	}
}

func TestID_51_aLinkCanBeHandedOverAndIsShownOnce(t *testing.T) {
	t.Parallel()
	d := newSender()
	b := d.browse(t, operator.Agent)
	form := ada("hand_over", "on")
	w := b.send(newPath, newPath, form)
	has(t, w.Body.String(), `data-copy="https://verify.test/v/TOKEN"`, window, "Copy its link now")
	if r := d.requests(t)[0]; !r.Silent {
		t.Errorf("asked for %+v", r)
	}
	again := b.send(newPath, newPath, form).Body.String()
	has(t, again, window)
	hasNot(t, again, "TOKEN", "/v/")
	hasNot(t, b.get(window).Body.String(), "TOKEN")
	if len(w.Result().Cookies()) != 0 || w.Header().Get("Location") != "" {
		t.Error("the link may lie in a cookie or an address")
	}
}

func TestALinkFillsInNoForm(t *testing.T) {
	t.Parallel()
	d := newSender()
	b := d.browse(t, operator.Agent)
	for _, path := range []string{newPath, window + "/correct", window + "/cancel"} {
		body := b.get(path + "?first_name_0=Mallory&mobile_0=Mallory&mobile=Mallory&reason=Mallory&notes_0=Mallory").Body.String()
		hasNot(t, body, "Mallory")
	}
}

// A form that the server has no time for is sent once more by a button, as it is: nobody types it again.
func TestWhatWasTypedOutlivesAServerThatIsBusy(t *testing.T) {
	t.Parallel()
	d := newSender()
	d.rows = []error{fault.New(fault.Unavailable, "busy", "Not now.")}
	b := d.browse(t, operator.Agent)
	w := b.send(newPath, newPath, ada("notes_0", `"><script>`, "reference_0", "A 1"))
	body := w.Body.String()
	if w.Code != http.StatusServiceUnavailable {
		t.Fatalf("answered by %d", w.Code)
	}
	has(t, body, `<form method="post" action="`+newPath+`"`, "Try again")
	hasNot(t, body, "<script>")
	form := url.Values{}
	for _, m := range regexp.MustCompile(`<input type="hidden" name="([^"]+)" value="([^"]*)">`).FindAllStringSubmatch(body[strings.Index(body, `action="`+newPath):], -1) {
		form.Add(m[1], html.UnescapeString(m[2]))
	}
	first := d.requests(t)[0]
	d.rows = nil
	if w := b.post(newPath, form); w.Code != http.StatusSeeOther {
		t.Errorf("sent once more: %d", w.Code)
	}
	if again := d.requests(t)[0]; first.Notes != `"><script>` || first.Notes != again.Notes || first.Reference != again.Reference || first.Idempotency.Key != again.Idempotency.Key {
		t.Errorf("%+v was sent, then %+v", first, again)
	}
}

// keeper is an operator whose server is busy.
type keeper struct{ people }

var errNotNow = fault.New(fault.Unavailable, "busy", "Not now.")

func (*keeper) Prove(context.Context, operator.Client, string, string, string) (operator.Step, error) {
	return operator.Step{}, errNotNow
}

func TestNoSecretIsCarriedByAServerThatIsBusy(t *testing.T) {
	t.Parallel()
	b := newBrowser(t, &keeper{}).as(operator.Owner)
	w := b.send("/console/prove", "/console/prove", url.Values{"password": {"hush hush"}, "code": {"424242"}})
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("answered by %d", w.Code)
	}
	hasNot(t, w.Body.String(), "hush", "424242", `name="password"`)
}
