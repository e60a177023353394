// Package risk is the place where a start is weighed before anything is sent.
//
// An Engine takes Signals and answers a Decision with its reasons. The verification asks exactly once per start and
// acts on the outcome: allow sends, challenge and deny send nothing, delay is a limit. Allow is the engine of an
// installation without rules. Rules that hold for everybody, such as opt-outs, come before fraud ([First]), and a start that
// the tenant answers for is exempt from fraud alone ([Exempting]). The package holds words only; what keeps state lives
// beside it, as safelist does.
package risk

import (
	"context"
	"time"
)

// Outcome is what the engine says.
type Outcome string

// The outcomes.
const (
	OutcomeAllow     Outcome = "allow"
	OutcomeChallenge Outcome = "challenge"
	OutcomeDelay     Outcome = "delay"
	OutcomeDeny      Outcome = "deny"
)

// Decision is the engine's answer. Reasons are stable words, most telling first.
type Decision struct {
	Outcome Outcome       `json:"outcome"`
	Reasons []string      `json:"reasons"`
	Wait    time.Duration `json:"-"` // for delay: how long to wait
}

// Signals is what is known about a start before it is sent.
type Signals struct {
	Tenant     [16]byte
	Bucket     uint16
	BlindIndex [16]byte // keyed hash of the recipient
	Country    string   // ISO 3166 alpha-2, empty when not known
	LineType   string
	Channel    string
	Purpose    string
	ClientIP   string // empty when the caller told no client
	UserAgent  string
	DeviceID   string
	Vouched    bool // the caller asked for no weighing; what that exempts from is for Exempting to say
	Now        time.Time
}

// Engine decides. An error means that the engine could not decide; the start is then refused as unavailable.
// It may be called concurrently.
type Engine func(ctx context.Context, s Signals) (Decision, error)

// Allow lets everything through.
func Allow(context.Context, Signals) (Decision, error) {
	return Decision{Outcome: OutcomeAllow, Reasons: []string{}}, nil
}
