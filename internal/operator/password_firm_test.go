package operator_test

import (
	"testing"

	"github.com/countersign/countersign/internal/operator"
)

func TestPasswords_with_the_name_of_the_firm_are_refused_wherever_one_is_chosen(t *testing.T) {
	t.Parallel()
	o := setup(t)
	const ours = "gravel umbrella Acme"
	link, r := o.offered(), annSets
	r.Password = ours
	_, err := o.Setup(o.ctx(), here, link, r)
	o.fault(err, "password_invalid", "at the set-up")
	if o.tenants() != 0 {
		t.Error("the firm was made")
	}
	step, err := o.Setup(o.ctx(), here, link, annSets)
	o.ok(err)
	m := o.enrolled(&member{email: annEmail, password: password}, step)
	_, err = o.ChangePassword(o.ctx(), here, m.token, password, ours)
	o.fault(err, "password_invalid", "at a change")

	invited := o.invites(m, "bob@example.net", operator.Agent)
	_, err = o.Accept(o.ctx(), here, invited, operator.AcceptRequest{Name: "Bob", Password: ours})
	o.fault(err, "password_invalid", "at an invitation")
	_, err = o.Accept(o.ctx(), here, invited, operator.AcceptRequest{Name: "Bob", Password: password})
	o.ok(err)

	reset, _, _, err := o.ResetByID(o.ctx(), o.signed(m).Operator.ID)
	o.ok(err)
	token := reset[len(base+"/console/reset#"):]
	_, err = o.Accept(o.ctx(), here, token, operator.AcceptRequest{Password: ours})
	o.fault(err, "password_invalid", "at a reset by the command")
	_, err = o.Accept(o.ctx(), here, token, operator.AcceptRequest{Password: "another pass for all of it"})
	o.ok(err)
}
