package delivery

import (
	"fmt"
	"regexp"
	"slices"

	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
)

// Channels are all channels, in the order the documents list them.
var Channels = []Channel{SMS, Voice, WhatsApp, Email}

// Rule is one route of the configuration. The first rule that matches decides; Use is the order of failover.
type Rule struct {
	Match  Match    `yaml:"match" json:"match"`
	Use    []string `yaml:"use" json:"use"`       // names of providers
	Sender string   `yaml:"sender" json:"sender"` // number or name shown as the sender; empty: the provider's own
}

// Match says which messages a rule is for. Channel is required; an empty list or tenant matches all.
type Match struct {
	Channel Channel  `yaml:"channel" json:"channel"`
	Country []string `yaml:"country" json:"country"` // ISO 3166 alpha-2 of the recipient; none for e-mail
	Tenant  string   `yaml:"tenant" json:"tenant"`   // "ten_..."
}

// covers reports whether every message of a country (empty: any) that o is for is m's as well.
func (m Match) covers(o Match, country string) bool {
	return m.Channel == o.Channel && (m.Tenant == "" || m.Tenant == o.Tenant) &&
		(len(m.Country) == 0 || country != "" && slices.Contains(m.Country, country))
}

// Offer is what is known of a provider before it is built.
type Offer struct {
	Name     string
	Channels []Channel
}

// RoutesFor is the routing of a configuration that has providers and no routes: each channel goes to the providers
// that can carry it, in their order.
func RoutesFor(offers []Offer) []Rule {
	var rules []Rule
	for _, ch := range Channels {
		r := Rule{Match: Match{Channel: ch}}
		for _, o := range offers {
			if slices.Contains(o.Channels, ch) {
				r.Use = append(r.Use, o.Name)
			}
		}
		if r.Use != nil {
			rules = append(rules, r)
		}
	}
	return rules
}

var countryForm = regexp.MustCompile(`^[A-Z]{2}$`)

// CheckRoutes lists every fault of the rules given the providers there are: an unknown channel, country, tenant or
// provider, a provider that can't carry the rule's channel, a rule that no message reaches. Empty: none.
func CheckRoutes(rules []Rule, offers []Offer) []string {
	var faults []string
	for i, r := range rules {
		say := func(format string, args ...any) {
			faults = append(faults, fmt.Sprintf("routes[%d]: ", i)+fmt.Sprintf(format, args...))
		}
		before := len(faults)
		r.Match.check(say)
		r.checkUse(offers, say)
		if len(faults) == before && unreachable(rules[:i], r.Match) {
			say("no message comes this far: the routes above take all of them. Move it up or remove it.")
		}
	}
	for i, o := range offers {
		if slices.ContainsFunc(offers[:i], func(p Offer) bool { return p.Name == o.Name }) {
			faults = append(faults, fmt.Sprintf("providers: the name %q is given twice", o.Name))
		}
	}
	return faults
}

func (m Match) check(say func(string, ...any)) {
	if !slices.Contains(Channels, m.Channel) {
		say("match.channel must be one of %v", Channels)
	}
	if m.Channel == Email && len(m.Country) > 0 {
		say("match.country can't be used with the channel email: an address has no country")
	}
	for _, c := range m.Country {
		if !countryForm.MatchString(c) {
			say("match.country: %q is not two capital letters of ISO 3166", c)
		}
	}
	if m.Tenant != "" {
		if _, err := uid.ParseTenant(m.Tenant); err != nil {
			say("match.tenant: %q is not the id of a tenant (ten_...)", m.Tenant)
		}
	}
}

func (r Rule) checkUse(offers []Offer, say func(string, ...any)) {
	if len(r.Use) == 0 {
		say("use names no provider")
	}
	for j, name := range r.Use {
		at := slices.IndexFunc(offers, func(o Offer) bool { return o.Name == name })
		switch {
		case at < 0:
			say("use: there is no provider %q", name)
		case !slices.Contains(offers[at].Channels, r.Match.Channel):
			say("use: the provider %q does not carry %s", name, r.Match.Channel)
		case slices.Contains(r.Use[:j], name):
			say("use: the provider %q is named twice", name)
		}
	}
}

// unreachable reports whether the rules above leave m nothing. A list of countries may be covered by several of them.
func unreachable(above []Rule, m Match) bool {
	countries := m.Country
	if len(countries) == 0 {
		countries = []string{""}
	}
	for _, c := range countries {
		if !slices.ContainsFunc(above, func(r Rule) bool { return r.Match.covers(m, c) }) {
			return false
		}
	}
	return true
}

// route is a rule with its providers found.
type route struct {
	Match
	tenant uid.Tenant // zero: all
	use    []*account
	sender string
}

// matches reports whether the route is for a message. The zero tenant asks for any tenant's.
func (r *route) matches(ch Channel, to recipient.Recipient, t uid.Tenant) bool {
	return r.Channel == ch && (r.tenant.IsZero() || t.IsZero() || r.tenant == t) &&
		(len(r.Country) == 0 || slices.Contains(r.Country, to.Country))
}

// find gives the first route that matches, or nil.
func find(routes []route, ch Channel, to recipient.Recipient, t uid.Tenant) *route {
	for i := range routes {
		if routes[i].matches(ch, to, t) {
			return &routes[i]
		}
	}
	return nil
}
