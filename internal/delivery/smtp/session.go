package smtp

import (
	"context"
	"crypto/tls"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/wneessen/go-mail"
	gosmtp "github.com/wneessen/go-mail/smtp"

	"github.com/countersign/countersign/internal/delivery"
)

const (
	// stepTimeout ends a conversation that nobody else ends; the context of a send ends it sooner.
	stepTimeout = 30 * time.Second
	// idleAtMost is how long a connection is kept: well below the five minutes of RFC 5321 §4.5.3.2.7.
	idleAtMost = 30 * time.Second
)

// session is one conversation with the server. One goroutine at a time uses it.
type session struct {
	library *mail.Client
	client  *gosmtp.Client
	conn    net.Conn // under any encryption: closing it ends every wait
	kept    time.Time
}

// open connects, greets, encrypts and signs in. Whatever goes wrong is no fault of the message: the error is a
// *delivery.Temporary that tells at which step.
func (m *Mailer) open(ctx context.Context) (*session, error) {
	conn, err := m.egress.Dial(ctx, "tcp", m.cfg.Address)
	if err != nil {
		return nil, notOpened(ctx, delivery.ErrorUnreachable, err)
	}
	s := &session{library: m.library, conn: conn}
	stop := s.closeWhenDone(ctx)
	defer stop()
	if word, err := m.greet(ctx, s); err != nil {
		s.close()
		return nil, notOpened(ctx, word, err)
	}
	return s, nil
}

// greet brings a fresh connection to where messages can be sent. With an error it names what went wrong.
func (m *Mailer) greet(ctx context.Context, s *session) (word string, err error) {
	if err := s.conn.SetDeadline(time.Now().Add(stepTimeout)); err != nil {
		return delivery.ErrorUnreachable, err
	}
	conn := s.conn
	if m.cfg.TLS == Implicit {
		secure := tls.Client(conn, m.tls)
		if err := secure.HandshakeContext(ctx); err != nil {
			return delivery.ErrorTLS, err
		}
		conn = secure
	}
	if s.client, err = gosmtp.NewClient(conn, m.host); err != nil {
		return delivery.ErrorUnreachable, err
	}
	if err := s.client.Hello(m.domain); err != nil {
		return delivery.ErrorUnreachable, err
	}
	if m.cfg.TLS == "" || m.cfg.TLS == StartTLS {
		if offered, _ := s.client.Extension("STARTTLS"); !offered {
			return delivery.ErrorTLS, errNoStartTLS
		}
		if err := s.client.StartTLS(m.tls); err != nil {
			return delivery.ErrorTLS, err
		}
	}
	if m.cfg.Username == "" {
		return "", nil
	}
	return delivery.ErrorCredentials, s.signIn(m.cfg.Username, m.cfg.Password.Reveal(), m.host)
}

// signIn proves who we are by the best mechanism that both sides know. On a connection in clear that leaves the machine the
// library refuses PLAIN and LOGIN, which show the password.
func (s *session) signIn(username, password, host string) error {
	_, offered := s.client.Extension("AUTH")
	mechanisms := strings.Fields(offered)
	switch {
	case slices.Contains(mechanisms, "SCRAM-SHA-256"):
		return s.client.Auth(gosmtp.ScramSHA256Auth(username, password))
	case slices.Contains(mechanisms, "PLAIN"):
		return s.client.Auth(gosmtp.PlainAuth("", username, password, host, false))
	case slices.Contains(mechanisms, "LOGIN"):
		return s.client.Auth(gosmtp.LoginAuth(username, password, host, false))
	}
	return errNoMechanism
}

// send hands over one message. A context that ends breaks the connection off.
func (s *session) send(ctx context.Context, msg *mail.Msg, to string) error {
	stop := s.closeWhenDone(ctx)
	defer stop()
	if err := s.conn.SetDeadline(time.Now().Add(stepTimeout)); err != nil {
		return err
	}
	// A server that was told SMTPUTF8 refuses, late, to pass a message on to one that can't: say it only when needed.
	s.client.SkipSMTPUTF8(isASCII(to))
	return s.library.SendWithSMTPClient(s.client, msg)
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= 0x80 {
			return false
		}
	}
	return true
}

// closeWhenDone closes the connection when ctx ends before stop is called.
func (s *session) closeWhenDone(ctx context.Context) (stop func() bool) {
	return context.AfterFunc(ctx, s.close)
}

// usable reports whether the connection is still there as far as is known.
func (s *session) usable() bool { return s.client.HasConnection() }

// close ends the connection without a farewell, which could hang.
func (s *session) close() { _ = s.conn.Close() } // nothing is left to be lost

// pool bounds the connections and keeps idle ones.
type pool struct {
	slots chan struct{} // one token for each send that is under way

	mu     sync.Mutex
	idle   []*session // the latest kept last; guarded by mu
	closed bool       // guarded by mu
}

func newPool(connections int) *pool { return &pool{slots: make(chan struct{}, connections)} }

// enter waits for a slot until ctx ends.
func (p *pool) enter(ctx context.Context) error {
	select {
	case p.slots <- struct{}{}:
		return ctx.Err()
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (p *pool) leave() { <-p.slots }

// take gives the session that was kept last, or nil. Those kept for too long are closed.
func (p *pool) take(now time.Time) *session {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.idle) > 0 && now.Sub(p.idle[0].kept) > idleAtMost {
		p.idle[0].close()
		p.idle = p.idle[1:]
	}
	if len(p.idle) == 0 {
		return nil
	}
	s := p.idle[len(p.idle)-1]
	p.idle = p.idle[:len(p.idle)-1]
	return s
}

func (p *pool) keep(s *session, now time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		s.close()
		return
	}
	s.kept = now
	p.idle = append(p.idle, s)
}

func (p *pool) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.closed = true
	for _, s := range p.idle {
		s.close()
	}
	p.idle = nil
}
