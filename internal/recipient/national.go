package recipient

import (
	"strings"

	"github.com/nyaruka/phonenumbers/v2"
)

// ParseIn is [Parse] for a form with a picker of countries: a number without its country code is one of country (ISO 3166 alpha-2,
// in capitals), in the way that people there write it. A number that names its country is read as it is, whatever country says.
func ParseIn(s, country string, r Rules) (Recipient, error) {
	who, err := Parse(s, r)
	if err == nil || country == "" || len(s) > maxInput || strings.ContainsAny(s, "@+") {
		return who, err
	}
	n, wrong := phonenumbers.Parse(s, country)
	if wrong != nil {
		return who, err
	}
	return Parse(phonenumbers.Format(n, phonenumbers.E164), r)
}

// IsCountry reports whether there are numbers of a country: ISO 3166 alpha-2, in capitals, with a numbering plan of its own.
func IsCountry(country string) bool { return phonenumbers.GetSupportedRegions()[country] }
