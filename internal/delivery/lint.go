package delivery

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/seal"
)

// The longest values a message takes, in UTF-16 units, which is what they cost on air at worst.
const (
	maxServiceName = 30
	maxPayee       = 64
	maxAmount      = 18
)

var (
	amountForm   = regexp.MustCompile(`^[0-9]{1,12}(\.[0-9]{1,4})?$`)
	currencyForm = regexp.MustCompile(`^[A-Z]{3}$`)
	// A link is a scheme, a leading www, or a domain followed by a path. A bare domain may be a firm's name.
	linkForm = regexp.MustCompile(`(?i)://|\bwww\.|[\p{L}\p{N}-]\.\p{L}{2,}/`)
)

// Check says what is wrong with t before it is accepted: a fault of kind Invalid that names the field, or nil. What
// passes is shown to the person exactly as it stands (SEC-107).
func (t Transaction) Check() error {
	switch {
	case !amountForm.MatchString(t.Amount):
		return fault.New(fault.Invalid, "amount_invalid",
			"Give the amount as a decimal number with a point, such as 12.50.").On("transaction.amount")
	case !currencyForm.MatchString(t.Currency):
		return fault.New(fault.Invalid, "currency_invalid",
			"Give the currency as three capital letters of ISO 4217, such as EUR.").On("transaction.currency")
	case !Showable(t.Payee, maxPayee):
		return fault.New(fault.Invalid, "payee_invalid",
			"Give the payee's name in 1 to 64 characters, without line breaks, control or direction characters, or links.").On("transaction.payee")
	}
	return nil
}

// Showable reports whether a name can stand in a message exactly as it is: 1 to limit UTF-16 units, no control or
// direction characters, no line breaks, no doubled or outer spaces, and no link.
func Showable(name string, limit int) bool {
	return name != "" && utf8.ValidString(name) && clean(name, limit) == name
}

// clean makes any string fit to stand in a message. What the edges let through comes out as it went in; it is the
// last guard, for values that came another way.
func clean(s string, limit int) string {
	var b strings.Builder
	units, space := 0, false
	if strings.ContainsAny(s, "./") { // every link has one of them
		s = linkForm.ReplaceAllString(s, " ")
	}
	for _, r := range s {
		if unicode.IsSpace(r) {
			space = b.Len() > 0
			continue
		}
		if unshowable(r) {
			continue
		}
		cost := 1
		if r > 0xffff {
			cost = 2
		}
		if space {
			cost++
		}
		if units+cost > limit {
			break
		}
		if space {
			b.WriteByte(' ')
			space = false
		}
		b.WriteRune(r)
		units += cost
	}
	out := b.String()
	if strings.ContainsAny(out, "./") && linkForm.MatchString(out) {
		return clean(out, limit) // what was dropped stood inside a link; each round is shorter
	}
	return out
}

// unshowable reports whether r would change how the text around it is read, or has no agreed look: controls, marks of
// direction, invisible format characters (other than the joiners that Persian, Indic scripts and emoji need),
// private and unassigned characters, and what stands for undecodable bytes.
func unshowable(r rune) bool {
	const zwnj, zwj = 0x200c, 0x200d
	if r == zwnj || r == zwj {
		return false
	}
	return r == utf8.RuneError || !unicode.IsGraphic(r)
}

// Lint lists what is wrong with a rendered text message for a code (SEC-32, SEC-107): more segments than allowed, a
// link, a control or direction character, a line break other than the one before the origin line, or the code missing.
// It guards the texts of this package and those that operators write.
func Lint(text string, code seal.Code, segments int) []string {
	var faults []string
	if n := Measure(text).Segments; n > segments {
		faults = append(faults, "needs more segments than allowed")
	}
	body, last, bound := strings.Cut(text, "\n")
	if strings.ContainsRune(last, '\n') || (bound && !IsOriginLine(last, code)) {
		faults = append(faults, "has a line break that is not the one before the origin-bound line")
	}
	if linkForm.MatchString(body) {
		faults = append(faults, "holds a link")
	}
	if strings.ContainsFunc(body, func(r rune) bool { return unshowable(r) }) {
		faults = append(faults, "holds a control or direction character")
	}
	if !strings.Contains(body, code.Reveal()) || code.Reveal() == "" {
		faults = append(faults, "does not hold the code")
	}
	return faults
}

// IsOriginLine reports whether line is "@host #code" or "@host #code @embedded" for this code, by the grammar of WICG
// sms-one-time-codes §4: nothing before the @, single spaces, host in lower case ASCII.
func IsOriginLine(line string, code seal.Code) bool {
	fields := strings.Split(line, " ")
	if len(fields) != 2 && len(fields) != 3 {
		return false
	}
	for i, f := range fields {
		if i != 1 && (!strings.HasPrefix(f, "@") || !isHost(f[1:])) {
			return false
		}
	}
	return isBindable(code.Reveal()) && fields[1] == "#"+code.Reveal()
}

// isHost reports whether h is a host name in lower case ASCII (RFC 1123 §2.1: labels of letters, digits and inner
// hyphens), at most 253 characters.
func isHost(h string) bool {
	if h == "" || len(h) > 253 {
		return false
	}
	for label := range strings.SplitSeq(h, ".") {
		if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' ||
			strings.ContainsFunc(label, func(r rune) bool {
				return (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-'
			}) {
			return false
		}
	}
	return true
}

// isBindable reports whether a code can stand in an origin line: 4 to 10 letters or digits, one of them a digit.
func isBindable(code string) bool {
	if len(code) < 4 || len(code) > 10 || !strings.ContainsAny(code, "0123456789") {
		return false
	}
	return !strings.ContainsFunc(code, func(r rune) bool {
		return (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z')
	})
}
