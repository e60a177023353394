package twilio_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/compat/twilio"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web/webtest"
)

// What the program hands in must fit.
var (
	_ twilio.Keys          = (*tenant.Directory)(nil)
	_ twilio.Profiles      = (*tenant.Directory)(nil)
	_ twilio.Verifications = (*verify.Service)(nil)
)

var (
	began = time.Date(2026, 11, 21, 22, 46, 0, 123_456_000, time.UTC)
	acme  = uid.NewTenant(began)
	vrf   = uid.New(began, 7)
	svc   = uid.New(began, 9)
	key   = uid.New(began, 11)
)

// scenarios are one request for each route, which the fake answers well, with the scope that it needs.
var scenarios = []struct {
	method, path, form, scope string
	status                    int
}{
	{"POST", "/Services", "FriendlyName=Acme", tenant.ScopeServicesWrite, 201},
	{"GET", "/Services", "", tenant.ScopeServicesRead, 200},
	{"GET", at, "", tenant.ScopeServicesRead, 200},
	{"POST", at, "CodeLength=8", tenant.ScopeServicesWrite, 200},
	{"DELETE", at, "", tenant.ScopeServicesWrite, 204},
	{"POST", at + "/Verifications", "To=%2B12025550123&Channel=sms", tenant.ScopeVerifyStart, 201},
	{"GET", one, "", tenant.ScopeVerifyRead, 200},
	{"POST", one, "Status=canceled", tenant.ScopeVerifyStart, 200},
	{"POST", at + "/VerificationCheck", "To=%2B12025550123&Code=918273", tenant.ScopeVerifyCheck, 200},
	{"POST", at + "/VerificationCheck", "VerificationSid=VE" + vrf.Hex() + "&Code=918273", tenant.ScopeVerifyCheck, 200},
	{"POST", at + "/RateLimits", "UniqueName=end_user.ip&Description=a", tenant.ScopeServicesWrite, 201},
	{"GET", at + "/RateLimits", "", tenant.ScopeServicesRead, 200},
	{"GET", theLimit, "", tenant.ScopeServicesRead, 200},
	{"POST", theLimit, "Description=b", tenant.ScopeServicesWrite, 200},
	{"DELETE", theLimit, "", tenant.ScopeServicesWrite, 204},
	{"POST", theLimit + "/Buckets", "Max=5&Interval=60", tenant.ScopeServicesWrite, 201},
	{"GET", theLimit + "/Buckets", "", tenant.ScopeServicesRead, 200},
	{"GET", theBucket, "", tenant.ScopeServicesRead, 200},
	{"POST", theBucket, "Max=6", tenant.ScopeServicesWrite, 200},
	{"DELETE", theBucket, "", tenant.ScopeServicesWrite, 204},
	{"GET", "/Attempts", "", tenant.ScopeVerifyRead, 200},
	{"GET", "/Attempts/" + theAttempt, "", tenant.ScopeVerifyRead, 200},
	{"GET", "/Attempts/Summary", "", tenant.ScopeVerifyRead, 200},
	{"POST", at + "/Webhooks", "FriendlyName=a&EventTypes=*&WebhookUrl=https://example.com/", tenant.ScopeWebhooksWrite, 201},
	{"GET", at + "/Webhooks", "", tenant.ScopeWebhooksRead, 200},
	{"GET", theHook, "", tenant.ScopeWebhooksRead, 200},
	{"POST", theHook, "Status=disabled", tenant.ScopeWebhooksWrite, 200},
	{"DELETE", theHook, "", tenant.ScopeWebhooksWrite, 204},
	{"POST", at + "/Entities", "Identity=ident-0001", tenant.ScopeFactorsWrite, 201},
	{"GET", at + "/Entities", "", tenant.ScopeFactorsRead, 200},
	{"GET", theEntity, "", tenant.ScopeFactorsRead, 200},
	{"DELETE", theEntity, "", tenant.ScopeFactorsWrite, 204},
	{"POST", theEntity + "/Factors", "FactorType=totp&FriendlyName=phone&Binding.Secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", tenant.ScopeFactorsWrite, 201},
	{"GET", theEntity + "/Factors", "", tenant.ScopeFactorsRead, 200},
	{"GET", theFactor, "", tenant.ScopeFactorsRead, 200},
	{"POST", theFactor, "AuthPayload=918273", tenant.ScopeFactorsWrite, 200},
	{"POST", theFactor, "FriendlyName=tablet", tenant.ScopeFactorsWrite, 200},
	{"DELETE", theFactor, "", tenant.ScopeFactorsWrite, 204},
	{"POST", theEntity + "/Challenges", "AuthPayload=918273&FactorSid=YF" + fac.Hex(), tenant.ScopeFactorsCheck, 201},
	{"GET", theEntity + "/Challenges", "", tenant.ScopeFactorsRead, 200},
	{"GET", theChallenge, "", tenant.ScopeFactorsRead, 200},
	{"POST", theChallenge, "AuthPayload=918273", tenant.ScopeFactorsCheck, 200},
	{"GET", "/Templates", "", tenant.ScopeServicesRead, 200},
	{"POST", "/SafeList/Numbers", "PhoneNumber=%2B12025550123", tenant.ScopeServicesWrite, 201},
	{"GET", "/SafeList/Numbers/+12025550123", "", tenant.ScopeServicesRead, 200},
	{"DELETE", "/SafeList/Numbers/+12025550123", "", tenant.ScopeServicesWrite, 204},
}

var (
	at  = "/Services/VA" + svc.Hex()
	one = at + "/Verifications/VE" + vrf.Hex()

	theAttempt = "VL" + vrf.Hex()[:12] + "1" + vrf.Hex()[13:]
)

// fake is a fake of everything that the door calls: it answers from its fields.
type fake struct {
	tenant    uid.Tenant
	scopes    []string
	view      verify.View
	err       error // when set, what every method of verifications and profiles answers
	panics    bool
	inUse     bool // a verification of the service is open
	noProfile bool // reading a profile answers err too
	now       time.Time
	checks    int                 // how often Check was called
	started   verify.StartRequest // the last one
	reveal    bool                // the last Get asked for the recipient in full
	checked   verify.View         // what Check tells of the verification
	vendor    map[string]string   // settings of the profile

	factorFake
	sendFake

	log  bytes.Buffer
	door http.Handler // of the first request
}

func newFake() *fake {
	return &fake{
		tenant: acme,
		scopes: []string{tenant.ScopeAll, tenant.ScopeVerifyApprove, tenant.ScopeRecipientShow},
		view: verify.View{ID: vrf, Status: verify.Pending, To: "+12025550123", Channel: delivery.SMS, Service: svc, Purpose: verify.ForLogin,
			Sends: []verify.Send{{N: 1, Channel: delivery.SMS, At: began}}, CreatedAt: began, ExpiresAt: began.Add(10 * time.Minute)},
		now: began.Add(time.Minute), factorFake: newFactorFake(),
	}
}

func (f *fake) AuthenticateToken(_ context.Context, token string) (tenant.Principal, error) {
	if token != "good" {
		return tenant.Principal{}, fault.New(fault.Unauthenticated, "key_invalid", "This key is not known.")
	}
	return tenant.Principal{Tenant: f.tenant, Key: key, Scopes: f.scopes}, nil
}

func (f *fake) answer() error {
	if f.panics {
		panic("the code is 918273")
	}
	return f.err
}

func (f *fake) Start(_ context.Context, r verify.StartRequest) (verify.StartAnswer, error) {
	f.started = r
	return verify.StartAnswer{View: f.view, Created: true, Sent: true}, f.answer()
}

func (f *fake) Check(_ context.Context, r verify.CheckRequest) (verify.CheckAnswer, error) {
	f.checks++
	if f.err == nil && f.view.Status != verify.Pending || r.Service != f.view.Service.Text(uid.Service) {
		return verify.CheckAnswer{}, fault.New(fault.NotFound, "verification_not_found", "There is no such verification.")
	}
	return verify.CheckAnswer{ID: vrf, Status: verify.Approved, Valid: true, View: f.checked}, f.answer()
}

func (f *fake) Cancel(context.Context, verify.EndRequest) (verify.View, error) {
	v := f.view
	v.Status = verify.Canceled
	return v, f.answer()
}

func (f *fake) Approve(ctx context.Context, r verify.EndRequest) (verify.View, error) {
	return f.Cancel(ctx, r)
}

func (f *fake) Get(_ context.Context, _ verify.Caller, id uid.ID, reveal bool) (verify.Record, error) {
	f.reveal = reveal
	if id == f.removed || reveal && f.erased {
		return verify.Record{}, fault.New(fault.NotFound, "verification_not_found", "There is no such verification.")
	}
	v := f.view
	if slices.Contains(f.others, id) {
		v.ID = id
	}
	if !reveal {
		v.To = "+1•••••••23"
	}
	return verify.Record{View: v, Deliveries: f.deliveries}, f.answer()
}

func (f *fake) Open(context.Context, verify.Caller, string, string, verify.Purpose) (verify.View, error) {
	return f.view, f.answer()
}

func (f *fake) service() tenant.Service {
	return tenant.Service{ID: svc, Tenant: acme, Name: "Acme", CodeLength: 6, Vendor: f.vendor, CreatedAt: began, UpdatedAt: began, RateLimits: []tenant.RateLimit{{
		ID: lim, Name: "session", Buckets: []tenant.Bucket{{ID: bkt, Max: 5, Interval: time.Hour, CreatedAt: began, UpdatedAt: began}},
		CreatedAt: began, UpdatedAt: began,
	}}}
}

func (f *fake) Profile(context.Context, uid.Tenant, uid.ID) (tenant.Service, error) {
	if f.noProfile {
		return tenant.Service{}, f.err
	}
	return f.service(), nil
}

func (f *fake) Services(context.Context, uid.Tenant, uid.ID, int) ([]tenant.Service, uid.ID, error) {
	return []tenant.Service{f.service()}, uid.ID{}, f.answer()
}

func (f *fake) CreateService(_ context.Context, _ tenant.Caller, s tenant.Service, _ *tenant.Idempotency) (tenant.Service, error) {
	s.ID = svc
	return s, f.answer()
}

func (f *fake) UpdateService(_ context.Context, _ tenant.Caller, _ uid.Tenant, _ uid.ID, change func(*tenant.Service)) (tenant.Service, error) {
	s := f.service()
	change(&s)
	return s, f.answer()
}

func (f *fake) DeleteService(context.Context, tenant.Caller, uid.Tenant, uid.ID) error {
	if f.inUse {
		return fault.New(fault.Conflict, "service_in_use", "A verification is open.")
	}
	return f.answer()
}

// ask sends a request through the door in its chain, as the program runs it.
func (f *fake) ask(t *testing.T, method, path, form string) answer {
	t.Helper()
	if f.door == nil {
		f.door = webtest.Wrap(&f.log, twilio.Policy(), twilio.New(twilio.Config{
			Keys: f, Verifications: f, Profiles: f, Factors: f, Webhooks: hookFake{f}, SafeList: f, Templates: texts(t), Rules: recipient.Rules{Fiction: true},
			Origin: func(*http.Request) string { return "https://verify.example.com" }, Now: func() time.Time { return f.now },
		}))
	}
	r := httptest.NewRequest(method, twilio.Mount+"/v2"+path, strings.NewReader(form))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth("SK"+key.Hex(), "good")
	w := httptest.NewRecorder()
	f.door.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header(), raw: w.Body.String()}
	if a.raw != "" {
		if err := json.Unmarshal(w.Body.Bytes(), &a.body); err != nil {
			t.Fatalf("%s %s: no JSON: %s", method, path, a.raw)
		}
	}
	return a
}

func TestEveryRouteAnswersAKeyByItsOwnSID(t *testing.T) {
	t.Parallel()
	for _, s := range scenarios {
		a := newFake().ask(t, s.method, s.path, s.form)
		if a.status != s.status {
			t.Errorf("%s %s: %d %s, want %d", s.method, s.path, a.status, a.raw, s.status)
		}
		if a.status < 300 && a.body["sid"] != nil && !strings.HasPrefix(s.path, "/SafeList") && a.text("account_sid") != "AC"+uid.ID(acme).Hex() {
			t.Errorf("%s %s: account_sid %q", s.method, s.path, a.text("account_sid"))
		}
	}
}

var errSecret = errors.New("SELECT code FROM verification /var/lib/x.db")

func TestEveryFaultOfEveryRouteIsToldInTwiliosForm(t *testing.T) {
	t.Parallel()
	want := map[fault.Kind][2]int{
		fault.Internal: {500, 20500}, fault.Unavailable: {503, 20503}, fault.NotFound: {404, 20404}, fault.Malformed: {400, 20001},
		fault.Denied: {403, 20003}, fault.Unauthenticated: {401, 20003}, fault.Limited: {429, 20429},
	}
	for _, s := range scenarios {
		if s.path == "/Templates" {
			continue // asks no service
		}
		for kind, w := range want {
			f := newFake()
			f.noProfile = s.method == "GET" && (s.path == at || strings.HasPrefix(s.path, at+"/RateLimits"))
			f.err = fault.Wrap(kind, "some_code", "Do this.", errSecret).After(90 * time.Second)
			a := f.ask(t, s.method, s.path, s.form)
			client{TB: t}.isError(a, w[0], w[1])
			if strings.Contains(a.raw, "SELECT") {
				t.Errorf("%s %s: the cause is shown: %s", s.method, s.path, a.raw)
			}
		}
	}
}

func TestLimitsAreToldByTwiliosCodes(t *testing.T) {
	t.Parallel()
	for word, code := range map[string]int{
		"sends_used_up": 60203, "recipient_limited": 60203, "checks_used_up": 60202, "checks_paused": 20429, "client_limited": 20429,
		"risk_delayed": 20429, "rate_limited_by_service": 20429,
	} {
		f := newFake()
		f.err = fault.New(fault.Limited, word, "Wait.").After(29*time.Second + 1)
		a := f.ask(t, "POST", at+"/Verifications", "To=%2B12025550123&Channel=sms")
		client{TB: t}.isError(a, 429, code)
		if a.header.Get("Retry-After") != "30" {
			t.Errorf("%s: Retry-After %q", word, a.header.Get("Retry-After"))
		}
	}
	f := newFake()
	f.err = fault.New(fault.Limited, "checks_paused", "Wait.").After(time.Minute)
	client{TB: t}.isError(f.ask(t, "POST", at+"/VerificationCheck", "To=%2B12025550123&Code=918273"), 429, 20429)
}

func TestAStartThatIsDeniedIsBlocked(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.view.Status = verify.Denied
	client{TB: t}.isError(f.ask(t, "POST", at+"/Verifications", "To=%2B12025550123&Channel=sms"), 403, 60410)
}

func TestAChannelWithoutARouteIsToldByItsOwnCode(t *testing.T) {
	t.Parallel()
	for form, code := range map[string]int{
		"To=a%40example.com&Channel=email": 60217, "To=%2B12025550123&Channel=whatsapp": 68008, "To=%2B12025550123&Channel=call": 60223,
	} {
		f := newFake()
		f.err = fault.New(fault.Invalid, "channel_unavailable", "Choose another one.").On("channel")
		client{TB: t}.isError(f.ask(t, "POST", at+"/Verifications", form), 400, code)
	}
}

func TestWhatIsUsedUpIsGoneWhenItsTimeIsOver(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.view.Status = verify.Exhausted
	check := "VerificationSid=VE" + vrf.Hex() + "&Code=918273"
	if a := f.ask(t, "GET", one, ""); a.text("status") != "max_attempts_reached" {
		t.Errorf("fetched: %s", a.raw)
	}
	a := f.ask(t, "POST", at+"/VerificationCheck", check)
	client{TB: t}.isError(a, 429, 60202)
	if a.header.Get("Retry-After") != "540" {
		t.Errorf("Retry-After %q, want the nine minutes that are left", a.header.Get("Retry-After"))
	}
	f.now, f.err = began.Add(10*time.Minute), nil
	client{TB: t}.isError(f.ask(t, "GET", one, ""), 404, 20404)
	for _, ended := range []verify.Status{verify.Approved, verify.Canceled, verify.Expired, verify.Superseded, verify.Failed, verify.Denied} {
		f.view.Status = ended
		client{TB: t}.isError(f.ask(t, "GET", one, ""), 404, 20404)
	}
}

func TestACheckOfNothingTakesTheRoadOfEveryCheck(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.err = fault.New(fault.NotFound, "verification_not_found", "There is no such verification.")
	client{TB: t}.isError(f.ask(t, "POST", at+"/VerificationCheck", "VerificationSid=VE"+vrf.Hex()+"&Code=918273"), 404, 20404)
	if f.checks != 1 {
		t.Errorf("%d checks: an unknown one is told apart by its time", f.checks)
	}
}

func TestWhatCanNotBeReadAfterACheckLeavesItsAnswer(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.erased = true // between the check and the reading
	f.checked = f.view
	f.checked.Status, f.checked.To = verify.Approved, "+1 ••• ••• ••23"
	a := f.ask(t, "POST", at+"/VerificationCheck", "VerificationSid=VE"+vrf.Hex()+"&Code=918273")
	if a.status != 200 || a.text("status") != "approved" || a.at("valid") != true || a.text("to") != f.checked.To {
		t.Errorf("%d %s", a.status, a.raw)
	}
	f.vendor = map[string]string{"twilio.psd2_enabled": "true"}
	f.erased, f.removed = false, vrf
	a = f.ask(t, "POST", at+"/VerificationCheck", "To=%2B12025550123&Code=918273&Amount=1&Payee=Bob")
	if a.status != 200 || a.text("status") != "approved" || a.text("to") != "+12025550123" || a.text("payee") != "Bob" {
		t.Errorf("%d %s", a.status, a.raw)
	}
}

func TestACheckNamesTheServiceOfItsPath(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.view.Service = vrf
	client{TB: t}.isError(f.ask(t, "POST", at+"/VerificationCheck", "VerificationSid=VE"+vrf.Hex()+"&Code=918273"), 404, 20404)
}

func TestANumberIsShownInFullToKeysThatMaySeeIt(t *testing.T) {
	t.Parallel()
	f := newFake()
	if a := f.ask(t, "GET", one, ""); a.text("to") != "+12025550123" || !f.reveal {
		t.Errorf("with the scope: %s", a.raw)
	}
	f.scopes = []string{tenant.ScopeAll}
	if a := f.ask(t, "GET", one, ""); a.text("to") != "+1•••••••23" || f.reveal {
		t.Errorf("without: %s", a.raw)
	}
	if a := f.ask(t, "GET", at+"/Verifications/+12025550123", ""); a.text("to") != "+12025550123" || f.reveal {
		t.Errorf("who asks by it: %s", a.raw)
	}
	client{TB: t}.isError(f.ask(t, "POST", one, "Status=approved"), 403, 20003)
}

func TestAPanicIsAnAnswerWithoutWhatItWasAbout(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.panics = true
	a := f.ask(t, "POST", at+"/VerificationCheck", "To=%2B12025550123&Code=918273")
	client{TB: t}.isError(a, 500, 20500)
	if strings.Contains(a.raw+f.log.String(), "918273") {
		t.Errorf("the code is told: %s %s", a.raw, f.log.String())
	}
}

func TestLogLinesHoldNeitherNumberNorCodeNorToken(t *testing.T) {
	t.Parallel()
	f := newFake()
	for _, s := range scenarios {
		f.ask(t, s.method, s.path, s.form)
	}
	f.ask(t, "GET", at+"/Verifications/+12025550123/", "")
	f.ask(t, "GET", "/SafeList/Numbers/+12025550123", "")
	for _, secret := range []string{"2025550123", "918273", "good", "GEZDGNBV"} {
		if strings.Contains(f.log.String(), secret) {
			t.Errorf("%s is in the log:\n%s", secret, f.log.String())
		}
	}
	if !strings.Contains(f.log.String(), `"route":"GET /compat/twilio/v2/Services/{service}/Verifications/{verification}"`) {
		t.Errorf("the log does not name routes:\n%s", f.log.String())
	}
}
