package app

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/countersign/countersign/internal/api"
	"github.com/countersign/countersign/internal/devphone"
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
	native, err := api.New(api.Config{
		Keys: s.directory, Verifications: s.verify, Profiles: s.directory, Receipts: s.dispatcher.Receipts,
	})
	if err != nil {
		return nil, err
	}
	health := web.Health(s.log,
		web.Check{Name: "database", OK: s.storage.db.Ping},
		web.Check{Name: "worker", OK: s.workerReady},
	)
	mux := http.NewServeMux()
	mux.Handle("/", chain.Wrap(web.APIPolicy(), native))
	mux.Handle("/healthz", health)
	mux.Handle("/readyz", health)
	if metrics {
		mux.Handle("/metrics", onlyLoopback(s.metricsHandler(), native))
	}
	if s.inbox != nil {
		phone, err := devphone.New(devphone.Config{Inbox: phoneInbox{s.inbox}, Command: s.firstCommand()})
		if err != nil {
			return nil, err
		}
		mux.Handle("/dev/", chain.Wrap(web.PagePolicy(web.WriteProblem), phone))
	}
	return mux, nil
}

func (s *server) workerReady(context.Context) error {
	if !s.worker.Ready() {
		return errors.New("the worker has not heard from the database lately")
	}
	return nil
}

func (s *server) metricsHandler() http.Handler {
	return promhttp.HandlerFor(s.registry, promhttp.HandlerOpts{Registry: s.registry})
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

// loadTLS gives the TLS settings of the public listener, nil for plain HTTP. A renewed certificate is picked up without
// a restart.
func loadTLS(cfg Config) (*tls.Config, error) {
	if cfg.TLS.CertFile == "" {
		return nil, nil
	}
	c := &certificate{certFile: cfg.TLS.CertFile, keyFile: cfg.TLS.KeyFile}
	if _, err := c.get(nil); err != nil {
		return nil, fmt.Errorf("tls: %w", err)
	}
	return &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}, nil
}

// recheck is how long a certificate is used before its file is looked at again.
const recheck = time.Minute

// certificate is a pair of files and what was last read from them.
type certificate struct {
	certFile, keyFile string

	mu       sync.Mutex
	loaded   *tls.Certificate // under mu
	modified time.Time        // under mu: of certFile, when it was loaded
	checked  time.Time        // under mu
}

// get gives the certificate of the files. A renewal that can't be read yet leaves the one in use.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded != nil && time.Since(c.checked) < recheck {
		return c.loaded, nil
	}
	c.checked = time.Now()
	info, err := os.Stat(c.certFile)
	if err == nil && (c.loaded == nil || info.ModTime().After(c.modified)) {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(c.certFile, c.keyFile); err == nil {
			c.loaded, c.modified = &pair, info.ModTime()
		}
	}
	if c.loaded == nil {
		return nil, err
	}
	return c.loaded, nil
}

// firstCommand is a shell command that sends a first message, for the empty phone page.
func (s *server) firstCommand() string {
	return `curl -s http://` + s.cfg.Listen + `/v1/verifications -H "Authorization: Bearer $(jq -r .api_key ` + s.credentialsFile() +
		`)" -H 'Content-Type: application/json' -d '{"to":"+12025550123"}'`
}

// baseURL is where this machine reaches the listener.
func baseURL(addr net.Addr) string { return "http://" + addr.String() }
