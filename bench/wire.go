package main

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

// A wire is what one kind of request looks like: the native API, or a vendor's door.
type wire interface {
	start(n uint64) call
	started(answer []byte) (id, error)
	check(n uint64, of id, code string) call
	right(answer []byte) bool // whether the answer to a check says that the code was right
}

// id is a verification in the spelling of the wire, and in the native one, which messages carry.
type id struct{ spelled, native string }

// kinds are the wires by the words of -request.
var kinds = map[string]func(ctx context.Context, c *caller) (wire, error){
	"plain":  func(_ context.Context, c *caller) (wire, error) { return native{header: bearer(c)}, nil },
	"client": func(_ context.Context, c *caller) (wire, error) { return native{header: bearer(c), client: true}, nil },
	"mta":    func(_ context.Context, c *caller) (wire, error) { return mta{bearer(c)}, nil },
	"camara": func(_ context.Context, c *caller) (wire, error) { return camara{bearer(c)}, nil },
	"twilio": newTwilio,
}

// kindNames are the words of -request.
func kindNames() string {
	return strings.Join(append(slices.Sorted(maps.Keys(kinds)), kindPage, kindVisit), ", ")
}

func bearer(c *caller) http.Header { return http.Header{"Authorization": {"Bearer " + c.server.Token}} }

const (
	asJSON = "application/json"
	asForm = "application/x-www-form-urlencoded"
)

// native is the native API, plain or with the end user's machine and an Idempotency-Key.
type native struct {
	header http.Header
	client bool
}

func (w native) start(n uint64) call {
	return w.call(n, "/v1/verifications", `{"to":"`+phone(n)+`"`+w.machine(n)+`}`, http.StatusCreated)
}

func (w native) started(answer []byte) (id, error) {
	var a struct{ ID string }
	err := json.Unmarshal(answer, &a)
	return id{a.ID, a.ID}, err
}

func (w native) check(n uint64, of id, code string) call {
	return w.call(n, "/v1/verifications/"+of.spelled+"/check", `{"code":"`+code+`"`+w.machine(n)+`}`, http.StatusOK)
}

func (w native) right(answer []byte) bool {
	var a struct{ Valid bool }
	return json.Unmarshal(answer, &a) == nil && a.Valid
}

func (w native) call(n uint64, path, body string, want int) call {
	header := w.header
	if w.client {
		header = header.Clone()
		header.Set("Idempotency-Key", path+strconv.FormatUint(n, 36))
	}
	return call{path: path, contentType: asJSON, body: body, header: header, want: want}
}

// machine is the end user's machine as JSON fields, another one for each verification; empty when it is not told.
func (w native) machine(n uint64) string {
	if !w.client {
		return ""
	}
	ip := fmt.Sprintf("10.%d.%d.%d", n>>16&255, n>>8&255, n&255)
	return `,"client":{"ip":"` + ip + `","user_agent":"bench","device_id":"device-` + strconv.FormatUint(n, 36) + `"}`
}

// twilio is the door for applications of Twilio Verify, as most of them use it: they check by the number.
type twilio struct {
	header http.Header
	path   string // of the service
}

// newTwilio makes a service, which Twilio's applications have to have.
func newTwilio(ctx context.Context, c *caller) (wire, error) {
	tenant, err := bits(c.server.Tenant)
	if err != nil {
		return nil, err
	}
	user, secret := "AC"+hex.EncodeToString(tenant), strings.TrimPrefix(c.server.Token, "csk_")
	w := twilio{header: http.Header{"Authorization": {"Basic " + base64.StdEncoding.EncodeToString([]byte(user+":"+secret))}}}
	const services = "/compat/twilio/v2/Services"
	answer, err := c.post(ctx, call{services, asForm, "FriendlyName=Bench", w.header, http.StatusCreated})
	if err != nil {
		return nil, err
	}
	var made struct{ SID string }
	err = json.Unmarshal(answer, &made)
	w.path = services + "/" + made.SID
	return w, err
}

func (w twilio) start(n uint64) call {
	return call{w.path + "/Verifications", asForm, url.Values{"To": {phone(n)}, "Channel": {"sms"}}.Encode(), w.header, http.StatusCreated}
}

func (w twilio) started(answer []byte) (id, error) {
	var a struct{ SID string }
	if err := json.Unmarshal(answer, &a); err != nil {
		return id{}, err
	}
	return spelling(a.SID, strings.TrimPrefix(a.SID, "VE"))
}

func (w twilio) check(n uint64, _ id, code string) call {
	return call{w.path + "/VerificationCheck", asForm, url.Values{"To": {phone(n)}, "Code": {code}}.Encode(), w.header, http.StatusOK}
}

func (w twilio) right(answer []byte) bool {
	var a struct{ Status string }
	return json.Unmarshal(answer, &a) == nil && a.Status == "approved"
}

// mta is the door for clients of Mobile Text Alerts.
type mta struct{ header http.Header }

func (w mta) start(n uint64) call {
	return call{"/compat/mta/v3/verify/sms/send-code", asJSON, `{"to":"` + phone(n) + `"}`, w.header, http.StatusOK}
}

func (w mta) started(answer []byte) (id, error) {
	var a struct{ VerificationID string }
	if err := json.Unmarshal(answer, &a); err != nil {
		return id{}, err
	}
	return spelling(a.VerificationID, strings.ReplaceAll(a.VerificationID, "-", ""))
}

func (w mta) check(_ uint64, of id, code string) call {
	body := `{"verificationId":"` + of.spelled + `","code":"` + code + `"}`
	return call{"/compat/mta/v3/verify/sms/check-code", asJSON, body, w.header, http.StatusOK}
}

func (w mta) right(answer []byte) bool {
	var a struct{ Status string }
	return json.Unmarshal(answer, &a) == nil && a.Status == "APPROVED"
}

// camara is CAMARA's one-time-password-sms, with the API key as the bearer token.
type camara struct{ header http.Header }

const camaraPath = "/compat/camara/one-time-password-sms/v1"

func (w camara) start(n uint64) call {
	body := `{"phoneNumber":"` + phone(n) + `","message":"{{code}} is your code."}`
	return call{camaraPath + "/send-code", asJSON, body, w.header, http.StatusOK}
}

func (w camara) started(answer []byte) (id, error) {
	var a struct{ AuthenticationID string }
	if err := json.Unmarshal(answer, &a); err != nil {
		return id{}, err
	}
	return spelling(a.AuthenticationID, strings.ReplaceAll(a.AuthenticationID, "-", ""))
}

func (w camara) check(_ uint64, of id, code string) call {
	body := `{"authenticationId":"` + of.spelled + `","code":"` + code + `"}`
	return call{camaraPath + "/validate-code", asJSON, body, w.header, http.StatusNoContent}
}

func (w camara) right([]byte) bool { return true } // 204 says it

// crockford is the alphabet of native identifiers.
const crockford = "0123456789abcdefghjkmnpqrstvwxyz"

// spelling is a verification whose bits are 32 hex digits.
func spelling(spelled, digits string) (id, error) {
	n, ok := new(big.Int).SetString(digits, 16)
	if !ok || len(digits) != 32 {
		return id{}, fmt.Errorf("%q is no identifier", spelled)
	}
	text := make([]byte, 26)
	digit := new(big.Int)
	for i := len(text) - 1; i >= 0; i-- {
		n.DivMod(n, big.NewInt(32), digit)
		text[i] = crockford[digit.Int64()]
	}
	return id{spelled, "vrf_" + string(text)}, nil
}

// bits are those of a native identifier.
func bits(text string) ([]byte, error) {
	_, rest, _ := strings.Cut(text, "_")
	n := new(big.Int)
	for i := range len(rest) {
		d := strings.IndexByte(crockford, rest[i])
		if d < 0 {
			return nil, fmt.Errorf("%q is no identifier", text)
		}
		n.Or(n.Lsh(n, 5), big.NewInt(int64(d)))
	}
	if len(rest) != 26 || n.BitLen() > 128 {
		return nil, fmt.Errorf("%q is no identifier", text)
	}
	return n.FillBytes(make([]byte, 16)), nil
}
