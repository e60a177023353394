package hosted

import (
	"crypto/subtle"
	"encoding/base64"
	"net/http"
	"strings"

	"github.com/countersign/countersign/internal/fault"
)

// A form's token says what the form was drawn for, and proves that it was drawn here for this session: what.mac, where the mac is
// over the session, the path that the form is sent to (and so the invitation and the form), and what. It tells of forms
// that another site or another session made, beside the check of the origin, which old browsers do not give.
//
// What stands in it: for a request for a code how many were asked for before, so that a form that is sent twice asks once; for
// consent which text was shown in which language.

// maxFormToken is longer than any token, in bytes.
const maxFormToken = 256

var errStale = fault.New(fault.Conflict, "form_stale", "This page was out of date. Nothing was sent. Go on from the step that is due.")

// sign makes the token of a form that is sent to path.
func (s *Site) sign(cookie, path, what string) string {
	mac := s.mac([]byte(cookie), []byte(path), []byte(what))
	return what + "." + base64.RawURLEncoding.EncodeToString(mac[:])
}

// signed is what a form's token says, or errStale.
func (s *Site) signed(cookie string, r *http.Request) (what string, err error) {
	token := r.PostForm.Get(FieldToken)
	dot := strings.LastIndexByte(token, '.')
	if dot < 0 || len(token) > maxFormToken {
		return "", errStale
	}
	want := s.sign(cookie, r.URL.Path, token[:dot])
	if subtle.ConstantTimeCompare([]byte(want), []byte(token)) != 1 {
		return "", errStale
	}
	return token[:dot], nil
}
