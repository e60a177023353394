package delivery

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
)

// live says of every tenant that it is one.
func live(context.Context, uid.Tenant) (Standing, error) { return Live, nil }

// trying says of every tenant that it is a sandbox.
func trying(context.Context, uid.Tenant) (Standing, error) { return Sandbox, nil }

// withSandbox is a dispatcher with one provider that takes all, whose tenants are as says tells.
func withSandbox(t *testing.T, says func(context.Context, uid.Tenant) (Standing, error)) (*Dispatcher, *fake) {
	t.Helper()
	p := &fake{name: "a", answer: takes}
	d, err := New(Config{Standing: says, Providers: []Provider{p}}, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return d, p
}

func TestMTA_57_no_message_of_a_sandbox_reaches_a_provider(t *testing.T) {
	t.Parallel()
	m := toCarry()
	tried := m.Tenant
	d, p := withSandbox(t, func(_ context.Context, id uid.Tenant) (Standing, error) {
		if id == tried {
			return Sandbox, nil
		}
		return Live, nil
	})
	r, err := d.Carry(t.Context(), m)
	if err != nil || !r.Accepted || len(r.Tries) != 1 || r.Tries[0].State != Delivered || r.Tries[0].Provider != "sandbox" || r.Tries[0].Segments != 1 {
		t.Errorf("%+v, %v; want it delivered by the sandbox", r, err)
	}
	if n := p.count(); n != 0 {
		t.Errorf("a provider was called %d times", n)
	}
	m.Tenant[0]++
	if r, err := d.Carry(t.Context(), m); err != nil || !r.Accepted || p.count() != 1 {
		t.Errorf("another tenant's: %+v, %v", r, err)
	}
}

func TestMTA_57_while_it_can_not_be_told_nothing_is_sent(t *testing.T) {
	t.Parallel()
	away := errors.New("the database is away")
	d, p := withSandbox(t, func(context.Context, uid.Tenant) (Standing, error) { return Live, away })
	r, err := d.Carry(t.Context(), toCarry())
	if err != nil || r.Accepted || !r.Retry || len(r.Tries) != 0 || p.count() != 0 {
		t.Errorf("%+v, %v, %d calls; want it tried later", r, err, p.count())
	}
	if _, err := d.Preview(t.Context(), toCarry()); !errors.Is(err, away) {
		t.Errorf("a preview: %v", err)
	}
}

func TestNew_asks_who_is_a_sandbox(t *testing.T) {
	t.Parallel()
	if _, err := New(Config{Providers: []Provider{&fake{name: "a"}}}, slog.New(slog.DiscardHandler), prometheus.NewRegistry()); err == nil {
		t.Error("a dispatcher that can't tell sandboxes was made")
	}
}

func TestPreview_shows_messages_of_a_sandbox_alone(t *testing.T) {
	t.Parallel()
	m := toCarry()
	d, _ := withSandbox(t, live)
	if c, err := d.Preview(t.Context(), m); !errors.Is(err, ErrLive) || c.Text != "" {
		t.Errorf("a live one: %q, %v", c.Text, err)
	}
	if c, err := d.PreviewNotice(t.Context(), testNotice(nil)); !errors.Is(err, ErrLive) || c.Text != "" {
		t.Errorf("a live one's notice: %q, %v", c.Text, err)
	}
	d, _ = withSandbox(t, trying)
	if c, err := d.Preview(t.Context(), m); err != nil || !strings.Contains(c.Text, m.Code.Reveal()) {
		t.Errorf("a sandbox's: %q, %v", c.Text, err)
	}
	if c, err := d.PreviewNotice(t.Context(), testNotice(nil)); err != nil || !strings.Contains(c.Text, testLink) {
		t.Errorf("a sandbox's notice: %q, %v", c.Text, err)
	}
}

func TestMTA_56_a_message_ends_as_its_number_says(t *testing.T) {
	t.Parallel()
	d, _ := withSandbox(t, trying)
	for to, want := range map[string]Try{
		"+12025550123": {State: Delivered},
		"+12025550183": {State: Failed, Error: ErrorInvalidRecipient},
		"+12025550190": {State: Sent},
		"+12025550191": {State: ExpiredAt},
		"+12025550192": {State: Failed, Error: ErrorInvalidRecipient},
		"+12025550193": {State: Unknown},
		"+12025550194": {State: Failed, Error: ErrorRefused},
	} {
		m := toCarry()
		m.To = recipient.Recipient{Kind: recipient.Phone, Value: to, Country: "US"}
		r, err := d.Carry(t.Context(), m)
		if err != nil || len(r.Tries) != 1 || r.Tries[0].State != want.State || r.Tries[0].Error != want.Error || r.Accepted != (want.State != Failed) || r.Retry {
			t.Errorf("%s: %+v, %v, want %+v", to, r, err, want)
		}
	}
}

func TestMTA_4_nothing_is_sent_for_a_suspended_tenant(t *testing.T) {
	t.Parallel()
	d, p := withSandbox(t, func(context.Context, uid.Tenant) (Standing, error) { return Suspended, nil })
	if r, err := d.Carry(t.Context(), toCarry()); !errors.Is(err, ErrSuspended) || r.Accepted || r.Retry || len(r.Tries) != 0 || p.count() != 0 {
		t.Errorf("%+v, %v, %d calls", r, err, p.count())
	}
	if _, err := d.Preview(t.Context(), toCarry()); !errors.Is(err, ErrLive) {
		t.Errorf("a preview: %v", err)
	}
}
