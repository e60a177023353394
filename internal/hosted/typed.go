package hosted

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxTyped is the longest that is taken from a field, in characters.
const maxTyped = 254

// typed is what a customer typed into a field, without the marks of direction that phones put in and without space around. It is
// "" for what no keyboard types.
func typed(field string) string {
	if !utf8.ValidString(field) || utf8.RuneCountInString(field) > maxTyped {
		return ""
	}
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.Is(unicode.Bidi_Control, r) {
			return -1
		}
		return r
	}, field))
}

// ascii is typed text with the digits of any script as those of ASCII, and the signs of full width as those of half.
func ascii(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r < utf8.RuneSelf:
			return r
		case unicode.Is(unicode.Nd, r):
			return '0' + digitOf(r)
		case r > 0xff00 && r <= 0xff5e:
			return r - 0xff00 + ' '
		}
		return r
	}, text)
}

// digitOf is the value of a decimal digit. Unicode keeps the ten of a script together, in order.
func digitOf(r rune) rune {
	for _, t := range unicode.Nd.R16 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	for _, t := range unicode.Nd.R32 {
		if r >= rune(t.Lo) && r <= rune(t.Hi) {
			return (r - rune(t.Lo)) % 10
		}
	}
	return 0
}
