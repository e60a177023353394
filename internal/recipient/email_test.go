package recipient

import (
	"strings"
	"testing"
)

func TestEmail_spellings_of_one_mailbox_have_one_normal_form(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 63)
	for _, tc := range []struct{ name, in, want string }{
		{"plain", "ann@example.net", "ann@example.net"},
		{"capitals", "Ann.Lee@Example.NET", "ann.lee@example.net"},
		{"spaces around", "  ann@example.net ", "ann@example.net"},
		{"tag stays", "ann+shop@example.net", "ann+shop@example.net"},
		{"dots stay", "a.n.n@example.net", "a.n.n@example.net"},
		{"all of atext", "!#$%&'*+-/=?^_`{|}~@example.net", "!#$%&'*+-/=?^_`{|}~@example.net"},
		{"Unicode domain", "ann@bücher.example", "ann@xn--bcher-kva.example"},
		{"Unicode domain in capitals", "ann@BÜCHER.example", "ann@xn--bcher-kva.example"},
		{"sharp s is kept apart", "ann@straße.example", "ann@xn--strae-oqa.example"},
		{"A-label", "ann@XN--BCHER-KVA.example", "ann@xn--bcher-kva.example"},
		{"ideographic dot", "ann@例え。テスト", "ann@xn--r8jz45g.xn--zckzah"},
		{"Arabic domain", "ann@مثال.إختبار", "ann@xn--mgbh0fb.xn--kgbechtv"},
		{"Unicode local part", "Ünal@example.net", "ünal@example.net"},
		{"composed", "e\u0301ve@example.net", "éve@example.net"},
		{"composed after folding", "E\u0301ve@example.net", "éve@example.net"},
		{"Cyrillic", "Иван@example.net", "иван@example.net"},
		{"longest local part", strings.Repeat("a", 64) + "@example.net", strings.Repeat("a", 64) + "@example.net"},
		{"longest address", "a@" + long + "." + long + "." + long + "." + strings.Repeat("b", 60), "a@" + long + "." + long + "." + long + "." + strings.Repeat("b", 60)},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(tc.in, Rules{})
			if err != nil {
				t.Fatalf("Parse(%q): %v", tc.in, err)
			}
			if want := (Recipient{Kind: Email, Value: tc.want}); got != want {
				t.Errorf("Parse(%q) = %q %q, want %q", tc.in, got.Value, got.Country, tc.want)
			}
		})
	}
}

func TestEmail_what_is_no_plain_address_is_refused(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 63)
	for _, tc := range []struct{ name, in string }{
		{"no local part", "@example.org"},
		{"no domain", "ann@"},
		{"at alone", "@"},
		{"two ats", "ann@lee@example.net"},
		{"one label", "ann@localhost"},
		{"display name", "Ann <ann@example.net>"},
		{"brackets", "<ann@example.net>"},
		{"quoted", `"ann lee"@example.net`},
		{"comment", "ann(lee)@example.net"},
		{"list", "ann@example.net,bob@example.net"},
		{"mailto", "mailto:ann@example.net"},
		{"address literal", "ann@[192.0.2.1]"},
		{"IPv4", "ann@192.0.2.1"},
		{"numeric last label", "ann@example.42"},
		{"leading dot", ".ann@example.net"},
		{"trailing dot", "ann.@example.net"},
		{"double dot", "an..n@example.net"},
		{"root dot", "ann@example.net."},
		{"empty label", "ann@example..net"},
		{"leading dot of domain", "ann@.example.net"},
		{"hyphen first", "ann@-example.net"},
		{"hyphen last", "ann@example-.net"},
		{"underscore in domain", "ann@exa_mple.net"},
		{"space inside", "an n@example.net"},
		{"space in domain", "ann@exam ple.net"},
		{"newline at the end", "ann@example.net\n"},
		{"header injection", "ann@example.net\r\nBcc: bob@example.net"},
		{"newline in local part", "ann\n@example.net"},
		{"tab", "ann@example.net\t"},
		{"NUL", "ann\x00@example.net"},
		{"DEL", "ann\x7f@example.net"},
		{"C1 control", "ann\u0085@example.net"},
		{"bidi override in local part", "ann\u202egro@example.net"},
		{"bidi mark in domain", "ann@exam\u200eple.net"},
		{"zero width space in domain", "ann@exam\u200bple.net"},
		{"soft hyphen in domain", "ann@exam\u00adple.net"},
		{"not UTF-8", "ann\xff@example.net"},
		{"not UTF-8 in domain", "ann@ex\xffample.net"},
		{"digits before right-to-left letters", "ann@0\u2137.example"},
		{"broken A-label", "ann@xn--zzzzzzzzzzzz.example"},
		{"Kelvin sign folds to k", "\u212aevin@example.net"},
		{"dotted I folds to i", "adm\u0130n@example.net"},
		{"full-width letter folds to ASCII", "ａnn@example.net"},
		{"ligature folds to ASCII", "ﬁona@example.net"},
		{"emoji", "🙂@example.net"},
		{"local part of 65", strings.Repeat("a", 65) + "@example.org"},
		{"label of 64", "ann@" + long + "a.net"},
		{"address of 255", "aa@" + long + "." + long + "." + long + "." + strings.Repeat("b", 60)},
		{"address of over 254 in A-labels", strings.Repeat("a", 60) + "@" + strings.Repeat("ü.", 24) + "net"},
		{"domain of over 253 in A-labels", "a@" + strings.Repeat("ü.", 60) + "net"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(tc.in, Rules{})
			if err == nil {
				t.Fatalf("Parse(%q) = %q, want a refusal", tc.in, got.Value)
			}
			checkFault(t, err, "email_invalid", tc.in)
		})
	}
}
