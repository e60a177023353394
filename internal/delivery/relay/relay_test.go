package relay

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/delivery/deliverytest"
	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/uid"
)

const (
	testSecret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	otherSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)

// peer is a customer's own sender: it verifies with the public library and behaves as told.
type peer struct {
	*httptest.Server

	mu        sync.Mutex
	behaviour deliverytest.Behaviour
	answer    http.HandlerFunc // instead of a behaviour, when set
	requests  []*http.Request
	bodies    []string
	taken     []deliverytest.Taken
}

func newPeer(t *testing.T) *peer {
	t.Helper()
	p := &peer{}
	p.Server = httptest.NewServer(p)
	t.Cleanup(p.Close)
	return p
}

func (p *peer) behave(b deliverytest.Behaviour) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.behaviour = b
}

func (p *peer) messages() []deliverytest.Taken {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]deliverytest.Taken(nil), p.taken...)
}

func (p *peer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	library, err := standardwebhooks.NewWebhook(testSecret)
	if err != nil || library.Verify(body, r.Header) != nil {
		http.Error(w, "signature", http.StatusUnauthorized)
		return
	}
	p.mu.Lock()
	behaviour, answer := p.behaviour, p.answer
	p.requests, p.bodies = append(p.requests, r), append(p.bodies, string(body))
	p.mu.Unlock()
	if answer != nil {
		answer(w, r)
		return
	}
	switch behaviour {
	case deliverytest.Take:
		var in post
		_ = json.Unmarshal(body, &in) // an empty one shows in what was taken
		p.mu.Lock()
		p.taken = append(p.taken, deliverytest.Taken{To: in.To, Text: in.Body, Key: r.Header.Get("webhook-id")})
		p.mu.Unlock()
		_, _ = io.WriteString(w, `{"reference":"ref-1"}`)
	case deliverytest.Hang:
		<-r.Context().Done()
	case deliverytest.Overload:
		w.Header().Set("Retry-After", "7")
		w.WriteHeader(http.StatusServiceUnavailable)
		_, _ = w.Write(body) // an error page that repeats what was sent
	case deliverytest.Refuse:
		w.WriteHeader(http.StatusUnprocessableEntity)
		_, _ = w.Write(body)
	case deliverytest.Lie:
		w.Header().Set("Location", "https://elsewhere.example/"+testSecret)
		w.WriteHeader(http.StatusFound)
		_, _ = io.WriteString(w, strings.Repeat("lies ", 1<<16))
	case deliverytest.Break:
		panic(http.ErrAbortHandler)
	}
}

func client(t testing.TB) *egress.Client {
	t.Helper()
	c, err := egress.New(egress.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func config(url string) Config {
	return Config{Name: "main", Channels: []delivery.Channel{delivery.SMS, delivery.Voice, delivery.WhatsApp}, URL: url, Secret: testSecret}
}

// open makes a relay to the peer, its configuration changed by change when that is set.
func open(t testing.TB, p *peer, change func(*Config)) *Relay {
	t.Helper()
	cfg := config(p.URL + "/send?token=s3cr3t")
	if change != nil {
		change(&cfg)
	}
	r, err := New(cfg, client(t))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestRelay_suite(t *testing.T) {
	t.Parallel()
	deliverytest.Run(t, func(t *testing.T) deliverytest.Subject {
		p := newPeer(t)
		return deliverytest.Subject{
			Provider: open(t, p, nil),
			Secrets:  []string{testSecret, strings.TrimPrefix(testSecret, "whsec_"), "s3cr3t"},
			Taken:    p.messages,
			Behave:   p.behave,
		}
	})
}

func TestSend_posts_exactly_what_is_documented(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	r := open(t, p, nil)
	out := deliverytest.Outgoing(r, uid.New(time.UnixMilli(1700000000000), 99), 3)
	out.From = "Acme"
	got, err := r.Send(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	if want := (delivery.Accepted{Reference: "ref-1", Echoes: true}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(p.bodies[0]), &body); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"delivery_id": out.ID.String(), "verification_id": out.ID.Verification.Text(uid.Verification), "channel": "sms",
		"to": "+12025550123", "from": "Acme", "body": "Acme: 918273 is your code.", "locale": "en", "segments": 1.0,
	}
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
	req := p.requests[0]
	if req.Method != "POST" || req.URL.RequestURI() != "/send?token=s3cr3t" || req.Header.Get("Content-Type") != "application/json" ||
		req.Header.Get("webhook-id") != out.SendKey || req.Header.Get("Idempotency-Key") != "" {
		t.Errorf("%s %s %v", req.Method, req.URL, req.Header)
	}
}

func TestSend_posts_a_notice_of_an_invitation(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	r := open(t, p, nil)
	out := deliverytest.Notice(r, uid.New(time.UnixMilli(1700000000000), 99), 2)
	for range 2 { // the second after a crash
		if _, err := r.Send(t.Context(), out); err != nil {
			t.Fatal(err)
		}
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(p.bodies[0]), &body); err != nil {
		t.Fatal(err)
	}
	id := out.ID.Invitation.Text("")
	want := map[string]any{
		"delivery_id": "ntc" + id + "_2_sms", "invitation_id": "inv" + id, "channel": "sms",
		"to": "+12025550123", "from": "", "body": "Acme asks you to confirm your details: " + out.Link.Reveal(), "locale": "en", "segments": 1.0,
	}
	if diff := cmp.Diff(want, body); diff != "" {
		t.Error(diff)
	}
	for _, req := range p.requests {
		if req.Header.Get("webhook-id") != "ntc"+id+"_2_sms" {
			t.Errorf("webhook-id %s", req.Header.Get("webhook-id"))
		}
	}
}

func TestSend_reads_answers(t *testing.T) {
	t.Parallel()
	taken := func(ref string) delivery.Accepted { return delivery.Accepted{Reference: ref, Echoes: true} }
	for _, c := range []struct {
		name, body string
		status     int
		after      string
		want       delivery.Accepted
		err        error
	}{
		{name: "a reference", status: 200, body: `{"reference":"abc"}`, want: taken("abc")},
		{name: "a reference and a price", status: 200, body: `{"reference":"abc","price":{"amount":0.0075,"currency":"EUR"}}`,
			want: delivery.Accepted{Reference: "abc", Echoes: true, Price: &delivery.Price{Amount: "0.0075", Currency: "EUR"}}},
		{name: "an empty body", status: 204, want: taken("")},
		{name: "no JSON", status: 200, body: "OK", want: taken("")},
		{name: "another type", status: 201, body: `{"reference":17}`, want: taken("")},
		{name: "a list", status: 202, body: `["abc"]`, want: taken("")},
		{name: "a reference too long to keep", status: 200, body: `{"reference":"` + strings.Repeat("a", 201) + `"}`, want: taken("")},
		{name: "a reference with control characters", status: 200, body: `{"reference":"a\u0000b"}`, want: taken("")},
		{name: "a huge body", status: 200, body: `{"x":"` + strings.Repeat("a", 1<<20) + `","reference":"abc"}`, want: taken("")},
		{name: "a price that is none", status: 200, body: `{"reference":"abc","price":{"amount":"much","currency":"EUR"}}`, want: taken("")},
		{name: "429 with seconds", status: 429, after: "7", err: &delivery.Temporary{Word: delivery.ErrorRateLimited, RetryAfter: 7 * time.Second}},
		{name: "429 with nonsense", status: 429, after: "soon", err: &delivery.Temporary{Word: delivery.ErrorRateLimited}},
		{name: "429 in the past", status: 429, after: "Fri, 31 Dec 1999 23:59:59 GMT", err: &delivery.Temporary{Word: delivery.ErrorRateLimited}},
		{name: "429 negative", status: 429, after: "-5", err: &delivery.Temporary{Word: delivery.ErrorRateLimited}},
		{name: "500", status: 500, err: &delivery.Temporary{Word: delivery.ErrorProvider}},
		{name: "503 with a wait", status: 503, after: "2", err: &delivery.Temporary{Word: delivery.ErrorProvider, RetryAfter: 2 * time.Second}},
		{name: "599", status: 599, err: &delivery.Temporary{Word: delivery.ErrorProvider}},
		{name: "400", status: 400, err: &delivery.Final{Word: delivery.ErrorRefused}},
		{name: "404", status: 404, err: &delivery.Final{Word: delivery.ErrorRefused}},
		{name: "a redirect", status: 307, err: &delivery.Temporary{Word: delivery.ErrorUnexpected}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPeer(t)
			p.answer = func(w http.ResponseWriter, _ *http.Request) {
				if c.after != "" {
					w.Header().Set("Retry-After", c.after)
				}
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}
			r := open(t, p, nil)
			got, err := r.Send(t.Context(), deliverytest.Outgoing(r, uid.ID{1}, 1))
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
			if tmp, ok := errors.AsType[*delivery.Temporary](err); ok {
				err = &delivery.Temporary{Word: tmp.Word, RetryAfter: tmp.RetryAfter, Unsure: tmp.Unsure}
			} else if fin, ok := errors.AsType[*delivery.Final](err); ok {
				err = &delivery.Final{Word: fin.Word}
			}
			if diff := cmp.Diff(c.err, err); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSend_tells_whether_a_message_may_have_left(t *testing.T) {
	t.Parallel()
	p := newPeer(t)
	gone := httptest.NewServer(nil)
	gone.Close()
	for _, c := range []struct {
		name, url string
		unsure    bool
	}{
		{"nobody listens", gone.URL, false},
		{"hangs up after reading", p.URL, true},
		{"an address that is not allowed", "http://[::1]:9/", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p.behave(deliverytest.Break)
			r := open(t, p, func(cfg *Config) { cfg.URL = c.url })
			_, err := r.Send(t.Context(), deliverytest.Outgoing(r, uid.ID{1}, 1))
			tmp, ok := errors.AsType[*delivery.Temporary](err)
			if !ok || tmp.Word != delivery.ErrorUnreachable || tmp.Unsure != c.unsure {
				t.Errorf("got %+v, want unsure %v", err, c.unsure)
			}
		})
	}
}

func TestReceipts_by_reference_are_to_be_indexed(t *testing.T) {
	t.Parallel()
	r := open(t, newPeer(t), func(c *Config) { c.Receipts = ByReference })
	got, err := r.Send(t.Context(), deliverytest.Outgoing(r, uid.ID{1}, 1))
	if err != nil || got.Echoes || got.Reference != "ref-1" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestValidate_tells_every_fault_without_a_secret(t *testing.T) {
	t.Parallel()
	if faults := config("https://sms.example.net/send").Validate(); len(faults) > 0 {
		t.Errorf("a good one has %q", faults)
	}
	bad := Config{
		Channels:       []delivery.Channel{delivery.Email, "fax"},
		URL:            "ftp://u:hunter2@sms.example.net",
		Secret:         "whsec_tooshort",
		PreviousSecret: "hunter2",
		Receipts:       "pigeon",
	}
	faults := strings.Join(bad.Validate(), "\n")
	for _, part := range []string{"name", `"email"`, `"fax"`, "url:", "secret:", "previous_secret:", "receipts"} {
		if !strings.Contains(faults, part) {
			t.Errorf("no fault about %s in:\n%s", part, faults)
		}
	}
	if strings.Contains(faults, "hunter2") || strings.Contains(faults, "tooshort") {
		t.Errorf("a secret shows in:\n%s", faults)
	}
	if _, err := New(bad, client(t)); err == nil {
		t.Error("New takes it")
	}
	if faults := (Config{}).Validate(); len(faults) != 4 {
		t.Errorf("an empty one has %q", faults)
	}
}

// How much of the sender's own work one message costs, without the call.
func BenchmarkRequest(b *testing.B) {
	r := &Relay{Now: time.Now, cfg: config("https://sms.example.net/send")}
	var err error
	if r.keys, err = signing.New(testSecret); err != nil {
		b.Fatal(err)
	}
	if r.url, err = url.Parse(r.cfg.URL); err != nil {
		b.Fatal(err)
	}
	out := deliverytest.Outgoing(r, uid.New(time.Now(), 1), 1)
	b.ReportAllocs()
	for b.Loop() {
		body, err := encode(out)
		if err != nil {
			b.Fatal(err)
		}
		if req := r.request(b.Context(), out.SendKey, body); req == nil {
			b.Fatal("no request")
		}
		if _, err := r.answer(&egress.Response{Status: 200, Body: []byte(`{"reference":"abc"}`)}); err != nil {
			b.Fatal(err)
		}
	}
}
