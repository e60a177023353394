package app

import (
	"net/http"
	"time"

	"github.com/countersign/countersign/internal/compat/mta"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/web"
)

// mtaCredentials are what a client of Mobile Text Alerts is configured with.
type mtaCredentials struct {
	BaseURL string `json:"base_url"`
	APIKey  string `json:"api_key"`
}

// mtaDoor is the door for clients of Mobile Text Alerts. In development mode its limits of requests are wide.
func (s *server) mtaDoor(chain *web.Chain) http.Handler {
	cfg := mta.Config{
		Keys: s.directory, Verifications: s.verify, Directory: s.directory, Webhooks: s.webhooks, Rules: rules(s.cfg),
		Words:  s.dispatcher.Words,
		Limits: mta.Limits{Address: s.cfg.MTA.AddressLimit, Account: s.cfg.MTA.AccountLimit},
	}
	if s.cfg.DevMode {
		many := ratelimit.Limit{Burst: 1_000_000, Period: time.Minute}
		cfg.Limits = mta.Limits{Address: many, Account: many}
	}
	door := mta.New(cfg)
	return chain.Wrap(door.Policy(), door)
}
