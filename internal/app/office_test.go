package app

import (
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"

	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/operator"
)

// office is a whole server in production, on loopback, with its mail server and its sender of text messages, and the people who
// work with the console.
type office struct {
	*town
	post *post
}

// post is the mail server and the sender: it keeps what comes, and refuses what it is told to.
type post struct {
	mu      sync.Mutex
	letters []letter        // the newest last; guarded by mu
	refused map[string]bool // recipients; guarded by mu
}

// letter is a message that came, whatever it came by.
type letter struct{ to, subject, text string }

func newOffice(t *testing.T) *office {
	t.Helper()
	return officeOn(t, "")
}

// officeOn is one whose server has more lines in its configuration.
func officeOn(t *testing.T, more string) *office {
	t.Helper()
	p := &post{refused: map[string]bool{}}
	o := &office{&town{T: t, dir: t.TempDir(), address: "127.0.0.1:0"}, p}
	sms, smtp := httptest.NewServer(p), p.serveMail(t)
	t.Cleanup(sms.Close)
	file := filepath.Join(t.TempDir(), "countersign.yaml")
	o.config = func(address string) (Config, error) {
		text := fmt.Sprintf(`listen: %s
data_dir: %s
egress:
  allow: [127.0.0.0/8]
smtp:
  address: %s
  from: Acme <no-reply@acme.example>
  tls: none
providers:
  - type: relay
    name: sender
    channels: [sms]
    url: %s
    secret: whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=
%s`, address, o.dir, smtp, sms.URL, more)
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			return Config{}, err
		}
		return Load(Options{File: file})
	}
	o.start()
	t.Cleanup(func() { o.stop() })
	return o
}

// refuse has a recipient get nothing from now on.
func (p *post) refuse(to string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.refused[to] = true
}

func (p *post) take(l letter) (taken bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.refused[l.to] {
		return false
	}
	p.letters = append(p.letters, l)
	return true
}

// to are the messages that a recipient got.
func (p *post) to(recipient string) (all []letter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, l := range p.letters {
		if l.to == recipient {
			all = append(all, l)
		}
	}
	return all
}

// ServeHTTP takes a text message.
func (p *post) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var m struct{ To, Body string }
	if err := json.NewDecoder(r.Body).Decode(&m); err != nil || !p.take(letter{m.To, "", m.Body}) {
		w.WriteHeader(http.StatusBadRequest)
	}
}

// serveMail runs the mail server until the test ends, and gives its address.
func (p *post) serveMail(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv := gosmtp.NewServer(p)
	srv.Domain = "mail.acme.example"
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = srv.Serve(listener) // ends with Close
	}()
	t.Cleanup(func() {
		_ = srv.Close()
		_ = listener.Close()
		<-ended
	})
	return listener.Addr().String()
}

// NewSession implements gosmtp.Backend.
func (p *post) NewSession(*gosmtp.Conn) (gosmtp.Session, error) { return &mailing{post: p}, nil }

// mailing is one connection to the mail server.
type mailing struct {
	post *post
	to   string
}

func (*mailing) Reset()        {}
func (*mailing) Logout() error { return nil }

func (*mailing) Mail(string, *gosmtp.MailOptions) error { return nil }

func (m *mailing) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	m.to = to
	return nil
}

func (m *mailing) Data(r io.Reader) error {
	msg, err := mail.ReadMessage(r)
	if err != nil {
		return err
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	if err != nil {
		return err
	}
	_, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	part, err := multipart.NewReader(msg.Body, params["boundary"]).NextPart() // plain text comes first
	if err != nil {
		return err
	}
	text, err := io.ReadAll(part)
	if err != nil {
		return err
	}
	if !m.post.take(letter{m.to, subject, string(text)}) {
		return &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 1, 1}, Message: "no such mailbox"}
	}
	return nil
}

var (
	links = regexp.MustCompile(`http://\S+`)
	codes = regexp.MustCompile(`\b[0-9]{6}\b`)
)

// letter waits until the n-th message of a kind came to a recipient, and gives what the pattern finds in it.
func (o *office) letter(to string, pattern *regexp.Regexp, n int) string {
	o.Helper()
	var found string
	o.wait(fmt.Sprintf("message %d to %s with %s", n, to, pattern), func() bool {
		seen := 0
		for _, l := range o.post.to(to) {
			if text := pattern.FindString(strings.ReplaceAll(l.text, o.base(), "http://"+o.address)); text != "" {
				if seen++; seen == n {
					found = text
				}
			}
		}
		return found != ""
	})
	return found
}

// path is the part of a link on this server that a browser is led to.
func (o *office) path(link string) string {
	o.Helper()
	path, ok := strings.CutPrefix(link, o.base())
	if !ok {
		o.Fatalf("%s leads to another server than %s", link, o.base())
	}
	return path
}

// setupLink is the link that the server printed at its last start.
func (o *office) setupLink() string {
	o.Helper()
	var all []string
	o.wait("the link of the set-up is printed", func() bool {
		all = regexp.MustCompile(`http://\S+/console/setup#\S+`).FindAllString(o.printed.String(), -1)
		return len(all) > 0
	})
	return o.path(all[len(all)-1])
}

// The firm and its first owner.
const (
	firmName      = "Acme Payments"
	ownerName     = "Olga Owner"
	ownerAddress  = "olga@acme.example"
	ownerPassword = "quiet harbour tin lantern"
)

// founded is an office whose firm and owner are there.
func founded(t *testing.T) (*office, person) {
	t.Helper()
	o := newOffice(t)
	return o, o.found()
}

// found makes the firm and its owner by the service in place of the pages.
func (o *office) found() person {
	o.Helper()
	_, token, _ := strings.Cut(o.setupLink(), "#")
	c := operator.Client{RequestID: "req_test"}
	step, err := o.s.operators.Setup(o.Context(), c, token, operator.SetupRequest{
		Firm: firmName, Email: ownerAddress, Name: ownerName, Password: ownerPassword, Locale: "en",
	})
	if err != nil {
		o.Fatal(err)
	}
	p := person{name: ownerName, email: ownerAddress, password: ownerPassword}
	p.signed = o.withApp(&p, step)
	o.by = invite.Caller{Tenant: p.signed.Operator.Tenant, Actor: "key:test", RequestID: "req_test"}
	return p
}

// later than any code of an authenticator that was used before, so that the next one is another.
func (o *office) nextCode() { o.town.later(31 * time.Second) }
