package console_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

func posted() *webhook.Request {
	return &webhook.Request{
		Method: "POST", URL: "https://one.example/hook?a=b", At: keyNoon.Add(-time.Second),
		Header: []webhook.Field{{Name: "Content-Type", Value: "application/json"}, {Name: "Webhook-Signature", Value: "[not shown]"}},
		Body:   []byte(`{"id":"evt_1","data":{"masked_mobile":"+44 ••• ••• ••23","reference":"<script>alert(1)</script>"}}`),
	}
}

func TestADeliveryShowsEachTryThatIsKeptAndIsReplayed(t *testing.T) {
	d := lost
	d.Earlier = []webhook.Try{
		{At: keyNoon.Add(-time.Hour), Error: webhook.ErrorTimeout, Latency: 15 * time.Second},
		{At: keyNoon.Add(-time.Minute), Status: 302, Error: webhook.ErrorStatus, Latency: 7 * time.Millisecond, Answer: "elsewhere"},
	}
	h := &bells{endpoints: []webhook.Endpoint{orders}, sent: []webhook.Delivery{d}, request: posted()}
	b := withHooks(t, h).as("owner")
	body := b.get(lostURL).Body.String()
	has(t, body, "Try 10: answered 500", "Its answer did not say that it took the event.", "1.2 s", "&lt;script&gt;", d.Event.Text(uid.Event), "2 earlier tries",
		"Try 9: answered 302", "elsewhere", "7 ms", "Try 8: not answered", "No answer came in time.", "15.0 s")
	hasNot(t, body, "<script>alert", "Try 7", "given up: ")
	if strings.Index(body, "Try 10") > strings.Index(body, "Try 9") || strings.Index(body, "Try 9") > strings.Index(body, "Try 8") {
		t.Error("the newest try is not the first")
	}
	wantTo(t, b.send(lostURL, lostURL+"/replay", url.Values{}), ordersURL)
	wantTo(t, b.send(ordersURL, ordersURL+"/test", url.Values{}), ordersURL)
	if !slices.Equal(h.calls, []string{"replay " + lost.ID.Text(uid.WebhookSent), "test"}) {
		t.Errorf("calls %v", h.calls)
	}
	h.err = fault.New(fault.Conflict, "webhook_off", "This webhook is off.")
	has(t, b.send(ordersURL, ordersURL+"/test", url.Values{}).Body.String(), "This webhook is off.")
}

func TestADeliveryShowsWhatIsPostedAndSaysThatItIsMadeAnew(t *testing.T) {
	h := &bells{endpoints: []webhook.Endpoint{orders}, sent: []webhook.Delivery{lost}, request: posted()}
	body := withHooks(t, h).as("admin").get(lostURL).Body.String()
	has(t, body, "What was posted is not kept.", "made anew", "may have been different", "Numbers and addresses of people are masked", "The signature is not shown.",
		`data-copy="https://one.example/hook?a=b"`, "content-type: application/json\nwebhook-signature: [not shown]",
		"{\n  &#34;id&#34;: &#34;evt_1&#34;,\n  &#34;data&#34;: {\n    &#34;masked_mobile&#34;: &#34;&#43;44 ••• ••• ••23&#34;", "&lt;script&gt;alert(1)", keyNoon.Add(-time.Second).Format("15:04:05"))
	hasNot(t, body, "<script>alert", "Nothing was posted yet")
}

func TestADeliveryWithoutATryOrARequestSaysSo(t *testing.T) {
	fresh, gone, off, broken := lost, lost, lost, lost
	fresh.State, fresh.Tries, fresh.Error, fresh.Status, fresh.Answer = webhook.Pending, 0, "", 0, ""
	gone.Tries, gone.Error, gone.Status, gone.Answer = 0, webhook.ErrorNoEvent, 0, ""
	off.Error, off.Earlier = webhook.ErrorOff, []webhook.Try{{At: keyNoon, Status: 503, Error: webhook.ErrorStatus}}
	broken.Tries, broken.Error = 0, ""
	for _, c := range []struct {
		of        webhook.Delivery
		request   *webhook.Request
		lack      string
		want, not []string
	}{
		{fresh, posted(), "", []string{"Not tried yet", "Nothing was posted yet.", "{\n  &#34;id"}, []string{"What was posted is not kept", "Try "}},
		{gone, nil, webhook.ErrorNoEvent, []string{"given up: the event is past its time", "there is nothing left to make it from"}, []string{"Not tried yet", "Headers"}},
		{off, posted(), "", []string{"given up: the endpoint was off", "Try 10: answered 503"}, []string{"Not tried yet", "Try 11", "earlier"}},
		{broken, nil, webhook.ErrorUnmade, []string{"nothing is posted as long as that is so"}, []string{"Headers", "nothing left"}},
	} {
		h := &bells{endpoints: []webhook.Endpoint{orders}, sent: []webhook.Delivery{c.of}, request: c.request, lack: c.lack}
		body := withHooks(t, h).as("owner").get(lostURL).Body.String()
		has(t, body, c.want...)
		hasNot(t, body, c.not...)
	}
}

// What is posted is of any dialect, so it need not be JSON.
func TestABodyThatIsNoJSONIsShownAsItIs(t *testing.T) {
	request := posted()
	request.Body = []byte("event=approved&to=%2B44")
	h := &bells{endpoints: []webhook.Endpoint{orders}, sent: []webhook.Delivery{lost}, request: request}
	has(t, withHooks(t, h).as("owner").get(lostURL).Body.String(), "<code>event=approved&amp;to=%2B44</code>")
}

func TestADeliveryThatCanNotBeReadIsNoPage(t *testing.T) {
	h := &bells{endpoints: []webhook.Endpoint{orders}, sent: []webhook.Delivery{lost}, unread: fault.New(fault.Unavailable, "busy", "Try again.")}
	b := withHooks(t, h).as("owner")
	if w := b.get(lostURL); w.Code != http.StatusServiceUnavailable {
		t.Errorf("answered by %d", w.Code)
	}
}

var _ console.Hooks = (*webhook.Service)(nil)
