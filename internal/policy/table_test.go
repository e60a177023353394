package policy

import (
	"os"
	"strings"
	"testing"
)

// TestThePolicyTable is the whole of the policy: every mode, every request, every set of contacts. The documents hold the same rows.
func TestThePolicyTable(t *testing.T) {
	t.Parallel()
	const (
		on, off  = "gate on", "gate off"
		locked   = "409 policy_locked"
		noMobile = "400 mobile_required"
	)
	contacts := []struct {
		name string
		is   Contacts
	}{{"e-mail", Contacts{Email: true}}, {"mobile", Contacts{Mobile: true}}, {"both", Contacts{Email: true, Mobile: true}}}
	want := map[Mode]map[string][3]string{ // by what was asked: with e-mail, mobile, both
		YesOptional: {"true": {noMobile, on, on}, "false": {off, off, off}, "absent": {noMobile, on, on}},
		YesRequired: {"true": {noMobile, on, on}, "false": {locked, locked, locked}, "absent": {noMobile, on, on}},
		NoOptional:  {"true": {noMobile, on, on}, "false": {off, off, off}, "absent": {off, off, off}},
		NoRequired:  {"true": {locked, locked, locked}, "false": {off, off, off}, "absent": {off, off, off}},
	}
	rows := []string{"| Setting | `mobile_2fa` | Contacts | Outcome |", "| --- | --- | --- | --- |"}
	for _, m := range Modes {
		for _, wanted := range asked {
			for i, c := range contacts {
				is, err := ForContacts(m, wanted, c.is)
				got := off
				switch {
				case code(err) == "policy_locked":
					got = locked
				case code(err) == "mobile_required":
					got = noMobile
				case err != nil:
					got = err.Error()
				case is:
					got = on
				}
				if w := want[m][words[wanted]][i]; got != w {
					t.Errorf("%s asked %s with %s: %s, want %s", m, words[wanted], c.name, got, w)
				}
				rows = append(rows, "| `"+string(m)+"` | "+words[wanted]+" | "+c.name+" | "+got+" |")
			}
		}
	}
	if len(rows) != 2+36 {
		t.Errorf("%d rows", len(rows)-2)
	}
	table := strings.Join(rows, "\n") + "\n"
	t.Log("\n" + table)
	text, err := os.ReadFile("../../docs/invitations.md")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), table) {
		t.Error("docs/invitations.md holds another table than this one")
	}
}

func TestRA_21_one_contact_is_needed_at_least(t *testing.T) {
	t.Parallel()
	if _, err := ForContacts(NoOptional, nil, Contacts{}); code(err) != "contact_required" {
		t.Error(err)
	}
}

func TestRA_25_email_only_with_the_gate_on_is_refused_and_never_skipped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		mode   Mode
		wanted *bool
	}{{YesRequired, nil}, {YesRequired, &yes}, {YesOptional, nil}, {YesOptional, &yes}, {NoOptional, &yes}} {
		if _, err := ForContacts(c.mode, c.wanted, Contacts{Email: true}); code(err) != "mobile_required" {
			t.Errorf("%s: %v", c.mode, err)
		}
	}
}
