package fill

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// migrations are the server's own, in their order.
func migrations(t *testing.T, db *sql.DB, engine string) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", "internal", "store", engine, "migrations", "*.sql"))
	if err != nil || len(files) == 0 {
		t.Fatalf("migrations: %v, %v", files, err)
	}
	slices.Sort(files)
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		exec(t, db, string(text))
	}
}

// spread fills db with copies of one invitation, and looks at what came of it.
func spread(t *testing.T, db *sql.DB, d Database, blob string) {
	t.Helper()
	const count = 3_000
	tenant, id := uid.NewTenant(time.Now()), uid.Random(time.Now())
	hex := func(b []byte) string { return strings.ReplaceAll(blob, "?", fmt.Sprintf("%x", b)) }
	insert(t, db, "invitation", map[string]string{"tenant": hex(tenant[:]), "id": hex(id[:]), "status": "'mobile_pending'", "body": `'{
		"kind":"fixed","link_ttl_ns":2592000000000000,"gates":[{"channel":"sms","contact":"AAAA","code_ends":"2026-11-26T18:00:00Z"}],"sealed":"AAAA"}'`})
	event := uid.Random(time.Now())
	insert(t, db, "event", map[string]string{"id": hex(event[:]), "object": hex(id[:]), "type": "'invitation.mobile_code_sent'", "data": `'{"send":1}'`})
	insert(t, db, "invitation_event", map[string]string{"invitation": hex(id[:]), "n": "64", "event": hex(event[:])})

	key := filepath.Join(t.TempDir(), "master.key")
	if err := seal.CreateFile(key); err != nil {
		t.Fatal(err)
	}
	ring, err := seal.OpenFile(key)
	if err != nil {
		t.Fatal(err)
	}
	wrapped, err := ring.NewIndexKey()
	if err != nil {
		t.Fatal(err)
	}
	exec(t, db, "INSERT INTO meta (name, value) VALUES ('index_key', "+hex(wrapped)+")")
	if _, err := ring.UseIndexKey(wrapped); err != nil {
		t.Fatal(err)
	}
	indexes := number(t, db, indexCount[d.Driver])
	d.Batch = 1_000
	phone := func(i uint64) string { return fmt.Sprintf("+4479%08d", i) }
	if err := (Invitations{d, key, phone}).Run(t.Context(), count, &bytes.Buffer{}); err != nil {
		t.Fatal(err)
	}
	if got := number(t, db, indexCount[d.Driver]); got != indexes {
		t.Errorf("%d indexes, before %d", got, indexes)
	}
	for query, want := range map[string][2]int{
		"SELECT count(*) FROM invitation":                                                                   {count + 1, count + 1},
		"SELECT count(DISTINCT id) FROM invitation":                                                         {count + 1, count + 1},
		"SELECT count(DISTINCT status) FROM invitation":                                                     {len(kinds) - 1, len(kinds)},
		"SELECT count(*) FROM invitation WHERE reference = 'campaign'":                                      {count / 30, count / 15},
		"SELECT count(*) FROM invitation WHERE status = 'completed'":                                        {count * 2 / 5, count / 2},
		"SELECT count(*) FROM invitation_message":                                                           {count * 19 / 20, count},
		"SELECT count(DISTINCT id) FROM invitation_message WHERE failed":                                    {count / 100, count / 33},
		"SELECT count(*) FROM invitation_link":                                                              {count / 15, count / 7},
		"SELECT count(DISTINCT i.id) FROM invitation i JOIN invitation_event x ON x.invitation = i.id":      {count / 15, count / 7},
		"SELECT count(*) FROM event e JOIN invitation_event x ON x.event = e.id WHERE e.data LIKE '%send%'": {count / 40, count / 10},
	} {
		if got := number(t, db, query); got < want[0] || got > want[1] {
			t.Errorf("%s: %d, want %d to %d", query, got, want[0], want[1])
		}
	}
	opened(t, db, ring, tenant)
}

var indexCount = map[string]string{
	"sqlite": "SELECT count(*) FROM sqlite_master WHERE type = 'index' AND tbl_name IN ('invitation', 'invitation_message') AND sql IS NOT NULL",
	"pgx":    "SELECT count(*) FROM pg_indexes WHERE tablename IN ('invitation', 'invitation_message')",
}

// opened looks whether a copy opens as the server opens it, and is found by its number.
func opened(t *testing.T, db *sql.DB, ring *seal.Ring, tenant uid.Tenant) {
	t.Helper()
	var id, index []byte
	var text string
	if err := db.QueryRowContext(t.Context(), "SELECT id, phone_index, body FROM invitation WHERE status = 'sent' ORDER BY id LIMIT 1").Scan(&id, &index, &text); err != nil {
		t.Fatal(err)
	}
	var body struct{ Sealed []byte }
	if err := json.Unmarshal([]byte(text), &body); err != nil {
		t.Fatal(err)
	}
	plain, err := ring.Open(seal.Place{Purpose: "invitation", Tenant: tenant, Row: append(id, "person"...)}, body.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	var person struct{ Mobile string }
	if err := json.Unmarshal(plain, &person); err != nil {
		t.Fatal(err)
	}
	if want := ring.BlindIndex(tenant, person.Mobile); !bytes.Equal(index, want[:]) {
		t.Errorf("%s is not found by its index", person.Mobile)
	}
}

func TestFillInvitationsSQLite(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "countersign.db")
	db, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	db.SetMaxIdleConns(0) // nobody else may have it open while it has no log
	migrations(t, db, "sqlite")
	spread(t, db, Database{Driver: "sqlite", Source: path}, "x'?'")
}

func TestFillInvitationsPostgreSQL(t *testing.T) {
	t.Parallel()
	db, url := openPostgres(t)
	migrations(t, db, "postgres")
	exec(t, db, "CREATE TABLE event_all PARTITION OF event DEFAULT")
	spread(t, db, Database{Driver: "pgx", Source: url}, `'\x?'`)
}
