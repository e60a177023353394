package webhook_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
	"github.com/countersign/countersign/internal/webhook/webhooktest"
)

// loud is a dialect that differs from the native one in everything: it shouts approvals and factors.
func loud() webhook.Dialect {
	words := map[string]string{"YES": "verification.approved", "NEW": "factor.created"}
	return webhook.Dialect{
		Name: "loud", Alone: true,
		Knows: func(word string) bool { return words[word] != "" || word == "NEVER" },
		Wants: func(asked []string, kind string) bool {
			return slices.ContainsFunc(asked, func(w string) bool { return words[w] == kind })
		},
		Body: func(n webhook.News) ([]byte, error) {
			return []byte(strings.ToUpper(n.Event.Type) + " " + n.Words[0]), nil
		},
		Sign: func(h http.Header, m webhook.Message) error {
			h.Set("X-Loud", m.Secrets[0]+" "+m.Delivery.Text(uid.WebhookSent))
			return nil
		},
		Signature: "X-Loud",
		Secret: func(text string) error {
			if len(text) < 4 {
				return errors.New("too short")
			}
			return nil
		},
		Taken: func(status int) bool { return status == 200 },
		Waits: []time.Duration{0, time.Minute, time.Hour}, Timeout: 2 * time.Second,
	}
}

// loudBench is a bench whose service knows loud.
func loudBench(t *testing.T) *bench {
	t.Helper()
	b := newBench(t, nil)
	s, err := webhook.New(webhook.Config{}, webhook.Deps{
		Store: b.store, Ring: ring(t), Records: records{}, Client: b.seen, Log: b.logger, Registry: prometheus.NewRegistry(),
		Dialects: []webhook.Dialect{loud()},
	})
	if err != nil {
		t.Fatal(err)
	}
	b.Service = s
	return b
}

// loudly makes an endpoint of the dialect.
func (b *bench) loudly(url, word string, change ...func(*webhook.Endpoint)) webhook.Endpoint {
	b.t.Helper()
	draft := webhook.Endpoint{Tenant: b.tenant, Dialect: "loud", URL: url, Events: []string{word}, Own: "key-1234"}
	for _, f := range change {
		f(&draft)
	}
	e, _, err := b.Create(b.t.Context(), by, draft)
	if err != nil {
		b.t.Fatal(err)
	}
	return e
}

func TestDialect_gives_an_endpoint_its_own_form_of_the_same_events(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := loudBench(t)
		b.run(b.Service)
		b.loudly("https://example.com/loud", "YES")
		b.endpoint("https://example.com/native")
		time.Sleep(time.Second)
		b.happen(b.tenant, "verification.approved")
		b.happen(b.tenant, "verification.canceled")
		time.Sleep(time.Minute)
		var loud []post
		native := 0
		for _, p := range b.seen.all() {
			if p.url == "https://example.com/native" {
				native++
			} else {
				loud = append(loud, p)
			}
		}
		if native != 2 || len(loud) < 1 || loud[0].body != "VERIFICATION.APPROVED YES" || loud[0].header.Get("webhook-signature") != "" {
			t.Fatalf("%d native, loud: %+v", native, loud)
		}
		if got := loud[0].header.Get("X-Loud"); !strings.HasPrefix(got, "key-1234 wdl_") {
			t.Errorf("signed %q", got)
		}
	})
}

func TestDialect_says_what_is_taken_when_to_try_again_and_when_to_give_up(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := loudBench(t)
		b.seen.answer = func(_ context.Context, n int, url string) (*egress.Response, error) {
			if n == 2 && strings.HasSuffix(url, "/taken") {
				return status(200), nil
			}
			return status([]int{204, 410, 302}[n%3]), nil
		}
		taken := b.loudly("https://example.com/taken", "YES")
		dead := b.loudly("https://example.com/dead", "NEW")
		once := b.loudly("https://example.com/once", "NEVER", func(e *webhook.Endpoint) { e.Once = true })
		b.work(b.Service, time.Second)
		begin := time.Now()
		for _, e := range []webhook.Endpoint{taken, dead, once} {
			if _, err := b.Test(t.Context(), by, e.Tenant, e.ID); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(24 * time.Hour)
		for _, c := range []struct {
			e     webhook.Endpoint
			state webhook.State
			tries int
		}{{taken, webhook.Delivered, 2}, {dead, webhook.Dead, 3}, {once, webhook.Dead, 1}} {
			if d := b.deliveries(c.e)[0]; d.State != c.state || d.Tries != c.tries {
				t.Errorf("%s: %s after %d tries", c.e.URL, d.State, d.Tries)
			}
		}
		last := b.seen.all()[len(b.seen.all())-1]
		if gap := last.at.Sub(begin); gap < 61*time.Minute || gap > 75*time.Minute {
			t.Errorf("the third try came after %v", gap)
		}
		if e, err := b.Endpoint(t.Context(), dead.Tenant, dead.ID); err != nil || !e.Enabled {
			t.Errorf("410 switched it off: %v", err)
		}
	})
}

func TestDialect_has_a_time_out_of_its_own(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := loudBench(t)
		b.seen.answer = func(ctx context.Context, _ int, _ string) (*egress.Response, error) {
			<-ctx.Done()
			return nil, &egress.CallError{Host: "example.com", Sent: true, Err: ctx.Err()}
		}
		d, _ := b.try(b.loudly("https://example.com/slow", "YES"))
		if d.Error != webhook.ErrorTimeout || d.Latency != 2*time.Second || d.Tries != 1 {
			t.Errorf("%+v", d)
		}
	})
}

func TestDialect_keeps_its_words_topics_and_secrets(t *testing.T) {
	t.Parallel()
	b := loudBench(t)
	e := b.loudly("https://example.com/a", "YES", func(e *webhook.Endpoint) { e.Settings = map[string]string{"k": "v"} })
	other := b.loudly("https://example.com/a", "NEW")
	make := func(change func(*webhook.Endpoint)) error {
		draft := webhook.Endpoint{Tenant: b.tenant, Dialect: "loud", URL: "https://example.com/", Events: []string{"NEVER"}, Own: "key-1234"}
		change(&draft)
		_, _, err := b.Create(t.Context(), by, draft)
		return err
	}
	change := func(f func(*webhook.Endpoint)) error {
		_, err := b.Update(t.Context(), by, other.Tenant, other.ID, f)
		return err
	}
	for code, err := range map[string]error{
		"webhook_exists": make(func(e *webhook.Endpoint) { e.Events = []string{"YES"} }), "secret_invalid": make(func(e *webhook.Endpoint) { e.Own = "x" }),
		"events_invalid": make(func(e *webhook.Endpoint) { e.Events = []string{"verification.approved"} }), "url_insecure": make(func(e *webhook.Endpoint) { e.URL = "http://example.com/" }),
	} {
		if fault.As(err).Code != code {
			t.Errorf("%v, want %s", err, code)
		}
	}
	for code, err := range map[string]error{
		"webhook_exists": change(func(e *webhook.Endpoint) { e.Events = []string{"YES"} }), "secret_invalid": change(func(e *webhook.Endpoint) { e.Own = "x" }),
		"events_invalid": change(func(e *webhook.Endpoint) { e.Events = nil }),
	} {
		if fault.As(err).Code != code {
			t.Errorf("a change: %v, want %s", err, code)
		}
	}
	if err := make(func(e *webhook.Endpoint) { e.Own = "" }); fault.As(err).Code != "secret_invalid" {
		t.Errorf("without a secret: %v", err)
	}
	if err := make(func(e *webhook.Endpoint) { e.Dialect = "quiet" }); err == nil {
		t.Error("an unknown dialect was taken")
	}
	changed, err := b.Update(t.Context(), by, e.Tenant, e.ID, func(e *webhook.Endpoint) { e.Own, e.Settings["k"] = "key-9876", "w" })
	if err != nil || changed.Previous != nil || changed.Own != "" {
		t.Fatalf("%+v, %v", changed, err)
	}
	if hint, err := b.Hint(changed); err != nil || hint != "9876" {
		t.Errorf("hint %q, %v", hint, err)
	}
	b.try(changed)
	if got := b.seen.all()[0].header.Get("X-Loud"); !strings.HasPrefix(got, "key-9876 ") {
		t.Errorf("signed %q", got)
	}
	events, err := b.store.Events(t.Context(), uid.ID{}, uid.ID{0xff}, 100)
	if err != nil {
		t.Fatal(err)
	}
	named := slices.IndexFunc(events, func(e audit.Event) bool { return string(e.Data) == `{"changed":["settings","secret"]}` })
	if text := b.log.String(); named < 0 || strings.Contains(text, "key-") || slices.ContainsFunc(events, func(e audit.Event) bool { return strings.Contains(string(e.Data), "key-") }) {
		t.Errorf("events %v, log %s", events, text)
	}
}

func TestSEC_94_a_secret_that_a_tenant_brings_is_sealed(t *testing.T) {
	t.Parallel()
	b := loudBench(t)
	e := b.loudly("https://example.com/a", "YES")
	kept, err := b.store.Endpoint(t.Context(), e.Tenant, e.ID)
	if err != nil || kept.Own != "" || len(kept.Secret) == 0 || strings.Contains(string(kept.Secret), "key-1234") {
		t.Errorf("kept %q and %q, %v", kept.Own, kept.Secret, err)
	}
	native, secret := b.endpoint("https://example.com/b")
	changed, err := b.Update(t.Context(), by, native.Tenant, native.ID, func(e *webhook.Endpoint) { e.Own = "key-5678" })
	if hint, _ := b.Hint(changed); err != nil || !strings.HasSuffix(secret, hint) {
		t.Errorf("a native endpoint took a secret that was brought: %v", err)
	}
}

func TestFanOut_brings_an_endpoint_of_one_service_what_is_about_that_one(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := loudBench(t)
		b.run(b.Service)
		ours, theirs := uid.Random(time.Now()), uid.Random(time.Now())
		e := b.loudly("https://example.com/one", "NEW", func(e *webhook.Endpoint) { e.Service = ours })
		time.Sleep(time.Second)
		want := ""
		for _, of := range []string{`{"service":"` + ours.Text(uid.Service) + `"}`, `{"service":"` + theirs.Text(uid.Service) + `"}`, `{}`, ``} {
			at := time.Now().UTC().Truncate(time.Microsecond)
			id := uid.Random(at)
			if err := b.store.Write(t.Context(), []audit.Event{{ID: id, Tenant: b.tenant, Type: "factor.created", Object: uid.New(at, id.Bucket()),
				At: at, Actor: "system", Data: []byte(of)}}); err != nil {
				t.Fatal(err)
			}
			if want == "" {
				want = id.Hex()
			}
		}
		b.sealNow()
		time.Sleep(time.Minute)
		if list := b.deliveries(e); len(list) != 1 || list[0].Event.Hex() != want {
			t.Errorf("%d deliveries: %+v", len(list), list)
		}
	})
}

func TestNew_refuses_dialects_that_lack_something(t *testing.T) {
	t.Parallel()
	for name, all := range map[string][]webhook.Dialect{
		"twice": {loud(), loud()}, "the native name": {webhook.Native()}, "nothing in it": {{Name: "x"}},
		"a long time-out":                   {func() webhook.Dialect { d := loud(); d.Timeout = time.Minute; return d }()},
		"a signature that anybody is shown": {func() webhook.Dialect { d := loud(); d.Signature = ""; return d }()},
	} {
		if _, err := webhook.New(webhook.Config{}, webhook.Deps{
			Store: webhooktest.NewMemory(), Ring: ring(t), Records: records{}, Client: &receiver{}, Log: slog.New(slog.DiscardHandler),
			Registry: prometheus.NewRegistry(), Dialects: all,
		}); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
}

func TestNative_a_family_is_of_types_of_the_catalogue(t *testing.T) {
	t.Parallel()
	for kind, want := range map[string]bool{
		"factor.verified": true, "webhook.disabled": true, "verification.approved": true,
		"factor.updated": false, "factor.check_failed": false, "webhook.secret_rotated": false, "webhook.tested": false, "service.updated": false,
	} {
		for _, filter := range [][]string{nil, {"factor.*", "verification.*", "webhook.*"}} {
			if webhook.Native().Wants(filter, kind) != want {
				t.Errorf("%v, %s: want %t", filter, kind, want)
			}
		}
	}
}
