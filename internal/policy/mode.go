package policy

import (
	"cmp"
	"slices"
	"strings"

	"github.com/countersign/countersign/internal/fault"
)

// Mode is a tenant's option for "Mobile 2FA" (RA-8).
type Mode string

// The modes.
const (
	YesOptional Mode = "yes_optional" // on, and the sender may switch it off
	YesRequired Mode = "yes_required" // always on
	NoOptional  Mode = "no_optional"  // off, and the sender may switch it on
	NoRequired  Mode = "no_required"  // always off
)

// Modes are all of them, in the order in which they are offered.
var Modes = []Mode{YesOptional, YesRequired, NoOptional, NoRequired}

// Valid reports whether m is one of the four.
func (m Mode) Valid() bool { return slices.Contains(Modes, m) }

// Preset is what holds when the sender says nothing (RA-15).
func (m Mode) Preset() bool { return m == YesOptional || m == YesRequired }

// Locked reports whether the sender may not say otherwise.
func (m Mode) Locked() bool { return m == YesRequired || m == NoRequired }

// Hint says when to use the mode (RA-13).
func (m Mode) Hint() string {
	switch m {
	case YesOptional:
		return "More security, still flexible: the sender may switch it off for one verification."
	case YesRequired:
		return "Security or compliance demands it: nobody can send without it."
	case NoOptional:
		return "For particular cases: the sender may switch it on for one verification."
	case NoRequired:
		return "It must not be used in this workflow: nobody can send with it."
	}
	return ""
}

// ErrLocked is the refusal of a request that contradicts a locked mode (RA-14). Nothing is changed silently.
func ErrLocked() *fault.Error {
	return fault.New(fault.Conflict, "policy_locked",
		"Mobile 2FA is set by your firm and can't be changed for one verification. Leave mobile_2fa out.").On("mobile_2fa")
}

// Effective is the one place that says whether the gate is on (RA b.1): pages, API and import all ask it. A mode that is none of
// the four is taken as YesRequired, so that a damaged row lets nobody through.
func Effective(m Mode, requested *bool) (on bool, err error) {
	if !m.Valid() {
		m = YesRequired
	}
	if requested == nil {
		return m.Preset(), nil
	}
	if m.Locked() && *requested != m.Preset() {
		return m.Preset(), ErrLocked()
	}
	return *requested, nil
}

// Contacts are which contacts of the customer were given.
type Contacts struct{ Email, Mobile bool }

// ForContacts is Effective for an invitation with these contacts: the gate needs a number (RA-25), and an invitation needs one
// contact at least (RA-21). A contradiction to a locked mode is told before a missing number.
func ForContacts(m Mode, requested *bool, c Contacts) (on bool, err error) {
	on, err = Effective(m, requested)
	switch {
	case err != nil:
		return on, err
	case !c.Email && !c.Mobile:
		return on, fault.New(fault.Malformed, "contact_required", "Give an e-mail address, a mobile number, or both.").On("email")
	case on && !c.Mobile && m.Locked():
		return on, fault.New(fault.Malformed, "mobile_required", "Add a mobile number: your firm requires that it is verified.").On("mobile")
	case on && !c.Mobile:
		return on, fault.New(fault.Malformed, "mobile_required", "Add a mobile number, or switch Mobile 2FA off for this verification.").On("mobile")
	}
	return on, nil
}

// Overrides reports whether a choice is against the preset, and refuses one without the reason that the firm demands (RA-19).
func (c *Checks) Overrides(on bool, reason string) (bool, error) {
	against := on != c.Mobile2FA.Preset()
	if against && c.OverrideReason && strings.TrimSpace(reason) == "" {
		return true, fault.New(fault.Malformed, "reason_required",
			"Your firm wants to know why this verification differs from its setting. Say so in mobile_2fa_reason.").On("mobile_2fa_reason")
	}
	return against, nil
}

// Loosens reports whether a change from one mode to another lets a gate be absent that could not be before (RA-17).
func Loosens(from, to Mode) bool {
	return strictness(to) < strictness(from)
}

// Loosening is one setting that lets a gate be absent, or a proof be spared, that did not before.
type Loosening struct {
	Setting string `json:"setting"` // its name in the API
	From    string `json:"from"`    // its value before, a Mode or a Toggle
	To      string `json:"to"`
}

// Loosened are the settings by which c lets a gate be absent, or a proof be spared, that old did not (RA-17).
func (c *Checks) Loosened(old *Checks) (all []Loosening) {
	if Loosens(old.Mobile2FA, c.Mobile2FA) {
		all = append(all, Loosening{"mobile_2fa", string(old.Mobile2FA), string(c.Mobile2FA)})
	}
	if c.KeepProof && !old.KeepProof {
		all = append(all, Loosening{"keep_proof", string(Off), string(On)})
	}
	return all
}

// Loosened are the settings by which c lets a contact go unconfirmed that old confirmed for all (RA-17).
func (c *Customisation) Loosened(old *Customisation) (all []Loosening) {
	for _, one := range []struct {
		setting string
		was, is Toggle
	}{{"verify_phone", old.VerifyPhone, c.VerifyPhone}, {"verify_email", old.VerifyEmail, c.VerifyEmail}} {
		if one.was == LockedOn && one.is != LockedOn {
			all = append(all, Loosening{one.setting, string(one.was), string(cmp.Or(one.is, Off))})
		}
	}
	return all
}

// Loosens reports whether c loosens anything against old.
func (c *Checks) Loosens(old *Checks) bool { return len(c.Loosened(old)) > 0 }

// Loosens reports whether c loosens anything against old.
func (c *Customisation) Loosens(old *Customisation) bool { return len(c.Loosened(old)) > 0 }

// strictness orders the modes by how often the gate is on.
func strictness(m Mode) int {
	switch m {
	case NoRequired:
		return 0
	case NoOptional:
		return 1
	case YesOptional:
		return 2
	}
	return 3
}

// Toggle is a tenant's default for confirming a contact that the customer enters (ID-6, ID-8, ID-11).
type Toggle string

// The toggles. The empty one is Off.
const (
	Off      Toggle = "off"
	On       Toggle = "on"
	LockedOn Toggle = "locked_on" // on for all, and the sender can't switch it off
)

// Valid reports whether t is one of the three.
func (t Toggle) Valid() bool { return t == Off || t == On || t == LockedOn }

// Effective says whether the contact is confirmed: what was requested, else the tenant's default (ID-10). field is the name of the
// request's field in the fault of a locked toggle (ID-11).
func (t Toggle) Effective(requested *bool, field string) (on bool, err error) {
	preset := t == On || t == LockedOn
	if requested == nil {
		return preset, nil
	}
	if t == LockedOn && !*requested {
		return true, fault.New(fault.Invalid, "verify_locked",
			"Your account confirms this contact for all sessions. Leave the field out, or set it to true.").On(field)
	}
	return *requested, nil
}
