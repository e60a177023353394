package docs_test

import (
	"net"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

// hostedSession runs the session of compat-idenfy.md as it stands there, with a free port for the receiver.
func hostedSession(t *testing.T, dir, addr string) {
	text, err := os.ReadFile("compat-idenfy.md")
	if err != nil {
		t.Fatal(err)
	}
	block := regexp.MustCompile("(?s)```bash\n(.*?)```").FindSubmatch(text)
	if block == nil {
		t.Fatal("compat-idenfy.md shows no session")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	hook := l.Addr().String()
	_ = l.Close()
	script := strings.NewReplacer("127.0.0.1:8080", addr, "127.0.0.1:9001", hook, `("127.0.0.1", 9001)`, `("127.0.0.1", `+hook[strings.LastIndexByte(hook, ':')+1:]+`)`).
		Replace(string(block[1]))
	shell := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	shell.Dir = dir
	out, err := shell.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	want := regexp.MustCompile(`(?s)"message":"Token created successfully".*` +
		`<h1>What is your mobile number\?\n<h1>Enter your code\n([0-9]{4})\n<h1>You are done\n` +
		`\{"final":true,.*"overall":"APPROVED".*"phoneVerification":\{"phone":"\+12025550163","phoneVerified":true\}.*\}` +
		`([0-9a-f]{64})\n([0-9a-f]{64})\n.*"status":"APPROVED"`)
	got := want.FindSubmatch(out)
	if got == nil || string(got[2]) != string(got[3]) {
		t.Errorf("the session went\n%s", out)
	}
}
