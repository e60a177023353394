package factor

import (
	"crypto/rand"
	"encoding/base32"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

const redacted = "[redacted]"

// hidden is embedded by what must never be printed. The text itself is behind a pointer too, since a printer that
// reaches it through an unexported field can't call these methods.
type hidden struct{}

// String is "[redacted]".
func (hidden) String() string { return redacted }

// Format prints "[redacted]" for every verb.
func (hidden) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) } // fmt gives no way to report it

// LogValue is "[redacted]".
func (hidden) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON is "[redacted]" as a JSON string.
func (hidden) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText is "[redacted]".
func (hidden) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// The length of a secret in bytes (SEC-39; RFC 4226 §4 R6).
const (
	secretSize    = 20 // 160 bits, of those that are made here
	minSecretSize = 16 // 128 bits, of those that are brought along
	maxSecretSize = 128
)

// Secret is what server and authenticator share. It prints as "[redacted]"; the zero value is none.
type Secret struct {
	hidden
	key *string // the bytes: of a pointer to a slice, fmt would print what it points to
}

// ErrSecret is what ParseSecret answers. It holds nothing of the text.
var ErrSecret = errors.New("a secret is 16 to 128 bytes in base32")

var base32Text = base32.StdEncoding.WithPadding(base32.NoPadding)

// NewSecret makes a random secret of 160 bits.
func NewSecret() Secret {
	key := make([]byte, secretSize)
	_, _ = rand.Read(key) // never fails since Go 1.24
	return secretOf(key)
}

// ParseSecret reads a secret in base32 (RFC 4648 §6), in either case, with or without padding, and in groups.
func ParseSecret(text string) (Secret, error) {
	text = strings.NewReplacer(" ", "", "-", "").Replace(text)
	if len(text) > maxSecretSize*2 { // base32 is 8/5
		return Secret{}, ErrSecret
	}
	key, err := base32Text.DecodeString(strings.ToUpper(strings.TrimRight(text, "=")))
	if err != nil || len(key) < minSecretSize || len(key) > maxSecretSize {
		return Secret{}, ErrSecret
	}
	return secretOf(key), nil
}

// secretOf is a secret as it was sealed.
func secretOf(key []byte) Secret {
	text := string(key)
	return Secret{key: &text}
}

// bytes is the key itself, nil for none.
func (s Secret) bytes() []byte {
	if s.key == nil {
		return nil
	}
	return []byte(*s.key)
}

// IsZero reports whether s is none.
func (s Secret) IsZero() bool { return s.key == nil }

// Reveal is the secret in base32, for the one answer that shows it. It is empty for none.
func (s Secret) Reveal() string { return base32Text.EncodeToString(s.bytes()) }
