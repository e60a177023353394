package invite_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

func checkBy(c invite.Caller, id uid.ID, code string) verify.CheckRequest {
	return verify.CheckRequest{Caller: verify.Caller{Tenant: c.Tenant, Actor: c.Actor}, ID: id, Code: code}
}

// together runs n calls at once.
func together(n int, call func(i int)) {
	var start, all sync.WaitGroup
	start.Add(1)
	for i := range n {
		all.Go(func() {
			start.Wait()
			call(i)
		})
	}
	start.Done()
	all.Wait()
}

// patiently asks again as long as the answer is that the database is busy, as a browser's user would.
func patiently(ask func() error) error {
	err := ask()
	for fault.Is(err, fault.Unavailable) {
		err = ask()
	}
	return err
}

func TestRA_33_of_64_right_checks_at_once_one_passes_the_gate(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	token := d.token()
	v, _ := d.open(token)
	stranger, _ := d.open(token)
	d.send(v, invite.SendSent)
	code := d.code()
	outcomes := make([]invite.CheckOutcome, 64)
	together(64, func(i int) {
		by := v
		if i%2 == 1 {
			by = stranger
		}
		if err := patiently(func() (err error) {
			outcomes[i], _, err = d.Check(context.Background(), by, delivery.SMS, code)
			return err
		}); err != nil {
			t.Error(err)
		}
	})
	for i, o := range outcomes {
		if want := [2]invite.CheckOutcome{invite.CheckRight, invite.CheckDead}[i%2]; o != want { // in its session it is passed, in the other not
			t.Errorf("%d: %s, want %s", i, o, want)
		}
	}
	kinds := strings.Join(d.timeline(v.ID), " ")
	d.is(strings.Count(kinds, "mobile_verified"), 1, "passes")
	d.hub(stranger, invite.StepPhone)
}

func TestRA_36_of_64_wrong_checks_at_once_five_are_compared(t *testing.T) {
	t.Parallel()
	d, v := asked(t)
	wrong := other(d.code())
	var mu sync.Mutex
	count := map[invite.CheckOutcome]int{}
	together(64, func(int) {
		var o invite.CheckOutcome
		if err := patiently(func() (err error) {
			o, _, err = d.Check(context.Background(), v, delivery.SMS, wrong)
			return err
		}); err != nil {
			t.Error(err)
		}
		mu.Lock()
		defer mu.Unlock()
		count[o]++
	})
	d.is(count[invite.CheckWrong], 5, "compared")
	d.is(count[invite.CheckDead], 59, "refused")
}

func TestRA_38_of_64_sends_at_once_one_is_sent(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	token := d.token()
	visits := make([]invite.Visit, 4) // several browsers
	for i := range visits {
		visits[i], _ = d.open(token)
	}
	together(64, func(i int) {
		if err := patiently(func() error {
			_, _, err := d.Send(context.Background(), visits[i%4], delivery.SMS, invite.Entry{})
			return err
		}); err != nil {
			t.Error(err)
		}
	})
	d.is(d.sent(), 1, "codes")
	page := d.hub(visits[0], invite.StepPhone)
	d.is(page.Gate.SendsLeft, 3, "sends")
	d.is(strings.Count(strings.Join(d.timeline(visits[0].ID), " "), "mobile_code_sent"), 1, "events")
}

func TestRA_38_without_cool_downs_64_sends_at_once_keep_the_limit(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.checks(func(c *policy.Checks) { c.Resend = policy.Resend{Max: 3} })
	v := d.invited()
	together(64, func(int) {
		if err := patiently(func() error {
			_, _, err := d.Send(context.Background(), v, delivery.SMS, invite.Entry{})
			return err
		}); err != nil {
			t.Error(err)
		}
	})
	if n := d.sent(); n < 1 || n > 4 {
		t.Errorf("%d codes", n)
	}
	if n := strings.Count(strings.Join(d.timeline(v.ID), " "), "mobile_code_sent"); n < 1 || n > 4 {
		t.Errorf("%d sends", n)
	}
}

func TestALinkThatIsOpenedTwiceAtOnceMakesTwoSessions(t *testing.T) {
	t.Parallel()
	d := setup(t)
	d.create()
	token := d.token()
	cookies := make([]string, 8)
	var id uid.ID
	together(8, func(i int) {
		var a invite.OpenAnswer
		if err := patiently(func() (err error) {
			a, err = d.Open(context.Background(), token, "", nil, "")
			return err
		}); err != nil {
			t.Error(err)
		}
		if cookies[i] = a.Cookie; i == 0 {
			id = a.ID
		}
	})
	live := 0
	for _, c := range cookies {
		if page, err := d.Hub(t.Context(), invite.Visit{ID: id, Cookie: c}); err == nil && page.Step != invite.StepReplaced {
			live++
		}
	}
	d.is(live, invite.MaxSessions, "sessions: the oldest go")
}

func TestRA_56_a_correction_during_a_check_passes_nothing(t *testing.T) {
	t.Parallel()
	for range 8 {
		d := setup(t)
		v := d.invited()
		d.send(v, invite.SendSent)
		code, to := d.code(), another
		var checked invite.CheckOutcome
		var corrected error
		together(2, func(i int) {
			if i == 0 {
				checked, _, _ = d.Check(context.Background(), v, delivery.SMS, code)
				return
			}
			_, corrected = d.Correct(context.Background(), d.target(v), invite.Contact{Mobile: &to})
		})
		got, err := d.Get(t.Context(), d.target(v))
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case corrected == nil && (checked == invite.CheckRight || got.Status != invite.Created || !got.VerifiedAt.IsZero()):
			t.Errorf("corrected, and yet %s, %s", checked, got.Status)
		case corrected != nil && (checked != invite.CheckRight || got.Status != invite.MobileVerified):
			t.Errorf("%v, and yet %s, %s", corrected, checked, got.Status)
		}
	}
}

var errKilled = errors.New("killed")

// killing is a store that goes down before the n-th change from when it was armed, once.
type killing struct {
	invite.Store
	mu    sync.Mutex
	armed int
}

func (k *killing) arm(n int) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.armed = n
}

func (k *killing) ChangeInvitation(ctx context.Context, t uid.Tenant, id uid.ID, decide invite.Decide) error {
	k.mu.Lock()
	if k.armed > 0 {
		if k.armed--; k.armed == 0 {
			k.mu.Unlock()
			return errKilled
		}
	}
	k.mu.Unlock()
	return k.Store.ChangeInvitation(ctx, t, id, decide)
}

// dying is a verifier that goes down before its start.
type dying struct {
	invite.Verifier
	dead bool
}

func (k *dying) Start(ctx context.Context, r verify.StartRequest) (verify.StartAnswer, error) {
	if k.dead {
		return verify.StartAnswer{}, errKilled
	}
	return k.Verifier.Start(ctx, r)
}

func TestACrashBetweenTheCountAndTheStartIsMadeGoodByTheNextRequest(t *testing.T) {
	t.Parallel()
	k := &dying{dead: true}
	d := setupWith(t, nil, func(v invite.Verifier) invite.Verifier { k.Verifier = v; return k })
	v := d.invited()
	if _, _, err := d.Send(t.Context(), v, delivery.SMS, invite.Entry{}); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	k.dead = false
	page := d.hub(v, invite.StepPhone) // which sends nothing
	d.is(page.Gate.State, invite.GateDead, "face")
	d.is(page.Gate.NextSendAt.IsZero(), true, "no wait")
	d.is(d.sent(), 0, "codes")
	page = d.send(v, invite.SendSent)
	d.is(page.Gate.SendsLeft, 3, "sends: the same one is counted once")
	d.is(d.sent(), 1, "codes")
	d.check(v, d.code(), invite.CheckRight)
}

func TestACrashBetweenTheStartAndItsRecordIsHealedByReading(t *testing.T) {
	t.Parallel()
	k := &killing{}
	d := setupWith(t, func(s invite.Store) invite.Store { k.Store = s; return k }, nil)
	v := d.invited()
	k.arm(2) // the first change counts, the second records
	if _, _, err := d.Send(t.Context(), v, delivery.SMS, invite.Entry{}); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	page := d.hub(v, invite.StepPhone)
	d.is(page.Gate.State, invite.GateCode, "face")
	d.is(page.Gate.SendsLeft, 3, "sends")
	d.is(d.sent(), 1, "codes")
	d.send(v, invite.SendCooling)
	d.is(d.sent(), 1, "codes")
	d.check(v, d.code(), invite.CheckRight)
}

func TestACrashBetweenTheStartAndItsRecordIsHealedBySending(t *testing.T) {
	t.Parallel()
	k := &killing{}
	d := setupWith(t, func(s invite.Store) invite.Store { k.Store = s; return k }, nil)
	v := d.invited()
	k.arm(2)
	if _, _, err := d.Send(t.Context(), v, delivery.SMS, invite.Entry{}); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	d.later(time.Hour) // the code is long over, and nobody has read the page
	d.work()
	outcome, _, err := d.Send(t.Context(), v, delivery.SMS, invite.Entry{})
	if err != nil || outcome != invite.SendSent {
		t.Fatal(outcome, err)
	}
	d.check(v, d.code(), invite.CheckRight) // a code that is good
}

func TestACrashBetweenTheRightCodeAndThePassIsHealedByReading(t *testing.T) {
	t.Parallel()
	k := &killing{}
	d := setupWith(t, func(s invite.Store) invite.Store { k.Store = s; return k }, nil)
	d.create()
	token := d.token()
	v, _ := d.open(token)
	stranger, _ := d.open(token)
	d.send(v, invite.SendSent)
	k.arm(2) // the first change marks, the second passes
	if _, _, err := d.Check(t.Context(), v, delivery.SMS, d.code()); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	d.status(v, invite.MobilePending)
	d.hub(stranger, invite.StepPhone) // it heals, and for the session that was right
	if got := d.data(v.ID, "mobile_verified"); got["client_hash"] != nil {
		t.Errorf("the stranger's machine is told as the one that passed: %v", got)
	}
	d.hub(v, invite.StepConsent)
	d.is(strings.Count(strings.Join(d.timeline(v.ID), " "), "mobile_verified"), 1, "passes")
	d.is(d.sent(), 1, "codes")
}

func TestACrashBetweenTheLastWrongCodeAndTheLockIsHealedByReading(t *testing.T) {
	t.Parallel()
	k := &killing{}
	d := setupWith(t, func(s invite.Store) invite.Store { k.Store = s; return k }, nil)
	d.checks(func(c *policy.Checks) { c.Resend.Max = 0 })
	v := d.invited()
	d.send(v, invite.SendSent)
	wrong := other(d.code())
	for range 4 {
		d.check(v, wrong, invite.CheckWrong)
	}
	k.arm(1)
	if _, _, err := d.Check(t.Context(), v, delivery.SMS, wrong); !errors.Is(err, errKilled) {
		t.Fatal(err)
	}
	page := d.hub(v, invite.StepPhone)
	d.is(page.Gate.State, invite.GateLocked, "face")
	d.status(v, invite.MobileFailed)
}

func TestASessionIsNoOtherInvitationsAndAnIDIsNoCredential(t *testing.T) {
	t.Parallel()
	d := setup(t)
	one, two := d.invited(), d.invited()
	for name, v := range map[string]invite.Visit{
		"no cookie":        {ID: one.ID},
		"another's cookie": {ID: one.ID, Cookie: two.Cookie},
		"a long one":       {ID: one.ID, Cookie: strings.Repeat("x", 5000)},
		"no invitation":    {ID: uid.Random(d.world.now), Cookie: one.Cookie},
		"no id":            {Cookie: one.Cookie},
	} {
		for act, err := range map[string]error{
			"hub":     func() error { _, err := d.Hub(t.Context(), v); return err }(),
			"send":    func() error { _, _, err := d.Send(t.Context(), v, delivery.SMS, invite.Entry{}); return err }(),
			"check":   func() error { _, _, err := d.Check(t.Context(), v, delivery.SMS, "123456"); return err }(),
			"consent": func() error { _, err := d.Consent(t.Context(), v, invite.Answer{Accept: true}); return err }(),
			"handoff": func() error { _, _, err := d.HandOff(t.Context(), v); return err }(),
		} {
			if fault.As(err).Code != "session_not_found" {
				t.Errorf("%s, %s: %v", name, act, err)
			}
		}
	}
	for _, token := range []string{"", "x", strings.Repeat("x", 5000), d.token() + "x", d.token()[1:]} {
		_, err := d.Open(t.Context(), token, "", nil, "")
		d.fault(err, fault.NotFound, "link_not_found")
	}
}
