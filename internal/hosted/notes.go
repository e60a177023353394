package hosted

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/web"
)

// A form is always answered with 303, so that reload sends nothing again and Back asks nothing (RA-44). What was wrong with it, and
// the contact that was typed, wait for the page that it leads to in a cookie: sealed, good for that page in that session alone, and
// taken away when it is read. A code is never in it.
const (
	noteCookie = "countersign_note"
	noteLife   = 5 * time.Minute
	maxNote    = 4096 // longer than any, in bytes
)

// note is what a page is told of the form before it.
type note struct {
	At      time.Time
	Problem Problem
	Resent  bool   // a further code is on its way
	Contact string // as typed
	Country string
	Fault   *toldFault // nil: the page is the one that is due
}

// toldFault is a fault that a form came to, whose page is still to be drawn.
type toldFault struct {
	Kind      fault.Kind
	Code      string
	Wait      time.Duration
	Reference string // id of the request that sent the form
}

// tell answers a form: the browser is led to a page of the invitation, which finds the note. query may be empty.
func (s *Site) tell(w http.ResponseWriter, r *http.Request, v invite.Visit, path, query string, n note) {
	n.At = s.Now()
	plain, err := json.Marshal(n)
	if err != nil {
		panic(err) // strings and numbers
	}
	to := hubOf(v.ID) + path
	s.cookies.keep(w, noteCookie, base64.RawURLEncoding.EncodeToString(s.seal(notePlace(v.Cookie, to), plain)), hubOf(v.ID), noteLife)
	if query != "" {
		to += "?" + query
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// told is the note for the page that is asked for, which is told once. What is no note for it is none.
func (s *Site) told(w http.ResponseWriter, r *http.Request, v invite.Visit) (n note) {
	got, err := r.Cookie(s.cookies.name(noteCookie))
	if err != nil || len(got.Value) > maxNote {
		return note{}
	}
	sealed, err := base64.RawURLEncoding.DecodeString(got.Value)
	if err != nil {
		return note{}
	}
	plain, err := s.open(notePlace(v.Cookie, r.URL.Path), sealed)
	if err != nil || json.Unmarshal(plain, &n) != nil {
		return note{} // it may be one for another page
	}
	s.cookies.keep(w, noteCookie, "", hubOf(v.ID), -time.Second)
	if age := s.Now().Sub(n.At); age < -noteLife || age > noteLife {
		return note{}
	}
	return n
}

// notePlace is where a note is good: a page of a session. No cookie has a zero byte.
func notePlace(cookie, path string) []byte { return []byte(cookie + "\x00" + path) }

// tellFault answers a form with a fault, on the page that the form stands on. What is no form of that page has none to go to.
func (s *Site) tellFault(w http.ResponseWriter, r *http.Request, v invite.Visit, err error) {
	f := fault.As(err)
	switch f.Kind {
	case fault.Conflict, fault.Limited, fault.Unavailable, fault.Internal:
		p := web.NewProblem(r.Context(), err) // which the log of the request takes it from
		path := strings.TrimPrefix(r.URL.Path, hubOf(v.ID))
		path = strings.TrimSuffix(strings.TrimSuffix(path, pathSend), pathCheck)
		s.tell(w, r, v, path, "", note{Fault: &toldFault{f.Kind, f.Code, f.RetryAfter, p.RequestID}})
	default:
		s.fail(w, r, err)
	}
}

// faced draws the page of a fault that a form came to.
func (s *Site) faced(w http.ResponseWriter, r *http.Request, t *toldFault) {
	err := fault.New(t.Kind, t.Code, "").After(t.Wait)
	p := web.NewProblem(r.Context(), err)
	p.RequestID = t.Reference
	s.problem(w, r, p, err)
}
