package recipient

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/nyaruka/phonenumbers/v2"

	"github.com/countersign/countersign/internal/fault"
)

// FuzzParse holds for any input: an error is an Invalid fault; a value is its own normal form; a number is valid to
// the library, and where both read the same text they read the same number; the mask tells no more than it may.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"+12025550123", "+1 (202) 555-0123", "0044 20 7946 0958", "+44 (0)20 7946 0958", "tel:+390669812345", "＋１２０２５５５０１２３",
		"\u202a+447700900123", "+5491123456789", "+54 11 15 2345 6789", "+78001234567", "+881612345678", "112", "+1", "+x",
		"Ann@Example.NET", "ünal@bücher.example", "\u212a@x.de", "a@xn--bcher-kva.example", "a@b\r\nc", "a@0\u2137.ex", "e\u0301@ex.am",
	} {
		f.Add(s, false)
		f.Add(s, true)
	}
	f.Fuzz(func(t *testing.T, s string, fiction bool) {
		rules := Rules{Fiction: fiction}
		r, err := Parse(s, rules)
		if err != nil {
			if fault.As(err).Kind != fault.Invalid {
				t.Fatalf("Parse(%q): %v, want an Invalid fault", s, err)
			}
			return
		}
		again, err := Parse(r.Value, rules)
		if err != nil || again != r {
			t.Fatalf("Parse(%q) = %q %q, which parses to %q %q, %v", s, r.Value, r.LineType, again.Value, again.LineType, err)
		}
		switch r.Kind {
		case Phone:
			checkPhone(t, s, r, rules)
		case Email:
			checkEmail(t, r)
		default:
			t.Fatalf("Parse(%q): kind %v", s, r.Kind)
		}
	})
}

func checkPhone(t *testing.T, s string, r Recipient, rules Rules) {
	t.Helper()
	if !isE164(r.Value) {
		t.Fatalf("Parse(%q) = %q, want E.164", s, r.Value)
	}
	if _, fictional := lookupFiction(r.Value); !fictional || !rules.Fiction {
		want, ok := lookupLibrary(r.Value)
		if got := (number{e164: r.Value, region: r.Country, line: r.LineType}); !ok || got != want {
			t.Fatalf("Parse(%q) = %+v, library %+v (valid %v)", s, got, want, ok)
		}
	}
	if n, err := phonenumbers.Parse(s, ""); err == nil && phonenumbers.IsValidNumber(n) && n.GetExtension() == "" {
		if want := phonenumbers.Format(n, phonenumbers.E164); want != r.Value {
			t.Fatalf("Parse(%q) = %s, the library reads %s", s, r.Value, want)
		}
	}
	code, _ := splitCallingCode(r.Value[1:])
	shown := strings.Map(func(c rune) rune {
		if '0' <= c && c <= '9' {
			return c
		}
		return -1
	}, r.Masked())
	if shown != code+r.Value[len(r.Value)-2:] {
		t.Fatalf("the mask of %s shows %s", r.Value, shown)
	}
}

func checkEmail(t *testing.T, r Recipient) {
	t.Helper()
	local, domain, ok := strings.Cut(r.Value, "@")
	if !ok || len(r.Value) > maxAddress || len(local) > maxLocal || strings.ContainsAny(r.Value, " \r\n\t\x00<>(),;:\\\"[]") {
		t.Fatalf("%q is no plain address", r.Value)
	}
	if r.Country != "" || r.LineType != "" {
		t.Fatalf("%q has a country or a line type", r.Value)
	}
	_, first := utf8.DecodeRuneInString(local)
	if want := local[:first] + "•••@" + domain; r.Masked() != want {
		t.Fatalf("Masked() = %q, want %q", r.Masked(), want)
	}
	if i := strings.IndexFunc(domain, func(c rune) bool { return c >= utf8.RuneSelf || 'A' <= c && c <= 'Z' }); i >= 0 {
		t.Fatalf("domain of %q is not in lower-case A-labels", r.Value)
	}
}

// FuzzLookup compares the compiled plans with the library on digits behind a plus sign: where the plans answer, they
// answer as the library does. That they nearly always answer is the claim of a test over all examples.
func FuzzLookup(f *testing.F) {
	for _, n := range examples(f) {
		f.Add(n[1:])
	}
	f.Fuzz(func(t *testing.T, digits string) {
		e164 := "+" + digits
		if !isE164(e164) {
			return
		}
		got, fast := lookupFast(e164)
		want, ok := lookupLibrary(e164)
		if fast && (!ok || got != want) {
			t.Fatalf("%s: compiled plan says %+v, library says %+v (valid %v)", e164, got, want, ok)
		}
	})
}
