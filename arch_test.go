package countersign_test

import (
	"fmt"
	"go/ast"
	"path"
	"slices"
	"strings"
	"testing"
)

// floors is the house from the top down. A package imports only packages of lower floors; those of one floor do not
// know each other. A folder below a package (store/sqlite, delivery/relay) stands a step above its parent, on the same
// floor, and imports the parent. A package without a place here fails the test: add it with one clear job.
var floors = [][]string{
	// Flags, signals, subcommands; and tests of whole servers, which nobody imports.
	{"cmd/countersign", "internal/e2e"},
	// Builds every service once; the only package that knows all.
	{"internal/app"},
	// Edges: what comes in over HTTP, and the rows.
	{
		"internal/api", "internal/hosted", "internal/console", "internal/devphone",
		"internal/compat/twilio", "internal/compat/mta", "internal/compat/frontegg", "internal/compat/camara", "internal/compat/idenfy",
		"internal/store", "internal/store/sqlite", "internal/store/postgres",
	},
	// The domain.
	{"internal/invite", "internal/identity"},
	{"internal/verify", "internal/operator", "internal/web"}, // web is what edges share; it stands beside
	{
		"internal/delivery", "internal/delivery/sink", "internal/delivery/relay", "internal/delivery/smtp", "internal/delivery/smpp",
		"internal/factor", "internal/risk", "internal/risk/safelist", "internal/tenant", "internal/webhook",
		"internal/attention",
	},
	// Mechanisms and words.
	{"internal/outbox", "internal/policy", "internal/sandbox", "internal/handover", "internal/tally"},
	{"internal/audit", "internal/seal", "internal/recipient"},
	{"internal/fault", "internal/uid", "internal/ratelimit", "internal/egress", "internal/signing"},
}

var (
	edges  = []string{"internal/api", "internal/compat/", "internal/hosted", "internal/console", "internal/devphone", "internal/web"}
	domain = []string{"internal/verify", "internal/invite", "internal/identity", "internal/operator", "internal/factor", "internal/delivery", "internal/risk",
		"internal/policy", "internal/sandbox", "internal/handover", "internal/tally",
		"internal/attention", "internal/tenant", "internal/webhook", "internal/outbox", "internal/audit", "internal/seal",
		"internal/ratelimit", "internal/recipient", "internal/fault", "internal/uid"}
	everything = []string{"cmd/", "internal/"}
)

// A wall is an import that the floors would allow, or a library that has one home.
// A pattern means that package and everything below it; ending in a slash, only what is below; ending in a $, only that.
type wall struct {
	what   []string // these imports
	but    []string // except these
	from   []string // are barred in these packages
	except []string // except these
	why    string
}

var walls = []wall{
	{what: []string{"internal/store"}, from: everything, except: []string{"internal/app", "internal/store"},
		why: "edges and domain speak to the store through the interface that the domain declares; app alone wires it"},
	{what: edges, from: domain, why: "services decide and never call back up into a transport"},
	{what: edges, from: []string{"internal/store"}, why: "the store serves the domain; it knows no transport"},
	{what: []string{"internal/seal", "internal/egress"}, from: []string{"internal/store"},
		why: "the store never sees a key or a clear secret, and opens no connection but its own"},
	{what: []string{"internal/delivery/"}, from: everything, except: []string{"internal/app", "internal/delivery/"},
		why: "only delivery/X knows a provider; app builds them, everyone else asks delivery"},
	{what: everything, but: []string{"internal/app", "internal/fault", "internal/uid", "internal/tenant", "internal/operator"}, from: []string{"cmd/countersign"},
		why: "a command holds no logic; what it needs is offered by app, tenants and keys by the directory that app opens, and operators by their service"},

	{what: []string{"modernc.org/sqlite", "modernc.org/libc", "modernc.org/memory"}, from: everything, except: []string{"internal/store/sqlite"}, why: "one place knows this driver and its error codes: store/sqlite"},
	{what: []string{"github.com/jackc/pgx"}, from: everything, except: []string{"internal/store/postgres"}, why: "one place knows this driver and its error codes: store/postgres"},
	{what: []string{"github.com/pressly/goose"}, from: everything, except: []string{"internal/store"}, why: "migrations belong to the store"},
	{what: []string{"database/sql$"}, from: everything, except: []string{"internal/store"}, why: "every SQL statement is in the store"},
	{what: []string{"github.com/danielgtaylor/huma"}, from: everything, except: []string{"internal/api"}, why: "the framework of the native API stays there"},
	{what: []string{"github.com/wneessen/go-mail", "github.com/emersion"}, from: everything, except: []string{"internal/delivery/smtp"}, why: "a provider's protocol has one home"},
	{what: []string{"github.com/nyaruka/phonenumbers"}, from: everything, except: []string{"internal/recipient"}, why: "one normal form of a number"},
	{what: []string{"github.com/boombuler/barcode"}, from: everything, except: []string{"internal/factor"}, why: "one place draws QR codes"},
	{what: []string{"golang.org/x/crypto"}, from: everything, except: []string{"internal/operator"}, why: "one place hashes passwords; what else is encrypted or hashed goes by the standard library, in seal"},
	{what: []string{"github.com/go-jose"}, from: everything, except: []string{"internal/handover"}, why: "one place makes and reads signed tokens, and says by which algorithms"},
	{what: []string{"golang.org/x/mod"}, from: everything, except: []string{"internal/audit"}, why: "one place knows how the log proves itself"},
	{what: []string{"github.com/alecthomas/kong"}, from: everything, except: []string{"cmd/countersign"}, why: "flags are the command's"},
	{what: []string{"github.com/goccy/go-yaml", "github.com/caarlos0/env"}, from: everything, except: []string{"internal/app"},
		why: "configuration is read once, in one place, and handed down as values"},
	{what: []string{"github.com/google/go-cmp", "pgregory.net/rapid", "github.com/anishathalye/porcupine", "github.com/chromedp", "github.com/rogpeppe/go-internal", "github.com/pquerna/otp", "testing"},
		from: everything, why: "tests' libraries are not linked into the product"},
	{what: []string{"net/http"}, from: append(slices.Clone(domain), "internal/store"), except: []string{"internal/delivery", "internal/webhook"},
		why: "no HTTP types below the transport; delivery and webhook speak to providers and customers through egress"},
	{what: []string{"log$", "github.com/prometheus/client_golang/prometheus/promauto"}, from: everything, why: "what is global can't be handed in"},
	{what: []string{"math/rand"}, from: everything, except: []string{"internal/outbox", "internal/store/postgres"},
		why: "SEC-1: no seedable generator may come near a code; those two spread their retries with it"},
}

// under reports whether pkg is matched by one of the patterns.
func under(pkg string, patterns []string) bool {
	return slices.ContainsFunc(patterns, func(p string) bool {
		if strings.HasSuffix(p, "/") {
			return strings.HasPrefix(pkg, p)
		}
		if only, ok := strings.CutSuffix(p, "$"); ok {
			return pkg == only
		}
		return pkg == p || strings.HasPrefix(pkg, p+"/")
	})
}

// floor is the number of pkg's floor from the top, -1 when it has none.
func floor(pkg string) int {
	return slices.IndexFunc(floors, func(f []string) bool { return slices.Contains(f, pkg) })
}

// imports checks the imports of production files against floors and walls.
func imports(files []source) (faults []string) {
	for _, s := range files {
		if s.test() {
			continue
		}
		if floor(s.pkg) < 0 {
			faults = append(faults, fmt.Sprintf("%s: package %s has no place in floors", s.file, s.pkg))
			continue
		}
		for _, to := range s.imports() {
			if own(to) {
				faults = append(faults, arrow(s, to)...)
			}
			for _, w := range walls {
				if under(s.pkg, w.from) && !under(s.pkg, w.except) && under(to, w.what) && !under(to, w.but) {
					faults = append(faults, fmt.Sprintf("%s imports %s: %s", s.file, to, w.why))
				}
			}
		}
	}
	return faults
}

// arrow checks one import of an own package: it must run down.
func arrow(s source, to string) []string {
	switch from, goal := floor(s.pkg), floor(to); {
	case goal < 0: // a suite for tests, too, is not linked into the product
		return []string{fmt.Sprintf("%s imports %s, which has no place in floors", s.file, to)}
	case from == goal && strings.HasPrefix(s.pkg, to+"/"):
		return nil // a child knows its parent
	case from >= goal:
		return []string{fmt.Sprintf("%s imports %s: arrows run down only, and siblings do not know each other", s.file, to)}
	}
	return nil
}

func TestImportsRunDown(t *testing.T) {
	t.Parallel()
	complain(t, imports(tree(t, false)))
}

// filler writes invitations that the server's pages open, so it seals them with the server's ring. Nothing else outside knows it.
var filler = map[string][]string{"bench/fill": {"internal/seal", "internal/uid"}}

func TestModulesOfTheirOwnImportNothingOfTheServer(t *testing.T) {
	t.Parallel()
	server := map[string]bool{}
	for _, s := range tree(t, false) {
		server[s.file] = true
	}
	for _, s := range tree(t, true) {
		for _, to := range s.imports() {
			if !server[s.file] && own(to) && !slices.Contains(filler[path.Dir(s.file)], to) {
				t.Errorf("%s imports %s: bench, tools and the SDKs know the server by its API alone", s.file, to)
			}
		}
	}
}

// A bar is an identifier of a standard package that has a home or none.
type bar struct {
	names  []string // "net.Dial"
	calls  bool     // only calls of it are barred; handing it on is not, nor is a constructor, which notes when it ran
	from   []string
	except []string
	why    string
}

var bars = []bar{
	{names: []string{"http.DefaultClient", "http.DefaultTransport", "http.Get", "http.Head", "http.Post", "http.PostForm", "http.Client", "http.Transport",
		"net.Dial", "net.DialTimeout", "net.Dialer", "net.DialTCP", "net.DialUDP", "net.DialUnix", "tls.Dial", "tls.DialWithDialer", "tls.Dialer"},
		from: everything, except: []string{"internal/egress", "internal/store/postgres"},
		why: "SEC-85: egress is the only way out; it filters addresses after name resolution and has time-outs"},
	{names: []string{"http.DefaultServeMux", "http.Handle", "http.HandleFunc"}, from: everything, why: "muxes are built and handed on, never global"},
	{names: []string{"prometheus.MustRegister", "prometheus.Register", "prometheus.DefaultRegisterer", "prometheus.DefaultGatherer", "slog.Default", "slog.SetDefault"},
		from: everything, except: []string{"cmd/countersign"}, why: "loggers and registries are handed in, never global"},
	{names: []string{"time.Now", "time.Since", "time.Until"}, calls: true,
		from: []string{"internal/verify", "internal/ratelimit", "internal/recipient", "internal/risk", "internal/tenant", "internal/factor", "internal/policy", "internal/seal", "internal/uid", "internal/fault", "internal/handover", "internal/operator"},
		why:  "time is a parameter of what decides; a service has a field Now"},
	{names: []string{"os.Exit", "log.Fatal"}, from: []string{"internal/"}, why: "only main ends the process"},
	{names: []string{"os.Getenv", "os.LookupEnv", "os.Environ"}, from: []string{"internal/"}, except: []string{"internal/app"}, why: "configuration is read once, in app"},
}

// barred checks production files against bars. Packages are told by the name that the file knows them by, which is
// the last word of their path here; init functions are barred altogether.
func barred(files []source) (faults []string) {
	for _, s := range files {
		if s.test() {
			continue
		}
		for _, d := range s.ast.Decls {
			f, ok := d.(*ast.FuncDecl)
			function := ok && f.Recv == nil
			if function && f.Name.Name == "init" {
				faults = append(faults, s.at(f)+": init: nothing happens before main says so")
			}
			faults = append(faults, barredIn(s, d, function && strings.HasPrefix(f.Name.Name, "New"))...)
		}
	}
	return faults
}

// barredIn checks one declaration.
func barredIn(s source, d ast.Decl, constructor bool) (faults []string) {
	called := map[ast.Node]bool{}
	ast.Inspect(d, func(n ast.Node) bool {
		if call, ok := n.(*ast.CallExpr); ok {
			called[call.Fun] = !constructor
		}
		sel, ok := n.(*ast.SelectorExpr)
		if !ok {
			return true
		}
		x, ok := sel.X.(*ast.Ident)
		if !ok {
			return true
		}
		name := x.Name + "." + sel.Sel.Name
		for _, b := range bars {
			if slices.Contains(b.names, name) && (called[sel] || !b.calls) && under(s.pkg, b.from) && !under(s.pkg, b.except) {
				faults = append(faults, fmt.Sprintf("%s: %s: %s", s.at(sel), name, b.why))
			}
		}
		return true
	})
	return faults
}

func TestBarredNamesAreNotUsed(t *testing.T) {
	t.Parallel()
	complain(t, barred(tree(t, false)))
}

// TestTheWallsHold shows the checker files that break each rule, and files that break none.
func TestTheWallsHold(t *testing.T) {
	t.Parallel()
	var found []string
	for file, text := range broken {
		files := []source{parse(t, file, "package p\n"+text)}
		faults := append(imports(files), barred(files)...)
		if len(faults) == 0 {
			t.Errorf("%s with %q was let through", file, text)
		}
		found = append(found, faults...)
	}
	said := strings.Join(found, "\n")
	for _, w := range walls {
		if !strings.Contains(said, w.why) {
			t.Errorf("no example breaks the wall around %v", w.what)
		}
	}
	for _, b := range bars {
		if !strings.Contains(said, b.why) {
			t.Errorf("no example breaks the bar on %v", b.names)
		}
	}
	for file, text := range sound {
		files := []source{parse(t, file, "package p\n"+text)}
		complain(t, append(imports(files), barred(files)...))
	}
}

// broken are files that must be refused; sound are files that must not.
var broken = map[string]string{
	"internal/verify/a.go":         `import "github.com/countersign/countersign/internal/api"`,
	"internal/api/a.go":            `import "github.com/countersign/countersign/internal/store"`,
	"internal/console/a.go":        `import "github.com/countersign/countersign/internal/api"`,
	"internal/store/a.go":          `import "github.com/countersign/countersign/internal/seal"`,
	"internal/store/b.go":          `import "github.com/countersign/countersign/internal/web"`,
	"internal/store/c.go":          `import "github.com/jackc/pgx/v5"`,
	"internal/store/sqlite/a.go":   `import "github.com/countersign/countersign/internal/egress"`,
	"internal/store/postgres/a.go": `import "github.com/countersign/countersign/internal/store/sqlite"`,
	"internal/store/postgres/b.go": `import _ "modernc.org/sqlite"`,
	"internal/delivery/a.go":       `import "github.com/countersign/countersign/internal/delivery/relay"`,
	"internal/delivery/b.go":       `import "github.com/emersion/go-sasl"`,
	"internal/delivery/smtp/a.go":  `import "github.com/countersign/countersign/internal/delivery/relay"`,
	"internal/delivery/relay/b.go": "import \"net\"\nvar d = net.Dialer{}",
	"internal/api/b.go":            `import "github.com/countersign/countersign/internal/delivery/relay"`,
	"internal/api/c.go":            "import \"os\"\nvar e = os.Getenv(\"X\")",
	"internal/api/d.go":            "import \"net/http\"\nfunc f() { http.HandleFunc(\"/\", nil) }",
	"internal/api/e.go":            `import "github.com/goccy/go-yaml"`,
	"internal/app/a.go":            `import "github.com/countersign/countersign/internal/store/storetest"`,
	"internal/app/b.go":            `import "github.com/countersign/countersign/internal/unknown"`,
	"internal/app/c.go":            "import \"os\"\nfunc f() { os.Exit(1) }",
	"internal/app/d.go":            `import "github.com/alecthomas/kong"`,
	"internal/app/e.go":            "import \"log/slog\"\nvar l = slog.Default()",
	"internal/unknown/a.go":        ``,
	"internal/uid/a.go":            `import "github.com/countersign/countersign/internal/fault"`,
	"cmd/countersign/a.go":         `import "github.com/countersign/countersign/internal/verify"`,
	"internal/verify/b.go":         `import "database/sql"`,
	"internal/verify/c.go":         `import "net/http"`,
	"internal/verify/d.go":         "import \"time\"\nfunc f() time.Time { return time.Now() }",
	"internal/verify/e.go":         `import "github.com/nyaruka/phonenumbers/v2"`,
	"internal/verify/f.go":         `import "golang.org/x/mod/sumdb/tlog"`,
	"internal/verify/g.go":         `import "github.com/pressly/goose/v3"`,
	"internal/seal/a.go":           `import "math/rand/v2"`,
	"internal/web/a.go":            `import "testing"`,
	"internal/web/e.go":            `import "github.com/boombuler/barcode/qr"`,
	"internal/web/f.go":            `import "github.com/go-jose/go-jose/v4"`,
	"internal/web/g.go":            `import "golang.org/x/crypto/argon2"`,
	"internal/web/b.go":            "import \"net/http\"\nvar c = http.DefaultClient",
	"internal/web/c.go":            `import "log"`,
	"internal/web/d.go":            `import "github.com/danielgtaylor/huma/v2"`,
	"internal/outbox/a.go":         "func init() {}",
}

var sound = map[string]string{
	"internal/verify/a.go":          `import "github.com/countersign/countersign/internal/delivery"`,
	"internal/verify/b.go":          "import \"time\"\nvar s = struct{ Now func() time.Time }{time.Now}",
	"internal/verify/c.go":          "import \"time\"\nfunc New() time.Time { return time.Now() }",
	"internal/store/a.go":           `import "github.com/countersign/countersign/internal/verify"`,
	"internal/store/a_test.go":      `import "github.com/countersign/countersign/internal/seal"`,
	"internal/store/sqlite/a.go":    "import (\n\"github.com/countersign/countersign/internal/store\"\n_ \"modernc.org/sqlite\"\n)",
	"internal/store/storetest/a.go": `import "testing"`,
	"internal/app/a.go":             `import "github.com/countersign/countersign/internal/delivery/relay"`,
	"internal/delivery/relay/a.go":  "import (\n\"net/http\"\n\"github.com/countersign/countersign/internal/delivery\"\n)",
	"internal/egress/a.go":          "import \"net\"\nvar d = net.Dialer{}",
	"internal/uid/a.go":             "import (\n\"database/sql/driver\"\n\"log/slog\"\n)",
	"cmd/countersign/a.go":          `import "github.com/countersign/countersign/internal/app"`,
}
