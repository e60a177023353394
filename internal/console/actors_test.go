package console_test

import (
	"context"
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

// namesakes are two people of one name.
type namesakes struct{ *crew }

func (n namesakes) People(ctx context.Context, t uid.Tenant) ([]operator.Person, error) {
	all, err := n.crew.People(ctx, t)
	other := all[0]
	other.ID, other.Email = uid.ID{2}, "other@example.com"
	return append(all, other), err
}

func TestActors_nobody_stands_in_the_log_under_the_name_of_another(t *testing.T) {
	_, r := auditors(t)
	mara, other, key := uid.ID{1}.Text(uid.Operator), uid.ID{2}.Text(uid.Operator), uid.ID{4}.Text(uid.Key)
	keys := &directory{list: []tenant.Key{{ID: uid.ID{4}, Tenant: ours, Name: "Mara <b>Jensen</b>"}}}
	b := newBrowser(t, namesakes{r.crew}, func(c *console.Config) { c.AuditLog, c.Directory = r, keys }).as(operator.Admin)
	for actor, id := range map[string]string{"operator:" + mara: mara, "operator:" + other: other, "key:" + key: key} {
		r.page.Events[0].Actor, r.proof.Event.Actor = actor, actor
		wantSays(t, b.get("/console/audit"), "<bdi>Mara &lt;b&gt;Jensen&lt;/b&gt; ("+id+")</bdi>")
		wantSays(t, b.get("/console/audit/"+r.proof.Event.ID.Text(uid.Event)), "<code>actor</code></dt><dd><bdi>"+actor+"</bdi>")
	}
	r.asked = nil
	wantSays(t, b.get("/console/audit?actor=mara+%3Cb%3EJensen%3C/b%3E"), `<a href="#actor">More than one person is called this.`)
	if w := b.get("/console/audit/export?actor=mara+%3Cb%3EJensen%3C/b%3E"); w.Code != 422 || r.asked != nil || r.taken != nil {
		t.Errorf("the export is answered by %d; asked for %+v", w.Code, r.asked)
	}
	b.get("/console/audit?actor=" + "other@example.com")
	if len(r.asked) != 1 || r.asked[0].Actor != "operator:"+other {
		t.Errorf("an address asks for %+v", r.asked)
	}
}
