package invite_test

import (
	"slices"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
)

// hold checks what holds after every act: nothing follows a last status, nobody takes consent back, and no browser gets an invitation
// further than its own proofs do.
func (w *walk) hold(b *browser) {
	w.Helper()
	before := w.status
	w.status = w.view().Status
	further := []invite.Status{invite.Consented, invite.HandedOff, invite.Completed, invite.Canceled}
	switch {
	case before == w.status:
	case before.Terminal():
		w.Errorf("%s, and then %s", before, w.status)
	case slices.Contains(further, before) && !slices.Contains(further[slices.Index(further, before):], w.status):
		w.Errorf("%s, and then %s", before, w.status)
	case b != nil && slices.Contains([]invite.Status{invite.MobileVerified, invite.ConsentPending, invite.Consented, invite.HandedOff, invite.Completed}, w.status) && !w.passedAll(b):
		w.Errorf("%s by a browser that proved nothing", w.status)
	}
	if w.Failed() {
		w.FailNow()
	}
}

// refused checks the answer to a customer: whatever comes too late or out of its turn has a name, and none of our side.
func (w *walk) refused(err error, but ...string) bool {
	w.Helper()
	if err == nil {
		return false
	}
	if f := fault.As(err); f.Kind != fault.Conflict && f.Code != "session_unknown" || f.Code == invite.CodeStatus && !slices.Contains(but, f.Code) {
		w.Errorf("a customer is told %v", err)
	}
	return true
}

// sees checks a page that a browser was shown.
func (w *walk) sees(b *browser, p *invite.Page) {
	w.Helper()
	status := w.view().Status
	over := status.Terminal() || w.kind == invite.Entered && status == invite.HandedOff // ID-29
	if slices.Contains([]invite.Step{invite.StepConsent, invite.StepHandOff, invite.StepDone}, p.Step) && !over && !w.passedAll(b) {
		w.Errorf("%s is at %s and proved nothing", b.name, p.Step)
	}
	if g := p.Gate; g != nil && w.passed(b, g.Channel) {
		w.Errorf("%s is asked for %s again", b.name, g.Channel)
	}
}

func (w *walk) follow(b *browser, link int) {
	w.Helper()
	a, err := w.Open(w.ctx(), w.links[link-1], b.visit.Cookie, nil, "req_2")
	if err != nil {
		w.Errorf("a link leads to %v", err)
		return
	}
	if link == len(w.links) && a.Page.Step == invite.StepReplaced {
		w.Error("the newest link is told to be replaced")
	}
	if a.Cookie == "" {
		return
	}
	if a.Cookie != b.visit.Cookie {
		b.opened, b.proved = w.world.time(), times{}
	}
	b.link, b.visit = link, invite.Visit{ID: a.ID, Cookie: a.Cookie, RequestID: "req_3"}
	w.sees(b, &a.Page)
}

func (w *walk) read(b *browser) invite.Step {
	w.Helper()
	if b.link == 0 {
		return ""
	}
	page, err := w.Hub(w.ctx(), b.visit)
	if err != nil {
		w.Errorf("the hub answers %v", err)
	}
	if w.live(b) == (page.Step == invite.StepReplaced) {
		w.Errorf("a session of link %d of %d is at %s", b.link, len(w.links), page.Step)
	}
	w.sees(b, &page)
	return page.Step
}

func (w *walk) ask(b *browser, ch delivery.Channel, to string) {
	w.Helper()
	before := w.sent()
	outcome, page, err := w.Send(w.ctx(), b.visit, ch, invite.Entry{Contact: to})
	if fault.As(err).Code == "contact_required" {
		return
	}
	if b.link == 0 || w.refused(err) {
		w.is(w.sent(), before, "codes")
		return
	}
	w.sees(b, &page)
	if outcome != invite.SendSent {
		w.is(w.sent(), before, "codes after "+string(outcome))
		return
	}
	w.is(w.sent(), before+1, "codes")
	if sent := w.codes[ch]; sent != nil {
		w.older = append(w.older, sent.text)
	}
	now := w.world.time()
	w.codes[ch] = &sentCode{text: w.desk.code(), cookie: b.visit.Cookie, at: now}
	all := append(w.sends[ch], now)
	w.sends[ch] = all
	switch n := len(all); {
	case w.kind == invite.Entered && n > 3: // ID-22
		w.Errorf("%d codes of an entered contact", n)
	case n > 1 && now.Sub(all[n-2]) < 30*time.Second: // RA-38, ID-25
		w.Errorf("two codes within %s", now.Sub(all[n-2]))
	case n > 8: // RA-39
		w.Errorf("%d codes, and the firm unlocked nothing", n)
	case n > 4 && all[n-1].Sub(all[n-5]) < 30*time.Minute:
		w.Errorf("five codes within %s", all[n-1].Sub(all[n-5]))
	}
}

func (w *walk) handIn(b *browser, ch delivery.Channel, code string) {
	w.Helper()
	before := w.passed(b, ch)
	outcome, page, err := w.Check(w.ctx(), b.visit, ch, code)
	if b.link == 0 || w.refused(err) {
		return
	}
	sent := w.codes[ch]
	mine := sent != nil && sent.cookie == b.visit.Cookie && w.world.time().Before(sent.at.Add(5*time.Minute))
	tries := 5
	if w.kind == invite.Entered {
		tries = 3
	}
	switch {
	case outcome == invite.CheckRight && before:
	case outcome == invite.CheckRight && mine && code == sent.text && sent.wrong < tries:
		w.prove(b, ch)
	case outcome == invite.CheckWrong && mine && code != sent.text && sent.wrong < tries:
		sent.wrong++
	case outcome == invite.CheckRight || outcome == invite.CheckWrong:
		w.Errorf("a code is %s that %+v was sent for", outcome, sent)
	}
	w.sees(b, &page)
}

func (w *walk) answer(b *browser, accept bool) {
	w.Helper()
	page, err := w.Consent(w.ctx(), b.visit, invite.Answer{Accept: accept, Version: policy.OwnConsent})
	if b.link == 0 || w.refused(err) {
		return
	}
	if got := w.view().Status; !w.agreed && (got == invite.Consented || got == invite.Declined && !w.status.Terminal()) {
		if !w.passedAll(b) {
			w.Error("an answer of a browser that proved nothing")
		}
		w.agreed = true
		w.claim(b)
	}
	w.sees(b, &page)
}

func (w *walk) handOver(b *browser) {
	w.Helper()
	signed := len(w.world.results)
	to, page, err := w.HandOff(w.ctx(), b.visit)
	if (to != "" || len(w.world.results) > signed) && !w.passedAll(b) {
		w.Errorf("%s is sent to %q and proved nothing", b.name, to)
	}
	if b.link == 0 || w.refused(err) {
		return
	}
	if to == "" && w.home && w.passedAll(b) && page.Step != invite.StepExpired {
		w.Errorf("a browser that proved all is sent nowhere: %s", page.Step)
	}
	w.sees(b, &page)
}

func (w *walk) leave(b *browser) {
	w.Helper()
	page, err := w.Leave(w.ctx(), b.visit)
	if b.link > 0 && !w.refused(err, invite.CodeStatus) {
		w.sees(b, &page)
	}
}

// firmActs is one of its acts; what it was offered is not refused.
func (w *walk) firmActs() {
	w.Helper()
	view := w.view()
	offers := view.Offers()
	var err error
	var offered bool
	switch w.rnd.IntN(12) {
	case 0, 1, 2, 3, 4:
		w.tell("the firm sends a new link")
		offered = offers.Resend
		if _, err = w.Resend(w.ctx(), w.target(w.firm), nil); err == nil {
			w.keep()
			w.link("")
		}
	case 5, 6:
		w.tell("the firm corrects the number")
		offered = offers.Correct
		to := another
		if w.number == another {
			to = mobile
		}
		if _, err = w.Correct(w.ctx(), w.target(w.firm), invite.Contact{Mobile: &to}); err == nil {
			w.number, w.proofs, w.kept = to, times{}, times{}
			clear(w.codes)
			clear(w.sends)
			w.link("")
		}
	case 7, 8, 9:
		offered = offers.Unlock
		err = w.unlock()
	case 10:
		w.tell("the firm says that it is done")
		_, err = w.Complete(w.ctx(), w.target(w.firm))
	default:
		if w.rnd.IntN(6) > 0 {
			return
		}
		w.tell("the firm cancels")
		offered = offers.Cancel
		_, err = w.Cancel(w.ctx(), w.target(w.firm), "")
	}
	over := w.view().Status == invite.Expired
	if f := fault.As(err); err != nil && (f.Kind != fault.Conflict && f.Code != "links_used_up" || offered && !over) {
		w.Errorf("the firm is told %v", err)
	}
	w.hold(nil)
}

func (w *walk) unlock() error {
	w.tell("the firm unlocks")
	_, err := w.Unlock(w.ctx(), w.target(w.firm), "the customer called")
	if err == nil {
		clear(w.sends)
	}
	return err
}
