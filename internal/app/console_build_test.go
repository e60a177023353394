package app

import (
	"html"
	"net/http"
	"net/url"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// TestWhatDevelopersUseInTheConsole walks a server's pages with its own services behind them: from the first page to a key that works,
// a service, and a webhook.
func TestWhatDevelopersUseInTheConsole(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	v, made := w.signedIn()
	for path, want := range map[string]string{
		"/console/services": "svc_", "/console/keys": "key_", "/console/webhooks": "/console/webhooks/new", "/console/messages": "No message failed",
		"/console/messages?order=newest": "Nothing was sent yet", "/console/developer": "/dev/phone", "/console/developer/reference/verifications": "/v1/verifications/$ID/check",
	} {
		if status := v.open(path); status != http.StatusOK || !strings.Contains(v.text, want) {
			t.Errorf("%s: %d, without %q", path, status, want)
		}
	}

	v.open("/console/developer")
	sample := regexp.MustCompile(`data-copy="(curl [^"]+)"`).FindStringSubmatch(v.text)
	if sample == nil || !strings.Contains(sample[1], made.APIKey) {
		t.Fatalf("no sample has the key of development mode in it:\n%s", v.text)
	}
	if answer, err := exec.CommandContext(t.Context(), "sh", "-c", html.UnescapeString(sample[1])).Output(); err != nil || !strings.Contains(string(answer), `"status":"pending"`) {
		t.Errorf("the sample is answered by %s, %v", answer, err)
	}

	v.open("/console/keys/new")
	v.press("/console/keys/new", url.Values{"name": {"Till"}, "scopes": {"services:read", "verifications:start"}})
	key := regexp.MustCompile(`csk_[0-9a-z]{60}`).FindString(v.text)
	if status, answer := w.api(key, http.MethodGet, "/v1/services", ""); status != http.StatusOK {
		t.Errorf("the new key is answered by %d: %s", status, answer)
	}
	w.api(key, http.MethodPost, "/v1/verifications", `{"to":"`+devMobile+`"}`)
	w.wait("a message in the list", func() bool {
		return v.open("/console/messages?order=newest") == http.StatusOK && !strings.Contains(v.text, "Nothing was sent yet")
	})
	v.open("/console/services/new")
	v.press("/console/services/new", url.Values{
		"name": {"Payouts"}, "code_length": {"8"}, "ttl_seconds": {"120"}, "email_ttl_seconds": {"120"}, "max_checks": {"3"}, "max_sends": {"3"}, "resend": {"new_code"}, "version": {"0"},
	})
	if !strings.Contains(v.text, "Saved.") || !strings.Contains(v.text, `value="Payouts"`) {
		t.Errorf("no service at %s", v.at)
	}
	v.open("/console/webhooks/new")
	v.press("/console/webhooks/new", url.Values{"url": {"https://hooks.example.com/in"}, "events": {"verification.*"}, "version": {"0"}})
	if !strings.Contains(v.text, "whsec_") {
		t.Errorf("no secret at %s", v.at)
	}
	w.wait("the day's figures", func() bool {
		return v.open("/console") == http.StatusOK && strings.Contains(v.text, "Codes today") && strings.Contains(v.text, `data-n="2"`)
	})
}

// api asks the native API with a key.
func (w *town) api(key, method, path, body string) (status int, answer string) {
	w.Helper()
	v := w.visitor()
	r, err := http.NewRequestWithContext(w.Context(), method, w.base()+path, strings.NewReader(body))
	if err == nil {
		r.Header.Set("Authorization", "Bearer "+key)
		r.Header.Set("Content-Type", "application/json")
	}
	return v.take(r, err), v.text
}
