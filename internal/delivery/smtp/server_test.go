package smtp_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"io"
	"math/big"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net"
	"net/mail"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	gosmtp "github.com/emersion/go-smtp"

	"github.com/countersign/countersign/internal/delivery/deliverytest"
)

const (
	testUser     = "relay-user"
	testPassword = "hunter2-very-secret"
)

// server is a mail server in this process, which behaves as told.
type server struct {
	addr   string
	caFile string
	stop   chan struct{} // closed at the end, to release who hangs

	mu        sync.Mutex
	behaviour deliverytest.Behaviour
	refuse    error // instead of a behaviour: what RCPT answers
	letters   []letter
	sessions  int
	signedIn  bool
	opts      *gosmtp.MailOptions
}

// letter is one message as it came.
type letter struct {
	from, to string
	raw      []byte
}

// startServer starts one. change may alter the library's settings before.
func startServer(t *testing.T, change func(*gosmtp.Server)) *server {
	t.Helper()
	return serve(t, change, func(l net.Listener, _ *tls.Config) net.Listener { return l })
}

// startImplicit starts one that is encrypted from the first byte.
func startImplicit(t *testing.T, change func(*gosmtp.Server)) *server {
	t.Helper()
	return serve(t, change, tls.NewListener)
}

func serve(t *testing.T, change func(*gosmtp.Server), wrap func(net.Listener, *tls.Config) net.Listener) *server {
	t.Helper()
	s := &server{stop: make(chan struct{})}
	srv := gosmtp.NewServer(s)
	srv.Domain = "mail.example.net"
	srv.ErrorLog = silent{}
	srv.TLSConfig, s.caFile = certificate(t)
	if change != nil {
		change(srv)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	outer := wrap(breaking{listener, s}, srv.TLSConfig)
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(outer) // ends with Close
	}()
	t.Cleanup(func() {
		close(s.stop)
		_ = srv.Close()
		_ = listener.Close() // the library forgets one that it had not begun to serve
		<-done
	})
	return s
}

type silent struct{}

func (silent) Printf(string, ...any) {}
func (silent) Println(...any)        {}

// certificate is a fresh one for loopback, and the file of the authority that signed it: itself.
func certificate(t *testing.T) (*tls.Config, string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}, file
}

func (s *server) behave(b deliverytest.Behaviour) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.behaviour = b
}

func (s *server) now() deliverytest.Behaviour {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.behaviour
}

func (s *server) got() []letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]letter(nil), s.letters...)
}

func (s *server) sessionCount() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sessions
}

// NewSession is called after each greeting.
func (s *server) NewSession(c *gosmtp.Conn) (gosmtp.Session, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sessions++
	return &session{server: s, conn: c}, nil
}

type session struct {
	server *server
	conn   *gosmtp.Conn
	letter letter
}

func (c *session) AuthMechanisms() []string { return []string{sasl.Plain} }

func (c *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if user != testUser || password != testPassword {
			return gosmtp.ErrAuthFailed
		}
		c.server.mu.Lock()
		defer c.server.mu.Unlock()
		c.server.signedIn = true
		return nil
	}), nil
}

func (c *session) Reset()        {}
func (c *session) Logout() error { return nil }

func (c *session) Mail(from string, opts *gosmtp.MailOptions) error {
	c.letter = letter{from: from}
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.opts = opts
	return nil
}

func (c *session) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	c.letter.to = to
	c.server.mu.Lock()
	refuse, behaviour := c.server.refuse, c.server.behaviour
	c.server.mu.Unlock()
	switch {
	case refuse != nil:
		return refuse
	case behaviour == deliverytest.Overload:
		return &gosmtp.SMTPError{Code: 451, EnhancedCode: gosmtp.EnhancedCode{4, 7, 1}, Message: "try <" + to + "> later"}
	case behaviour == deliverytest.Refuse:
		return &gosmtp.SMTPError{Code: 550, EnhancedCode: gosmtp.EnhancedCode{5, 1, 1}, Message: "no <" + to + "> here"}
	}
	return nil
}

func (c *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	switch c.server.now() {
	case deliverytest.Hang:
		<-c.server.stop
		return errors.New("stopped")
	case deliverytest.Break:
		return c.conn.Conn().Close()
	}
	c.letter.raw = raw
	c.server.mu.Lock()
	defer c.server.mu.Unlock()
	c.server.letters = append(c.server.letters, c.letter)
	return nil
}

// breaking is a listener whose connections lie while the server is told to.
type breaking struct {
	net.Listener
	server *server
}

func (l breaking) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	return lying{conn, l.server}, err
}

type lying struct {
	net.Conn
	server *server
}

func (c lying) Write(p []byte) (int, error) {
	if c.server.now() == deliverytest.Lie {
		_, err := c.Conn.Write(bytes.Repeat([]byte("lies\r\n"), 1+len(p)))
		return len(p), err
	}
	return c.Conn.Write(p)
}

// parts are the decoded parts of a letter by type, and its headers.
func (l letter) parts(t *testing.T) (mail.Header, map[string]string) {
	t.Helper()
	msg, err := mail.ReadMessage(bytes.NewReader(l.raw))
	if err != nil {
		t.Fatalf("%v in:\n%s", err, l.raw)
	}
	kind, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || kind != "multipart/alternative" {
		t.Fatalf("%s, %v", kind, err)
	}
	parts := map[string]string{}
	for r := multipart.NewReader(msg.Body, params["boundary"]); ; {
		part, err := r.NextRawPart()
		if errors.Is(err, io.EOF) {
			return msg.Header, parts
		}
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			t.Fatal(err)
		}
		parts[part.Header.Get("Content-Type")] = strings.ReplaceAll(string(body), "\r\n", "\n")
	}
}
