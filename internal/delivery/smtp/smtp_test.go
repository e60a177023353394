package smtp_test

import (
	"bytes"
	"context"
	"errors"
	"mime"
	"net"
	"net/mail"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	gosmtp "github.com/emersion/go-smtp"
	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/delivery/deliverytest"
	"github.com/countersign/countersign/internal/delivery/smtp"
	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/uid"
)

func config(s *server) smtp.Config {
	return smtp.Config{Name: "post", Address: s.addr, From: "Acme <no-reply@acme.example>", CAFile: s.caFile,
		Username: testUser, Password: testPassword}
}

func open(t *testing.T, cfg smtp.Config) *smtp.Mailer {
	t.Helper()
	client, err := egress.New(egress.Config{Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}}, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	m, err := smtp.New(cfg, client)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(m.Close)
	return m
}

func TestMailer_suite(t *testing.T) {
	t.Parallel()
	deliverytest.Run(t, func(t *testing.T) deliverytest.Subject {
		s := startServer(t, nil)
		return deliverytest.Subject{
			Provider: open(t, config(s)),
			Secrets:  []string{testPassword},
			Behave:   s.behave,
			Taken: func() (all []deliverytest.Taken) {
				for _, l := range s.got() {
					h, parts := l.parts(t)
					all = append(all, deliverytest.Taken{To: l.to, Text: parts["text/plain; charset=UTF-8"], Key: h.Get("Message-Id")})
				}
				return all
			},
		}
	})
}

// outgoing is an ordinary letter.
func outgoing(m *smtp.Mailer) delivery.Outgoing {
	return deliverytest.Outgoing(m, uid.New(time.UnixMilli(1700000000000), 99), 1)
}

func TestSend_writes_a_proper_letter(t *testing.T) {
	t.Parallel()
	s := startServer(t, nil)
	m := open(t, config(s))
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	m.Now = func() time.Time { return now }
	out := outgoing(m)
	out.Content.Subject = "918273 is your Köln & Söhne code"
	accepted, err := m.Send(t.Context(), out)
	if err != nil {
		t.Fatal(err)
	}
	if !s.signedIn {
		t.Error("not signed in")
	}
	l := s.got()[0]
	h, parts := l.parts(t)
	if l.from != "no-reply@acme.example" || l.to != "ada@example.net" {
		t.Errorf("envelope %s -> %s", l.from, l.to)
	}
	subject, err := new(mime.WordDecoder).DecodeHeader(h.Get("Subject"))
	if err != nil || subject != out.Content.Subject {
		t.Errorf("subject %q, %v", subject, err)
	}
	got := map[string]string{}
	for key := range h {
		got[key] = h.Get(key)
	}
	delete(got, "Subject")
	delete(got, "Content-Type")
	want := map[string]string{
		"From": `"Acme" <no-reply@acme.example>`, "To": "<ada@example.net>", "Date": "Fri, 02 Jan 2026 03:04:05 +0000",
		"Message-Id": "<" + out.SendKey + "@acme.example>", "Auto-Submitted": "auto-generated", "Content-Language": "en", "Mime-Version": "1.0",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("headers (no User-Agent, no X-Mailer, nothing else): %s", diff)
	}
	if accepted.Reference != want["Message-Id"] || !accepted.Echoes {
		t.Errorf("%+v", accepted)
	}
	if parts["text/plain; charset=UTF-8"] != out.Content.Text || parts["text/html; charset=UTF-8"] != out.Content.HTML {
		t.Errorf("parts %q", parts)
	}
	if host, err := os.Hostname(); err == nil && len(host) > 3 && bytes.Contains(l.raw, []byte(host)) {
		t.Error("the letter tells this machine's name")
	}
}

func TestSend_headers_can_not_be_injected(t *testing.T) {
	t.Parallel()
	s := startServer(t, nil)
	m := open(t, config(s))
	for _, change := range []func(*delivery.Outgoing){
		func(o *delivery.Outgoing) { o.Content.Subject = "918273\r\nBcc: eve@evil.example\r\n\r\nhello" },
		func(o *delivery.Outgoing) { o.From = "Acme\r\nBcc: eve@evil.example" },
		func(o *delivery.Outgoing) { o.From = "Acme\r\nBcc: eve@evil.example <a@acme.example>" },
		func(o *delivery.Outgoing) { o.SendKey = "snd_1\r\nBcc: eve@evil.example" },
		func(o *delivery.Outgoing) { o.Content.Locale = "en\r\nBcc: eve@evil.example" },
		func(o *delivery.Outgoing) { o.To.Value = "ada@example.net>\r\nRCPT TO:<eve@evil.example" },
		func(o *delivery.Outgoing) { o.To.Value = "ada@example.net\r\nBcc: eve@evil.example" },
	} {
		out := outgoing(m)
		change(&out)
		_, _ = m.Send(t.Context(), out) // taken or refused, but never injected
	}
	for _, l := range s.got() {
		h, err := mail.ReadMessage(bytes.NewReader(l.raw))
		if err != nil {
			t.Errorf("%v in:\n%s", err, l.raw)
			continue
		}
		if h.Header.Get("Bcc") != "" || strings.Contains(l.to, "evil") {
			t.Errorf("injected into a letter to %q:\n%s", l.to, l.raw)
		}
	}
}

func TestSend_refuses_what_is_no_address(t *testing.T) {
	t.Parallel()
	m := open(t, config(startServer(t, nil)))
	for _, to := range []string{"", "+12025550123", "Ada <ada@example.net>", "ada@example.net, eve@evil.example", " ada@example.net"} {
		out := outgoing(m)
		out.To.Value = to
		_, err := m.Send(t.Context(), out)
		if fin, ok := errors.AsType[*delivery.Final](err); !ok || fin.Word != delivery.ErrorInvalidRecipient {
			t.Errorf("%q: got %v", to, err)
		}
	}
}

func TestSend_gives_up_on_a_server_that_never_greets(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0") // the kernel accepts, and nobody speaks
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	cfg := config(startServer(t, nil))
	cfg.Address = silent.Addr().String()
	m := open(t, cfg)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	began := time.Now()
	_, err = m.Send(ctx, outgoing(m))
	if tmp, ok := errors.AsType[*delivery.Temporary](err); !ok || tmp.Word != delivery.ErrorTimeout || tmp.Unsure {
		t.Errorf("got %+v", err)
	}
	if took := time.Since(began); took > 3*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestRA_66_a_mail_comes_from_the_name_that_the_route_gives_else_from_who_asks(t *testing.T) {
	t.Parallel()
	s := startServer(t, nil)
	m := open(t, config(s))
	for sender, want := range map[[2]string]string{
		{"Shop", "Acme Payments"}:                     `"Shop" <no-reply@acme.example>`,
		{"Shop <shop@shop.example>", "Acme Payments"}: `"Shop" <shop@shop.example>`,
		{"shop@shop.example", "Acme Payments"}:        `"Acme Payments" <shop@shop.example>`,
		{"", "Acme Payments"}:                         `"Acme Payments" <no-reply@acme.example>`,
		{"", "Müller, Söhne & \"Co\""}:                `=?utf-8?b?TcO8bGxlciwgU8O2aG5lICYgIkNvIg==?= <no-reply@acme.example>`,
		{"", "help@bank.example"}:                     `"Acme" <no-reply@acme.example>`,
		{"", ""}:                                      `"Acme" <no-reply@acme.example>`,
	} {
		out := outgoing(m)
		out.From, out.Name = sender[0], sender[1]
		if _, err := m.Send(t.Context(), out); err != nil {
			t.Fatal(err)
		}
		letters := s.got()
		if h, _ := letters[len(letters)-1].parts(t); h.Get("From") != want {
			t.Errorf("%q gives %q, want %q", sender, h.Get("From"), want)
		}
	}
}

func TestSend_encryption(t *testing.T) {
	t.Parallel()
	plain := func(srv *gosmtp.Server) { srv.TLSConfig, srv.AllowInsecureAuth = nil, true }
	starttls := func(t *testing.T) *server { return startServer(t, nil) }
	clear := func(t *testing.T) *server { return startServer(t, plain) }
	implicit := func(t *testing.T) *server { return startImplicit(t, nil) }
	_, stranger := certificate(t)
	for _, c := range []struct {
		name  string
		start func(*testing.T) *server
		cfg   func(*smtp.Config)
		word  string // "": taken
	}{
		{"STARTTLS is the default", starttls, func(*smtp.Config) {}, ""},
		{"implicit", implicit, func(c *smtp.Config) { c.TLS = smtp.Implicit }, ""},
		{"none to loopback", clear, func(c *smtp.Config) { c.TLS = smtp.None }, ""},
		{"STARTTLS is not given up when the server has none", clear, func(*smtp.Config) {}, delivery.ErrorTLS},
		{"a certificate of a stranger", starttls, func(c *smtp.Config) { c.CAFile = stranger }, delivery.ErrorTLS},
		{"a certificate of a stranger, implicit", implicit, func(c *smtp.Config) { c.TLS, c.CAFile = smtp.Implicit, stranger }, delivery.ErrorTLS},
		{"a wrong password", starttls, func(c *smtp.Config) { c.Password = "wrong" }, delivery.ErrorCredentials},
		{"implicit against a server that greets in clear", starttls, func(c *smtp.Config) { c.TLS = smtp.Implicit }, delivery.ErrorTLS},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := c.start(t)
			cfg := config(s)
			c.cfg(&cfg)
			m := open(t, cfg)
			_, err := m.Send(t.Context(), outgoing(m))
			if c.word == "" {
				if err != nil {
					t.Fatal(err)
				}
				return
			}
			if tmp, ok := errors.AsType[*delivery.Temporary](err); !ok || tmp.Word != c.word || tmp.Unsure {
				t.Errorf("got %v, want a *Temporary of %s", err, c.word)
			}
			if n := len(s.got()); n != 0 {
				t.Errorf("%d letters left", n)
			}
		})
	}
}

func TestSend_reads_refusals(t *testing.T) {
	t.Parallel()
	reply := func(code int, enhanced ...int) error {
		e := gosmtp.NoEnhancedCode
		if len(enhanced) == 3 {
			e = gosmtp.EnhancedCode(enhanced)
		}
		return &gosmtp.SMTPError{Code: code, EnhancedCode: e, Message: "about <ada@example.net>"}
	}
	for _, c := range []struct {
		name  string
		reply error
		word  string
		final bool
	}{
		{"mailbox unknown", reply(550, 5, 1, 1), delivery.ErrorInvalidRecipient, true},
		{"mailbox unknown, no details", reply(550), delivery.ErrorInvalidRecipient, true},
		{"policy", reply(550, 5, 7, 1), delivery.ErrorRefused, true},
		{"greylisted", reply(450, 4, 2, 0), delivery.ErrorDeferred, false},
		{"overloaded", reply(452, 4, 3, 1), delivery.ErrorDeferred, false},
		{"closing", reply(421, 4, 3, 2), delivery.ErrorDeferred, false},
		{"sign in first", reply(530, 5, 7, 0), delivery.ErrorCredentials, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			s := startServer(t, nil)
			s.refuse = c.reply
			m := open(t, config(s))
			_, err := m.Send(t.Context(), outgoing(m))
			word, final := "", false
			if tmp, ok := errors.AsType[*delivery.Temporary](err); ok {
				word = tmp.Word
			} else if fin, ok := errors.AsType[*delivery.Final](err); ok {
				word, final = fin.Word, true
			}
			if word != c.word || final != c.final {
				t.Errorf("got %v, want %s, final %v", err, c.word, c.final)
			}
			if strings.Contains(err.Error(), "ada@") {
				t.Errorf("the error repeats the address: %v", err)
			}
		})
	}
}

func TestSend_is_unsure_only_after_the_last_byte(t *testing.T) {
	t.Parallel()
	s := startServer(t, nil)
	m := open(t, config(s))
	s.behave(deliverytest.Break)
	_, err := m.Send(t.Context(), outgoing(m))
	if tmp, ok := errors.AsType[*delivery.Temporary](err); !ok || !tmp.Unsure || tmp.Word != delivery.ErrorUnreachable {
		t.Errorf("cut after the letter: %+v", err)
	}
	gone, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	cfg := config(s)
	cfg.Address = gone.Addr().String()
	_ = gone.Close()
	m = open(t, cfg)
	_, err = m.Send(t.Context(), outgoing(m))
	if tmp, ok := errors.AsType[*delivery.Temporary](err); !ok || tmp.Unsure || tmp.Word != delivery.ErrorUnreachable {
		t.Errorf("nobody there: %+v", err)
	}
}

func TestConnections_are_kept_and_bounded(t *testing.T) {
	t.Parallel()
	s := startServer(t, nil)
	cfg := config(s)
	cfg.Connections = 3
	m := open(t, cfg)
	for range 5 {
		if _, err := m.Send(t.Context(), outgoing(m)); err != nil {
			t.Fatal(err)
		}
	}
	one := s.sessionCount() // of one connection: STARTTLS begins a second session within it
	if one > 2 {
		t.Errorf("%d sessions for five letters in a row", one)
	}
	errs := make(chan error)
	for range 30 {
		go func() {
			_, err := m.Send(t.Context(), outgoing(m))
			errs <- err
		}()
	}
	for range 30 {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	if n := s.sessionCount(); n > 3*one {
		t.Errorf("%d sessions for three connections, one has %d", n, one)
	}
	if n := len(s.got()); n != 35 {
		t.Errorf("%d letters, want 35", n)
	}
}

func TestConnections_kept_too_long_are_replaced(t *testing.T) {
	t.Parallel()
	s := startServer(t, nil)
	m := open(t, config(s))
	now := time.Now()
	m.Now = func() time.Time { return now }
	send := func() int {
		t.Helper()
		if _, err := m.Send(t.Context(), outgoing(m)); err != nil {
			t.Fatal(err)
		}
		return s.sessionCount()
	}
	first := send()
	now = now.Add(29 * time.Second)
	if send() != first {
		t.Error("a fresh connection was not used again")
	}
	now = now.Add(31 * time.Second)
	if send() == first {
		t.Error("an old connection was used again")
	}
}

func TestSMTPUTF8_is_said_only_for_addresses_that_need_it(t *testing.T) {
	t.Parallel()
	s := startServer(t, func(srv *gosmtp.Server) { srv.EnableSMTPUTF8 = true })
	m := open(t, config(s))
	for address, want := range map[string]bool{"ada@example.net": false, "jürgen@example.net": true} {
		out := outgoing(m)
		out.To.Value = address
		if _, err := m.Send(t.Context(), out); err != nil {
			t.Fatal(err)
		}
		if s.opts.UTF8 != want {
			t.Errorf("%s: SMTPUTF8 %v", address, s.opts.UTF8)
		}
	}
}

func TestValidate_tells_every_fault_without_a_secret(t *testing.T) {
	t.Parallel()
	bad := smtp.Config{
		Channels: []delivery.Channel{delivery.SMS}, Address: "mail.example.net", From: "nobody", TLS: "maybe",
		Password: "hunter2", CAFile: "/nonexistent/ca.pem", Connections: -1,
	}
	faults := strings.Join(bad.Validate(), "\n")
	for _, part := range []string{"name", "channels", "address", "from", "tls", "username and password", "ca_file", "connections"} {
		if !strings.Contains(faults, part) {
			t.Errorf("no fault about %s in:\n%s", part, faults)
		}
	}
	if strings.Contains(faults, "hunter2") {
		t.Error("the password shows")
	}
	if _, err := smtp.New(bad, nil); err == nil {
		t.Error("New takes it")
	}
	good := smtp.Config{Name: "post", Address: "mail.example.net:587", From: "no-reply@example.net"}
	clear := good
	clear.TLS = smtp.None
	local := clear
	local.Address = "127.0.0.1:25"
	allowed := clear
	allowed.AllowPlaintext = true
	for name, c := range map[string]struct {
		cfg    smtp.Config
		faults int
	}{"good": {good, 0}, "in clear": {clear, 1}, "in clear to loopback": {local, 0}, "in clear and allowed": {allowed, 0}} {
		if got := c.cfg.Validate(); len(got) != c.faults {
			t.Errorf("%s: %q", name, got)
		}
	}
}
