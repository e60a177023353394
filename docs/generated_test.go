package docs_test

import (
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/tenant/tenanttest"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/webhook"
)

//go:generate go test -run ^TestSEC_22_|^TestTheListOfRules|^TestTheListOfEvents|^TestRoleMatrix . -update

var update = flag.Bool("update", false, "rewrite the generated parts of the documents")

// region compares what stands between <!-- name:begin --> and <!-- name:end --> in a document with want.
func region(t *testing.T, document, name, want string) {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	begin, end := "<!-- "+name+":begin -->\n", "<!-- "+name+":end -->"
	before, rest, ok := strings.Cut(string(text), begin)
	got, after, closed := strings.Cut(rest, end)
	if !ok || !closed {
		t.Fatalf("%s lacks %s", document, strings.TrimSpace(begin)+" and "+end)
	}
	if *update {
		if err := os.WriteFile(document, []byte(before+begin+want+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s is not what the code says: run go generate ./docs (-want +got)\n%s", document, diff)
	}
}

// TestSEC_22_the_table_of_limits_is_what_the_code_says compares it with the figures of a new tenant and its first service.
// It is not parallel: with -update it writes the document that the list of rules is in too.
func TestSEC_22_the_table_of_limits_is_what_the_code_says(t *testing.T) {
	region(t, "security.md", "limits", limitTable(verify.LimitTable(tenant.DefaultLimits(), firstService(t))))
}

// firstService is the profile that every new tenant has.
func firstService(t *testing.T) tenant.Service {
	t.Helper()
	d, err := tenant.New(tenant.Config{
		Hash: func(string) [32]byte { return [32]byte{} }, Once: tenanttest.Ring(t).Once, Showable: delivery.Showable,
		Channels: []string{"sms"}, Limits: tenant.DefaultLimits(), Log: slog.New(slog.DiscardHandler), Registry: prometheus.NewRegistry(),
	}, new(tenanttest.Memory))
	if err != nil {
		t.Fatal(err)
	}
	made, err := d.CreateTenant(t.Context(), tenant.Caller{Actor: "command"}, "Acme")
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.Service(t.Context(), made.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// surfaces are those that exist, each with a column of its own.
var surfaces = []string{"native"}

func limitTable(rows []verify.Row) string {
	var b strings.Builder
	titles := []string{"Limit"}
	for _, s := range surfaces {
		titles = append(titles, "Figure, "+s)
	}
	titles = append(titles, "Counted by", "Beyond it", "Why a stranger can't shut the owner out")
	b.WriteString("| " + strings.Join(titles, " | ") + " |\n|" + strings.Repeat(" --- |", len(titles)) + "\n")
	for _, r := range rows {
		cells := []string{r.Limit}
		for _, s := range surfaces {
			figure := "none"
			if r.Surfaces == "all" || slices.Contains(regexp.MustCompile(`\w+`).FindAllString(r.Surfaces, -1), s) {
				figure = r.Figure
			}
			cells = append(cells, figure)
		}
		cells = append(cells, r.Counted, r.Answer, r.Lockout)
		b.WriteString("| " + strings.Join(cells, " | ") + " |\n")
	}
	return b.String()
}

// TestTheListOfEventsIsWhatTheCodeSays lists the events that webhooks get.
func TestTheListOfEventsIsWhatTheCodeSays(t *testing.T) {
	var b strings.Builder
	b.WriteString("| Type | Means | Detail |\n| --- | --- | --- |\n")
	for _, kind := range webhook.Types() {
		detail := ""
		if kind.Detail {
			detail = "yes"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", kind.Name, kind.Means, detail)
	}
	region(t, "events.md", "events", b.String())
}

// TestRoleMatrix_of_the_manual_is_what_the_code_says prints who may do what, and the events of operators.
func TestRoleMatrix_of_the_manual_is_what_the_code_says(t *testing.T) {
	var b, rule strings.Builder
	b.WriteString("| To |")
	for _, r := range operator.Roles() {
		fmt.Fprintf(&b, " %s |", r)
		rule.WriteString(" --- |")
	}
	b.WriteString("\n| --- |" + rule.String() + "\n")
	for _, act := range operator.Acts() {
		fmt.Fprintf(&b, "| %s |", act.Means())
		for _, r := range operator.Roles() {
			if r.May(act) {
				b.WriteString(" yes |")
			} else {
				b.WriteString(" |")
			}
		}
		b.WriteString("\n")
	}
	region(t, "console.md", "roles", b.String())
	b.Reset()
	b.WriteString("| Type | Means |\n| --- | --- |\n")
	for _, e := range operator.EventTypes() {
		fmt.Fprintf(&b, "| `%s` | %s |\n", e.Name, e.Means)
	}
	region(t, "console.md", "operator-events", b.String())
}

var ruleTest = regexp.MustCompile(`^Test(SEC|SP)((?:_A?[0-9]+)+)_`)

// TestTheListOfRulesIsWhatTheTestsSay lists the numbered rules that tests carry in their names, with the packages where
// these stand. Not parallel, as the one above.
func TestTheListOfRulesIsWhatTheTestsSay(t *testing.T) {
	where := map[string][]string{}
	for _, found := range tests(t) {
		m := ruleTest.FindStringSubmatch(found.name)
		if m == nil {
			continue
		}
		for n := range strings.SplitSeq(m[2][1:], "_") {
			rule := m[1] + "-" + n
			where[rule] = append(where[rule], "`"+strings.TrimPrefix(found.pkg, "internal/")+"`")
		}
	}
	var b strings.Builder
	b.WriteString("| Rule | Tested in |\n| --- | --- |\n")
	for _, rule := range slices.SortedFunc(maps.Keys(where), byNumber) {
		slices.Sort(where[rule])
		fmt.Fprintf(&b, "| %s | %s |\n", rule, strings.Join(slices.Compact(where[rule]), ", "))
	}
	region(t, "security.md", "rules", b.String())
}

// byNumber puts SEC-9 before SEC-10.
func byNumber(a, b string) int {
	kindA, textA, _ := strings.Cut(a, "-")
	kindB, textB, _ := strings.Cut(b, "-")
	numberA, _ := strconv.Atoi(textA) // digits by the pattern, or an A and digits, which come first
	numberB, _ := strconv.Atoi(textB)
	switch {
	case kindA != kindB:
		return strings.Compare(kindA, kindB)
	case numberA != numberB:
		return numberA - numberB
	}
	return strings.Compare(textA, textB)
}

// TestEveryTestThatADocumentNamesExists is for claims whose proof was renamed or removed.
func TestEveryTestThatADocumentNamesExists(t *testing.T) {
	t.Parallel()
	names := map[string]bool{}
	for _, found := range tests(t) {
		names[found.name] = true
	}
	cited := 0
	for _, pattern := range []string{"../*.md", "*.md", "decisions/*.md"} {
		documents, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, document := range documents {
			text, err := os.ReadFile(document)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range regexp.MustCompile("`(Test[A-Za-z0-9_]+)`").FindAllStringSubmatch(string(text), -1) {
				if cited++; !names[m[1]] {
					t.Errorf("%s names %s, which is no test", document, m[1])
				}
			}
		}
	}
	if cited < 20 {
		t.Errorf("the documents name %d tests only", cited)
	}
}

// TestTheMetricsOfTheManualAreThoseOfTheCode compares both ways.
func TestTheMetricsOfTheManualAreThoseOfTheCode(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`countersign_[a-z_]*[a-z]\b`)
	manual, err := os.ReadFile("operate.md")
	if err != nil {
		t.Fatal(err)
	}
	listed := map[string]bool{}
	for _, n := range name.FindAllString(string(manual), -1) {
		listed[n] = true
	}
	coded := map[string]bool{}
	files(t, func(file string, text []byte) {
		if strings.HasSuffix(file, "_test.go") {
			return
		}
		for _, m := range regexp.MustCompile(`Name: +"(countersign_[a-z_]+)"|gauge\("(countersign_[a-z_]+)"`).FindAllStringSubmatch(string(text), -1) {
			coded[m[1]+m[2]] = true
		}
	})
	if diff := cmp.Diff(slices.Sorted(maps.Keys(coded)), slices.Sorted(maps.Keys(listed))); diff != "" {
		t.Errorf("operate.md and the code differ (-code +manual):\n%s", diff)
	}
}

// TestTheConfigurationOfTheManualIsGood loads the example of operate.md.
func TestTheConfigurationOfTheManualIsGood(t *testing.T) {
	t.Parallel()
	manual, err := os.ReadFile("operate.md")
	if err != nil {
		t.Fatal(err)
	}
	example := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindStringSubmatch(string(manual))
	if example == nil {
		t.Fatal("operate.md has no example")
	}
	dir := t.TempDir()
	secret, config := filepath.Join(dir, "secret"), filepath.Join(dir, "countersign.yaml")
	text := strings.ReplaceAll(example[1], "/etc/countersign/main.secret", secret)
	for name, content := range map[string]string{secret: "whsec_" + strings.Repeat("A", 43) + "=\n", config: text} {
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c, err := app.Load(app.Options{File: config})
	if err != nil {
		t.Fatal(err)
	}
	if len(c.AllProviders()) != 2 || len(c.Routes) != 3 {
		t.Errorf("%d providers and %d routes, want 2 and 3", len(c.AllProviders()), len(c.Routes))
	}
}

// TestTheReferencesOfTheArchitectureLeadToCode checks each "`Name` in [file](path)" of ARCHITECTURE.md: that the file
// declares the name.
func TestTheReferencesOfTheArchitectureLeadToCode(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	references := regexp.MustCompile("`([A-Za-z]+(?:\\.[A-Za-z]+)?)` in \\[[^\\]]+\\]\\(([^)]+\\.go)\\)").FindAllStringSubmatch(string(text), -1)
	if len(references) < 15 {
		t.Errorf("ARCHITECTURE.md has %d references only", len(references))
	}
	for _, r := range references {
		f, err := parser.ParseFile(token.NewFileSet(), filepath.Join("..", r[2]), nil, parser.SkipObjectResolution)
		if err != nil {
			t.Error(err)
			continue
		}
		if !slices.Contains(declared(f), r[1]) {
			t.Errorf("ARCHITECTURE.md says that %s is in %s, which does not declare it", r[1], r[2])
		}
	}
}

// declared are the names of functions, methods (Type.Method) and types of a file.
func declared(f *ast.File) (names []string) {
	for _, d := range f.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			names = append(names, receiver(d)+d.Name.Name)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				if s, ok := spec.(*ast.TypeSpec); ok {
					names = append(names, s.Name.Name)
				}
			}
		}
	}
	return names
}

// receiver is "Type." for a method.
func receiver(d *ast.FuncDecl) string {
	if d.Recv == nil {
		return ""
	}
	of := d.Recv.List[0].Type
	if p, ok := of.(*ast.StarExpr); ok {
		of = p.X
	}
	if id, ok := of.(*ast.Ident); ok {
		return id.Name + "."
	}
	return ""
}

// test is one test function of the tree.
type test struct{ pkg, name string }

func tests(t *testing.T) (all []test) {
	t.Helper()
	declares := regexp.MustCompile(`(?m)^func (Test[A-Za-z0-9_]+)\(`)
	files(t, func(file string, text []byte) {
		if !strings.HasSuffix(file, "_test.go") {
			return
		}
		for _, m := range declares.FindAllSubmatch(text, -1) {
			all = append(all, test{pkg: path.Dir(file), name: string(m[1])})
		}
	})
	return all
}

// files gives every Go file of the server's module, by its path from the root.
func files(t *testing.T, do func(file string, text []byte)) {
	t.Helper()
	root := os.DirFS("..")
	err := fs.WalkDir(root, ".", func(p string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && p != "." && slices.Contains([]string{"bench", "bin", "sdk", "tools", "testdata", "node_modules", ".git"}, d.Name()):
			return fs.SkipDir
		case d.IsDir() || path.Ext(p) != ".go":
			return nil
		}
		text, err := fs.ReadFile(root, p)
		if err == nil {
			do(p, text)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
