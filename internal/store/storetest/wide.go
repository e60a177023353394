package storetest

import (
	"database/sql"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/uid"
)

// UpgradeWithLists brings e from before invitations were an ordinary table to the newest schema, with invitations of two tenants. Every
// column and every list are what they were, the indexes are there, and the table takes others.
func UpgradeWithLists(t *testing.T, dialect goose.Dialect, raw *sql.DB, e store.Engine) {
	t.Helper()
	p, err := goose.NewProvider(dialect, raw, os.DirFS("migrations"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 20); err != nil {
		t.Fatal(err)
	}
	if err := e.Partitions(t.Context(), now()); err != nil {
		t.Fatal(err)
	}
	db := Start(t, e, nil)
	tenants := []uid.Tenant{uid.NewTenant(now()), uid.NewTenant(now())}
	for i := range 120 {
		listed(t, db, tenants[i%2], i)
	}
	rows, lists := everything(t, raw), asListed(t, db, tenants)
	if m, err := e.Schema(t.Context(), true); err != nil || m.From != 20 || !m.Current() {
		t.Fatalf("upgrade: %+v %v", m, err)
	}
	if diff := cmp.Diff(rows, everything(t, raw)); diff != "" {
		t.Errorf("rows: before -, after +:\n%s", diff)
	}
	if diff := cmp.Diff([]string{"due", "email", "id", "phone", "reference", "reference_status", "status", "unknown"}, indexNames(t, dialect, raw)); diff != "" {
		t.Errorf("indexes: want -, got +:\n%s", diff)
	}
	if diff := cmp.Diff(lists, asListed(t, db, tenants)); diff != "" {
		t.Errorf("lists: before -, after +:\n%s", diff)
	}
	for name, list := range lists {
		if len(list) == 0 {
			t.Errorf("%s has none", name)
		}
	}
	listed(t, db, tenants[0], 120)
}

// listed makes the i-th invitation of a tenant, with a message: each differs from its neighbours in what lists are filtered by.
func listed(t *testing.T, db *store.DB, ten uid.Tenant, i int) {
	t.Helper()
	at := now().Add(time.Duration(i*7%120-120) * time.Minute)
	v := invite.Invitation{ID: uid.Random(at), Tenant: ten, Kind: invite.Fixed, Status: invite.Statuses[i%len(invite.Statuses)], Mobile2FA: i%3 == 0,
		Reference: []string{"", "one", "many"}[i%3], Masked: invite.Masked{Email: fmt.Sprint("ü", i)}, LinkTTL: 24 * time.Hour, CreatedAt: at, UpdatedAt: at, Version: 1}
	v.EmailIndex[0], v.PhoneIndex[0] = byte(i%5), byte(i%4)
	v.Link = invite.Link{N: 1, Hash: [32]byte(append(v.ID[:], v.ID[:]...)), MadeAt: at, ExpiresAt: at.Add(24 * time.Hour)}
	v.Posted = letters(&v, at, 1)
	if i%9 == 0 {
		v.Posted[0].State = delivery.Failed
	}
	if err := db.CreateInvitation(t.Context(), v, nil, outbox.Effects{Events: about(&v, at, "invitation.created")}); err != nil {
		t.Fatalf("create an invitation: %v", err)
	}
	if i%7 == 0 {
		alter(t, db, &v, at, func(v *invite.Invitation) {
			v.Status, v.Link.Carried = invite.Sent, []invite.Carried{{State: delivery.Unknown}}
		}, "invitation.sent")
	}
}

// everything are the rows of invitations, all columns.
func everything(t *testing.T, raw *sql.DB) (list []string) {
	t.Helper()
	rows, err := raw.QueryContext(t.Context(), `SELECT tenant, id, status, reference, mobile_2fa, email_index, phone_index, due_us, created_us,
		updated_us, version, link_unknown, body FROM invitation ORDER BY tenant, id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var tenant, id, email, phone []byte
		var status, reference, body string
		var due, created, updated, version int64
		var gate, unknown bool
		if err := rows.Scan(&tenant, &id, &status, &reference, &gate, &email, &phone, &due, &created, &updated, &version, &unknown, &body); err != nil {
			t.Fatal(err)
		}
		list = append(list, fmt.Sprintf("%x %x %s %q %v %x %x %d %d %d %d %v %s", tenant, id, status, reference, gate, email, phone, due, created, updated, version, unknown, body))
	}
	if rows.Err() != nil || len(list) != 120 {
		t.Fatalf("%d invitations: %v", len(list), rows.Err())
	}
	return list
}

// indexNames are those of the indexes of invitations but for the key's.
func indexNames(t *testing.T, dialect goose.Dialect, raw *sql.DB) (list []string) {
	t.Helper()
	text := `SELECT name FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'invitation' AND sql IS NOT NULL ORDER BY name`
	if dialect == goose.DialectPostgres {
		text = `SELECT indexname FROM pg_indexes WHERE tablename = 'invitation' AND indexname <> 'invitation_pkey' ORDER BY indexname`
	}
	rows, err := raw.QueryContext(t.Context(), text)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			t.Fatal(err)
		}
		list = append(list, strings.TrimPrefix(name, "invitation_"))
	}
	if rows.Err() != nil {
		t.Fatal(rows.Err())
	}
	return list
}

// asListed are the ids of each list, by what it is filtered by.
func asListed(t *testing.T, db *store.DB, tenants []uid.Tenant) map[string][]uid.ID {
	t.Helper()
	lists, contact, yes := map[string][]uid.ID{}, [16]byte{1}, true
	for i, ten := range tenants {
		for name, f := range map[string]invite.Filter{
			"all": {}, "status": {Status: invite.Sent}, "reference": {Reference: "many"}, "gate": {Mobile2FA: &yes}, "unknown": {LinkUnknown: true},
			"contact": {Contact: &contact}, "contact and status": {Contact: &contact, Status: invite.Sent}, "contact and gate": {Contact: &contact, Mobile2FA: &yes},
			"contact and reference": {Contact: &contact, Reference: "many"}, "contact and unknown": {Contact: &contact, LinkUnknown: true},
		} {
			for _, f.OldestFirst = range []bool{false, true} {
				f.Limit = 100
				list, err := db.Invitations(t.Context(), ten, f)
				if err != nil {
					t.Fatalf("%s: %v", name, err)
				}
				ids := []uid.ID{}
				for _, v := range list {
					ids = append(ids, v.ID)
				}
				lists[fmt.Sprint(i, " ", name, f.OldestFirst)] = ids
			}
		}
		for _, failed := range []bool{false, true} {
			list, err := db.Dispatches(t.Context(), ten, invite.DispatchSpan{Failed: failed, Limit: 100})
			if err != nil {
				t.Fatal(err)
			}
			ids := []uid.ID{}
			for _, m := range list {
				ids = append(ids, m.ID)
			}
			lists[fmt.Sprint(i, " messages", failed)] = ids
		}
	}
	return lists
}
