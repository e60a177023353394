package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// startTime is how long a server may take until it serves, on a machine that does other things too.
const startTime = 30 * time.Second

// server is one process.
type server struct {
	t      testing.TB
	cmd    *exec.Cmd
	log    *serverLog
	base   string        // http://127.0.0.1:port, once it serves
	exited chan struct{} // closed when the process is gone
}

// spawn starts the process and does not wait for it to serve.
func spawn(t testing.TB, config string) *server {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	s := &server{t: t, log: &serverLog{serving: make(chan string, 1)}, exited: make(chan struct{})}
	s.cmd = exec.Command(self)
	s.cmd.Env = append(os.Environ(), childVariable+"="+config)
	s.cmd.Stderr = s.log
	if err := s.cmd.Start(); err != nil {
		t.Fatalf("start a server: %v", err)
	}
	go func() {
		_ = s.cmd.Wait() // how it ended is in ProcessState
		close(s.exited)
	}()
	t.Cleanup(s.kill)
	return s
}

// serves waits until the process listens, and tells whether it came to that.
func (s *server) serves() bool {
	select {
	case address := <-s.log.serving:
		s.base = "http://" + address
		return true
	case <-s.exited:
	case <-time.After(startTime):
	}
	return false
}

// kill ends the process as a power failure would end it, and waits until it is gone. It may be called at any time.
func (s *server) kill() {
	_ = s.cmd.Process.Kill() // it may be gone already
	<-s.exited
}

// stop asks the process to end and gives its exit code.
func (s *server) stop(within time.Duration) int {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil && !errors.Is(err, os.ErrProcessDone) {
		s.t.Fatalf("stop: %v", err)
	}
	return s.exit(within)
}

// exit waits for the end and gives the exit code.
func (s *server) exit(within time.Duration) int {
	s.t.Helper()
	select {
	case <-s.exited:
		return s.cmd.ProcessState.ExitCode()
	case <-time.After(within):
		s.t.Fatalf("the server did not end within %v; its log:\n%s", within, s.log.tail())
		return -1
	}
}

// metrics reads /metrics.
func (s *server) metrics(ctx context.Context) string {
	s.t.Helper()
	a := (&caller{base: func() string { return s.base }, http: plainClient()}).call(ctx, http.MethodGet, "/metrics", "", nil)
	if a.status != http.StatusOK {
		s.t.Fatalf("/metrics: %v", a)
	}
	return string(a.body)
}

// serverLog keeps what a server writes to standard error and notices its address.
type serverLog struct {
	serving chan string

	mu   sync.Mutex
	text bytes.Buffer // under mu
	seen int          // under mu: bytes of text that were looked at for whole lines
}

// Write implements io.Writer.
func (l *serverLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(p)
	for {
		rest := l.text.Bytes()[l.seen:]
		end := bytes.IndexByte(rest, '\n')
		if end < 0 {
			return len(p), nil
		}
		l.seen += end + 1
		l.line(rest[:end])
	}
}

func (l *serverLog) line(text []byte) {
	if !bytes.Contains(text, []byte(`"serving"`)) {
		return
	}
	var line struct{ Msg, Address string }
	if json.Unmarshal(text, &line) == nil && line.Msg == "serving" {
		select {
		case l.serving <- line.Address:
		default: // said once
		}
	}
}

func (l *serverLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// tail is the end of the log, for failures.
func (l *serverLog) tail() string {
	lines := strings.Split(strings.TrimSpace(l.String()), "\n")
	return strings.Join(lines[max(0, len(lines)-20):], "\n")
}
