package relay

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestCodeIsTheSixDigits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"Acme: 123456 is your code, for 5 minutes.": "123456",
		"10 minutes: 000042":                        "000042",
		"call 5550100123 or use 654321":             "654321",
		"@example.com #135790":                      "135790",
		"no code in 12345 or 1234567":               "",
		"":                                          "",
	} {
		if got := Code(text); got != want {
			t.Errorf("code in %q is %q, want %q", text, got, want)
		}
	}
}

func post(t *testing.T, r *Relay, body string) int {
	t.Helper()
	w := httptest.NewRecorder()
	r.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/send", strings.NewReader(body)))
	return w.Code
}

func TestACodeFindsItsCallerInEitherOrder(t *testing.T) {
	t.Parallel()
	var r Relay
	if got := post(t, &r, `{"delivery_id":"d","verification_id":"early","body":"111111"}`); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
	if code, err := r.Wait(t.Context(), "early"); code != "111111" || err != nil {
		t.Errorf("message first: %q, %v", code, err)
	}
	got := make(chan string)
	go func() {
		code, _ := r.Wait(t.Context(), "late")
		got <- code
	}()
	post(t, &r, `{"delivery_id":"d","verification_id":"late","body":"222222"}`)
	if code := <-got; code != "222222" {
		t.Errorf("caller first: %q", code)
	}
	for i := range r.shards {
		if n := len(r.shards[i].waiting); n != 0 {
			t.Errorf("shard %d still holds %d seats", i, n)
		}
	}
}

func TestALinkFindsItsCaller(t *testing.T) {
	t.Parallel()
	var r Relay
	body := `{"delivery_id":"d","invitation_id":"inv","body":"Acme asks you. This link is for you alone: https://acme.example/v/123456_aB-9\nBye."}`
	if got := post(t, &r, body); got != http.StatusOK {
		t.Fatalf("status %d", got)
	}
	if link, err := r.Wait(t.Context(), "inv"); link != "/v/123456_aB-9" || err != nil {
		t.Errorf("got %q, %v", link, err)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := new(Relay).Wait(ctx, "never"); err == nil {
		t.Error("want an error")
	}
}

func TestWhatIsNoMessageIsRefused(t *testing.T) {
	t.Parallel()
	var r Relay
	for body, want := range map[string]int{`{`: 400, `{}`: 400, `{"verification_id":"v","body":"hello"}`: 422, `{"invitation_id":"i","body":"123456 at /v/"}`: 422} {
		if got := post(t, &r, body); got != want {
			t.Errorf("%s: status %d, want %d", body, got, want)
		}
	}
}
