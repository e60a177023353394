package twilio_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/countersign/countersign/internal/compat/twilio"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
	"github.com/countersign/countersign/internal/webhook/webhooktest"
)

var _ twilio.Webhooks = (*webhook.Service)(nil)

var (
	whk     = uid.New(began, 13)
	theHook = at + "/Webhooks/YW" + whk.Hex()
)

// hookFake is the fake of webhooks: it has one.
type hookFake struct{ f *fake }

func (h hookFake) one() webhook.Endpoint {
	return webhook.Endpoint{ID: whk, Tenant: acme, Dialect: "twilio", Service: svc, Events: []string{"*"}, Enabled: true, CreatedAt: began, UpdatedAt: began}
}

func (h hookFake) Create(_ context.Context, _ webhook.Caller, e webhook.Endpoint) (webhook.Endpoint, signing.Secret, error) {
	e.ID = whk
	return e, "whsec_x", h.f.answer()
}

func (h hookFake) Endpoint(context.Context, uid.Tenant, uid.ID) (webhook.Endpoint, error) {
	return h.one(), h.f.answer()
}

func (h hookFake) Endpoints(context.Context, uid.Tenant) ([]webhook.Endpoint, error) {
	return []webhook.Endpoint{h.one()}, h.f.answer()
}

func (h hookFake) Update(_ context.Context, _ webhook.Caller, _ uid.Tenant, _ uid.ID, change func(*webhook.Endpoint)) (webhook.Endpoint, error) {
	e := h.one()
	change(&e)
	return e, h.f.answer()
}

func (h hookFake) Delete(context.Context, webhook.Caller, uid.Tenant, uid.ID) error {
	return h.f.answer()
}

func TestWebhooksAreMadeListedChangedAndRemoved(t *testing.T) {
	t.Parallel()
	c := account(t)
	at := c.service()
	a := c.must(201, "POST", at+"/Webhooks", "FriendlyName", "mine", "EventTypes", "factor.created", "EventTypes", "challenge.denied",
		"WebhookUrl", "https://example.com/hook")
	c.hookEnds(at, a)
	own := at + "/Webhooks/" + a.text("sid")
	want := map[string]any{
		"sid": a.text("sid"), "service_sid": strings.TrimPrefix(at, "/Services/"), "account_sid": c.user, "friendly_name": "mine",
		"event_types": []any{"factor.created", "challenge.denied"}, "status": "enabled", "version": "v2",
		"webhook_url": "https://example.com/hook", "webhook_method": "POST", "date_created": a.text("date_created"), "date_updated": a.text("date_updated"),
		"url": c.base + "/v2" + own,
	}
	same(t, a, want)
	if !strings.HasPrefix(a.text("sid"), "YW") || len(a.text("sid")) != 34 {
		t.Errorf("sid %q", a.text("sid"))
	}
	same(t, c.must(200, "GET", own), want)
	same(t, c.must(200, "POST", own), want)
	b := c.must(200, "POST", own, "Status", "disabled", "Version", "v1", "EventTypes", "*", "FriendlyName", "yours", "WebhookUrl", "https://example.com/new")
	want["status"], want["version"], want["event_types"], want["friendly_name"], want["webhook_url"] = "disabled", "v1", []any{"*"}, "yours", "https://example.com/new"
	want["date_updated"] = b.text("date_updated")
	same(t, b, want)
	want["status"] = "enabled"
	b = c.must(200, "POST", own, "Status", "enabled")
	want["date_updated"] = b.text("date_updated")
	same(t, b, want)
	if off := c.must(201, "POST", at+"/Webhooks", "FriendlyName", "off", "EventTypes", "*", "WebhookUrl", "https://example.com/", "Status", "disabled"); off.text("status") != "disabled" {
		t.Errorf("made off: %s", off.raw)
	} else {
		c.hookEnds(at, off)
		all := c.pages(at+"/Webhooks?PageSize=1", "webhooks", false)
		if want := []string{a.text("sid"), off.text("sid")}; len(all) != 2 || !slices.Contains(all, want[0]) || !slices.Contains(all, want[1]) {
			t.Errorf("listed %v, want %v", all, want)
		}
	}
	c.must(204, "DELETE", own)
	c.refused(404, 20404, "GET", own)
	c.refused(404, 20404, "DELETE", own)
	c.refused(404, 20404, "POST", own, "Status", "disabled")
}

// hookEnds removes a webhook with the test, for they are counted.
func (c client) hookEnds(at string, made answer) {
	c.Helper()
	c.Cleanup(func() {
		c.TB = after{c.TB}
		c.ask("DELETE", at+"/Webhooks/"+made.text("sid"), nil)
	})
}

func TestValuesOfWebhooksAreRefusedByName(t *testing.T) {
	t.Parallel()
	c := account(t)
	at := c.service()
	good := []string{"FriendlyName", "mine", "EventTypes", "*", "WebhookUrl", "https://example.com/"}
	for i := 0; i < len(good); i += 2 {
		a := c.refused(400, 20001, "POST", at+"/Webhooks", slices.Delete(slices.Clone(good), i, i+2)...)
		if !strings.Contains(a.text("message"), good[i]) {
			t.Errorf("without %s: %s", good[i], a.raw)
		}
	}
	a := c.must(201, "POST", at+"/Webhooks", good...)
	c.hookEnds(at, a)
	for parameter, values := range map[string][]string{
		"FriendlyName": {"", strings.Repeat("x", 65), "a\nb"}, "EventTypes": {"", "verification.approved", "factor.*"},
		"WebhookUrl": {"", "http://example.com/", "ftp://example.com/", "https://u:p@example.com/", "x"},
		"Status":     {"", "on"}, "Version": {"", "v3", "2"},
	} {
		for _, value := range values {
			b := c.refused(400, 60200, "POST", at+"/Webhooks/"+a.text("sid"), parameter, value)
			if !strings.Contains(b.text("message"), "`"+parameter+"`") || value != "" && len(value) > 2 && strings.Contains(b.text("message"), value) {
				t.Errorf("%s=%q: %s", parameter, value, b.raw)
			}
		}
	}
	same(t, c.must(200, "GET", at+"/Webhooks/"+a.text("sid")), a.body)
}

func TestWebhooksOfOthersAreNotThere(t *testing.T) {
	t.Parallel()
	c := account(t)
	at, elsewhere := c.service(), c.service()
	a := c.must(201, "POST", at+"/Webhooks", "FriendlyName", "mine", "EventTypes", "*", "WebhookUrl", "https://example.com/")
	c.hookEnds(at, a)
	other := client{TB: t, user: "AC" + otherAccount(t), secret: strings.TrimPrefix(dev.Other.APIKey, "csk_"), base: c.base}
	for _, ask := range []struct {
		client
		path string
	}{
		{c, elsewhere + "/Webhooks/" + a.text("sid")}, {other, at + "/Webhooks/" + a.text("sid")}, {c, at + "/Webhooks/YW" + strings.Repeat("0", 32)},
		{c, at + "/Webhooks/YW1"}, {c, at + "/Webhooks/VA" + a.text("sid")[2:]},
	} {
		ask.refused(404, 20404, "GET", ask.path)
		ask.refused(404, 20404, "POST", ask.path, "Status", "disabled")
		ask.refused(404, 20404, "DELETE", ask.path)
	}
	other.refused(404, 20404, "GET", at+"/Webhooks")
	if list := c.must(200, "GET", elsewhere+"/Webhooks").sids("webhooks"); len(list) != 0 {
		t.Errorf("another service lists %v", list)
	}
}

// otherAccount is the hex of the other tenant.
func otherAccount(t *testing.T) string {
	t.Helper()
	id, err := uid.Parse(uid.TenantPrefix, dev.Other.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	return id.Hex()
}

// heard is a POST that came to a receiver.
type heard struct {
	header http.Header
	body   []byte
}

// receiver is a server on this machine that is posted to.
func receiver(t *testing.T) (url string, got func() []heard) {
	t.Helper()
	var mu sync.Mutex
	var all []heard
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, heard{r.Header, body})
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []heard { mu.Lock(); defer mu.Unlock(); return slices.Clone(all) }
}

// rotated gives a webhook a new secret over the native API.
func (c client) rotated(hook answer) string {
	c.Helper()
	id, err := uid.ParseHex(hook.text("sid")[2:])
	if err != nil {
		c.Fatal(err)
	}
	r, err := http.NewRequestWithContext(c.Context(), "POST", dev.BaseURL+"/v1/webhooks/"+id.Text(uid.Webhook)+"/rotate-secret", nil)
	if err != nil {
		c.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+dev.APIKey)
	c.user = ""
	a := c.send(r)
	if a.status != 200 || a.text("dialect") != "twilio" || a.text("secret") == "" {
		c.Fatalf("%d %s", a.status, a.raw)
	}
	return a.text("secret")
}

func TestWebhooksGetWhatHappensToFactorsAndChallengesOfTheirService(t *testing.T) {
	t.Parallel()
	c := account(t)
	at, elsewhere := c.service(), c.service()
	url, got := receiver(t)
	hook := c.must(201, "POST", at+"/Webhooks", "FriendlyName", "all", "EventTypes", "*", "WebhookUrl", url)
	c.hookEnds(at, hook)
	foreign, silence := receiver(t)
	c.hookEnds(elsewhere, c.must(201, "POST", elsewhere+"/Webhooks", "FriendlyName", "other", "EventTypes", "*", "WebhookUrl", foreign))
	secret := c.rotated(hook)
	entity := at + "/Entities/ident-hooks"
	f := c.verified(entity)
	challenge := c.must(201, "POST", entity+"/Challenges", "FactorSid", f.text("sid"), "AuthPayload", c.totp(f, 0))
	c.must(201, "POST", at+"/Verifications", "To", number(), "Channel", "sms") // is no event for it
	await := func(n int) {
		t.Helper()
		tick, end := time.NewTicker(10*time.Millisecond), time.After(20*time.Second)
		defer tick.Stop()
		for len(got()) < n {
			select {
			case <-tick.C:
			case <-end:
				t.Fatalf("%d came, want %d", len(got()), n)
			}
		}
	}
	await(3) // with the records, which are gone after this
	c.must(204, "DELETE", entity+"/Factors/"+f.text("sid"))
	await(4)
	want := []string{"challenge.approved", "factor.created", "factor.deleted", "factor.verified"}
	verifier, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	schema, types := webhooktest.ReadSchema(t, "../../../docs/events.md"), []string{}
	for _, h := range got() {
		var e struct {
			Type string
			Data struct{ ID, Status, Service, Identity, Factor string }
		}
		if err := json.Unmarshal(h.body, &e); err != nil || verifier.Verify(h.body, h.header) != nil {
			t.Errorf("%v %s", err, h.body)
		}
		if faults := schema.Check(h.body); len(faults) > 0 {
			t.Errorf("%s: %v", h.body, faults)
		}
		if strings.Contains(string(h.body), f.text("binding.secret")) || strings.Contains(string(h.body), "phone") {
			t.Errorf("too much is told: %s", h.body)
		}
		types = append(types, e.Type)
		status := map[string]string{"factor.created": "verified", "factor.verified": "verified", "challenge.approved": "approved"}[e.Type]
		if of := e.Data; of.Status != status || status != "" && (of.Identity != "ident-hooks" || of.Service == "") {
			t.Errorf("%s", h.body)
		}
		if id, err := uid.ParseHex(challenge.text("sid")[2:]); err != nil || strings.HasPrefix(e.Type, "challenge.") && e.Data.ID != id.Text(uid.Challenge) {
			t.Errorf("%s", h.body)
		}
	}
	slices.Sort(types)
	if diff := cmp.Diff(want, types); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
	if n := len(silence()); n != 0 {
		t.Errorf("%d came to the webhook of another service", n)
	}
}

func TestWebhooksAreShownAsTheyArePostedWithoutTheirSignature(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := webhooktest.NewStage(t, acme, webhooktest.NoRecords{}, twilio.Dialect())
		e, _ := b.Register(webhook.Endpoint{Dialect: "twilio", URL: "https://example.com/hook", Events: []string{"*"}, Service: svc})
		b.Happen(ent, 20*time.Second, "factor.created", `{"service":"`+svc.Text(uid.Service)+`"}`)
		b.CheckShown(e, "webhook-signature")
	})
}

func TestWebhooksThatAreTooManyAreAConflictAndNoSecretIsAnswered(t *testing.T) {
	t.Parallel()
	const form = "FriendlyName=a&EventTypes=*&WebhookUrl=https://example.com/"
	if a := newFake().ask(t, "POST", at+"/Webhooks", form); a.status != 201 || strings.Contains(a.raw, "whsec_") {
		t.Errorf("the secret is in the answer, or none: %s", a.raw)
	}
	f := newFake()
	f.err = fault.New(fault.Conflict, "too_many_webhooks", "Delete some.")
	client{TB: t}.isError(f.ask(t, "POST", at+"/Webhooks", form), 409, 20409)
}
