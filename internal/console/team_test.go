package console_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// house is a team of an owner (1), an agent (2) and somebody disabled (3), with two open invitations, to a viewer and to an owner.
type house struct {
	people
	did    []string // what was asked for
	refuse error    // each of it
	ended  bool     // the invitation to an owner
}

var (
	agentID, disabledID = uid.ID{2}, uid.ID{3}
	ownerURL            = "/console/team/" + uid.ID{1}.Text(uid.Operator)
	agentURL            = "/console/team/" + agentID.Text(uid.Operator)
	disabledURL         = "/console/team/" + disabledID.Text(uid.Operator)
	pendingURL          = "/console/team/invitations/" + uid.ID{8}.Text(uid.OperatorLink) + "/withdraw"
)

func (h *house) People(_ context.Context, t uid.Tenant) ([]operator.Person, error) {
	return []operator.Person{
		{ID: uid.ID{1}, Tenant: t, Email: "owner@example.com", Name: "<script>\u202e", Role: operator.Owner, State: operator.Active, TOTP: true, LastSignInAt: noon},
		{ID: agentID, Tenant: t, Email: "tom@example.com", Name: "Tom", Role: operator.Agent, State: operator.Active},
		{ID: disabledID, Tenant: t, Email: strings.Repeat("x", 200) + "@example.com", Role: operator.Viewer, State: operator.Disabled},
	}, nil
}

func (h *house) Team(ctx context.Context, g operator.Signed) ([]operator.Person, []operator.Pending, error) {
	all, err := h.People(ctx, g.Operator.Tenant)
	return all, []operator.Pending{{ID: uid.ID{8}, Email: "new@example.com", Role: operator.Viewer, ExpiresAt: noon},
		{ID: uid.ID{9}, Email: "boss@example.com", Role: operator.Owner, ExpiresAt: noon, Ended: h.ended}}, err
}

func (h *house) do(what ...string) error {
	h.did = append(h.did, strings.Join(what, " "))
	return h.refuse
}

func (h *house) Invite(_ context.Context, _ operator.Client, _ operator.Signed, r operator.InviteRequest) (operator.Pending, error) {
	return operator.Pending{Email: r.Email}, h.do("invite", r.Email, string(r.Role))
}

func (h *house) Withdraw(_ context.Context, _ operator.Client, _ operator.Signed, id uid.ID) error {
	return h.do("withdraw", id.Text(uid.OperatorLink))
}

func (h *house) ChangeRole(_ context.Context, _ operator.Client, _ operator.Signed, id uid.ID, to, was operator.Role) (operator.Person, error) {
	return operator.Person{}, h.do("role", id.Text(uid.Operator), string(to), string(was))
}

func (h *house) Disable(_ context.Context, _ operator.Client, _ operator.Signed, id uid.ID) (operator.Person, error) {
	return operator.Person{}, h.do("disable", id.Text(uid.Operator))
}

func (h *house) Enable(_ context.Context, _ operator.Client, _ operator.Signed, id uid.ID) (operator.Person, error) {
	return operator.Person{}, h.do("enable", id.Text(uid.Operator))
}

func (h *house) Reset(_ context.Context, _ operator.Client, _ operator.Signed, id uid.ID) error {
	return h.do("reset", id.Text(uid.Operator))
}

func (h *house) Revoke(_ context.Context, _ operator.Client, _ operator.Signed, id, session uid.ID) error {
	if session.IsZero() {
		return h.do("revoke", id.Text(uid.Operator), "all")
	}
	return h.do("revoke", id.Text(uid.Operator), session.Text(uid.Session))
}

func (h *house) Sessions(context.Context, operator.Signed) ([]operator.SessionView, error) {
	return []operator.SessionView{
		{ID: uid.ID{21}, Current: true, UserAgent: "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", IP: "203.0.113.7"},
		{ID: uid.ID{22}, UserAgent: "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.0 Safari/605.1.15"},
		{ID: uid.ID{23}, UserAgent: strings.Repeat("<b>", 100)},
	}, nil
}

func (h *house) ChangePassword(_ context.Context, _ operator.Client, token, old, fresh string) (operator.Step, error) {
	return operator.Step{Token: seal.CodeFrom("admin")}, h.do("password", token, old, fresh)
}

func (h *house) ChangeProfile(_ context.Context, _ operator.Client, _ operator.Signed, name, locale string) (operator.Person, error) {
	return operator.Person{}, h.do("profile", name, locale)
}

func (h *house) RecoveryCodes(context.Context, operator.Client, string) ([]string, error) {
	return []string{"1111-2222", "3333-4444"}, h.do("codes")
}

func (h *house) wants(t *testing.T, all ...string) {
	t.Helper()
	if strings.Join(h.did, "; ") != strings.Join(all, "; ") {
		t.Errorf("asked for %q, want %q", h.did, all)
	}
	h.did = nil
}

func TestTheTeamIsShownWithWhoWasInvited(t *testing.T) {
	h := &house{}
	b := newBrowser(t, h)
	w := b.as(operator.Admin).get("/console/team")
	wantSays(t, w, "tom@example.com", "new@example.com", `href="`+agentURL+`"`, `href="`+pendingURL+`"`, "&lt;script&gt;", `href="/console/team/invite"`)
	if body := w.Body.String(); strings.Contains(body, "<script>\u202e") || strings.Contains(body, uid.ID{9}.Text(uid.OperatorLink)) {
		t.Error("a name is not escaped, or an admin is offered to take back the invitation of an owner")
	}
	w = b.as(operator.Viewer).get("/console/team")
	if wantSays(t, w, "tom@example.com"); strings.Contains(w.Body.String(), "withdraw") || strings.Contains(w.Body.String(), "team/invite") {
		t.Error("a viewer is offered to change the team")
	}
	wantSays(t, b.as(operator.Owner).get("/console/team"), uid.ID{9}.Text(uid.OperatorLink))
	h.wants(t)
}

func TestAnInvitationByWhoMayNotInviteAnyMoreIsShownAsEnded(t *testing.T) {
	h := &house{}
	b := newBrowser(t, h).as(operator.Owner)
	const said, badge = "Whoever sent it may not invite them any more.", "Invitation ended"
	if body := b.get("/console/team").Body.String(); strings.Contains(body, said) || strings.Contains(body, badge) {
		t.Error("it is, before it has ended")
	}
	h.ended = true
	wantSays(t, b.get("/console/team"), said, badge, uid.ID{9}.Text(uid.OperatorLink))
}

func TestOnlyOwnersAreOfferedToMakeOwners(t *testing.T) {
	b := newBrowser(t, &house{})
	wantSays(t, b.as(operator.Owner).get("/console/team/invite"), `value="owner"`)
	for _, path := range []string{"/console/team/invite", agentURL} {
		w := b.as(operator.Admin).get(path)
		if wantSays(t, w, `value="admin"`); strings.Contains(w.Body.String(), `value="owner"`) {
			t.Errorf("an admin is offered it at %s", path)
		}
	}
	if w := b.as(operator.Admin).get(ownerURL); strings.Contains(w.Body.String(), ownerURL+"/") {
		t.Error("an admin is offered to change an owner")
	}
}

func TestSomebodyIsInvitedAndAWrongAddressIsTold(t *testing.T) {
	h := &house{}
	b := newBrowser(t, h).as(operator.Admin)
	wantTo(t, b.send("/console/team/invite", "/console/team/invite", url.Values{"email": {" eve@example.com "}, "role": {"agent"}}), "/console/team")
	h.wants(t, "invite eve@example.com agent")
	wantSays(t, b.get("/console/team"), "An invitation is on its way to <bdi>eve@example.com</bdi>")
	h.refuse = fault.New(fault.Conflict, "email_taken", "There is an account with this address already.").On("email")
	w := b.send("/console/team/invite", "/console/team/invite", url.Values{"email": {`"><script>@example.com`}, "role": {"agent"}})
	wantSays(t, w, "There is an account with this address already.", `href="#email"`, `value="agent" checked`, "&#34;&gt;&lt;script&gt;@example.com")
}

func TestEachActOnSomebodyIsAskedFirstAndThenDone(t *testing.T) {
	h := &house{}
	b := newBrowser(t, h).as(operator.Admin)
	agent, disabled := agentID.Text(uid.Operator), disabledID.Text(uid.Operator)
	for _, c := range []struct{ path, back, done, asks string }{
		{agentURL + "/disable", agentURL, "disable " + agent, "Disable <bdi>Tom</bdi>?"},
		{agentURL + "/reset", agentURL, "reset " + agent, "Reset the sign-in of <bdi>Tom</bdi>?"},
		{agentURL + "/end-sessions", agentURL, "revoke " + agent + " all", "Tom"},
		{disabledURL + "/enable", disabledURL, "enable " + disabled, "Enable"},
		{pendingURL, "/console/team", "withdraw " + uid.ID{8}.Text(uid.OperatorLink), "new@example.com"},
	} {
		w := b.get(c.path)
		wantSays(t, w, strings.NewReplacer("<bdi>", "", "</bdi>", "").Replace(c.asks))
		h.wants(t)
		wantTo(t, b.send(c.path, c.path, url.Values{}), c.back)
		h.wants(t, c.done)
	}
	wantTo(t, b.send(agentURL, agentURL, url.Values{"role": {"viewer"}}), agentURL)
	h.wants(t, "role "+agent+" viewer agent")
}

func TestWhoSavesARoleFromAnOldPageIsToldWhatItIsNow(t *testing.T) {
	h := &house{}
	r := &record{t: t, page: audit.Page{Events: []audit.Event{{Type: operator.EventRoleChanged, Actor: "operator:" + disabledID.Text(uid.Operator), At: noon.AddDate(0, 0, -9)},
		{Type: operator.EventRoleChanged, Actor: "operator:" + agentID.Text(uid.Operator), At: noon}}}}
	b := newBrowser(t, h, func(c *console.Config) { c.AuditLog = r }).as(operator.Owner)
	h.refuse = fault.New(fault.Conflict, operator.CodeRoleChanged, "Somebody changed the role meanwhile.")
	w := b.send(agentURL, agentURL, url.Values{"role": {"admin"}, "was": {"viewer"}})
	h.wants(t, "role "+agentID.Text(uid.Operator)+" admin viewer")
	wantSays(t, w, "Somebody changed this meanwhile", "Tom", "Agent", "Admin", `name="role" value="admin"`, `name="was" value="agent"`, `action="`+agentURL+`"`)
	if len(r.asked) != 1 || r.asked[0].Object != agentID || r.asked[0].Type != operator.EventRoleChanged {
		t.Errorf("asked the log for %+v", r.asked)
	}
	if w := b.send(agentURL, agentURL, url.Values{"role": {"admin"}, "was": {""}}); w.Code != http.StatusConflict {
		t.Errorf("a form that does not say which role it was drawn of: %d", w.Code)
	}
}

func TestNobodyActsOnThemselvesByURL(t *testing.T) {
	h := &house{}
	b := newBrowser(t, h).as(operator.Owner)
	for _, act := range []string{"/disable", "/enable", "/reset", "/end-sessions"} {
		if w := b.get(ownerURL + act); w.Code != http.StatusForbidden {
			t.Errorf("GET of one's own %s: %d", act, w.Code)
		}
	}
	token := tokenField.FindStringSubmatch(b.get(agentURL + "/disable").Body.String())[1]
	for _, path := range []string{ownerURL + "/disable", ownerURL} {
		if w := b.post(path, url.Values{"form_token": {token}, "role": {"viewer"}, "was": {"owner"}}); w.Code < 400 {
			t.Errorf("POST to %s: %d", path, w.Code)
		}
	}
	h.wants(t)
}

func TestTheLastOwnerStays(t *testing.T) {
	h := &house{refuse: fault.New(fault.Conflict, "last_owner", "This is the last owner.")}
	b := newBrowser(t, h).as(operator.Owner)
	wantSays(t, b.send(agentURL+"/disable", agentURL+"/disable", url.Values{}), "This is the last owner.", `action="`+agentURL+`/disable"`)
	wantSays(t, b.send(agentURL, agentURL, url.Values{"role": {"viewer"}}), "This is the last owner.")
}

func TestWhatTheServiceForbidsIsForbidden(t *testing.T) {
	h := &house{refuse: fault.New(fault.Denied, "role_forbids", "Your role does not allow this.")}
	b := newBrowser(t, h).as(operator.Admin)
	if w := b.get(ownerURL + "/disable"); w.Code != http.StatusForbidden {
		t.Errorf("an admin who would disable an owner is asked whether they mean it: %d", w.Code)
	}
	if w := b.send(agentURL+"/disable", agentURL+"/disable", url.Values{}); w.Code != http.StatusForbidden {
		t.Errorf("what the service forbids is answered by %d", w.Code)
	}
}

func TestSEC_84_SomebodyOfAnotherTeamIsNotThere(t *testing.T) {
	h := &house{}
	b := newBrowser(t, h).as(operator.Owner)
	other := "/console/team/" + uid.ID{99}.Text(uid.Operator)
	for _, path := range []string{other, other + "/disable", other + "/reset", other + "/end-sessions", "/console/team/nobody", "/console/team/invitations/" + uid.ID{99}.Text(uid.OperatorLink) + "/withdraw"} {
		if w := b.get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s is answered by %d", path, w.Code)
		}
	}
	h.wants(t)
}

func TestNobodyIsOfferedToChangeThemselves(t *testing.T) {
	b := newBrowser(t, &house{}).as(operator.Owner)
	w := b.get(ownerURL)
	if wantSays(t, w, "You can’t change your own role"); strings.Contains(w.Body.String(), ownerURL+"/") {
		t.Error("they are")
	}
}
