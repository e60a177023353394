package mta_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/compat/mta"
	"github.com/countersign/countersign/internal/ratelimit"
)

// unlimited is a fake that may be asked for ever.
func unlimited() *fake {
	many := ratelimit.Limit{Burst: 1_000_000, Period: time.Second}
	return newFake(mta.Limits{Address: many, Account: many})
}

// FuzzBody sends any body to every route that takes one. Each answer is one JSON object: 200, or an error in the vendor's
// form that is not ours to blame.
func FuzzBody(f *testing.F) {
	for _, body := range []string{
		`{"to":"+447700900000","serviceName":"Acme","timeoutSeconds":60,"codeLength":6,"tags":{"a":"b"},"externalId":"x","gated":true}`,
		`{"to":"+442079460000","bypass":true,"longcodeId":1,"poolId":"p","senderName":"s"}`,
		`{"verificationId":"01890000-0000-7000-8000-000000000001","code":"123456"}`, `{"to":"+447700900000","code":"123456"}`,
		`{"event":"delivery-status","url":"https://example.com/","secret":"0123456789abcdef","skipErrorCodes":["500"],"alertEmail":"a@example.com"}`,
		`{"to":null}`, `{"to":{"a":1}}`, `{"tags":{"a":{}}}`, `{"timeoutSeconds":1e400}`, `[]`, `null`, `{`, "\xff", ``,
	} {
		f.Add([]byte(body))
	}
	door := unlimited()
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, path := range []string{sendPath, checkPath, "/v3/verify/number", hooksPath} {
			allowed(t, door.call("POST", path, string(body), nil))
		}
	})
}

// FuzzQuery asks the lists with any query.
func FuzzQuery(f *testing.F) {
	for _, query := range []string{
		"", "page=2&pageSize=7", "sortDirection=ASC&sortBy=date", "filters[status]=APPROVED&filters[startDate]=2026-11-26",
		"filters%5BendDate%5D=2026-11-26", "query=%2B447700900000", "query=+447700900000", "page=-1", "filters[status]=sent&filters[type]=sms", "%zz",
	} {
		f.Add(query)
	}
	door := unlimited()
	door.keep(30)
	f.Fuzz(func(t *testing.T, query string) {
		for _, path := range []string{"/compat/mta/v3/verify", "/compat/mta/v3/deliveries"} {
			r := httptest.NewRequest("GET", path, nil)
			r.URL.RawQuery = query
			r.Header.Set("Authorization", "Bearer csk_only:all")
			w := httptest.NewRecorder()
			door.handler.ServeHTTP(w, r)
			got := reply{status: w.Code, header: w.Header(), text: w.Body.String()}
			_ = json.Unmarshal(w.Body.Bytes(), &got.object) // what is no object has no members
			allowed(t, got)
		}
	})
}

// allowed fails unless r is a good answer or tells the caller of a fault of theirs.
func allowed(t *testing.T, r reply) {
	t.Helper()
	switch {
	case r.object == nil || strings.Count(strings.TrimSpace(r.text), "\n") > 0:
		t.Fatalf("no object: %d %q", r.status, r.text)
	case r.status == http.StatusOK && r.object["success"] == true:
	case r.status == http.StatusConflict: // of webhooks, one for each event
		checkError(t, r, http.StatusConflict, "ConflictError")
	case r.status == http.StatusNotFound:
		checkError(t, r, http.StatusNotFound, "NotFoundError")
	default:
		checkError(t, r, http.StatusBadRequest, "BadRequestError")
	}
}
