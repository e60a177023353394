// Package invitetest is the suite that every invite.Store must pass. Only tests import it.
package invitetest

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
)

// Bench is one empty store under test.
type Bench struct {
	Store invite.Store
	// Events reads all events that were committed, and Jobs how many jobs there are.
	Events func(ctx context.Context) ([]audit.Event, error)
	Jobs   func(ctx context.Context) (int, error)
}

// Run runs the suite. open gives an empty store for one case and closes it by t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) Bench) {
	for _, c := range slices.Concat(importCases, dispatchCases, consentCases, []struct {
		name string
		run  func(*bench)
	}{
		{"an_invitation_comes_back_as_it_went_in_and_as_it_was_changed", (*bench).roundTrip},
		{"a_bare_one_comes_back_too", (*bench).bare},
		{"a_new_link_takes_the_place_of_the_old_one", (*bench).links},
		{"another_tenants_rows_are_not_there", (*bench).tenantsApart},
		{"a_refused_decision_leaves_nothing", (*bench).refused},
		{"64_decisions_are_made_one_after_another", (*bench).lock},
		{"jobs_and_events_commit_with_the_change_and_done_jobs_go", (*bench).effects},
		{"a_timeline_has_its_events_in_order", (*bench).timeline},
		{"lists_are_filtered_newest_first", (*bench).lists},
		{"what_is_due_is_listed_the_oldest_first", (*bench).due},
		{"an_answer_is_kept_once", (*bench).answers},
		{"a_setting_is_changed_from_the_version_before_it", (*bench).settings},
		{"of_64_changes_of_a_setting_one_wins", (*bench).settingRace},
	}) {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.run(&bench{T: t, Bench: open(t)})
		})
	}
}

// Noon has microseconds and lies far from the present: a store that asks a clock of its own fails.
var Noon = time.Date(2031, 5, 6, 12, 0, 0, 123457000, time.UTC)

type bench struct {
	*testing.T
	Bench
}

func (b *bench) ok(err error) {
	b.Helper()
	if err != nil {
		b.Fatal(err)
	}
}

func (b *bench) is(err, want error, what string) {
	b.Helper()
	if !errors.Is(err, want) {
		b.Errorf("%s: %v, want %v", what, err, want)
	}
}

func (b *bench) same(got, want any, what string) {
	b.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		b.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func hash() (h [32]byte) {
	_, _ = rand.Read(h[:]) // never fails
	return h
}

func index() (h [16]byte) {
	_, _ = rand.Read(h[:]) // never fails
	return h
}

// sample is an invitation with every field set.
func sample(t uid.Tenant, at time.Time) invite.Invitation {
	return invite.Invitation{
		ID: uid.Random(at), Tenant: t, Kind: invite.Fixed, Status: invite.MobilePending, CreatedAt: at, UpdatedAt: at, Version: 1,
		Policy: policy.YesOptional, Mobile2FA: true, Countries: []string{"DE"}, Overridden: true, OverriddenBy: "key:key_1",
		OverrideReason: "why", KeepProof: true, Editable: true, Edited: true,
		CodeTTL: time.Minute, Resend: policy.Resend{Max: 3, CoolDowns: []time.Duration{time.Second}}, Reminders: []int{1, 2}, LinkTTL: time.Hour, SessionTTL: time.Minute,
		ConsentVersion: "1", WithoutConsent: true, RedirectURL: "https://a.example", FailureURL: "https://b.example", UnverifiedURL: "https://c.example", IDParam: "ref",
		Channels: []delivery.Channel{delivery.Email, delivery.SMS}, Sealed: []byte{0, 1, 0xff}, Masked: invite.Masked{Email: "a•••@b", Mobile: "+1 •••"},
		EmailIndex: index(), PhoneIndex: index(), Reference: "ü 1", ExternalID: "order <7>", Locale: "de", Vendor: map[string]string{"a": "ü\x00b"},
		Link: invite.Link{N: 2, Key: 3, Salt: index(), Hash: hash(), MadeAt: at, ExpiresAt: at.Add(time.Hour), Reminded: 1,
			Carried: []invite.Carried{{Channel: delivery.SMS, State: delivery.Failed, Error: "barred", At: at}}},
		Gates: []invite.Gate{{Channel: delivery.SMS, Fixed: true, Contact: []byte{7}, Masked: "+1", Index: index(), MaxSends: 4, MaxCycles: 2, Cycle: 1,
			Sends: 2, N: 3, Starting: true, Checked: true, Asker: hash(), Verified: uid.Random(at), CodeEnds: at.Add(time.Minute),
			NextSendAt: at.Add(time.Second), LockedUntil: at.Add(2 * time.Second), Shut: true, PassedAt: at, PassedBy: hash(), Kept: true, Proof: uid.Random(at),
			Evidence: []byte{9}}},
		Sessions: []invite.Session{{Hash: hash(), OpenedAt: at}},
		Consent:  invite.Consent{Accepted: true, Version: "1", Locale: "de", Client: []byte{1}, At: at},
		Failure:  "x", SentAt: at, OpenedAt: at, VerifiedAt: at, ConsentedAt: at, HandedOffAt: at, EndedAt: at,
	}
}

func event(v *invite.Invitation, kind string) audit.Event {
	return audit.Event{ID: uid.New(Noon, v.ID.Bucket()), Tenant: v.Tenant, Type: kind, Object: v.ID, At: Noon, Actor: "key:key_1", Data: []byte(`{"a":1}`)}
}

func (b *bench) create(v invite.Invitation, kinds ...string) invite.Invitation {
	b.Helper()
	var fx outbox.Effects
	for _, k := range kinds {
		fx.Events = append(fx.Events, event(&v, k))
	}
	b.ok(b.Store.CreateInvitation(b.Context(), v, nil, fx))
	return v
}

func (b *bench) read(v invite.Invitation) invite.Invitation {
	b.Helper()
	got, err := b.Store.Invitation(b.Context(), v.Tenant, v.ID)
	b.ok(err)
	return got
}

func (b *bench) change(v invite.Invitation, decide func(v *invite.Invitation)) {
	b.Helper()
	b.ok(b.Store.ChangeInvitation(b.Context(), v.Tenant, v.ID, func(v *invite.Invitation) (outbox.Effects, error) {
		decide(v)
		return outbox.Effects{}, nil
	}))
}

func (b *bench) roundTrip() {
	v := b.create(sample(uid.NewTenant(Noon), Noon))
	b.same(b.read(v), v, "read")
	byID, err := b.Store.InvitationByID(b.Context(), v.ID)
	b.ok(err)
	b.same(byID, v, "by id")
	byLink, err := b.Store.InvitationByLink(b.Context(), v.Link.Hash)
	b.ok(err)
	b.same(byLink, v, "by link")

	other := sample(v.Tenant, Noon.Add(time.Second))
	other.ID, other.CreatedAt, other.Reference, other.Mobile2FA = v.ID, v.CreatedAt, v.Reference, v.Mobile2FA
	other.Status, other.EmailIndex = invite.Canceled, [16]byte{}
	b.change(v, func(v *invite.Invitation) { *v = other })
	other.Version = 2
	b.same(b.read(v), other, "changed")
}

func (b *bench) bare() {
	v := b.create(invite.Invitation{ID: uid.Random(Noon), Tenant: uid.NewTenant(Noon), Kind: invite.Entered, Status: invite.Created, CreatedAt: Noon,
		UpdatedAt: Noon, Version: 1, Link: invite.Link{N: 1, Hash: hash()}})
	b.same(b.read(v), v, "read")
	found, err := b.Store.Invitations(b.Context(), v.Tenant, invite.Filter{Contact: &[16]byte{}, Limit: 10})
	b.ok(err)
	b.same(len(found), 0, "found by no contact")
}

func (b *bench) links() {
	v := b.create(sample(uid.NewTenant(Noon), Noon))
	second := hash()
	b.change(v, func(v *invite.Invitation) { v.Link.Hash = second })
	got, err := b.Store.InvitationByLink(b.Context(), v.Link.Hash)
	b.is(err, nil, "the old link")
	b.same(got.Link.Hash, second, "the link of now, by the old one")
	got, err = b.Store.InvitationByLink(b.Context(), second)
	b.ok(err)
	b.same(got.ID, v.ID, "the new link")
	_, err = b.Store.InvitationByLink(b.Context(), [32]byte{})
	b.is(err, invite.ErrNotFound, "no link")
}

func (b *bench) tenantsApart() {
	v := b.create(sample(uid.NewTenant(Noon), Noon), "a")
	stranger := uid.NewTenant(Noon)
	_, err := b.Store.Invitation(b.Context(), stranger, v.ID)
	b.is(err, invite.ErrNotFound, "read")
	b.is(b.Store.ChangeInvitation(b.Context(), stranger, v.ID, func(*invite.Invitation) (outbox.Effects, error) {
		b.Error("asked to decide on another tenant's")
		return outbox.Effects{}, nil
	}), invite.ErrNotFound, "change")
	list, err := b.Store.Invitations(b.Context(), stranger, invite.Filter{Limit: 10})
	b.ok(err)
	events, err := b.Store.InvitationEvents(b.Context(), stranger, v.ID, uid.ID{}, 10)
	b.ok(err)
	b.same(len(list)+len(events), 0, "listed")
	_, err = b.Store.InvitationByID(b.Context(), uid.Random(Noon))
	b.is(err, invite.ErrNotFound, "an unknown id")
}

func (b *bench) refused() {
	v := b.create(sample(uid.NewTenant(Noon), Noon))
	no := errors.New("no")
	b.is(b.Store.ChangeInvitation(b.Context(), v.Tenant, v.ID, func(v *invite.Invitation) (outbox.Effects, error) {
		v.Status, v.Link.Hash, v.Gates[0].N = invite.Expired, hash(), 99
		return outbox.Effects{Events: []audit.Event{event(v, "x")}, Jobs: []outbox.Job{job(v)}}, no
	}), no, "the decision's error")
	b.same(b.read(v), v, "read")
	events, err := b.Events(b.Context())
	b.ok(err)
	jobs, err := b.Jobs(b.Context())
	b.ok(err)
	b.same(len(events)+jobs, 0, "events and jobs")
}

func job(v *invite.Invitation) outbox.Job {
	return outbox.Job{ID: uid.New(Noon, v.ID.Bucket()), Kind: "k", Tenant: v.Tenant, Object: v.ID, N: 1, Payload: []byte("sms"), Due: Noon}
}

func (b *bench) lock() {
	v := b.create(sample(uid.NewTenant(Noon), Noon))
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if err := b.Store.ChangeInvitation(context.Background(), v.Tenant, v.ID, func(v *invite.Invitation) (outbox.Effects, error) {
				v.Gates[0].N++
				return outbox.Effects{}, nil
			}); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
	got := b.read(v)
	b.same(got.Gates[0].N, v.Gates[0].N+64, "count")
	b.same(got.Version, int64(65), "version")
}

func (b *bench) effects() {
	v := sample(uid.NewTenant(Noon), Noon)
	j := job(&v)
	b.ok(b.Store.CreateInvitation(b.Context(), v, nil, outbox.Effects{Jobs: []outbox.Job{j, job(&v)}, Events: []audit.Event{event(&v, "a")}}))
	count := func(want int) {
		b.Helper()
		n, err := b.Jobs(b.Context())
		b.ok(err)
		b.same(n, want, "jobs")
	}
	count(2)
	b.ok(b.Store.ChangeInvitation(b.Context(), v.Tenant, v.ID, func(v *invite.Invitation) (outbox.Effects, error) {
		return outbox.Effects{Done: []outbox.Ref{j.Ref()}, Events: []audit.Event{event(v, "b")}}, nil
	}))
	count(1)
	events, err := b.Events(b.Context())
	b.ok(err)
	b.same(len(events), 2, "events")
}

func (b *bench) timeline() {
	v := b.create(sample(uid.NewTenant(Noon), Noon), "0", "1")
	b.create(sample(v.Tenant, Noon), "another's")
	for i := range 3 {
		b.ok(b.Store.ChangeInvitation(b.Context(), v.Tenant, v.ID, func(v *invite.Invitation) (outbox.Effects, error) {
			return outbox.Effects{Events: []audit.Event{event(v, fmt.Sprint(2*i+2)), event(v, fmt.Sprint(2*i+3))}}, nil
		}))
	}
	next := 0
	for after := (uid.ID{}); ; {
		page, err := b.Store.InvitationEvents(b.Context(), v.Tenant, v.ID, after, 3)
		b.ok(err)
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			b.same(e.Type, fmt.Sprint(next), "event")
			next++
		}
		after = page[len(page)-1].ID
	}
	b.same(next, 8, "events")
}

func (b *bench) lists() {
	t := uid.NewTenant(Noon)
	var all []invite.Invitation
	for i := range 4 {
		v := sample(t, Noon.Add(time.Duration(i)*time.Hour))
		v.Reference, v.Mobile2FA = []string{"", "case"}[i%2], i < 3
		if i == 2 {
			v.Status, v.PhoneIndex = invite.Sent, all[0].EmailIndex
		}
		all = append(all, b.create(v))
	}
	yes, no := true, false
	for name, c := range map[string]struct {
		f    invite.Filter
		want []int
	}{
		"all":         {invite.Filter{}, []int{3, 2, 1, 0}},
		"reference":   {invite.Filter{Reference: "case"}, []int{3, 1}},
		"status":      {invite.Filter{Status: invite.Sent}, []int{2}},
		"either":      {invite.Filter{Contact: &all[0].EmailIndex}, []int{2, 0}},
		"phone":       {invite.Filter{Contact: &all[1].PhoneIndex}, []int{1}},
		"gate":        {invite.Filter{Mobile2FA: &yes}, []int{2, 1, 0}},
		"no gate":     {invite.Filter{Mobile2FA: &no}, []int{3}},
		"from":        {invite.Filter{From: all[2].ID}, []int{3, 2}},
		"to":          {invite.Filter{To: all[2].ID}, []int{1, 0}},
		"limit":       {invite.Filter{Limit: 2}, []int{3, 2}},
		"all at once": {invite.Filter{Reference: "case", Mobile2FA: &yes, Status: invite.MobilePending, To: all[3].ID}, []int{1}},
	} {
		if c.f.Limit == 0 {
			c.f.Limit = 10
		}
		list, err := b.Store.Invitations(b.Context(), t, c.f)
		b.ok(err)
		var got []int
		for _, v := range list {
			for i := range all {
				if all[i].ID == v.ID {
					got = append(got, i)
				}
			}
		}
		b.same(got, c.want, name)
	}
}

func (b *bench) due() {
	t := uid.NewTenant(Noon)
	make := func(status invite.Status, ends time.Time) invite.Invitation {
		v := sample(t, Noon)
		v.Gates, v.Status, v.Link.ExpiresAt = nil, status, ends
		return b.create(v)
	}
	late, soon := make(invite.Sent, Noon.Add(time.Hour)), make(invite.Opened, Noon.Add(time.Minute))
	make(invite.Sent, time.Time{})                  // never
	make(invite.Completed, Noon.Add(time.Second))   // over
	make(invite.Sent, Noon.Add(2*time.Hour))        // later
	moved := make(invite.Sent, Noon.Add(time.Hour)) // moved on
	b.change(moved, func(v *invite.Invitation) { v.Status = invite.Consented })
	list := func(at time.Time, limit int) (ids []uid.ID) {
		due, err := b.Store.DueInvitations(b.Context(), at, limit)
		b.ok(err)
		for _, v := range due {
			ids = append(ids, v.ID)
		}
		return ids
	}
	b.same(list(Noon.Add(time.Hour), 10), []uid.ID{soon.ID, late.ID}, "due")
	b.same(list(Noon.Add(time.Hour), 1), []uid.ID{soon.ID}, "one")
	b.same(len(list(Noon.Add(time.Minute-time.Microsecond), 10)), 0, "a microsecond early")
}

func (b *bench) answers() {
	kept := invite.Kept{Bucket: 7, Key: index(), Body: hash(), Sealed: []byte{1, 2}, At: Noon}
	var made, answered atomic.Int64
	var all sync.WaitGroup
	t := uid.NewTenant(Noon)
	for range 16 {
		all.Go(func() {
			v := sample(t, Noon)
			switch err := b.Store.CreateInvitation(context.Background(), v, &kept, outbox.Effects{Events: []audit.Event{event(&v, "a")}}); {
			case err == nil:
				made.Add(1)
			case errors.Is(err, invite.ErrAnswered):
				answered.Add(1)
			default:
				b.Error(err)
			}
		})
	}
	all.Wait()
	b.same([]int64{made.Load(), answered.Load()}, []int64{1, 15}, "made and answered")
	list, err := b.Store.Invitations(b.Context(), t, invite.Filter{Limit: 20})
	b.ok(err)
	events, err := b.Events(b.Context())
	b.ok(err)
	b.same([]int{len(list), len(events)}, []int{1, 1}, "invitations and events")
	got, found, err := b.Store.Answered(b.Context(), kept)
	b.ok(err)
	b.same(found, true, "found")
	b.same(got.Sealed, kept.Sealed, "answer")
}

func (b *bench) settings() {
	t := uid.NewTenant(Noon)
	s, err := b.Store.Setting(b.Context(), t, invite.SettingChecks)
	b.ok(err)
	b.same(s, invite.Setting{}, "none")
	put := func(version int64, text string) error {
		e := audit.Event{ID: uid.Random(Noon), Tenant: t, Type: "s", Object: uid.Random(Noon), At: Noon, Actor: "a", Data: []byte(`{}`)}
		return b.Store.PutSetting(b.Context(), t, invite.SettingChecks,
			invite.Setting{Text: []byte(text), UpdatedAt: Noon, UpdatedBy: "key:key_1", Version: version}, outbox.Effects{Events: []audit.Event{e}})
	}
	b.is(put(2, "early"), invite.ErrStale, "before the first")
	b.ok(put(1, `{"a":1}`))
	b.is(put(1, "again"), invite.ErrStale, "again")
	b.is(put(3, "far"), invite.ErrStale, "too far")
	b.ok(put(2, `{"a":"ü"}`))
	s, err = b.Store.Setting(b.Context(), t, invite.SettingChecks)
	b.ok(err)
	b.same(s, invite.Setting{Text: []byte(`{"a":"ü"}`), UpdatedAt: Noon, UpdatedBy: "key:key_1", Version: 2}, "read")
	s, err = b.Store.Setting(b.Context(), t, invite.SettingCustomisation)
	b.ok(err)
	b.same(s.Version, int64(0), "the other document")
	events, err := b.Events(b.Context())
	b.ok(err)
	b.same(len(events), 2, "events")
}

func (b *bench) settingRace() {
	t := uid.NewTenant(Noon)
	var won atomic.Int64
	for version := int64(1); version <= 2; version++ {
		var all sync.WaitGroup
		for i := range 64 {
			all.Go(func() {
				switch err := b.Store.PutSetting(context.Background(), t, invite.SettingChecks,
					invite.Setting{Text: fmt.Append(nil, i), UpdatedAt: Noon, Version: version}, outbox.Effects{}); {
				case err == nil:
					won.Add(1)
				case !errors.Is(err, invite.ErrStale):
					b.Error(err)
				}
			})
		}
		all.Wait()
		b.same(won.Load(), version, "winners")
	}
}
