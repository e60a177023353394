package console_test

import (
	"context"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/tally"
	"github.com/countersign/countersign/internal/uid"
)

func TestRA_58_59_theListIsNarrowedByItsURLAndKeepsItInItsPager(t *testing.T) {
	t.Parallel()
	d := newSender()
	d.more = uid.ID{9}
	const filters = "contact=%2B447700900123&from=2026-11-01&mobile_2fa=failed&reference=INV-1&status=mobile_failed&to=2026-11-30"
	w := d.browse(t, operator.Viewer).get("/console/verifications?" + filters)
	if w.Code != http.StatusOK || len(d.list) != 1 {
		t.Fatalf("%d, asked %d times", w.Code, len(d.list))
	}
	r := d.list[0]
	day := func(n int, m time.Month) time.Time { return time.Date(2026, m, n, 0, 0, 0, 0, time.UTC) }
	if r.Caller.Tenant != acme || r.Status != invite.MobileFailed || r.Reference != "INV-1" || r.Contact != "+447700900123" || r.Mobile2FA == nil || !*r.Mobile2FA ||
		!r.From.Equal(day(1, 11)) || !r.To.Equal(day(1, 12)) || !r.Before.IsZero() {
		t.Errorf("asked for %+v", r)
	}
	body := w.Body.String()
	older := "before=" + uid.ID{9}.Hex() + "&amp;" + strings.ReplaceAll(filters, "&", "&amp;")
	has(t, body, window, "Ada Lovelace", "INV-1", mobile, address, "Locked", ">Failed<", older, `data-live="/console/live?of=invitation"`)
	d.browse(t, operator.Viewer).get("/console/verifications?" + strings.ReplaceAll(older, "&amp;", "&"))
	if d.list[1].Before != (uid.ID{9}) {
		t.Errorf("the next page is asked for before %v", d.list[1].Before)
	}
}

func TestRA_59_aPageWithoutAMatchLeadsOn(t *testing.T) {
	t.Parallel()
	d := newSender()
	d.more = uid.ID{9}
	body := d.browse(t, operator.Viewer).get("/console/verifications?mobile_2fa=passed").Body.String()
	has(t, body, "None on this page", "mobile_2fa=passed")
	hasNot(t, body, "Ada Lovelace")
}

func TestAFilterThatIsWrongIsToldAndKept(t *testing.T) {
	t.Parallel()
	for query, want := range map[string]string{
		"from=2026-11-30&to=2026-11-01":  "not after the last one",
		"from=yesterday%3Cscript%3E":     "Give a day, such as",
		"mobile_2fa=maybe":               "Choose one of the list",
		"to=0001-01-01&reference=%22%3E": "Give a day, such as",
	} {
		d := newSender()
		w := d.browse(t, operator.Viewer).get("/console/verifications?" + query)
		if want == "" {
			if w.Code != http.StatusNotFound {
				t.Errorf("%s: %d", query, w.Code)
			}
		} else if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d without %q", query, w.Code, want)
		}
		if len(d.list) != 0 {
			t.Errorf("%s: the service was asked", query)
		}
		hasNot(t, w.Body.String(), "<script>", `value="">"`)
	}
	d := newSender()
	d.refuse = fault.New(fault.Invalid, "recipient_not_possible", "There is no such number.").On("contact")
	has(t, d.browse(t, operator.Viewer).get("/console/verifications?contact=%2B4477").Body.String(), "There is no such number.", `value="&#43;4477"`)
}

func TestRA_71_theWindowTellsWhatHappenedAndWhoDidIt(t *testing.T) {
	t.Parallel()
	d := newSender()
	by := "operator:" + agent.Text(uid.Operator)
	d.events = []audit.Event{
		{At: noon, Type: invite.EventCreated, Actor: by, Data: []byte(`{"mobile_2fa_effective":true,"overridden":true,"reason":"asked <b>for</b> it","channels":["email"]}`)},
		{At: noon, Type: invite.EventCodeSent, Actor: "customer", Data: []byte(`{"gate":"sms","verification":"` + codeA.Text(uid.Verification) + `"}`)},
		{At: noon, Type: invite.EventExpired, Actor: "system", Data: []byte(`{"reason":"link_expired"}`)},
		{At: noon, Type: "invitation.something_new", Actor: "key:key_1", Data: []byte(`not json`)},
	}
	body := d.browse(t, operator.Viewer).get(window).Body.String()
	has(t, body, "Ada Lovelace", "Mobile 2FA on, against the preset", "asked &lt;b&gt;for&lt;/b&gt; it", "Mara Jensen", "Code sent", "The time of the link was over",
		"invitation.something_new", "key_1", "smsc", "route_unavailable", "1.2 s", ">post<", ">Link<", ">Code<", mobile, address)
	hasNot(t, body, "<b>for", "+447700900123", "ada@example.org", by)
	if i, j := strings.Index(body, "invitation.something_new"), strings.Index(body, "Mobile 2FA on, against"); i > j {
		t.Error("the newest event is not the first")
	}
}

func TestID_19_55_aContactIsShownWholeOnceAndAudited(t *testing.T) {
	t.Parallel()
	d := newSender()
	b := d.browse(t, operator.Agent)
	w := b.send(window, window+"/reveal", url.Values{})
	has(t, w.Body.String(), "+447700900123", "ada@example.org")
	if len(d.did) != 1 || d.did[0].(act).What != "reveal" || d.did[0].(act).By != "operator:"+(uid.ID{1}).Text(uid.Operator) {
		t.Errorf("did %+v", d.did)
	}
	hasNot(t, w.Body.String(), "/console/live")
	wantTo(t, b.get(window+"/reveal"), window)
	hasNot(t, b.get(window).Body.String(), "+447700900123")
	if w := d.browse(t, operator.Viewer).post(window+"/reveal", url.Values{}); w.Code != http.StatusForbidden || len(d.did) != 1 {
		t.Errorf("a viewer reveals: %d, %d acts", w.Code, len(d.did))
	}
	hasNot(t, d.browse(t, operator.Viewer).get(window).Body.String(), window+"/reveal", window+"/unlock", "/console/verifications/new")
}

func TestRA_55_eachActIsOfferedWhereItIsAllowedAndNeedsAReason(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct {
		fields url.Values
		with   any
		said   string
	}{
		"resend":  {url.Values{"channel": {"both"}}, []delivery.Channel{delivery.Email, delivery.SMS}, "A new link was sent"},
		"correct": {url.Values{"mobile": {"07700 900124"}, "country": {"GB"}}, nil, "corrected"},
		"unlock":  {url.Values{}, nil, "Unlocked."},
		"cancel":  {url.Values{"confirmed": {"yes"}}, nil, "was canceled"},
	} {
		d := newSender()
		b := d.browse(t, operator.Agent)
		at := window + "/" + what
		has(t, b.get(window).Body.String(), `href="`+at+`"`)
		c.fields.Set("reason", " \t")
		w := b.send(at, at, c.fields)
		if w.Code != http.StatusOK || len(d.did) != 0 {
			t.Errorf("%s without a reason: %d, did %+v", what, w.Code, d.did)
		}
		has(t, w.Body.String(), "Give a reason")
		c.fields.Set("reason", "they <i>called</i>")
		wantTo(t, b.send(at, at, c.fields), window)
		if len(d.did) != 1 {
			t.Fatalf("%s did %+v", what, d.did)
		}
		got := d.did[0].(act)
		if got.What != what || got.Reason != "they <i>called</i>" || got.By != "operator:"+(uid.ID{1}).Text(uid.Operator) {
			t.Errorf("%s: %+v", what, got)
		}
		if c, ok := c.with.([]delivery.Channel); ok && !slices.Equal(c, got.With.([]delivery.Channel)) {
			t.Errorf("%s: by %v", what, got.With)
		}
		if to, ok := got.With.(invite.Contact); ok && (to.Email != nil || *to.Mobile != "07700 900124" || to.Country != "GB") {
			t.Errorf("%s: to %+v", what, to)
		}
		has(t, b.get(window).Body.String(), c.said)
		d.refuse = fault.New(fault.Limited, "links_used_up", "Make a new one.")
		w = b.send(at, at, c.fields)
		has(t, w.Body.String(), "Make a new one.", "they &lt;i&gt;called&lt;/i&gt;")
	}
}

func TestALinkOfWhichNobodyKnowsWhetherItLeftIsNotSaidToBeSent(t *testing.T) {
	t.Parallel()
	d := newSender()
	v := d.views[adaID]
	v.Status, v.SentAt, v.Carried = invite.Sent, noon, []invite.Carried{{Channel: delivery.SMS, State: delivery.Unknown, At: noon}, {Channel: delivery.Email, State: delivery.Failed, At: noon}}
	d.views[adaID] = v
	d.events = []audit.Event{{At: noon, Type: invite.EventSent, Actor: "system", Data: []byte(`{"channel":"sms","state":"unknown"}`)},
		{At: noon, Type: invite.EventSent, Actor: "system", Data: []byte(`{"channel":"email","state":"sent"}`)}}
	b := d.browse(t, operator.Viewer)
	body := b.get(window).Body.String()
	has(t, body, "Not known whether sent", "Not known whether it left", "Not known whether the link left", `class="wait"`, "Link handed to a provider", "The server stopped while")
	hasNot(t, body, "delivered to a provider")
	list := b.get("/console/verifications?status=sent_unknown").Body.String()
	has(t, list, "Not known whether sent", `value="sent_unknown" selected`)
	if r := d.list[0]; r.Status != "" || !r.LinkUnknown {
		t.Errorf("asked for %+v", r)
	}
	v.Carried[1].State = delivery.Sent
	hasNot(t, b.get(window).Body.String(), "Not known whether sent", "The server stopped while")
}

func TestWhatCanNotBeDoneAnyMoreSaysWhoEndedItAndWhen(t *testing.T) {
	t.Parallel()
	d := newSender()
	d.events = []audit.Event{{At: noon.AddDate(0, 0, -3), Type: invite.EventUnlocked, Actor: "system"},
		{At: noon, Type: invite.EventCanceled, Actor: "operator:" + agent.Text(uid.Operator), Data: []byte(`{"reason":"moved away"}`)}}
	b := d.browse(t, operator.Agent)
	form := b.get(window + "/cancel").Body.String()
	v := d.views[adaID]
	v.Status, v.EndedAt, v.ExpiresAt = invite.Canceled, noon, noon.AddDate(0, 0, 30)
	d.views[adaID] = v
	d.refuse = fault.New(fault.Conflict, invite.CodeStatus, "The status of the invitation does not allow this.")
	for _, act := range []string{"/cancel", "/unlock", "/resend", "/correct"} {
		body := b.get(window + act).Body.String()
		has(t, body, "The verification of", "has ended", "Canceled", "Mara Jensen", "moved away", "2026")
		hasNot(t, body, `action="`+window+act)
	}
	form = form[strings.Index(form, `action="`+window+"/cancel"):]
	body := b.post(window+"/cancel", url.Values{"reason": {"x"}, "version": {"1"}, "form_token": {tokenField.FindStringSubmatch(form)[1]}}).Body.String()
	has(t, body, "has ended", "Mara Jensen")
	hasNot(t, body, "The status of the invitation")
	body = b.get(window).Body.String()
	has(t, body, "Ended")
	hasNot(t, body, "Link expires", window+"/cancel")
}

func TestRA_55_whatIsLockedSaysSinceWhenAndAfterHowManyWrongCodes(t *testing.T) {
	t.Parallel()
	d := newSender()
	d.events = []audit.Event{
		{At: noon, Type: invite.EventFailed, Actor: "customer"}, {At: noon.AddDate(0, 0, 1), Type: invite.EventUnlocked, Actor: "system"},
		{At: noon.AddDate(0, 0, 2), Type: invite.EventCodeSent, Actor: "system", Data: []byte(`{"verification":"` + codeA.Text(uid.Verification) + `"}`)},
		{At: noon.AddDate(0, 0, 2).Add(time.Minute), Type: invite.EventFailed, Actor: "customer"},
	}
	of := &post{}
	b := newBrowser(t, d, func(c *console.Config) { c.Invitations, c.Dispatches, c.Changes, c.Contacts = d, of, d, places{} }).as(operator.Viewer)
	for wrong, says := range map[int]string{-1: "", 0: "No wrong code was entered", 1: "1 wrong code was entered.", 15: "15 wrong codes were entered."} {
		of.wrong = wrong
		body := b.get(window).Body.String()
		has(t, body, "It was locked", noon.AddDate(0, 0, 2).Add(time.Minute).Format("2 Jan 2006, 15:04"), says)
		if wrong < 0 {
			hasNot(t, body, "entered")
		}
	}
	v := d.views[adaID]
	v.Status = invite.MobilePending
	d.views[adaID] = v
	hasNot(t, b.get(window).Body.String(), "It was locked", "wrong codes were entered")
}

func TestRA_55_whatIsNotLockedIsNotUnlockedByAFormEither(t *testing.T) {
	t.Parallel()
	for _, reason := range []string{"she called", ""} {
		d := newSender()
		b := d.browse(t, operator.Agent)
		form := b.get(window + "/unlock").Body.String() // drawn while it was
		form = form[strings.Index(form, `action="`+window+"/unlock"):]
		v := d.views[adaID]
		v.Status, v.Gates = invite.MobilePending, []invite.GateView{{Channel: delivery.SMS, Fixed: true}}
		d.views[adaID] = v
		w := b.post(window+"/unlock", url.Values{"reason": {reason}, "version": {"1"}, "form_token": {tokenField.FindStringSubmatch(form)[1]}})
		has(t, w.Body.String(), "does not allow this as it stands now", "Nothing was changed")
		if len(d.did) != 0 {
			t.Errorf("did %+v", d.did)
		}
	}
}

func TestRA_64_theFormOfANewLinkSaysWhatBecomesOfTheProof(t *testing.T) {
	t.Parallel()
	d := newSender()
	b := d.browse(t, operator.Agent)
	v := d.views[adaID]
	const kept, anew = "stays confirmed for 24 hours", "has to be confirmed again"
	says := func(want string, not ...string) {
		t.Helper()
		body := b.get(window + "/resend").Body.String()
		has(t, body, "The link that was sent before stops working.", want)
		hasNot(t, body, not...)
	}
	says("", kept, anew)
	v.Gates[0].PassedAt, v.Status = noon, invite.MobileVerified
	d.views[adaID] = v
	says(anew, kept)
	v.Gates[0].Keeps = true
	says(kept, anew)
}

func TestThePartsOfTheWindowThatMayChangeStayFresh(t *testing.T) {
	t.Parallel()
	body := newSender().browse(t, operator.Agent).get(window).Body.String()
	for _, part := range []string{"state", "acts", "events", "messages", "contacts", "facts"} {
		if !regexp.MustCompile(`id="` + part + `"[^>]* data-fresh`).MatchString(body) {
			t.Errorf("%s stays as it was", part)
		}
	}
	if acts := body[strings.Index(body, `id="acts"`):]; !strings.Contains(acts[:strings.Index(acts, "</div>")], window+"/cancel") {
		t.Error("cancel is not among the acts that are kept up to date")
	}
}

func TestRA_55_whoSendsAnOldFormIsToldWhatSomebodyDidMeanwhile(t *testing.T) {
	t.Parallel()
	for what, c := range map[string]struct{ fields, says []string }{
		"resend":  {[]string{"channel", "email"}, []string{"Send a new link"}},
		"correct": {[]string{"email", "new@example.org"}, []string{"Save and send a new link", "new@example.org", address}},
		"unlock":  {[]string{"confirmed", "yes"}, []string{"Unlock"}},
		"cancel":  {[]string{"confirmed", "yes"}, []string{"Cancel the verification"}},
	} {
		d := newSender()
		b := d.browse(t, operator.Agent)
		at := window + "/" + what
		form := b.get(at).Body.String()
		has(t, form, `name="version" value="1"`)
		d.events = []audit.Event{
			{At: noon, Type: invite.EventContactChanged, Actor: "operator:" + agent.Text(uid.Operator), Data: []byte(`{"contacts":["mobile"],"reason":"she <b>called</b>"}`)},
			{At: noon, Type: invite.EventSent, Actor: "system", Data: []byte(`{}`)},
		}
		v := d.views[adaID]
		v.Resends = 1
		d.views[adaID] = v
		d.refuse = fault.New(fault.Conflict, invite.CodeChanged, "Somebody sent a new link meanwhile.")
		fields := url.Values{"reason": {"mine"}, "version": {"1"}, "once": {"o1"}, "form_token": {tokenField.FindStringSubmatch(form[strings.Index(form, `action="`+at):])[1]}}
		fields.Set(c.fields[0], c.fields[1])
		w := b.post(at, fields)
		if w.Code != http.StatusOK || d.saw != 1 {
			t.Errorf("%s: %d, from link %d", what, w.Code, d.saw)
		}
		has(t, w.Body.String(), "Somebody changed this meanwhile", "Mara Jensen", "Ada Lovelace", "Contact corrected", "she &lt;b&gt;called&lt;/b&gt;", "mine",
			`action="`+at+`"`, `name="version" value="2"`, `name="`+c.fields[0]+`" value="`+c.fields[1]+`"`, `href="`+window+`"`)
		has(t, w.Body.String(), c.says...)
		fields.Del("version")
		if w := b.post(at, fields); w.Code != http.StatusConflict {
			t.Errorf("%s by a form that does not say what it was drawn of: %d", what, w.Code)
		}
	}
}

func TestNobodyButAgentsHelpsAndNobodyReachesAnotherFirms(t *testing.T) {
	t.Parallel()
	d := newSender()
	foreign := "/console/verifications/" + (uid.ID{0xb}).Text(uid.Invitation)
	for _, path := range []string{"/resend", "/correct", "/unlock", "/cancel"} {
		for _, w := range []int{d.browse(t, operator.Viewer).get(window + path).Code, d.browse(t, operator.Viewer).post(window+path, url.Values{"reason": {"x"}}).Code} {
			if w != http.StatusForbidden {
				t.Errorf("a viewer gets %d at %s", w, path)
			}
		}
		if w := d.browse(t, operator.Owner).get(foreign + path); w.Code != http.StatusNotFound {
			t.Errorf("another firm's %s answers %d", path, w.Code)
		}
	}
	for _, path := range []string{foreign, foreign + "/", "/console/verifications/inv_", "/console/verifications/" + adaID.Text(uid.Key)} {
		if w := d.browse(t, operator.Owner).get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s answers %d", path, w.Code)
		}
	}
	if len(d.did) != 0 {
		t.Errorf("did %+v", d.did)
	}
}

func TestNamesFromOutsideStayText(t *testing.T) {
	t.Parallel()
	d := newSender()
	v := d.views[adaID]
	v.FirstName, v.LastName, v.Reference, v.Notes = "<script>alert(1)</script>", "\u202egnp", strings.Repeat("r", 200), "<img src=x>"
	v.ExternalID, v.OverrideReason = `"><b>`, "<u>"
	d.views[adaID] = v
	b := d.browse(t, operator.Agent)
	for _, path := range []string{"/console/verifications", window, window + "/resend", window + "/cancel"} {
		w := b.get(path)
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", path, w.Code)
		}
		hasNot(t, w.Body.String(), "<script>alert", "<img src=x>", `"><b>`, "<u>")
		has(t, w.Body.String(), "&lt;script&gt;")
	}
}

func TestAPageLearnsOfChangesOfItsNounAlone(t *testing.T) {
	t.Parallel()
	d := newSender()
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	go func() {
		for _, kinds := range [][]string{{"tenant.key_created"}, {"invitation.opened"}, {"verification.sent"}} {
			d.change <- tally.Change{Kinds: kinds}
		}
		close(d.change)
	}()
	w := d.browse(t, operator.Viewer).streamed(ctx, "/console/live?of=invitation")
	if w.Header().Get("Content-Type") != "text/event-stream" || strings.Count(w.Body.String(), "event: changed\n") != 1 {
		t.Errorf("%q", w.Body)
	}
}
