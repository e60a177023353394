package web

import (
	"net/http"
	"path"
	"strings"
)

// Mux is the standard mux for one edge, with that edge's own answers in place of the plain-text ones: unknown paths,
// wrong methods (with Allow), and paths that are not in their clean form, which are unknown and not redirected.
// OPTIONS on a known path answers 204 with Allow. GET routes answer HEAD.
type Mux struct {
	http.ServeMux
	fail Fail
}

// NewMux makes an empty mux that tells errors by fail.
func NewMux(fail Fail) *Mux {
	m := &Mux{fail: fail}
	m.HandleFunc("/", m.miss)
	return m
}

// ServeHTTP dispatches r.
func (m *Mux) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p := r.URL.Path; strings.Contains(p, "//") || strings.Contains(p, "/.") && path.Clean(p) != p {
		m.fail(w, r, ErrNoSuchRoute)
		return
	}
	m.ServeMux.ServeHTTP(w, r)
}

// miss answers what no route takes. The methods that the path would take are found by asking, which costs only those
// who are wrong.
func (m *Mux) miss(w http.ResponseWriter, r *http.Request) {
	var allow []string
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"} {
		probe := *r
		probe.Method = method
		if _, pattern := m.Handler(&probe); pattern != "/" {
			allow = append(allow, method)
		}
	}
	if len(allow) == 0 {
		m.fail(w, r, ErrNoSuchRoute)
		return
	}
	w.Header().Set("Allow", strings.Join(append(allow, "OPTIONS"), ", "))
	if r.Method == http.MethodOptions {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	m.fail(w, r, ErrMethod)
}
