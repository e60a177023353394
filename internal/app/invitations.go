package app

import (
	"context"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
)

// newInvitations builds the service of invitations.
func (s *server) newInvitations() (*invite.Service, error) {
	return invite.New(invite.Config{Rules: rules(s.cfg), PublicURL: s.cfg.BaseURL()}, invite.Deps{
		Store: s.storage.db, Ring: s.storage.ring, Verify: s.verify, Tenants: s.directory, Notifier: notices{}, Log: s.log,
	})
}

// notices carries links of invitations: no way yet, so that each of them is told as undeliverable.
type notices struct{}

// Notify implements invite.Notifier.
func (notices) Notify(context.Context, invite.Notice) (delivery.Result, error) {
	return delivery.Result{}, delivery.ErrNoRoute
}

// expireInvitations ends invitations whose time is over. Nothing waits for it: a customer who comes late finds out by themselves.
func (s *server) expireInvitations(ctx context.Context) error {
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for more := true; more; {
			n, err := s.invites.Sweep(ctx)
			if err != nil && ctx.Err() == nil {
				s.log.Warn("the sweep of invitations failed and will be tried again", "error", err)
			}
			more = n > 0 && err == nil
		}
	}
}
