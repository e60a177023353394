package mta_test

import (
	"bytes"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestMTA_35_requests_of_an_address_and_sends_of_an_account_are_limited(t *testing.T) {
	t.Parallel()
	f := newFake()
	for i := range 30 {
		if r := f.call("GET", "/v3/auth/verify-api-key", "", nil); r.status != http.StatusOK {
			t.Fatalf("request %d of a minute: %d", i+1, r.status)
		}
	}
	r := f.call("GET", "/v3/auth/verify-api-key", "", nil)
	checkError(t, r, http.StatusTooManyRequests, "RateLimitError")
	if r.header.Get("Retry-After") != "2" || r.header.Get("RateLimit-Remaining") != "0" {
		t.Errorf("%v", r.header)
	}
	checkError(t, f.call("GET", "/v3/nothing", "", nil), http.StatusTooManyRequests, "RateLimitError")
	checkError(t, f.call("POST", sendPath, "{}", map[string]string{"Authorization": "Bearer csk_x"}), http.StatusTooManyRequests, "RateLimitError")
	if r := f.callFrom("203.0.113.10:1", "GET", "/v3/auth/verify-api-key", nil, nil); r.status != http.StatusOK {
		t.Errorf("another address: %d", r.status)
	}

	for _, route := range []struct{ path, body string }{
		{sendPath, `{"to":"+447700900000"}`}, {checkPath, `{"verificationId":"01890000-0000-7000-8000-000000000001","code":"123456"}`},
	} {
		for i := range 25 { // by account, in place of the address
			if r := f.call("POST", route.path, route.body, nil); r.status != http.StatusOK {
				t.Fatalf("%s, %d of 15 s: %d %s", route.path, i+1, r.status, r.text)
			}
		}
		r := f.callFrom("203.0.113.11:1", "POST", route.path, strings.NewReader(route.body), nil)
		checkError(t, r, http.StatusTooManyRequests, "RateLimitError")
	}
	f.pass(2 * time.Second)
	for _, r := range []reply{f.call("GET", "/v3/auth/verify-api-key", "", nil), f.call("POST", sendPath, `{"to":"+447700900000"}`, nil)} {
		if r.status != http.StatusOK {
			t.Errorf("after the wait: %d", r.status)
		}
	}
}

func TestMTA_35_addresses_of_one_IPv6_network_are_one(t *testing.T) {
	t.Parallel()
	f := newFake()
	last := 0
	for i := range 31 {
		peer := "[2001:db8::" + string("0123456789abcdef"[i%16]) + "]:1"
		last = f.callFrom(peer, "GET", "/v3/auth/verify-api-key", nil, nil).status
	}
	if last != http.StatusTooManyRequests {
		t.Errorf("the 31st request of a /64: %d", last)
	}
}

func TestMTA_36_every_answer_has_rate_headers_and_every_error_the_vendors_form(t *testing.T) {
	t.Parallel()
	f := newFake()
	for _, c := range []struct {
		name, method, path string
		body               string
		header             map[string]string
		status             int
		err                string
	}{
		{"good", "GET", "/v3/auth/verify-api-key", "", nil, 200, ""},
		{"sent", "POST", sendPath, `{"to":"+447700900000"}`, nil, 200, ""},
		{"no such route", "GET", "/v3/nothing", "", nil, 404, "NotFoundError"},
		{"no such version", "GET", "/", "", nil, 404, "NotFoundError"},
		{"no such webhook", "DELETE", "/v3/webhooks/x", "", nil, 404, "NotFoundError"},
		{"odd path", "GET", "/v3//verify", "", nil, 404, "NotFoundError"},
		{"method", "GET", sendPath, "", nil, 405, "MethodNotAllowedError"},
		{"media type", "POST", sendPath, "to=1", map[string]string{"Content-Type": "text/plain"}, 415, "UnsupportedMediaTypeError"},
		{"too large", "POST", sendPath, strings.Repeat("x", 70_000), nil, 413, "PayloadTooLargeError"},
		{"options", "OPTIONS", sendPath, "", nil, 204, ""},
	} {
		r := f.call(c.method, c.path, c.body, c.header)
		if c.err != "" {
			checkError(t, r, c.status, c.err)
			continue
		}
		if r.status != c.status {
			t.Errorf("%s: %d", c.name, r.status)
		}
		checkRateHeaders(t, r)
	}
	large := bytes.NewReader(make([]byte, 70_000))
	r := f.callFrom("203.0.113.9:1", "POST", sendPath, struct{ *bytes.Reader }{large}, nil) // of a length that is not told
	checkError(t, r, http.StatusRequestEntityTooLarge, "PayloadTooLargeError")
	f.refuse("database_away")
	checkError(t, f.call("POST", sendPath, `{"to":"+447700900000"}`, nil), http.StatusTooManyRequests, "RateLimitError")
	f.panics = true
	checkError(t, f.call("POST", sendPath, `{"to":"+447700900000"}`, nil), http.StatusInternalServerError, "InternalServerError")
}

func TestErrors_hold_nothing_that_was_sent(t *testing.T) {
	t.Parallel()
	f := newFake()
	const secret = "sentinel"
	for _, body := range []string{`{"to":{"` + secret + `":1}}`, `{"tags":{"` + secret + `":{}}}`, `{"` + secret, `{"to":"+447700900000","serviceName":"` + secret + ` 1234"}`} {
		r := f.call("POST", sendPath, body, nil)
		if r.status != http.StatusBadRequest || strings.Contains(r.text, secret) {
			t.Errorf("%s: %d %s", body, r.status, r.text)
		}
	}
}
