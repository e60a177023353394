package console

import (
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
)

// The acts on somebody of the team, as they end a path.
const (
	actDisable     = "disable"
	actEnable      = "enable"
	actReset       = "reset"
	actEndSessions = "end-sessions"
)

// memberAct is something that is done to somebody of the team after it was asked whether it is meant.
type memberAct struct {
	path string // ending of it
	what string // of the page that asks
	said string // afterwards
	mild bool
	do   func(v *visit, id uid.ID) error
}

func (s *Site) memberActs() []memberAct {
	return []memberAct{
		{actDisable, "disable", "disabled", false, func(v *visit, id uid.ID) error {
			_, err := s.Operators.Disable(v.ctx(), v.client(), v.Signed, id)
			return err
		}},
		{actEnable, "enable", "enabled", true, func(v *visit, id uid.ID) error {
			_, err := s.Operators.Enable(v.ctx(), v.client(), v.Signed, id)
			return err
		}},
		{actReset, "reset", "reset", false, func(v *visit, id uid.ID) error {
			return s.Operators.Reset(v.ctx(), v.client(), v.Signed, id)
		}},
		{actEndSessions, "end_member", "member_ended", false, func(v *visit, id uid.ID) error {
			return s.Operators.Revoke(v.ctx(), v.client(), v.Signed, id, uid.ID{})
		}},
	}
}

func (s *Site) memberRoutes() (all []route) {
	for _, a := range s.memberActs() {
		at := pathTeam + "/{id}/" + a.path
		all = append(all,
			route{"GET " + at, AtTeam, operator.ChangeTeam, func(v *visit) (View, error) {
				p, err := v.managed()
				if err != nil {
					return nil, err
				}
				return v.askMember(a, p), nil
			}},
			route{"POST " + at, AtTeam, operator.ChangeTeam, func(v *visit) (View, error) { return v.doMember(a) }},
		)
	}
	return all
}

func (v *visit) askMember(a memberAct, p operator.Person, wrong ...Problem) View {
	url := memberURL(p.ID)
	return &Confirm{Frame: v.frame(wrong...), What: a.what, Object: called(p), Act: v.form(url + "/" + a.path), Mild: a.mild, BackURL: url}
}

func (v *visit) doMember(a memberAct) (View, error) {
	p, err := v.managed()
	if err != nil {
		return nil, err
	}
	if err := a.do(v, p.ID); err != nil {
		problems, err := wrong(err, nil)
		if err != nil {
			return nil, err
		}
		return v.askMember(a, p, problems...), nil
	}
	return v.leave(memberURL(p.ID), Flash{Said: a.said, Object: called(p)})
}
