package invite

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// What is sealed and hashed is named by these words. They are part of what is stored: they never change.
const (
	sealPurpose  = "invitation"
	sealPerson   = "person"
	sealContact  = "contact "
	sealEvidence = "evidence "
	sealFormer   = "former email "
	linkLabel    = "invitation link"
	sessionLabel = "invitation session"
	contactLabel = "invitation contact"
	clientLabel  = "invitation client"
)

// enteredToken is how long the token of an entered invitation is: the vendor's field for it holds 40 characters. 238 bits.
const enteredToken = 40

// place binds what is sealed to its invitation, and there to what it is.
func (v *Invitation) place(what string) seal.Place {
	return seal.Place{Purpose: sealPurpose, Tenant: v.Tenant, Row: append(v.ID[:len(v.ID):len(v.ID)], what...)}
}

// seal seals value, which always can be JSON, as what of v.
func (s *Service) seal(v *Invitation, what string, value any) []byte {
	text, _ := json.Marshal(value) // structs of strings always encode
	return s.ring.Seal(v.place(what), text)
}

// open reads what seal made.
func (s *Service) open(v *Invitation, what string, sealed []byte, value any) error {
	return open(s.ring, v, what, sealed, value)
}

func open(ring *seal.Ring, v *Invitation, what string, sealed []byte, value any) error {
	text, err := ring.Open(v.place(what), sealed)
	if err != nil {
		return seal.Refusal(err)
	}
	return json.Unmarshal(text, value)
}

// person opens who v is for.
func (s *Service) person(v *Invitation) (Person, error) { return OpenPerson(s.ring, v) }

// OpenPerson opens who v is for: nobody, once that was erased.
func OpenPerson(ring *seal.Ring, v *Invitation) (p Person, err error) {
	if v.Sealed == nil {
		return p, nil
	}
	return p, open(ring, v, sealPerson, v.Sealed, &p)
}

// contact is the contact of a gate in normal form, "" when it is not entered yet.
func (s *Service) contact(v *Invitation, g *Gate) (value string, err error) {
	if g.Contact == nil {
		return "", nil
	}
	return value, s.open(v, sealContact+string(g.Channel), g.Contact, &value)
}

// setContact gives a gate its contact.
func (s *Service) setContact(v *Invitation, g *Gate, value, masked string) {
	g.Contact, g.Masked, g.Index = s.seal(v, sealContact+string(g.Channel), value), masked, s.ring.BlindIndex(v.Tenant, value)
}

// relink gives v its first or next link. The one before is dead with that, and a code that one of its sessions has handed in passes nothing.
func (s *Service) relink(v *Invitation) error {
	v.Link = Link{N: v.Link.N + 1, Key: s.ring.Current()}
	_, _ = rand.Read(v.Link.Salt[:]) // never fails since Go 1.24
	token, err := s.token(v)
	if err != nil {
		return err
	}
	v.Link.Hash = s.linkHash(token.Reveal())
	v.retire(v.Sessions...)
	v.Sessions = nil
	for i := range v.Gates {
		v.Gates[i].Checked = false
	}
	return nil
}

// token derives the secret of the link of now.
func (s *Service) token(v *Invitation) (seal.Code, error) {
	length := seal.FullToken
	if v.Kind == Entered {
		length = enteredToken
	}
	token, err := s.ring.Token(v.Link.Key, linkLabel, v.ID, uint32(v.Link.N), v.Link.Salt, length)
	if err != nil {
		return seal.Code{}, seal.Refusal(err)
	}
	return token, nil
}

// LinkOf is the whole address that a token opens: a secret, as the token is.
func (s *Service) LinkOf(token seal.Code) string { return s.cfg.PublicURL + "/v/" + token.Reveal() }

// sampleToken is as long as one that the firm's customers get (seal.FullToken), and opens nothing.
const sampleToken = "this-link-is-a-sample-that-leads-to-nothing"

// Samples are what a firm's messages have in them, for the firm to look at: a link as customers get theirs, that opens nothing, and how long
// a code is good, by text message one to a number that the firm gave, by e-mail, where there are none of that kind, one to an address that
// was entered. Fault: public_url_missing, as in Create.
func (s *Service) Samples(ctx context.Context, t uid.Tenant) (link string, lives map[delivery.Channel]time.Duration, err error) {
	if s.cfg.PublicURL == "" {
		return "", nil, errNoAddress()
	}
	checks, err := s.Checks(ctx, t)
	lives = map[delivery.Channel]time.Duration{delivery.SMS: time.Duration(checks.CodeMinutes) * time.Minute, delivery.Email: defaultCodeLife}
	return s.LinkOf(seal.CodeFrom(sampleToken)), lives, err
}

func (s *Service) linkHash(token string) [32]byte {
	return s.ring.Hash(linkLabel, uid.Tenant{}, []byte(token))
}

func (s *Service) sessionHash(v *Invitation, cookie string) [32]byte {
	return s.ring.Hash(sessionLabel, v.Tenant, v.ID[:], []byte(cookie))
}

// newCookie makes the secret of a session: 256 random bits.
func newCookie() string {
	var b [32]byte
	_, _ = rand.Read(b[:]) // never fails since Go 1.24
	return base64.RawURLEncoding.EncodeToString(b[:])
}

// hashed is a keyed hash for an event (SEC-92): it tells equal from different, and nothing else.
func (s *Service) hashed(label string, v *Invitation, parts ...string) string {
	var all [][]byte
	for _, p := range parts {
		all = append(all, []byte(p))
	}
	sum := s.ring.Hash(label, v.Tenant, all...)
	return hex.EncodeToString(sum[:16])
}

// whence is the machine of an operator or a program in an event (RA-17).
func (s *Service) whence(c *Client) string {
	if *c == (Client{}) {
		return ""
	}
	return s.ring.Whence(c.IP, c.UserAgent)
}

// client is a customer's machine in an event.
func (s *Service) client(v *Invitation, c *Client) string {
	if c == nil || *c == (Client{}) {
		return ""
	}
	return s.hashed(clientLabel, v, c.IP, c.UserAgent)
}

// subject names the person that e is about, by the contact whose bucket the invitation is in.
func (s *Service) subject(e *audit.Event, contact string) {
	if contact != "" {
		e.Subject = audit.NewSubject(s.ring.Seal(seal.SubjectPlace(e.Tenant, e.ID), []byte(contact)))
	}
}

// evidence is what is kept of who passed a gate or consented (RA-42, RA-46).
func (s *Service) evidence(v *Invitation, of string, c *Client) []byte {
	if c == nil || *c == (Client{}) {
		return nil
	}
	return s.seal(v, sealEvidence+of, map[string]string{"ip": c.IP, "user_agent": c.UserAgent})
}

// gateOf is the channel of a gate for a kind of contact.
func gateOf(phone bool) delivery.Channel {
	if phone {
		return delivery.SMS
	}
	return delivery.Email
}
