package hosted

import (
	"bytes"
	"cmp"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

// maxForm is the largest form that is read, in bytes.
const maxForm = 8 << 10

// maxUserAgent is how much is kept of what a browser calls itself, in bytes.
const maxUserAgent = 512

var (
	errNoSession   = fault.New(fault.NotFound, "session_not_found", "Open the link in your message again.")
	errCrossOrigin = fault.New(fault.Denied, "cross_origin", "This form was sent from another site.")
	errForm        = fault.New(fault.Malformed, "form_malformed", "The form can't be read.")
)

// get is a page that is asked for: the language is chosen, the session is one of the invitation, and what is due is known.
func (s *Site) get(show func(w http.ResponseWriter, r *http.Request, f *filler)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if s.chooseLanguage(w, r) {
			return
		}
		v, err := s.visit(r)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		n := s.told(w, r, v)
		if n.Fault != nil {
			s.faced(w, r, n.Fault)
			return
		}
		page, err := s.invitations.Hub(r.Context(), v)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		f := s.filler(r, v.Cookie, page)
		f.note = n
		show(w, r, f)
	}
}

// post is a form that is sent: by a page of this site, drawn for this session. what is what its token says.
func (s *Site) post(take func(w http.ResponseWriter, r *http.Request, v invite.Visit, what string)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v, what, err := s.form(w, r)
		if err != nil {
			s.tellFault(w, r, v, err)
			return
		}
		take(w, r, v, what)
	}
}

func (s *Site) form(w http.ResponseWriter, r *http.Request) (v invite.Visit, what string, err error) {
	if s.origin.Check(r) != nil {
		return v, "", errCrossOrigin
	}
	if v, err = s.visit(r); err != nil {
		return v, "", err
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if err := r.ParseForm(); err != nil {
		if _, large := errors.AsType[*http.MaxBytesError](err); large {
			return v, "", web.ErrTooLarge
		}
		return v, "", errForm
	}
	what, err = s.signed(v.Cookie, r)
	return v, what, err
}

// visit is who asks. Whether the session is one of the invitation is for the domain to say.
func (s *Site) visit(r *http.Request) (invite.Visit, error) {
	id, err := uid.Parse(uid.Invitation, r.PathValue("invitation"))
	cookie := s.cookies.session(r)
	if err != nil || cookie == "" {
		return invite.Visit{}, errNoSession
	}
	return invite.Visit{
		ID: id, Cookie: cookie, Client: client(r), RequestID: web.RequestID(r.Context()),
		Chosen: s.cookies.language(r), Accepts: s.accepts(r),
	}, nil
}

func client(r *http.Request) *invite.Client {
	agent := r.UserAgent()
	c := &invite.Client{UserAgent: strings.ToValidUTF8(agent[:min(len(agent), maxUserAgent)], "")}
	if addr := web.ClientAddr(r.Context()); addr.IsValid() {
		c.IP = addr.String()
	}
	return c
}

// back leads to the page of a form's address.
func (s *Site) back(path string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		hub := hubIn(r.URL.Path)
		if hub == "" {
			s.fail(w, r, web.ErrNoSuchRoute)
			return
		}
		http.Redirect(w, r, hub+path, http.StatusSeeOther)
	}
}

// chooseLanguage keeps the language that the switch asks for, and leads to the page without the question. It reports whether it did.
func (s *Site) chooseLanguage(w http.ResponseWriter, r *http.Request) bool {
	locale, hub := r.URL.Query().Get(FieldLanguage), hubIn(r.URL.Path)
	if hub == "" || !slices.Contains(Locales, locale) {
		return false
	}
	s.cookies.set(w, languageCookie, locale, hub)
	http.Redirect(w, r, r.URL.Path, http.StatusSeeOther)
	return true
}

// locale is the language of a page: what the customer chose, what the firm asked for (ID-34), what the browser asks for.
func (s *Site) locale(r *http.Request, wanted string) string {
	if chosen := s.cookies.language(r); chosen != "" {
		return chosen
	}
	if wanted != "" {
		return s.pages.Match(wanted)
	}
	return s.accepts(r)
}

// accepts is the language of the pages that the browser asks for.
func (s *Site) accepts(r *http.Request) string { return s.pages.Match(r.Header.Get("Accept-Language")) }

// write answers with a page.
func (s *Site) write(w http.ResponseWriter, r *http.Request, status int, v View) {
	page, err := s.pages.draw(v)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	send(w, status, page)
}

func send(w http.ResponseWriter, status int, page *bytes.Buffer) {
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Length", strconv.Itoa(page.Len()))
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // the customer may have gone
}

// fail answers with the page of a fault. It knows no firm.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, err error) {
	s.problem(w, r, web.NewProblem(r.Context(), err), fault.As(err))
}

func (s *Site) problem(w http.ResponseWriter, r *http.Request, p *web.Problem, f *fault.Error) {
	for k, v := range p.GetHeaders() {
		w.Header()[k] = v
	}
	page, err := s.pages.draw(s.failure(r, p, f))
	if err != nil {
		panic(err) // pages without words of a firm are all drawn by the tests
	}
	send(w, p.Status, page)
}

// failure is the page of a fault. What is to be tried again is the hub, or the link where none is known.
func (s *Site) failure(r *http.Request, p *web.Problem, f *fault.Error) View {
	frame := Frame{Locale: s.locale(r, "")}
	hub := hubIn(r.URL.Path)
	again := cmp.Or(hub, r.URL.Path)
	switch {
	case f.Kind == fault.Limited:
		return &Wait{Frame: frame, Seconds: seconds(f.RetryAfter), URL: again}
	case p.Status >= 500:
		return &Broken{Frame: frame, Reference: p.RequestID, URL: again}
	case f.Kind == fault.NotFound, p.Code == web.ErrMethod.Code, hub == "":
		return &NotFound{Frame: frame}
	}
	return &Stale{Frame: frame, URL: hub}
}

// seconds rounds up.
func seconds(d time.Duration) int { return int((max(d, 0) + time.Second - 1) / time.Second) }
