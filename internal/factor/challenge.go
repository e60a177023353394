package factor

import (
	"time"

	"github.com/countersign/countersign/internal/uid"
)

// State is where a challenge stands.
type State string

// The states. The first two are stored: that a pending one has expired follows from the time.
const (
	StatePending  State = "pending"
	StateApproved State = "approved"
	StateExpired  State = "expired"
)

// The life of a challenge.
const (
	DefaultLife = 5 * time.Minute
	MaxLife     = time.Hour
)

// Challenge is one question to a verified factor.
type Challenge struct {
	ID        uid.ID
	Tenant    uid.Tenant
	Service   uid.ID
	Entity    uid.ID
	Factor    uid.ID
	Identity  Identity
	State     State  // StatePending or StateApproved; see At
	Wrong     int    // wrong codes handed in
	Note      string // what the caller wants back with it; nothing here reads it
	CreatedAt time.Time
	ExpiresAt time.Time
	EndedAt   time.Time // of the right code; zero: none yet
	UpdatedAt time.Time
}

// Ask makes the challenge that draft describes (identity, factor, note, end).
func Ask(draft Challenge, now time.Time) Challenge {
	draft.State, draft.CreatedAt, draft.UpdatedAt = StatePending, now, now
	return draft
}

// At is the state at a time.
func (c *Challenge) At(now time.Time) State {
	if c.State == StatePending && !now.Before(c.ExpiresAt) {
		return StateExpired
	}
	return c.State
}

// Answer hands in a code for the challenge to its factor f, whose secret is s. The wrong code is counted for the challenge and
// for the factor before anything is compared.
func (c *Challenge) Answer(f *Factor, s Secret, code string, l Limits, now time.Time) Outcome {
	switch {
	case c.State == StateApproved:
		return Settled
	case c.At(now) == StateExpired:
		return Expired
	case f.Status != Verified:
		return Idle
	case c.Wrong >= l.Wrong:
		return Exhausted
	}
	c.Wrong++
	outcome, _ := f.Match(s, code, l, now)
	if outcome != Wrong {
		c.Wrong-- // not a wrong one after all, or none was compared
	}
	if outcome.Compared() {
		c.UpdatedAt = now
	}
	if outcome == Right {
		c.State, c.EndedAt = StateApproved, now
	}
	return outcome
}
