package countersign_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// modulePath is the server's module; the structure tests speak of packages by their path below it.
const modulePath = "github.com/countersign/countersign"

// A source is one Go file as the structure tests see it.
type source struct {
	file  string // path from the root of the repository
	pkg   string // folder of it: "internal/verify"
	lines int
	ast   *ast.File
	fset  *token.FileSet
}

// test reports whether production never links s: a _test file, or a file of a package that exists for tests.
func (s source) test() bool { return strings.HasSuffix(s.file, "_test.go") || forTests(s.pkg) }

// forTests reports whether a package exists for tests only, as "internal/store/storetest" does.
func forTests(pkg string) bool { return strings.HasSuffix(pkg, "test") }

// at gives the place of n as file:line.
func (s source) at(n ast.Node) string {
	return s.file + ":" + strconv.Itoa(s.fset.Position(n.Pos()).Line)
}

// imports lists the import paths, own packages without the module path.
func (s source) imports() []string {
	var all []string
	for _, i := range s.ast.Imports {
		p, _ := strconv.Unquote(i.Path.Value)
		all = append(all, strings.TrimPrefix(p, modulePath+"/"))
	}
	return all
}

// own reports whether an import path, as imports gives it, is a package of the server.
func own(imported string) bool {
	return strings.HasPrefix(imported, "internal/") || strings.HasPrefix(imported, "cmd/")
}

// parse makes a source from text, as if it stood in the given file.
func parse(t *testing.T, file, text string) source {
	t.Helper()
	fset := token.NewFileSet()
	f, err := parser.ParseFile(fset, file, text, parser.ParseComments|parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	return source{file: file, pkg: path.Dir(file), lines: strings.Count(text, "\n"), ast: f, fset: fset}
}

// tree reads every Go file below the root. Modules of their own are left out unless modules is true.
func tree(t *testing.T, modules bool) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir():
			if p != "." && (strings.HasPrefix(d.Name(), ".") || d.Name() == "testdata" || d.Name() == "node_modules") {
				return filepath.SkipDir
			}
			if _, err := os.Stat(filepath.Join(p, "go.mod")); err == nil && p != "." && !modules {
				return filepath.SkipDir
			}
		case strings.HasSuffix(p, ".go"):
			text, err := os.ReadFile(p)
			if err != nil {
				return err
			}
			all = append(all, parse(t, filepath.ToSlash(p), string(text)))
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// complain fails the test with each fault on a line of its own.
func complain(t *testing.T, faults []string) {
	t.Helper()
	for _, f := range faults {
		t.Error(f)
	}
}
