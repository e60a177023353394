package operator

import (
	"context"
	"errors"

	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
)

// Owners are the addresses of the owners of a tenant who are not disabled, oldest first.
func (s *Service) Owners(ctx context.Context, t uid.Tenant) ([]string, error) {
	list, err := s.owners(ctx, t)
	if err != nil {
		return nil, err
	}
	var all []string
	for i := range list {
		who, err := s.person(&list[i])
		if err != nil {
			return nil, err
		}
		all = append(all, who.Email)
	}
	return all, nil
}

func (s *Service) owners(ctx context.Context, t uid.Tenant) (owners []Operator, err error) {
	list, err := s.store.Operators(ctx, t)
	for _, o := range list {
		if o.Role == Owner && o.State == Active {
			owners = append(owners, o)
		}
	}
	return owners, err
}

// IsOperators reports whether a contact is that of an operator of the tenant, for the warning of the form that sends a verification
// (RA-29). Operators have addresses only: a number is nobody's.
func (s *Service) IsOperators(ctx context.Context, t uid.Tenant, contact string) (bool, error) {
	to, err := s.readEmail(contact)
	if err != nil || to.Kind != recipient.Email {
		return false, nil
	}
	o, err := s.store.OperatorByEmail(ctx, s.ring.BlindIndex(uid.Tenant{}, to.Value))
	if errors.Is(err, ErrNotFound) {
		return false, nil
	}
	return err == nil && o.Tenant == t, err
}

// ConfirmContact notes that an operator sends a verification to a contact of the team after being warned (RA-29).
func (s *Service) ConfirmContact(ctx context.Context, c Client, g Signed) error {
	return s.noted(ctx, c, g, EventContactOwn, data{})
}

// LogPart says what of the audit log is taken away. What is empty is not narrowed; all empty, it is the whole log. It is kept with the
// event, so it names no person but by an id.
type LogPart struct {
	Entry  string `json:"entry,omitempty"` // one event alone, with its proof
	Type   string `json:"type,omitempty"`
	Actor  string `json:"actor,omitempty"`
	Object string `json:"object,omitempty"`
	From   string `json:"from,omitempty"` // days
	To     string `json:"to,omitempty"`
}

// ExportLog notes that an operator takes the audit log away, or a part of it. It is asked before anything is given.
func (s *Service) ExportLog(ctx context.Context, c Client, g Signed, part LogPart) error {
	var d data
	if part != (LogPart{}) {
		d.Part = &part
	}
	return s.noted(ctx, c, g, EventLogExported, d)
}

// noted leaves an event of what an operator does, where nothing else changes.
func (s *Service) noted(ctx context.Context, c Client, g Signed, kind string, d data) error {
	now := s.moment()
	return s.store.ChangeOperator(ctx, Target{}, func(*Held) (outbox.Effects, error) {
		return effects(newEvent(g.Operator.Tenant, g.Operator.ID, kind, c.signed(g), now, d)), nil
	})
}
