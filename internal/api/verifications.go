package api

import (
	"context"
	"net/http"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
	"github.com/countersign/countersign/internal/web"
)

// errNoVerification has the code and the text that an unknown id gets from verify, so that a malformed one looks the
// same.
var errNoVerification = fault.New(fault.NotFound, "verification_not_found",
	"There is no such verification, or it has ended. Start a new one.")

// Repeatable is the header that makes a POST safe to repeat. Parts that inputs share are exported, for huma reads no
// others.
type Repeatable struct {
	Key string `header:"Idempotency-Key" minLength:"1" maxLength:"255" pattern:"^[!-~]+$" patternDescription:"visible ASCII characters" doc:"The same key with the same request gets the first answer for 24 hours"`
}

// Identified is the id in the path. It is read by parse, not by huma: an id that can't be one is unknown, not invalid.
type Identified struct {
	ID string `path:"id" doc:"Identifier" example:"vrf_06c4zk9r2m8t7v5w3x1y0a2b4c"`
}

func (in Identified) verification() (uid.ID, error) {
	id, err := uid.Parse(uid.Verification, in.ID)
	if err != nil {
		return id, errNoVerification
	}
	return id, nil
}

type startInput struct {
	Repeatable
	Body struct {
		To          string            `json:"to" minLength:"1" maxLength:"320" doc:"E.164 number or e-mail address" example:"+12025550123"`
		Channel     string            `json:"channel,omitempty" enum:"sms,voice,whatsapp,email" doc:"By default sms for a number, email for an address"`
		Service     string            `json:"service,omitempty" maxLength:"64" doc:"Id or name; your default service otherwise"`
		Purpose     string            `json:"purpose,omitempty" enum:"contact,signup,login,new_device,password_reset,payment,payout_change,contact_change,privileged,recovery,caller" doc:"login by default. A code for one purpose is void for another"`
		Locale      string            `json:"locale,omitempty" maxLength:"35" doc:"BCP 47" example:"de-AT"`
		ExternalID  string            `json:"external_id,omitempty" maxLength:"255" doc:"Your own id; lists can be filtered by it"`
		Metadata    map[string]string `json:"metadata,omitempty" maxProperties:"20"`
		Code        string            `json:"code,omitempty" maxLength:"32" doc:"Your own code, which you compare yourself: see approve"`
		Transaction *Transaction      `json:"transaction,omitempty"`
		Client      *Client           `json:"client,omitempty"`
		Supersede   bool              `json:"supersede,omitempty" doc:"End an open verification instead of sending on it"`
	}
}

// startOutput is 201 for a new verification and 200 for a send on an open one.
type startOutput struct {
	Status int
	Body   Verification
}

func (a *api) start(ctx context.Context, in *startInput) (*startOutput, error) {
	b := &in.Body
	answer, err := a.Verifications.Start(ctx, verify.StartRequest{
		Caller:      caller(ctx),
		To:          b.To,
		Channel:     delivery.Channel(b.Channel),
		Service:     b.Service,
		Purpose:     verify.Purpose(b.Purpose),
		Locale:      b.Locale,
		ExternalID:  b.ExternalID,
		Metadata:    b.Metadata,
		Code:        b.Code,
		Transaction: b.Transaction.domain(),
		Client:      b.Client.domain(),
		Supersede:   b.Supersede,
		Idempotency: in.once("POST /v1/verifications", "", b),
	})
	if err != nil {
		return nil, err
	}
	out := &startOutput{Status: http.StatusOK, Body: verification(answer.View)}
	if answer.Created {
		out.Status = http.StatusCreated
	}
	return out, nil
}

type resendInput struct {
	Identified
	Repeatable
	Body *struct {
		Channel string  `json:"channel,omitempty" enum:"sms,voice,whatsapp,email" doc:"By default that of the last send"`
		Client  *Client `json:"client,omitempty"`
	}
}

type verificationOutput struct {
	Body Verification
}

func (a *api) resend(ctx context.Context, in *resendInput) (*verificationOutput, error) {
	id, err := in.verification()
	if err != nil {
		return nil, err
	}
	r := verify.ResendRequest{Caller: caller(ctx), ID: id, Idempotency: in.once("POST resend", in.ID, in.Body)}
	if in.Body != nil {
		r.Channel, r.Client = delivery.Channel(in.Body.Channel), in.Body.Client.domain()
	}
	answer, err := a.Verifications.Resend(ctx, r)
	if err != nil {
		return nil, err
	}
	return &verificationOutput{Body: verification(answer.View)}, nil
}

type checkInput struct {
	Identified
	Repeatable
	Body struct {
		Code        string       `json:"code" minLength:"1" maxLength:"32" doc:"As typed; spaces and hyphens are dropped"`
		Transaction *Transaction `json:"transaction,omitempty" doc:"The same as at the start, when there was one"`
		Client      *Client      `json:"client,omitempty"`
	}
}

type checkOutput struct {
	Body CheckResult
}

func (a *api) check(ctx context.Context, in *checkInput) (*checkOutput, error) {
	id, err := in.verification()
	if err != nil {
		return nil, err
	}
	answer, err := a.Verifications.Check(ctx, verify.CheckRequest{
		Caller:      caller(ctx),
		ID:          id,
		Code:        in.Body.Code,
		Transaction: in.Body.Transaction.domain(),
		Client:      in.Body.Client.domain(),
		Idempotency: in.once("POST check", in.ID, &in.Body),
	})
	if err != nil {
		return nil, err
	}
	return &checkOutput{Body: checkResult(answer)}, nil
}

type checkOpenInput struct {
	Repeatable
	Body struct {
		To          string       `json:"to" minLength:"1" maxLength:"320" doc:"E.164 number or e-mail address" example:"+12025550123"`
		Code        string       `json:"code" minLength:"1" maxLength:"32" doc:"As typed; spaces and hyphens are dropped"`
		Service     string       `json:"service,omitempty" maxLength:"64"`
		Purpose     string       `json:"purpose,omitempty" enum:"contact,signup,login,new_device,password_reset,payment,payout_change,contact_change,privileged,recovery,caller"`
		Transaction *Transaction `json:"transaction,omitempty"`
		Client      *Client      `json:"client,omitempty"`
	}
}

func (a *api) checkOpen(ctx context.Context, in *checkOpenInput) (*checkOutput, error) {
	b := &in.Body
	answer, err := a.Verifications.Check(ctx, verify.CheckRequest{
		Caller:      caller(ctx),
		To:          b.To,
		Service:     b.Service,
		Purpose:     verify.Purpose(b.Purpose),
		Code:        b.Code,
		Transaction: b.Transaction.domain(),
		Client:      b.Client.domain(),
		Idempotency: in.once("POST /v1/verifications/check", "", b),
	})
	if err != nil {
		return nil, err
	}
	return &checkOutput{Body: checkResult(answer)}, nil
}

type endInput struct {
	Identified
	Repeatable
}

func (a *api) cancel(ctx context.Context, in *endInput) (*verificationOutput, error) {
	return end(ctx, in, "POST cancel", a.Verifications.Cancel)
}

func (a *api) approve(ctx context.Context, in *endInput) (*verificationOutput, error) {
	return end(ctx, in, "POST approve", a.Verifications.Approve)
}

func end(ctx context.Context, in *endInput, what string, do func(context.Context, verify.EndRequest) (verify.View, error)) (*verificationOutput, error) {
	id, err := in.verification()
	if err != nil {
		return nil, err
	}
	view, err := do(ctx, verify.EndRequest{Caller: caller(ctx), ID: id, Idempotency: in.once(what, in.ID, nil)})
	if err != nil {
		return nil, err
	}
	return &verificationOutput{Body: verification(view)}, nil
}

type getInput struct {
	Identified
	Reveal string `query:"reveal" enum:"to" doc:"Show the recipient in full"`
}

type recordOutput struct {
	Body VerificationRecord
}

func (a *api) get(ctx context.Context, in *getInput) (*recordOutput, error) {
	id, err := in.verification()
	if err != nil {
		return nil, err
	}
	reveal := in.Reveal != ""
	if reveal && !mayReveal(ctx) {
		return nil, errReveal
	}
	r, err := a.Verifications.Get(ctx, caller(ctx), id, reveal)
	if err != nil {
		return nil, err
	}
	return &recordOutput{Body: record(r)}, nil
}

// Page is what every list takes.
type Page struct {
	Cursor string `query:"cursor" maxLength:"64" doc:"next of the page before"`
	Limit  int    `query:"limit" minimum:"1" maximum:"200" default:"50"`
}

type listInput struct {
	Page
	To         string `query:"to" maxLength:"320" doc:"E.164 number or e-mail address"`
	Status     string `query:"status" enum:"pending,approved,canceled,expired,exhausted,superseded,failed,denied,challenge"`
	ExternalID string `query:"external_id" maxLength:"255"`
}

// VerificationList is a page of verifications.
type VerificationList struct {
	_ struct{} `additionalProperties:"true"`

	Data []Verification `json:"data" nullable:"false"`
	Next *string        `json:"next" doc:"Cursor of the next page, null at the end. A page may be short or empty before the end"`
}

type listOutput struct {
	Body VerificationList
}

func (a *api) list(ctx context.Context, in *listInput) (*listOutput, error) {
	before, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	if !printable(in.ExternalID) {
		return nil, fault.New(fault.Invalid, "external_id_invalid", "Leave control characters out.").On("external_id")
	}
	views, more, err := a.Verifications.List(ctx, verify.ListRequest{
		Caller:     caller(ctx),
		To:         web.QueryNumber(in.To),
		Status:     verify.Status(in.Status),
		ExternalID: in.ExternalID,
		Before:     before,
		Limit:      in.Limit,
	})
	if err != nil {
		return nil, err
	}
	out := &listOutput{Body: VerificationList{Data: make([]Verification, len(views)), Next: cursor(more)}}
	for i, v := range views {
		out.Body.Data[i] = verification(v)
	}
	return out, nil
}
