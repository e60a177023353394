package mta

import (
	"regexp"
	"slices"
	"strings"

	"github.com/countersign/countersign/internal/fault"
)

// Settings of an account, by their names in tenant.Service.Vendor of its default service.
const (
	setStrict    = "mta.strict"    // what is no number is 400 (MTA-A3)
	setReplay    = "mta.replay"    // the check that approved may be repeated (MTA-20)
	setCountries = "mta.countries" // the only ones that are sent to (MTA-52)
	setPolicy    = "mta.policy."   // with a soft risk behind it (MTA-24)
)

// What an account does about a soft risk.
const (
	allow = "allow" // sends, and does not tell it
	flag  = "flag"  // sends, and tells it; gated holds it back
	block = "block" // sends nothing, unless bypass
)

// policies are what is done about the soft risks where an account says nothing else.
var policies = map[string]string{riskLandline: block, riskDeactivated: block, riskVoIP: flag, unknown: flag}

// countryList is the form of setCountries: ISO 3166 alpha-2, parted by commas.
var countryList = regexp.MustCompile(`^[A-Z]{2}(,[A-Z]{2})*$`)

// CheckSetting reports a setting that this door does not know, or a value that it can't have. Both are Invalid. Empty is the
// default of every setting.
func CheckSetting(name, value string) error {
	wrong := func(message string) error { return fault.New(fault.Invalid, "vendor_invalid", message).On("vendor") }
	risk, policy := strings.CutPrefix(name, setPolicy)
	_, soft := policies[risk]
	known := name == setStrict || name == setReplay || name == setCountries || policy && soft
	switch {
	case !known:
		return wrong("There is no such setting. The page of the door lists them.")
	case value == "":
	case name == setStrict || name == setReplay:
		if value != "true" && value != "false" {
			return wrong(name + " is true or false.")
		}
	case name == setCountries:
		if !countryList.MatchString(value) {
			return wrong(name + " is a list of countries such as CA,US.")
		}
	case !slices.Contains([]string{allow, flag, block}, value):
		return wrong(name + " is allow, flag or block.")
	}
	return nil
}

// strict reports whether what is no number is refused rather than told.
func (a account) strict() bool { return a.profile.Vendor[setStrict] == "true" }

// replays reports whether a check that approved may be repeated.
func (a account) replays() bool { return a.profile.Vendor[setReplay] == "true" }

// sendsTo reports whether the account sends to a country. Without a list of its own it does to all that have a route.
func (a account) sendsTo(country string) bool {
	list := a.profile.Vendor[setCountries]
	return list == "" || slices.Contains(strings.Split(list, ","), country)
}

// policy is what the account does about a risk. A hard one is not for it to decide: that is flagged, and blocked elsewhere.
func (a account) policy(risk string) string {
	does, soft := policies[risk]
	switch own := a.profile.Vendor[setPolicy+risk]; {
	case !soft:
		return flag
	case own != "":
		return own
	}
	return does
}
