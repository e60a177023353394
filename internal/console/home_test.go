package console_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/attention"
	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/tally"
	"github.com/countersign/countersign/internal/uid"
)

// desk has figures and conditions. spans are those that were asked for.
type desk struct {
	today, ever tally.Count // ever: of all before
	since       time.Time
	behind      int64
	found       []attention.Condition
	spans       [][2]time.Time
	tenant      uid.Tenant
	err         error
}

func (d *desk) Hours(_ context.Context, t uid.Tenant, from, to time.Time) (tally.Report, error) {
	d.spans, d.tenant = append(d.spans, [2]time.Time{from, to}), t
	r := tally.Report{Total: d.today, AsOf: keyNoon.Add(-2 * time.Second), Behind: d.behind, Since: d.since}
	if to.Sub(from) > 25*time.Hour {
		r.Total = d.ever
	}
	for h := from; h.Before(to) && to.Sub(from) < 25*time.Hour; h = h.Add(time.Hour) {
		r.Hours = append(r.Hours, tally.Hour{Start: h})
	}
	if r.Hours != nil {
		r.Hours[len(r.Hours)-1].Count = d.today
	}
	return r, d.err
}

func (d *desk) Look(context.Context, uid.Tenant) ([]attention.Condition, error) { return d.found, nil }

func withDesk(t *testing.T, d *desk) *browser {
	t.Helper()
	return newBrowser(t, &people{}, func(c *console.Config) {
		c.Figures, c.Needs, c.Now = d, d, func() time.Time { return keyNoon.Add(20 * time.Minute) }
	})
}

func TestTheFirstPageHasTheFiguresOfTheDayInUTC(t *testing.T) {
	d := &desk{behind: 3, since: keyNoon.Add(-6 * time.Hour), today: tally.Count{
		Started: 4711, Accepted: 4612, Approved: 4513, Failed: 7, Undelivered: 5, InvitationsCreated: 31, InvitationsSent: 30, InvitationsCompleted: 22, InvitationsUndeliverable: 1,
	}}
	body := withDesk(t, d).as("viewer").get("/console").Body.String()
	has(t, body, "<b>4,711</b>", "<b>4,612</b>", "<b>4,513</b>", "<b>12</b>", "<b>31</b>", "<b>22</b>", `data-at="2026-11-26T12:00:00Z"`, `data-n="4711"`, "00:00 UTC", "12:00 UTC",
		"26 Nov 2026, 11:59:58 UTC", "3 events are not counted yet", "Not counted before", "26 Nov 2026, 06:00:00 UTC", "in UTC", "The day is that of UTC.", "Nothing needs you just now.")
	hasNot(t, body, "13:00 UTC")
	if d.tenant != ours || len(d.spans) != 1 || d.spans[0] != [2]time.Time{keyNoon.Add(-12 * time.Hour), keyNoon.Add(time.Hour)} {
		t.Errorf("asked for %v of %v", d.spans, d.tenant)
	}
}

func TestWhatNeedsSomebodyLeadsToWhereItIsSolved(t *testing.T) {
	d := &desk{today: tally.Count{Started: 1}, found: []attention.Condition{
		{Kind: attention.ProviderFailing, Severity: attention.Urgent, Count: 1, Object: hostile},
		{Kind: attention.JobsDead, Severity: attention.Urgent, Count: 2},
		{Kind: attention.EventsUnsealed, Severity: attention.Urgent, Count: 100, Capped: true},
		{Kind: attention.WebhookOff, Count: 1, Object: orders.ID.Text(uid.Webhook)},
		{Kind: attention.WebhookFailing, Count: 2, Object: orders.ID.Text(uid.Webhook)},
		{Kind: attention.WebhookDead, Count: 100, Capped: true, Object: "wdl_1"},
		{Kind: attention.InvitationsUndeliverable, Count: 3},
		{Kind: attention.InvitationsUnknown, Count: 4},
		{Kind: attention.KeysOld, Count: 1}, {Kind: attention.KeysUnused, Count: 2},
		{Kind: "of_tomorrow", Count: 1},
	}}
	body := withDesk(t, d).as("owner").get("/console").Body.String()
	has(t, body, "A provider fails", "&lt;script&gt;", "2 pieces of work were given up", "100 events wait to be sealed", "(and more)", `href="`+ordersURL+`"`, "2 webhooks take nothing",
		`href="/console/webhooks"`, `href="/console/verifications?status=undeliverable"`, `href="/console/verifications?status=sent_unknown">Of 4 links of the last week`, "1 key is older than a year", "2 keys were not used", `href="/console/keys"`)
	hasNot(t, body, "<script>alert", "of_tomorrow")
	body = withDesk(t, d).as("agent").get("/console").Body.String()
	has(t, body, "A provider fails", "3 links of the last week")
	hasNot(t, body, "webhook", "older than a year", "pieces of work", "/console/keys")
}

func TestWithoutAnythingYetTheFirstPageLeadsToTheFirstVerification(t *testing.T) {
	d := &desk{}
	body := withDesk(t, d).as("owner").get("/console").Body.String()
	has(t, body, "/console/settings/checks", "/console/settings/customisation", `class="primary" href="/console/verifications/new"`)
	if len(d.spans) != 2 || d.spans[1][1].Sub(d.spans[1][0]) != tally.Kept {
		t.Errorf("asked for %v", d.spans)
	}
	const settings, brand, send = "Say what is required", "Put your name on it", "Send the first verification"
	has(t, body, settings, brand, send)
	body = withDesk(t, &desk{}).as("agent").get("/console").Body.String()
	has(t, body, send)
	hasNot(t, body, settings, brand)
	body = withDesk(t, &desk{}).as("viewer").get("/console").Body.String()
	has(t, body, "The day is that of UTC.", "Nothing needs you just now.")
	hasNot(t, body, settings, brand, send)
	for name, d := range map[string]*desk{
		"a quiet day": {ever: tally.Count{Started: 1}}, "an older count that is not complete": {since: keyNoon.Add(-time.Hour)},
	} {
		has(t, withDesk(t, d).as("owner").get("/console").Body.String(), "Nothing needs you just now.")
		if len(d.spans) != 2 {
			t.Errorf("%s: asked for %v", name, d.spans)
		}
	}
}

func TestFiguresThatCanNotBeHadAreNotShownAsNone(t *testing.T) {
	d := &desk{err: fault.New(fault.Unavailable, "database_away", "Try again.")}
	w := withDesk(t, d).as(operator.Admin).get("/console")
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("answer %d", w.Code)
	}
	hasNot(t, w.Body.String(), "<b>0</b>")
}
