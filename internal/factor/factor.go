package factor

import (
	"time"

	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/uid"
)

// Type is the kind of a factor.
type Type string

// TOTP is an authenticator app: codes of time (RFC 6238).
const TOTP Type = "totp"

// Status is how far a factor has come.
type Status string

// The statuses.
const (
	Unverified Status = "unverified" // no right code yet: it proves nothing
	Verified   Status = "verified"
)

// Factor is one authenticator of an entity.
type Factor struct {
	ID       uid.ID
	Tenant   uid.Tenant
	Service  uid.ID
	Entity   uid.ID
	Identity Identity
	Type     Type
	Name     string // for people: "Ann's phone"; the account in the app
	Metadata map[string]string
	Config   Config
	Secret   []byte // sealed
	Status   Status

	LastStep   int64     // the step of the last right code; 0: none (SEC-42)
	Drift      int       // learned: how many steps the authenticator is ahead
	SeenStep   int64     // of a code that fitted outside the window, when it was the last one handed in; 0: none
	SeenOffset int       // how many steps ahead that code was
	Wrong      int       // wrong codes since the last right one
	WaitUntil  time.Time // nothing is compared before (SEC-16)

	AskedHour ratelimit.Fixed // the challenges to it lately, for each of its two limits
	AskedDay  ratelimit.Fixed

	CreatedAt  time.Time
	ExpiresAt  time.Time // the end of the enrolment
	VerifiedAt time.Time // zero: not yet
	UpdatedAt  time.Time
}

// Limits are how many wrong codes are borne.
type Limits struct {
	Wrong  int             // in one enrolment, and in one challenge
	InARow int             // of one factor, over all challenges; then it is disabled until it is replaced (SEC-15)
	Waits  []time.Duration // after the first wrong code in a row, the second, ...; the last repeats; empty: no waits (SEC-16)
}

// DefaultLimits are the figures of an installation that sets none.
func DefaultLimits() Limits {
	return Limits{Wrong: 5, InARow: 50, Waits: []time.Duration{0, 0, 0, 30 * time.Second, time.Minute, 2 * time.Minute,
		4 * time.Minute, 8 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour}}
}

// wait is the pause after the n-th wrong code in a row, from 1.
func (l Limits) wait(n int) time.Duration {
	if len(l.Waits) == 0 {
		return 0
	}
	return l.Waits[min(n, len(l.Waits))-1]
}

// enrolmentLife is how long a new factor may take to prove itself (SEC-43).
const enrolmentLife = 10 * time.Minute

// Begin makes the unverified factor that draft describes (identity, name, config, sealed secret). Its enrolment begins now.
func Begin(draft Factor, now time.Time) Factor {
	draft.Type, draft.Status = TOTP, Unverified
	draft.CreatedAt, draft.UpdatedAt, draft.ExpiresAt = now, now, now.Add(enrolmentLife)
	return draft
}

// Outcome is what came of a code that was handed in.
type Outcome string

// The outcomes. Right and Wrong commit, since a code was compared. All others refuse before that and change nothing.
const (
	Right     Outcome = "right"
	Wrong     Outcome = "wrong"
	None      Outcome = "none"      // no code was given, and none is needed
	Malformed Outcome = "malformed" // of another length, or no digits: it could never be right
	Settled   Outcome = "settled"   // it has had its right code
	Expired   Outcome = "expired"   // the time of the enrolment or challenge is over
	Exhausted Outcome = "exhausted" // the enrolment or challenge has had its wrong codes
	Idle      Outcome = "idle"      // the factor is not verified, so it answers no challenge
	Paused    Outcome = "paused"    // not before Factor.WaitUntil
	Rationed  Outcome = "rationed"  // the factor has had its challenges: no further one is made for now
	Disabled  Outcome = "disabled"  // too many wrong codes in a row: replace the factor
)

// Compared reports whether a code was compared, so that the outcome must commit.
func (o Outcome) Compared() bool { return o == Right || o == Wrong }

// Disabled reports whether the factor has had its last wrong code.
func (f *Factor) Disabled(l Limits) bool { return f.Wrong >= l.InARow }

// Verify proves a new factor by one right code. The wrong codes of an enrolment are few, so no wait grows between them.
func (f *Factor) Verify(s Secret, code string, l Limits, now time.Time) Outcome {
	switch {
	case f.Status == Verified:
		return Settled
	case !now.Before(f.ExpiresAt):
		return Expired
	case f.Wrong >= l.Wrong:
		return Exhausted
	case !f.Config.Shaped(code):
		return Malformed
	}
	l.Waits = nil
	if outcome, _ := f.Match(s, code, l, now); outcome != Right {
		return outcome
	}
	f.Status, f.VerifiedAt = Verified, now
	return Right
}

// Match counts a wrong code, then compares code, normalised, with those of the factor's secret s around now. The right one
// takes the count back, and its step is given and kept: that step and all before it are over.
func (f *Factor) Match(s Secret, code string, l Limits, now time.Time) (Outcome, int64) {
	switch {
	case !f.Config.Shaped(code):
		return Malformed, 0
	case f.Disabled(l):
		return Disabled, 0
	case now.Before(f.WaitUntil):
		return Paused, 0
	}
	f.Wrong++
	f.UpdatedAt = now
	current := f.Config.At(now)
	within, beyond := f.look(s, code, current)
	step := within
	if step == 0 {
		step = f.learn(beyond, current)
	}
	if step == 0 {
		f.WaitUntil = time.Time{}
		if wait := l.wait(f.Wrong); wait > 0 {
			f.WaitUntil = now.Add(wait)
		}
		return Wrong, 0
	}
	f.LastStep, f.Wrong, f.WaitUntil = step, 0, time.Time{}
	f.SeenStep, f.SeenOffset = 0, 0
	return Right, step
}

// Reconfigure changes how codes are made. What was learned about the clock is forgotten; no time that was used comes back.
func (f *Factor) Reconfigure(c Config) {
	if c == f.Config {
		return
	}
	if f.LastStep > 0 {
		last := (f.LastStep+1)*int64(f.Config.Step/time.Second) - 1 // the last second of the old step
		f.LastStep = last / int64(c.Step/time.Second)
	}
	f.Config = c
	f.Drift, f.SeenStep, f.SeenOffset = 0, 0, 0
}
