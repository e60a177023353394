package storetest

import (
	"database/sql"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/audit/audittest"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
)

// browse reads all pages of a query, and then back from where the last one began: what comes there stands before it.
func browse(t *testing.T, db *store.DB, q audit.Query) (all []audit.Event, pages int) {
	t.Helper()
	read := func() audit.Page {
		t.Helper()
		page, err := audit.BrowseEvents(t.Context(), db, q)
		if err != nil {
			t.Fatalf("browse: %v", err)
		}
		return page
	}
	history := !q.Object.IsZero()
	var last, back []audit.Event
	for {
		page := read()
		last, pages = page.Events, pages+1
		all = append(all, last...)
		if page.More.IsZero() {
			break
		}
		if q.Before = page.More; history {
			q.Before, q.After = uid.ID{}, page.More
		}
	}
	for q.Before, q.After = q.After, q.Before; !q.Before.IsZero() || !q.After.IsZero(); {
		page := read()
		back = append(page.Events, back...)
		if q.After = page.More; history {
			q.Before, q.After = page.More, uid.ID{}
		}
	}
	if pages > 1 {
		if diff := cmp.Diff(all, append(back, last...), sameTimes); diff != "" {
			t.Errorf("back again: want -, got +:\n%s", diff)
		}
	}
	return all, pages
}

func browsed(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	mine, other, at := uid.NewTenant(now()), uid.NewTenant(now()), now()
	var all []audit.Event
	thing := uid.New(at.Add(-20*time.Second), 9)
	for i := range 12 {
		x := happened(mine, at.Add(time.Duration(i-12)*time.Second), []string{"verification.started", "key.created"}[i%2], `{"n":1}`)
		x.Actor = []string{"system", "key:key_1", "operator:a"}[i%3]
		if i%4 == 0 {
			x.Object, x.ID = thing, uid.New(x.At, 9)
		}
		x.Subject = audit.NewSubject([]byte("sealed"))
		all = append(all, x)
	}
	record(t, db, all...)
	record(t, db, happened(other, at, "key.created", ""), happened(other, at.Add(-5*time.Second), "verification.started", ""))
	for _, c := range []struct {
		name string
		q    audit.Query
		want []int
	}{
		{"all", audit.Query{}, []int{11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0}},
		{"a type", audit.Query{Type: "key.created"}, []int{11, 9, 7, 5, 3, 1}},
		{"a type that nobody has", audit.Query{Type: "key.revoked"}, nil},
		{"an actor", audit.Query{Actor: "operator:a"}, []int{11, 8, 5, 2}},
		{"a thing, from its beginning", audit.Query{Object: thing}, []int{0, 4, 8}},
		{"a time", audit.Query{From: all[3].At.Add(-time.Millisecond), Until: all[6].At}, []int{5, 4, 3}},
		{"a type by an actor", audit.Query{Type: "key.created", Actor: "operator:a"}, []int{11, 5}},
	} {
		c.q.Tenant, c.q.Limit = mine, 5
		got, _ := browse(t, db, c.q)
		var want []audit.Event
		for _, i := range c.want {
			want = append(want, all[i])
		}
		if diff := cmp.Diff(want, got, sameTimes); diff != "" {
			t.Errorf("%s: want -, got +:\n%s", c.name, diff)
		}
	}
	if got, err := audit.FindEvent(t.Context(), db, mine, all[3].ID); err != nil || got.Leaf() != all[3].Leaf() {
		t.Errorf("one event: %v %v", got, err)
	}
	if _, err := audit.FindEvent(t.Context(), db, other, all[3].ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("another tenant's event: %v", err)
	}
}

// browsedFar: a rare event behind very many others is found after a few looks, since the counts tell in which hour it is.
func browsedFar(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	mine, busy := uid.NewTenant(now()), uid.NewTenant(now())
	at := now().Truncate(24 * time.Hour).Add(time.Minute) // early in the day, whenever the test runs: 26 hours reach into the day before yesterday
	rare := happened(mine, at.Add(-26*time.Hour), "key.revoked", "")
	if err := e.Partitions(t.Context(), rare.At); err != nil {
		t.Fatal(err)
	}
	record(t, db, rare)
	for h := range 25 {
		var many []audit.Event
		for i := range 1000 {
			many = append(many, happened(busy, at.Add(-time.Duration(h)*time.Hour-time.Duration(i)*time.Millisecond), "verification.started", ""))
		}
		record(t, db, many...)
	}
	got, pages := browse(t, db, audit.Query{Tenant: mine, Page: uid.Page{Limit: 5}})
	if len(got) != 1 || got[0].ID != rare.ID || pages != 2 {
		t.Errorf("%d found on %d pages, want one on the second: one page looks at 20,000", len(got), pages)
	}
	sealAll(t, db)
	if err := counter(t, db).CatchUp(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, q := range []audit.Query{{Tenant: mine}, {Tenant: mine, Type: "key.revoked"}} {
		q.Limit = 5
		page, err := audit.BrowseEvents(t.Context(), db, q)
		if err != nil || len(page.Events) != 1 || !page.More.IsZero() {
			t.Errorf("%q: %d found, more %v, %v; want one at once", q.Type, len(page.Events), page.More, err)
		}
		q.After = rare.ID
		if page, err = audit.BrowseEvents(t.Context(), db, q); err != nil || len(page.Events) != 1 || !page.More.IsZero() {
			t.Errorf("%q, up from it: %d found, more %v, %v; want one at once", q.Type, len(page.Events), page.More, err)
		}
	}
	late := happened(mine, at.Add(-3*time.Hour), "key.revoked", "") // not sealed, not counted, among hours that have none
	record(t, db, late)
	got, _ = browse(t, db, audit.Query{Tenant: mine, Type: "key.revoked", Until: at.Add(-150 * time.Minute), Page: uid.Page{Limit: 5}})
	if len(got) != 2 || got[0].ID != late.ID {
		t.Errorf("%d found, want also the one that came late: it is within a look", len(got))
	}
}

func proved(t *testing.T, e store.Engine) {
	db := Start(t, e, nil)
	mine, at := uid.NewTenant(now()), now()
	var all []audit.Event
	for i := range 700 {
		x := happened(mine, at.Add(time.Duration(i-700)*time.Millisecond), "verification.started", `{"a":"<"}`)
		x.Subject = audit.NewSubject([]byte("sealed"))
		all = append(all, x)
	}
	straggler := happened(mine, at.Add(-time.Second), "verification.approved", "")
	record(t, db, all[:600]...)
	sealAll(t, db)
	record(t, db, append(all[600:], straggler)...)
	sealAll(t, db)
	fresh := happened(mine, at, "key.created", "")
	record(t, db, fresh)
	verifier := audittest.Signer(t).Verifier()
	prove := func(id uid.ID) audit.Proof {
		t.Helper()
		p, err := audit.Prove(t.Context(), db, verifier, mine, id)
		if err != nil {
			t.Fatalf("prove: %v", err)
		}
		return p
	}
	for _, x := range []audit.Event{all[0], all[255], all[256], all[599], all[600], all[699], straggler} {
		p := prove(x.ID)
		if p.Verdict != audit.VerdictIntact || p.Leaf != x.Leaf() || p.Size != 701 || len(p.Path) == 0 || len(p.Lines) == 0 {
			t.Errorf("%s: %s %s, index %d of %d", x.ID, p.Verdict, p.Detail, p.Index, p.Size)
		}
	}
	if p := prove(fresh.ID); p.Verdict != audit.VerdictUnsealed || p.Index != -1 || p.Lines != nil {
		t.Errorf("not sealed: %s at %d", p.Verdict, p.Index)
	}
	if _, err := audit.Prove(t.Context(), db, verifier, uid.NewTenant(at), all[0].ID); !fault.Is(err, fault.NotFound) {
		t.Errorf("another tenant's: %v", err)
	}
	tamper(t, e, `UPDATE event SET actor = 'operator:somebody' WHERE id = $1`, all[10].ID[:])
	if p := prove(all[10].ID); p.Verdict != audit.VerdictChanged || p.Lines != nil || p.Leaf == p.Kept {
		t.Errorf("a changed row: %s", p.Verdict)
	}
	tamper(t, e, `INSERT INTO event (bucket, id, tenant, type, object, at_us, actor, request_id, data) SELECT bucket, $2, tenant, type, object,
		at_us, actor, request_id, data FROM event WHERE id = $1`, all[11].ID[:], uid.New(all[11].At, all[11].ID.Bucket()).Next())
	page, _ := browse(t, db, audit.Query{Tenant: mine, Page: uid.Page{Limit: 200}})
	unlogged := 0
	for _, x := range page[680:] {
		if prove(x.ID).Verdict == audit.VerdictUnlogged {
			unlogged++
		}
	}
	if len(page) != 703 || unlogged != 1 {
		t.Errorf("of %d events %d are not in the log, want 1", len(page), unlogged)
	}
	if _, err := audit.EraseSubject(t.Context(), db, audit.Erasure{Tenant: mine, Bucket: all[20].ID.Bucket(), Actor: "command",
		Is: func(x *audit.Event) (bool, error) { return x.ID == all[20].ID, nil }}, at); err != nil {
		t.Fatal(err)
	}
	if p := prove(all[20].ID); p.Verdict != audit.VerdictIntact || !p.Event.Subject.Erased() {
		t.Errorf("an erased subject: %s %s", p.Verdict, p.Detail)
	}
	tamper(t, e, `DELETE FROM audit_tile WHERE level = -1 AND n = 1`)
	if p := prove(all[300].ID); p.Verdict != audit.VerdictChanged {
		t.Errorf("a tile of ids is gone: %s", p.Verdict)
	}
}

func tamper(t *testing.T, e store.Engine, text string, args ...any) {
	t.Helper()
	if err := e.Write(t.Context(), func(tx *sql.Tx) error {
		_, err := tx.ExecContext(t.Context(), text, args...)
		return err
	}); err != nil {
		t.Fatalf("tamper: %v", err)
	}
}
