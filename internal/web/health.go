package web

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Check is one thing that must be so for the server to take work.
type Check struct {
	Name string // stable word, shown: "database"
	OK   func(ctx context.Context) error
}

// checkTimeout bounds a readiness check, under the probe time-outs that orchestrators use by default.
const checkTimeout = 900 * time.Millisecond

// Health answers /healthz, which says that the process is up, and /readyz, which says that every check passes. A
// failed check is named with 503; its cause is logged and not shown.
func Health(log *slog.Logger, checks ...Check) http.Handler {
	mux := NewMux(WriteProblem)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		writeJSON(w, http.StatusOK, health{Status: "ok"})
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		h, status := ready(r.Context(), log, checks)
		writeJSON(w, status, h)
	})
	return mux
}

type health struct {
	Status string            `json:"status"`
	Checks map[string]string `json:"checks,omitempty"`
}

// ready runs all checks at once, so that a slow one hides none.
func ready(ctx context.Context, log *slog.Logger, checks []Check) (health, int) {
	ctx, cancel := context.WithTimeout(ctx, checkTimeout)
	defer cancel()
	errs := make([]error, len(checks))
	var wg sync.WaitGroup
	for i, c := range checks {
		wg.Go(func() { errs[i] = c.OK(ctx) })
	}
	wg.Wait()
	h, status := health{Status: "ok", Checks: map[string]string{}}, http.StatusOK
	for i, c := range checks {
		h.Checks[c.Name] = "ok"
		if errs[i] != nil {
			h.Status, h.Checks[c.Name], status = "failing", "failing", http.StatusServiceUnavailable
			log.LogAttrs(ctx, slog.LevelWarn, "not ready", slog.String("check", c.Name), slog.String("cause", errs[i].Error()))
		}
	}
	return h, status
}

// Metrics answers /metrics in Prometheus' form. It belongs on a listener of its own or on loopback.
func Metrics(g prometheus.Gatherer) http.Handler {
	mux := NewMux(WriteProblem)
	mux.Handle("GET /metrics", promhttp.HandlerFor(g, promhttp.HandlerOpts{}))
	return mux
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // only types of this package come here
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client may have gone
}
