package invite

import (
	"encoding/json"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/policy"
	"github.com/countersign/countersign/internal/uid"
)

// The types of the events of this package. None holds a code, a token, a name or a contact.
const (
	EventCreated         = "invitation.created"
	EventSent            = "invitation.sent"                // a provider took the link
	EventUndeliverable   = "invitation.undeliverable"       // it did not arrive by any channel
	EventLinkFailed      = "invitation.link_failed"         // one of several channels could not
	EventLinkReported    = "invitation.link_reported"       // a provider says how far it has come
	EventOpened          = "invitation.opened"              // in one more browser
	EventCodeAsked       = "invitation.mobile_code_asked"   // a send was counted
	EventCodeRefused     = "invitation.mobile_code_refused" // and nothing was sent: it counts no more
	EventCodeSent        = "invitation.mobile_code_sent"
	EventCodeEnded       = "invitation.mobile_code_ended" // by wrong entries
	EventVerified        = "invitation.mobile_verified"
	EventFailed          = "invitation.mobile_failed" // the limits of a gate are used up
	EventConsentPending  = "invitation.consent_pending"
	EventConsented       = "invitation.consented"
	EventDeclined        = "invitation.declined"
	EventHandedOff       = "invitation.handed_off"
	EventCompleted       = "invitation.completed"
	EventExpired         = "invitation.expired"
	EventCanceled        = "invitation.canceled"
	EventResent          = "invitation.resent"
	EventReminded        = "invitation.reminded"
	EventReminderCarried = "invitation.reminder_carried" // what came of it by a channel
	EventUnlocked        = "invitation.unlocked"
	EventContactChanged  = "invitation.contact_changed"
	EventFormerTold      = "invitation.former_contact_told" // the e-mail address from before a correction got word of it
	EventRevealed        = "invitation.revealed"            // a contact was read in full
	EventSettingsChanged = "invitation.settings_changed"    // of the tenant
	EventImportStarted   = "invitation.import_started"      // a file was taken in; its object is the import
	EventImportFinished  = "invitation.import_finished"     // each of its rows was made or failed
)

// By is who or what causes a change.
type By struct {
	Actor     string // "key:key_...", "customer", "system"
	RequestID string
}

func (c Caller) by() By { return By{Actor: c.Actor, RequestID: c.RequestID} }
func (v *Visit) by() By { return By{Actor: "customer", RequestID: v.RequestID} }
func system() By        { return By{Actor: "system"} }

// data is what an event says beside what and when. An auditor reads from it alone why a gate was on or off (RA-71).
type data struct {
	Status       Status             `json:"status,omitempty"` // after it
	From         Status             `json:"from,omitempty"`   // before it, where that is another
	Kind         Kind               `json:"kind,omitempty"`
	Dialect      string             `json:"dialect,omitempty"` // VendorDialect
	Policy       policy.Mode        `json:"mobile_2fa_policy,omitempty"`
	Mobile2FA    *bool              `json:"mobile_2fa_effective,omitempty"`
	Overridden   bool               `json:"overridden,omitempty"`
	Gates        []delivery.Channel `json:"gates,omitempty"`
	Channels     []delivery.Channel `json:"channels,omitempty"`
	Link         int                `json:"link,omitempty"`
	Channel      delivery.Channel   `json:"channel,omitempty"`
	State        delivery.State     `json:"state,omitempty"`
	First        bool               `json:"first,omitempty"` // no provider is known to have taken a link of it before
	Gate         delivery.Channel   `json:"gate,omitempty"`
	Cycle        int                `json:"cycle,omitempty"`
	Send         int                `json:"send,omitempty"`
	Verification string             `json:"verification,omitempty"` // of package verify: its events tell the deliveries
	ContactHash  string             `json:"contact_hash,omitempty"` // keyed hash of the contact that was proven (RA-42)
	ClientHash   string             `json:"client_hash,omitempty"`  // keyed hash of address and user agent
	Contacts     []string           `json:"contacts,omitempty"`     // which were changed: "email", "mobile"
	ProofKept    bool               `json:"proof_kept,omitempty"`   // gates are passed by a proof for an earlier link (RA-64)
	Consent      string             `json:"consent_version,omitempty"`
	ConsentHash  string             `json:"consent_sha256,omitempty"` // of the text that was shown
	Locale       string             `json:"locale,omitempty"`         // of that text
	Reason       string             `json:"reason,omitempty"`
	Setting      SettingKind        `json:"setting,omitempty"`
	Old          json.RawMessage    `json:"old,omitempty"`
	New          json.RawMessage    `json:"new,omitempty"`
	Import       string             `json:"import,omitempty"`   // the file that it comes from
	Rows         *rowCounts         `json:"rows,omitempty"`     // of an import
	Loosened     bool               `json:"loosened,omitempty"` // a gate may be absent now that could not be before (RA-17)
}

// event tells that something happened to v.
func (v *Invitation) event(kind string, by By, now time.Time, d data) audit.Event {
	d.Dialect = v.Vendor[VendorDialect]
	return newEvent(v.Tenant, v.ID, kind, by, now, d)
}

func newEvent(t uid.Tenant, object uid.ID, kind string, by By, now time.Time, d data) audit.Event {
	text, _ := json.Marshal(d) // strings, numbers and what was JSON before always encode
	return audit.Event{
		ID: uid.New(now, object.Bucket()), Tenant: t, Type: kind, Object: object, At: now, Actor: by.Actor, RequestID: by.RequestID, Data: text,
	}
}
