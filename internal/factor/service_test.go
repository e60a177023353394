package factor_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/factor/factortest"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlite"
	"github.com/countersign/countersign/internal/store/storetest"
	"github.com/countersign/countersign/internal/uid"
)

// desk is a service over a database of its own, with a clock that stands at now.
type desk struct {
	*testing.T
	*factor.Service
	db    *store.DB
	dir   string
	now   time.Time
	owner factor.Owner
	ring  *seal.Ring
}

func setup(t *testing.T) *desk {
	t.Helper()
	dir := t.TempDir()
	e, err := sqlite.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Schema(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	d := &desk{T: t, db: storetest.Start(t, e, nil), dir: dir, now: factortest.Noon}
	if d.ring, err = factortest.Ring(); err != nil {
		t.Fatal(err)
	}
	if d.Service, err = factor.New(factor.DefaultLimits(), d.ring, d.db); err != nil {
		t.Fatal(err)
	}
	d.Service.Now = func() time.Time { return d.now }
	d.owner = factor.Owner{Caller: factor.Caller{Tenant: uid.NewTenant(d.now), Actor: "key:key_1", RequestID: "req_1"},
		Service: uid.Random(d.now), Identity: "customer-0001"}
	return d
}

func (d *desk) enrol() factor.Enrolment {
	d.Helper()
	made, err := d.Enrol(d.Context(), factor.EnrolRequest{Owner: d.owner, Issuer: "Acme",
		Settings: factor.Settings{Name: "Ann's phone", Config: factor.DefaultConfig(), Metadata: map[string]string{"os": "x"}}})
	if err != nil {
		d.Fatal(err)
	}
	return made
}

// code is what the authenticator shows now.
func (d *desk) code(e factor.Enrolment) string {
	return e.Factor.Config.Code(e.Secret, e.Factor.Config.At(d.now))
}

// later lets time pass.
func (d *desk) later(by time.Duration) { d.now = d.now.Add(by) }

// verified is a factor that has proven itself a step ago.
func (d *desk) verified() factor.Enrolment {
	d.Helper()
	made := d.enrol()
	if a, err := d.Verify(d.Context(), d.owner, made.Factor.ID, d.code(made)); err != nil || a.Outcome != factor.Right {
		d.Fatalf("verify: %s %v", a.Outcome, err)
	}
	d.later(30 * time.Second)
	return made
}

func (d *desk) events() (kinds []string) {
	d.Helper()
	for _, e := range d.all() {
		kinds = append(kinds, e.Type)
	}
	return kinds
}

func (d *desk) all() []audit.Event {
	d.Helper()
	events, err := d.db.Events(d.Context(), uid.ID{}, uid.ID{0xff}, 1000)
	if err != nil {
		d.Fatal(err)
	}
	return events
}

func (d *desk) fault(err error, kind fault.Kind, code string) {
	d.Helper()
	if f := fault.As(err); f.Kind != kind || f.Code != code {
		d.Errorf("fault %v, want %s", err, code)
	}
}

func TestSEC_39_a_secret_is_shown_once(t *testing.T) {
	t.Parallel()
	d := setup(t)
	made := d.enrol()
	if len(made.Secret.Reveal()) != 32 || !strings.Contains(made.URI.Reveal(), "secret="+made.Secret.Reveal()+"&") {
		t.Errorf("the secret is not in the URI")
	}
	read, err := d.Factor(t.Context(), d.owner, made.Factor.ID)
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(read)
	if err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), made.Secret.Reveal()) || bytes.Contains(read.Secret, []byte(made.Secret.Reveal())) {
		t.Errorf("read again: %s", text)
	}
}

func TestSEC_44_the_database_holds_no_secret_and_a_moved_one_does_not_open(t *testing.T) {
	t.Parallel()
	d := setup(t)
	mine, err := factor.ParseSecret("ONXW2ZJAONXW2ZJAONXW2ZJAONXW2ZI") // "some some some some"
	if err != nil {
		t.Fatal(err)
	}
	request := factor.EnrolRequest{Owner: d.owner, Issuer: "Acme", Secret: mine, Settings: factor.Settings{Name: "A", Config: factor.DefaultConfig()}}
	ann, err := d.Enrol(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	bob := d.owner
	bob.Identity = "customer-0002"
	request.Owner, request.Secret = bob, factor.Secret{}
	theirs, err := d.Enrol(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(d.dir, "*"))
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("some some")) || bytes.Contains(text, []byte(mine.Reveal())) {
			t.Errorf("%s holds the secret", name)
		}
	}
	// Ann's row gets Bob's secret, as someone with the database could write it; and then Bob's row Ann's name.
	for name, forge := range map[string]func(f *factor.Factor){
		"another row":  func(f *factor.Factor) { f.Secret = theirs.Factor.Secret },
		"another name": func(f *factor.Factor) { f.Identity = bob.Identity },
	} {
		f := ann.Factor
		forge(&f)
		forged := forgery{Store: d.db, factor: f}
		s, err := factor.New(factor.DefaultLimits(), d.ring, forged)
		if err != nil {
			t.Fatal(err)
		}
		o := d.owner
		o.Identity = f.Identity
		if a, err := s.Verify(t.Context(), o, f.ID, "123456"); !errors.Is(err, seal.ErrSealed) || a.Outcome != "" {
			t.Errorf("%s: outcome %q, %v; want that it does not open", name, a.Outcome, err)
		}
	}
}

func TestSEC_43_enrolment_through_the_service(t *testing.T) {
	t.Parallel()
	d := setup(t)
	made := d.enrol()
	a, err := d.Challenge(t.Context(), factor.ChallengeRequest{Owner: d.owner, Factor: made.Factor.ID, Code: d.code(made)})
	if err != nil || a.Outcome != factor.Idle || !a.Challenge.ID.IsZero() {
		t.Errorf("a challenge to an unverified factor: %s %v", a.Outcome, err)
	}
	if a, err := d.Verify(t.Context(), d.owner, made.Factor.ID, "12345"); err != nil || a.Outcome != factor.Malformed {
		t.Errorf("five digits: %s %v", a.Outcome, err)
	}
	spaced := d.code(made)[:3] + " " + d.code(made)[3:]
	if a, err := d.Verify(t.Context(), d.owner, made.Factor.ID, spaced); err != nil || a.Outcome != factor.Right || a.Factor.Status != factor.Verified {
		t.Errorf("a right code in two groups: %s %v", a.Outcome, err)
	}
	late := d.enrol()
	d.later(10 * time.Minute)
	if a, err := d.Verify(t.Context(), d.owner, late.Factor.ID, d.code(late)); err != nil || a.Outcome != factor.Expired {
		t.Errorf("ten minutes later: %s %v", a.Outcome, err)
	}
	want := []string{"entity.created", "factor.created", "factor.verified", "factor.created"}
	if diff := cmp.Diff(want, d.events(), sorted); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

var sorted = cmp.Transformer("sorted", func(in []string) map[string]int {
	out := map[string]int{}
	for _, s := range in {
		out[s]++
	}
	return out
})

func TestChallenge_goes_from_pending_to_approved(t *testing.T) {
	t.Parallel()
	d := setup(t)
	made := d.verified()
	asked, err := d.Challenge(t.Context(), factor.ChallengeRequest{Owner: d.owner, Factor: made.Factor.ID, Note: "pay"})
	if err != nil || asked.Outcome != factor.None || asked.Challenge.At(d.now) != factor.StatePending ||
		!asked.Challenge.ExpiresAt.Equal(d.now.Add(5*time.Minute)) {
		t.Fatalf("asked: %+v %v", asked, err)
	}
	wrong := made.Factor.Config.Code(made.Secret, 1)
	if a, err := d.Answer(t.Context(), d.owner, asked.Challenge.ID, wrong); err != nil || a.Outcome != factor.Wrong || a.Challenge.Wrong != 1 {
		t.Errorf("a wrong code: %s %v", a.Outcome, err)
	}
	if a, err := d.Answer(t.Context(), d.owner, asked.Challenge.ID, d.code(made)); err != nil || a.Outcome != factor.Right || a.Challenge.State != factor.StateApproved {
		t.Errorf("the right code: %s %v", a.Outcome, err)
	}
	if a, err := d.Answer(t.Context(), d.owner, asked.Challenge.ID, d.code(made)); err != nil || a.Outcome != factor.Settled {
		t.Errorf("once more: %s %v", a.Outcome, err)
	}
	read, err := d.ChallengeOf(t.Context(), d.owner, asked.Challenge.ID)
	if err != nil || read.State != factor.StateApproved || read.Note != "pay" {
		t.Errorf("read: %+v %v", read, err)
	}
	d.later(30 * time.Second)
	atOnce, err := d.Challenge(t.Context(), factor.ChallengeRequest{Owner: d.owner, Factor: made.Factor.ID, Code: d.code(made)})
	if err != nil || atOnce.Outcome != factor.Right || atOnce.Challenge.State != factor.StateApproved {
		t.Errorf("with the code at once: %s %v", atOnce.Outcome, err)
	}
	again, err := d.Challenge(t.Context(), factor.ChallengeRequest{Owner: d.owner, Factor: made.Factor.ID, Code: d.code(made)})
	if err != nil || again.Outcome != factor.Wrong || again.Challenge.State != factor.StatePending {
		t.Errorf("the same code for a new one: %s %v", again.Outcome, err)
	}
	list, err := d.Challenges(t.Context(), d.owner, factor.Filter{State: factor.StateApproved, Limit: 10})
	if err != nil || len(list) != 2 {
		t.Errorf("%d approved, %v", len(list), err)
	}
	want := []string{"entity.created", "factor.created", "factor.verified", "challenge.created", "challenge.check_failed",
		"challenge.approved", "challenge.created", "challenge.approved", "challenge.created", "challenge.check_failed"}
	if diff := cmp.Diff(want, d.events(), sorted); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestSEC_16_wrong_codes_wait_across_challenges(t *testing.T) {
	t.Parallel()
	d := setup(t)
	made := d.verified()
	wrong := made.Factor.Config.Code(made.Secret, 1)
	for n := range 4 {
		a, err := d.Challenge(t.Context(), factor.ChallengeRequest{Owner: d.owner, Factor: made.Factor.ID, Code: wrong})
		if err != nil || a.Outcome != factor.Wrong {
			t.Fatalf("wrong code %d: %s %v", n+1, a.Outcome, err)
		}
	}
	a, err := d.Challenge(t.Context(), factor.ChallengeRequest{Owner: d.owner, Factor: made.Factor.ID, Code: d.code(made)})
	if err != nil || a.Outcome != factor.Paused || !a.RetryAt.Equal(d.now.Add(30*time.Second)) || a.Challenge.Wrong != 0 {
		t.Errorf("the right code in the wait: %s until %s, %v", a.Outcome, a.RetryAt, err)
	}
	d.later(30 * time.Second)
	if a, err := d.Answer(t.Context(), d.owner, a.Challenge.ID, d.code(made)); err != nil || a.Outcome != factor.Right {
		t.Errorf("after the wait: %s %v", a.Outcome, err)
	}
}

func TestSEC_15_the_last_wrong_code_is_told_in_an_event(t *testing.T) {
	t.Parallel()
	d := setup(t)
	s, err := factor.New(factor.Limits{Wrong: 5, InARow: 2}, d.ring, d.db)
	if err != nil {
		t.Fatal(err)
	}
	s.Now, d.Service = d.Service.Now, s
	made := d.verified()
	for _, want := range []factor.Outcome{factor.Wrong, factor.Wrong, factor.Disabled} {
		a, err := d.Challenge(t.Context(), factor.ChallengeRequest{Owner: d.owner, Factor: made.Factor.ID, Code: made.Factor.Config.Code(made.Secret, 1)})
		if err != nil || a.Outcome != want {
			t.Errorf("%s %v, want %s", a.Outcome, err, want)
		}
	}
	if n := strings.Count(strings.Join(d.events(), " "), factor.EventDisabled); n != 1 {
		t.Errorf("told %d times", n)
	}
}

func TestEvents_name_nobody(t *testing.T) {
	t.Parallel()
	d := setup(t)
	made := d.verified()
	if err := d.DeleteFactor(t.Context(), d.owner, made.Factor.ID); err != nil {
		t.Fatal(err)
	}
	d.verified()
	if err := d.DeleteEntity(t.Context(), d.owner); err != nil {
		t.Fatal(err)
	}
	pseudonyms := map[string]bool{}
	for _, e := range d.all() {
		text := string(e.Data)
		for _, bad := range []string{string(d.owner.Identity), "Ann", made.Secret.Reveal(), made.Factor.Entity.Hex()} {
			if strings.Contains(text, bad) {
				t.Errorf("%s says %s", e.Type, text)
			}
		}
		var said struct{ Service, Identity string }
		if err := json.Unmarshal(e.Data, &said); err != nil || len(said.Identity) != 32 || said.Service != d.owner.Service.Text(uid.Service) {
			t.Errorf("%s says %s", e.Type, text)
		}
		pseudonyms[said.Identity] = true
		if e.Actor != "key:key_1" || e.RequestID != "req_1" || e.Tenant != d.owner.Caller.Tenant || e.Object.Bucket() != made.Factor.ID.Bucket() {
			t.Errorf("%s: %+v", e.Type, e)
		}
	}
	if len(pseudonyms) != 1 {
		t.Errorf("one entity goes by %d names", len(pseudonyms))
	}
	want := []string{"entity.created", "factor.created", "factor.verified", "factor.deleted", "factor.created", "factor.verified", "factor.deleted", "entity.deleted"}
	if diff := cmp.Diff(want, d.events(), sorted); diff != "" {
		t.Errorf("events (-want +got):\n%s", diff)
	}
}

func TestUpdate_changes_what_can_be_chosen_and_nothing_else(t *testing.T) {
	t.Parallel()
	d := setup(t)
	made := d.verified()
	was, err := d.Factor(t.Context(), d.owner, made.Factor.ID)
	if err != nil {
		t.Fatal(err)
	}
	eight := factor.Config{Algorithm: factor.SHA256, Step: 60 * time.Second, Digits: 8}
	f, err := d.Update(t.Context(), d.owner, made.Factor.ID, func(s *factor.Settings) {
		s.Name, s.Config, s.Metadata["os"] = "Ann's tablet", eight, "y"
	})
	if err != nil || f.Name != "Ann's tablet" || f.Config != eight || f.Metadata["os"] != "y" || f.Status != factor.Verified {
		t.Errorf("%+v %v", f, err)
	}
	_, err = d.Update(t.Context(), d.owner, made.Factor.ID, func(s *factor.Settings) { s.Config.Digits = 9 })
	d.fault(err, fault.Invalid, "config_invalid")
	_, err = d.Update(t.Context(), d.owner, uid.Random(d.now), func(*factor.Settings) {})
	d.fault(err, fault.NotFound, "factor_not_found")
	read, err := d.Factor(t.Context(), d.owner, made.Factor.ID)
	if err != nil || !bytes.Equal(read.Secret, was.Secret) || read.Config != eight {
		t.Errorf("%+v %v", read, err)
	}
	d.later(time.Minute)
	code := eight.Code(made.Secret, eight.At(d.now))
	if a, err := d.Challenge(t.Context(), factor.ChallengeRequest{Owner: d.owner, Factor: f.ID, Code: code}); err != nil || a.Outcome != factor.Right {
		t.Errorf("a code of the new kind: %s %v", a.Outcome, err)
	}
}

func TestRequests_that_are_not_acceptable_change_nothing(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for code, change := range map[string][]func(r *factor.EnrolRequest){
		"identity_invalid": {
			func(r *factor.EnrolRequest) { r.Owner.Identity = "short-1" },
			func(r *factor.EnrolRequest) { r.Owner.Identity = factor.Identity(strings.Repeat("a", 65)) },
			func(r *factor.EnrolRequest) { r.Owner.Identity = "ann@example" },
			func(r *factor.EnrolRequest) { r.Owner.Identity = "customer-1\n" },
		},
		"name_invalid": {
			func(r *factor.EnrolRequest) { r.Settings.Name = "" },
			func(r *factor.EnrolRequest) { r.Settings.Name = strings.Repeat("ü", 65) },
			func(r *factor.EnrolRequest) { r.Settings.Name = "a\nb" },
			func(r *factor.EnrolRequest) { r.Settings.Name = "a\u202eb" },
			func(r *factor.EnrolRequest) { r.Settings.Name = "\xff" },
		},
		"issuer_invalid":   {func(r *factor.EnrolRequest) { r.Issuer = "" }},
		"config_invalid":   {func(r *factor.EnrolRequest) { r.Settings.Config = factor.Config{} }},
		"metadata_invalid": {func(r *factor.EnrolRequest) { r.Settings.Metadata = map[string]string{"a": strings.Repeat("x", 1024)} }},
	} {
		for _, change := range change {
			r := factor.EnrolRequest{Owner: d.owner, Issuer: "Acme", Settings: factor.Settings{Name: "Ann", Config: factor.DefaultConfig()}}
			change(&r)
			_, err := d.Enrol(t.Context(), r)
			d.fault(err, fault.Invalid, code)
		}
	}
	made := d.verified()
	for _, end := range []time.Time{d.now, d.now.Add(-time.Hour), d.now.Add(time.Hour + time.Second)} {
		_, err := d.Challenge(t.Context(), factor.ChallengeRequest{Owner: d.owner, Factor: made.Factor.ID, ExpiresAt: end})
		d.fault(err, fault.Invalid, "expires_at_invalid")
	}
	_, err := d.Challenge(t.Context(), factor.ChallengeRequest{Owner: d.owner, Factor: made.Factor.ID, Note: strings.Repeat("x", 8193)})
	d.fault(err, fault.Invalid, "note_invalid")
	if got := len(d.events()); got != 3 {
		t.Errorf("%d events, want the three of the one factor: %v", got, d.events())
	}
}

func TestEnrol_stops_at_a_hundred_live_factors(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for range 100 {
		d.enrol()
	}
	_, err := d.Enrol(t.Context(), factor.EnrolRequest{Owner: d.owner, Issuer: "Acme", Settings: factor.Settings{Name: "Ann", Config: factor.DefaultConfig()}})
	d.fault(err, fault.Conflict, "too_many_factors")
	d.later(10 * time.Minute) // none has proven itself, but there were a hundred today
	_, err = d.Enrol(t.Context(), factor.EnrolRequest{Owner: d.owner, Issuer: "Acme", Settings: factor.Settings{Name: "Ann", Config: factor.DefaultConfig()}})
	d.fault(err, fault.Limited, "enrolments_used_up")
	d.later(24 * time.Hour)
	d.enrol()
}

func TestSEC_84_factors_of_others_are_not_there(t *testing.T) {
	t.Parallel()
	d := setup(t)
	made := d.verified()
	asked, err := d.Challenge(t.Context(), factor.ChallengeRequest{Owner: d.owner, Factor: made.Factor.ID})
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(o *factor.Owner){
		"another tenant":   func(o *factor.Owner) { o.Caller.Tenant = uid.NewTenant(d.now) },
		"another service":  func(o *factor.Owner) { o.Service = uid.Random(d.now) },
		"another identity": func(o *factor.Owner) { o.Identity = "customer-0002" },
	} {
		t.Run(name, func(t *testing.T) {
			o := d.owner
			change(&o)
			_, err := d.Factor(t.Context(), o, made.Factor.ID)
			d.fault(err, fault.NotFound, "factor_not_found")
			_, err = d.Verify(t.Context(), o, made.Factor.ID, d.code(made))
			d.fault(err, fault.NotFound, "factor_not_found")
			_, err = d.Update(t.Context(), o, made.Factor.ID, func(s *factor.Settings) { s.Name = "theirs" })
			d.fault(err, fault.NotFound, "factor_not_found")
			d.fault(d.DeleteFactor(t.Context(), o, made.Factor.ID), fault.NotFound, "factor_not_found")
			_, err = d.Challenge(t.Context(), factor.ChallengeRequest{Owner: o, Factor: made.Factor.ID, Code: d.code(made)})
			d.fault(err, fault.NotFound, "factor_not_found")
			_, err = d.Answer(t.Context(), o, asked.Challenge.ID, d.code(made))
			d.fault(err, fault.NotFound, "challenge_not_found")
			_, err = d.ChallengeOf(t.Context(), o, asked.Challenge.ID)
			d.fault(err, fault.NotFound, "challenge_not_found")
			_, err = d.Factors(t.Context(), o, uid.ID{}, 10)
			d.fault(err, fault.NotFound, "entity_not_found")
			d.fault(d.DeleteEntity(t.Context(), o), fault.NotFound, "entity_not_found")
		})
	}
	if a, err := d.Answer(t.Context(), d.owner, asked.Challenge.ID, d.code(made)); err != nil || a.Outcome != factor.Right {
		t.Errorf("the owner's own answer: %s %v", a.Outcome, err)
	}
}

func TestEntity_can_be_made_first_and_once(t *testing.T) {
	t.Parallel()
	d := setup(t)
	e, err := d.CreateEntity(t.Context(), d.owner)
	if err != nil {
		t.Fatal(err)
	}
	_, err = d.CreateEntity(t.Context(), d.owner)
	d.fault(err, fault.Conflict, "entity_exists")
	made := d.enrol()
	e.Enrolled = made.Entity.Enrolled // it counts
	if made.Entity != e || made.Factor.Entity != e.ID {
		t.Errorf("enrolled with %+v", made.Entity)
	}
	list, err := d.Entities(t.Context(), e.Tenant, e.Service, uid.ID{}, 10)
	if err != nil || len(list) != 1 || list[0] != e {
		t.Errorf("%v %v", list, err)
	}
}

func TestNew_refuses_limits_that_let_everything_through(t *testing.T) {
	t.Parallel()
	d := setup(t)
	for name, l := range map[string]factor.Limits{
		"none": {}, "none in a row": {Wrong: 5}, "over 100 in a row": {Wrong: 5, InARow: 101},
		"a wait below zero": {Wrong: 5, InARow: 50, Waits: []time.Duration{-1}},
	} {
		if _, err := factor.New(l, d.ring, d.db); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := factor.New(factor.DefaultLimits(), nil, d.db); err == nil {
		t.Error("no ring: taken")
	}
}

// forgery is a store with one row that somebody has written over.
type forgery struct {
	factor.Store
	factor factor.Factor
}

func (f forgery) ChangeFactor(_ context.Context, _ factor.Target, decide factor.Decide) error {
	_, err := decide(&factor.Held{Factor: &f.factor})
	return err
}

// The outage of a database is told as such, and an error of a decision is not taken for one.
func TestAnswer_while_the_database_is_away_approves_nothing(t *testing.T) {
	t.Parallel()
	d := setup(t)
	made := d.verified()
	away := fault.New(fault.Unavailable, "storage_unavailable", "not now")
	s, err := factor.New(factor.DefaultLimits(), d.ring, outage{Store: d.db, err: away})
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Challenge(t.Context(), factor.ChallengeRequest{Owner: d.owner, Factor: made.Factor.ID, Code: d.code(made)})
	if !errors.Is(err, away) || a.Outcome != "" {
		t.Errorf("outcome %q, %v", a.Outcome, err)
	}
}

// outage is a store whose commits fail after the decision was made.
type outage struct {
	factor.Store
	err error
}

func (o outage) ChangeFactor(ctx context.Context, t factor.Target, decide factor.Decide) error {
	err := o.Store.ChangeFactor(ctx, t, func(h *factor.Held) (outbox.Effects, error) {
		if eff, err := decide(h); err != nil {
			return eff, err
		}
		return outbox.Effects{}, o.err
	})
	return err
}
