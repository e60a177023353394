package operator_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
)

func TestSEC_96_the_set_up_is_offered_once_for_ten_minutes_and_never_again(t *testing.T) {
	t.Parallel()
	o := setup(t)
	if needed, err := o.NeedsSetup(o.ctx()); err != nil || !needed {
		t.Fatal(needed, err)
	}
	first := o.offered()
	second := o.offered() // a new start
	if first == second || len(second) != 43 {
		t.Errorf("the second link has the token of the first, or is short: %d characters", len(second))
	}
	_, err := o.Setup(o.ctx(), here, first, annSets)
	o.fault(err, "link_invalid", "the link of an earlier start")
	o.later(10 * time.Minute)
	_, err = o.Link(o.ctx(), here, second)
	o.fault(err, "link_invalid", "looking after ten minutes")
	_, err = o.Setup(o.ctx(), here, second, annSets)
	o.fault(err, "link_invalid", "after ten minutes")
	_, err = o.SignIn(o.ctx(), here, "admin@example.net", "admin") // there is no account
	o.ok(err)

	third := o.offered()
	o.later(10*time.Minute - time.Microsecond)
	if v, err := o.Link(o.ctx(), here, third); err != nil || v.Kind != operator.LinkSetup || v.Least != 12 {
		t.Errorf("%+v, %v", v, err)
	}
	step, err := o.Setup(o.ctx(), here, third, annSets)
	o.ok(err)
	if step.Stage != operator.StageEnrol {
		t.Errorf("stage %s", step.Stage)
	}
	_, err = o.Setup(o.ctx(), here, third, operator.SetupRequest{Firm: "Other", Email: "eve@example.net", Name: "Eve", Password: password})
	o.fault(err, "link_invalid", "the second time")
	if link, err := o.OfferSetup(o.ctx()); err != nil || link != "" {
		t.Errorf("offered again: %q, %v", link, err)
	}
	if o.tenants() != 1 {
		t.Errorf("%d tenants", o.tenants())
	}
}

func TestSEC_96_of_two_set_ups_at_once_on_two_servers_one_wins_and_leaves_one_tenant(t *testing.T) {
	t.Parallel()
	o := setup(t)
	link := o.offered()
	servers := []*operator.Service{o.Service, o.another()}
	var won atomic.Int64
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			r := annSets
			r.Email = string('a'+rune(i)) + "@example.net"
			if _, err := servers[i%2].Setup(o.ctx(), here, link, r); err == nil {
				won.Add(1)
			} else {
				o.fault(err, "link_invalid", "one that came too late")
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 || storedOperators(o) != 1 || o.tenants() != 1 {
		t.Errorf("%d won, %d operators, %d tenants", won.Load(), storedOperators(o), o.tenants())
	}
}

func TestSEC_96_a_set_up_makes_nothing_once_there_is_an_operator(t *testing.T) {
	t.Parallel()
	o := setup(t)
	link := o.offered()
	invited, _, err := o.Create(o.ctx(), o.founded("Acme"), operator.InviteRequest{Email: annEmail, Role: operator.Owner})
	o.ok(err)
	o.accepted(annEmail, strings.TrimPrefix(invited, base+"/console/join#"))

	_, err = o.Link(o.ctx(), here, link)
	o.fault(err, "link_invalid", "looking")
	_, err = o.Setup(o.ctx(), here, link, operator.SetupRequest{Firm: "Other", Email: "eve@example.net", Name: "Eve", Password: password})
	o.fault(err, "link_invalid", "the set-up")
	if o.tenants() != 1 {
		t.Errorf("%d tenants", o.tenants())
	}
}

func storedOperators(o *office) (n int) {
	o.ok(o.engine.Reader().QueryRowContext(o.ctx(), `SELECT count(*) FROM operator`).Scan(&n))
	return n
}

func TestSEC_96_a_set_up_takes_a_tenant_that_is_there_and_says_what_is_wrong(t *testing.T) {
	t.Parallel()
	o := setup(t)
	there := o.founded("There")
	link := o.offered()
	for code, r := range map[string]operator.SetupRequest{
		"email_invalid":    {Tenant: there, Email: "ann", Name: "Ann", Password: password},
		"name_invalid":     {Tenant: there, Email: annEmail, Name: " ", Password: password},
		"password_invalid": {Tenant: there, Email: annEmail, Name: "Ann", Password: "too short"},
		"tenant_not_found": {Tenant: uid.NewTenant(o.world.time()), Email: annEmail, Name: "Ann", Password: password},
		"locale_invalid":   {Tenant: there, Email: annEmail, Name: "Ann", Password: password, Locale: "d e"},
	} {
		_, err := o.Setup(o.ctx(), here, link, r)
		o.fault(err, code, code)
	}
	_, err := o.Accept(o.ctx(), here, link, operator.AcceptRequest{Name: "Ann", Password: password})
	o.fault(err, "link_invalid", "accepting a set-up")
	step, err := o.Setup(o.ctx(), here, link, operator.SetupRequest{Tenant: there, Email: annEmail, Name: "Ann", Password: password, Locale: "de"})
	o.ok(err)
	m := o.enrolled(&member{email: annEmail}, step)
	if g := o.signed(m); g.Operator.Tenant != there || g.Operator.Locale != "de" {
		t.Errorf("%+v", g.Operator)
	}
	if o.tenants() != 1 {
		t.Errorf("%d tenants", o.tenants())
	}
}

func TestReset_on_the_machine_lets_the_last_owner_in_again(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	id := o.signed(m).Operator.ID
	o.mail()
	link, until, p, err := o.ResetByID(o.ctx(), id)
	o.ok(err)
	token, is := strings.CutPrefix(link, base+"/console/reset#")
	if !is || until.Sub(o.world.time()) != 24*time.Hour || p.Email != annEmail || p.TOTP {
		t.Errorf("%s until %s for %+v", link[:20], until, p)
	}
	if got := o.mail(); len(got) != 1 || got[0] != operator.MailResetDone+" "+annEmail {
		t.Errorf("posted %v", got)
	}
	step, err := o.SignIn(o.ctx(), here, m.email, m.password)
	o.ok(err)
	_, err = o.SecondFactor(o.ctx(), here, step.Token.Reveal(), o.shows(m))
	o.fault(err, "sign_in_failed", "with what was taken away")
	e := o.events(operator.EventReset)
	if len(e) != 1 || e[0].Actor != "command" || e[0].Object != id {
		t.Errorf("%+v", e)
	}
	if v, err := o.Link(o.ctx(), here, token); err != nil || v.Kind != operator.LinkReset || v.Firm != "Acme" || v.Email != annEmail || v.Name != "Ann Bee" {
		t.Errorf("%+v, %v", v, err)
	}
	step, err = o.Accept(o.ctx(), here, token, operator.AcceptRequest{Password: "another pass for all of it"})
	o.ok(err)
	if step.Stage != operator.StageEnrol {
		t.Errorf("stage %s", step.Stage)
	}
	_, err = o.Accept(o.ctx(), here, token, operator.AcceptRequest{Password: "another pass for all of it"})
	o.fault(err, "link_invalid", "the second time")
	again := o.enrolled(&member{email: annEmail, password: "another pass for all of it"}, step)
	if g := o.signed(again); g.Operator.ID != id || g.Operator.Name != "Ann Bee" || g.Operator.CodesLeft != 10 {
		t.Errorf("%+v", g.Operator)
	}
	o.signIn(again)
	_, _, _, err = o.ResetByID(o.ctx(), uid.Random(o.world.time()))
	o.fault(err, "operator_not_found", "nobody")
	if p, err := o.DisableByID(o.ctx(), id); err != nil || p.State != operator.Disabled {
		t.Errorf("%+v, %v", p, err)
	}
	_, _, _, err = o.ResetByID(o.ctx(), id)
	o.fault(err, "operator_disabled", "one who is disabled")
}

func TestDevelopment_has_an_operator_who_signs_in_with_the_password_alone(t *testing.T) {
	t.Parallel()
	dev := func(c *operator.Config) { c.Development = true }
	o := setup(t, dev)
	there := o.founded("dev")
	secret := operator.RandomPassword()
	for range 2 {
		email, err := o.Develop(o.ctx(), there, secret)
		o.ok(err)
		step, err := o.SignIn(o.ctx(), here, email, secret)
		o.ok(err)
		if step.Stage != operator.StageOpen {
			t.Fatalf("stage %s", step.Stage)
		}
		g, err := o.Session(o.ctx(), step.Token.Reveal())
		if err != nil || g.Operator.Role != operator.Owner || g.Operator.Email != "dev@localhost" {
			t.Errorf("%+v, %v", g, err)
		}
	}
	if n := len(o.events(operator.EventCreated)); n != 1 || storedOperators(o) != 1 {
		t.Errorf("%d made, %d there", n, storedOperators(o))
	}
	production := o.another()
	step, err := production.SignIn(o.ctx(), from("192.0.2.8"), "dev@localhost", secret)
	o.ok(err)
	if _, err := production.Session(o.ctx(), step.Token.Reveal()); err == nil || step.Stage != operator.StageSecond {
		t.Errorf("outside development mode: stage %s", step.Stage)
	}
	if email, err := production.Develop(o.ctx(), there, secret); err != nil || email != "" {
		t.Errorf("made outside development mode: %q, %v", email, err)
	}
}
