package mta_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
)

// german are words for one country.
func german(country, service string, _ time.Duration) (text, locale string, ok bool) {
	if country != "DE" {
		return "", "", false
	}
	return service + ": " + delivery.CodeSlot + " ist Ihr Code.", "de", true
}

func TestMTA_8_the_text_is_in_the_language_of_the_numbers_country_or_in_English(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.words = german
	for _, one := range []struct{ to, text, locale string }{
		{"+491713920001", "Harbor: {{code}} ist Ihr Code.", "de"},
		{"+447700900001", "Your Harbor verification code is: {{code}}", ""},
		{"+12025550142", "Your Harbor verification code is: {{code}}", ""},
	} {
		r := f.call("POST", sendPath, `{"to":"`+one.to+`","serviceName":"Harbor"}`, nil)
		asked := f.started()
		if r.status != http.StatusOK || asked.Text != one.text || asked.Locale != one.locale {
			t.Errorf("%s: %d, %q in %q", one.to, r.status, asked.Text, asked.Locale)
		}
		for _, must := range []string{"Harbor", delivery.CodeSlot} { // mandatory in every language
			if strings.Count(asked.Text, must) != 1 {
				t.Errorf("%s: %q has no %s, or more than one", one.to, asked.Text, must)
			}
		}
	}
}

func TestMTA_8_a_number_in_Germany_gets_German(t *testing.T) {
	t.Parallel()
	c := ordinary.client(t)
	const to = "+4915123456078"
	c.mustSend(object{"to": to, "serviceName": "Harbor", "timeoutSeconds": 120})
	m := c.message(to, 1)
	if want := "Harbor: " + m.Code + " ist Ihr Bestätigungscode. Er gilt 2 Min. Geben Sie ihn an niemanden weiter."; m.Body != want {
		t.Errorf("%q, want %q", m.Body, want)
	}
}

func TestMTA_9_the_last_line_binds_the_code_to_the_host_of_the_service(t *testing.T) {
	t.Parallel()
	c := ordinary.sandbox(t)
	service := c.defaultService()
	if r := c.native().call("PATCH", "/v1/services/"+service, object{"host": "login.acme.example"}, nil); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.text)
	}
	to := newNumber()
	c.mustSend(object{"to": to, "serviceName": "Acme"})
	m := c.shown(to)[0].(map[string]any)
	code := m["code"].(string)
	if want := "Your Acme verification code is: " + code + "\n@login.acme.example #" + code; m["text"] != want {
		t.Errorf("%q, want %q", m["text"], want)
	}
	if r := c.native().call("PATCH", "/v1/services/"+service, object{"host": ""}, nil); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.text)
	}
	bare := newNumber()
	c.mustSend(object{"to": bare, "serviceName": "Acme"})
	if text := c.shown(bare)[0].(map[string]any)["text"].(string); strings.Contains(text, "@") || strings.Contains(text, "\n") {
		t.Errorf("without a host: %q", text)
	}
}

// defaultService is the id of the account's one service.
func (c *client) defaultService() string {
	c.t.Helper()
	list, _ := c.native().get("/v1/services").object["data"].([]any)
	if len(list) != 1 {
		c.t.Fatalf("%d services", len(list))
	}
	return list[0].(map[string]any)["id"].(string)
}
