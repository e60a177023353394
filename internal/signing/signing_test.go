package signing

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"
)

const (
	testSecret  = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
	otherSecret = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
)

// SEC-91: the vector of the Standard Webhooks specification.
func TestSEC_91_vector(t *testing.T) {
	t.Parallel()
	keys, err := New(testSecret)
	if err != nil {
		t.Fatal(err)
	}
	h, body := http.Header{}, []byte(`{"test": 2432232314}`)
	at := time.Unix(1614265330, 0)
	keys.Sign(h, "msg_p5jXN8AQM9LWM0D4loKWxJek", at, body)
	want := http.Header{
		"Webhook-Id":        {"msg_p5jXN8AQM9LWM0D4loKWxJek"},
		"Webhook-Timestamp": {"1614265330"},
		"Webhook-Signature": {"v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="},
	}
	if diff := cmp.Diff(want, h); diff != "" {
		t.Error(diff)
	}
	if !keys.Verify(h, at, body) {
		t.Error("its own signature is refused")
	}
}

func TestSP_116_both_secrets_sign_while_one_is_replaced(t *testing.T) {
	t.Parallel()
	keys, err := New(otherSecret, testSecret)
	if err != nil {
		t.Fatal(err)
	}
	h, body := http.Header{}, []byte(`{}`)
	keys.Sign(h, "snd_1", time.Now(), body)
	for _, secret := range []string{testSecret, otherSecret} {
		library, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		if err := library.Verify(body, h); err != nil {
			t.Errorf("a receiver with one of the secrets refuses %q: %v", h.Get("webhook-signature"), err)
		}
	}
}

func TestSEC_91_a_secret_is_whsec_and_24_to_64_bytes(t *testing.T) {
	t.Parallel()
	for text, ok := range map[string]bool{
		testSecret:                                true,
		NewSecret().Reveal():                      true,
		"whsec_" + strings.Repeat("A", 32):        true,  // 24 bytes
		"whsec_" + strings.Repeat("A", 86) + "==": true,  // 64
		"whsec_" + strings.Repeat("A", 28):        false, // 21
		"whsec_" + strings.Repeat("A", 88):        false, // 66
		"whsec_!" + strings.Repeat("A", 31):       false,
		strings.TrimPrefix(testSecret, "whsec_"):  false,
		"":                                        false,
	} {
		err := CheckSecret(text)
		if (err == nil) != ok {
			t.Errorf("a secret of %d characters: %v", len(text), err)
		}
		if err != nil && text != "" && strings.Contains(err.Error(), text) {
			t.Errorf("the error holds the secret: %v", err)
		}
	}
	if one, other := NewSecret(), NewSecret(); one == other {
		t.Error("two secrets are the same")
	}
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		if got := fmt.Sprintf(verb, struct{ S Secret }{testSecret}); strings.Contains(got, "MfKQ") || strings.Contains(got, "4d664b51") {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}
