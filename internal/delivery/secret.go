package delivery

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a provider's password or key in the configuration. However it is printed, logged or encoded, it says
// "[redacted]", or nothing when it is empty. A struct that holds one must hold it in an exported field, because fmt
// reads others by reflection.
type Secret string

// Reveal is the secret itself, for the provider that needs it.
func (s Secret) Reveal() string { return string(s) }

// String is "[redacted]" or empty.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return redacted
}

// Format prints String for every verb and flag.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, s.String()) } // fmt keeps no error to report

// LogValue is String.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }

// MarshalText is String, for JSON, YAML and every other encoder.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }
