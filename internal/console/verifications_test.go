package console_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/audit"
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
	older := "before=" + uid.ID{9}.Text(uid.Invitation) + "&amp;" + strings.ReplaceAll(filters, "&", "&amp;")
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
		"from=yesterday%3Cscript%3E":     "Give a day like",
		"mobile_2fa=maybe":               "Choose one of the list",
		"before=inv_0":                   "",
		"before=" + adaID.Text(uid.Key):  "",
		"to=0001-01-01&reference=%22%3E": "Give a day like",
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
		"invitation.something_new", "key_1", "smsc", "route_unavailable", "1.2 s", "post", mobile, address)
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
		d.refuse = fault.New(fault.Conflict, "invitation_status", "The status does not allow this.")
		w = b.send(at, at, c.fields)
		has(t, w.Body.String(), "The status does not allow this.", "they &lt;i&gt;called&lt;/i&gt;")
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
