package docs_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/countersign/countersign/internal/webhook/webhooktest"
)

// posted is what a receiver of webhooks got.
type posted struct {
	header http.Header
	body   []byte
}

// hook collects what is posted to a webhook.
type hook struct {
	url     string
	arrived chan posted
}

func newHook(t *testing.T) *hook {
	t.Helper()
	r := &hook{arrived: make(chan posted, 1000)}
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		if err == nil {
			r.arrived <- posted{req.Header, body}
		}
	}))
	t.Cleanup(s.Close)
	r.url = s.URL
	return r
}

// caller calls the API with a key.
type caller struct {
	t         *testing.T
	base, key string
}

// do sends a request and decodes the answer; it ends the test when that is no 2xx.
func (c caller) do(method, path string, body any) (answer struct{ ID, Secret, Status string }) {
	c.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		c.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.base+path, bytes.NewReader(raw))
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	req.Header.Set("Content-Type", "application/json")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode >= 300 || json.Unmarshal(got, &answer) != nil {
		c.t.Fatalf("%s %s: %d %s %v", method, path, res.StatusCode, got, err)
	}
	return answer
}

// code waits until the inbox has a message for the number, and reads its code.
func (c caller) code(to string) string {
	c.t.Helper()
	for deadline := time.After(20 * time.Second); ; {
		res, err := http.Get(c.base + "/dev/inbox?to=%2B" + to[1:])
		if err != nil {
			c.t.Fatal(err)
		}
		text, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if m := regexp.MustCompile(`"code": *"([0-9]+)"`).FindSubmatch(text); err == nil && m != nil {
			return string(m[1])
		}
		select {
		case <-deadline:
			c.t.Fatal("no message came")
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// live has a server post what it posts of a few verifications, and compares it with events.md.
func live(t *testing.T, dir, addr string) {
	c, r := connect(t, dir, addr), newHook(t)
	secret := c.do("POST", "/v1/webhooks", map[string]any{"url": r.url, "events": []string{"verification.*"}}).Secret
	const to = "+12025550131"
	first := c.do("POST", "/v1/verifications", map[string]any{"to": to, "external_id": "u-1", "metadata": map[string]string{"k": "v"}}).ID
	code := c.code(to)
	n, err := strconv.Atoi(code)
	if err != nil {
		t.Fatal(err)
	}
	c.do("POST", "/v1/verifications/"+first+"/check", map[string]any{"code": strconv.Itoa(100000 + (n+1)%900000)})
	c.do("POST", "/v1/verifications/"+first+"/check", map[string]any{"code": code})
	second := c.do("POST", "/v1/verifications", map[string]any{"to": "+12025550132"}).ID
	c.do("POST", "/v1/verifications/"+second+"/cancel", nil)
	third := c.do("POST", "/v1/verifications", map[string]any{"to": "+12025550133", "code": "2468"}).ID
	c.do("POST", "/v1/verifications/"+third+"/approve", nil)
	await(t, r, secret, code, map[string]string{
		"verification.started": first, "verification.sent": first, "verification.check_failed": first, "verification.approved": first,
		"verification.canceled": second,
	}, third)
}

// invited has a server post what it posts of an invitation (RA b.6), and compares it with events.md.
func invited(t *testing.T, dir, addr string) {
	c, r := connect(t, dir, addr), newHook(t)
	secret := c.do("POST", "/v1/webhooks", map[string]any{"url": r.url, "events": []string{"invitation.*"}}).Secret
	const to = "+12025550134"
	id := c.do("POST", "/v1/invitations", map[string]any{"first_name": "Ann", "last_name": "Lee", "mobile": to, "external_id": "x-1"}).ID
	c.do("POST", "/v1/invitations/"+id+"/resend", map[string]any{})
	c.do("PATCH", "/v1/invitations/"+id+"/contact", map[string]any{"mobile": "+12025550135"})
	c.do("POST", "/v1/invitations/"+id+"/cancel", map[string]any{"reason": "sent to the wrong person"})
	await(t, r, secret, to, map[string]string{
		"invitation.created": id, "invitation.resent": id, "invitation.contact_changed": id, "invitation.canceled": id,
	}, "")
}

// sample builds and runs the receiver of events.md, and has the server send it a test event.
func sample(t *testing.T, dir, addr string) {
	text, err := os.ReadFile("events.md")
	if err != nil {
		t.Fatal(err)
	}
	program := regexp.MustCompile("(?s)```go\n(.*?)```").FindSubmatch(text)
	if program == nil {
		t.Fatal("events.md shows no receiver")
	}
	source, bin := filepath.Join(t.TempDir(), "main.go"), filepath.Join(t.TempDir(), "receiver")
	if err := os.WriteFile(source, program[1], 0o600); err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", bin, source).CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	listen := l.Addr().String()
	_ = l.Close()
	c := connect(t, dir, addr)
	made := c.do("POST", "/v1/webhooks", map[string]any{"url": "http://" + listen + "/hook", "events": []string{"webhook.disabled"}})
	receiver := exec.CommandContext(t.Context(), bin)
	receiver.Env = append(os.Environ(), "SECRET="+made.Secret, "LISTEN="+listen)
	said, err := receiver.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := receiver.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = receiver.Process.Kill() // it has no other end
		_ = receiver.Wait()
	})
	for deadline := time.After(20 * time.Second); ; { // a test that comes too early would be tried again in five seconds
		conn, err := net.Dial("tcp", listen)
		if err == nil {
			_ = conn.Close()
			break
		}
		select {
		case <-deadline:
			t.Fatal("the receiver does not listen")
		case <-time.After(20 * time.Millisecond):
		}
	}
	c.do("POST", "/v1/webhooks/"+made.ID+"/test", nil)
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil || !regexp.MustCompile(`^evt_\w+ \{"id":"evt_\w+","type":"webhook.tested".*"id":"`+made.ID+`"`).MatchString(line) {
		t.Errorf("it said %q, %v", line, err)
	}
}

// connect calls a development server with its key.
func connect(t *testing.T, dir, addr string) caller {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, ".dev", "dev-credentials.json"))
	if err != nil {
		t.Fatal(err)
	}
	var credentials struct {
		APIKey string `json:"api_key"`
	}
	if err := json.Unmarshal(text, &credentials); err != nil {
		t.Fatal(err)
	}
	return caller{t, "http://" + addr, credentials.APIKey}
}

// await reads what arrives until each type has come for its verification, and the last one is approved.
func await(t *testing.T, r *hook, secret, code string, want map[string]string, last string) {
	t.Helper()
	library, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	schema := webhooktest.ReadSchema(t, "events.md")
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for len(want) > 0 || last != "" {
		var p posted
		select {
		case p = <-r.arrived:
		case <-ctx.Done():
			t.Fatalf("did not come: %v %s", want, last)
		}
		if err := library.Verify(p.body, p.header); err != nil {
			t.Errorf("the published library refuses %s: %v", p.body, err)
		}
		if faults := schema.Check(p.body); len(faults) > 0 {
			t.Errorf("%s: %v", p.body, faults)
		}
		if bytes.Contains(p.body, []byte(code)) || bytes.Contains(p.body, []byte("+12025550131")) {
			t.Errorf("a code or a number is in %s", p.body)
		}
		var e struct {
			Type string
			Data struct{ ID string }
		}
		if err := json.Unmarshal(p.body, &e); err != nil {
			t.Fatal(err)
		}
		if want[e.Type] == e.Data.ID {
			delete(want, e.Type)
		}
		if e.Type == "verification.approved" && e.Data.ID == last {
			last = ""
		}
	}
}
