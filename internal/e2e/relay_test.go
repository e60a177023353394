package e2e

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

// relaySecret signs between the servers and the relay.
const relaySecret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwRmFja3VwIGtleSE="

// message is what arrived at the relay.
type message struct {
	At           time.Time
	Send         string // webhook-id: the same for every hand-over of one send
	Delivery     string `json:"delivery_id"`
	Verification string `json:"verification_id"`
	To           string `json:"to"`
	Body         string `json:"body"`
	Code         string
}

// relay is a customer's own sender of messages. It checks every signature by the published library, and keeps all.
type relay struct {
	t      testing.TB
	http   *httptest.Server
	verify *standardwebhooks.Webhook

	// answer is what it does with a message once that is kept; nil: taken. It stands in for a slow, failing or lying
	// provider, and for a moment to kill at.
	answer   atomic.Pointer[func(w http.ResponseWriter, r *http.Request, m message)]
	inFlight atomic.Int64 // messages that are kept and not answered yet

	mu      sync.Mutex
	all     []message            // under mu, in the order of arrival
	of      map[string][]message // under mu, by verification
	changed chan struct{}        // under mu: closed and replaced with every message
}

func newRelay(t testing.TB) *relay {
	t.Helper()
	verify, err := standardwebhooks.NewWebhook(relaySecret)
	if err != nil {
		t.Fatal(err)
	}
	r := &relay{t: t, verify: verify, of: map[string][]message{}, changed: make(chan struct{})}
	r.http = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(func() {
		r.http.CloseClientConnections() // a test may leave a handler hanging
		r.http.Close()
	})
	return r
}

// codeForm finds the code in a text: the only run of so many digits.
var codeForm = regexp.MustCompile(`\b[0-9]{4,10}\b`)

func (r *relay) take(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return // its server was killed in the middle of it: no message
	}
	m := message{At: time.Now(), Send: req.Header.Get("Webhook-Id")}
	if err := r.verify.Verify(body, req.Header); err != nil {
		r.t.Errorf("the relay got a message whose signature is not good: %v", err)
	}
	if err := json.Unmarshal(body, &m); err != nil {
		r.t.Errorf("the relay got a message that it can't read: %v", err)
	}
	m.Code = codeForm.FindString(m.Body)
	r.keep(m)
	r.inFlight.Add(1)
	defer r.inFlight.Add(-1)
	if answer := r.answer.Load(); answer != nil {
		(*answer)(w, req, m)
		return
	}
	taken(w, m)
}

func (r *relay) keep(m message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.all = append(r.all, m)
	r.of[m.Verification] = append(r.of[m.Verification], m)
	close(r.changed)
	r.changed = make(chan struct{})
}

// taken is the answer of a provider that takes the message.
func taken(w http.ResponseWriter, m message) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"reference": "ref_" + m.Delivery}) // its server may have been killed
}

// set makes the relay answer by do, nil for taking everything.
func (r *relay) set(do func(w http.ResponseWriter, req *http.Request, m message)) {
	if do == nil {
		r.answer.Store(nil)
		return
	}
	r.answer.Store(&do)
}

// messages are those of a verification so far.
func (r *relay) messages(verification string) []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.of[verification]
}

// total is how many messages came.
func (r *relay) total() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.all)
}

// wait gives the first message of a verification, or false when ctx ends before it comes.
func (r *relay) wait(ctx context.Context, verification string) (message, bool) {
	for {
		r.mu.Lock()
		got, changed := r.of[verification], r.changed
		r.mu.Unlock()
		if len(got) > 0 {
			return got[0], true
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return message{}, false
		}
	}
}

// code is that of the first message of a verification.
func (r *relay) code(t testing.TB, verification string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	m, ok := r.wait(ctx, verification)
	if !ok {
		t.Fatalf("no message for %s", verification)
	}
	return m.Code
}

// hang makes the relay keep every message waiting for its answer until the function that it gives is called.
func (r *relay) hang() (release func()) {
	gate := make(chan struct{})
	r.set(func(w http.ResponseWriter, req *http.Request, m message) {
		select {
		case <-gate:
			taken(w, m)
		case <-req.Context().Done():
		}
	})
	return sync.OnceFunc(func() { close(gate) })
}
