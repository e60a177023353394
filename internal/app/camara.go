package app

import (
	"net/http"

	"github.com/countersign/countersign/internal/compat/camara"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/web"
)

// camara is CAMARA's door in its chain. Its access tokens are sealed under the installation's key for no tenant: whose
// they are stands inside.
func (s *server) camara(chain *web.Chain) (http.Handler, error) {
	place := seal.Place{Purpose: "camara access token"}
	h, err := camara.New(camara.Config{
		Keys: s.directory, Verifications: s.verify, Rules: rules(s.cfg),
		Seal: func(plain []byte) []byte { return s.storage.ring.Seal(place, plain) },
		Open: func(sealed []byte) ([]byte, error) { return s.storage.ring.Open(place, sealed) },
	})
	if err != nil {
		return nil, err
	}
	return chain.Wrap(camara.Policy(), h), nil
}
