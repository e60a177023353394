package api

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"reflect"
	"strconv"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// InvitationDraft asks for an invitation.
type InvitationDraft struct {
	FirstName       string   `json:"first_name" minLength:"1" maxLength:"100"`
	LastName        string   `json:"last_name" minLength:"1" maxLength:"100"`
	Email           string   `json:"email,omitempty" maxLength:"320" doc:"email, mobile, or both"`
	Mobile          string   `json:"mobile,omitempty" maxLength:"40" doc:"E.164, or a national number of country" example:"+12025550123"`
	Country         string   `json:"country,omitempty" maxLength:"2" doc:"ISO 3166 alpha-2" example:"AU"`
	Mobile2FA       *bool    `json:"mobile_2fa,omitempty" doc:"Whether the customer proves the number first. Your setting decides when it is left out, and may forbid another choice"`
	Mobile2FAReason string   `json:"mobile_2fa_reason,omitempty" minLength:"1" maxLength:"200" doc:"Why this one differs from your setting, for the audit log. Your settings may demand it"`
	Reference       string   `json:"reference,omitempty" maxLength:"100" doc:"Your own; lists can be filtered by it"`
	Notes           string   `json:"notes,omitempty" maxLength:"2000" doc:"Never shown to the customer"`
	Locale          string   `json:"locale,omitempty" maxLength:"35" doc:"BCP 47; the default of your settings when it is left out, and without one the browser's language" example:"de-AT"`
	ConsentVersion  string   `json:"consent_version,omitempty" maxLength:"32" doc:"Your consent text of now, which is the default"`
	RedirectURL     string   `json:"redirect_url,omitempty" maxLength:"2048" doc:"https or the scheme of an app of yours, on the list of your settings: where the customer goes after consent. A page of ours otherwise"`
	ExpiresIn       Hours    `json:"expires_in_hours,omitzero" doc:"Life of the link: 1 to 8760 hours, null for ever. Your setting when it is left out"`
	ExternalID      string   `json:"external_id,omitempty" maxLength:"100" doc:"Your own; comes back in events"`
	Channels        []string `json:"channels,omitempty" enum:"email,sms" uniqueItems:"true" doc:"How the link goes: all that there is a contact for, when it is left out"`
}

// Hours is a number of hours, null for no end, or absent.
type Hours struct {
	Given bool
	N     int // 0: null
}

// Schema is what a number of hours may be.
func (Hours) Schema(huma.Registry) *huma.Schema {
	least, most := 1.0, 8760.0
	return &huma.Schema{Type: huma.TypeInteger, Nullable: true, Minimum: &least, Maximum: &most}
}

// UnmarshalJSON reads a number or null.
func (h *Hours) UnmarshalJSON(text []byte) error {
	h.Given = true
	if string(text) == "null" {
		return nil
	}
	return json.Unmarshal(text, &h.N)
}

// MarshalJSON is the inverse; an absent one is left out by IsZero.
func (h Hours) MarshalJSON() ([]byte, error) {
	if h.N == 0 {
		return []byte("null"), nil
	}
	return strconv.AppendInt(nil, int64(h.N), 10), nil
}

// IsZero reports whether none was given.
func (h Hours) IsZero() bool { return !h.Given }

func (d *InvitationDraft) request(ctx context.Context) invite.CreateRequest {
	r := invite.CreateRequest{
		Caller: inviter(ctx), Kind: invite.Fixed, FirstName: d.FirstName, LastName: d.LastName, Email: d.Email, Mobile: d.Mobile,
		Country: d.Country, Notes: d.Notes, Mobile2FA: d.Mobile2FA, Reason: d.Mobile2FAReason, Reference: d.Reference, ExternalID: d.ExternalID, Locale: d.Locale,
		ConsentVersion: d.ConsentVersion, RedirectURL: d.RedirectURL,
	}
	if d.ExpiresIn.Given {
		life := time.Duration(d.ExpiresIn.N) * time.Hour
		r.LinkTTL = &life
	}
	for _, c := range d.Channels {
		r.Channels = append(r.Channels, delivery.Channel(c))
	}
	return r
}

type createInvitationInput struct {
	Repeatable
	Body InvitationDraft
}

func (a *api) createInvitation(ctx context.Context, in *createInvitationInput) (*invitationOutput, error) {
	r := in.Body.request(ctx)
	r.Idempotency, r.IfOpen = in.once("POST /v1/invitations", "", &in.Body), invite.OpenTold
	made, err := a.Invitations.Create(ctx, r)
	if err != nil {
		return nil, err
	}
	out := answered(made.View)
	out.Body = createdInvitation(&made)
	return out, nil
}

// createdInvitation is a new one, with those that its person has open beside it.
func createdInvitation(made *invite.CreateAnswer) Invitation {
	out := invitation(made.View)
	for _, o := range made.Open {
		out.Open = append(out.Open, OpenInvitation{ID: o.ID.Text(uid.Invitation), Reference: o.Reference, Status: string(o.Status), CreatedAt: stamp(o.CreatedAt)})
	}
	return out
}

// Row is an invitation of many, not yet looked at: what is wrong with one is told of that one, and stops no other (RA-57).
type Row struct{ value any }

// Schema takes everything, and says what is meant.
func (Row) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{AnyOf: []*huma.Schema{
		draftSchema(r),
		{Description: "One that does not fit is refused by itself"},
	}}
}

func draftSchema(r huma.Registry) *huma.Schema {
	return r.Schema(reflect.TypeFor[InvitationDraft](), true, "InvitationDraft")
}

// UnmarshalJSON reads anything.
func (r *Row) UnmarshalJSON(text []byte) error { return json.Unmarshal(text, &r.value) }

// MarshalJSON writes it with its names in order.
func (r Row) MarshalJSON() ([]byte, error) { return json.Marshal(r.value) }

// draft is the row as a whole request, or the fault that is first in it.
func (r Row) draft(registry huma.Registry) (d InvitationDraft, err error) {
	var found huma.ValidateResult
	path := huma.NewPathBuffer(make([]byte, 0, 64), 0)
	path.Push("body")
	huma.Validate(registry, draftSchema(registry), path, huma.ModeWriteToServer, r.value, &found)
	if len(found.Errors) > 0 {
		refused := fault.New(fault.Invalid, "invalid_request", "A field is missing, unknown, or can't be taken.")
		if detail, ok := found.Errors[0].(*huma.ErrorDetail); ok {
			refused.Field, refused.Message = field(detail.Location), detail.Message
		}
		return d, refused
	}
	text, err := json.Marshal(r.value)
	if err != nil {
		return d, err
	}
	return d, json.Unmarshal(text, &d)
}

type createInvitationsInput struct {
	Repeatable
	Body struct {
		Items     []Row `json:"items" minItems:"1" maxItems:"10" nullable:"false"`
		AllowOpen bool  `json:"allow_open,omitempty" doc:"Invite people who have an open invitation once more; without it their rows are refused"`
	}
}

// InvitationRows is what became of each row of a request for many. Rows count from 0.
type InvitationRows struct {
	_ struct{} `additionalProperties:"true"`

	Accepted []AcceptedRow `json:"accepted" nullable:"false"`
	Rejected []RejectedRow `json:"rejected" nullable:"false"`
}

// AcceptedRow is a row of which an invitation was made.
type AcceptedRow struct {
	_ struct{} `additionalProperties:"true"`

	Row        int        `json:"row" doc:"Its place in items, from 0"`
	Invitation Invitation `json:"invitation"`
}

// RejectedRow is a row of which nothing was made.
type RejectedRow struct {
	_ struct{} `additionalProperties:"true"`

	Row    int    `json:"row" doc:"Its place in items, from 0"`
	Field  string `json:"field,omitempty" doc:"The field at fault"`
	Code   string `json:"code" doc:"As in problems, and invitation_open" example:"mobile_required"`
	Detail string `json:"detail" doc:"For people; never a value that was sent"`
	Open   string `json:"open_invitation,omitempty" doc:"With invitation_open: the one that the person has" example:"inv_06c4zk9r2m8t7v5w3x1y0a2b4c"`
}

type createInvitationsOutput struct {
	Body InvitationRows
}

func (a *api) createInvitations(ctx context.Context, in *createInvitationsInput) (*createInvitationsOutput, error) {
	out := &createInvitationsOutput{Body: InvitationRows{Accepted: []AcceptedRow{}, Rejected: []RejectedRow{}}}
	errs := make([]error, len(in.Body.Items))
	var whole []invite.CreateRequest
	var rows []int // of whole
	for i, item := range in.Body.Items {
		draft, err := item.draft(a.huma.OpenAPI().Components.Schemas)
		if err != nil {
			errs[i] = err
			continue
		}
		r := draft.request(ctx)
		r.Idempotency, r.IfOpen = in.row(i), invite.OpenRefused
		if in.Body.AllowOpen {
			r.IfOpen = invite.OpenTold
		}
		whole, rows = append(whole, r), append(rows, i)
	}
	var answers []invite.ManyAnswer
	if len(whole) > 0 {
		var err error
		if answers, err = a.Invitations.CreateMany(ctx, whole); err != nil {
			return nil, err
		}
	}
	for n, answer := range answers {
		if answer.Err != nil {
			errs[rows[n]] = answer.Err
			continue
		}
		out.Body.Accepted = append(out.Body.Accepted, AcceptedRow{Row: rows[n], Invitation: createdInvitation(&answer.Answer)})
	}
	for i, err := range errs {
		if err != nil {
			f := fault.As(err)
			row := RejectedRow{Row: i, Field: f.Field, Code: f.Code, Detail: f.Message}
			if e, ok := errors.AsType[*invite.OpenError](err); ok {
				row.Open = e.Open[0].ID.Text(uid.Invitation)
			}
			out.Body.Rejected = append(out.Body.Rejected, row)
		}
	}
	return out, nil
}

// row is the idempotency of one row: a repeat of the whole gives each row its first answer. The key is hashed, for a long one leaves
// no room for the row.
func (in *createInvitationsInput) row(i int) *verify.Idempotency {
	all := in.once("POST /v1/invitations/bulk", strconv.Itoa(i), &in.Body)
	if all != nil {
		sum := sha256.Sum256([]byte(all.Key))
		all.Key = "bulk-" + hex.EncodeToString(sum[:]) + "-" + strconv.Itoa(i)
	}
	return all
}

// InvitationChange is a change of one invitation that may be asked for again.
type InvitationChange struct {
	Identified
	Repeatable
	IfMatch string `header:"If-Match" pattern:"^([1-9][0-9]{0,8}|\"[1-9][0-9]{0,8}\")$" patternDescription:"the version of the invitation that you have read" doc:"The version that you have read, if you like. When a new link was sent since, the answer is 409 and nothing is done" example:"1"`
}

// change is the invitation of the path, and who asks, for a change that may be asked for again.
func (in *InvitationChange) change(ctx context.Context, how string, body any) (invite.Target, error) {
	t, err := in.target(ctx)
	t.Idempotency = in.once("/v1/invitations/{id}/"+how, in.ID, body)
	t.Link = int(version(in.IfMatch))
	return t, err
}

type resendInvitationInput struct {
	InvitationChange
	Body *struct {
		Channel string `json:"channel,omitempty" enum:"email,sms,both" doc:"As before when it is left out"`
		Reason  string `json:"reason,omitempty" maxLength:"200" doc:"For the audit log"`
	}
}

func (a *api) resendInvitation(ctx context.Context, in *resendInvitationInput) (*invitationOutput, error) {
	t, err := in.change(ctx, "resend", in.Body)
	if err != nil {
		return nil, err
	}
	var channels []delivery.Channel
	if in.Body != nil {
		t.Reason = in.Body.Reason
	}
	switch {
	case in.Body == nil || in.Body.Channel == "":
	case in.Body.Channel == "both":
		channels = []delivery.Channel{delivery.Email, delivery.SMS}
	default:
		channels = []delivery.Channel{delivery.Channel(in.Body.Channel)}
	}
	v, err := a.Invitations.Resend(ctx, t, channels)
	if f, ok := errors.AsType[*fault.Error](err); ok && f.Field == "channels" {
		err = f.On("channel") // as it is called here
	}
	return changed(v, err)
}

// changed is the answer to a change.
func changed(v invite.View, err error) (*invitationOutput, error) {
	if err != nil {
		return nil, err
	}
	return answered(v), nil
}

type unlockInvitationInput struct {
	InvitationChange
	Body struct {
		Reason string `json:"reason" minLength:"1" maxLength:"200" doc:"For the audit log"`
	}
}

func (a *api) unlockInvitation(ctx context.Context, in *unlockInvitationInput) (*invitationOutput, error) {
	t, err := in.change(ctx, "unlock", &in.Body)
	if err != nil {
		return nil, err
	}
	return changed(a.Invitations.Unlock(ctx, t, in.Body.Reason))
}

type cancelInvitationInput struct {
	InvitationChange
	Body *struct {
		Reason string `json:"reason,omitempty" maxLength:"200" doc:"For the audit log"`
	}
}

func (a *api) cancelInvitation(ctx context.Context, in *cancelInvitationInput) (*invitationOutput, error) {
	t, err := in.change(ctx, "cancel", in.Body)
	if err != nil {
		return nil, err
	}
	reason := ""
	if in.Body != nil {
		reason = in.Body.Reason
	}
	return changed(a.Invitations.Cancel(ctx, t, reason))
}

func (a *api) completeInvitation(ctx context.Context, in *InvitationChange) (*invitationOutput, error) {
	t, err := in.change(ctx, "complete", nil)
	if err != nil {
		return nil, err
	}
	return changed(a.Invitations.Complete(ctx, t))
}

// correctInvitationInput may be repeated although it is no POST: it sends a message.
type correctInvitationInput struct {
	InvitationChange
	Body struct {
		Email   *string `json:"email,omitempty" maxLength:"320"`
		Mobile  *string `json:"mobile,omitempty" maxLength:"40"`
		Country string  `json:"country,omitempty" maxLength:"2" doc:"ISO 3166 alpha-2, for a national number"`
		Reason  string  `json:"reason,omitempty" maxLength:"200" doc:"For the audit log"`
	}
}

func (a *api) correctInvitation(ctx context.Context, in *correctInvitationInput) (*invitationOutput, error) {
	t, err := in.change(ctx, "contact", &in.Body)
	if err != nil {
		return nil, err
	}
	t.Reason = in.Body.Reason
	return changed(a.Invitations.Correct(ctx, t, invite.Contact{Email: in.Body.Email, Mobile: in.Body.Mobile, Country: in.Body.Country}))
}
