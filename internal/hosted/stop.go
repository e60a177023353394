package hosted

import (
	"net/http"

	"github.com/countersign/countersign/internal/invite"
)

// showStop asks whether the customer wants to give up, as long as there is something to be given up.
func (s *Site) showStop(w http.ResponseWriter, r *http.Request, f *filler) {
	if !f.page.CanLeave {
		toHub(w, r, f)
		return
	}
	s.write(w, r, http.StatusOK, f.stopView())
}

// stopView is a question aside, and no step.
func (f *filler) stopView() *Stop {
	v := &Stop{Frame: f.frame(), Give: f.form(pathStop, ""), StayURL: f.hub}
	v.StopURL, v.Steps = "", 0
	return v
}

// stop ends the invitation for its customer. The hub says where that leads.
func (s *Site) stop(w http.ResponseWriter, r *http.Request, v invite.Visit, _ string) {
	if _, err := s.invitations.Leave(r.Context(), v); err != nil {
		s.refuse(w, r, v, err)
		return
	}
	http.Redirect(w, r, hubOf(v.ID), http.StatusSeeOther)
}
