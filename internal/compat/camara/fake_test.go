package camara_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/compat/camara"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/risk"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web/webtest"
)

// What the program hands in must fit.
var (
	_ camara.Keys          = (*tenant.Directory)(nil)
	_ camara.Verifications = (*verify.Service)(nil)
)

var (
	now   = time.Date(2026, 11, 26, 9, 0, 0, 0, time.UTC)
	acme  = uid.NewTenant(now)
	key   = uid.New(now, 11)
	other = uid.New(now, 12)
	vrf   = uid.New(now, 7)
)

const mobile = "+447400123456" // of a range in use; nothing is sent from here

// fake is everything that the door calls: it notes what it was asked and answers from its fields.
type fake struct {
	principal tenant.Principal
	revoked   error // what Authenticate answers, when set

	startErr, checkErr, getErr error
	outcome                    verify.Status // of a start
	reasons                    []string
	check                      verify.CheckAnswer
	view                       verify.View // what Get answers
	broken                     bool        // Start panics

	starts []verify.StartRequest
	checks []verify.CheckRequest
}

func (f *fake) Authenticate(_ context.Context, k string) (tenant.Principal, error) {
	switch {
	case f.revoked != nil:
		return tenant.Principal{}, f.revoked
	case !strings.HasPrefix(k, "csk_"):
		return tenant.Principal{}, fault.New(fault.Unauthenticated, "key_invalid", "This key is not known.")
	}
	return f.principal, nil
}

func (f *fake) Start(_ context.Context, r verify.StartRequest) (verify.StartAnswer, error) {
	f.starts = append(f.starts, r)
	if f.broken {
		panic("of " + mobile)
	}
	v := verify.View{ID: vrf, Status: f.outcome, Decision: risk.Decision{Reasons: f.reasons}}
	return verify.StartAnswer{View: v, Created: true, Sent: true}, f.startErr
}

func (f *fake) Check(_ context.Context, r verify.CheckRequest) (verify.CheckAnswer, error) {
	f.checks = append(f.checks, r)
	return f.check, f.checkErr
}

func (f *fake) Get(_ context.Context, by verify.Caller, id uid.ID, reveal bool) (verify.Record, error) {
	if by.Tenant != acme || id != vrf || reveal {
		return verify.Record{}, fault.New(fault.NotFound, "verification_not_found", "There is no such verification.")
	}
	return verify.Record{View: f.view}, f.getErr
}

// everything is a fake for a key that may do all.
func everything() *fake {
	return &fake{principal: tenant.Principal{Tenant: acme, Key: key, Scopes: []string{tenant.ScopeAll}}, outcome: verify.Pending}
}

func newDoor(t testing.TB, f *fake) http.Handler { return newLoggingDoor(t, f, io.Discard) }

// newLoggingDoor is the door in its chain, as the program runs it, at the time now.
func newLoggingDoor(t testing.TB, f *fake, log io.Writer) http.Handler {
	t.Helper()
	h, err := camara.New(camara.Config{Keys: f, Verifications: f, Seal: turn, Open: turnBack, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	return webtest.Wrap(log, camara.Policy(), h)
}

// turn stands for sealing: what it gives does not show what it took.
func turn(plain []byte) []byte {
	out := bytes.Clone(plain)
	for i := range out {
		out[i] ^= 0x55
	}
	return out
}

func turnBack(sealed []byte) ([]byte, error) { return turn(sealed), nil }

// call sends one request to a door, with the usual headers; those given replace them, and an empty value removes one.
func call(h http.Handler, method, path, body string, header map[string]string) answer {
	r := httptest.NewRequest(method, "/compat/camara"+path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer csk_good")
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("x-correlator", correlator)
	for k, v := range header {
		if r.Header.Del(k); v != "" {
			r.Header.Set(k, v)
		}
	}
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, r)
	return answer{rec.Code, rec.Result().Header, rec.Body.Bytes()}
}

type errCause struct{}

func (errCause) Error() string { return "SELECT code FROM verification /var/lib/x.db" }
