package verify

import (
	"context"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/recipient"
)

// Channels gives the channels that a profile names and that can carry a code to a recipient, in the order of the profile. A profile that
// names none leaves the choice to who starts, so that it offers none here. Faults: Invalid for the recipient, NotFound for the profile.
func (s *Service) Channels(ctx context.Context, c Caller, to, service string) (open []delivery.Channel, err error) {
	who, err := recipient.Parse(to, s.rules)
	if err != nil {
		return nil, onField(err, "to")
	}
	owner, profile, err := s.profile(ctx, c.Tenant, service)
	if err != nil {
		return nil, err
	}
	for _, name := range profile.Channels {
		ch, err := channelOf(delivery.Channel(name), who.Kind)
		if err == nil && s.routable(owner, profile, ch, who) == nil {
			open = append(open, ch)
		}
	}
	return open, nil
}
