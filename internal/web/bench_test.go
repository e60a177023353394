package web_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/web"
)

// BenchmarkChain is what the chain and the mux cost a request, with the log line; the target is under 8 microseconds
// more than BenchmarkBare.
func BenchmarkChain(b *testing.B) {
	chain, err := web.NewChain(web.Config{
		Log:        slog.New(slog.NewJSONHandler(io.Discard, nil)),
		Registerer: prometheus.NewRegistry(),
	})
	if err != nil {
		b.Fatal(err)
	}
	mux := web.NewMux(web.WriteProblem)
	mux.HandleFunc("POST /v1/verifications", empty)
	benchmark(b, chain.Wrap(web.APIPolicy(), mux))
}

// BenchmarkBare is the same request on the standard mux alone.
func BenchmarkBare(b *testing.B) {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/verifications", empty)
	benchmark(b, mux)
}

func empty(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }

func benchmark(b *testing.B, h http.Handler) {
	r := httptest.NewRequest("POST", "/v1/verifications", http.NoBody)
	r.RemoteAddr = "203.0.113.7:40000"
	b.ReportAllocs()
	for b.Loop() {
		w := answer{header: http.Header{}}
		h.ServeHTTP(&w, r)
	}
}

// answer is a writer that costs next to nothing.
type answer struct{ header http.Header }

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(int)             {}
func (a *answer) Write(b []byte) (int, error) { return len(b), nil }
