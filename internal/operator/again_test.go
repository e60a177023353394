package operator_test

import (
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/operator"
)

// twice is a browser whose form is sent by a double click.
var twice = operator.Client{IP: here.IP, UserAgent: here.UserAgent, RequestID: here.RequestID, Once: "drawn once"}

// sessions is how many m has open.
func (o *office) sessions(m *member) int {
	o.Helper()
	all, err := o.Sessions(o.ctx(), o.signed(m))
	o.ok(err)
	return len(all)
}

// spent is how many failures of the network of here are counted.
func (o *office) spent() (most int) {
	o.ok(o.engine.Reader().QueryRowContext(o.ctx(), `SELECT COALESCE(max(failed), 0) FROM operator_wait`).Scan(&most))
	return most
}

func TestSEC_70_a_double_click_on_the_second_step_leads_to_one_session(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	before := o.sessions(m)
	half, err := o.SignIn(o.ctx(), here, m.email, m.password)
	o.ok(err)
	code := o.shows(m)
	var steps [4]operator.Step
	var wg sync.WaitGroup
	for i := range steps {
		wg.Go(func() {
			var err error
			if steps[i], err = o.SecondFactor(o.ctx(), twice, half.Token.Reveal(), code); err != nil {
				t.Errorf("click %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	for _, step := range steps {
		if step.Stage != operator.StageOpen || step.Token.Reveal() != steps[0].Token.Reveal() || !step.ExpiresAt.Equal(steps[0].ExpiresAt) {
			t.Errorf("%+v", step)
		}
	}
	m.token = steps[0].Token.Reveal()
	if got := o.sessions(m); got != before+1 {
		t.Errorf("%d sessions, had %d", got, before)
	}
	if n := len(o.events(operator.EventSignInFailed)); n != 0 || o.spent() != 0 {
		t.Errorf("%d failures in the log, %d counted", n, o.spent())
	}
	if n := len(o.events(operator.EventSignedIn)); n != 2 { // with the set-up
		t.Errorf("%d sign-ins in the log", n)
	}
	late, err := o.SecondFactor(o.ctx(), twice, m.token, code) // the browser has the new token already
	if err != nil || late.Token.Reveal() != m.token || o.sessions(m) != before+1 || o.spent() != 0 {
		t.Errorf("a click with the new token: %+v, %v", late, err)
	}
	if m.token == half.Token.Reveal() {
		t.Error("the token of the step before opens the session")
	}
}

func TestSEC_70_a_double_click_on_the_password_makes_one_session_and_is_one_try(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	is := func(query string) (n int) {
		o.Helper()
		o.ok(o.engine.Reader().QueryRowContext(o.ctx(), query).Scan(&n))
		return n
	}
	kept := func() int { return is(`SELECT count(*) FROM operator_session`) }
	counted := func() int { return is(`SELECT COALESCE(sum(failed), 0) FROM operator_wait`) / 3 } // each try is in three counts
	for i, try := range [][2]string{{m.email, m.password}, {m.email, "not the right one at all"}, {"nobody@example.net", m.password}} {
		c := twice
		c.IP = "198.51.100." + string('1'+rune(i))
		rows, spent, failed := kept(), counted(), len(o.events(operator.EventSignInFailed))
		var steps [5]operator.Step
		var wg sync.WaitGroup
		click := func(i int) {
			var err error
			if steps[i], err = o.SignIn(o.ctx(), c, try[0], try[1]); err != nil {
				t.Errorf("%s, click %d: %v", try, i, err)
			}
		}
		for i := range 4 {
			wg.Go(func() { click(i) })
		}
		wg.Wait()
		click(4) // when the first has its answer
		for _, step := range steps {
			if step.Stage != operator.StageSecond || step.Token.Reveal() != steps[0].Token.Reveal() || !step.ExpiresAt.Equal(steps[0].ExpiresAt) {
				t.Errorf("%s: %+v", try, step)
			}
		}
		if kept() != rows+1 || counted() != spent+1 {
			t.Errorf("%s: %d sessions more, %d tries counted", try, kept()-rows, counted()-spent)
		}
		if n := len(o.events(operator.EventSignInFailed)) - failed; n != min(i, 1) {
			t.Errorf("%s: %d failures in the log", try, n)
		}
		o.later(30*time.Second + time.Microsecond)
		step, err := o.SignIn(o.ctx(), c, try[0], try[1])
		o.ok(err)
		if step.Token.Reveal() == steps[0].Token.Reveal() || kept() != rows+2 || counted() != spent+2 {
			t.Errorf("%s, half a minute later: %d sessions more, %d tries counted", try, kept()-rows, counted()-spent)
		}
	}
}

func TestSEC_70_the_same_submission_leads_nowhere_later_elsewhere_or_after_the_session(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	in := func() (half, code string) {
		step, err := o.SignIn(o.ctx(), here, m.email, m.password)
		o.ok(err)
		half, code = step.Token.Reveal(), o.shows(m)
		step, err = o.SecondFactor(o.ctx(), twice, half, code)
		o.ok(err)
		m.token = step.Token.Reveal()
		return half, code
	}
	refused := func(c operator.Client, token, code, what string) {
		t.Helper()
		failed, spent := len(o.events(operator.EventSignInFailed)), o.spent()
		_, err := o.SecondFactor(o.ctx(), c, token, code)
		o.fault(err, "sign_in_failed", what)
		if len(o.events(operator.EventSignInFailed)) != failed+1 || o.spent() != spent+1 {
			t.Errorf("%s is not counted", what)
		}
	}
	half, code := in()
	other := twice
	other.Once = "drawn again"
	refused(other, half, code, "the same code from another page")
	refused(twice, half, otherCode(code), "another code from the same page")
	refused(here, half, code, "the same code from no page")
	o.later(30*time.Second + time.Microsecond)
	refused(twice, half, code, "half a minute later")
	half, code = in()
	o.ok(o.SignOut(o.ctx(), here, m.token))
	refused(twice, half, code, "after the sign-out")
	o.later(time.Hour)
	half, code = in()
	_, err := o.Disable(o.ctx(), here, o.signed(o.hired(m, "zoe@example.net", operator.Owner)), o.signed(m).Operator.ID)
	o.ok(err)
	refused(twice, half, code, "after being disabled")
}

// otherCode is a code of the same form.
func otherCode(code string) string {
	b := []byte(code)
	b[0] = '0' + (b[0]-'0'+5)%10
	return string(b)
}

func TestSEC_16_a_double_click_on_a_wrong_code_is_one_failure(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	for name, secret := range map[string]string{"the right password": m.password, "a wrong password": "not the right one at all"} {
		half, err := o.SignIn(o.ctx(), here, m.email, secret)
		o.ok(err)
		wrong, spent, failed := otherCode(o.shows(m)), o.spent(), len(o.events(operator.EventSignInFailed))
		for i := range 5 { // a page each, every one of them sent twice
			c := twice
			c.Once = name + string('a'+rune(i))
			for range 2 {
				_, err := o.SecondFactor(o.ctx(), c, half.Token.Reveal(), wrong)
				o.fault(err, "sign_in_failed", name)
			}
			if o.spent() != spent+i+1 || len(o.events(operator.EventSignInFailed)) != failed+i+1 {
				t.Errorf("%s: %d failures were counted after %d wrong codes", name, o.spent()-spent, i+1)
			}
		}
		_, err = o.Stage(o.ctx(), half.Token.Reveal())
		o.fault(err, "session_ended", name+", after five wrong codes")
		_, err = o.SecondFactor(o.ctx(), here, half.Token.Reveal(), o.shows(m))
		o.fault(err, "sign_in_failed", name+", a right code after five wrong ones")
	}
}

func TestSEC_47_a_double_click_on_a_new_authenticator_is_one_and_shows_the_codes_once(t *testing.T) {
	t.Parallel()
	o := setup(t)
	step, err := o.Setup(o.ctx(), here, o.offered(), annSets)
	o.ok(err)
	half := step.Token.Reveal()
	e, err := o.EnrolTOTP(o.ctx(), here, half)
	o.ok(err)
	m := &member{email: annEmail, password: password, app: e.Secret}
	wrong := otherCode(o.shows(m))
	for i := range 8 { // would be more than five
		_, _, err := o.ConfirmTOTP(o.ctx(), twice, half, wrong)
		o.fault(err, "code_wrong", "a wrong code, click "+string('1'+rune(i)))
	}
	right := o.shows(m)
	first, codes, err := o.ConfirmTOTP(o.ctx(), twice, half, right)
	o.ok(err)
	second, none, err := o.ConfirmTOTP(o.ctx(), twice, half, right)
	o.ok(err)
	if len(codes) != 10 || len(none) != 0 || second.Token.Reveal() != first.Token.Reveal() || second.Stage != operator.StageOpen {
		t.Errorf("%d codes, then %d; %+v", len(codes), len(none), second)
	}
	m.token = first.Token.Reveal()
	if late, none, err := o.ConfirmTOTP(o.ctx(), twice, m.token, right); err != nil || none != nil || late.Token.Reveal() != m.token {
		t.Errorf("a click with the new token: %+v, %d codes, %v", late, len(none), err)
	}
	if n := len(o.events(operator.EventTOTPAdded)); n != 1 || o.sessions(m) != 1 {
		t.Errorf("%d authenticators, %d sessions", n, o.sessions(m))
	}
	_, _, err = o.ConfirmTOTP(o.ctx(), here, half, right)
	o.fault(err, "session_ended", "the same code from no page")
}

func TestSEC_70_a_double_click_on_a_proof_or_a_new_password_is_one(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	const fresh = "walnut bicycle lantern"
	for name, does := range map[string]func(token, code string) (operator.Step, error){
		"1 proof": func(token, code string) (operator.Step, error) { return o.Prove(o.ctx(), twice, token, password, code) },
		"2 password": func(token, _ string) (operator.Step, error) {
			return o.ChangePassword(o.ctx(), twice, token, password, fresh)
		},
	} {
		o.signIn(m)
		before, code := m.token, o.shows(m)
		first, err := does(before, code)
		o.ok(err)
		m.token = first.Token.Reveal()
		for what, token := range map[string]string{"before": before, "after": m.token} {
			if again, err := does(token, code); err != nil || again.Token.Reveal() != m.token || again.Stage != operator.StageOpen {
				t.Errorf("%s, a click with the token %s: %+v, %v", name, what, again, err)
			}
		}
		if step, err := o.Resume(o.ctx(), twice, before); err != nil || step.Token.Reveal() != m.token {
			t.Errorf("%s: %+v, %v", name, step, err)
		}
		other := twice
		other.Once = "drawn again"
		_, err = o.Resume(o.ctx(), other, before)
		o.fault(err, "session_ended", "another form of the session before")
		_, err = o.Resume(o.ctx(), here, before)
		o.fault(err, "session_ended", "no form of the session before")
		o.later(30*time.Second + time.Microsecond)
		_, err = o.Resume(o.ctx(), twice, before)
		o.fault(err, "session_ended", "half a minute later")
		if o.spent() != 0 || len(o.events(operator.EventSignInFailed)) != 0 {
			t.Errorf("%s: %d failures", name, o.spent())
		}
		if m.password = password; name == "2 password" {
			step, err := o.ChangePassword(o.ctx(), here, m.token, fresh, password)
			o.ok(err)
			m.token = step.Token.Reveal()
		}
	}
	if p, c := len(o.events(operator.EventProved)), len(o.events(operator.EventPasswordChanged)); p != 1 || c != 2 {
		t.Errorf("%d proofs, %d new passwords", p, c)
	}
	for range 2 {
		_, err := o.Prove(o.ctx(), twice, m.token, "not the password at all", o.shows(m))
		o.fault(err, "sign_in_failed", "a wrong password")
		_, err = o.Prove(o.ctx(), twice, m.token, "not the password at all", "000000")
		o.fault(err, "sign_in_failed", "both wrong")
		_, err = o.Prove(o.ctx(), twice, m.token, "not the password at all", "000000")
		o.fault(err, "sign_in_failed", "both wrong, by a second click")
	}
	if o.spent() != 4 {
		t.Errorf("%d failures were counted of 4", o.spent())
	}
}

func TestSEC_96_a_double_click_on_what_uses_a_link_leads_to_one_operator(t *testing.T) {
	t.Parallel()
	o := setup(t)
	var ann member
	does := func(name, link string, use func(c operator.Client) (operator.Step, error)) operator.Step {
		t.Helper()
		var steps [3]operator.Step
		var wg sync.WaitGroup
		for i := range steps {
			wg.Go(func() {
				var err error
				if steps[i], err = use(twice); err != nil {
					t.Errorf("%s, click %d: %v", name, i, err)
				}
			})
		}
		wg.Wait()
		for _, step := range steps {
			if step.Token.Reveal() != steps[0].Token.Reveal() || step.Stage != steps[0].Stage || len(step.Token.Reveal()) != 43 {
				t.Errorf("%s: %+v", name, step)
			}
		}
		other := twice
		other.Once = "drawn again"
		_, err := use(other)
		o.fault(err, "link_invalid", name+", from another page")
		_, err = use(here)
		o.fault(err, "link_invalid", name+", from no page")
		if _, err = o.Link(o.ctx(), here, link); err == nil {
			t.Errorf("%s: the link works", name)
		}
		return steps[0]
	}
	link := o.offered()
	step := does("a set-up", link, func(c operator.Client) (operator.Step, error) { return o.Setup(o.ctx(), c, link, annSets) })
	if storedOperators(o) != 1 || o.tenants() != 1 {
		t.Errorf("%d operators, %d tenants", storedOperators(o), o.tenants())
	}
	ann = *o.enrolled(&member{email: annEmail, password: password}, step)
	joins := operator.AcceptRequest{Name: "Bob", Password: password}
	invited := o.invites(&ann, "bob@example.net", operator.Agent)
	bob := does("an invitation", invited, func(c operator.Client) (operator.Step, error) { return o.Accept(o.ctx(), c, invited, joins) })
	m := &member{email: "bob@example.net", password: password, token: bob.Token.Reveal()}
	if n := o.sessions(m); n != 1 || storedOperators(o) != 2 {
		t.Errorf("%d sessions, %d operators", n, storedOperators(o))
	}
	o.ok(o.Reset(o.ctx(), here, o.signed(&ann), o.signed(m).Operator.ID))
	reset := o.posted("/console/reset#")
	back := does("a reset", reset, func(c operator.Client) (operator.Step, error) { return o.Accept(o.ctx(), c, reset, joins) })
	o.later(30*time.Second + time.Microsecond)
	_, err := o.Accept(o.ctx(), twice, reset, joins)
	o.fault(err, "link_invalid", "half a minute later")
	if m.token = back.Token.Reveal(); o.sessions(m) != 1 {
		t.Errorf("%d sessions", o.sessions(m))
	}
}
