package console_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
)

// fieldOf gives the tag of the field with an id.
func fieldOf(t *testing.T, page, id string) string {
	t.Helper()
	tag := regexp.MustCompile(`<(?:input|select|textarea)[^>]* id="` + regexp.QuoteMeta(id) + `"[^>]*>`).FindString(page)
	if tag == "" {
		t.Fatalf("no field %q", id)
	}
	return tag
}

// TestRA_8_ExactlyFourOptions, each with when to use it (RA-13), and the one of now chosen.
func TestRA_8_ExactlyFourOptions(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	for _, mode := range policy.Modes {
		page := draw(t, p, checks(signed, func(v *console.Checks) { v.Mode = mode }))
		if n := strings.Count(page, `name="mobile_2fa"`); n != 4 {
			t.Errorf("%d options", n)
		}
		for _, words := range []string{"Yes (Optional)", "Yes (Required)", "No (Optional)", "No (Required)"} {
			if strings.Count(page, ">"+words+"<") != 1 {
				t.Errorf("%q is not there once", words)
			}
		}
		if !strings.Contains(fieldOf(t, page, "mobile_2fa-"+string(mode)), " checked") || strings.Count(page, `type="radio"`) != 4 {
			t.Errorf("%s is not chosen", mode)
		}
	}
}

// TestRA_9_to_12_TheBox is ticked or clear, usable or locked with its reason, by the option.
func TestRA_9_to_12_TheBox(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	for mode, want := range map[policy.Mode]struct {
		ticked, locked bool
		why            string
	}{
		policy.YesOptional: {true, false, ""},
		policy.YesRequired: {true, true, "Your firm requires it for every verification."},
		policy.NoOptional:  {false, false, ""},
		policy.NoRequired:  {false, true, "Your firm does not allow it for any verification."},
	} {
		page := draw(t, p, newVerification(signed, mode, func(*console.NewVerification) {}))
		box := fieldOf(t, page, "mobile_2fa")
		if strings.Contains(box, " checked") != want.ticked || strings.Contains(box, " disabled") != want.locked {
			t.Errorf("%s: the box is %s", mode, box)
		}
		if said := strings.Contains(page, `id="mobile_2fa-locked"`); said != want.locked || !strings.Contains(page, want.why) {
			t.Errorf("%s: the reason is not told", mode)
		}
		if strings.Contains(box, "mobile_2fa-locked") != want.locked {
			t.Errorf("%s: the reason does not belong to the box", mode)
		}
	}
}

// TestRA_19_AReasonIsAskedFor where the firm demands one and the sender has a choice.
func TestRA_19_AReasonIsAskedFor(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	for _, c := range []struct {
		mode           policy.Mode
		demanded, asks bool
	}{{policy.YesOptional, true, true}, {policy.YesOptional, false, false}, {policy.YesRequired, true, false}, {policy.NoRequired, true, false}} {
		page := draw(t, p, newVerification(signed, c.mode, func(v *console.NewVerification) { v.Reasoned = c.demanded }))
		if strings.Contains(page, `name="reason"`) != c.asks {
			t.Errorf("%s, demanded %t: a reason is asked for: %t", c.mode, c.demanded, !c.asks)
		}
	}
}

// TestRA_57_UpToTenCustomersInOneForm, each with fields of its own.
func TestRA_57_UpToTenCustomersInOneForm(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	for n, more := range map[int]bool{1: true, 9: true, 10: false} {
		page := draw(t, p, newVerification(signed, policy.YesOptional, func(v *console.NewVerification) {
			for len(v.Customers) < n {
				v.Customers = append(v.Customers, console.Customer{})
			}
		}))
		if strings.Contains(page, `name="add"`) != more || strings.Count(page, `name="mobile_`) != n+1 || strings.Count(page, `name="remove"`) != n-1 {
			t.Errorf("%d customers: the form does not fit", n)
		}
	}
}

// TestRA_29_OwnContactsAreConfirmed by a box beside the customer whose contact it is.
func TestRA_29_OwnContactsAreConfirmed(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	page := draw(t, p, newVerification(signed, policy.YesOptional, func(v *console.NewVerification) {
		v.Customers = []console.Customer{{}, {AskOwn: true}}
	}))
	if strings.Contains(page, `name="own_0"`) || strings.Contains(fieldOf(t, page, "own_1"), " checked") {
		t.Error("the box is missing, or stands where it should not, or is ticked already")
	}
}

// TestRA_55_WhatAnOperatorMayDo is shown as it was decided, and needs a form or a page of its own: never a link that acts.
func TestRA_55_WhatAnOperatorMayDo(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	all := []string{"Correct contact", "Resend", ">Cancel<", ">Reveal<"}
	page := draw(t, p, verification(signed, func(*console.Verification) {}))
	for _, words := range all {
		if !strings.Contains(page, words) {
			t.Errorf("%s is missing", words)
		}
	}
	if strings.Contains(page, ">Unlock<") {
		t.Error("what is not locked can be unlocked")
	}
	none := draw(t, p, verification(signed, func(v *console.Verification) {
		v.ResendURL, v.CorrectURL, v.CancelURL, v.Reveal.Action = "", "", "", ""
	}))
	for _, words := range all {
		if strings.Contains(none, words) {
			t.Errorf("%s is offered to who may not", words)
		}
	}
	if !regexp.MustCompile(`<form method="post"[^>]*class="reveal"`).MatchString(page) {
		t.Error("showing a contact is not a POST")
	}
}

// TestRA_59_TheListSaysWhatBecameOfTheGate in the five words.
func TestRA_59_TheListSaysWhatBecameOfTheGate(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	for gate, words := range map[string]string{"passed": "Passed", "failed": "Failed", "pending": "Pending", "not_used": "Not used", "not_allowed": "Not allowed"} {
		row := console.VerificationRow{URL: "/", Name: "Ada", Status: invite.Sent, Mobile2FA: gate}
		page := draw(t, p, &console.Verifications{Frame: signed, Rows: []console.VerificationRow{row}})
		if !strings.Contains(page[strings.Index(page, "<tbody>"):], "<span>"+words+"</span>") {
			t.Errorf("%s is not said as %q", gate, words)
		}
	}
	err := p.Render(&strings.Builder{}, &console.Verifications{Frame: signed, Rows: []console.VerificationRow{{Mobile2FA: "maybe", Status: invite.Sent}}})
	if err == nil {
		t.Error("a word that is none is drawn")
	}
}

// TestEveryStatusHasItsBadge, so that a new one can't be forgotten.
func TestEveryStatusHasItsBadge(t *testing.T) {
	t.Parallel()
	for _, status := range invite.Statuses {
		if console.Vocabularies["status"][string(status)] == "" {
			t.Errorf("%s has no badge", status)
		}
	}
}

// TestPasswordsAndCodesDoNotComeBack in the page that says what was wrong with them.
func TestPasswordsAndCodesDoNotComeBack(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	for _, e := range door() {
		for _, id := range []string{"password", "code", "old_password"} {
			tag := regexp.MustCompile(`<input[^>]* id="` + id + `"[^>]*>`).FindString(draw(t, p, e.view))
			if strings.Contains(tag, " value=") {
				t.Errorf("%s: %s", e.name, tag)
			}
		}
	}
}

// TestWhatMayNotBeChangedIsShown, without the button.
func TestWhatMayNotBeChangedIsShown(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	for _, may := range []bool{true, false} {
		page := draw(t, p, checks(signed, func(v *console.Checks) { v.May = may }))
		if strings.Contains(page, `<fieldset class="all stack" disabled>`) == may || strings.Contains(page, `class="primary" type="submit"`) != may {
			t.Errorf("may change: %t, and the page does not fit", may)
		}
	}
}

// TestSectionsThatMayNotBeSeenAreNotInTheNavigation, nor is the button that they hold.
func TestSectionsThatMayNotBeSeenAreNotInTheNavigation(t *testing.T) {
	t.Parallel()
	f := signed
	f.Sections = []console.Section{console.AtHome, console.AtAudit}
	page := draw(t, newPages(t), &console.Trouble{Frame: f, Kind: console.Missing})
	for words, want := range map[string]bool{">Home<": true, ">Audit<": true, ">Team<": false, ">Build<": false, ">New verification<": false, "API keys": false} {
		if strings.Contains(strings.ReplaceAll(page, "</svg>", ">"), words) != want {
			t.Errorf("%s is in the navigation: %t", words, !want)
		}
	}
}
