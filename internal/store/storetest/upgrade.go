package storetest

import (
	"database/sql"
	"fmt"
	"os"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/pressly/goose/v3"
)

// UpgradeWithLinks migrates a database of a dialect from before messages of invitations were kept, with an invitation whose link went out
// by two channels and one that was sent nothing. The two messages are listed.
func UpgradeWithLinks(t *testing.T, dialect goose.Dialect, db *sql.DB) {
	t.Helper()
	p, err := goose.NewProvider(dialect, db, os.DirFS("migrations"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.UpTo(t.Context(), 16); err != nil {
		t.Fatal(err)
	}
	const body = `{"link":{"n":2,"carried":[{"channel":"sms","provider":"main","state":"failed","error":"barred","at":"2031-05-06T12:00:00.25Z"},
		{"channel":"email","state":"sent","at":"2031-05-06T12:00:01Z"}]},"masked":{"mobile":"+1 ••• 123","email":"a•••@b"},"vendor":{"a":"\u0000"}}`
	for i, body := range []string{body, `{"link":{"n":1}}`} {
		if _, err := db.ExecContext(t.Context(), `INSERT INTO invitation (tenant, id, status, reference, mobile_2fa, email_index, phone_index, due_us, created_us,
			updated_us, version, body) VALUES ($1, $2, 'sent', '', $3, $4, $5, 0, 1, 1, 1, $6)`,
			[]byte("tenant"), []byte{0: byte(i + 1), 14: 9, 15: 7}, true, []byte("e-mail"), []byte("phone"), body); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := p.Up(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows, err := db.QueryContext(t.Context(), `SELECT id, invitation, n, channel, kind, masked, contact_index, provider, state, failed, error, created_us
		FROM invitation_message ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var got []string
	for rows.Next() {
		var id, invitation, index []byte
		var channel, kind, masked, provider, state, word string
		var n, at int64
		var failed bool
		if err := rows.Scan(&id, &invitation, &n, &channel, &kind, &masked, &index, &provider, &state, &failed, &word, &at); err != nil {
			t.Fatal(err)
		}
		got = append(got, fmt.Sprint(id[0], id[14], id[15], invitation[15], n, channel, kind, masked, string(index), provider, state, failed, word, at))
	}
	want := []string{
		fmt.Sprint(1, 9, 0, 7, 2, "sms", "invitation", "+1 ••• 123", "phone", "main", "failed", true, "barred", 1935835200250000),
		fmt.Sprint(1, 9, 1, 7, 2, "email", "invitation", "a•••@b", "e-mail", "", "sent", false, "", 1935835201000000),
	}
	if diff := cmp.Diff(want, got); diff != "" || rows.Err() != nil {
		t.Errorf("%v; want -, got +:\n%s", rows.Err(), diff)
	}
}

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
