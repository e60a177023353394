package factor

import (
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/pquerna/otp"
)

func TestSEC_46_the_URI_is_that_of_the_key_URI_format(t *testing.T) {
	t.Parallel()
	s := secretOf([]byte("12345678901234567890"))
	for want, c := range map[string]struct {
		config       Config
		issuer, name string
	}{
		"otpauth://totp/Acme:ann?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Acme&algorithm=SHA1&digits=6&period=30": {
			DefaultConfig(), "Acme", "ann"},
		"otpauth://totp/Big%20Corp%2FEU:a%2Bb%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=Big%20Corp%2FEU&algorithm=SHA512&digits=8&period=60": {
			Config{Algorithm: SHA512, Step: time.Minute, Digits: 8}, "Big Corp/EU", "a+b@example.com"},
		"otpauth://totp/A%20B%26C%3DD:100%25%3F%23?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=A%20B%26C%3DD&algorithm=SHA256&digits=6&period=30": {
			Config{Algorithm: SHA256, Step: 30 * time.Second, Digits: 6}, "A:B&C=D", "100%?#"},
	} {
		if got := c.config.URI(s, c.issuer, c.name).Reveal(); got != want {
			t.Errorf("%s, want %s", got, want)
		}
	}
}

// setup is what an authenticator app makes of a URI.
type setup struct{ Secret, Issuer, Account, Algorithm, Digits, Period string }

// Readers of different habits, as apps have them.
var readers = map[string]func(t *testing.T, text string) setup{
	"one that decodes the path and then cuts it": func(t *testing.T, text string) setup {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		issuer, account, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), ":")
		q := u.Query()
		if q.Get("issuer") != issuer {
			t.Errorf("the label says %q and the parameter %q", issuer, q.Get("issuer"))
		}
		return setup{q.Get("secret"), issuer, account, q.Get("algorithm"), q.Get("digits"), q.Get("period")}
	},
	"one that cuts the path and then decodes it": func(t *testing.T, text string) setup {
		label, query, _ := strings.Cut(strings.TrimPrefix(text, "otpauth://totp/"), "?")
		issuer, account, _ := strings.Cut(label, ":")
		q := parameters(t, query)
		return setup{q["secret"], unescape(t, issuer), unescape(t, account), q["algorithm"], q["digits"], q["period"]}
	},
	"one that takes what stands behind the last colon": func(t *testing.T, text string) setup {
		u, err := url.Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		account := u.Path[strings.LastIndex(u.Path, ":")+1:]
		_, query, _ := strings.Cut(text, "?")
		q := parameters(t, query)
		return setup{q["secret"], q["issuer"], account, q["algorithm"], q["digits"], q["period"]}
	},
	"a library": func(t *testing.T, text string) setup {
		k, err := otp.NewKeyFromURL(text)
		if err != nil {
			t.Fatal(err)
		}
		if k.Type() != "totp" {
			t.Errorf("type %q", k.Type())
		}
		q := k.URL()
		u, err := url.Parse(q)
		if err != nil {
			t.Fatal(err)
		}
		return setup{k.Secret(), k.Issuer(), k.AccountName(), k.Algorithm().String(), k.Digits().String(), u.Query().Get("period")}
	},
	"one that leaves a plus as it is": func(t *testing.T, text string) setup {
		label, query, _ := strings.Cut(text, "?")
		if strings.Contains(text, "+") {
			t.Errorf("a bare plus: it is a space to some and a plus to others")
		}
		_, account, _ := strings.Cut(strings.TrimPrefix(label, "otpauth://totp/"), ":")
		q := parameters(t, query)
		return setup{q["secret"], q["issuer"], unescape(t, account), q["algorithm"], q["digits"], q["period"]}
	},
}

// parameters reads a query as RFC 3986 has it: a plus is a plus.
func parameters(t *testing.T, query string) map[string]string {
	t.Helper()
	q := map[string]string{}
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		q[name] = unescape(t, value)
	}
	return q
}

func unescape(t *testing.T, s string) string {
	t.Helper()
	text, err := url.PathUnescape(s)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func FuzzSEC_46_the_URI_says_the_same_to_every_reader(f *testing.F) {
	for _, seed := range [][2]string{{"Acme", "ann@example.com"}, {"Big Corp", "a b+c"}, {"A:B", "x:y"}, {"100%25", "a%2fb"}, {"日本", "größe"},
		{"a&b=c", "d#e?f"}, {`"<>`, `\'`}, {"/", "//"}, {"；", "\u00a0x"}, {".", ".."}} {
		f.Add(seed[0], seed[1], []byte("12345678901234567890"))
	}
	f.Fuzz(func(t *testing.T, issuer, name string, key []byte) {
		if !utf8.ValidString(issuer) || !utf8.ValidString(name) || label(issuer) == "" || label(name) == "" ||
			len(issuer)+len(name) > 8*maxName || len(key) > maxSecretSize {
			return
		}
		c := Config{Algorithm: SHA256, Step: 45 * time.Second, Digits: 6}
		s := secretOf(key)
		want := setup{s.Reveal(), label(issuer), label(name), "SHA256", "6", "45"}
		for reader, read := range readers {
			if diff := cmp.Diff(want, read(t, c.URI(s, issuer, name).Reveal())); diff != "" {
				t.Errorf("%s (-want +got):\n%s", reader, diff)
			}
		}
	})
}

func TestSEC_46_the_URI_says_the_same_to_every_reader(t *testing.T) {
	t.Parallel()
	s := NewSecret()
	for _, name := range []string{"ann", "ann@example.com", "a b+c", "x:y", "100%", "größe", "a/b", "a?b#c&d=e"} {
		want := setup{s.Reveal(), "Big Corp", label(name), "SHA1", "6", "30"}
		for reader, read := range readers {
			if diff := cmp.Diff(want, read(t, DefaultConfig().URI(s, "Big Corp", name).Reveal())); diff != "" {
				t.Errorf("%q, %s (-want +got):\n%s", name, reader, diff)
			}
		}
	}
}
