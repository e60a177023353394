package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

// caller is an application that uses the API. Its calls are bare: what is repeated, and with which key, is the test's
// business.
type caller struct {
	base func() string
	key  string
	http *http.Client
}

// plainClient never reuses a lost connection on its own account and speaks to this machine alone.
func plainClient() *http.Client {
	return &http.Client{
		Timeout:   40 * time.Second,
		Transport: &http.Transport{MaxIdleConnsPerHost: 128},
	}
}

// answer is what came of a call. err is set when there was none.
type answer struct {
	status int
	header http.Header
	body   []byte
	err    error
}

// String is for failures; codes are never in answers.
func (a answer) String() string {
	if a.err != nil {
		return "no answer: " + a.err.Error()
	}
	return fmt.Sprintf("%d %s", a.status, bytes.TrimSpace(a.body))
}

// unsure reports whether the call may or may not have been done: it may be made again with the same key.
func (a answer) unsure() bool { return a.err != nil || a.status == http.StatusServiceUnavailable }

// ok reports a 2xx.
func (a answer) ok() bool { return a.err == nil && a.status/100 == 2 }

// code is the word of a problem.
func (a answer) code() string {
	var p struct {
		Code string `json:"code"`
	}
	_ = json.Unmarshal(a.body, &p) // no problem has no word
	return p.Code
}

// view is what the tests read of a verification, in answers and records.
type view struct {
	ID         string `json:"id"`
	Status     string `json:"status"`
	SendsLeft  int    `json:"sends_left"`
	ChecksLeft int    `json:"checks_left"`
	Valid      bool   `json:"valid"`
	ExternalID string `json:"external_id"`
	Sends      sends  `json:"sends"`
}

// sends is a number in answers and a list in records.
type sends struct {
	N    int
	List []struct {
		N          int `json:"n"`
		Deliveries []struct {
			ID, State, Error, Provider string
		} `json:"deliveries"`
	}
}

// UnmarshalJSON reads either form.
func (s *sends) UnmarshalJSON(text []byte) error {
	if text[0] != '[' {
		return json.Unmarshal(text, &s.N)
	}
	err := json.Unmarshal(text, &s.List)
	s.N = len(s.List)
	return err
}

// view reads the body of a good answer.
func (a answer) view(t testing.TB) view {
	t.Helper()
	var v view
	if err := json.Unmarshal(a.body, &v); !a.ok() || err != nil {
		t.Fatalf("want a verification, got %v (%v)", a, err)
	}
	return v
}

// call makes one request.
func (c *caller) call(ctx context.Context, method, path, idempotency string, body any) answer {
	var in io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			return answer{err: err}
		}
		in = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(ctx, method, c.base()+path, in)
	if err != nil {
		return answer{err: err}
	}
	if c.key != "" {
		req.Header.Set("Authorization", "Bearer "+c.key)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if idempotency != "" {
		req.Header.Set("Idempotency-Key", idempotency)
	}
	res, err := c.http.Do(req)
	if err != nil {
		return answer{err: err}
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{err: err}
	}
	return answer{status: res.StatusCode, header: res.Header, body: text}
}

// body is one of a request.
type body map[string]any

func (c *caller) start(ctx context.Context, idempotency string, b body) answer {
	return c.call(ctx, http.MethodPost, "/v1/verifications", idempotency, b)
}

func (c *caller) check(ctx context.Context, idempotency, id, code string) answer {
	return c.call(ctx, http.MethodPost, "/v1/verifications/"+id+"/check", idempotency, body{"code": code})
}

func (c *caller) resend(ctx context.Context, idempotency, id string) answer {
	return c.call(ctx, http.MethodPost, "/v1/verifications/"+id+"/resend", idempotency, nil)
}

func (c *caller) cancel(ctx context.Context, idempotency, id string) answer {
	return c.call(ctx, http.MethodPost, "/v1/verifications/"+id+"/cancel", idempotency, nil)
}

func (c *caller) get(ctx context.Context, id string) answer {
	return c.call(ctx, http.MethodGet, "/v1/verifications/"+id, "", nil)
}

// number gives numbers that nobody else has: British mobile numbers of a range in use, and no message leaves the test.
func number(n int) string { return fmt.Sprintf("+447400%06d", n%1_000_000) }

// otherCode is a code of the same shape that is not the given one.
func otherCode(code string, n int) string {
	v, err := strconv.Atoi(code)
	if err != nil {
		panic("not a code")
	}
	size := 1
	for range code {
		size *= 10
	}
	return fmt.Sprintf("%0*d", len(code), (v+1+n%(size-1))%size)
}

// unique is an idempotency key.
func unique() string { return uid.Random(time.Now()).Hex() }

// until waits for a condition that another process brings about.
func until(t testing.TB, within time.Duration, what string, done func() bool) {
	t.Helper()
	deadline := time.After(within)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !done() {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("waited %v: %s", within, what)
		}
	}
}
