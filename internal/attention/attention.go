// Package attention tells operators what needs somebody: providers that fail, invitations that nobody got or perhaps got, webhooks that are off,
// work that was given up, keys that are old, events that are not sealed. Each is a condition that was measured, by a query that stops
// at a hundred; nothing here is words for people.
package attention

import (
	"cmp"
	"context"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

// Kind is what a condition is.
type Kind string

// The kinds.
const (
	ProviderFailing          Kind = "provider_failing"          // its circuit is open on this server: it is left out for now
	InvitationsUndeliverable Kind = "invitations_undeliverable" // of the last seven days
	InvitationsUnknown       Kind = "invitations_unknown"       // of the last seven days: whether the link left is not known
	WebhookOff               Kind = "webhook_off"               // an endpoint was switched off because it answered 410
	WebhookFailing           Kind = "webhook_failing"           // of an endpoint's last tries of the last day none was taken
	WebhookDead              Kind = "webhook_dead"              // deliveries given up in the last seven days
	JobsDead                 Kind = "jobs_dead"                 // work that was given up
	KeysOld                  Kind = "keys_old"                  // made more than a year ago
	KeysUnused               Kind = "keys_unused"               // not used for 90 days
	EventsUnsealed           Kind = "events_unsealed"           // waiting for the log for more than a minute; of the whole installation
)

// Severity is how bad a condition is.
type Severity int

// The severities.
const (
	Notice  Severity = iota // some day
	Warning                 // this week
	Urgent                  // now
)

// Most is how far a condition is counted.
const Most = 100

const (
	lately   = 7 * 24 * time.Hour
	day      = 24 * time.Hour
	oldKey   = 365 * day
	unused   = 90 * day
	unsealed = time.Minute
)

// Condition is one thing that needs somebody.
type Condition struct {
	Kind     Kind
	Severity Severity
	Count    int       // 1..Most
	Capped   bool      // there are more
	Object   string    // an example: an id in its native spelling, or the name of a provider; empty when it is of no one thing
	Since    time.Time // when the example came about; zero: not known
}

// Found is an example of something, and when it came about.
type Found struct {
	ID uid.ID
	At time.Time
}

// Provider is how a provider of messages does, on this server.
type Provider struct {
	Name    string
	Failing bool      // it is left out for now
	Since   time.Time // when that began; zero: not known
}

// Store finds conditions of a tenant. Each method lists at most limit, the one to show as an example first.
type Store interface {
	// UndeliverableInvitations lists invitations from an id on that no channel could carry.
	UndeliverableInvitations(ctx context.Context, t uid.Tenant, from uid.ID, limit int) ([]Found, error)
	// UnknownInvitations lists invitations from an id on of which nobody knows whether their link left.
	UnknownInvitations(ctx context.Context, t uid.Tenant, from uid.ID, limit int) ([]Found, error)
	// StoppedEndpoints lists endpoints that were switched off, and not by their owner.
	StoppedEndpoints(ctx context.Context, t uid.Tenant, limit int) ([]Found, error)
	// FailingEndpoints lists endpoints that are on, and of whose last tries of deliveries from an id on none was taken.
	FailingEndpoints(ctx context.Context, t uid.Tenant, from uid.ID, limit int) ([]Found, error)
	// DeadLetters lists deliveries to endpoints, from an id on, that were given up.
	DeadLetters(ctx context.Context, t uid.Tenant, from uid.ID, limit int) ([]Found, error)
	// DeadJobs lists jobs that were given up.
	DeadJobs(ctx context.Context, t uid.Tenant, limit int) ([]Found, error)
	// OldKeys lists keys in use that were made before a time.
	OldKeys(ctx context.Context, t uid.Tenant, made, now time.Time, limit int) ([]Found, error)
	// UnusedKeys lists keys in use that were made before a time and not used since.
	UnusedKeys(ctx context.Context, t uid.Tenant, used, now time.Time, limit int) ([]Found, error)
	// UnsealedBefore lists commits, of all tenants, from before an id whose events are not in the log.
	UnsealedBefore(ctx context.Context, before uid.ID, limit int) ([]Found, error)
}

// Service looks for conditions. It is safe for concurrent use.
type Service struct {
	Now func() time.Time // the wall clock

	store     Store
	providers func() []Provider
}

// New makes a Service. providers tells how those of this server do.
func New(store Store, providers func() []Provider) *Service {
	return &Service{Now: time.Now, store: store, providers: providers}
}

// look is one thing to look for.
type look struct {
	kind     Kind
	severity Severity
	prefix   uid.Prefix // of the example; empty: it has no name
	find     func(limit int) ([]Found, error)
}

// Look tells what needs somebody of a tenant, the worst first. Fault: Unavailable.
func (s *Service) Look(ctx context.Context, t uid.Tenant) ([]Condition, error) {
	list := s.failing()
	for _, l := range s.looks(ctx, t) {
		found, err := l.find(Most + 1)
		if err != nil {
			return nil, err
		}
		if len(found) == 0 {
			continue
		}
		c := Condition{Kind: l.kind, Severity: l.severity, Count: min(len(found), Most), Capped: len(found) > Most, Since: found[0].At}
		if l.prefix != "" {
			c.Object = found[0].ID.Text(l.prefix)
		}
		list = append(list, c)
	}
	slices.SortStableFunc(list, func(a, b Condition) int { return cmp.Compare(b.Severity, a.Severity) })
	return list, nil
}

// failing are the providers that are left out.
func (s *Service) failing() (list []Condition) {
	for _, p := range s.providers() {
		if p.Failing {
			list = append(list, Condition{Kind: ProviderFailing, Severity: Urgent, Count: 1, Object: p.Name, Since: p.Since})
		}
	}
	return list
}

// looks are the things to look for in the database.
func (s *Service) looks(ctx context.Context, t uid.Tenant) []look {
	now := s.Now().UTC()
	week, yesterday := uid.Floor(now.Add(-lately)), uid.Floor(now.Add(-day))
	return []look{
		{EventsUnsealed, Urgent, "", func(n int) ([]Found, error) {
			return s.store.UnsealedBefore(ctx, uid.Floor(now.Add(-unsealed)), n)
		}},
		{JobsDead, Urgent, uid.Job, func(n int) ([]Found, error) { return s.store.DeadJobs(ctx, t, n) }},
		{WebhookOff, Warning, uid.Webhook, func(n int) ([]Found, error) { return s.store.StoppedEndpoints(ctx, t, n) }},
		{WebhookFailing, Warning, uid.Webhook, func(n int) ([]Found, error) { return s.store.FailingEndpoints(ctx, t, yesterday, n) }},
		{WebhookDead, Warning, uid.WebhookSent, func(n int) ([]Found, error) { return s.store.DeadLetters(ctx, t, week, n) }},
		{InvitationsUndeliverable, Warning, uid.Invitation, func(n int) ([]Found, error) {
			return s.store.UndeliverableInvitations(ctx, t, week, n)
		}},
		{InvitationsUnknown, Warning, uid.Invitation, func(n int) ([]Found, error) { return s.store.UnknownInvitations(ctx, t, week, n) }},
		{KeysOld, Notice, uid.Key, func(n int) ([]Found, error) { return s.store.OldKeys(ctx, t, now.Add(-oldKey), now, n) }},
		{KeysUnused, Notice, uid.Key, func(n int) ([]Found, error) { return s.store.UnusedKeys(ctx, t, now.Add(-unused), now, n) }},
	}
}
