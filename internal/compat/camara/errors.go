package camara

import (
	"encoding/json"
	"net/http"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/web"
)

// ErrorInfo is an error as CAMARA shows it (Commonalities, ErrorInfo). All three are always set.
type ErrorInfo struct {
	Status  int    `json:"status"`
	Code    string `json:"code"`
	Message string `json:"message"`
}

// The codes of the API's own, with its name before them.
const (
	codeTooMany    = "ONE_TIME_PASSWORD_SMS.MAX_OTP_CODES_EXCEEDED"
	codeNotAllowed = "ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_NOT_ALLOWED"
	codeBlocked    = "ONE_TIME_PASSWORD_SMS.PHONE_NUMBER_BLOCKED"
	codeWrong      = "ONE_TIME_PASSWORD_SMS.INVALID_OTP"
	codeFailed     = "ONE_TIME_PASSWORD_SMS.VERIFICATION_FAILED"
	codeEnded      = "ONE_TIME_PASSWORD_SMS.VERIFICATION_EXPIRED"
)

// Those of Commonalities that are used more than once.
const (
	invalidArgument = "INVALID_ARGUMENT"
	notFound        = "NOT_FOUND"
)

// The door's own faults: answers that CAMARA tells as errors, and requests that it can't read. None holds what was sent.
var (
	errCorrelator = fault.New(fault.Malformed, "correlator_invalid", "The header x-correlator has at most 256 letters, digits and -_:;./<>{}. Send it once.")
	errToken      = fault.New(fault.Unauthenticated, "token_invalid", "The access token is missing, unknown or expired. Get a new one and send it as Authorization: Bearer.")
	errScope      = fault.New(fault.Denied, "scope_missing", "This client may not send and validate codes.")

	errNumber  = fault.New(fault.Invalid, "number_invalid", "phoneNumber is a plus sign, the country code and the number, 5 to 15 digits in all.")
	errMessage = fault.New(fault.Invalid, "message_invalid", "message has at most 160 characters, with {{code}} once among them and no line breaks.")
	errID      = fault.New(fault.Invalid, "authentication_id_invalid", "authenticationId is needed and has at most 36 characters.")
	errCode    = fault.New(fault.Invalid, "otp_malformed", "code is needed and has at most 10 characters.")

	errNotAllowed = fault.New(fault.Denied, "number_not_allowed", "This phone number can't receive one-time codes.")
	errBlocked    = fault.New(fault.Denied, "number_blocked", "This phone number does not accept such messages.")

	errUnknown = fault.New(fault.NotFound, "authentication_id_unknown", "There is no such authenticationId.")
	errWrong   = fault.New(fault.Invalid, "otp_wrong", "The code is wrong.")
	errFailed  = fault.New(fault.Invalid, "verification_failed", "The code is wrong, and no try is left. Ask for a new code.")
	errEnded   = fault.New(fault.Invalid, "verification_ended", "This authenticationId is no longer valid. Ask for a new code.")
)

// shape is how an error looks here. An empty message is the error's own.
type shape struct {
	status  int
	code    string
	message string
}

// statuses is the table from the statuses of package web, which knows the kinds of faults and the errors of HTTP.
var statuses = map[int]shape{
	http.StatusBadRequest:            {http.StatusBadRequest, invalidArgument, ""},
	http.StatusUnauthorized:          {http.StatusUnauthorized, "UNAUTHENTICATED", errToken.Message},
	http.StatusForbidden:             {http.StatusForbidden, "PERMISSION_DENIED", ""},
	http.StatusNotFound:              {http.StatusNotFound, notFound, ""},
	http.StatusMethodNotAllowed:      {http.StatusMethodNotAllowed, "METHOD_NOT_ALLOWED", ""},
	http.StatusRequestTimeout:        {http.StatusRequestTimeout, "TIMEOUT", ""},
	http.StatusConflict:              {http.StatusConflict, "CONFLICT", ""},
	http.StatusRequestEntityTooLarge: {http.StatusRequestEntityTooLarge, invalidArgument, ""},
	http.StatusUnsupportedMediaType:  {http.StatusUnsupportedMediaType, "UNSUPPORTED_MEDIA_TYPE", ""},
	http.StatusUnprocessableEntity:   {http.StatusBadRequest, invalidArgument, ""},
	http.StatusTooManyRequests:       {http.StatusTooManyRequests, "TOO_MANY_REQUESTS", "Too many requests. Wait as long as Retry-After says."},
	http.StatusInternalServerError:   {http.StatusInternalServerError, "INTERNAL", ""},
	http.StatusServiceUnavailable:    {http.StatusServiceUnavailable, "UNAVAILABLE", "Not available now. Try again."},
}

const (
	tooManyMessage   = "Too many codes were asked for this phone number. Ask again later."
	notServedMessage = "This phone number is not served."
)

// words override statuses, by the fault's code: those of the services first, then the door's own.
var words = map[string]shape{
	"recipient_limited":      {http.StatusForbidden, codeTooMany, tooManyMessage},
	"sends_used_up":          {http.StatusForbidden, codeTooMany, tooManyMessage},
	"recipient_line_type":    {http.StatusForbidden, codeNotAllowed, errNotAllowed.Message},
	"recipient_not_possible": {http.StatusNotFound, notFound, notServedMessage},
	"channel_unavailable":    {http.StatusNotFound, notFound, notServedMessage},
	"text_invalid":           {http.StatusBadRequest, invalidArgument, errMessage.Message},

	errNotAllowed.Code: {http.StatusForbidden, codeNotAllowed, ""},
	errBlocked.Code:    {http.StatusForbidden, codeBlocked, ""},
	errWrong.Code:      {http.StatusBadRequest, codeWrong, ""},
	errFailed.Code:     {http.StatusBadRequest, codeFailed, ""},
	errEnded.Code:      {http.StatusBadRequest, codeEnded, ""},
}

// fail tells err: in the form of RFC 6749 below the path of tokens, and as an ErrorInfo everywhere else.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	if w.Header().Get(correlatorHeader) == "" { // the chain refused the request before it came here
		correlate(w, r)
	}
	p := web.NewProblem(r.Context(), err) // notes err for the log
	if r.URL.Path == tokenPath {
		failToken(w, p)
		return
	}
	s, ok := words[p.Code]
	if !ok {
		s = statuses[p.Status]
	}
	if s.message == "" {
		s.message = p.Detail
	}
	if s.status == http.StatusUnauthorized {
		w.Header().Set("WWW-Authenticate", `Bearer realm="countersign"`) // RFC 6750 §3
	}
	wait(w, p, s.status)
	write(w, s.status, ErrorInfo{Status: s.status, Code: s.code, Message: s.message})
}

// wait tells when to come back, where CAMARA knows a wait. The limit that refused is not named.
func wait(w http.ResponseWriter, p *web.Problem, status int) {
	if status != http.StatusTooManyRequests && status != http.StatusServiceUnavailable {
		return
	}
	if after := p.GetHeaders().Get("Retry-After"); after != "" {
		w.Header().Set("Retry-After", after)
	}
}

// write answers with v as JSON.
func write(w http.ResponseWriter, status int, v any) {
	body, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts and numbers: only a programmer's mistake could come here
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(append(body, '\n')) // the client may have gone; there is nobody to tell
}
