package store_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/postgres"
	"github.com/countersign/countersign/internal/store/postgres/postgrestest"
	"github.com/countersign/countersign/internal/store/sqlite"
	"github.com/countersign/countersign/internal/uid"
)

func TestMain(m *testing.M) { postgrestest.Main(m) }

// files gives the production files of the store and its engines.
func files(t *testing.T) map[string]*ast.File {
	t.Helper()
	parsed := map[string]*ast.File{}
	for _, dir := range []string{".", "sqlite", "postgres"} {
		names, err := filepath.Glob(filepath.Join(dir, "*.go"))
		if err != nil || len(names) == 0 {
			t.Fatalf("files of %s: %v %v", dir, names, err)
		}
		for _, name := range names {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			f, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatalf("parse: %v", err)
			}
			parsed[name] = f
		}
	}
	return parsed
}

// texts gives every string constant of those files, and the migrations.
func texts(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for name, f := range files(t) {
		ast.Inspect(f, func(n ast.Node) bool {
			if lit, ok := n.(*ast.BasicLit); ok && lit.Kind == token.STRING {
				s, err := strconv.Unquote(lit.Value)
				if err != nil {
					t.Errorf("%s: %v", name, err)
				}
				found[name] = append(found[name], s)
			}
			return true
		})
	}
	migrations, err := filepath.Glob("*/migrations/*.sql")
	if err != nil || len(migrations) < 2 {
		t.Fatalf("migrations: %v %v", migrations, err)
	}
	for _, name := range migrations {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		found[name] = []string{string(b)}
	}
	return found
}

// What not every engine that speaks the protocol of PostgreSQL has, or has with another meaning.
var unportable = regexp.MustCompile(`(?i)nextval|sequence|\b(small|big)?serial\b|autoincrement|as\s+identity|\btrigger\b|\bextension\b|` +
	`\btemp(orary)?\s+(table|view)|advisory|\blisten\s|\bnotify\b|skip\s+locked|\bnowait\b|default\s+partition`)

func TestStatements_use_nothing_that_a_distributed_engine_lacks(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"select nextval('a')", "CREATE TRIGGER a", "CREATE TEMP TABLE a", "pg_advisory_lock(1)", "LISTEN a",
		"FOR UPDATE SKIP LOCKED", "id bigserial", "GENERATED ALWAYS AS IDENTITY"} {
		if !unportable.MatchString(bad) {
			t.Errorf("%q passes", bad)
		}
	}
	statements := 0
	comments := regexp.MustCompile(`--.*`)
	for name, list := range texts(t) {
		for _, text := range list {
			statements += strings.Count(text, "SELECT ") + strings.Count(text, "INSERT ") + strings.Count(text, "UPDATE ")
			if found := unportable.FindString(comments.ReplaceAllString(text, "")); found != "" {
				t.Errorf("%s uses %q: %.80s", name, found, text)
			}
		}
	}
	if statements < 100 {
		t.Errorf("only %d statements were looked at", statements)
	}
}

func TestHot_statements_are_all_known_to_these_tests(t *testing.T) {
	t.Parallel()
	var declared []string
	for _, f := range files(t) {
		ast.Inspect(f, func(n ast.Node) bool {
			spec, ok := n.(*ast.ValueSpec)
			if !ok || len(spec.Values) != 1 {
				return true
			}
			if u, ok := spec.Values[0].(*ast.UnaryExpr); ok {
				if lit, ok := u.X.(*ast.CompositeLit); ok && fmt.Sprint(lit.Type) == "Hot" {
					declared = append(declared, spec.Names[0].Name)
				}
			}
			return true
		})
	}
	slices.Sort(declared)
	if diff := cmp.Diff(declared, slices.Sorted(maps.Keys(store.HotStatements()))); diff != "" {
		t.Errorf("declared -, known +:\n%s", diff)
	}
}

func TestHot_statements_name_their_bucket(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile(`(?s)^INSERT INTO \w+ \(bucket,|WHERE \w+\.bucket = u\.bucket|ON \w+\.bucket = u\.bucket`)
	for name, hot := range store.HotStatements() {
		if name == "putToken" { // one small row for each lane of each node, wherever it lies
			continue
		}
		if !named.MatchString(hot.Postgres) {
			t.Errorf("%s: the shard can't be told from it", name)
		}
		for _, join := range regexp.MustCompile(`JOIN (\w+) (\w+) ON`).FindAllStringSubmatch(hot.Postgres, -1) {
			if !strings.Contains(hot.Postgres, "ON "+join[2]+".bucket = ") {
				t.Errorf("%s joins %s without its bucket", name, join[1])
			}
		}
	}
}

// value is an argument of a kind as an SQL literal, for an id of today.
func value(k store.Kind, id uid.ID) string {
	return map[store.Kind]string{
		store.Int: "1", store.Text: "'a'", store.Bytes: `'\x` + id.Hex() + `'::bytea`, store.Bool: "true",
	}[k]
}

var arrays = map[store.Kind]string{store.Int: "bigint[]", store.Text: "text[]", store.Bytes: "bytea[]", store.Bool: "boolean[]"}

// generic runs a hot statement on the connection of a batch, as the committer does, and gives the plan that the server
// keeps for it, with what of it was run.
func generic(t *testing.T, e store.Engine, name string, hot *store.Hot) (plan []string) {
	t.Helper()
	b, err := e.Begin(t.Context(), 0)
	if err != nil {
		t.Fatalf("begin: %v", err)
	}
	defer b.Rollback()
	id := uid.New(time.Now(), 1)
	types, values := make([]string, len(hot.Kinds)), make([]string, len(hot.Kinds))
	for i, k := range hot.Kinds {
		types[i], values[i] = arrays[k], "ARRAY["+value(k, id)+"]"
	}
	step := func(text string, scan func(func(...any) error) error) store.Step {
		return store.Step{Stmt: &store.Hot{Postgres: text}, Rows: [][]any{{}}, Scan: scan}
	}
	err = b.Run(t.Context(), step(fmt.Sprintf(`PREPARE p (%s) AS %s`, strings.Join(types, ","), hot.Postgres), nil),
		step(`EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) EXECUTE p (`+strings.Join(values, ",")+`)`, func(scan func(...any) error) error {
			var line string
			err := scan(&line)
			plan = append(plan, line)
			return err
		}), step(`DEALLOCATE p`, nil))
	if err != nil {
		t.Errorf("%s: %v", name, err)
	}
	return plan
}

var (
	indexUsed   = regexp.MustCompile(`Index (?:Only )?Scan (?:Backward )?using (\w+) on (\w+)`)
	indexLooked = regexp.MustCompile(`Index Scan on (\w+)`) // of a bitmap
	dayOf       = regexp.MustCompile(`_\d{8}.*`)
)

// The work of a start and of a check must not grow with what has been: every row is found by its key, in one partition.
func TestHot_statements_on_PostgreSQL_find_rows_by_key_in_one_partition(t *testing.T) {
	t.Parallel()
	e, err := postgres.Open(t.Context(), postgrestest.Migrated(t))
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer e.Close()
	for name, hot := range store.HotStatements() {
		plan := generic(t, e, name, hot)
		if strings.Contains(strings.Join(plan, "\n"), "Seq Scan") {
			t.Errorf("%s reads a whole table:\n%s", name, strings.Join(plan, "\n"))
		}
		run := map[string]int{}
		for _, line := range plan {
			if m := indexLooked.FindStringSubmatch(line); m != nil && !strings.HasSuffix(m[1], "_pkey") {
				t.Errorf("%s uses the index %s", name, m[1])
			}
			m := indexUsed.FindStringSubmatch(line)
			if m == nil {
				continue
			}
			if !strings.HasSuffix(m[1], "_pkey") {
				t.Errorf("%s uses the index %s", name, m[1])
			}
			if !strings.Contains(line, "never executed") {
				run[dayOf.ReplaceAllString(m[2], "")]++
			}
		}
		for table, n := range run {
			if n > 1 {
				t.Errorf("%s looks into %d partitions of %s for one row:\n%s", name, n, table, strings.Join(plan, "\n"))
			}
		}
	}
}

func TestHot_statements_on_SQLite_find_rows_by_key(t *testing.T) {
	t.Parallel()
	e, err := sqlite.Open(t.Context(), t.TempDir())
	if err != nil {
		t.Fatalf("open: %v", err)
	}
	defer e.Close()
	if _, err := e.Schema(t.Context(), true); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	// The rows that were handed in are gone through; those of tables are searched for, by their key.
	fine := regexp.MustCompile(`^SCAN (u|\d+ CONSTANT ROWS?|\d+-ROW VALUES CLAUSE)$|^(CO-ROUTINE|MATERIALIZE) u$|^SEARCH \w+ USING PRIMARY KEY|^COMPOUND QUERY$|` +
		`^LEFT-MOST SUBQUERY$|^UNION ALL$|^SCAN CONSTANT ROW$`)
	for name, hot := range store.HotStatements() {
		if hot.SQLite == "" {
			continue
		}
		tuple := "(" + strings.Repeat("?, ", len(hot.Kinds)-1) + "?)"
		for _, n := range []int{1, 64} {
			text := strings.Replace(hot.SQLite, "{rows}", strings.Repeat(tuple+", ", n-1)+tuple, 1)
			args := make([]any, strings.Count(text, "?"))
			for i := range args {
				args[i] = 1
			}
			rows, err := e.Reader().QueryContext(t.Context(), `EXPLAIN QUERY PLAN `+text, args...)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			for rows.Next() {
				var id, parent, unused int
				var line string
				if err := rows.Scan(&id, &parent, &unused, &line); err != nil {
					t.Errorf("%s: %v", name, err)
				}
				if !fine.MatchString(line) {
					t.Errorf("%s, %d rows: %s", name, n, line)
				}
			}
			if err := rows.Err(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}
