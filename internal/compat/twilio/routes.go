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
		limits        = service + "/RateLimits"
		limit         = limits + "/{limit}"
		buckets       = limit + "/Buckets"
		bucket        = buckets + "/{bucket}"
		entities      = service + "/Entities"
		entity        = entities + "/{identity}"
		factors       = entity + "/Factors"
		oneFactor     = factors + "/{factor}"
		challenges    = entity + "/Challenges"
		challenge     = challenges + "/{challenge}"
		attempts      = "/v2/Attempts"
		hooks         = service + "/Webhooks"
		oneHook       = hooks + "/{webhook}"
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

		{"POST", limits, tenant.ScopeServicesWrite, (*door).createLimit},
		{"GET", limits, tenant.ScopeServicesRead, (*door).listLimits},
		{"GET", limit, tenant.ScopeServicesRead, (*door).fetchLimit},
		{"POST", limit, tenant.ScopeServicesWrite, (*door).updateLimit},
		{"DELETE", limit, tenant.ScopeServicesWrite, (*door).deleteLimit},
		{"POST", buckets, tenant.ScopeServicesWrite, (*door).createBucket},
		{"GET", buckets, tenant.ScopeServicesRead, (*door).listBuckets},
		{"GET", bucket, tenant.ScopeServicesRead, (*door).fetchBucket},
		{"POST", bucket, tenant.ScopeServicesWrite, (*door).updateBucket},
		{"DELETE", bucket, tenant.ScopeServicesWrite, (*door).deleteBucket},
		{"GET", attempts, tenant.ScopeVerifyRead, counted((*door).listAttempts)},
		{"GET", attempts + "/{attempt}", tenant.ScopeVerifyRead, counted((*door).fetchAttempt)},
		{"GET", attempts + "/Summary", tenant.ScopeVerifyRead, counted((*door).summarizeAttempts)},

		{"POST", entities, tenant.ScopeFactorsWrite, (*door).createEntity},
		{"GET", entities, tenant.ScopeFactorsRead, (*door).listEntities},
		{"GET", entity, tenant.ScopeFactorsRead, (*door).fetchEntity},
		{"DELETE", entity, tenant.ScopeFactorsWrite, (*door).deleteEntity},

		{"POST", factors, tenant.ScopeFactorsWrite, (*door).createFactor},
		{"GET", factors, tenant.ScopeFactorsRead, (*door).listFactors},
		{"GET", oneFactor, tenant.ScopeFactorsRead, (*door).fetchFactor},
		{"POST", oneFactor, tenant.ScopeFactorsWrite, (*door).updateFactor}, // verifies it too
		{"DELETE", oneFactor, tenant.ScopeFactorsWrite, (*door).deleteFactor},

		{"POST", challenges, tenant.ScopeFactorsCheck, (*door).createChallenge},
		{"GET", challenges, tenant.ScopeFactorsRead, (*door).listChallenges},
		{"GET", challenge, tenant.ScopeFactorsRead, (*door).fetchChallenge},
		{"POST", challenge, tenant.ScopeFactorsCheck, (*door).answerChallenge},

		{"POST", hooks, tenant.ScopeWebhooksWrite, (*door).createHook},
		{"GET", hooks, tenant.ScopeWebhooksRead, (*door).listHooks},
		{"GET", oneHook, tenant.ScopeWebhooksRead, (*door).fetchHook},
		{"POST", oneHook, tenant.ScopeWebhooksWrite, (*door).updateHook},
		{"DELETE", oneHook, tenant.ScopeWebhooksWrite, (*door).deleteHook},
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
