package verify

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/risk"
)

// sandboxed is a fixture whose tenant is a sandbox, with an engine that would refuse everything.
func sandboxed(t *testing.T) *fixture {
	t.Helper()
	f := setup(t, withRisk(risk.OutcomeDeny))
	f.tenants.tenant.Sandbox = true
	return f
}

func (f *fixture) messages(to string) []Message {
	f.t.Helper()
	list, err := f.Sandbox(context.Background(), f.caller, to)
	if err != nil {
		f.t.Fatalf("Sandbox: %v", err)
	}
	return list
}

func TestMTA_57_the_code_can_be_read_from_the_inbox_of_a_sandbox(t *testing.T) {
	t.Parallel()
	f := sandboxed(t)
	a := f.mustStart()
	list := f.messages("")
	if len(list) != 1 || list[0].Verification != a.View.ID || list[0].Code != f.code() || !strings.Contains(list[0].Text, list[0].Code) ||
		list[0].Send != 1 || list[0].Channel != delivery.SMS || strings.Contains(list[0].To, phone[1:]) {
		t.Fatalf("%+v", list)
	}
	if got := f.mustCheck(a.View.ID, list[0].Code); !got.Valid {
		t.Errorf("the code was wrong: %+v", got)
	}
	if list := f.messages(""); len(list) != 0 {
		t.Errorf("of a verification that has ended: %+v", list)
	}
}

func TestMTA_57_a_live_tenant_never_sees_a_code(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.mustStart()
	list, err := f.Sandbox(t.Context(), f.caller, "")
	wantFault(t, err, fault.NotFound, "not_found")
	if len(list) != 0 {
		t.Errorf("%+v", list)
	}
}

func TestSandbox_lists_the_newest_first_and_those_of_one_recipient(t *testing.T) {
	t.Parallel()
	f := sandboxed(t)
	first := f.mustStart(func(r *StartRequest) { r.Code = "Ab12" })
	f.pass(time.Minute)
	if _, err := f.Resend(t.Context(), ResendRequest{Caller: f.caller, ID: first.View.ID}); err != nil {
		t.Fatal(err)
	}
	f.pass(time.Second)
	second := f.mustStart(func(r *StartRequest) { r.To = "+12025550177" })
	list := f.messages("")
	if len(list) != 3 || list[0].Verification != second.View.ID || list[1].Send != 2 || list[2].Send != 1 || list[2].Code != "Ab12" {
		t.Errorf("%+v", list)
	}
	if list := f.messages("+1 202 555 0177"); len(list) != 1 || list[0].Verification != second.View.ID {
		t.Errorf("of one recipient: %+v", list)
	}
	_, err := f.Sandbox(t.Context(), f.caller, "12")
	wantFault(t, err, fault.Invalid, "recipient_line_type")
}

func TestSandbox_shows_no_code_that_a_later_one_has_replaced(t *testing.T) {
	t.Parallel()
	f := sandboxed(t)
	f.tenants.service.Resend = "new_code"
	a := f.mustStart()
	before := f.messages("")[0].Code
	f.pass(time.Minute)
	if _, err := f.Resend(t.Context(), ResendRequest{Caller: f.caller, ID: a.View.ID}); err != nil {
		t.Fatal(err)
	}
	if list := f.messages(""); len(list) != 1 || list[0].Send != 2 || list[0].Code == before {
		t.Errorf("%+v", list)
	}
}

func TestMTA_56_a_number_of_the_table_is_refused_in_a_sandbox_alone(t *testing.T) {
	t.Parallel()
	for to, reason := range map[string]string{"+12025550180": "deny_list", "+12025550181": "opted_out", "+12025550182": "suspended"} {
		f := sandboxed(t)
		ask := func(r *StartRequest) { r.To = to }
		a := f.mustStart(ask)
		if a.View.Status != Denied || a.Sent || len(a.View.Decision.Reasons) != 1 || a.View.Decision.Reasons[0] != reason {
			t.Errorf("%s: %+v", to, a)
		}
		if live := setup(t).mustStart(ask); live.View.Status != Pending || !live.Sent {
			t.Errorf("%s of a live tenant: %+v", to, live)
		}
	}
}

func TestASandboxNeedsNoRouteAndKeepsTheRulesOfItsProfile(t *testing.T) {
	t.Parallel()
	f := sandboxed(t)
	f.carrier.closed = delivery.Channels
	if a := f.mustStart(); !a.Sent {
		t.Errorf("%+v", a)
	}
	f.tenants.service.Channels = []string{"sms"}
	_, err := f.start(func(r *StartRequest) { r.To, r.Channel = "+12025550178", delivery.Voice })
	wantFault(t, err, fault.Invalid, "channel_unavailable")
}

func TestMTA_51_the_event_of_a_start_tells_the_line(t *testing.T) {
	t.Parallel()
	last := func(f *fixture) string {
		f.store.mu.Lock()
		defer f.store.mu.Unlock()
		return string(f.store.effects.Events[len(f.store.effects.Events)-1].Data)
	}
	f := setup(t)
	for to, line := range map[string]string{phone: "fixed_or_mobile", "+447700900001": "mobile", "+442079460001": "landline"} {
		f.mustStart(func(r *StartRequest) { r.To = to })
		if data := last(f); !strings.Contains(data, `"line_type":"`+line+`"`) {
			t.Errorf("%s: %s, want %s", to, data, line)
		}
	}
	f.mustStart(func(r *StartRequest) { r.To = "a@example.com" })
	if data := last(f); strings.Contains(data, "line_type") {
		t.Errorf("an address: %s", data)
	}
	denied := setup(t, withRisk(risk.OutcomeDeny))
	if denied.mustStart(); !strings.Contains(last(denied), `"line_type":"fixed_or_mobile"`) {
		t.Errorf("one that was refused: %s", last(denied))
	}
	box := sandboxed(t)
	if box.mustStart(func(r *StartRequest) { r.To = "+12025550185" }); !strings.Contains(last(box), `"line_type":"voip"`) {
		t.Errorf("in a sandbox: %s", last(box))
	}
}
