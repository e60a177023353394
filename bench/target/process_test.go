package target

import (
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"
)

func TestCPUTimeIsReadFromTheRightFields(t *testing.T) {
	t.Parallel()
	// proc_pid_stat(5): utime, stime, cutime, cstime are fields 14 to 17; field 2 may hold anything.
	stat := "42 (a b) c) S 1 42 42 0 -1 4194304 100 0 0 0 150 25 20 5 20 0 9 0 1000 0 0"
	if got, want := parseCPU(stat), 2*time.Second; got != want {
		t.Errorf("got %v, want %v", got, want)
	}
	if got := parseCPU("42 (x) S 1"); got != 0 {
		t.Errorf("a short line gives %v, want 0", got)
	}
}

func TestUsageCoversTheWholeTree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	flag := filepath.Join(dir, "busy")
	p, err := start("sh", exec.Command("sh", "-c", `sh -c 'i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done; touch `+flag+`; exec sleep 60' & wait`),
		filepath.Join(dir, "log"), syscall.SIGTERM)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		for _, pid := range p.tree() {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		p.Stop()
	}()
	for deadline := time.Now().Add(30 * time.Second); ; {
		if _, err := os.Stat(flag); err == nil {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the child did not finish its work")
		}
		<-time.After(5 * time.Millisecond)
	}
	if n := len(p.tree()); n < 2 {
		t.Errorf("the tree has %d processes, want the shell and its child", n)
	}
	if u := p.Usage(); u.CPU < 20*time.Millisecond || u.Peak < 100<<10 {
		t.Errorf("usage %+v does not include the child", u)
	}
	if u := (*Process)(nil).Usage(); u != (Usage{}) {
		t.Errorf("no process used %+v", u)
	}
}

func TestAProcessThatEndsEarlyIsToldWithItsLog(t *testing.T) {
	t.Parallel()
	log := filepath.Join(t.TempDir(), "log")
	p, err := start("false", exec.Command("false"), log, syscall.SIGTERM)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Stop()
	if _, err := ready(t.Context(), p, "http://127.0.0.1:1/readyz", 10*time.Second); err == nil {
		t.Error("want an error")
	}
}
