package console_test

import (
	"context"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
)

const securityPath, passwordPath, codesPath = "/console/profile/security", "/console/profile/password", "/console/profile/recovery-codes"

// ownPages is a browser of a viewer over their own pages.
func ownPages(t *testing.T) (*browser, *house) {
	h := &house{}
	return newBrowser(t, h, func(c *console.Config) { c.PageTexts = vocabulary{} }).as(operator.Viewer), h
}

func TestANameAndALanguageAreChanged(t *testing.T) {
	b, h := ownPages(t)
	wantTo(t, b.send("/console/profile", "/console/profile", url.Values{"name": {" Ann "}, "locale": {"de"}}), "/console/profile")
	h.wants(t, "profile Ann de")
	h.refuse = fault.New(fault.Invalid, "name_invalid", "Give a name.").On("name")
	wantSays(t, b.send("/console/profile", "/console/profile", url.Values{"name": {`"<b>`}, "locale": {"de"}}), "Give a name.", `value="&#34;&lt;b&gt;"`, `<option value="de" selected>`)
}

func TestSessionsAreListedAndEachOtherCanBeEnded(t *testing.T) {
	b, h := ownPages(t)
	w := b.get(securityPath)
	wantSays(t, w, "Firefox on Linux, 203.0.113.7", "Safari on Mac", "This one", "&lt;b&gt;")
	if n := strings.Count(w.Body.String(), `action="/console/profile/sessions/end"`); n != 2 || strings.Contains(w.Body.String(), "<b><b>") {
		t.Errorf("%d sessions can be ended, or a browser's name is not escaped", n)
	}
	me := uid.ID{1}.Text(uid.Operator)
	other := uid.ID{22}.Text(uid.Session)
	wantTo(t, b.send(securityPath, "/console/profile/sessions/end", url.Values{"session": {other}}), securityPath)
	h.wants(t, "revoke "+me+" "+other)
	wantTo(t, b.send("/console/profile/sessions/end-others", "/console/profile/sessions/end-others", url.Values{}), securityPath)
	h.wants(t, "revoke "+me+" "+other, "revoke "+me+" "+uid.ID{23}.Text(uid.Session))
	for _, none := range []string{"", "x", uid.ID{}.Text(uid.Session)} {
		if w := b.send(securityPath, "/console/profile/sessions/end", url.Values{"session": {none}}); w.Code != 404 {
			t.Errorf("session %q is answered by %d", none, w.Code)
		}
	}
	h.wants(t)
}

// doubter takes no proof.
type doubter struct {
	people
	coded bool
}

func (d *doubter) Session(ctx context.Context, token string) (operator.Signed, error) {
	g, err := d.people.Session(ctx, token)
	g.Operator.TOTP = d.coded
	return g, err
}

func (*doubter) Prove(context.Context, operator.Client, string, string, string) (operator.Step, error) {
	return operator.Step{}, fault.New(fault.Unauthenticated, "sign_in_failed", "Check your address, and begin again.")
}

func TestAProofThatFailedSaysWhatToLookAtOnItsPage(t *testing.T) {
	for coded, want := range map[bool]string{true: "Check your password and the code.", false: `<a href="#password">That is not your password.</a>`} {
		b := newBrowser(t, &doubter{coded: coded}).as(operator.Agent)
		w := b.send("/console/prove", "/console/prove", url.Values{"password": {"x"}, "code": {"1"}})
		wantSays(t, w, want)
		hasNot(t, w.Body.String(), "your address")
	}
}

func TestWhoHasLostThePhoneIsAskedForARecoveryCodeToo(t *testing.T) {
	b, _ := ownPages(t)
	w := b.get("/console/prove")
	wantSays(t, w, "Code or recovery code")
	hasNot(t, w.Body.String(), `inputmode="numeric"`) // a telephone shows no letters for it
}

func TestSEC_72_ANewPasswordGivesAnotherToken(t *testing.T) {
	b, h := ownPages(t)
	wantSays(t, b.get(passwordPath), "12 characters")
	wantTo(t, b.send(passwordPath, passwordPath, url.Values{"old_password": {" old "}, "password": {" four words of it "}}), securityPath)
	h.wants(t, "password viewer  old   four words of it ")
	if b.cookies["countersign_console"] != "admin" {
		t.Errorf("the cookie is %q", b.cookies["countersign_console"])
	}
	for code, c := range map[string]struct {
		err  error
		says string
	}{
		"old":  {fault.New(fault.Unauthenticated, "sign_in_failed", "That did not work."), `href="#old_password"`},
		"weak": {fault.New(fault.Invalid, "password_invalid", "Choose a longer one.").On("password"), `href="#password"`},
		"many": {fault.New(fault.Limited, "sign_in_paused", "Wait."), "Wait."},
	} {
		h.refuse = c.err
		w := b.send(passwordPath, passwordPath, url.Values{"old_password": {"s3cret-old"}, "password": {"s3cret-new"}})
		if wantSays(t, w, c.says); strings.Contains(w.Body.String(), "s3cret") {
			t.Errorf("%s: a password is written back", code)
		}
	}
}

func TestSEC_50_ThreeRecoveryCodesOrFewerAreAWarning(t *testing.T) {
	for left, warned := range map[int]bool{4: false, 3: true, 0: true} {
		b, h := ownPages(t)
		h.codes = left
		body := b.get(securityPath).Body.String()
		card := body[strings.Index(body, `aria-labelledby="recovery"`):]
		if got := strings.Contains(card[:strings.Index(card, "</section>")], "#alert"); got != warned {
			t.Errorf("%d left: warned %v", left, got)
		}
	}
}

func TestNewRecoveryCodesAreAskedForAndShownOnce(t *testing.T) {
	b, h := ownPages(t)
	wantSays(t, b.get(codesPath), "The codes that you have now stop working.")
	h.wants(t)
	w := b.send(codesPath, codesPath, url.Values{})
	wantSays(t, w, "1111-2222", "3333-4444", `href="/console/profile/security"`)
	h.wants(t, "codes")
	for _, path := range []string{securityPath, codesPath} {
		if strings.Contains(b.get(path).Body.String(), "1111-2222") {
			t.Errorf("%s shows them again", path)
		}
	}
}

func TestWhatIsSignedInWithIsChangedAfterAProof(t *testing.T) {
	b, h := ownPages(t)
	h.refuse = fault.New(fault.Unauthenticated, "proof_needed", "Confirm that it is you first.")
	body := b.get(codesPath).Body.String()
	token := tokenField.FindStringSubmatch(body[strings.Index(body, `action="`+codesPath):])[1]
	wantTo(t, b.post(codesPath, url.Values{"form_token": {token}}), "/console/prove")
	if b.cookies["countersign_console"] == "" {
		t.Error("the session is gone")
	}
	h.long = true
	wantTo(t, b.get(passwordPath), "/console/prove?next=%2Fconsole%2Fprofile%2Fpassword") // before anything is typed
}
