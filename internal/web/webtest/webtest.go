// Package webtest puts what a test serves behind the chain that a server puts before it.
package webtest

import (
	"io"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/web"
)

// Wrap puts a handler behind a chain with a policy. What the chain logs goes to log as JSON.
func Wrap(log io.Writer, policy web.Policy, h http.Handler) http.Handler {
	chain, err := web.NewChain(web.Config{Log: slog.New(slog.NewJSONHandler(log, nil)), Registerer: prometheus.NewRegistry()})
	if err != nil {
		panic(err) // a mistake of the one who writes this package
	}
	return chain.Wrap(policy, h)
}
