package console_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"io/fs"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/countersign/countersign/internal/console"
)

// most is how much the first load of a page may be with all its assets, in bytes on the wire.
const most = 120 << 10

// draw gives a page as text.
func draw(t *testing.T, p *console.Pages, v console.View) string {
	t.Helper()
	var page bytes.Buffer
	if err := p.Render(&page, v); err != nil {
		t.Fatal(err)
	}
	return page.String()
}

// leftOver is what a page shows when something was forgotten.
var leftOver = regexp.MustCompile(`\{[a-z]+\}|<no value>|%!|ZgotmplZ|map\[|0001-01-01`)

// TestEveryPage draws each exhibit, holds it to what holds for every page, and weighs it.
func TestEveryPage(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	heaviest, which := 0, ""
	for _, e := range gallery() {
		var page bytes.Buffer
		if err := p.Render(&page, e.view); err != nil {
			t.Errorf("%s: %v", e.name, err)
			continue
		}
		checkPage(t, e.name, page.String())
		n := page.Len() + weighAssets(t, p, page.String())
		t.Logf("%6d bytes at the first load, %6d after: %s", n, page.Len(), e.name)
		if n > heaviest {
			heaviest, which = n, e.name
		}
	}
	if heaviest > most {
		t.Errorf("%s is %d bytes with its assets, %d are allowed", which, heaviest, most)
	}
}

// weighAssets fetches what a page names as a browser does: packed, and each once.
func weighAssets(t *testing.T, p *console.Pages, page string) int {
	t.Helper()
	sum, seen := 0, map[string]bool{}
	for _, m := range regexp.MustCompile(`(?:src|href)="(/console/assets/[^"#]+)`).FindAllStringSubmatch(page, -1) {
		if seen[m[1]] {
			continue
		}
		seen[m[1]] = true
		r := httptest.NewRequest("GET", m[1], nil)
		r.Header.Set("Accept-Encoding", "gzip, deflate, br, zstd")
		w := httptest.NewRecorder()
		if p.ServeAssets(w, r); w.Code != 200 {
			t.Errorf("%s: %d", m[1], w.Code)
		}
		sum += w.Body.Len()
	}
	return sum
}

// checkPage holds one page against what holds for every page.
func checkPage(t *testing.T, where, page string) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	ids, count := map[string]bool{}, map[string]int{}
	for n := range doc.Descendants() {
		if n.Type == html.TextNode && n.Parent.Data != "script" && n.Parent.Data != "code" {
			shown := n.Data
			if strings.HasPrefix(where, "texts") || strings.HasPrefix(where, "unshown") { // they speak of such names
				shown = strings.NewReplacer("{firm}", "", "{reference}", "").Replace(shown)
			}
			if found := leftOver.FindString(shown); found != "" {
				t.Errorf("%s: left over: %q", where, n.Data)
			}
		}
		if n.Type != html.ElementNode {
			continue
		}
		count[n.Data]++
		checkElement(t, where, n, ids)
	}
	for _, one := range []string{"h1", "main", "title"} {
		if count[one] != 1 {
			t.Errorf("%s: %d of %s, want one", where, count[one], one)
		}
	}
	for n := range doc.Descendants() {
		for _, a := range n.Attr {
			if a.Key == "for" || a.Key == "aria-describedby" || a.Key == "aria-labelledby" || a.Key == "list" {
				for id := range strings.FieldsSeq(a.Val) {
					if !ids[id] {
						t.Errorf("%s: %s=%q points to nothing", where, a.Key, id)
					}
				}
			}
		}
	}
}

// checkElement bars what the policy for pages would, and forms without their token.
func checkElement(t *testing.T, where string, n *html.Node, ids map[string]bool) {
	t.Helper()
	attrs := map[string]string{}
	for _, a := range n.Attr {
		attrs[a.Key] = a.Val
		if a.Key == "style" || strings.HasPrefix(a.Key, "on") || strings.HasPrefix(a.Key, "hx-on") {
			t.Errorf("%s: inline %s=%q", where, a.Key, a.Val)
		}
	}
	if id := attrs["id"]; id != "" {
		if ids[id] {
			t.Errorf("%s: two of id %q", where, id)
		}
		ids[id] = true
	}
	switch n.Data {
	case "script":
		if n.FirstChild != nil {
			t.Errorf("%s: inline script", where)
		}
	case "style":
		t.Errorf("%s: inline style", where)
	case "img", "link":
		if url := attrs["src"] + attrs["href"]; !strings.HasPrefix(url, "/") {
			t.Errorf("%s: %s from elsewhere: %q", where, n.Data, url)
		}
	case "form":
		checkForm(t, where, n, attrs["method"])
	}
}

// checkForm holds that what is posted has a token.
func checkForm(t *testing.T, where string, form *html.Node, method string) {
	t.Helper()
	for n := range form.Descendants() {
		for _, a := range n.Attr {
			if a.Key == "name" && a.Val == console.FieldToken {
				return
			}
		}
	}
	if method == "post" {
		t.Errorf("%s: a form without its token", where)
	}
}

// TestVendoredFilesAreAsPublished compares what is served of others with the sums that scripts/vendored wrote.
func TestVendoredFilesAreAsPublished(t *testing.T) {
	t.Parallel()
	sums, err := os.ReadFile("vendored/SHA256SUMS")
	if err != nil {
		t.Fatal(err)
	}
	known := map[string]string{}
	for line := range strings.Lines(string(sums)) {
		sum, name, _ := strings.Cut(strings.TrimSpace(line), "  ")
		known[name] = sum
	}
	all, err := filepath.Glob("vendored/*")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range all {
		name := filepath.Base(file)
		if name == "SHA256SUMS" || name == "README.md" {
			continue
		}
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if sum := sha256.Sum256(body); hex.EncodeToString(sum[:]) != known[name] {
			t.Errorf("%s is not what was published; see vendored/README.md", name)
		}
		delete(known, name)
	}
	if len(known) > 0 {
		t.Errorf("missing: %v", known)
	}
}

// families are the texts whose keys are put together: by a vocabulary of badges, by what a view says.
var families = []string{"hookerror_", "carry_", "what_", "flash_", "event_", "confirm_", "tab_", "any_", "now_", "way_", "mode_", "locked_", "expires_hint", "changed_", "toggle_", "channel_", "resend_", "scope_", "role_", "need_", "step_", "does_", "compared_", "told_", "why_", "stale_act", "page_", "scheme_", "encoding_"}

// TestTextsAreUsed finds texts that no template asks for, and the other way about.
func TestTextsAreUsed(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	texts := p.Texts()
	asked := map[string]bool{"language_name": true, "direction": true}
	names, err := fs.Glob(console.Files, "templates/*.tmpl")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		raw, err := fs.ReadFile(console.Files, name)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`"(\w+)"`).FindAllStringSubmatch(string(raw), -1) {
			asked[m[1]] = true
		}
		for _, m := range regexp.MustCompile(`\.(?:T|Plain|Titled) "(\w+)"`).FindAllStringSubmatch(string(raw), -1) {
			if _, ok := texts[m[1]]; !ok {
				t.Errorf("%s asks for %q, which is not there", name, m[1])
			}
		}
	}
	for vocabulary, words := range console.Vocabularies {
		for word := range words {
			asked[vocabulary+"_"+word] = true
			if texts[vocabulary+"_"+word] == "" {
				t.Errorf("the word %s of %s has no text", word, vocabulary)
			}
		}
	}
	for key := range texts {
		if !asked[key] && !slices.ContainsFunc(families, func(f string) bool { return strings.HasPrefix(key, f) }) {
			t.Errorf("no template asks for %q", key)
		}
	}
}

// TestTextsAreTidy bars odd spaces, straight quotes and dashes of typewriters.
func TestTextsAreTidy(t *testing.T) {
	t.Parallel()
	odd := regexp.MustCompile(`  |--|'|"|\.\.\.|^\s|\s$`)
	for key, text := range newPages(t).Texts() {
		if found := odd.FindString(text); found != "" {
			t.Errorf("%q has %q in it: %s", key, found, text)
		}
	}
}

// TestSEC_89_HtmxIsTold that it may neither write style nor evaluate text, nor keep pages in the browser's storage.
func TestSEC_89_HtmxIsTold(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	told := 0
	for _, e := range gallery() {
		page := draw(t, p, e.view)
		if !strings.Contains(page, "htmx.min.") {
			continue
		}
		told++
		for _, want := range []string{"includeIndicatorStyles&#34;:false", "allowEval&#34;:false", "selfRequestsOnly&#34;:true", "historyCacheSize&#34;:0"} {
			if !strings.Contains(page, want) && !strings.Contains(page, strings.ReplaceAll(want, "&#34;", `"`)) {
				t.Errorf("%s lacks %s", e.name, want)
			}
		}
	}
	if told == 0 {
		t.Log("no page uses htmx")
	}
}

// TestAFlashThatIsNotKnownSaysNothing: it comes by a cookie, which anybody can write.
func TestAFlashThatIsNotKnownSaysNothing(t *testing.T) {
	t.Parallel()
	p := newPages(t)
	for said, want := range map[string]bool{"saved": true, "": false, "no_such": false, `"><script>`: false} {
		page := draw(t, p, &console.Trouble{Frame: console.Frame{Flash: console.Flash{Said: said, Object: "<b>"}}, Kind: console.Missing})
		if got := strings.Contains(page, `class="flash"`); got != want {
			t.Errorf("%q: flash is %t", said, got)
		}
		if strings.Contains(page, "<b>") || strings.Contains(page, "><script>") {
			t.Errorf("%q: markup came through", said)
		}
	}
}
