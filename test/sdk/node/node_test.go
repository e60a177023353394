// Package node_test runs the tests that are written in JavaScript, with node's own test runner, against one server.
package node_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/countersign/countersign/test/sdk/devserver"
)

// result is what report.js tells of one test.
type result struct {
	File    string `json:"file"`
	Name    string `json:"name"`
	Passed  bool   `json:"passed"`
	Skipped bool   `json:"skipped"`
	Error   string `json:"error"`
}

// start starts a server for one test.
func start(t *testing.T) *devserver.Server {
	t.Helper()
	if _, err := os.Stat("node_modules/twilio/package.json"); err != nil {
		t.Fatal("the library is not here: `make test` installs it; by hand: npm ci --ignore-scripts in this folder")
	}
	s, err := devserver.Start("../../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	return s
}

// TestTwiliosLibraryForNode has each test of each file as a test of its own.
func TestTwiliosLibraryForNode(t *testing.T) {
	files, err := filepath.Glob("*.test.js")
	if err != nil || len(files) == 0 {
		t.Fatal("no tests here", err)
	}
	s := start(t)
	key, err := s.KeySID()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", append([]string{"--test", "--test-reporter=./report.js"}, files...)...)
	cmd.Env = append(os.Environ(), "CREDENTIALS="+s.File, "KEY_SID="+key)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, failed := cmd.Output() // the tests below say which
	byFile := map[string][]result{}
	for lines := json.NewDecoder(bytes.NewReader(out)); ; {
		var r result
		err := lines.Decode(&r)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatalf("%v in what report.js wrote:\n%s%s", err, out, &said)
		}
		byFile[r.File] = append(byFile[r.File], r)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(file, ".test.js"), func(t *testing.T) {
			if len(byFile[file]) == 0 {
				t.Error("no test of this file was run")
			}
			for _, r := range byFile[file] {
				t.Run(r.Name, func(t *testing.T) { told(t, r) })
			}
		})
	}
	if failed != nil && !t.Failed() {
		t.Errorf("%v\n%s%s", failed, out, &said)
	}
}

// told is the outcome of one test.
func told(t *testing.T, r result) {
	switch {
	case r.Skipped:
		t.Error("it was skipped")
	case !r.Passed:
		t.Error(r.Error)
	}
}

// TestTheSampleLogsAPersonIn plays the person, who reads the code in the inbox.
func TestTheSampleLogsAPersonIn(t *testing.T) {
	s := start(t)
	env, err := s.Environment()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "node", "login/login.js")
	cmd.Env = append(os.Environ(), env...)
	said, err := s.Login(cmd, "+447700900999")
	if err != nil || !strings.HasSuffix(said, "Welcome.\n") || !strings.Contains(said, "That was not it.") {
		t.Errorf("%v\n%s", err, said)
	}
}
