package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

// maxForm is the largest form that is read, in bytes.
const maxForm = 64 << 10

// largeForms are the paths whose forms may be larger, with how large, in bytes: what is over a limit of its own is told beside its field.
// That is a picture, a file, notes of ten customers, and in each of seven languages a text of 20000 characters, each of which takes up to
// twelve bytes.
var largeForms = map[string]int64{
	pathCustomisation: 1 << 20, pathTryLook: 1 << 20, pathTexts: 2 << 20, pathTurnTexts: 2 << 20, pathTryTexts: 2 << 20, pathImport: 2 << 20, pathNew: 512 << 10,
}

// maxUserAgent is how much is kept of what a browser calls itself, in bytes.
const maxUserAgent = 512

var (
	errCrossOrigin = fault.New(fault.Denied, "cross_origin", "This form was sent from another site.")
	errForm        = fault.New(fault.Malformed, "form_malformed", "The form can't be read.")
	errOutdated    = fault.New(fault.Conflict, "form_outdated", "This page was open too long. Nothing was changed. Load it again.")
	errProve       = fault.New(fault.Unauthenticated, codeProof, "Confirm that it is you first.")
	errDenied      = fault.New(fault.Denied, "role_forbids", "Your role does not allow this.")
	errNothing     = fault.New(fault.NotFound, "not_found", "There is nothing here.")
)

// visit is one request of a signed-in operator.
type visit struct {
	operator.Signed
	site   *Site
	w      http.ResponseWriter
	r      *http.Request
	at     Section
	token  string // of the session, for what asks for a proof
	firm   string
	flash  Flash
	barred bool // the firm is suspended
}

// guard lets a request through to its page when somebody is signed in whose role allows it, and a form only when it was drawn here
// for this session. To operators of a suspended firm the way out alone is open.
func (s *Site) guard(to route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		inFrame(w, r)
		v, err := s.visit(w, r, to.at, s.cookie(r, sessionCookie))
		if v == nil && r.Method == http.MethodPost {
			if token := s.resume(w, r); token != "" {
				v, err = s.visit(w, r, to.at, token)
			}
		}
		switch {
		case v == nil:
			s.turnAway(w, r, err)
			return
		case err != nil && to.pattern != signingOut:
			s.trouble(v, err)
			return
		}
		if to.act != "" && !v.May(to.act) {
			s.trouble(v, errDenied)
			return
		}
		if r.Method == http.MethodPost {
			if err := v.readForm(); err != nil {
				s.trouble(v, err)
				return
			}
		}
		view, err := to.page(v)
		switch {
		case fault.Is(err, fault.Unauthenticated): // also a proof that is asked for
			s.turnAway(w, r, err)
		case err != nil:
			s.trouble(v, err)
		case view != nil:
			s.write(w, r, http.StatusOK, view)
		}
	}
}

// visit finds out who asks. A visit that comes with a fault is that of an operator of a suspended firm.
func (s *Site) visit(w http.ResponseWriter, r *http.Request, at Section, token string) (*visit, error) {
	v := &visit{site: s, w: w, r: r, at: at, token: token}
	session := s.Operators.Session
	if unasked(r) {
		session = s.Operators.Glance
	}
	var barred, err error
	if v.Signed, barred = session(r.Context(), v.token); barred != nil && fault.As(barred).Code != tenant.CodeSuspended {
		return nil, barred
	}
	v.barred = barred != nil
	if v.firm, err = s.Tenants.Name(r.Context(), v.Operator.Tenant); err != nil {
		return nil, err
	}
	if !unasked(r) {
		v.flash = s.takeFlash(w, r)
	}
	return v, barred
}

// resume gives the browser the token of its session again, when a form that it has sent twice has led to another one and it never saw the
// answer; "" otherwise.
func (s *Site) resume(w http.ResponseWriter, r *http.Request) string {
	if s.readForm(w, r) != nil || onceOf(r) == "" {
		return ""
	}
	step, err := s.Operators.Resume(r.Context(), client(r), s.cookie(r, sessionCookie))
	if err != nil {
		return ""
	}
	token := step.Token.Reveal()
	s.setCookie(w, sessionCookie, token)
	return token
}

// headerLive is what console.js sends with what a page asks by itself.
const headerLive = "X-Live"

// unasked reports whether a page asks by itself, and nobody need sit before it.
func unasked(r *http.Request) bool {
	return r.Method != http.MethodPost && (r.URL.Path == pathLive || r.Header.Get(headerLive) != "")
}

// readForm checks where a form comes from, and reads it.
func (v *visit) readForm() error {
	if err := v.site.readForm(v.w, v.r); err != nil {
		return err
	}
	return v.site.signed(v.r, v.Session.ID.Text(uid.Session))
}

// readForm reads a form that comes from our own origin.
func (s *Site) readForm(w http.ResponseWriter, r *http.Request) error {
	if s.origin.Check(r) != nil || s.secure && strings.HasPrefix(r.Header.Get("Origin"), "http://") {
		return errCrossOrigin // also when it is our own host in plain, which an old browser tells by nothing else
	}
	most, large := largeForms[r.URL.Path]
	if !large {
		most = maxForm
	}
	r.Body = http.MaxBytesReader(w, r.Body, most)
	parse := r.ParseForm
	if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		parse = func() error { return r.ParseMultipartForm(most) } // nothing is put on disk
	}
	if err := parse(); err != nil {
		if strings.Contains(err.Error(), "too large") {
			return web.ErrTooLarge
		}
		return errForm
	}
	return nil
}

func (v *visit) ctx() context.Context { return v.r.Context() }

// client is the browser, for what is audited.
func (v *visit) client() operator.Client { return client(v.r) }

func client(r *http.Request) operator.Client {
	agent := r.UserAgent()
	c := operator.Client{
		UserAgent: strings.ToValidUTF8(agent[:min(len(agent), maxUserAgent)], ""), RequestID: web.RequestID(r.Context()),
		Once: onceOf(r),
	}
	if addr := web.ClientAddr(r.Context()); addr.IsValid() {
		c.IP = addr.String()
	}
	return c
}

// maxOnce is longer than any FieldOnce that was given out, in bytes.
const maxOnce = 40

// onceOf names the form that was drawn here and is sent by r; "" when it has no name.
func onceOf(r *http.Request) string {
	if once := r.PostForm.Get(FieldOnce); len(once) <= maxOnce {
		return once
	}
	return ""
}

// caller is who asks, for the services.
func (v *visit) caller() operator.Caller { return v.Caller(web.RequestID(v.ctx())) }

// inviter is caller for invitations and their settings, which keep from where they were changed.
func (v *visit) inviter() invite.Caller {
	by, from := v.caller(), v.client()
	return invite.Caller{Tenant: by.Tenant, Actor: by.Actor, RequestID: by.RequestID, Client: invite.Client{IP: from.IP, UserAgent: from.UserAgent}}
}

// frame is what the page has around it, with what is wrong with its form.
func (v *visit) frame(wrong ...Problem) Frame {
	o := v.Operator
	f := Frame{
		Tenant: v.firm, At: v.at, Sections: open(o.Role), Flash: v.flash, Problems: wrong, SignOut: v.form(pathSignOut),
		Operator: Operator{Name: o.Name, Email: o.Email, Role: string(o.Role)}, Watches: !v.May(operator.SendVerification), Barred: v.barred,
	}
	if v.barred {
		f.Sections, f.Watches = []Section{}, true
	}
	return f
}

// form is one that this session may send to action, a path with or without a query.
func (v *visit) form(action string) Form {
	return Form{Action: action, Token: v.site.sign(v.Session.ID.Text(uid.Session), action)}
}

// id reads an id of the path; what is none names nothing.
func (v *visit) id(kind uid.Prefix, name string) (uid.ID, error) {
	id, err := uid.Parse(kind, v.r.PathValue(name))
	if err != nil {
		return id, errNothing
	}
	return id, nil
}

// value is a field of the form, or of the query.
func (v *visit) value(name string) string { return strings.TrimSpace(v.r.FormValue(name)) }

// posted is a field of the form alone: a link can't fill in what an operator sends.
func (v *visit) posted(name string) string { return strings.TrimSpace(v.r.PostForm.Get(name)) }

// ticked reports whether a box was.
func (v *visit) ticked(name string) bool { return v.r.PostForm.Get(name) != "" }

// leave answers by leading to another page, which says what was done.
func (v *visit) leave(to string, said Flash) (View, error) {
	if said.Said != "" {
		v.site.keepFlash(v.w, said)
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil, nil
}

// codeMismatch is the fault of a form that came before with other values, and textSentBefore what it says here. The page that says it has a
// name of its own.
const (
	codeMismatch   = "idempotency_mismatch"
	textSentBefore = "This form was sent before, with other values. Send it once more if you mean it."
)

// wrong tells a fault that a person can repair in the form: what is invalid, in conflict or too often. Any other is for a page of
// its own. fields names those of the form whose names are not the domain's.
func wrong(err error, fields map[string]string) (problems []Problem, _ error) {
	if all, ok := errors.AsType[tenant.Faults](err); ok {
		for _, f := range all {
			one, err := wrong(f, fields)
			if err != nil {
				return nil, err
			}
			problems = append(problems, one...)
		}
		return problems, nil
	}
	f := fault.As(err)
	switch f.Kind {
	case fault.Invalid, fault.Malformed, fault.Conflict, fault.Limited:
		if f.Code == codeMismatch {
			return []Problem{{Message: textSentBefore}}, nil
		}
		field := f.Field
		if ours, ok := fields[field]; ok {
			field = ours
		}
		return []Problem{{Field: field, Message: f.Message}}, nil
	}
	return nil, err
}

// with puts a parameter into a path's query; "" takes it out.
func with(path, name, value string) string {
	u, err := url.Parse(path)
	if err != nil {
		return path
	}
	q := u.Query()
	q.Del(name)
	if value != "" {
		q.Set(name, value)
	}
	u.RawQuery = q.Encode()
	return u.String()
}
