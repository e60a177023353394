package app

import (
	"context"
	"maps"

	"github.com/countersign/countersign/internal/compat/idenfy"
	"github.com/countersign/countersign/internal/compat/mta"
	"github.com/countersign/countersign/internal/compat/twilio"
	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/webhook"
)

// newWebhooks builds the service of webhooks. They may use a quarter of the worker, so that messages have the rest.
func (s *server) newWebhooks(client *egress.Client) (*webhook.Service, error) {
	return webhook.New(webhook.Config{Loopback: s.cfg.DevMode, All: min(128, max(1, s.cfg.Worker.Concurrency/4))}, webhook.Deps{
		Store: s.storage.db, Ring: s.storage.ring, Records: records{s.verify, s.factors, s.invites}, Client: client.With(webhook.Timeout),
		Log: s.log, Registry: s.registry, Dialects: append(idenfy.Dialects(s.invites), mta.Dialect(), twilio.Dialect()),
	})
}

// handlers are those of all jobs.
func (s *server) handlers() map[outbox.Kind]outbox.Handler {
	all := s.verify.Handlers()
	maps.Copy(all, s.webhooks.Handlers())
	maps.Copy(all, s.invites.Handlers())
	maps.Copy(all, s.operators.Handlers())
	return all
}

// records reads what events are about for webhooks, as the owner may see it: recipients are masked, and of factors there is
// neither a secret nor a name for people.
type records struct {
	verify  *verify.Service
	factors *factor.Service
	invites *invite.Service
}

// Invitation implements webhook.Records.
func (r records) Invitation(ctx context.Context, t uid.Tenant, id uid.ID) (webhook.InvitationRecord, error) {
	v, err := r.invites.Get(ctx, invite.Target{Caller: invite.Caller{Tenant: t}, ID: id})
	if err != nil {
		return webhook.InvitationRecord{}, err
	}
	return webhook.InvitationRecord{
		ID: v.ID, Kind: string(v.Kind), Status: string(v.Status), Reference: v.Reference, ExternalID: v.ExternalID, Mobile2FA: v.Mobile2FA,
		MaskedMobile: v.MaskedMobile, MaskedEmail: v.MaskedEmail, Failure: v.Failure, CreatedAt: v.CreatedAt,
		OpenedAt: v.OpenedAt, ExpiresAt: v.ExpiresAt, EndedAt: v.EndedAt,
	}, nil
}

// Factor implements webhook.Records.
func (r records) Factor(ctx context.Context, t uid.Tenant, kind uid.Prefix, id uid.ID) (webhook.FactorRecord, error) {
	if kind == uid.Challenge {
		c, err := r.factors.ChallengeByID(ctx, t, id)
		if err != nil {
			return webhook.FactorRecord{}, err
		}
		return webhook.FactorRecord{
			ID: c.ID, Status: string(c.At(r.factors.Now())), Service: c.Service, Entity: c.Entity, Identity: string(c.Identity),
			Factor: c.Factor, CreatedAt: c.CreatedAt, ExpiresAt: c.ExpiresAt, EndedAt: c.EndedAt,
		}, nil
	}
	f, err := r.factors.FactorByID(ctx, t, id)
	if err != nil {
		return webhook.FactorRecord{}, err
	}
	told := webhook.FactorRecord{
		ID: f.ID, Status: string(f.Status), Service: f.Service, Entity: f.Entity, Identity: string(f.Identity), Type: string(f.Type),
		CreatedAt: f.CreatedAt,
	}
	if f.Status == factor.Unverified {
		told.ExpiresAt = f.ExpiresAt
	}
	return told, nil
}

// Record implements webhook.Records.
func (r records) Record(ctx context.Context, t uid.Tenant, id uid.ID) (webhook.Record, error) {
	got, err := r.verify.Get(ctx, verify.Caller{Tenant: t, Actor: "system"}, id, false)
	if err != nil {
		return webhook.Record{}, err
	}
	v := got.View
	return webhook.Record{
		ID: v.ID, Status: string(v.Status), To: v.To, Channel: string(v.Channel), Service: v.Service, Purpose: string(v.Purpose),
		Locale: v.Locale, ExternalID: v.ExternalID, Metadata: v.Metadata, Sends: len(v.Sends), ChecksLeft: v.ChecksLeft,
		Outcome: string(v.Decision.Outcome), Reasons: v.Decision.Reasons, CreatedAt: v.CreatedAt, ExpiresAt: v.ExpiresAt, EndedAt: v.EndedAt,
	}, nil
}
