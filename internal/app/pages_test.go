package app

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
)

// TestRA_24_AServerWhoseLinkIsScanned: ten machines open the link and follow it; no message leaves, and the customer goes on.
func TestRA_24_AServerWhoseLinkIsScanned(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	id, link := w.invited(nil)
	for range 10 {
		scanner := w.visitor()
		if status := scanner.open(link); status != http.StatusOK {
			t.Fatalf("a scanner got %d", status)
		}
		r, err := http.NewRequestWithContext(t.Context(), "HEAD", w.base()+link, nil)
		scanner.take(r, err)
	}
	if n := len(w.s.inbox.Messages("")); n != 0 {
		t.Errorf("%d messages left", n)
	}
	v := w.visitor()
	v.open(link)
	v.sees("Confirm your mobile number")
	v.press("/mobile/send", nil)
	v.press("/mobile/check", url.Values{"code": {w.code(devMobile, 1)}})
	v.sees("Do you agree to the use of your data?")
	w.is(id, invite.ConsentPending)
}

// TestRA_41_AServerTellsWhatIsWrong: every outcome of a code, on the page.
func TestRA_41_AServerTellsWhatIsWrong(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	id, link := w.invited(nil)
	v := w.visitor()
	v.open(link)
	v.press("/mobile/send", nil)
	says := func(code, want string) {
		t.Helper()
		v.press("/mobile/check", url.Values{"code": {code}})
		if !strings.Contains(v.text, want) {
			t.Fatalf("%q: the page lacks %q:\n%s", code, want, v.text)
		}
	}
	code := w.code(devMobile, 1)
	says("", "Enter the 6 digits of the code.")
	says("12", "The code has 6 digits.")
	for _, left := range []string{"4 tries", "3 tries", "2 tries", "1 try"} {
		says(otherCode(code), "That code is not right. You have "+left+" left.")
	}
	says(otherCode(code), "This code no longer works. Choose Resend to get a new one.")
	says(code, "This code no longer works. Choose Resend to get a new one.")
	v.press("/mobile/send", nil)
	if !strings.Contains(v.text, "It is too early for a new code.") {
		t.Fatalf("a new code at once:\n%s", v.text)
	}
	w.later(31 * time.Second)
	v.press("/mobile/send", nil)
	if !strings.Contains(v.text, "A new code is on its way.") {
		t.Fatalf("the page does not tell of the new code:\n%s", v.text)
	}
	fresh := w.code(devMobile, 2)
	if code != fresh {
		says(code, "You have 4 tries left.") // the superseded code is any wrong one: which was sent is not told
	}
	w.later(5 * time.Minute)
	says(fresh, "This code no longer works. Choose Resend to get a new one.")
	w.is(id, invite.MobilePending)
}

// otherCode is a code that is not this one.
func otherCode(code string) string {
	return string('0'+(code[0]-'0'+1)%10) + code[1:]
}

// TestRA_39_AServerLocks: the last code wrong five times locks the page for half an hour; then there is one more cycle.
func TestRA_39_AServerLocks(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	id, link := w.invited(nil)
	v := w.visitor()
	v.open(link)
	for i := range 4 {
		v.press("/mobile/send", nil)
		v.sees("Enter your code")
		w.code(devMobile, i+1)
		w.later(3 * time.Minute)
	}
	if strings.Contains(v.text, "/mobile/send") {
		t.Error("the fifth code is offered")
	}
	code := w.code(devMobile, 4)
	for range 5 {
		v.press("/mobile/check", url.Values{"code": {otherCode(code)}})
	}
	v.sees("Please take a break")
	w.is(id, invite.MobileFailed)
	w.later(31 * time.Minute)
	v.open(v.at)
	v.sees("Confirm your mobile number")
	v.press("/mobile/send", nil)
	v.press("/mobile/check", url.Values{"code": {w.code(devMobile, 5)}})
	v.sees("Do you agree to the use of your data?")
}

// TestSessions_on_a_server: another browser, an old link, a link that ended, a server that was restarted.
func TestSessions_on_a_server(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	id, link := w.invited(nil)
	hub := "/v/i/" + id.Text(uid.Invitation)
	v := w.visitor()
	v.open(link)
	v.press("/mobile/send", nil)
	code := w.code(devMobile, 1)

	stranger := w.visitor()
	if status := stranger.open(hub + "/mobile"); status != http.StatusNotFound || !strings.Contains(stranger.text, "Open the full link in your message again") {
		t.Errorf("a stranger who knows the id: %d\n%s", status, stranger.text)
	}
	stranger.open(link) // and who has the link: the code is not theirs (RA-33)
	stranger.sees("Confirm your mobile number")

	w.restart()
	v.press("/mobile/check", url.Values{"code": {code}})
	v.sees("Do you agree to the use of your data?")
	v.open(link) // RA-44
	v.sees("Do you agree to the use of your data?")
	if stranger.open(hub + "/consent"); stranger.at != hub+"/mobile" {
		t.Errorf("another browser came to %s", stranger.at)
	}

	if _, err := w.s.invites.Resend(t.Context(), invite.Target{Caller: w.by, ID: id}, []delivery.Channel{delivery.Email}); err != nil {
		t.Fatal(err)
	}
	for who, b := range map[string]*visitor{"the session": v, "a new one": w.visitor()} {
		if status := b.open(link); status != http.StatusGone || !strings.Contains(b.text, "This link no longer works") {
			t.Errorf("%s opens the link of before: %d\n%s", who, status, b.text)
		}
	}
	if status := v.open(hub); status != http.StatusGone || !strings.Contains(v.text, "This link no longer works") {
		t.Errorf("the session of the old link: %d", status)
	}
	if _, err := w.s.invites.Cancel(t.Context(), invite.Target{Caller: w.by, ID: id}, ""); err != nil {
		t.Fatal(err)
	}
	tampered := w.visitor()
	if status := tampered.open(link[:len(link)-1] + "~"); status != http.StatusNotFound {
		t.Errorf("a tampered link: %d", status)
	}
}

// TestID_15_AServerEndsTheLink: three codes, each to a number that the customer gave, and after the third the link ends.
func TestID_15_AServerEndsTheLink(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	id, link := w.invited(entered(true, false))
	v := w.visitor()
	v.open(link)
	for i := range 3 {
		switch i {
		case 0:
			v.sees("What is your mobile number?")
			v.press("/mobile", url.Values{"number": {"٢٠٢ ٥٥٥ ٠١٢٣"}, "country": {"US"}})
		case 1:
			v.press("/mobile/send", nil)
		case 2:
			v.open(v.at + "?change")
			v.press("/mobile", url.Values{"number": {"(202) 555-0123"}, "country": {"US"}})
		}
		v.sees("Enter your code")
		if code := w.code(devMobile, i+1); len(code) != 4 {
			t.Errorf("the code has %d digits, want 4 (ID-13)", len(code))
		}
		w.later(31 * time.Second)
	}
	code := w.code(devMobile, 3)
	for range 3 {
		v.press("/mobile/check", url.Values{"code": {otherCode(code)}})
	}
	v.sees("We could not complete this step")
	w.is(id, invite.Expired)
	fresh := w.visitor()
	fresh.open(link)
	fresh.sees("We could not complete this step")
}

// TestID_54_AServerRefusesALandline: with a neutral text, and no attempt is used.
func TestID_54_AServerRefusesALandline(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	_, link := w.invited(entered(true, true))
	v := w.visitor()
	v.open(link)
	for range 4 {
		v.press("/mobile", url.Values{"number": {"020 7946 0123"}, "country": {"GB"}})
		if !strings.Contains(v.text, "We can’t send a code to this number.") || !strings.Contains(v.text, `value="020 7946 0123"`) {
			t.Fatalf("the page does not say so, or forgets the number:\n%s", v.text)
		}
	}
	v.press("/mobile", url.Values{"number": {devMobile}, "country": {"GB"}})
	v.press("/mobile/check", url.Values{"code": {w.code(devMobile, 1)}})
	v.sees("What is your email address?")
	v.press("/email", url.Values{"address": {devEmail}})
	if code := w.code(devEmail, 1); len(code) != 6 {
		t.Errorf("the code has %d digits, want 6 (ID-17)", len(code))
	} else {
		v.press("/email/check", url.Values{"code": {code}})
	}
	v.sees("You are done")
}

// TestForms_on_a_server: the second of two equal forms sends nothing, from whichever tab and whatever the firm's waits are.
func TestForms_on_a_server(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	c, err := w.s.invites.Checks(t.Context(), w.by.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	c.Resend = policy.Resend{Max: 10, CoolDowns: []time.Duration{0}}
	if _, err := w.s.invites.SetChecks(t.Context(), w.by, c, c.Version); err != nil {
		t.Fatal(err)
	}
	id, link := w.invited(nil)
	asked := func(want int) {
		t.Helper()
		if got := strings.Count(strings.Join(w.trail(id), " "), "mobile_code_asked"); got != want {
			t.Fatalf("%d codes were asked for, want %d", got, want)
		}
	}
	v := w.visitor()
	v.open(link)
	first := v.text
	for range 3 {
		v.text = first // the page of another tab
		v.press("/mobile/send", nil)
		v.sees("Enter your code")
		w.later(2 * time.Second)
	}
	asked(1)
	second := v.text
	for range 2 {
		v.text = second
		v.press("/mobile/send", nil)
		w.later(2 * time.Second)
	}
	asked(2)
}

// TestRA_48_AServerHandsOver: accepting leads to the firm, declining ends it (RA-47), and Back leads nowhere else.
func TestRA_48_AServerHandsOver(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	c, err := w.s.invites.Checks(t.Context(), w.by.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	c.RedirectURLs = []string{"https://acme.example/app"}
	if _, err := w.s.invites.SetChecks(t.Context(), w.by, c, c.Version); err != nil {
		t.Fatal(err)
	}
	off := false
	id, link := w.invited(func(r *invite.CreateRequest) {
		r.Mobile2FA, r.RedirectURL, r.ExternalID = &off, "https://acme.example/app/back", "42"
	})
	v := w.visitor()
	v.open(link)
	v.sees("Do you agree to the use of your data?") // RA-26
	v.press("/consent", url.Values{"decision": {"accept"}})
	want := `content="0;url=https://acme.example/app/back?invitation_id=` + id.Text(uid.Invitation)
	if !strings.Contains(v.text, want) || !strings.Contains(v.text, "state=42") {
		t.Errorf("the page does not lead to the firm:\n%s", v.text)
	}
	w.is(id, invite.HandedOff)

	id, link = w.invited(func(r *invite.CreateRequest) { r.Mobile2FA = &off })
	v = w.visitor()
	v.open(link)
	page := v.text
	v.press("/consent", url.Values{"decision": {"decline"}})
	v.sees("You declined")
	w.is(id, invite.Declined)
	v.text = page
	v.press("/consent", url.Values{"decision": {"accept"}})
	v.sees("You declined")
	if want := []string{"created", "opened", "consent_pending", "declined"}; !slices.Equal(w.trail(id), want) {
		t.Errorf("the trail is %v, want %v", w.trail(id), want)
	}
}

// TestTwoLinksInOneBrowser do not disturb each other, and one that has expired says so.
func TestTwoLinksInOneBrowser(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	one, first := w.invited(nil)
	two, second := w.invited(func(r *invite.CreateRequest) { r.Mobile = "+12025550124" })
	v := w.visitor()
	v.open(first)
	v.press("/mobile/send", nil)
	page := v.text
	v.open(second)
	v.press("/mobile/send", nil)
	v.press("/mobile/check", url.Values{"code": {w.code("+12025550124", 1)}})
	v.sees("Do you agree to the use of your data?")
	v.text = page
	v.press("/mobile/check", url.Values{"code": {w.code(devMobile, 1)}})
	v.sees("Do you agree to the use of your data?")
	v.press("/consent", url.Values{"decision": {"accept"}})
	v.sees("You are done")
	w.is(one, invite.Completed)
	w.is(two, invite.ConsentPending)

	w.later(721 * time.Hour)
	late := w.visitor()
	if status := late.open(second); status != http.StatusGone || !strings.Contains(late.text, "This link no longer works") || !strings.Contains(late.text, "dev") {
		t.Errorf("an expired link: %d\n%s", status, late.text)
	}
	w.is(two, invite.Expired)
}

// TestPagesLogNoSecret: neither the link, nor the cookie, nor a form's token, nor a code, nor what the customer typed.
func TestPagesLogNoSecret(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	_, link := w.invited(entered(true, false))
	v := w.visitor()
	v.open(link)
	v.press("/mobile", url.Values{"number": {"020 7946 0123"}, "country": {"GB"}})
	v.press("/mobile", url.Values{"number": {devMobile}, "country": {"US"}})
	token := forms.FindStringSubmatch(v.text)[2]
	code := w.code(devMobile, 1)
	v.press("/mobile/check", url.Values{"code": {code}})
	v.sees("You are done")
	v.open(link[:len(link)-1])
	u, err := url.Parse(w.base() + v.at)
	if err != nil {
		t.Fatal(err)
	}
	secrets := map[string]string{"link": strings.TrimPrefix(link, "/v/")[:39], "form": token[len(token)-20:], "code": `"` + code + `"`, "number": devMobile[1:], "landline": "7946 0123"}
	u.Path = link
	for _, c := range v.http.Jar.Cookies(u) {
		secrets["cookie "+c.Name] = c.Value
	}
	if len(secrets) < 6 {
		t.Errorf("the browser has no cookie of the link: %v", secrets)
	}
	log := w.log.String()
	if !strings.Contains(log, `"route":"GET /v/{token}"`) {
		t.Errorf("the journey is not in the log:\n%s", log)
	}
	for what, text := range secrets {
		if strings.Contains(log, text) {
			t.Errorf("the log holds the %s", what)
		}
	}
}
