// Package signing signs HTTP messages by Standard Webhooks, and verifies them.
//
// What is signed is "id.timestamp.body"; id, timestamp and signatures go in three headers. A secret is text: whsec_ and
// the base64 of 24 to 64 random bytes. Two secrets are valid while one is being replaced: both sign what goes out, either
// may have signed what comes in.
//
// The package keeps no secret's text, puts none into an error, and knows neither who sends nor why.
package signing

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"hash"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// The headers of Standard Webhooks, in the spelling of http.Header.
const (
	headerID        = "Webhook-Id"
	headerTimestamp = "Webhook-Timestamp"
	HeaderSignature = "Webhook-Signature" // what takes a secret to make
)

// tolerance is how far the time of a signed request may be from ours, either way (SEC-93).
const tolerance = 300 * time.Second

// secretPrefix stands before a key in text (Standard Webhooks, signature scheme).
const secretPrefix = "whsec_"

var errSecret = errors.New("must be whsec_ and the base64 of 24 to 64 random bytes; make one with: " +
	"echo whsec_$(openssl rand -base64 32)")

// CheckSecret says what is wrong with the text of a secret. Its error holds nothing of it.
func CheckSecret(text string) error {
	_, err := parse(text)
	return err
}

// Secret is the text of a new secret. However it is printed, logged or encoded, it says "[redacted]".
type Secret string

// NewSecret makes a secret of 32 random bytes.
func NewSecret() Secret {
	var key [32]byte
	_, _ = rand.Read(key[:]) // never fails since Go 1.24
	return Secret(secretPrefix + base64.StdEncoding.EncodeToString(key[:]))
}

const redacted = "[redacted]"

// Reveal is the text, for the one answer that shows it and for sealing it.
func (s Secret) Reveal() string { return string(s) }

// String is "[redacted]".
func (Secret) String() string { return redacted }

// Format prints "[redacted]" for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) } // fmt gives no way to report it

// LogValue is "[redacted]".
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is "[redacted]".
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// parse gives the key of a secret.
func parse(text string) ([]byte, error) {
	encoded, ok := strings.CutPrefix(text, secretPrefix)
	if !ok {
		return nil, errSecret
	}
	key, err := base64.StdEncoding.DecodeString(encoded)
	if err != nil || len(key) < 24 || len(key) > 64 {
		return nil, errSecret // the cause would hold a part of the secret
	}
	return key, nil
}

// Keys sign together and verify for each other, the newest first. They may be used concurrently.
type Keys []*key

// key signs and verifies with one secret.
type key struct {
	macs sync.Pool // of hash.Hash: making one costs as much as using it
}

// New makes the keys of secrets; empty ones are passed over.
func New(secrets ...string) (Keys, error) {
	var all Keys
	for _, s := range secrets {
		if s == "" {
			continue
		}
		secret, err := parse(s)
		if err != nil {
			return nil, err
		}
		all = append(all, &key{macs: sync.Pool{New: func() any { return hmac.New(sha256.New, secret) }}})
	}
	return all, nil
}

// sum is the MAC of "id.timestamp.body".
func (k *key) sum(id, timestamp string, body []byte) [sha256.Size]byte {
	mac := k.macs.Get().(hash.Hash)
	mac.Reset()
	signed := make([]byte, 0, len(id)+len(timestamp)+len(body)+2)
	signed = append(append(append(signed, id...), '.'), timestamp...)
	signed = append(append(signed, '.'), body...)
	_, _ = mac.Write(signed) // a hash never fails
	var out [sha256.Size]byte
	mac.Sum(out[:0])
	k.macs.Put(mac)
	return out
}

// Sign sets the headers on h: one signature for each key.
func (ks Keys) Sign(h http.Header, id string, now time.Time, body []byte) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	var b strings.Builder
	for i, k := range ks {
		if i > 0 {
			b.WriteByte(' ')
		}
		sum := k.sum(id, timestamp, body)
		b.WriteString("v1,")
		b.WriteString(base64.StdEncoding.EncodeToString(sum[:]))
	}
	h[headerID], h[headerTimestamp], h[HeaderSignature] = []string{id}, []string{timestamp}, []string{b.String()}
}

// Verify reports whether one of the keys signed body at about now. Signatures of other versions are passed over.
func (ks Keys) Verify(h http.Header, now time.Time, body []byte) bool {
	id, timestamp := h.Get(headerID), h.Get(headerTimestamp)
	seconds, err := strconv.ParseInt(timestamp, 10, 64)
	if id == "" || err != nil || now.Sub(time.Unix(seconds, 0)).Abs() > tolerance {
		return false
	}
	for field := range strings.SplitSeq(h.Get(HeaderSignature), " ") {
		text, ok := strings.CutPrefix(field, "v1,")
		if !ok {
			continue
		}
		got, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			continue
		}
		for _, k := range ks {
			want := k.sum(id, timestamp, body)
			if hmac.Equal(got, want[:]) {
				return true
			}
		}
	}
	return false
}
