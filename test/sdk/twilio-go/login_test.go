package twilio_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// TestTheSampleLogsAPersonIn builds the sample and plays the person, who reads the code in the inbox.
func TestTheSampleLogsAPersonIn(t *testing.T) {
	bin := filepath.Join(t.TempDir(), "login")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, "./login").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	env, err := server.Environment()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), bin)
	cmd.Env = append(os.Environ(), env...)
	said, err := server.Login(cmd, number())
	if err != nil || !strings.HasSuffix(said, "Welcome.\n") || strings.Count(said, "The code") != 2 {
		t.Errorf("%v\n%s", err, said)
	}
}
