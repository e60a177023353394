// Package recipient knows the two things a code can be sent to: a phone number and an e-mail address.
//
// Words: a recipient has a normal form, its Value: E.164 for a number, a lower-cased address for e-mail. Two spellings
// of one recipient have one normal form, because limits, blind indexes and open verifications are kept by it. The
// normal form is a fixed point: parsing it gives it back. The mask is the form that people and logs may see.
//
// Invariants: a Recipient made by Parse is valid by the numbering plans published at build time, or has the shape of
// an address; its line type can be sent to (SEC-23, SEC-26); it prints as its mask. No error holds what was sent.
//
// What it does not do: ask anyone whether a number is in use or a mailbox exists. LineType is a hint from published
// number ranges: numbers are ported, and North America does not tell mobile from landline.
package recipient

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/fault"
)

// Kind says what a recipient is. The zero value is neither.
type Kind uint8

// The kinds. The numbers are stored: they never change.
const (
	Phone Kind = 1
	Email Kind = 2
)

// String is "phone" or "email".
func (k Kind) String() string {
	switch k {
	case Phone:
		return "phone"
	case Email:
		return "email"
	}
	return "kind " + strconv.Itoa(int(k))
}

// LineType is what the number's range is used for: a hint, not a look-up.
type LineType string

// The line types. Parse lets through Mobile, Landline, FixedOrMobile, VoIP and Unknown; an address has none ("").
const (
	Mobile        LineType = "mobile"
	Landline      LineType = "landline"
	FixedOrMobile LineType = "fixed_or_mobile"
	VoIP          LineType = "voip"
	TollFree      LineType = "toll_free"
	Premium       LineType = "premium"
	SharedCost    LineType = "shared_cost"
	Pager         LineType = "pager"
	UAN           LineType = "uan" // one number for all of a company, whatever the place
	Personal      LineType = "personal"
	Voicemail     LineType = "voicemail"
	Unknown       LineType = "unknown"
)

// Recipient is one number or address. Make it with Parse, or from columns that hold what Parse gave.
//
// Every way of printing it shows the mask: fmt with all its verbs, slog, JSON and text encoders, alone or within
// slices, maps and exported fields. Two ways round that are Go's and not ours: fmt reads unexported fields by
// reflection, so don't print a struct that hides one; and %p and %w ask no method, which go vet refuses.
type Recipient struct {
	Kind     Kind
	Value    string   // normal form: personal data
	Country  string   // ISO 3166 alpha-2, "" when not known
	LineType LineType // "" for an address
}

// Rules is what differs between installations.
type Rules struct {
	Fiction bool // development: numbers that regulators keep for films and examples are valid
}

// maxInput is longer than any number or address that people write, and short enough to be read for nothing.
const maxInput = 512

// Parse reads a number or an address as a person or a program writes it: whatever holds an @ is an address.
// A number must name its country, by + or 00 and a country code; spaces, dots, brackets, dashes, "tel:", invisible
// direction marks and the digits of other scripts are accepted.
//
// Each error is a *fault.Error of Kind Invalid with one of the codes recipient_invalid (neither number nor address),
// recipient_country_code_missing, recipient_not_possible (no such number in the country's plan), recipient_line_type
// (it exists and can't be sent to) and email_invalid. Parse may be called concurrently.
func Parse(s string, r Rules) (Recipient, error) {
	switch {
	case s == "" || len(s) > maxInput:
		return Recipient{}, errInvalid()
	case strings.IndexByte(s, '@') >= 0:
		return parseEmail(s)
	default:
		return parsePhone(s, r)
	}
}

// Inspect is Parse for whoever asks what a number is and sends nothing: a number that exists and can't be sent to is no
// error, and its line type tells. What it gives is no recipient of a message.
func Inspect(s string, r Rules) (Recipient, error) {
	if s == "" || len(s) > maxInput || strings.IndexByte(s, '@') >= 0 {
		return Parse(s, r)
	}
	n, err := readPhone(s, r)
	if err != nil {
		return Recipient{}, err
	}
	return n.recipient(), nil
}

func errInvalid() error {
	return fault.New(fault.Invalid, "recipient_invalid",
		"Send a phone number in E.164 form, such as +12025550123, or an e-mail address.")
}

// hidden stands for whatever is not shown. Its length says nothing about what it hides.
const hidden = "•••"

// Masked is the form that may be shown (SEC-34): "+1 ••• ••• ••23" or "a•••@example.net".
func (r Recipient) Masked() string { return Mask(r.Kind, r.Value) }

// Mask is the form of a normal form that may be shown: of a number its country code and last two digits, of an
// address its first letter and domain. How many characters are hidden can't be seen. A value that is no normal
// form of its kind is hidden whole.
func Mask(kind Kind, value string) string { return mask(kind, value, 2) }

// MaskForOwner is Mask for pages, which are looked at by who has to recognize the number or gave it: three digits (RA-30), or two where
// three would be half of it.
func MaskForOwner(kind Kind, value string) string { return mask(kind, value, 3) }

// mask shows the last digits of a number, two or three.
func mask(kind Kind, value string, last int) string {
	switch kind {
	case Phone:
		digits, ok := strings.CutPrefix(value, "+")
		code, national := splitCallingCode(digits)
		if len(national) <= 2*last {
			last = 2
		}
		if ok && code != "" && len(national) >= last && isDigits(national) {
			return "+" + code + " ••• ••• " + strings.Repeat("•", 4-last) + national[len(national)-last:]
		}
	case Email:
		local, domain, ok := strings.Cut(value, "@")
		if _, size := utf8.DecodeRuneInString(local); ok && size > 0 && !strings.Contains(domain, "@") {
			return local[:size] + hidden + "@" + domain
		}
	}
	return hidden
}

// String is the mask.
func (r Recipient) String() string { return r.Masked() }

// Format prints the mask for every verb; %q quotes it.
func (r Recipient) Format(f fmt.State, verb rune) {
	masked := r.Masked()
	if verb == 'q' {
		masked = strconv.Quote(masked)
	}
	_, _ = io.WriteString(f, masked) // fmt.State keeps no error to report
}

// LogValue is the mask.
func (r Recipient) LogValue() slog.Value { return slog.StringValue(r.Masked()) }

// MarshalText is the mask, also for encoders other than JSON and for keys of maps.
func (r Recipient) MarshalText() ([]byte, error) { return []byte(r.Masked()), nil }

// MarshalJSON is the mask as a JSON string.
func (r Recipient) MarshalJSON() ([]byte, error) { return json.Marshal(r.Masked()) }
