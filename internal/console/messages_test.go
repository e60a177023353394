package console_test

import (
	"context"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// post is a list of messages. asked is what it was asked for last.
type post struct {
	list  []verify.Dispatch
	more  verify.DispatchRef
	asked verify.DispatchQuery
	page  verify.DispatchPage
	calls int
	err   error
}

func (p *post) Dispatches(_ context.Context, q verify.DispatchQuery, page verify.DispatchPage) ([]verify.Dispatch, verify.DispatchRef, error) {
	p.asked, p.page = q, page
	p.calls++
	return p.list, p.more, p.err
}

var failed = verify.Dispatch{
	Verification: uid.ID{0x20}, N: 3, To: "+44 •••• 0123", Provider: "main", Channel: delivery.SMS, State: delivery.Failed, Error: hostile,
	Latency: 1200 * time.Millisecond, Price: &delivery.Price{Amount: "0.0412", Currency: "EUR"}, At: keyNoon,
}

func withPost(t *testing.T, p *post) *browser {
	t.Helper()
	return newBrowser(t, &people{}, func(c *console.Config) {
		c.Dispatches, c.Providers = p, func() []string { return []string{"main", "smsc"} }
	})
}

func TestMessagesBeginWithThoseThatFailed(t *testing.T) {
	asked := failed
	asked.State, asked.Provider = "", ""
	p := &post{list: []verify.Dispatch{failed, asked}, more: failed.Ref()}
	b := withPost(t, p).as("viewer")
	body := b.get("/console/messages").Body.String()
	has(t, body, "+44 •••• 0123", "main", "Failed", "Sending", "1.2 s", "0.0412 EUR", "Text message", "Any provider", `<option value="smsc">`, "&lt;script&gt;",
		"/console/messages?before="+uid.ID{0x20}.Text(uid.Verification)+".3")
	hasNot(t, body, "<script>alert")
	if !p.asked.Failed || p.asked.Caller.Tenant != ours || p.page.Limit != 50 {
		t.Errorf("asked for %+v, %+v", p.asked, p.page)
	}
	b.get("/console/messages?order=newest")
	if p.asked.Failed {
		t.Error("all of them are asked for as failures")
	}
}

func TestFiltersOfMessagesStandInTheAddressAndGoAlong(t *testing.T) {
	p := &post{list: []verify.Dispatch{failed}, more: verify.DispatchRef{Verification: uid.ID{0x10}, N: 7}}
	b := withPost(t, p).as("agent")
	body := b.get("/console/messages?state=delivered&channel=sms&provider=main&from=2026-11-01&to=2026-11-02&before=" + uid.ID{0x30}.Text(uid.Verification) + ".1").Body.String()
	q := p.asked
	if q.Failed || q.State != delivery.Delivered || q.Channel != delivery.SMS || q.Provider != "main" ||
		!q.Since.Equal(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)) || !q.Until.Equal(time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("asked for %+v", q)
	}
	if p.page.From != (verify.DispatchRef{Verification: uid.ID{0x30}, N: 1}) {
		t.Errorf("from %+v", p.page.From)
	}
	const filters = "channel=sms&amp;from=2026-11-01&amp;provider=main&amp;state=delivered&amp;to=2026-11-02"
	has(t, body, `rel="prev" href="/console/messages?`+filters, "/console/messages?before="+uid.ID{0x10}.Text(uid.Verification)+".7&amp;"+filters, `value="delivered" selected`)
}

func TestAPageOfMessagesThatIsEmptyBeforeTheEndSaysToGoOn(t *testing.T) {
	p := &post{more: verify.DispatchRef{Verification: uid.ID{0x10}}}
	b := withPost(t, p).as("owner")
	has(t, b.get("/console/messages?provider=main").Body.String(), "None up to here", `rel="next"`)
	p.more = verify.DispatchRef{}
	has(t, b.get("/console/messages").Body.String(), "No message failed")
	has(t, b.get("/console/messages?order=newest").Body.String(), "Nothing was sent yet")
	has(t, b.get("/console/messages?provider=main").Body.String(), "Nothing fits these filters")
}

func TestADayThatIsNoneIsToldBesideItsField(t *testing.T) {
	p := &post{}
	b := withPost(t, p).as("owner")
	w := b.get("/console/messages?" + url.Values{"from": {hostile}, "to": {"2026-13-01"}}.Encode())
	if w.Code != http.StatusOK || p.calls != 0 {
		t.Errorf("answer %d after %d reads", w.Code, p.calls)
	}
	has(t, w.Body.String(), "Give a day", "&lt;script&gt;", `value="2026-13-01"`)
	hasNot(t, w.Body.String(), "<script>alert")
	p.err = fault.New(fault.Invalid, "channel_invalid", "Choose a channel.").On("channel")
	has(t, b.get("/console/messages?channel=pigeon").Body.String(), "Choose a channel.")
}

func TestACursorOfMessagesThatIsNoneIsNotThere(t *testing.T) {
	p := &post{}
	for _, before := range []string{"x", "vrf_x.1", uid.ID{1}.Text(uid.Verification), uid.ID{1}.Text(uid.Verification) + ".-1", uid.ID{1}.Text(uid.Invitation) + ".1"} {
		if w := withPost(t, p).as(operator.Owner).get("/console/messages?before=" + before); w.Code != http.StatusNotFound {
			t.Errorf("before=%s is answered by %d", before, w.Code)
		}
	}
	if p.calls != 0 {
		t.Errorf("%d reads", p.calls)
	}
}
