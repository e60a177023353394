package delivery

import (
	"log/slog"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// signing is a provider of all messages that says whom they come from.
type signing struct{ *fake }

func (signing) Channels() []Channel { return []Channel{SMS, Email} }

func (signing) Sender(from, name string) mail.Address {
	return mail.Address{Name: from + " for " + name, Address: "no-reply@acme.example"}
}

// signingFor carries the messages of the tenant 1 by a route with a sender, and those of others by one without.
func signingFor(t *testing.T) (*Dispatcher, *fake) {
	t.Helper()
	p := &fake{name: "a", answer: takes}
	d, err := New(Config{Standing: live, Providers: []Provider{signing{p}}, Routes: []Rule{
		{Match: Match{Channel: Email, Tenant: uid.Tenant{1}.String()}, Use: []string{"a"}, Sender: "Desk"},
		{Match: Match{Channel: Email}, Use: []string{"a"}}, {Match: Match{Channel: SMS}, Use: []string{"a"}},
	}}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return d, p
}

// toLookAt is one of the messages.
func toLookAt(name, locale string) Sample {
	return Sample{Name: name, Tenant: uid.Tenant{1}, Locale: locale, Firm: "Acme\u202e Payments of the whole wide world", Link: testLink, Host: "verify.acme.example",
		Lives: map[Channel]time.Duration{SMS: 7 * time.Minute, Email: 3 * time.Minute}}
}

func TestRA_66_a_message_that_is_looked_at_is_the_one_that_goes_out_in_every_language(t *testing.T) {
	t.Parallel()
	d, p := signingFor(t)
	kinds := map[string]string{"link": KindInvitation, "reminder": KindReminder, "notice": KindContactChanged}
	seen := map[string]string{}
	for _, name := range Samples() {
		for _, locale := range inLanguage {
			s := toLookAt(name, locale)
			before := p.count()
			got, err := d.Sample(s)
			if err != nil || p.count() != before {
				t.Fatalf("%s: %v, and %d messages went out", name, err, p.count()-before)
			}
			channel, what, _ := strings.Cut(name, "_")
			if kind := kinds[what]; kind != "" {
				n := testNotice(func(n *Notice) { n.Channel, n.Locale, n.Kind, n.Firm = Channel(channel), locale, kind, s.Firm })
				if kind == KindContactChanged {
					n.Name, n.Link = "", ""
				}
				_, err = d.Notify(t.Context(), n)
			} else {
				m := toCarry()
				m.Channel, m.Locale, m.ServiceName, m.Host, m.Life, m.Code = Channel(channel), locale, s.Firm, s.Host, s.Lives[Channel(channel)], seal.CodeFrom("123456")
				_, err = d.Carry(t.Context(), m)
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(p.got[len(p.got)-1].Content, got.Content); diff != "" {
				t.Errorf("%s in %s: what goes out is not what is looked at: %s", name, locale, diff)
			}
			if before, ok := seen[got.Text+got.HTML]; ok {
				t.Errorf("%s in %s is %s", name, locale, before)
			}
			seen[got.Text+got.HTML] = name + " in " + locale
			if from := got.From.String(); (channel == "email") != (from == `"Desk for Acme Payments of the whole wid" <no-reply@acme.example>`) {
				t.Errorf("%s comes from %s", name, from)
			}
		}
	}
}

func TestRA_66_whom_a_mail_comes_from_is_told_by_the_route_of_the_tenant(t *testing.T) {
	t.Parallel()
	d, _ := signingFor(t)
	s := toLookAt("email_code", "en")
	s.Firm, s.Tenant = "Acme", uid.Tenant{2}
	if m, err := d.Sample(s); err != nil || m.From.Name != " for Acme" {
		t.Errorf("%v: from %+v", err, m.From)
	}
	plain, _ := dispatcher(t, &fake{name: "a", answer: takes}) // no e-mail
	if m, err := plain.Sample(s); err != nil || m.From != (mail.Address{Name: "Acme"}) {
		t.Errorf("%v: from %+v", err, m.From)
	}
}

func TestRA_66_a_message_that_is_looked_at_is_of_no_customer(t *testing.T) {
	t.Parallel()
	d, _ := signingFor(t)
	for _, name := range Samples() {
		m, err := d.Sample(toLookAt(name, "en"))
		all := m.Subject + m.Text + m.HTML
		if err != nil || strings.Contains(all, sampleCode) != strings.HasSuffix(name, "_code") || strings.Contains(all, testLink) != (strings.HasSuffix(name, "_link") || strings.HasSuffix(name, "_reminder")) {
			t.Errorf("%s: %v: a sample of a code or a link is missing, or there where none belongs: %s", name, err, all)
		}
	}
	if _, err := d.Sample(Sample{Name: "nothing"}); err == nil {
		t.Error("a message that is none is written")
	}
}
