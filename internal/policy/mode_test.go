package policy

import (
	"testing"

	"github.com/countersign/countersign/internal/fault"
)

var (
	yes, no = true, false
	asked   = []*bool{&yes, &no, nil}
	words   = map[*bool]string{&yes: "true", &no: "false", nil: "absent"}
)

func code(err error) string {
	if err == nil {
		return ""
	}
	return fault.As(err).Code
}

func TestRA_8_there_are_four_options(t *testing.T) {
	t.Parallel()
	if len(Modes) != 4 || Mode("").Valid() || Mode("YES_OPTIONAL").Valid() {
		t.Fatalf("%v", Modes)
	}
	for _, m := range Modes {
		if !m.Valid() {
			t.Errorf("%s is not valid", m)
		}
	}
}

func TestRA_7_the_setting_says_two_things_and_each_with_and_without_the_other(t *testing.T) {
	t.Parallel()
	seen := map[[2]bool]Mode{}
	for _, m := range Modes {
		seen[[2]bool{m.Preset(), m.Locked()}] = m
		for _, wanted := range asked {
			on, err := Effective(m, wanted)
			if err == nil && wanted != nil && on != *wanted || wanted == nil && (on != m.Preset() || err != nil) {
				t.Errorf("%s asked %s: %v, %v", m, words[wanted], on, err)
			}
			if refused := wanted != nil && *wanted != m.Preset() && m.Locked(); (err != nil) != refused {
				t.Errorf("%s asked %s: %v", m, words[wanted], err)
			}
		}
	}
	if len(seen) != 4 {
		t.Errorf("the modes say %v", seen)
	}
}

// option is what a mode answers to a sender who says yes, no and nothing; "refused" is a Conflict with policy_locked.
func option(t *testing.T, m Mode, locked bool, whenYes, whenNo, whenAbsent string) {
	t.Helper()
	if m.Locked() != locked {
		t.Errorf("%s is locked: %v", m, m.Locked())
	}
	for wanted, want := range map[*bool]string{&yes: whenYes, &no: whenNo, nil: whenAbsent} {
		on, err := Effective(m, wanted)
		got := map[bool]string{true: "on", false: "off"}[on]
		if err != nil {
			if got = "refused"; code(err) != "policy_locked" || !fault.Is(err, fault.Conflict) {
				t.Errorf("%s asked %s: %v", m, words[wanted], err)
			}
		}
		if got != want {
			t.Errorf("%s asked %s: %s, want %s", m, words[wanted], got, want)
		}
	}
}

func TestRA_9_yes_optional_is_on_and_the_sender_may_untick_it(t *testing.T) {
	t.Parallel()
	option(t, YesOptional, false, "on", "off", "on")
}

func TestRA_10_yes_required_is_always_on_and_nobody_can_send_without_it(t *testing.T) {
	t.Parallel()
	option(t, YesRequired, true, "on", "refused", "on")
}

func TestRA_11_no_optional_is_off_and_the_sender_may_tick_it(t *testing.T) {
	t.Parallel()
	option(t, NoOptional, false, "on", "off", "off")
}

func TestRA_12_no_required_is_always_off_and_nobody_can_send_with_it(t *testing.T) {
	t.Parallel()
	option(t, NoRequired, true, "refused", "off", "off")
}

func TestRA_13_each_option_has_its_hint(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{"": true}
	for _, m := range Modes {
		if seen[m.Hint()] {
			t.Errorf("%s has no hint of its own", m)
		}
		seen[m.Hint()] = true
	}
	if Mode("x").Hint() != "" {
		t.Error("an unknown mode has a hint")
	}
}

func TestRA_15_what_is_left_out_is_the_preset(t *testing.T) {
	t.Parallel()
	for _, m := range Modes {
		if on, err := Effective(m, nil); err != nil || on != m.Preset() {
			t.Errorf("%s: %v, %v", m, on, err)
		}
	}
}

func TestADamagedModeLetsNobodyThrough(t *testing.T) {
	t.Parallel()
	if on, err := Effective("", nil); !on || err != nil {
		t.Errorf("%v, %v", on, err)
	}
	if _, err := Effective("maybe", &no); code(err) != "policy_locked" {
		t.Error(err)
	}
}

func TestRA_17_loosening_is_what_lets_a_gate_be_absent(t *testing.T) {
	t.Parallel()
	loosens := map[[2]Mode]bool{
		{YesRequired, YesOptional}: true, {YesRequired, NoOptional}: true, {YesRequired, NoRequired}: true,
		{YesOptional, NoOptional}: true, {YesOptional, NoRequired}: true, {NoOptional, NoRequired}: true,
	}
	for _, from := range Modes {
		for _, to := range Modes {
			if got := Loosens(from, to); got != loosens[[2]Mode{from, to}] {
				t.Errorf("%s to %s: %v", from, to, got)
			}
		}
	}
}

func TestRA_17_keeping_proofs_loosens_too_and_nothing_else_does(t *testing.T) {
	t.Parallel()
	old, kept, other := DefaultChecks(), DefaultChecks(), DefaultChecks()
	kept.KeepProof = true
	other.CodeMinutes, other.OverrideReason, other.EditableByCustomer, other.Countries = 10, true, true, []string{"DE"}
	if !kept.Loosens(&old) || old.Loosens(&kept) || kept.Loosens(&kept) || other.Loosens(&old) || old.Loosens(&other) {
		t.Error("keep_proof")
	}
	for _, from := range Modes {
		for _, to := range Modes {
			if is, was := (Checks{Mobile2FA: to}), (Checks{Mobile2FA: from}); is.Loosens(&was) != Loosens(from, to) {
				t.Errorf("%s to %s", from, to)
			}
		}
	}
}

func TestRA_18_a_new_firm_starts_with_yes_optional(t *testing.T) {
	t.Parallel()
	c := DefaultChecks()
	if c.Mobile2FA != YesOptional || c.Validate() != nil || c.EditableByCustomer || c.Reminders.Enabled || *c.LinkExpiryHours != 720 {
		t.Fatalf("%+v, %v", c, c.Validate())
	}
}

func TestID_10_a_request_overrides_the_default_in_both_directions(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		toggle Toggle
		wanted *bool
		on     bool
		code   string
	}{
		{Off, nil, false, ""}, {Off, &yes, true, ""}, {Off, &no, false, ""}, {"", nil, false, ""},
		{On, nil, true, ""}, {On, &yes, true, ""}, {On, &no, false, ""},
		{LockedOn, nil, true, ""}, {LockedOn, &yes, true, ""}, {LockedOn, &no, true, "verify_locked"}, // ID-11
	} {
		on, err := c.toggle.Effective(c.wanted, "verify_phone")
		if on != c.on || code(err) != c.code {
			t.Errorf("%q asked %s: %v, %v", c.toggle, words[c.wanted], on, err)
		}
	}
}

func TestID_1_both_contacts_are_off_by_default(t *testing.T) {
	t.Parallel()
	c := DefaultCustomisation()
	if c.VerifyPhone != Off || c.VerifyEmail != Off || c.Validate() != nil {
		t.Fatalf("%+v, %v", c, c.Validate())
	}
}
