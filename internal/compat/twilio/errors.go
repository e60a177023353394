package twilio

import (
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/web"
)

// refusal is an error in Twilio's terms. It wraps a fault, by which it is logged.
type refusal struct {
	status  int // of HTTP
	code    int // Twilio's
	message string
	wait    time.Duration // for 429
}

// Error is for logs.
func (e *refusal) Error() string { return strconv.Itoa(e.code) + ": " + e.message }

// Unwrap is the fault of the same weight.
func (e *refusal) Unwrap() error {
	kind := fault.Malformed
	switch e.status {
	case http.StatusUnauthorized:
		kind = fault.Unauthenticated
	case http.StatusForbidden:
		kind = fault.Denied
	case http.StatusNotFound:
		kind = fault.NotFound
	case http.StatusConflict:
		kind = fault.Conflict
	case http.StatusTooManyRequests:
		kind = fault.Limited
	}
	return &fault.Error{Kind: kind, Code: "twilio_" + strconv.Itoa(e.code), Message: e.message, RetryAfter: e.wait}
}

// Refusals that need no more than a name.
var (
	errAuth       = &refusal{status: 401, code: 20003, message: "Authenticate"}
	errSuspended  = &refusal{status: 403, code: 20005, message: "Account not active"}
	errScope      = &refusal{status: 403, code: 20003, message: "Permission denied: the API key lacks the scope for this"}
	errGone       = &refusal{status: 404, code: 20404} // told with the path
	errNeither    = &refusal{status: 400, code: 60221, message: "Either `To` or `VerificationSid` is required"}
	errCustomCode = &refusal{status: 403, code: 60204, message: "Custom code is not enabled for this service: set CustomCodeEnabled"}
	errLandline   = &refusal{status: 403, code: 60205, message: "SMS is not supported by landline phone number"}
	errPsd2       = &refusal{status: 400, code: 60206, message: "Parameters `Amount` and `Payee` are required when PSD2 is enabled"}
	errPsd2Call   = &refusal{status: 400, code: 60214, message: "The call channel can't be used when PSD2 is enabled"}
	errNoEmail    = &refusal{status: 400, code: 60217, message: "The email channel has no sender"}
	errChannelOff = &refusal{status: 400, code: 60223, message: "Delivery channel disabled"}
	errTemplate   = &refusal{status: 400, code: 60228, message: "Template was not found"}
	errManyLimits = &refusal{status: 400, code: 60207, message: "The service has as many rate limits as it can: delete those that are no longer used"}
	errLimitThere = &refusal{status: 400, code: 60208, message: "A rate limit with this `UniqueName` exists already in the service"}
	errLimitName  = &refusal{status: 400, code: 60209, message: "Invalid `UniqueName`: give 1 to 64 letters, digits, dots, hyphens and underscores"}
	errManyBucket = &refusal{status: 400, code: 60210, message: "The rate limit has as many buckets as it can: delete those that are no longer used"}
	errInterval   = &refusal{status: 400, code: 60211, message: "A bucket with this `Interval` exists already in the rate limit"}

	errSubstitution    = &refusal{status: 400, code: 60224, message: "The template needs `Amount` and `Payee`, and so a service with PSD2 enabled"}
	errTemplateOff     = &refusal{status: 400, code: 60227, message: "The template doesn't support this channel: its channels are in the list of templates"}
	errTranslation     = &refusal{status: 400, code: 60229, message: "The template has no translation for this `Locale`: leave it out, or take one from the list of templates"}
	errTemplateChannel = &refusal{status: 400, code: 60408, message: "Parameter `TemplateSid` is only supported by the sms and call channels"}

	errBlocked    = &refusal{status: 403, code: 60410, message: "Verification delivery attempt blocked"}
	errSafe       = &refusal{status: 400, code: 60411, message: "The phone number is in the safe list already"}
	errAppHash    = &refusal{status: 400, code: 60602, message: "Parameter `AppHash` is only supported by the sms channel"}
	errWhatsApp   = &refusal{status: 400, code: 68008, message: "The whatsapp channel is not configured"}
	errThere      = &refusal{status: 409, code: 60301, message: "An entity with this identity exists already"}
	errFull       = &refusal{status: 400, code: 60315, message: "The entity has as many factors as it can: delete those that are no longer used"}
	errSameSecret = &refusal{status: 409, code: 60317, message: "A factor of the entity has this secret already: use another one, or delete that factor"}
	errUnverified = &refusal{status: 403, code: 60318, message: "The factor must be verified before it can answer challenges"}
	errDisabled   = &refusal{status: 403, code: 60318, message: "The factor has had too many wrong codes: delete it and verify another one"}
	errAnswered   = &refusal{status: 403, code: 60322, message: "The challenge has been answered already"}
	errOver       = &refusal{status: 403, code: 60323, message: "The challenge has expired"}
	errDefault    = &refusal{status: 409, code: 20409, message: "The default service can't be deleted. Make another one the default first"}
)

// missing is the refusal of a request without a parameter that it needs.
func missing(parameter string) error {
	return &refusal{status: 400, code: 20001, message: "Missing required parameter " + parameter + " in the post body"}
}

// invalidity is Twilio's code of an invalid parameter.
type invalidity int

// The codes of an invalid parameter, by what it is a parameter of.
const (
	badParameter invalidity = 60200 // services, verifications and checks
	badFactor    invalidity = 60300 // entities and factors
	badChallenge invalidity = 60306
)

// invalid is the refusal of a value of a parameter that services, verifications and checks have. The hint may be empty.
func invalid(parameter, hint string) error { return badParameter.of(parameter, hint) }

// of is the refusal of a parameter's value, which is not repeated. The hint may be empty.
func (code invalidity) of(parameter, hint string) error {
	message := "Invalid parameter `" + parameter + "`"
	if hint != "" {
		message += ": " + hint
	}
	return &refusal{status: 400, code: int(code), message: message}
}

// codesUsedUp is the refusal of a code after the last wrong one: 60308 for a challenge, 60310 for a factor that is not verified.
func codesUsedUp(code int, wait time.Duration) error {
	return &refusal{status: 429, code: code, message: "Max check attempts reached", wait: wait}
}

// checksUsedUp is the refusal of whatever comes after the last check.
func checksUsedUp(wait time.Duration) error {
	return &refusal{status: 429, code: 60202, message: "Max check attempts reached", wait: wait}
}

// byParameter makes a fault about a field of ours a refusal of the parameter that it came from.
func byParameter(err error, parameters map[string]string) error {
	return badParameter.by(err, parameters)
}

// by is byParameter with a code of its own.
func (code invalidity) by(err error, parameters map[string]string) error {
	f, ok := errors.AsType[*fault.Error](err)
	if !ok || f.Kind != fault.Invalid || parameters[f.Field] == "" {
		return err
	}
	parameter := parameters[f.Field]
	if parameter == "Locale" { // applications tell a bad locale from a bad number by words of this text
		return code.of(parameter, "")
	}
	return code.of(parameter, f.Message)
}

// shown is how err is told for a request: err itself when it is a refusal, else by the status and code of the problem that the
// native API would answer with.
func shown(r *http.Request, err error, p *web.Problem) refusal {
	if e, ok := errors.AsType[*refusal](err); ok && e != errGone {
		return *e
	}
	switch p.Status {
	case http.StatusNotFound:
		return refusal{status: 404, code: 20404, message: "The requested resource " + shownPath(r) + " was not found"}
	case http.StatusMethodNotAllowed:
		return refusal{status: 405, code: 20004, message: "Method not allowed"}
	case http.StatusUnauthorized:
		return *errAuth
	case http.StatusForbidden:
		if p.Code == tenant.CodeSuspended {
			return *errSuspended
		}
		return *errScope
	case http.StatusUnprocessableEntity:
		return refusal{status: 400, code: 60200, message: "Invalid parameter: " + p.Detail}
	case http.StatusTooManyRequests:
		return tooMany(p.Code, p.Detail)
	case http.StatusConflict:
		return refusal{status: 409, code: 20409, message: p.Detail}
	case http.StatusServiceUnavailable:
		return refusal{status: 503, code: 20503, message: p.Detail}
	case http.StatusInternalServerError:
		return refusal{status: 500, code: 20500, message: "An internal server error has occurred"}
	}
	return refusal{status: p.Status, code: 20001, message: p.Detail}
}

// tooMany is the refusal by the limit whose word is given, with its text where that names a limit of the tenant's own.
func tooMany(word, detail string) refusal {
	switch word {
	case "sends_used_up", "recipient_limited":
		return refusal{status: 429, code: 60203, message: "Max send attempts reached"}
	case "checks_used_up":
		return refusal{status: 429, code: 60202, message: "Max check attempts reached"}
	case "rate_limited_by_service":
		return refusal{status: 429, code: 20429, message: detail}
	}
	return refusal{status: 429, code: 20429, message: "Too many requests"}
}

// fail answers r with err in Twilio's form.
func fail(w http.ResponseWriter, r *http.Request, err error) {
	p := web.NewProblem(r.Context(), err)
	e := shown(r, err, p)
	h := w.Header()
	if wait := p.GetHeaders().Get("Retry-After"); wait != "" {
		h.Set("Retry-After", wait)
	}
	if e.status == http.StatusUnauthorized {
		h.Set("WWW-Authenticate", `Basic realm="Twilio API"`)
	}
	reply(w, e.status, map[string]any{
		"code": e.code, "message": e.message, "status": e.status,
		"more_info": "https://www.twilio.com/docs/errors/" + strconv.Itoa(e.code),
	})
}

// reply writes an answer.
func reply(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false) // URLs stay readable; nothing here is a page
	_ = enc.Encode(body)     // strings and numbers always encode, and a client that has gone can't be told
}

// shownPath is the path of r below the mount, as an error may repeat it. What may be a number, an address or a stranger's
// text is left out.
func shownPath(r *http.Request) string {
	var b strings.Builder
	for part := range strings.SplitSeq(strings.TrimPrefix(r.URL.Path, Mount+"/"), "/") {
		if !isWord(part) || b.Len() > 200 {
			part = "..."
		}
		b.WriteString("/" + part)
	}
	return b.String()
}

// isWord reports whether s is a name of a path or a SID.
func isWord(s string) bool {
	for i := range len(s) {
		c := s[i]
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !letter && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return len(s) > 0 && len(s) <= 40
}
