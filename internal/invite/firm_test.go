package invite_test

import (
	"context"
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

func TestRA_60_a_new_link_kills_the_old_one_and_there_are_five(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	old := d.token()
	v, _ := d.open(old)
	d.send(v, invite.SendSent)
	code := d.code()
	if _, err := d.Resend(t.Context(), d.target(v), nil); err != nil {
		t.Fatal(err)
	}
	d.replaced(old)
	d.hub(v, invite.StepReplaced) // and what it opened
	_, _, err := d.Check(t.Context(), v, delivery.SMS, code)
	d.fault(err, fault.Conflict, "session_over")
	v, page := d.open(d.token())
	d.is(page.Step, invite.StepPhone, "step")
	d.is(page.Gate.SendsLeft, 3, "sends: a new link resets none") // RA-38
	d.send(v, invite.SendCooling)
	for range 4 {
		if _, err := d.Resend(t.Context(), d.target(v), []delivery.Channel{delivery.SMS}); err != nil {
			t.Fatal(err)
		}
	}
	_, err = d.Resend(t.Context(), d.target(v), nil)
	d.fault(err, fault.Limited, "links_used_up")
	got := d.status(v, invite.Created)
	d.is(got.Resends, 5, "resends")
	_, err = d.Resend(t.Context(), d.target(v), []delivery.Channel{"post"})
	d.fault(err, fault.Limited, "links_used_up")
}

func TestRA_56_60_who_saw_an_earlier_link_changes_nothing(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	seen := d.target(v)
	before, err := d.Get(t.Context(), seen)
	if err != nil {
		t.Fatal(err)
	}
	seen.Link = before.Link()
	first, second := another, "+12025550188"
	if _, err := d.Correct(t.Context(), seen, invite.Contact{Mobile: &first}); err != nil {
		t.Fatal(err)
	}
	token := d.token()
	for what, act := range map[string]func() (invite.View, error){
		"correct": func() (invite.View, error) { return d.Correct(t.Context(), seen, invite.Contact{Mobile: &second}) },
		"resend":  func() (invite.View, error) { return d.Resend(t.Context(), seen, nil) },
		"unlock":  func() (invite.View, error) { return d.Unlock(t.Context(), seen, "they called") },
		"cancel":  func() (invite.View, error) { return d.Cancel(t.Context(), seen, "") },
	} {
		if _, err := act(); err == nil || fault.As(err).Code != invite.CodeChanged {
			t.Errorf("%s by who saw link 1: %v", what, err)
		}
	}
	if _, page := d.open(token); page.Step != invite.StepPhone {
		t.Errorf("the link of the first correction leads to %s", page.Step)
	}
	seen.Link++
	if _, err := d.Correct(t.Context(), seen, invite.Contact{Mobile: &second}); err != nil {
		t.Errorf("by who saw link 2: %v", err)
	}
}

func TestRA_60_nothing_is_sent_again_for_one_that_is_over(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	if _, err := d.Cancel(t.Context(), d.target(v), "wrong customer"); err != nil {
		t.Fatal(err)
	}
	_, err := d.Resend(t.Context(), d.target(v), nil)
	d.fault(err, fault.Conflict, "invitation_status")
	_, err = d.Cancel(t.Context(), d.target(v), "")
	d.fault(err, fault.Conflict, "invitation_status")
	d.hub(v, invite.StepCanceled)
	outcome, page, err := d.Send(t.Context(), v, delivery.SMS, invite.Entry{})
	if err != nil || outcome != invite.SendLocked || page.Step != invite.StepCanceled {
		t.Errorf("%s %s %v", outcome, page.Step, err)
	}
	d.check(v, "123456", invite.CheckDead)
	d.is(d.sent(), 0, "codes")
}

func TestRA_55_the_firm_can_neither_pass_nor_skip_a_gate(t *testing.T) {
	t.Parallel()
	d, v := asked(t)
	_, err := d.Complete(t.Context(), d.target(v))
	d.fault(err, fault.Conflict, "invitation_status")
	_, err = d.Unlock(t.Context(), d.target(v), "please") // nothing is locked
	d.fault(err, fault.Conflict, "invitation_status")
	for _, reason := range []string{"", "  "} {
		_, err = d.Unlock(t.Context(), d.target(v), reason)
		d.fault(err, fault.Invalid, "reason_invalid")
	}
	d.hub(v, invite.StepPhone)
	// A right code that the firm hands in by its own API approves the verification, and passes no gate: nobody typed it here.
	id := uid.ID{}
	if id, err = uid.Parse(uid.Verification, d.data(v.ID, "mobile_code_sent")["verification"].(string)); err != nil {
		t.Fatal(err)
	}
	if a, err := d.verify.Check(t.Context(), checkBy(d.by, id, d.code())); err != nil || !a.Valid {
		t.Fatalf("%+v %v", a, err)
	}
	d.hub(v, invite.StepPhone)
	d.status(v, invite.MobilePending)
}

func TestRA_56_correcting_the_number_voids_codes_proofs_and_the_link(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	old := d.token()
	v, _ := d.open(old)
	d.exhaust(v)
	to := another
	got, err := d.Correct(t.Context(), d.target(v), invite.Contact{Mobile: &to})
	if err != nil || got.Status != invite.Created || got.Failure != "" || got.LockedUntil != (time.Time{}) {
		t.Fatalf("%+v %v", got, err)
	}
	d.replaced(old)
	token := d.token()
	if n := d.world.notices[len(d.world.notices)-1]; n.Channel == delivery.SMS && n.To.Value != another {
		t.Errorf("the link went to %s", n.To.Value)
	}
	v, page := d.open(token)
	d.is(page.Gate.State, invite.GateIntro, "face")
	d.is(page.Gate.SendsLeft, 4, "sends")
	d.send(v, invite.SendSent)
	d.is(d.world.codes[len(d.world.codes)-1].To.Value, another, "recipient")
	d.check(v, d.code(), invite.CheckRight)
	_, err = d.Correct(t.Context(), d.target(v), invite.Contact{Mobile: &to})
	d.fault(err, fault.Conflict, "invitation_status")
	if kinds := d.timeline(v.ID); !slices.Contains(kinds, "contact_changed") {
		t.Errorf("%v", kinds)
	}
}

func TestRA_56_a_code_that_was_on_its_way_passes_nothing_after_a_correction(t *testing.T) {
	t.Parallel()
	d, v := asked(t)
	code, to := d.code(), another
	if _, err := d.Correct(t.Context(), d.target(v), invite.Contact{Mobile: &to}); err != nil {
		t.Fatal(err)
	}
	_, _, err := d.Check(t.Context(), v, delivery.SMS, code)
	d.fault(err, fault.Conflict, "session_over")
	fresh, _ := d.open(d.token())
	d.check(fresh, code, invite.CheckDead)
}

func TestCorrectionsAreValidated(t *testing.T) {
	t.Parallel()
	d := setup(t)
	none, same, bad, land := "", mobile, "x@", landline
	for name, c := range map[string]struct {
		to   invite.Contact
		code string
	}{
		"nothing":         {invite.Contact{}, "contact_unchanged"},
		"the same":        {invite.Contact{Mobile: &same}, "contact_unchanged"},
		"no number":       {invite.Contact{Mobile: &none}, "mobile_required"}, // the gate is on
		"a bad address":   {invite.Contact{Email: &bad}, "email_invalid"},
		"RA-32 landline":  {invite.Contact{Mobile: &land}, "recipient_line_type"},
		"address removed": {invite.Contact{Email: &none}, ""},
	} {
		if _, err := d.Correct(t.Context(), d.target(d.invited()), c.to); (err == nil) != (c.code == "") || err != nil && fault.As(err).Code != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestRA_62_a_link_expires_and_tells_whom_to_contact(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	token := d.token()
	d.later(720*time.Hour - time.Microsecond)
	v, _ := d.open(token)
	d.hub(v, invite.StepPhone)
	d.later(time.Microsecond)
	d.hub(v, invite.StepExpired)
	a, err := d.Open(t.Context(), token, "", nil, "")
	if err != nil || a.Cookie != "" || a.Page.Step != invite.StepExpired || a.Page.Firm != "Acme" || a.Page.Failure != invite.FailureLink {
		t.Errorf("%+v %v", a, err)
	}
	d.status(v, invite.Expired)
}

func TestRA_62_a_link_may_never_expire(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.LinkExpiryHours = nil })
	d.create()
	token := d.token()
	d.later(10 * 365 * 24 * time.Hour)
	if n, err := d.Sweep(t.Context()); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	_, page := d.open(token)
	d.is(page.Step, invite.StepPhone, "step")
}

func TestRA_62_the_sweep_ends_what_nobody_opens(t *testing.T) {
	t.Parallel()
	d := setup(t)
	hour := time.Hour
	first := d.create(func(r *invite.CreateRequest) { r.LinkTTL = &hour })
	d.create()
	d.work()
	d.later(hour - time.Microsecond)
	if n, err := d.Sweep(t.Context()); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	d.later(time.Microsecond)
	for _, want := range []int{1, 0} {
		if n, err := d.Sweep(t.Context()); n != want || err != nil {
			t.Fatal(n, err)
		}
	}
	d.status(invite.Visit{ID: first.View.ID}, invite.Expired)
	d.is(d.data(first.View.ID, "expired")["reason"], invite.FailureLink, "reason")
}

func TestRA_63_a_code_that_was_asked_for_in_time_may_still_be_used(t *testing.T) {
	t.Parallel()
	d := setup(t)
	hour := time.Hour
	v := d.invited(func(r *invite.CreateRequest) { r.LinkTTL = &hour })
	d.later(hour - time.Minute)
	d.send(v, invite.SendSent)
	d.later(2 * time.Minute) // the link is over, the code is not
	d.send(v, invite.SendLocked)
	d.is(d.sent(), 1, "codes")
	d.check(v, d.code(), invite.CheckRight)
	d.hub(v, invite.StepConsent)

	late := d.invited(func(r *invite.CreateRequest) { r.LinkTTL = &hour })
	d.later(hour - time.Minute)
	d.send(late, invite.SendSent)
	d.later(5 * time.Minute)
	page := d.check(late, d.code(), invite.CheckDead)
	d.is(page.Step, invite.StepExpired, "step when the code is over, too")
}

func TestRA_65_a_link_that_no_channel_carries_is_undeliverable(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.world.notify = func(n invite.Notice) (delivery.Result, error) {
		if n.Channel == delivery.SMS {
			return delivery.Result{Tries: []delivery.Try{{State: delivery.Failed, Error: "barred"}}}, nil
		}
		return delivery.Result{}, delivery.ErrNoRoute
	}
	a := d.create()
	d.work()
	v := invite.Visit{ID: a.View.ID}
	got := d.status(v, invite.Undeliverable)
	d.is(got.Failure, invite.FailureCarry, "failure")
	d.is(len(got.Carried), 2, "channels")
	if kinds := d.timeline(v.ID); !slices.Equal(kinds, []string{"created", "link_failed", "undeliverable"}) {
		t.Errorf("%v", kinds)
	}
	d.world.notify = nil
	if _, err := d.Resend(t.Context(), d.target(v), nil); err != nil {
		t.Fatal(err)
	}
	d.work()
	got = d.status(v, invite.Sent)
	d.is(got.Failure, "", "failure")
}

func TestRA_65_one_channel_is_enough(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.world.notify = func(n invite.Notice) (delivery.Result, error) {
		if n.Channel == delivery.SMS {
			return delivery.Result{}, delivery.ErrNoRoute
		}
		return taken, nil
	}
	a := d.create()
	d.work()
	d.status(invite.Visit{ID: a.View.ID}, invite.Sent)
}

func TestALinkIsTriedAgainAndNotSentTwice(t *testing.T) {
	t.Parallel()
	d := setup(t)
	tries := map[string]int{}
	d.world.notify = func(n invite.Notice) (delivery.Result, error) {
		if tries[n.Link+string(n.Channel)]++; tries[n.Link+string(n.Channel)] < 3 {
			return delivery.Result{Retry: true, Tries: []delivery.Try{{State: delivery.Failed}}}, nil
		}
		return taken, nil
	}
	a := d.create()
	for range 4 {
		d.work()
		d.later(time.Minute)
	}
	d.status(invite.Visit{ID: a.View.ID}, invite.Sent)
	if len(tries) != 2 {
		t.Errorf("%d different messages", len(tries))
	}
	for _, n := range tries {
		d.is(n, 3, "tries")
	}
}

func TestALinkOfATakenOverJobIsUnknownAndNotSentAgain(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.create(func(r *invite.CreateRequest) { r.Email = "" })
	now := d.world.time().Add(time.Second)
	node := uid.Random(now)
	jobs, err := d.db.Claim(t.Context(), node, now, now.Add(time.Minute), 10, 1, 0)
	if err != nil || len(jobs) != 1 {
		t.Fatal(len(jobs), err)
	}
	jobs[0].Taken = true
	d.HandleLink(t.Context(), jobs[0])
	got := d.status(invite.Visit{ID: a.View.ID}, invite.Sent)
	d.is(got.Carried[0].State, delivery.Unknown, "state")
	d.is(len(d.world.notices), 0, "messages")
	unknown := func(want int, when string) {
		t.Helper()
		list, _, err := d.List(t.Context(), invite.ListRequest{Caller: d.by, LinkUnknown: true})
		if err != nil || len(list) != want || want == 1 && !list[0].LinkUnknown() {
			t.Errorf("%s: %d are listed whose link may not have left: %v", when, len(list), err)
		}
	}
	d.create()
	d.work()
	unknown(1, "after it")
	if first := d.data(a.View.ID, "sent")["first"]; first != nil {
		t.Errorf("a link that may not have left is counted as handed over: %v", first)
	}
	if _, err := d.Resend(t.Context(), d.target(invite.Visit{ID: a.View.ID}), nil); err != nil {
		t.Fatal(err)
	}
	d.work()
	unknown(0, "after a new link")
}

func TestTheFirstLinkThatAProviderTookIsMarked(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.create() // by e-mail and text message
	d.work()
	if _, err := d.Resend(t.Context(), d.target(invite.Visit{ID: a.View.ID}), nil); err != nil {
		t.Fatal(err)
	}
	d.work()
	sent, first := 0, 0
	for _, e := range d.events(a.View.ID) {
		if e.Type == invite.EventSent {
			sent++
			first += strings.Count(string(e.Data), `"first":true`)
		}
	}
	if sent != 4 || first != 1 {
		t.Errorf("%d times sent, %d of them the first", sent, first)
	}
}

func TestReveal_shows_contacts_and_is_in_the_log(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	got, err := d.Reveal(t.Context(), d.target(v))
	if err != nil || got.Phone != mobile || got.Email != email || got.PhoneVerified || !got.PhoneGate || got.EmailGate {
		t.Fatalf("%+v %v", got, err)
	}
	d.send(v, invite.SendSent)
	d.check(v, d.code(), invite.CheckRight)
	if got, err = d.Reveal(t.Context(), d.target(v)); err != nil || !got.PhoneVerified {
		t.Fatalf("%+v %v", got, err)
	}
	d.is(strings.Count(strings.Join(d.timeline(v.ID), " "), "revealed"), 2, "events")
}

func TestEventsArePaged(t *testing.T) {
	t.Parallel()
	d, v := asked(t)
	all := d.events(v.ID)
	var seen []uid.ID
	for after := (uid.ID{}); ; {
		page, more, err := d.Events(t.Context(), d.target(v), after, 2)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range page {
			seen = append(seen, e.ID)
		}
		if after = more; more.IsZero() {
			break
		}
	}
	if len(seen) != len(all) {
		t.Fatalf("%d events by pages, %d in all", len(seen), len(all))
	}
	for i := range all {
		d.is(seen[i], all[i].ID, "event")
	}
}

func TestAnEqualRequestOfTheFirmIsAnsweredAsTheFirst(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	x := d.target(v)
	x.Idempotency = &verify.Idempotency{Key: "k", Body: []byte("b")}
	for range 3 {
		if got, err := d.Resend(t.Context(), x, nil); err != nil || got.Resends != 1 {
			t.Fatalf("%d %v", got.Resends, err)
		}
	}
	together(16, func(int) {
		x := d.target(v)
		x.Idempotency = &verify.Idempotency{Key: "c", Body: []byte("b")}
		if got, err := d.Cancel(context.Background(), x, "why"); err != nil || got.Status != invite.Canceled {
			t.Errorf("%s %v", got.Status, err)
		}
	})
	d.is(strings.Count(strings.Join(d.timeline(v.ID), " "), "canceled"), 1, "cancellations")
	_, err := d.Unlock(t.Context(), x, "another use of the key")
	d.fault(err, fault.Invalid, "idempotency_mismatch")
}

func TestRA_55_what_was_done_for_a_customer_is_told_with_its_reason(t *testing.T) {
	t.Parallel()
	d := setup(t)
	v := d.invited()
	to := d.target(v)
	to.Reason = "they called"
	if _, err := d.Resend(t.Context(), to, nil); err != nil {
		t.Fatal(err)
	}
	number := another
	if _, err := d.Correct(t.Context(), to, invite.Contact{Mobile: &number}); err != nil {
		t.Fatal(err)
	}
	for _, kind := range []string{"resent", "contact_changed"} {
		d.is(d.data(v.ID, kind)["reason"], "they called", kind)
	}
	for _, bad := range []string{strings.Repeat("x", 201), "line\nbreak", "\u202egnp"} {
		before := len(d.events(v.ID))
		to.Reason = bad
		_, err := d.Resend(t.Context(), to, nil)
		d.fault(err, fault.Invalid, "reason_invalid")
		third := "+12025550177"
		_, err = d.Correct(t.Context(), to, invite.Contact{Mobile: &third})
		d.fault(err, fault.Invalid, "reason_invalid")
		d.is(len(d.events(v.ID)), before, "events")
	}
}
