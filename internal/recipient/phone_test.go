package recipient

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/fault"
)

// checkFault asks for a fault of Kind Invalid with the given code whose text holds nothing of the input.
func checkFault(t *testing.T, err error, code, input string) {
	t.Helper()
	f := fault.As(err)
	if f.Kind != fault.Invalid || f.Code != code {
		t.Fatalf("Parse(%q): fault %v %s, want Invalid %s", input, f.Kind, f.Code, code)
	}
	if len(input) > 3 && strings.Contains(f.Message+f.Error(), strings.TrimSpace(input)) {
		t.Errorf("Parse(%q): the message repeats the input: %s", input, f.Message)
	}
}

func TestSEC_23_every_spelling_of_a_number_has_one_normal_form(t *testing.T) {
	t.Parallel()
	us := Recipient{Kind: Phone, Value: "+12025550123", Country: "US", LineType: FixedOrMobile}
	gb := Recipient{Kind: Phone, Value: "+442079460958", Country: "GB", LineType: Landline}
	for _, tc := range []struct {
		name, in string
		want     Recipient
	}{
		{"E.164", "+12025550123", us},
		{"brackets and dash", "+1 (202) 555-0123", us},
		{"dots", "+1.202.555.0123", us},
		{"slash", "+1 202/555 0123", us},
		{"country code in brackets", "(+1) 202 555 0123", us},
		{"tel URI", "tel:+1-202-555-0123", us},
		{"tel URI in capitals", " TEL:+12025550123", us},
		{"full width", "＋１（２０２）５５５－０１２３", us},
		{"Arabic digits", "+١٢٠٢٥٥٥٠١٢٣", us},
		{"Persian digits", "+۱۲۰۲۵۵۵۰۱۲۳", us},
		{"Devanagari digits", "+१२०२५५५०१२३", us},
		{"address book marks", "\u202a+1 202 555 0123\u202c", us},
		{"no-break spaces", "+1\u00a0202\u202f555\u20110123", us},
		{"byte order mark", "\ufeff+12025550123", us},
		{"00", "0044 20 7946 0958", gb},
		{"national zero in brackets", "+44 (0)20 7946 0958", gb},
		{"national zero", "+4402079460958", gb},
		{"Italian zero stays", "+39 02 3661 8300", Recipient{Kind: Phone, Value: "+390236618300", Country: "IT", LineType: Landline}},
		{"Canada", "+15062345678", Recipient{Kind: Phone, Value: "+15062345678", Country: "CA", LineType: FixedOrMobile}},
		{"Kazakhstan", "+77710009998", Recipient{Kind: Phone, Value: "+77710009998", Country: "KZ", LineType: Mobile}},
		{"VoIP is for policy to judge", "+445612345678", Recipient{Kind: Phone, Value: "+445612345678", Country: "GB", LineType: VoIP}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(tc.in, Rules{})
			if err != nil {
				t.Fatalf("Parse(%q): %v", tc.in, err)
			}
			if got != tc.want {
				t.Errorf("Parse(%q):\n got %s %s %s %s\nwant %s %s %s %s", tc.in, got.Kind, got.Value, got.Country, got.LineType,
					tc.want.Kind, tc.want.Value, tc.want.Country, tc.want.LineType)
			}
		})
	}
}

func TestSEC_23_what_is_no_number_is_refused_by_code(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, in, code string }{
		{"empty", "", "recipient_invalid"},
		{"spaces", "   ", "recipient_invalid"},
		{"words", "call me", "recipient_invalid"},
		{"plus alone", "+", "recipient_invalid"},
		{"two pluses", "++12025550123", "recipient_invalid"},
		{"inner plus", "1+2025550123", "recipient_invalid"},
		{"two numbers", "+12025550123 +12025550124", "recipient_invalid"},
		{"newline", "+12025550177\n", "recipient_invalid"},
		{"header injection", "+12025550123\r\nBcc: x", "recipient_invalid"},
		{"NUL", "+1202555\x000123", "recipient_invalid"},
		{"not UTF-8", "+1202555\xff0123", "recipient_invalid"},
		{"over long", "+1202555012" + strings.Repeat(" ", maxInput) + "3", "recipient_invalid"},
		{"extension x", "+1 202 555 0123 x12", "recipient_invalid"},
		{"extension ext", "+1 202 555 0123 ext. 12", "recipient_invalid"},
		{"extension RFC 3966", "tel:+12025550123;ext=12", "recipient_invalid"},
		{"extension pause", "+12025550123,,12", "recipient_invalid"},
		{"service code", "+1202555#31", "recipient_invalid"},
		{"vanity letters", "+1 202 FLOWERS", "recipient_invalid"},
		{"phone context", "tel:5550123;phone-context=+1202", "recipient_invalid"},
		{"no country code", "202 555 0123", "recipient_country_code_missing"},
		{"no country code, national zero", "020 7946 0958", "recipient_country_code_missing"},
		{"no country code, American prefix abroad", "011 44 20 7946 0958", "recipient_country_code_missing"},
		{"unknown country code", "+999 1234567", "recipient_not_possible"},
		{"plus and zeros", "+0044 20 7946 0958", "recipient_not_possible"},
		{"too short", "+1 202 555", "recipient_not_possible"},
		{"too long", "+1 202 555 01234", "recipient_not_possible"},
		{"longer than E.164", "+4917139200123456", "recipient_not_possible"},
		{"area that does not exist", "+1 199 555 0123", "recipient_not_possible"},
		{"country code alone", "+44", "recipient_not_possible"},
		{"short code", "40404", "recipient_line_type"},
		{"emergency", "112", "recipient_line_type"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := Parse(tc.in, Rules{})
			checkFault(t, err, tc.code, tc.in)
		})
	}
}

func TestSEC_26_ranges_that_cost_or_reach_no_line_are_always_refused(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, in string }{
		{"toll-free", "+18002345678"},
		{"toll-free in Britain", "+448001234567"},
		{"premium", "+19002345678"},
		{"premium in Britain", "+449012345678"},
		{"shared cost", "+448431234567"},
		{"pager", "+447640123456"},
		{"personal", "+447012345678"},
		{"personal in America", "+15005550006"},
		{"company-wide", "+445512345678"},
		{"voicemail", "+49177991234567"},
		{"satellite, Inmarsat", "+870773111632"},
		{"satellite, GMSS", "+881612345678"},
		{"international networks", "+883510012345"},
		{"international toll-free", "+80012345678"},
		{"international shared cost", "+80812345678"},
		{"international premium", "+979123456789"},
		{"universal personal", "+878101234567890"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, rules := range []Rules{{}, {Fiction: true}} {
				_, err := Parse(tc.in, rules)
				checkFault(t, err, "recipient_line_type", tc.in)
			}
		})
	}
}

func TestSEC_26_no_example_number_of_a_refused_type_gets_through(t *testing.T) {
	t.Parallel()
	allowed := []LineType{Mobile, Landline, FixedOrMobile, VoIP}
	accepted := 0
	for _, in := range examples(t) {
		got, err := Parse(in, Rules{})
		if err != nil {
			continue
		}
		accepted++
		if !slices.Contains(allowed, got.LineType) || len(got.Country) != 2 {
			t.Errorf("%s accepted as %s in %q", in, got.LineType, got.Country)
		}
	}
	if accepted < 500 {
		t.Errorf("%d example numbers accepted, want most of the mobile and landline ones", accepted)
	}
}

func TestFiction_numbers_are_valid_in_development_alone(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in      string
		country string
		line    LineType
	}{
		{"+447700900123", "GB", Mobile},
		{"+441632960123", "GB", Landline},
		{"+353209101234", "IE", Landline},
		{"+33639981234", "FR", Mobile},
		{"+14725550123", "US", FixedOrMobile},
	} {
		t.Run(tc.in, func(t *testing.T) {
			t.Parallel()
			got, err := Parse(tc.in, Rules{Fiction: true})
			want := Recipient{Kind: Phone, Value: tc.in, Country: tc.country, LineType: tc.line}
			if err != nil || got != want {
				t.Errorf("in development: %s %s, %v; want %s %s", got.Country, got.LineType, err, tc.country, tc.line)
			}
			_, err = Parse(tc.in, Rules{})
			checkFault(t, err, "recipient_not_possible", tc.in)
		})
	}
}

func TestFiction_ranges_have_the_line_type_that_they_suggest(t *testing.T) {
	t.Parallel()
	for _, f := range fictions {
		in := "+" + strings.ReplaceAll(f.digits, "x", "7")
		got, err := Parse(in, Rules{Fiction: true})
		switch f.line {
		case Mobile, Landline, FixedOrMobile:
			if err != nil || got.Value != in || got.LineType != f.line || got.Country != f.region {
				t.Errorf("%s: %s %s, %v; want %s %s", in, got.Country, got.LineType, err, f.region, f.line)
			}
		default:
			checkFault(t, err, "recipient_line_type", in)
		}
	}
	human, err := Parse("0044 (0)7700 900 123", Rules{Fiction: true})
	if err != nil || human.Value != "+447700900123" {
		t.Errorf("as people write it: %v", err)
	}
}

func TestFiction_North_American_555_01xx_is_valid_in_every_area(t *testing.T) {
	t.Parallel()
	areas := 0
	for area := 200; area < 1000; area++ {
		ordinary, ok := lookupLibrary(fmt.Sprintf("+1%d2345678", area))
		if !ok || ordinary.line != FixedOrMobile || ordinary.region != "US" && ordinary.region != "CA" {
			continue
		}
		areas++
		if got, err := Parse(fmt.Sprintf("+1%d5550199", area), Rules{Fiction: true}); err != nil || got.Country != ordinary.region {
			t.Errorf("area %d: %s, %v; want %s", area, got.Country, err, ordinary.region)
		}
	}
	if areas < 300 {
		t.Errorf("%d areas tried, want all of the United States and Canada", areas)
	}
}
