package recipient

import (
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"github.com/nyaruka/phonenumbers/v2"
	"github.com/nyaruka/phonenumbers/v2/metadata"
)

// examples gives the library's example number of each type of each region and of each non-geographic code, in E.164.
func examples(t testing.TB) []string {
	t.Helper()
	var all []string
	add := func(n *phonenumbers.PhoneNumber) {
		if n != nil {
			all = append(all, phonenumbers.Format(n, phonenumbers.E164))
		}
	}
	for region := range phonenumbers.GetSupportedRegions() {
		for kind := phonenumbers.FIXED_LINE; kind <= phonenumbers.VOICEMAIL; kind++ {
			add(phonenumbers.GetExampleNumberForTypeInRegion(region, kind))
		}
	}
	for code := range phonenumbers.GetSupportedGlobalNetworkCallingCodes() {
		add(phonenumbers.GetExampleNumberForNonGeoEntity(code))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// mutations gives numbers one edit away: a digit changed, taken out or put in at each place, and the national prefix
// that people wrongly write behind a country code.
func mutations(e164 string) []string {
	var all []string
	for i := 1; i < len(e164); i++ {
		for _, d := range []byte("07") {
			all = append(all, e164[:i]+string(d)+e164[i+1:], e164[:i]+string(d)+e164[i:])
		}
		all = append(all, e164[:i]+e164[i+1:])
	}
	code, national := splitCallingCode(e164[1:])
	for _, prefix := range []string{"0", "1", "8", "9", "00", "06", "15"} {
		all = append(all, "+"+code+prefix+national)
	}
	return all
}

// checkAgreement compares one E.164 number's fast reading with the library's.
func checkAgreement(t *testing.T, e164 string) (fast bool) {
	t.Helper()
	got, fast := lookupFast(e164)
	if !fast {
		return false
	}
	if want, ok := lookupLibrary(e164); !ok || got != want {
		t.Errorf("%s: compiled plan says %+v, library says %+v (valid %v)", e164, got, want, ok)
	}
	return true
}

func TestSEC_23_lookup_agrees_with_the_library_on_every_example_and_its_mutations(t *testing.T) {
	t.Parallel()
	numbers := examples(t)
	if len(numbers) < 500 {
		t.Fatalf("%d example numbers, want the 500 of SEC-23", len(numbers))
	}
	compared, fast := 0, 0
	for _, number := range numbers {
		for _, n := range append(mutations(number), number) {
			if !isE164(n) {
				continue
			}
			compared++
			if checkAgreement(t, n) {
				fast++
			}
		}
	}
	t.Logf("%d examples, %d numbers compared, %d read by compiled plans", len(numbers), compared, fast)
}

// walk gives a random string of n digits that the automaton may accept, or "".
func (a *automaton) walk(rng *rand.Rand, n int) string {
	var digits []byte
	at := uint16(1)
	for range n {
		first := rng.IntN(10)
		for i := range 10 {
			d := (first + i) % 10
			if next := a.states[at].next[d]; next != 0 {
				digits, at = append(digits, byte('0'+d)), next
				break
			}
		}
	}
	if len(digits) < n {
		return ""
	}
	return string(digits)
}

// patterns gives every automaton of a plan that describes national numbers.
func (p *plan) patterns() []*automaton {
	var all []*automaton
	for _, r := range p.regions {
		for _, q := range []pattern{r.general, r.fixed, r.mobile} {
			all = append(all, q.digits)
		}
		for _, q := range r.special {
			all = append(all, q.digits)
		}
	}
	return slices.DeleteFunc(all, func(a *automaton) bool { return a == nil })
}

func TestSEC_23_lookup_agrees_with_the_library_on_random_numbers_of_every_pattern(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 2))
	compared, fast := 0, 0
	for _, code := range slices.Sorted(maps.Keys(metadata.CountryCodeToRegion())) {
		for _, a := range planOf(code).patterns() {
			for n := 2; n <= maxDigits; n++ {
				for range 2 {
					e164 := "+" + strconv.Itoa(code) + a.walk(rng, n)
					if !isE164(e164) {
						continue
					}
					compared++
					if checkAgreement(t, e164) {
						fast++
					}
				}
			}
		}
	}
	t.Logf("%d compared, %d read by compiled plans", compared, fast)
}

func TestMayStrip_sees_every_prefix_that_the_library_could_take_off(t *testing.T) {
	t.Parallel()
	compile := func(pattern string) *automaton {
		a, err := compileAutomaton(pattern)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	general := compile(`8?[23]\d{3}`)
	for _, tc := range []struct {
		name     string
		plan     plan
		national string
		want     bool
	}{
		{"no prefix in the country", plan{general: general}, "82345", false},
		{"prefix absent", plan{general: general, prefix: compile("8")}, "2345", false},
		{"what remains is a number", plan{general: general, prefix: compile("8")}, "82345", true},
		{"what remains is none", plan{general: general, prefix: compile("8|82")}, "82345", true},
		{"what remains is none, whatever matches", plan{general: general, prefix: compile("82|823")}, "82345", false},
		{"no number as it stands", plan{general: general, prefix: compile("82")}, "829999", true},
		{"the prefix may be empty", plan{general: general, prefix: compile("(?:82)?")}, "82345", false},
		{"the prefix may be rewritten", plan{general: general, prefix: compile("82"), transforms: true}, "82345", true},
	} {
		if got := tc.plan.mayStrip(tc.national); got != tc.want {
			t.Errorf("%s: mayStrip(%s) = %v, want %v", tc.name, tc.national, got, tc.want)
		}
	}
	if n, fast := lookupFast("+3758109897870"); fast { // Belarus, 810: a premium number that starts like a call abroad
		t.Errorf("+3758109897870 is read as %+v; the library strips it to none", n)
	}
	if p := (pattern{digits: compile(`\d{2,5}`), lengths: 1<<3 | 1<<4}); !p.match("123") || p.match("12") || p.match("12345") {
		t.Error("a pattern matches lengths that are not possible")
	}
}

func TestLookupAsIs_takes_normal_forms_alone(t *testing.T) {
	t.Parallel()
	if n, ok := lookupAsIs("+4402079460958", Rules{}); ok {
		t.Errorf("a number with its domestic zero is taken as %+v", n)
	}
}

func TestLookup_reads_nearly_every_valid_number_by_compiled_plans(t *testing.T) {
	t.Parallel()
	var slow []string
	total := 0
	for _, n := range examples(t) {
		want, ok := lookupLibrary(n)
		if !ok || want.region == nonGeographic {
			continue
		}
		total++
		if _, fast := lookupFast(n); !fast {
			slow = append(slow, n+" "+string(want.line))
		}
	}
	if len(slow)*100 > total {
		t.Errorf("%d of %d valid numbers need the library: %v", len(slow), total, slow)
	}
	t.Logf("%d of %d valid examples need the library: %v", len(slow), total, slow)
}

func TestEveryPlan_compiles(t *testing.T) {
	t.Parallel()
	states := 0
	for code, regions := range metadata.CountryCodeToRegion() {
		p, err := compilePlan(regions)
		if err != nil {
			t.Errorf("+%d: %v", code, err)
			continue
		}
		for _, r := range p.regions {
			for _, a := range []*automaton{r.leading, r.general.digits, r.fixed.digits, r.mobile.digits} {
				if a != nil {
					states += len(a.states)
				}
			}
		}
	}
	t.Logf("%d states", states)
}

func TestSplitCallingCode_finds_each_code_and_nothing_else(t *testing.T) {
	t.Parallel()
	for code := range metadata.CountryCodeToRegion() {
		want := strconv.Itoa(code)
		if got, national := splitCallingCode(want + "234567"); got != want || national != "234567" {
			t.Errorf("splitCallingCode(%s234567) = %q, %q", want, got, national)
		}
	}
	for _, s := range []string{"", "0", "044", "999123456", "21", "x1", "2x0"} {
		if got, _ := splitCallingCode(s); got != "" {
			t.Errorf("splitCallingCode(%q) = %q, want none", s, got)
		}
	}
}

func TestAutomaton_agrees_with_regexp(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ pattern, yes, no string }{
		{`2(?:0[1-35-9]|1[02-9])[2-9]\d{6}`, "2025550123", "2045550123"},
		{`1?(?:23|2)4{2,3}`, "23444", "2344444"},
		{`(\d{2})?7`, "7", "17"},
		{`([2-8]\d{2})$|1`, "234", "2345"},
		{`^12|34$`, "12", "312"},
	} {
		a, err := compileAutomaton(tc.pattern)
		if err != nil {
			t.Fatalf("%s: %v", tc.pattern, err)
		}
		if !a.match(tc.yes) || a.match(tc.no) {
			t.Errorf("%s: match(%s) = %v, match(%s) = %v", tc.pattern, tc.yes, a.match(tc.yes), tc.no, a.match(tc.no))
		}
	}
	for _, pattern := range []string{`\b1`, `(`, `[01]*1[01]{12}`} {
		if _, err := compileAutomaton(pattern); err == nil {
			t.Errorf("%s compiles, want a refusal", pattern)
		}
	}
}

func TestAutomaton_ends_yields_every_beginning_that_matches(t *testing.T) {
	t.Parallel()
	a, err := compileAutomaton(`0?(?:15|1525$)?`)
	if err != nil {
		t.Fatal(err)
	}
	for digits, want := range map[string][]int{"01525": {0, 1, 3, 5}, "015259": {0, 1, 3}, "9": {0}, "": {0}} {
		if got := slices.Collect(a.ends(digits)); !slices.Equal(got, want) {
			t.Errorf("ends(%q) = %v, want %v", digits, got, want)
		}
	}
}

func BenchmarkParse(b *testing.B) {
	for _, number := range []string{"+12025550123", "+447911123456", "+491713920012", "+5491123456789", "+8613812345678", "+18768123456"} {
		b.Run(number, func(b *testing.B) {
			for b.Loop() {
				if _, err := Parse(number, Rules{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("all_examples", func(b *testing.B) {
		numbers := examples(b)
		for i := 0; b.Loop(); i++ {
			_, _ = Parse(numbers[i%len(numbers)], Rules{})
		}
	})
	b.Run("library", func(b *testing.B) {
		for b.Loop() {
			lookupLibrary("+12025550123")
		}
	})
	b.Run("compile_plan_of_1", func(b *testing.B) {
		for b.Loop() {
			if _, err := compilePlan(metadata.CountryCodeToRegion()[1]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("email", func(b *testing.B) {
		for b.Loop() {
			if _, err := Parse("some.one@mail.example.net", Rules{}); err != nil {
				b.Fatal(err)
			}
		}
	})
}
