package hosted

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

// A session's cookie is good for one invitation, so its path is that of the invitation: two links in one browser do not disturb
// each other, and __Host-, which wants the path /, can't be had. Over https its name begins with __Secure-, so that nobody
// on the wire can plant one. Lax and not Strict: the customer comes from a mail program or another site.
//
// The link's own path gets the same cookie, so that who opens the link again goes on in the session of before (RA-44) instead of
// beginning one that would have to ask for a new code.
const (
	sessionCookie  = "countersign_visit"
	languageCookie = "countersign_language"
	securePrefix   = "__Secure-"
)

// maxCookie is longer than any cookie that was given out, in bytes.
const maxCookie = 64

// cookies sets and reads the cookies of the pages. None outlives the browser's session, of which the domain sets the end.
type cookies struct{ secure bool }

func (c cookies) set(w http.ResponseWriter, name, value, path string) {
	c.keep(w, name, value, path, 0)
}

// keep sets a cookie that lives for a time of its own; a life below zero takes it away.
func (c cookies) keep(w http.ResponseWriter, name, value, path string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: c.name(name), Value: value, Path: path, MaxAge: int(life.Seconds()), HttpOnly: true, Secure: c.secure, SameSite: http.SameSiteLaxMode,
	})
}

func (c cookies) name(name string) string {
	if c.secure {
		return securePrefix + name
	}
	return name
}

// session is the cookie of the session, "" when there is none that could be one. Of several, the first is that of the longest
// path (RFC 6265 §5.4).
func (c cookies) session(r *http.Request) string {
	got, err := r.Cookie(c.name(sessionCookie))
	if err != nil || len(got.Value) > maxCookie {
		return ""
	}
	return got.Value
}

// language is the language that the customer chose for an invitation, "" when none.
func (c cookies) language(r *http.Request) string {
	got, err := r.Cookie(c.name(languageCookie))
	if err != nil || !slices.Contains(Locales, got.Value) {
		return ""
	}
	return got.Value
}

// hubOf is the path of an invitation's pages.
func hubOf(id uid.ID) string { return invitationPrefix + id.Text(uid.Invitation) }

// hubIn is the path of the invitation whose pages path is below, "" when it is none.
func hubIn(path string) string {
	rest, ok := strings.CutPrefix(path, invitationPrefix)
	text, _, _ := strings.Cut(rest, "/")
	id, err := uid.Parse(uid.Invitation, text)
	if !ok || err != nil {
		return ""
	}
	return hubOf(id)
}
