package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// Sessions of operators and links that lead to one; what is held of the operators themselves is in operators.go.

func codeOnce(t *testing.T, b *staff) {
	used := errors.New("used")
	o := b.hire()
	for i := range byte(8) {
		b.enters(o, i+1)
	}
	won := b.race(8, func(i int) error {
		return b.ChangeOperator(t.Context(), operator.Target{Session: [32]byte{byte(i + 1)}}, func(h *operator.Held) (outbox.Effects, error) {
			if len(h.Operator.Codes) != 2 {
				return outbox.Effects{}, used
			}
			h.Operator.Codes = h.Operator.Codes[1:]
			return outbox.Effects{}, nil
		})
	}, used)
	if got, err := b.Operator(t.Context(), b.tenant, o.ID); err != nil || won != 1 || len(got.Codes) != 1 {
		t.Errorf("%d won, %d codes are left, %v", won, len(got.Codes), err)
	}
}

func setupOnce(t *testing.T, b *staff) {
	gone := errors.New("gone")
	link := operator.Link{ID: uid.Random(b.at), Kind: operator.LinkSetup, Hash: [32]byte{3}, CreatedAt: b.at, ExpiresAt: b.at.Add(time.Hour)}
	b.ok(b.change(operator.Target{}, func(h *operator.Held) { h.Put = &link }))
	version, err := b.Version(t.Context())
	b.ok(err)
	won := b.race(8, func(i int) error {
		return b.ChangeOperator(t.Context(), operator.Target{Link: link.Hash}, func(h *operator.Held) (outbox.Effects, error) {
			if h.Link == nil || h.Anyone {
				return outbox.Effects{}, gone
			}
			h.Used = true
			h.Create, h.Found = b.founder(byte(i))
			return outbox.Effects{}, nil
		})
	}, gone)
	made := func() string {
		return fmt.Sprint(Count(t, b.engine, "tenant"), Count(t, b.engine, "service"), Count(t, b.engine, "operator"), Count(t, b.engine, "operator_token"))
	}
	if won != 1 || made() != "1 1 1 0" {
		t.Errorf("%d won; tenants, services, operators and links: %s", won, made())
	}
	if now, err := b.Version(t.Context()); err != nil || now != version+1 {
		t.Errorf("the version of the directory went from %d to %d with a new tenant, %v", version, now, err)
	}
	for i := range byte(8) { // the address of whoever has won is another's: nothing is made, the tenant neither
		err := b.change(operator.Target{}, func(h *operator.Held) { h.Create, h.Found = b.founder(i) })
		if err == nil {
			continue
		}
		if !errors.Is(err, operator.ErrEmailTaken) || Count(t, b.engine, "tenant") != Count(t, b.engine, "operator") {
			t.Errorf("%v; tenants, services, operators and links: %s", err, made())
		}
		return
	}
	t.Error("an address was taken twice")
}

// founder is a first owner with the tenant.
func (b *staff) founder(address byte) (*operator.Operator, *tenant.Founding) {
	ten := tenant.Tenant{ID: uid.NewTenant(b.at), Name: "Acme", CreatedAt: b.at, UpdatedAt: b.at}
	s := tenant.Service{ID: uid.Random(b.at), Tenant: ten.ID, Name: "Acme", Default: true, CreatedAt: b.at, UpdatedAt: b.at, Version: 1}
	return &operator.Operator{ID: uid.Random(b.at), Tenant: ten.ID, EmailIndex: [16]byte{address}, Role: operator.Owner, State: operator.Active,
		CreatedAt: b.at, UpdatedAt: b.at, Version: 1}, &tenant.Founding{Tenant: ten, Service: s}
}

func sessionsEnd(t *testing.T, b *staff) {
	o, other := b.hire(), b.hire()
	b.enters(other, 9)
	left := func() string {
		mine, err := b.OperatorSessions(t.Context(), b.tenant, o.ID)
		b.ok(err)
		theirs, err := b.OperatorSessions(t.Context(), b.tenant, other.ID)
		b.ok(err)
		return fmt.Sprint(len(mine), len(theirs))
	}
	var opened []operator.Session
	for i := range byte(5) {
		opened = append(opened, b.enters(o, i+1))
	}
	b.ok(b.change(operator.Target{Tenant: b.tenant, Operator: o.ID}, func(h *operator.Held) { h.CloseOne = opened[0].ID }))
	if left() != "4 1" {
		t.Errorf("one ended: %s", left())
	}
	if err := b.change(operator.Target{Tenant: b.tenant, Operator: other.ID}, func(h *operator.Held) { h.CloseOne = opened[1].ID }); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("ending another's: %v", err)
	}
	b.ok(b.change(operator.Target{Session: opened[1].Hash}, func(h *operator.Held) { h.Close = true }))
	if left() != "3 1" {
		t.Errorf("this one ended: %s", left())
	}
	b.ok(b.change(operator.Target{Session: opened[2].Hash}, func(h *operator.Held) { h.CloseAll, h.Session.Hash = true, [32]byte{0x77} }))
	if left() != "1 1" {
		t.Errorf("all others ended: %s", left())
	}
	b.ok(b.change(operator.Target{Tenant: b.tenant, Operator: o.ID}, func(h *operator.Held) { h.CloseAll = true }))
	if left() != "0 1" {
		t.Errorf("all ended: %s", left())
	}
	b.ok(b.change(operator.Target{Session: opened[3].Hash}, func(h *operator.Held) {
		if h.Session != nil {
			t.Error("a session that ended is held")
		}
	}))
	nobodys := b.enters(operator.Operator{}, 0x55)
	b.ok(b.change(operator.Target{Session: nobodys.Hash}, func(h *operator.Held) {
		if h.Session == nil || h.Operator != nil {
			t.Errorf("held of nobody: %+v, %+v", h.Session, h.Operator)
			return
		}
		h.Session.Wrong = 3
	}))
	nobodys.Wrong = 3
	got, none, err := b.SessionByHash(t.Context(), nobodys.Hash)
	b.ok(err)
	b.same(nobodys, got, "nobody's")
	b.same(operator.Operator{}, none, "nobody")
	b.ok(b.change(operator.Target{Session: nobodys.Hash}, func(h *operator.Held) { h.Close = true }))
	if _, _, err := b.SessionByHash(t.Context(), nobodys.Hash); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("nobody's, ended: %v", err)
	}
}

func linkReplaced(t *testing.T, b *staff) {
	put := func(hash byte, subject byte) operator.Link {
		l := operator.Link{ID: uid.Random(b.at), Kind: operator.LinkReset, Tenant: b.tenant, Subject: [16]byte{subject}, Hash: [32]byte{hash}, Role: operator.Agent,
			Person: []byte{1}, Locale: "fr", By: "command", Key: 3, Salt: [16]byte{5}, CreatedAt: b.at, ExpiresAt: b.at.Add(time.Hour)}
		b.ok(b.change(operator.Target{}, func(h *operator.Held) { h.Put = &l }))
		return l
	}
	first := put(1, 1)
	got, err := b.LinkByHash(t.Context(), first.Hash)
	b.ok(err)
	b.same(first, got, "link")
	second, another := put(2, 1), put(3, 2)
	if _, err := b.LinkByHash(t.Context(), first.Hash); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("the one before: %v", err)
	}
	got, err = b.LinkByID(t.Context(), b.tenant, second.ID)
	b.ok(err)
	b.same(second, got, "link by id")
	list, err := b.Links(t.Context(), operator.LinkReset, b.tenant)
	if err != nil || len(list) != 2 {
		t.Errorf("%d links, %v", len(list), err)
	}
	b.ok(b.change(operator.Target{Tenant: b.tenant, Link: another.Hash}, func(h *operator.Held) { h.Used = true }))
	if _, err := b.LinkByHash(t.Context(), another.Hash); !errors.Is(err, operator.ErrNotFound) {
		t.Errorf("one that was used: %v", err)
	}
}

func operatorsSwept(t *testing.T, b *staff) {
	o := b.hire()
	b.enters(o, 1)
	link := operator.Link{ID: uid.Random(b.at), Kind: operator.LinkSetup, Hash: [32]byte{3}, CreatedAt: b.at, ExpiresAt: b.at.Add(time.Hour)}
	b.ok(b.change(operator.Target{Waits: []operator.WaitKey{{1}}}, func(h *operator.Held) { h.Put, h.Waits[0].UpdatedAt = &link, b.at }))
	count := func() string {
		return fmt.Sprint(Count(t, b.engine, "operator_session"), Count(t, b.engine, "operator_token"), Count(t, b.engine, "operator_wait"))
	}
	b.ok(b.SweepOperators(t.Context(), b.at.Add(time.Hour-time.Microsecond), b.at.Add(-time.Microsecond), b.at.Add(-time.Microsecond)))
	if count() != "1 1 1" {
		t.Errorf("before its time: %s", count())
	}
	b.ok(b.SweepOperators(t.Context(), b.at.Add(time.Hour), b.at, b.at))
	if count() != "0 0 0" || Count(t, b.engine, "operator") != 1 {
		t.Errorf("after it: %s", count())
	}
}
