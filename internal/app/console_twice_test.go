package app

import (
	"encoding/json"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// builder is somebody who signs in to the console of development mode.
func (w *town) builder() (*visitor, uid.Tenant) {
	w.Helper()
	var made credentials
	text, err := os.ReadFile(filepath.Join(w.dir, "dev-credentials.json"))
	if err != nil || json.Unmarshal(text, &made) != nil {
		w.Fatalf("no credentials: %v", err)
	}
	owner, err := uid.ParseTenant(made.Tenant)
	if err != nil {
		w.Fatal(err)
	}
	v := w.visitor()
	v.open("/console/sign-in")
	v.press("/console/sign-in", url.Values{"email": {made.Operator.Email}, "password": {made.Operator.Password}})
	return v, owner
}

var (
	namedForm = regexp.MustCompile(`name="form_token" value="([^"]+)"><input type="hidden" name="once" value="([^"]+)"`)
	shownKey  = regexp.MustCompile(`csk_[0-9a-z]{60}`)
)

// named opens a page and gives the values by which the form on it that has a name is sent.
func (v *visitor) named(path string, form url.Values) url.Values {
	v.Helper()
	v.open(path)
	m := namedForm.FindStringSubmatch(v.text)
	if m == nil {
		v.Fatalf("no form at %s has a name:\n%s", path, v.text)
	}
	form.Set("form_token", m[1])
	form.Set("once", m[2])
	return form
}

// TestAFormThatMakesSomethingMakesOneHoweverOftenItIsSent is about second clicks, and about Back and sending again.
func TestAFormThatMakesSomethingMakesOneHoweverOftenItIsSent(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	v, owner := w.builder()
	keys := func() int {
		all, err := w.s.directory.Keys(t.Context(), owner)
		if err != nil {
			t.Fatal(err)
		}
		return len(all)
	}

	before := keys()
	form := v.named("/console/keys/new", url.Values{"name": {"Till"}, "scopes": {"services:read"}, "expires_in_days": {"90"}})
	v.post("/console/keys/new", form)
	key := shownKey.FindString(v.text)
	if status := v.post("/console/keys/new", form); status != http.StatusOK || key == "" || shownKey.MatchString(v.text) || keys() != before+1 ||
		!strings.Contains(v.text, "its secret was shown then") || !strings.Contains(v.text, "Till") {
		t.Errorf("a second click on a new key: %d, %d keys more:\n%s", status, keys()-before, v.text)
	}
	rotate := regexp.MustCompile(`/console/keys/key_[0-9a-z]+/rotate`).FindString(v.text)
	form.Set("name", "Other")
	if v.post("/console/keys/new", form); keys() != before+1 || !strings.Contains(v.text, "This form was sent before, with other values.") {
		t.Errorf("the same form with other values: %d keys more:\n%s", keys()-before, v.text)
	}
	form = v.named(rotate, url.Values{"confirmed": {"yes"}})
	v.post(rotate, form)
	second := shownKey.FindString(v.text)
	if v.post(rotate, form); second == "" || second == key || shownKey.MatchString(v.text) || keys() != before+2 {
		t.Errorf("a second click on a rotation: %d keys more:\n%s", keys()-before, v.text)
	}

	form = v.named("/console/services/new", url.Values{
		"name": {"Payouts"}, "code_length": {"8"}, "ttl_seconds": {"120"}, "email_ttl_seconds": {"120"}, "max_checks": {"3"}, "max_sends": {"3"}, "resend": {"new_code"}, "version": {"0"},
	})
	v.post("/console/services/new", form)
	made := v.at
	if v.post("/console/services/new", form); v.at != made || !strings.HasPrefix(made, "/console/services/svc_") {
		t.Errorf("a new service leads to %s, a second click to %s:\n%s", made, v.at, v.text)
	}
}

func TestAWebhookIsMadeRotatedAndTestedOnceHoweverOftenItsFormIsSent(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	v, owner := w.builder()
	secret := regexp.MustCompile(`whsec_[0-9A-Za-z+/=]+`)
	form := v.named("/console/webhooks/new", url.Values{"url": {w.base() + "/nothing"}, "events": {"verification.*"}, "version": {"0"}})
	v.post("/console/webhooks/new", form)
	first := secret.FindString(v.text)
	v.post("/console/webhooks/new", form)
	all, err := w.s.webhooks.Endpoints(t.Context(), owner)
	all = slices.DeleteFunc(all, func(e webhook.Endpoint) bool { return e.URL != w.base()+"/nothing" })
	if err != nil || len(all) != 1 || first == "" || secret.FindString(v.text) != first {
		t.Fatalf("%d webhooks, %v; a second click shows:\n%s", len(all), err, v.text)
	}
	path := "/console/webhooks/" + all[0].ID.Text(uid.Webhook)

	roll := v.named(path+"/secret", url.Values{})
	v.post(path+"/secret", roll)
	second := secret.FindString(v.text)
	v.post(path+"/secret", roll)
	if again := secret.FindString(v.text); second == "" || second == first || again != second {
		t.Error("a second click on a rotation makes another secret, or loses it")
	}
	v.post("/console/webhooks/new", form) // the first form once more: its secret is not the one of now
	if secret.MatchString(v.text) || v.at != path {
		t.Errorf("a secret that was rotated is shown at %s", v.at)
	}

	sent := func() int {
		page, _, err := w.s.webhooks.Deliveries(t.Context(), owner, webhook.DeliveryFilter{Endpoint: all[0].ID, Page: uid.Page{Limit: 50}})
		if err != nil {
			t.Fatal(err)
		}
		return len(page)
	}
	form = v.named(path, url.Values{})
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() { (&visitor{town: v.town, http: v.http}).post(path+"/test", form) })
	}
	if wg.Wait(); sent() != 1 {
		t.Errorf("four clicks on a test: %d deliveries", sent())
	}
}
