package app

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/compat/idenfy"
	"github.com/countersign/countersign/internal/devphone"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
	"github.com/countersign/countersign/internal/webhook"
)

// idenfyCredentials are what a client of iDenfy is configured with. The signing key is that of URLs which sessions name.
type idenfyCredentials struct {
	BaseURL    string `json:"base_url"`
	APIKey     string `json:"api_key"`
	APISecret  string `json:"api_secret"`
	SigningKey string `json:"signing_key"`
}

// idenfyDoor is the door for clients of iDenfy. In development mode its limit of requests is wide.
func (s *server) idenfyDoor(chain *web.Chain) http.Handler {
	cfg := idenfy.Config{
		Keys: s.directory, Sessions: s.invites, Verifications: s.verify, Profiles: s.directory, Webhooks: s.webhooks, Rules: rules(s.cfg),
		Origin: s.origin,
	}
	if s.cfg.DevMode {
		cfg.Limit = ratelimit.Limit{Burst: ratelimit.MaxFixed, Period: time.Minute}
	}
	door := idenfy.New(cfg)
	return chain.Wrap(door.Policy(), door)
}

// idenfyAccount is what a client of iDenfy is configured with to use a key in development. A signing key of an earlier start is kept
// while it is the right one.
func (s *server) idenfyAccount(ctx context.Context, base, key, signingKey string) (idenfyCredentials, error) {
	p, err := s.directory.Authenticate(ctx, key)
	if err != nil {
		return idenfyCredentials{}, err
	}
	c := idenfyCredentials{BaseURL: base + idenfy.Mount, APIKey: p.Key.Text(uid.Key), APISecret: key, SigningKey: signingKey}
	all, err := s.webhooks.Endpoints(ctx, p.Tenant)
	if err != nil {
		return c, err
	}
	by := webhook.Caller{Actor: devCaller.Actor}
	var secret signing.Secret
	for _, e := range all {
		if !idenfy.IsCallbackWebhook(e) {
			continue
		}
		if hint, err := s.webhooks.Hint(e); err == nil && signingKey != "" && strings.HasSuffix(signingKey, hint) {
			return c, nil
		}
		_, secret, err = s.webhooks.Rotate(ctx, by, p.Tenant, e.ID)
		c.SigningKey = secret.Reveal()
		return c, err
	}
	_, secret, err = s.webhooks.Create(ctx, by, idenfy.CallbackWebhook(p.Tenant, base+devphone.PathWebhook))
	if fault.Is(err, fault.Conflict) { // as many webhooks as a tenant may have: without room for one there is no key
		err = nil
	}
	c.SigningKey = secret.Reveal()
	return c, err
}
