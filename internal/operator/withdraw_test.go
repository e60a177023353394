package operator_test

import (
	"context"
	"sync"
	"testing"

	"github.com/countersign/countersign/internal/operator"
)

// late is a store to which something happens between what was read and the next change.
type late struct {
	operator.Store
	happen func()
}

func (l *late) ChangeOperator(ctx context.Context, target operator.Target, decide operator.Decide) error {
	l.happen()
	return l.Store.ChangeOperator(ctx, target, decide)
}

func TestTeam_an_invitation_is_withdrawn_by_who_may_at_that_moment(t *testing.T) {
	t.Parallel()
	o := setup(t)
	ann := o.ann()
	eve := o.hired(ann, "eve@example.net", operator.Admin)
	p, err := o.Invite(o.ctx(), here, o.signed(ann), operator.InviteRequest{Email: "bob@example.net", Role: operator.Agent})
	o.ok(err)
	g, was := o.signed(ann), o.signed(eve)
	var once sync.Once
	o.deps.Store = &late{o.db, func() {
		once.Do(func() {
			_, err := o.ChangeRole(o.ctx(), here, g, was.Operator.ID, operator.Viewer, operator.Admin)
			o.ok(err)
		})
	}}
	o.fault(o.another().Withdraw(o.ctx(), here, was, p.ID), "role_forbids", "by who was an admin when the request began")
	if _, open, err := o.Team(o.ctx(), g); err != nil || len(open) != 1 {
		t.Errorf("%d invitations are open, %v", len(open), err)
	}
	o.ok(o.Withdraw(o.ctx(), here, g, p.ID))
	o.fault(o.Withdraw(o.ctx(), here, g, p.ID), "link_invalid", "the second time")
}
