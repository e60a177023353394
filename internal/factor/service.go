package factor

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/seal"
	"github.com/countersign/countersign/internal/uid"
)

// The bounds of what callers name.
const (
	maxFactors  = 100 // live ones of an entity
	maxName     = 64  // characters
	maxMetadata = 1024
	maxNote     = 8192 // bytes
)

// Service enrols factors and asks them. Safe for concurrent use.
type Service struct {
	Now func() time.Time // time.Now

	limits Limits
	ring   *seal.Ring
	store  Store
}

// Caller is who asks, for events.
type Caller struct {
	Tenant    uid.Tenant
	Actor     string // "key:key_..."
	RequestID string
}

// Owner names the entity that a request is about, and who asks. That the service is one of the tenant's is the caller's to know.
type Owner struct {
	Caller   Caller
	Service  uid.ID
	Identity Identity
}

// Answer is what came of a code.
type Answer struct {
	Outcome   Outcome
	Factor    Factor
	Challenge Challenge // zero for an enrolment, and for a challenge that was not made
	RetryAt   time.Time // when the next code will be compared; zero: now
}

// New makes a Service. The ring must have its index key when the first request comes.
func New(limits Limits, ring *seal.Ring, store Store) (*Service, error) {
	if ring == nil || store == nil {
		return nil, errors.New("factor: a key ring and a store are required")
	}
	// NIST SP 800-63B-4 §3.2.2: no more than 100 in a row.
	if limits.Wrong < 1 || limits.InARow < 1 || limits.InARow > 100 || slices.ContainsFunc(limits.Waits, func(d time.Duration) bool { return d < 0 }) {
		return nil, errors.New("factor: limits need one wrong code at least, 100 in a row at most, and no wait below zero")
	}
	return &Service{Now: time.Now, limits: limits, ring: ring, store: store}, nil
}

// moment is now as it is stored.
func (s *Service) moment() time.Time { return s.Now().Round(0).UTC().Truncate(time.Microsecond) }

// place binds a sealed secret to its factor and to whose it is: it does not open under another entity's name (SEC-44).
func (f *Factor) place() seal.Place {
	row := append(f.ID[:len(f.ID):len(f.ID)], f.Service[:]...)
	return seal.Place{Purpose: "factor secret", Tenant: f.Tenant, Row: append(row, f.Identity...)}
}

// open gives the secret of a factor.
func (s *Service) open(f *Factor) (Secret, error) {
	key, err := s.ring.Open(f.place(), f.Secret)
	if err != nil {
		return Secret{}, fmt.Errorf("open the secret of factor %s: %w", f.ID, err)
	}
	return secretOf(key), nil
}

// isLabel reports whether s is 1 to limit printable characters on one line, without outer spaces.
func isLabel(s string, limit int) bool {
	return s != "" && utf8.ValidString(s) && utf8.RuneCountInString(s) <= limit && strings.TrimSpace(s) == s &&
		strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

// checkSettings tells the first thing that is wrong with what can be chosen of a factor.
func checkSettings(set Settings) error {
	size := 0
	for k, v := range set.Metadata {
		if !utf8.ValidString(k) || !utf8.ValidString(v) {
			return errMetadata()
		}
		size += utf8.RuneCountInString(k) + utf8.RuneCountInString(v)
	}
	switch {
	case !isLabel(set.Name, maxName):
		return fault.New(fault.Invalid, "name_invalid", "Give the factor a name of 1 to 64 printable characters, without outer spaces.").On("name")
	case !set.Config.Valid():
		return fault.New(fault.Invalid, "config_invalid",
			"Choose sha1, sha256 or sha512, a step of 20 to 60 seconds, 3 to 8 digits, and a skew of 0 to 2 steps.").On("config")
	case size > maxMetadata:
		return errMetadata()
	}
	return nil
}

func errMetadata() error {
	return fault.New(fault.Invalid, "metadata_invalid", "Give metadata as an object of texts with 1,024 characters at most in all.").On("metadata")
}

func errIdentity() error {
	return fault.New(fault.Invalid, "identity_invalid",
		"Name the entity by 8 to 64 letters, digits and hyphens that say nothing about the person.").On("identity")
}

func errNoFactor() error {
	return fault.New(fault.NotFound, "factor_not_found", "There is no such factor.")
}

func errNoChallenge() error {
	return fault.New(fault.NotFound, "challenge_not_found", "There is no such challenge.")
}

// told turns what a store answers into a fault; missing is the one for what is not there.
func told(err error, missing func() error) error {
	switch {
	case errors.Is(err, ErrNotFound):
		return missing()
	case errors.Is(err, ErrExists):
		return fault.Wrap(fault.Conflict, "entity_exists", "There is an entity with this identity already.", err).On("identity")
	}
	return err
}
