package web

import (
	"crypto/tls"
	"fmt"
	"os"
	"sync"
	"time"
)

// LoadTLS reads a certificate chain and its key, for TLS 1.2 and later. A renewed certificate is picked up without a
// restart.
func LoadTLS(certFile, keyFile string) (*tls.Config, error) {
	c := &certificate{certFile: certFile, keyFile: keyFile}
	if _, err := c.get(nil); err != nil {
		return nil, fmt.Errorf("load the certificate %s: %w", certFile, err)
	}
	return &tls.Config{GetCertificate: c.get, MinVersion: tls.VersionTLS12}, nil
}

// recheck is how long a certificate is used before its file is looked at again.
const recheck = time.Minute

// certificate is a pair of files and what was last read from them.
type certificate struct {
	certFile, keyFile string

	mu       sync.Mutex
	loaded   *tls.Certificate // under mu
	modified time.Time        // under mu: of certFile, when it was loaded
	checked  time.Time        // under mu
}

// get gives the certificate of the files. A renewal that can't be read yet leaves the one in use.
func (c *certificate) get(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.loaded != nil && time.Since(c.checked) < recheck {
		return c.loaded, nil
	}
	c.checked = time.Now()
	info, err := os.Stat(c.certFile)
	if err == nil && (c.loaded == nil || info.ModTime().After(c.modified)) {
		var pair tls.Certificate
		if pair, err = tls.LoadX509KeyPair(c.certFile, c.keyFile); err == nil {
			c.loaded, c.modified = &pair, info.ModTime()
		}
	}
	if c.loaded == nil {
		return nil, err
	}
	return c.loaded, nil
}
