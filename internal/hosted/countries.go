package hosted

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"slices"
	"strings"

	"golang.org/x/text/language"
)

// Country is one of the list that a number is chosen from.
type Country struct {
	Region        string // two letters, ISO 3166
	Name          string // in the language of the page
	Code          string // calling code without +, as "44"; several countries share one
	National      string // a mobile number as people there write it, to show and to group by: "07400 123456"
	International string // the same behind the code: "7400 123456"
}

// Label is the country as the list shows it. The code keeps its direction between letters of any script.
func (c Country) Label() string { return c.Name + " (\u2066+" + c.Code + "\u2069)" }

// Abroad is International where it isn't National without a leading 0, as it is in most countries.
func (c Country) Abroad() string {
	if rest, ok := strings.CutPrefix(c.National, "0"); c.International == c.National || ok && strings.TrimSpace(rest) == c.International {
		return ""
	}
	return c.International
}

// atlas is countries.json, which TestCountries makes: numbers from the numbering plans, names in CLDR's words, in the
// order of each language.
type atlas struct {
	Regions map[string]struct {
		Code          string `json:"code"`
		National      string `json:"national"`
		International string `json:"international"`
	} `json:"regions"`
	Names map[string][][2]string `json:"names"` // by locale: region and name
}

func loadAtlas(fsys fs.FS) (*atlas, error) {
	raw, err := fs.ReadFile(fsys, "countries.json")
	if err != nil {
		return nil, err
	}
	var a atlas
	if err := json.Unmarshal(raw, &a); err != nil {
		return nil, fmt.Errorf("countries.json: %w", err)
	}
	return &a, nil
}

// Countries are those that allowed names, all when it names none, as a locale calls and orders them.
func (p *Pages) Countries(locale string, allowed ...string) []Country {
	names, ok := p.countries.Names[locale]
	if !ok {
		names = p.countries.Names[Locales[0]]
	}
	var all []Country
	for _, n := range names {
		if len(allowed) > 0 && !slices.Contains(allowed, n[0]) {
			continue
		}
		r := p.countries.Regions[n[0]]
		all = append(all, Country{Region: n[0], Name: n[1], Code: r.Code, National: r.National, International: r.International})
	}
	return all
}

// CountryFor guesses the customer's country among countries, which holds one at least: that of the invitation's own locale ("de-AT"), else
// the firm's, else the first that a browser's Accept-Language names, else where the first language is mostly spoken, else the first of the
// list (RA-31).
func CountryFor(locale, firms, acceptLanguage string, countries []Country) string {
	listed := func(region string) bool {
		return slices.ContainsFunc(countries, func(c Country) bool { return c.Region == region })
	}
	own, err := language.Parse(locale)
	if region, sure := own.Region(); err == nil && sure == language.Exact && listed(region.String()) {
		return region.String()
	}
	if listed(firms) {
		return firms
	}
	tags, _, _ := language.ParseAcceptLanguage(acceptLanguage) // what can't be read gives no hint
	for _, tag := range tags {
		if region, sure := tag.Region(); sure == language.Exact && listed(region.String()) {
			return region.String()
		}
	}
	for _, tag := range tags {
		if region, _ := tag.Region(); listed(region.String()) {
			return region.String()
		}
	}
	return countries[0].Region
}
