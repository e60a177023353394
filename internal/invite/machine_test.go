package invite

import (
	"strings"
	"testing"
	"time"
)

// actions are all that may happen, in the order of the table below.
var actions = []action{actCarry, actFail, actOpen, actAsk, actPass, actLock, actReach, actAccept, actWaive, actDecline, actLeave, actHandOff, actComplete,
	actExpire, actCancel, actRelink, actCorrect, actUnlock}

// wantMachine is RA b.5 and ID-26 to ID-29 once more, as a table of every status and every action: where it leads; "=" it stays; "." a
// Conflict.
const wantMachine = `
                carry fail          open   ask             pass            lock           reach           accept    waive     decline  leave    hand_off   complete  expire  cancel   relink  correct unlock
created         sent  undeliverable opened .               .               .              .               .         .         .        .        .          .         expired canceled =       =       =
sent            =     undeliverable opened .               .               .              .               .         .         .        .        .          .         expired canceled created created =
undeliverable   sent  .             opened .               .               .              .               .         .         .        .        .          .         expired canceled created created =
opened          =     .             =      mobile_pending  .               mobile_failed  consent_pending .         consented .        declined .          .         expired canceled created created =
mobile_pending  =     .             =      =               mobile_verified mobile_failed  .               .         .         .        declined .          .         expired canceled created created .
mobile_verified =     .             =      =               =               =              consent_pending .         consented .        .        .          .         expired canceled created .       =
mobile_failed   =     .             =      mobile_pending  .               .              .               .         .         .        .        .          .         expired canceled =       created mobile_pending
consent_pending =     .             =      =               =               =              =               consented .         declined .        .          .         expired canceled created .       =
consented       =     .             =      =               =               =              .               .         .         .        .        handed_off .         .       canceled =       .       =
handed_off      =     .             =      =               =               =              .               .         .         .        .        =          completed .       canceled =       .       =
completed       .     .             .      .               .               .              .               .         .         .        .        .          .         .       .        .       .       .
declined        .     .             .      .               .               .              .               .         .         .        .        .          .         .       .        .       .       .
expired         .     .             .      .               .               .              .               .         .         .        .        .          .         .       .        .       .       .
canceled        .     .             .      .               .               .              .               .         .         .        .        .          .         .       .        .       .       .
`

func TestTheMachineIsTheTable(t *testing.T) {
	t.Parallel()
	lines := strings.Split(strings.TrimSpace(wantMachine), "\n")
	if len(lines) != 1+len(Statuses) {
		t.Fatalf("%d statuses in the table, %d in all", len(lines)-1, len(Statuses))
	}
	head := strings.Fields(lines[0])
	if len(head) != len(actions) {
		t.Fatalf("%d actions in the table, %d in all", len(head), len(actions))
	}
	seen := map[Status]bool{}
	for _, line := range lines[1:] {
		cells := strings.Fields(line)
		from := Status(cells[0])
		if !from.known() || seen[from] || len(cells) != 1+len(actions) {
			t.Fatalf("line %q", line)
		}
		seen[from] = true
		for i, want := range cells[1:] {
			if head[i] != string(actions[i]) {
				t.Fatalf("action %s stands where %s is expected", head[i], actions[i])
			}
			to, ok := next(from, actions[i])
			got := string(to)
			switch {
			case !ok:
				got = "."
			case to == from:
				got = "="
			}
			if got != want {
				t.Errorf("%s, %s: %s, want %s", from, actions[i], got, want)
			}
		}
	}
}

func TestRA_b5_nothing_follows_a_terminal_status_and_every_other_one_can_be_canceled(t *testing.T) {
	t.Parallel()
	for _, s := range Statuses {
		_, ok := next(s, actCancel)
		if ok == s.Terminal() {
			t.Errorf("%s can be canceled: %v", s, ok)
		}
		if s.Terminal() && len(machine[s]) > 0 {
			t.Errorf("%s leads on", s)
		}
	}
	if len(machine) != len(Statuses)-4 {
		t.Errorf("%d statuses lead on", len(machine))
	}
}

func TestRA_3_in_the_machine_consent_is_never_reached_past_a_pending_gate(t *testing.T) {
	t.Parallel()
	for _, s := range []Status{MobilePending, MobileFailed} {
		for _, a := range []action{actReach, actAccept, actWaive, actHandOff, actComplete} {
			if _, ok := next(s, a); ok {
				t.Errorf("%s allows %s", s, a)
			}
		}
	}
}

func TestAGateIsRefundedOnceAndCountedOnce(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 3, 1, 12, 0, 0, 0, time.UTC)
	g := newGate(Fixed, "sms", 3)
	g.count([32]byte{1}, time.Minute, now)
	id, later := [16]byte{1}, now.Add(5*time.Minute)
	if !g.adopt(1, id, later, now) || g.adopt(1, id, later, now) || g.Sends != 1 || g.Starting {
		t.Errorf("adopted: %+v", g)
	}
	if !g.refund(1, now) || g.refund(1, now) || g.Sends != 0 {
		t.Errorf("refunded: %+v", g)
	}
	if !g.adopt(1, id, later, now) || g.Sends != 1 { // an equal start turned out to have been made
		t.Errorf("adopted after all: %+v", g)
	}
	g.count([32]byte{1}, time.Minute, now)
	if g.adopt(1, [16]byte{2}, later, now) || g.refund(1, now) {
		t.Errorf("an earlier send: %+v", g)
	}
}
