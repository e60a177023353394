package storetest

import (
	"database/sql"
	"os"
	"testing"

	"github.com/pressly/goose/v3"
)

// UpgradeWithLeftovers migrates an empty database of a dialect from before removed services were known, with an entity of one
// that is gone and one of a service that is there. The first service is to be swept, and what was there counts from nothing.
func UpgradeWithLeftovers(t *testing.T, dialect goose.Dialect, db *sql.DB) {
	t.Helper()
	p, err := goose.NewProvider(dialect, db, os.DirFS("migrations"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 5); err != nil {
		t.Fatal(err)
	}
	gone, there := []byte("service of before"), []byte("service of today")
	for _, row := range []struct {
		text string
		args []any
	}{
		{`INSERT INTO service (tenant, id, name, is_default, profile, created_us, updated_us, version) VALUES ($1, $2, 'default', $3, '{}', 1, 1, 1)`,
			[]any{[]byte("tenant"), there, true}},
		{`INSERT INTO entity (tenant, id, service, identity, created_us, updated_us) VALUES ($1, $2, $3, 'ident-0001', 1, 1)`,
			[]any{[]byte("tenant"), []byte("1"), gone}},
		{`INSERT INTO entity (tenant, id, service, identity, created_us, updated_us) VALUES ($1, $2, $3, 'ident-0002', 1, 1)`,
			[]any{[]byte("tenant"), []byte("2"), gone}},
		{`INSERT INTO entity (tenant, id, service, identity, created_us, updated_us) VALUES ($1, $2, $3, 'ident-0001', 1, 1)`,
			[]any{[]byte("tenant"), []byte("3"), there}},
	} {
		if _, err := db.ExecContext(t.Context(), row.text, row.args...); err != nil {
			t.Fatalf("%s: %v", row.text, err)
		}
	}
	if _, err := p.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	var services, counted int
	var id []byte
	if err := db.QueryRowContext(t.Context(), `SELECT id, (SELECT count(*) FROM removed_service) FROM removed_service`).Scan(&id, &services); err != nil || services != 1 || string(id) != string(gone) {
		t.Errorf("%d removed services are known, one is %q, %v", services, id, err)
	}
	if err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM entity WHERE enrolled = 0`).Scan(&counted); err != nil || counted != 3 {
		t.Errorf("%d entities count from nothing, %v", counted, err)
	}
}
