package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/delivery/sink"
	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/handover"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/risk"
	"github.com/countersign/countersign/internal/risk/safelist"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/tally"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web"
	"github.com/countersign/countersign/internal/webhook"
)

// server is every part of a running server, built once.
type server struct {
	cfg        Config
	log        *slog.Logger
	registry   *prometheus.Registry
	storage    *storage
	directory  *tenant.Directory
	dispatcher *delivery.Dispatcher
	verify     *verify.Service
	factors    *factor.Service
	invites    *invite.Service
	operators  *operator.Service
	safe       *safelist.List
	webhooks   *webhook.Service
	tally      *tally.Service
	handover   *handover.Signer
	worker     *outbox.Worker
	sealer     *audit.Sealer
	inbox      *sink.Inbox           // development only
	devKeys    map[uid.Tenant]devKey // development only; complete before the first request comes
	closers    []io.Closer           // of providers that keep connections
	terminal   io.Writer             // for whoever has the machine: links that are no line of the log
	occupied   io.Closer             // keeps other servers off the database in the data directory; nil: it is elsewhere
}

// collectAt lets the heap grow to five times what is live before it is collected. What is live is a few megabytes, so
// this costs tens of megabytes under load and saves a tenth of the processor time.
const collectAt = 400

// Serve runs a server until ctx ends, and then finishes what was accepted. Whatever is wrong with the configuration,
// the keys or the database is an error before anything is served.
func Serve(ctx context.Context, cfg Config, log *slog.Logger) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(collectAt)
	}
	listener, err := listen(cfg.Listen, "listen")
	if err != nil {
		return err
	}
	var metrics net.Listener
	if cfg.Metrics.Listen != "" {
		if metrics, err = listen(cfg.Metrics.Listen, "metrics.listen"); err != nil {
			return errors.Join(err, listener.Close())
		}
	}
	s, err := newServer(ctx, cfg, log)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	stages, err := s.stages(listener, metrics)
	if err != nil {
		return errors.Join(err, listener.Close(), s.close())
	}
	log.Info("serving", "address", listener.Addr().String(), "database", s.storage.engine.Name(), "tls", cfg.TLS.CertFile != "",
		"version", Version())
	debug.FreeOSMemory() // of what was built, two thirds were needed once, and nothing would collect them soon
	err = runStages(ctx, stages)
	log.Info("stopped")
	return errors.Join(err, s.close())
}

func listen(address, key string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("%s: %w; choose another address, or stop what has this one", key, err)
	}
	return l, nil
}

func newServer(ctx context.Context, cfg Config, log *slog.Logger) (*server, error) {
	s := &server{cfg: cfg, log: log, registry: prometheus.NewRegistry(), terminal: os.Stderr}
	s.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	node := uid.Random(time.Now())
	queue := outbox.NewQueue(node)
	var err error
	if cfg.DatabaseURL == "" {
		if s.occupied, err = occupyDir(cfg); err != nil {
			return nil, err
		}
	}
	if s.storage, err = openStorage(ctx, cfg, queue, log, s.registry); err != nil {
		return nil, errors.Join(err, s.vacate())
	}
	if err := s.build(node, queue); err != nil {
		return nil, errors.Join(err, s.close())
	}
	return s, nil
}

// close gives up what newServer has opened.
func (s *server) close() error {
	var errs []error
	for _, c := range s.closers {
		errs = append(errs, c.Close())
	}
	return errors.Join(append(errs, s.storage.engine.Close(), s.vacate())...)
}

// occupyDir makes the data directory and keeps other servers off it.
func occupyDir(cfg Config) (io.Closer, error) {
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, fmt.Errorf("data_dir: %w", err)
	}
	return occupy(cfg)
}

// vacate lets another server have the data directory.
func (s *server) vacate() error {
	if s.occupied == nil {
		return nil
	}
	return s.occupied.Close()
}

func (s *server) build(node uid.ID, queue *outbox.Queue) (err error) {
	if s.directory, err = newDirectory(s.cfg, s.storage, s.log, s.registry); err != nil {
		return err
	}
	client, err := egress.New(egress.Config{Allow: targets(s.cfg), UserAgent: "Countersign/" + Version()}, s.registry)
	if err != nil {
		return err
	}
	if s.cfg.DevMode {
		s.inbox = sink.NewInbox()
	}
	if s.dispatcher, s.closers, err = newDispatcher(s.cfg, s.directory, s.inbox, client, s.log, s.registry); err != nil {
		return err
	}
	if s.safe, err = safelist.New(safelist.Config{Rules: rules(s.cfg), Limit: safeListLimit(s.cfg)}, s.storage.ring, s.storage.db); err != nil {
		return err
	}
	if s.verify, err = verify.New(verify.Config{Rules: rules(s.cfg), PagesHost: pagesHost(s.cfg)}, verify.Deps{
		Store: s.storage.db, Ring: s.storage.ring, Tenants: s.directory, Carrier: s.dispatcher, Risk: s.risk(),
		Notices: s.noticeReceipt, Log: s.log, Registry: s.registry,
	}); err != nil {
		return err
	}
	if s.factors, err = factor.New(factorLimits(s.cfg), s.storage.ring, s.storage.db); err != nil {
		return err
	}
	if s.handover, err = handover.New(s.cfg.BaseURL(), s.storage.ring, s.storage.db); err != nil {
		return err
	}
	if s.invites, err = s.newInvitations(); err != nil {
		return err
	}
	if s.operators, err = newOperators(s.cfg, s.storage, s.directory, s.dispatcher, s.log); err != nil {
		return err
	}
	if s.webhooks, err = s.newWebhooks(client); err != nil {
		return err
	}
	if s.tally, err = tally.New(tally.Deps{Store: s.storage.db, Log: s.log, Registry: s.registry}); err != nil {
		return err
	}
	if s.worker, err = outbox.New(outbox.Config{
		Node: node, Concurrency: s.cfg.Worker.Concurrency, Log: s.log, Registry: s.registry,
	}, s.storage.db, queue, s.handlers()); err != nil {
		return err
	}
	s.sealer, err = audit.NewSealer(sealerConfig(s.cfg), s.storage.db, s.storage.signer, s.log, s.registry)
	return err
}

// factorLimits are how many wrong codes of authenticator apps are borne. Development mode makes nobody wait.
func factorLimits(cfg Config) factor.Limits {
	l := factor.DefaultLimits()
	if cfg.DevMode {
		l.Waits = nil
	}
	return l
}

// risk is the engine that weighs starts: no rules against fraud yet, from which numbers of the safe list are exempt, and before
// them the opt-outs.
func (s *server) risk() risk.Engine {
	return risk.First(s.optOuts(), risk.Exempting(risk.Allow, s.safe.Holds))
}

// optOuts is the engine that knows who wants no messages, whoever sends them: in development the numbers of the configuration.
func (s *server) optOuts() risk.Engine {
	if s.cfg.DevMode && len(s.cfg.Dev.Barred) > 0 {
		return barred(s.cfg.Dev.Barred, s.storage.ring)
	}
	return risk.Allow
}

// safeListLimit is how many requests a tenant may make of its safe list. Development mode makes nobody wait.
func safeListLimit(cfg Config) ratelimit.Limit {
	if cfg.DevMode {
		return ratelimit.Limit{Burst: ratelimit.MaxFixed, Period: time.Minute}
	}
	return safelist.DefaultLimit()
}

// targets are the networks that may be called besides the public ones. Development mode calls servers on its own machine.
func targets(cfg Config) []netip.Prefix {
	if !cfg.DevMode {
		return cfg.Egress.Allow
	}
	return append([]netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}, cfg.Egress.Allow...)
}

func rules(cfg Config) recipient.Rules { return recipient.Rules{Fiction: cfg.DevMode} }

// newDirectory builds the directory of tenants for a server or a command.
func newDirectory(cfg Config, st *storage, log *slog.Logger, reg prometheus.Registerer) (*tenant.Directory, error) {
	channels := make([]string, len(delivery.Channels))
	for i, c := range delivery.Channels {
		channels[i] = string(c)
	}
	return tenant.New(tenant.Config{
		Hash: keyHash(st.ring), Once: st.ring.Once, Showable: delivery.Showable, Channels: channels, Limits: cfg.TenantLimits(), Rules: rules(cfg),
		MinTTL: minTTL(cfg), Log: log, Registry: reg,
	}, st.db)
}

// minTTL is the shortest life of a code that a profile may ask for; zero is the directory's own.
func minTTL(cfg Config) time.Duration {
	if cfg.DevMode {
		return 5 * time.Second
	}
	return 0
}

func keyHash(ring *seal.Ring) func(string) [32]byte {
	return func(secret string) [32]byte { return ring.Hash("api_key", uid.Tenant{}, []byte(secret)) }
}

func sealerConfig(cfg Config) audit.SealerConfig {
	c := audit.SealerConfig{CheckpointEvery: cfg.Audit.Interval}
	if path := cfg.CheckpointFile(); path != "" {
		c.Outside = audit.NewCheckpointFile(path)
	}
	return c
}

// stages are the parts that run, in the order in which they start: each needs only those before it.
func (s *server) stages(listener, metrics net.Listener) ([]stage, error) {
	handler, err := s.handler(metrics == nil)
	if err != nil {
		return nil, err
	}
	var tlsConfig *tls.Config
	if s.cfg.TLS.CertFile != "" {
		if tlsConfig, err = web.LoadTLS(s.cfg.TLS.CertFile, s.cfg.TLS.KeyFile); err != nil {
			return nil, fmt.Errorf("tls: %w", err)
		}
	}
	stages := []stage{
		{"store", func(ctx context.Context) error { s.storage.db.Run(ctx); return nil }},
		{"directory", s.directory.Run},
		{"keys", func(ctx context.Context) error { return relearn(ctx, s.cfg, s.storage.ring, s.log) }},
		{"sealer", s.seal},
		{"fanout", s.webhooks.Run},
		{"tally", s.tally.Run},
		{"retention", func(ctx context.Context) error { return retain(ctx, s.cfg, s.storage, s.factors, s.handover, s.log) }},
		{"expiry", s.expire},
		{"invitations", s.expireInvitations},
		{"operators", s.keepOperators},
		{"worker", s.worker.Run},
	}
	if metrics != nil {
		stages = append(stages, stage{"metrics", func(ctx context.Context) error {
			return web.Server{Handler: web.Metrics(s.registry), Log: s.log}.Serve(ctx, metrics)
		}})
	}
	return append(stages, stage{"http", func(ctx context.Context) error {
		if s.cfg.DevMode {
			if err := s.prepareDev(ctx, listener.Addr()); err != nil {
				return err
			}
		}
		return web.Server{Handler: handler, TLS: tlsConfig, Log: s.log}.Serve(ctx, listener)
	}}), nil
}

// seal runs the sealer, and at the end seals once more, so that a stopped server leaves nothing unprotected.
func (s *server) seal(ctx context.Context) error {
	s.sealer.Run(ctx)
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	if _, err := s.sealer.SealNow(last); err != nil {
		s.log.Warn("the last events are not sealed; the next start does it", "error", err)
	}
	return nil
}

// expireEvery is how often verifications whose time is over are ended. Nothing waits for it: a late check finds out by
// itself, and a new start takes the place.
const expireEvery = 5 * time.Second

func (s *server) expire(ctx context.Context) error {
	tick := time.NewTicker(expireEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		for more := true; more; {
			n, err := s.verify.Sweep(ctx)
			if err != nil && ctx.Err() == nil {
				s.log.Warn("the expiry sweep failed and will be tried again", "error", err)
			}
			more = n > 0 && err == nil
		}
	}
}
