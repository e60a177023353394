package operator_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

func TestRoleMatrix_RA_17_ID_55_RA_55(t *testing.T) {
	t.Parallel()
	weakest := map[operator.Role][]operator.Act{
		operator.Viewer: {operator.SeeVerifications, operator.SeeSettings, operator.SeeTeam},
		operator.Agent:  {operator.SendVerification, operator.HelpCustomer, operator.RevealContact},
		operator.Admin: {operator.ChangeChecks, operator.ChangeCustomisation, operator.ChangeServices, operator.SeeKeys, operator.ChangeKeys,
			operator.SeeWebhooks, operator.ChangeWebhooks, operator.UseDeveloper, operator.ChangeTeam, operator.SeeAudit, operator.ExportAudit},
		operator.Owner: {operator.ChangeOwners},
	}
	var seen []operator.Act
	for i, least := range operator.Roles() {
		for _, act := range weakest[least] {
			seen = append(seen, act)
			for j, r := range operator.Roles() {
				if r.May(act) != (j <= i) {
					t.Errorf("%s may %s: %v", r, act, r.May(act))
				}
			}
			if act.Means() == "" {
				t.Errorf("%s means nothing", act)
			}
		}
	}
	all := operator.Acts()
	slices.Sort(all)
	slices.Sort(seen)
	if !slices.Equal(all, seen) {
		t.Errorf("acts %v, tested %v", all, seen)
	}
	for _, r := range []operator.Role{"", "king", "Owner"} {
		if r.May(operator.SeeVerifications) || r.Valid() {
			t.Errorf("%q is a role", r)
		}
	}
	if operator.Owner.May("fly") {
		t.Error("an owner may do what is no act")
	}
}

func TestTeam_an_invitation_is_for_72_hours_once_and_for_a_role(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	o.mail()
	ask := func(email string, role operator.Role) (operator.Pending, error) {
		return o.Invite(o.ctx(), here, o.signed(ann), operator.InviteRequest{Email: email, Role: role, Locale: "de"})
	}
	p, err := ask("Bob@Example.NET", operator.Agent)
	o.ok(err)
	if p.Email != "bob@example.net" || p.ExpiresAt.Sub(p.CreatedAt) != 72*time.Hour {
		t.Errorf("%+v", p)
	}
	first := o.posted("/console/join#")
	if got := o.world.notices[len(o.world.notices)-1]; got.Kind != operator.MailInvitation || got.Locale != "de" || got.Firm != "Acme" || got.To.Value != p.Email {
		t.Errorf("%s %s", got.Kind, got.Locale)
	}
	_, err = ask("bob@example.net", operator.Viewer)
	o.ok(err)
	second := o.posted("/console/join#")
	_, err = o.Link(o.ctx(), here, first)
	o.fault(err, "link_invalid", "the invitation of before")
	if v, err := o.Link(o.ctx(), here, second); err != nil || v.Role != operator.Viewer || v.Email != "bob@example.net" || v.Firm != "Acme" || v.Least != 15 {
		t.Errorf("%+v, %v", v, err)
	}
	_, err = o.Setup(o.ctx(), here, second, annSets)
	o.fault(err, "link_invalid", "a set-up by an invitation")
	o.later(72 * time.Hour)
	_, err = o.Accept(o.ctx(), here, second, operator.AcceptRequest{Name: "Bob", Password: password})
	o.fault(err, "link_invalid", "after 72 hours")

	o.signIn(ann)
	_, err = ask("bob@example.net", operator.Viewer)
	o.ok(err)
	bob := o.accepted("bob@example.net", o.posted("/console/join#"))
	if g := o.signed(bob); g.Operator.Role != operator.Viewer || g.Operator.Locale != "de" || g.Operator.Name != "Bob" {
		t.Errorf("%+v", g.Operator)
	}
	_, err = ask("bob@example.net", operator.Viewer)
	o.fault(err, "email_taken", "somebody of the team")

	p, err = ask("carl@example.net", operator.Agent)
	o.ok(err)
	link := o.posted("/console/join#")
	people, open, err := o.Team(o.ctx(), o.signed(bob))
	if err != nil || len(people) != 2 || people[0].Email != annEmail || len(open) != 1 || open[0] != p {
		t.Errorf("%+v, %+v, %v", people, open, err)
	}
	o.fault(o.Withdraw(o.ctx(), here, o.signed(bob), p.ID), "role_forbids", "a viewer withdraws")
	o.ok(o.Withdraw(o.ctx(), here, o.signed(ann), p.ID))
	_, err = o.Accept(o.ctx(), here, link, operator.AcceptRequest{Name: "Carl", Password: password})
	o.fault(err, "link_invalid", "a withdrawn one")
	o.fault(o.Withdraw(o.ctx(), here, o.signed(ann), p.ID), "link_invalid", "withdrawing twice")
}

func TestTeam_only_owners_make_change_and_reset_owners(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	eve := o.hired(ann, "eve@example.net", operator.Admin)
	bob := o.hired(ann, "bob@example.net", operator.Agent)
	annID, eveID, bobID := o.signed(ann).Operator.ID, o.signed(eve).Operator.ID, o.signed(bob).Operator.ID
	change := func(by *member, whom uid.ID, to operator.Role) error {
		_, err := o.ChangeRole(o.ctx(), here, o.signed(by), whom, to, "")
		return err
	}
	invite := func(by *member, role operator.Role) error {
		_, err := o.Invite(o.ctx(), here, o.signed(by), operator.InviteRequest{Email: string(role) + "@example.net", Role: role})
		return err
	}
	o.fault(invite(eve, operator.Owner), "role_forbids", "an admin invites an owner")
	o.fault(change(eve, bobID, operator.Owner), "role_forbids", "an admin makes an owner")
	o.fault(change(eve, eveID, operator.Owner), "role_forbids", "an admin becomes an owner")
	o.fault(change(eve, annID, operator.Viewer), "role_forbids", "an admin changes an owner")
	_, err := o.Disable(o.ctx(), here, o.signed(eve), annID)
	o.fault(err, "role_forbids", "an admin disables an owner")
	o.fault(o.Reset(o.ctx(), here, o.signed(eve), annID), "role_forbids", "an admin resets an owner")
	o.fault(o.Revoke(o.ctx(), here, o.signed(eve), annID, uid.ID{}), "role_forbids", "an admin ends an owner's sessions")
	o.fault(o.Reset(o.ctx(), here, o.signed(ann), annID), "role_forbids", "an owner resets herself")
	o.fault(invite(bob, operator.Viewer), "role_forbids", "an agent invites")
	o.fault(change(bob, bobID, operator.Admin), "role_forbids", "an agent becomes an admin")
	o.fault(invite(ann, "king"), "role_invalid", "no role")
	o.fault(invite(eve, operator.Admin), "", "an admin invites an admin")
	o.fault(invite(ann, operator.Owner), "", "an owner invites an owner")
	asked := operator.InviteRequest{Email: "owner@example.net", Role: operator.Viewer}
	_, err = o.Invite(o.ctx(), here, o.signed(eve), asked)
	o.fault(err, "role_forbids", "an admin puts an invitation in the place of an owner's")
	_, err = o.Invite(o.ctx(), here, o.signed(ann), asked)
	o.fault(err, "", "an owner does")
	_, err = o.Invite(o.ctx(), here, o.signed(eve), asked)
	o.fault(err, "", "an admin puts one in the place of a viewer's")
	o.fault(change(eve, uid.Random(o.world.time()), operator.Viewer), "operator_not_found", "nobody")

	stale := o.signed(eve) // a request of hers is on its way
	o.fault(change(ann, eveID, operator.Viewer), "", "an owner changes an admin")
	_, err = o.ChangeRole(o.ctx(), here, stale, bobID, operator.Viewer, "")
	o.fault(err, "role_forbids", "with a role of before")
	e := o.events(operator.EventRoleChanged)
	if d := o.said(e[len(e)-1]); d["from"] != "admin" || d["role"] != "viewer" || e[len(e)-1].Actor != "operator:"+annID.Text(uid.Operator) {
		t.Errorf("%+v", d)
	}
}

func TestTeam_a_role_is_changed_from_the_one_that_was_seen(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	bob := o.hired(ann, "bob@example.net", operator.Agent)
	bobID := o.signed(bob).Operator.ID
	change := func(to, was operator.Role) error {
		_, err := o.ChangeRole(o.ctx(), here, o.signed(ann), bobID, to, was)
		return err
	}
	o.fault(change(operator.Viewer, operator.Agent), "", "from the role that he has")
	o.fault(change(operator.Admin, operator.Agent), operator.CodeRoleChanged, "from the one that he had")
	o.fault(change(operator.Agent, operator.Agent), operator.CodeRoleChanged, "an old page, untouched")
	o.fault(change(operator.Viewer, operator.Agent), "", "to the role that he has")
	if p, err := o.People(o.ctx(), o.signed(ann).Operator.Tenant); err != nil || p[1].Role != operator.Viewer {
		t.Errorf("%+v, %v", p, err)
	}
}

func TestTeam_the_last_owner_stays(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	annID := o.signed(ann).Operator.ID
	_, err := o.ChangeRole(o.ctx(), here, o.signed(ann), annID, operator.Admin, "")
	o.fault(err, "last_owner", "stepping down")
	_, err = o.Disable(o.ctx(), here, o.signed(ann), annID)
	o.fault(err, "role_forbids", "disabling herself")
	zoe := o.hired(ann, "zoe@example.net", operator.Owner)
	o.ok(o.Reset(o.ctx(), here, o.signed(zoe), annID)) // nobody can sign in as her now
	_, err = o.ChangeRole(o.ctx(), here, o.signed(zoe), o.signed(zoe).Operator.ID, operator.Viewer, "")
	o.fault(err, "last_owner", "while the other owner can't sign in")
	step, err := o.Accept(o.ctx(), here, o.posted("/console/reset#"), operator.AcceptRequest{Password: password})
	o.ok(err)
	ann = o.enrolled(ann, step)
	_, err = o.ChangeRole(o.ctx(), here, o.signed(zoe), o.signed(zoe).Operator.ID, operator.Viewer, "")
	o.ok(err)
	p, err := o.Disable(o.ctx(), here, o.signed(ann), o.signed(o.again(zoe)).Operator.ID)
	if err != nil || p.State != operator.Disabled {
		t.Errorf("%+v, %v", p, err)
	}
	p, err = o.Enable(o.ctx(), here, o.signed(ann), p.ID)
	if err != nil || p.State != operator.Active {
		t.Errorf("%+v, %v", p, err)
	}
	o.signIn(zoe)
}

// again signs m in.
func (o *office) again(m *member) *member {
	o.signIn(m)
	return m
}

func TestTeam_another_tenants_people_are_not_there(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	link, _, err := o.Create(o.ctx(), o.founded("Other"), operator.InviteRequest{Email: "max@example.org", Role: operator.Owner})
	o.ok(err)
	max := o.accepted("max@example.org", strings.TrimPrefix(link, base+"/console/join#"))
	annID, g := o.signed(ann).Operator.ID, o.signed(max)
	_, err = o.Disable(o.ctx(), here, g, annID)
	o.fault(err, "operator_not_found", "disabling")
	_, err = o.ChangeRole(o.ctx(), here, g, annID, operator.Viewer, "")
	o.fault(err, "operator_not_found", "another role")
	o.fault(o.Reset(o.ctx(), here, g, annID), "operator_not_found", "a reset")
	o.fault(o.Revoke(o.ctx(), here, g, annID, uid.ID{}), "operator_not_found", "ending sessions")
	people, _, err := o.Team(o.ctx(), g)
	if err != nil || len(people) != 1 {
		t.Errorf("%d people, %v", len(people), err)
	}
	// An address of another team can be invited, and only its holder is told.
	_, err = o.Invite(o.ctx(), here, g, operator.InviteRequest{Email: annEmail, Role: operator.Agent})
	o.ok(err)
	_, err = o.Accept(o.ctx(), here, o.posted("/console/join#"), operator.AcceptRequest{Name: "Ann", Password: password})
	o.fault(err, "email_taken", "accepting with an address of another team")
	o.signed(ann)
}

func TestRA_29_a_contact_of_the_team_is_known(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	g := o.signed(ann)
	other := o.founded("Other")
	for contact, want := range map[string]bool{annEmail: true, " ANN@example.net": true, "bob@example.net": false, "+12025550123": false, "": false} {
		if is, err := o.IsOperators(o.ctx(), g.Operator.Tenant, contact); err != nil || is != want {
			t.Errorf("%q: %v, %v", contact, is, err)
		}
	}
	if is, err := o.IsOperators(o.ctx(), other, annEmail); err != nil || is {
		t.Errorf("of another tenant: %v, %v", is, err)
	}
	o.ok(o.ConfirmContact(o.ctx(), here, g))
	if e := o.events(operator.EventContactOwn); len(e) != 1 || e[0].RequestID != here.RequestID {
		t.Errorf("%+v", e)
	}
	o.ok(o.ExportLog(o.ctx(), here, g, operator.LogPart{}))
	o.ok(o.ExportLog(o.ctx(), here, g, operator.LogPart{Entry: "evt_1", From: "2026-04-01"}))
	e := o.events(operator.EventLogExported)
	slices.SortFunc(e, func(a, b audit.Event) int { return len(a.Data) - len(b.Data) }) // both are of one moment
	if len(e) != 2 || e[0].Tenant != g.Operator.Tenant || e[0].RequestID != here.RequestID || string(e[0].Data) != "{}" ||
		string(e[1].Data) != `{"part":{"entry":"evt_1","from":"2026-04-01"}}` {
		t.Errorf("%+v", e)
	}
}

func TestRA_17_all_owners_are_told_of_a_loosened_setting(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	zoe := o.hired(ann, "zoe@example.net", operator.Owner)
	o.hired(ann, "eve@example.net", operator.Admin)
	off := o.hired(ann, "off@example.net", operator.Owner)
	_, err := o.Disable(o.ctx(), here, o.signed(zoe), o.signed(off).Operator.ID)
	o.ok(err)
	of := o.signed(ann).Operator.Tenant
	if got, err := o.Owners(o.ctx(), of); err != nil || !slices.Equal(got, []string{annEmail, zoe.email}) {
		t.Errorf("%v, %v", got, err)
	}
	o.mail()
	o.ok(o.db.Record(o.ctx(), outbox.Effects{Jobs: operator.Loosened(of, "operator:"+o.signed(ann).Operator.ID.Text(uid.Operator),
		[]policy.Loosening{{Setting: "mobile_2fa", From: "yes_required", To: "no_optional"}}, o.world.time())}))
	got := o.mail()
	slices.Sort(got)
	if !slices.Equal(got, []string{operator.MailLoosened + " " + annEmail, operator.MailLoosened + " " + zoe.email}) {
		t.Errorf("posted %v", got)
	}
	told := func(jobs []outbox.Job) delivery.Loosened {
		t.Helper()
		o.ok(o.db.Record(o.ctx(), outbox.Effects{Jobs: jobs}))
		o.work()
		l := o.world.notices[len(o.world.notices)-1].Loosened
		if o.world.notices = nil; !l.At.Equal(o.world.time()) || len(l.What) != 1 {
			t.Errorf("told of %+v", l)
		}
		return l
	}
	what := []policy.Loosening{{Setting: "mobile_2fa", From: "yes_required", To: "no_optional"}}
	if l := told(operator.Loosened(of, "operator:"+o.signed(ann).Operator.ID.Text(uid.Operator), what, o.world.time())); l.By != "Ann Bee" || l.What[0] != what[0] {
		t.Errorf("by an operator: %+v", l)
	}
	if l := told(operator.Loosened(of, "key:key_1", what, o.world.time())); l.By != "key:key_1" {
		t.Errorf("by a key: %+v", l)
	}
}

func TestCaller_an_operator_is_one_for_every_service(t *testing.T) {
	t.Parallel()
	o := setup(t)
	g := o.signed(o.ann())
	c := g.Caller("req_9")
	want := "operator:" + g.Operator.ID.Text(uid.Operator)
	if c.Actor != want || c.Tenant != g.Operator.Tenant || c.Directory().Actor != want || c.Directory().RequestID != "req_9" || c.Webhooks().Actor != want ||
		verify.Caller(c).Actor != want || factor.Caller(c).RequestID != "req_9" || !strings.HasPrefix(want, "operator:opr_") {
		t.Errorf("%+v", c)
	}
}
