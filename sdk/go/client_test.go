package countersign

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

const testKey = "csk_0123456789abcdef"

func TestSP_58_PlainHTTPIsForLoopbackAlone(t *testing.T) {
	t.Parallel()
	for base, fine := range map[string]bool{
		"https://verify.example.net":     true,
		"https://verify.example.net:444": true,
		"https://example.net/below/it/":  true,
		"http://127.0.0.1:8080":          true,
		"http://127.9.9.9":               true,
		"http://[::1]:8080":              true,
		"http://[::ffff:127.0.0.1]":      true,
		"http://localhost:8080":          true,
		"http://verify.example.net":      false,
		"http://10.0.0.1":                false,
		"http://localhost.example.net":   false,
		"http://127.0.0.1.example.net":   false,
		"http://2130706433":              false, // 127.0.0.1 to some resolvers
		"ftp://127.0.0.1":                false,
		"127.0.0.1:8080":                 false,
		"https://":                       false,
		"https://u:p@example.net":        false,
		"https://example.net?x=1":        false,
		"https://example.net#x":          false,
		"":                               false,
	} {
		if _, err := New(base, testKey); (err == nil) != fine {
			t.Errorf("New(%q): %v", base, err)
		}
	}
}

func TestSP_58_ATransportThatTrustsAnyoneIsRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]*tls.Config{
		"any certificate": {InsecureSkipVerify: true},
		"old TLS":         {MinVersion: tls.VersionTLS11},
	} {
		h := &http.Client{Transport: &http.Transport{TLSClientConfig: c}}
		if _, err := New("https://example.net", testKey, WithHTTPClient(h)); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	server.StartTLS()
	defer server.Close()
	calls := 0
	client, err := New(server.URL, testKey, WithHTTPClient(&http.Client{Transport: counting(&calls, newTransport())}))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := client.Get(t.Context(), "vrf_1"); err == nil || !strings.Contains(err.Error(), "certificate") {
		t.Errorf("an unknown certificate gave %v", err)
	}
	if calls != 1 {
		t.Errorf("an unknown certificate was tried %d times", calls)
	}
}

func TestNewRefusesWhatIsNoKeyAndNeverShowsIt(t *testing.T) {
	t.Parallel()
	for _, key := range []string{"", "hunter2", " csk_hunter2", "csk_hunter2\n", "csk_hunter2 ", "csk_hünter2"} {
		_, err := New("https://example.net", key)
		if err == nil {
			t.Fatalf("%q was accepted", key)
		}
		if strings.Contains(err.Error(), "nter2") {
			t.Errorf("the error shows the key: %v", err)
		}
	}
}

func TestNewRefusesOptionsOutOfRange(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]Option{
		"no client": WithHTTPClient(nil), "no time": WithTimeout(0), "less than none": WithRetries(-1), "too many": WithRetries(11),
	} {
		if _, err := New("https://example.net", testKey, o); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
	if _, err := New("https://example.net", testKey, WithTimeout(time.Second), WithRetries(0)); err != nil {
		t.Error(err)
	}
}

func TestKeysAndCodesPrintRedactedWithEveryVerb(t *testing.T) {
	t.Parallel()
	const code = "493817"
	client, err := New("https://example.net", testKey)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]any{
		"client": client, "client by value": *client, "code": Code(code),
		"start": StartRequest{Code: code}, "check": &CheckRequest{Code: code}, "check to": CheckToRequest{Code: code},
		"in a slice": []any{client, Code(code)}, "in a struct": struct{ C *Client }{client},
	}
	for name, v := range values {
		var texts []string
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%T"} {
			texts = append(texts, fmt.Sprintf(verb, v))
		}
		encoded, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var logged bytes.Buffer
		slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "v", v)
		slog.New(slog.NewTextHandler(&logged, nil)).Info("x", "v", v)
		for _, text := range append(texts, string(encoded), logged.String()) {
			for _, secret := range []string{testKey, code, fmt.Sprintf("%x", testKey), fmt.Sprintf("%x", code)} {
				if strings.Contains(strings.ToLower(text), secret) {
					t.Errorf("%s prints as %s", name, text)
				}
			}
		}
	}
	if got, want := client.String(), "countersign.Client(https://example.net)"; got != want {
		t.Errorf("String() = %q, want %q", got, want)
	}
}

func TestTheBaseURLMayHaveAPath(t *testing.T) {
	t.Parallel()
	server, _ := record(t, http.StatusOK, checkAnswer)
	for base, want := range map[string]string{
		server.URL:                  "POST /v1/verifications/vrf_1/check",
		server.URL + "/":            "POST /v1/verifications/vrf_1/check",
		server.URL + "/below/it":    "POST /below/it/v1/verifications/vrf_1/check",
		server.URL + "/below%2Fit/": "POST /below%2Fit/v1/verifications/vrf_1/check",
	} {
		client, err := New(base, testKey)
		if err != nil {
			t.Fatal(err)
		}
		server.asked = nil
		if _, err := client.Check(t.Context(), "vrf_1", CheckRequest{Code: "1"}); err != nil {
			t.Fatal(err)
		}
		if got, _, _ := strings.Cut(server.asked[0], "\n"); got != want {
			t.Errorf("%s: got %q, want %q", base, got, want)
		}
	}
}

func TestARedirectIsNotFollowed(t *testing.T) {
	t.Parallel()
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer elsewhere.Close()
	server := httptest.NewServer(http.RedirectHandler(elsewhere.URL, http.StatusTemporaryRedirect))
	defer server.Close()
	client, err := New(server.URL, testKey, WithHTTPClient(&http.Client{}))
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Start(t.Context(), StartRequest{To: "+12025550123"})
	if e, ok := err.(*Error); !ok || e.Status != http.StatusTemporaryRedirect {
		t.Errorf("got %v", err)
	}
}

func TestCallsWithoutAnIDSendNothing(t *testing.T) {
	t.Parallel()
	client, err := New("http://127.0.0.1:1", testKey, WithHTTPClient(&http.Client{Transport: answers(func(*http.Request) (*http.Response, error) {
		t.Error("a request was sent")
		return nil, context.Canceled
	})}))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", ".", ".."} {
		_, check := client.Check(t.Context(), id, CheckRequest{Code: "1"})
		_, resend := client.Resend(t.Context(), id, ResendRequest{})
		_, cancel := client.Cancel(t.Context(), id)
		_, get := client.Get(t.Context(), id)
		for name, err := range map[string]error{"check": check, "resend": resend, "cancel": cancel, "get": get} {
			if err == nil {
				t.Errorf("%s of %q gave no error", name, id)
			}
		}
	}
}
