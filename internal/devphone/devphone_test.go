package devphone_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"html"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/devphone"
	"github.com/countersign/countersign/internal/web"
	"github.com/countersign/countersign/internal/web/webtest"
)

// inbox is an inbox with one watcher at most.
type inbox struct {
	mu   sync.Mutex
	kept []devphone.Message // oldest first
	come chan devphone.Message
}

func (in *inbox) Messages(to string) []devphone.Message {
	in.mu.Lock()
	defer in.mu.Unlock()
	var out []devphone.Message
	for _, m := range slices.Backward(in.kept) {
		if to == "" || m.To == to {
			out = append(out, m)
		}
	}
	return out
}

func (in *inbox) Watch(ctx context.Context) iter.Seq[devphone.Message] {
	return func(yield func(devphone.Message) bool) {
		for {
			select {
			case <-ctx.Done():
				return
			case m := <-in.come:
				if !yield(m) {
					return
				}
			}
		}
	}
}

func (in *inbox) put(m devphone.Message) {
	in.mu.Lock()
	in.kept = append(in.kept, m)
	in.mu.Unlock()
	if in.come != nil {
		in.come <- m
	}
}

var at = time.Date(2026, 11, 21, 22, 46, 0, 123_000_000, time.UTC)

// messages are one of each channel, the first recipient's thread being the one with the newest message.
func messages() []devphone.Message {
	return []devphone.Message{
		{ID: "dlv_1", To: "+12025550123", Channel: delivery.SMS, From: "Acme", Body: "Acme: 482913 is your code.\n\n@acme.example #482913", Code: "482913", Provider: "main", CreatedAt: at},
		{ID: "dlv_2", To: "ann@example.org", Channel: delivery.Email, From: "Acme <no-reply@example.net>", Subject: "118207 is your code", Body: "Your code is 118207.", Code: "118207", Provider: "post", CreatedAt: at},
		{ID: "dlv_3", To: "+442079460123", Channel: delivery.Voice, Body: "Your code is: 7, 3.", Code: "73", Provider: "main", CreatedAt: at},
		{ID: "dlv_4", To: "+971501234567", Channel: delivery.WhatsApp, Body: `<script>alert("x")</script> 55555`, Code: "55555", Provider: "main", CreatedAt: at},
		{ID: "dlv_5", To: "+12025550123", Channel: delivery.SMS, Body: "Again 482913", Code: "482913", Provider: "other", CreatedAt: at.Add(time.Minute)},
	}
}

// origin is where links of this server begin.
const origin = "http://127.0.0.1:8080"

// command is what an empty page offers.
const command = `curl -s http://127.0.0.1:8080/v1/verifications -H "Authorization: Bearer $(grep -o 'csk_[a-z0-9]*' .dev/dev-credentials.json | head -n 1)" ` +
	`-H 'Content-Type: application/json' -d '{"to":"+12025550123"}'`

func newPhone(t *testing.T, in *inbox) http.Handler {
	t.Helper()
	h, err := devphone.New(devphone.Config{Inbox: in, Origin: origin, Command: command})
	if err != nil {
		t.Fatal(err)
	}
	return webtest.Wrap(io.Discard, web.PagePolicy(web.WriteProblem), h)
}

func get(h http.Handler, target string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("GET", target, nil)
	r.Host = "127.0.0.1:8080"
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestInbox(t *testing.T) {
	t.Parallel()
	h := newPhone(t, &inbox{kept: messages()})
	for query, want := range map[string][]string{
		"":                      {"dlv_5", "dlv_4", "dlv_3", "dlv_2", "dlv_1"},
		"?to=%2B12025550123":    {"dlv_5", "dlv_1"},
		"?to=+12025550123":      {"dlv_5", "dlv_1"}, // a + that was not escaped
		"?to=Ann@EXAMPLE.org":   {"dlv_2"},          // by its normal form
		"?to=nobody@example.io": {},
	} {
		w := get(h, "/dev/inbox"+query)
		var got struct{ Messages []map[string]any }
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		ids := []string{}
		for _, m := range got.Messages {
			ids = append(ids, m["id"].(string))
		}
		if diff := cmp.Diff(want, ids); diff != "" {
			t.Errorf("%s (-want +got):\n%s", query, diff)
		}
	}
	want := `{"messages":[{"id":"dlv_2","to":"ann@example.org","channel":"email","from":"Acme <no-reply@example.net>","subject":"118207 is your code",` +
		`"body":"Your code is 118207.","code":"118207","provider":"post","created_at":"2026-11-21T22:46:00.123Z"}]}`
	var a, b any
	if err := json.Unmarshal([]byte(want), &a); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(get(h, "/dev/inbox?to=ann@example.org").Body.Bytes(), &b); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, b); diff != "" {
		t.Errorf("message (-want +got):\n%s", diff)
	}
	if got := get(newPhone(t, &inbox{}), "/dev/inbox").Body.String(); got != "{\"messages\":[]}\n" {
		t.Errorf("empty inbox = %s", got)
	}
}

func TestPage(t *testing.T) {
	t.Parallel()
	h := newPhone(t, &inbox{kept: messages()})
	page := get(h, "/dev/phone").Body.String()
	for _, part := range []string{
		`<strong><bdi dir="ltr">482913</bdi></strong> is your code.`, `@acme.example #<strong>`,
		`data-copy="482913"`, `Would go by <b>post</b>`, `<p class="subject">118207 is your code</p>`, `<p class="spoken">What the voice says</p>`,
		`<li class="email" data-id="dlv_2">`, `<li class="voice" data-id="dlv_3">`, `&lt;script&gt;alert(&#34;x&#34;)&lt;/script&gt;`,
		`<a href="">Reload</a> to see new messages`, `datetime="2026-11-21T22:46:00Z"`, `>21 Nov 22:46:00 UTC<`,
		`ann@<wbr>example.<wbr>org<wbr></bdi></h2>`, `&#43;12025550123<wbr></bdi></h2>`,
	} {
		if !strings.Contains(page, part) {
			t.Errorf("the page lacks %s", part)
		}
	}
	var order []string
	for _, m := range regexp.MustCompile(`data-id="(dlv_\d)"`).FindAllStringSubmatch(page, -1) {
		order = append(order, m[1])
	}
	if diff := cmp.Diff([]string{"dlv_1", "dlv_5", "dlv_4", "dlv_3", "dlv_2"}, order); diff != "" {
		t.Errorf("order: newest thread first, oldest message first in it (-want +got):\n%s", diff)
	}
}

func TestPageSearch(t *testing.T) {
	t.Parallel()
	h := newPhone(t, &inbox{kept: messages()})
	for query, want := range map[string]int{"": 4, "?to=EXAMPLE": 1, "?to=44": 1, "?to=+1202": 1, "?to=zz": 0} {
		page := get(h, "/dev/phone"+query).Body.String()
		if got := strings.Count(page, `<section class="thread"`); got != want {
			t.Errorf("%s: %d threads, want %d", query, got, want)
		}
	}
	if page := get(h, `/dev/phone?to="><script>`).Body.String(); strings.Contains(page, `"><script>`) {
		t.Error("the search is not escaped")
	}
}

func TestPageWithNothing(t *testing.T) {
	t.Parallel()
	page := get(newPhone(t, &inbox{}), "/dev/phone").Body.String()
	for _, part := range []string{"No message yet", command} {
		if !strings.Contains(html.UnescapeString(page), part) {
			t.Errorf("the page lacks %s", part)
		}
	}
}

// TestPageStaysShort: tests that use one number over and over, or a new one each time, leave a page one can use.
func TestPageStaysShort(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		kept, inSight, folded int
		words                 string
	}{
		{1, 1, 0, ""},
		{2, 2, 0, ""},
		{3, 2, 1, ">1 earlier message<"},
		{20, 2, 18, ">18 earlier messages<"},
		{25, 2, 18, `>23 earlier messages</span></summary>
<p class="older">The oldest 5 are not shown here: <a href="/dev/inbox?to=%2b12025550123">`},
	} {
		in := &inbox{}
		for range c.kept {
			in.put(messages()[0])
		}
		before, after, _ := strings.Cut(get(newPhone(t, in), "/dev/phone").Body.String(), `<ol class="latest">`)
		if folded, inSight := strings.Count(before, "<li "), strings.Count(after, "<li "); folded != c.folded || inSight != c.inSight || !strings.Contains(before, c.words) {
			t.Errorf("of %d messages %d are folded and %d in sight, want %d and %d, with %q", c.kept, folded, inSight, c.folded, c.inSight, c.words)
		}
		if c.folded == 0 && strings.Contains(before, "<details>") {
			t.Errorf("of %d messages none is folded, yet there is a fold", c.kept)
		}
	}
	for _, c := range []struct {
		recipients int
		words      string
	}{{50, ""}, {51, "1 more recipient is not shown."}, {60, "10 more recipients are not shown."}} {
		in := &inbox{}
		for i := range c.recipients {
			m := messages()[0]
			m.To = fmt.Sprintf("+1202555%04d", i)
			in.put(m)
		}
		page := get(newPhone(t, in), "/dev/phone").Body.String()
		if n := strings.Count(page, `<section class="thread"`); n != 50 || !strings.Contains(page, c.words) || c.words == "" && strings.Contains(page, "not shown") {
			t.Errorf("of %d recipients %d are shown, want 50 and %q", c.recipients, n, c.words)
		}
	}
}

// TestPageIsLight adds up all that a browser loads.
func TestPageIsLight(t *testing.T) {
	t.Parallel()
	h := newPhone(t, &inbox{kept: messages()})
	page := get(h, "/dev/phone").Body.String()
	total := len(page)
	for _, m := range regexp.MustCompile(`"(/dev/phone/assets/[^"]+)"`).FindAllStringSubmatch(page, -1) {
		total += get(h, m[1]).Body.Len()
	}
	if total > 60_000 || total < len(page)+5_000 {
		t.Errorf("page and assets have %d bytes, of which %d the page", total, len(page))
	}
}

// TestSEC_89_the_page_runs_nothing_inline holds the page against its own policy.
func TestSEC_89_the_page_runs_nothing_inline(t *testing.T) {
	t.Parallel()
	h := newPhone(t, &inbox{kept: messages()})
	w := get(h, "/dev/phone")
	page := w.Body.String()
	if csp := w.Header().Get("Content-Security-Policy"); strings.Contains(csp, "unsafe") || !strings.HasPrefix(csp, "default-src 'none'") {
		t.Errorf("Content-Security-Policy = %q", csp)
	}
	if inline := regexp.MustCompile(`(?i)<script>|<script [^>]*>[^<]|<style| style=| on[a-z]+=|javascript:|https?:`).FindString(page); inline != "" {
		t.Errorf("the page holds %q", inline)
	}
	for _, m := range regexp.MustCompile(`(?:src|href)="(/dev/phone/assets/[^"]+)"`).FindAllStringSubmatch(page, -1) {
		a := get(h, m[1])
		if a.Code != 200 || !strings.Contains(a.Header().Get("Cache-Control"), "immutable") {
			t.Errorf("%s: %d, %q", m[1], a.Code, a.Header().Get("Cache-Control"))
		}
		if strings.Contains(a.Body.String(), "http://") && !strings.Contains(a.Body.String(), "http://www.w3.org/2000/svg") {
			t.Errorf("%s names another site", m[1])
		}
	}
}

// TestOnlyLoopbackNames: a site that lets its own name point here must not read codes.
func TestAWebhookIsTaken(t *testing.T) {
	t.Parallel()
	h := newPhone(t, &inbox{})
	post := func(host string) int {
		r := httptest.NewRequest("POST", devphone.PathWebhook, strings.NewReader(`{"type":"webhook.tested"}`))
		r.Host = host
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w.Code
	}
	if got := post("127.0.0.1:8080"); got != http.StatusOK {
		t.Errorf("a webhook is answered by %d", got)
	}
	if got := post("rebound.example"); got != http.StatusForbidden {
		t.Errorf("under another name it is answered by %d", got)
	}
}

func TestOnlyLoopbackNames(t *testing.T) {
	t.Parallel()
	h := newPhone(t, &inbox{kept: messages()})
	for host, want := range map[string]int{
		"localhost": 200, "localhost:8080": 200, "127.0.0.1:8080": 200, "127.3.2.1": 200, "[::1]:8080": 200, "[::1]": 200,
		"evil.example": 403, "evil.example:8080": 403, "127.0.0.1.evil.example": 403, "10.0.0.1:8080": 403, "localhost.evil.example": 403, "": 403,
	} {
		for _, target := range []string{"/dev/inbox", "/dev/phone"} {
			r := httptest.NewRequest("GET", target, nil)
			r.Host = host
			w := httptest.NewRecorder()
			if h.ServeHTTP(w, r); w.Code != want || want == 403 && strings.Contains(w.Body.String(), "482913") {
				t.Errorf("%q %s: %d, want %d", host, target, w.Code, want)
			}
		}
	}
}

func TestEvents(t *testing.T) {
	t.Parallel()
	in := &inbox{kept: messages()[:1], come: make(chan devphone.Message)}
	srv := httptest.NewServer(newPhone(t, in))
	defer srv.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, "GET", srv.URL+"/dev/phone/events?to=example", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := srv.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if ct := resp.Header.Get("Content-Type"); ct != "text/event-stream" {
		t.Errorf("Content-Type = %q", ct)
	}
	lines := bufio.NewScanner(resp.Body)
	event := func() string {
		var b strings.Builder
		for lines.Scan() && lines.Text() != "" {
			b.WriteString(lines.Text() + "\n")
		}
		return b.String()
	}
	if retry := event(); retry != "retry: 1000\n" {
		t.Errorf("how soon to come back = %q", retry)
	}
	if first := event(); !strings.HasPrefix(first, "event: all\ndata: <div class=\"list\"") || strings.Contains(first, "dlv_1") {
		t.Errorf("first event: what there is and fits the search\n%s", first)
	}
	in.put(messages()[2]) // to another recipient than the one searched for
	in.put(messages()[1])
	second := event()
	if !strings.HasPrefix(second, "event: thread\ndata: <section class=\"thread\"") || !strings.Contains(second, "dlv_2") {
		t.Errorf("second event: the thread that changed\n%s", second)
	}
	for line := range strings.Lines(second) {
		if !strings.HasPrefix(line, "data: ") && !strings.HasPrefix(line, "event: ") {
			t.Errorf("line outside the format: %q", line)
		}
	}
}
