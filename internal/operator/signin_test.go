package operator_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/outbox"
)

func TestRA_69_an_owner_has_an_authenticator_before_anything_opens(t *testing.T) {
	t.Parallel()
	o := setup(t)
	step, err := o.Setup(o.ctx(), here, o.offered(), annSets)
	o.ok(err)
	if step.Stage != operator.StageEnrol {
		t.Fatalf("stage %s", step.Stage)
	}
	_, err = o.Session(o.ctx(), step.Token.Reveal())
	o.fault(err, "session_ended", "a session before the authenticator")
	_, err = o.RecoveryCodes(o.ctx(), here, step.Token.Reveal())
	o.fault(err, "session_ended", "recovery codes before the authenticator")
	_, err = o.ChangePassword(o.ctx(), here, step.Token.Reveal(), password, "another long password")
	o.fault(err, "session_ended", "another password before the authenticator")

	m := o.enrolled(&member{email: annEmail, password: password}, step)
	g := o.signed(m)
	if !g.Operator.TOTP || g.Operator.CodesLeft != 10 || g.Operator.Role != operator.Owner || !g.Recent {
		t.Errorf("%+v", g)
	}
	o.signIn(m)
	if g := o.signed(m); !g.Operator.LastSignInAt.Equal(o.world.time()) {
		t.Error("the sign-in left no time")
	}

	admin := o.hired(m, "eve@example.net", operator.Admin) // hired enrols where it must
	if admin.app.IsZero() {
		t.Error("an admin has no authenticator")
	}
	agent := o.hired(m, "bob@example.net", operator.Agent)
	if !agent.app.IsZero() {
		t.Error("an agent must have an authenticator")
	}
	o.signIn(agent)
	_, err = o.ChangeRole(o.ctx(), here, o.signed(m), o.signed(agent).Operator.ID, operator.Admin, "")
	o.ok(err)
	step, err = o.SignIn(o.ctx(), here, agent.email, agent.password)
	o.ok(err)
	if step.Stage != operator.StageEnrol {
		t.Errorf("an agent who became an admin: stage %s", step.Stage)
	}
}

func TestSEC_76_which_factor_failed_is_not_told(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	bob := o.hired(m, "bob@example.net", operator.Agent)
	_, err := o.Disable(o.ctx(), here, o.signed(m), o.signed(bob).Operator.ID)
	o.ok(err)
	wrong := "000000"
	if o.shows(m) == wrong {
		wrong = "111111"
	}
	for name, try := range map[string]struct{ email, password, code string }{
		"password":        {m.email, "another one that is long", ""},
		"code":            {m.email, m.password, wrong},
		"both":            {m.email, "another one that is long", wrong},
		"unknown address": {"nobody@example.net", m.password, ""},
		"no address":      {"nobody", m.password, ""},
		"disabled":        {bob.email, bob.password, ""},
		"no code":         {m.email, m.password, " "},
		"long code":       {m.email, m.password, strings.Repeat("0", 10_000)},
		"long password":   {m.email, strings.Repeat("0", 10_000), ""},
	} {
		c := from("198.51.100." + string('1'+rune(len(name)%9)))
		step, err := o.SignIn(o.ctx(), c, try.email, try.password)
		if err != nil || step.Stage != operator.StageSecond || len(step.Token.Reveal()) != 43 || step.ExpiresAt.Sub(o.world.time()) != 10*time.Minute {
			t.Errorf("%s: first step %+v, %v", name, step, err)
		}
		if try.code == "" {
			try.code = o.shows(m)
		}
		_, err = o.SecondFactor(o.ctx(), c, step.Token.Reveal(), try.code)
		o.fault(err, "sign_in_failed", name)
	}
	for name, secret := range map[string]string{"right": m.password, "wrong": "another one that is long"} {
		c := from("203.0.113." + string('0'+rune(len(secret)%9)))
		step, err := o.SignIn(o.ctx(), c, m.email, secret)
		o.ok(err)
		for i := range 6 {
			if stage, err := o.Stage(o.ctx(), step.Token.Reveal()); (stage == operator.StageSecond) != (i < 5) || (err == nil) != (i < 5) {
				t.Errorf("%s password, %d wrong codes: stage %q, %v", name, i, stage, err)
			}
			_, err := o.SecondFactor(o.ctx(), c, step.Token.Reveal(), wrong)
			o.fault(err, "sign_in_failed", name)
		}
		step, err = o.SignIn(o.ctx(), from("203.0.113.99"), m.email, secret)
		o.ok(err)
		o.ok(o.SignOut(o.ctx(), c, step.Token.Reveal()))
		_, err = o.Stage(o.ctx(), step.Token.Reveal())
		o.fault(err, "session_ended", name+", signed out")
		step, err = o.SignIn(o.ctx(), from("203.0.113.98"), m.email, secret)
		o.ok(err)
		o.later(10 * time.Minute)
		_, err = o.Stage(o.ctx(), step.Token.Reveal())
		o.fault(err, "session_ended", name+", ten minutes later")
	}
	_, err = o.SecondFactor(o.ctx(), here, "made up", o.shows(m))
	o.fault(err, "sign_in_failed", "a token that nobody gave")
}

func TestSEC_76_steps_come_in_their_order(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	step, err := o.SignIn(o.ctx(), here, m.email, m.password)
	o.ok(err)
	half := step.Token.Reveal()
	_, err = o.Session(o.ctx(), half)
	o.fault(err, "session_ended", "a session after the password alone")
	_, err = o.EnrolTOTP(o.ctx(), here, half)
	o.fault(err, "session_ended", "a new authenticator after the password alone")
	_, _, err = o.ConfirmTOTP(o.ctx(), here, half, o.shows(m))
	o.fault(err, "session_ended", "confirming after the password alone")
	_, err = o.Prove(o.ctx(), here, half, m.password, o.shows(m))
	o.fault(err, "session_ended", "a proof after the password alone")
	_, err = o.SecondFactor(o.ctx(), here, m.token, o.shows(m))
	o.fault(err, "sign_in_failed", "a second factor to an open session")
	o.later(10 * time.Minute)
	_, err = o.SecondFactor(o.ctx(), here, half, o.shows(m))
	o.fault(err, "sign_in_failed", "ten minutes after the password")
}

func TestSEC_16_the_wait_grows_with_each_failure_and_a_sign_in_takes_it_back(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	waits := []time.Duration{0, 0, 0, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute,
		30 * time.Minute, time.Hour, time.Hour}
	for name, email := range map[string]string{"known": m.email, "unknown": "nobody@example.net"} {
		here := from("198.51.100." + string('0'+rune(len(name))))
		for i, wait := range waits {
			_, err := o.SignIn(o.ctx(), here, email, "a wrong one, quite long")
			o.fault(err, "", name)
			if wait > 0 {
				o.later(wait - time.Microsecond)
				_, err = o.SignIn(o.ctx(), here, email, m.password)
				if f := fault.As(err); f.Code != "sign_in_paused" || f.RetryAfter != time.Microsecond {
					t.Errorf("%s: after failure %d: %v, %s", name, i+1, err, f.RetryAfter)
				}
				o.later(time.Microsecond)
			}
		}
	}
	o.later(time.Hour)
	o.signIn(m)
	for range 3 {
		_, err := o.SignIn(o.ctx(), here, m.email, "a wrong one, quite long")
		o.ok(err)
	}
	o.signIn(m) // the count began anew
}

func TestSEC_17_a_stranger_elsewhere_does_not_keep_the_owner_out(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	for range 4 {
		_, err := o.SignIn(o.ctx(), from("203.0.113.9"), m.email, "a wrong one, quite long")
		o.ok(err)
	}
	_, err := o.SignIn(o.ctx(), from("203.0.113.9"), m.email, m.password)
	o.fault(err, "sign_in_paused", "the stranger")
	o.signIn(m)
	for i := range 60 { // from as many networks
		_, err = o.SignIn(o.ctx(), from("2001:db8:0:"+string('a'+rune(i%6))+string('0'+rune(i/6))+"::1"), m.email, "a wrong one, quite long")
		if f, is := errors.AsType[*fault.Error](err); is && (f.Code != "sign_in_paused" || f.RetryAfter > 4*time.Minute) {
			t.Fatalf("%v for %s", err, f.RetryAfter)
		}
	}
	o.later(4 * time.Minute)
	o.signIn(m)
}

func TestSEC_19_addresses_of_one_network_are_counted_together(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	for _, last := range "1234" {
		_, err := o.SignIn(o.ctx(), from("2001:db8:1:2::"+string(last)), m.email, "a wrong one, quite long")
		o.ok(err)
	}
	_, err := o.SignIn(o.ctx(), from("2001:db8:1:2:ffff::5"), m.email, m.password)
	o.fault(err, "sign_in_paused", "the same /64")
	_, err = o.SignIn(o.ctx(), from("2001:db8:1:3::5"), m.email, m.password)
	o.fault(err, "", "another /64")
}

func TestSEC_4_failures_are_counted_before_anything_is_compared(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	var in, paused atomic.Int64
	var wg sync.WaitGroup
	for range 32 {
		wg.Go(func() {
			_, err := o.SignIn(o.ctx(), here, m.email, "a wrong one, quite long")
			if err == nil {
				in.Add(1)
			} else if f := fault.As(err); f.Code == "sign_in_paused" {
				paused.Add(1)
			}
		})
	}
	wg.Wait()
	if in.Load() != 4 || paused.Load() != 28 {
		t.Errorf("%d were compared, %d turned away", in.Load(), paused.Load())
	}
}

func TestSEC_4_a_sign_in_has_five_codes_and_the_fifty_first_in_a_row_is_no_use(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	here := here
	wrong := func(token string) {
		code := []byte(o.shows(m))
		code[0] = '0' + (code[0]-'0'+5)%10
		_, err := o.SecondFactor(o.ctx(), here, token, string(code))
		o.fault(err, "sign_in_failed", "a wrong code")
	}
	for round := range 10 {
		o.later(time.Hour)
		here = from("198.51.100." + string('0'+rune(round)))
		step, err := o.SignIn(o.ctx(), here, m.email, m.password)
		o.ok(err)
		for range 4 {
			wrong(step.Token.Reveal())
		}
		if round == 8 { // after the 44th wrong one it would still be right
			break
		}
		wrong(step.Token.Reveal())
		_, err = o.SecondFactor(o.ctx(), here, step.Token.Reveal(), o.shows(m))
		o.fault(err, "sign_in_failed", "the right code after five wrong ones")
	}
	here = from("203.0.113.1")
	for range 2 {
		step, err := o.SignIn(o.ctx(), here, m.email, m.password)
		o.ok(err)
		for range 4 {
			wrong(step.Token.Reveal())
		}
	}
	step, err := o.SignIn(o.ctx(), here, m.email, m.password)
	o.ok(err)
	_, err = o.SecondFactor(o.ctx(), here, step.Token.Reveal(), m.codes[0])
	o.fault(err, "sign_in_failed", "a recovery code after fifty wrong codes")
	_, err = o.SecondFactor(o.ctx(), here, step.Token.Reveal(), o.shows(m))
	o.fault(err, "sign_in_failed", "the right code after fifty wrong codes")
}

func TestSEC_42_a_code_is_right_once_however_many_try(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	tokens := o.halfway(m)
	code := o.shows(m)
	if won := o.race(tokens, func(int) string { return code }); won != 1 {
		t.Errorf("one code opened %d sessions", won)
	}
}

func TestSEC_63_a_recovery_code_is_good_once_however_many_try(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	tokens := o.halfway(m)
	o.mail()
	if won := o.race(tokens, func(int) string { return m.codes[0] }); won != 1 {
		t.Errorf("one code opened %d sessions", won)
	}
	if got := o.mail(); len(got) != 1 || got[0] != operator.MailCodeUsed+" "+annEmail {
		t.Errorf("posted %v", got)
	}
	used := o.events(operator.EventCodeUsed)
	if len(used) != 1 || o.said(used[0])["codes_left"] != 9.0 {
		t.Errorf("%d events", len(used))
	}
}

// halfway gives eight sign-ins of somebody, from as many places, that wait for the code.
func (o *office) halfway(m *member) (tokens []string) {
	o.Helper()
	for i := range 8 {
		step, err := o.SignIn(o.ctx(), from("198.51.100."+string('1'+rune(i))), m.email, m.password)
		o.ok(err)
		tokens = append(tokens, step.Token.Reveal())
	}
	return tokens
}

// race hands in codes at once, and says how many opened a session.
func (o *office) race(tokens []string, code func(i int) string) int {
	var won atomic.Int64
	var wg sync.WaitGroup
	for i, token := range tokens {
		wg.Go(func() {
			if step, err := o.SecondFactor(o.ctx(), here, token, code(i)); err == nil && step.Stage == operator.StageOpen {
				won.Add(1)
			}
		})
	}
	wg.Wait()
	return int(won.Load())
}

func TestSEC_63_recovery_codes_are_long_shown_once_and_read_as_people_write_them(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	seen := map[string]bool{}
	for _, c := range m.codes {
		if plain := strings.ReplaceAll(c, "-", ""); len(plain) != 26 || seen[plain] || strings.ContainsAny(plain, "ilou") {
			t.Errorf("code of %d characters", len(plain))
		}
		seen[c] = true
	}
	for _, write := range []func(string) string{strings.ToUpper, func(c string) string { return strings.ReplaceAll(c, "-", " ") },
		func(c string) string { return " " + strings.NewReplacer("0", "O", "1", "l").Replace(c) + " " }} {
		step, err := o.SignIn(o.ctx(), here, m.email, m.password)
		o.ok(err)
		_, err = o.SecondFactor(o.ctx(), here, step.Token.Reveal(), write(m.codes[0]))
		o.ok(err)
		m.codes = m.codes[1:]
	}
	old := m.codes[0]
	o.signIn(m)
	fresh, err := o.RecoveryCodes(o.ctx(), here, m.token)
	o.ok(err)
	step, err := o.SignIn(o.ctx(), here, m.email, m.password)
	o.ok(err)
	_, err = o.SecondFactor(o.ctx(), here, step.Token.Reveal(), old)
	o.fault(err, "sign_in_failed", "a code of the old set")
	_, err = o.SecondFactor(o.ctx(), here, step.Token.Reveal(), fresh[9])
	o.ok(err)
	for i := range 6 {
		step, err := o.SignIn(o.ctx(), here, m.email, m.password)
		o.ok(err)
		step, err = o.SecondFactor(o.ctx(), here, step.Token.Reveal(), fresh[i])
		o.ok(err)
		m.token = step.Token.Reveal()
		if g := o.signed(m); g.Operator.FewCodes != (g.Operator.CodesLeft <= 3) || g.Operator.CodesLeft != 8-i {
			t.Errorf("%d left: few %v", g.Operator.CodesLeft, g.Operator.FewCodes)
		}
	}
}

// ledger notes what each change holds and leaves.
type ledger struct {
	operator.Store
	changes []string
}

func (l *ledger) ChangeOperator(ctx context.Context, t operator.Target, decide operator.Decide) error {
	opened := false
	err := l.Store.ChangeOperator(ctx, t, func(h *operator.Held) (outbox.Effects, error) {
		fx, err := decide(h)
		opened = h.Open != nil
		return fx, err
	})
	l.changes = append(l.changes, fmt.Sprintf("%d waits, a session: %v", len(t.Waits), opened))
	return err
}

func TestSEC_76_a_right_password_takes_the_database_no_longer_than_a_wrong_one(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	l := &ledger{Store: o.db}
	o.deps.Store = l
	node := o.another()
	var seen []string
	for name, try := range map[string][2]string{"right": {m.email, m.password}, "wrong": {m.email, "not the right one at all"}, "unknown": {"nobody@example.net", m.password}} {
		l.changes = nil
		step, err := node.SignIn(o.ctx(), here, try[0], try[1])
		o.ok(err)
		if step.Stage != operator.StageSecond {
			t.Errorf("%s: %s", name, step.Stage)
		}
		seen = append(seen, strings.Join(l.changes, "; "))
	}
	if len(slices.Compact(seen)) != 1 {
		t.Errorf("what is done for a right, a wrong and an unknown one:\n%s", strings.Join(seen, "\n"))
	}
}
