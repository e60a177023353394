package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

// exported is what is kept about a recipient of a tenant.
func (in *installation) exported(of uid.Tenant, to string) (lines []map[string]any, text string) {
	in.t.Helper()
	var out bytes.Buffer
	in.tools(func(tools *app.Tools) error {
		return tools.ExportSubject(context.WithoutCancel(in.t.Context()), of, to, &out)
	})
	for line := range strings.Lines(out.String()) {
		var one map[string]any
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			in.t.Fatalf("%q: %v", line, err)
		}
		lines = append(lines, one)
	}
	return lines, out.String()
}

// proof is what the timeline of an invitation says of the contact that was proven, and by which machine.
func (in *installation) proof(id string) (hashes [2]string) {
	in.t.Helper()
	a := in.call(in.t.Context(), http.MethodGet, "/v1/invitations/"+id+"/events?limit=250", "", nil)
	var page struct {
		Data []struct {
			Type   string
			Detail struct {
				Contact string `json:"contact_hash"`
				Client  string `json:"client_hash"`
			}
		}
	}
	if err := json.Unmarshal(a.body, &page); !a.ok() || err != nil {
		in.t.Fatalf("%v (%v)", a, err)
	}
	for _, e := range page.Data {
		if e.Type == "invitation.mobile_verified" {
			hashes = [2]string{e.Detail.Contact, e.Detail.Client}
		}
	}
	return hashes
}

// TestRA_68_ErasingAPersonKeepsTheEvidenceAsKeyedHashes exports a customer and erases them, on whole servers.
func TestRA_68_ErasingAPersonKeepsTheEvidenceAsKeyedHashes(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{})
		in.up()
		in.redirects(t)
		to := in.number()
		v := in.invite(t, "", body{"mobile": to, "redirect_url": firmURL, "reference": "case-68", "notes": "owes-us-nothing"}).invitation(t)
		c := in.customer()
		c.open(in.relay.linkTo(to))
		c.walk(func() string { return in.relay.codeTo(to) })
		in.drained(t)

		lines, text := in.exported(in.tenant, to)
		last := lines[len(lines)-1]
		if last["id"] != v.ID || last["to"] != to || last["status"] != "handed_off" || last["first_name"] != "Ann" || last["masked_mobile"] != v.MaskedMobile ||
			last["consented"] != true || last["mobile_verified_at"] == nil || last["opened_at"] == nil || last["notes"] != "owes-us-nothing" {
			t.Errorf("the export has %v", last)
		}
		for what, secret := range c.secrets {
			if strings.Contains(text, secret) {
				t.Errorf("the export holds %s", what)
			}
		}
		_, other := in.sandbox()
		if lines, _ := in.exported(other, to); len(lines) != 0 {
			t.Errorf("another tenant's export has %v", lines)
		}

		erase := func(of uid.Tenant) (err error) {
			in.tools(func(tools *app.Tools) error {
				_, _, err = tools.EraseSubject(context.WithoutCancel(t.Context()), of, to, "test")
				return nil
			})
			return err
		}
		if err := erase(in.tenant); fault.As(err).Code != "invitation_open" {
			t.Errorf("erasing with an open invitation: %v", err)
		}
		in.call(t.Context(), http.MethodPost, "/v1/invitations/"+v.ID+"/complete", "", nil).invitation(t)
		before := in.proof(v.ID)
		if len(before[0]) != 32 || len(before[1]) != 32 {
			t.Fatalf("the evidence is %q", before)
		}
		if err := erase(other); err != nil {
			t.Fatal(err)
		}
		if lines, _ := in.exported(in.tenant, to); len(lines) != 2 {
			t.Errorf("another tenant erased ours: %v", lines)
		}
		if err := erase(in.tenant); err != nil {
			t.Fatal(err)
		}
		if lines, _ := in.exported(in.tenant, to); len(lines) != 0 {
			t.Errorf("after the erasure there is %v", lines)
		}
		a := in.call(t.Context(), http.MethodGet, "/v1/invitations/"+v.ID, "", nil)
		shown := string(a.body)
		for _, gone := range []string{"Ann", "Lee", "case-68", "owes-us-nothing", v.MaskedMobile} {
			if strings.Contains(shown, gone) {
				t.Errorf("%q is shown: %s", gone, shown)
			}
		}
		if got := a.invitation(t); got.Status != "completed" || !strings.Contains(shown, `"mobile_2fa":"passed"`) || !strings.Contains(shown, `"consented_at":"`) {
			t.Errorf("what was decided and when is gone: %s", shown)
		}
		if after := in.proof(v.ID); after != before {
			t.Errorf("the evidence is %q, and was %q", after, before)
		}
		db := in.db()
		if n := in.count(db, `SELECT count(*) FROM invitation WHERE phone_index IS NOT NULL OR email_index IS NOT NULL OR reference <> ''`); n != 0 {
			t.Errorf("%d rows can be found by a contact", n)
		}
		until(t, 30*time.Second, "the log does not verify with all its events", func() bool { return in.verifyAudit() == 0 })
	})
}
