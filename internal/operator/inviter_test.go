package operator_test

import (
	"database/sql"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
)

// invites asks somebody into the team, and gives the token of the link.
func (o *office) invites(by *member, email string, role operator.Role) string {
	o.Helper()
	_, err := o.Invite(o.ctx(), here, o.signed(by), operator.InviteRequest{Email: email, Role: role})
	o.ok(err)
	return o.posted("/console/join#")
}

// ended is how often an invitation has ended by its inviter.
func (o *office) ended(t *testing.T, link string, role operator.Role, by string) {
	t.Helper()
	o.later(time.Millisecond) // events are in the order of their times
	before := len(o.events(operator.EventInvitationEnded))
	_, err := o.Accept(o.ctx(), here, link, operator.AcceptRequest{Name: "Mole", Password: password})
	o.fault(err, "invitation_ended", "an invitation by "+by)
	e := o.events(operator.EventInvitationEnded)
	if len(e) != before+1 {
		t.Fatalf("by %s: %d events, had %d", by, len(e), before)
	}
	if last := e[before]; last.Actor != "stranger" || last.RequestID != here.RequestID || o.said(last)["role"] != string(role) {
		t.Errorf("by %s: %+v", by, last)
	}
	_, err = o.Accept(o.ctx(), here, link, operator.AcceptRequest{Name: "Mole", Password: password})
	o.fault(err, "link_invalid", "again, by "+by)
	if got := len(o.events(operator.EventInvitationEnded)); got != before+1 {
		t.Errorf("by %s: trying again left %d events", by, got-before)
	}
}

func TestTeam_an_invitation_ends_with_the_right_of_whoever_made_it(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	zoe, eve := o.hired(ann, "zoe@example.net", operator.Owner), o.hired(ann, "eve@example.net", operator.Admin)
	zoeID, eveID := o.signed(zoe).Operator.ID, o.signed(eve).Operator.ID
	lower := func(to operator.Role) {
		_, err := o.ChangeRole(o.ctx(), here, o.signed(ann), zoeID, to, "")
		o.ok(err)
	}
	toOwner, toAgent := o.invites(zoe, "mole@example.net", operator.Owner), o.invites(zoe, "tom@example.net", operator.Agent)
	lower(operator.Admin)
	o.ended(t, toOwner, operator.Owner, "an owner who is an admin now")
	if v, err := o.Link(o.ctx(), here, toAgent); err != nil || v.Role != operator.Agent {
		t.Errorf("an admin may invite an agent: %+v, %v", v, err)
	}
	lower(operator.Agent)
	_, err := o.Link(o.ctx(), here, toAgent) // looking at it is enough
	o.fault(err, "invitation_ended", "looking at an invitation by an agent")
	_, err = o.Link(o.ctx(), here, toAgent)
	o.fault(err, "link_invalid", "looking again")

	byEve := o.invites(eve, "mole@example.net", operator.Admin)
	_, err = o.Disable(o.ctx(), here, o.signed(ann), eveID)
	o.ok(err)
	if _, err := o.Enable(o.ctx(), here, o.signed(ann), eveID); err != nil {
		t.Fatal(err)
	}
	o.ended(t, byEve, operator.Admin, "somebody who was disabled, and is not any more")
	o.later(time.Millisecond)
	o.signIn(eve)
	byEve = o.invites(eve, "mole@example.net", operator.Admin)
	o.ok(o.Reset(o.ctx(), here, o.signed(ann), eveID))
	step, err := o.Accept(o.ctx(), here, o.posted("/console/reset#"), operator.AcceptRequest{Password: password})
	o.ok(err)
	eve = o.enrolled(eve, step)
	o.ended(t, byEve, operator.Admin, "somebody who was reset, and has a password again")

	byEve = o.invites(eve, "bob@example.net", operator.Admin)
	o.signIn(eve)
	o.accepted("bob@example.net", byEve)
	link, _, err := o.Create(o.ctx(), o.signed(ann).Operator.Tenant, operator.InviteRequest{Email: "new@example.net", Role: operator.Owner})
	o.ok(err)
	_, err = o.Disable(o.ctx(), here, o.signed(ann), eveID)
	o.ok(err)
	o.accepted("new@example.net", link[len(base+"/console/join#"):])
}

func TestTeam_an_invitation_that_has_ended_is_shown_so_replaced_and_not_posted(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	zoe, eve := o.hired(ann, "zoe@example.net", operator.Owner), o.hired(ann, "eve@example.net", operator.Admin)
	o.mail()
	asked := operator.InviteRequest{Email: "mole@example.net", Role: operator.Owner}
	_, err := o.Invite(o.ctx(), here, o.signed(zoe), asked)
	o.ok(err)
	shown := func(want bool) {
		t.Helper()
		_, open, err := o.Team(o.ctx(), o.signed(ann))
		if err != nil || len(open) != 1 || open[0].Ended != want || open[0].Email != asked.Email {
			t.Errorf("%+v, %v, want ended: %v", open, err, want)
		}
	}
	shown(false)
	_, err = o.Disable(o.ctx(), here, o.signed(ann), o.signed(zoe).Operator.ID)
	o.ok(err)
	shown(true)
	if got := o.mail(); len(got) != 0 {
		t.Errorf("posted %v", got)
	}
	asked.Role = operator.Viewer
	_, err = o.Invite(o.ctx(), here, o.signed(eve), asked)
	o.fault(err, "", "an admin puts one in the place of an owner's that has ended")
	shown(false)
}

func TestTeam_an_invitation_that_is_asked_for_twice_is_one(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	zoe := o.hired(ann, "zoe@example.net", operator.Owner)
	o.mail()
	before := len(o.events(operator.EventInvited))
	asked := operator.InviteRequest{Email: "bob@example.net", Role: operator.Agent}
	first, err := o.Invite(o.ctx(), here, o.signed(ann), asked)
	o.ok(err)
	link := o.posted("/console/join#")
	second, err := o.Invite(o.ctx(), here, o.signed(ann), asked) // a second click
	if err != nil || second != first || len(o.mail()) != 1 || len(o.events(operator.EventInvited)) != before+1 {
		t.Errorf("%+v after %+v, %v", second, first, err)
	}
	if _, err := o.Link(o.ctx(), here, link); err != nil {
		t.Errorf("the link of the first: %v", err)
	}
	for _, c := range []struct {
		what  string
		by    *member
		role  operator.Role
		after time.Duration
	}{
		{"by somebody else", zoe, operator.Agent, 0}, {"for another role", zoe, operator.Viewer, 0}, {"later", zoe, operator.Viewer, 30*time.Second + time.Microsecond},
	} {
		o.later(c.after)
		_, err := o.Invite(o.ctx(), here, o.signed(c.by), operator.InviteRequest{Email: asked.Email, Role: c.role})
		o.ok(err)
		if got := o.mail(); len(got) != 1 {
			t.Errorf("%s: posted %v", c.what, got)
		}
	}
}

func TestTeam_a_thousand_with_those_who_are_invited(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	g := o.signed(ann)
	o.ok(o.engine.Write(o.ctx(), func(tx *sql.Tx) error {
		for i := range 998 { // open invitations
			id := uid.New(o.world.time(), uint16(i))
			if _, err := tx.ExecContext(o.ctx(), `INSERT INTO operator_token (kind, tenant, subject, id, hash, created_us, expires_us, body)
				VALUES ('invitation', $1, $2, $2, $2, $3, $4, '{}')`, g.Operator.Tenant[:], id[:], o.world.time().UnixMicro(), o.world.time().Add(time.Hour).UnixMicro()); err != nil {
				return err
			}
		}
		return nil
	}))
	invite := func(email string, role operator.Role) error {
		_, err := o.Invite(o.ctx(), here, g, operator.InviteRequest{Email: email, Role: role})
		return err
	}
	o.ok(invite("last@example.net", operator.Agent))
	o.fault(invite("more@example.net", operator.Agent), "team_full", "one more than a thousand")
	o.ok(invite("last@example.net", operator.Viewer)) // in the place of the one before
	o.later(time.Hour)
	o.signIn(ann)
	g = o.signed(ann)
	o.ok(invite("more@example.net", operator.Agent))
}

// Whoever is disabled at the moment when their invitation is used has made it in time or not: there is no third.
func TestTeam_an_invitation_used_while_its_inviter_is_disabled_is_one_or_the_other(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	eve := o.hired(ann, "eve@example.net", operator.Admin)
	link, g, id := o.invites(eve, "bob@example.net", operator.Agent), o.signed(ann), o.signed(eve).Operator.ID
	var used error
	var wg sync.WaitGroup
	wg.Go(func() {
		_, used = o.Accept(o.ctx(), here, link, operator.AcceptRequest{Name: "Bob", Password: password})
	})
	wg.Go(func() {
		if _, err := o.Disable(o.ctx(), here, g, id); err != nil {
			t.Error(err)
		}
	})
	wg.Wait()
	people, open, err := o.Team(o.ctx(), g)
	o.ok(err)
	if in := len(people) == 3; in != (used == nil) || len(open) != 0 {
		t.Errorf("%d people, %d open invitations, %v", len(people), len(open), used)
	}
}
