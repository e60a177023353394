package app

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web/browsertest"
)

// TestWorkWithTheFirmInABrowser is the team, its roles, what is required of customers, and the log.
func TestWorkWithTheFirmInABrowser(t *testing.T) {
	t.Parallel()
	chromium := browsertest.Start(t)
	for name, does := range map[string]func(*testing.T, context.Context){
		"an agent is invited and joins":              agentJoins,
		"what a viewer may":                          viewerMay,
		"what an agent may":                          agentMay,
		"what an admin may":                          adminMay,
		"RA_9 to 12 the four settings, in the form":  fourSettings,
		"an entry of the log is proved in its place": entryProved,
		"a form that another admin was faster with":  staleForm,
	} {
		t.Run(name, func(t *testing.T) { does(t, chromium) })
	}
}

func agentJoins(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	k := o.clerk(t, chromium, true)
	k.signIn(owner)
	k.press(".side a[href='/console/team']")
	k.sees("Team")
	k.press("a[href='/console/team/invite']")
	k.sees("Invite to the team")
	k.fill("email", "ada@acme.example")
	k.Click("#role-agent")
	k.main()
	k.sees("Team")
	k.Says("An invitation is on its way to ada@acme.example.")
	k.Says("Invited")

	link := o.path(o.letter("ada@acme.example", links, 1))
	ada := o.clerk(t, chromium, true)
	ada.Go(link)
	ada.sees("Join the team of " + firmName)
	ada.Says("as an agent")
	ada.fill("name", "Ada Agent", "password", "another "+ownerPassword)
	ada.main()
	ada.sees("Home")
	again := o.clerk(t, chromium, true)
	again.Go(link)
	again.Says("This link is not valid any more.")

	k.Go("/console/team")
	k.Says("Ada Agent")
	k.press("a.row[href*='/console/team/opr_']:not([href$='" + owner.signed.Operator.ID.Text(uid.Operator) + "'])")
	k.sees("Ada Agent")
	k.press("main .acts a[href$='/disable']")
	k.sees("Disable Ada Agent?")
	k.main()
	k.Says("was disabled")
	ada.Go("/console")
	ada.sees("Sign in")
}

// barred holds that pages can't be had by their URLs.
func (k *clerk) barred(paths ...string) {
	k.T.Helper()
	for _, path := range paths {
		k.Go(path)
		k.sees("You are not allowed to see this")
	}
}

// as signs somebody with a role in, at a verification's window.
func as(t *testing.T, chromium context.Context, role operator.Role) (k *clerk, o *office, owner person, window string) {
	t.Helper()
	o, owner = founded(t)
	p := o.joined(owner, role, "Robin "+string(role))
	_, window = o.asked(nil)
	o.letter(adaMobile, links, 1)
	k = o.clerk(t, chromium, true)
	k.Expect("the server responded with a status of 403")
	k.signIn(p)
	return k, o, owner, window
}

const helping = "main .acts a[href$='/correct'], main .acts a[href$='/resend'], main .acts a[href$='/cancel']"

func viewerMay(t *testing.T, chromium context.Context) {
	k, _, _, window := as(t, chromium, operator.Viewer)
	k.lacks("a[data-new]", ".side a[href='/console/audit']", ".side a[href='/console/keys']", ".side a[href='/console/webhooks']", ".side a[href='/console/developer']")
	k.Go(window)
	k.sees("Ada Lovelace")
	k.lacks(helping, ".reveal button")
	k.Go("/console/settings/checks")
	k.sees("Settings")
	k.Says("You can see this and not change it.")
	k.lacks("main button[type=submit]")
	k.Go("/console/team")
	k.sees("Team")
	k.lacks("a[href='/console/team/invite']")
	k.Go("/console/verifications")
	k.sees("Verifications")
	k.lacks("a[href='/console/verifications/import']")
	k.barred("/console/verifications/new", "/console/verifications/import", window+"/cancel", window+"/resend", window+"/correct", "/console/team/invite",
		"/console/audit", "/console/audit/export", "/console/keys", "/console/keys/new", "/console/webhooks", "/console/developer")
}

func agentMay(t *testing.T, chromium context.Context) {
	k, _, _, window := as(t, chromium, operator.Agent)
	k.lacks(".side a[href='/console/audit']", ".side a[href='/console/keys']", ".side a[href='/console/webhooks']", ".side a[href='/console/developer']")
	k.barred("/console/team/invite", "/console/audit", "/console/keys", "/console/webhooks", "/console/developer", "/console/services/new")
	k.Go("/console/settings/checks")
	k.sees("Settings")
	k.Says("You can see this and not change it.")
	k.Go(window)
	k.sees("Ada Lovelace")
	k.press(".reveal button")
	k.Says(adaMobile)
	k.Go(window)
	k.press("main .acts a[href$='/cancel']")
	k.sees("Cancel the verification of Ada Lovelace?")
	k.fill("reason", "asked for by the customer")
	k.main()
	k.Says("was canceled")
}

func adminMay(t *testing.T, chromium context.Context) {
	k, _, owner, _ := as(t, chromium, operator.Admin)
	for _, path := range []string{"/console/services", "/console/keys", "/console/webhooks", "/console/developer", "/console/audit", "/console/messages", "/console/settings/checks",
		"/console/settings/customisation", "/console/profile"} {
		k.Go(path)
		title := map[string]string{"/console/services": "Services", "/console/keys": "API keys", "/console/webhooks": "Webhooks", "/console/developer": "Developers", "/console/audit": "Audit",
			"/console/messages": "Messages", "/console/settings/checks": "Settings", "/console/settings/customisation": "Customisation", "/console/profile": "Your profile"}[path]
		k.sees(title)
	}
	k.Go("/console/team/invite")
	k.sees("Invite to the team")
	k.lacks("#role-owner")
	k.Go("/console/team/" + owner.signed.Operator.ID.Text(uid.Operator))
	k.sees(ownerName)
	k.lacks("main form", "main .acts a")
	k.barred("/console/team/"+owner.signed.Operator.ID.Text(uid.Operator)+"/disable", "/console/team/"+owner.signed.Operator.ID.Text(uid.Operator)+"/reset")
}

// fourSettings sees in the form for a verification what was chosen: the box preset, and locked with its reason.
func fourSettings(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	k := o.clerk(t, chromium, true)
	k.signIn(owner)
	for _, c := range []struct {
		mode   policy.Mode
		on     bool
		reason string
	}{
		{policy.YesRequired, true, "Your firm requires it for every verification."},
		{policy.YesOptional, true, ""},
		{policy.NoOptional, false, ""},
		{policy.NoRequired, false, "Your firm does not allow it for any verification."},
	} {
		k.Go("/console/settings/checks")
		k.sees("Settings")
		k.Click("#mobile_2fa-" + string(c.mode))
		k.main()
		if browsertest.Eval[bool](k.Tab, `document.querySelector("[name=confirmed]") !== null`) {
			k.sees("Allow verifications without Mobile 2FA?")
			k.main()
		}
		k.Says("Saved.")
		k.Go("/console/verifications/new")
		k.sees("New verification")
		got := browsertest.Eval[string](k.Tab, `[mobile_2fa.checked, mobile_2fa.disabled, document.querySelector(".check .reason")?.innerText ?? ""].join("|")`)
		if want := fmt.Sprintf("%t|%t|%s", c.on, c.reason != "", c.reason); got != want {
			t.Errorf("%s: the box is %q, want %q", c.mode, got, want)
		}
	}
	o.wait("the owner is told that checks were loosened", func() bool { return len(o.post.to(ownerAddress)) > 0 })
}

func entryProved(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	o.asked(nil)
	k := o.clerk(t, chromium, true)
	k.signIn(owner)
	if _, err := o.s.sealer.SealNow(t.Context()); err != nil {
		t.Fatal(err)
	}
	k.press(".side a[href='/console/audit']")
	k.sees("Audit")
	k.Do(`{ const f = document.getElementById("type"); f.value = "invitation.created"; f.dispatchEvent(new Event("change", { bubbles: true })) }`)
	k.Wait(`location.search.includes("type=invitation.created") && document.querySelectorAll("#results tbody tr").length === 1 && ` + settled)
	if to := browsertest.Eval[string](k.Tab, `document.querySelector("#export a").getAttribute("href")`); to != "/console/audit/export?type=invitation.created" {
		t.Errorf("the export is of %s and not of what the list shows", to)
	}
	k.press("#results a.row")
	k.sees("Created")
	k.Says("Proven")
	k.Says("Checked just now")
	if text := k.text(); strings.Contains(text, "Lovelace") || strings.Contains(text, adaMobile) {
		t.Errorf("the entry names the customer:\n%s", text)
	}
}

// staleForm has two admins change the same page: the second is told, and nothing of the first is lost.
func staleForm(t *testing.T, chromium context.Context) {
	o, owner := founded(t)
	admin := o.joined(owner, operator.Admin, "Anton Admin")
	one, two := o.clerk(t, chromium, true), o.clerk(t, chromium, true)
	one.signIn(owner)
	two.signIn(admin)
	for _, k := range []*clerk{one, two} {
		k.Go("/console/settings/checks")
		k.sees("Settings")
	}
	one.fill("code_minutes", "3")
	one.main()
	one.Says("Saved.")
	two.fill("code_minutes", "9")
	two.main()
	two.sees("Somebody changed this meanwhile")
	two.Says(ownerName)
	minutes := func() int {
		c, err := o.s.invites.Checks(t.Context(), o.by.Tenant)
		if err != nil {
			t.Fatal(err)
		}
		return c.CodeMinutes
	}
	if got := minutes(); got != 3 {
		t.Fatalf("the second form made it %d minutes", got)
	}
	row := browsertest.Eval[string](two.Tab, `document.querySelector("main tbody tr").innerText`)
	if !strings.Contains(row, "3") || !strings.Contains(row, "9") {
		t.Errorf("the two values stand there as %q", row)
	}
	two.press("main button.warn") // mine, knowing theirs
	two.Says("Saved.")
	if got := minutes(); got != 9 {
		t.Errorf("after the second choice it is %d minutes", got)
	}
}
