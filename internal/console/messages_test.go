package console_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
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
	wrong int // codes entered for each verification
}

func (p *post) WrongCodes(_ context.Context, _ verify.Caller, ids []uid.ID) (int, bool, error) {
	return p.wrong * len(ids), p.wrong >= 0, p.err
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

// letters are messages of invitations that are no codes, and what they were asked for last.
type letters struct {
	console.Invitations
	list  []invite.Dispatch
	more  uid.ID
	asked invite.DispatchQuery
	page  uid.Page
	calls int
}

func (l *letters) Dispatches(_ context.Context, q invite.DispatchQuery, p uid.Page) ([]invite.Dispatch, uid.ID, error) {
	l.asked, l.page = q, p
	l.calls++
	return l.list, l.more, nil
}

var failed = verify.Dispatch{
	Verification: uid.ID{0x20}, N: 3, To: "+44 •••• 0123", Provider: "main", Channel: delivery.SMS, State: delivery.Failed, Error: hostile,
	Latency: 1200 * time.Millisecond, Price: &delivery.Price{Amount: "0.0412", Currency: "EUR"}, At: keyNoon,
}

func withPost(t *testing.T, p *post) *browser {
	t.Helper()
	return withMail(t, p, &letters{})
}

func withMail(t *testing.T, p *post, l *letters) *browser {
	t.Helper()
	return newBrowser(t, &people{}, func(c *console.Config) {
		c.Dispatches, c.Invitations, c.Providers = p, l, func() []string { return []string{"main", "smsc"} }
	})
}

func TestMessagesBeginWithThoseThatFailed(t *testing.T) {
	asked := failed
	asked.State, asked.Provider = "", ""
	p := &post{list: []verify.Dispatch{failed, asked}, more: failed.Verification}
	b := withPost(t, p).as("viewer")
	body := b.get("/console/messages").Body.String()
	has(t, body, "+44 •••• 0123", "main", "Failed", "Sending", "1.2 s", "0.0412 EUR", "Text message", ">Any</option>", `<option value="smsc">`, "&lt;script&gt;",
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
	w = b.get("/console/messages?from=2026-04-16&to=2026-04-15")
	has(t, w.Body.String(), `<a href="#from">Give a day that is not after the last one.</a>`)
	if p.calls != 0 {
		t.Error("days in the wrong order are asked for")
	}
	p.err = fault.New(fault.Invalid, "channel_invalid", "Choose a channel.").On("channel")
	has(t, b.get("/console/messages?channel=pigeon").Body.String(), "Choose a channel.")
}

func TestMessagesOfInvitationsStandAmongThoseWithCodes(t *testing.T) {
	at := func(n byte, seconds int) (uid.ID, time.Time) {
		return uid.ID{n}, keyNoon.Add(time.Duration(seconds) * time.Second)
	}
	p, l := &post{}, &letters{}
	add := func(n byte, kind, word string) {
		id, when := at(n, int(n))
		l.list = append(l.list, invite.Dispatch{ID: id, Invitation: adaID, Kind: kind, Channel: delivery.Email, To: address, Provider: "post",
			State: delivery.Failed, Error: word, At: when})
	}
	add(0x40, invite.NoticeContactChanged, "own-<i>word</i>")
	add(0x20, invite.NoticeReminder, "no_route")
	add(0x10, invite.NoticeInvitation, "invalid_recipient")
	code := failed
	code.Verification, code.ExternalID, code.Error = uid.ID{0x30}, "inv:"+adaID.Text(uid.Invitation)+":sms:1:1", "timeout"
	stray := failed
	stray.Verification, stray.To, stray.ExternalID = uid.ID{0x05}, "+1 ••• ••• •177", "order:7"
	p.list = []verify.Dispatch{code, stray}
	body := withMail(t, p, l).as("viewer").get("/console/messages").Body.String()
	list := body[strings.Index(body, "<tbody>"):]
	for _, words := range []string{"Notice of a change", "own-&lt;i&gt;word", ">Code<", "gave no answer in time", ">Reminder<", "No provider is configured", ">Link<", "There is no such number or address", "+1 ••• ••• •177"} {
		i := strings.Index(list, words)
		if i < 0 {
			t.Fatalf("%q is missing, or stands before what is newer:\n%s", words, list)
		}
		list = list[i:]
	}
	if n := strings.Count(body, `class="row" href="`+window+`"`); n != 4 {
		t.Errorf("%d rows lead to the window, want 4", n)
	}
	has(t, body, `class="strong">Code<`, address, ">post<", `data-live="/console/live?of=verification&amp;of=invitation"`)
	if !l.asked.Failed || l.asked.Caller.Tenant != ours {
		t.Errorf("asked for %+v", l.asked)
	}
}

func TestMessagesAreNarrowedToAKind(t *testing.T) {
	for kind, want := range map[string]struct {
		codes, letters int
		notice         string
	}{"": {1, 1, ""}, "code": {1, 0, ""}, "link": {0, 1, invite.NoticeInvitation}, "reminder": {0, 1, invite.NoticeReminder}, "notice": {0, 1, invite.NoticeContactChanged}} {
		p, l := &post{}, &letters{}
		b := withMail(t, p, l).as("agent")
		body := b.get("/console/messages?order=newest&channel=email&provider=main&state=sent&from=2026-11-01&kind=" + kind).Body.String()
		if p.calls != want.codes || l.calls != want.letters || l.asked.Kind != want.notice {
			t.Errorf("%q: %d and %d reads, of %q", kind, p.calls, l.calls, l.asked.Kind)
		}
		if q := l.asked; l.calls > 0 && (q.Failed || q.Channel != delivery.Email || q.Provider != "main" || q.State != delivery.Sent || q.Since.IsZero()) {
			t.Errorf("%q asks for %+v", kind, q)
		}
		if kind != "" {
			has(t, body, `<option value="`+kind+`" selected>`)
		}
	}
	p, l := &post{}, &letters{}
	has(t, withMail(t, p, l).as("agent").get("/console/messages?kind=x%3Cscript%3E").Body.String(), "Choose one of the list.")
	if p.calls+l.calls != 0 {
		t.Error("a kind that is none is asked for")
	}
}
