package delivery

import (
	"errors"
	"html"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/countersign/countersign/internal/policy"
)

// teamNotice is one to an operator.
func teamNotice(kind string, change ...func(*Notice)) Notice {
	return testNotice(func(n *Notice) {
		n.N, n.Channel, n.Kind, n.Link = 1, Email, kind, ""
		if teamTexts[kind].link {
			n.Link = testLink
		}
		for _, one := range change {
			one(n)
		}
	})
}

func TestSEC_60_notices_to_operators_are_in_every_language(t *testing.T) {
	t.Parallel()
	sameTexts(t, "teams")
	for _, locale := range inLanguage {
		seen := map[string]string{}
		for kind, text := range teamTexts {
			c, err := testRenderer(t).team(teamNotice(kind, func(n *Notice) { n.Locale, n.Firm, n.Name, n.Loosened.By = locale, "A&B <Bank>", `Ada "<b>`, "Eve" }))
			if err != nil {
				t.Fatal(err)
			}
			links := map[bool]int{true: 2, false: 0}[text.link]
			if strings.Count(c.HTML, "<a ") != links || strings.Count(c.Text, "http") != links/2 || strings.Contains(c.HTML, "<b>") || strings.Contains(c.HTML, "href=\"\"") {
				t.Errorf("%s %s: links of the page:\n%s", locale, kind, c.HTML)
			}
			for what, part := range map[string]string{"text": c.Text, "page": html.UnescapeString(c.HTML), "subject": c.Subject} {
				if !strings.Contains(part, "A&B <Bank>") || strings.Contains(part, "{") && what != "page" || what != "subject" && !strings.Contains(part, `Ada "<b>`) {
					t.Errorf("%s %s: the %s is %q", locale, kind, what, part)
				}
			}
			if other, is := seen[c.Text]; is || c.Locale != locale || strings.Contains(c.Text, "\n\n\n") {
				t.Errorf("%s %s: in %s, the same as %s: %q", locale, kind, c.Locale, other, c.Text)
			}
			seen[c.Text] = kind
		}
	}
}

func TestRA_17_a_loosened_setting_is_told_with_who_when_from_and_to(t *testing.T) {
	t.Parallel()
	all := []policy.Loosening{{Setting: "mobile_2fa", From: "yes_required", To: "no_optional"}, {Setting: "keep_proof", From: "off", To: "on"},
		{Setting: "verify_phone", From: "locked_on", To: "off"}, {Setting: "verify_email", From: "locked_on", To: "on"}}
	ours := entriesOf(t, "teams")
	for _, locale := range inLanguage {
		c, err := testRenderer(t).team(teamNotice(KindTeamLoosened, func(n *Notice) {
			n.Locale, n.Loosened = locale, Loosened{By: `Eve <b> {firm}`, At: time.Date(2031, 5, 6, 12, 0, 0, 0, time.FixedZone("", 7200)), What: all}
		}))
		if err != nil {
			t.Fatal(err)
		}
		texts := ours[locale]
		for what, part := range map[string]string{"text": c.Text, "page": html.UnescapeString(c.HTML)} {
			want := []string{"Eve <b> {firm}", "2031-05-06 10:00 UTC"}
			for _, one := range all {
				want = append(want, texts["setting_"+phrase(one.Setting)].Text, texts["value_"+phrase(one.From)].Text, texts["value_"+phrase(one.To)].Text)
			}
			for _, w := range want {
				if w == "" || !strings.Contains(part, w) {
					t.Errorf("%s: the %s lacks %q:\n%s", locale, what, w, part)
				}
			}
			if other, _, _ := strings.Cut(texts[phTeamObjection].Text, "{"); strings.Contains(part, other) {
				t.Errorf("%s: the %s tells an owner to tell an owner", locale, what)
			}
		}
		if strings.Contains(c.HTML, "<b>") {
			t.Errorf("%s: a name is not escaped", locale)
		}
	}
}

func TestNotify_to_operators_goes_by_email_alone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &fake{name: "a", answer: takes}
		d, _ := dispatcher(t, a)
		for _, kind := range slices.Sorted(maps.Keys(teamTexts)) {
			if _, err := d.Notify(t.Context(), teamNotice(kind, func(n *Notice) { n.Channel = SMS })); !errors.Is(err, ErrNoRoute) {
				t.Errorf("%s by SMS: %v", kind, err)
			}
			if _, err := d.Notify(t.Context(), teamNotice(kind, func(n *Notice) { n.Firm = " " })); !errors.Is(err, errNoticeFirm) {
				t.Errorf("%s without a firm: %v", kind, err)
			}
			if _, err := d.Notify(t.Context(), teamNotice(kind, func(n *Notice) { n.Link = "" })); teamTexts[kind].link != errors.Is(err, errNoticeLink) {
				t.Errorf("%s without a link: %v", kind, err)
			}
		}
	})
}
