package smtp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"github.com/countersign/countersign/internal/delivery"
)

// How a connection is encrypted.
const (
	StartTLS = "starttls" // in clear first, then encrypted or given up (port 587)
	Implicit = "implicit" // encrypted from the first byte (port 465)
	None     = "none"     // in clear
)

// defaultConnections is enough for a few hundred messages a second, and within what mail servers allow one client.
const defaultConnections = 10

// Config is one mail server of the configuration.
type Config struct {
	Name           string             `yaml:"name" json:"name"`
	Channels       []delivery.Channel `yaml:"channels" json:"channels"` // email; may be left out
	Address        string             `yaml:"address" json:"address"`   // "host:port"
	From           string             `yaml:"from" json:"from"`         // "Acme <no-reply@example.net>"
	TLS            string             `yaml:"tls" json:"tls"`           // StartTLS (default), Implicit or None
	Username       string             `yaml:"username" json:"username"` // empty: no sign-in
	Password       delivery.Secret    `yaml:"password" json:"password"`
	CAFile         string             `yaml:"ca_file" json:"ca_file"`                 // PEM; empty: the system's authorities
	AllowPlaintext bool               `yaml:"allow_plaintext" json:"allow_plaintext"` // lets None go beyond loopback
	Connections    int                `yaml:"connections" json:"connections"`         // at most so many at once; 0: 10
}

// Validate lists every fault. Empty: none.
func (c Config) Validate() []string {
	var faults []string
	if c.Name == "" {
		faults = append(faults, "name is missing")
	}
	for _, ch := range c.Channels {
		if ch != delivery.Email {
			faults = append(faults, fmt.Sprintf("channels: smtp does not carry %q; it carries email", ch))
		}
	}
	host, port, err := net.SplitHostPort(c.Address)
	if n, perr := strconv.Atoi(port); err != nil || host == "" || perr != nil || n < 1 || n > 65535 {
		faults = append(faults, "address must be host:port, such as mail.example.net:587")
	}
	if _, err := parseFrom(c.From); err != nil {
		faults = append(faults, "from: "+err.Error())
	}
	switch c.TLS {
	case "", StartTLS, Implicit:
	case None:
		if !isLoopback(host) && !c.AllowPlaintext {
			faults = append(faults, "tls: none sends codes in clear over the network; use starttls, or say allow_plaintext: true")
		}
	default:
		faults = append(faults, "tls must be starttls, implicit or none")
	}
	if (c.Username == "") != (c.Password == "") {
		faults = append(faults, "username and password belong together: give both or neither")
	}
	if _, err := c.authorities(); err != nil {
		faults = append(faults, "ca_file: "+err.Error())
	}
	if c.Connections < 0 || c.Connections > 1000 {
		faults = append(faults, "connections must be 1 to 1000")
	}
	return faults
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// parseFrom reads the sender, with or without a name.
func parseFrom(text string) (*mail.Address, error) {
	a, err := mail.ParseAddress(text)
	if err != nil || strings.ContainsFunc(a.Name+a.Address, func(r rune) bool { return r < ' ' }) {
		return nil, errors.New(`must be an address with or without a name, such as "Acme <no-reply@example.net>"`)
	}
	return a, nil
}

// authorities are those of CAFile, or nil for the system's.
func (c Config) authorities() (*x509.CertPool, error) {
	if c.CAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(c.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, errors.New("holds no certificate in PEM form")
	}
	return pool, nil
}

// tlsConfig is how to talk to host.
func (c Config) tlsConfig(host string) (*tls.Config, error) {
	pool, err := c.authorities()
	if err != nil {
		return nil, err
	}
	return &tls.Config{ServerName: host, RootCAs: pool, MinVersion: tls.VersionTLS12}, nil
}
