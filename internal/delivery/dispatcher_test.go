package delivery

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// fake is a provider that does what its answer function says.
type fake struct {
	name   string
	answer func(ctx context.Context, out Outgoing) (Accepted, error)

	mu  sync.Mutex
	got []Outgoing
}

func (f *fake) Name() string        { return f.name }
func (f *fake) Channels() []Channel { return []Channel{SMS} }

func (f *fake) Send(ctx context.Context, out Outgoing) (Accepted, error) {
	f.mu.Lock()
	f.got = append(f.got, out)
	f.mu.Unlock()
	return f.answer(ctx, out)
}

func (f *fake) count() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.got)
}

func takes(context.Context, Outgoing) (Accepted, error) { return Accepted{Reference: "r1"}, nil }

func hangs(ctx context.Context, _ Outgoing) (Accepted, error) {
	<-ctx.Done()
	return Accepted{}, ctx.Err()
}

func fails(err error) func(context.Context, Outgoing) (Accepted, error) {
	return func(context.Context, Outgoing) (Accepted, error) { return Accepted{}, err }
}

func down() error { return &Temporary{Word: ErrorProvider} }

// dispatcher makes one over the fakes, whose log it gives too.
func dispatcher(t *testing.T, providers ...*fake) (*Dispatcher, *strings.Builder) {
	t.Helper()
	cfg := Config{Standing: live, Failures: 3}
	for _, p := range providers {
		cfg.Providers = append(cfg.Providers, p)
	}
	log := &strings.Builder{}
	d, err := New(cfg, slog.New(slog.NewTextHandler(&locked{b: log}, nil)), prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return d, log
}

type locked struct {
	mu sync.Mutex
	b  *strings.Builder
}

func (l *locked) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func toCarry() Message {
	return Message{
		Tenant:       uid.Tenant{1},
		Verification: uid.New(time.UnixMilli(1700000000000), 7),
		Send:         2,
		FirstN:       4,
		To:           recipient.Recipient{Kind: recipient.Phone, Value: "+12025550123", Country: "US"},
		Channel:      SMS,
		ServiceName:  "Acme",
		Code:         seal.CodeFrom("918273"),
		Life:         5 * time.Minute,
	}
}

// summary is what matters of the tries.
func summary(r Result) []string {
	var out []string
	for _, tr := range r.Tries {
		out = append(out, strings.Join([]string{tr.Provider, string(tr.State), tr.Error}, " "))
	}
	return out
}

func TestCarry_outcomes(t *testing.T) {
	t.Parallel()
	secs := func(n int) time.Duration { return time.Duration(n) * time.Second }
	for _, c := range []struct {
		name   string
		first  func(context.Context, Outgoing) (Accepted, error)
		second func(context.Context, Outgoing) (Accepted, error)
		tries  []string
		want   Result // without tries
		within time.Duration
	}{
		{"the first takes it", takes, takes, []string{"a sent "}, Result{Accepted: true}, 0},
		{"5xx goes to the next", fails(down()), takes, []string{"a failed provider_5xx", "b sent "}, Result{Accepted: true}, 0},
		{"429 goes to the next", fails(&Temporary{Word: ErrorRateLimited, RetryAfter: secs(9)}), takes,
			[]string{"a failed rate_limited", "b sent "}, Result{Accepted: true}, 0},
		{"a final refusal ends the send", fails(&Final{Word: ErrorInvalidRecipient}), takes,
			[]string{"a failed invalid_recipient"}, Result{}, 0},
		{"an error of no kind is temporary", fails(errors.New("oops")), takes, []string{"a unknown internal", "b sent "}, Result{Accepted: true}, 0},
		{"a hand-over without an answer is unknown", fails(&Temporary{Word: ErrorUnreachable, Unsure: true}), takes,
			[]string{"a unknown unreachable", "b sent "}, Result{Accepted: true}, 0},
		{"a dead provider costs five seconds", hangs, takes, []string{"a unknown timeout", "b sent "}, Result{Accepted: true}, secs(5)},
		{"all dead costs ten", hangs, hangs, []string{"a unknown timeout", "b unknown timeout"}, Result{Retry: true}, secs(10)},
		{"all down asks to try again", fails(down()), fails(down()), []string{"a failed provider_5xx", "b failed provider_5xx"}, Result{Retry: true}, 0},
		{"the least wait is told", fails(&Temporary{Word: ErrorRateLimited, RetryAfter: secs(9)}),
			fails(&Temporary{Word: ErrorRateLimited, RetryAfter: secs(4)}),
			[]string{"a failed rate_limited", "b failed rate_limited"}, Result{Retry: true, Wait: secs(4)}, 0},
		{"a later final refusal asks for no retry", fails(down()), fails(&Final{Word: ErrorRefused}),
			[]string{"a failed provider_5xx", "b failed refused"}, Result{}, 0},
	} {
		t.Run("SP_115_SEC_35/"+c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d, _ := dispatcher(t, &fake{name: "a", answer: c.first}, &fake{name: "b", answer: c.second})
				began := time.Now()
				got, err := d.Carry(t.Context(), toCarry())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(c.tries, summary(got)); diff != "" {
					t.Error(diff)
				}
				if got.Accepted != c.want.Accepted || got.Retry != c.want.Retry || got.Wait != c.want.Wait {
					t.Errorf("got accepted %v retry %v wait %v, want %+v", got.Accepted, got.Retry, got.Wait, c.want)
				}
				if took := time.Since(began); took != c.within {
					t.Errorf("took %v, want %v", took, c.within)
				}
			})
		})
	}
}

func TestSP_115_two_that_hang_do_not_starve_a_third(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d, _ := dispatcher(t, &fake{name: "a", answer: hangs}, &fake{name: "b", answer: hangs}, &fake{name: "c", answer: takes})
		began := time.Now()
		got, err := d.Carry(t.Context(), toCarry())
		if err != nil || !got.Accepted || time.Since(began) >= defaultSendTimeout {
			t.Errorf("accepted %v after %v, %v", got.Accepted, time.Since(began), err)
		}
	})
}

func TestSEC_35_all_providers_down_then_healed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := &fake{name: "a", answer: fails(down())}, &fake{name: "b", answer: fails(down())}
		d, log := dispatcher(t, a, b)
		for range 20 { // never stuck: each send asks somebody, and asks to be tried again
			got, err := d.Carry(t.Context(), toCarry())
			if err != nil || len(got.Tries) == 0 || !got.Retry || got.Accepted {
				t.Fatalf("%+v, %v", got, err)
			}
		}
		if n := a.count() + b.count(); n > 3+3+17 {
			t.Errorf("%d tries of dead providers for 20 sends: the circuits did not open", n)
		}
		if strings.Count(log.String(), "left out for now") != 2 {
			t.Errorf("opening is not told once for each:\n%s", log)
		}
		a.answer, b.answer = takes, takes
		got, err := d.Carry(t.Context(), toCarry())
		if err != nil || !got.Accepted {
			t.Errorf("not taken at once after healing: %+v, %v", got, err)
		}
		time.Sleep(2 * openAtMost)
		for range 2 {
			if got, _ := d.Carry(t.Context(), toCarry()); len(got.Tries) != 1 || got.Tries[0].Provider != "a" {
				t.Errorf("the first provider is not back: %v", summary(got))
			}
		}
	})
}

func TestSP_115_open_circuit_is_left_out_while_another_takes(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := &fake{name: "a", answer: hangs}, &fake{name: "b", answer: takes}
		d, _ := dispatcher(t, a, b)
		for i := range 10 {
			began := time.Now()
			if got, err := d.Carry(t.Context(), toCarry()); err != nil || !got.Accepted {
				t.Fatalf("%+v, %v", got, err)
			}
			if took := time.Since(began); (took != 0) != (i < 3) {
				t.Errorf("send %d took %v", i+1, took)
			}
		}
		if a.count() != 3 {
			t.Errorf("the dead provider was asked %d times, want 3", a.count())
		}
	})
}

func TestCarry_leaves_alone_who_asks_for_it(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a := &fake{name: "a", answer: fails(&Temporary{Word: ErrorRateLimited, RetryAfter: 3 * time.Second})}
		d, _ := dispatcher(t, a)
		for range 5 {
			got, err := d.Carry(t.Context(), toCarry())
			if err != nil || !got.Retry || got.Wait != 3*time.Second {
				t.Fatalf("%+v, %v", got, err)
			}
		}
		if a.count() != 1 {
			t.Errorf("asked %d times within its wait, want 1", a.count())
		}
		a.answer = takes
		time.Sleep(3 * time.Second)
		if got, err := d.Carry(t.Context(), toCarry()); err != nil || !got.Accepted {
			t.Errorf("not asked after its wait: %+v, %v", got, err)
		}
	})
}

func TestCarry_asks_an_open_circuit_before_one_that_wants_to_be_left_alone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := &fake{name: "a", answer: fails(&Temporary{Word: ErrorRateLimited, RetryAfter: time.Second})}, &fake{name: "b", answer: fails(down())}
		d, _ := dispatcher(t, a, b)
		for range 3 { // opens b's circuit
			time.Sleep(time.Second)
			_, _ = d.Carry(t.Context(), toCarry())
		}
		b.answer = takes
		if got, err := d.Carry(t.Context(), toCarry()); err != nil || !slices.Equal(summary(got), []string{"b sent "}) {
			t.Errorf("%v, %v", summary(got), err)
		}
	})
}

func TestCarry_fills_in_the_tries(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		price := &Price{Amount: "0.05", Currency: "EUR"}
		a := &fake{name: "a", answer: fails(down())}
		b := &fake{name: "b", answer: func(context.Context, Outgoing) (Accepted, error) {
			time.Sleep(200 * time.Millisecond)
			return Accepted{Reference: "r9", Echoes: true, Price: price}, nil
		}}
		d, log := dispatcher(t, a, b)
		m := toCarry()
		now := time.Now()
		got, err := d.Carry(t.Context(), m)
		if err != nil {
			t.Fatal(err)
		}
		want := []Try{
			{N: 4, Provider: "a", Channel: SMS, State: Failed, Error: ErrorProvider, Segments: 1, At: now},
			{N: 5, Provider: "b", Channel: SMS, State: Sent, Reference: "r9", Echoes: true, Latency: 200 * time.Millisecond,
				Price: price, Segments: 1, At: now},
		}
		if diff := cmp.Diff(want, got.Tries); diff != "" {
			t.Error(diff)
		}
		for i, f := range []*fake{a, b} {
			if id := (ID{Verification: m.Verification, N: 4 + i}); f.got[0].ID != id || f.got[0].SendKey != m.SendKey() {
				t.Errorf("%s was given %v and %s", f.name, f.got[0].ID, f.got[0].SendKey)
			}
		}
		for _, secret := range []string{"918273", "+12025550123", "verification code"} {
			if strings.Contains(log.String(), secret) {
				t.Errorf("the log holds %q:\n%s", secret, log)
			}
		}
	})
}

func TestSendKey_is_stable_over_retries_and_differs_between_sends(t *testing.T) {
	t.Parallel()
	m := toCarry()
	again := m
	again.FirstN, again.Life = 9, time.Minute // the retry after a take-over
	resend := m
	resend.Send = 3
	if m.SendKey() != again.SendKey() || m.SendKey() == resend.SendKey() || !strings.HasPrefix(m.SendKey(), "snd_") {
		t.Errorf("%s, %s, %s", m.SendKey(), again.SendKey(), resend.SendKey())
	}
}

func TestCarry_stopped_by_its_caller_blames_nobody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := &fake{name: "a", answer: hangs}, &fake{name: "b", answer: takes}
		d, _ := dispatcher(t, a, b)
		for range 5 {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(time.Second, cancel)
			got, err := d.Carry(ctx, toCarry())
			if !errors.Is(err, context.Canceled) || !slices.Equal(summary(got), []string{"a unknown canceled"}) {
				t.Fatalf("%v, %v", summary(got), err)
			}
		}
		if d.accounts["a"].circuit.phase(time.Now()) != closed || b.count() != 0 {
			t.Error("the provider was blamed, or the next one asked")
		}
	})
}

func TestCarry_without_a_route_says_so(t *testing.T) {
	t.Parallel()
	d, _ := dispatcher(t, &fake{name: "a", answer: takes})
	m := toCarry()
	m.Channel = Voice
	if _, err := d.Carry(t.Context(), m); !errors.Is(err, ErrNoRoute) {
		t.Errorf("got %v, want ErrNoRoute", err)
	}
	if d.Routes(Voice, m.To) || !d.Routes(SMS, m.To) {
		t.Error("Routes is wrong")
	}
}

func TestCarry_a_panic_gives_the_probe_back(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		a, b := &fake{name: "a", answer: fails(down())}, &fake{name: "b", answer: takes}
		d, _ := dispatcher(t, a, b)
		for range 3 {
			_, _ = d.Carry(t.Context(), toCarry()) // opens a's circuit
		}
		time.Sleep(openAtFirst)
		a.answer = func(context.Context, Outgoing) (Accepted, error) { panic("a bug") }
		func() {
			defer func() { _ = recover() }()
			_, _ = d.Carry(t.Context(), toCarry())
		}()
		a.answer = takes
		if got, _ := d.Carry(t.Context(), toCarry()); len(got.Tries) != 1 || got.Tries[0].Provider != "a" {
			t.Errorf("the provider stays left out: %v", summary(got))
		}
	})
}

func TestNew_tells_the_faults_of_the_routes(t *testing.T) {
	t.Parallel()
	_, err := New(Config{Standing: live, Providers: []Provider{&fake{name: "a"}}, Routes: []Rule{rule(SMS, nil, "", "b"), rule(Voice, nil, "", "a")}},
		slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	if err == nil || !strings.Contains(err.Error(), "routes[0]") || !strings.Contains(err.Error(), "routes[1]") {
		t.Errorf("got %v", err)
	}
}

func TestMetrics_count_tries_failovers_and_circuits(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	a, b := &fake{name: "a", answer: fails(down())}, &fake{name: "b", answer: takes}
	d, err := New(Config{Standing: live, Providers: []Provider{a, b}, Failures: 2}, slog.New(slog.DiscardHandler), reg)
	if err != nil {
		t.Fatal(err)
	}
	m := toCarry()
	m.Host = "Not-A-Host.example"
	for range 3 {
		if _, err := d.Carry(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	got := map[string]float64{}
	families, err := reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, s := range f.GetMetric() {
			key := strings.TrimPrefix(f.GetName(), "countersign_delivery_")
			for _, l := range s.GetLabel() {
				key += " " + l.GetValue()
			}
			got[key] = s.GetCounter().GetValue() + s.GetGauge().GetValue() + float64(s.GetHistogram().GetSampleCount())
		}
	}
	want := map[string]float64{
		"tries_total sms provider_5xx a failed": 2,
		"tries_total sms  b sent":               3,
		"latency_seconds a":                     2,
		"latency_seconds b":                     3,
		"failovers_total a":                     2,
		"failovers_total b":                     0,
		"circuit a":                             2,
		"circuit b":                             0,
		"origin_line_left_out_total":            3,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}
