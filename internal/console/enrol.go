package console

import (
	"net/http"

	"github.com/countersign/countersign/internal/operator"
)

// Setting up an authenticator is the same page for somebody who must before anything opens and for who does by their own choice.

func (s *Site) showEnrol(w http.ResponseWriter, r *http.Request) { s.drawEnrol(w, r, Frame{}) }

func (s *Site) drawEnrol(w http.ResponseWriter, r *http.Request, frame Frame) {
	e, err := s.Operators.EnrolTOTP(r.Context(), client(r), s.cookie(r, sessionCookie))
	if err != nil {
		s.turnAway(w, r, err)
		return
	}
	v := &Enrol{Frame: frame, Act: s.doorForm(w, r, pathEnrol).once(), QRURL: pathQR, Key: grouped(e.Secret.Reveal()), Account: e.Account}
	if stage, err := s.Operators.Stage(r.Context(), s.cookie(r, sessionCookie)); err == nil && stage == operator.StageOpen {
		v.SkipURL = pathSecurity
	}
	s.write(w, r, http.StatusOK, v)
}

// grouped puts a space after each four characters, as people type them.
func grouped(key string) string {
	var out []byte
	for i := range len(key) {
		if i > 0 && i%4 == 0 {
			out = append(out, ' ')
		}
		out = append(out, key[i])
	}
	return string(out)
}

// qrScale is the size of a module of the picture, in pixels.
const qrScale = 6

// qr is the picture of the key. Like the page it may be seen by the session alone that enrols, and is kept nowhere.
func (s *Site) qr(w http.ResponseWriter, r *http.Request) {
	e, err := s.Operators.EnrolTOTP(r.Context(), client(r), s.cookie(r, sessionCookie))
	if err != nil {
		s.fail(w, r, err)
		return
	}
	picture, err := e.URI.PNG(qrScale)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "image/png")
	_, _ = w.Write(picture) // a browser that is gone needs no picture
}

func (s *Site) enrol(w http.ResponseWriter, r *http.Request) {
	step, codes, err := s.Operators.ConfirmTOTP(r.Context(), client(r), s.cookie(r, sessionCookie), r.PostFormValue(FieldCode))
	if err != nil {
		problems, err := wrong(err, nil)
		if err != nil {
			s.turnAway(w, r, err)
			return
		}
		s.drawEnrol(w, r, Frame{Problems: problems})
		return
	}
	s.setCookie(w, sessionCookie, step.Token.Reveal())
	if codes == nil { // a second click: the answer to the first had them
		s.keepFlash(w, Flash{Said: "enrolled"})
		http.Redirect(w, r, pathSecurity, http.StatusSeeOther)
		return
	}
	s.write(w, r, http.StatusOK, &RecoveryCodes{Codes: codes, NextURL: Prefix})
}
