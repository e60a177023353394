package audit

import (
	"crypto/ed25519"
	"errors"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

func newTestSigner(t *testing.T, log string, seed byte) *Signer {
	t.Helper()
	key := make([]byte, ed25519.SeedSize)
	key[0] = seed
	s, err := NewSigner(log, ed25519.NewKeyFromSeed(key))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestVerifier_takes_one_kind_of_statement_for_no_other(t *testing.T) {
	t.Parallel()
	s := newTestSigner(t, "main", 1)
	now := time.Now()
	c, err := s.checkpoint(Head{Size: 5, Root: [32]byte{1}}, now)
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.prune(pruned{Before: uid.Floor(now), To: 3, Count: 3}, now)
	if err != nil {
		t.Fatal(err)
	}
	v := s.Verifier()
	if _, err := v.open(p.Note, "", 1); !errors.Is(err, errText) {
		t.Errorf("a prune record opened as a checkpoint: %v, want errText", err)
	}
	if _, err := v.open(c.Note, pruneSuffix, 1); !errors.Is(err, errText) {
		t.Errorf("a checkpoint opened as a prune record: %v, want errText", err)
	}
	if h, err := v.Checkpoint(c.Note); err != nil || h.Size != 5 {
		t.Errorf("Checkpoint = %v, %v, want size 5", h, err)
	}
	if got, err := v.prune(p.Note); err != nil || got != (pruned{Before: uid.Floor(now), To: 3, Count: 3}) {
		t.Errorf("prune = %v, %v", got, err)
	}
	for name, other := range map[string]*Signer{"log": newTestSigner(t, "other", 1), "key": newTestSigner(t, "main", 2)} {
		if _, err := other.Verifier().Checkpoint(c.Note); !errors.Is(err, errSignature) {
			t.Errorf("the checkpoint of another %s = %v, want errSignature", name, err)
		}
	}
}

func TestNewVerifier_reads_public_keys_of_one_log(t *testing.T) {
	t.Parallel()
	old, now := newTestSigner(t, "main", 1), newTestSigner(t, "main", 2)
	v, err := NewVerifier(now.PublicKey()+"\n", old.PublicKey())
	if err != nil || v.Log() != "countersign/main" {
		t.Fatalf("NewVerifier = %q, %v", v.Log(), err)
	}
	for _, s := range []*Signer{old, now} {
		c, err := s.checkpoint(Head{Size: 1}, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		if _, err := v.Checkpoint(c.Note); err != nil {
			t.Errorf("a checkpoint of one of the keys: %v", err)
		}
	}
	for name, keys := range map[string][]string{
		"none": nil, "not a key": {"hello"}, "two logs": {old.PublicKey(), newTestSigner(t, "other", 1).PublicKey()},
	} {
		if _, err := NewVerifier(keys...); err == nil {
			t.Errorf("%s: NewVerifier accepted it", name)
		}
	}
	for _, name := range []string{"", "a b", "a+b"} {
		if _, err := NewSigner(name, ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))); err == nil {
			t.Errorf("NewSigner accepted the name %q", name)
		}
	}
}

func FuzzParseCheckpointFile(f *testing.F) {
	f.Add([]byte("{\"at\":\"2026-01-01T00:00:00Z\",\"note\":\"x\"}\n{\"at\":"))
	f.Add([]byte("\n\n{}\nnull\n[1]"))
	f.Fuzz(func(t *testing.T, data []byte) {
		last := 0
		for i, c := range parseCheckpointFile(data) {
			if c.line <= last {
				t.Fatalf("line %d follows line %d", c.line, last)
			}
			if last = c.line; c.torn && (c.note != nil || data[len(data)-1] == '\n') {
				t.Fatalf("entry %d is told to be torn", i)
			}
		}
	})
}
