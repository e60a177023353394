package smtp

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/egress"
)

// Mailer is a provider. It may be used concurrently.
type Mailer struct {
	Now func() time.Time

	cfg    Config
	host   string
	from   *netmail.Address
	domain string // of from: named in greetings and Message-IDs, instead of this machine
	tls    *tls.Config
	egress *egress.Client
	pool   *pool

	library *mail.Client // sends over sessions that we open
}

var (
	_ delivery.Provider  = (*Mailer)(nil)
	_ delivery.Signatory = (*Mailer)(nil)
)

// New makes a mailer of a configuration that Validate finds no fault with. It opens nothing; Close ends what Send opened.
func New(cfg Config, client *egress.Client) (*Mailer, error) {
	if faults := cfg.Validate(); len(faults) > 0 {
		return nil, errors.New(strings.Join(faults, "\n"))
	}
	host, _, err := net.SplitHostPort(cfg.Address)
	if err != nil {
		return nil, err
	}
	from, err := parseFrom(cfg.From)
	if err != nil {
		return nil, err
	}
	tlsConfig, err := cfg.tlsConfig(host)
	if err != nil {
		return nil, err
	}
	// A finished transaction leaves nothing to reset.
	library, err := mail.NewClient(host, mail.WithTimeout(stepTimeout), mail.WithoutRset())
	if err != nil {
		return nil, err
	}
	connections := cfg.Connections
	if connections == 0 {
		connections = defaultConnections
	}
	return &Mailer{
		Now:    time.Now,
		cfg:    cfg,
		host:   host,
		from:   from,
		domain: from.Address[strings.LastIndexByte(from.Address, '@')+1:],
		tls:    tlsConfig,
		egress: client,
		pool:   newPool(connections),

		library: library,
	}, nil
}

// Name is the name in the configuration.
func (m *Mailer) Name() string { return m.cfg.Name }

// Channels is e-mail.
func (m *Mailer) Channels() []delivery.Channel { return []delivery.Channel{delivery.Email} }

// Close ends the connections that wait for the next message.
func (m *Mailer) Close() { m.pool.close() }

// Send hands one message to the mail server.
func (m *Mailer) Send(ctx context.Context, out delivery.Outgoing) (delivery.Accepted, error) {
	to, err := netmail.ParseAddress(out.To.Value)
	if err != nil || to.Address != out.To.Value {
		return delivery.Accepted{}, &delivery.Final{Word: delivery.ErrorInvalidRecipient, Err: errRecipient}
	}
	if err := m.pool.enter(ctx); err != nil {
		return delivery.Accepted{}, ended(ctx, err)
	}
	defer m.pool.leave()
	msg := m.compose(out, to)
	if err := m.handOver(ctx, msg, to.Address); err != nil {
		return delivery.Accepted{}, err
	}
	// A mail server sends no receipts to us, so there is nothing to look up by the reference.
	return delivery.Accepted{Reference: msg.GetMessageID(), Echoes: true}, nil
}

// handOver sends over a kept connection, and over a fresh one when the kept one turns out to be gone.
func (m *Mailer) handOver(ctx context.Context, msg *mail.Msg, to string) error {
	if s := m.pool.take(m.Now()); s != nil {
		err := s.send(ctx, msg, to)
		if !isGone(err) || ctx.Err() != nil {
			return m.conclude(ctx, s, err)
		}
		s.close()
	}
	s, err := m.open(ctx)
	if err != nil {
		return err
	}
	return m.conclude(ctx, s, s.send(ctx, msg, to))
}

// conclude keeps or closes the session and says what came of the message.
func (m *Mailer) conclude(ctx context.Context, s *session, err error) error {
	if s.usable() && (err == nil || isReply(err)) && ctx.Err() == nil {
		m.pool.keep(s, m.Now())
	} else {
		s.close()
	}
	if err == nil {
		return nil
	}
	return notTaken(ctx, err)
}

// compose makes the message. Every header is encoded or checked by the library; names were cleaned before.
func (m *Mailer) compose(out delivery.Outgoing, to *netmail.Address) *mail.Msg {
	msg := mail.NewMsg(mail.WithNoDefaultUserAgent())
	from := m.Sender(out.From, out.Name)
	msg.FromMailAddress(&from)
	msg.ToMailAddress(to)
	msg.Subject(out.Content.Subject)
	msg.SetMessageIDWithValue(out.SendKey + "@" + m.domain)
	msg.SetDateWithValue(m.Now())
	// RFC 3834 §5: nobody's autoresponder should answer.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("Content-Language", out.Content.Locale)
	msg.SetBodyString(mail.TypeTextPlain, out.Content.Text)
	msg.AddAlternativeString(mail.TypeTextHTML, out.Content.HTML)
	return msg
}

// Sender is the route's sender when it is an address, else our own address, under the name that the route gives, else that of who asks
// (RA-66), else our own. A name with an @ in it would be taken for an address.
func (m *Mailer) Sender(route, asks string) netmail.Address {
	from := *m.from
	if a, err := parseFrom(route); err == nil {
		if from = *a; a.Name != "" {
			return from
		}
	} else if route != "" {
		return netmail.Address{Name: route, Address: from.Address}
	}
	if asks != "" && !strings.Contains(asks, "@") {
		from.Name = asks
	}
	return from
}
