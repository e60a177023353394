package webhook

import (
	"bytes"
	"context"
	"encoding/json"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/uid"
)

// maxBody is the size of a payload that is never reached (SEC-92).
const maxBody = 20_000

// Record is a verification as its owner may see it, for a payload: the recipient is masked.
type Record struct {
	ID         uid.ID
	Status     string
	To         string
	Channel    string
	Service    uid.ID
	Purpose    string
	Locale     string
	ExternalID string
	Metadata   map[string]string
	Sends      int
	ChecksLeft int
	Outcome    string // of the risk engine
	Reasons    []string
	CreatedAt  time.Time
	ExpiresAt  time.Time
	EndedAt    time.Time
}

// FactorRecord is a factor, or a challenge to one, as its owner may see it: without any secret and without names for people.
type FactorRecord struct {
	ID        uid.ID
	Status    string
	Service   uid.ID
	Entity    uid.ID
	Identity  string
	Factor    uid.ID // of a challenge: whom it asks
	Type      string // of a factor
	CreatedAt time.Time
	ExpiresAt time.Time // of a challenge, and of an enrolment that is not over
	EndedAt   time.Time
}

// InvitationRecord is an invitation as its owner may see it, for a payload: contacts are masked. A dialect whose vendor tells them in
// full reads them by itself.
type InvitationRecord struct {
	ID           uid.ID
	Kind         string // fixed, entered
	Status       string
	Reference    string
	ExternalID   string
	Mobile2FA    bool // effective
	MaskedMobile string
	MaskedEmail  string
	Failure      string
	CreatedAt    time.Time
	OpenedAt     time.Time
	ExpiresAt    time.Time
	EndedAt      time.Time
}

// Records reads what events are about, as it is now.
type Records interface {
	// Record reads a verification, or NotFound.
	Record(ctx context.Context, tenant uid.Tenant, id uid.ID) (Record, error)
	// Factor reads a factor or a challenge, by the prefix of its kind, or NotFound.
	Factor(ctx context.Context, tenant uid.Tenant, kind uid.Prefix, id uid.ID) (FactorRecord, error)
	// Invitation reads an invitation, or NotFound.
	Invitation(ctx context.Context, tenant uid.Tenant, id uid.ID) (InvitationRecord, error)
}

// payload is what is posted. docs/events.md has it as a JSON schema.
type payload struct {
	ID        string `json:"id"`
	Type      string `json:"type"`
	CreatedAt string `json:"created_at"`
	Data      data   `json:"data"`
}

// data has the fields of a verification in the native API, or those of a factor, challenge or invitation, and detail.
type data struct {
	ID              string            `json:"id,omitempty"` // absent when the event is about no single thing
	Status          string            `json:"status,omitempty"`
	To              string            `json:"to,omitempty"`
	Channel         string            `json:"channel,omitempty"`
	Service         string            `json:"service,omitempty"`
	Entity          string            `json:"entity,omitempty"`
	Identity        string            `json:"identity,omitempty"`
	Factor          string            `json:"factor,omitempty"`
	FactorType      string            `json:"factor_type,omitempty"`
	Purpose         string            `json:"purpose,omitempty"`
	Locale          string            `json:"locale,omitempty"`
	ExternalID      string            `json:"external_id,omitempty"`
	Metadata        map[string]string `json:"metadata,omitempty"`
	MetadataLeftOut bool              `json:"metadata_left_out,omitempty"`
	Sends           *int              `json:"sends,omitempty"`
	ChecksLeft      *int              `json:"checks_left,omitempty"`
	Decision        *decision         `json:"decision,omitempty"`
	Reference       string            `json:"reference,omitempty"`
	Mobile2FA       *bool             `json:"mobile_2fa_effective,omitempty"`
	MaskedMobile    string            `json:"masked_mobile,omitempty"`
	MaskedEmail     string            `json:"masked_email,omitempty"`
	FailureReason   string            `json:"failure_reason,omitempty"`
	CreatedAt       string            `json:"created_at,omitempty"`
	ExpiresAt       string            `json:"expires_at,omitempty"`
	EndedAt         string            `json:"ended_at,omitempty"`
	Detail          json.RawMessage   `json:"detail,omitempty"`
}

type decision struct {
	Outcome string   `json:"outcome"`
	Reasons []string `json:"reasons"`
}

// render makes the native body of an event.
func render(n News) ([]byte, error) {
	e := n.Event
	t, _ := typeOf(e.Type)
	p := payload{ID: messageID(e), Type: e.Type, CreatedAt: stamp(e.At)}
	switch {
	case t.Record:
		p.Data.ID = e.Object.Text(uid.Verification)
	case t.Of != "":
		p.Data.ID = e.Object.Text(t.Of)
	case e.Type == Tested:
		p.Data.ID = e.Object.Text(uid.Webhook)
	}
	if n.Record != nil {
		p.Data.fill(n.Record)
	}
	if n.Factor != nil {
		p.Data.fillFactor(n.Factor)
	}
	if n.Invitation != nil {
		p.Data.fillInvitation(n.Invitation)
	}
	if t.Detail && len(e.Data) > 0 {
		p.Data.Detail = e.Data
	}
	body, err := encode(p)
	if err == nil && len(body) >= maxBody {
		p.Data.Metadata, p.Data.MetadataLeftOut = nil, true
		body, err = encode(p)
	}
	return body, err
}

func (d *data) fillFactor(r *FactorRecord) {
	d.Status, d.Service, d.Entity, d.Identity = r.Status, r.Service.Text(uid.Service), r.Entity.Text(uid.Entity), r.Identity
	d.FactorType, d.CreatedAt, d.ExpiresAt, d.EndedAt = r.Type, stamp(r.CreatedAt), stamp(r.ExpiresAt), stamp(r.EndedAt)
	if !r.Factor.IsZero() {
		d.Factor = r.Factor.Text(uid.Factor)
	}
}

func (d *data) fillInvitation(r *InvitationRecord) {
	d.Status, d.Reference, d.ExternalID, d.Mobile2FA = r.Status, r.Reference, r.ExternalID, &r.Mobile2FA
	d.MaskedMobile, d.MaskedEmail, d.FailureReason = r.MaskedMobile, r.MaskedEmail, r.Failure
	d.CreatedAt, d.ExpiresAt, d.EndedAt = stamp(r.CreatedAt), stamp(r.ExpiresAt), stamp(r.EndedAt)
}

func (d *data) fill(r *Record) {
	d.Status, d.To, d.Channel, d.Purpose = r.Status, r.To, r.Channel, r.Purpose
	d.Service, d.Locale, d.ExternalID, d.Metadata = r.Service.Text(uid.Service), r.Locale, r.ExternalID, r.Metadata
	d.Sends, d.ChecksLeft = &r.Sends, &r.ChecksLeft
	d.Decision = &decision{Outcome: r.Outcome, Reasons: r.Reasons}
	if r.Reasons == nil {
		d.Decision.Reasons = []string{}
	}
	d.CreatedAt, d.ExpiresAt, d.EndedAt = stamp(r.CreatedAt), stamp(r.ExpiresAt), stamp(r.EndedAt)
}

// messageID is the webhook-id: the event's.
func messageID(e audit.Event) string { return e.ID.Text(uid.Event) }

func encode(p payload) ([]byte, error) {
	var b bytes.Buffer
	w := json.NewEncoder(&b)
	w.SetEscapeHTML(false) // it is read by programs, and counted
	err := w.Encode(p)
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), err
}

// stamp is a time as the native API shows it, "" for none.
func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05.000Z07:00")
}
