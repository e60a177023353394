// Package node_test runs the tests that are written in JavaScript, with node's own test runner, against one server.
package node_test

import (
	"os"
	"os/exec"
	"testing"

	"github.com/countersign/countersign/test/sdk/devserver"
)

func TestTwiliosLibraryForNode(t *testing.T) {
	run(t, "twilio", "twilio.test.js")
}

func TestTheReceiverInTheDocumentForNode(t *testing.T) {
	run(t, "standardwebhooks", "receiver.test.js")
}

// run has a file of tests run, which needs a library.
func run(t *testing.T, library, file string) {
	t.Helper()
	if _, err := os.Stat("node_modules/" + library + "/package.json"); err != nil {
		t.Fatal("the library is not here: `make test` installs it; by hand: npm ci --ignore-scripts in this folder")
	}
	s, err := devserver.Start("../../..")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Stop)
	cmd := exec.CommandContext(t.Context(), "node", "--test", "--test-reporter=spec", file)
	cmd.Env = append(os.Environ(), "CREDENTIALS="+s.File)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	t.Logf("%s", out)
}
