package countersign

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

const (
	maxAnswer = 8 << 20 // bytes; a page of 200 is under 1 MiB
	firstWait = 200 * time.Millisecond
	maxWait   = 30 * time.Second // what is longer is for the caller to decide
)

// call is one request to the server, which may take several tries.
type call struct {
	method, path string
	query        url.Values
	key          string // Idempotency-Key
	seen         int    // If-Match; 0: none
	body         []byte // nil: none
	media        string // of the body; empty: JSON
}

// post makes body happen once. It returns the status of the answer, which is decoded into out.
func (c *Client) post(ctx context.Context, path, key string, body, out any) (int, error) {
	return c.once(ctx, call{path: path, key: key}, body, out)
}

// once is post for a call that says more.
func (c *Client) once(ctx context.Context, r call, body, out any) (int, error) {
	if r.method = http.MethodPost; r.key == "" {
		r.key = rand.Text()
	}
	if body != nil {
		var err error
		if r.body, err = json.Marshal(body); err != nil {
			return 0, fmt.Errorf("countersign: encode the request: %w", err)
		}
	}
	return c.do(ctx, r, out)
}

func (c *Client) get(ctx context.Context, path string, query url.Values, out any) error {
	_, err := c.do(ctx, call{method: http.MethodGet, path: path, query: query}, out)
	return err
}

// do tries r until it is answered, or no more tries are left or worth it.
func (c *Client) do(ctx context.Context, r call, out any) (int, error) {
	for n := 0; ; n++ {
		status, err := c.try(ctx, r, out)
		if err == nil {
			return status, nil
		}
		wait, again := pause(err, n)
		if n >= c.retries || !again || !wakes(ctx, wait) {
			return status, err
		}
	}
}

// pause says how long to wait after try n, from 0, failed with err, and whether to try again at all. The wait is random
// up to a bound that doubles, so that clients that failed together do not come back together.
func pause(err error, n int) (time.Duration, bool) {
	var untrusted *tls.CertificateVerificationError
	if errors.As(err, &untrusted) {
		return 0, false
	}
	bound := min(firstWait<<n, maxWait)
	random, _ := rand.Int(rand.Reader, big.NewInt(int64(bound))) // never fails since Go 1.24
	wait := time.Duration(random.Int64())
	var answer *Error
	if !errors.As(err, &answer) {
		var broken *brokenError
		return wait, errors.As(err, &broken)
	}
	if !answer.unreached() || answer.RetryAfter > maxWait {
		return 0, false
	}
	return max(wait, answer.RetryAfter), true
}

// wakes waits for d, and reports false when ctx ends first; at once when its deadline says that it will.
func wakes(ctx context.Context, d time.Duration) bool {
	if end, ok := ctx.Deadline(); ok && time.Until(end) <= d {
		return false
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}

// brokenError is a try without an answer, whose cause lies between here and the server. Its text names no value that was sent.
type brokenError struct {
	what string // "POST /v1/verifications"
	err  error
}

// Error tells what was tried and why there is no answer.
func (e *brokenError) Error() string {
	return "countersign: " + e.what + ": no answer: " + e.err.Error()
}

// Unwrap gives the cause.
func (e *brokenError) Unwrap() error { return e.err }

// try is one exchange. Errors: *Error for an answer that is not 2xx, *brokenError for none, the context's own once it has ended.
func (c *Client) try(parent context.Context, r call, out any) (int, error) {
	ctx, cancel := context.WithTimeout(parent, c.timeout)
	defer cancel()
	req, err := c.request(ctx, r)
	if err != nil {
		return 0, err
	}
	answer, body, err := c.exchange(req)
	switch {
	case err != nil && parent.Err() != nil:
		return 0, fmt.Errorf("countersign: %s: %w", r.name(), parent.Err())
	case err != nil:
		return 0, &brokenError{what: r.name(), err: bare(err)}
	case answer.StatusCode < 200 || answer.StatusCode > 299:
		return answer.StatusCode, newError(answer.StatusCode, answer.Header, body, time.Now())
	}
	if text, ok := out.(*[]byte); ok { // a file
		*text = body
		return answer.StatusCode, nil
	}
	if err := json.Unmarshal(body, out); err != nil {
		return answer.StatusCode, fmt.Errorf("countersign: %s: the answer is not from a Countersign server: check the base URL", r.name())
	}
	return answer.StatusCode, nil
}

func (c *Client) request(ctx context.Context, r call) (*http.Request, error) {
	target := c.base.String() + r.path
	if len(r.query) > 0 {
		target += "?" + r.query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, r.method, target, bytes.NewReader(r.body))
	if err != nil {
		return nil, fmt.Errorf("countersign: %s: %w", r.name(), bare(err))
	}
	req.Header.Set("Authorization", "Bearer "+c.key.reveal())
	req.Header.Set("Accept", "application/json, application/problem+json")
	req.Header.Set("User-Agent", "countersign-go")
	if r.body != nil {
		req.Header.Set("Content-Type", cmp.Or(r.media, "application/json"))
	}
	if r.key != "" {
		req.Header.Set("Idempotency-Key", r.key)
	}
	if r.seen != 0 {
		req.Header.Set("If-Match", strconv.Itoa(r.seen))
	}
	return req, nil
}

func (c *Client) exchange(req *http.Request) (*http.Response, []byte, error) {
	answer, err := c.http.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = answer.Body.Close() }() // everything that matters was read
	body, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	if err == nil && len(body) > maxAnswer {
		err = errors.New("the answer is too long")
	}
	return answer, body, err
}

// name is method and path without the query, which may hold a recipient.
func (r call) name() string { return r.method + " " + r.path }

// bare takes the URL, with its query, out of an error of net/http.
func bare(err error) error {
	var u *url.Error
	if errors.As(err, &u) {
		return u.Err
	}
	return err
}
