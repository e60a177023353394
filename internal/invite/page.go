package invite

import (
	"time"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
)

// Step is what a session has to do next.
type Step string

// The steps.
const (
	StepPhone    Step = "mobile"
	StepEmail    Step = "email"
	StepConsent  Step = "consent"
	StepHandOff  Step = "hand_off" // everything is done: HandOff says where to go
	StepDone     Step = "done"
	StepDeclined Step = "declined"
	StepExpired  Step = "expired"
	StepCanceled Step = "canceled"
	StepReplaced Step = "replaced" // of a link that was replaced, or a session that is over: there is nothing to be done with it
)

// Page is what a customer's page is made of. It holds no contact in full.
type Page struct {
	ID       uid.ID
	Step     Step
	Steps    []Step // all that this invitation has, in order, without the endings
	Firm     string // name, as the customer knows it
	Support  string // whom to turn to; may be empty
	Brand    policy.Brand
	Texts    map[string]map[string]string // locale -> key -> text
	Locale   string                       // wanted; empty: the browser's
	Gate     *GatePage                    // of StepPhone and StepEmail
	Consent  policy.Consent               // of StepConsent; without texts it is the product's own
	Failure  string                       // of an ending: a stable word, as contact_attempts_exceeded
	Now      time.Time
	CanLeave bool   // Leave may be offered
	LeadsTo  string // of an ending: where the firm wants its customer to go now; empty: nowhere (ID-32)
}

// GateState is which of its faces a gate shows.
type GateState string

// The faces.
const (
	GateEnter  GateState = "enter"  // the customer has to give the contact
	GateIntro  GateState = "intro"  // the contact is known, and no code was asked for in this session
	GateCode   GateState = "code"   // a code is on its way: type it
	GateDead   GateState = "dead"   // the code ended, by its time or by wrong entries: ask for a new one
	GateLocked GateState = "locked" // not before LockedUntil, or not before the firm unlocks it
)

// GatePage is a gate as the customer may see it.
type GatePage struct {
	Channel     delivery.Channel
	State       GateState
	Fixed       bool
	CanChange   bool   // the customer may give another contact
	Masked      string // empty: not known
	CodeLength  int
	CodeLife    time.Duration // of a code that is asked for
	CodeEnds    time.Time
	ChecksLeft  int
	SendsLeft   int       // of this cycle
	Asked       int       // codes that were asked for in all: a form for a further one carries it
	NextSendAt  time.Time // no send before; zero or past: now
	LockedUntil time.Time
	Shut        bool               // only the firm helps
	Via         delivery.Channel   // that the last code went by, or the first will
	Ways        []delivery.Channel // of a phone's gate: all that a code may be asked for by, where there is more than one
	Taken       bool               // a provider took the code that is awaited
	Unsent      bool               // nobody could carry the last code that this session asked for
	Country     string             // that the firm named for the customer
	Countries   []string           // that numbers may be of; none: of all
}

// CheckOutcome is what came of a code that a customer handed in. All of them are answers and not errors.
type CheckOutcome string

// The outcomes.
const (
	CheckRight     CheckOutcome = "right"
	CheckWrong     CheckOutcome = "wrong"     // Page.Gate.ChecksLeft says how many tries are left
	CheckMalformed CheckOutcome = "malformed" // it could never be right; nothing was spent
	CheckDead      CheckOutcome = "dead"      // expired, replaced, used, ended by wrong entries, or asked for by another browser: one text for all (RA-41)
	CheckPaused    CheckOutcome = "paused"    // too many wrong codes lately: nothing was compared, try later
)

// SendOutcome is what came of asking for a code.
type SendOutcome string

// The outcomes.
const (
	SendSent      SendOutcome = "sent"
	SendStale     SendOutcome = "stale"     // Entry.Asked is not the count of now: nothing was sent and nothing counted
	SendCooling   SendOutcome = "cooling"   // too soon: nothing was sent and nothing counted
	SendLimited   SendOutcome = "limited"   // a limit of the number or the network: nothing was counted here; Page.Gate.NextSendAt says when
	SendLocked    SendOutcome = "locked"    // the limits of the gate are used up; or, of an entered one, the link has expired: see Page.Step
	SendMalformed SendOutcome = "malformed" // what was typed is no number and no address: nothing was sent and nothing counted
	SendRefused   SendOutcome = "refused"   // the contact can't be used: neutral text, no attempt used (ID-54)
	SendFailed    SendOutcome = "failed"    // nobody could carry it; it does not count (RA-40)
)
