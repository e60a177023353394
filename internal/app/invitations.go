package app

import (
	"context"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/handover"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
)

// newInvitations builds the service of invitations.
func (s *server) newInvitations() (*invite.Service, error) {
	return invite.New(invite.Config{Rules: rules(s.cfg), PublicURL: linkBase(s.cfg)}, invite.Deps{
		Store: s.storage.db, Ring: s.storage.ring, Verify: s.verify, Tenants: s.directory, Notifier: notices{s.dispatcher},
		Signer: s.signResult, OptOuts: s.optOuts(), Loosened: operator.Loosened, Log: s.log,
	})
}

// notices carries links of invitations.
type notices struct{ dispatcher *delivery.Dispatcher }

// Notify implements invite.Notifier.
func (n notices) Notify(ctx context.Context, m invite.Notice) (delivery.Result, error) {
	return n.dispatcher.Notify(ctx, noticeOf(m))
}

// PreviewNotice implements invite.Notifier.
func (n notices) PreviewNotice(ctx context.Context, m invite.Notice) (delivery.Content, error) {
	return n.dispatcher.PreviewNotice(ctx, noticeOf(m))
}

// noticeOf is a notice as package delivery has it.
func noticeOf(m invite.Notice) delivery.Notice {
	return delivery.Notice{
		Tenant: m.Tenant, ID: m.ID, N: m.N, To: m.To, Channel: m.Channel, Locale: m.Locale, Kind: m.Kind, Firm: m.Firm, Name: m.Name, Link: m.Link,
	}
}

// noticeReceipt hands a receipt of a notice to who sent it.
func (s *server) noticeReceipt(ctx context.Context, r delivery.Receipt) error {
	return s.invites.Receipt(ctx, r)
}

// signResult signs what a customer takes along to the firm. The state is the firm's own id, as it stands in the redirect.
func (s *server) signResult(ctx context.Context, r invite.Result) (string, error) {
	return s.handover.Sign(ctx, handover.Result{
		Tenant: r.Tenant, Invitation: r.Invitation, State: r.ExternalID, Reference: r.Reference, ExternalID: r.ExternalID, Status: string(r.Status),
		MobileVerified: !r.VerifiedAt.IsZero(), MobileVerifiedAt: r.VerifiedAt, ConsentedAt: r.ConsentedAt, ConsentVersion: r.Consent,
	})
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
