package operator_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
)

func TestSEC_70_every_step_gives_a_new_token_and_the_one_before_is_dead(t *testing.T) {
	t.Parallel()
	o := setup(t)
	first, err := o.Setup(o.ctx(), here, o.offered(), annSets)
	o.ok(err)
	m := o.enrolled(&member{email: annEmail, password: password}, first)
	seen := []string{first.Token.Reveal(), m.token}
	next := func(step operator.Step, err error) string {
		t.Helper()
		o.ok(err)
		before := seen[len(seen)-1]
		if _, err := o.Stage(o.ctx(), before); err == nil {
			t.Error("the token of the step before is alive")
		}
		for _, other := range seen {
			if other == step.Token.Reveal() {
				t.Error("a token came again")
			}
		}
		if len(step.Token.Reveal()) != 43 {
			t.Errorf("a token of %d characters, want 256 bits", len(step.Token.Reveal()))
		}
		seen = append(seen, step.Token.Reveal())
		return step.Token.Reveal()
	}
	if _, err := o.Stage(o.ctx(), first.Token.Reveal()); err == nil {
		t.Error("the token of the enrolment is alive")
	}
	next(o.Prove(o.ctx(), here, m.token, m.password, o.shows(m)))
	next(o.ChangePassword(o.ctx(), here, seen[len(seen)-1], m.password, "another pass for all of it"))
	m.password = "another pass for all of it"
	step, err := o.SignIn(o.ctx(), here, m.email, m.password)
	o.ok(err)
	seen = append(seen, step.Token.Reveal())
	next(o.SecondFactor(o.ctx(), here, step.Token.Reveal(), o.shows(m)))
	if got := fmt.Sprintf("%v %+v %#v %s", step, step, step, step.Token); len(got) > 0 {
		for _, token := range seen {
			if strings.Contains(got, token) {
				t.Error("a token is printed")
			}
		}
	}
}

func TestSEC_71_a_session_ends_an_hour_after_its_last_use_and_a_day_after_its_first(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	idle := *m
	o.later(time.Hour - time.Microsecond)
	o.signed(m)
	o.later(time.Hour)
	_, err := o.Session(o.ctx(), idle.token)
	o.fault(err, "session_ended", "an hour after its last use")

	o.signIn(m)
	start := o.signed(m).Session.CreatedAt
	for o.world.time().Before(start.Add(24*time.Hour - 50*time.Minute)) {
		o.signed(m)
		o.later(50 * time.Minute)
	}
	o.signed(m)
	o.later(start.Add(24*time.Hour - time.Microsecond).Sub(o.world.time()))
	o.signed(m)
	o.later(time.Microsecond)
	_, err = o.Session(o.ctx(), m.token)
	o.fault(err, "session_ended", "a day after its first use")
	o.ok(o.Sweep(o.ctx()))
	list, err := o.Sessions(o.ctx(), operator.Signed{Operator: operator.Person{}})
	o.ok(err)
	if len(list) != 0 {
		t.Errorf("%d sessions", len(list))
	}
}

func TestSEC_71_a_page_that_keeps_itself_up_to_date_is_no_use_of_a_session(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	seen := o.signed(m).Session.SeenAt
	for range 5 {
		o.later(10 * time.Minute)
		g, err := o.Glance(o.ctx(), m.token)
		o.ok(err)
		if !g.Session.SeenAt.Equal(seen) || g.Operator.Email != m.email {
			t.Errorf("%+v", g)
		}
	}
	o.later(10 * time.Minute)
	_, err := o.Glance(o.ctx(), m.token)
	o.fault(err, "session_ended", "an hour after its last use")
}

func TestSEC_59_the_secret_of_an_enrolment_is_for_the_session_that_began_it(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	thief := *m
	o.signIn(&thief)
	seen, err := o.EnrolTOTP(o.ctx(), here, thief.token)
	o.ok(err)
	o.signIn(m)
	step, err := o.ChangePassword(o.ctx(), here, m.token, m.password, "walnut bicycle lantern") // the other one is out
	o.ok(err)
	m.token, m.password = step.Token.Reveal(), "walnut bicycle lantern"
	_, _, err = o.ConfirmTOTP(o.ctx(), here, m.token, o.shows(&member{app: seen.Secret}))
	o.fault(err, "enrolment_over", "a secret that another session began")
	own, err := o.EnrolTOTP(o.ctx(), here, m.token)
	o.ok(err)
	if own.Secret.Reveal() == seen.Secret.Reveal() {
		t.Error("the secret that another session saw is given out")
	}
	again, err := o.EnrolTOTP(o.ctx(), here, m.token)
	o.ok(err)
	if own.Secret.Reveal() != again.Secret.Reveal() {
		t.Error("the page of the session gives another secret each time")
	}
}

func TestSEC_72_an_end_is_an_end_on_every_node_at_once(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(o *office, ann, bob *member) error{
		"signing out": func(o *office, _, bob *member) error { return o.SignOut(o.ctx(), here, bob.token) },
		"disabling": func(o *office, ann, bob *member) error {
			_, err := o.Disable(o.ctx(), here, o.signed(ann), o.signed(bob).Operator.ID)
			return err
		},
		"another role": func(o *office, ann, bob *member) error {
			_, err := o.ChangeRole(o.ctx(), here, o.signed(ann), o.signed(bob).Operator.ID, operator.Viewer, "")
			return err
		},
		"a reset": func(o *office, ann, bob *member) error {
			return o.Reset(o.ctx(), here, o.signed(ann), o.signed(bob).Operator.ID)
		},
		"a reset on the machine": func(o *office, _, bob *member) error {
			_, _, _, err := o.ResetByID(o.ctx(), o.signed(bob).Operator.ID)
			return err
		},
		"an admin": func(o *office, ann, bob *member) error {
			return o.Revoke(o.ctx(), here, o.signed(ann), o.signed(bob).Operator.ID, uid.ID{})
		},
		"another password": func(o *office, _, bob *member) error {
			other := *bob
			o.signIn(&other)
			_, err := o.ChangePassword(o.ctx(), here, other.token, bob.password, "another pass for all of it")
			return err
		},
		"another authenticator": func(o *office, _, bob *member) error {
			other := *bob
			o.signIn(&other)
			o.enrolled(&other, operator.Step{Token: token(other.token)})
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := setup(t)
			ann := o.ann()
			bob := o.hired(ann, "bob@example.net", operator.Agent)
			node := o.another()
			if _, err := node.Session(o.ctx(), bob.token); err != nil {
				t.Fatal(err)
			}
			o.T = t
			o.ok(end(o, ann, bob))
			_, err := node.Session(o.ctx(), bob.token)
			o.fault(err, "session_ended", "on another node")
		})
	}
}

func TestSEC_72_a_sign_in_on_its_way_does_not_survive_another_password(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	half, err := o.SignIn(o.ctx(), here, m.email, m.password)
	o.ok(err)
	_, err = o.ChangePassword(o.ctx(), here, m.token, m.password, "another pass for all of it")
	o.ok(err)
	_, err = o.SecondFactor(o.ctx(), here, half.Token.Reveal(), o.shows(m))
	o.fault(err, "sign_in_failed", "a sign-in with the password of before")
}

func TestSEC_72_operators_see_their_own_sessions_and_end_them(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	bob := o.hired(ann, "bob@example.net", operator.Agent)
	other := *bob
	o.later(time.Minute)
	o.signIn(&other)
	g := o.signed(bob)
	list, err := o.Sessions(o.ctx(), g)
	o.ok(err)
	if len(list) != 2 || !list[0].Current || list[1].Current || list[0].UserAgent != "Firefox" || list[0].IP != here.IP {
		t.Fatalf("%+v", list)
	}
	o.ok(o.Revoke(o.ctx(), here, g, g.Operator.ID, list[1].ID))
	_, err = o.Session(o.ctx(), other.token)
	o.fault(err, "session_ended", "the one that was ended")
	o.signed(bob)
	ends := len(o.events(operator.EventSessionsEnded))
	o.ok(o.Revoke(o.ctx(), here, g, g.Operator.ID, list[1].ID)) // a second click, or it ended by itself meanwhile
	o.ok(o.Revoke(o.ctx(), here, g, g.Operator.ID, o.signed(ann).Session.ID))
	if n := len(o.events(operator.EventSessionsEnded)); n != ends {
		t.Errorf("%d events tell of sessions that were none of Bob's any more", n-ends)
	}
	o.signed(ann)
	err = o.Revoke(o.ctx(), here, g, o.signed(ann).Operator.ID, uid.ID{})
	o.fault(err, "role_forbids", "an agent ends an owner's")
}

func TestSEC_59_what_one_signs_in_with_changes_only_after_a_proof(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	o.later(5*time.Minute + time.Microsecond)
	_, err := o.EnrolTOTP(o.ctx(), here, m.token)
	o.fault(err, "proof_needed", "a new authenticator")
	_, err = o.RecoveryCodes(o.ctx(), here, m.token)
	o.fault(err, "proof_needed", "new recovery codes")
	_, err = o.ChangePassword(o.ctx(), here, m.token, m.password, "another pass for all of it")
	o.fault(err, "proof_needed", "another password, by the password alone")
	_, err = o.ChangePassword(o.ctx(), here, m.token, m.password, "short")
	o.fault(err, "proof_needed", "a weak one, which would tell that the first is right")
	_, err = o.Prove(o.ctx(), here, m.token, m.password, "")
	o.fault(err, "sign_in_failed", "the password alone")
	_, err = o.Prove(o.ctx(), here, m.token, "not the password at all", o.shows(m))
	o.fault(err, "sign_in_failed", "the code alone")
	step, err := o.Prove(o.ctx(), here, m.token, m.password, o.shows(m))
	o.ok(err)
	m.token = step.Token.Reveal()
	if !o.signed(m).Recent {
		t.Error("the proof is not recent")
	}
	e, err := o.EnrolTOTP(o.ctx(), here, m.token)
	o.ok(err)
	again, err := o.EnrolTOTP(o.ctx(), here, m.token)
	o.ok(err)
	if again.Secret.Reveal() != e.Secret.Reveal() || e.Secret.Reveal() == m.app.Reveal() {
		t.Error("the secret is not the one that was shown")
	}
	o.signIn(m) // the authenticator of before goes on working
	old := *m
	o.mail()
	m = o.enrolled(m, operator.Step{Token: token(m.token)})
	if got := o.mail(); len(got) != 1 || got[0] != operator.MailTOTPChanged+" "+annEmail {
		t.Errorf("posted %v", got)
	}
	half, err := o.SignIn(o.ctx(), here, m.email, m.password)
	o.ok(err)
	_, err = o.SecondFactor(o.ctx(), here, half.Token.Reveal(), o.shows(&old))
	o.fault(err, "sign_in_failed", "the authenticator of before")
}

// between does something after an operator was read for a sign-in.
type between struct {
	operator.Store
	then func()
}

func (b between) OperatorByEmail(ctx context.Context, index [16]byte) (operator.Operator, error) {
	got, err := b.Store.OperatorByEmail(ctx, index)
	b.then()
	return got, err
}

func TestSEC_72_a_password_that_changes_while_it_is_compared_does_not_open_anything(t *testing.T) {
	t.Parallel()
	for name, meanwhile := range map[string]func(o *office, m *member) error{
		"another password": func(o *office, m *member) error {
			_, err := o.ChangePassword(o.ctx(), from("192.0.2.9"), m.token, m.password, "another pass for all of it")
			return err
		},
		"disabled": func(o *office, m *member) error {
			_, err := o.DisableByID(o.ctx(), o.signed(m).Operator.ID)
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := setup(t)
			m := o.ann()
			o.deps.Store = between{o.db, func() { o.ok(meanwhile(o, m)) }}
			step, err := o.another().SignIn(o.ctx(), here, m.email, m.password)
			o.ok(err)
			_, err = o.SecondFactor(o.ctx(), here, step.Token.Reveal(), o.shows(m))
			o.fault(err, "sign_in_failed", "with the password of before")
		})
	}
}

func TestSEC_16_a_new_password_that_is_too_weak_is_no_failure(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	for i := range 6 {
		_, err := o.ChangePassword(o.ctx(), here, ann.token, ann.password, "short")
		o.fault(err, "password_invalid", fmt.Sprintf("weak password %d", i+1))
	}
	for i := range 4 {
		_, err := o.ChangePassword(o.ctx(), here, ann.token, "not "+ann.password, "another pass for all of it")
		o.fault(err, "sign_in_failed", fmt.Sprintf("wrong password %d", i+1))
	}
	_, err := o.ChangePassword(o.ctx(), here, ann.token, ann.password, "another pass for all of it")
	o.fault(err, "sign_in_paused", "after four that were wrong")
}

func TestSEC_47_a_code_beside_a_wrong_password_is_not_used_up(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	for name, typed := range map[string]string{"a recovery code": ann.codes[0], "a code of the app": o.shows(ann)} {
		used := len(o.events(operator.EventCodeUsed))
		o.mail()
		_, err := o.Prove(o.ctx(), here, ann.token, "not "+ann.password, typed)
		o.fault(err, "sign_in_failed", name+" beside a wrong password")
		if got := o.mail(); len(got) != 0 || len(o.events(operator.EventCodeUsed)) != used {
			t.Errorf("%s beside a wrong password is told of: %v", name, got)
		}
		step, err := o.Prove(o.ctx(), here, ann.token, ann.password, typed)
		o.fault(err, "", name+" beside the right one")
		ann.token = step.Token.Reveal()
		_, err = o.Prove(o.ctx(), here, ann.token, ann.password, typed)
		o.fault(err, "sign_in_failed", name+" once more")
	}
}

func TestSEC_15_a_wrong_code_is_counted_beside_a_wrong_password_too(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	wrong := []byte(o.shows(ann))
	wrong[0] = '0' + (wrong[0]-'0'+5)%10
	for i := range 50 {
		if i == 49 { // a right one there is none that takes the count back
			_, err := o.Prove(o.ctx(), from("203.0.113.1"), ann.token, "not "+ann.password, ann.codes[0])
			o.fault(err, "sign_in_failed", "a recovery code beside a wrong password")
		}
		_, err := o.Prove(o.ctx(), from(fmt.Sprintf("198.51.100.%d", i)), ann.token, "not "+ann.password, string(wrong))
		o.fault(err, "sign_in_failed", "both are wrong")
	}
	_, err := o.Prove(o.ctx(), from("203.0.113.2"), ann.token, ann.password, ann.codes[0])
	o.fault(err, "sign_in_failed", "a recovery code after fifty wrong codes")
}
