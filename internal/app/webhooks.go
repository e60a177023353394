package app

import (
	"context"

	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/webhook"
)

// newWebhooks builds the service of webhooks. They may use a quarter of the worker, so that messages have the rest.
func (s *server) newWebhooks(client *egress.Client) (*webhook.Service, error) {
	return webhook.New(webhook.Config{Loopback: s.cfg.DevMode, All: min(64, max(1, s.cfg.Worker.Concurrency/4))}, webhook.Deps{
		Store: s.storage.db, Ring: s.storage.ring, Records: records{s.verify}, Client: client.With(webhook.Timeout),
		Log: s.log, Registry: s.registry,
	})
}

// handlers are those of all jobs.
func (s *server) handlers() map[outbox.Kind]outbox.Handler {
	all := s.verify.Handlers()
	for kind, h := range s.webhooks.Handlers() {
		all[kind] = h
	}
	return all
}

// records reads verifications for webhooks as their owner may see them: the recipient is masked.
type records struct{ verify *verify.Service }

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
