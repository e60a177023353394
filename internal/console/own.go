package console

import (
	"github.com/countersign/countersign/internal/fault"
)

// pathSecurity is where an operator changes what they sign in with.
const pathSecurity = Prefix + "/profile/security"

// signingOut is the one way that is open to operators of a suspended firm.
const signingOut = "POST " + pathSignOut

// ownRoutes are what everybody does who is signed in.
func (s *Site) ownRoutes() []route {
	return []route{
		{signingOut, AtProfile, "", s.signOut},
		{"GET " + pathProve, AtProfile, "", s.showProve},
		{"POST " + pathProve, AtProfile, "", s.prove},
	}
}

func (s *Site) signOut(v *visit) (View, error) {
	if err := s.Operators.SignOut(v.ctx(), v.client(), v.token); err != nil {
		return nil, err
	}
	s.setCookie(v.w, sessionCookie, "")
	return v.leave(pathSignIn, Flash{Said: "signed_out"})
}

// showProve asks once more who sits there, before something that wants it fresh.
func (s *Site) showProve(v *visit) (View, error) { return s.provePage(v), nil }

func (s *Site) provePage(v *visit, problems ...Problem) View {
	next := inConsole(v.value(FieldNext))
	return &Prove{Frame: v.frame(problems...), Act: v.form(pathProve).once(), Coded: v.Operator.TOTP, Next: trim(next), BackURL: next}
}

func (s *Site) prove(v *visit) (View, error) {
	step, err := s.Operators.Prove(v.ctx(), v.client(), v.token, v.r.PostFormValue(FieldPassword), v.r.PostFormValue(FieldCode))
	if err != nil && fault.As(err).Code == codeSignInFailed {
		wrong := Problem{Field: FieldPassword, Message: textNotYours}
		if v.Operator.TOTP { // which of the two was wrong is not told
			wrong = Problem{Message: "That did not work. Check your password and the code."}
		}
		return s.provePage(v, wrong), nil
	}
	if err != nil {
		problems, err := wrong(err, nil)
		if err != nil {
			return nil, err
		}
		return s.provePage(v, problems...), nil
	}
	s.setCookie(v.w, sessionCookie, step.Token.Reveal())
	return v.leave(inConsole(v.value(FieldNext)), Flash{})
}
