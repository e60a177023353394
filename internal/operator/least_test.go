package operator_test

import (
	"testing"

	"github.com/countersign/countersign/internal/operator"
)

func TestAPasswordThatStandsAloneIsLonger(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		person operator.Person
		want   int
	}{
		{operator.Person{Role: operator.Owner}, 12}, {operator.Person{Role: operator.Admin}, 12}, {operator.Person{Role: operator.Agent}, 15},
		{operator.Person{Role: operator.Viewer}, 15}, {operator.Person{Role: operator.Viewer, TOTP: true}, 12},
	} {
		if got := c.person.LeastPassword(); got != c.want {
			t.Errorf("%s, authenticator %v: %d characters, want %d", c.person.Role, c.person.TOTP, got, c.want)
		}
	}
}
