package policy

import (
	"bytes"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/fault"
)

// The bounds of Customisation.
const (
	MaxBrandName   = 60 // characters
	MaxSupport     = 200
	MaxLogo        = 64 << 10 // bytes
	MaxLocales     = 40
	MaxTexts       = 100 // of one locale
	MaxTextKey     = 64
	MaxText        = 1000 // characters
	MaxConsentText = 20_000
)

// Customisation is what a tenant's customers see, and which contacts they are asked for. Its JSON is that of the stored row.
type Customisation struct {
	VerifyPhone Toggle                       `json:"verify_phone"`
	VerifyEmail Toggle                       `json:"verify_email"`
	Brand       Brand                        `json:"brand"`
	Locale      string                       `json:"default_locale,omitempty"` // of invitations that name none, BCP 47; empty: the browser's
	Texts       map[string]map[string]string `json:"texts,omitempty"`          // locale -> key -> text without markup
	Consent     Consent                      `json:"consent"`
	UpdatedAt   time.Time                    `json:"-"`
	UpdatedBy   string                       `json:"-"`
	Version     int64                        `json:"-"` // 0: the defaults
}

// Brand is how a tenant appears. What is empty is the product's own.
type Brand struct {
	Name       string `json:"name"`    // empty: the tenant's
	Support    string `json:"support"` // whom the customer turns to: a line of text
	Accent     string `json:"accent"`  // #rrggbb
	Background string `json:"background"`
	Logo       []byte `json:"logo,omitempty"`
	LogoType   string `json:"logo_type,omitempty"` // image/png, image/jpeg or image/webp: never a format that can hold script
}

// Consent is what a customer agrees to (RA-46). Without any text it is the product's own, whatever the version.
type Consent struct {
	Version string            `json:"version"`           // 1..32 letters, digits, dots and hyphens
	Texts   map[string]string `json:"texts,omitempty"`   // locale -> text without markup
	Default string            `json:"default,omitempty"` // the locale of the text for languages that have none; empty: English, else the first
}

// DefaultCustomisation is that of a tenant that has decided nothing (ID-1).
func DefaultCustomisation() Customisation {
	return Customisation{VerifyPhone: Off, VerifyEmail: Off, Consent: Consent{Version: "1"}}
}

// Validate tells the first thing that is wrong, as a fault of Kind Invalid.
func (c *Customisation) Validate() error {
	switch {
	case !c.VerifyPhone.Valid():
		return wrong("verify_phone", "Use off, on or locked_on.")
	case !c.VerifyEmail.Valid():
		return wrong("verify_email", "Use off, on or locked_on.")
	case c.Locale != "" && !IsLocale(c.Locale):
		return wrong("default_locale", "Give a language tag like en or pt-BR.")
	}
	if err := c.Brand.validate(); err != nil {
		return err
	}
	if len(c.Texts) > MaxLocales {
		return wrong("texts", "Give texts in at most 40 languages.")
	}
	for locale, texts := range c.Texts {
		if !IsLocale(locale) || len(texts) > MaxTexts {
			return wrong("texts", "Name languages by tags like en or pt-BR, each with at most 100 texts.")
		}
		for key, text := range texts {
			if key == "" || len(key) > MaxTextKey || !isProse(text, MaxText) {
				return wrong("texts", "Give texts of at most 1000 characters, without markup.")
			}
		}
	}
	return c.Consent.validate()
}

// ValidateChange is Validate for what takes the place of kept. A logo that stays is not looked at again: one that was taken before a rule
// of today bars nothing else from being changed, and Brand.LogoFault tells of it.
func (c *Customisation) ValidateChange(kept *Customisation) error {
	changed := *c
	if b := &changed.Brand; b.LogoType == kept.Brand.LogoType && bytes.Equal(b.Logo, kept.Brand.Logo) {
		b.Logo, b.LogoType = nil, ""
	}
	return changed.Validate()
}

func wrong(field, message string) error {
	return fault.New(fault.Invalid, strings.ReplaceAll(field, ".", "_")+"_invalid", message).On(field)
}

func (c *Consent) validate() error {
	if !IsVersion(c.Version) {
		return wrong("consent.version", "Give 1 to 32 letters, digits, dots and hyphens.")
	}
	if strings.HasPrefix(strings.ToLower(c.Version), ownConsent) {
		return wrong("consent.version", "Names that begin with countersign are kept for the product's own text. Give another.")
	}
	if len(c.Texts) > MaxLocales {
		return wrong("consent.texts", "Give texts in at most 40 languages.")
	}
	if _, ok := c.Texts[c.Default]; c.Default != "" && !ok {
		return wrong("consent.default_locale", "Name a language that has a text.")
	}
	for locale, text := range c.Texts {
		if !IsLocale(locale) || strings.TrimSpace(text) == "" || !isProse(text, MaxConsentText) {
			return wrong("consent.texts", "Name languages by tags like en or pt-BR, each with a text of at most 20000 characters, without markup.")
		}
	}
	return nil
}

func (b *Brand) validate() error {
	switch {
	case !isLine(b.Name, MaxBrandName):
		return wrong("brand.name", "Give a name of at most 60 printable characters.")
	case !isLine(b.Support, MaxSupport):
		return wrong("brand.support", "Give one line of at most 200 printable characters.")
	}
	if err := b.checkLogo(); err != nil {
		return err
	}
	return b.readable()
}

// isLine reports whether s is at most limit printable characters, and more than spaces if it is anything.
func isLine(s string, limit int) bool {
	return (s == "" || strings.TrimSpace(s) != "") && utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// isProse reports whether s is text of at most limit characters, in lines, without markup (RA-66).
func isProse(s string, limit int) bool {
	return utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit &&
		strings.IndexFunc(s, func(r rune) bool { return r != '\n' && !unicode.IsPrint(r) || r == '<' || r == '>' }) < 0
}

// IsVersion reports whether s can name a version of the consent text.
func IsVersion(s string) bool {
	return s != "" && len(s) <= 32 && strings.IndexFunc(s, func(r rune) bool {
		return (r < '0' || r > '9') && (r|0x20 < 'a' || r|0x20 > 'z') && r != '.' && r != '-'
	}) < 0
}

// ForLanguage gives the key under which texts has those for a language, such as "pt": its own, or the first of its regions; "" when there
// is none.
func ForLanguage[T any](texts map[string]T, language string) string {
	best := ""
	for key := range texts {
		primary, _, _ := strings.Cut(key, "-")
		if strings.EqualFold(primary, language) && (best == "" || key < best) {
			best = key
		}
	}
	return best
}

// IsLocale reports whether s has the shape of a language tag (RFC 5646 §2.1).
func IsLocale(s string) bool {
	if len(s) > 35 {
		return false
	}
	for i, part := range strings.Split(s, "-") {
		if len(part) < 1 || len(part) > 8 || i == 0 && len(part) == 1 {
			return false
		}
		for _, r := range part {
			if letter := 'a' <= r|0x20 && r|0x20 <= 'z'; !letter && (i == 0 || r < '0' || r > '9') {
				return false
			}
		}
	}
	return true
}
