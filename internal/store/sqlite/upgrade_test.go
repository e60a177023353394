package sqlite_test

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"

	"github.com/countersign/countersign/internal/store/sqlite"
	"github.com/countersign/countersign/internal/store/storetest"
)

func TestSchema_knows_what_removed_services_of_before_have_left(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "before.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	storetest.UpgradeWithLeftovers(t, goose.DialectSQLite3, db)
}

func TestSchema_lists_the_links_of_before(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("sqlite", filepath.Join(t.TempDir(), "before.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	storetest.UpgradeWithLinks(t, goose.DialectSQLite3, db)
}

func TestSchema_keeps_the_lists_of_before(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	e, err := sqlite.Open(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, sqlite.FileName))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	storetest.UpgradeWithLists(t, goose.DialectSQLite3, db, e)
}

func TestSchema_puts_two_invitations_on_a_page(t *testing.T) {
	t.Parallel()
	e := engine(t, t.TempDir())
	defer e.Close()
	const count = 200
	if err := e.Write(t.Context(), func(tx *sql.Tx) error {
		for i := range count {
			if _, err := tx.ExecContext(t.Context(), `INSERT INTO invitation (tenant, id, status, reference, mobile_2fa, due_us, created_us, updated_us, version, body)
				VALUES ($1, $2, 'mobile_verified', 'reference', 1, 1, 1, 1, 1, $3)`, make([]byte, 16), []byte{14: 1, 15: byte(i)}, strings.Repeat("a", 1_800)); err != nil {
				return err
			}
		}
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	var pages int
	if err := e.Reader().QueryRowContext(t.Context(), `SELECT count(*) FROM dbstat WHERE name = 'invitation'`).Scan(&pages); err != nil || pages > count/2+10 {
		t.Errorf("%d invitations take %d pages, %v", count, pages, err)
	}
}
