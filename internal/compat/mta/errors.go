package mta

import (
	"errors"
	"net/http"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

// problem is the vendor's error body.
type problem struct {
	HTTPCode       int     `json:"httpCode"`
	Message        string  `json:"message"`
	Timestamp      string  `json:"timestamp"`
	Type           string  `json:"type"`
	Name           string  `json:"name"`
	RequestID      string  `json:"requestId"`
	Reason         *string `json:"reason,omitempty"`         // 403 only
	VerificationID string  `json:"verificationId,omitempty"` // 409 only: what the first request made
}

// kind is how one status is called.
type kind struct{ name, category string }

// kinds is the one table from statuses to the vendor's names. Those that the vendor does not list are ours.
var kinds = map[int]kind{
	http.StatusBadRequest:            {"BadRequestError", "bad_request"},
	http.StatusUnauthorized:          {"UnauthorizedError", "unauthorized"},
	http.StatusForbidden:             {"ForbiddenError", "forbidden"},
	http.StatusNotFound:              {"NotFoundError", "not_found"},
	http.StatusMethodNotAllowed:      {"MethodNotAllowedError", "method_not_allowed"},
	http.StatusRequestTimeout:        {"RequestTimeoutError", "request_timeout"},
	http.StatusConflict:              {"ConflictError", "conflict"},
	http.StatusRequestEntityTooLarge: {"PayloadTooLargeError", "payload_too_large"},
	http.StatusUnsupportedMediaType:  {"UnsupportedMediaTypeError", "unsupported_media_type"},
	http.StatusTooManyRequests:       {"RateLimitError", "rate_limit"},
	http.StatusInternalServerError:   {"InternalServerError", "internal_server_error"},
	http.StatusServiceUnavailable:    {"ServiceUnavailableError", "service_unavailable"},
}

// fields are the vendor's names of fields that the services call otherwise.
var fields = map[string]string{
	"external_id": "externalId", "metadata": "tags", "text": "serviceName", "code_length": "codeLength",
	"events": "event",
}

// duplicate is the refusal of a request whose X-Request-Id was used before.
type duplicate struct {
	told  *fault.Error
	first uid.ID // zero when the id was used for something else
}

// Error is for logs.
func (d *duplicate) Error() string { return d.told.Error() }

// Unwrap gives the fault.
func (d *duplicate) Unwrap() error { return d.told }

func errDuplicate(first uid.ID) error {
	return &duplicate{fault.New(fault.Conflict, "duplicate_request", "This X-Request-Id was used before. Nothing was sent."), first}
}

// errNoSender is MTA-3: no route carries a text message to that country.
var errNoSender = fault.New(fault.Denied, "no_approved_sender", "There is no approved sender for this number's country.")

// errCountry is MTA-52: the account sends to other countries alone.
var errCountry = fault.New(fault.Denied, riskDenyList, "This account does not send to the number's country.")

// fail answers r with err in the vendor's form. It is also how the chain and the mux of the door tell errors.
func (d *Door) fail(w http.ResponseWriter, r *http.Request, err error) {
	d.told(w, r)
	from := web.NewProblem(r.Context(), err) // the status by the one table of package web, and the code for the log line
	status := from.Status
	if _, known := kinds[status]; !known {
		status = http.StatusBadRequest // the vendor has no 422
	}
	p := problem{
		HTTPCode: status, Message: from.Detail, Name: kinds[status].name, Type: kinds[status].category,
		Timestamp: d.Now().UTC().Format("2006-01-02T15:04:05.000-07:00"), RequestID: requestID(r),
	}
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Field != "" {
		p.Message = vendorField(f.Field) + ": " + p.Message
	}
	if status == http.StatusForbidden {
		p.Reason = &from.Code
	}
	if twice, ok := errors.AsType[*duplicate](err); ok && !twice.first.IsZero() {
		p.VerificationID = twice.first.UUID()
	}
	if wait := from.GetHeaders().Get("Retry-After"); wait != "" {
		w.Header().Set("Retry-After", wait)
	}
	write(w, status, encode(p))
}

func vendorField(ours string) string {
	if theirs, ok := fields[ours]; ok {
		return theirs
	}
	return ours
}

// requestID is the id of r as a UUID.
func requestID(r *http.Request) string {
	id, _ := uid.Parse(uid.Request, web.RequestID(r.Context())) // zero outside the chain
	return id.UUID()
}

// stamp is a time as the vendor's records have it, nil for none.
func stamp(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
	return &s
}
