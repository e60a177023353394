package recipient

import (
	"strings"

	"github.com/countersign/countersign/internal/fault"
)

// maxDigits is the most an international number has, country code included (ITU-T E.164 §6.2.1).
const maxDigits = 15

// minDigits is the least: Germany, Austria and Iran have numbers of four digits behind a country code of two.
const minDigits = 6

// longestShortCode is the most digits of a number that is dialled without country code and not routed abroad.
const longestShortCode = 6

func parsePhone(s string, r Rules) (Recipient, error) {
	n, err := readPhone(s, r)
	if err != nil {
		return Recipient{}, err
	}
	if why := refusal(n); why != "" {
		return Recipient{}, fault.New(fault.Invalid, "recipient_line_type", why)
	}
	return n.recipient(), nil
}

// readPhone finds the number that s is, whether or not it can be sent to.
func readPhone(s string, r Rules) (number, error) {
	candidate := s
	if !isE164(s) {
		var err error
		if candidate, err = dialled(s); err != nil {
			return number{}, err
		}
	}
	n, ok := lookup(candidate, r)
	if !ok {
		return number{}, errNotPossible()
	}
	return n, nil
}

func (n number) recipient() Recipient {
	return Recipient{Kind: Phone, Value: n.e164, Country: n.region, LineType: n.line}
}

// lookup finds the number that +digits stands for: as it is, or as the library rewrites it, once. So what it gives is
// always its own normal form.
func lookup(candidate string, r Rules) (number, bool) {
	if !isE164(candidate) {
		return number{}, false
	}
	if n, ok := lookupAsIs(candidate, r); ok {
		return n, true
	}
	rewritten := rewrite(candidate)
	if rewritten == candidate || !isE164(rewritten) {
		return number{}, false
	}
	return lookupAsIs(rewritten, r)
}

// lookupAsIs finds the number that has e164 as its normal form.
func lookupAsIs(e164 string, r Rules) (number, bool) {
	if r.Fiction {
		if n, ok := lookupFiction(e164); ok {
			return n, true
		}
	}
	if n, ok := lookupFast(e164); ok {
		return n, true
	}
	n, ok := lookupLibrary(e164)
	return n, ok && n.e164 == e164
}

// refusal says why a number that exists can't be sent to (SEC-23, SEC-26), or "".
// Personal, company-wide and voicemail numbers belong to no place and end at no one line: they are non-geographic too.
func refusal(n number) string {
	if n.region == nonGeographic {
		return "Satellite and other international network numbers can't receive codes. Use a mobile number."
	}
	switch n.line {
	case Premium, SharedCost, TollFree:
		return "Premium-rate, shared-cost and toll-free numbers can't receive codes. Use a mobile number."
	case Pager, Voicemail:
		return "Pagers and voice mailboxes can't receive codes. Use a mobile number."
	case UAN, Personal:
		return "Numbers that belong to no place can't receive codes. Use a mobile number."
	}
	return ""
}

// isE164 reports whether s is a plus sign and a possible count of digits, the first no zero.
func isE164(s string) bool {
	return len(s) > minDigits && len(s) <= 1+maxDigits && s[0] == '+' && s[1] != '0' && isDigits(s[1:])
}

func isDigits(s string) bool {
	for i := range len(s) {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return s != ""
}

// dialled takes a number as people write it down to + and digits. Letters are refused: what follows them is an
// extension, or they are a word to be dialled, which no one types for a phone of their own.
func dialled(s string) (string, error) {
	var b strings.Builder
	international := false
	for _, r := range withoutScheme(s) {
		switch digit, kind := classify(r); kind {
		case isDigit:
			b.WriteByte(digit)
		case isPlus:
			if international || b.Len() > 0 {
				return "", errInvalid()
			}
			international = true
		case isSpacing:
		case isExtension:
			if b.Len() > 0 {
				return "", fault.New(fault.Invalid, "recipient_invalid", "Leave the extension out: codes go to direct numbers only.")
			}
			return "", errInvalid()
		default:
			return "", errInvalid()
		}
	}
	digits := b.String()
	if !international { // 00 is the prefix of calls abroad that the ITU recommends (E.164 §7)
		digits, international = strings.CutPrefix(digits, "00")
	}
	switch {
	case digits == "":
		return "", errInvalid()
	case international:
		return "+" + digits, nil
	case len(digits) <= longestShortCode:
		return "", fault.New(fault.Invalid, "recipient_line_type", "Short codes can't receive codes. Use a mobile number, with its country code.")
	default:
		return "", fault.New(fault.Invalid, "recipient_country_code_missing",
			"Send the number in E.164 form: a plus sign, the country code, the number, such as +12025550123.")
	}
}

// withoutScheme drops the "tel:" of RFC 3966 and what is invisible before it.
func withoutScheme(s string) string {
	s = strings.TrimLeftFunc(s, func(r rune) bool {
		_, kind := classify(r)
		return kind == isSpacing
	})
	if len(s) >= 4 && strings.EqualFold(s[:4], "tel:") {
		return s[4:]
	}
	return s
}

type runeKind uint8

const (
	isForeign runeKind = iota
	isDigit
	isPlus
	isSpacing // punctuation and marks that stand in numbers and mean nothing
	isExtension
)

// zeros are the zeros of the scripts whose digits phone keyboards offer: Arabic, Persian, Devanagari, Bengali, Thai,
// and the full-width ones of East Asia.
const zeros = "٠۰०০๐０"

// classify says what a character of a written number is, and of a digit which.
func classify(r rune) (digit byte, kind runeKind) {
	switch {
	case '0' <= r && r <= '9':
		return byte(r), isDigit
	case r == '+' || r == '＋':
		return 0, isPlus
	case strings.ContainsRune(" -.()/\u00a0\u202f\u3000−－．（）", r), 0x2000 <= r && r <= 0x2015:
		return 0, isSpacing // U+2000..2015: spaces, zero-width and direction marks, hyphens and dashes
	case 0x202a <= r && r <= 0x202e, 0x2060 <= r && r <= 0x2069, r == 0xfeff:
		return 0, isSpacing // direction marks again, as address books copy them
	case strings.ContainsRune("xXeE;,#*ｘ", r):
		return 0, isExtension
	}
	for _, zero := range zeros {
		if zero <= r && r <= zero+9 {
			return byte('0' + r - zero), isDigit
		}
	}
	return 0, isForeign
}

func errNotPossible() error {
	return fault.New(fault.Invalid, "recipient_not_possible",
		"There is no such number in that country. Check the country code and the digits.")
}
