package postgres_test

import (
	"database/sql"
	"testing"

	"github.com/pressly/goose/v3"

	"github.com/countersign/countersign/internal/store/postgres"
	"github.com/countersign/countersign/internal/store/postgres/postgrestest"
	"github.com/countersign/countersign/internal/store/storetest"
)

func TestSchema_knows_what_removed_services_of_before_have_left(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("pgx", postgrestest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	storetest.UpgradeWithLeftovers(t, goose.DialectPostgres, db)
}

func TestSchema_lists_the_links_of_before(t *testing.T) {
	t.Parallel()
	db, err := sql.Open("pgx", postgrestest.URL(t))
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	storetest.UpgradeWithLinks(t, goose.DialectPostgres, db)
}

func TestSchema_keeps_the_lists_of_before(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	e, err := postgres.Open(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	storetest.UpgradeWithLists(t, goose.DialectPostgres, db, e)
}
