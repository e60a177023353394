package app

import (
	"fmt"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/delivery/smtp"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/tenant"
)

// providers asks whether every channel that people expect can be carried, and by whom.
func (d *doctor) providers() {
	all := d.cfg.AllProviders()
	if len(all) == 0 {
		if d.cfg.DevMode {
			d.ok("No provider: development mode keeps all messages in its inbox.")
			return
		}
		d.fail("No provider is configured: nothing can be sent.", "Add one under providers; see docs/configuration.md.")
		return
	}
	var offers []delivery.Offer
	for _, p := range all {
		offers = append(offers, p.Offer())
		d.provider(p)
	}
	routes := d.cfg.Routes
	if len(routes) == 0 {
		routes = delivery.RoutesFor(offers)
	}
	for _, ch := range []delivery.Channel{delivery.SMS, delivery.Email} {
		d.channel(ch, routes)
	}
}

// channel looks at the routes of one channel.
func (d *doctor) channel(ch delivery.Channel, routes []delivery.Rule) {
	var used []string
	everywhere := false
	for _, r := range routes {
		if r.Match.Channel == ch {
			used = append(used, r.Use...)
			everywhere = everywhere || len(r.Match.Country) == 0 && r.Match.Tenant == ""
		}
	}
	slices.Sort(used)
	used = slices.Compact(used)
	switch len(used) {
	case 0:
		d.warn(fmt.Sprintf("No route carries %s.", ch), fmt.Sprintf("Add a provider for %s, or allow services other channels only.", ch))
		return
	case 1:
		d.warn(fmt.Sprintf("All %s goes through %s: when that fails, nobody gets a code.", ch, used[0]), "Add a second provider and name both in the route.")
	default:
		d.ok("%s has %d providers.", ch, len(used))
	}
	if ch == delivery.SMS && everywhere {
		d.warn("SMS goes to every country: fraudsters ask for messages to dear numbers abroad.",
			"Name the countries of your customers in match.country.")
	}
}

// provider looks at how one provider is reached, and how it reports back.
func (d *doctor) provider(p Provider) {
	switch {
	case p.Relay != nil:
		if u, err := url.Parse(p.Relay.URL); err == nil && u.Scheme == "http" && !isLoopback(u.Hostname()) {
			d.warn(p.Relay.Name+" is reached without TLS: codes can be read on the way.", "Use an https URL.")
		}
		if d.cfg.PublicURL == "" && !d.cfg.DevMode {
			d.warn(p.Relay.Name+" has no address to report deliveries to.", "Set public_url, and have receipts sent to its /callbacks/"+p.Relay.Name+".")
		}
	case p.SMTP != nil && p.SMTP.TLS == smtp.None && p.SMTP.AllowPlaintext:
		d.warn(p.SMTP.Name+" is reached without TLS: codes can be read on the way.", "Use tls: starttls or implicit.")
	}
}

// addresses looks at how the server is reached.
func (d *doctor) addresses() {
	if d.cfg.DevMode {
		d.warn("This is development mode: no message leaves, and everybody on this machine reads the codes.", "Leave --dev out in production.")
		return
	}
	host, _ := hostOf(d.cfg.Listen)
	switch {
	case d.cfg.TLS.CertFile != "":
		d.ok("The server speaks TLS itself.")
	case isLoopback(host):
		d.ok("The server listens on loopback, without TLS.")
	default:
		d.warn("The server listens on "+d.cfg.Listen+" without TLS: keys and codes can be read on the way.",
			"Give tls.cert_file and tls.key_file, or let only a proxy that speaks TLS reach the port.")
	}
	if d.cfg.TLS.CertFile == "" && len(d.cfg.TrustedProxies) == 0 {
		d.warn("No proxy is trusted: behind one, every client has the proxy's address.", "Name the proxy's address under trusted_proxies.")
	}
	if base := d.cfg.BaseURL(); d.cfg.PublicURL == "" {
		d.warn("public_url is not set: links would begin with "+base+".", "Set it to how the world reaches this server.")
	} else if !strings.HasPrefix(base, "https://") {
		d.warn("public_url is not https.", "Use https: links and pages carry personal data.")
	}
	if host, ok := hostOf(d.cfg.Metrics.Listen); ok && !isLoopback(host) {
		d.warn("Metrics are on "+d.cfg.Metrics.Listen+" for everybody who reaches it.", "Use loopback, or a network that only Prometheus is in.")
	}
}

// practice looks at figures that were moved away from the safe ones.
func (d *doctor) practice() {
	for _, p := range d.cfg.Egress.Allow {
		if p.Bits() == 0 || p.Contains(netip.MustParseAddr("169.254.169.254")) {
			d.warn("egress.allow opens "+p.String()+", with the cloud's own secrets among it.", "Allow only the networks that providers are in.")
		}
	}
	if d.cfg.DevMode {
		return
	}
	usual, own := tenant.DefaultLimits(), d.cfg.TenantLimits()
	if looser(own.Recipient, usual.Recipient) || looser(own.RecipientNew, usual.RecipientNew) ||
		looser([]ratelimit.Limit{own.WrongTotal}, []ratelimit.Limit{usual.WrongTotal}) {
		d.warn("Limits of recipients are above the usual ones: guessing and message fraud get cheaper.", "Leave out what is under limits, unless you measured that you need it.")
	} else {
		d.ok("Limits of recipients are the usual ones, or stricter.")
	}
	if d.cfg.Dev.CodeTTL != 0 || len(d.cfg.Dev.Barred) > 0 {
		d.warn("The table dev is ignored outside of development mode.", "Remove it.")
	}
	if d.cfg.Retention.Events > 0 && d.cfg.Retention.Events < 365*24*time.Hour {
		d.warn("Audit events are kept for less than a year.", "PCI DSS asks for 12 months; raise retention.events.")
	}
}

// looser reports whether some usual limit holds no longer: none of own allows as few events in as long a period.
func looser(own, usual []ratelimit.Limit) bool {
	for _, u := range usual {
		if !slices.ContainsFunc(own, func(o ratelimit.Limit) bool { return o.Burst <= u.Burst && o.Period >= u.Period }) {
			return true
		}
	}
	return false
}

// profile looks at one service (SP-43, SP-51, SP-59).
func (d *doctor) profile(s tenant.Service) {
	name := fmt.Sprintf("The service %q of %s", s.Name, s.Tenant)
	if s.TTL < 90*time.Second || s.TTL > 300*time.Second {
		d.warn(fmt.Sprintf("%s has codes that live %v.", name, s.TTL), "For sign-in, choose 90 to 300 seconds.")
	}
	if s.MaxChecks > 5 {
		d.warn(fmt.Sprintf("%s allows %d wrong codes.", name, s.MaxChecks), "Allow 5 at most.")
	}
	if s.CodeLength < 6 {
		d.warn(fmt.Sprintf("%s has codes of %d digits.", name, s.CodeLength), "Use 6 at least for sign-in.")
	}
	if delivery.Measure(s.Name).Encoding != delivery.GSM7 {
		d.warn(name+" has a name outside of the GSM alphabet: each SMS then holds 70 characters and may cost two.", "Spell the name in plain letters, if that is acceptable.")
	}
}
