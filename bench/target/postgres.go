package target

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"
	"time"
)

// slowSync is a library that is loaded before libc and makes each fsync and fdatasync take longer.
//
//go:embed preload/slowsync.c
var slowSync []byte

// Postgres starts a PostgreSQL server of its own in dir, on a socket in that folder and on no port, and gives its URL.
// It makes the cluster when dir has none. As root it runs as the user postgres or nobody, since the server refuses root;
// that user must be able to reach dir.
func Postgres(ctx context.Context, dir string, delay time.Duration) (*Process, string, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, "", err
	}
	who, err := unprivileged(dir)
	if err != nil {
		return nil, "", err
	}
	data := filepath.Join(dir, "data")
	run := func(name string, args ...string) *exec.Cmd {
		cmd := exec.Command(filepath.Join(bin, name), args...)
		cmd.Dir = dir
		cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
		return cmd
	}
	if _, err := os.Stat(filepath.Join(data, "PG_VERSION")); err != nil {
		if out, err := run("initdb", "-D", data, "-U", "bench", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync").CombinedOutput(); err != nil {
			return nil, "", fmt.Errorf("initdb: %w\n%s", err, out)
		}
	}
	cmd := run("postgres", "-D", data, "-k", dir, "-c", "listen_addresses=", "-c", "fsync=on", "-c", "synchronous_commit=on",
		"-c", "full_page_writes=on", "-c", "shared_buffers=512MB", "-c", "max_wal_size=4GB", "-c", "max_connections=100")
	if delay > 0 {
		lib, err := compile(ctx, dir)
		if err != nil {
			return nil, "", err
		}
		cmd.Env = append(os.Environ(), "LD_PRELOAD="+lib, "SLOWSYNC_US="+strconv.FormatInt(delay.Microseconds(), 10))
	}
	p, err := start("postgres", cmd, filepath.Join(dir, "postgres.log"), syscall.SIGINT) // SIGINT: the fast shutdown
	if err != nil {
		return nil, "", err
	}
	if err := accepts(ctx, p, filepath.Join(bin, "pg_isready"), dir); err != nil {
		p.Stop()
		return nil, "", err
	}
	return p, "postgres://bench@/postgres?host=" + dir, nil
}

// accepts waits until the server takes connections.
func accepts(ctx context.Context, p *Process, isReady, dir string) error {
	ctx, cancel := context.WithTimeoutCause(ctx, 30*time.Second, errors.New("no connection after 30 s"))
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		if exec.CommandContext(ctx, isReady, "-q", "-h", dir).Run() == nil {
			return nil
		}
		select {
		case <-tick.C:
		case <-p.done:
			return fmt.Errorf("postgres ended; its log is %s", p.log.Name())
		case <-ctx.Done():
			return fmt.Errorf("postgres: %w; its log is %s", context.Cause(ctx), p.log.Name())
		}
	}
}

// postgresBin is the folder of the newest PostgreSQL on this machine.
func postgresBin() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres") // the pattern is well-formed
	if path, err := exec.LookPath("postgres"); err == nil {
		found = append(found, path)
	}
	if len(found) == 0 {
		return "", errors.New("no PostgreSQL server programs; on Debian: apt-get install postgresql")
	}
	return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
}

// version is the number in /usr/lib/postgresql/15/bin/postgres, 0 elsewhere.
func version(path string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path)))) // no number: 0
	return n
}

// unprivileged makes dir for the user that PostgreSQL runs as, and gives that user; nil when we are no root ourselves.
func unprivileged(dir string) (*syscall.Credential, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, int(uid), int(gid))
}

// compile builds the library that slows fsync.
func compile(ctx context.Context, dir string) (string, error) {
	src, lib := filepath.Join(dir, "slowsync.c"), filepath.Join(dir, "slowsync.so")
	if err := os.WriteFile(src, slowSync, 0o644); err != nil {
		return "", err
	}
	if out, err := exec.CommandContext(ctx, "gcc", "-O2", "-shared", "-fPIC", "-o", lib, src, "-ldl").CombinedOutput(); err != nil {
		return "", fmt.Errorf("compile slowsync.c: %w\n%s", err, out)
	}
	return lib, os.Chmod(lib, 0o755)
}
