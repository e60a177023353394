package web_test

import (
	"errors"
	"math"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/web"
)

// quota is the cause of a refusal that tells its limit.
type quota struct{}

func (quota) Error() string               { return "SELECT 1 at /var/lib" }
func (quota) Quota() (int, time.Duration) { return 5, 10 * time.Minute }

// several are faults told at once.
type several []error

func (several) Error() string     { return "several" }
func (s several) Unwrap() []error { return s }

func TestProblem(t *testing.T) {
	t.Parallel()
	const message = "Do this."
	for _, c := range []struct {
		name   string
		err    error
		body   string
		header http.Header
	}{
		{"internal", errors.New("disk gone"), `{"type":"/problems/internal","title":"Internal error","status":500,` +
			`"detail":"Something went wrong on our side. Try again; if it stays, quote the request id.","code":"internal","request_id":""}`, nil},
		{"malformed", fault.New(fault.Malformed, "c", message), `{"type":"/problems/c","title":"Malformed request","status":400,"detail":"Do this.","code":"c","request_id":""}`, nil},
		{"unauthenticated", fault.New(fault.Unauthenticated, "c", message), `{"type":"/problems/c","title":"Not authenticated","status":401,"detail":"Do this.","code":"c","request_id":""}`, nil},
		{"denied", fault.New(fault.Denied, "c", message), `{"type":"/problems/c","title":"Not allowed","status":403,"detail":"Do this.","code":"c","request_id":""}`, nil},
		{"not found", fault.New(fault.NotFound, "c", message), `{"type":"/problems/c","title":"Not found","status":404,"detail":"Do this.","code":"c","request_id":""}`, nil},
		{"conflict", fault.New(fault.Conflict, "c", message), `{"type":"/problems/c","title":"Not possible in this state","status":409,"detail":"Do this.","code":"c","request_id":""}`, nil},
		{"invalid", fault.New(fault.Invalid, "c", message).On("to"), `{"type":"/problems/c","title":"Invalid value","status":422,"detail":"Do this.","code":"c","request_id":"","errors":[{"field":"to","detail":"Do this."}]}`, nil},
		{"several invalid", several{fault.New(fault.Invalid, "c", message).On("to"), fault.New(fault.Invalid, "d", "Do that.").On("code")},
			`{"type":"/problems/c","title":"Invalid value","status":422,"detail":"Do this.","code":"c","request_id":"","errors":[{"field":"to","detail":"Do this."},{"field":"code","detail":"Do that."}]}`, nil},
		{"limited", fault.New(fault.Limited, "c", message).After(61 * time.Second), `{"type":"/problems/c","title":"Too many requests","status":429,"detail":"Do this.","code":"c","request_id":""}`,
			http.Header{"Retry-After": {"61"}, "Ratelimit": {`"c";r=0;t=61`}}},
		{"limited, and the limit is told", fault.Wrap(fault.Limited, "c", message, quota{}).After(time.Millisecond), `{"type":"/problems/c","title":"Too many requests","status":429,"detail":"Do this.","code":"c","request_id":""}`,
			http.Header{"Retry-After": {"1"}, "Ratelimit": {`"c";r=0;t=1`}, "Ratelimit-Policy": {`"c";q=5;w=600`}}},
		{"limited for ever", fault.New(fault.Limited, "c", message).After(math.MaxInt64), `{"type":"/problems/c","title":"Too many requests","status":429,"detail":"Do this.","code":"c","request_id":""}`,
			http.Header{"Retry-After": {"86400"}, "Ratelimit": {`"c";r=0;t=86400`}}},
		{"unavailable", fault.New(fault.Unavailable, "c", message), `{"type":"/problems/c","title":"Not available now","status":503,"detail":"Do this.","code":"c","request_id":""}`,
			http.Header{"Retry-After": {"1"}}},
		{"too large", &http.MaxBytesError{Limit: 1}, `{"type":"/problems/body_too_large","title":"Body too large","status":413,"detail":"The body is too large. Send at most 64 KiB, where the documentation of the route names no other size.","code":"body_too_large","request_id":""}`, nil},
		{"method", web.ErrMethod, `{"type":"/problems/method_not_allowed","title":"Method not allowed","status":405,"detail":"This path does not take this method. See the Allow header.","code":"method_not_allowed","request_id":""}`, nil},
		{"slow", web.ErrSlowBody, `{"type":"/problems/request_timeout","title":"Request timeout","status":408,"detail":"The body did not arrive in time. Send the request again.","code":"request_timeout","request_id":""}`, nil},
		{"media type", web.ErrMediaType, `{"type":"/problems/unsupported_media_type","title":"Unsupported media type","status":415,"detail":"Send the body as application/json.","code":"unsupported_media_type","request_id":""}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := httptest.NewRecorder()
			web.WriteProblem(w, httptest.NewRequest("POST", "/", nil), c.err)
			if diff := cmp.Diff(c.body+"\n", w.Body.String()); diff != "" {
				t.Errorf("body (-want +got):\n%s", diff)
			}
			want := http.Header{"Content-Type": {"application/problem+json"}}
			for k, v := range c.header {
				want[k] = v
			}
			if diff := cmp.Diff(want, w.Header()); diff != "" {
				t.Errorf("header (-want +got):\n%s", diff)
			}
		})
	}
}

func TestMux(t *testing.T) {
	t.Parallel()
	mux := web.NewMux(web.WriteProblem)
	mux.HandleFunc("GET /things/{id}", func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte(r.PathValue("id"))) })
	mux.HandleFunc("DELETE /things/{id}", func(http.ResponseWriter, *http.Request) {})
	for _, c := range []struct {
		method, target string
		status         int
		allow, body    string
	}{
		{"GET", "/things/7", 200, "", "7"},
		{"HEAD", "/things/7", 200, "", ""},
		{"GET", "/things/a.b", 200, "", "a.b"},
		{"POST", "/things/7", 405, "GET, HEAD, DELETE, OPTIONS", "method_not_allowed"},
		{"OPTIONS", "/things/7", 204, "GET, HEAD, DELETE, OPTIONS", ""},
		{"OPTIONS", "/nothing", 404, "", "not_found"},
		{"GET", "/", 404, "", "not_found"},
		{"GET", "/things/7/", 404, "", "not_found"},
		{"GET", "//things/7", 404, "", "not_found"},
		{"GET", "/x/../things/7", 404, "", "not_found"},
		{"GET", "/./things/7", 404, "", "not_found"},
		{"GET", "/things/7/..", 404, "", "not_found"},
	} {
		w := httptest.NewRecorder()
		mux.ServeHTTP(w, httptest.NewRequest(c.method, c.target, nil))
		if w.Code != c.status || w.Header().Get("Allow") != c.allow || !strings.Contains(w.Body.String(), c.body) {
			t.Errorf("%s %s: %d, Allow %q, %s", c.method, c.target, w.Code, w.Header().Get("Allow"), w.Body)
		}
	}
}
