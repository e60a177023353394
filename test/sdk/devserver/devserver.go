// Package devserver builds the server of this tree, starts it in development mode for the tests of one package, and stops it.
package devserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// startTime is how long the server may take until it serves.
const startTime = 30 * time.Second

// Credentials are what the server writes for whoever tries it out.
type Credentials struct {
	BaseURL string `json:"base_url"`
	Tenant  string `json:"tenant"`
	Twilio  struct {
		BaseURL    string `json:"base_url"`
		AccountSID string `json:"account_sid"`
		AuthToken  string `json:"auth_token"`
	} `json:"twilio"`
}

// Server is a running server.
type Server struct {
	Credentials
	File string // that the credentials stand in

	cmd    *exec.Cmd
	dir    string
	data   string
	exited chan struct{}
}

// Start builds the server from the folder root and starts it, with settings of its environment (NAME=value) beside those of this
// process. It serves when Start returns.
func Start(root string, settings ...string) (*Server, error) {
	dir, err := os.MkdirTemp("", "devserver")
	if err != nil {
		return nil, err
	}
	data := filepath.Join(dir, "data")
	s := &Server{dir: dir, data: data, File: filepath.Join(data, "dev-credentials.json"), exited: make(chan struct{})}
	bin := filepath.Join(dir, "countersign")
	build := exec.Command("go", "build", "-C", root, "-trimpath", "-ldflags", "-s -w", "-o", bin, "./cmd/countersign")
	build.Env = append(os.Environ(), "CGO_ENABLED=0") // as make build, so that both share the build cache
	if out, err := build.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("build: %w\n%s", err, out), os.RemoveAll(dir))
	}
	addr, err := freeAddress()
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	s.cmd = exec.Command(bin, "serve", "--dev", "--listen", addr, "--data", data)
	s.cmd.Env = append(os.Environ(), settings...)
	if err := s.cmd.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(dir))
	}
	go func() {
		_ = s.cmd.Wait() // it is told to end, or ready says that it did
		close(s.exited)
	}()
	if err := s.ready("http://" + addr + "/readyz"); err != nil {
		s.Stop()
		return nil, err
	}
	return s, nil
}

// freeAddress is one that was free a moment ago.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// ready waits until the server serves, and reads its credentials.
func (s *Server) ready(url string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTime)
	defer cancel()
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for !answers(ctx, url) {
		select {
		case <-tick.C:
		case <-s.exited:
			return errors.New("the server ended before it served")
		case <-ctx.Done():
			return errors.New("the server does not serve in time")
		}
	}
	text, err := os.ReadFile(s.File)
	if err != nil {
		return err
	}
	return json.Unmarshal(text, &s.Credentials)
}

func answers(ctx context.Context, url string) bool {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// Stop ends the server and removes what it wrote.
func (s *Server) Stop() {
	_ = s.cmd.Process.Signal(os.Interrupt) // it may be gone already
	select {
	case <-s.exited:
	case <-time.After(10 * time.Second):
		_ = s.cmd.Process.Kill()
		<-s.exited
	}
	_ = os.RemoveAll(s.dir) // a folder of its own in the system's temporary one
}
