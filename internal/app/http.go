package app

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/netip"
	"strings"

	"github.com/countersign/countersign/internal/api"
	"github.com/countersign/countersign/internal/compat/camara"
	"github.com/countersign/countersign/internal/compat/idenfy"
	"github.com/countersign/countersign/internal/compat/mta"
	"github.com/countersign/countersign/internal/compat/twilio"
	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/devphone"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/web"
)

// handler is everything that the public listener answers. metrics tells whether loopback may read /metrics here, since
// they have no listener of their own.
func (s *server) handler(metrics bool) (http.Handler, error) {
	chain, err := web.NewChain(web.Config{
		Log: s.log, Registerer: s.registry, TrustedProxies: s.cfg.TrustedProxies,
		HTTPS: strings.HasPrefix(s.cfg.PublicURL, "https://"),
	})
	if err != nil {
		return nil, err
	}
	native, document := api.New(api.Config{
		Keys: s.directory, Verifications: s.verify, Profiles: s.directory, Webhooks: s.webhooks,
		Invitations: s.invites, Settings: s.invites, Receipts: s.dispatcher.Receipts, Setting: mta.CheckSetting,
	})
	health := web.Health(s.log,
		web.Check{Name: "database", OK: s.storage.db.Ping},
		web.Check{Name: "worker", OK: s.workerReady},
	)
	rest := chain.Wrap(api.Policy(), front(native))
	edges := map[string]http.Handler{"/healthz": health, "/readyz": health, jwksPath: chain.Wrap(web.APIPolicy(), s.jwks())}
	operator, err := s.camara(chain)
	if err != nil {
		return nil, err
	}
	vendor, err := s.twilio(chain)
	if err != nil {
		return nil, err
	}
	customers, err := s.customerPages()
	if err != nil {
		return nil, err
	}
	edges["/v/"] = chain.Wrap(customers.Policy(), customers)
	if edges[console.Prefix], err = s.operatorPages(chain, customers, document); err != nil {
		return nil, err
	}
	edges[console.Prefix+"/"] = edges[console.Prefix]
	for mount, door := range map[string]http.Handler{
		twilio.Mount: vendor, "/compat/mta": s.mtaDoor(chain), strings.TrimSuffix(camara.Base, "/"): operator, idenfy.Mount: s.idenfyDoor(chain),
	} {
		edges[mount], edges[mount+"/"] = door, door // what is answered at the mount itself is the vendor's form too
	}
	if metrics {
		edges["/metrics"] = onlyLoopback(web.Metrics(s.registry), rest)
	}
	if s.inbox != nil {
		phone, err := devphone.New(devphone.Config{Inbox: phoneInbox{s.inbox}, Origin: s.cfg.BaseURL(), Command: s.firstCommand()})
		if err != nil {
			return nil, err
		}
		edges["/dev/"] = chain.Wrap(web.PagePolicy(web.WriteProblem), phone)
	}
	return web.Split(edges, rest), nil
}

// front leads a person who opens the bare address to the console; programs are answered as everywhere.
func front(rest http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/" && r.Method == http.MethodGet && strings.Contains(r.Header.Get("Accept"), "text/html") {
			http.Redirect(w, r, console.Prefix, http.StatusSeeOther)
			return
		}
		rest.ServeHTTP(w, r)
	})
}

// twilio is the door for applications of Twilio's Verify API.
func (s *server) twilio(chain *web.Chain) (http.Handler, error) {
	texts, err := delivery.Templates()
	if err != nil {
		return nil, err
	}
	cfg := twilio.Config{
		Keys: s.directory, Verifications: s.verify, Profiles: s.directory, Factors: s.factors, Webhooks: s.webhooks,
		SafeList: s.safe, Templates: texts,
		Rules: rules(s.cfg), Origin: s.origin,
	}
	if s.cfg.DevMode {
		cfg.Life, cfg.Attempts = s.cfg.Dev.CodeTTL, ratelimit.MaxFixed
	}
	return chain.Wrap(twilio.Policy(), twilio.New(cfg)), nil
}

// origin is what URLs in the answer to r begin with.
func (s *server) origin(r *http.Request) string {
	if s.cfg.PublicURL != "" {
		return strings.TrimSuffix(s.cfg.PublicURL, "/")
	}
	return web.Origin(r, s.cfg.TrustedProxies)
}

func (s *server) workerReady(context.Context) error {
	if !s.worker.Ready() {
		return errors.New("the worker has not heard from the database lately")
	}
	return nil
}

// onlyLoopback shows h to peers on this machine that speak for themselves; to everyone else the path does not exist.
func onlyLoopback(h, otherwise http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		peer, err := netip.ParseAddrPort(r.RemoteAddr)
		forwarded := r.Header.Get("X-Forwarded-For") != "" || r.Header.Get("Forwarded") != ""
		if err != nil || !peer.Addr().Unmap().IsLoopback() || forwarded {
			otherwise.ServeHTTP(w, r)
			return
		}
		h.ServeHTTP(w, r)
	})
}

// firstCommand is a shell command that sends a first message, for the empty phone page.
func (s *server) firstCommand() string {
	return `curl -s http://` + s.cfg.Listen + `/v1/verifications -H "Authorization: Bearer $(grep -o 'csk_[a-z0-9]*' ` + s.credentialsFile() +
		` | head -n 1)" -H 'Content-Type: application/json' -d '{"to":"+12025550123"}'`
}

// baseURL is where this machine reaches the listener.
func baseURL(addr net.Addr) string { return "http://" + addr.String() }
