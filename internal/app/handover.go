package app

import (
	"fmt"
	"net/http"

	"github.com/countersign/countersign/internal/handover"
	"github.com/countersign/countersign/internal/web"
)

// jwksPath is where firms find the keys of signed results.
const jwksPath = "/.well-known/jwks.json"

// jwks publishes the keys to everybody.
func (s *server) jwks() http.Handler {
	mux := web.NewMux(web.WriteProblem)
	mux.HandleFunc("GET "+jwksPath, func(w http.ResponseWriter, r *http.Request) {
		document, err := s.handover.JWKS(r.Context())
		if err != nil {
			web.WriteProblem(w, r, err)
			return
		}
		w.Header().Set("Content-Type", "application/jwk-set+json")
		w.Header().Set("Cache-Control", fmt.Sprintf("public, max-age=%d", int(handover.CacheFor.Seconds())))
		_, _ = w.Write(document) // the client may have gone
	})
	return mux
}
