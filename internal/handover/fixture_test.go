package handover

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

const issuer = "https://verify.example.net"

var (
	began      = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
	tenant     = uid.Tenant{15: 7}
	invitation = uid.New(began, 5)
)

// memory is a store of one value.
type memory struct {
	mu    sync.Mutex
	value []byte
	away  bool
	reads int
}

var errAway = errors.New("the database is away")

func (m *memory) Meta(_ context.Context, name string) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reads++
	if m.away || name != keysName {
		return nil, errAway
	}
	return m.value, nil
}

func (m *memory) PutMeta(_ context.Context, name string, was, value []byte) ([]byte, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.away || name != keysName {
		return nil, errAway
	}
	if bytes.Equal(m.value, was) {
		m.value = value
	}
	return m.value, nil
}

// ring is a key ring of the versions ns.
func ring(t *testing.T, ns ...byte) *seal.Ring {
	t.Helper()
	var text []byte
	for _, n := range ns {
		text = append(text, base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{n}, 32))+"\n"...)
	}
	r, err := seal.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// clock is a time that tests move.
type clock struct{ now time.Time }

// open makes a signer, as a server that starts does.
func open(t *testing.T, m *memory, r *seal.Ring, c *clock) *Signer {
	t.Helper()
	s, err := New(issuer, r, m)
	if err != nil {
		t.Fatal(err)
	}
	s.Now = func() time.Time { return c.now }
	return s
}

func result() Result {
	return Result{
		Tenant: tenant, Invitation: invitation, State: "s-1", Reference: "case 17", ExternalID: "cust-9", Status: "handed_off",
		MobileVerified: true, MobileVerifiedAt: began.Add(-2 * time.Minute), ConsentedAt: began.Add(-time.Minute), ConsentVersion: "2026-11",
	}
}

func mustSign(t *testing.T, s *Signer) string {
	t.Helper()
	token, err := s.Sign(t.Context(), result())
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func mustPublish(t *testing.T, s *Signer) []byte {
	t.Helper()
	document, err := s.JWKS(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return document
}
