package console_test

import (
	"encoding/json"
	"go/parser"
	"go/token"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/webhook"
)

// withDocument is a browser of somebody who may use the corner, at a base URL.
func withDocument(t *testing.T, dev bool) *browser {
	t.Helper()
	raw, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	return newBrowser(t, &people{}, func(c *console.Config) { c.Document, c.Development = func() ([]byte, error) { return raw, nil }, dev }).as("owner")
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

// asked is what a sample sent.
type asked struct{ method, path, key, body string }

// TestSamplesDoWhatTheySay runs each sample as it stands in the page against a server that listens.
func TestSamplesDoWhatTheySay(t *testing.T) {
	heard := make(chan asked, 1)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		heard <- asked{r.Method, r.URL.Path, r.Header.Get("Authorization"), strings.ReplaceAll(string(body), " ", "")}
		_, _ = io.WriteString(w, `{"id":"vrf_1","status":"pending","valid":true}`)
	}))
	defer server.Close()
	body := newBrowser(t, &people{}, func(c *console.Config) { c.PublicURL = server.URL }).as("owner").get("/console/developer").Body.String()
	found := regexp.MustCompile(`(?s)<figcaption><span>([^<]+)</span>.*?<pre dir="ltr" tabindex="0"><code>(.*?)</code>`).FindAllStringSubmatch(body, -1)
	if len(found) != 8 {
		t.Fatalf("%d samples, want two in each of four languages", len(found))
	}
	want := []asked{
		{"POST", "/v1/verifications", "Bearer csk_1", `{"to":"+447700900123"}`},
		{"POST", "/v1/verifications/vrf_1/check", "Bearer csk_1", `{"code":"482913"}`},
	}
	for i, m := range found {
		label, code := m[1], html.UnescapeString(m[2])
		program := map[string][]string{"curl": {"sh", "-c"}, "Node.js": {"node", "--input-type=module", "-e"}, "Python": {"python3", "-c"}}[label]
		if label == "Go" {
			if _, err := parser.ParseFile(token.NewFileSet(), "", code, 0); err != nil {
				t.Errorf("the sample in Go: %v", err)
			}
			continue
		}
		if _, err := exec.LookPath(program[0]); err != nil {
			t.Logf("without %s: not tried", program[0])
			continue
		}
		cmd := exec.CommandContext(t.Context(), program[0], append(program[1:], code)...)
		cmd.Env = append(os.Environ(), "KEY=csk_1", "ID=vrf_1")
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Errorf("%s: %v: %s", label, err, out)
			continue
		}
		if got := <-heard; got != want[i/4] {
			t.Errorf("%s sends %+v, want %+v", label, got, want[i/4])
		}
	}
}
