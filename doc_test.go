package countersign_test

import (
	"fmt"
	"go/ast"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The ceilings. Nine in ten functions are far shorter; what is over one of these wants a seam, or a line in tooLong.
const (
	maxFileLines     = 450
	maxFunctionLines = 60
	minDocumented    = 0.90 // of a package's exported declarations
)

// tooLong lists what may be over a ceiling, each with its reason. An entry that is no longer needed fails the test.
var tooLong = map[string]string{}

// meaningless are names that say nothing about what is inside.
var meaningless = regexp.MustCompile(`^(x|util|utils|helper|helpers|common|misc|shared|models|stuff)$`)

// oversized gives what is over a ceiling, by name ("internal/verify/verify.go" or "internal/verify.Service.Start").
func oversized(files []source) map[string]string {
	over := map[string]string{}
	for _, s := range files {
		if s.test() {
			continue
		}
		if s.lines > maxFileLines {
			over[s.file] = fmt.Sprintf("%s: %d lines, over %d: is there a seam?", s.file, s.lines, maxFileLines)
		}
		for _, d := range s.ast.Decls {
			f, ok := d.(*ast.FuncDecl)
			if !ok {
				continue
			}
			if n := s.fset.Position(f.End()).Line - s.fset.Position(f.Pos()).Line + 1; n > maxFunctionLines {
				over[s.pkg+"."+funcName(f)] = fmt.Sprintf("%s: %s has %d lines, over %d", s.at(f), funcName(f), n, maxFunctionLines)
			}
		}
	}
	return over
}

// funcName is "Name" or "Type.Name".
func funcName(f *ast.FuncDecl) string {
	if t := receiver(f); t != "" {
		return t + "." + f.Name.Name
	}
	return f.Name.Name
}

// receiver is the name of the type that f is a method of, empty for a function.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	t := f.Recv.List[0].Type
	if p, ok := t.(*ast.StarExpr); ok {
		t = p.X
	}
	if g, ok := t.(*ast.IndexExpr); ok {
		t = g.X
	}
	if id, ok := t.(*ast.Ident); ok {
		return id.Name
	}
	return "?"
}

// exported tells of each exported declaration of s whether it has a comment. A group's comment speaks for its members.
func exported(s source) (documented, bare []string) {
	note := func(name *ast.Ident, has bool) {
		switch {
		case !name.IsExported():
		case has:
			documented = append(documented, name.Name)
		default:
			bare = append(bare, fmt.Sprintf("%s: %s has no comment", s.at(name), name.Name))
		}
	}
	for _, d := range s.ast.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			if t := receiver(d); t == "" || ast.IsExported(t) {
				note(d.Name, d.Doc != nil)
			}
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.TypeSpec:
					note(spec.Name, d.Doc != nil || spec.Doc != nil || spec.Comment != nil)
				case *ast.ValueSpec:
					for _, name := range spec.Names {
						note(name, d.Doc != nil || spec.Doc != nil || spec.Comment != nil)
					}
				}
			}
		}
	}
	return documented, bare
}

// undocumented gives the faults of packages: no package doc, or too many exported declarations without a comment.
func undocumented(files []source) (faults []string) {
	docs, has, lacks := map[string]string{}, map[string]int{}, map[string][]string{}
	for _, s := range files {
		if strings.HasSuffix(s.file, "_test.go") {
			continue
		}
		docs[s.pkg] += s.ast.Doc.Text()
		documented, bare := exported(s)
		has[s.pkg] += len(documented)
		lacks[s.pkg] = append(lacks[s.pkg], bare...)
	}
	for _, pkg := range slices.Sorted(maps.Keys(docs)) {
		want := "Package " + path.Base(pkg) + " "
		if strings.HasPrefix(pkg, "cmd/") {
			want = "Command " + path.Base(pkg) + " "
		}
		if !strings.HasPrefix(docs[pkg], want) {
			faults = append(faults, fmt.Sprintf("%s: no package comment that begins %q", pkg, want))
		}
		if all := has[pkg] + len(lacks[pkg]); float64(has[pkg]) < minDocumented*float64(all) {
			faults = append(faults, lacks[pkg]...)
		}
	}
	return faults
}

// idle finds what makes a test say less than it seems: a skip, or a sleep that stands for an event. In a file that uses
// testing/synctest a sleep takes no time and is let through.
func idle(files []source) (faults []string) {
	for _, s := range files {
		if !s.test() {
			continue
		}
		virtual := slices.Contains(s.imports(), "testing/synctest")
		ast.Inspect(s.ast, func(n ast.Node) bool {
			sel, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			x, _ := sel.X.(*ast.Ident)
			switch name := sel.Sel.Name; {
			case x != nil && (x.Name == "t" || x.Name == "tb" || x.Name == "b") && strings.HasPrefix(name, "Skip"):
				faults = append(faults, s.at(n)+": a test is not skipped: what it needs is set up by make test")
			case x != nil && x.Name == "time" && name == "Sleep" && !virtual:
				faults = append(faults, s.at(n)+": a test does not sleep: wait for the event, or use testing/synctest")
			}
			return true
		})
	}
	return faults
}

func TestEveryPackageIsDocumented(t *testing.T) {
	t.Parallel()
	complain(t, undocumented(tree(t, false)))
}

func TestFilesAndFunctionsAreShort(t *testing.T) {
	t.Parallel()
	over := oversized(tree(t, true))
	for _, name := range slices.Sorted(maps.Keys(over)) {
		if tooLong[name] == "" {
			t.Error(over[name])
		}
	}
	for name := range tooLong {
		if over[name] == "" {
			t.Errorf("tooLong names %s, which is not too long any more", name)
		}
	}
}

func TestNamesSayWhatIsInside(t *testing.T) {
	t.Parallel()
	for _, s := range tree(t, true) {
		base := strings.TrimSuffix(strings.TrimSuffix(path.Base(s.file), ".go"), "_test")
		if meaningless.MatchString(base) || meaningless.MatchString(path.Base(s.pkg)) {
			t.Errorf("%s: a name that says nothing", s.file)
		}
	}
}

func TestTestsNeitherSkipNorSleep(t *testing.T) {
	t.Parallel()
	complain(t, idle(tree(t, true)))
}

// TestTheCeilingsHold shows each of the checks above a file that breaks it.
func TestTheCeilingsHold(t *testing.T) {
	t.Parallel()
	long := parse(t, "internal/a/a.go", "package a\nfunc (s *S[T]) F() {"+strings.Repeat("\n", 60)+"}\n"+strings.Repeat("\n", 400))
	if over := oversized([]source{long}); over["internal/a/a.go"] == "" || over["internal/a.S.F"] == "" {
		t.Errorf("oversized found only %v", over)
	}
	bare := parse(t, "internal/b/b.go", "// Package c is another.\npackage b\ntype T int\nconst C = 1\nfunc F() {}\nfunc (T) M() {}\nfunc (t x) N() {}\n")
	if got := undocumented([]source{bare}); len(got) != 5 {
		t.Errorf("undocumented found %q, want the package and four declarations", got)
	}
	whole := parse(t, "internal/b/b.go", "// Package b is one.\npackage b\n// The values.\nconst (\nA = 1\nB = 2 // the second\n)\n")
	complain(t, undocumented([]source{whole}))
	lazy := parse(t, "internal/d/d_test.go", "package d\nvar skip, sleep = t.Skip, time.Sleep\n")
	if got := idle([]source{lazy}); len(got) != 2 {
		t.Errorf("idle found %q, want a skip and a sleep", got)
	}
}

// documents reads every Markdown file of the repository by its path.
func documents(t *testing.T) map[string]string {
	t.Helper()
	docs := map[string]string{}
	for _, pattern := range []string{"*.md", "docs/*.md", "docs/decisions/*.md", "bench/*.md", "packaging/*.md"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			docs[name] = string(text)
		}
	}
	if len(docs) < 10 {
		t.Fatalf("found only %d documents", len(docs))
	}
	return docs
}

var (
	link   = regexp.MustCompile(`\]\(([^)#\s]+)(#[^)\s]*)?\)`)
	target = regexp.MustCompile("(?m)(?:`|^    |^)make ([a-z]+)")
)

func TestLinksInDocumentsLeadSomewhere(t *testing.T) {
	t.Parallel()
	for name, text := range documents(t) {
		for _, m := range link.FindAllStringSubmatch(text, -1) {
			if strings.Contains(m[1], "://") || strings.HasPrefix(m[1], "mailto:") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(name), m[1])); err != nil {
				t.Errorf("%s links to %s, which is not there", name, m[1])
			}
		}
	}
}

func TestDocumentsNameOnlyTargetsOfTheMakefile(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile("Makefile")
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range documents(t) {
		for _, m := range target.FindAllStringSubmatch(text, -1) {
			if !regexp.MustCompile(`(?m)^` + m[1] + `:.*##`).Match(makefile) {
				t.Errorf("%s says make %s, which the Makefile does not print", name, m[1])
			}
		}
	}
}

func TestEveryDocumentIsLinkedFromReadmeOrArchitecture(t *testing.T) {
	t.Parallel()
	docs := documents(t)
	entry := docs["README.md"] + docs["ARCHITECTURE.md"]
	for name := range docs {
		if strings.HasPrefix(name, "docs/") && !strings.HasPrefix(name, "docs/decisions/") && !strings.Contains(entry, "("+name) {
			t.Errorf("%s is linked neither from README.md nor from ARCHITECTURE.md", name)
		}
	}
}

// TestTheMapIsComplete holds ARCHITECTURE.md to the tree: each package that exists stands on its map.
func TestTheMapIsComplete(t *testing.T) {
	t.Parallel()
	text := documents(t)["ARCHITECTURE.md"]
	seen := map[string]bool{}
	for _, s := range tree(t, false) {
		if s.test() || s.ast.Name.Name == "main" || seen[s.pkg] {
			continue
		}
		seen[s.pkg] = true
		if word := "`" + strings.TrimPrefix(s.pkg, "internal/") + "`"; !strings.Contains(text, word) {
			t.Errorf("ARCHITECTURE.md does not name the package %s", word)
		}
	}
}

func TestDecisionsAreNumberedWithoutGaps(t *testing.T) {
	t.Parallel()
	names, err := filepath.Glob("docs/decisions/[0-9]*.md")
	if err != nil {
		t.Fatal(err)
	}
	for i, name := range names { // Glob sorts
		if want := fmt.Sprintf("docs/decisions/%04d-", i+1); !strings.HasPrefix(name, want) {
			t.Errorf("%s stands where %s... is expected", name, want)
		}
	}
}
