package verify

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/uid"
)

// sender makes verifications with random sends, and finds the sends of a query the slow way.
type sender struct {
	*rapid.T
	f        *fixture
	services []uid.ID
	phones   []string
}

func newSender(t *rapid.T, f *fixture) *sender {
	at := f.time()
	return &sender{T: t, f: f, services: []uid.ID{uid.Random(at), uid.Random(at)},
		phones: []string{"+12025550123", "+12025550199", "+442079460123", "+447700900123"}}
}

// put keeps a verification that began before the clock's time.
func (s *sender) put() {
	began := s.f.time().Add(-time.Duration(rapid.IntRange(0, 300_000).Draw(s.T, "ms ago")) * time.Millisecond)
	phone := rapid.SampledFrom(s.phones).Draw(s.T, "phone")
	to, err := recipient.Parse(phone, recipient.Rules{Fiction: true})
	if err != nil {
		s.Fatal(err)
	}
	v := &Verification{
		ID: uid.New(began, s.f.ring.Bucket(s.f.caller.Tenant, phone)), Tenant: s.f.caller.Tenant, Kind: to.Kind, Country: to.Country,
		BlindIndex: s.f.ring.BlindIndex(s.f.caller.Tenant, phone), Service: rapid.SampledFrom(s.services).Draw(s.T, "service"),
		Status: rapid.SampledFrom([]Status{Pending, Approved, Canceled}).Draw(s.T, "status"), CreatedAt: began, UpdatedAt: began,
		ExpiresAt: began.Add(time.Hour),
	}
	if v.Recipient = s.f.ring.Seal(kept(sealRecipient, v.Tenant, v.ID), []byte(phone)); rapid.IntRange(0, 9).Draw(s.T, "erased") == 0 {
		v.Recipient = nil
	}
	for range rapid.IntRange(0, 3).Draw(s.T, "sends") {
		s.send(v)
	}
	s.f.store.mu.Lock()
	defer s.f.store.mu.Unlock()
	s.f.store.verifications[v.ID] = v
}

func (s *sender) send(v *Verification) {
	at := v.UpdatedAt.Add(time.Duration(rapid.IntRange(0, 540).Draw(s.T, "s later")) * time.Second)
	v.Sends = append(v.Sends, Send{N: len(v.Sends) + 1, Channel: rapid.SampledFrom([]delivery.Channel{delivery.SMS, delivery.Voice}).Draw(s.T, "channel"), At: at})
	v.UpdatedAt = at
}

// grow does what may happen between two pages.
func (s *sender) grow() {
	s.put()
	all := s.all(SendQuery{})
	if len(all) == 0 {
		return
	}
	v := s.f.store.get(rapid.SampledFrom(all).Draw(s.T, "resent").Verification)
	if v.Status == Pending && len(v.Sends) < 5 {
		s.send(v)
	}
	s.f.store.mu.Lock()
	defer s.f.store.mu.Unlock()
	s.f.store.verifications[v.ID] = v
}

func (s *sender) query() SendQuery {
	q := SendQuery{Caller: s.f.caller}
	maybe := func(what string) bool { return rapid.IntRange(0, 3).Draw(s.T, what) == 0 }
	if maybe("by recipient") {
		q.To = rapid.SampledFrom(s.phones).Draw(s.T, "to")
	}
	if maybe("by prefix") {
		q.Prefix = rapid.SampledFrom([]string{"+1", "+1202555012", "+44", "+49"}).Draw(s.T, "prefix")
	}
	if maybe("by service") {
		q.Service = s.services[0]
	}
	if maybe("by country") {
		q.Country = rapid.SampledFrom([]string{"US", "GB", "DE"}).Draw(s.T, "country")
	}
	if maybe("by channel") {
		q.Channel = delivery.Voice
	}
	if maybe("by conversion") {
		yes := rapid.Bool().Draw(s.T, "converted")
		q.Converted = &yes
	}
	if maybe("by begin") {
		q.Since = s.f.time().Add(-time.Duration(rapid.IntRange(0, 400).Draw(s.T, "since")) * time.Second)
	}
	if maybe("by end") {
		q.Until = s.f.time().Add(time.Duration(rapid.IntRange(-400, 400).Draw(s.T, "until")) * time.Second)
	}
	if all := s.all(SendQuery{}); maybe("by verification") && len(all) > 0 {
		q.Verification = rapid.SampledFrom(all).Draw(s.T, "one").Verification
	}
	return q
}

// all is what q selects now, newest verification first.
func (s *sender) all(q SendQuery) (list []SendRef) {
	s.f.store.mu.Lock()
	defer s.f.store.mu.Unlock()
	for _, v := range s.f.store.verifications {
		phone := ""
		if v.Recipient != nil {
			who, err := s.f.recipientOf(v)
			if err != nil {
				s.Fatal(err)
			}
			phone = who.Value
		}
		for i, one := range v.Sends {
			converted := v.Status == Approved && i == len(v.Sends)-1
			if (q.To == "" || v.BlindIndex == s.f.ring.BlindIndex(v.Tenant, q.To)) && strings.HasPrefix(phone, q.Prefix) &&
				(q.Verification.IsZero() || q.Verification == v.ID) && (q.Service.IsZero() || q.Service == v.Service) &&
				(q.Country == "" || q.Country == v.Country) && (q.Channel == "" || q.Channel == one.Channel) &&
				(q.Converted == nil || *q.Converted == converted) && (q.Since.IsZero() || !one.At.Before(q.Since)) &&
				(q.Until.IsZero() || one.At.Before(q.Until)) {
				list = append(list, SendRef{Verification: v.ID, N: one.N})
			}
		}
	}
	slices.SortFunc(list, func(a, b SendRef) int {
		if order := strings.Compare(string(b.Verification[:]), string(a.Verification[:])); order != 0 {
			return order
		}
		return b.N - a.N
	})
	return list
}

// walk reads page after page to the end, and lets between happen before each but the first.
func (s *sender) walk(q SendQuery, p SendPage, between func()) (list []SendRef) {
	for range 1000 {
		page, more, err := s.f.Sends(context.Background(), q, p)
		if err != nil || len(page) > p.Limit {
			s.Fatalf("a page of %d: %v", len(page), err)
		}
		list = append(list, page...)
		if p.From = more; more.Verification.IsZero() {
			return list
		}
		between()
	}
	s.Fatal("pages without end")
	return nil
}

func TestSends_every_one_that_is_selected_comes_once_while_the_list_grows(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := newSender(rt, setup(t))
		for range rapid.IntRange(0, 25).Draw(rt, "verifications") {
			s.put()
		}
		s.f.bounds.listed = rapid.IntRange(1, 30).Draw(rt, "bound")
		q, p := s.query(), SendPage{Limit: rapid.IntRange(1, 12).Draw(rt, "limit")}
		before := s.all(q)
		grown := 0
		got := s.walk(q, p, func() {
			if grown++; grown <= 10 {
				s.grow()
			}
		})
		after := s.all(q)
		seen := map[SendRef]int{}
		for i, ref := range got {
			if seen[ref]++; seen[ref] > 1 {
				rt.Errorf("%v came twice", ref)
			}
			if !slices.Contains(before, ref) && !slices.Contains(after, ref) {
				rt.Errorf("%v is not selected", ref)
			}
			if i > 0 && !(SendPage{From: got[i-1]}).passes(ref) {
				rt.Errorf("%v is out of order", ref)
			}
		}
		for _, ref := range before {
			if seen[ref] == 0 && slices.Contains(after, ref) {
				rt.Errorf("%v was left out", ref)
			}
		}
	})
}

func TestSends_are_read_back_as_they_were_read(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := newSender(rt, setup(t))
		for range rapid.IntRange(0, 25).Draw(rt, "verifications") {
			s.put()
		}
		q, p := s.query(), SendPage{Limit: rapid.IntRange(1, 12).Draw(rt, "limit")}
		s.f.bounds.listed = rapid.IntRange(1, 30).Draw(rt, "bound")
		want := s.all(q)
		if got := s.walk(q, p, func() {}); !slices.Equal(got, want) {
			rt.Errorf("forwards: %v, want %v", got, want)
		}
		p.Back = true
		got := s.walk(q, p, func() {})
		slices.Reverse(got)
		if !slices.Equal(got, want) {
			rt.Errorf("backwards: %v, want %v", got, want)
		}
		if len(want) > 0 {
			i := rapid.IntRange(0, len(want)-1).Draw(rt, "place")
			p.From = want[i]
			got = s.walk(q, p, func() {})
			slices.Reverse(got)
			if !slices.Equal(got, want[:i]) {
				rt.Errorf("back from %d: %v, want %v", i, got, want[:i])
			}
		}
	})
}

func TestCountSends_counts_what_the_list_has(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		s := newSender(rt, setup(t))
		for range rapid.IntRange(0, 25).Draw(rt, "verifications") {
			s.put()
		}
		q := s.query()
		yes := true
		want := SendCount{Total: len(s.all(q))}
		if only := q; only.Converted == nil || *only.Converted {
			only.Converted = &yes
			want.Converted = len(s.all(only))
		}
		if got, err := s.f.CountSends(context.Background(), q); err != nil || got != want {
			rt.Errorf("counted %+v, %v; want %+v", got, err, want)
		}
	})
}

func TestCountSends_that_would_look_at_too_many_tells_no_number(t *testing.T) {
	t.Parallel()
	f := setup(t)
	ctx, q := context.Background(), SendQuery{Caller: f.caller}
	for i := range 4 {
		f.mustStart(func(r *StartRequest) { r.To = fmt.Sprintf("+1202555012%d", i) })
		f.pass(2 * time.Hour)
	}
	f.bounds.counted = 4
	if c, err := f.CountSends(ctx, q); err != nil || c.Total != 4 {
		t.Fatalf("as many as may be: %+v %v", c, err)
	}
	f.bounds.counted = 3
	c, err := f.CountSends(ctx, q)
	wantFault(t, err, fault.Invalid, "range_too_wide")
	if c != (SendCount{}) {
		t.Errorf("a wrong number is told: %+v", c)
	}
	q.Since = f.time().Add(-5 * time.Hour)
	if c, err := f.CountSends(ctx, q); err != nil || c.Total != 2 {
		t.Errorf("a shorter time: %+v %v", c, err)
	}
	q.Since, q.Until = time.Time{}, time.Unix(-1, 0)
	if c, err := f.CountSends(ctx, q); err != nil || c.Total != 0 {
		t.Errorf("a time before all: %+v %v", c, err)
	}
}

func TestSends_of_a_page_look_at_a_bounded_number_of_verifications(t *testing.T) {
	t.Parallel()
	f := setup(t)
	f.bounds.listed = 3
	var oldest uid.ID
	for i := range 7 {
		a := f.mustStart(func(r *StartRequest) { r.To = fmt.Sprintf("+1202555012%d", i) })
		if i == 0 {
			oldest = a.View.ID
		}
		f.pass(time.Minute)
	}
	q, p := SendQuery{Caller: f.caller, To: "+12025550120"}, SendPage{Limit: 50}
	if page, more, err := f.Sends(context.Background(), q, p); err != nil || len(page) != 1 || !more.Verification.IsZero() {
		t.Errorf("what the store finds by itself: %v %v %v", page, more, err)
	}
	q.To, q.Prefix = "", "+12025550120"
	for n, want := range []int{0, 0, 1} {
		page, more, err := f.Sends(context.Background(), q, p)
		if err != nil || len(page) != want || more.Verification.IsZero() != (want == 1) {
			t.Fatalf("page %d: %v, more %v, %v", n, page, more, err)
		}
		if want == 1 && page[0] != (SendRef{oldest, 1}) {
			t.Errorf("found %v", page)
		}
		p.From = more
	}
}

func TestSends_refuse_what_they_can_not_look_for(t *testing.T) {
	t.Parallel()
	f := setup(t)
	for _, limit := range []int{-1, 0, 1001} {
		_, _, err := f.Sends(context.Background(), SendQuery{Caller: f.caller}, SendPage{Limit: limit})
		wantFault(t, err, fault.Invalid, "limit_invalid")
	}
	_, _, err := f.Sends(context.Background(), SendQuery{Caller: f.caller, To: "nobody"}, SendPage{Limit: 1})
	if got := wantFault(t, err, fault.Invalid, "recipient_invalid"); got.Field != "to" {
		t.Errorf("the field is %q", got.Field)
	}
}

func TestConverted_is_the_latest_send_of_what_was_approved(t *testing.T) {
	t.Parallel()
	f := setup(t)
	id := f.mustStart().View.ID
	f.pass(time.Minute)
	if _, err := f.Resend(context.Background(), ResendRequest{Caller: f.caller, ID: id}); err != nil {
		t.Fatal(err)
	}
	count := func(want SendCount) {
		t.Helper()
		if got, err := f.CountSends(context.Background(), SendQuery{Caller: f.caller}); err != nil || got != want {
			t.Errorf("%+v %v, want %+v", got, err, want)
		}
	}
	count(SendCount{Total: 2})
	f.mustCheck(id, f.code())
	count(SendCount{Total: 2, Converted: 1})
	rec, err := f.Get(context.Background(), f.caller, id, false)
	if err != nil || rec.View.Converted(1) || !rec.View.Converted(2) || rec.View.Converted(3) {
		t.Errorf("%v: %v %v %v", err, rec.View.Converted(1), rec.View.Converted(2), rec.View.Converted(3))
	}
}

func TestSends_are_found_by_their_own_time(t *testing.T) {
	t.Parallel()
	f := setup(t)
	at := f.time()
	v := &Verification{
		ID: uid.New(at, 1), Tenant: f.caller.Tenant, Status: Expired, CreatedAt: at,
		Sends: []Send{
			{N: 1, Channel: delivery.SMS, At: at.Add(-4 * time.Second)}, // by a node whose clock is behind
			{N: 10, Channel: delivery.SMS, At: at.Add(95 * time.Minute)},
		},
	}
	f.store.verifications[v.ID] = v
	for _, c := range []struct {
		name  string
		query SendQuery
		want  []int
	}{
		{"both", SendQuery{}, []int{10, 1}},
		{"since the first, which is in it", SendQuery{Since: v.Sends[0].At}, []int{10, 1}},
		{"until the first, which is not", SendQuery{Until: v.Sends[0].At}, nil},
		{"before the start of its verification", SendQuery{Until: v.Sends[0].At.Add(time.Microsecond)}, []int{1}},
		{"long after", SendQuery{Since: v.Sends[1].At}, []int{10}},
		{"later still", SendQuery{Since: v.Sends[1].At.Add(time.Microsecond)}, nil},
	} {
		c.query.Caller = f.caller
		page, _, err := f.Sends(context.Background(), c.query, SendPage{Limit: 10})
		var got []int
		for _, ref := range page {
			got = append(got, ref.N)
		}
		if err != nil || !slices.Equal(got, c.want) {
			t.Errorf("%s: sends %v, %v; want %v", c.name, got, err, c.want)
		}
	}
}

// stuckStore is a store whose outlines wait for a word.
type stuckStore struct {
	*memStore
	begun, goOn chan struct{}
}

func (s *stuckStore) Outlines(ctx context.Context, t uid.Tenant, f Span) ([]Outline, error) {
	s.begun <- struct{}{}
	<-s.goOn
	return s.memStore.Outlines(ctx, t, f)
}

func TestCountSends_has_few_counts_under_way(t *testing.T) {
	t.Parallel()
	stuck := &stuckStore{begun: make(chan struct{}, 100), goOn: make(chan struct{})}
	f := setup(t, func(d *Deps) {
		stuck.memStore, _ = d.Store.(*memStore)
		d.Store = stuck
	})
	f.bounds.patience = time.Millisecond
	counted := make(chan error, countsAtOnce)
	for range countsAtOnce {
		go func() {
			_, err := f.CountSends(context.Background(), SendQuery{Caller: f.caller})
			counted <- err
		}()
		<-stuck.begun
	}
	_, err := f.CountSends(context.Background(), SendQuery{Caller: f.caller})
	wantFault(t, err, fault.Limited, "counts_under_way")
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	f.bounds.patience = time.Hour
	if _, err := f.CountSends(gone, SendQuery{Caller: f.caller}); err == nil {
		t.Error("counted for a caller that is gone")
	}
	close(stuck.goOn)
	for range countsAtOnce {
		if err := <-counted; err != nil {
			t.Error(err)
		}
	}
	if _, err := f.CountSends(context.Background(), SendQuery{Caller: f.caller}); err != nil {
		t.Errorf("after the others: %v", err)
	}
}
