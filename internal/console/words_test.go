package console_test

import (
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/operator"
)

// noun is what the types of events begin with.
var noun = regexp.MustCompile(`"((?:verification|factor|challenge|entity|invitation|webhook|operator|tenant|key|service|safe_number|subject)\.[a-z_]+)"`)

// TestEveryTypeOfEventHasWords reads the types from the code that writes them. tally counts kinds of its own, which are no types.
func TestEveryTypeOfEventHasWords(t *testing.T) {
	t.Parallel()
	texts := newPages(t).Texts()
	b, _ := auditors(t)
	page := b.as(operator.Owner).get("/console/audit").Body.String()
	seen := map[string]bool{}
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		in := filepath.Base(filepath.Dir(path))
		switch {
		case err != nil || d.IsDir():
			return err
		case !strings.HasSuffix(path, ".go"), strings.HasSuffix(path, "_test.go"), strings.HasSuffix(in, "test"), in == "tally", in == "console", strings.Contains(path, "compat"):
			return nil
		}
		raw, err := os.ReadFile(path)
		for _, m := range noun.FindAllSubmatch(raw, -1) {
			seen[string(m[1])] = true
		}
		return err
	})
	if err != nil || len(seen) < 80 {
		t.Fatalf("%d types are found, %v", len(seen), err)
	}
	for kind := range seen {
		if texts["event_"+strings.ReplaceAll(kind, ".", "_")] == "" {
			t.Errorf("%s has no words", kind)
		}
		if !strings.Contains(page, `value="`+url.QueryEscape(kind)+`"`) {
			t.Errorf("%s can't be looked for in the audit log", kind)
		}
	}
}

// TestEveryFlashHasWords reads from the code what forms say that they did.
func TestEveryFlashHasWords(t *testing.T) {
	t.Parallel()
	texts, said, seen := newPages(t).Texts(), regexp.MustCompile(`Said: "([a-z_]+)"`), 0
	paths, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range said.FindAllSubmatch(raw, -1) {
			if seen++; texts["flash_"+string(m[1])] == "" {
				t.Errorf("%s: %q has no words", path, m[1])
			}
		}
	}
	if seen < 20 {
		t.Errorf("only %d are found", seen)
	}
}
