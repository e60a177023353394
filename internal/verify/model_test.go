package verify

import (
	"context"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// model is the simplest thing that knows what one recipient's verifications must do.
type model struct {
	t *rapid.T
	f *fixture

	all   map[uid.ID]*modeled
	open  uid.ID
	sends []time.Time
	wrong []time.Time
}

type modeled struct {
	code      string
	expires   time.Time
	checks    int
	sends     int
	approvals int
	final     Status
}

func (m *model) live() *modeled {
	v := m.all[m.open]
	if v == nil || v.final != "" || !m.f.time().Before(v.expires) {
		return nil
	}
	return v
}

func within(times []time.Time, now time.Time, d time.Duration) (n int) {
	for _, at := range times {
		if now.Sub(at) < d {
			n++
		}
	}
	return n
}

func (m *model) start(supersede bool) {
	before := m.live()
	a, err := m.f.start(func(r *StartRequest) { r.Supersede = supersede })
	now := m.f.time()
	if err != nil {
		if !fault.Is(err, fault.Limited) {
			m.t.Fatalf("start: %v", err)
		}
		return
	}
	if a.Sent {
		m.sends = append(m.sends, now)
	}
	if !a.Created {
		if before == nil || a.View.ID != m.open {
			m.t.Fatal("a send on a verification that is not the open one")
		}
		if a.Sent {
			before.sends++
		}
		return
	}
	if before != nil {
		if !supersede {
			m.t.Fatal("a second open verification")
		}
		before.final = Superseded
	}
	code, err := m.f.want(m.f.store.get(a.View.ID))
	if err != nil {
		m.t.Fatal(err)
	}
	m.open = a.View.ID
	m.all[m.open] = &modeled{code: code.Reveal(), expires: now.Add(5 * time.Minute), sends: 1}
}

func (m *model) check(right bool) {
	target := m.all[m.open]
	if target == nil {
		return // nothing was started yet
	}
	v, now, code := m.live(), m.f.time(), target.code
	if !right {
		code = other(code)
	}
	a, err := m.f.check(m.open, code)
	switch {
	case fault.Is(err, fault.Limited):
		if within(m.wrong, now, 90*time.Minute) < 10 && within(m.wrong, now, 24*time.Hour) < 20 {
			m.t.Fatal("paused without cause")
		}
	case fault.Is(err, fault.NotFound):
		if v != nil {
			m.t.Fatal("a live verification was not found")
		}
	case err != nil:
		m.t.Fatalf("check: %v", err)
	case v == nil:
		m.t.Fatalf("a code was compared for a verification that is not live: %+v", a)
	default:
		m.compared(v, a, right, now)
	}
}

func (m *model) compared(v *modeled, a CheckAnswer, right bool, now time.Time) {
	v.checks++
	if a.Valid != right {
		m.t.Fatalf("right %v, answer %+v", right, a)
	}
	if right {
		v.approvals++
		v.final = Approved
		return
	}
	m.wrong = append(m.wrong, now)
	if v.checks == 5 {
		v.final = Exhausted
	}
}

// invariants hold after every step.
func (m *model) invariants() {
	now := m.f.time()
	for id, v := range m.all {
		got := m.f.store.get(id)
		if v.checks > 5 || v.approvals > 1 || v.sends > 5 || len(got.Sends) != v.sends || got.Checks != v.checks {
			m.t.Fatalf("%d checks (%d kept), %d approvals, %d sends (%d kept)", v.checks, got.Checks, v.approvals, v.sends, len(got.Sends))
		}
		if v.final != "" && got.Status != v.final {
			m.t.Fatalf("status %s, and %s was final", got.Status, v.final)
		}
		if v.final == "" && got.Status != Pending && (got.Status != Expired || now.Before(v.expires)) {
			m.t.Fatalf("status %s without cause", got.Status)
		}
	}
	for period, most := range map[time.Duration]int{10 * time.Minute: 5, time.Hour: 8, 24 * time.Hour: 15} {
		if n := within(m.sends, now, period); n > most {
			m.t.Fatalf("%d sends in %s", n, period)
		}
	}
}

func TestModel_one_recipient(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{t: rt, f: setup(t), all: map[uid.ID]*modeled{}}
		m.f.tenants.service.Resend = tenant.SameCode
		rt.Repeat(map[string]func(*rapid.T){
			"start":       func(*rapid.T) { m.start(false) },
			"supersede":   func(*rapid.T) { m.start(true) },
			"right check": func(*rapid.T) { m.check(true) },
			"wrong check": func(*rapid.T) { m.check(false) },
			"wait": func(rt *rapid.T) {
				m.f.pass(time.Duration(rapid.Int64Range(1, 400e6).Draw(rt, "µs")) * time.Microsecond)
			},
			"wait long": func(rt *rapid.T) { m.f.pass(time.Duration(rapid.IntRange(1, 180).Draw(rt, "min")) * time.Minute) },
			"sweep": func(rt *rapid.T) {
				if _, err := m.f.Sweep(context.Background()); err != nil {
					rt.Fatal(err)
				}
			},
			"cancel": func(rt *rapid.T) {
				_, err := m.f.Cancel(context.Background(), EndRequest{Caller: m.f.caller, ID: m.open})
				if v := m.live(); v != nil {
					if err != nil {
						rt.Fatalf("cancel: %v", err)
					}
					v.final = Canceled
				}
			},
			"": func(*rapid.T) { m.invariants() },
		})
	})
}
