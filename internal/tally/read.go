package tally

import (
	"context"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

// Kept is how long counts are kept.
const Kept = 62 * 24 * time.Hour

// Count is how often things happened. Each is a number of events.
type Count struct {
	Started, Denied, Resent int64
	Accepted                int64 // sends that a provider took
	Delivered, Undelivered  int64 // of which a provider told; many never tell
	Approved, WrongCodes    int64 // WrongCodes without those that used the last check up, which are Exhausted
	Exhausted, Expired      int64
	Canceled                int64
	Failed                  int64 // verifications of which no message got through
	Limited                 int64 // at most one a minute for each key

	InvitationsSent int64 // invitations whose first link a provider took

	InvitationsCreated, InvitationsUndeliverable                  int64
	InvitationsCompleted, InvitationsDeclined, InvitationsExpired int64
}

// of is the field that counts a kind, nil when none does.
func (c *Count) of(kind string) *int64 {
	switch kind {
	case "verification.started":
		return &c.Started
	case "verification.denied":
		return &c.Denied
	case "verification.resent":
		return &c.Resent
	case typeSent:
		return &c.Accepted
	case Delivered:
		return &c.Delivered
	case Undelivered:
		return &c.Undelivered
	case "verification.approved":
		return &c.Approved
	case "verification.check_failed":
		return &c.WrongCodes
	case "verification.exhausted":
		return &c.Exhausted
	case "verification.expired":
		return &c.Expired
	case "verification.canceled":
		return &c.Canceled
	case typeFailed:
		return &c.Failed
	case "verification.limited":
		return &c.Limited
	}
	return c.ofInvitations(kind)
}

func (c *Count) ofInvitations(kind string) *int64 {
	switch kind {
	case "invitation.created":
		return &c.InvitationsCreated
	case HandedOver:
		return &c.InvitationsSent
	case "invitation.undeliverable":
		return &c.InvitationsUndeliverable
	case "invitation.completed":
		return &c.InvitationsCompleted
	case "invitation.declined":
		return &c.InvitationsDeclined
	case "invitation.expired":
		return &c.InvitationsExpired
	}
	return nil
}

// add counts a row.
func (c *Count) add(r Row) {
	if n := c.of(r.Kind); n != nil {
		*n += r.N
	}
}

// Hour is what happened in one hour.
type Hour struct {
	Start time.Time // UTC
	Count
}

// Report is what happened in a time.
type Report struct {
	Hours  []Hour // each hour of it, oldest first
	Total  Count
	AsOf   time.Time // all that happened before is counted, as far as the log has it
	Behind int64     // events in the log that are not counted yet
	Since  time.Time // hours before this one are not counted, or not in full; zero: all are
}

// Hours reads the counts of the hours from that of from on, until to. Fault: Invalid for a time that is empty or longer than [Kept].
func (s *Service) Hours(ctx context.Context, t uid.Tenant, from, to time.Time) (Report, error) {
	from = from.UTC().Truncate(time.Hour)
	if !to.After(from) || to.Sub(from) > Kept+time.Hour {
		return Report{}, fault.New(fault.Invalid, "range_invalid", "Give a time that ends after it begins, of at most 62 days.").On("from")
	}
	now := s.Now()
	at, err := s.store.TallyPosition(ctx)
	if err != nil {
		return Report{}, err
	}
	head, err := s.store.Head(ctx)
	if err != nil {
		return Report{}, err
	}
	rows, err := s.store.Tally(ctx, t, from, to)
	if err != nil {
		return Report{}, err
	}
	r := Report{AsOf: now, Behind: head.Size - max(0, at.Index), Since: at.Since}
	if r.Behind > 0 {
		r.AsOf = at.At
	}
	for h := from; h.Before(to); h = h.Add(time.Hour) {
		r.Hours = append(r.Hours, Hour{Start: h})
	}
	for _, row := range rows {
		r.Hours[row.Hour.Sub(from)/time.Hour].add(row)
		r.Total.add(row)
	}
	return r, nil
}
