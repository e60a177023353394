package twilio

import (
	"net/http"

	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/web"
)

// handler answers a request whose key is known and holds the scope of its route, or says why not.
type handler func(d *door, w http.ResponseWriter, r *http.Request) error

// route is one operation. Paths are below Mount.
type route struct {
	method, path string
	scope        string // what the key must hold
	handle       handler
}

// routes is every operation of the door.
func routes() []route {
	const (
		services      = "/v2/Services"
		service       = services + "/{service}"
		verifications = service + "/Verifications"
		verification  = verifications + "/{verification}" // a SID, or the number or address
	)
	return []route{
		{"POST", services, tenant.ScopeServicesWrite, (*door).createService},
		{"GET", services, tenant.ScopeServicesRead, (*door).listServices},
		{"GET", service, tenant.ScopeServicesRead, (*door).fetchService},
		{"POST", service, tenant.ScopeServicesWrite, (*door).updateService},
		{"DELETE", service, tenant.ScopeServicesWrite, (*door).deleteService},

		{"POST", verifications, tenant.ScopeVerifyStart, (*door).createVerification},
		{"GET", verification, tenant.ScopeVerifyRead, (*door).fetchVerification},
		{"POST", verification, tenant.ScopeVerifyStart, (*door).updateVerification},
		{"POST", service + "/VerificationCheck", tenant.ScopeVerifyCheck, (*door).checkVerification},
	}
}

// newMux is the mux of all routes.
func newMux(d *door) *web.Mux {
	mux := web.NewMux(fail)
	for _, rt := range routes() {
		mux.HandleFunc(rt.method+" "+Mount+rt.path, func(w http.ResponseWriter, r *http.Request) {
			err := error(errScope)
			if allows(web.Principal(r.Context()), rt.scope) {
				err = rt.handle(d, w, r)
			}
			if err != nil {
				fail(w, r, err)
			}
		})
	}
	return mux
}
