package twilio

import (
	"net/http"
	"slices"

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

// What is served, and what is in a service.
const (
	services = "/v2/Services"
	service  = services + "/{service}"
)

// routes is every operation of the door.
func routes() []route {
	return slices.Concat(serviceRoutes(), limitRoutes(), factorRoutes(), hookRoutes(), accountRoutes())
}

func serviceRoutes() []route {
	const (
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

// limitRoutes are those of programmable rate limits.
func limitRoutes() []route {
	const (
		limits  = service + "/RateLimits"
		limit   = limits + "/{limit}"
		buckets = limit + "/Buckets"
		bucket  = buckets + "/{bucket}"
	)
	return []route{
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
	}
}

func factorRoutes() []route {
	const (
		entities   = service + "/Entities"
		entity     = entities + "/{identity}"
		factors    = entity + "/Factors"
		oneFactor  = factors + "/{factor}"
		challenges = entity + "/Challenges"
		challenge  = challenges + "/{challenge}"
	)
	return []route{
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
	}
}

func hookRoutes() []route {
	const (
		hooks   = service + "/Webhooks"
		oneHook = hooks + "/{webhook}"
	)
	return []route{
		{"POST", hooks, tenant.ScopeWebhooksWrite, (*door).createHook},
		{"GET", hooks, tenant.ScopeWebhooksRead, (*door).listHooks},
		{"GET", oneHook, tenant.ScopeWebhooksRead, (*door).fetchHook},
		{"POST", oneHook, tenant.ScopeWebhooksWrite, (*door).updateHook},
		{"DELETE", oneHook, tenant.ScopeWebhooksWrite, (*door).deleteHook},
	}
}

// accountRoutes are those of what belongs to no service.
func accountRoutes() []route {
	const (
		attempts   = "/v2/Attempts"
		numbers    = "/v2/SafeList/Numbers"
		safeNumber = numbers + "/{number}"
	)
	return []route{
		{"GET", attempts, tenant.ScopeVerifyRead, counted((*door).listAttempts)},
		{"GET", attempts + "/{attempt}", tenant.ScopeVerifyRead, counted((*door).fetchAttempt)},
		{"GET", attempts + "/Summary", tenant.ScopeVerifyRead, counted((*door).summarizeAttempts)},
		{"GET", "/v2/Templates", tenant.ScopeServicesRead, (*door).listTemplates},
		{"POST", numbers, tenant.ScopeServicesWrite, (*door).createSafeNumber}, // as what all services share
		{"GET", safeNumber, tenant.ScopeServicesRead, (*door).fetchSafeNumber},
		{"DELETE", safeNumber, tenant.ScopeServicesWrite, (*door).deleteSafeNumber},
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
