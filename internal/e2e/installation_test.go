package e2e

import (
	"bytes"
	"context"
	"crypto/rand"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/store/postgres/postgrestest"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// The databases.
const (
	onSQLite   = "sqlite"
	onPostgres = "postgres"
)

// both runs a claim on both databases.
func both(t *testing.T, claim func(t *testing.T, database string)) {
	t.Parallel()
	for _, database := range []string{onSQLite, onPostgres} {
		t.Run(database, func(t *testing.T) {
			t.Parallel()
			claim(t, database)
		})
	}
}

// wide are limits that nobody meets.
const wide = `{recipient: ["256 in 1h"], recipient_new: ["256 in 1h"], wrong_per_client: "256 in 1h", wrong_total: "256 in 1h", ` +
	`client_address: "1000000 in 1h", client_device: "1000000 in 1h", cool_downs: ["0s"]}`

// settings are what a test wants otherwise.
type settings struct {
	limits string // YAML of limits; empty: wide
	wire   bool   // PostgreSQL by way of a wire that the test holds
	url    string // of a database of the test's own; empty: one of the shared cluster
}

// installation is a database with its keys. Its servers come and go.
type installation struct {
	*caller // with the installation's key, to its newest server
	t       testing.TB
	dir     string
	config  string // the file
	cfg     app.Config
	url     string // PostgreSQL, without the wire; empty: SQLite
	wire    *wire
	relay   *relay
	tenant  uid.Tenant
	server  atomic.Pointer[server] // the newest
	servers []*server              // all of them
	numbers atomic.Int64
}

// installApart is install on a database of its own: with PostgreSQL on a cluster that no other test looks into or writes to.
func installApart(t *testing.T, database string) (*installation, *postgrestest.Cluster) {
	t.Helper()
	if database != onPostgres {
		return install(t, database, settings{}), nil
	}
	own := postgrestest.Own(t)
	return install(t, database, settings{url: own.URL}), own
}

// install makes a database with a tenant and a key. No server runs yet.
func install(t testing.TB, database string, want settings) *installation {
	t.Helper()
	in := &installation{t: t, dir: t.TempDir(), relay: newRelay(t)}
	in.caller = &caller{base: func() string { return in.server.Load().base }, http: plainClient()}
	t.Cleanup(in.http.CloseIdleConnections)
	reach := ""
	if database == onPostgres {
		if in.url = want.url; in.url == "" {
			in.url = postgrestest.URL(t)
		}
		if reach = in.url; want.wire {
			in.wire = newWire(t, in.url)
			reach = in.wire.url
		}
	}
	if want.limits == "" {
		want.limits = wide
	}
	in.config = in.write("config.yaml", "data", reach, in.masterKey("master.key"), want.limits)
	in.cfg = load(t, in.config)
	if database == onPostgres {
		if _, err := app.Migrate(t.Context(), in.cfg); err != nil {
			t.Fatalf("migrate: %v", err)
		}
	}
	in.onboard()
	return in
}

// write makes a configuration file.
func (in *installation) write(name, data, database, key, limits string) string {
	in.t.Helper()
	text := fmt.Sprintf(`listen: 127.0.0.1:0
data_dir: %q
database_url: %q
master_key_file: %q
providers:
  - {name: main, type: relay, channels: [sms], url: "%s/send", secret: %q}
egress: {allow: [127.0.0.0/8]}
limits: %s
mta: {address_limit: 1000000 in 1m, account_limit: 1000000 in 1m}
audit: {interval: 1s, checkpoint_file: %q}
`, filepath.Join(in.dir, data), database, key, in.relay.http.URL, relaySecret, limits, filepath.Join(in.dir, "checkpoints"))
	path := filepath.Join(in.dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		in.t.Fatal(err)
	}
	return path
}

// masterKey makes a key file.
func (in *installation) masterKey(name string) string {
	in.t.Helper()
	key := make([]byte, 32)
	_, _ = rand.Read(key) // never fails since Go 1.24
	path := filepath.Join(in.dir, name)
	if err := os.WriteFile(path, []byte(base64.StdEncoding.EncodeToString(key)+"\n"), 0o600); err != nil {
		in.t.Fatal(err)
	}
	return path
}

func load(t testing.TB, file string) app.Config {
	t.Helper()
	cfg, err := app.Load(app.Options{File: file})
	if err != nil {
		t.Fatalf("the configuration: %v", err)
	}
	return cfg
}

// tools runs a command's work on the database, beside the server or without one.
func (in *installation) tools(work func(t *app.Tools) error) {
	in.t.Helper()
	ctx := context.WithoutCancel(in.t.Context())
	tools, err := app.OpenTools(ctx, in.cfg)
	if err != nil {
		in.t.Fatalf("open the database: %v", err)
	}
	if err := work(tools); err != nil {
		in.t.Errorf("work on the database: %v", err)
	}
	if err := tools.Close(); err != nil {
		in.t.Errorf("close the database: %v", err)
	}
}

func (in *installation) onboard() {
	in.tools(func(tools *app.Tools) error {
		by := tenant.Caller{Actor: "test"}
		made, err := tools.Directory.CreateTenant(in.t.Context(), by, "Acme")
		if err != nil {
			return err
		}
		_, secret, err := tools.Directory.CreateKey(in.t.Context(), by, made.ID, tenant.KeyRequest{
			Scopes: []string{tenant.ScopeAll, tenant.ScopeVerifyApprove, tenant.ScopeRecipientShow},
		})
		in.tenant, in.key = made.ID, secret.Reveal()
		return err
	})
}

// up starts a server and waits until it serves.
func (in *installation) up() *server {
	in.t.Helper()
	s := spawn(in.t, in.config)
	if !s.serves() {
		in.t.Fatalf("the server does not serve; its log:\n%s", s.log.tail())
	}
	in.server.Store(s)
	in.servers = append(in.servers, s)
	return s
}

// killAll kills every server that is left.
func (in *installation) killAll() {
	for _, s := range in.servers {
		s.kill()
	}
	in.servers = nil
}

// to names a caller of one certain server.
func (in *installation) to(s *server) *caller {
	return &caller{base: func() string { return s.base }, key: in.key, http: in.http}
}

// number is one that this installation has not seen.
func (in *installation) number() string { return number(int(in.numbers.Add(1))) }

// begin starts a verification of a new number and gives its id and code.
func (in *installation) begin(t testing.TB, more body) (id, code string) {
	t.Helper()
	b := body{"to": in.number()}
	for k, v := range more {
		b[k] = v
	}
	id = in.start(t.Context(), "", b).view(t).ID
	return id, in.relay.code(t, id)
}

// verifyAudit recomputes the log and gives how many events wait for their seal.
func (in *installation) verifyAudit() (pending int64) {
	in.t.Helper()
	in.tools(func(tools *app.Tools) error {
		report, err := tools.VerifyAudit(context.WithoutCancel(in.t.Context()), "", nil)
		if err == nil && !report.OK() {
			err = fmt.Errorf("the audit log does not verify:\n%s", report.String())
		}
		pending = report.Pending
		return err
	})
	return pending
}

// event is what the tests read of an exported one.
type event struct {
	Kind, Type, Object string
	Data               json.RawMessage
}

// events exports the log.
func (in *installation) events() (list []event, text []byte) {
	in.t.Helper()
	var out bytes.Buffer
	in.tools(func(tools *app.Tools) error {
		return tools.ExportAudit(context.WithoutCancel(in.t.Context()), &out, in.tenant, time.Time{}, time.Now().Add(time.Hour))
	})
	for line := range bytes.Lines(out.Bytes()) {
		var e event
		if err := json.Unmarshal(line, &e); err != nil {
			in.t.Fatalf("a line of the export: %v", err)
		}
		if e.Kind == "event" {
			list = append(list, e)
		}
	}
	return list, out.Bytes()
}

// db opens the database beside the server.
func (in *installation) db() *sql.DB {
	in.t.Helper()
	driver, source := "pgx", in.url
	if in.url == "" {
		driver, source = "sqlite", "file:"+in.file()+"?_pragma=busy_timeout(10000)"
	}
	db, err := sql.Open(driver, source)
	if err != nil {
		in.t.Fatal(err)
	}
	db.SetMaxOpenConns(1)
	in.t.Cleanup(func() { _ = db.Close() })
	return db
}

// file is the SQLite database.
func (in *installation) file() string { return filepath.Join(in.cfg.DataDir, "countersign.db") }

// count is the one number that a query gives.
func (in *installation) count(db *sql.DB, query string) (n int) {
	in.t.Helper()
	if err := db.QueryRowContext(context.WithoutCancel(in.t.Context()), query).Scan(&n); err != nil {
		in.t.Fatalf("%s: %v", query, err)
	}
	return n
}

// dump is the database as text: a dump of PostgreSQL, or the files of SQLite with its log.
func (in *installation) dump() []byte {
	in.t.Helper()
	if in.url != "" {
		out, err := exec.Command("pg_dump", "--dbname="+in.url).Output()
		if err != nil {
			in.t.Fatalf("pg_dump: %v", err)
		}
		return out
	}
	files, err := filepath.Glob(in.file() + "*")
	if err != nil || len(files) == 0 {
		in.t.Fatalf("no database files (%v)", err)
	}
	var all []byte
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			in.t.Fatal(err)
		}
		all = append(all, text...)
	}
	return all
}

// moved gives the socket directory of a PostgreSQL address, and the address with another one.
func moved(t testing.TB, address, dir string) (host, other string) {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	host = q.Get("host")
	q.Set("host", dir)
	u.RawQuery = strings.ReplaceAll(q.Encode(), "%2F", "/")
	return host, u.String()
}
