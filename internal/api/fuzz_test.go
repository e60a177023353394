package api_test

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// callChunked sends a body whose length is not told beforehand.
func callChunked(h http.Handler, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/v1/verifications", struct{ io.Reader }{strings.NewReader(body)})
	r.ContentLength = -1
	r.Header.Set("Authorization", "Bearer "+keyNamed)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// FuzzBody sends any body to every route that takes one. No body is a 500, every refusal is a whole problem, and no
// refusal holds any run of eight bytes of the body that could be a secret, which is one with a digit in it.
func FuzzBody(f *testing.F) {
	for _, group := range [][]scenario{starts, checks, profiles, malformed, invitations, invitationsOfMany, settings} {
		for _, s := range group {
			f.Add([]byte(s.body))
		}
	}
	f.Add([]byte(`{"to":{"4839201756":{"4839201756":[["4839201756"]]}},"metadata":{"4839201756":4839201756,"a.b":"48392017\u00356"}}`))
	h := newServer(f, newServices(), io.Discard)
	f.Fuzz(func(t *testing.T, body []byte) {
		for _, r := range everyRoute {
			if r.body == "" {
				continue
			}
			w := call(h, r.method, r.target, string(body), nil)
			if w.Code >= 500 {
				t.Fatalf("%s answers %d: %s", r.operation, w.Code, w.Body)
			}
			if w.Code < 400 {
				continue
			}
			checkProblem(t, w.Header().Get("Content-Type"), w.Code, w.Body.Bytes())
			answer := []byte(withoutID(w.Body.String()))
			for i := 0; i+8 <= len(body); i++ {
				run := body[i : i+8]
				if bytes.ContainsAny(run, "0123456789") && bytes.Contains(answer, run) && !bytes.Contains(schemaWords, run) {
					t.Fatalf("%s echoes %q: %s", r.operation, run, answer)
				}
			}
		}
	})
}

// schemaWords are runs with digits that our own texts hold.
var schemaWords = []byte(`"status":400, "status":413, "status":415, "status":422, expected length <= 0123456789, expected number >= 30, <= 600, 16 levels, see byte, "mobile_2fa" of "items", <= 3600, <= 8760`)
