package invite

import (
	"context"
	"errors"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
)

// lookedAt is how many invitations Sandbox looks at, the newest.
const lookedAt = 50

// Message is the message with a link, of a sandbox, as a phone or a mailbox would show it.
type Message struct {
	Invitation uid.ID
	N          int    // of the link, from 1
	To         string // masked
	Channel    delivery.Channel
	Subject    string // e-mail only
	Text       string
	Link       string // the whole URL: whoever has it may open the invitation
	At         time.Time
}

// errNoSandbox does not tell a live tenant from a route that is not there.
func errNoSandbox() error {
	return fault.New(fault.NotFound, "not_found", "There are messages to read for the keys of a sandbox alone.")
}

// Sandbox lists the messages with links of a sandbox, newest first, to one recipient or to all for "". Links are derived and texts
// written anew: of an invitation that is over, of a link that was replaced, and of one that did not arrive, nothing is listed. It looks
// at the newest 50 invitations.
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
	var who recipient.Recipient
	if to != "" {
		if who, err = recipient.Parse(to, s.cfg.Rules); err != nil {
			return nil, onField(err, "to")
		}
		blind := s.ring.BlindIndex(c.Tenant, who.Value)
		f.Contact = &blind
	}
	rows, err := s.store.Invitations(ctx, c.Tenant, f)
	if err != nil {
		return nil, err
	}
	list := []Message{}
	for i := range rows {
		if list, err = s.addMessages(ctx, list, &rows[i], who.Value); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// addMessages adds those with the link of now that arrived, to one address or to all for "".
func (s *Service) addMessages(ctx context.Context, list []Message, v *Invitation, to string) ([]Message, error) {
	if v.Status.Terminal() || v.Over(s.moment()) {
		return list, nil
	}
	for _, c := range v.Link.Carried {
		if c.lost() {
			continue
		}
		n, err := s.notice(ctx, v, c.Channel)
		if err != nil {
			return list, err
		}
		if to != "" && n.To.Value != to {
			continue
		}
		content, err := s.notifier.PreviewNotice(ctx, n)
		if errors.Is(err, delivery.ErrLive) { // two places have asked the same directory
			err = errNoSandbox()
		}
		if err != nil {
			return list, err
		}
		list = append(list, Message{
			Invitation: v.ID, N: n.N, To: n.To.Masked(), Channel: c.Channel, Subject: content.Subject, Text: content.Text, Link: n.Link, At: c.At,
		})
	}
	return list, nil
}
