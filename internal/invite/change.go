package invite

import (
	"bytes"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
)

// Why an invitation ended or failed: stable words.
const (
	FailureLink     = "link_expired"
	FailureSession  = "session_expired"           // of an entered one, after it was opened (ID-28)
	FailureAttempts = "contact_attempts_exceeded" // ID-26
	FailureCarry    = "undeliverable"
	FailureGate     = "mobile_failed"
	FailureLeft     = "customer_left" // by Leave (ID-32)
)

// step takes an action, or is the Conflict of a status that forbids it.
func (v *Invitation) step(a action, now time.Time) (data, error) {
	to, ok := next(v.Status, a)
	if !ok {
		return data{}, errStatus()
	}
	d := data{Status: to}
	if to != v.Status {
		d.From = v.Status
	}
	v.Status, v.UpdatedAt = to, now
	if to.Terminal() {
		v.EndedAt = now
	}
	return d, nil
}

// CodeStatus is the fault of an act that the status does not allow.
const CodeStatus = "invitation_status"

func errStatus() error {
	return fault.New(fault.Conflict, CodeStatus, "The status of the invitation does not allow this.")
}

// CodeChanged is the fault of an act on what is not there any more: somebody sent a new link since the caller looked.
const CodeChanged = "invitation_changed"

func errChanged() error {
	return fault.New(fault.Conflict, CodeChanged, "Somebody sent a new link meanwhile. Read the invitation again.")
}

// ends is when v is over unless something happens: the time of its link, or of a code that was asked for while the link was good and
// may still be used (RA-63). Zero: never, or it can't expire any more.
func (v *Invitation) ends() time.Time {
	if _, ok := next(v.Status, actExpire); !ok || v.Link.ExpiresAt.IsZero() {
		return time.Time{}
	}
	end := v.Link.ExpiresAt
	for i := range v.Gates {
		if g := &v.Gates[i]; g.PassedAt.IsZero() && !g.Verified.IsZero() && g.CodeEnds.After(end) {
			end = g.CodeEnds
		}
	}
	return end
}

// Ends is when the sweep has to look at v; zero: never.
func (v *Invitation) Ends() time.Time { return v.ends() }

// Over reports whether the time of v is over and nobody has said so yet.
func (v *Invitation) Over(now time.Time) bool {
	end := v.ends()
	return !end.IsZero() && !now.Before(end)
}

// expire ends one that is over.
func (v *Invitation) expire(by By, reason string, now time.Time) (audit.Event, error) {
	d, err := v.step(actExpire, now)
	if err != nil {
		return audit.Event{}, err
	}
	v.Failure, d.Reason = reason, reason
	return v.event(EventExpired, by, now, d), nil
}

// overdue is why one that is over is.
func (v *Invitation) overdue() string {
	if v.Kind == Entered && !v.OpenedAt.IsZero() {
		return FailureSession
	}
	return FailureLink
}

// session gives the live session of a cookie's hash.
func (v *Invitation) session(hash [32]byte, now time.Time) bool {
	return slices.ContainsFunc(v.Sessions, func(s Session) bool { return s.Hash == hash && now.Before(s.OpenedAt.Add(SessionLife)) })
}

// Of sessions of before so much of each hash is kept, and of so many.
const (
	formerLength = 16
	maxFormer    = MaxSessions * MaxLinks
)

// retire remembers sessions that are none any more.
func (v *Invitation) retire(sessions ...Session) {
	former := slices.Clone(v.Former)
	for _, s := range sessions {
		former = append(former, s.Hash[:formerLength]...)
	}
	v.Former = former[max(0, len(former)-maxFormer*formerLength):]
}

// away is why there is nothing to be done in a session that is not live: it is over, or never was one.
func (v *Invitation) away(hash [32]byte) error {
	if slices.ContainsFunc(v.Sessions, func(s Session) bool { return s.Hash == hash }) {
		return errOver()
	}
	for former := range slices.Chunk(v.Former, formerLength) {
		if bytes.Equal(former, hash[:formerLength]) {
			return errOver()
		}
	}
	return errSession()
}

// open begins a session. The clock of an entered invitation starts with the first one of its link (ID-28).
func (v *Invitation) open(session [32]byte, by By, now time.Time) (audit.Event, error) {
	first := v.Status == Created || v.Status == Sent || v.Status == Undeliverable
	d, err := v.step(actOpen, now)
	if err != nil {
		return audit.Event{}, err
	}
	v.Sessions = append(v.Sessions, Session{Hash: session, OpenedAt: now})
	if len(v.Sessions) > MaxSessions {
		i := max(0, slices.IndexFunc(v.Sessions, func(s Session) bool { return !v.working(s.Hash) }))
		v.retire(v.Sessions[i])
		v.Sessions = slices.Delete(v.Sessions, i, i+1)
	}
	if v.OpenedAt.IsZero() {
		v.OpenedAt = now
	}
	if first && v.Kind == Entered {
		v.restart(now)
	}
	d.Link = v.Link.N
	return v.event(EventOpened, by, now, d), nil
}

// working reports whether a session has asked for a code or passed a gate: machines that open links do neither, and must not put out the
// customer who does.
func (v *Invitation) working(session [32]byte) bool {
	return slices.ContainsFunc(v.Gates, func(g Gate) bool { return g.Asker == session || g.PassedBy == session })
}

// restart sets the clock of an entered invitation: for its gates, or once they are passed for the rest.
func (v *Invitation) restart(now time.Time) {
	for i := range v.Gates {
		if v.Gates[i].PassedAt.IsZero() {
			v.Link.ExpiresAt = now.Add(gateOpen)
			return
		}
	}
	v.Link.ExpiresAt = time.Time{}
	if v.SessionTTL > 0 {
		v.Link.ExpiresAt = now.Add(v.SessionTTL)
	}
}

// asking is what came of asking for a code.
type asking struct {
	outcome SendOutcome // SendSent: there is a start to be made
	n       int         // which
	events  []audit.Event
}

// ask counts a send of a gate for a session, when it may be made. changed tells that the contact is another than that of the send
// before. A send that is counted and may not have been started is made again, and not counted (it has the same idempotency key).
func (v *Invitation) ask(g *Gate, session [32]byte, changed bool, by By, now time.Time) (asking, error) {
	_, can := next(v.Status, actExpire)
	late := can && !v.Link.ExpiresAt.IsZero() && !now.Before(v.Link.ExpiresAt) // an open code outlives the link, and no further one is sent
	switch {
	case late || g.Locked(now):
		return asking{outcome: SendLocked}, nil
	case g.Starting && !changed:
		g.Asker = session
		return v.asked(g, by, now, false)
	case !g.LockedUntil.IsZero():
		g.turn()
	case now.Before(v.nextSend(g, changed)):
		return asking{outcome: SendCooling}, nil
	case g.Sends >= g.MaxSends:
		e, err := v.useUp(g, by, now)
		return asking{outcome: SendLocked, events: e}, err
	}
	g.count(session, v.Resend.CoolDown(g.Sends+1), now)
	return v.asked(g, by, now, true)
}

// asked says that the send of now is to be started. One that is made again is told where the status is that of a new link.
func (v *Invitation) asked(g *Gate, by By, now time.Time, counted bool) (asking, error) {
	d, err := v.step(actAsk, now)
	if err != nil {
		return asking{}, err
	}
	a := asking{outcome: SendSent, n: g.N}
	if d.Gate, d.Cycle, d.Send = g.Channel, g.Cycle, g.Sends; counted || d.From != "" {
		a.events = []audit.Event{v.event(EventCodeAsked, by, now, d)}
	}
	return a, nil
}

// nextSend is before when no further code is sent. A limit of one contact bars no other one: after that only the wait behind the last code
// that was sent holds.
func (v *Invitation) nextSend(g *Gate, changed bool) time.Time {
	if own := g.AskedAt.Add(v.Resend.CoolDown(g.Sends)); changed && !g.Starting && own.Before(g.NextSendAt) {
		return own
	}
	return g.NextSendAt
}

// useUp is what follows when a gate has had its sends: a fixed one is locked (RA-39), an entered one ends the invitation (ID-22), unless
// there is consent: then only the browsers that have proven nothing are locked out, until the firm unlocks it.
func (v *Invitation) useUp(g *Gate, by By, now time.Time) ([]audit.Event, error) {
	if _, can := next(v.Status, actExpire); v.Kind == Entered && can {
		e, err := v.expire(by, FailureAttempts, now)
		return []audit.Event{e}, err
	}
	d, err := v.step(actLock, now)
	if err != nil {
		return nil, err
	}
	g.lock(now)
	if v.Status == MobileFailed {
		v.Failure = FailureGate
	}
	d.Gate, d.Cycle, d.Reason = g.Channel, g.Cycle, FailureGate
	return []audit.Event{v.event(EventFailed, by, now, d)}, nil
}

// ended notes that the code of a verification has had its wrong entries. With no send left there is nothing more to come.
func (v *Invitation) ended(g *Gate, id uid.ID, by By, now time.Time) ([]audit.Event, error) {
	if g.Verified != id || !g.live(now) {
		return nil, nil
	}
	g.CodeEnds, v.UpdatedAt = now, now
	if g.Sends < g.MaxSends {
		return []audit.Event{v.event(EventCodeEnded, by, now, data{Status: v.Status, Gate: g.Channel, Cycle: g.Cycle, Send: g.Sends})}, nil
	}
	return v.useUp(g, by, now)
}

// spent reports whether the last code of the cycle has ended by its time: the customer can do nothing more with the gate.
func (v *Invitation) spent(g *Gate, now time.Time) bool {
	act := actLock
	if v.Kind == Entered {
		act = actExpire
	}
	_, can := next(v.Status, act)
	return can && g.Sends >= g.MaxSends && !g.Verified.IsZero() && !now.Before(g.CodeEnds) && !g.Locked(now)
}

// pass passes a gate for the session that asked for its code.
func (v *Invitation) pass(g *Gate, d data, by By, now time.Time) ([]audit.Event, error) {
	g.PassedAt, g.PassedBy, g.Proof, g.Kept = now, g.Asker, g.Verified, false
	g.Verified, g.CodeEnds, g.Checked = uid.ID{}, time.Time{}, false
	v.UpdatedAt = now
	told := data{Status: v.Status}
	if v.passedIn(g.PassedBy, now) {
		var err error
		if told, err = v.step(actPass, now); err != nil {
			return nil, err
		}
		v.VerifiedAt = now
		v.Failure = ""
		if v.Kind == Entered {
			v.restart(now)
		} else if end := v.Link.ExpiresAt; !end.IsZero() && end.Before(now.Add(gateOpen)) {
			v.Link.ExpiresAt = now.Add(gateOpen) // who proved the number in time can finish
		}
	}
	told.Gate, told.Cycle, told.Send, told.Verification = g.Channel, g.Cycle, g.Sends, g.Proof.Text(uid.Verification)
	told.ContactHash, told.ClientHash = d.ContactHash, d.ClientHash
	return []audit.Event{v.event(EventVerified, by, now, told)}, nil
}

// carried notes what came of sending link n by a channel. What is of an earlier link is nothing.
func (v *Invitation) carried(n int, c Carried) ([]audit.Event, error) {
	if v.Link.N != n || v.Status.Terminal() || slices.ContainsFunc(v.Link.Carried, func(x Carried) bool { return x.Channel == c.Channel }) {
		return nil, nil
	}
	v.Link.Carried, v.UpdatedAt = append(v.Link.Carried, c), c.At
	if c.lost() {
		return v.lose(c, c.At), nil
	}
	d, err := v.step(actCarry, c.At)
	if err != nil {
		return nil, err
	}
	if v.SentAt.Before(v.Link.MadeAt) {
		v.SentAt = c.At
	}
	v.Failure = keepGate(v.Failure)
	d.Link, d.Channel, d.State = n, c.Channel, c.State
	if c.taken() {
		d.First, v.Handed = !v.Handed, true
	}
	return []audit.Event{v.event(EventSent, system(), c.At, d)}, nil
}

// keepGate forgets that an earlier link could not be carried.
func keepGate(failure string) string {
	if failure == FailureCarry {
		return ""
	}
	return failure
}
