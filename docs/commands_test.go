// Package docs_test runs the commands that the documents show, so that they stay true.
package docs_test

import (
	"context"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// development builds the server and starts it in development mode as `make run` does, in a folder of its own.
func development(t *testing.T) (dir, addr string) {
	t.Helper()
	dir = t.TempDir()
	bin := filepath.Join(dir, "countersign")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "../cmd/countersign")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr = l.Addr().String()
	_ = l.Close()

	ctx, cancel := context.WithCancel(context.Background())
	server := exec.CommandContext(ctx, bin, "serve", "--dev", "--listen", addr, "--data", ".dev")
	server.Dir = dir
	server.Cancel = func() error { return server.Process.Signal(os.Interrupt) }
	server.WaitDelay = 10 * time.Second
	var log strings.Builder
	server.Stdout, server.Stderr = &log, &log
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		_ = server.Wait() // it was told to end, or the wait below says that it did
		close(ended)
	}()
	t.Cleanup(func() {
		cancel()
		<-ended
		if t.Failed() {
			t.Logf("the server said:\n%s", log.String())
		}
	})
	deadline := time.After(30 * time.Second)
	for !healthy(t.Context(), "http://"+addr+"/readyz") {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-ended:
			t.Fatal("the server ended")
		case <-deadline:
			t.Fatal("the server was not ready after 30 s")
		}
	}
	return dir, addr
}

func healthy(ctx context.Context, url string) bool {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return false
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer resp.Body.Close()
	return resp.StatusCode == http.StatusOK
}

// TestTheFiveCommandsOfTheReadme runs them as a reader would, one after the other in one shell.
func TestTheFiveCommandsOfTheReadme(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)<!-- five-commands:begin -->\n```sh\n(.*?)\n```\n<!-- five-commands:end -->").FindStringSubmatch(string(text))
	if block == nil {
		t.Fatal("README.md has no five commands")
	}
	commands := strings.Split(block[1], "\n")
	if len(commands) != 5 {
		t.Fatalf("README.md has %d commands, want five", len(commands))
	}
	dir, addr := development(t)
	const mark = "=== next"
	script := strings.ReplaceAll(strings.Join(commands, "\necho; echo '"+mark+"'\n"), "127.0.0.1:8080", addr)
	shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	shell.Dir = dir
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	answers := strings.Split(string(out), mark)
	for i, want := range map[int]string{1: `"status":\s*"pending"`, 3: `"valid":\s*true`, 4: `"status":\s*"approved"`} {
		if !regexp.MustCompile(want).MatchString(answers[i]) {
			t.Errorf("command %d, %s\nanswered %s\nwithout %s", i+1, commands[i], answers[i], want)
		}
	}
}
