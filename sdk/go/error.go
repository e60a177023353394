package countersign

import (
	"encoding/json"
	"fmt"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Error is what the server answers when it did not do what was asked (RFC 9457). It never repeats a value that was sent.
type Error struct {
	Status     int           // of HTTP
	Code       string        // stable word to switch on: "recipient_invalid"; empty when the answer is not from Countersign
	Title      string        // short, the same for every error of the status
	Detail     string        // what happened and what to do, for people; it may change
	RequestID  string        // quote it when asking for help
	RetryAfter time.Duration // how long to wait before trying again; 0 when the server did not say
	Fields     []FieldError  // the fields at fault, when there are any
}

// FieldError says what is wrong with one field of a request.
type FieldError struct {
	Field  string `json:"field"` // a path, such as transaction.amount
	Detail string `json:"detail"`
}

// Error is one line with everything that helps to find the cause.
func (e *Error) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "countersign: %d", e.Status)
	if e.Code != "" {
		b.WriteString(" " + e.Code)
	}
	b.WriteString(": " + e.Detail)
	if e.RequestID != "" {
		b.WriteString(" (" + e.RequestID + ")")
	}
	return b.String()
}

// Temporary reports whether the same call may work later: a limit, or a server that can't answer now.
func (e *Error) Temporary() bool {
	return e.Status == http.StatusTooManyRequests || e.unreached()
}

// unreached reports whether the server says that it did nothing, or a gateway before it that it had no answer: the call
// may be made again with the same Idempotency-Key.
func (e *Error) unreached() bool {
	switch e.Status {
	case http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// newError reads an answer that is not 2xx.
func newError(status int, header http.Header, body []byte, now time.Time) *Error {
	e := &Error{Status: status, Title: http.StatusText(status), RetryAfter: retryAfter(header, now)}
	if kind, _, _ := mime.ParseMediaType(header.Get("Content-Type")); kind == "application/problem+json" {
		var p struct {
			Title     string       `json:"title"`
			Detail    string       `json:"detail"`
			Code      string       `json:"code"`
			RequestID string       `json:"request_id"`
			Errors    []FieldError `json:"errors"`
		}
		if json.Unmarshal(body, &p) == nil && p.Code != "" {
			e.Title, e.Detail, e.Code, e.RequestID, e.Fields = p.Title, p.Detail, p.Code, p.RequestID, p.Errors
			return e
		}
	}
	e.Detail = "the answer is not from a Countersign server, or from something before it: check the base URL"
	return e
}

// retryAfter reads the header of RFC 9110 §10.2.3, in both its forms; 0 without one.
func retryAfter(h http.Header, now time.Time) time.Duration {
	text := h.Get("Retry-After")
	if seconds, err := strconv.ParseUint(text, 10, 32); err == nil { // 136 years: no overflow
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(0, at.Sub(now))
	}
	return 0
}
