package invite

import (
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// Gate is one contact proof of an invitation. Its JSON is that of the stored row.
type Gate struct {
	Channel   delivery.Channel `json:"channel"`           // sms or email: the kind of contact
	Fixed     bool             `json:"fixed"`             // the contact is the firm's; the customer may only confirm it
	Contact   []byte           `json:"contact,omitempty"` // normal form, sealed; nil: not entered yet
	Masked    string           `json:"masked,omitempty"`
	Index     [16]byte         `json:"index"` // blind index of the contact
	MaxSends  int              `json:"max_sends"`
	MaxCycles int              `json:"max_cycles"`

	Cycle       int       `json:"cycle"`              // from 1
	Sends       int       `json:"sends"`              // of the cycle, that count against the customer
	N           int       `json:"n"`                  // starts in all, also those that count no more: part of the idempotency key
	Starting    bool      `json:"starting,omitempty"` // send N is counted, and whether it was started is not known yet
	Unsent      bool      `json:"unsent,omitempty"`   // nobody could carry send N
	Checked     bool      `json:"checked,omitempty"`  // a code was handed in for send N, by Asker
	Asker       [32]byte  `json:"asker"`              // the session that asked for send N: the code is for no other (RA-33)
	Verified    uid.ID    `json:"verification"`       // of send N; zero: none
	CodeEnds    time.Time `json:"code_ends"`
	NextSendAt  time.Time `json:"next_send_at"`
	AskedAt     time.Time `json:"asked_at,omitzero"`  // when the last send was started: later messages to the contact are of others (RA-38)
	LockedUntil time.Time `json:"locked_until"`       // no send and no check before
	Shut        bool      `json:"shut,omitempty"`     // only the firm can unlock (RA-39)
	PassedAt    time.Time `json:"passed_at"`          // zero: not, or not for the link of now
	PassedBy    [32]byte  `json:"passed_by"`          // the session
	Kept        bool      `json:"kept,omitempty"`     // it holds for every session of the link of now, until one answers to the consent text (RA-64)
	Proof       uid.ID    `json:"proof"`              // the verification that was approved (RA-42); stays when a new link asks for another
	Evidence    []byte    `json:"evidence,omitempty"` // address and user agent of who passed it, sealed
}

// gateOpen is how long an entered invitation may take from its opening to its last gate (ID-28).
const gateOpen = 30 * time.Minute

// lockLife is how long a gate is locked between its cycles (RA-39).
const lockLife = 30 * time.Minute

// defaultCodeLife is the life of a code where nothing else was decided (RA-33, ID-25).
const defaultCodeLife = 5 * time.Minute

// codeLife is the life of a code. An invitation of an earlier version holds none.
func (v *Invitation) codeLife() time.Duration {
	if v.CodeTTL == 0 {
		return defaultCodeLife
	}
	return v.CodeTTL
}

// apart keeps the wait between messages to the contact of a gate over all invitations of the tenant (RA-38). Between those of this one the
// gate does so itself.
func (v *Invitation) apart(g *Gate) *verify.Apart {
	a := &verify.Apart{Since: g.AskedAt}
	if v.Kind == Entered {
		a.Most = v.Resend.CoolDown(1) // ID-25
	}
	return a
}

// maxChecks is how many wrong codes end a code (RA-36, ID-23).
func (k Kind) maxChecks() int {
	if k == Entered {
		return 3
	}
	return 5
}

// codeLength is how many digits a code has (RA-33, ID-13, ID-17).
func (v *Invitation) codeLength(g *Gate) int {
	if v.Kind == Entered && g.Channel == delivery.SMS {
		return 4
	}
	return 6
}

// newGate makes one that nobody has asked anything of.
func newGate(k Kind, ch delivery.Channel, resends int) Gate {
	g := Gate{Channel: ch, Fixed: k == Fixed, MaxSends: resends + 1, MaxCycles: 2, Cycle: 1}
	if k == Entered {
		g.MaxCycles = 1
	}
	return g
}

// Gate gives the gate of a channel, or nil.
func (v *Invitation) Gate(ch delivery.Channel) *Gate {
	for i := range v.Gates {
		if v.Gates[i].Channel == ch {
			return &v.Gates[i]
		}
	}
	return nil
}

// PassedIn reports whether the gate is passed for a session at now (RA-45).
func (g *Gate) PassedIn(session [32]byte, now time.Time) bool {
	return !g.PassedAt.IsZero() && (g.Kept || g.PassedBy == session) && now.Before(g.PassedAt.Add(SessionLife))
}

// keepProofs has proofs hold for the next link, and reports whether any does (RA-64): when that was decided with the invitation, and for
// as long as they would have held where they were made. Not after consent: from there on a link that is merely read, as by programs that
// look at messages, would hand over the signed result.
func (v *Invitation) keepProofs(now time.Time) (kept bool) {
	for i := range v.Gates {
		g := &v.Gates[i]
		g.Kept = v.keeps(g, now)
		kept = kept || g.Kept
	}
	return kept
}

// unprove takes down that no proof counts any more: the status says that the gates have to be passed anew. What was proven stays in
// the log.
func (v *Invitation) unprove() {
	v.VerifiedAt = time.Time{}
	for i := range v.Gates {
		g := &v.Gates[i]
		g.PassedAt, g.PassedBy, g.Kept = time.Time{}, [32]byte{}, false
	}
}

// provenAt is the time of the proof that counts at now, zero for none: one that was kept counts for its 24 hours (RA-64).
func (g *Gate) provenAt(now time.Time) time.Time {
	if g.Kept && !now.Before(g.PassedAt.Add(SessionLife)) {
		return time.Time{}
	}
	return g.PassedAt
}

// provenAt is the time of the proof of all gates that counts at now, zero while one is pending.
func (v *Invitation) provenAt(now time.Time) time.Time {
	for i := range v.Gates {
		if v.Gates[i].provenAt(now).IsZero() {
			return time.Time{}
		}
	}
	return v.VerifiedAt
}

// keeps reports whether a proof would hold for a next link.
func (v *Invitation) keeps(g *Gate, now time.Time) bool {
	return v.KeepProof && !v.WithoutConsent && !v.Consent.Accepted && g.PassedIn(g.PassedBy, now)
}

// claim makes proofs that were kept those of the session that goes on with them, and reports whether there were any: every other browser
// has to prove the contact again (RA-45).
func (v *Invitation) claim(session [32]byte) (claimed bool) {
	for i := range v.Gates {
		if g := &v.Gates[i]; g.Kept {
			g.Kept, g.PassedBy, claimed = false, session, true
		}
	}
	return claimed
}

// passedIn reports whether all gates are.
func (v *Invitation) passedIn(session [32]byte, now time.Time) bool {
	for i := range v.Gates {
		if !v.Gates[i].PassedIn(session, now) {
			return false
		}
	}
	return true
}

// Locked reports whether nothing may be asked of the gate at now.
func (g *Gate) Locked(now time.Time) bool { return g.Shut || now.Before(g.LockedUntil) }

// live reports whether a code of the gate may still be handed in at now.
func (g *Gate) live(now time.Time) bool {
	return !g.Verified.IsZero() && now.Before(g.CodeEnds) && !g.Locked(now)
}

// left is how many sends the cycle of now has.
func (g *Gate) left(now time.Time) int {
	switch {
	case g.Locked(now):
		return 0
	case !g.LockedUntil.IsZero(): // its time is over: the next send begins a cycle
		return g.MaxSends
	}
	return max(g.MaxSends-g.Sends, 0)
}

// void takes away what was sent and proven, for another contact: the gate has its two cycles again, and only goes on counting.
func (g *Gate) void() {
	*g = Gate{Channel: g.Channel, Fixed: g.Fixed, MaxSends: g.MaxSends, MaxCycles: g.Cycle + 2, Cycle: g.Cycle + 1, N: g.N}
}

// lock ends a cycle: the gate waits for its next one, or for the firm when there is none (RA-39).
func (g *Gate) lock(now time.Time) {
	g.Verified, g.CodeEnds, g.Starting = uid.ID{}, time.Time{}, false
	g.LockedUntil = now.Add(lockLife)
	if g.Cycle >= g.MaxCycles {
		g.LockedUntil, g.Shut = time.Time{}, true
	}
}

// turn begins the next cycle.
func (g *Gate) turn() {
	g.Cycle++
	g.MaxCycles = max(g.MaxCycles, g.Cycle)
	g.Sends, g.LockedUntil, g.Shut, g.NextSendAt = 0, time.Time{}, false, time.Time{}
}

// count counts one send for a session: what was sent before is dead at once (RA-37).
func (g *Gate) count(session [32]byte, coolDown time.Duration, now time.Time) {
	g.Sends++
	g.N++
	g.Starting, g.Checked, g.Unsent, g.Asker = true, false, false, session
	g.Verified, g.CodeEnds = uid.ID{}, time.Time{}
	g.NextSendAt = now.Add(coolDown)
}

// adopt takes the verification that send n has become, and reports whether that is news.
func (g *Gate) adopt(n int, id uid.ID, ends, now time.Time) bool {
	if g.N != n || id == g.Verified || id == g.Proof || g.Locked(now) {
		return false
	}
	if !g.Starting { // it had been taken for refused
		g.Sends++
	}
	g.Starting, g.Verified, g.CodeEnds, g.AskedAt = false, id, ends, now
	return true
}

// refund takes back the count of send n, of which nothing left, and reports whether it was counted (RA-40).
func (g *Gate) refund(n int, at time.Time) bool {
	if g.N != n || g.Sends == 0 || !g.Starting && g.Verified.IsZero() {
		return false
	}
	g.Sends--
	g.Starting, g.Checked, g.Verified, g.CodeEnds, g.NextSendAt = false, false, uid.ID{}, time.Time{}, at
	return true
}
