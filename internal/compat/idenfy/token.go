package idenfy

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/invite"
)

// The bounds of what a session is made with (b.1), in seconds and characters.
const (
	maxClientID    = 100
	maxExternalRef = 40
	maxExpiry      = 2_592_000
	defaultExpiry  = 3600
	minSession     = 60
	maxSession     = 3600
	defaultSession = 600
	maxLocale      = 7
	minURL         = 5
	maxURL         = 2048
	maxName        = 100
	maxAddress     = 255
)

const (
	defaultLocale = "en"
	defaultType   = "IDENTIFICATION"
)

// locales are the languages that pages and messages have; another is English (ID-34).
var locales = []string{"ar", "de", "en", "es", "fr", "he", "pt"}

// created is what a session is asked to be, as the answer repeats it.
type created struct {
	clientID, externalRef, tokenType, locale     string
	successURL, errorURL, unverifiedURL, hookURL string
	firstName, lastName                          string
	expiry, session                              int
	digits, appendRef                            bool
	verifyPhone, verifyEmail                     *bool
	contacts                                     invite.Prefill
	others                                       map[string]json.RawMessage // kept sealed and echoed
}

// token answers POST /api/v2/token: it makes a session, whose link the caller hands over.
func (d *Door) token(w http.ResponseWriter, r *http.Request) error {
	f, err := readForm(r)
	if err != nil {
		return err
	}
	c, err := readCreated(f)
	if err != nil {
		return err
	}
	ctx := r.Context()
	if c.hookURL != "" {
		if err := d.callbacks(ctx, c.hookURL); err != nil {
			return err
		}
	}
	a, err := d.create(ctx, c.request(ctx), c.digits)
	if err != nil {
		return err
	}
	write(w, http.StatusCreated, c.answer(a, d.link(r, a.Token.Reveal())))
	return nil
}

// readCreated reads the request of a session.
func readCreated(f *form) (c created, err error) {
	c.clientID, c.externalRef = f.text("clientId", 1, maxClientID), f.text("externalRef", 0, maxExternalRef)
	if old := f.text("personScanRef", 1, maxClientID); c.clientID == "" { // its name in earlier editions
		c.clientID = old
	}
	if strings.ContainsFunc(c.clientID, func(r rune) bool { return r < ' ' || r > '~' }) {
		f.bad("clientId", "Give 1 to 100 printable ASCII characters.")
	}
	if c.tokenType = f.text("tokenType", 0, maxName); c.tokenType == "" {
		c.tokenType = defaultType
	} else if c.tokenType != defaultType && c.tokenType != "DOCUMENT" {
		f.bad("tokenType", "Use IDENTIFICATION or DOCUMENT.")
	}
	c.verifyPhone, c.verifyEmail = f.flag("verifyPhone"), f.flag("verifyEmail")
	c.expiry = f.whole("expiryTime", 0, maxExpiry, defaultExpiry)
	c.session = f.whole("sessionLength", minSession, maxSession, defaultSession)
	c.locale = localeOf(f.text("locale", 0, maxLocale))
	for name, to := range map[string]*string{"successUrl": &c.successURL, "errorUrl": &c.errorURL, "unverifiedUrl": &c.unverifiedURL, "callbackUrl": &c.hookURL} {
		*to = f.text(name, minURL, maxURL)
	}
	if c.digits = is(f.flag("generateDigitString")); c.digits && (c.expiry == 0 || c.expiry > maxDigitsLife) {
		f.bad("expiryTime", "Give 1 to 43200 seconds to a session with a digit string.")
	}
	c.appendRef = is(f.flag("appendScanRef"))
	c.contacts = invite.Prefill{Phone: f.text("phone", 1, maxName), Email: f.text("email", 1, maxAddress), Locked: is(f.flag("contactLocked"))}
	c.readPerson(f)
	if c.clientID == "" && f.err == nil {
		return c, errMissing("clientId")
	}
	return c, f.err
}

// readPerson reads what the session is prefilled with, and whatever else there is. All of it is kept sealed.
func (c *created) readPerson(f *form) {
	c.firstName, c.lastName = readName(f, "firstName"), readName(f, "lastName")
	rest := f.rest()
	if born := f.text("dateOfBirth", 1, maxName); born != "" {
		if _, err := time.Parse(time.DateOnly, born); err != nil {
			f.bad("dateOfBirth", "Give a date as YYYY-MM-DD.")
		}
	}
	f.text("address", 0, maxAddress)
	f.flag("showInstructions")
	for _, name := range []string{"country", "documents"} { // one, or a list of them (ID-A9)
		var one string
		var list []string
		if raw := f.members[name]; len(raw) > 0 && raw[0] == '[' {
			f.member(name, &list, "Give a text, or a list of texts.")
		} else {
			f.member(name, &one, "Give a text, or a list of texts.")
		}
	}
	if c.others = rest; len(rest) > 0 && utf8.RuneCountInString(kept(rest)) > invite.MaxNotes {
		f.bad(longest(rest), "The fields that are only kept are too long together. Give at most 2000 characters.")
	}
}

// kept is how members are kept: as JSON in which every character can be seen, for the notes of an invitation take no other.
func kept(members map[string]json.RawMessage) string {
	var b strings.Builder
	for _, r := range string(encode(members)) {
		if r == '\n' || unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		for _, unit := range utf16.AppendRune(nil, r) {
			fmt.Fprintf(&b, `\u%04x`, unit)
		}
	}
	return b.String()
}

// fieldName is what the vendor's names look like.
var fieldName = regexp.MustCompile(`^[A-Za-z]{1,40}$`)

// longest is the name of the longest member, "" when it is none of the vendor's: it was made up, and could hold anything.
func longest(members map[string]json.RawMessage) string {
	name := slices.MaxFunc(slices.Sorted(maps.Keys(members)), func(a, b string) int { return len(members[a]) - len(members[b]) })
	if !fieldName.MatchString(name) {
		return ""
	}
	return name
}

// readName reads a name: letters, and what stands between them. It is put in capitals, as the vendor does.
func readName(f *form, name string) string {
	s := f.text(name, 1, maxName)
	if strings.ContainsFunc(s, func(r rune) bool { return unicode.IsDigit(r) || unicode.IsSymbol(r) || !unicode.IsPrint(r) }) {
		f.bad(name, "Give a name without digits and symbols.")
	}
	return strings.ToUpper(s)
}

// localeOf is the language that a session is in: the one that was asked for, or English (ID-34).
func localeOf(asked string) string {
	language, _, _ := strings.Cut(strings.ReplaceAll(asked, "_", "-"), "-")
	if language = strings.ToLower(language); slices.Contains(locales, language) {
		return language
	}
	return defaultLocale
}

func is(flag *bool) bool { return flag != nil && *flag }

// answer is the session that was made: what was asked for with defaults filled in, its token and its link.
func (c *created) answer(a invite.CreateAnswer, link string) map[string]any {
	out := map[string]any{"showInstructions": true, "dateOfBirth": nil, "address": nil, "country": nil, "documents": nil}
	for name, raw := range c.others {
		out[name] = raw
	}
	phone, email := gates(a.View)
	maps.Copy(out, map[string]any{
		"message": "Token created successfully", "authToken": a.Token.Reveal(), "redirectUrl": link, "scanRef": a.View.ID.UUID(),
		"digitString": orNull(a.View.Vendor[setDigits]), "clientId": c.clientID, "personScanRef": c.clientID, "externalRef": orNull(c.externalRef),
		"tokenType": c.tokenType, "verifyPhone": phone != nil, "verifyEmail": email != nil, "expiryTime": c.expiry, "sessionLength": c.session,
		"locale": c.locale, "successUrl": orNull(c.successURL), "errorUrl": orNull(c.errorURL), "unverifiedUrl": orNull(c.unverifiedURL),
		"callbackUrl": orNull(c.hookURL), "generateDigitString": c.digits, "firstName": orNull(c.firstName), "lastName": orNull(c.lastName),
		"phone": orNull(c.contacts.Phone), "email": orNull(c.contacts.Email), "contactLocked": c.contacts.Locked,
		"appendScanRef": c.appendRef,
	})
	return out
}

// orNull is s, or nil for none.
func orNull(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
