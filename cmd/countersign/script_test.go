package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"countersign": main})
}

// TestScripts runs testdata/*.txtar, which read like a manual of the commands. Beside what testscript has, they use
//
//	exits N PROGRAM [ARG...]          run a program that must end with exit code N
//	eventually TEXT PROGRAM [ARG...]  run it again and again until it fails with TEXT in what it says
//	take VAR FIELD                    set VAR to a field of the JSON object on standard output
//	address VAR                       set VAR to an address on loopback that nobody listens on
//	occupied VAR                      set VAR to an address that is listened on until the script ends
//	ready URL|DIR                     wait until the server at URL, or the development server with its data in DIR, answers
//	inbox VAR DIR RECIPIENT           set VAR to the newest code that the development server sent to RECIPIENT
//	flip FILE TEXT                    change one bit of each TEXT in a file, in its first byte
func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits": exits, "eventually": eventually, "take": take, "address": address, "ready": ready, "inbox": inbox, "flip": flip, "occupied": occupied,
		},
	})
}

// arguments fails the script unless a command of ours was used as it is meant.
func arguments(ts *testscript.TestScript, neg bool, args []string, n int) {
	if neg || len(args) < n {
		ts.Fatalf("wrong use of a command: see TestScripts")
	}
}

// exitCode runs a program.
func exitCode(ts *testscript.TestScript, command []string) int {
	err := ts.Exec(command[0], command[1:]...)
	if e, ok := errors.AsType[*exec.ExitError](err); ok {
		return e.ExitCode()
	}
	ts.Check(err)
	return exitDone
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2)
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := exitCode(ts, args[1:]); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func eventually(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2)
	until(ts, func(context.Context) error {
		if exitCode(ts, args[1:]) == exitDone || !strings.Contains(ts.ReadFile("stderr"), args[0]) {
			return fmt.Errorf("it did not fail with %q", args[0])
		}
		return nil
	})
}

func take(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2)
	var object map[string]any
	ts.Check(json.Unmarshal([]byte(ts.ReadFile("stdout")), &object))
	value, ok := object[args[1]]
	if !ok {
		ts.Fatalf("no field %s", args[1])
	}
	ts.Setenv(args[0], fmt.Sprint(value))
}

func address(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], l.Addr().String())
	ts.Check(l.Close())
}

func occupied(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Setenv(args[0], l.Addr().String())
	ts.Defer(func() { _ = l.Close() })
}

// patience is for a machine that is busy with other tests.
const patience = 30 * time.Second

// until asks again and again, for another process gives no other sign, until try has no error.
func until(ts *testscript.TestScript, try func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	again := time.NewTicker(10 * time.Millisecond)
	defer again.Stop()
	for {
		err := try(ctx)
		if err == nil {
			return
		}
		select {
		case <-ctx.Done():
			ts.Fatalf("after %v: %v", patience, err)
		case <-again.C:
		}
	}
}

// fetch gets a page, decoded into out unless that is nil.
func fetch(ctx context.Context, target string, out any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	answer, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return errors.New(answer.Status)
	}
	if out == nil {
		return nil
	}
	return json.NewDecoder(answer.Body).Decode(out)
}

// devServer is the base URL of the development server with its data in dir.
func devServer(ts *testscript.TestScript, dir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(ts.MkAbs(dir), credentialsFile))
	if err != nil {
		return "", err
	}
	var c struct {
		BaseURL string `json:"base_url"`
	}
	return c.BaseURL, errors.Join(json.Unmarshal(text, &c), err)
}

func ready(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 1)
	until(ts, func(ctx context.Context) error {
		base := args[0]
		if !strings.Contains(base, "://") {
			var err error
			if base, err = devServer(ts, args[0]); err != nil {
				return err
			}
		}
		return fetch(ctx, base+"/readyz", nil)
	})
}

func inbox(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 3)
	base, err := devServer(ts, args[1])
	ts.Check(err)
	until(ts, func(ctx context.Context) error {
		var page struct {
			Messages []struct {
				Code string `json:"code"`
			} `json:"messages"`
		}
		if err := fetch(ctx, base+"/dev/inbox?to="+url.QueryEscape(args[2]), &page); err != nil {
			return err
		}
		if len(page.Messages) == 0 {
			return errors.New("no message")
		}
		ts.Setenv(args[0], page.Messages[0].Code)
		return nil
	})
}

func flip(ts *testscript.TestScript, neg bool, args []string) {
	arguments(ts, neg, args, 2)
	file := ts.MkAbs(args[0])
	data, err := os.ReadFile(file)
	ts.Check(err)
	found := false
	for at := bytes.Index(data, []byte(args[1])); at >= 0; at = bytes.Index(data, []byte(args[1])) {
		data[at] ^= 1
		found = true
	}
	if !found {
		ts.Fatalf("%s has no %q", args[0], args[1])
	}
	ts.Check(os.WriteFile(file, data, 0o600))
}
