package operator_test

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
)

// asked is a store that remembers what it was asked.
type asked struct {
	operator.Store
	what []string
}

func (a *asked) SessionByHash(ctx context.Context, hash [32]byte) (operator.Session, operator.Operator, error) {
	a.what = append(a.what, "session")
	return a.Store.SessionByHash(ctx, hash)
}

func (a *asked) ChangeOperator(ctx context.Context, target operator.Target, decide operator.Decide) error {
	a.what = append(a.what, "change")
	return a.Store.ChangeOperator(ctx, target, decide)
}

// TestSEC_76_no_page_tells_a_right_password_by_its_work: whoever has given a password and no code can ask for pages as often as they like,
// and measure; the database is asked the same after a right one and after a wrong one.
func TestSEC_76_no_page_tells_a_right_password_by_its_work(t *testing.T) {
	t.Parallel()
	o := setup(t)
	m := o.ann()
	store := &asked{Store: o.db}
	o.deps.Store = store
	s := o.another()
	work := map[string][2][]string{}
	for i, typed := range []string{m.password, "not " + m.password} {
		step, err := s.SignIn(o.ctx(), here, m.email, typed)
		o.ok(err)
		token, c := step.Token.Reveal(), here
		c.Once = "FORM"
		for page, open := range map[string]func() error{
			"stage":         func() error { _, err := s.Stage(o.ctx(), token); return err },
			"session":       func() error { _, err := s.Session(o.ctx(), token); return err },
			"new app":       func() error { _, err := s.EnrolTOTP(o.ctx(), here, token); return err },
			"code of a new": func() error { _, _, err := s.ConfirmTOTP(o.ctx(), c, token, "123456"); return err },
			"proof":         func() error { _, err := s.Prove(o.ctx(), c, token, typed, "123456"); return err },
			"password": func() error {
				_, err := s.ChangePassword(o.ctx(), c, token, typed, "another pass for all of it")
				return err
			},
		} {
			store.what = nil
			want := "session_ended"
			if page == "stage" {
				want = ""
			}
			o.fault(open(), want, page)
			both := work[page]
			both[i] = store.what
			work[page] = both
		}
	}
	for page, both := range work {
		if !slices.Equal(both[0], both[1]) {
			t.Errorf("%s: after a right password the database is asked for %q, after a wrong one for %q", page, both[0], both[1])
		}
	}
}

func TestA_pause_says_how_long_it_is(t *testing.T) {
	t.Parallel()
	o := setup(t)
	o.ann()
	wrong := func() error {
		_, err := o.SignIn(o.ctx(), here, annEmail, "not the right one at all")
		return err
	}
	for range 4 {
		o.ok(wrong())
	}
	for after, want := range map[time.Duration]string{0: "Try again in 30 seconds.", 29500 * time.Millisecond: "Try again in 1 second."} {
		o.later(after)
		if err := wrong(); err == nil || !strings.Contains(fault.As(err).Message, want) {
			t.Errorf("%v later: %v", after, err)
		}
		o.later(-after)
	}
	for range 3 {
		o.later(2 * time.Minute)
		o.ok(wrong())
	}
	if err := wrong(); err == nil || !strings.Contains(fault.As(err).Message, "Try again in 4 minutes.") {
		t.Errorf("after seven: %v", err)
	}
	o.later(time.Second)
	if err := wrong(); err == nil || !strings.Contains(fault.As(err).Message, "Try again in 4 minutes.") {
		t.Errorf("too early is no help: %v", err)
	}
}
