package invite_test

import (
	"testing"
	"time"

	"github.com/countersign/countersign/internal/invite"
)

func TestVendor_the_dialect_is_in_every_event_and_nothing_else_of_it(t *testing.T) {
	t.Parallel()
	d := setup(t)
	made := d.create(entered(true, false), func(r *invite.CreateRequest) {
		r.Silent, r.Vendor = true, map[string]string{invite.VendorDialect: "idenfy", "callback_url": "https://example.com/hook"}
	})
	v, _ := d.open(made.Token.Reveal())
	d.later(2 * time.Hour)
	if n, err := d.Sweep(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	for _, kind := range []string{"created", "opened", "expired"} {
		data := d.data(v.ID, kind)
		d.is(data["dialect"], "idenfy", kind)
		if _, there := data["callback_url"]; there {
			t.Errorf("%s: %v", kind, data)
		}
	}
	plain := d.invited()
	if _, there := d.data(plain.ID, "created")["dialect"]; there {
		t.Error("an invitation of no door has a dialect")
	}
}
