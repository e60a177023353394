package target

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestPostgresIsDurableAndCanBeSlowed starts the real thing: the figures would mean nothing without its fsyncs.
func TestPostgresIsDurableAndCanBeSlowed(t *testing.T) {
	t.Parallel()
	dir, err := os.MkdirTemp("", "bench") // not t.TempDir: the path of a socket must be short
	if err != nil {
		t.Fatal(err)
	}
	defer os.RemoveAll(dir)
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	const delay = 20 * time.Millisecond
	p, url, err := Postgres(t.Context(), filepath.Join(dir, "pg"), delay)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	psql := func(script string) string {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "psql", "-qAtX", "-v", "ON_ERROR_STOP=1", url)
		cmd.Stdin = strings.NewReader(script)
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("psql: %v\n%s", err, out)
		}
		return strings.TrimSpace(string(out))
	}
	if got := psql("SHOW fsync; SHOW synchronous_commit; SHOW full_page_writes;"); got != "on\non\non" {
		t.Errorf("fsync, synchronous_commit, full_page_writes are %q", got)
	}
	psql("CREATE TABLE t (n int)")
	const commits = 20
	began := time.Now()
	psql(strings.Repeat("INSERT INTO t VALUES (1);\n", commits))
	if took := time.Since(began); took < commits*delay {
		t.Errorf("%d commits took %v, want at least %v each", commits, took, delay)
	}
	if u := p.Usage(); u.Peak < 1<<20 || len(p.tree()) < 3 {
		t.Errorf("usage %+v over %d processes does not look like a database", u, len(p.tree()))
	}
}
