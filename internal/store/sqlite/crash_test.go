package sqlite_test

import (
	"bufio"
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/store"
	"github.com/countersign/countersign/internal/store/sqlite"
	"github.com/countersign/countersign/internal/store/storetest"
	"github.com/countersign/countersign/internal/uid"
)

// victim, when set, makes the test binary a process that starts verifications in the database of that directory and
// prints the id of each when it was acknowledged, until it is killed.
const victim = "COUNTERSIGN_TEST_VICTIM"

func TestMain(m *testing.M) {
	dir := os.Getenv(victim)
	if dir == "" {
		os.Exit(m.Run())
	}
	e, err := sqlite.Open(context.Background(), dir)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	db := store.New(store.Config{}, e, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	go db.Run(context.Background())
	storetest.Parallel(16, func(int) {
		var l storetest.Ledger
		for {
			id, err := l.Start(db)
			if err != nil {
				fmt.Fprintln(os.Stderr, err)
				os.Exit(1)
			}
			fmt.Println(id.Hex()) // one write
		}
	})
}

// A process is stopped between two instructions and its files are copied as they are then, as after a power cut.
func TestA_database_that_was_cut_off_at_any_moment_is_whole_and_holds_what_was_acknowledged(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := engine(t, dir).Close(); err != nil {
		t.Fatal(err)
	}
	c := exec.Command(os.Args[0])
	c.Env, c.Stderr = append(os.Environ(), victim+"="+dir), os.Stderr
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	defer c.Wait()
	defer c.Process.Kill()
	acknowledged, lines := map[uid.ID]bool{}, bufio.NewScanner(out)
	const cuts = 6
	for cut := range cuts {
		for range 20 + 37*cut {
			if !lines.Scan() {
				t.Fatalf("the process ended: %v", lines.Err())
			}
			id, err := hex.DecodeString(lines.Text())
			if err != nil {
				t.Fatal(err)
			}
			acknowledged[uid.ID(id)] = true
		}
		signal(t, c.Process.Pid, syscall.SIGSTOP)
		copied := t.TempDir()
		for _, suffix := range []string{"", "-wal"} { // the -shm file does not outlive a power cut
			b, err := os.ReadFile(filepath.Join(dir, sqlite.FileName+suffix))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(copied, sqlite.FileName+suffix), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := c.Process.Signal(syscall.SIGCONT); err != nil {
			t.Fatal(err)
		}
		e := engine(t, copied)
		if verdict := pragma(t, e, "integrity_check"); verdict != "ok" {
			t.Error(verdict)
		}
		there := storetest.Whole(t, e)
		for id := range acknowledged {
			if _, found := there[id]; !found {
				t.Errorf("cut %d: %s was acknowledged and is not there", cut, id)
			}
		}
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	}
	t.Logf("%d cuts, %d acknowledged, lost 0", cuts, len(acknowledged))
}

// signal stops the process and waits until it stands still.
func signal(t *testing.T, pid int, s syscall.Signal) {
	t.Helper()
	if err := syscall.Kill(pid, s); err != nil {
		t.Fatal(err)
	}
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("stop: %v %v", status, err)
	}
}
