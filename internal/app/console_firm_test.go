package app

import (
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
)

var (
	eventType  = regexp.MustCompile(`"type":"([a-z_.]+)"`)
	clientHash = regexp.MustCompile(`client_hash\\?":\\?"([0-9a-f]{32})`)
)

// TestRA_17_WhatAFirmDecidesInTheConsole walks a server's pages with its own services behind them: a setting that loosens a gate, with the
// job that tells the owners, its entry in the log, which is proven and says from where, and the export.
func TestRA_17_WhatAFirmDecidesInTheConsole(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	v, made := w.signedIn()
	v.open("/console/settings/checks")
	kept := regexp.MustCompile(`name="version" value="(\d+)"`).FindStringSubmatch(v.text)
	form := url.Values{"version": {kept[1]}, "mobile_2fa": {string(policy.NoRequired)}, "code_minutes": {"7"}, "resend_max": {"3"}, "resend_cooldowns": {"30"},
		"link_expiry_hours": {"720"}, "reminder_days": {"1"}}
	v.press("/settings/checks", form)
	if !strings.Contains(v.text, "All owners of your firm are told") {
		t.Fatalf("it is not asked once more:\n%s", v.text)
	}
	form.Set("confirmed", "yes")
	v.press("/settings/checks", form)
	owner, err := uid.ParseTenant(made.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	if c, err := w.s.invites.Checks(t.Context(), owner); err != nil || c.Mobile2FA != policy.NoRequired || c.CodeMinutes != 7 || !strings.Contains(v.text, "Saved.") {
		t.Errorf("kept %+v, %v, at %s", c, err, v.at)
	}
	if s := w.s.handlers()[operator.JobLoosened]; s == nil {
		t.Error("nobody does the job that tells the owners")
	}

	v.open("/console/audit?type=invitation.settings_changed")
	entry := regexp.MustCompile(`/console/audit/evt_[0-9a-z]+`).FindString(v.text)
	w.wait("a proof", func() bool {
		if _, err := w.s.sealer.SealNow(t.Context()); err != nil { // by itself it signs once a minute
			t.Fatal(err)
		}
		return v.open(entry) == http.StatusOK && strings.Contains(v.text, "Checked just now")
	})
	if !strings.Contains(v.text, "new.mobile_2fa") || !strings.Contains(v.text, "no_required") {
		t.Errorf("the entry does not tell the new value:\n%s", v.text)
	}
	for path, want := range map[string]string{
		entry + "/proof": `"kind":"end","events":1`, "/console/audit/export": `"type":"invitation.settings_changed"`, "/console/team": made.Operator.Email,
		"/console/settings/texts?locale=ar": `<option value="ar" selected>`, "/console/settings/customisation": "Verify phone", "/console/profile/security": "This one",
	} {
		if status := v.open(path); status != http.StatusOK || !strings.Contains(v.text, want) {
			t.Errorf("%s: %d, without %q", path, status, want)
		}
	}
	v.open("/console/audit/export")
	from := map[string]string{} // the machine of each event, by type
	for line := range strings.Lines(v.text) {
		typ, hash := eventType.FindStringSubmatch(line), clientHash.FindStringSubmatch(line)
		if typ != nil && hash != nil {
			from[typ[1]] = hash[1]
		}
	}
	if changed := from["invitation.settings_changed"]; changed == "" || changed != from[operator.EventSignedIn] {
		t.Errorf("the setting was changed from %q, the sign-in came from %q", changed, from[operator.EventSignedIn])
	}
	for filters, want := range map[string]int64{"?type=invitation.settings_changed&from=2026-01-01": 1, "?actor=" + made.Operator.Email + "&type=invitation.settings_changed": 1,
		"?type=key.revoked": 0} {
		v.open("/console/audit/export" + filters)
		r, err := audit.VerifyExport(strings.NewReader(v.text), w.s.storage.signer.Verifier())
		if err != nil || !r.OK() || r.Events != want || r.Only == nil {
			t.Errorf("export of %s: %v\n%s", filters, err, r.String())
		}
	}
	v.open("/console/audit?type=operator.log_exported")
	if n := strings.Count(v.rows(), `<span class="sub"><code>operator.<wbr>log_<wbr>exported`); n != 6 { // the proof, all twice, and three selections
		t.Errorf("%d events tell of six exports", n)
	}
	v.open("/console/settings/texts?locale=ar")
	v.press("/settings/texts", url.Values{"version": {"0"}, "locale": {"ar"}, "consent_text": {strings.Repeat("\u0646", policy.MaxConsentText)}})
	if !strings.Contains(v.text, "Saved.") {
		t.Errorf("the longest text of consent is not taken, at %s:\n%.500s", v.at, v.text)
	}
}
