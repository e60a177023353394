package seal

import (
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// hidden is embedded by what must never be printed: every format, log and encoding of it says "[redacted]".
// A printer that reaches it through an unexported field can't call these methods, which is why the secrets
// themselves are behind pointers too.
type hidden struct{}

// String is "[redacted]".
func (hidden) String() string { return redacted }

// Format prints "[redacted]" for every verb and flag.
func (hidden) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) } // fmt gives no way to report it

// LogValue is "[redacted]".
func (hidden) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalJSON is "[redacted]" as a JSON string.
func (hidden) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// MarshalText is "[redacted]".
func (hidden) MarshalText() ([]byte, error) { return []byte(redacted), nil }
