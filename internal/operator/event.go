package operator

import (
	"encoding/json"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
)

// The types of the events of this package. None holds a password, a code, a token, a name or an address.
const (
	EventCreated         = "operator.created"
	EventSignedIn        = "operator.signed_in"
	EventSignInFailed    = "operator.sign_in_failed"
	EventProved          = "operator.proved"
	EventSignedOut       = "operator.signed_out"
	EventSessionsEnded   = "operator.sessions_ended"
	EventPasswordChanged = "operator.password_changed"
	EventTOTPAdded       = "operator.totp_added"
	EventTOTPChanged     = "operator.totp_changed"
	EventCodesRenewed    = "operator.recovery_codes_renewed"
	EventCodeUsed        = "operator.recovery_code_used"
	EventProfileChanged  = "operator.profile_changed"
	EventRoleChanged     = "operator.role_changed"
	EventDisabled        = "operator.disabled"
	EventEnabled         = "operator.enabled"
	EventReset           = "operator.reset"
	EventInvited         = "operator.invited"
	EventWithdrawn       = "operator.invitation_withdrawn"
	EventInvitationEnded = "operator.invitation_ended"
	EventSetupOffered    = "operator.setup_offered"
	EventContactOwn      = "operator.contact_confirmed"
	EventLogExported     = "operator.log_exported"
)

// EventType is one of the events, for the documents.
type EventType struct{ Name, Means string }

// EventTypes are all of them, in the order of the documents.
func EventTypes() []EventType {
	return []EventType{
		{EventSetupOffered, "a server without operators printed the link of its set-up; of no tenant"},
		{EventInvited, "somebody was asked into the team, or a command made a link"},
		{EventWithdrawn, "an invitation was taken back"},
		{EventInvitationEnded, "an invitation was refused and ended when it was used, since whoever made it may not invite any more; for which role"},
		{EventCreated, "somebody became an operator"},
		{EventSignedIn, "a session was opened; with which factor"},
		{EventSignInFailed, "a sign-in or a proof failed; of no tenant when there is no such account, or the step before had failed"},
		{EventProved, "everything was shown again within a session"},
		{EventSignedOut, "a session was ended by its holder"},
		{EventSessionsEnded, "a session was ended from another one, or all were"},
		{EventPasswordChanged, "a password was chosen"},
		{EventTOTPAdded, "an authenticator app was set up"},
		{EventTOTPChanged, "another authenticator app took the place of the one before"},
		{EventCodesRenewed, "new recovery codes were made"},
		{EventCodeUsed, "a recovery code was used; how many are left"},
		{EventProfileChanged, "name or language was changed"},
		{EventRoleChanged, "another role; which, and from which"},
		{EventDisabled, "an operator is kept out"},
		{EventEnabled, "an operator is let in again"},
		{EventReset, "what an operator signs in with was taken away"},
		{EventContactOwn, "a verification to a contact of the team was sent after a warning"},
		{EventLogExported, "the audit log was exported; of which part, or which one entry, when not all of it"},
	}
}

// data is what an event says beside what and when.
type data struct {
	Role       Role     `json:"role,omitempty"` // after it
	From       Role     `json:"from,omitempty"` // before it
	Step       string   `json:"step,omitempty"` // of a failure: "password", "second_factor", "enrolment", "proof"
	Factor     string   `json:"factor,omitempty"`
	CodesLeft  *int     `json:"codes_left,omitempty"`
	Link       LinkKind `json:"link,omitempty"`
	Session    string   `json:"session,omitempty"`
	ClientHash string   `json:"client_hash,omitempty"`
	Part       *LogPart `json:"part,omitempty"` // of the log
}

// by is who causes a change.
type by struct{ actor, requestID string }

func (c Client) self(o *Operator) by { return by{actorOf(o.ID), c.RequestID} }
func (c Client) stranger() by        { return by{"stranger", c.RequestID} }
func (c Client) signed(g Signed) by  { return by{actorOf(g.Operator.ID), c.RequestID} }
func (o *Operator) event(kind string, b by, now time.Time, d data) audit.Event {
	return newEvent(o.Tenant, o.ID, kind, b, now, d)
}

func newEvent(t uid.Tenant, object uid.ID, kind string, b by, now time.Time, d data) audit.Event {
	text, _ := json.Marshal(d) // strings and numbers always encode
	return audit.Event{ID: uid.New(now, object.Bucket()), Tenant: t, Type: kind, Object: object, At: now, Actor: b.actor,
		RequestID: b.requestID, Data: text}
}

// effects are those of events alone.
func effects(events ...audit.Event) outbox.Effects { return outbox.Effects{Events: events} }
