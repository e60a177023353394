package browsertest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/web"
	"github.com/countersign/countersign/internal/web/webtest"
)

// Forms are what pages have sent to a server of a test.
type Forms struct {
	mu   sync.Mutex
	sent []url.Values  // guarded by mu
	come chan struct{} // one for each form that nobody awaited yet
}

// NewForms has none yet.
func NewForms() *Forms { return &Forms{come: make(chan struct{}, 100)} }

// Keep keeps one more.
func (f *Forms) Keep(form url.Values) {
	f.mu.Lock()
	f.sent = append(f.sent, form)
	f.mu.Unlock()
	f.come <- struct{}{}
}

// All are those that were sent, the newest last.
func (f *Forms) All() []url.Values {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.sent)
}

// Await waits until one more form has come, and gives all that have.
func (f *Forms) Await(t *testing.T) []url.Values {
	t.Helper()
	select {
	case <-f.come:
	case <-time.After(patience):
		t.Fatal("no form came")
	}
	return f.All()
}

// Serve serves pages behind the policy for pages until the test has ended, and gives the origin.
func Serve(t *testing.T, pages http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(webtest.Wrap(io.Discard, web.PagePolicy(web.WriteProblem), pages))
	t.Cleanup(srv.Close)
	t.Cleanup(srv.CloseClientConnections) // a stream of events would keep Close waiting
	return srv.URL
}
