package console

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"net/http"
)

// The session's cookie has the path / because __Host- wants it: with that prefix no neighbour of a name and nobody on the wire can
// plant one, neither to have somebody work in a session that is not theirs, nor to make a form of the door fit their browser. Lax
// and not Strict, since operators come by links in their mail; a form is held to its origin and its token.
const (
	sessionCookie = "countersign_console"
	flashCookie   = "countersign_said"
	doorCookie    = "countersign_door" // binds forms before anybody is signed in
	hostPrefix    = "__Host-"
)

// maxCookie is longer than any cookie that was given out, in bytes.
const maxCookie = 2048

func (s *Site) cookieName(name string) string {
	if s.secure {
		return hostPrefix + name
	}
	return name
}

// setCookie keeps a value in the browser until that is closed; "" takes it back.
func (s *Site) setCookie(w http.ResponseWriter, name, value string) {
	c := &http.Cookie{Name: s.cookieName(name), Value: value, Path: "/", HttpOnly: true, Secure: s.secure, SameSite: http.SameSiteLaxMode}
	if value == "" {
		c.MaxAge = -1
	}
	http.SetCookie(w, c)
}

// cookie is what the browser keeps, "" when there is nothing that could be ours.
func (s *Site) cookie(r *http.Request, name string) string {
	c, err := r.Cookie(s.cookieName(name))
	if err != nil || len(c.Value) > maxCookie {
		return ""
	}
	return c.Value
}

// keepFlash keeps what was done for the page that comes next.
func (s *Site) keepFlash(w http.ResponseWriter, f Flash) {
	text, err := json.Marshal(f)
	if err != nil {
		return // three plain fields: it can't be
	}
	s.setCookie(w, flashCookie, base64.RawURLEncoding.EncodeToString(text))
}

// takeFlash reads it once. It comes from the browser, so it picks words and never gives any but the object's name, which is escaped.
func (s *Site) takeFlash(w http.ResponseWriter, r *http.Request) (f Flash) {
	kept := s.cookie(r, flashCookie)
	if kept == "" || r.Method != http.MethodGet {
		return Flash{}
	}
	s.setCookie(w, flashCookie, "")
	text, err := base64.RawURLEncoding.DecodeString(kept)
	if err != nil || json.Unmarshal(text, &f) != nil {
		return Flash{}
	}
	return f
}

// doorKey is what forms before the sign-in are bound to: a random value of this browser.
func (s *Site) doorKey(w http.ResponseWriter, r *http.Request) string {
	if kept := s.cookie(r, doorCookie); kept != "" {
		return kept
	}
	fresh := rand.Text()
	s.setCookie(w, doorCookie, fresh)
	return fresh
}

// sign makes the token of a form that is sent to action: a keyed hash over who may send it and where to.
func (s *Site) sign(who, action string) string {
	mac := s.MAC([]byte(who), []byte(action))
	return base64.RawURLEncoding.EncodeToString(mac[:])
}

// signed reports errOutdated unless the form of r was drawn for who and for this address. A form with a button that sends it to another
// address has a token for each.
func (s *Site) signed(r *http.Request, who string) error {
	want := s.sign(who, r.URL.RequestURI())
	for _, token := range r.PostForm[FieldToken] {
		if who != "" && subtle.ConstantTimeCompare([]byte(want), []byte(token)) == 1 {
			return nil
		}
	}
	return errOutdated
}
