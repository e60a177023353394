package audit

import (
	"crypto/ed25519"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"

	"github.com/countersign/countersign/internal/uid"
)

// originPrefix stands before a log's name in the first line of everything that is signed for it.
const originPrefix = "countersign/"

var (
	errText      = errors.New("it is signed, but it is not a statement about this log")
	errEdge      = errors.New("audit: the newest tiles do not give the root of the head; run `countersign audit verify`")
	errSignature = errors.New("no signature of a known key")
)

// Signer signs statements about one log. It may be used concurrently.
type Signer struct {
	origin string
	key    ed25519.PrivateKey
	pub    note.Verifier
	text   string // of the public key
}

// NewSigner makes the signer of the log of the given name, such as "main". The name must not be empty or contain a
// space or a plus sign; it never changes during the life of a log.
func NewSigner(log string, key ed25519.PrivateKey) (*Signer, error) {
	if log == "" || len(key) != ed25519.PrivateKeySize {
		return nil, errors.New("audit: a log needs a name and an Ed25519 key")
	}
	origin := originPrefix + log
	text, err := note.NewEd25519VerifierKey(origin, key.Public().(ed25519.PublicKey))
	if err != nil {
		return nil, fmt.Errorf("audit: public key of log: %w", err)
	}
	pub, err := note.NewVerifier(text)
	if err != nil {
		return nil, fmt.Errorf("audit: name of log: %w", err)
	}
	return &Signer{origin: origin, key: key, pub: pub, text: text}, nil
}

// Verifier is what checks the signatures of s.
func (s *Signer) Verifier() Verifier {
	return Verifier{origin: s.origin, keys: note.VerifierList(s.pub)}
}

// PublicKey is the public key in the text form of sumdb/note, to be handed to those who verify.
func (s *Signer) PublicKey() string { return s.text }

// Name implements note.Signer.
func (s *Signer) Name() string { return s.pub.Name() }

// KeyHash implements note.Signer.
func (s *Signer) KeyHash() uint32 { return s.pub.KeyHash() }

// Sign implements note.Signer.
func (s *Signer) Sign(msg []byte) ([]byte, error) { return ed25519.Sign(s.key, msg), nil }

// checkpoint signs head. The text is that of C2SP tlog-checkpoint: origin, size, root.
func (s *Signer) checkpoint(head Head, now time.Time) (Checkpoint, error) {
	text := s.origin + "\n" + strconv.FormatInt(head.Size, 10) + "\n" + head.Root.String() + "\n"
	signed, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		return Checkpoint{}, fmt.Errorf("sign checkpoint: %w", err)
	}
	return Checkpoint{Size: head.Size, At: now.UTC().Truncate(time.Microsecond), Note: signed}, nil
}

// Verifier checks statements about one log. The zero Verifier trusts nothing.
type Verifier struct {
	origin string
	keys   note.Verifiers
}

// NewVerifier makes a verifier from public keys as [Signer.PublicKey] tells them, all of one log: the present one and,
// after a change of keys, the earlier ones.
func NewVerifier(keys ...string) (Verifier, error) {
	if len(keys) == 0 {
		return Verifier{}, errors.New("audit: no public key was given")
	}
	var list []note.Verifier
	for _, text := range keys {
		k, err := note.NewVerifier(strings.TrimSpace(text))
		if err != nil {
			return Verifier{}, fmt.Errorf("audit: public key: %w", err)
		}
		list = append(list, k)
		if k.Name() != list[0].Name() {
			return Verifier{}, errors.New("audit: the public keys are of different logs")
		}
	}
	return Verifier{origin: list[0].Name(), keys: note.VerifierList(list...)}, nil
}

// Log is the origin line of the log: "countersign/" and its name.
func (v Verifier) Log() string { return v.origin }

// open returns the lines of a signed statement whose first line is the log's origin and suffix.
func (v Verifier) open(signed []byte, suffix string, lines int) ([]string, error) {
	if v.keys == nil {
		return nil, errSignature
	}
	n, err := note.Open(signed, v.keys)
	if err != nil {
		return nil, errSignature
	}
	got := strings.Split(n.Text, "\n")
	if len(got) < lines+1 || got[0] != v.origin+suffix {
		return nil, errText
	}
	return got, nil
}

// Checkpoint checks a signed checkpoint and returns the head that it states.
func (v Verifier) Checkpoint(signed []byte) (Head, error) {
	lines, err := v.open(signed, "", 3)
	if err != nil {
		return Head{}, err
	}
	size, err := parseSize(lines[1])
	if err != nil {
		return Head{}, err
	}
	root, err := tlog.ParseHash(lines[2])
	if err != nil {
		return Head{}, errText
	}
	return Head{Size: size, Root: root}, nil
}

// pruneSuffix makes the first line of a prune record one that no checkpoint can have.
const pruneSuffix = "/prune"

// pruned is what a prune record states: of the entries with From <= index < To, those with an id below Before, and
// not below Before of the record ahead of it, have no event any more. There are Count of them and Digest is over
// them.
type pruned struct {
	Before   uid.ID
	From, To int64
	Count    int64
	Digest   [32]byte // SHA-256 over index (8 bytes, big-endian) and id of each, in log order
}

func (s *Signer) prune(p pruned, now time.Time) (Prune, error) {
	text := fmt.Sprintf("%s%s\n%s\n%d\n%d\n%d\n%x\n", s.origin, pruneSuffix, p.Before.Hex(), p.From, p.To, p.Count, p.Digest)
	signed, err := note.Sign(&note.Note{Text: text}, s)
	if err != nil {
		return Prune{}, fmt.Errorf("sign prune record: %w", err)
	}
	return Prune{Before: p.Before, At: now.UTC().Truncate(time.Microsecond), Note: signed}, nil
}

func (v Verifier) prune(signed []byte) (pruned, error) {
	lines, err := v.open(signed, pruneSuffix, 6)
	if err != nil {
		return pruned{}, err
	}
	var p pruned
	before, err0 := uid.ParseHex(lines[1])
	from, err1 := parseSize(lines[2])
	to, err2 := parseSize(lines[3])
	count, err3 := parseSize(lines[4])
	n, err4 := hex.Decode(p.Digest[:], []byte(lines[5][:min(len(lines[5]), 2*len(p.Digest))]))
	if errors.Join(err0, err1, err2, err3, err4) != nil || n != len(p.Digest) || from > to {
		return pruned{}, errText
	}
	p.Before, p.From, p.To, p.Count = before, from, to, count
	return p, nil
}

// parseSize reads a number from 0 in its one decimal spelling.
func parseSize(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 0 || strconv.FormatInt(n, 10) != s {
		return 0, errText
	}
	return n, nil
}
