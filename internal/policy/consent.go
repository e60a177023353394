package policy

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// OwnConsent names the product's own text of consent, which a firm without texts shows. It changes with every change of that text.
const OwnConsent = "countersign-1"

// ownConsent is what the names of the product's texts begin with, and those of a firm never.
const ownConsent = "countersign"

// InForce is the version that a customer agrees to: the firm's, or the product's own when the firm has no text.
func (c *Consent) InForce() string {
	if len(c.Texts) == 0 {
		return OwnConsent
	}
	return c.Version
}

// TextFor is the firm's text for a language of the pages, such as "pt", and the locale that it is in: that language, or the default where
// it has none. Empty when there are no texts.
func (c *Consent) TextFor(language string) (text, locale string) {
	if locale = ForLanguage(c.Texts, language); locale == "" {
		locale = c.fallback()
	}
	return c.Texts[locale], locale
}

// fallback is the locale of the text for languages without one.
func (c *Consent) fallback() string {
	if c.Default != "" {
		return c.Default
	}
	if english := ForLanguage(c.Texts, "en"); english != "" || len(c.Texts) == 0 {
		return english
	}
	return slices.Min(slices.Collect(maps.Keys(c.Texts)))
}

// SameText reports whether two show the same to everybody.
func (c *Consent) SameText(other *Consent) bool {
	return maps.Equal(c.Texts, other.Texts) && c.fallback() == other.fallback()
}

// NextVersion is the name after a version: its last number plus one, else with a number of its own.
func NextVersion(version string) string {
	stem := strings.TrimRight(version, "0123456789")
	if n, err := strconv.Atoi(version[len(stem):]); err == nil && len(version) < 32 {
		return stem + strconv.Itoa(n+1)
	}
	return version[:min(len(version), 28)] + "-2"
}

// TextHash is what is kept of the text that a customer has seen: its SHA-256 in hexadecimal digits.
func TextHash(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
