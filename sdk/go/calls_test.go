package countersign

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// verificationAnswer is what a server answers to a start; checkAnswer to a check.
const (
	verificationAnswer = `{"id":"vrf_1","status":"pending","to":"+12025550123","channel":"sms","service":"svc_1","purpose":"login",
"created_at":"2026-11-21T12:00:00.000Z","expires_at":"2026-11-21T12:05:00.000Z","sends":1,"sends_left":4,"checks_left":5,
"resend_at":"2026-11-21T12:00:30.000Z","decision":{"outcome":"allow","reasons":[]},"new_in_a_later_release":true}`
	checkAnswer  = `{"id":"vrf_1","status":"approved","valid":true,"checks_left":4}`
	recordAnswer = `{"id":"vrf_1","status":"approved","to":"+1•••••••0123","channel":"sms","service":"svc_1","purpose":"login",
"created_at":"2026-11-21T12:00:00.000Z","expires_at":"2026-11-21T12:05:00.000Z","ended_at":"2026-11-21T12:01:00.000Z","sends_left":4,"checks_left":4,
"sends":[{"n":1,"channel":"sms","created_at":"2026-11-21T12:00:00.000Z","deliveries":[{"id":"dlv_1_1","provider":"main","channel":"sms",
"state":"delivered","error":"","latency_ms":87,"price":{"amount":"0.0079","currency":"USD"},"created_at":"2026-11-21T12:00:00.100Z"}]}],
"decision":{"outcome":"allow","reasons":[]}}`
)

// recorder is a server that writes down what it is asked, and answers from a list, the last over and over.
type recorder struct {
	*httptest.Server
	mu      sync.Mutex
	asked   []string // under mu
	answers []string // under mu
	status  int
}

// request is a call, which is answered well, and whose request is kept in a file.
type request struct {
	answer string
	call   func(context.Context, *Client) error
}

// asks holds that the request is as the file has it.
func (q request) asks(t *testing.T, name string) {
	t.Parallel()
	server, client := record(t, http.StatusOK, q.answer)
	if err := q.call(t.Context(), client); err != nil {
		t.Fatal(err)
	}
	golden(t, name, strings.Join(server.asked, "\n"))
}

func record(t *testing.T, status int, answers ...string) (*recorder, *Client) {
	t.Helper()
	r := &recorder{answers: answers, status: status}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	client, err := New(r.URL, testKey)
	if err != nil {
		t.Fatal(err)
	}
	return r, client
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s\n", req.Method, req.RequestURI)
	for _, name := range []string{"Accept", "Authorization", "Content-Type", "Idempotency-Key", "If-Match", "User-Agent"} {
		if value := req.Header.Get(name); value != "" {
			fmt.Fprintf(&b, "%s: %s\n", name, value)
		}
	}
	if len(body) > 0 {
		fmt.Fprintf(&b, "\n%s\n", body)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asked = append(r.asked, b.String())
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(r.status)
	_, _ = io.WriteString(w, r.answers[0]) // a client that went away fails its own test
	if len(r.answers) > 1 {
		r.answers = r.answers[1:]
	}
}

// TestRequestsAreAsTheAPITakesThem compares what each method sends with a file in testdata.
func TestRequestsAreAsTheAPITakesThem(t *testing.T) {
	t.Parallel()
	transaction := &Transaction{Amount: "12.50", Currency: "EUR", Payee: "Acme"}
	user := &EndUser{IP: "203.0.113.9", UserAgent: "Mozilla/5.0", DeviceID: "d-1"}
	for name, c := range map[string]request{
		"start": {verificationAnswer, func(ctx context.Context, c *Client) error {
			_, err := c.Start(ctx, StartRequest{To: "+12025550123", IdempotencyKey: "k-1"})
			return err
		}},
		"start-all": {verificationAnswer, func(ctx context.Context, c *Client) error {
			_, err := c.Start(ctx, StartRequest{
				To: "+12025550123", Channel: Voice, Service: "Acme", Purpose: Payment, Locale: "de-AT", ExternalID: "o-7",
				Metadata: map[string]string{"cart": "9"}, Code: "493817", Transaction: transaction, Client: user, Supersede: true,
				IdempotencyKey: "k-2",
			})
			return err
		}},
		"check": {checkAnswer, func(ctx context.Context, c *Client) error {
			_, err := c.Check(ctx, "vrf_1", CheckRequest{Code: "493-817", Transaction: transaction, Client: user, IdempotencyKey: "k-3"})
			return err
		}},
		"check-to": {checkAnswer, func(ctx context.Context, c *Client) error {
			_, err := c.CheckTo(ctx, CheckToRequest{
				To: "a@example.net", Code: "493817", Service: "Acme", Purpose: Signup, Client: user, IdempotencyKey: "k-4",
			})
			return err
		}},
		"resend": {verificationAnswer, func(ctx context.Context, c *Client) error {
			_, err := c.Resend(ctx, "vrf_1", ResendRequest{Channel: Voice, Client: user, IdempotencyKey: "k-5"})
			return err
		}},
		"resend-plain": {verificationAnswer, func(ctx context.Context, c *Client) error {
			_, err := c.Resend(ctx, "vrf_1", ResendRequest{IdempotencyKey: "k-6"})
			return err
		}},
		"get": {recordAnswer, func(ctx context.Context, c *Client) error {
			_, err := c.Get(ctx, "vrf_1/../x?y")
			return err
		}},
		"reveal": {recordAnswer, func(ctx context.Context, c *Client) error {
			_, err := c.Reveal(ctx, "vrf_1")
			return err
		}},
		"list": {`{"data":[],"next":null}`, func(ctx context.Context, c *Client) error {
			for _, err := range c.List(ctx, ListRequest{To: "+12025550123", Status: Approved, ExternalID: "o-7", PageSize: 20}) {
				return err
			}
			return nil
		}},
	} {
		t.Run(name, func(t *testing.T) { c.asks(t, name) })
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name+".txt")
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got\n%s\nwant\n%s", file, got, want)
	}
}

func TestEveryPostHasAnIdempotencyKeyOfItsOwn(t *testing.T) {
	t.Parallel()
	server, client := record(t, http.StatusOK, verificationAnswer)
	ctx := t.Context()
	for range 2 {
		_, start := client.Start(ctx, StartRequest{To: "+12025550123"})
		_, check := client.Check(ctx, "vrf_1", CheckRequest{Code: "1"})
		_, checkTo := client.CheckTo(ctx, CheckToRequest{To: "+12025550123", Code: "1"})
		_, resend := client.Resend(ctx, "vrf_1", ResendRequest{})
		_, cancel := client.Cancel(ctx, "vrf_1")
		_, approve := client.Approve(ctx, "vrf_1")
		if err := errors.Join(start, check, checkTo, resend, cancel, approve); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for _, request := range server.asked {
		_, rest, _ := strings.Cut(request, "Idempotency-Key: ")
		key, _, _ := strings.Cut(rest, "\n")
		if len(key) < 22 || seen[key] { // 128 bits in base64
			t.Errorf("the key %q is short or was used before:\n%s", key, request)
		}
		seen[key] = true
	}
	if len(seen) != 12 {
		t.Errorf("%d keys, want 12", len(seen))
	}
}

func TestAnswersAreRead(t *testing.T) {
	t.Parallel()
	at := func(minute, second, ms int) time.Time {
		return time.Date(2026, 11, 21, 12, minute, second, ms*1e6, time.UTC)
	}
	want := Verification{
		ID: "vrf_1", Status: Pending, To: "+12025550123", Channel: SMS, Service: "svc_1", Purpose: Login, CreatedAt: at(0, 0, 0),
		ExpiresAt: at(5, 0, 0), Sends: 1, SendsLeft: 4, ChecksLeft: 5, ResendAt: at(0, 30, 0), Decision: Decision{Outcome: "allow", Reasons: []string{}},
	}
	for status, created := range map[int]bool{http.StatusCreated: true, http.StatusOK: false} {
		_, client := record(t, status, verificationAnswer)
		got, err := client.Start(t.Context(), StartRequest{To: "+12025550123"})
		if err != nil || !reflect.DeepEqual(got, Started{want, created}) {
			t.Errorf("status %d: got %+v, %v", status, got, err)
		}
	}
	_, client := record(t, http.StatusOK, checkAnswer)
	result, err := client.Check(t.Context(), "vrf_1", CheckRequest{Code: "1"})
	if want := (CheckResult{ID: "vrf_1", Status: Approved, Valid: true, ChecksLeft: 4}); err != nil || result != want {
		t.Errorf("check: got %+v, %v", result, err)
	}
	_, client = record(t, http.StatusOK, recordAnswer)
	got, err := client.Get(t.Context(), "vrf_1")
	want.Status, want.To, want.EndedAt, want.ResendAt, want.ChecksLeft = Approved, "+1•••••••0123", at(1, 0, 0), time.Time{}, 4
	wantRecord := Record{Verification: want, Sends: []Send{{N: 1, Channel: SMS, CreatedAt: at(0, 0, 0), Deliveries: []Delivery{{
		ID: "dlv_1_1", Provider: "main", Channel: SMS, State: "delivered", LatencyMS: 87,
		Price: &Price{Amount: "0.0079", Currency: "USD"}, CreatedAt: at(0, 0, 100),
	}}}}}
	if err != nil || !reflect.DeepEqual(got, wantRecord) {
		t.Errorf("get: got %+v, %v\nwant %+v", got, err, wantRecord)
	}
}

func TestListGoesThroughAllPagesAlsoEmptyOnes(t *testing.T) {
	t.Parallel()
	server, client := record(t, http.StatusOK,
		`{"data":[{"id":"vrf_3"},{"id":"vrf_2"}],"next":"c1"}`, `{"data":[],"next":"c2"}`, `{"data":[{"id":"vrf_1"}],"next":null}`)
	var ids []string
	for v, err := range client.List(t.Context(), ListRequest{Status: Pending}) {
		if err != nil {
			t.Fatal(err)
		}
		ids = append(ids, v.ID)
	}
	if want := []string{"vrf_3", "vrf_2", "vrf_1"}; !slices.Equal(ids, want) {
		t.Errorf("got %v, want %v", ids, want)
	}
	for i, want := range []string{"?status=pending\n", "?cursor=c1&status=pending\n", "?cursor=c2&status=pending\n"} {
		if line, _, _ := strings.Cut(server.asked[i], "Accept"); !strings.HasSuffix(line, want) {
			t.Errorf("request %d is %q, want %q", i, line, want)
		}
	}
}

func TestListStopsWithTheLoopAndWithAnError(t *testing.T) {
	t.Parallel()
	server, client := record(t, http.StatusOK, `{"data":[{"id":"vrf_3"},{"id":"vrf_2"}],"next":"c1"}`)
	for range client.List(t.Context(), ListRequest{}) {
		break
	}
	if len(server.asked) != 1 {
		t.Errorf("%d requests for one value", len(server.asked))
	}
	server, client = record(t, http.StatusForbidden, `{}`)
	n := 0
	for v, err := range client.List(t.Context(), ListRequest{}) {
		n++
		if err == nil || v.ID != "" {
			t.Errorf("got %v, %v", v, err)
		}
	}
	if n != 1 || len(server.asked) != 1 {
		t.Errorf("%d turns, %d requests", n, len(server.asked))
	}
}
