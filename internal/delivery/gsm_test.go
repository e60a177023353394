package delivery

import (
	"strings"
	"testing"
	"unicode/utf16"

	"pgregory.net/rapid"
)

func TestMeasure_vectors(t *testing.T) {
	t.Parallel()
	a := func(n int) string { return strings.Repeat("a", n) }
	for _, c := range []struct {
		name, text string
		want       Size
	}{
		{"an empty text is one message", "", Size{GSM7, 0, 1}},
		{"extension characters cost two septets: 1B65 1B28 1B29", "€{}", Size{GSM7, 6, 1}},
		{"the whole extension table", "\f^{}\\[~]|€", Size{GSM7, 20, 1}},
		{"the whole default alphabet", gsmBasic, Size{GSM7, 127, 1}},
		{"160 septets fit", a(160), Size{GSM7, 160, 1}},
		{"161 need two", a(161), Size{GSM7, 161, 2}},
		{"306 fit into two", a(306), Size{GSM7, 306, 2}},
		{"307 need three", a(307), Size{GSM7, 307, 3}},
		{"an extension character at the edge", a(158) + "€", Size{GSM7, 160, 1}},
		{"an extension character past the edge", a(159) + "€", Size{GSM7, 161, 2}},
		{"an escape is not split from its septet", a(152) + "€" + a(152), Size{GSM7, 306, 3}},
		{"a backtick is not in GSM 7-bit", "`", Size{UCS2, 1, 1}},
		{"a cedilla is there only as a capital", "ç", Size{UCS2, 1, 1}},
		{"a tab is not in GSM 7-bit", "\t", Size{UCS2, 1, 1}},
		{"70 units fit", strings.Repeat("ж", 70), Size{UCS2, 70, 1}},
		{"71 need two", strings.Repeat("ж", 71), Size{UCS2, 71, 2}},
		{"134 fit into two", strings.Repeat("ж", 134), Size{UCS2, 134, 2}},
		{"135 need three", strings.Repeat("ж", 135), Size{UCS2, 135, 3}},
		{"an emoji is two units", strings.Repeat("😀", 35), Size{UCS2, 70, 1}},
		{"36 emoji need two", strings.Repeat("😀", 36), Size{UCS2, 72, 2}},
		{"a surrogate pair is not split", strings.Repeat("😀", 67), Size{UCS2, 134, 3}},
		{"one other letter turns all to UCS-2", a(70) + "ж", Size{UCS2, 71, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if got := Measure(c.text); got != c.want {
				t.Errorf("got %+v, want %+v", got, c.want)
			}
		})
	}
}

// 3GPP TS 23.038 §6.2.1: the place of a character in the table is its code.
func TestGSM_alphabet_stands_in_code_order(t *testing.T) {
	t.Parallel()
	table := []rune(gsmBasic)
	codes := map[rune]int{'@': 0x00, '£': 0x01, '$': 0x02, '\n': 0x0a, '\r': 0x0d, 'Δ': 0x10, '_': 0x11, 'Ξ': 0x1a,
		'Æ': 0x1c, 'É': 0x1f, ' ': 0x20, '¤': 0x24, '0': 0x30, '?': 0x3f, '¡': 0x40, 'A': 0x41, 'Z': 0x5a, 'Ä': 0x5b,
		'§': 0x5f, '¿': 0x60, 'a': 0x61, 'z': 0x7a, 'ä': 0x7b, 'à': 0x7f}
	for r, code := range codes {
		at := code
		if code > 0x1b {
			at-- // the escape has no character
		}
		if table[at] != r {
			t.Errorf("code %#x is %q, want %q", code, table[at], r)
		}
	}
}

func TestMeasure_counts_what_is_coded(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		got := Measure(text)
		units, part := len(utf16.Encode([]rune(text))), ucsPart
		if got.Encoding == GSM7 {
			units, part = 0, gsmPart
			for _, r := range text {
				units++
				if strings.ContainsRune(gsmExtension, r) {
					units++
				} else if !strings.ContainsRune(gsmBasic, r) {
					t.Fatalf("%q is not in the alphabet", r)
				}
			}
		}
		if got.Units != units {
			t.Fatalf("got %d units, want %d", got.Units, units)
		}
		// A segment may stay one unit short of full where a pair did not fit.
		if got.Segments > 1 && (got.Segments*part < units || (got.Segments-1)*(part-1) > units) {
			t.Fatalf("%d segments for %d units", got.Segments, units)
		}
	})
}
