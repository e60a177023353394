package operator_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

func TestSEC_60_every_change_of_what_one_signs_in_with_is_told(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	told := func(what string, kinds ...string) {
		t.Helper()
		var want []string
		for _, k := range kinds {
			want = append(want, k+" "+annEmail)
		}
		if got := o.mail(); !slices.Equal(got, want) {
			t.Errorf("%s: posted %v, want %v", what, got, want)
		}
	}
	told("the first authenticator", operator.MailTOTPAdded)
	_, err := o.RecoveryCodes(o.ctx(), here, m.token)
	o.ok(err)
	told("new recovery codes", operator.MailCodesRenewed)
	step, err := o.ChangePassword(o.ctx(), here, m.token, m.password, "another pass for all of it")
	o.ok(err)
	m.token, m.password = step.Token.Reveal(), "another pass for all of it"
	told("another password", operator.MailPassword)
	_, err = o.ChangeProfile(o.ctx(), here, o.signed(m), "Ann Bee-Cee", "fr")
	o.ok(err)
	told("another name")
	m = o.enrolled(m, operator.Step{Token: token(m.token)})
	if n := o.world.notices; len(n) != 0 {
		t.Error("posted before the commit")
	}
	o.work()
	if n := o.world.notices; len(n) != 1 || n[0].Locale != "fr" || n[0].Name != "Ann Bee-Cee" || n[0].Link != "" {
		t.Errorf("%d notices", len(n))
	}
	told("another authenticator", operator.MailTOTPChanged)
	o.signIn(m)
	told("a sign-in")
	half, err := o.SignIn(o.ctx(), here, m.email, m.password)
	o.ok(err)
	_, err = o.SecondFactor(o.ctx(), here, half.Token.Reveal(), m.codes[3])
	o.ok(err)
	told("a recovery code", operator.MailCodeUsed)
}

func TestSEC_60_a_message_is_tried_for_a_day_and_then_kept_as_an_alarm(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	o.mail()
	o.world.refuse = true
	g := o.signed(m)
	j := outbox.Job{ID: uid.Random(o.world.time()), Kind: operator.JobMail, Tenant: g.Operator.Tenant, Object: g.Operator.ID, Payload: []byte(operator.MailPassword)}
	if v := o.HandleMail(o.ctx(), j); v.Outcome != outbox.Retried || v.At.Sub(o.world.time()) > 2*time.Second {
		t.Errorf("%+v", v)
	}
	j.Attempt = 20
	if v := o.HandleMail(o.ctx(), j); v.Outcome != outbox.Retried || v.At.Sub(o.world.time()) > 5*time.Minute {
		t.Errorf("%+v", v)
	}
	o.later(24 * time.Hour)
	if v := o.HandleMail(o.ctx(), j); v.Outcome != outbox.Buried {
		t.Errorf("%+v", v)
	}
	j.Object = uid.Random(o.world.time())
	if v := o.HandleMail(o.ctx(), j); v.Outcome != outbox.Finished {
		t.Errorf("to nobody: %+v", v)
	}
}

// TestSEC_94_a_stolen_database_gives_no_usable_secret looks for every secret that a team had, in all that was written.
func TestSEC_94_a_stolen_database_gives_no_usable_secret(t *testing.T) {
	t.Parallel()
	o := setup(t)
	setupLink := o.offered()
	step, err := o.Setup(o.ctx(), here, setupLink, annSets)
	o.ok(err)
	m := o.enrolled(&member{email: annEmail, password: password}, step)
	_, err = o.Invite(o.ctx(), here, o.signed(m), operator.InviteRequest{Email: "bob@example.net", Role: operator.Agent})
	o.ok(err)
	invitation := o.posted("/console/join#")
	half, err := o.SignIn(o.ctx(), here, m.email, "wrong but long enough")
	o.ok(err)
	code := o.shows(m)
	_, err = o.SecondFactor(o.ctx(), here, half.Token.Reveal(), code)
	o.fault(err, "sign_in_failed", "a decoy")
	secrets := map[string]string{
		"address": annEmail, "name": "Ann Bee", "password": password, "wrong password": "wrong but long enough", "session": m.token, "first step": step.Token.Reveal(), "decoy": half.Token.Reveal(),
		"set-up": setupLink, "invitation": invitation, "invited": "bob@example.net", "secret": m.app.Reveal(), "browser": here.UserAgent, "client address": here.IP,
	}
	for i, c := range m.codes {
		secrets[fmt.Sprintf("recovery code %d", i)] = c
		secrets[fmt.Sprintf("bare recovery code %d", i)] = string(bytes.ReplaceAll([]byte(c), []byte("-"), nil))
	}
	files, err := filepath.Glob(filepath.Join(o.dir, "*"))
	o.ok(err)
	found := 0
	for _, file := range files {
		raw, err := os.ReadFile(file)
		o.ok(err)
		found += bytes.Count(raw, []byte("operator.signed_in"))
		for name, secret := range secrets {
			for _, spelled := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), fmt.Sprintf("%x", secret)} {
				if bytes.Contains(raw, []byte(spelled)) {
					t.Errorf("%s is in %s", name, filepath.Base(file))
				}
			}
		}
	}
	if found == 0 {
		t.Error("the test looks where nothing is")
	}
}

func TestSEC_44_a_secret_opens_for_its_operator_alone(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	zoe := o.hired(ann, "zoe@example.net", operator.Owner)
	annID, zoeID := o.signed(ann).Operator.ID, o.signed(zoe).Operator.ID
	of := o.signed(ann).Operator.Tenant
	stolen, err := o.db.Operator(o.ctx(), of, zoeID)
	o.ok(err)
	o.ok(o.db.ChangeOperator(o.ctx(), operator.Target{Tenant: of, Operator: annID}, func(h *operator.Held) (outbox.Effects, error) {
		h.Operator.TOTP = stolen.TOTP
		return outbox.Effects{}, nil
	}))
	step, err := o.SignIn(o.ctx(), here, ann.email, ann.password)
	o.ok(err)
	if _, err = o.SecondFactor(o.ctx(), here, step.Token.Reveal(), o.shows(zoe)); err == nil {
		t.Error("another operator's authenticator signs in")
	}
}

func TestSEC_97_what_happens_is_in_the_log_with_who_did_it(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	g := o.signed(m)
	_, err := o.SignIn(o.ctx(), here, "nobody@example.net", password)
	o.ok(err)
	_, err = o.SignIn(o.ctx(), here, m.email, "not the right one at all")
	o.ok(err)
	o.ok(o.SignOut(o.ctx(), here, m.token))
	o.ok(o.SignOut(o.ctx(), here, m.token))
	self := "operator:" + g.Operator.ID.Text(uid.Operator)
	for kind, actor := range map[string]string{operator.EventSetupOffered: "system", operator.EventCreated: self, operator.EventTOTPAdded: self,
		operator.EventSignedIn: self, operator.EventSignedOut: self} {
		e := o.events(kind)
		if len(e) != 1 || e[0].Actor != actor || actor == self && (e[0].RequestID != here.RequestID || e[0].Tenant != g.Operator.Tenant || e[0].Object != g.Operator.ID) {
			t.Errorf("%s: %+v", kind, e)
		}
	}
	failed := o.events(operator.EventSignInFailed)
	slices.SortFunc(failed, func(a, b audit.Event) int { return bytes.Compare(a.Tenant[:], b.Tenant[:]) })
	if len(failed) != 2 || !failed[0].Tenant.IsZero() || failed[1].Tenant != g.Operator.Tenant || failed[1].Actor != "stranger" ||
		o.said(failed[0])["client_hash"] != o.said(failed[1])["client_hash"] || o.said(failed[0])["step"] != "password" {
		t.Errorf("%+v", failed)
	}
	known := []string{"tenant.created"} // of package tenant, in the change that made the owner
	if n := len(o.events(known[0])); n != 1 {
		t.Errorf("the set-up left %d events of a new tenant", n)
	}
	for _, e := range operator.EventTypes() {
		known = append(known, e.Name)
	}
	all, err := o.db.Events(o.ctx(), uid.ID{}, uid.ID{0xff}, 1000)
	o.ok(err)
	for _, e := range all {
		if !slices.Contains(known, e.Type) {
			t.Errorf("%s is in no document", e.Type)
		}
	}
}

func TestSuspended_a_suspended_tenants_operators_are_kept_out_and_sign_out(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	o.world.suspended = true
	g, err := o.Session(o.ctx(), m.token)
	o.fault(err, "account_suspended", "a session")
	if g.Operator.Email != m.email || g.Session.ID.IsZero() {
		t.Errorf("whose session it is: %+v", g)
	}
	step, err := o.SignIn(o.ctx(), here, m.email, m.password)
	o.ok(err)
	_, err = o.SecondFactor(o.ctx(), here, step.Token.Reveal(), o.shows(m))
	o.fault(err, "sign_in_failed", "a sign-in")
	_, err = o.EnrolTOTP(o.ctx(), here, m.token)
	o.fault(err, "account_suspended", "a new authenticator")
	_, _, err = o.ConfirmTOTP(o.ctx(), here, m.token, "000000")
	o.fault(err, "account_suspended", "confirming one")
	o.ok(o.SignOut(o.ctx(), here, m.token))
	o.world.suspended = false
	_, err = o.Session(o.ctx(), m.token)
	o.fault(err, "session_ended", "a session that was signed out while the tenant was suspended")
	o.signIn(m)
}

func TestPasswords_one_that_is_too_short_to_stand_alone_does_not(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	_, err := o.Invite(o.ctx(), here, o.signed(ann), operator.InviteRequest{Email: "bob@example.net", Role: operator.Agent})
	o.ok(err)
	link := o.posted("/console/join#")
	_, err = o.Accept(o.ctx(), here, link, operator.AcceptRequest{Name: "Bob", Password: "gravel umbrel"})
	o.fault(err, "password_invalid", "13 characters of an agent")
	_, err = o.Invite(o.ctx(), here, o.signed(ann), operator.InviteRequest{Email: "eve@example.net", Role: operator.Admin})
	o.ok(err)
	step, err := o.Accept(o.ctx(), here, o.posted("/console/join#"), operator.AcceptRequest{Name: "Eve", Password: "gravel umbrel"})
	o.ok(err)
	if step.Stage != operator.StageEnrol {
		t.Fatalf("stage %s", step.Stage)
	}
	people, _, err := o.Team(o.ctx(), o.signed(ann))
	o.ok(err)
	_, err = o.ChangeRole(o.ctx(), here, o.signed(ann), people[1].ID, operator.Agent, "") // before she has an authenticator
	o.ok(err)
	step, err = o.SignIn(o.ctx(), here, "eve@example.net", "gravel umbrel")
	o.ok(err)
	if step.Stage != operator.StageEnrol {
		t.Errorf("13 characters alone: stage %s", step.Stage)
	}
}

func TestSEC_43_an_enrolment_has_ten_minutes_and_five_codes(t *testing.T) {
	t.Parallel()
	o := setup(t)
	step, err := o.Setup(o.ctx(), here, o.offered(), annSets)
	o.ok(err)
	tok := step.Token.Reveal()
	first, err := o.EnrolTOTP(o.ctx(), here, tok)
	o.ok(err)
	for range 5 {
		_, _, err = o.ConfirmTOTP(o.ctx(), here, tok, "12345x")
		o.fault(err, "code_wrong", "no code")
	}
	m := &member{app: first.Secret}
	for range 5 {
		wrong := []byte(o.shows(m))
		wrong[5] = '0' + (wrong[5]-'0'+5)%10
		_, _, err = o.ConfirmTOTP(o.ctx(), here, tok, string(wrong))
		o.fault(err, "code_wrong", "a wrong code")
	}
	_, _, err = o.ConfirmTOTP(o.ctx(), here, tok, o.shows(m))
	o.fault(err, "enrolment_over", "after five wrong ones")
	second, err := o.EnrolTOTP(o.ctx(), here, tok)
	o.ok(err)
	if second.Secret.Reveal() == first.Secret.Reveal() {
		t.Error("the secret comes again")
	}
	_, err = o.Session(o.ctx(), tok)
	o.fault(err, "session_ended", "before the right code")
}

func TestA_server_without_an_address_for_links_says_so_and_takes_nothing_away(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	bob := o.hired(ann, "bob@example.net", operator.Agent)
	s := o.another(func(c *operator.Config) { c.PublicURL = "" })
	o.mail()
	_, err := s.Invite(o.ctx(), here, o.signed(ann), operator.InviteRequest{Email: "eve@example.net", Role: operator.Viewer})
	o.fault(err, "public_url_missing", "an invitation that nobody would get")
	o.fault(s.Reset(o.ctx(), here, o.signed(ann), o.signed(bob).Operator.ID), "public_url_missing", "a reset whose link nobody would get")
	o.signed(bob)
	if _, open, err := s.Team(o.ctx(), o.signed(ann)); err != nil || len(open) != 0 {
		t.Errorf("%d invitations are open, %v", len(open), err)
	}
	if link, _, err := s.Create(o.ctx(), o.signed(ann).Operator.Tenant, operator.InviteRequest{Email: "eve@example.net", Role: operator.Viewer}); err != nil || !strings.HasPrefix(link, "/console/join#") {
		t.Errorf("by a command: %v", err)
	}
}
