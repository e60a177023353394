package recipient

import (
	"strconv"
	"sync"

	"github.com/nyaruka/phonenumbers/v2"
	"github.com/nyaruka/phonenumbers/v2/metadata"
)

// nonGeographic is the region that the metadata gives to calling codes of no country: satellite networks,
// international toll-free, shared-cost and premium numbers (UN M.49: World).
const nonGeographic = "001"

// number is a valid phone number: what either way of reading one gives.
type number struct {
	e164   string
	region string // ISO 3166 alpha-2 or nonGeographic
	line   LineType
}

// plan is the numbering plan of one calling code, compiled from the library's metadata.
//
// It says yes only where the library would say yes with the same answer: what it doesn't accept goes to the library,
// which alone refuses. So a fault here costs time, and only a wrong yes would cost more: FuzzParse and
// TestLookup_agrees_with_the_library compare the two.
type plan struct {
	regions []regionPlan // in the library's order, the main one first; empty when the plan is left to the library

	// What the library may strip from the national number of the main region: the prefix of domestic calls.
	prefix     *automaton // nil when there is none
	transforms bool       // it may also rewrite what it finds
	general    *automaton // the main region's numbers, by which it decides whether stripping helps
}

// regionPlan is one country of a calling code.
type regionPlan struct {
	id      string
	leading *automaton // beginnings that belong to this region alone; nil: whatever is valid there
	general pattern
	special []typedPattern // in the order in which the library asks
	fixed   pattern
	mobile  pattern
}

type pattern struct {
	digits  *automaton // nil matches nothing
	lengths uint32     // bit n set: n digits are possible; 0: any
}

type typedPattern struct {
	line LineType
	pattern
}

// plans is the one table of the process: pure derivations of the metadata that is compiled in, each made when its
// calling code is first met (about a millisecond, +1 some ten) and read-only from then on.
var plans [1000]struct {
	once sync.Once
	plan *plan
}

// planOf gives the plan of a calling code that exists.
func planOf(code int) *plan {
	entry := &plans[code]
	entry.once.Do(func() {
		p, err := compilePlan(metadata.CountryCodeToRegion()[code])
		if err != nil {
			p = &plan{} // a pattern beyond the automaton: the library reads this code's numbers
		}
		entry.plan = p
	})
	return entry.plan
}

// splitCallingCode divides the digits of an international number. The code is "" when none fits.
// Calling codes are prefix-free (ITU-T E.164 §6): the first that exists is the one.
func splitCallingCode(digits string) (code, national string) {
	if digits == "" || digits[0] == '0' {
		return "", ""
	}
	value := 0
	for i := 0; i < len(digits) && i < 3 && '0' <= digits[i] && digits[i] <= '9'; i++ {
		value = value*10 + int(digits[i]-'0')
		if _, ok := metadata.CountryCodeToRegion()[value]; ok {
			return digits[:i+1], digits[i+1:]
		}
	}
	return "", ""
}

// lookupFast reads a number of the form +digits by the compiled plans. False means that the library must be asked.
func lookupFast(e164 string) (number, bool) {
	code, national := splitCallingCode(e164[1:])
	if code == "" || national == "" {
		return number{}, false
	}
	value, _ := strconv.Atoi(code)
	p := planOf(value)
	if len(p.regions) == 0 || p.mayStrip(national) {
		return number{}, false
	}
	for i := range p.regions {
		r := &p.regions[i]
		line, ok := r.lineType(national)
		if len(p.regions) > 1 && r.leading != nil {
			if !r.leading.matchStart(national) {
				continue
			}
		} else if !ok {
			continue
		}
		return number{e164: e164, region: r.id, line: line}, ok
	}
	return number{}, false
}

// mayStrip reports whether the library might take digits off the national number as a domestic prefix. It strips by
// the first alternative that matches; to be certain, every length that any alternative matches is considered.
func (p *plan) mayStrip(national string) bool {
	if p.prefix == nil {
		return false
	}
	viable := p.general.match(national)
	for end := range p.prefix.ends(national) {
		if end > 0 && (p.transforms || !viable || p.general.match(national[end:])) {
			return true
		}
	}
	return false
}

// lineType classifies a national number in the library's order. False means that it is no number of this region.
func (r *regionPlan) lineType(national string) (LineType, bool) {
	if !r.general.match(national) {
		return "", false
	}
	for i := range r.special {
		if r.special[i].match(national) {
			return r.special[i].line, true
		}
	}
	switch fixed, mobile := r.fixed.match(national), r.mobile.match(national); {
	case fixed && mobile:
		return FixedOrMobile, true
	case fixed:
		return Landline, true
	case mobile:
		return Mobile, true
	}
	return "", false
}

func (p pattern) match(national string) bool {
	return p.digits != nil && (p.lengths == 0 || p.lengths>>len(national)&1 == 1) && p.digits.match(national)
}

// compilePlan builds the plan of the regions that share a calling code. That of the non-geographic codes is empty:
// nothing there is accepted, so speed has no use.
func compilePlan(regions []string) (*plan, error) {
	p := &plan{}
	for i, id := range regions {
		m, ok := metadata.RegionMetadata(id)
		if !ok {
			return &plan{}, nil
		}
		if i == 0 {
			if err := p.compilePrefix(m); err != nil {
				return nil, err
			}
		}
		r, err := compileRegion(m)
		if err != nil {
			return nil, err
		}
		p.regions = append(p.regions, r)
	}
	return p, nil
}

func (p *plan) compilePrefix(m *phonenumbers.PhoneMetadata) (err error) {
	if p.general, err = compileAutomaton(m.GetGeneralDesc().GetNationalNumberPattern()); err != nil {
		return err
	}
	if prefix := m.GetNationalPrefixForParsing(); prefix != "" {
		p.prefix, err = compileAutomaton(prefix)
	}
	p.transforms = m.GetNationalPrefixTransformRule() != ""
	return err
}

func compileRegion(m *phonenumbers.PhoneMetadata) (regionPlan, error) {
	r := regionPlan{id: m.GetId()}
	var firstErr error
	compile := func(d *phonenumbers.PhoneNumberDesc) pattern {
		p, err := compilePattern(d)
		if err != nil && firstErr == nil {
			firstErr = err
		}
		return p
	}
	if lead := m.GetLeadingDigits(); lead != "" {
		r.leading, firstErr = compileAutomaton(lead)
	}
	r.general, r.fixed, r.mobile = compile(m.GetGeneralDesc()), compile(m.GetFixedLine()), compile(m.GetMobile())
	for _, t := range []struct {
		line LineType
		desc *phonenumbers.PhoneNumberDesc
	}{
		{Premium, m.GetPremiumRate()}, {TollFree, m.GetTollFree()}, {SharedCost, m.GetSharedCost()}, {VoIP, m.GetVoip()},
		{Personal, m.GetPersonalNumber()}, {Pager, m.GetPager()}, {UAN, m.GetUan()}, {Voicemail, m.GetVoicemail()},
	} {
		if p := compile(t.desc); p.digits != nil {
			r.special = append(r.special, typedPattern{t.line, p})
		}
	}
	return r, firstErr
}

func compilePattern(d *phonenumbers.PhoneNumberDesc) (pattern, error) {
	if d.GetNationalNumberPattern() == "" {
		return pattern{}, nil
	}
	var lengths uint32
	for _, n := range d.GetPossibleLength() {
		if n < 0 { // the metadata's way of saying that the country has no such numbers
			return pattern{}, nil
		}
		lengths |= 1 << n
	}
	a, err := compileAutomaton(d.GetNationalNumberPattern())
	return pattern{digits: a, lengths: lengths}, err
}

// lookupLibrary reads a number of the form +digits by the library. False means that there is no such number.
func lookupLibrary(candidate string) (number, bool) {
	n, err := phonenumbers.Parse(candidate, "")
	if err != nil || !phonenumbers.IsValidNumber(n) {
		return number{}, false
	}
	return number{
		e164:   phonenumbers.Format(n, phonenumbers.E164),
		region: phonenumbers.GetRegionCodeForNumber(n),
		line:   lineTypeOf(phonenumbers.GetNumberType(n)),
	}, true
}

// rewrite gives the library's form of +digits, without the domestic prefix that people leave behind the country code,
// whether or not there is such a number; "" when it can't be one.
func rewrite(candidate string) string {
	n, err := phonenumbers.Parse(candidate, "")
	if err != nil {
		return ""
	}
	return phonenumbers.Format(n, phonenumbers.E164)
}

func lineTypeOf(t phonenumbers.PhoneNumberType) LineType {
	switch t {
	case phonenumbers.MOBILE:
		return Mobile
	case phonenumbers.FIXED_LINE:
		return Landline
	case phonenumbers.FIXED_LINE_OR_MOBILE:
		return FixedOrMobile
	case phonenumbers.VOIP:
		return VoIP
	case phonenumbers.TOLL_FREE:
		return TollFree
	case phonenumbers.PREMIUM_RATE:
		return Premium
	case phonenumbers.SHARED_COST:
		return SharedCost
	case phonenumbers.PAGER:
		return Pager
	case phonenumbers.UAN:
		return UAN
	case phonenumbers.PERSONAL_NUMBER:
		return Personal
	case phonenumbers.VOICEMAIL:
		return Voicemail
	}
	return Unknown
}
