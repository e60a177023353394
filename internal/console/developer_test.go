package console_test

import (
	"context"
	"encoding/json"
	"go/format"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// withDocument is a browser of somebody who may use the corner, at a base URL.
func withDocument(t *testing.T, dev bool) *browser {
	t.Helper()
	raw, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	return corner(t, stall(), "", func(c *console.Config) { c.Document, c.Development = func() ([]byte, error) { return raw, nil }, dev })
}

func TestTheCornerHasSamplesForThisServerAndTheCatalogueOfEvents(t *testing.T) {
	body := withDocument(t, false).get("/console/developer").Body.String()
	has(t, body, "curl http://console.test/v1/verifications", "countersign.New(&#34;http://console.test&#34;", "/console/developer/reference", "/console/keys/new")
	for _, e := range webhook.Types() {
		has(t, body, "<code>"+e.Name+"</code>", html.EscapeString(e.Means))
	}
	hasNot(t, body, "verify.example.net", "csk_", "/dev/phone")
	has(t, withDocument(t, true).get("/console/developer").Body.String(), `href="/dev/phone"`, `href="/dev/inbox"`)
}

func TestTheReferenceHasEachRouteOfTheDocument(t *testing.T) {
	raw, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	var doc struct {
		Paths map[string]map[string]struct{ Summary string }
	}
	if err := json.Unmarshal(raw, &doc); err != nil {
		t.Fatal(err)
	}
	b := withDocument(t, false)
	wantTo(t, b.get("/console/developer/reference"), "/console/developer/reference/verifications")
	first := b.get("/console/developer/reference/verifications").Body.String()
	all := ""
	for _, m := range regexp.MustCompile(`href="(/console/developer/reference/\w+)"`).FindAllStringSubmatch(first, -1) {
		w := b.get(m[1])
		if w.Code != http.StatusOK {
			t.Errorf("%s: %d", m[1], w.Code)
		}
		all += w.Body.String()
	}
	for path, methods := range doc.Paths {
		for method, o := range methods {
			has(t, all, "<code>"+strings.ToUpper(method)+" "+path+"</code></h2>", html.EscapeString(o.Summary))
		}
	}
	for _, m := range regexp.MustCompile(`href="#([\w-]+)"`).FindAllStringSubmatch(first, -1) {
		has(t, first, `id="`+m[1]+`"`)
	}
	has(t, first, "verifications:start", "required", "new_device", `curl &#34;http://console.test/v1/verifications/$ID/check&#34;`)
	if w := b.get("/console/developer/reference/nothing"); w.Code != http.StatusNotFound {
		t.Errorf("a group that is not there is answered by %d", w.Code)
	}
}

func TestTheCornerIsForThoseWhoMayUseIt(t *testing.T) {
	for _, role := range []operator.Role{operator.Agent, operator.Viewer} {
		for _, path := range []string{"/console/developer", "/console/developer/reference", "/console/developer/reference/verifications"} {
			if w := withDocument(t, true).as(role).get(path); w.Code != http.StatusForbidden {
				t.Errorf("%s reads %s: %d", role, path, w.Code)
			}
		}
	}
}

// stall is a directory with a default service that is not the first, and the keys that are given.
func stall(keys ...tenant.Key) *directory {
	return &directory{list: keys, services: []tenant.Service{
		{ID: uid.ID{0x31}, Tenant: ours, Name: "Other"}, {ID: uid.ID{0x32}, Tenant: ours, Name: "Shop", Default: true},
	}}
}

func keyOf(n byte, name string, scopes ...string) tenant.Key {
	return tenant.Key{ID: uid.ID{n}, Tenant: ours, Name: name, Scopes: scopes, CreatedAt: keyNoon.Add(time.Duration(n) * time.Minute)}
}

// corner is the developer's corner of a firm with a directory, at a base URL.
func corner(t *testing.T, f *directory, base string, change func(*console.Config)) *browser {
	t.Helper()
	return newBrowser(t, &people{}, func(c *console.Config) {
		c.Directory, c.Now = f, func() time.Time { return keyNoon.Add(time.Hour) }
		if base != "" {
			c.PublicURL = base
		}
		if change != nil {
			change(c)
		}
	}).as("owner")
}

// TestSamplesAreForTheKeyThatIsChosen: it is named by its id, which is public, and never by its secret.
func TestSamplesAreForTheKeyThatIsChosen(t *testing.T) {
	all, old := keyOf(0x43, "Every <b>thing</b>", tenant.ScopeAll), keyOf(0x49, "Ended", tenant.ScopeAll)
	old.RevokedAt = keyNoon
	weak, nameless := keyOf(0x47, "Reader", "verifications:read"), keyOf(0x42, "", "verifications:start", "verifications:check")
	b := corner(t, stall(nameless, all, weak, old), "", nil)
	id := func(k tenant.Key) string { return k.ID.Text(uid.Key) }
	body := b.get("/console/developer").Body.String()
	has(t, body, `<option value="`+id(all)+`" selected>Every &lt;b&gt;thing&lt;/b&gt; (`+id(all)+`)</option>`, `<option value="`+id(nameless)+`">`+id(nameless)+`</option>`,
		"KEY holds the secret of "+id(all), `&#34;service&#34;: &#34;`+uid.ID{0x32}.Text(uid.Service)+`&#34;`, "put it into the environment variable KEY")
	hasNot(t, body, id(old), "csk_", "this key lacks", "dev-credentials")
	if n := strings.Count(html.UnescapeString(body), "secret of "+id(all)); n < 8 {
		t.Errorf("%d samples name the key", n)
	}
	body = b.get("/console/developer?key=" + id(weak)).Body.String()
	has(t, body, `<option value="`+id(weak)+`" selected>`, "KEY holds the secret of "+id(weak), "this key lacks", "This key sends nothing.", "<code class=\"scope\">verifications:start</code>", "<code class=\"scope\">verifications:check</code>")
	hasNot(t, body, "POST", "+447700900123")
	for _, asked := range []string{id(old), "key_x%3Cscript%3E", (uid.ID{0x99}).Text(uid.Key)} { // of another firm, too
		body = b.get("/console/developer?key=" + asked).Body.String()
		has(t, body, `<option value="`+id(all)+`" selected>`)
		hasNot(t, body, asked, "<script>alert", "x<script>")
	}
	none := corner(t, &directory{}, "", nil).get("/console/developer").Body.String()
	has(t, none, "There is no key yet", "KEY holds your API key")
	hasNot(t, none, `name="key"`, "service&#34;")
}

// TestSamplesOfDevelopmentModeAreReadyToRun: they have the key in them that development mode made, unless another one is chosen.
func TestSamplesOfDevelopmentModeAreReadyToRun(t *testing.T) {
	made, other := keyOf(0x41, "development", tenant.ScopeAll), keyOf(0x45, "Mine", tenant.ScopeAll)
	dev := func(c *console.Config) {
		c.Development, c.DevKey = true, func(_ context.Context, t uid.Tenant) (uid.ID, string) {
			if t == ours {
				return made.ID, "csk_development"
			}
			return uid.ID{}, ""
		}
	}
	b := corner(t, stall(other, made), "", dev)
	body := b.get("/console/developer").Body.String()
	has(t, body, "Bearer csk_development", "dev-credentials.json")
	hasNot(t, body, "$KEY", "os.Getenv(&#34;KEY&#34;)", "KEY holds")
	body = b.get("/console/developer?key=" + other.ID.Text(uid.Key)).Body.String()
	has(t, body, "$KEY", "KEY holds the secret of "+other.ID.Text(uid.Key))
	hasNot(t, body, "csk_development")
	made.RevokedAt = keyNoon
	hasNot(t, corner(t, stall(other, made), "", dev).get("/console/developer").Body.String(), "csk_development")
	if w := b.as(operator.Viewer).get("/console/developer"); w.Code != http.StatusForbidden {
		t.Errorf("a viewer reads it: %d", w.Code)
	}
}

// asked is what a sample sent.
type asked struct{ method, path, key, body string }

// ear is a server that hears what samples send, and answers as the API does.
type ear struct {
	*httptest.Server
	heard chan asked
}

func newEar(t *testing.T) *ear {
	e := &ear{heard: make(chan asked, 1)}
	e.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		e.heard <- asked{r.Method, r.URL.Path, r.Header.Get("Authorization"), strings.ReplaceAll(string(body), " ", "")}
		w.Header().Set("Content-Type", "application/json")
		switch {
		case r.Method == http.MethodGet:
			_, _ = io.WriteString(w, `{"data":[],"next":null}`)
			return
		case strings.HasSuffix(r.URL.Path, "/check"):
			_, _ = io.WriteString(w, `{"id":"vrf_1","status":"approved","valid":true}`)
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"id":"vrf_1","status":"pending"}`)
	}))
	t.Cleanup(e.Close)
	return e
}

// programsOf are the samples of a page, as they are copied: labels and programs.
func programsOf(body string) (all [][2]string) {
	for _, m := range regexp.MustCompile(`(?s)<figcaption><span>([^<]+)</span><button[^>]* data-copy="([^"]*)".*?<pre dir="ltr"><code>(.*?)</code>`).FindAllStringSubmatch(body, -1) {
		if m[2] != m[3] {
			all = append(all, [2]string{m[1], "what is copied is not what is shown"})
			continue
		}
		all = append(all, [2]string{m[1], html.UnescapeString(m[2])})
	}
	return all
}

// run runs a program, and gives what the server heard. ok is false where the language is not on this machine.
func (e *ear) run(t *testing.T, label, code string) (got asked, ok bool) {
	t.Helper()
	var cmd *exec.Cmd
	switch label {
	case "curl":
		cmd = exec.CommandContext(t.Context(), "sh", "-c", code)
	case "Node.js":
		cmd = exec.CommandContext(t.Context(), "node", "--input-type=module", "-e", code)
	case "Python":
		cmd = exec.CommandContext(t.Context(), "python3", "-c", code)
	case "Go":
		cmd = goProgram(t, code)
	}
	if _, err := exec.LookPath(cmd.Args[0]); err != nil {
		t.Logf("without %s: not tried", cmd.Args[0])
		return got, false
	}
	cmd.Env = append(os.Environ(), "KEY=csk_1", "ID=vrf_1", "GOFLAGS=-mod=mod", "GOPROXY=off", "GOWORK=off")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("%s: %v: %s\n%s", label, err, out, code)
		return got, false
	}
	return <-e.heard, true
}

// goProgram is a module of one program, with the client of this tree.
func goProgram(t *testing.T, code string) *exec.Cmd {
	t.Helper()
	sdk, err := filepath.Abs("../../sdk/go")
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	mod := "module sample\n\ngo 1.25.0\n\nrequire github.com/countersign/countersign/sdk/go v0.0.0\n\nreplace github.com/countersign/countersign/sdk/go => " + sdk + "\n"
	for name, text := range map[string]string{"go.mod": mod, "main.go": code} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.CommandContext(t.Context(), "go", "run", ".")
	cmd.Dir = dir
	return cmd
}

// TestSamplesDoWhatTheySay runs each sample as it is copied from the page against a server that listens: with the key in the environment,
// and with the key of development mode in it.
func TestSamplesDoWhatTheySay(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		change func(*console.Config)
		key    string
	}{
		"a key in the environment": {nil, "csk_1"},
		"the key of development mode": {func(c *console.Config) {
			c.DevKey = func(context.Context, uid.Tenant) (uid.ID, string) { return uid.ID{0x41}, "csk_development" }
		}, "csk_development"},
	} {
		t.Run(name, func(t *testing.T) {
			e := newEar(t)
			found := programsOf(corner(t, stall(keyOf(0x41, "development", tenant.ScopeAll)), e.URL, c.change).get("/console/developer").Body.String())
			if len(found) != 12 {
				t.Fatalf("%d samples, want three in each of four languages", len(found))
			}
			want := []asked{
				{"POST", "/v1/verifications", "Bearer " + c.key, `{"to":"+447700900123","service":"` + uid.ID{0x32}.Text(uid.Service) + `"}`},
				{"POST", "/v1/verifications/vrf_1/check", "Bearer " + c.key, `{"code":"482913"}`},
				{"POST", "/v1/invitations", "Bearer " + c.key, `{"first_name":"Ada","last_name":"Lovelace","mobile":"+447700900123"}`},
			}
			for i, p := range found {
				if formatted, err := format.Source([]byte(p[1])); p[0] == "Go" && (err != nil || strings.TrimSpace(string(formatted)) != p[1]) {
					t.Errorf("the sample in Go is not as gofmt has it: %v\n%s", err, p[1])
				}
				if got, ok := e.run(t, p[0], p[1]); ok && got != want[i/4] {
					t.Errorf("%s sends %+v, want %+v", p[0], got, want[i/4])
				}
			}
		})
	}
}

// TestTheFirstSampleOfANewKeyHasItInIt, copy-ready; the others, which are kept in files, don't.
func TestTheFirstSampleOfANewKeyHasItInIt(t *testing.T) {
	t.Parallel()
	e := newEar(t)
	m := newMint(t, stall())
	b := newBrowser(t, &people{}, func(c *console.Config) {
		c.Directory, c.PublicURL, c.Now = m, e.URL, func() time.Time { return keyNoon }
	}).as("admin")
	w := b.send("/console/keys/new", "/console/keys/new", url.Values{"name": {"Till"}, "scopes": {"verifications:start"}})
	body := w.Body.String()
	key := keyText.FindString(body)
	found := programsOf(body)
	if key == "" || len(found) != 4 {
		t.Fatalf("key %q, %d samples", key, len(found))
	}
	for i, p := range found {
		if strings.Contains(p[1], key) != (i == 0) {
			t.Errorf("%s has the key in it: %t", p[0], i != 0)
		}
	}
	want := asked{"POST", "/v1/verifications", "Bearer " + key, `{"to":"+447700900123","service":"` + uid.ID{0x32}.Text(uid.Service) + `"}`}
	if got, ok := e.run(t, found[0][0], found[0][1]); ok && got != want {
		t.Errorf("it sends %+v, want %+v", got, want)
	}
	for scope, want := range map[string]asked{"invitations:write": {"POST", "/v1/invitations", "", ""}, "verifications:check": {}, "verifications:read": {"GET", "/v1/verifications", "", ""},
		"webhooks:read": {"GET", "/v1/webhooks", "", ""}, "factors:read": {}} {
		body := b.send("/console/keys/new", "/console/keys/new", url.Values{"name": {scope}, "scopes": {scope}}).Body.String()
		found := programsOf(body)
		if want.path == "" {
			if len(found) != 0 || !keyText.MatchString(body) {
				t.Errorf("%s: %d samples", scope, len(found))
			}
			continue
		}
		if got, ok := e.run(t, found[0][0], found[0][1]); ok && (got.method != want.method || got.path != want.path) {
			t.Errorf("%s: it sends %+v", scope, got)
		}
	}
}

// TestSamplesOfAKeyThatOnlyReadsReadWhatItMay, in each language.
func TestSamplesOfAKeyThatOnlyReadsReadWhatItMay(t *testing.T) {
	t.Parallel()
	e := newEar(t)
	for scope, path := range map[string]string{"verifications:read": "/v1/verifications", "settings:read": "/v1/settings/checks"} {
		found := programsOf(corner(t, stall(keyOf(0x41, "Reader", "factors:read", scope)), e.URL, nil).get("/console/developer").Body.String())
		if len(found) != 4 {
			t.Fatalf("%s: %d samples", scope, len(found))
		}
		for _, p := range found {
			if formatted, err := format.Source([]byte(p[1])); p[0] == "Go" && (err != nil || strings.TrimSpace(string(formatted)) != p[1]) {
				t.Errorf("the sample in Go is not as gofmt has it: %v\n%s", err, p[1])
			}
			if got, ok := e.run(t, p[0], p[1]); ok && got != (asked{"GET", path, "Bearer csk_1", ""}) {
				t.Errorf("%s sends %+v", p[0], got)
			}
		}
	}
}
