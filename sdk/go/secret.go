package countersign

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Code is a one-time code. It goes to the server as it is and prints as "[redacted]" everywhere else; string(c) is the
// way to the text.
type Code string

// String is "[redacted]".
func (Code) String() string { return redacted }

// Format prints "[redacted]" for every verb.
func (Code) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) } // fmt gives no way to report it

// LogValue is "[redacted]".
func (Code) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is "[redacted]": a request that ends up in somebody's log as JSON has no code in it.
func (Code) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// secret is an API key. It stands behind a pointer because fmt prints unexported fields of a struct without asking
// their methods.
type secret struct{ text *string }

func (s secret) reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}
