package factor

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

func TestSEC_39_a_secret_is_random_and_has_160_bits(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 100 {
		s := NewSecret()
		if len(s.bytes()) != 20 || len(s.Reveal()) != 32 || seen[s.Reveal()] {
			t.Fatalf("%d bytes, seen before: %v", len(s.bytes()), seen[s.Reveal()])
		}
		seen[s.Reveal()] = true
	}
}

func TestSEC_39_a_secret_that_is_brought_along_has_128_bits_at_least(t *testing.T) {
	t.Parallel()
	for _, size := range []int{16, 17, 20, 32, 64, 128} {
		want := secretOf(bytes.Repeat([]byte{0xa5}, size))
		for name, text := range map[string]string{"plain": want.Reveal(), "in lower case": strings.ToLower(want.Reveal()),
			"padded": want.Reveal() + "====", "in groups": want.Reveal()[:4] + " " + want.Reveal()[4:8] + "-" + want.Reveal()[8:]} {
			if got, err := ParseSecret(text); err != nil || !bytes.Equal(got.bytes(), want.bytes()) {
				t.Errorf("%d bytes, %s: %v", size, name, err)
			}
		}
	}
	for name, text := range map[string]string{
		"15 bytes":    secretOf(make([]byte, 15)).Reveal(),
		"129 bytes":   secretOf(make([]byte, 129)).Reveal(),
		"nothing":     "",
		"padding":     "====",
		"no base32":   strings.Repeat("1", 32),
		"other digit": strings.Repeat("A", 31) + "０",
		"a novel":     strings.Repeat("A", 1<<20),
	} {
		if s, err := ParseSecret(text); !errors.Is(err, ErrSecret) || !s.IsZero() {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestSEC_39_a_secret_is_never_printed(t *testing.T) {
	t.Parallel()
	s := secretOf([]byte("a secret of any sort"))
	u := DefaultConfig().URI(s, "Acme", "Ann")
	var logged bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&logged, nil))
	log.Info("x", "secret", s, "uri", u, "both", Enrolment{Secret: s, URI: u}, "group", slog.GroupValue(slog.Any("s", s)))
	said := []string{logged.String()}
	for _, v := range []any{s, u, &s, &u, Enrolment{Secret: s, URI: u}, []any{s, u}, struct{ in any }{s}, struct{ in KeyURI }{u}, struct{ in Secret }{s}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			said = append(said, fmt.Sprintf(verb, v))
		}
		text, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, string(text))
	}
	for _, text := range said {
		for _, bad := range []string{s.Reveal(), "a secret", fmt.Sprintf("%x", "a secret"), "otpauth", "97 32 115"} {
			if strings.Contains(text, bad) {
				t.Errorf("a secret is printed: %s", text)
			}
		}
	}
	if !strings.Contains(said[0], redacted) {
		t.Errorf("the log says %s", said[0])
	}
}
