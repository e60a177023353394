package operator_test

import (
	"context"
	"slices"
	"testing"

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
