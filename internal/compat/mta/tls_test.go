package mta_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"log/slog"
	"math/big"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/app"
)

// certificate writes a certificate for this machine and its key into dir, and gives who trusts it.
func certificate(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "127.0.0.1"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	for name, text := range map[string][]byte{"cert.pem": text, "key.pem": pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})} {
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(text)
	return pool
}

// withTLS starts a production server that has a certificate, and gives its address and who trusts it.
func withTLS(t *testing.T) (address string, trust *x509.CertPool) {
	t.Helper()
	dir := t.TempDir()
	trust = certificate(t, dir)
	file := filepath.Join(dir, "countersign.yaml")
	text := fmt.Sprintf("listen: 127.0.0.1:0\npublic_url: https://127.0.0.1\ndata_dir: %q\ntls: {cert_file: %q, key_file: %q}\n",
		filepath.Join(dir, "data"), filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"))
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := app.Load(app.Options{File: file})
	if err != nil {
		t.Fatal(err)
	}
	log, ended := &lockedBuffer{}, make(chan error, 1)
	ctx, stop := context.WithCancel(context.Background())
	go func() { ended <- app.Serve(ctx, cfg, slog.New(slog.NewJSONHandler(log, nil))) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	serving := regexp.MustCompile(`"msg":"serving","address":"([^"]+)"`)
	until(t, "the server", func() bool {
		if m := serving.FindStringSubmatch(log.String()); m != nil {
			address = m[1]
		}
		return address != ""
	})
	return address, trust
}

func TestMTA_50_the_door_answers_over_TLS_alone(t *testing.T) {
	t.Parallel()
	address, trust := withTLS(t)
	const path = "/compat/mta/v3/auth/verify-api-key"
	get := func(scheme string, config *tls.Config) (*http.Response, error) {
		transport := &http.Transport{TLSClientConfig: config}
		defer transport.CloseIdleConnections()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, scheme+"://"+address+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer csk_unknown")
		res, err := (&http.Client{Transport: transport}).Do(req)
		if err == nil {
			_ = res.Body.Close()
		}
		return res, err
	}
	res, err := get("https", &tls.Config{RootCAs: trust})
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != http.StatusUnauthorized || res.Header.Get("RateLimit-Limit") == "" || res.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("over TLS: %d %v", res.StatusCode, res.Header)
	}
	if res.TLS.Version < tls.VersionTLS12 {
		t.Errorf("TLS version %x", res.TLS.Version)
	}
	if res, err := get("http", nil); err == nil && (res.StatusCode != http.StatusBadRequest || res.Header.Get("RateLimit-Limit") != "") {
		t.Errorf("in the clear the door answers %d %v", res.StatusCode, res.Header)
	}
	if res, err := get("https", &tls.Config{RootCAs: trust, MaxVersion: tls.VersionTLS11}); err == nil {
		t.Errorf("TLS 1.1 is spoken: %d", res.StatusCode)
	}
}
