package invite_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

const columns = "first_name,last_name,email,mobile,mobile_2fa,reference,external_id\n"

// people is a file of n people with a number each, of which no two are alike.
func people(n int) string { return peopleFrom(0, n) }

// peopleFrom is one of those after the first.
func peopleFrom(first, n int) string {
	var b strings.Builder
	b.WriteString(columns)
	for i := first; i < first+n; i++ {
		fmt.Fprintf(&b, "Ann,Bee,,+447400%06d,,case-%d,x-%d\n", i, i, i)
	}
	return b.String()
}

func (d *desk) bring(file string) invite.ImportAnswer {
	d.Helper()
	a, err := d.Import(d.ctx(), invite.ImportRequest{Caller: d.by, File: []byte(file)})
	if err != nil {
		d.Fatalf("import: %v", err)
	}
	return a
}

// result is what became of each row: its state, or its code with the field.
func (d *desk) result(id uid.ID) map[string]string {
	d.Helper()
	text, err := d.ImportResult(d.ctx(), d.by, id)
	if err != nil {
		d.Fatal(err)
	}
	all, err := csv.NewReader(strings.NewReader(string(text))).ReadAll()
	if err != nil {
		d.Fatal(err)
	}
	found := map[string]string{}
	for _, r := range all[1:] {
		found[r[0]] = strings.TrimSpace(r[4] + " " + r[6] + " " + r[5])
	}
	return found
}

func (d *desk) imported(id uid.ID) invite.Import {
	d.Helper()
	im, err := d.GetImport(d.ctx(), d.by, id)
	if err != nil {
		d.Fatal(err)
	}
	return im
}

// all are the invitations of the tenant.
func (d *desk) all() (list []invite.View) {
	d.Helper()
	r := invite.ListRequest{Caller: d.by, Page: uid.Page{Limit: 250}}
	for {
		page, more, err := d.List(d.ctx(), r)
		if err != nil {
			d.Fatal(err)
		}
		if list = append(list, page...); more.IsZero() {
			return list
		}
		r.Before = more
	}
}

// once is how often each number got a link; it fails for one that got several.
func (d *desk) once() (links int) {
	d.Helper()
	d.world.mu.Lock()
	defer d.world.mu.Unlock()
	got := map[string]int{}
	for _, n := range d.world.notices {
		if got[n.To.Value]++; got[n.To.Value] > 1 {
			d.Errorf("a number got %d links", got[n.To.Value])
		}
	}
	return len(d.world.notices)
}

func refusals(a invite.ImportAnswer) map[int]string {
	found := map[int]string{}
	for _, r := range a.Rejected {
		found[r.Row] = strings.TrimSpace(r.Code + " " + r.Field)
	}
	return found
}

func TestRA_57_a_bad_row_of_a_file_stops_no_other(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.bring(columns +
		"Ann,Lee,ann@example.net,,no,,\n" + // 2
		"Bob,Ray,,+442079460123,,,\n" + // a landline
		"Cy,Fox,cy@example.net,,,,\n" + // the preset asks for a number
		",Fox,,+12025550177,,,\n" +
		"=HYPERLINK(0),Fox,,+12025550177,,,\n" +
		"Di,Fox,,,,,\n" + // 7
		"Ed,Fox,ed@example.net,+12025550123,perhaps,ref-8,x-8\n" +
		"Flo,Fox,flo@example.net,+12025550123,,ref-9,x-9\n")
	want := map[int]string{
		3: "recipient_line_type mobile", 4: "mobile_required mobile", 5: "first_name_invalid first_name", 6: "formula first_name",
		7: "contact_required email", 8: "mobile_2fa_invalid mobile_2fa",
	}
	if diff := cmp.Diff(want, refusals(a)); diff != "" {
		t.Errorf("rejected (-want +got):\n%s", diff)
	}
	d.is(a.Import.Accepted, 2, "accepted")
	d.is(a.Import.Rows, 8, "rows")
	d.is(d.imported(a.Import.ID).Status(), invite.ImportPending, "status")
	d.work()
	d.is(d.imported(a.Import.ID).Status(), invite.ImportDone, "status")
	d.is(len(d.all()), 2, "invitations")
	d.is(len(d.world.notices), 3, "links: one by mail, one by both")
	rows := d.result(a.Import.ID)
	d.is(rows["2"]+rows["9"], "createdcreated", "rows")
	d.is(rows["8"], "rejected mobile_2fa_invalid mobile_2fa", "row")
}

func TestRA_57_a_file_invites_each_person_once(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.bring("first_name,last_name,email,mobile,country,reference\n" +
		"Ann,Lee,ann@example.net,+447400000001,,a\n" +
		"Ann,Lee,ann2@example.net,07400 000001,GB,b\n" + // the same number, another matter
		"Ann,Lee,ANN@example.net,+447400000002,,\n" + // the same address
		"Bob,Ray,,07400 000003,DE,\n" + // no number there
		"Bob,Ray,,07400 000003,GB,\n") // so this one is the first
	if diff := cmp.Diff(map[int]string{3: "duplicate mobile", 4: "duplicate email", 5: "recipient_line_type mobile"}, refusals(a)); diff != "" {
		t.Errorf("rejected (-want +got):\n%s", diff)
	}
	for _, r := range a.Rejected[:2] {
		if !strings.HasPrefix(r.Detail, "Row 2 has this ") || strings.Contains(r.Detail, "7400") {
			t.Errorf("says %s", r.Detail)
		}
	}
}

func TestRA_14_the_setting_binds_the_rows_of_a_file(t *testing.T) {
	t.Parallel()
	for mode, want := range map[policy.Mode]map[int]string{
		policy.YesRequired: {3: "policy_locked mobile_2fa", 5: "mobile_required mobile"},
		policy.NoRequired:  {2: "policy_locked mobile_2fa"},
		policy.YesOptional: {5: "mobile_required mobile"},
		policy.NoOptional:  {},
	} {
		d := setup(t)
		d.checks(func(c *policy.Checks) { c.Mobile2FA = mode })
		a := d.bring(columns + "Ann,Bee,,+447400000001,true,,\nAnn,Bee,,+447400000002,false,,\nAnn,Bee,,+447400000003,,,\nAnn,Bee,ann@example.net,,,,\n")
		if diff := cmp.Diff(want, refusals(a)); diff != "" {
			t.Errorf("%s: rejected (-want +got):\n%s", mode, diff)
		}
		d.work()
		d.is(len(d.all()), 4-len(want), string(mode)+": invitations")
		d.is(d.once(), 4-len(want), string(mode)+": links")
		for _, v := range d.all() {
			if v.Policy != mode || v.Overridden != (v.Mobile2FA != mode.Preset()) {
				t.Errorf("%s: %+v", mode, v)
			}
		}
	}
}

func TestRA_14_a_row_that_the_setting_forbids_when_its_turn_comes_fails(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.bring(columns + "Ann,Bee,,+447400000001,false,,\nAnn,Bee,,+447400000002,true,,\nAnn,Bee,,+447400000003,,,\n")
	d.is(a.Import.Accepted, 3, "accepted")
	d.checks(func(c *policy.Checks) { c.Mobile2FA = policy.YesRequired })
	d.work()
	want := map[string]string{"2": "failed policy_locked mobile_2fa", "3": "created", "4": "created"}
	if diff := cmp.Diff(want, d.result(a.Import.ID)); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	im := d.imported(a.Import.ID)
	d.is([2]int{im.Created, im.Failed}, [2]int{2, 1}, "counts")
	for _, v := range d.all() {
		if v.Policy != policy.YesRequired || !v.Mobile2FA { // RA-16: that of the creation
			t.Errorf("%+v", v)
		}
	}
}

func TestRA_19_the_invitations_of_a_file_tell_who_sent_it(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.bring(columns + "Ann,Bee,,+447400000001,false,,\n")
	d.work()
	events := d.events(d.all()[0].ID)
	if e := events[0]; e.Actor != d.by.Actor || e.RequestID != d.by.RequestID || !strings.Contains(string(e.Data), `"import":"`+a.Import.ID.Text(uid.Import)+`"`) ||
		!strings.Contains(string(e.Data), `"overridden":true`) {
		t.Errorf("%+v %s", e, e.Data)
	}
}

func TestRA_57_a_dry_run_leaves_nothing(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a, err := d.Import(d.ctx(), invite.ImportRequest{Caller: d.by, File: []byte(people(3) + "Bob,Ray,,,,,\n"), DryRun: true})
	if err != nil {
		t.Fatal(err)
	}
	d.is(a.Import.Accepted, 3, "accepted")
	d.is(a.Import.ID.IsZero(), true, "no id")
	d.is(len(a.Rejected), 1, "rejected")
	d.work()
	list, _, err := d.Imports(d.ctx(), d.by, uid.Page{})
	d.is(len(list)+len(d.all())+len(d.world.notices), 0, "left")
	if err != nil {
		t.Fatal(err)
	}
}

func TestRA_57_a_file_of_bad_rows_is_done_at_once(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.bring(columns + "Ann,Bee,,,,,\n")
	d.is(d.imported(a.Import.ID).Status(), invite.ImportDone, "status")
	d.work()
	d.is(d.result(a.Import.ID)["2"], "rejected contact_required email", "row")
	told := d.toldOf(a.Import.ID)
	slices.Sort(told) // both are of one moment
	d.is(strings.Join(told, "\n"), strings.Join([]string{
		`invitation.import_finished system {"rows":{"all":1,"accepted":0,"created":0,"failed":0}}`,
		`invitation.import_started key:key_1 {"rows":{"all":1,"accepted":0,"created":0,"failed":0}}`,
	}, "\n"), "events")
}

func TestSEC_81_a_file_sent_again_with_one_key_is_taken_once(t *testing.T) {
	t.Parallel()
	d := setup(t)
	ask := func(file string) (invite.ImportAnswer, error) {
		return d.Import(context.Background(), invite.ImportRequest{Caller: d.by, File: []byte(file),
			Idempotency: &verify.Idempotency{Key: "k-1", Body: []byte(file)}})
	}
	answers := make([]invite.ImportAnswer, 8)
	together(8, func(i int) {
		if err := patiently(func() (err error) { answers[i], err = ask(people(30)); return err }); err != nil {
			t.Error(err)
		}
	})
	for _, a := range answers {
		d.is(a.Import.ID, answers[0].Import.ID, "import")
	}
	d.work()
	d.is(len(d.all()), 30, "invitations")
	d.is(d.once(), 30, "links")
	again, err := ask(people(30))
	if err != nil || !again.Replayed || again.Import.Created != 0 { // the first answer, as it was
		t.Errorf("again: %+v %v", again.Import, err)
	}
	_, err = ask(people(31))
	d.fault(err, fault.Invalid, "idempotency_mismatch")
	_, err = ask("x\n")
	d.fault(err, fault.Invalid, "idempotency_mismatch")
}

func TestRA_70_another_firms_import_is_not_there(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.bring(people(3))
	stranger := invite.Caller{Tenant: uid.NewTenant(d.world.now), Actor: "key:key_2"}
	_, err := d.GetImport(t.Context(), stranger, a.Import.ID)
	d.fault(err, fault.NotFound, "import_not_found")
	_, err = d.ImportResult(t.Context(), stranger, a.Import.ID)
	d.fault(err, fault.NotFound, "import_not_found")
	_, err = d.GetImport(t.Context(), d.by, uid.Random(d.world.now))
	d.fault(err, fault.NotFound, "import_not_found")
	list, _, err := d.Imports(t.Context(), stranger, uid.Page{})
	d.is(len(list), 0, "listed")
	if err != nil {
		t.Fatal(err)
	}
	j := outbox.Job{ID: uid.Random(d.world.now), Kind: invite.JobImport, Tenant: stranger.Tenant, Object: a.Import.ID}
	d.is(d.HandleImport(t.Context(), j).Outcome, outbox.Finished, "a job of another firm's")
	d.is(len(d.all()), 0, "invitations")
}

func TestRA_57_imports_are_listed_newest_first(t *testing.T) {
	t.Parallel()
	d := setup(t)
	var made []uid.ID
	for range 5 {
		made = append(made, d.bring(people(1)).Import.ID)
		d.later(time.Second)
	}
	var got []uid.ID
	for before := (uid.ID{}); ; {
		page, more, err := d.Imports(t.Context(), d.by, uid.Page{Before: before, Limit: 2})
		if err != nil {
			t.Fatal(err)
		}
		for _, im := range page {
			got = append(got, im.ID)
		}
		if before = more; more.IsZero() {
			break
		}
	}
	slices.Reverse(made)
	if diff := cmp.Diff(made, got); diff != "" {
		t.Error(diff)
	}
	_, _, err := d.Imports(t.Context(), d.by, uid.Page{Limit: 251})
	d.fault(err, fault.Invalid, "limit_invalid")
}

func TestSEC_34_a_file_leaves_nobody_in_the_clear(t *testing.T) {
	t.Parallel()
	d := setup(t)
	file := "first_name,last_name,email,mobile,notes,reference,external_id,mobile_2fa\nAnneliese,Beethoven,anneliese@example.net,+447400123456,Owes us,Matter-4711,Ext-4711,false\n" +
		"Waldemar,Landline,,+442079460123,,Matter-4712,,\nChristabel,Dickens,,+447400123457,,,,false\n"
	a := d.bring(file)
	secrets := []string{"nneliese", "eethoven", "7400123456", "7400123457", "0079460123", "Owes us", "atter-471", "Ext-4711", "Waldemar", "Landline", "hristabel"}
	look := func(when string) {
		t.Helper()
		for _, name := range []string{"countersign.db", "countersign.db-wal"} {
			text, err := os.ReadFile(d.dir + "/" + name)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range secrets {
				if strings.Contains(string(text), s) {
					t.Errorf("%s: %s holds %s", when, name, s)
				}
			}
		}
	}
	look("accepted")
	d.checks(func(c *policy.Checks) { c.Mobile2FA = policy.YesRequired }) // so that all fail, and no reference is on an invitation
	d.work()
	look("done")
	rows, err := d.db.ImportRows(t.Context(), d.by.Tenant, a.Import.ID, invite.RowFilter{Limit: 10})
	if err != nil || len(rows) != 3 {
		t.Fatal(len(rows), err)
	}
	for _, r := range rows {
		d.is(len(r.Sealed), 0, fmt.Sprintf("bytes of row %d that are kept", r.N))
	}
	text, err := d.ImportResult(t.Context(), d.by, a.Import.ID)
	if err != nil || !strings.Contains(string(text), "Matter-4711,Ext-4711") {
		t.Errorf("result: %s %v", text, err)
	}
	for _, s := range append(secrets[:6:6], secrets[8:]...) {
		if strings.Contains(string(text), s) {
			t.Errorf("the result holds %s", s)
		}
	}
}

func TestRA_57_a_row_is_blanked_by_the_commit_that_makes_it(t *testing.T) {
	t.Parallel()
	d := setup(t)
	a := d.bring(people(21))
	now := d.world.time().Add(time.Second)
	jobs, err := d.db.Claim(t.Context(), uid.Random(now), now, now.Add(time.Minute), 10, 1, 0)
	if err != nil || len(jobs) != 1 {
		t.Fatal(jobs, err)
	}
	d.is(d.HandleImport(t.Context(), jobs[0]).Outcome, outbox.Committed, "step")
	im := d.imported(a.Import.ID)
	d.is(im.Status(), invite.ImportRunning, "status")
	rows, err := d.db.ImportRows(t.Context(), d.by.Tenant, a.Import.ID, invite.RowFilter{Limit: 100})
	if err != nil {
		t.Fatal(err)
	}
	kept := map[invite.RowState][]int{}
	for _, r := range rows {
		kept[r.State] = append(kept[r.State], min(len(r.Sealed), 1))
		if v, err := d.db.Invitation(t.Context(), d.by.Tenant, r.Invitation); (err == nil) != (r.State == invite.RowCreated) || err == nil && v.Reference != fmt.Sprintf("case-%d", r.N-2) {
			t.Errorf("row %d, %s: %v", r.N, r.State, err)
		}
	}
	if diff := cmp.Diff(map[invite.RowState][]int{invite.RowCreated: slices.Repeat([]int{0}, 20), invite.RowWaiting: {1}}, kept); diff != "" {
		t.Error(diff)
	}
	d.is(slices.Sorted(maps.Values(d.result(a.Import.ID)))[20], "waiting", "the last row in the result")
}
