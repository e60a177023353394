package mta_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/app"
)

// TestMain stops the servers that tests share.
func TestMain(m *testing.M) {
	code := m.Run()
	for _, s := range []*shared{&ordinary, &brief} {
		if s.stop != nil {
			s.stop()
		}
	}
	os.Exit(code)
}

// shared is a development server that tests share: a whole one, on SQLite.
type shared struct {
	config string // YAML beside development mode's

	once sync.Once
	stop func()
	site site
	err  error
}

var (
	ordinary shared
	brief    = shared{config: "dev: {code_ttl: 5s, barred: [\"+447700900999\"]}\n"} // codes live five seconds
)

// site is how a development server is reached.
type site struct {
	InboxURL string `json:"inbox_url"`
	MTA      struct {
		BaseURL string `json:"base_url"`
		APIKey  string `json:"api_key"`
	} `json:"mta"`
	Other struct {
		APIKey string `json:"api_key"`
	} `json:"other"`

	log  *lockedBuffer
	data string
	cfg  app.Config
}

// up is the site, started by whoever asks first.
func (s *shared) up(t testing.TB) site {
	t.Helper()
	s.once.Do(func() { s.err = s.start() })
	if s.err != nil {
		t.Fatalf("the server: %v", s.err)
	}
	return s.site
}

func (s *shared) start() error {
	dir, err := os.MkdirTemp("", "mta")
	if err != nil {
		return err
	}
	o := app.Options{Dev: true, Listen: "127.0.0.1:0", DataDir: filepath.Join(dir, "data")}
	if s.config != "" {
		o.File = filepath.Join(dir, "config.yaml")
		if err := os.WriteFile(o.File, []byte(s.config), 0o600); err != nil {
			return err
		}
	}
	cfg, err := app.Load(o)
	if err != nil {
		return err
	}
	s.site.log, s.site.data, s.site.cfg = &lockedBuffer{}, o.DataDir, cfg
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- app.Serve(ctx, cfg, slog.New(slog.NewJSONHandler(s.site.log, nil))) }()
	s.stop = func() {
		cancel()
		<-ended
		_ = os.RemoveAll(dir)
	}
	return s.await(ended)
}

// await waits until the server is ready.
func (s *shared) await(ended chan error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(time.Minute); ; {
		select {
		case err := <-ended:
			ended <- err
			return fmt.Errorf("it ended: %w", err)
		case <-late:
			return fmt.Errorf("it is not ready after a minute")
		case <-tick.C:
		}
		text, err := os.ReadFile(filepath.Join(s.site.data, "dev-credentials.json"))
		if err == nil && json.Unmarshal(text, &s.site) == nil && s.site.answers() {
			return nil
		}
	}
}

func (s site) answers() bool {
	res, err := http.Get(strings.TrimSuffix(s.MTA.BaseURL, "/compat/mta") + "/readyz")
	if err != nil {
		return false
	}
	_ = res.Body.Close()
	return res.StatusCode == http.StatusOK
}

// lockedBuffer is a log that may be read while it is written.
type lockedBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// numbers counts those that were given out: British mobile numbers kept for fiction.
var numbers atomic.Int64

func newNumber() string { return fmt.Sprintf("+447700900%03d", numbers.Add(1)) }

func newLandline() string { return fmt.Sprintf("+442079460%03d", numbers.Add(1)) }

// object is a JSON object.
type object map[string]any

// reply is what came of a call.
type reply struct {
	status int
	header http.Header
	text   string
	object object
}

// data is the member of that name.
func (r reply) data() object {
	d, _ := r.object["data"].(map[string]any)
	return d
}

// client calls the door of a site.
type client struct {
	t   testing.TB
	at  site
	key string
}

func (s *shared) client(t testing.TB) *client {
	at := s.up(t)
	return &client{t: t, at: at, key: at.MTA.APIKey}
}

// call makes one request; header values that are empty remove what is usual.
func (c *client) call(method, path string, body any, header map[string]string) reply {
	c.t.Helper()
	var in io.Reader
	switch b := body.(type) {
	case nil:
	case string:
		in = strings.NewReader(b)
	default:
		text, err := json.Marshal(b)
		if err != nil {
			c.t.Fatal(err)
		}
		in = bytes.NewReader(text)
	}
	req, err := http.NewRequestWithContext(c.t.Context(), method, c.at.MTA.BaseURL+path, in)
	if err != nil {
		c.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+c.key)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for k, v := range header {
		req.Header.Set(k, v)
		if v == "" {
			req.Header.Del(k)
		}
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	r := reply{status: res.StatusCode, header: res.Header, text: string(text)}
	_ = json.Unmarshal(text, &r.object) // what is no object has no members
	return r
}

func (c *client) post(path string, body any) reply {
	c.t.Helper()
	return c.call("POST", path, body, nil)
}

func (c *client) get(path string) reply { c.t.Helper(); return c.call("GET", path, nil, nil) }

// mustSend sends a code and gives the answer.
func (c *client) mustSend(body object) reply {
	c.t.Helper()
	r := c.post("/v3/verify/sms/send-code", body)
	if r.status != http.StatusOK || r.object["status"] != "PENDING" {
		c.t.Fatalf("send-code: %d %s", r.status, r.text)
	}
	return r
}

func (c *client) check(body object) reply {
	c.t.Helper()
	return c.post("/v3/verify/sms/check-code", body)
}

// want fails unless a check was answered with status.
func (c *client) want(r reply, status string) {
	c.t.Helper()
	if r.status != http.StatusOK || r.object["status"] != status {
		c.t.Errorf("%d %s, want %s", r.status, r.text, status)
	}
}

// wantError fails unless r is an error in the vendor's form.
func (c *client) wantError(r reply, status int, name string) {
	c.t.Helper()
	checkError(c.t, r, status, name)
}

// mail is a message in the development inbox.
type mail struct{ ID, To, Body, Code string }

// inbox lists the messages of a number, newest first.
func (c *client) inbox(to string) []mail {
	c.t.Helper()
	res, err := http.Get(c.at.InboxURL + "?to=" + strings.Replace(to, "+", "%2B", 1))
	if err != nil {
		c.t.Fatal(err)
	}
	defer res.Body.Close()
	var list struct{ Messages []mail }
	if err := json.NewDecoder(res.Body).Decode(&list); err != nil {
		c.t.Fatal(err)
	}
	return list.Messages
}

// message waits for the n-th message of a number and gives the newest.
func (c *client) message(to string, n int) mail {
	c.t.Helper()
	var got []mail
	until(c.t, "a message", func() bool { got = c.inbox(to); return len(got) >= n })
	return got[0]
}

// until waits for what the server does in its own time.
func until(t testing.TB, what string, done func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(30 * time.Second); !done(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("waited for %s in vain", what)
		}
	}
}

// otherCode is a code of the same length that is not code.
func otherCode(code string) string {
	return string('0'+(code[0]-'0'+1)%10) + code[1:]
}
