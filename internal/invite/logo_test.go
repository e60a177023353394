package invite_test

import (
	"encoding/json"
	"testing"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/policy"
)

// TestRA_66_a_logo_that_was_kept_before_a_rule stays until it is replaced, and bars no other change.
func TestRA_66_a_logo_that_was_kept_before_a_rule(t *testing.T) {
	t.Parallel()
	d := setup(t)
	look := policy.DefaultCustomisation()
	look.Brand.Logo, look.Brand.LogoType = []byte("\x89PNG\r\n\x1a\n and no more"), "image/png"
	text, err := json.Marshal(look)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.db.PutSetting(t.Context(), d.by.Tenant, invite.SettingCustomisation, invite.Setting{Text: text, Version: 1}, outbox.Effects{}); err != nil {
		t.Fatal(err)
	}
	look.Brand.Name = "Acme Payments"
	if look, err = d.SetCustomisation(t.Context(), d.by, look, 1); err != nil || look.Brand.LogoFault() == "" {
		t.Fatalf("version %d, fault %q, %v", look.Version, look.Brand.LogoFault(), err)
	}
	other := look
	other.Brand.Logo = append(other.Brand.Logo[:len(other.Brand.Logo):len(other.Brand.Logo)], 1)
	_, err = d.SetCustomisation(t.Context(), d.by, other, 2)
	d.fault(err, fault.Invalid, "brand_logo_invalid")
	look.Brand.Logo, look.Brand.LogoType = nil, ""
	if look, err = d.SetCustomisation(t.Context(), d.by, look, 2); err != nil || look.Brand.LogoFault() != "" {
		t.Errorf("%q, %v", look.Brand.LogoFault(), err)
	}
}
