package console

import (
	"context"
	"time"

	"github.com/countersign/countersign/internal/attention"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/tally"
	"github.com/countersign/countersign/internal/uid"
)

// Figures is what the first page asks of tally.Service, which says what it answers.
type Figures interface {
	Hours(ctx context.Context, t uid.Tenant, from, to time.Time) (tally.Report, error)
}

// Needs is what the first page asks of attention.Service.
type Needs interface {
	Look(ctx context.Context, t uid.Tenant) ([]attention.Condition, error)
}

func (s *Site) homeRoutes() []route {
	return []route{{"GET " + Prefix, AtHome, operator.SeeVerifications, s.home}}
}

// home is today in figures and what needs somebody, or the first steps while there was nothing yet, for who may take one.
func (s *Site) home(v *visit) (View, error) {
	now := s.Now().UTC()
	today, err := s.Figures.Hours(v.ctx(), v.Operator.Tenant, now.Truncate(day), now.Truncate(time.Hour).Add(time.Hour))
	if err != nil {
		return nil, err
	}
	view := &Home{Frame: v.frame(), AsOf: today.AsOf, Behind: int(today.Behind)}
	view.Live = pathLive
	if today.Since.After(now.Truncate(day)) {
		view.Since = today.Since
	}
	if nothing(today.Total) {
		before, err := s.Figures.Hours(v.ctx(), v.Operator.Tenant, now.Add(-tally.Kept), now)
		if err != nil {
			return nil, err
		}
		if nothing(before.Total) && before.Since.IsZero() {
			if view.Steps = v.firstSteps(); len(view.Steps) > 0 {
				return view, nil
			}
		}
	}
	view.count(&today)
	found, err := s.Needs.Look(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	for _, c := range found {
		if need, ok := v.need(c); ok {
			view.Needs = append(view.Needs, need)
		}
	}
	return view, nil
}

// nothing reports whether nobody was asked to confirm anything.
func nothing(c tally.Count) bool { return c.Started == 0 && c.Denied == 0 && c.InvitationsCreated == 0 }

func (h *Home) count(r *tally.Report) {
	for _, one := range r.Hours {
		h.Hours = append(h.Hours, hourOf(one))
	}
	all := hourOf(tally.Hour{Count: r.Total})
	h.Starts, h.Deliveries, h.Approvals, h.Failures = all.Starts, all.Deliveries, all.Approvals, all.Failures
	h.Links = Links{
		Made: int(r.Total.InvitationsCreated), Sent: int(r.Total.InvitationsSent), Completed: int(r.Total.InvitationsCompleted),
		Lost: int(r.Total.InvitationsUndeliverable),
	}
}

// hourOf is an hour as the chart has it: what providers took is sent, since few of them tell more, and what did not arrive failed.
func hourOf(h tally.Hour) Hour {
	return Hour{
		At: h.Start, Starts: int(h.Started), Deliveries: int(h.Accepted), Approvals: int(h.Approved), Failures: int(h.Failed + h.Undelivered),
	}
}

// firstSteps lead to the first verification: those that the operator may take.
func (v *visit) firstSteps() (steps []Step) {
	for _, one := range []struct {
		kind, url string
		act       operator.Act
	}{
		{"settings", Prefix + "/settings/checks", operator.ChangeChecks},
		{"brand", Prefix + "/settings/customisation", operator.ChangeCustomisation},
		{"send", Prefix + "/verifications/new", operator.SendVerification},
	} {
		if v.May(one.act) {
			steps = append(steps, Step{Kind: one.kind, URL: one.url})
		}
	}
	return steps
}

// solved says of each kind of condition where it is solved, and what a role must allow for that. Without an address it is for whoever
// runs the server.
var solved = map[attention.Kind]struct {
	url string
	act operator.Act
}{
	attention.ProviderFailing:          {pathMessages, operator.SeeVerifications},
	attention.InvitationsUndeliverable: {Prefix + "/verifications?status=undeliverable", operator.SeeVerifications},
	attention.InvitationsUnknown:       {Prefix + "/verifications?status=" + string(statusUnknown), operator.SeeVerifications},
	attention.WebhookOff:               {pathHooks, operator.SeeWebhooks},
	attention.WebhookFailing:           {pathHooks, operator.SeeWebhooks},
	attention.WebhookDead:              {pathHooks, operator.SeeWebhooks},
	attention.KeysOld:                  {pathKeys, operator.SeeKeys},
	attention.KeysUnused:               {pathKeys, operator.SeeKeys},
	attention.JobsDead:                 {"", operator.SeeAudit},
	attention.EventsUnsealed:           {"", operator.SeeAudit},
}

// need is a condition for the operator, when there is something that the operator can do or tell.
func (v *visit) need(c attention.Condition) (Need, bool) {
	at, known := solved[c.Kind]
	if !known || !v.May(at.act) {
		return Need{}, false
	}
	n := Need{Kind: string(c.Kind), Count: c.Count, Capped: c.Capped, Urgent: c.Severity == attention.Urgent, URL: at.url}
	switch c.Kind {
	case attention.ProviderFailing:
		n.Example = c.Object
		n.URL = with(at.url, QueryProvider, c.Object)
	case attention.WebhookOff, attention.WebhookFailing:
		if c.Count == 1 && c.Object != "" {
			n.URL = at.url + "/" + c.Object
		}
	}
	return n, true
}
