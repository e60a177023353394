package verify

import (
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/seal"
)

// Outcome is what came of a check. All of them commit: the check is spent.
type Outcome string

// The outcomes.
const (
	Right    Outcome = "right"
	Wrong    Outcome = "wrong"
	Unbound  Outcome = "unbound" // the transaction is not the one that the code was made for (SEC-106)
	Unusable Outcome = "unusable"
)

// Shaped reports whether got, normalised, could be a code of this shape at all. What could never be right spends no
// check (SEC-10).
func (s CodeShape) Shaped(got string) bool {
	if len(got) != s.Length {
		return false
	}
	for i := range len(got) {
		c := got[i]
		digit := '0' <= c && c <= '9'
		letter := 'a' <= c|0x20 && c|0x20 <= 'z'
		if !digit && (s.Custom == nil || !letter) {
			return false
		}
	}
	return true
}

// Check spends one check of a live verification, then compares got, normalised, with want, the code of v's generation.
// bound tells whether the transaction repeated with the code is the one that v is bound to, or whether neither has one.
// A wrong code is an outcome and not an error, so that the spent check commits. A verification that is not live, or has
// no check left, spends nothing and compares nothing: Unusable.
func (v *Verification) Check(got string, want seal.Code, bound bool, by By, now time.Time) (Outcome, audit.Event) {
	if !v.Live(now) || v.Checks >= v.MaxChecks {
		return Unusable, audit.Event{}
	}
	v.Checks++
	v.UpdatedAt = now
	right := want.Equal(got)
	if right && bound {
		return Right, v.end(Approved, by, now, newData().number("checks", v.Checks))
	}
	outcome := Wrong
	if !bound {
		outcome = Unbound
	}
	d := newData().number("checks", v.Checks).text("outcome", string(outcome))
	if v.Checks >= v.MaxChecks {
		return outcome, v.end(Exhausted, by, now, d)
	}
	return outcome, v.event(EventCheck, by, now, d)
}
