package console

import (
	"slices"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
)

const (
	pathTeam    = Prefix + "/team"
	pathInvite  = pathTeam + "/invite"
	pathPending = pathTeam + "/invitations" // those that are open
)

// mostRoles is how many changes of one role are looked through for the last one.
const mostRoles = 200

func (s *Site) teamRoutes() []route {
	return slices.Concat([]route{
		{"GET " + pathTeam, AtTeam, operator.SeeTeam, s.team},
		{"GET " + pathInvite, AtTeam, operator.ChangeTeam, s.showInvite},
		{"POST " + pathInvite, AtTeam, operator.ChangeTeam, s.invite},
		{"GET " + pathPending + "/{id}/withdraw", AtTeam, operator.ChangeTeam, s.showWithdraw},
		{"POST " + pathPending + "/{id}/withdraw", AtTeam, operator.ChangeTeam, s.withdraw},
		{"GET " + pathTeam + "/{id}", AtTeam, operator.SeeTeam, s.showMember},
		{"POST " + pathTeam + "/{id}", AtTeam, operator.ChangeTeam, s.changeRole},
	}, s.memberRoutes())
}

func (s *Site) team(v *visit) (View, error) {
	people, open, err := s.Operators.Team(v.ctx(), v.Signed)
	if err != nil {
		return nil, err
	}
	page := &Team{Frame: v.frame(), May: v.May(operator.ChangeTeam)}
	for _, p := range people {
		page.Rows = append(page.Rows, MemberRow{
			URL: memberURL(p.ID), Name: p.Name, Email: p.Email, Role: string(p.Role), State: string(p.State), TOTP: p.TOTP,
			At: p.LastSignInAt, You: p.ID == v.Operator.ID,
		})
	}
	for _, p := range open {
		row := MemberRow{Email: p.Email, Role: string(p.Role), State: "invited", At: p.ExpiresAt}
		if p.Ended {
			row.State = "ended"
		}
		if v.manages(p.Role) {
			row.Withdraw = withdrawURL(p.ID)
		}
		page.Rows = append(page.Rows, row)
	}
	return page, nil
}

func memberURL(id uid.ID) string { return pathTeam + "/" + id.Text(uid.Operator) }

func withdrawURL(id uid.ID) string {
	return pathPending + "/" + id.Text(uid.OperatorLink) + "/withdraw"
}

// manages reports whether the operator may change somebody of a role, or make one: what is offered. The service decides.
func (v *visit) manages(of operator.Role) bool {
	return v.May(operator.ChangeTeam) && (of != operator.Owner || v.May(operator.ChangeOwners))
}

// roles are those that the operator may give.
func (v *visit) roles() (all []string) {
	for _, r := range operator.Roles() {
		if v.manages(r) {
			all = append(all, string(r))
		}
	}
	return all
}

func (s *Site) showInvite(v *visit) (View, error) {
	return v.invitePage("", string(operator.Viewer)), nil
}

func (v *visit) invitePage(email, role string, wrong ...Problem) View {
	return &Invitation{Frame: v.frame(wrong...), Act: v.form(pathInvite), Email: email, Role: role, Roles: v.roles()}
}

func (s *Site) invite(v *visit) (View, error) {
	email, role := v.value(FieldEmail), v.value(FieldRole)
	p, err := s.Operators.Invite(v.ctx(), v.client(), v.Signed, operator.InviteRequest{Email: email, Role: operator.Role(role), Locale: v.Operator.Locale})
	if err != nil {
		problems, err := wrong(err, nil)
		if err != nil {
			return nil, err
		}
		return v.invitePage(email, role, problems...), nil
	}
	return v.leave(pathTeam, Flash{Said: "invited", Object: p.Email})
}

// pending finds the open invitation that the path names.
func (v *visit) pending() (operator.Pending, error) {
	id, err := v.id(uid.OperatorLink, "id")
	if err != nil {
		return operator.Pending{}, err
	}
	_, open, err := v.site.Operators.Team(v.ctx(), v.Signed)
	if err != nil {
		return operator.Pending{}, err
	}
	i := slices.IndexFunc(open, func(p operator.Pending) bool { return p.ID == id })
	if i < 0 {
		return operator.Pending{}, errNothing
	}
	return open[i], nil
}

func (s *Site) showWithdraw(v *visit) (View, error) {
	p, err := v.pending()
	if err != nil {
		return nil, err
	}
	return &Confirm{Frame: v.frame(), What: "withdraw", Object: p.Email, Act: v.form(withdrawURL(p.ID)), BackURL: pathTeam}, nil
}

func (s *Site) withdraw(v *visit) (View, error) {
	p, err := v.pending()
	if err != nil {
		return nil, err
	}
	if err := s.Operators.Withdraw(v.ctx(), v.client(), v.Signed, p.ID); err != nil {
		return nil, err
	}
	return v.leave(pathTeam, Flash{Said: "withdrawn", Object: p.Email})
}

// member finds the operator that the path names: one of the own team.
func (v *visit) member() (operator.Person, error) {
	id, err := v.id(uid.Operator, "id")
	if err != nil {
		return operator.Person{}, err
	}
	people, err := v.site.Operators.People(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return operator.Person{}, err
	}
	i := slices.IndexFunc(people, func(p operator.Person) bool { return p.ID == id })
	if i < 0 {
		return operator.Person{}, errNothing
	}
	return people[i], nil
}

// managed is the member whom the operator acts on: somebody else, whom their role manages.
func (v *visit) managed() (operator.Person, error) {
	p, err := v.member()
	if err == nil && (p.ID == v.Operator.ID || !v.manages(p.Role)) {
		err = errDenied
	}
	return p, err
}

func (s *Site) showMember(v *visit) (View, error) {
	p, err := v.member()
	if err != nil {
		return nil, err
	}
	return v.memberPage(p), nil
}

// memberPage is the window of p.
func (v *visit) memberPage(p operator.Person, wrong ...Problem) View {
	page := &Member{
		Frame: v.frame(wrong...), Name: p.Name, Email: p.Email, Role: string(p.Role), State: string(p.State), Roles: v.roles(), TOTP: p.TOTP,
		You: p.ID == v.Operator.ID, CreatedAt: p.CreatedAt, LastAt: p.LastSignInAt,
	}
	if page.You || !v.manages(p.Role) {
		return page
	}
	url := memberURL(p.ID)
	page.Act, page.EndSessionsURL = v.form(url), url+"/"+actEndSessions
	if p.State == operator.Disabled {
		page.EnableURL, page.EndSessionsURL = url+"/"+actEnable, ""
	} else {
		page.DisableURL, page.ResetURL = url+"/"+actDisable, url+"/"+actReset
	}
	return page
}

func (s *Site) changeRole(v *visit) (View, error) {
	p, err := v.managed()
	if err != nil {
		return nil, err
	}
	was, to := operator.Role(v.posted(FieldWas)), operator.Role(v.value(FieldRole))
	if !was.Valid() {
		return nil, errOutdated
	}
	if _, err := s.Operators.ChangeRole(v.ctx(), v.client(), v.Signed, p.ID, to, was); err != nil {
		if fault.As(err).Code == operator.CodeRoleChanged {
			return v.staleRole(p, to)
		}
		problems, err := wrong(err, nil)
		if err != nil {
			return nil, err
		}
		return v.memberPage(p, problems...), nil
	}
	return v.leave(memberURL(p.ID), Flash{Said: "saved"})
}

// staleRole shows the role that somebody gave p meanwhile beside the one that was sent.
func (v *visit) staleRole(p operator.Person, to operator.Role) (View, error) {
	page := &Stale{Frame: v.frame(), Save: v.form(memberURL(p.ID)), ReloadURL: memberURL(p.ID)}
	who, err := v.names()
	if err != nil {
		return nil, err
	}
	found, err := v.site.AuditLog.BrowseEvents(v.ctx(), audit.Query{Tenant: p.Tenant, Type: operator.EventRoleChanged, Object: p.ID, Page: uid.Page{Limit: mostRoles}})
	if err != nil {
		return nil, err
	}
	if n := len(found.Events); n > 0 { // oldest first
		page.By, page.At = who.of(found.Events[n-1].Actor), found.Events[n-1].At
	}
	page.Carry = []Carried{{FieldRole, string(to)}, {FieldWas, string(p.Role)}}
	page.differ("role", v.site.pages.text("role_"+string(p.Role)), v.site.pages.text("role_"+string(to)))
	return page, nil
}
