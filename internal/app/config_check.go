package app

import (
	"crypto/tls"
	"errors"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"

	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/recipient"
)

// check finds what is wrong with values that can be read.
func (s *source) check(c Config) {
	s.checkAddresses(c)
	s.checkSupport(c)
	s.checkDatabase(c)
	s.checkTLS(c)
	s.checkLimits(c)
	s.checkProviders(c)
	s.checkDev(c)
	_, _, faults := texts(c.MessagesDir)
	s.faults = append(s.faults, faults...)
}

// wrong tells a fault of a key at the place that set it: the file, the environment or a flag.
func (s *source) wrong(key, what, remedy string) {
	name, ok := s.env[key]
	switch {
	case !ok:
		s.say(key, what, remedy)
	case strings.HasPrefix(name, "--"):
		s.faults = append(s.faults, Fault{File: "flags", Key: name, What: what, Remedy: remedy})
	default:
		s.faults = append(s.faults, Fault{File: "environment", Key: name, What: what, Remedy: remedy})
	}
}

func (s *source) checkAddresses(c Config) {
	const form = "must be address:port, such as 127.0.0.1:8080 or :8080."
	host, ok := hostOf(c.Listen)
	if !ok {
		s.wrong("listen", form, "")
	}
	if ok && c.DevMode && !isLoopback(host) {
		s.wrong("listen", "is not loopback, and development mode sends no message and knows everybody's codes.",
			"Use 127.0.0.1, or leave --dev out.")
	}
	if c.Metrics.Listen != "" {
		if _, ok := hostOf(c.Metrics.Listen); !ok {
			s.wrong("metrics.listen", form, "")
		}
		if c.Metrics.Listen == c.Listen && !strings.HasSuffix(c.Listen, ":0") {
			s.wrong("metrics.listen", "is the same as listen.", "Choose another port, or leave it out.")
		}
	}
	switch {
	case c.PublicURL == "":
	case !isBase(c.PublicURL):
		s.wrong("public_url", "must be a URL of scheme and host alone, such as https://verify.example.com.", "")
	case !isPrivate(c.PublicURL):
		s.wrong("public_url", "is not https, and customers open their pages there.",
			"Give the https URL of a proxy in front, or of this server with tls. Plain http is for loopback alone.")
	}
}

// checkSupport looks at whom operators turn to.
func (s *source) checkSupport(c Config) {
	address, noAddress := mail.ParseAddress(c.Support)
	u, noURL := url.Parse(c.Support)
	switch {
	case c.Support == "" || noAddress == nil && address.Address == c.Support:
	case noURL == nil && u.Scheme == "https" && u.Hostname() != "" && u.User == nil:
	default:
		s.wrong("support", "must be an e-mail address or an https URL, such as help@example.com.", "")
	}
}

// isPrivate reports whether nobody on the way can read what goes to a base URL, or plant a cookie: it is https, or on loopback.
func isPrivate(base string) bool {
	u, err := url.Parse(base)
	return err == nil && (u.Scheme == "https" || isLoopback(u.Hostname()))
}

// hostOf is the host of address:port.
func hostOf(address string) (host string, ok bool) {
	host, port, err := net.SplitHostPort(address)
	n, nerr := strconv.ParseUint(port, 10, 16)
	return host, err == nil && nerr == nil && strconv.FormatUint(n, 10) == port
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

func isBase(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() != "" && u.User == nil && u.RawQuery == "" &&
		!strings.ContainsAny(text, "?#") && (u.Path == "" || u.Path == "/")
}

func (s *source) checkDatabase(c Config) {
	if c.DataDir == "" {
		s.wrong("data_dir", "must not be empty.", "Name a directory that the server may write to.")
	}
	s.checkMasterKey(c)
	if c.DatabaseURL == "" {
		return
	}
	if u, err := url.Parse(c.DatabaseURL.Reveal()); err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		s.wrong("database_url", "must begin with postgres://.", "Leave it out for SQLite in data_dir.")
	}
}

// checkMasterKey asks for a key that can be read, where the server does not make one.
func (s *source) checkMasterKey(c Config) {
	switch {
	case c.MasterKey != "" && c.MasterKeyFile != "":
		s.wrong("master_key", "is given beside master_key_file.", "Keep one of the two.")
	case c.MasterKeyFile != "":
		if err := readable(c.MasterKeyFile); err != nil {
			s.wrong("master_key_file", "can't be read: "+err.Error()+".", "Put the master key of this database there, readable for the user that runs the server.")
		}
	case c.MasterKey == "" && c.DatabaseURL != "" && !c.DevMode:
		s.wrong("master_key_file", "is missing, and with PostgreSQL it must be given.",
			"Make a key once, with: (umask 077; openssl rand -base64 32 > master.key); give every node the same one.")
	}
}

// readable tells why a file can't be read, without its name: that stands beside it.
func readable(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return errors.Unwrap(err)
	}
	return f.Close()
}

func (s *source) checkTLS(c Config) {
	switch cert, key := c.TLS.CertFile, c.TLS.KeyFile; {
	case cert == "" && key == "":
	case cert == "" || key == "":
		s.wrong("tls", "needs both cert_file and key_file.", "Give both, or neither when a proxy in front speaks TLS.")
	case readable(cert) != nil:
		s.wrong("tls.cert_file", "can't be read: "+readable(cert).Error()+".", "")
	case readable(key) != nil:
		s.wrong("tls.key_file", "can't be read: "+readable(key).Error()+".", "Make it readable for the user that runs the server.")
	default:
		if _, err := tls.LoadX509KeyPair(cert, key); err != nil {
			s.wrong("tls", "has a certificate and a key that can't be used: "+err.Error()+".", "")
		}
	}
}

// checkLimits asks that what a window counts fits into it.
func (s *source) checkLimits(c Config) {
	const remedy = "A limit of recipients counts at most 256 events."
	for key, list := range map[string][]ratelimit.Limit{
		"limits.recipient": c.Limits.Recipient, "limits.recipient_new": c.Limits.RecipientNew,
		"limits.wrong_per_client": {c.Limits.WrongPerClient}, "limits.wrong_total": {c.Limits.WrongTotal},
	} {
		for _, l := range list {
			if l.Burst > ratelimit.MaxEvents {
				s.wrong(key, "has too many events.", remedy)
				break
			}
		}
		if len(list) == 0 {
			s.wrong(key, "must name at least one limit.", "Leave the key out for the usual ones.")
		}
	}
	if len(c.Limits.CoolDowns) == 0 {
		s.wrong("limits.cool_downs", "must name at least one wait.", "Leave the key out for the usual ones, or say [0s] for none.")
	}
	for key, l := range map[string]ratelimit.Limit{"mta.address_limit": c.MTA.AddressLimit, "mta.account_limit": c.MTA.AccountLimit} {
		if l.Burst == 0 {
			s.wrong(key, "lets nothing through.", "Leave the key out for the vendor's figure.")
		}
	}
}

func (s *source) checkDev(c Config) {
	for i, to := range c.Dev.Barred {
		if _, err := recipient.Parse(to, recipient.Rules{Fiction: true}); err != nil {
			s.wrong(itemKey("dev.barred", i), "is no number or address.", "Write numbers with + and country code.")
		}
	}
}

func itemKey(list string, i int) string { return list + "[" + strconv.Itoa(i) + "]" }
