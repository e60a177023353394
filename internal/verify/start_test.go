package verify

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/risk"
)

func TestStart_creates_a_verification_with_its_first_send(t *testing.T) {
	t.Parallel()
	f := setup(t)
	a := f.mustStart(func(r *StartRequest) { r.ExternalID, r.Metadata = "order-7", map[string]string{"shop": "3"} })
	v := a.View
	if !a.Created || !a.Sent || v.Status != Pending || v.Channel != delivery.SMS || v.Purpose != ForLogin || v.To != phone ||
		v.SendsLeft != 4 || v.ChecksLeft != 5 || v.ExternalID != "order-7" || v.Decision.Outcome != risk.OutcomeAllow {
		t.Fatalf("%+v", a)
	}
	if v.ExpiresAt != f.time().Add(5*time.Minute) || v.ResendAt != f.time().Add(30*time.Second) {
		t.Fatalf("expires %s, resend %s", v.ExpiresAt, v.ResendAt)
	}
	if got := f.store.eventTypes(); !slices.Equal(got, []string{EventStarted}) {
		t.Fatalf("events %v", got)
	}
	f.work()
	if got := f.store.eventTypes(); !slices.Equal(got, []string{EventStarted, EventSent}) {
		t.Fatalf("events %v", got)
	}
	if m := f.carrier.sent()[0]; m.To.Value != phone || m.ServiceName != "Acme" || m.Life != 5*time.Minute || m.FirstN != 1 {
		t.Fatalf("message to %s by %q, life %s, first delivery %d", m.To, m.ServiceName, m.Life, m.FirstN)
	}
}

func TestStart_inside_the_cool_down_answers_the_live_verification(t *testing.T) {
	t.Parallel()
	f := setup(t)
	first := f.mustStart()
	f.pass(29 * time.Second)
	second := f.mustStart()
	if second.Created || second.Sent || second.View.ID != first.View.ID || !second.View.ResendAt.Equal(first.View.ResendAt) {
		t.Fatalf("%+v", second)
	}
	f.pass(time.Second)
	third := f.mustStart()
	if third.Created || !third.Sent || third.View.ID != first.View.ID || len(third.View.Sends) != 2 {
		t.Fatalf("%+v", third)
	}
	if want := f.time().Add(time.Minute); !third.View.ResendAt.Equal(want) {
		t.Fatalf("cool-down to %s, want %s", third.View.ResendAt, want)
	}
	f.work()
	if sent := f.carrier.sent(); len(sent) != 2 || sent[0].Code.Reveal() != sent[1].Code.Reveal() {
		t.Fatalf("%d messages", len(sent))
	}
}

func TestStart_with_supersede_ends_the_open_verification(t *testing.T) {
	t.Parallel()
	f := setup(t)
	old := f.mustStart()
	code := f.code()
	fresh := f.mustStart(func(r *StartRequest) { r.Supersede = true })
	if fresh.View.ID == old.View.ID || !fresh.Created || f.store.get(old.View.ID).Status != Superseded {
		t.Fatalf("%+v", fresh)
	}
	_, err := f.check(old.View.ID, code)
	wantFault(t, err, fault.NotFound, "verification_not_found")
}

func TestSEC_6_one_open_verification_also_after_expiry(t *testing.T) {
	t.Parallel()
	f := setup(t)
	old := f.mustStart()
	f.pass(5 * time.Minute)
	fresh := f.mustStart()
	if !fresh.Created || f.store.get(old.View.ID).Status != Expired {
		t.Fatalf("%+v, the old one is %s", fresh, f.store.get(old.View.ID).Status)
	}
	if got := f.store.eventTypes(); !slices.Equal(got, []string{EventStarted, EventExpired, EventStarted}) {
		t.Fatalf("events %v", got)
	}
}

func TestStart_after_the_checks_are_used_up_makes_a_new_one(t *testing.T) {
	t.Parallel()
	f := setup(t)
	old := f.mustStart()
	code := f.code()
	for range 5 {
		f.mustCheck(old.View.ID, other(code))
	}
	if a := f.mustStart(); !a.Created || a.View.ID == old.View.ID {
		t.Fatalf("%+v", a)
	}
}

func TestStart_after_the_sends_are_used_up_waits_for_the_end(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.tenants.service.MaxSends = 2
	a := f.mustStart()
	f.pass(30 * time.Second)
	f.mustStart()
	f.pass(time.Minute)
	_, err := f.start()
	refused := wantFault(t, err, fault.Limited, "sends_used_up")
	if want := a.View.ExpiresAt.Sub(f.time()); refused.RetryAfter != want {
		t.Fatalf("wait %s, want %s", refused.RetryAfter, want)
	}
}

func TestSEC_13_test_number_has_a_fixed_code_and_gets_nothing(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.tenants.tenant.TestNumbers.Codes = map[string]string{phone: "424242"}
	off := f.mustStart()
	if f.work(); len(f.carrier.sent()) != 1 {
		t.Fatal("without the flag the number is like any other")
	}
	f.tenants.tenant.TestNumbers.Enabled = true
	on := f.mustStart()
	if f.work(); len(f.carrier.sent()) != 1 || on.Sent || on.View.ID == off.View.ID {
		t.Fatalf("something was sent: %+v", on)
	}
	if a := f.mustCheck(on.View.ID, "424242"); !a.Valid {
		t.Fatalf("%+v", a)
	}
	if n := count(f.store.eventTypes(), EventTestNumber); n != 2 {
		t.Fatalf("%d events of use, want one for the start and one for the check", n)
	}
	for range 20 {
		f.mustStart(func(r *StartRequest) { r.Supersede = true }) // nothing is sent, so nothing is limited
	}
	f.tenants.tenant.TestNumbers.Enabled = false
	f.pass(time.Minute)
	if a := f.mustStart(func(r *StartRequest) { r.Code = "424242" }); !a.Sent || !a.Created {
		t.Fatalf("a person's own code went to the test number's verification: %+v", a)
	}
}

func TestStart_risk(t *testing.T) {
	t.Parallel()
	for outcome, status := range map[risk.Outcome]Status{risk.OutcomeDeny: Denied, risk.OutcomeChallenge: Challenge} {
		t.Run(string(outcome)+" sends nothing and tells why", func(t *testing.T) {
			t.Parallel()
			f := setup(t, withRisk(outcome))
			a := f.mustStart()
			f.work()
			if !a.Created || a.Sent || a.View.Status != status || len(f.carrier.sent()) != 0 || a.View.Decision.Reasons[0] != "prefix_storm" {
				t.Fatalf("%+v", a)
			}
			_, err := f.check(a.View.ID, "123456")
			wantFault(t, err, fault.NotFound, "verification_not_found")
		})
	}
	t.Run("delay is a limit", func(t *testing.T) {
		t.Parallel()
		f := setup(t, withRisk(risk.OutcomeDelay))
		_, err := f.start()
		if got := wantFault(t, err, fault.Limited, "risk_delayed"); got.RetryAfter != time.Minute {
			t.Fatalf("wait %s", got.RetryAfter)
		}
	})
	t.Run("a start that is vouched for says so, and is told why it was let through", func(t *testing.T) {
		t.Parallel()
		f := setup(t, func(d *Deps) {
			fraud := func(context.Context, risk.Signals) (risk.Decision, error) {
				return risk.Decision{Outcome: risk.OutcomeDeny, Reasons: []string{"prefix_storm"}}, nil
			}
			d.Risk = risk.Exempting(fraud, func(context.Context, [16]byte, [16]byte) (bool, error) { return false, nil })
		})
		vouched := func(r *StartRequest) { r.Rules = &Rules{Vouched: true} }
		a := f.mustStart(vouched)
		f.work()
		if a.View.Status != Pending || len(f.carrier.sent()) != 1 || a.View.Decision.Reasons[0] != risk.ReasonVouched {
			t.Errorf("%+v", a)
		}
		if e := f.store.effects.Events; !bytes.Contains(e[0].Data, []byte(`"reason":"risk_check_disabled"`)) {
			t.Errorf("the event is silent about it: %s", e[0].Data)
		}
		call := func(r *StartRequest) { r.Channel = delivery.Voice }
		if a := f.mustStart(vouched, call); a.View.Status != Denied {
			t.Errorf("a call: %+v", a)
		}
		if a := f.mustStart(); a.View.Status != Denied {
			t.Errorf("the next send: %+v", a)
		}
	})
	t.Run("deny leaves an open verification alone", func(t *testing.T) {
		t.Parallel()
		outcome := risk.OutcomeAllow
		f := setup(t, func(d *Deps) {
			d.Risk = func(context.Context, risk.Signals) (risk.Decision, error) {
				return risk.Decision{Outcome: outcome}, nil
			}
		})
		open := f.mustStart()
		code := f.code()
		outcome = risk.OutcomeDeny
		f.pass(time.Minute)
		if a := f.mustStart(); a.View.Status != Denied || a.View.ID == open.View.ID {
			t.Fatalf("%+v", a)
		}
		if a := f.mustCheck(open.View.ID, code); !a.Valid {
			t.Fatalf("%+v", a)
		}
	})
}

func TestStart_own_code_is_sealed_used_and_erased(t *testing.T) {
	t.Parallel()
	f := setup(t)
	own := func(code string) func(*StartRequest) { return func(r *StartRequest) { r.Code = code } }
	a := f.mustStart(own("Ab12"))
	if got := f.code(); got != "Ab12" {
		t.Fatal("another code was sent")
	}
	if v := f.store.get(a.View.ID); v.Code.Custom == nil || bytes.Contains(v.Code.Custom, []byte("Ab12")) {
		t.Fatal("the code is not sealed")
	}
	if same := f.mustStart(own("Ab12")); same.View.ID != a.View.ID {
		t.Fatal("the same code again is the same verification")
	}
	b := f.mustStart(own("Ab13"))
	if b.View.ID == a.View.ID || f.store.get(a.View.ID).Code.Custom != nil {
		t.Fatal("another code takes the place, and the first is erased")
	}
	view, err := f.Approve(context.Background(), EndRequest{Caller: f.caller, ID: b.View.ID})
	if err != nil || view.Status != Approved || f.store.get(b.View.ID).Code.Custom != nil {
		t.Fatalf("%+v, %v", view, err)
	}
	derived := f.mustStart()
	_, err = f.Approve(context.Background(), EndRequest{Caller: f.caller, ID: derived.View.ID})
	wantFault(t, err, fault.Conflict, "approve_not_allowed")
}

func TestStart_refuses_values(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.carrier.closed = []delivery.Channel{delivery.WhatsApp}
	f.tenants.service.Channels = []string{"sms", "whatsapp", "email"}
	pay := func(a, c, p string) func(*StartRequest) {
		return func(r *StartRequest) { r.Transaction = &delivery.Transaction{Amount: a, Currency: c, Payee: p} }
	}
	for _, c := range []struct {
		name, code, field string
		change            func(*StartRequest)
	}{
		{"purpose", "purpose_invalid", "purpose", func(r *StartRequest) { r.Purpose = "fun" }},
		{"unknown channel", "channel_invalid", "channel", func(r *StartRequest) { r.Channel = "pigeon" }},
		{"email to a number", "channel_invalid", "channel", func(r *StartRequest) { r.Channel = delivery.Email }},
		{"sms to an address", "channel_invalid", "channel", func(r *StartRequest) { r.To, r.Channel = "a@example.net", delivery.SMS }},
		{"channel without a route", "channel_unavailable", "channel", func(r *StartRequest) { r.Channel = delivery.WhatsApp }},
		{"channel that the profile bars", "channel_unavailable", "channel", func(r *StartRequest) { r.Channel = delivery.Voice }},
		{"service", "service_unknown", "service", func(r *StartRequest) { r.Service = "nope" }},
		{"locale", "locale_invalid", "locale", func(r *StartRequest) { r.Locale = "en_US" }},
		{"external id", "external_id_invalid", "external_id", func(r *StartRequest) { r.ExternalID = strings.Repeat("x", 129) }},
		{"metadata", "metadata_invalid", "metadata", func(r *StartRequest) { r.Metadata = map[string]string{"": "x"} }},
		{"short own code", "code_invalid", "code", func(r *StartRequest) { r.Code = "123" }},
		{"own code of other digits", "code_invalid", "code", func(r *StartRequest) { r.Code = "１２３４５６" }},
		{"client address", "client_invalid", "client.ip", func(r *StartRequest) { r.Client = &Client{IP: "example"} }},
		{"amount", "transaction_invalid", "transaction.amount", pay("1,5", "EUR", "Acme")},
		{"currency", "transaction_invalid", "transaction.currency", pay("1", "EURO", "Acme")},
		{"payee", "transaction_invalid", "transaction.payee", pay("1", "EUR", "A\u202ecme")},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := f.start(c.change)
			if got := wantFault(t, err, fault.Invalid, c.code); got.Field != c.field {
				t.Fatalf("field %q, want %q", got.Field, c.field)
			}
		})
	}
	_, err := f.start(func(r *StartRequest) { r.To = "12" })
	if got := fault.As(err); got.Kind != fault.Invalid || got.Field != "to" {
		t.Fatalf("to: %v", err)
	}
	if n := f.store.calls(); n != 0 {
		t.Fatalf("%d store calls for values that are no good", n)
	}
}

// TestTheChannelsThatAProfileOffers: those that it names, that are of the recipient's kind, and that a route carries.
func TestTheChannelsThatAProfileOffers(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.carrier.closed = []delivery.Channel{delivery.WhatsApp}
	for _, c := range []struct{ named, want string }{
		{"", ""}, {"sms", "sms"}, {"email voice sms whatsapp", "voice sms"},
	} {
		f.tenants.service.Channels = strings.Fields(c.named)
		got, err := f.Channels(t.Context(), f.caller, "+12025550123", "")
		if list := strings.Trim(fmt.Sprint(got), "[]"); err != nil || list != c.want {
			t.Errorf("of %q are offered %q, %v; want %q", c.named, list, err, c.want)
		}
	}
}
