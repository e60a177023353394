package relay

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"hash"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/countersign/countersign/internal/delivery"
)

// The headers of Standard Webhooks, in the spelling of http.Header.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	headerSignature = "Webhook-Signature"
)

// tolerance is how far the time of a signed request may be from ours, either way (SEC-93).
const tolerance = 300 * time.Second

// signer signs and verifies with one key. It may be used concurrently.
type signer struct {
	macs sync.Pool // of hash.Hash: making one costs as much as using it
}

func newSigner(key []byte) *signer {
	return &signer{macs: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

// newSigners makes one for each secret that is set.
func newSigners(secrets ...delivery.Secret) ([]*signer, error) {
	var all []*signer
	for _, s := range secrets {
		if s == "" {
			continue
		}
		key, err := parseSecret(s)
		if err != nil {
			return nil, err
		}
		all = append(all, newSigner(key))
	}
	return all, nil
}

// sum is the MAC of "id.timestamp.body".
func (s *signer) sum(id, timestamp string, body []byte) [sha256.Size]byte {
	mac := s.macs.Get().(hash.Hash)
	mac.Reset()
	signed := make([]byte, 0, len(id)+len(timestamp)+len(body)+2)
	signed = append(append(append(signed, id...), '.'), timestamp...)
	signed = append(append(signed, '.'), body...)
	_, _ = mac.Write(signed) // a hash never fails
	var out [sha256.Size]byte
	mac.Sum(out[:0])
	s.macs.Put(mac)
	return out
}

// sign sets the headers on h. With several signers there are several signatures, the newest key's first.
func sign(h http.Header, signers []*signer, id string, now time.Time, body []byte) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	var b strings.Builder
	for i, s := range signers {
		if i > 0 {
			b.WriteByte(' ')
		}
		sum := s.sum(id, timestamp, body)
		b.WriteString("v1,")
		b.WriteString(base64.StdEncoding.EncodeToString(sum[:]))
	}
	h[headerID], h[headerTimestamp], h[headerSignature] = []string{id}, []string{timestamp}, []string{b.String()}
}

// verify reports whether one of the signers signed body at about now. Signatures of other versions are passed over.
func verify(h http.Header, signers []*signer, now time.Time, body []byte) bool {
	id, timestamp := h.Get(headerID), h.Get(headerTimestamp)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if id == "" || err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return false
	}
	for field := range strings.SplitSeq(h.Get(headerSignature), " ") {
		text, ok := strings.CutPrefix(field, "v1,")
		if !ok {
			continue
		}
		got, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			continue
		}
		for _, s := range signers {
			want := s.sum(id, timestamp, body)
			if hmac.Equal(got, want[:]) {
				return true
			}
		}
	}
	return false
}
