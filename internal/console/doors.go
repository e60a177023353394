package console

import (
	"context"
	"net/http"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
)

// Operators is what the doors and the pages about people ask of operator.Service.
type Operators interface {
	SignIn(ctx context.Context, c operator.Client, email, password string) (operator.Step, error)
	SecondFactor(ctx context.Context, c operator.Client, token, code string) (operator.Step, error)
	Prove(ctx context.Context, c operator.Client, token, password, code string) (operator.Step, error)
	SignOut(ctx context.Context, c operator.Client, token string) error
	Resume(ctx context.Context, c operator.Client, token string) (operator.Step, error)
	Session(ctx context.Context, token string) (operator.Signed, error)
	Glance(ctx context.Context, token string) (operator.Signed, error)
	Stage(ctx context.Context, token string) (operator.Stage, error)
	NeedsSetup(ctx context.Context) (bool, error)
	Link(ctx context.Context, c operator.Client, token string) (operator.LinkView, error)
	Setup(ctx context.Context, c operator.Client, token string, r operator.SetupRequest) (operator.Step, error)
	Accept(ctx context.Context, c operator.Client, token string, r operator.AcceptRequest) (operator.Step, error)
	EnrolTOTP(ctx context.Context, c operator.Client, token string) (operator.Enrolment, error)
	ConfirmTOTP(ctx context.Context, c operator.Client, token, code string) (operator.Step, []string, error)
	RecoveryCodes(ctx context.Context, c operator.Client, token string) ([]string, error)

	Sessions(ctx context.Context, g operator.Signed) ([]operator.SessionView, error)
	Revoke(ctx context.Context, c operator.Client, g operator.Signed, operator, session uid.ID) error
	ChangePassword(ctx context.Context, c operator.Client, token, old, fresh string) (operator.Step, error)
	ChangeProfile(ctx context.Context, c operator.Client, g operator.Signed, name, locale string) (operator.Person, error)

	People(ctx context.Context, t uid.Tenant) ([]operator.Person, error)
	Team(ctx context.Context, g operator.Signed) ([]operator.Person, []operator.Pending, error)
	Invite(ctx context.Context, c operator.Client, g operator.Signed, r operator.InviteRequest) (operator.Pending, error)
	Withdraw(ctx context.Context, c operator.Client, g operator.Signed, invitation uid.ID) error
	ChangeRole(ctx context.Context, c operator.Client, g operator.Signed, operator uid.ID, to, was operator.Role) (operator.Person, error)
	Disable(ctx context.Context, c operator.Client, g operator.Signed, operator uid.ID) (operator.Person, error)
	Enable(ctx context.Context, c operator.Client, g operator.Signed, operator uid.ID) (operator.Person, error)
	Reset(ctx context.Context, c operator.Client, g operator.Signed, operator uid.ID) error

	ExportLog(ctx context.Context, c operator.Client, g operator.Signed, part operator.LogPart) error
	IsOperators(ctx context.Context, t uid.Tenant, contact string) (bool, error)
	ConfirmContact(ctx context.Context, c operator.Client, g operator.Signed) error
}

// The paths of the doors.
const (
	pathSignIn  = Prefix + "/sign-in"
	pathSecond  = Prefix + "/second-factor"
	pathSignOut = Prefix + "/sign-out"
	pathProve   = Prefix + "/prove"
	pathSetup   = Prefix + "/setup"
	pathJoin    = Prefix + "/join"
	pathReset   = Prefix + "/reset"
	pathEnrol   = Prefix + "/enrol"
	pathQR      = pathEnrol + "/qr.png"
)

// doors are the ways in: what is answered to somebody who is not signed in, or not yet.
func (s *Site) doors() {
	show := func(path string, page http.HandlerFunc) { s.mux.HandleFunc("GET "+path, hasty(page)) }
	take := func(path string, form http.HandlerFunc) { s.mux.HandleFunc("POST "+path, hasty(s.door(form))) }
	show(pathSignIn, s.showSignIn)
	take(pathSignIn, s.signIn)
	show(pathSecond, s.showSecond)
	take(pathSecond, s.second)
	show(pathEnrol, s.showEnrol)
	take(pathEnrol, s.enrol)
	show(pathQR, s.qr)
	for path, l := range linkDoors {
		show(path, s.showLink(l))
		take(path, s.link(l))
	}
}

// doorTime is how long all of a request at a door may wait for the database and for its turn: who wants to come in is told soon that it
// can't be now.
const doorTime = 4 * time.Second

// hasty gives a request at a door its time.
func hasty(door http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, stop := context.WithTimeout(r.Context(), doorTime)
		defer stop()
		door(w, r.WithContext(ctx))
	}
}

// door is a form that somebody sends who is not signed in: from our own origin, drawn for this browser.
func (s *Site) door(take http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		err := s.readForm(w, r)
		if err == nil {
			err = s.signed(r, s.cookie(r, doorCookie))
		}
		if err != nil {
			s.fail(w, r, err)
			return
		}
		take(w, r)
	}
}

// doorForm is a form that this browser may send to action.
func (s *Site) doorForm(w http.ResponseWriter, r *http.Request, action string) Form {
	return Form{Action: action, Token: s.sign(s.doorKey(w, r), action)}
}

// proceed gives the browser the session's new token, and leads to what is due.
func (s *Site) proceed(w http.ResponseWriter, r *http.Request, step operator.Step) {
	s.setCookie(w, sessionCookie, step.Token.Reveal())
	next := inConsole(r.FormValue(FieldNext))
	to := next
	switch step.Stage {
	case operator.StageSecond:
		to = with(pathSecond, FieldNext, trim(next))
	case operator.StageEnrol:
		to = pathEnrol
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// trim leaves out a next page that goes without saying.
func trim(next string) string {
	if next == Prefix {
		return ""
	}
	return next
}

// showSignIn also leads on who is signed in already, and to the set-up where nobody can sign in yet.
func (s *Site) showSignIn(w http.ResponseWriter, r *http.Request) {
	next := inConsole(r.FormValue(FieldNext))
	if _, err := s.Operators.Session(r.Context(), s.cookie(r, sessionCookie)); err == nil {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	fresh, err := s.Operators.NeedsSetup(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	if fresh {
		http.Redirect(w, r, pathSetup, http.StatusSeeOther)
		return
	}
	s.write(w, r, http.StatusOK, &SignIn{
		Frame: Frame{Flash: s.takeFlash(w, r)}, Act: s.doorForm(w, r, pathSignIn).once(), Next: trim(next),
	})
}

func (s *Site) signIn(w http.ResponseWriter, r *http.Request) {
	email := r.PostFormValue(FieldEmail)
	step, err := s.Operators.SignIn(r.Context(), client(r), email, r.PostFormValue(FieldPassword))
	// Whoever sat here before is gone, also when it is the same person; not so what a first click has just led to.
	if old := s.cookie(r, sessionCookie); old != "" && old != step.Token.Reveal() {
		if err := s.Operators.SignOut(r.Context(), client(r), old); err != nil {
			s.fail(w, r, err)
			return
		}
	}
	if err != nil {
		s.again(w, r, err, func(f Frame) View {
			return &SignIn{Frame: f, Act: s.doorForm(w, r, pathSignIn).once(), Email: email, Next: trim(inConsole(r.FormValue(FieldNext)))}
		})
		return
	}
	s.proceed(w, r, step)
}

// again shows a door's page once more with what was wrong; what nobody can repair there has a page of its own.
func (s *Site) again(w http.ResponseWriter, r *http.Request, err error, view func(Frame) View) {
	problems, err := wrong(err, nil)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	s.write(w, r, http.StatusOK, view(Frame{Problems: problems}))
}

func (s *Site) secondPage(w http.ResponseWriter, r *http.Request, f Frame) View {
	return &SecondFactor{
		Frame: f, Act: s.doorForm(w, r, pathSecond).once(), Next: trim(inConsole(r.FormValue(FieldNext))), StartURL: pathSignIn,
	}
}

func (s *Site) showSecond(w http.ResponseWriter, r *http.Request) {
	stage, err := s.Operators.Stage(r.Context(), s.cookie(r, sessionCookie))
	if err != nil || stage != operator.StageSecond {
		s.elsewhere(w, r, stage, err)
		return
	}
	s.write(w, r, http.StatusOK, s.secondPage(w, r, Frame{}))
}

// elsewhere leads somebody who is not at this step to the step where they are.
func (s *Site) elsewhere(w http.ResponseWriter, r *http.Request, stage operator.Stage, err error) {
	switch {
	case fault.Is(err, fault.Unauthenticated):
		http.Redirect(w, r, pathSignIn, http.StatusSeeOther)
	case err != nil:
		s.fail(w, r, err)
	case stage == operator.StageSecond:
		http.Redirect(w, r, pathSecond, http.StatusSeeOther)
	case stage == operator.StageEnrol:
		http.Redirect(w, r, pathEnrol, http.StatusSeeOther)
	default:
		http.Redirect(w, r, Prefix, http.StatusSeeOther)
	}
}

func (s *Site) second(w http.ResponseWriter, r *http.Request) {
	step, err := s.Operators.SecondFactor(r.Context(), client(r), s.cookie(r, sessionCookie), r.PostFormValue(FieldCode))
	switch f := fault.As(err); {
	case err == nil:
		s.proceed(w, r, step)
	case f.Code == codeSignInFailed:
		s.write(w, r, http.StatusOK, s.secondPage(w, r, Frame{Problems: []Problem{{Field: FieldCode, Message: f.Message}}}))
	case f.Kind == fault.Unauthenticated: // a second click, after what the first has led to was ended
		http.Redirect(w, r, pathSignIn, http.StatusSeeOther)
	default:
		s.again(w, r, err, func(f Frame) View { return s.secondPage(w, r, f) })
	}
}

// codeSignInFailed is the fault of a second step that was wrong, whatever was wrong of it or before it.
const codeSignInFailed = "sign_in_failed"
