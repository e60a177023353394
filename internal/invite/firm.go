package invite

import (
	"context"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
)

// Create makes an invitation and puts its link on its way, by the settings of this moment. Faults: policy_locked (Conflict) and
// mobile_required (Malformed), the former when both apply; contact_required; Invalid for what can't be a name, a contact
// (also a landline in place of a mobile, RA-32), a redirect URL that is not on the firm's list, and so on, each with its field.
func (s *Service) Create(ctx context.Context, r CreateRequest) (CreateAnswer, error) {
	return CreateAnswer{}, notYet()
}

// CreateMany makes up to ten, each by itself: one that is refused stops no other (RA-57). More than ten, or none, is Invalid on
// "items". A Caller's Idempotency is per request.
func (s *Service) CreateMany(ctx context.Context, rs []CreateRequest) ([]ManyAnswer, error) {
	return nil, notYet()
}

// Get reads one.
func (s *Service) Get(ctx context.Context, t Target) (View, error) { return View{}, notYet() }

// Reveal reads the contacts of one in full, and what is proven of them; an event tells who did.
func (s *Service) Reveal(ctx context.Context, t Target) (Revealed, error) {
	return Revealed{}, notYet()
}

// List reads a page, newest first. more is the Before of the next page, zero at the end.
func (s *Service) List(ctx context.Context, r ListRequest) (page []View, more uid.ID, err error) {
	return nil, more, notYet()
}

// Events reads the timeline of one, oldest first, from the event after the given one; at most limit, 1..250, 0: 50. more is the
// after of the next page, zero at the end.
func (s *Service) Events(ctx context.Context, t Target, after uid.ID, limit int) (page []audit.Event, more uid.ID, err error) {
	return nil, more, notYet()
}

// Resend sends a new link by the given channels, none: those of before (RA-60). The old link dies, with the sessions that it
// opened, and gates have to be passed anew. Conflict for one that is over, Limited with links_used_up after five.
func (s *Service) Resend(ctx context.Context, t Target, channels []delivery.Channel) (View, error) {
	return View{}, notYet()
}

// Correct changes contacts of a fixed invitation (RA-56): codes and proofs are void, and a new link goes out. Conflict once the
// gates were passed.
func (s *Service) Correct(ctx context.Context, t Target, c Contact) (View, error) {
	return View{}, notYet()
}

// Unlock gives a failed gate one more cycle (RA b.2). It needs a reason of 1..200 characters. Conflict when nothing is locked.
func (s *Service) Unlock(ctx context.Context, t Target, reason string) (View, error) {
	return View{}, notYet()
}

// Cancel ends one; the reason may be empty. Conflict when it has ended.
func (s *Service) Cancel(ctx context.Context, t Target, reason string) (View, error) {
	return View{}, notYet()
}

// Complete ends one that was handed off, when the firm says that its own part is done. Conflict in any other status.
func (s *Service) Complete(ctx context.Context, t Target) (View, error) { return View{}, notYet() }

// Checks reads what a tenant requires; the defaults, version 0, when it has decided nothing.
func (s *Service) Checks(ctx context.Context, t uid.Tenant) (policy.Checks, error) {
	return policy.Checks{}, notYet()
}

// SetChecks changes it. version is the one that the caller has seen; Conflict with settings_stale when it is not that of now.
func (s *Service) SetChecks(ctx context.Context, by Caller, c policy.Checks, version int64) (policy.Checks, error) {
	return policy.Checks{}, notYet()
}

// Customisation reads what a tenant's customers see.
func (s *Service) Customisation(ctx context.Context, t uid.Tenant) (policy.Customisation, error) {
	return policy.Customisation{}, notYet()
}

// SetCustomisation changes it, as SetChecks does.
func (s *Service) SetCustomisation(ctx context.Context, by Caller, c policy.Customisation, version int64) (policy.Customisation, error) {
	return policy.Customisation{}, notYet()
}
