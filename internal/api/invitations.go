package api

import (
	"context"
	"encoding/json"
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

// Invitations is what the API asks of invite.Service, which says what each method answers.
type Invitations interface {
	Imports
	Create(ctx context.Context, r invite.CreateRequest) (invite.CreateAnswer, error)
	CreateMany(ctx context.Context, rs []invite.CreateRequest) ([]invite.ManyAnswer, error)
	Get(ctx context.Context, t invite.Target) (invite.View, error)
	Reveal(ctx context.Context, t invite.Target) (invite.Revealed, error)
	List(ctx context.Context, r invite.ListRequest) (page []invite.View, more uid.ID, err error)
	Events(ctx context.Context, t invite.Target, after uid.ID, limit int) (page []audit.Event, more uid.ID, err error)
	Resend(ctx context.Context, t invite.Target, channels []delivery.Channel) (invite.View, error)
	Correct(ctx context.Context, t invite.Target, c invite.Contact) (invite.View, error)
	Unlock(ctx context.Context, t invite.Target, reason string) (invite.View, error)
	Cancel(ctx context.Context, t invite.Target, reason string) (invite.View, error)
	Complete(ctx context.Context, t invite.Target) (invite.View, error)
	Sandbox(ctx context.Context, by invite.Caller, to string) ([]invite.Message, error)
}

// What a malformed id gets, as an unknown one does from the service.
var errNoInvitation = fault.New(fault.NotFound, "invitation_not_found", "There is no such invitation.")

// Invitation is an invitation in answers: a customer's way from a link to the hand-over. It never has the link or a code.
type Invitation struct {
	_ struct{} `additionalProperties:"true"`

	ID         string `json:"id" example:"inv_06c4zk9r2m8t7v5w3x1y0a2b4c"`
	Kind       string `json:"kind" enum:"fixed,entered" doc:"fixed: you named the contacts; entered: the customer does"`
	Status     string `json:"status" enum:"created,sent,undeliverable,opened,mobile_pending,mobile_verified,mobile_failed,consent_pending,consented,handed_off,completed,declined,expired,canceled"`
	FirstName  string `json:"first_name"`
	LastName   string `json:"last_name"`
	Email      string `json:"email,omitempty" doc:"With reveal=contact alone"`
	Mobile     string `json:"mobile,omitempty" doc:"With reveal=contact alone"`
	Reference  string `json:"reference,omitempty"`
	ExternalID string `json:"external_id,omitempty"`
	Notes      string `json:"notes,omitempty" doc:"Never shown to the customer"`
	Locale     string `json:"locale,omitempty"`

	MaskedEmail  string `json:"masked_email,omitempty"`
	MaskedMobile string `json:"masked_mobile,omitempty"`
	Changed      bool   `json:"contact_changed_by_customer"`

	Mobile2FA       string `json:"mobile_2fa" enum:"passed,failed,pending,not_used,not_allowed" doc:"Whether control of the number was confirmed; it says nothing of who the person is"`
	Mobile2FAOn     bool   `json:"mobile_2fa_effective" doc:"As decided when it was made"`
	Mobile2FAPolicy string `json:"mobile_2fa_policy" enum:"yes_optional,yes_required,no_optional,no_required" doc:"Your setting when it was made"`
	Overridden      bool   `json:"mobile_2fa_overridden" doc:"The sender chose against the preset"`
	OverriddenBy    string `json:"mobile_2fa_overridden_by,omitempty" doc:"Who did" example:"key:key_06c4zk9r2m8t7v5w3x1y0a2b4c"`
	Mobile2FAReason string `json:"mobile_2fa_reason,omitempty" doc:"What the sender gave for the choice"`

	Channels       []string         `json:"channels" nullable:"false" doc:"By which the link goes: email, sms"`
	Deliveries     []InvitationSend `json:"deliveries" nullable:"false" doc:"What came of sending the link of now"`
	Gates          []InvitationGate `json:"gates" nullable:"false" doc:"The contacts to be proven, in order"`
	ConsentVersion string           `json:"consent_version,omitempty" doc:"Of the text that the customer is asked to agree to, which stays that of the day when the invitation was made; countersign-1 and so on: a text of the product's own" example:"2"`
	ConsentLocale  string           `json:"consent_locale,omitempty" doc:"Language of the text that the customer answered to" example:"de-AT"`
	ConsentSHA256  string           `json:"consent_sha256,omitempty" doc:"SHA-256 of that text as it was shown, in hexadecimal digits"`
	RedirectURL    string           `json:"redirect_url,omitempty"`
	ResendCount    int              `json:"resend_count" doc:"New links sent"`
	Version        int              `json:"version" doc:"For If-Match; goes up with every new link"`
	AttemptCount   int              `json:"attempt_count" doc:"Codes asked for"`
	FailureReason  string           `json:"failure_reason,omitempty" doc:"Stable word"`

	CreatedAt        string `json:"created_at" format:"date-time"`
	UpdatedAt        string `json:"updated_at" format:"date-time"`
	LinkSentAt       string `json:"link_sent_at,omitempty" format:"date-time"`
	OpenedAt         string `json:"opened_at,omitempty" format:"date-time"`
	MobileVerifiedAt string `json:"mobile_verified_at,omitempty" format:"date-time" doc:"When all gates were passed, by the proof that counts: absent while one is pending, also after a new link or a corrected contact"`
	ConsentedAt      string `json:"consented_at,omitempty" format:"date-time"`
	HandedOffAt      string `json:"handed_off_at,omitempty" format:"date-time"`
	EndedAt          string `json:"ended_at,omitempty" format:"date-time"`
	ExpiresAt        string `json:"expires_at,omitempty" format:"date-time" doc:"When the link stops working; absent: never"`
	LockedUntil      string `json:"locked_until,omitempty" format:"date-time" doc:"No code is sent before"`

	Open []OpenInvitation `json:"open_invitations,omitempty" doc:"In the answer to a creation alone: others to the same number or address that have not ended, the newest first. Absent when there is none"`
}

// OpenInvitation is one that a person has beside a new one.
type OpenInvitation struct {
	_ struct{} `additionalProperties:"true"`

	ID        string `json:"id" example:"inv_06c4zk9r2m8t7v5w3x1y0a2b4c"`
	Reference string `json:"reference,omitempty"`
	Status    string `json:"status" enum:"created,sent,undeliverable,opened,mobile_pending,mobile_verified,mobile_failed,consent_pending,consented,handed_off"`
	CreatedAt string `json:"created_at" format:"date-time"`
}

// InvitationSend is what came of sending a link by one channel.
type InvitationSend struct {
	_ struct{} `additionalProperties:"true"`

	Channel   string `json:"channel" enum:"email,sms"`
	Provider  string `json:"provider" doc:"Empty while it is unknown which one took it"`
	State     string `json:"state" enum:"sending,sent,delivered,failed,expired,unknown" doc:"It advances by what the provider reports"`
	Error     string `json:"error" doc:"Stable word; empty when the provider took it"`
	CreatedAt string `json:"created_at" format:"date-time"`
	UpdatedAt string `json:"updated_at,omitempty" format:"date-time" doc:"When the provider last reported; absent: never"`
}

// InvitationGate is one contact proof.
type InvitationGate struct {
	_ struct{} `additionalProperties:"true"`

	Channel     string `json:"channel" enum:"sms,email"`
	Fixed       bool   `json:"fixed" doc:"The contact is the one that you gave"`
	Contact     string `json:"contact,omitempty" doc:"Masked; absent: the customer has not entered one yet"`
	Sends       int    `json:"sends" doc:"Codes of this cycle"`
	Cycle       int    `json:"cycle" doc:"From 1"`
	PassedAt    string `json:"passed_at,omitempty" format:"date-time"`
	LockedUntil string `json:"locked_until,omitempty" format:"date-time"`
	Shut        bool   `json:"shut" doc:"Locked until you unlock it"`
}

func invitation(v invite.View) Invitation {
	out := Invitation{
		ID: v.ID.Text(uid.Invitation), Kind: string(v.Kind), Status: string(v.Status), FirstName: v.FirstName, LastName: v.LastName,
		Reference: v.Reference, ExternalID: v.ExternalID, Notes: v.Notes, Locale: v.Locale,
		MaskedEmail: v.MaskedEmail, MaskedMobile: v.MaskedMobile, Changed: v.Edited,
		Mobile2FA: string(v.Mobile2FAState()), Mobile2FAOn: v.Mobile2FA, Mobile2FAPolicy: string(v.Policy), Overridden: v.Overridden,
		OverriddenBy: v.OverriddenBy, Mobile2FAReason: v.OverrideReason,
		Channels: []string{}, Deliveries: make([]InvitationSend, len(v.Carried)), Gates: make([]InvitationGate, len(v.Gates)),
		ConsentVersion: v.ConsentVersion, ConsentLocale: v.ConsentLocale, ConsentSHA256: v.ConsentSHA256, RedirectURL: v.RedirectURL,
		ResendCount: v.Resends, Version: v.Link(), AttemptCount: v.Attempts, FailureReason: v.Failure,
		CreatedAt: stamp(v.CreatedAt), UpdatedAt: stamp(v.UpdatedAt), LinkSentAt: stamp(v.SentAt), OpenedAt: stamp(v.OpenedAt),
		MobileVerifiedAt: stamp(v.VerifiedAt), ConsentedAt: stamp(v.ConsentedAt), HandedOffAt: stamp(v.HandedOffAt), EndedAt: stamp(v.EndedAt),
		ExpiresAt: stamp(v.ExpiresAt), LockedUntil: stamp(v.LockedUntil),
	}
	for _, c := range v.Channels {
		out.Channels = append(out.Channels, string(c))
	}
	for i, c := range v.Carried {
		out.Deliveries[i] = InvitationSend{
			Channel: string(c.Channel), Provider: c.Provider, State: string(c.State), Error: c.Error, CreatedAt: stamp(c.At), UpdatedAt: stamp(c.UpdatedAt),
		}
	}
	for i, g := range v.Gates {
		out.Gates[i] = InvitationGate{
			Channel: string(g.Channel), Fixed: g.Fixed, Contact: g.Masked, Sends: g.Sends, Cycle: g.Cycle,
			PassedAt: stamp(g.PassedAt), LockedUntil: stamp(g.LockedUntil), Shut: g.Shut,
		}
	}
	return out
}

// inviter is who asks, for invitations.
func inviter(ctx context.Context) invite.Caller {
	by := caller(ctx)
	who := invite.Caller{Tenant: by.Tenant, Actor: by.Actor, RequestID: by.RequestID}
	if addr := web.ClientAddr(ctx); addr.IsValid() {
		who.Client.IP = addr.String()
	}
	return who
}

// target is the invitation of the path, and who asks.
func (in Identified) target(ctx context.Context) (invite.Target, error) {
	id, err := uid.Parse(uid.Invitation, in.ID)
	if err != nil {
		return invite.Target{}, errNoInvitation
	}
	return invite.Target{Caller: inviter(ctx), ID: id}, nil
}

type invitationOutput struct {
	ETag string `header:"ETag"`
	Body Invitation
}

func answered(v invite.View) *invitationOutput {
	return &invitationOutput{ETag: etag(int64(v.Link())), Body: invitation(v)}
}

type getInvitationInput struct {
	Identified
	Reveal string `query:"reveal" enum:"contact" doc:"Show the contacts in full. Needs the scope recipients:reveal"`
}

func (a *api) getInvitation(ctx context.Context, in *getInvitationInput) (*invitationOutput, error) {
	t, err := in.target(ctx)
	if err != nil {
		return nil, err
	}
	if in.Reveal != "" && !mayReveal(ctx) {
		return nil, errReveal
	}
	v, err := a.Invitations.Get(ctx, t)
	if err != nil {
		return nil, err
	}
	out := answered(v)
	if in.Reveal != "" {
		shown, err := a.Invitations.Reveal(ctx, t)
		if err != nil {
			return nil, err
		}
		out.Body.Email, out.Body.Mobile = shown.Email, shown.Phone
	}
	return out, nil
}

type listInvitationsInput struct {
	Cursor    string `query:"cursor" maxLength:"64" doc:"next of the page before"`
	Limit     int    `query:"limit" minimum:"1" maximum:"250" default:"50"`
	Status    string `query:"status" enum:"created,sent,undeliverable,opened,mobile_pending,mobile_verified,mobile_failed,consent_pending,consented,handed_off,completed,declined,expired,canceled"`
	Reference string `query:"reference" maxLength:"100" doc:"Exactly this"`
	Contact   string `query:"contact" maxLength:"320" doc:"Exactly this number or address"`
	Mobile2FA string `query:"mobile_2fa" enum:"true,false" doc:"Whether the gate is on"`
	From      string `query:"from" maxLength:"35" doc:"Made at this time or later: RFC 3339, or a day in UTC" example:"2026-11-01"`
	To        string `query:"to" maxLength:"35" doc:"Made before this time: RFC 3339, or a day in UTC" example:"2026-12-01T00:00:00Z"`
}

// InvitationList is a page of invitations.
type InvitationList struct {
	_ struct{} `additionalProperties:"true"`

	Data []Invitation `json:"data" nullable:"false"`
	Next *string      `json:"next" doc:"Cursor of the next page, null at the end. A page may be short before that"`
}

type listInvitationsOutput struct {
	Body InvitationList
}

func (a *api) listInvitations(ctx context.Context, in *listInvitationsInput) (*listInvitationsOutput, error) {
	before, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	if !printable(in.Reference) || !printable(in.Contact) {
		return nil, fault.New(fault.Invalid, "filter_invalid", "Leave control characters out of reference and contact.")
	}
	r := invite.ListRequest{
		Caller: inviter(ctx), Status: invite.Status(in.Status), Reference: in.Reference, Contact: web.QueryNumber(in.Contact),
		Page: uid.Page{Before: before, Limit: in.Limit},
	}
	if in.Mobile2FA != "" {
		on := in.Mobile2FA == "true"
		r.Mobile2FA = &on
	}
	if r.From, err = moment("from", in.From); err != nil {
		return nil, err
	}
	if r.To, err = moment("to", in.To); err != nil {
		return nil, err
	}
	page, more, err := a.Invitations.List(ctx, r)
	if err != nil {
		return nil, err
	}
	out := &listInvitationsOutput{Body: InvitationList{Data: make([]Invitation, len(page)), Next: cursor(more)}}
	for i, v := range page {
		out.Body.Data[i] = invitation(v)
	}
	return out, nil
}

// moment reads a time of a filter, zero for none.
func moment(name, s string) (time.Time, error) {
	if s == "" {
		return time.Time{}, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fault.New(fault.Invalid, "time_invalid", "Give a time like 2026-11-21T12:00:00Z, or a day like 2026-11-21.").On(name)
}

// InvitationEvent is one entry of an invitation's timeline, as it stands in the audit log.
type InvitationEvent struct {
	_ struct{} `additionalProperties:"true"`

	ID        string         `json:"id" example:"evt_06c4zk9r2m8t7v5w3x1y0a2b4c"`
	Type      string         `json:"type" example:"invitation.sent"`
	CreatedAt string         `json:"created_at" format:"date-time"`
	Actor     string         `json:"actor" doc:"Who did it: key:key_..., operator:..., customer, system" example:"customer"`
	RequestID string         `json:"request_id,omitempty"`
	Detail    map[string]any `json:"detail,omitempty" doc:"By the type: never a code, a link, a name or a contact"`
}

// InvitationEventList is a page of a timeline.
type InvitationEventList struct {
	_ struct{} `additionalProperties:"true"`

	Data []InvitationEvent `json:"data" nullable:"false"`
	Next *string           `json:"next" doc:"Cursor of the next page, null at the end"`
}

type invitationEventsInput struct {
	Identified
	Cursor string `query:"cursor" maxLength:"64" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"250" default:"50"`
}

type invitationEventsOutput struct {
	Body InvitationEventList
}

func (a *api) invitationEvents(ctx context.Context, in *invitationEventsInput) (*invitationEventsOutput, error) {
	t, err := in.target(ctx)
	if err != nil {
		return nil, err
	}
	after, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	page, more, err := a.Invitations.Events(ctx, t, after, in.Limit)
	if err != nil {
		return nil, err
	}
	out := &invitationEventsOutput{Body: InvitationEventList{Data: make([]InvitationEvent, len(page)), Next: cursor(more)}}
	for i, e := range page {
		if out.Body.Data[i], err = invitationEvent(e); err != nil {
			return nil, err
		}
	}
	return out, nil
}

func invitationEvent(e audit.Event) (InvitationEvent, error) {
	out := InvitationEvent{ID: e.ID.Text(uid.Event), Type: e.Type, CreatedAt: stamp(e.At), Actor: e.Actor, RequestID: e.RequestID}
	if e.Data == nil {
		return out, nil
	}
	return out, json.Unmarshal(e.Data, &out.Detail)
}
