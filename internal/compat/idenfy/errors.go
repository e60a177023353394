package idenfy

import (
	"errors"
	"net/http"
	"strings"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/web"
)

// problem is the vendor's error body (b.4). There is no identifier where the token route refuses an account.
type problem struct {
	Identifier string `json:"identifier,omitempty"`
	Message    string `json:"message"`
}

// The vendor's identifiers.
const (
	internalError    = "INTERNAL_ERROR"
	badValue         = "BAD_VALUE"
	missingValue     = "MISSING_VALUE"
	unauthorized     = "UNAUTHORIZED"
	encodingError    = "ENCODING_ERROR"
	jsonError        = "JSON_ERROR"
	tokenNotValid    = "TOKEN_NOT_VALID"
	contractError    = "PARTNER_CONTRACT_ERROR"
	methodNotAllowed = "METHOD_NOT_ALLOWED"
	permissionsError = "PERMISSIONS_ERROR"
	tooManyRequests  = "TOO_MANY_REQUESTS"
	validationError  = "VALIDATION_ERROR"
)

// The codes of faults of this door that have an identifier of their own.
const (
	codeMissing  = "value_missing"
	codeEncoding = "encoding_invalid"
	codeJSON     = "json_invalid"
	codeToken    = "token_not_valid"
)

// byCode are the identifiers of single faults.
var byCode = map[string]string{
	codeMissing: missingValue, codeEncoding: encodingError, codeJSON: jsonError, codeToken: tokenNotValid,
	web.ErrMethod.Code: methodNotAllowed, web.ErrMediaType.Code: jsonError, web.ErrTooLarge.Code: validationError, web.ErrSlowBody.Code: validationError,
	tenant.CodeSuspended: contractError,
}

// byStatus are those of all others, and the one table of statuses that the vendor has. Others are 400.
var byStatus = map[int]string{
	http.StatusBadRequest: badValue, http.StatusUnauthorized: unauthorized, http.StatusForbidden: permissionsError, http.StatusNotFound: badValue,
	http.StatusMethodNotAllowed: methodNotAllowed, http.StatusRequestTimeout: validationError, http.StatusRequestEntityTooLarge: validationError,
	http.StatusUnsupportedMediaType: jsonError, http.StatusTooManyRequests: tooManyRequests,
	http.StatusInternalServerError: internalError, http.StatusServiceUnavailable: internalError,
}

// fields are the vendor's names of fields that the services call otherwise.
var fields = map[string]string{
	"verify_phone": "verifyPhone", "verify_email": "verifyEmail", "redirect_url": "successUrl", "failure_url": "errorUrl", "unverified_url": "unverifiedUrl",
	"reference": "clientId", "external_id": "externalRef", "first_name": "firstName", "last_name": "lastName", "expires_in": "expiryTime",
	"session_ttl": "sessionLength", "url": "callbackUrl", "to": "phone_number", "text": "sender_name", "channel": "phone_number",
}

func errMissing(field string) error {
	return fault.New(fault.Malformed, codeMissing, "This field is required.").On(field)
}

func errBad(field, hint string) error {
	return fault.New(fault.Malformed, "value_invalid", hint).On(field)
}

// errUnknown is the one answer for a session that is unknown, another account's, or none of this door's.
func errUnknown() error {
	return fault.New(fault.NotFound, "session_not_found", "There is no such scanRef.")
}

// fail answers r with err in the vendor's form. It is also how the chain and the mux of the door tell errors.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	from := web.NewProblem(r.Context(), err) // the status by the one table of package web, and the code for the log line
	status := from.Status
	if _, known := byStatus[status]; !known {
		status = http.StatusBadRequest // the vendor has neither 409 nor 422
	}
	p := problem{Identifier: byStatus[status], Message: from.Detail}
	if own, ok := byCode[from.Code]; ok {
		p.Identifier = own
	}
	if refused := status == http.StatusUnauthorized || status == http.StatusForbidden; refused && r.URL.Path == Mount+tokenPath {
		p.Identifier = ""
	}
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Field != "" {
		p.Message = vendorField(f.Field) + ": " + p.Message
	}
	if wait := from.GetHeaders().Get("Retry-After"); wait != "" {
		w.Header().Set("Retry-After", wait)
	}
	write(w, status, p)
}

func vendorField(ours string) string {
	first, _, _ := strings.Cut(ours, ".")
	if theirs, ok := fields[first]; ok {
		return theirs
	}
	return first
}
