package web_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/countersign/countersign/internal/web"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	edge := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name) })
	}
	h := web.Split(map[string]http.Handler{"/compat/": edge("compat"), "/compat/twilio/": edge("twilio"), "/healthz": edge("health")}, edge("api"))
	for path, want := range map[string]string{
		"/v1/x": "api", "/": "api", "/compat/x": "compat", "/compat/twilio/v2": "twilio", "/compat/twilio": "compat", "/compat": "api",
		"/healthz": "health", "/healthz/": "api", "/healthzz": "api", "/compat//twilio/": "compat", "//compat/": "api",
	} {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("GET", "/", nil)
		r.URL.Path = path
		if h.ServeHTTP(w, r); w.Body.String() != want || w.Code != 200 {
			t.Errorf("%s goes to %q (%d), want %q", path, w.Body, w.Code, want)
		}
	}
}
