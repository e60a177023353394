package hosted

import (
	"net/http"
	"strings"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/web"
)

// openLink takes a link: the token becomes a session's cookie at once, and the browser goes on to an address without it. Nothing is
// sent, however often machines that read mail open it (RA-24).
func (s *Site) openLink(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Referrer-Policy", "no-referrer")
	token := strings.TrimRight(r.PathValue("token"), mailEnds)
	if !isToken(token) {
		s.fail(w, r, web.ErrNoSuchRoute)
		return
	}
	if token != r.PathValue("token") { // for the cookie of this link, and no other, comes along there
		http.Redirect(w, r, linkPrefix+token, http.StatusSeeOther)
		return
	}
	answer, err := s.invitations.Open(r.Context(), token, s.cookies.session(r), client(r), web.RequestID(r.Context()))
	switch {
	case fault.Is(err, fault.NotFound): // unknown
		p := web.NewProblem(r.Context(), err)
		s.write(w, r, p.Status, &Expired{Frame: Frame{Locale: s.locale(r, "")}})
		return
	case err != nil:
		s.fail(w, r, err)
		return
	}
	hub := hubOf(answer.ID)
	if answer.Cookie == "" {
		f := s.filler(r, "", answer.Page)
		status, view := f.ending()
		f.site.write(w, r, status, view)
		return
	}
	s.cookies.set(w, sessionCookie, answer.Cookie, hub)
	s.cookies.set(w, sessionCookie, answer.Cookie, r.URL.Path)
	http.Redirect(w, r, hub, http.StatusSeeOther)
}

// mailEnds are what mail programs and people put behind a link: ends of sentences, brackets and quotes.
const mailEnds = ".,;:!?)]}>'\"’”»…*\u200b\u00a0 "

// isToken reports whether a link's token may have this form: anything else was cut off or never was one.
func isToken(s string) bool {
	if len(s) < minToken || len(s) > maxToken {
		return false
	}
	for i := range len(s) {
		if c := s[i]; (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') && c != '-' && c != '_' {
			return false
		}
	}
	return true
}

// The lengths of a link's token, in characters.
const (
	minToken = 32
	maxToken = 64
)
