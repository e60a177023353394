package delivery

import (
	"context"
	"errors"
	"fmt"
	"html"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

const testLink = "https://verify.acme.example/v/3nq8ZkT0vYbR5mLx1cWd7HsJpA9eGfUyKo2iBt4QwMz"

// testNotice is an ordinary one, by SMS.
func testNotice(change func(*Notice)) Notice {
	n := Notice{
		Tenant: uid.Tenant{1}, ID: uid.New(time.UnixMilli(1700000000000), 7), N: 2, Channel: SMS, Locale: "en", Kind: KindInvitation,
		To:   recipient.Recipient{Kind: recipient.Phone, Value: "+12025550123", Country: "US"},
		Firm: "Acme", Name: "Ada Lovelace", Link: testLink,
	}
	if change != nil {
		change(&n)
	}
	return n
}

func mustWrite(t *testing.T, n Notice) Content {
	t.Helper()
	c, err := testRenderer(t).notice(n)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestNotices_each_language_has_each_text_with_its_variables(t *testing.T) {
	t.Parallel()
	sameTexts(t, "notices")
	for locale, texts := range entriesOf(t, "notices") {
		wide := slices.Contains([]string{"ar", "he"}, locale)
		most := map[bool]int{false: 100, true: 50}[wide]
		for name, limit := range map[phrase]int{phNoticeInvitation: most, phNoticeReminder: most, phNoticeInvitationShort: 36, phNoticeReminderShort: 36, phNoticeLeast: 3} {
			e := texts[name]
			if n := units(e.Text); n > limit {
				t.Errorf("%s: %s has %d characters beside its variables, at most %d", locale, name, n, limit)
			}
			if !strings.HasPrefix(e.Text, "{firm}") || !strings.HasSuffix(e.Text, " {link}") {
				t.Errorf("%s: %s does not begin with the firm and end with the link: %q", locale, name, e.Text)
			}
		}
		for _, name := range []phrase{phNoticeInvitation, phNoticeReminder} {
			if gsm := Measure(variable.ReplaceAllString(texts[name].Text, "")).Encoding == GSM7; gsm == wide {
				t.Errorf("%s: %s is GSM 7-bit: %v", locale, name, gsm)
			}
		}
	}
}

func TestNotices_texts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*Notice)
		want   Content
	}{
		{"an invitation", nil, Content{Locale: "en", Segments: 1, Text: "Acme asks you to confirm your details. This link is for you alone: " + testLink}},
		{"a reminder", func(n *Notice) { n.Kind = KindReminder }, Content{Locale: "en", Segments: 1,
			Text: "Acme is still waiting for you to confirm your details. This link is for you alone: " + testLink}},
		{"the language of the locale", func(n *Notice) { n.Locale = "pt-BR" }, Content{Locale: "pt", Segments: 1,
			Text: "Acme pede que confirme os seus dados. Este link é apenas para o seu uso: " + testLink}},
		{"without a locale that of the country", func(n *Notice) { n.Locale, n.To.Country = "", "AT" }, Content{Locale: "de", Segments: 1,
			Text: "Acme bittet Sie, Ihre Angaben zu bestätigen. Dieser Link ist nur für Sie: " + testLink}},
		{"without texts in that one English", func(n *Notice) { n.Locale, n.To.Country = "", "JP" }, Content{Locale: "en", Segments: 1,
			Text: "Acme asks you to confirm your details. This link is for you alone: " + testLink}},
		{"WhatsApp counts no segments", func(n *Notice) { n.Channel = WhatsApp }, Content{Locale: "en",
			Text: "Acme asks you to confirm your details. This link is for you alone: " + testLink}},
		{"Arabic", func(n *Notice) { n.Locale = "ar" }, Content{Locale: "ar", Segments: 2, Text: "Acme تطلب منك تأكيد بياناتك. الرابط لك وحدك: " + testLink}},
	} {
		if diff := cmp.Diff(c.want, mustWrite(t, testNotice(c.change))); diff != "" {
			t.Errorf("%s: %s", c.name, diff)
		}
	}
}

func TestRA_27_a_link_by_SMS_names_the_firm_in_at_most_two_segments_in_every_language(t *testing.T) {
	t.Parallel()
	longest := "https://" + strings.Repeat("a", 46) + ".example/v/" + strings.Repeat("Z", 35)
	if len(longest) != 100 {
		t.Fatal(len(longest))
	}
	for _, locale := range inLanguage {
		for _, kind := range []string{KindInvitation, KindReminder} {
			for _, firm := range []string{"A", strings.Repeat("W", maxServiceName), strings.Repeat("€", maxServiceName), strings.Repeat("ж", maxServiceName), strings.Repeat("😀", maxServiceName/2)} {
				for _, link := range []string{testLink, longest} {
					c := mustWrite(t, testNotice(func(n *Notice) { n.Locale, n.Kind, n.Firm, n.Link = locale, kind, firm, link }))
					if c.Segments > noticeSegments || c.Segments != Measure(c.Text).Segments {
						t.Errorf("%s: %q takes %d segments", locale, c.Text, c.Segments)
					}
					if !strings.HasPrefix(c.Text, firm) || strings.Count(c.Text, link) != 1 || !strings.HasSuffix(c.Text, " "+link) {
						t.Errorf("%s: %q does not begin with the firm and end with the link", locale, c.Text)
					}
				}
			}
		}
	}
}

func TestRA_27_a_link_by_email_is_a_button_and_stands_in_full_in_every_language(t *testing.T) {
	t.Parallel()
	for _, locale := range inLanguage {
		for _, kind := range []string{KindInvitation, KindReminder} {
			c := mustWrite(t, testNotice(func(n *Notice) {
				n.Channel, n.Locale, n.Kind, n.Firm, n.Name, n.Link = Email, locale, kind, "A&B <Bank>", `Ada "<b>`, testLink+"?a=1&b=2"
			}))
			dir := map[bool]string{true: "rtl", false: "ltr"}[locale == "ar" || locale == "he"]
			for _, part := range []string{
				`<html lang="` + locale + `" dir="` + dir + `">`, `<a class="button" href="` + testLink + `?a=1&amp;b=2">`,
				`<p class="address" dir="ltr"><a href="` + testLink + `?a=1&amp;b=2">` + testLink + `?a=1&amp;b=2</a></p>`, `content="light dark"`,
			} {
				if !strings.Contains(c.HTML, part) {
					t.Errorf("%s: the page lacks %s:\n%s", locale, part, c.HTML)
				}
			}
			if strings.Count(c.HTML, "<a ") != 2 || strings.Contains(c.HTML, "<b>") || strings.Contains(c.HTML, "<Bank>") {
				t.Errorf("%s: the page holds what it must not:\n%s", locale, c.HTML)
			}
			for what, text := range map[string]string{"text": c.Text, "page": html.UnescapeString(c.HTML)} {
				for _, part := range []string{"A&B <Bank>", `Ada "<b>`, testLink + "?a=1&b=2"} {
					if !strings.Contains(text, part) {
						t.Errorf("%s: the %s lacks %q:\n%s", locale, what, part, text)
					}
				}
			}
			if !strings.Contains(c.Subject, "A&B <Bank>") || strings.Contains(c.Subject, "http") || c.Locale != locale || c.Segments != 0 {
				t.Errorf("%s: %q in %s", locale, c.Subject, c.Locale)
			}
			nameless := mustWrite(t, testNotice(func(n *Notice) { n.Channel, n.Locale, n.Kind, n.Name = Email, locale, kind, " " }))
			if first, _, _ := strings.Cut(nameless.Text, "\n"); first == "" || strings.Contains(first, "  ") || strings.Contains(first, " ,") {
				t.Errorf("%s: without a name: %q", locale, first)
			}
		}
	}
}

func TestRA_53_messages_name_the_firm_and_never_the_platform(t *testing.T) {
	t.Parallel()
	r := testRenderer(t)
	check := func(what string, c Content, err error) {
		t.Helper()
		all := c.Subject + c.Text + c.HTML
		if err != nil || !strings.Contains(all, "Acme") || strings.Contains(strings.ToLower(all), "countersign") {
			t.Errorf("%s: %v\n%s", what, err, all)
		}
	}
	for _, locale := range inLanguage {
		for _, ch := range Channels {
			c, err := r.render(Message{Channel: ch, Locale: locale, ServiceName: "Acme", Code: seal.CodeFrom("123456"), Life: 5 * time.Minute, Host: "acme.example"})
			check(locale+" code by "+string(ch), c, err)
			for _, kind := range []string{KindInvitation, KindReminder} {
				if ch != Voice {
					c, err := r.notice(testNotice(func(n *Notice) { n.Locale, n.Channel, n.Kind = locale, ch, kind }))
					check(locale+" "+kind+" by "+string(ch), c, err)
				}
			}
		}
	}
}

func TestNotices_hold_one_link_whatever_the_names_are(t *testing.T) {
	t.Parallel()
	for _, ch := range []Channel{SMS, Email, WhatsApp} {
		c := mustWrite(t, testNotice(func(n *Notice) {
			n.Channel, n.Firm, n.Name = ch, "Acme https://evil.example/x\r\nBcc: x", "Eve\n\nwww.evil.example/y \u202e"
		}))
		for what, text := range map[string]string{"text": c.Text, "page": c.HTML, "subject": c.Subject} {
			if strings.Contains(text, "evil.example") || strings.ContainsAny(text, "\r\u202e") || what == "subject" && strings.Contains(text, "\n") {
				t.Errorf("%s: the %s is %q", ch, what, text)
			}
		}
	}
}

// mails is a fake that carries e-mail.
type mails struct{ *fake }

func (mails) Channels() []Channel { return []Channel{Email} }

func TestRA_66_mails_to_customers_are_from_who_asks_and_those_to_operators_from_the_server(t *testing.T) {
	t.Parallel()
	p := mails{&fake{name: "post", answer: takes}}
	d, err := New(Config{Standing: live, Providers: []Provider{p}}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	to := recipient.Recipient{Kind: recipient.Email, Value: "ada@example.net"}
	m := message(func(m *Message) { m.Channel, m.To, m.ServiceName = Email, to, "Acme\nPayments" })
	notice := testNotice(func(n *Notice) { n.Channel, n.To = Email, to })
	_, asked := d.Carry(t.Context(), m)
	_, linked := d.Notify(t.Context(), notice)
	_, told := d.Notify(t.Context(), teamNotice(KindTeamLoosened, func(n *Notice) { n.To = to }))
	if err := errors.Join(asked, linked, told); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, out := range p.got {
		names = append(names, out.Name)
	}
	if want := []string{"Acme Payments", "Acme", ""}; !slices.Equal(names, want) {
		t.Errorf("names %q, want %q", names, want)
	}
}

func TestNotify_goes_the_way_of_messages(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := &fake{name: "a", answer: fails(down())}, &fake{name: "b", answer: takes}
		d, _ := dispatcher(t, a, b)
		n := testNotice(nil)
		want := ID{Invitation: n.ID, N: 2, Channel: SMS}
		for range 5 {
			r, err := d.Notify(t.Context(), n)
			if err != nil || !r.Accepted {
				t.Fatalf("%+v, %v", r, err)
			}
		}
		if a.count() != 3 || b.count() != 5 { // a's circuit opens
			t.Errorf("a was asked %d times and b %d", a.count(), b.count())
		}
		for _, out := range append(a.got, b.got...) { // a repeat has the same names
			if out.ID != want || out.SendKey != want.String() || out.Tenant != n.Tenant || out.Link.Reveal() != testLink || out.Code.Reveal() != "" ||
				!strings.Contains(out.Content.Text, testLink) {
				t.Errorf("a provider was given %v as %q, with the link %t", out.ID, out.SendKey, out.Link.Reveal() == testLink)
			}
		}
		first, err := d.Notify(t.Context(), testNotice(func(n *Notice) { n.To.Country = "FR" }))
		if err != nil || first.Tries[0].N != 1 || first.Tries[0].Segments != 1 {
			t.Errorf("%+v, %v", first, err)
		}
		b.answer = fails(&Final{Word: ErrorInvalidRecipient})
		if r, err := d.Notify(t.Context(), n); err != nil || r.Accepted || r.Retry || r.Tries[len(r.Tries)-1].Error != ErrorInvalidRecipient {
			t.Errorf("refused for good: %+v, %v", r, err)
		}
	})
}

func TestNotify_names_differ_by_invitation_number_and_channel(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, n := range []Notice{
		testNotice(nil), testNotice(func(n *Notice) { n.N = 3 }), testNotice(func(n *Notice) { n.Channel = Email }),
		testNotice(func(n *Notice) { n.ID[15]++ }), testNotice(func(n *Notice) { n.N, n.Channel = 3, Email }),
	} {
		key := n.SendKey()
		if seen[key] || !strings.HasPrefix(key, "ntc_") {
			t.Errorf("%s", key)
		}
		seen[key] = true
		if got, err := ParseID(key); err != nil || got != n.delivery() || !got.OfNotice() {
			t.Errorf("%s reads as %+v, %v", key, got, err)
		}
	}
	for _, bad := range []string{"ntc_", "ntc__1_sms", "ntc_01m808qt5xffetwzd7zygq1y96_1", "ntc_01m808qt5xffetwzd7zygq1y96_1_pigeon",
		"ntc_01m808qt5xffetwzd7zygq1y96_01_sms", "ntc_01m808qt5xffetwzd7zygq1y96_0_sms", "dlv_01m808qt5xffetwzd7zygq1y96_1_sms", "ntc_sms"} {
		if got, err := ParseID(bad); !errors.Is(err, uid.ErrSyntax) {
			t.Errorf("%s reads as %+v, %v", bad, got, err)
		}
	}
}

func TestNotify_refuses_what_can_not_be_carried(t *testing.T) {
	t.Parallel()
	p := &fake{name: "a", answer: takes}
	d, _ := dispatcher(t, p)
	for what, c := range map[string]struct {
		change func(*Notice)
		want   error
	}{
		"a call":                  {func(n *Notice) { n.Channel = Voice }, ErrNoRoute},
		"a channel without route": {func(n *Notice) { n.Channel = WhatsApp }, ErrNoRoute},
		"no kind":                 {func(n *Notice) { n.Kind = "" }, errNoticeKind},
		"no number":               {func(n *Notice) { n.N = 0 }, errNoticeKind},
		"a number too high":       {func(n *Notice) { n.N = maxN + 1 }, errNoticeKind},
		"no firm":                 {func(n *Notice) { n.Firm = " \u202e" }, errNoticeFirm},
		"no link":                 {func(n *Notice) { n.Link = "" }, errNoticeLink},
		"a link that is script":   {func(n *Notice) { n.Link = "javascript:alert(1)" }, errNoticeLink},
		"a link with a break":     {func(n *Notice) { n.Link += "\nx" }, errNoticeLink},
		"a link with a space":     {func(n *Notice) { n.Link += " x" }, errNoticeLink},
		"a link with a user":      {func(n *Notice) { n.Link = "https://acme.example@evil.example/" }, errNoticeLink},
		"a link in other letters": {func(n *Notice) { n.Link = "https://аcme.example/v/x" }, errNoticeLink},
	} {
		r, err := d.Notify(t.Context(), testNotice(c.change))
		if !errors.Is(err, c.want) || len(r.Tries) != 0 || p.count() != 0 {
			t.Errorf("%s: %+v, %v, %d calls", what, r, err, p.count())
		}
	}
}

func TestNotify_asks_for_the_standing_of_the_tenant(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		says  func(context.Context, uid.Tenant) (Standing, error)
		to    string
		state State
		err   error
		retry bool
	}{
		{says: trying, to: "+12025550123", state: Delivered},
		{says: trying, to: "+12025550194", state: Failed},
		{says: func(context.Context, uid.Tenant) (Standing, error) { return Suspended, nil }, to: "+12025550123", err: ErrSuspended},
		{says: func(context.Context, uid.Tenant) (Standing, error) { return Live, errors.New("away") }, to: "+12025550123", retry: true},
	} {
		d, p := withSandbox(t, c.says)
		r, err := d.Notify(t.Context(), testNotice(func(n *Notice) { n.To.Value = c.to }))
		if !errors.Is(err, c.err) || r.Retry != c.retry || p.count() != 0 || (c.state != "") != (len(r.Tries) == 1) {
			t.Errorf("%+v, %v, %d calls", r, err, p.count())
		}
		if c.state != "" && (r.Tries[0].State != c.state || r.Tries[0].Provider != "sandbox" || r.Tries[0].N != 1) {
			t.Errorf("%+v, want %s", r.Tries, c.state)
		}
	}
}

// TestSEC_94_the_link_of_a_notice_is_in_the_message_alone looks for it where it must not be: what is told, logged, counted, and
// printed by mistake.
func TestSEC_94_the_link_of_a_notice_is_in_the_message_alone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log, reg := &strings.Builder{}, prometheus.NewRegistry()
		a, b := &fake{name: "a", answer: hangs}, &fake{name: "b", answer: fails(&Final{Word: ErrorRefused})}
		logger := slog.New(slog.NewJSONHandler(&locked{b: log}, &slog.HandlerOptions{Level: slog.LevelDebug}))
		d, err := New(Config{Standing: live, Providers: []Provider{a, b}}, logger, reg)
		if err != nil {
			t.Fatal(err)
		}
		n := testNotice(nil)
		r, err := d.Notify(t.Context(), n)
		if err != nil || len(r.Tries) != 2 {
			t.Fatalf("%+v, %v", r, err)
		}
		_, bad := d.Notify(t.Context(), testNotice(func(n *Notice) { n.Link += "\n" }))
		logger.Error("by mistake", "notice", n, "link", b.got[0].Link)
		families, err := reg.Gather()
		if err != nil {
			t.Fatal(err)
		}
		printed := fmt.Sprintf("%v %+v %#v %s %q %x", n, n, n, n, n, n) + fmt.Sprint(&n, []Notice{n}, b.got[0].Link)
		for what, text := range map[string]string{
			"log": log.String(), "metrics": fmt.Sprint(families), "result": fmt.Sprintf("%+v", r), "error": fmt.Sprint(bad), "print": printed,
		} {
			for _, secret := range []string{testLink, "3nq8ZkT0vYbR5mLx1cWd7", "+12025550123", "Lovelace"} {
				if strings.Contains(text, secret) {
					t.Errorf("the %s holds %q: %s", what, secret, text)
				}
			}
		}
		if !strings.Contains(log.String(), n.SendKey()) || !strings.Contains(printed, n.SendKey()) {
			t.Errorf("the notice can't be told from others:\n%s\n%s", log, printed)
		}
	})
}

func TestRA_56_word_of_a_changed_contact_holds_no_link_and_no_name_of_a_person_in_every_language(t *testing.T) {
	t.Parallel()
	subjects := map[string]bool{}
	for _, locale := range inLanguage {
		c := mustWrite(t, testNotice(func(n *Notice) {
			n.Channel, n.Locale, n.Kind, n.Firm, n.Name, n.Link = Email, locale, KindContactChanged, "A&B <Bank>", "", ""
		}))
		for what, text := range map[string]string{"text": c.Text, "page": c.HTML} {
			if strings.Contains(text, "http") || strings.Contains(text, "<a ") || strings.Contains(text, "{") && what == "text" || strings.Contains(text, "\n\n\n") {
				t.Errorf("%s: the %s holds what it must not:\n%s", locale, what, text)
			}
			if !strings.Contains(html.UnescapeString(text), "A&B <Bank>") || strings.Contains(text, "<Bank>") && what == "page" {
				t.Errorf("%s: the %s does not name the firm as it is:\n%s", locale, what, text)
			}
		}
		if !strings.Contains(c.Subject, "A&B <Bank>") || subjects[c.Subject] || c.Locale != locale {
			t.Errorf("%s: %q in %s", locale, c.Subject, c.Locale)
		}
		subjects[c.Subject] = true
		if dir := `dir="rtl"`; strings.Contains(c.HTML, dir) != (locale == "ar" || locale == "he") {
			t.Errorf("%s: %s", locale, c.HTML)
		}
	}
}

// posting is a fake that carries e-mail too.
type posting struct{ fake }

func (p *posting) Channels() []Channel { return []Channel{SMS, Email} }

func TestRA_56_word_of_a_changed_contact_goes_by_email_alone(t *testing.T) {
	t.Parallel()
	p := &posting{fake{name: "a", answer: takes}}
	d, err := New(Config{Standing: live, Providers: []Provider{p}}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	bare := func(n *Notice) { n.Kind, n.Link = KindContactChanged, "" }
	for what, c := range map[string]struct {
		change func(*Notice)
		want   error
	}{
		"by SMS":      {bare, ErrNoRoute},
		"with a link": {func(n *Notice) { n.Kind, n.Channel = KindContactChanged, Email }, errNoticeLink},
		"no firm":     {func(n *Notice) { bare(n); n.Channel, n.Firm = Email, "" }, errNoticeFirm},
	} {
		if r, err := d.Notify(t.Context(), testNotice(c.change)); !errors.Is(err, c.want) || len(r.Tries) != 0 || p.count() != 0 {
			t.Errorf("%s: %+v, %v, %d calls", what, r, err, p.count())
		}
	}
	n := testNotice(func(n *Notice) {
		bare(n)
		n.Channel, n.To = Email, recipient.Recipient{Kind: recipient.Email, Value: "ann@example.net"}
	})
	r, err := d.Notify(t.Context(), n)
	if err != nil || !r.Accepted || p.count() != 1 || p.got[0].Link.Reveal() != "" || p.got[0].SendKey != n.SendKey() {
		t.Errorf("%+v, %v, %d calls", r, err, p.count())
	}
}
