package console_test

import (
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

func TestActors_a_key_has_its_name_for_those_who_may_see_keys_and_its_id_for_others(t *testing.T) {
	key := tenant.Key{ID: uid.ID{4}, Tenant: ours, Name: "Checkout"}
	id := key.ID.Text(uid.Key)
	b, d := settingsDesk(t, func(c *console.Config) { c.Directory = &directory{list: []tenant.Key{key}} })
	d.checks.Version, d.checks.UpdatedAt, d.checks.UpdatedBy = 1, noon, "key:"+id
	for role, want := range map[operator.Role]string{"owner": "Checkout", "viewer": id} {
		if page := b.as(role).get(checksPath).Body.String(); !strings.Contains(page, want) {
			t.Errorf("the page of the %s does not say %q", role, want)
		}
	}
}
