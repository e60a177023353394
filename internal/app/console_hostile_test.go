package app

import (
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/uid"
)

// hostileValues are what only somebody careless or hostile has in an address.
var hostileValues = []string{"a%00b", "%ff%fe", "%ED%A0%80", "%E2%80%AE", "%0d%0aX-A:b", `%22%3E%3Cscript%3E`, "-1", "99999999999999999999", "9999-12-31", "0001-01-01",
	strings.Repeat("a", 8000), strings.Repeat("f", 32), "ffffffff-ffff-ffff-ffff-ffffffffffff", "inv_7zzzzzzzzzzzzzzzzzzzzzzzzz", "opr_00000000000000000000000000"}

// TestNothingInAnAddressOfTheConsoleIsATroubleOfTheServer: whatever stands in the query or the path of a page, on either database.
func TestNothingInAnAddressOfTheConsoleIsATroubleOfTheServer(t *testing.T) {
	t.Parallel()
	for _, database := range []string{"sqlite", "postgres"} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			w := newTownOn(t, database)
			v, _ := w.signedIn()
			id, _ := w.invited(nil)
			if _, err := w.s.sealer.SealNow(t.Context()); err != nil { // there is nothing to export before
				t.Fatal(err)
			}
			v.open("/console/webhooks/new")
			v.press("/console/webhooks/new", url.Values{"url": {w.base() + "/nothing"}, "events": {"invitation.*"}, "version": {"0"}})
			hook := regexp.MustCompile(`/console/webhooks/[a-z]+_[0-9a-z]+`).FindString(v.text)
			if hook == "" {
				t.Fatalf("no webhook:\n%s", v.text)
			}
			for path, names := range map[string]string{
				"/console/verifications": "reference contact status mobile_2fa from to before after", "/console/messages": "kind state channel provider from to order before after",
				"/console/audit": "type actor object from to before after", "/console/audit/export": "type actor object from to", "/console/verifications/import": "before after",
				"/console/settings/preview": "locale page", "/console/settings/texts": "locale page scheme", "/console/developer": "key", "/console/sign-in": "next", "/console/prove": "next",
				"/console/keys/new": "name expires_in_days", hook: "state before after", "/console/verifications/" + id.Text(uid.Invitation): "before",
			} {
				for _, name := range strings.Fields(names) {
					for _, value := range hostileValues {
						v.unharmed(path + "?" + name + "=" + value)
					}
				}
			}
			for _, path := range []string{"/console/verifications/", "/console/imports/", "/console/audit/", "/console/team/", "/console/services/", "/console/webhooks/", hook + "/deliveries/", "/console/settings/logo/",
				"/console/developer/reference/"} {
				for _, value := range hostileValues {
					v.unharmed(path + value)
				}
			}
			if strings.Contains(w.log.String(), `"msg":"panic"`) {
				t.Error("a handler panicked")
			}
		})
	}
}

// unharmed opens an address that nobody should have.
func (v *visitor) unharmed(address string) {
	v.Helper()
	if status := v.open(address); status >= 500 || strings.Contains(v.text, "<script>") {
		v.Errorf("%.100s: %d\n%.300s", address, status, v.text)
	}
}

// newTownOn is newTown on a database.
func newTownOn(t *testing.T, database string) *town {
	t.Helper()
	file := filepath.Join(t.TempDir(), "countersign.yaml")
	text := "{}\n"
	if database == "postgres" {
		text = "database_url: " + ownDatabase(t) + "\n"
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return townOf(t, file)
}
