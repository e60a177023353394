package app

import (
	"reflect"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml/ast"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/delivery/relay"
	"github.com/countersign/countersign/internal/delivery/smtp"
	"github.com/countersign/countersign/internal/sandbox"
)

// Provider is one entry of providers: exactly one of its fields is set.
type Provider struct {
	Relay *relay.Config
	SMTP  *smtp.Config
}

// Offer is the provider's name and channels.
func (p Provider) Offer() delivery.Offer {
	switch {
	case p.Relay != nil:
		return delivery.Offer{Name: p.Relay.Name, Channels: p.Relay.Channels}
	case p.SMTP != nil:
		return delivery.Offer{Name: p.SMTP.Name, Channels: []delivery.Channel{delivery.Email}}
	}
	return delivery.Offer{}
}

func (p Provider) faults() []string {
	switch {
	case p.Relay != nil:
		return p.Relay.Validate()
	case p.SMTP != nil:
		return p.SMTP.Validate()
	}
	return nil
}

// providerType is a value of the key type.
type providerType struct {
	name, doc string
	pick      func(p *Provider) any // sets the field and gives a pointer to what it points to
}

func providerTypes() []providerType {
	return []providerType{
		{"relay", "your own sender, reached by signed HTTP", func(p *Provider) any { p.Relay = new(relay.Config); return p.Relay }},
		{"smtp", "a mail server", func(p *Provider) any { p.SMTP = new(smtp.Config); return p.SMTP }},
	}
}

// provider reads one entry of providers by its type.
func (s *source) provider(n ast.Node, v reflect.Value, key string) {
	m, ok := n.(ast.MapNode)
	if !ok {
		s.sayAt(startOf(n), key, "must be a table of keys.", "")
		return
	}
	for it := m.MapRange(); it.Next(); {
		if keyText(it.Key()) != "type" {
			continue
		}
		name, _ := scalarText(plain(it.Value()))
		for _, t := range providerTypes() {
			if t.name == name {
				target := t.pick(v.Addr().Interface().(*Provider))
				s.table(n, reflect.ValueOf(target).Elem(), key, "type")
				return
			}
		}
		s.sayAt(startOf(it.Value()), key+".type", "is not a type of provider.", "Types are: "+strings.Join(typeNames(), ", ")+".")
		return
	}
	s.sayAt(startOf(n), key, "has no type.", "Add type: with one of: "+strings.Join(typeNames(), ", ")+".")
}

func typeNames() []string {
	var names []string
	for _, t := range providerTypes() {
		names = append(names, t.name)
	}
	return names
}

// nameForm is what can stand in the address of callbacks and in a metric.
var nameForm = regexp.MustCompile(`^[a-z0-9][a-z0-9_-]{0,31}$`)

// checkProviders finds what is wrong with providers and routes.
func (s *source) checkProviders(c Config) {
	var offers []delivery.Offer
	for i, p := range c.AllProviders() {
		key := itemKey("providers", i)
		if i == len(c.Providers) {
			key = "smtp"
		}
		offer := p.Offer()
		if p == (Provider{}) {
			continue // told already
		}
		if offer.Name != "" && (!nameForm.MatchString(offer.Name) || offer.Name == sinkName || offer.Name == sandbox.Provider) {
			s.say(key+".name", "can't be used.", "Choose up to 32 of a-z, 0-9, _ and -, and neither "+sinkName+" nor "+sandbox.Provider+".")
		}
		if slices.ContainsFunc(offers, func(o delivery.Offer) bool { return o.Name != "" && o.Name == offer.Name }) {
			s.say(key+".name", "is that of another provider.", "Give each a name of its own.")
		}
		for _, text := range p.faults() {
			s.sayText(key, text)
		}
		offers = append(offers, offer)
	}
	for _, text := range delivery.CheckRoutes(c.Routes, offers) {
		if !strings.HasPrefix(text, "providers:") { // names given twice were told above, with their place
			s.sayText("", text)
		}
	}
}

var faultForm = regexp.MustCompile(`^(?:(routes\[\d+\]): )?(([a-z_.]+)(: | must | can't | names )?.*)$`)

// sayText adds a fault of delivery, which begins with the key that it is about: "url: must be ...",
// "routes[1]: use names no provider". Where it doesn't, it is about the whole table.
func (s *source) sayText(table, text string) {
	parts := faultForm.FindStringSubmatch(text)
	if parts == nil {
		s.say(table, sentence(text), "")
		return
	}
	table += parts[1]
	what, key, link := parts[2], parts[3], parts[4]
	if !s.knows(table, key) {
		s.say(table, sentence(what), "")
		return
	}
	if link != "" {
		what = strings.TrimPrefix(strings.TrimPrefix(what, key), ": ")
	}
	s.say(table+"."+key, sentence(what), "")
}

// knows reports whether name is a key in the table at key, given or not.
func (s *source) knows(key, name string) bool {
	if _, given := s.places[key+"."+name]; given {
		return true
	}
	for _, t := range providerTypes() {
		if _, ok := fieldsOf(reflect.ValueOf(t.pick(new(Provider))).Elem())[name]; ok {
			return true
		}
	}
	return false
}

func sentence(text string) string { return strings.TrimSuffix(strings.TrimSpace(text), ".") + "." }
