package operator

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	_ "embed"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
	"golang.org/x/text/unicode/norm"

	"github.com/countersign/countersign/internal/fault"
)

// The lengths of a password, in characters after normalisation. NIST SP 800-63B-4 §3.1.1.2: 15 at least where it stands alone;
// beside a second factor 8 would do, and 12 are asked for.
const (
	minBeside   = 12
	minAlone    = 15
	maxPassword = 128
)

// The cost of a hash: OWASP's first choice of memory and time for Argon2id, also SEC-48's.
const (
	argonMemory = 19 * 1024 // KiB
	argonTime   = 2
	argonLanes  = 1
	argonSalt   = 16
	argonKey    = 32
)

// At most so many hashes are made at once: 76 MiB. Who can't begin within the time is turned away.
const (
	hashesAtOnce = 4
	hashQueue    = 5 * time.Second
)

// passwords hashes and compares passwords, a few at a time.
type passwords struct {
	slots chan struct{}
	dummy string   // compared with where there is no account
	words []string // that are tried first, in order
}

func newPasswords() *passwords {
	p := &passwords{slots: make(chan struct{}, hashesAtOnce), words: strings.Split(strings.TrimSpace(guessableText), "\n")}
	p.dummy = phc(make([]byte, argonSalt), make([]byte, argonKey)) // all zero: no password is known that gives it
	return p
}

// slot waits until a hash may be made. free ends it.
func (p *passwords) slot(ctx context.Context) (free func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, hashQueue)
	defer cancel()
	select {
	case p.slots <- struct{}{}:
		return func() { <-p.slots }, nil
	case <-ctx.Done():
		return nil, fault.New(fault.Unavailable, "busy", "Too many people sign in at this moment. Try again.").After(hashQueue)
	}
}

// hash gives the PHC string of a password.
func (p *passwords) hash(ctx context.Context, password string) (string, error) {
	free, err := p.slot(ctx)
	if err != nil {
		return "", err
	}
	defer free()
	salt := make([]byte, argonSalt)
	_, _ = rand.Read(salt) // never fails since Go 1.24
	return phc(salt, argon2.IDKey([]byte(normal(password)), salt, argonTime, argonMemory, argonLanes, argonKey)), nil
}

// check compares a password with a PHC string, "" for none. It takes as long whatever comes of it.
func (p *passwords) check(ctx context.Context, kept, password string) (bool, error) {
	free, err := p.slot(ctx)
	if err != nil {
		return false, err
	}
	defer free()
	real := kept != ""
	if !real {
		kept = p.dummy
	}
	salt, want, cost, err := readPHC(kept)
	if err != nil {
		return false, err
	}
	if password = normal(password); utf8.RuneCountInString(password) > maxPassword {
		password, real = "", false // it can be nobody's, and is not worth the time
	}
	got := argon2.IDKey([]byte(password), salt, cost.time, cost.memory, cost.lanes, uint32(len(want)))
	return subtle.ConstantTimeCompare(got, want) == 1 && real, nil
}

// RandomPassword makes one of 130 bits.
func RandomPassword() string { return randomText() }

// normal is a password as it is hashed (NIST SP 800-63B-4 §3.1.1.2). What is far too long stays as it is.
func normal(password string) string {
	if len(password) > maxPassword*utf8.UTFMax*2 {
		return password
	}
	return norm.NFKC.String(password)
}

// phc spells a hash: "$argon2id$v=19$m=19456,t=2,p=1$salt$hash".
func phc(salt, key []byte) string {
	b := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, argonMemory, argonTime, argonLanes, b.EncodeToString(salt), b.EncodeToString(key))
}

// argonCost is what a hash was made with.
type argonCost struct {
	memory, time uint32
	lanes        uint8
}

func readPHC(text string) (salt, key []byte, cost argonCost, err error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return nil, nil, cost, fmt.Errorf("a password is kept in a form that is not known")
	}
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &cost.memory, &cost.time, &cost.lanes); err != nil {
		return nil, nil, cost, fmt.Errorf("the cost of a password: %w", err)
	}
	if salt, err = base64.RawStdEncoding.DecodeString(parts[4]); err == nil {
		key, err = base64.RawStdEncoding.DecodeString(parts[5])
	}
	return salt, key, cost, err
}

// guessableText is a list of passwords that are tried first, and of words that they are made of: one a line, lower case, in the order of
// their bytes. Where it comes from is in docs/decisions/0024.
//
//go:embed guessable.txt
var guessableText string

// product is what nobody's password may hold.
const product = "countersign"

// refuse says what is wrong with a password that somebody of a firm has chosen; nil: nothing. There are no rules about what it is
// composed of.
func (p *passwords) refuse(password string, who person, firm string, least int) error {
	password = normal(password)
	n, lower := utf8.RuneCountInString(password), strings.ToLower(password)
	switch {
	case !utf8.ValidString(password) || strings.ContainsFunc(password, unicode.IsControl):
		return errPassword("Choose a password of printable characters.")
	case n < least:
		return errPassword(fmt.Sprintf("Choose a password of %d characters or more. Several words are easy to remember.", least))
	case n > maxPassword:
		return errPassword(fmt.Sprintf("Choose a password of %d characters at most.", maxPassword))
	case holds(lower, firm):
		return errPassword("Choose a password without the name of your firm or a word of it: whoever guesses tries that first.")
	case holds(lower, who.Name):
		return errPassword("Choose a password without your name or a part of it: whoever guesses tries that first.")
	case holds(lower, who.Email):
		return errPassword("Choose a password without your e-mail address or a part of it: whoever guesses tries that first.")
	case holds(lower, product):
		return errPassword("Choose a password without the name of this product: whoever guesses tries that first.")
	case p.guessable(lower):
		return errPassword("This password is among those that are tried first. Choose another one.")
	}
	return nil
}

func errPassword(message string) error {
	return fault.New(fault.Invalid, "password_invalid", message).On("password")
}

// leastName is how long a part of a name or address must be to be looked for, in characters.
const leastName = 4

// holds reports whether a password, in lower case, holds a name or an address, or a part of it, also with signs for letters
// (NIST SP 800-63B-4 §3.1.1.2, context-specific words).
func holds(password, name string) bool {
	name = strings.ToLower(normal(name))
	parts := strings.FieldsFunc(name, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	parts = append(parts, name, strings.Join(parts, ""))
	if local, _, is := strings.Cut(name, "@"); is {
		parts = append(parts, local)
	}
	meant := lookAlikes.Replace(password)
	return slices.ContainsFunc(parts, func(part string) bool {
		return utf8.RuneCountInString(part) >= leastName && (strings.Contains(password, part) || strings.Contains(meant, part))
	})
}
