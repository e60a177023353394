package api_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/countersign/countersign/internal/uid"
)

// The benchmarks are one request through chain, huma, handler and encoding, with the log line and a service that does
// nothing. The target is under 25 microseconds of CPU.

func BenchmarkStart(b *testing.B) {
	benchmark(b, "/v1/verifications", `{"to":"+12025550123","channel":"sms","purpose":"login","external_id":"u-1"}`, "")
}

func BenchmarkStartWithClientAndKey(b *testing.B) {
	benchmark(b, "/v1/verifications", `{"to":"+12025550123","client":{"ip":"203.0.113.9","user_agent":"Mozilla/5.0","device_id":"d-1"}}`, "k-1")
}

func BenchmarkCheck(b *testing.B) {
	benchmark(b, "/v1/verifications/"+vrf.Text(uid.Verification)+"/check", `{"code":"123456"}`, "")
}

func benchmark(b *testing.B, path, body, key string) {
	s := newServices()
	h := newServer(b, s, io.Discard)
	r := httptest.NewRequest("POST", path, nil)
	r.Header.Set("Authorization", "Bearer "+keyAll)
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	r.ContentLength = int64(len(body))
	w := answer{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		r.Body = io.NopCloser(bytes.NewReader([]byte(body)))
		clear(w.header)
		s.asked = s.asked[:0]
		h.ServeHTTP(&w, r)
		if w.status >= 300 {
			b.Fatal(w.status)
		}
	}
}

// answer is a writer that costs next to nothing.
type answer struct {
	header http.Header
	status int
}

func (a *answer) Header() http.Header         { return a.header }
func (a *answer) WriteHeader(status int)      { a.status = status }
func (a *answer) Write(b []byte) (int, error) { return len(b), nil }
