package factor

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// KeyURI is what an authenticator app is set up with: "otpauth://totp/...", in the Key URI format. It holds the secret and
// prints as "[redacted]".
type KeyURI struct {
	hidden
	text *string
}

// Reveal is the text, for the one answer that shows it. It is empty for none.
func (u KeyURI) Reveal() string {
	if u.text == nil {
		return ""
	}
	return *u.text
}

// URI names the secret for an authenticator app, which shows issuer and name. The format knows no colon within either: each
// becomes a space.
func (c Config) URI(s Secret, issuer, name string) KeyURI {
	issuer, name = label(issuer), label(name)
	text := "otpauth://totp/" + escape(issuer) + ":" + escape(name) + "?secret=" + s.Reveal() + "&issuer=" + escape(issuer) +
		"&algorithm=" + strings.ToUpper(string(c.Algorithm)) + "&digits=" + strconv.Itoa(c.Digits) +
		"&period=" + strconv.Itoa(int(c.Step/time.Second))
	return KeyURI{text: &text}
}

func label(s string) string { return strings.TrimSpace(strings.ReplaceAll(s, ":", " ")) }

// escape writes s so that it can stand in the path and in the query. A space is %20: apps show the plus of a form as a plus.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }
