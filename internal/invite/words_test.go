package invite_test

import (
	"testing"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
)

func TestRA_67_a_code_comes_from_the_firm_that_its_page_names_and_is_bound_to_the_pages_host(t *testing.T) {
	t.Parallel()
	d := setup(t)
	look := policy.DefaultCustomisation()
	look.Brand.Name = "Acme Payments"
	if _, err := d.SetCustomisation(t.Context(), d.by, look, 0); err != nil {
		t.Fatal(err)
	}
	v := d.invited()
	page := d.send(v, invite.SendSent)
	if got := d.world.codes[0]; got.ServiceName != page.Firm || page.Firm != "Acme Payments" || got.Host != "verify.example" {
		t.Errorf("the page is of %q, the code of %q, bound to %q", page.Firm, got.ServiceName, got.Host)
	}
}

func TestRA_67_a_code_speaks_the_language_of_the_page_that_asked(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ chosen, firm, accepts, want string }{
		"chosen on the page":       {"de", "fr", "es", "de"},
		"asked for by the firm":    {"", "fr", "es", "fr"},
		"asked for by the browser": {"", "", "es", "es"},
		"a door without pages":     {"", "fr", "", "fr"},
		"nobody says":              {"", "", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := setup(t)
			v := d.invited(func(r *invite.CreateRequest) { r.Locale = c.firm })
			v.Chosen, v.Accepts = c.chosen, c.accepts
			d.send(v, invite.SendSent)
			d.is(d.world.codes[0].Locale, c.want, "language")
		})
	}
}
