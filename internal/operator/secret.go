package operator

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"net/netip"
	"strings"

	"github.com/countersign/countersign/internal/factor"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// Secret is the token of a step. It prints as "[redacted]"; Reveal gives it, for the cookie.
type Secret = seal.Code

// What is sealed and hashed is named by these words. They are part of what is stored: they never change.
const (
	sealPurpose  = "operator"
	sealPerson   = "person"
	sealTOTP     = "totp"
	sealClient   = "client"
	linkLabel    = "operator link"
	sessionLabel = "operator session"
	codeLabel    = "operator recovery code"
	waitLabel    = "operator wait"
	typedLabel   = "operator address that is none"

	refusedLabel = "operator submission that was wrong"
	passedLabel  = "operator submission that was right"
	nextLabel    = "operator next token"
)

// person is who an operator is.
type person struct {
	Email string `json:"email"`
	Name  string `json:"name,omitempty"`
}

func place(t uid.Tenant, id uid.ID, what string) seal.Place {
	return seal.Place{Purpose: sealPurpose, Tenant: t, Row: append(id[:len(id):len(id)], what...)}
}

// seal seals a value that always can be JSON.
func (s *Service) seal(p seal.Place, value any) []byte {
	text, _ := json.Marshal(value) // structs of strings always encode
	return s.ring.Seal(p, text)
}

func (s *Service) open(p seal.Place, sealed []byte, value any) error {
	text, err := s.ring.Open(p, sealed)
	if err != nil {
		return seal.Refusal(err)
	}
	return json.Unmarshal(text, value)
}

func (s *Service) person(o *Operator) (p person, err error) {
	return p, s.open(place(o.Tenant, o.ID, sealPerson), o.Person, &p)
}

// sealSecret seals the secret of an authenticator, so that it opens for this operator alone (SEC-44).
func (s *Service) sealSecret(o *Operator, secret factor.Secret) []byte {
	return s.ring.Seal(place(o.Tenant, o.ID, sealTOTP), []byte(secret.Reveal()))
}

func (s *Service) openSecret(o *Operator, t *TOTP) (factor.Secret, error) {
	text, err := s.ring.Open(place(o.Tenant, o.ID, sealTOTP), t.Secret)
	if err != nil {
		return factor.Secret{}, seal.Refusal(err)
	}
	return factor.ParseSecret(string(text))
}

// newToken makes the secret of a session: 256 random bits.
func newToken() Secret {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return seal.CodeFrom(base64.RawURLEncoding.EncodeToString(b[:]))
}

func (s *Service) sessionHash(token string) [32]byte {
	return s.ring.Hash(sessionLabel, uid.Tenant{}, []byte(token))
}

func (s *Service) linkHash(token string) [32]byte {
	return s.ring.Hash(linkLabel, uid.Tenant{}, []byte(token))
}

// linkToken derives the secret of a link.
func (s *Service) linkToken(l *Link) (Secret, error) {
	token, err := s.ring.Token(l.Key, linkLabel, l.ID, 1, l.Salt, seal.FullToken)
	if err != nil {
		return Secret{}, seal.Refusal(err)
	}
	return token, nil
}

// newLink gives a link that is otherwise ready its token.
func (s *Service) newLink(l *Link) (Secret, error) {
	l.Key = s.ring.Current()
	_, _ = rand.Read(l.Salt[:]) // never fails since Go 1.24
	token, err := s.linkToken(l)
	l.Hash = s.linkHash(token.Reveal())
	return token, err
}

// url is what a person opens.
func (s *Service) url(l *Link, token Secret) string {
	return s.cfg.PublicURL + l.Kind.path() + "#" + token.Reveal()
}

// emailIndex is what an address is found by. What is no address is counted and looked for like one.
func (s *Service) emailIndex(email string) [16]byte {
	to, err := s.readEmail(email)
	if err != nil {
		sum := s.ring.Hash(typedLabel, uid.Tenant{}, []byte(email))
		return [16]byte(sum[:16])
	}
	return s.ring.BlindIndex(uid.Tenant{}, to.Value)
}

// devAddress is the address of development mode's operator. Its domain has one label, so nothing is ever sent there.
const devAddress = "dev@localhost"

// readEmail reads an address.
func (s *Service) readEmail(email string) (recipient.Recipient, error) {
	if s.cfg.Development && strings.TrimSpace(email) == devAddress {
		return recipient.Recipient{Kind: recipient.Email, Value: devAddress}, nil
	}
	to, err := recipient.Parse(email, s.cfg.Rules)
	if err != nil || to.Kind != recipient.Email {
		return recipient.Recipient{}, errEmail()
	}
	return to, nil
}

// network is what failures from an address are counted by: itself, or the /64 of an IPv6 one (SEC-19).
func network(ip string) string {
	a, err := netip.ParseAddr(ip)
	if err != nil {
		return "unknown"
	}
	if a = a.Unmap().WithZone(""); a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// waitKeys are the counts that a try from c for an account belongs to, in the order of waitKinds.
func (s *Service) waitKeys(c Client, index [16]byte) []WaitKey {
	from := []byte(network(c.IP))
	return []WaitKey{s.waitKey(waitAddress, from), s.waitKey(waitPair, index[:], from), s.waitKey(waitAccount, index[:])}
}

var waitKinds = []waitKind{waitAddress, waitPair, waitAccount}

func (s *Service) waitKey(kind waitKind, parts ...[]byte) WaitKey {
	sum := s.ring.Hash(waitLabel, uid.Tenant{}, append([][]byte{[]byte(kind.name)}, parts...)...)
	return WaitKey(sum[:16])
}

// clientHash tells equal from different browsers in events, and nothing else.
func (s *Service) clientHash(c Client) string { return s.ring.Whence(c.IP, c.UserAgent) }

// The alphabet of recovery codes is Crockford's: no letter looks like a digit.
var crockford = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// codeLength is that of a recovery code in characters: 130 bits (SEC-63).
const codeLength = 26

// newCodes makes a set of recovery codes as they are shown, with what is kept of them.
func (s *Service) newCodes(o *Operator) (shown []string, hashes [][32]byte) {
	for range codeCount {
		text := randomText()
		hashes = append(hashes, s.codeHash(o, text))
		shown = append(shown, text[:6]+"-"+text[6:11]+"-"+text[11:16]+"-"+text[16:21]+"-"+text[21:])
	}
	return shown, hashes
}

// randomText is 130 random bits, in 26 characters.
func randomText() string {
	var b [17]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return crockford.EncodeToString(b[:])[:codeLength]
}

func (s *Service) codeHash(o *Operator, code string) [32]byte {
	return s.ring.Hash(codeLabel, o.Tenant, o.ID[:], []byte(code))
}

var recoverySpelling = strings.NewReplacer(" ", "", "-", "", "o", "0", "i", "1", "l", "1")

// recoveryCode brings what was typed to the normal form of recovery codes, and reports whether it could be one.
func recoveryCode(typed string) (string, bool) {
	if len(typed) > 2*codeLength {
		return "", false
	}
	code := recoverySpelling.Replace(strings.ToLower(strings.TrimSpace(typed)))
	return code, len(code) == codeLength
}
