// Package python_test runs the tests that are written in Python against one server. The library is Debian's python3-twilio, an
// old version of Twilio's own.
package python_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"testing"

	"github.com/countersign/countersign/test/sdk/devserver"
)

// python is that of the system, whose packages Debian's are.
const python = "/usr/bin/python3"

// least is how many tests there are at least.
const least = 10

// TestTwiliosLibraryForPython has each test as a test of its own.
func TestTwiliosLibraryForPython(t *testing.T) {
	if out, err := exec.CommandContext(t.Context(), python, "-c", "import twilio").CombinedOutput(); err != nil {
		t.Fatalf("the library is not here: `make test` installs it; by hand: apt-get install python3-twilio\n%v\n%s", err, out)
	}
	s, err := devserver.Start("../../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	cmd := exec.CommandContext(t.Context(), python, "-B", "verify_cases.py")
	cmd.Env = append(os.Environ(), "CREDENTIALS="+s.File)
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s%s", err, out, &said)
	}
	n := 0
	for lines := json.NewDecoder(bytes.NewReader(out)); ; n++ {
		var r struct{ Name, Error string }
		if err := lines.Decode(&r); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			t.Fatalf("%v in:\n%s", err, out)
		}
		t.Run(r.Name, func(t *testing.T) {
			if r.Error != "" {
				t.Error(r.Error)
			}
		})
	}
	if n < least {
		t.Errorf("%d tests were run, want at least %d\n%s", n, least, &said)
	}
}
