package web

import (
	"net/http"
	"strings"
)

// Split hands each request to the edge it is for: the one with the longest key of edges that the path begins with
// (keys that end in a slash) or is (others), or else rest. Unlike a mux it redirects nothing, so every edge answers
// for odd paths below it in its own form.
func Split(edges map[string]http.Handler, rest http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		best, length := rest, 0
		for key, h := range edges {
			if len(key) > length && (r.URL.Path == key || strings.HasSuffix(key, "/") && strings.HasPrefix(r.URL.Path, key)) {
				best, length = h, len(key)
			}
		}
		best.ServeHTTP(w, r)
	})
}
