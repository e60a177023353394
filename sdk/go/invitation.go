package countersign

import (
	"context"
	"iter"
	"net/url"
	"strconv"
	"time"
)

// InvitationStatus is how far an invitation has come.
type InvitationStatus string

// The states of invitations. Completed, Declined, Expired and Canceled are the ends.
const (
	InvitationCreated        InvitationStatus = "created"       // the link is on its way
	InvitationSent           InvitationStatus = "sent"          // a provider took it
	InvitationUndeliverable  InvitationStatus = "undeliverable" // it did not arrive by any channel
	InvitationOpened         InvitationStatus = "opened"
	InvitationMobilePending  InvitationStatus = "mobile_pending"  // a code was asked for
	InvitationMobileVerified InvitationStatus = "mobile_verified" // the contacts are proven
	InvitationMobileFailed   InvitationStatus = "mobile_failed"   // the tries are used up
	InvitationConsentPending InvitationStatus = "consent_pending"
	InvitationConsented      InvitationStatus = "consented"
	InvitationHandedOff      InvitationStatus = "handed_off" // the customer was sent on to you
	InvitationCompleted      InvitationStatus = "completed"
	InvitationDeclined       InvitationStatus = "declined"
	InvitationExpired        InvitationStatus = "expired"
	InvitationCanceled       InvitationStatus = "canceled"
)

// InvitationRequest asks for an invitation: a link to a customer. The names, and Email or Mobile, are required.
type InvitationRequest struct {
	FirstName       string    `json:"first_name"`
	LastName        string    `json:"last_name"`
	Email           string    `json:"email,omitempty"`
	Mobile          string    `json:"mobile,omitempty"`            // E.164, or a national number of Country
	Country         string    `json:"country,omitempty"`           // ISO 3166 alpha-2
	Mobile2FA       *bool     `json:"mobile_2fa,omitempty"`        // whether the customer proves the number first; your setting when nil
	Mobile2FAReason string    `json:"mobile_2fa_reason,omitempty"` // why this one differs from your setting, which may demand it
	Reference       string    `json:"reference,omitempty"`         // yours; lists can be filtered by it
	Notes           string    `json:"notes,omitempty"`             // never shown to the customer
	Locale          string    `json:"locale,omitempty"`            // BCP 47; the default of your settings when empty
	ConsentVersion  string    `json:"consent_version,omitempty"`
	RedirectURL     string    `json:"redirect_url,omitempty"` // https, on the list of your settings: where the customer goes after consent
	ExternalID      string    `json:"external_id,omitempty"`  // yours; comes back in events
	Channels        []Channel `json:"channels,omitempty"`     // Email, SMS: how the link goes; all that there is a contact for when empty

	ExpiresInHours int  `json:"-"` // life of the link, 1 to 8760; your setting when 0
	NeverExpires   bool `json:"-"` // the link has no end, whatever ExpiresInHours says

	// IdempotencyKey lets you repeat this request over several calls. When empty, each call makes one of its own.
	IdempotencyKey string `json:"-"`
}

// Invitation is a customer's way from a link to the hand-over. It never has the link or a code. Times have milliseconds.
type Invitation struct {
	ID               string           `json:"id"`
	Kind             string           `json:"kind"` // fixed: you named the contacts; entered: the customer does
	Status           InvitationStatus `json:"status"`
	FirstName        string           `json:"first_name"`
	LastName         string           `json:"last_name"`
	Email            string           `json:"email,omitempty"` // of RevealInvitation alone, as Mobile
	Mobile           string           `json:"mobile,omitempty"`
	MaskedEmail      string           `json:"masked_email,omitempty"`
	MaskedMobile     string           `json:"masked_mobile,omitempty"`
	ChangedByThem    bool             `json:"contact_changed_by_customer"`
	Reference        string           `json:"reference,omitempty"`
	ExternalID       string           `json:"external_id,omitempty"`
	Notes            string           `json:"notes,omitempty"`
	Locale           string           `json:"locale,omitempty"`
	Mobile2FA        string           `json:"mobile_2fa"`           // passed, failed, pending, not_used, not_allowed
	Mobile2FAOn      bool             `json:"mobile_2fa_effective"` // as decided when it was made
	Mobile2FAPolicy  string           `json:"mobile_2fa_policy"`    // your setting when it was made
	Overridden       bool             `json:"mobile_2fa_overridden"`
	OverriddenBy     string           `json:"mobile_2fa_overridden_by,omitempty"` // who did
	Mobile2FAReason  string           `json:"mobile_2fa_reason,omitempty"`
	Channels         []Channel        `json:"channels"`
	Deliveries       []LinkDelivery   `json:"deliveries"` // of the link of now
	Gates            []Gate           `json:"gates"`
	ConsentVersion   string           `json:"consent_version,omitempty"`
	ConsentLocale    string           `json:"consent_locale,omitempty"` // language of the text that the customer answered to
	ConsentSHA256    string           `json:"consent_sha256,omitempty"` // of that text as it was shown, in hexadecimal digits
	RedirectURL      string           `json:"redirect_url,omitempty"`
	ResendCount      int              `json:"resend_count"`  // new links sent
	Version          int              `json:"version"`       // goes up with every new link, see LinkRequest.Seen
	AttemptCount     int              `json:"attempt_count"` // codes asked for
	FailureReason    string           `json:"failure_reason,omitempty"`
	CreatedAt        time.Time        `json:"created_at"`
	UpdatedAt        time.Time        `json:"updated_at"`
	LinkSentAt       time.Time        `json:"link_sent_at,omitzero"`
	OpenedAt         time.Time        `json:"opened_at,omitzero"`
	MobileVerifiedAt time.Time        `json:"mobile_verified_at,omitzero"`
	ConsentedAt      time.Time        `json:"consented_at,omitzero"`
	HandedOffAt      time.Time        `json:"handed_off_at,omitzero"`
	EndedAt          time.Time        `json:"ended_at,omitzero"`
	ExpiresAt        time.Time        `json:"expires_at,omitzero"` // zero: never
	LockedUntil      time.Time        `json:"locked_until,omitzero"`

	Open []OpenInvitation `json:"open_invitations,omitempty"` // in the answer to CreateInvitation: others to the same contact that have not ended, newest first
}

// OpenInvitation is one that a customer has beside a new one.
type OpenInvitation struct {
	ID        string           `json:"id"`
	Reference string           `json:"reference,omitempty"`
	Status    InvitationStatus `json:"status"`
	CreatedAt time.Time        `json:"created_at"`
}

// LinkDelivery is what came of sending a link by one channel.
type LinkDelivery struct {
	Channel   Channel   `json:"channel"`
	Provider  string    `json:"provider"` // empty: it is unknown which one took it
	State     string    `json:"state"`    // sending, sent, delivered, failed, expired, unknown
	Error     string    `json:"error"`    // stable word; empty when the provider took it
	CreatedAt time.Time `json:"created_at"`
	UpdatedAt time.Time `json:"updated_at,omitzero"` // when the provider last reported; zero: never
}

// Gate is one contact that the customer proves.
type Gate struct {
	Channel     Channel   `json:"channel"`           // SMS or Email
	Fixed       bool      `json:"fixed"`             // the contact is the one that you gave
	Contact     string    `json:"contact,omitempty"` // masked
	Sends       int       `json:"sends"`             // codes of this cycle
	Cycle       int       `json:"cycle"`             // from 1
	PassedAt    time.Time `json:"passed_at,omitzero"`
	LockedUntil time.Time `json:"locked_until,omitzero"`
	Shut        bool      `json:"shut"` // locked until you unlock it
}

// InvitationListRequest says which invitations to list. Empty fields match all.
type InvitationListRequest struct {
	Status    InvitationStatus
	Reference string    // exactly
	Contact   string    // exactly this number or address
	Mobile2FA *bool     // whether the gate is on
	From, To  time.Time // of the creation: From <= t < To
	PageSize  int       // how many one request fetches, 1 to 250; 50 when 0
}

// LinkRequest asks for a new link. Every field may be empty.
type LinkRequest struct {
	Channel string `json:"channel,omitempty"` // email, sms, both; as before when empty
	Reason  string `json:"reason,omitempty"`  // for the audit log

	// Seen is the Version that you have read, or 0. When somebody sent a new link since, nothing is done, and it is an *Error with status
	// 409 and code invitation_changed.
	Seen int `json:"-"`

	IdempotencyKey string `json:"-"` // as in InvitationRequest
}

// CreateInvitation sends a link to a customer. A choice that your setting forbids is an *Error with status 409 and code
// policy_locked; a contact that is missing is 400 with mobile_required or contact_required. Nothing is sent then.
func (c *Client) CreateInvitation(ctx context.Context, r InvitationRequest) (Invitation, error) {
	var out Invitation
	body := struct {
		InvitationRequest
		Hours any `json:"expires_in_hours,omitzero"`
	}{InvitationRequest: r}
	switch {
	case r.NeverExpires:
		body.Hours = (*int)(nil) // null, where nil would be left out
	case r.ExpiresInHours != 0:
		body.Hours = r.ExpiresInHours
	}
	_, err := c.post(ctx, "/v1/invitations", r.IdempotencyKey, body, &out)
	return out, err
}

// GetInvitation reads an invitation. The contacts are masked.
func (c *Client) GetInvitation(ctx context.Context, id string) (Invitation, error) {
	return c.readInvitation(ctx, id, nil)
}

// RevealInvitation is GetInvitation with Email and Mobile in full. It needs the scope recipients:reveal and is written to the audit log.
func (c *Client) RevealInvitation(ctx context.Context, id string) (Invitation, error) {
	return c.readInvitation(ctx, id, url.Values{"reveal": {"contact"}})
}

func (c *Client) readInvitation(ctx context.Context, id string, query url.Values) (Invitation, error) {
	var out Invitation
	path, err := pathTo("invitation", id, "")
	if err != nil {
		return out, err
	}
	return out, c.get(ctx, path, query, &out)
}

// ListInvitations goes through the invitations that r asks for, newest first, as List does through verifications.
func (c *Client) ListInvitations(ctx context.Context, r InvitationListRequest) iter.Seq2[Invitation, error] {
	return pages[Invitation](ctx, c, "/v1/invitations", r.query)
}

func (r InvitationListRequest) query() url.Values {
	q := url.Values{}
	for name, value := range map[string]string{"status": string(r.Status), "reference": r.Reference, "contact": r.Contact} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if r.Mobile2FA != nil {
		q.Set("mobile_2fa", strconv.FormatBool(*r.Mobile2FA))
	}
	for name, t := range map[string]time.Time{"from": r.From, "to": r.To} {
		if !t.IsZero() {
			q.Set(name, t.UTC().Format(time.RFC3339Nano))
		}
	}
	if r.PageSize != 0 {
		q.Set("limit", strconv.Itoa(r.PageSize))
	}
	return q
}

// ResendInvitation sends a new link. The one before dies at once, with all that it opened. After five, and when the invitation has
// ended, it is an *Error.
func (c *Client) ResendInvitation(ctx context.Context, id string, r LinkRequest) (Invitation, error) {
	return c.changeInvitation(ctx, id, "/resend", call{key: r.IdempotencyKey, seen: r.Seen}, r)
}

// CancelInvitation ends an invitation: its link is dead. The reason, which may be empty, is for the audit log. One that has ended is
// an *Error with status 409.
func (c *Client) CancelInvitation(ctx context.Context, id, reason string) (Invitation, error) {
	body := struct {
		Reason string `json:"reason,omitempty"`
	}{reason}
	return c.changeInvitation(ctx, id, "/cancel", call{}, body)
}

func (c *Client) changeInvitation(ctx context.Context, id, how string, r call, body any) (out Invitation, err error) {
	if r.path, err = pathTo("invitation", id, how); err != nil {
		return out, err
	}
	_, err = c.once(ctx, r, body, &out)
	return out, err
}
