// Package postgrestest gives tests a real PostgreSQL: one cluster of its own for each test binary, started when first
// asked for, and a fresh database for each test.
//
// The server binaries must be installed (on Debian the package postgresql; `make test` sees to it). The cluster runs as
// an ordinary user, on a socket in a temporary directory, without syncing: tests kill Countersign, not PostgreSQL.
package postgrestest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/countersign/countersign/internal/store/postgres"
)

// Main runs the tests of a package and stops the cluster afterwards. Every package that calls URL needs it:
//
//	func TestMain(m *testing.M) { postgrestest.Main(m) }
func Main(m *testing.M) {
	code := m.Run()
	one.stop()
	os.Exit(code)
}

var one cluster // a test binary has one; guarded by its once

type cluster struct {
	once    sync.Once
	err     error
	dir     string
	bin     string              // where the server's programs are
	who     *syscall.Credential // whom they run as; nil: us
	process *os.Process
	exited  chan struct{}
	number  atomic.Int64

	migrated    sync.Once
	pattern     string // the name of a database with the newest schema; once migrated is done, as the next
	notMigrated error
}

// URL gives the address of a new, empty database that the test may use as it likes.
func URL(t testing.TB) string {
	t.Helper()
	return one.database(t, "template1")
}

// Migrated is URL with the newest schema, which is made once: each database is a copy.
func Migrated(t testing.TB) string {
	t.Helper()
	one.migrated.Do(func() { one.pattern, one.notMigrated = one.migrate(t) })
	if one.notMigrated != nil {
		t.Fatalf("make the schema: %v", one.notMigrated)
	}
	return one.database(t, one.pattern)
}

// database makes a database that is a copy of another one, and gives its address.
func (c *cluster) database(t testing.TB, pattern string) string {
	t.Helper()
	c.once.Do(func() { c.err = c.start() })
	if c.err != nil {
		t.Fatalf("start PostgreSQL: %v", c.err)
	}
	name := fmt.Sprintf("test_%d", c.number.Add(1))
	c.exec(t, "CREATE DATABASE "+name+" TEMPLATE "+pattern)
	return c.url(name)
}

// migrate makes a database with the newest schema, to which nobody is connected any more, and gives its name.
func (c *cluster) migrate(t testing.TB) (name string, err error) {
	t.Helper()
	url := c.database(t, "template1")
	e, err := postgres.Open(t.Context(), url)
	if err != nil {
		return "", err
	}
	_, err = e.Schema(t.Context(), true)
	cfg, parsed := pgx.ParseConfig(url)
	if err = errors.Join(err, e.Close(), parsed); err != nil {
		return "", err
	}
	return cfg.Database, nil
}

// Cluster is a PostgreSQL of a test's own, which it may stop and start.
type Cluster struct {
	URL string // of an empty database
	Dir string // the data directory

	cluster cluster
}

// Own starts a cluster that no other test uses. It ends with the test.
func Own(t testing.TB) *Cluster {
	t.Helper()
	c := &Cluster{}
	if err := c.cluster.start(); err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	t.Cleanup(c.cluster.stop)
	c.cluster.exec(t, "CREATE DATABASE own")
	c.URL, c.Dir = c.cluster.url("own"), c.cluster.data()
	return c
}

// Crash ends the server at once, as if it had been killed; what it has committed is there again after Start.
func (c *Cluster) Crash() {
	_ = c.cluster.process.Signal(syscall.SIGQUIT) // "immediate shutdown": it may have ended already
	<-c.cluster.exited
}

// Start starts the server again.
func (c *Cluster) Start(t testing.TB) {
	t.Helper()
	if err := c.cluster.up(); err != nil {
		t.Fatalf("start PostgreSQL again: %v", err)
	}
}

func (c *cluster) data() string { return filepath.Join(c.dir, "data") }

func (c *cluster) url(database string) string {
	return fmt.Sprintf("postgres://countersign@/%s?host=%s&port=5432", database, c.dir)
}

func (c *cluster) exec(t testing.TB, text string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), c.url("postgres"))
	if err != nil {
		t.Fatalf("connect: %v", err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), text); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
}

func (c *cluster) start() (err error) {
	if c.bin, err = binaries(); err != nil {
		return err
	}
	if c.dir, err = os.MkdirTemp("", "cspg"); err != nil {
		return err
	}
	if c.who, err = ordinary(c.dir); err != nil {
		return err
	}
	initdb := exec.Command(filepath.Join(c.bin, "initdb"), "-D", c.data(), "-U", "countersign", "-A", "trust", "-N", "-E", "UTF8",
		"--locale=C")
	initdb.SysProcAttr, initdb.Dir = &syscall.SysProcAttr{Credential: c.who}, c.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return c.up()
}

// up starts the server of a cluster that was made.
func (c *cluster) up() error {
	server := exec.Command(filepath.Join(c.bin, "postgres"), "-D", c.data(), "-k", c.dir, "-c", "listen_addresses=",
		"-c", "fsync=off", "-c", "full_page_writes=off", "-c", "max_connections=300", "-c", "shared_buffers=64MB",
		"-c", "log_min_messages=fatal")
	server.SysProcAttr, server.Dir = &syscall.SysProcAttr{Credential: c.who, Pdeathsig: syscall.SIGQUIT}, c.dir
	if err := c.run(server); err != nil {
		return err
	}
	return c.wait()
}

// run starts the server on a thread that lives as long as the process: the death signal is sent when the thread ends.
func (c *cluster) run(server *exec.Cmd) error {
	started := make(chan error)
	c.exited = make(chan struct{})
	go func() {
		runtime.LockOSThread()
		err := server.Start()
		started <- err
		if err == nil {
			_ = server.Wait() // stop sends it a signal, and that is no failure
		}
		close(c.exited)
	}()
	if err := <-started; err != nil {
		return err
	}
	c.process = server.Process
	return nil
}

func (c *cluster) wait() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, c.url("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-ctx.Done():
			return err
		case <-c.exited:
			return errors.New("the server ended at once")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

func (c *cluster) stop() {
	if c.process != nil {
		_ = c.process.Signal(syscall.SIGINT) // fast shutdown; it may have ended already
		<-c.exited
	}
	if c.dir != "" {
		_ = os.RemoveAll(c.dir) // a temporary directory
	}
}

// binaries finds the newest installed server.
func binaries() (string, error) {
	if path, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(path), nil
	}
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/postgres")
	if err != nil || len(found) == 0 {
		return "", errors.New("no PostgreSQL server is installed: install the package postgresql, or run make test as root, which does")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// ordinary gives the directory to a user that PostgreSQL accepts, since it refuses to run as root.
func ordinary(dir string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, errU := strconv.ParseUint(u.Uid, 10, 32)
	gid, errG := strconv.ParseUint(u.Gid, 10, 32)
	if err := errors.Join(errU, errG, os.Chmod(dir, 0o755)); err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, int(uid), int(gid))
}
