package invitetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// importCases are those of imports.
var importCases = []struct {
	name string
	run  func(*bench)
}{
	{"an_import_comes_back_as_it_went_in", (*bench).importRoundTrip},
	{"another_tenants_imports_are_not_there", (*bench).importsApart},
	{"imports_are_listed_newest_first", (*bench).importList},
	{"an_import_is_kept_once_for_a_key", (*bench).importAnswers},
	{"a_step_commits_rows_invitations_and_effects_together", (*bench).importStep},
	{"a_step_that_is_refused_or_stale_leaves_nothing", (*bench).importRefused},
	{"of_16_equal_steps_at_once_one_is_made", (*bench).importRace},
}

// file is an import of n rows, of which the last was rejected.
func file(t uid.Tenant, at time.Time, n int) (invite.Import, []invite.ImportRow) {
	im := invite.Import{Tenant: t, ID: uid.Random(at), Rows: n, Accepted: n - 1, Actor: "key:key_1", RequestID: "req_1", CreatedAt: at}
	var rows []invite.ImportRow
	for i := range n {
		rows = append(rows, invite.ImportRow{N: i + 2, State: invite.RowWaiting, Invitation: uid.Random(at), Sealed: []byte{0, 0xff, byte(i)}, Label: []byte{byte(i)}})
	}
	rows[n-1] = invite.ImportRow{N: n + 1, State: invite.RowRejected, Label: []byte{9}, Field: "mobile", Code: "x", Detail: "Give ü <b>."}
	return im, rows
}

func (b *bench) bring(t uid.Tenant, at time.Time, n int, fx outbox.Effects) (invite.Import, []invite.ImportRow) {
	b.Helper()
	im, rows := file(t, at, n)
	b.ok(b.Store.CreateImport(b.Context(), im, rows, nil, fx))
	return im, rows
}

func (b *bench) readImport(im invite.Import) invite.Import {
	b.Helper()
	got, err := b.Store.Import(b.Context(), im.Tenant, im.ID)
	b.ok(err)
	return got
}

func (b *bench) importRows(im invite.Import, f invite.RowFilter) []invite.ImportRow {
	b.Helper()
	rows, err := b.Store.ImportRows(b.Context(), im.Tenant, im.ID, f)
	b.ok(err)
	return rows
}

func (b *bench) importRoundTrip() {
	im, rows := b.bring(uid.NewTenant(Noon), Noon, 100, outbox.Effects{Events: []audit.Event{importEvent(&invite.Import{Tenant: uid.NewTenant(Noon)})}})
	b.bring(im.Tenant, Noon, 3, outbox.Effects{})
	b.same(b.readImport(im), im, "read")
	b.same(b.importRows(im, invite.RowFilter{Limit: 1000}), rows, "rows")
	b.same(b.importRows(im, invite.RowFilter{Limit: 2}), rows[:2], "two rows")
	b.same(b.importRows(im, invite.RowFilter{Waiting: true, Limit: 1000}), rows[:99], "rows that wait")
	done, _ := file(im.Tenant, Noon, 2)
	done.FinishedAt = Noon.Add(time.Microsecond)
	b.ok(b.Store.CreateImport(b.Context(), done, nil, nil, outbox.Effects{}))
	b.same(b.readImport(done), done, "one that is done")
	events, err := b.Events(b.Context())
	b.ok(err)
	b.same(len(events), 1, "events")
}

func importEvent(im *invite.Import) audit.Event {
	return audit.Event{ID: uid.Random(Noon), Tenant: im.Tenant, Type: "i", Object: uid.Random(Noon), At: Noon, Actor: "a", Data: []byte(`{}`)}
}

func (b *bench) importsApart() {
	im, _ := b.bring(uid.NewTenant(Noon), Noon, 3, outbox.Effects{})
	stranger := uid.NewTenant(Noon)
	_, err := b.Store.Import(b.Context(), stranger, im.ID)
	b.is(err, invite.ErrNotFound, "read")
	b.is(b.Store.StepImport(b.Context(), stranger, im.ID, func(*invite.Import) (invite.ImportStep, error) {
		b.Error("asked to decide on another tenant's")
		return invite.ImportStep{}, nil
	}), invite.ErrNotFound, "step")
	list, err := b.Store.Imports(b.Context(), stranger, uid.Page{Limit: 10})
	b.ok(err)
	rows, err := b.Store.ImportRows(b.Context(), stranger, im.ID, invite.RowFilter{Limit: 10})
	b.ok(err)
	b.same(len(list)+len(rows), 0, "listed")
}

func (b *bench) importList() {
	t := uid.NewTenant(Noon)
	var made []uid.ID
	for i := range 4 {
		im, _ := b.bring(t, Noon.Add(time.Duration(i)*time.Second), 2, outbox.Effects{})
		made = append(made, im.ID)
	}
	list := func(p uid.Page) (ids []uid.ID) {
		page, err := b.Store.Imports(b.Context(), t, p)
		b.ok(err)
		for _, im := range page {
			ids = append(ids, im.ID)
		}
		return ids
	}
	b.same(list(uid.Page{Limit: 3}), []uid.ID{made[3], made[2], made[1]}, "first page")
	b.same(list(uid.Page{Before: made[1], Limit: 3}), []uid.ID{made[0]}, "second page")
	b.same(list(uid.Page{After: made[1], Limit: 2}), []uid.ID{made[1], made[2]}, "back, as it is read")
}

func (b *bench) importAnswers() {
	kept := invite.Kept{Bucket: 7, Key: index(), Body: hash(), Sealed: []byte{1, 2}, At: Noon}
	im, rows := file(uid.NewTenant(Noon), Noon, 3)
	b.ok(b.Store.CreateImport(b.Context(), im, rows, &kept, outbox.Effects{}))
	other, rows := file(im.Tenant, Noon, 3)
	b.is(b.Store.CreateImport(b.Context(), other, rows, &kept, outbox.Effects{Jobs: []outbox.Job{importJob(&other)}}), invite.ErrAnswered, "again")
	_, err := b.Store.Import(b.Context(), im.Tenant, other.ID)
	b.is(err, invite.ErrNotFound, "the second")
	jobs, err := b.Jobs(b.Context())
	b.ok(err)
	b.same(jobs, 0, "jobs")
}

func importJob(im *invite.Import) outbox.Job {
	return outbox.Job{ID: uid.New(Noon, im.ID.Bucket()), Kind: "k", Tenant: im.Tenant, Object: im.ID, Due: Noon}
}

// step makes the invitations of rows.
func step(im *invite.Import, rows []invite.ImportRow, j outbox.Job) (out invite.ImportStep) {
	for _, r := range rows {
		v := sample(im.Tenant, Noon)
		v.ID = r.Invitation
		out.Made = append(out.Made, invite.Made{Invitation: v, Events: []audit.Event{event(&v, "made")}})
		r.State, r.Sealed = invite.RowCreated, nil
		out.Rows = append(out.Rows, r)
	}
	out.Effects = outbox.Effects{Done: []outbox.Ref{j.Ref()}, Jobs: []outbox.Job{importJob(im), importJob(im)}, Events: []audit.Event{importEvent(im)}}
	return out
}

func (b *bench) importStep() {
	im, rows := file(uid.NewTenant(Noon), Noon, 5)
	j := importJob(&im)
	b.ok(b.Store.CreateImport(b.Context(), im, rows, nil, outbox.Effects{Jobs: []outbox.Job{j}}))
	b.ok(b.Store.StepImport(b.Context(), im.Tenant, im.ID, func(im *invite.Import) (invite.ImportStep, error) {
		im.Created, im.Failed, im.FinishedAt = 2, 1, Noon.Add(time.Hour)
		out := step(im, rows[:2], j)
		failed := invite.ImportRow{N: rows[2].N, State: invite.RowFailed, Label: rows[2].Label, Field: "mobile_2fa", Code: "policy_locked", Detail: "No."}
		out.Rows = append(out.Rows, failed)
		rows[0], rows[1], rows[2] = out.Rows[0], out.Rows[1], failed
		return out, nil
	}))
	want := im
	want.Created, want.Failed, want.FinishedAt = 2, 1, Noon.Add(time.Hour)
	b.same(b.readImport(im), want, "import")
	b.same(b.importRows(im, invite.RowFilter{Limit: 10}), rows, "rows")
	for _, r := range rows[:2] {
		v, err := b.Store.Invitation(b.Context(), im.Tenant, r.Invitation)
		b.ok(err)
		byLink, err := b.Store.InvitationByLink(b.Context(), v.Link.Hash)
		b.ok(err)
		b.same(byLink.ID, r.Invitation, "by its link")
		events, err := b.Store.InvitationEvents(b.Context(), im.Tenant, r.Invitation, uid.ID{}, 10)
		b.ok(err)
		b.same(len(events), 1, "its timeline")
	}
	jobs, err := b.Jobs(b.Context())
	b.ok(err)
	events, err := b.Events(b.Context())
	b.ok(err)
	b.same([]int{jobs, len(events)}, []int{2, 3}, "jobs and events")
}

func (b *bench) importRefused() {
	im, rows := file(uid.NewTenant(Noon), Noon, 4)
	j, no := importJob(&im), errors.New("no")
	b.ok(b.Store.CreateImport(b.Context(), im, rows, nil, outbox.Effects{Jobs: []outbox.Job{j}}))
	unchanged := func(what string) {
		b.Helper()
		b.same(b.readImport(im), im, what+": import")
		b.same(b.importRows(im, invite.RowFilter{Limit: 10}), rows, what+": rows")
		list, err := b.Store.Invitations(b.Context(), im.Tenant, invite.Filter{Limit: 10})
		b.ok(err)
		jobs, err := b.Jobs(b.Context())
		b.ok(err)
		events, err := b.Events(b.Context())
		b.ok(err)
		b.same([]int{len(list), jobs, len(events)}, []int{0, 1, 0}, what+": invitations, jobs, events")
	}
	b.is(b.Store.StepImport(b.Context(), im.Tenant, im.ID, func(im *invite.Import) (invite.ImportStep, error) {
		im.Created = 2
		return step(im, rows[:2], j), no
	}), no, "the decision's error")
	unchanged("refused")
	b.is(b.Store.StepImport(b.Context(), im.Tenant, im.ID, func(im *invite.Import) (invite.ImportStep, error) {
		im.Created = 4
		return step(im, rows, j), nil // the last one does not wait
	}), invite.ErrStale, "a row that does not wait")
	unchanged("stale")
}

func (b *bench) importRace() {
	im, rows := file(uid.NewTenant(Noon), Noon, 3)
	j := importJob(&im)
	b.ok(b.Store.CreateImport(b.Context(), im, rows, nil, outbox.Effects{Jobs: []outbox.Job{j}}))
	var made, stale atomic.Int64
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			switch err := b.Store.StepImport(context.Background(), im.Tenant, im.ID, func(im *invite.Import) (invite.ImportStep, error) {
				im.Created += 2
				return step(im, rows[:2], j), nil
			}); {
			case err == nil:
				made.Add(1)
			case errors.Is(err, invite.ErrStale):
				stale.Add(1)
			default:
				b.Error(err)
			}
		})
	}
	all.Wait()
	list, err := b.Store.Invitations(b.Context(), im.Tenant, invite.Filter{Limit: 10})
	b.ok(err)
	b.same(fmt.Sprint(made.Load(), stale.Load(), b.readImport(im).Created, len(list)), "1 15 2 2", "made, stale, counted, there")
}
