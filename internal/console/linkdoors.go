package console

import (
	"net/http"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
)

// linkDoor is where a link leads that came by e-mail, or stood on the server's terminal. Its secret stands behind #, which a browser
// sends to nobody: it comes with the form.
type linkDoor struct {
	path string
	kind operator.LinkKind
}

var linkDoors = map[string]linkDoor{
	pathSetup: {pathSetup, operator.LinkSetup},
	pathJoin:  {pathJoin, operator.LinkInvitation},
	pathReset: {pathReset, operator.LinkReset},
}

func (s *Site) showLink(l linkDoor) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { s.askLink(w, r, l, Frame{}) }
}

// askLink asks for the secret, where it can still be used for anything. A set-up asks for everything at once.
func (s *Site) askLink(w http.ResponseWriter, r *http.Request, l linkDoor, frame Frame) {
	if l.kind == operator.LinkSetup {
		switch fresh, err := s.Operators.NeedsSetup(r.Context()); {
		case err != nil:
			s.fail(w, r, err)
			return
		case !fresh:
			s.write(w, r, http.StatusGone, &SetupDone{})
			return
		}
	}
	s.write(w, r, http.StatusOK, &OpenLink{Frame: frame, Act: s.doorForm(w, r, l.path), Kind: string(l.kind)})
}

// link takes the secret alone, and shows what is asked for; or the secret with the answers.
func (s *Site) link(l linkDoor) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		token := r.PostFormValue(FieldLink)
		view, err := s.Operators.Link(r.Context(), client(r), token)
		if err == nil && view.Kind != l.kind {
			err = errNothing
		}
		answered := r.PostForm.Has(FieldPassword)
		if err != nil && !(answered && fault.As(err).Code == codeNoLink) { // which may be a second click on what has used the link
			s.refuseLink(w, r, l, err)
			return
		}
		if !answered {
			s.write(w, r, http.StatusOK, s.linkPage(w, r, l, view, Frame{}))
			return
		}
		s.takeLink(w, r, l, view)
	}
}

// textLinkInvalid is all that is told of a link that leads nowhere.
const textLinkInvalid = "This link is not valid any more. If you have chosen a password already, sign in with it. Otherwise ask whoever sent you the link for a new one; for the first owner of a server, start the server again and use the link that it prints."

// The faults of a link that leads nowhere, and of an invitation that whoever made it may not make any more: its holder is told so.
const (
	codeNoLink          = "link_invalid"
	codeInvitationEnded = "invitation_ended"
)

// refuseLink says that a link leads nowhere.
func (s *Site) refuseLink(w http.ResponseWriter, r *http.Request, l linkDoor, err error) {
	f := fault.As(err)
	if f.Kind != fault.NotFound {
		s.fail(w, r, err)
		return
	}
	p := Problem{Field: FieldLink, Message: textLinkInvalid}
	if f.Code == codeInvitationEnded {
		p.Message = f.Message
	}
	s.askLink(w, r, l, Frame{Problems: []Problem{p}})
}

func (s *Site) takeLink(w http.ResponseWriter, r *http.Request, l linkDoor, view operator.LinkView) {
	var step operator.Step
	var err error
	password := r.PostFormValue(FieldPassword)
	if l.kind == operator.LinkSetup {
		step, err = s.Operators.Setup(r.Context(), client(r), r.PostFormValue(FieldLink), operator.SetupRequest{
			Firm: r.PostFormValue(FieldFirm), Email: r.PostFormValue(FieldEmail), Name: r.PostFormValue(FieldName), Password: password,
		})
	} else {
		step, err = s.Operators.Accept(r.Context(), client(r), r.PostFormValue(FieldLink), operator.AcceptRequest{
			Name: r.PostFormValue(FieldName), Password: password,
		})
	}
	switch {
	case fault.Is(err, fault.NotFound): // it ended while the page was open
		s.refuseLink(w, r, l, err)
		return
	case err != nil:
		s.again(w, r, err, func(f Frame) View { return s.linkPage(w, r, l, view, f) })
		return
	}
	s.proceed(w, r, step)
}

// linkPage asks for what the link is for.
func (s *Site) linkPage(w http.ResponseWriter, r *http.Request, l linkDoor, view operator.LinkView, frame Frame) View {
	act, token := s.doorForm(w, r, l.path).once(), r.PostFormValue(FieldLink)
	switch l.kind {
	case operator.LinkSetup:
		return &Setup{
			Frame: frame, Act: act, Link: token, Least: view.Least,
			Firm: r.PostFormValue(FieldFirm), Email: r.PostFormValue(FieldEmail), Name: r.PostFormValue(FieldName),
		}
	case operator.LinkReset:
		return &SetPassword{Frame: frame, Act: act, Link: token, Email: view.Email, Least: view.Least}
	}
	return &Join{
		Frame: frame, Act: act, Link: token, Least: view.Least,
		Firm: view.Firm, Email: view.Email, Role: string(view.Role), Name: r.PostFormValue(FieldName),
	}
}
