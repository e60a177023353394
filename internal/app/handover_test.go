package app

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/handover"
	"github.com/countersign/countersign/internal/tenant/tenanttest"
)

// meta is a store of one value.
type meta struct {
	value []byte
	err   error
}

func (m *meta) Meta(context.Context, string) ([]byte, error) { return m.value, m.err }

func (m *meta) PutMeta(_ context.Context, _ string, _, value []byte) ([]byte, error) {
	m.value = value
	return value, m.err
}

func TestRA_48_the_keys_of_results_are_published_for_everybody_and_may_be_kept_for_five_minutes(t *testing.T) {
	t.Parallel()
	m := &meta{}
	signer, err := handover.New("https://verify.example.net", tenanttest.Ring(t), m)
	if err != nil {
		t.Fatal(err)
	}
	h := (&server{handover: signer}).jwks()
	call := func(method, path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, path, nil))
		return w
	}
	w := call("GET", jwksPath)
	if w.Code != http.StatusOK || w.Header().Get("Content-Type") != "application/jwk-set+json" || w.Header().Get("Cache-Control") != "public, max-age=300" ||
		!strings.HasPrefix(w.Body.String(), `{"keys":[{`) || strings.Contains(w.Body.String(), `"d":`) {
		t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if w := call("POST", jwksPath); w.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", w.Code)
	}
	m.err = fault.Wrap(fault.Unavailable, "database_away", "Try again.", errors.New("a secret cause")).After(time.Second)
	if again := call("GET", jwksPath); again.Code != http.StatusOK || again.Body.String() != w.Body.String() {
		t.Errorf("while the database is away: %d %s", again.Code, again.Body)
	}
	fresh, err := handover.New("https://verify.example.net", tenanttest.Ring(t), m)
	if err != nil {
		t.Fatal(err)
	}
	h = (&server{handover: fresh}).jwks()
	if w := call("GET", jwksPath); w.Code != http.StatusServiceUnavailable || strings.Contains(w.Body.String(), "secret") || strings.Contains(w.Header().Get("Cache-Control"), "public") {
		t.Errorf("before any key is known: %d %v %s", w.Code, w.Header(), w.Body)
	}
}
