package console_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// post is a list of messages. asked is what it was asked for last.
type post struct {
	list  []verify.Dispatch
	more  uid.ID
	asked verify.DispatchQuery
	page  uid.Page
	calls int
	err   error
}

func (p *post) Dispatches(_ context.Context, q verify.DispatchQuery, page uid.Page) ([]verify.Dispatch, uid.ID, error) {
	p.asked, p.page = q, page
	p.calls++
	return p.list, p.more, p.err
}

func (p *post) DispatchesOf(_ context.Context, _ verify.Caller, ids []uid.ID) (list []verify.Dispatch, _ error) {
	for _, d := range p.list {
		if slices.Contains(ids, d.Verification) {
			list = append(list, d)
		}
	}
	return list, p.err
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
	p := &post{list: []verify.Dispatch{failed, asked}, more: failed.Verification}
	b := withPost(t, p).as("viewer")
	body := b.get("/console/messages").Body.String()
	has(t, body, "+44 •••• 0123", "main", "Failed", "Sending", "1.2 s", "0.0412 EUR", "Text message", "Any provider", `<option value="smsc">`, "&lt;script&gt;",
		"/console/messages?before="+uid.ID{0x20}.Hex())
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
	p := &post{list: []verify.Dispatch{failed}, more: uid.ID{0x10}}
	b := withPost(t, p).as("agent")
	body := b.get("/console/messages?state=delivered&channel=sms&provider=main&from=2026-11-01&to=2026-11-02&before=" + uid.ID{0x30}.Hex()).Body.String()
	q := p.asked
	if q.Failed || q.State != delivery.Delivered || q.Channel != delivery.SMS || q.Provider != "main" ||
		!q.Since.Equal(time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)) || !q.Until.Equal(time.Date(2026, 11, 3, 0, 0, 0, 0, time.UTC)) {
		t.Errorf("asked for %+v", q)
	}
	if p.page != (uid.Page{Before: uid.ID{0x30}, Limit: 50}) {
		t.Errorf("the page is %+v", p.page)
	}
	const filters = "channel=sms&amp;from=2026-11-01&amp;provider=main&amp;state=delivered&amp;to=2026-11-02"
	has(t, body, `rel="prev" href="/console/messages?after=`+uid.ID{0x30}.Hex()+"&amp;"+filters, "/console/messages?before="+uid.ID{0x10}.Hex()+"&amp;"+filters, `value="delivered" selected`)
}

func TestAPageOfMessagesThatIsEmptyBeforeTheEndSaysToGoOn(t *testing.T) {
	p := &post{more: uid.ID{0x10}}
	b := withPost(t, p).as("owner")
	has(t, b.get("/console/messages?provider=main").Body.String(), "None on this page", `rel="next"`)
	p.more = uid.ID{}
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
