package camara

import (
	"net/http"
	"strings"

	"github.com/countersign/countersign/internal/web"
)

const (
	correlatorHeader = "X-Correlator"
	maxCorrelator    = 256
)

// correlate puts the correlator of r on the answer, and reports whether the one that was sent is well formed. An answer
// whose request has none, or one that can't be repeated, carries the request's id.
func correlate(w http.ResponseWriter, r *http.Request) bool {
	sent := r.Header.Values(correlatorHeader)
	ok := len(sent) <= 1
	own := ""
	if len(sent) == 1 {
		own, ok = sent[0], isCorrelator(sent[0])
	}
	if own == "" || !ok {
		own = web.RequestID(r.Context())
	}
	w.Header().Set(correlatorHeader, own)
	return ok
}

// isCorrelator matches the pattern of Commonalities' XCorrelator, ^[a-zA-Z0-9-_:;.\/<>{}]{0,256}$.
func isCorrelator(s string) bool {
	return len(s) <= maxCorrelator && !strings.ContainsFunc(s, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z'
		digit := '0' <= r && r <= '9'
		return !letter && !digit && !strings.ContainsRune("-_:;./<>{}", r)
	})
}
