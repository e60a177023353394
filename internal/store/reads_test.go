package store_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/postgres"
	"github.com/countersign/countersign/internal/store/postgres/postgrestest"
	"github.com/countersign/countersign/internal/store/sqlite"
	"github.com/countersign/countersign/internal/store/storetest"
	"github.com/countersign/countersign/internal/tally"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/webhook"
)

// asked is a statement that was read by.
type asked struct {
	text string
	args []driver.NamedValue
}

// heard is an engine whose reader tells what it is asked.
type heard struct {
	store.Engine
	reader *sql.DB

	mu   sync.Mutex
	list []asked // under mu
}

func (h *heard) Reader() *sql.DB { return h.reader }

func hear(t *testing.T, e store.Engine) *heard {
	t.Helper()
	h := &heard{Engine: e}
	h.reader = sql.OpenDB(listener{h})
	h.reader.SetMaxOpenConns(1) // it takes one of the engine's
	return h
}

type listener struct{ of *heard }

func (l listener) Driver() driver.Driver { return l.of.Engine.Reader().Driver() }

func (l listener) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := l.of.Engine.Reader().Conn(context.WithoutCancel(ctx))
	if err != nil {
		return nil, err
	}
	h := &hearing{held: c, of: l.of}
	return h, c.Raw(func(own any) error { h.Conn = own.(driver.Conn); return nil })
}

// hearing is a connection of the engine's own reader.
type hearing struct {
	driver.Conn
	held *sql.Conn
	of   *heard
}

func (h *hearing) Close() error { return h.held.Close() }

func (h *hearing) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	h.of.mu.Lock()
	h.of.list = append(h.of.list, asked{text, args})
	h.of.mu.Unlock()
	return h.Conn.(driver.QueryerContext).QueryContext(ctx, text, args)
}

func (h *hearing) CheckNamedValue(v *driver.NamedValue) error {
	if c, ok := h.Conn.(driver.NamedValueChecker); ok {
		return c.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

// operatorsReads makes every read that a page for operators makes, with every filter.
func operatorsReads(t *testing.T, db *store.DB, ten uid.Tenant) {
	t.Helper()
	ctx, at := t.Context(), time.Now()
	id, blind, yes := uid.New(at, 7), [16]byte{1}, true
	var errs []error
	note := func(_ any, err error) { errs = append(errs, err) }
	note(db.TallyPosition(ctx))
	note(db.Tally(ctx, ten, at.Add(-time.Hour), at))
	note(db.Happenings(ctx, []uid.ID{id, id.Next()}))
	for _, f := range []verify.Span{{}, {Below: id}, {OldestFirst: true}} {
		for _, failed := range []bool{false, true} {
			f.Limit = 200
			_, _, err := db.Parcels(ctx, ten, f, failed)
			errs = append(errs, err)
		}
	}
	note(db.ParcelsOf(ctx, ten, []uid.ID{id, id.Next()}))
	for _, q := range []audit.Query{{}, {Type: "a.b"}, {Actor: "a"}, {Object: id}, {From: at.Add(-time.Hour), Until: at}} {
		for _, p := range []uid.Page{{}, {After: uid.Floor(at.Add(-time.Hour))}} {
			q.Tenant, q.Page = ten, p
			q.Limit = 50
			note(audit.BrowseEvents(ctx, db, q))
		}
	}
	_, _, err := db.FindEvent(ctx, ten, id)
	errs = append(errs, err)
	note(db.Tiles(ctx, audit.OrderLevel, 0, 2))
	note(db.UndeliverableInvitations(ctx, ten, id, 101))
	note(db.UnknownInvitations(ctx, ten, id, 101))
	note(db.StoppedEndpoints(ctx, ten, 101))
	note(db.FailingEndpoints(ctx, ten, id, 101))
	note(db.DeadLetters(ctx, ten, id, 101))
	note(db.DeadJobs(ctx, ten, 101))
	note(db.OldKeys(ctx, ten, at, at, 101))
	note(db.UnusedKeys(ctx, ten, at, at, 101))
	for _, f := range []invite.Filter{
		{}, {Status: invite.Sent}, {Reference: "a"}, {Contact: &blind}, {LinkUnknown: true}, {Mobile2FA: &yes}, {Status: invite.Sent, Mobile2FA: &yes}, {From: id, To: id.Next()},
		{Reference: "a", Status: invite.Sent}, {Reference: "a", Mobile2FA: &yes}, {Reference: "a", Status: invite.Sent, Mobile2FA: &yes}, {Contact: &blind, Reference: "a"}, {Contact: &blind, Status: invite.Sent, Mobile2FA: &yes},
	} {
		for _, f.OldestFirst = range []bool{false, true} {
			f.Limit = 50
			note(db.Invitations(ctx, ten, f))
		}
	}
	note(db.InvitationEvents(ctx, ten, id, uid.ID{}, 50))
	for _, f := range []invite.DispatchSpan{{}, {Failed: true}, {OldestFirst: true, From: id}, {OldestFirst: true, Failed: true, From: id}} {
		f.Limit = 50
		note(db.Dispatches(ctx, ten, f))
	}
	note(db.DispatchesOf(ctx, ten, id))
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// seed makes a tenant with a row of each kind that further statements are about. The engine is closed with the test.
func seed(t *testing.T, e store.Engine) uid.Tenant {
	t.Helper()
	db, v := storetest.Start(t, e, nil), storetest.Sample()
	at := storetest.Now()
	hook := webhook.Endpoint{ID: uid.Random(at), Tenant: v.Tenant, URL: "https://example.com/", Secret: []byte{1}, Enabled: true, CreatedAt: at, UpdatedAt: at, Version: 1}
	if err := errors.Join(
		db.Change(t.Context(), storetest.Place(v), func(h *verify.Held) (outbox.Effects, error) {
			h.Create = v
			return outbox.Effects{}, nil
		}),
		db.AddTally(t.Context(), tally.Position{Index: -1}, tally.Position{At: at.Add(48 * time.Hour)}, nil, []tally.Failure{{Tenant: v.Tenant, Verification: v.ID, N: 1}}),
		db.CreateEndpoint(t.Context(), hook, 10, nil, outbox.Effects{}),
	); err != nil {
		t.Fatal(err)
	}
	return v.Tenant
}

// plans gives the plan of everything that operators' pages read.
func plans(t *testing.T, e store.Engine, explain string, each func(text string, plan []string)) {
	t.Helper()
	h := hear(t, e)
	operatorsReads(t, store.New(store.Config{}, h, slog.New(slog.DiscardHandler), prometheus.NewRegistry()), seed(t, e))
	if err := h.reader.Close(); err != nil {
		t.Fatal(err)
	}
	if len(h.list) < 40 {
		t.Errorf("only %d statements were heard", len(h.list))
	}
	conn, err := e.Reader().Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if e.Name() == "postgres" { // its tables are empty here: only what can't be done otherwise is a scan
		if _, err := conn.ExecContext(t.Context(), `SET enable_seqscan = off`); err != nil {
			t.Fatal(err)
		}
	}
	seen := map[string]bool{}
	for _, a := range h.list {
		if seen[a.text] || strings.HasPrefix(a.text, "EXPLAIN") {
			continue
		}
		seen[a.text] = true
		args := make([]any, len(a.args))
		for i, v := range a.args {
			args[i] = v.Value
		}
		rows, err := conn.QueryContext(t.Context(), explain+a.text, args...)
		if err != nil {
			t.Errorf("%v: %s", err, a.text)
			continue
		}
		each(a.text, lines(t, rows))
	}
}

// lines are the last column of each row.
func lines(t *testing.T, rows *sql.Rows) (list []string) {
	t.Helper()
	defer rows.Close()
	columns, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	for rows.Next() {
		values := make([]any, len(columns))
		for i := range values {
			values[i] = new(any)
		}
		if err := rows.Scan(values...); err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprint(*values[len(values)-1].(*any)))
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return list
}

func TestOperatorsReads_on_SQLite_search_and_never_scan(t *testing.T) {
	t.Parallel()
	e, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := e.Schema(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	rows := regexp.MustCompile(`^SCAN (\w+)`)
	filtered := regexp.MustCompile(`[ix]\.(status|mobile_2fa|reference) =|COALESCE\(x\.|_index =`)
	covered := regexp.MustCompile(`invitation_(reference|status|email|phone|message_failed)`)
	few := regexp.MustCompile(`webhook_endpoint|api_key|j\.dead`) // of a tenant
	whole := regexp.MustCompile(`USING (PRIMARY KEY|(COVERING )?INDEX (sqlite_autoindex_\w+|invitation_id)) \((tenant=\? AND )?id>`)
	plans(t, e, `EXPLAIN QUERY PLAN `, func(text string, plan []string) {
		made := strings.Join(plan, "\n")
		for _, line := range plan {
			// What a query of its own has bounded may be gone through, and so may what waits for the sealer.
			if m := rows.FindStringSubmatch(line); m != nil && !strings.Contains(made, "CO-ROUTINE "+m[1]) && !strings.Contains(text, "audit_pending") &&
				!strings.Contains(text, "tally_position") {
				t.Errorf("%s:\n%s\n%s", line, text, made)
			}
			// What one of a tenant's lists is asked for is in the index, or the whole list is walked over.
			if whole.MatchString(line) && filtered.MatchString(text) {
				t.Errorf("walks over the list:\n%s\n%s", text, made)
			}
			if strings.Contains(text, "(x.reference, x.status, ") && strings.Contains(line, "SEARCH x") && !strings.Contains(line, "invitation_reference") {
				t.Errorf("does not look by the reference:\n%s\n%s", text, made)
			}
			if strings.Contains(text, "x.mobile_2fa, x.id) >= ") && strings.Contains(line, "SEARCH x") && !strings.Contains(line, "status,mobile_2fa,id)>") {
				t.Errorf("does not look by the state:\n%s\n%s", text, made)
			}
			if strings.Contains(line, "SEARCH v USING PRIMARY KEY (id>") || strings.Contains(line, "invitation_id (id>") {
				t.Errorf("walks over all tenants' rows:\n%s\n%s", text, made)
			}
			if strings.Contains(line, " (tenant=?)") && !few.MatchString(text) {
				t.Errorf("walks over all that a tenant has:\n%s\n%s", text, made)
			}
			if strings.Contains(text, "x.failed") && strings.Contains(line, "SEARCH x") && !strings.Contains(line, "invitation_message_failed") {
				t.Errorf("does not look among the failures:\n%s\n%s", text, made)
			}
			// Of the many that have a reference or a contact, and of failures, no row is read to see whether it is asked for.
			if covered.MatchString(line) && !strings.Contains(line, "COVERING") {
				t.Errorf("reads rows that are not shown:\n%s\n%s", text, made)
			}
			// Only what is found by a few keys, is as much as is asked for of each arm, or is of one invitation, is put in order afterwards.
			if strings.Contains(line, "TEMP B-TREE FOR ORDER BY") && !strings.Contains(text, " IN (") && !strings.Contains(text, "LIMIT $4) q") &&
				!strings.Contains(text, "UNION SELECT") && !strings.Contains(text, "m.invitation =") && !few.MatchString(text) {
				t.Errorf("sorts all of them:\n%s\n%s", text, made)
			}
		}
	})
}

func TestErasure_on_SQLite_finds_invitations_by_the_contact(t *testing.T) {
	t.Parallel()
	e, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	if _, err := e.Schema(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	rows, err := e.Reader().QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+store.ReadInvitationsOf, []byte("tenant"), []byte("contact"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range lines(t, rows) {
		if strings.Contains(line, " (tenant=?)") || strings.HasPrefix(line, "SCAN") {
			t.Errorf("walks over all that a tenant has: %s", line)
		}
	}
}

func TestOperatorsReads_on_PostgreSQL_search_and_never_scan(t *testing.T) {
	t.Parallel()
	e, err := postgres.Open(t.Context(), postgrestest.Migrated(t))
	if err != nil {
		t.Fatal(err)
	}
	plans(t, e, `EXPLAIN (COSTS OFF) `, func(text string, plan []string) {
		made := strings.Join(plan, "\n")
		if strings.Contains(made, "Seq Scan") && !strings.Contains(text, "audit_pending") && !strings.Contains(text, "tally_position") {
			t.Errorf("reads a whole table:\n%s\n%s", text, made)
		}
		for i, line := range plan { // an index without a condition is a whole table, too
			if strings.Contains(line, "Index") && strings.Contains(line, "Scan") && !strings.Contains(line, "Bitmap Heap") &&
				(i+1 == len(plan) || !strings.Contains(plan[i+1], "Index Cond")) {
				t.Errorf("reads a whole index:\n%s\n%s", text, made)
			}
		}
	})
}

// What PostgreSQL knows of a state is how many are in it, not where in the list they are.
func TestInvitations_on_PostgreSQL_of_a_state_are_found_behind_all_others(t *testing.T) {
	t.Parallel()
	e, err := postgres.Open(t.Context(), postgrestest.Migrated(t))
	if err != nil {
		t.Fatal(err)
	}
	ten, yes := uid.Tenant{1}, true
	if err := e.Write(t.Context(), func(tx *sql.Tx) error { // the older half is completed, the younger sent
		_, err := tx.ExecContext(t.Context(), `INSERT INTO invitation (tenant, id, status, reference, mobile_2fa, due_us, created_us, updated_us, version, body)
			SELECT $1, decode(lpad(to_hex(i), 32, '0'), 'hex'), CASE WHEN i < 10000 THEN 'completed' ELSE 'sent' END, 'many', i % 2 = 0, 1, 1, 1, 1,
			'{"a":"' || repeat('a', 1700) || '"}' FROM generate_series(1, 20000) i`, ten[:])
		if err == nil {
			_, err = tx.ExecContext(t.Context(), `ANALYZE invitation`)
		}
		return err
	}); err != nil {
		t.Fatal(err)
	}
	for _, f := range []invite.Filter{{Status: invite.Completed}, {Status: invite.Sent, OldestFirst: true}, {Status: invite.Completed, Mobile2FA: &yes}, {Mobile2FA: &yes},
		{Reference: "many", Status: invite.Completed}, {Reference: "many", Mobile2FA: &yes}, {Reference: "many"}} {
		f.Limit = 51
		keys, args := store.InvitationKeys(ten, &f)
		rows, err := e.Reader().QueryContext(t.Context(), `EXPLAIN (ANALYZE, COSTS OFF) `+keys, args...)
		if err != nil {
			t.Fatal(err)
		}
		if plan := strings.Join(lines(t, rows), "\n"); strings.Contains(plan, "Rows Removed by Filter") || strings.Contains(plan, "Seq Scan") {
			t.Errorf("%+v: reads what is not asked for:\n%s", f, plan)
		}
	}
}
