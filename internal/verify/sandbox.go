package verify

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/risk"
	"github.com/countersign/countersign/internal/sandbox"
	"github.com/countersign/countersign/internal/uid"
)

// rehearsed is what the number says in the place of the risk engine.
func rehearsed(to recipient.Recipient) risk.Decision {
	if reason := sandbox.Of(to.Value).Deny; reason != "" {
		return risk.Decision{Outcome: risk.OutcomeDeny, Reasons: []string{reason}}
	}
	return risk.Decision{Outcome: risk.OutcomeAllow, Reasons: []string{}}
}

// lookedAt is how many verifications Sandbox looks at, the newest.
const lookedAt = 50

// Message is a message of a sandbox as a phone would show it.
type Message struct {
	Verification uid.ID
	Send         int    // from 1
	To           string // masked
	Channel      delivery.Channel
	Subject      string // e-mail only
	Text         string
	Code         string
	At           time.Time
}

// errNoSandbox does not tell a live tenant from a route that is not there.
func errNoSandbox() error {
	return fault.New(fault.NotFound, "not_found", "There are messages to read for the keys of a sandbox alone.")
}

// Sandbox lists the messages of a sandbox, newest first, to one recipient or to all for "". Codes and texts are written anew
// from what is kept of open verifications: of one that has ended, and of a code that a later one has replaced, nothing is
// listed. Nothing was sent to a test number, so it has no messages. It looks at the newest 50 verifications.
//
// Faults: NotFound for a tenant that is no sandbox, before anything is read; Invalid; Unavailable.
func (s *Service) Sandbox(ctx context.Context, c Caller, to string) ([]Message, error) {
	owner, err := s.tenants.Tenant(ctx, c.Tenant)
	switch {
	case err != nil:
		return nil, err
	case !owner.Sandbox:
		return nil, errNoSandbox()
	}
	f := Filter{Limit: lookedAt}
	if to != "" {
		who, err := recipient.Parse(to, s.rules)
		if err != nil {
			return nil, onField(err, "to")
		}
		blind := s.ring.BlindIndex(c.Tenant, who.Value)
		f.BlindIndex, f.Bucket = &blind, s.ring.Bucket(c.Tenant, who.Value)
	}
	list := []Message{}
	for {
		page, more, err := s.store.Verifications(ctx, c.Tenant, f)
		if err != nil {
			return nil, err
		}
		for i := range page {
			if list, err = s.addMessages(ctx, list, &page[i]); err != nil {
				return nil, err
			}
		}
		f.Before, f.Limit = more, f.Limit-len(page)
		if more.IsZero() || f.Limit <= 0 {
			slices.SortStableFunc(list, func(a, b Message) int { return b.At.Compare(a.At) })
			return list, nil
		}
	}
}

// addMessages adds those of v that can still be answered.
func (s *Service) addMessages(ctx context.Context, list []Message, v *Verification) ([]Message, error) {
	now := s.moment()
	for n := len(v.Sends); n > 0; n-- {
		send, ok := v.sendable(n, now)
		if !ok {
			continue
		}
		m, err := s.message(ctx, v, send, 0, send.At)
		if err != nil {
			return list, err
		}
		content, err := s.carrier.Preview(ctx, m)
		if errors.Is(err, delivery.ErrLive) { // two places have asked the same directory
			err = errNoSandbox()
		}
		if err != nil {
			return list, err
		}
		list = append(list, Message{
			Verification: v.ID, Send: send.N, To: v.Masked, Channel: send.Channel, Subject: content.Subject, Text: content.Text,
			Code: m.Code.Reveal(), At: send.At,
		})
	}
	return list, nil
}
