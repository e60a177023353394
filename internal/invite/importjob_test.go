package invite_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// deadly is a store that goes down at its n-th call about imports from when it was armed: before it, or after it with the answer lost.
type deadly struct {
	invite.Store
	mu    sync.Mutex
	on    bool // under mu: a job of an import runs
	left  int  // under mu
	after bool // under mu
	dead  bool // under mu
}

func (k *deadly) arm(n int, after bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left, k.after, k.dead = n, after, false
}

func (k *deadly) run(on bool) (died bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	died, k.dead, k.on = k.dead, false, on
	return died
}

func (k *deadly) call(do func() error) error {
	k.mu.Lock()
	if k.on {
		k.left--
	}
	now, after := k.on && k.left == 0, k.after
	k.dead = k.dead || now
	k.mu.Unlock()
	if now && !after {
		return errKilled
	}
	if err := do(); err != nil || !now {
		return err
	}
	return errKilled
}

func (k *deadly) Import(ctx context.Context, t uid.Tenant, id uid.ID) (im invite.Import, err error) {
	return im, k.call(func() (err error) { im, err = k.Store.Import(ctx, t, id); return err })
}

func (k *deadly) ImportRows(ctx context.Context, t uid.Tenant, id uid.ID, f invite.RowFilter) (rows []invite.ImportRow, err error) {
	return rows, k.call(func() (err error) { rows, err = k.Store.ImportRows(ctx, t, id, f); return err })
}

func (k *deadly) Setting(ctx context.Context, t uid.Tenant, kind invite.SettingKind) (s invite.Setting, err error) {
	return s, k.call(func() (err error) { s, err = k.Store.Setting(ctx, t, kind); return err })
}

func (k *deadly) StepImport(ctx context.Context, t uid.Tenant, id uid.ID, decide invite.StepDecide) error {
	return k.call(func() error { return k.Store.StepImport(ctx, t, id, decide) })
}

// surviving runs all jobs of imports, each of which dies with the store; the job of a dead one is taken over a minute later. It tells
// whether one died.
func (d *desk) surviving(k *deadly) (died bool) {
	d.Helper()
	for {
		now := d.world.time().Add(time.Second)
		jobs, err := d.db.Claim(d.ctx(), uid.Random(now), now, now.Add(time.Minute), 100, 1, 0)
		if err != nil {
			d.Fatal(err)
		}
		if len(jobs) == 0 {
			return died
		}
		for _, j := range jobs {
			node := uid.ID{} // nobody's: a verdict of the dead is not heard
			if j.Kind == invite.JobImport {
				k.run(true)
				v := d.HandleImport(d.ctx(), j)
				if k.run(false) {
					died = true
					d.later(2 * time.Minute)
					continue
				}
				if v.Outcome != outbox.Committed && v.Outcome != outbox.Finished {
					d.Fatalf("%+v", v)
				}
			} else if v := d.Handlers()[j.Kind](d.ctx(), j); v.Outcome != outbox.Committed {
				d.Fatalf("%s: %+v", j.Kind, v)
			}
			if err := d.db.Finish(d.ctx(), j.Ref(), node); err != nil {
				d.Fatal(err)
			}
		}
	}
}

func TestRA_57_a_crash_at_any_call_of_an_import_makes_each_row_once(t *testing.T) {
	t.Parallel()
	const rows, calls = 25, 10 // two steps of five calls
	k := &deadly{}
	d := setupWith(t, func(s invite.Store) invite.Store { k.Store = s; return k }, nil)
	files := 0
	for _, after := range []bool{false, true} {
		for n := 1; n <= calls+1; n++ {
			a := d.bring(peopleFrom(files*rows, rows))
			files++
			k.arm(n, after)
			died := d.surviving(k)
			k.arm(0, false)
			what := fmt.Sprintf("a crash at call %d, after it: %v", n, after)
			if died != (n <= calls) {
				t.Errorf("%s: it died: %v", what, died)
			}
			if im := d.imported(a.Import.ID); im.Created != rows || im.Failed != 0 || im.Status() != invite.ImportDone {
				t.Fatalf("%s: %+v", what, im)
			}
			if got := d.once(); got != files*rows {
				t.Fatalf("%s: %d links", what, got)
			}
			if left, err := d.db.Oldest(d.ctx(), d.world.time().Add(time.Hour)); err != nil || !left.IsZero() {
				t.Fatalf("%s: a job is left, %v", what, err)
			}
			if states := slices.Compact(slices.Collect(maps.Values(d.result(a.Import.ID)))); !slices.Equal(states, []string{"created"}) {
				t.Fatalf("%s: %v", what, states)
			}
		}
	}
	d.is(len(d.all()), files*rows, "invitations")
}

func TestRA_57_several_holders_of_one_import_make_each_row_once(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.bring(people(45))
	now := d.world.time().Add(time.Second)
	for {
		jobs, err := d.db.Claim(t.Context(), uid.Random(now), now, now.Add(time.Minute), 100, 1, 0)
		if err != nil {
			t.Fatal(err)
		}
		jobs = slices.DeleteFunc(jobs, func(j outbox.Job) bool { return j.Kind != invite.JobImport })
		if len(jobs) == 0 {
			break
		}
		d.is(len(jobs), 1, "jobs of the import at a time")
		together(8, func(int) { // as if leases meant nothing
			for {
				v := d.HandleImport(context.Background(), jobs[0])
				if v.Outcome != outbox.Retried { // the database was busy
					return
				}
			}
		})
	}
	im := d.imported(a.Import.ID)
	d.is(im.Created, 45, "created")
	d.is(len(d.all()), 45, "invitations")
}

func TestRA_57_an_import_waits_while_the_account_is_suspended(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.bring(people(3))
	d.world.owner.SuspendedAt = d.world.now
	j := outbox.Job{ID: uid.Random(d.world.now), Kind: invite.JobImport, Tenant: d.by.Tenant, Object: a.Import.ID}
	for attempt, unbegun := range map[int]bool{0: false, 4: false, 5: true, 50: true} {
		j.Attempt = attempt
		if v := d.HandleImport(t.Context(), j); v.Outcome != outbox.Retried || v.Unbegun != unbegun || v.At.After(d.world.now.Add(5*time.Minute)) {
			t.Errorf("attempt %d: %+v", attempt, v)
		}
	}
	d.world.owner.SuspendedAt = time.Time{}
	d.work()
	d.is(d.imported(a.Import.ID).Created, 3, "created")
}

func TestRA_57_an_import_logs_nobody(t *testing.T) {
	t.Parallel()
	k := &deadly{}
	d := setupWith(t, func(s invite.Store) invite.Store { k.Store = s; return k }, nil)
	var log bytes.Buffer
	s, err := invite.New(invite.Config{PublicURL: "https://verify.example"}, invite.Deps{Store: k, Ring: d.ring, Verify: d.verify, Tenants: d.world,
		Notifier: d.world, Log: slog.New(slog.NewTextHandler(&log, nil))})
	if err != nil {
		t.Fatal(err)
	}
	a, err := s.Import(t.Context(), invite.ImportRequest{Caller: d.by, File: []byte(people(2) + "Bob,Ray,,+4420,,,\n")})
	if err != nil {
		t.Fatal(err)
	}
	k.arm(1, false)
	k.run(true)
	s.HandleImport(t.Context(), outbox.Job{ID: uid.Random(time.Now()), Tenant: d.by.Tenant, Object: a.Import.ID})
	if got := log.String(); !strings.Contains(got, "job postponed") || strings.Contains(got, "7400") || strings.Contains(got, "Ann") {
		t.Errorf("logged %s", got)
	}
}

func TestRA_57_an_import_tells_its_beginning_and_its_end(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.bring(people(25) + "Bob,Ray,,,,,\n")
	d.later(time.Second)
	d.work()
	d.is(strings.Join(d.toldOf(a.Import.ID), "\n"), strings.Join([]string{
		`invitation.import_started key:key_1 {"rows":{"all":26,"accepted":25,"created":0,"failed":0}}`,
		`invitation.import_finished system {"rows":{"all":26,"accepted":25,"created":25,"failed":0}}`,
	}, "\n"), "events")
}

// toldOf are the events of an import, in order.
func (d *desk) toldOf(id uid.ID) (told []string) {
	d.Helper()
	events, err := d.db.Events(d.ctx(), uid.ID{}, uid.ID{0xff}, 1000)
	if err != nil {
		d.Fatal(err)
	}
	for _, e := range events {
		if e.Object == id {
			told = append(told, e.Type+" "+e.Actor+" "+string(e.Data))
		}
	}
	return told
}
