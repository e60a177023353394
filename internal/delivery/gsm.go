package delivery

import "unicode/utf8"

// Encoding is how an SMS is coded on air.
type Encoding string

// The encodings.
const (
	GSM7 Encoding = "gsm7" // 7-bit default alphabet, 3GPP TS 23.038 §6.2.1
	UCS2 Encoding = "ucs2" // UTF-16 code units, 3GPP TS 23.038 §6.2.3
)

// What one SMS holds, alone and as part of a longer message. A part gives six octets to the header that joins
// the parts again (3GPP TS 23.040 §9.2.3.24.1).
const (
	gsmAlone, gsmPart = 160, 153
	ucsAlone, ucsPart = 70, 67
)

// Size is what a text costs as an SMS.
type Size struct {
	Encoding Encoding
	Units    int // septets of GSM7, 16-bit units of UCS2
	Segments int // 1 for an empty text too: an empty SMS is still one
}

// gsmBasic is the default alphabet in code order, 3GPP TS 23.038 §6.2.1, without the escape at 0x1B.
const gsmBasic = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?" +
	"¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"

// gsmExtension is the extension table, 3GPP TS 23.038 §6.2.1.1: each costs an escape and a septet.
const gsmExtension = "\f^{}\\[~]|€"

// septets is what r costs in GSM 7-bit, 0 when it can't be said there.
func septets(r rune) int {
	switch {
	case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == ' ':
		return 1 // most of any text, without a search
	}
	for _, b := range gsmBasic {
		if b == r {
			return 1
		}
	}
	for _, e := range gsmExtension {
		if e == r {
			return 2
		}
	}
	return 0
}

// Measure tells what text costs as an SMS: GSM 7-bit when every character is in its tables, else UCS-2.
// A character is never split between segments: neither an escape from its septet nor a surrogate from its pair.
func Measure(text string) Size {
	if units, segments, ok := pack(text, gsmAlone, gsmPart, septets); ok {
		return Size{Encoding: GSM7, Units: units, Segments: segments}
	}
	units, segments, _ := pack(text, ucsAlone, ucsPart, func(r rune) int {
		if r > 0xffff {
			return 2
		}
		return 1
	})
	return Size{Encoding: UCS2, Units: units, Segments: segments}
}

// pack counts units and fills segments one after the other. ok is false when cost knows no character of the text.
func pack(text string, alone, part int, cost func(rune) int) (units, segments int, ok bool) {
	segments, fill := 1, 0
	for i := 0; i < len(text); {
		r, n := utf8.DecodeRuneInString(text[i:])
		i += n
		c := cost(r)
		if c == 0 {
			return 0, 0, false
		}
		units += c
		if fill+c > part {
			segments, fill = segments+1, 0
		}
		fill += c
	}
	if units <= alone {
		segments = 1
	}
	return units, segments, true
}
