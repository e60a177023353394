package app

import (
	"context"
	"encoding/json"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
)

// eachInvitation gives every invitation that has the subject's contact now, newest first.
func (t *Tools) eachInvitation(ctx context.Context, s subject, do func(v *invite.Invitation) error) error {
	f := invite.Filter{Contact: &s.blind, Limit: 250}
	for {
		list, err := t.storage.db.Invitations(ctx, s.tenant, f)
		if err != nil {
			return err
		}
		for i := range list {
			f.To = list[i].ID
			if err := do(&list[i]); err != nil {
				return err
			}
		}
		if len(list) < f.Limit {
			return nil
		}
	}
}

// exportInvitation is one invitation of an export of a subject. A contact that the export was not asked for is masked.
type exportInvitation struct {
	ID             string           `json:"id"`
	To             string           `json:"to"`
	Kind           invite.Kind      `json:"kind"`
	Status         invite.Status    `json:"status"`
	FirstName      string           `json:"first_name,omitempty"`
	LastName       string           `json:"last_name,omitempty"`
	MaskedEmail    string           `json:"masked_email,omitempty"`
	MaskedMobile   string           `json:"masked_mobile,omitempty"`
	Notes          string           `json:"notes,omitempty"`
	Reference      string           `json:"reference,omitempty"`
	ExternalID     string           `json:"external_id,omitempty"`
	Locale         string           `json:"locale,omitempty"`
	Deliveries     []exportDelivery `json:"deliveries"`
	Consented      bool             `json:"consented"`
	ConsentVersion string           `json:"consent_version,omitempty"`
	ConsentLocale  string           `json:"consent_locale,omitempty"`
	ConsentSHA256  string           `json:"consent_sha256,omitempty"`
	CreatedAt      time.Time        `json:"created_at"`
	SentAt         time.Time        `json:"link_sent_at,omitzero"`
	OpenedAt       time.Time        `json:"opened_at,omitzero"`
	VerifiedAt     time.Time        `json:"mobile_verified_at,omitzero"`
	AnsweredAt     time.Time        `json:"consent_answered_at,omitzero"`
	HandedOffAt    time.Time        `json:"handed_off_at,omitzero"`
	EndedAt        time.Time        `json:"ended_at,omitzero"`
}

// exportInvitations writes the invitations of a subject.
func (t *Tools) exportInvitations(ctx context.Context, s subject, out *json.Encoder) error {
	return t.eachInvitation(ctx, s, func(v *invite.Invitation) error {
		p, err := invite.OpenPerson(t.storage.ring, v)
		if err != nil {
			return err
		}
		line := exportInvitation{
			ID: v.ID.Text(uid.Invitation), To: s.to.Value, Kind: v.Kind, Status: v.Status, FirstName: p.FirstName, LastName: p.LastName,
			MaskedEmail: v.Masked.Email, MaskedMobile: v.Masked.Mobile, Notes: p.Notes, Reference: v.Reference, ExternalID: v.ExternalID,
			Locale: v.Locale, Deliveries: []exportDelivery{}, Consented: v.Consent.Accepted, ConsentVersion: v.Consent.Version, ConsentLocale: v.Consent.Locale, ConsentSHA256: v.Consent.SHA256,
			CreatedAt: v.CreatedAt, SentAt: v.SentAt, OpenedAt: v.OpenedAt, VerifiedAt: v.VerifiedAt, AnsweredAt: v.Consent.At,
			HandedOffAt: v.HandedOffAt, EndedAt: v.EndedAt,
		}
		for _, c := range v.Link.Carried {
			line.Deliveries = append(line.Deliveries, exportDelivery{Provider: c.Provider, State: string(c.State), At: c.At})
		}
		return out.Encode(line)
	})
}

// noOpenInvitation is the refusal while an invitation of the subject has not ended.
func (t *Tools) noOpenInvitation(ctx context.Context, s subject) error {
	return t.eachInvitation(ctx, s, func(v *invite.Invitation) error {
		if !v.Status.Terminal() {
			return fault.New(fault.Conflict, "invitation_open", "An invitation of this recipient is open. Cancel it, and erase again.")
		}
		return nil
	})
}

// noOpenImport is the refusal while a file of the tenant is under way: who is in it can't be seen from outside.
func (t *Tools) noOpenImport(ctx context.Context, of uid.Tenant) error {
	for before := (uid.ID{}); ; {
		list, err := t.storage.db.Imports(ctx, of, uid.Page{Before: before, Limit: 250})
		if err != nil || len(list) == 0 {
			return err
		}
		for _, im := range list {
			if before = im.ID; im.Status() != invite.ImportDone {
				return fault.New(fault.Conflict, "import_open",
					"A file of invitations is being imported, and the recipient may be in it. Wait until it is done, and erase again.")
			}
		}
	}
}
