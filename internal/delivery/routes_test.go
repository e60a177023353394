package delivery

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
)

func testOffers() []Offer {
	return []Offer{
		{"main", []Channel{SMS, Voice, WhatsApp}},
		{"smsc", []Channel{SMS}},
		{"post", []Channel{Email}},
	}
}

func rule(ch Channel, country []string, tenant string, use ...string) Rule {
	return Rule{Match: Match{Channel: ch, Country: country, Tenant: tenant}, Use: use}
}

func TestCheckRoutes_tells_every_fault_at_once(t *testing.T) {
	t.Parallel()
	tenant := uid.NewTenant(time.UnixMilli(1)).Text()
	other := uid.NewTenant(time.UnixMilli(2)).Text()
	for _, c := range []struct {
		name  string
		rules []Rule
		want  []string // a part of each fault, in order
	}{
		{"good", []Rule{
			rule(SMS, []string{"US", "CA"}, "", "main", "smsc"),
			rule(SMS, nil, tenant, "smsc"),
			rule(SMS, nil, "", "smsc", "main"),
			rule(Email, nil, "", "post"),
		}, nil},
		{"each kind", []Rule{
			rule("fax", nil, "", "main"),
			rule(SMS, nil, "", "nobody"),
			rule(SMS, nil, ""),
			rule(Email, nil, "", "main"),
			rule(SMS, []string{"us"}, "", "main"),
			rule(SMS, nil, "acme", "main"),
			rule(SMS, nil, "", "main", "main"),
			rule(Email, []string{"DE"}, "", "post"),
		}, []string{
			"routes[0]: match.channel", "routes[0]: use: the provider \"main\" does not carry fax",
			"routes[1]: use: there is no provider", "routes[2]: use names no provider",
			"routes[3]: use: the provider \"main\" does not carry email", "routes[4]: match.country",
			"routes[5]: match.tenant", "routes[6]: use: the provider \"main\" is named twice",
			"routes[7]: match.country can't be used",
		}},
		{"behind one for all", []Rule{rule(SMS, nil, "", "main"), rule(SMS, []string{"DE"}, "", "smsc")}, []string{"routes[1]: no message"}},
		{"behind the same tenant's", []Rule{rule(SMS, nil, tenant, "main"), rule(SMS, nil, tenant, "smsc")}, []string{"routes[1]: no message"}},
		{"behind two that share its countries", []Rule{
			rule(SMS, []string{"US"}, "", "main"), rule(SMS, []string{"CA", "MX"}, "", "main"),
			rule(SMS, []string{"CA", "US"}, tenant, "smsc"),
		}, []string{"routes[2]: no message"}},
		{"another tenant's, another channel's and some countries' leave something", []Rule{
			rule(SMS, nil, other, "main"), rule(Voice, nil, "", "main"), rule(SMS, []string{"US"}, "", "main"),
			rule(SMS, []string{"US", "CA"}, tenant, "smsc"), rule(SMS, nil, "", "main"),
		}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := CheckRoutes(c.rules, testOffers())
			if len(got) != len(c.want) {
				t.Fatalf("got %q, want %d faults", got, len(c.want))
			}
			for i, part := range c.want {
				if !strings.Contains(got[i], part) {
					t.Errorf("fault %d is %q, want one with %q", i, got[i], part)
				}
			}
		})
	}
	if got := CheckRoutes(nil, append(testOffers(), testOffers()[0])); len(got) != 1 || !strings.Contains(got[0], "twice") {
		t.Errorf("a doubled name gives %q", got)
	}
}

func TestRoutesFor_uses_all_providers_in_order(t *testing.T) {
	t.Parallel()
	want := []Rule{rule(SMS, nil, "", "main", "smsc"), rule(Voice, nil, "", "main"), rule(WhatsApp, nil, "", "main"), rule(Email, nil, "", "post")}
	got := RoutesFor(testOffers())
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if faults := CheckRoutes(got, testOffers()); len(faults) > 0 {
		t.Error(faults)
	}
}

func TestFind_first_match_wins(t *testing.T) {
	t.Parallel()
	mine, other := uid.NewTenant(time.UnixMilli(1)), uid.NewTenant(time.UnixMilli(2))
	routes := []route{
		{Match: Match{Channel: SMS, Country: []string{"US", "CA"}}, sender: "north america"},
		{Match: Match{Channel: SMS}, tenant: mine, sender: "mine"},
		{Match: Match{Channel: SMS}, sender: "rest"},
	}
	for _, c := range []struct {
		name    string
		ch      Channel
		country string
		tenant  uid.Tenant
		want    string
	}{
		{"country", SMS, "CA", mine, "north america"},
		{"tenant", SMS, "DE", mine, "mine"},
		{"the rest", SMS, "DE", other, "rest"},
		{"a number without a country", SMS, "", other, "rest"},
		{"no route", Voice, "US", mine, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := ""
			if r := find(routes, c.ch, recipient.Recipient{Country: c.country}, c.tenant); r != nil {
				got = r.sender
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}
