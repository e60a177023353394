package app

import (
	"cmp"
	"context"
	"io"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/hosted"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
)

var (
	_ console.Operators   = (*operator.Service)(nil)
	_ console.Settings    = (*invite.Service)(nil)
	_ console.PageTexts   = (*hosted.Pages)(nil)
	_ console.Previews    = previews{}
	_ console.AuditLog    = auditLog{}
	_ console.Invitations = (*invite.Service)(nil)
)

// previews are customers' pages and messages as firms look at them.
type previews struct {
	site     *hosted.Site
	invites  *invite.Service
	messages *delivery.Dispatcher
	host     string // that codes are bound to
}

// Pages implements console.Previews.
func (previews) Pages() []string { return hosted.PreviewPages() }

// Preview implements console.Previews.
func (p previews) Preview(w io.Writer, of console.Preview) error {
	return p.site.Preview(w, hosted.Preview(of))
}

// Messages implements console.Previews.
func (previews) Messages() []string { return delivery.Samples() }

// Message implements console.Previews.
func (p previews) Message(ctx context.Context, t uid.Tenant, of console.Preview) (delivery.Sampled, error) {
	link, lives, err := p.invites.Samples(ctx, t)
	if err != nil {
		return delivery.Sampled{}, err
	}
	return p.messages.Sample(delivery.Sample{
		Name: of.Page, Tenant: t, Locale: of.Locale, Firm: cmp.Or(of.Look.Brand.Name, of.Firm), Link: link, Host: p.host, Lives: lives,
	})
}

// auditLog is the log as operators look at it.
type auditLog struct {
	events   audit.Browser
	verifier audit.Verifier
}

// BrowseEvents implements console.AuditLog.
func (l auditLog) BrowseEvents(ctx context.Context, q audit.Query) (audit.Page, error) {
	return audit.BrowseEvents(ctx, l.events, q)
}

// Prove implements console.AuditLog.
func (l auditLog) Prove(ctx context.Context, t uid.Tenant, id uid.ID) (audit.Proof, error) {
	return audit.Prove(ctx, l.events, l.verifier, t, id)
}

// Export implements console.AuditLog. Subjects stay sealed.
func (l auditLog) Export(ctx context.Context, w io.Writer, q audit.Query) error {
	return audit.Export(ctx, w, l.events, audit.ExportOptions{
		Verifier: l.verifier, Tenant: q.Tenant, Since: q.From, Until: q.Until, Type: q.Type, Actor: q.Actor, Object: q.Object,
	})
}

// offers are the countries and languages of customers' pages, as forms of the console have them.
type offers struct{ pages *hosted.Pages }

// Countries implements console.Contacts.
func (o offers) Countries(allowed ...string) (all []console.Option) {
	for _, c := range o.pages.Countries(console.Locales[0], allowed...) {
		all = append(all, console.Option{Value: c.Region, Label: c.Label()})
	}
	return all
}

// Locales implements console.Contacts.
func (o offers) Locales() (all []console.Option) {
	for tag, name := range o.pages.Languages() {
		all = append(all, console.Option{Value: tag, Label: name})
	}
	return all
}
