package storetest

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
)

// runOperators runs what the store must hold for package operator.
func runOperators(t *testing.T, engine Open) {
	for _, c := range []struct {
		name string
		run  func(t *testing.T, b *staff)
	}{
		{"an_operator_comes_back_as_it_went_in_and_as_it_was_changed", operatorRoundTrip},
		{"an_address_is_one_operators_also_at_once", addressOnce},
		{"operators_of_another_tenant_are_not_there", operatorsApart},
		{"a_refused_decision_leaves_nothing", operatorRefused},
		{"of_two_sign_ins_with_one_recovery_code_one_wins", codeOnce},
		{"of_two_set_ups_with_one_link_one_wins_and_leaves_one_tenant", setupOnce},
		{"of_two_owners_who_step_down_at_once_one_stays", lastOwner},
		{"failures_are_counted_each_also_at_once", failuresCounted},
		{"a_change_waits_no_longer_than_its_caller", callerGone},
		{"sessions_end_as_they_are_named", sessionsEnd},
		{"a_new_link_takes_the_place_of_the_old_one", linkReplaced},
		{"what_is_over_is_swept", operatorsSwept},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := engine(t)
			c.run(t, &staff{T: t, DB: Start(t, e, nil), engine: e, tenant: uid.NewTenant(now()), at: now()})
		})
	}
}

// staff is a store with operators of one tenant.
type staff struct {
	*testing.T
	*store.DB
	engine store.Engine
	tenant uid.Tenant
	at     time.Time
	made   byte
}

func (b *staff) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *staff) change(target operator.Target, decide func(h *operator.Held)) error {
	return b.ChangeOperator(b.Context(), target, func(h *operator.Held) (outbox.Effects, error) {
		decide(h)
		return b.told(), nil
	})
}

// told is an event.
func (b *staff) told() outbox.Effects {
	return outbox.Effects{Events: []audit.Event{{ID: uid.Random(b.at), Tenant: b.tenant, Type: "operator.tested", Object: uid.Random(b.at), At: b.at, Actor: "test"}}}
}

// hire makes an operator with everything.
func (b *staff) hire(change ...func(o *operator.Operator)) operator.Operator {
	b.Helper()
	b.made++
	o := operator.Operator{ID: uid.Random(b.at), Tenant: b.tenant, EmailIndex: [16]byte{b.made, 0xff}, Role: operator.Owner, State: operator.Active,
		Person: []byte{1, 2}, Locale: "de", Password: "$argon2id$", Short: true, TOTP: &operator.TOTP{Secret: []byte{3}, LastStep: 4, Drift: -1, SeenStep: 5,
			SeenOffset: 6, Wrong: 7, VerifiedAt: b.at, ExpiresAt: b.at}, Enrolling: &operator.TOTP{Secret: []byte{8}}, Codes: [][32]byte{{9}, {10}},
		CreatedAt: b.at, UpdatedAt: b.at, LastSignInAt: b.at, InvitesSince: b.at, Version: 1}
	for _, one := range change {
		one(&o)
	}
	b.ok(b.change(operator.Target{}, func(h *operator.Held) { h.Create = &o }))
	return o
}

// enters opens a session of o.
func (b *staff) enters(o operator.Operator, hash byte) operator.Session {
	b.Helper()
	s := operator.Session{ID: uid.Random(b.at), Tenant: o.Tenant, Operator: o.ID, Hash: [32]byte{hash}, Stage: operator.StageOpen, Wrong: 2, Answered: [32]byte{7, 31: 8}, AnsweredAt: b.at.Add(time.Minute), CreatedAt: b.at,
		SeenAt: b.at, ProvedAt: b.at.Add(time.Second), ExpiresAt: b.at.Add(time.Hour), Client: []byte{4, 0}}
	b.ok(b.change(operator.Target{}, func(h *operator.Held) { h.Open = &s }))
	return s
}

func (b *staff) same(want, got any, what string) {
	b.Helper()
	if diff := cmp.Diff(want, got, sameTimes); diff != "" {
		b.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// race runs try n times at once, and says how often it gave no error. Errors that are none of these fail.
func (b *staff) race(n int, try func(i int) error, fine ...error) int {
	b.Helper()
	var won atomic.Int64
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			err := try(i)
			for _, f := range fine {
				if errors.Is(err, f) {
					return
				}
			}
			if err != nil {
				b.Error(err)
				return
			}
			won.Add(1)
		})
	}
	wg.Wait()
	return int(won.Load())
}

func operatorRoundTrip(t *testing.T, b *staff) {
	if any, err := b.AnyOperator(t.Context()); err != nil || any {
		t.Errorf("an empty installation has an operator: %v, %v", any, err)
	}
	o := b.hire()
	bare := b.hire(func(o *operator.Operator) {
		*o = operator.Operator{ID: o.ID, Tenant: o.Tenant, EmailIndex: o.EmailIndex, Role: operator.Viewer, State: operator.Disabled, Person: o.Person,
			CreatedAt: o.CreatedAt, UpdatedAt: o.UpdatedAt, Version: 1}
	})
	for _, want := range []operator.Operator{o, bare} {
		got, err := b.Operator(t.Context(), b.tenant, want.ID)
		b.ok(err)
		b.same(want, got, "by id")
		got, err = b.OperatorByEmail(t.Context(), want.EmailIndex)
		b.ok(err)
		b.same(want, got, "by address")
		got, err = b.OperatorByID(t.Context(), want.ID)
		b.ok(err)
		b.same(want, got, "by id alone")
	}
	s := b.enters(o, 1)
	gotSession, whose, err := b.SessionByHash(t.Context(), s.Hash)
	b.ok(err)
	b.same(s, gotSession, "session")
	b.same(o, whose, "its operator")

	target := operator.Target{Session: s.Hash}
	b.ok(b.change(target, func(h *operator.Held) {
		b.same(&o, h.Operator, "held")
		b.same(&s, h.Session, "held")
		h.Operator.Role, h.Operator.State, h.Operator.Codes, h.Operator.UpdatedAt = operator.Admin, operator.Disabled, nil, b.at.Add(time.Minute)
		h.Session.Hash, h.Session.Stage, h.Session.Wrong, h.Session.SeenAt = [32]byte{2}, operator.StageEnrol, 3, b.at.Add(time.Minute)
		h.Session.Answered, h.Session.AnsweredAt = [32]byte{9}, b.at.Add(time.Hour)
	}))
	o.Role, o.State, o.Codes, o.UpdatedAt, o.Version = operator.Admin, operator.Disabled, nil, b.at.Add(time.Minute), 2
	s.Hash, s.Stage, s.Wrong, s.SeenAt = [32]byte{2}, operator.StageEnrol, 3, b.at.Add(time.Minute)
	s.Answered, s.AnsweredAt = [32]byte{9}, b.at.Add(time.Hour)
	if _, _, err := b.SessionByHash(t.Context(), [32]byte{1}); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("the hash of before: %v", err)
	}
	gotSession, whose, err = b.SessionByHash(t.Context(), s.Hash)
	b.ok(err)
	b.same(s, gotSession, "changed session")
	b.same(o, whose, "changed operator")
	for at, want := range map[time.Duration]time.Duration{2 * time.Minute: 2 * time.Minute, time.Minute: 2 * time.Minute} {
		b.ok(b.TouchSession(t.Context(), s.Hash, b.at.Add(2*time.Minute)))
		b.ok(b.TouchSession(t.Context(), s.Hash, b.at.Add(at)))
		list, err := b.OperatorSessions(t.Context(), b.tenant, o.ID)
		if err != nil || len(list) != 1 || !list[0].SeenAt.Equal(b.at.Add(want)) {
			t.Errorf("touched: %+v, %v", list, err)
		}
	}
}

func addressOnce(t *testing.T, b *staff) {
	won := b.race(8, func(i int) error {
		o := operator.Operator{ID: uid.Random(b.at), Tenant: uid.NewTenant(b.at), EmailIndex: [16]byte{7}, Role: operator.Agent, State: operator.Active,
			CreatedAt: b.at, UpdatedAt: b.at, Version: 1}
		return b.change(operator.Target{}, func(h *operator.Held) { h.Create = &o })
	}, operator.ErrEmailTaken)
	if won != 1 || Count(t, b.engine, "operator") != 1 || Count(t, b.engine, "event") != 1 {
		t.Errorf("%d were made, %d rows, %d events", won, Count(t, b.engine, "operator"), Count(t, b.engine, "event"))
	}
}

func operatorsApart(t *testing.T, b *staff) {
	o := b.hire()
	link := operator.Link{ID: uid.Random(b.at), Kind: operator.LinkInvitation, Tenant: b.tenant, Subject: [16]byte{1}, Hash: [32]byte{3},
		CreatedAt: b.at, ExpiresAt: b.at.Add(time.Hour)}
	b.ok(b.change(operator.Target{}, func(h *operator.Held) { h.Put = &link }))
	s := b.enters(o, 1)
	other := uid.NewTenant(b.at)
	if _, err := b.Operator(t.Context(), other, o.ID); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("by id: %v", err)
	}
	if _, err := b.LinkByID(t.Context(), other, link.ID); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("link: %v", err)
	}
	list, err := b.Operators(t.Context(), other)
	links, errLinks := b.Links(t.Context(), link.Kind, other)
	sessions, errSessions := b.OperatorSessions(t.Context(), other, o.ID)
	if err := errors.Join(err, errLinks, errSessions); err != nil || len(list)+len(links)+len(sessions) != 0 {
		t.Errorf("%d operators, %d links, %d sessions, %v", len(list), len(links), len(sessions), err)
	}
	b.ok(b.change(operator.Target{Tenant: other, Operator: o.ID, Team: true}, func(h *operator.Held) {
		if h.Operator != nil || len(h.Team) != 0 {
			t.Error("another tenant's operator is held")
		}
	}))
	_ = s
}

func operatorRefused(t *testing.T, b *staff) {
	o := b.hire()
	s := b.enters(o, 1)
	no := errors.New("no")
	err := b.ChangeOperator(t.Context(), operator.Target{Session: s.Hash, Waits: []operator.WaitKey{{1}}}, func(h *operator.Held) (outbox.Effects, error) {
		h.Operator.Role, h.Session.Stage, h.Waits[0].Failed, h.CloseAll = operator.Viewer, operator.StageSecond, 9, true
		return b.told(), no
	})
	if !errors.Is(err, no) || Count(t, b.engine, "event") != 2 {
		t.Errorf("%v, %d events", err, Count(t, b.engine, "event"))
	}
	gotSession, got, err := b.SessionByHash(t.Context(), s.Hash)
	b.ok(err)
	b.same(s, gotSession, "session")
	b.same(o, got, "operator")
	if n := Count(t, b.engine, "operator_wait"); n != 0 {
		t.Errorf("%d counts", n)
	}
}

func lastOwner(t *testing.T, b *staff) {
	last := errors.New("last")
	owners := []operator.Operator{b.hire(), b.hire(), b.hire()}
	won := b.race(len(owners), func(i int) error {
		target := operator.Target{Tenant: b.tenant, Operator: owners[i].ID, Team: true}
		return b.ChangeOperator(t.Context(), target, func(h *operator.Held) (outbox.Effects, error) {
			n := 0
			for _, o := range h.Team {
				if o.Role == operator.Owner {
					n++
				}
			}
			if n < 2 {
				return outbox.Effects{}, last
			}
			h.Operator.Role = operator.Admin
			return outbox.Effects{}, nil
		})
	}, last)
	if won != 2 {
		t.Errorf("%d of 3 owners stepped down", won)
	}
}

func failuresCounted(t *testing.T, b *staff) {
	keys := []operator.WaitKey{{1}, {0xff}, {2}}
	b.race(16, func(i int) error {
		mine := []operator.WaitKey{keys[i%3], keys[(i+1)%3], keys[(i+2)%3]} // in whatever order
		return b.change(operator.Target{Waits: mine}, func(h *operator.Held) {
			for n := range h.Waits {
				if h.Waits[n].Key != mine[n] {
					t.Error("counts are in another order")
				}
				h.Waits[n].Failed++
				h.Waits[n].Until, h.Waits[n].UpdatedAt = b.at.Add(time.Minute), b.at
			}
		})
	})
	b.ok(b.change(operator.Target{Waits: keys}, func(h *operator.Held) {
		for _, w := range h.Waits {
			if w.Failed != 16 || !w.Until.Equal(b.at.Add(time.Minute)) || !w.UpdatedAt.Equal(b.at) {
				t.Errorf("%+v", w)
			}
		}
	}))
}

// callerGone is about a database that is busy with somebody else's change.
func callerGone(t *testing.T, b *staff) {
	target := operator.Target{Waits: []operator.WaitKey{{1}}}
	held, release := make(chan struct{}), make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := b.change(target, func(*operator.Held) { close(held); <-release }); err != nil {
			t.Error(err)
		}
	})
	<-held
	end := sync.OnceFunc(func() { close(release) })
	late := time.AfterFunc(4*time.Second, end)
	defer late.Stop()
	ctx, stop := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer stop()
	began := time.Now()
	err := b.ChangeOperator(ctx, target, func(h *operator.Held) (outbox.Effects, error) {
		h.Waits[0].Failed = 7
		return b.told(), nil
	})
	if took := time.Since(began); !fault.Is(err, fault.Unavailable) || took > 2*time.Second {
		t.Errorf("a caller with 300 ms is answered after %s: %v", took, err)
	}
	end()
	wg.Wait()
	b.ok(b.change(target, func(h *operator.Held) {
		if h.Waits[0].Failed != 0 {
			t.Error("what its caller gave up was done")
		}
	}))
}
