package console

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/web"
)

// codeProof is the fault of an act that wants the operator to show again who they are.
const codeProof = "proof_needed"

// write answers with a page.
func (s *Site) write(w http.ResponseWriter, r *http.Request, status int, v View) {
	var page bytes.Buffer
	if err := s.pages.Render(&page, v); err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Length", strconv.Itoa(page.Len()))
	w.WriteHeader(status)
	_, _ = page.WriteTo(w) // a browser that is gone needs no page
}

// patience is how long a browser may take to read one piece of an answer that has many.
const patience = 30 * time.Second

// piece writes one piece of an answer that may take longer than answers do, as long as it is read.
func (v *visit) piece(p []byte) (int, error) {
	_ = http.NewResponseController(v.w).SetWriteDeadline(time.Now().Add(patience)) // with a writer that can't, it ends early and is asked again
	return v.w.Write(p)
}

// trouble tells a signed-in operator that a page can't be shown.
func (s *Site) trouble(v *visit, err error) { s.tell(v.w, v.r, v.frame(), err) }

// fail tells it outside of a visit, in the console's frame to somebody who is signed in.
func (s *Site) fail(w http.ResponseWriter, r *http.Request, err error) {
	s.tell(w, r, s.around(r), err)
}

// around is the frame of whoever is signed in, the empty one for anybody else, and when that can't be found out.
func (s *Site) around(r *http.Request) Frame {
	v := &visit{site: s, r: r, token: s.cookie(r, sessionCookie)}
	if v.token == "" {
		return Frame{}
	}
	var err error
	if v.Signed, err = s.Operators.Glance(r.Context(), v.token); err != nil {
		return Frame{}
	}
	if v.firm, err = s.Tenants.Name(r.Context(), v.Operator.Tenant); err != nil {
		return Frame{}
	}
	return v.frame()
}

// errBusy is told of what ran out of its time.
var errBusy = fault.New(fault.Unavailable, "busy", "The server is busy. Try again in a moment.").After(time.Second)

func (s *Site) tell(w http.ResponseWriter, r *http.Request, frame Frame, err error) {
	if fault.As(err).Kind == fault.Internal && errors.Is(err, context.DeadlineExceeded) {
		err = errBusy
	}
	p := web.NewProblem(r.Context(), err)
	for k, v := range p.GetHeaders() {
		w.Header()[k] = v
	}
	t := &Trouble{Frame: frame, Kind: kindOf(p, fault.As(err)), Act: r.Method == http.MethodPost}
	if p.Status >= 500 {
		t.Reference = p.RequestID
	}
	t.RetryURL = retryOf(r, t.Kind, p.Status)
	if t.Kind == Busied && t.Act {
		t.sendAgain(r)
	}
	var view View = t
	if inFrame(w, r) {
		view = &Unshown{Flaws: []Flaw{{Message: p.Detail}}}
	}
	var page bytes.Buffer
	if err := s.pages.Render(&page, view); err != nil {
		panic(err) // each kind is drawn by the tests
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(p.Status)
	_, _ = page.WriteTo(w)
}

// untold are the fields that no page repeats.
var untold = []string{FieldPassword, FieldOldPass, FieldCode, FieldLink}

// sendAgain offers to send the form of r as it was, under its name, so that nothing is done twice. A file can't be sent so, and a secret is not.
func (t *Trouble) sendAgain(r *http.Request) {
	if r.MultipartForm != nil || !r.PostForm.Has(FieldToken) || slices.ContainsFunc(untold, r.PostForm.Has) {
		return
	}
	tokens := r.PostForm[FieldToken] // one for each address that a button of the form sends it to
	t.Again = Form{Action: r.URL.RequestURI(), Token: tokens[0], Once: r.PostForm.Get(FieldOnce)}
	for _, token := range tokens[1:] {
		t.Carry = append(t.Carry, Carried{FieldToken, token})
	}
	t.Carry = append(t.Carry, carried(r.PostForm, FieldToken, FieldOnce)...)
}

// retryOf is what can be asked for again: the page, or that of a step of the sign-in, whose form is empty then.
func retryOf(r *http.Request, kind string, status int) string {
	switch {
	case status < 500 && kind != Limited:
		return ""
	case r.Method == http.MethodGet:
		return r.URL.RequestURI()
	case r.URL.Path == pathSignIn, r.URL.Path == pathSecond:
		return with(r.URL.Path, FieldNext, trim(inConsole(r.PostForm.Get(FieldNext))))
	}
	return ""
}

func kindOf(p *web.Problem, f *fault.Error) string {
	switch {
	case f.Kind == fault.Limited:
		return Limited
	case p.Status == http.StatusServiceUnavailable:
		return Busied
	case p.Status >= 500:
		return Broken
	case f.Kind == fault.NotFound, p.Code == web.ErrMethod.Code:
		return Missing
	case p.Code == web.ErrTooLarge.Code:
		return TooMuch
	case p.Code == errCrossOrigin.Code:
		return Foreign
	case p.Code == tenant.CodeSuspended:
		return Suspended
	case f.Kind == fault.Denied:
		return Denied
	}
	return Outdated
}

// turnAway leads somebody who is not signed in, or must show again who they are, to where that is done and back here.
func (s *Site) turnAway(w http.ResponseWriter, r *http.Request, err error) {
	if !fault.Is(err, fault.Unauthenticated) || framed[r.URL.Path] { // nobody signs in within a frame
		s.fail(w, r, err)
		return
	}
	to := pathSignIn
	if fault.As(err).Code == codeProof {
		to = pathProve
	}
	if next := nextOf(r); next != Prefix {
		to += "?" + FieldNext + "=" + url.QueryEscape(next)
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// nextOf is the page to come back to: the one that was asked for, or the one that a form stood on.
func nextOf(r *http.Request) string {
	if r.Method == http.MethodGet {
		return inConsole(r.URL.RequestURI())
	}
	if from, err := url.Parse(r.Referer()); err == nil && r.Referer() != "" {
		return inConsole(from.RequestURI())
	}
	return Prefix
}

// inConsole is to when that is a path of the console, or its beginning when it is none: nobody is led elsewhere.
func inConsole(to string) string {
	u, err := url.Parse(to)
	if err != nil || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(u.Path, Prefix+"/") || path.Clean(u.Path) != u.Path || strings.ContainsAny(to, "\\\r\n") {
		return Prefix
	}
	for _, door := range []string{pathSignIn, pathSecond, pathSignOut, pathProve} {
		if strings.HasPrefix(u.Path, door) {
			return Prefix
		}
	}
	return u.RequestURI()
}
