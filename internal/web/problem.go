package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/countersign/countersign/internal/fault"
)

// Problem is an error as RFC 9457 shows it. Every field but Errors is always set.
type Problem struct {
	_ struct{} `additionalProperties:"true"`

	Type      string       `json:"type" doc:"Stable reference to the kind of problem: /problems/ and the code" example:"/problems/recipient_invalid"`
	Title     string       `json:"title" doc:"Short summary, the same for every problem of this status" example:"Invalid value"`
	Status    int          `json:"status" doc:"The HTTP status" example:"422"`
	Detail    string       `json:"detail" doc:"What happened and what to do; never a value that was sent"`
	Code      string       `json:"code" doc:"Stable word for programs" example:"recipient_invalid"`
	RequestID string       `json:"request_id" doc:"Quote it when asking for help" example:"req_06c4zk9r2m8t7v5w3x1y0a2b4c"`
	Errors    []FieldError `json:"errors,omitempty" doc:"The fields at fault, when there are any"`

	header http.Header
}

// FieldError says what is wrong with one field of the request.
type FieldError struct {
	_ struct{} `additionalProperties:"true"`

	Field  string `json:"field" doc:"Where: a path such as transaction.amount, or a query or header name" example:"to"`
	Detail string `json:"detail" doc:"What is wrong with it"`
}

// shape is how one kind of fault looks over HTTP.
type shape struct {
	status int
	title  string
}

// shapes is the one table from faults to statuses.
var shapes = map[fault.Kind]shape{
	fault.Internal:        {http.StatusInternalServerError, "Internal error"},
	fault.Malformed:       {http.StatusBadRequest, "Malformed request"},
	fault.Unauthenticated: {http.StatusUnauthorized, "Not authenticated"},
	fault.Denied:          {http.StatusForbidden, "Not allowed"},
	fault.NotFound:        {http.StatusNotFound, "Not found"},
	fault.Conflict:        {http.StatusConflict, "Not possible in this state"},
	fault.Invalid:         {http.StatusUnprocessableEntity, "Invalid value"},
	fault.Limited:         {http.StatusTooManyRequests, "Too many requests"},
	fault.Unavailable:     {http.StatusServiceUnavailable, "Not available now"},
}

// Faults that only HTTP knows: requests that could not be read, each with a status of its own.
var (
	ErrTooLarge    = fault.New(fault.Malformed, "body_too_large", "The body is too large. Send at most 64 KiB, where the documentation of the route names no other size.")
	ErrMediaType   = fault.New(fault.Malformed, "unsupported_media_type", "Send the body as application/json.")
	ErrMethod      = fault.New(fault.Malformed, "method_not_allowed", "This path does not take this method. See the Allow header.")
	ErrSlowBody    = fault.New(fault.Malformed, "request_timeout", "The body did not arrive in time. Send the request again.")
	ErrNoSuchRoute = fault.New(fault.NotFound, "not_found", "There is nothing at this path.")
)

// transport overrides shapes for those faults, by code.
var transport = map[string]shape{
	ErrTooLarge.Code:  {http.StatusRequestEntityTooLarge, "Body too large"},
	ErrMediaType.Code: {http.StatusUnsupportedMediaType, "Unsupported media type"},
	ErrMethod.Code:    {http.StatusMethodNotAllowed, "Method not allowed"},
	ErrSlowBody.Code:  {http.StatusRequestTimeout, "Request timeout"},
}

// quota is what the cause of a Limited fault may tell about the limit that refused: how many in which window.
type quota interface {
	error
	Quota() (n int, window time.Duration)
}

// NewProblem is err as a problem, and notes it for the log line of the request that ctx belongs to.
func NewProblem(ctx context.Context, err error) *Problem {
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		err = fault.Wrap(fault.Unavailable, "canceled", "The request ended before it was answered.", err)
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		err = ErrTooLarge
	}
	f := fault.As(err)
	s := shapes[f.Kind]
	if f.Kind == fault.Malformed {
		if own, ok := transport[f.Code]; ok {
			s = own
		}
	}
	p := &Problem{Type: "/problems/" + f.Code, Title: s.title, Status: s.status, Detail: f.Message, Code: f.Code}
	p.Errors = fieldErrors(err)
	if f.Kind == fault.Limited || f.Kind == fault.Unavailable {
		p.header = waitHeaders(f)
	}
	if x := exchangeOf(ctx); x != nil {
		p.RequestID = x.id
		x.err, x.code = f, f.Code
	}
	return p
}

// fieldErrors lists the fields at fault: one, or as many as a check of a whole object found.
func fieldErrors(err error) (out []FieldError) {
	all := []error{err}
	if many, ok := err.(interface{ Unwrap() []error }); ok {
		all = many.Unwrap()
	}
	for _, e := range all {
		if f, ok := errors.AsType[*fault.Error](e); ok && f.Field != "" {
			out = append(out, FieldError{Field: f.Field, Detail: f.Message})
		}
	}
	return out
}

// waitHeaders tells when to come back: Retry-After in whole seconds, rounded up so that coming back then is never
// too early, and the RateLimit fields of draft-ietf-httpapi-ratelimit-headers for a limit (SEC-21).
func waitHeaders(f *fault.Error) http.Header {
	wait := strconv.Itoa(max(1, seconds(f.RetryAfter)))
	h := http.Header{"Retry-After": {wait}}
	if f.Kind != fault.Limited {
		return h
	}
	policy := `"` + f.Code + `"`
	h["Ratelimit"] = []string{policy + ";r=0;t=" + wait}
	if q, ok := errors.AsType[quota](f); ok {
		n, window := q.Quota()
		h["Ratelimit-Policy"] = []string{policy + ";q=" + strconv.Itoa(n) + ";w=" + strconv.Itoa(max(1, seconds(window)))}
	}
	return h
}

// seconds rounds up. No wait here is longer than a day, and a limit that never lets through is told as one.
func seconds(d time.Duration) int {
	d = min(d, 24*time.Hour)
	return int((d + time.Second - 1) / time.Second)
}

// Error is the detail, which is safe to show.
func (p *Problem) Error() string { return p.Detail }

// GetStatus is the HTTP status, by the name that huma asks for.
func (p *Problem) GetStatus() int { return p.Status }

// GetHeaders are the header fields that go with the problem, by the name that huma asks for.
func (p *Problem) GetHeaders() http.Header { return p.header }

// ContentType is the media type of RFC 9457 §3, by the name that huma asks for.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// Fail tells an error over HTTP. It is how an edge that speaks a dialect of its own replaces WriteProblem.
type Fail func(w http.ResponseWriter, r *http.Request, err error)

// WriteProblem answers r with err as a problem.
func WriteProblem(w http.ResponseWriter, r *http.Request, err error) {
	p := NewProblem(r.Context(), err)
	body, err := json.Marshal(p)
	if err != nil {
		panic(err) // a Problem is strings and numbers: only a programmer's mistake could come here
	}
	h := w.Header()
	for k, v := range p.header {
		h[k] = v
	}
	h.Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_, _ = w.Write(append(body, '\n')) // the client may have gone; there is nobody to tell
}
