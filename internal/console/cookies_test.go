package console_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/uid"
)

// overHTTPS is a browser of a server whose address is https.
func overHTTPS(t *testing.T) *browser {
	b := newBrowser(t, &people{}, func(c *console.Config) { c.PublicURL = "https://console.test" })
	b.base = "https://console.test"
	return b
}

const (
	sessionName = "__Host-countersign_console"
	doorName    = "__Host-countersign_door"
)

func TestSEC_70_CookiesOverHTTPSAreOfOurAddressAlone(t *testing.T) {
	b := overHTTPS(t)
	kept := map[string]bool{}
	look := func(w *httptest.ResponseRecorder) {
		t.Helper()
		for _, c := range w.Result().Cookies() {
			kept[c.Name] = true
			if !strings.HasPrefix(c.Name, "__Host-") || !c.Secure || !c.HttpOnly || c.Path != "/" || c.Domain != "" || c.SameSite != http.SameSiteLaxMode {
				t.Errorf("cookie %s", c.Raw)
			}
		}
	}
	look(b.get("/console/sign-in"))
	look(b.send("/console/sign-in", "/console/sign-in", url.Values{"email": {"a@example.com"}, "password": {"x"}}))
	look(b.send("/console/second-factor", "/console/second-factor", url.Values{"code": {"123456"}}))
	look(b.send("/console/prove", "/console/sign-out", url.Values{}))
	for _, name := range []string{sessionName, doorName, "__Host-countersign_said"} {
		if !kept[name] {
			t.Errorf("no cookie %s was set", name)
		}
	}
}

// What somebody on the wire can plant is a cookie without the prefix, or one whose name a lenient server would take for it.
func TestSEC_70_APlantedCookieOpensNothing(t *testing.T) {
	eve := overHTTPS(t)
	body := eve.get("/console/sign-in").Body.String()
	hers := url.Values{"form_token": {tokenField.FindStringSubmatch(body)[1]}, "email": {"eve@example.com"}, "password": {"hers"}}
	if w := eve.post("/console/sign-in", hers); w.Code != http.StatusSeeOther || eve.cookies[sessionName] != "half" {
		t.Fatalf("her own form in her own browser: %d", w.Code)
	}
	for _, name := range []string{"countersign_door", "__Secure-countersign_door", "__host-countersign_door", "\u2000" + doorName, "$Version=1; " + doorName[1:]} {
		victim := overHTTPS(t)
		victim.get("/console/sign-in")
		own := victim.cookies[doorName]
		victim.raw = name + "=" + eve.cookies[doorName] + "; "
		if w := victim.post("/console/sign-in", hers); w.Code != http.StatusConflict || victim.cookies[sessionName] != "" {
			t.Errorf("%q: somebody else's form is answered by %d, and the session is %q", name, w.Code, victim.cookies[sessionName])
		}
		if victim.cookies[doorName] != own {
			t.Errorf("%q took the place of the browser's own", name)
		}
	}
	for _, name := range []string{"countersign_console", "__Secure-countersign_console", "__HOST-countersign_console", "\u00a0" + sessionName} {
		victim := overHTTPS(t)
		victim.raw = name + "=owner; "
		wantTo(t, victim.get("/console/prove"), "/console/sign-in")
	}
}

func TestAFormFromThePlainAddressIsFromElsewhere(t *testing.T) {
	for origin, want := range map[string]int{"https://console.test": http.StatusSeeOther, "http://console.test": http.StatusForbidden, "null": http.StatusForbidden} {
		b := overHTTPS(t)
		body := b.get("/console/sign-in").Body.String()
		form := url.Values{"form_token": {tokenField.FindStringSubmatch(body)[1]}, "email": {"a@example.com"}, "password": {"x"}}
		r := httptest.NewRequest(http.MethodPost, "https://console.test/console/sign-in", strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Origin", origin) // and no Sec-Fetch-Site: an old browser
		if w := b.do(r); w.Code != want {
			t.Errorf("a form from %s is answered by %d, want %d", origin, w.Code, want)
		}
	}
}

func TestWhatWasDoneToTheLongestNameIsSaid(t *testing.T) {
	d := newSender()
	v := d.views[adaID]
	v.FirstName, v.LastName = strings.Repeat("<", 100), strings.Repeat("\U0001e900", 100) // of six bytes each in JSON, and of four
	d.views[adaID] = v
	b := d.browse(t, operator.Agent)
	window := "/console/verifications/" + adaID.Text(uid.Invitation)
	wantTo(t, b.send(window+"/unlock", window+"/unlock", url.Values{"reason": {"It was ours"}, "version": {"1"}}), window)
	wantSays(t, b.get(window), `class="flash"`, v.LastName)
	hasNot(t, b.get(window).Body.String(), `class="flash"`)
}
