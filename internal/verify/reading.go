package verify

import (
	"context"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// Get reads one verification with its deliveries; NotFound for one that is unknown or another tenant's. With reveal, To
// is the recipient in full, and an event tells who read it: without the event there is no answer.
func (s *Service) Get(ctx context.Context, c Caller, id uid.ID, reveal bool) (Record, error) {
	v, deliveries, err := s.store.Verification(ctx, c.Tenant, id)
	if err != nil {
		return Record{}, asNotFound(err)
	}
	now, to := s.moment(), v.Masked
	if reveal {
		full, err := s.recipientOf(v)
		if err != nil {
			return Record{}, err
		}
		e := v.event(EventRevealed, c.by(), now, nil)
		e.Subject = s.subject(&e, full.Value)
		if err := s.store.Record(ctx, outbox.Effects{Events: []audit.Event{e}}); err != nil {
			return Record{}, err
		}
		to = full.Value
	}
	bound, err := s.transactionOf(v)
	return Record{View: view(v, to, now), Deliveries: deliveries, Transaction: bound}, err
}

// Of reads the verification id of the recipient to, whom the caller names and View.To therefore shows in full. Faults: NotFound
// also when it is another recipient's, Invalid, Unavailable.
func (s *Service) Of(ctx context.Context, c Caller, id uid.ID, to string) (View, error) {
	who, err := recipient.Parse(to, s.rules)
	if err != nil {
		return View{}, onField(err, "to")
	}
	v, _, err := s.store.Verification(ctx, c.Tenant, id)
	if err != nil {
		return View{}, asNotFound(err)
	}
	if v.BlindIndex != s.ring.BlindIndex(c.Tenant, who.Value) {
		return View{}, errNotFound()
	}
	return view(v, who.Value, s.moment()), nil
}

// Open reads the verification that holds the place of a recipient, service and purpose: pending, or with its checks used up.
// To is masked. Faults: NotFound when nobody holds it, Invalid, Unavailable.
func (s *Service) Open(ctx context.Context, c Caller, to, service string, purpose Purpose) (View, error) {
	t := Target{Tenant: c.Tenant}
	if _, err := s.aim(ctx, &t, to, service, purpose); err != nil {
		return View{}, err
	}
	v, err := s.store.Open(ctx, t)
	if err != nil {
		return View{}, asNotFound(err)
	}
	return view(v, v.Masked, s.moment()), nil
}

// aim has t, of a tenant, name the place of a recipient, service and purpose.
func (s *Service) aim(ctx context.Context, t *Target, to, service string, purpose Purpose) (tenant.Tenant, error) {
	who, err := recipient.Parse(to, s.rules)
	if err != nil {
		return tenant.Tenant{}, onField(err, "to")
	}
	owner, profile, err := s.profile(ctx, t.Tenant, service)
	if err != nil {
		return owner, err
	}
	t.Purpose, err = purposeOf(purpose)
	t.Service = profile.ID
	t.Bucket, t.BlindIndex = s.ring.Bucket(t.Tenant, who.Value), s.ring.BlindIndex(t.Tenant, who.Value)
	return owner, err
}

// The sizes of a page of List.
const (
	defaultPage = 50
	maxPage     = 200
)

// List reads a page of verifications, newest first. more is the Before of the next page, zero at the end; a page may be
// short or empty before that. Faults: Invalid, Unavailable.
func (s *Service) List(ctx context.Context, req ListRequest) (page []View, more uid.ID, err error) {
	f := Filter{Status: req.Status, ExternalID: req.ExternalID, Before: req.Before, Limit: req.Limit}
	if f.Limit == 0 {
		f.Limit = defaultPage
	}
	if f.Limit < 1 || f.Limit > maxPage {
		return nil, more, invalid("limit_invalid", "Give a limit of 1 to 200.", "limit")
	}
	if _, known := next(begin, f.Status); f.Status != "" && !known {
		if _, known = next(Pending, f.Status); !known {
			return nil, more, invalid("status_invalid", "Use one of the statuses that the documentation lists.", "status")
		}
	}
	if !isText(f.ExternalID, maxExternalID) {
		return nil, more, invalid("external_id_invalid", "Give at most 128 printable characters.", "external_id")
	}
	if req.To != "" {
		to, err := recipient.Parse(req.To, s.rules)
		if err != nil {
			return nil, more, onField(err, "to")
		}
		blind := s.ring.BlindIndex(req.Caller.Tenant, to.Value)
		f.BlindIndex, f.Bucket = &blind, s.ring.Bucket(req.Caller.Tenant, to.Value)
	}
	rows, more, err := s.store.Verifications(ctx, req.Caller.Tenant, f)
	if err != nil {
		return nil, more, err
	}
	now := s.moment()
	page = make([]View, len(rows))
	for i := range rows {
		page[i] = view(&rows[i], rows[i].Masked, now)
	}
	return page, more, nil
}
