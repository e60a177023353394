package verify

import (
	"net/netip"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/seal"
)

// Bounds of what a caller may attach. They keep a row within a few kilobytes.
const (
	maxExternalID    = 128
	maxMetadata      = 20 // members
	maxMetadataName  = 64
	maxMetadataValue = 256
	maxChecks        = 10
	maxTemplate      = 160 // with the code's place, and so one segment or two
	maxUserAgent     = 1024
	maxDeviceID      = 128
	maxCodeTyped     = 64 // longest input that is looked at as a code
)

func invalid(code, message, field string) error {
	return fault.New(fault.Invalid, code, message).On(field)
}

// purposeOf reads a purpose; none is login.
func purposeOf(p Purpose) (Purpose, error) {
	if p == "" {
		return ForLogin, nil
	}
	if !slices.Contains(Purposes, p) {
		return "", invalid("purpose_invalid", "Use one of the purposes that the documentation lists, or leave it out for login.", "purpose")
	}
	return p, nil
}

// channelOf reads the channel for a recipient of a kind; none is sms for a number and email for an address.
func channelOf(ch delivery.Channel, kind recipient.Kind) (delivery.Channel, error) {
	switch ch {
	case "":
		if kind == recipient.Email {
			return delivery.Email, nil
		}
		return delivery.SMS, nil
	case delivery.Email:
		if kind == recipient.Email {
			return ch, nil
		}
	case delivery.SMS, delivery.Voice, delivery.WhatsApp:
		if kind == recipient.Phone {
			return ch, nil
		}
	}
	return "", invalid("channel_invalid", "Use sms, voice or whatsapp for a phone number, and email for an address.", "channel")
}

// checkExtras looks at what a start carries along.
func checkExtras(r *StartRequest) error {
	if !isText(r.ExternalID, maxExternalID) {
		return invalid("external_id_invalid", "Give at most 128 printable characters.", "external_id")
	}
	if !isLocale(r.Locale) {
		return invalid("locale_invalid", "Give a language tag like en or pt-BR.", "locale")
	}
	if r.Text != "" && !isTemplate(r.Text) {
		return invalid("text_invalid", "Give at most 160 printable characters with {{code}} in them, once.", "text")
	}
	if c := r.Rules; c != nil && c.CodeLength != 0 && (c.CodeLength < seal.MinLength || c.CodeLength > seal.MaxLength) {
		return invalid("code_length_invalid", "Give a length of 4 to 10 digits.", "code_length")
	}
	if c := r.Rules; c != nil && (c.MaxChecks < 0 || c.MaxChecks > maxChecks) {
		return invalid("max_checks_invalid", "Give 1 to 10 checks.", "max_checks")
	}
	if len(r.Metadata) > maxMetadata {
		return invalid("metadata_invalid", "Give at most 20 members.", "metadata")
	}
	for name, value := range r.Metadata {
		if name == "" || !isText(name, maxMetadataName) || !isText(value, maxMetadataValue) {
			return invalid("metadata_invalid", "Give names of 1 to 64 and values of at most 256 printable characters.", "metadata")
		}
	}
	return nil
}

// isTemplate reports whether s can be a message of its own words.
func isTemplate(s string) bool {
	return isText(s, maxTemplate) && strings.Count(s, delivery.CodeSlot) == 1
}

// isText reports whether s is printable text of at most limit characters.
func isText(s string, limit int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit && !strings.ContainsFunc(s, unprintable)
}

// isLocale reports whether s has the shape of a language tag (RFC 5646 §2.1): parts of 1 to 8 letters and digits, the
// first of letters, at most 35 characters in all. None is fine too.
func isLocale(s string) bool {
	if s == "" {
		return true
	}
	if len(s) > 35 {
		return false
	}
	first := true
	for part := range strings.SplitSeq(s, "-") {
		if len(part) < 1 || len(part) > 8 || first && len(part) == 1 {
			return false
		}
		for i := range len(part) {
			c := part[i]
			letter := 'a' <= c|0x20 && c|0x20 <= 'z'
			if !letter && (first || c < '0' || c > '9') {
				return false
			}
		}
		first = false
	}
	return true
}

// ownCode reads a code that the caller made: 4 to 10 letters and digits.
func ownCode(code string) (string, error) {
	code, ok := typed(code)
	if !ok || len(code) < seal.MinLength || len(code) > seal.MaxLength {
		return "", invalid(codeInvalid, "Give a code of 4 to 10 letters and digits, or leave it out and have one made.", "code")
	}
	return code, nil
}

// typed drops what people put between the characters of a code, and reports whether what is left could be a code of
// some shape: ASCII letters and digits. Digits of other scripts and widths are not guessed at (SEC-10).
func typed(code string) (string, bool) {
	if len(code) > maxCodeTyped {
		return "", false
	}
	code = seal.Normalise(code)
	for i := range len(code) {
		c := code[i]
		if (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return "", false
		}
	}
	return code, code != ""
}

// errCode is the refusal of a code that could never be right. No check is spent on it.
const codeInvalid = "code_invalid"

func errCode() error {
	return invalid(codeInvalid, "Give the code as it stands in the message, in the digits 0 to 9. No check was spent.", "code")
}

// client is the end user's machine in the form that limits are counted by.
type client struct {
	network netip.Prefix // the address itself, or the /64 of an IPv6 one (SEC-19); not valid without an address
	device  string
}

// clientOf reads what the caller says about the end user; nil says nothing.
func clientOf(c *Client) (client, error) {
	if c == nil {
		return client{}, nil
	}
	if len(c.UserAgent) > maxUserAgent {
		return client{}, invalid("client_invalid", "Give at most 1024 bytes.", "client.user_agent")
	}
	if !isText(c.DeviceID, maxDeviceID) {
		return client{}, invalid("client_invalid", "Give at most 128 printable characters.", "client.device_id")
	}
	out := client{device: c.DeviceID}
	if c.IP == "" {
		return out, nil
	}
	addr, err := netip.ParseAddr(c.IP)
	if err != nil {
		return client{}, invalid("client_invalid", "Give an IPv4 or IPv6 address.", "client.ip")
	}
	addr = addr.Unmap().WithZone("")
	bits := 32
	if addr.Is6() {
		bits = 64
	}
	out.network, _ = addr.Prefix(bits) // both lengths fit their kind
	return out, nil
}
