package api

import (
	"context"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
	"github.com/countersign/countersign/internal/webhook"
)

// Webhooks is what the API asks of webhook.Service, which says what each method answers.
type Webhooks interface {
	Create(ctx context.Context, by webhook.Caller, e webhook.Endpoint) (webhook.Endpoint, signing.Secret, error)
	Endpoint(ctx context.Context, t uid.Tenant, id uid.ID) (webhook.Endpoint, error)
	Endpoints(ctx context.Context, t uid.Tenant) ([]webhook.Endpoint, error)
	Update(ctx context.Context, by webhook.Caller, t uid.Tenant, id uid.ID, change func(*webhook.Endpoint)) (webhook.Endpoint, error)
	Delete(ctx context.Context, by webhook.Caller, t uid.Tenant, id uid.ID) error
	Rotate(ctx context.Context, by webhook.Caller, t uid.Tenant, id uid.ID) (webhook.Endpoint, signing.Secret, error)
	Test(ctx context.Context, by webhook.Caller, t uid.Tenant, id uid.ID) (webhook.Delivery, error)
	Replay(ctx context.Context, by webhook.Caller, t uid.Tenant, endpoint, id uid.ID) (webhook.Delivery, error)
	Deliveries(ctx context.Context, t uid.Tenant, f webhook.DeliveryFilter) (page []webhook.Delivery, more uid.ID, err error)
	Show(ctx context.Context, t uid.Tenant, endpoint, id uid.ID) (webhook.Shown, error)
}

// What a malformed id gets, as an unknown one does from the service.
var (
	errNoWebhook = fault.New(fault.NotFound, "webhook_not_found", "There is no such webhook.")
	errNoSent    = fault.New(fault.NotFound, "delivery_not_found", "There is no such delivery, or its time is over.")
)

// Webhook is a webhook in answers: a URL of yours that gets events.
type Webhook struct {
	_ struct{} `additionalProperties:"true"`

	ID                    string   `json:"id" example:"whk_06c4zk9r2m8t7v5w3x1y0a2b4c"`
	URL                   string   `json:"url"`
	Description           string   `json:"description"`
	Dialect               string   `json:"dialect,omitempty" enum:"mta,twilio,idenfy,idenfy_callback" doc:"The API that made it, whose words its events are. Absent: this one"`
	Service               string   `json:"service,omitempty" doc:"It gets events of this service alone; absent: of all"`
	Events                []string `json:"events" nullable:"false" doc:"Types, or families as verification.*; empty: all"`
	Enabled               bool     `json:"enabled"`
	Off                   string   `json:"off,omitempty" enum:"owner,gone" doc:"Why it is not enabled: you said so; it answered 410"`
	Secret                string   `json:"secret,omitempty" doc:"For the signatures. In the answer that makes it, and never again" example:"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"`
	PreviousSecretExpires string   `json:"previous_secret_expires_at,omitempty" format:"date-time" doc:"Until then the secret before signs too"`
	CreatedAt             string   `json:"created_at" format:"date-time"`
	UpdatedAt             string   `json:"updated_at" format:"date-time"`
	Version               int64    `json:"version" doc:"Goes up with every change"`
}

func webhookBody(e webhook.Endpoint, secret signing.Secret) Webhook {
	events := e.Events
	if events == nil {
		events = []string{}
	}
	of := ""
	if !e.Service.IsZero() {
		of = e.Service.Text(uid.Service)
	}
	return Webhook{
		ID: e.ID.Text(uid.Webhook), Dialect: e.Dialect, Service: of, URL: e.URL, Description: e.Description, Events: events, Enabled: e.Enabled, Off: e.Off,
		Secret: secret.Reveal(), PreviousSecretExpires: stamp(e.PreviousUntil), CreatedAt: stamp(e.CreatedAt), UpdatedAt: stamp(e.UpdatedAt),
		Version: e.Version,
	}
}

// WebhookDelivery is one event on its way to one webhook, with what came of the last try.
type WebhookDelivery struct {
	_ struct{} `additionalProperties:"true"`

	ID        string `json:"id" example:"wdl_06c4zk9r2m8t7v5w3x1y0a2b4c"`
	Event     string `json:"event" doc:"The webhook-id" example:"evt_06c4zk9r2m8t7v5w3x1y0a2b4c"`
	Type      string `json:"type" example:"verification.approved"`
	State     string `json:"state" enum:"pending,delivered,dead"`
	Tries     int    `json:"tries"`
	NextTryAt string `json:"next_try_at,omitempty" format:"date-time" doc:"Absent unless pending"`
	Status    int    `json:"status,omitempty" doc:"HTTP status of the last answer; absent when none came"`
	Error     string `json:"error,omitempty" enum:"status,timeout,unreachable,address,endpoint_off,event_gone" doc:"Absent when it was taken"`
	LatencyMS int64  `json:"latency_ms" doc:"Of the last try"`
	Answer    string `json:"answer,omitempty" doc:"The first kilobyte of the last answer"`
	CreatedAt string `json:"created_at" format:"date-time"`
	UpdatedAt string `json:"updated_at" format:"date-time"`
}

func webhookDelivery(d webhook.Delivery) WebhookDelivery {
	return WebhookDelivery{
		ID: d.ID.Text(uid.WebhookSent), Event: d.Event.Text(uid.Event), Type: d.Type, State: string(d.State), Tries: d.Tries,
		NextTryAt: stamp(d.Due), Status: d.Status, Error: d.Error, LatencyMS: d.Latency.Milliseconds(), Answer: d.Answer,
		CreatedAt: stamp(d.CreatedAt), UpdatedAt: stamp(d.UpdatedAt),
	}
}

// hooker is who asks, for changes of webhooks.
func hooker(ctx context.Context) webhook.Caller {
	by := caller(ctx)
	return webhook.Caller{Actor: by.Actor, RequestID: by.RequestID}
}

// hooker is who asks, for a change that may be asked for again.
func (in Repeatable) hooker(ctx context.Context, route, object string, body any) webhook.Caller {
	by := hooker(ctx)
	by.Idempotency = in.once(route, object, body)
	return by
}

func (in Identified) webhook() (uid.ID, error) {
	id, err := uid.Parse(uid.Webhook, in.ID)
	if err != nil {
		return id, errNoWebhook
	}
	return id, nil
}

type webhookInput struct {
	Identified
}

// webhookPost is a POST to one webhook that may be repeated.
type webhookPost struct {
	Identified
	Repeatable
}

type webhookOutput struct {
	Body Webhook
}

type createWebhookInput struct {
	Repeatable
	Body struct {
		URL         string   `json:"url" minLength:"1" maxLength:"2048" doc:"https. Where events are posted"`
		Description string   `json:"description,omitempty" maxLength:"200"`
		Events      []string `json:"events,omitempty" maxItems:"50" uniqueItems:"true" doc:"Types, or families as verification.*; none: all"`
		Dialect     string   `json:"dialect,omitempty" enum:"idenfy" doc:"Events in the form of this vendor, whose words events are then. Needs the scope recipients:reveal as well"`
	}
}

// revealing is the dialect whose events may hold recipients in full: where they go is for keys to say that may see them.
const revealing = "idenfy"

var errHookReveal = fault.New(fault.Denied, "scope_missing",
	"Events of this dialect may hold recipients in full. Use a key with the scope recipients:reveal.")

func (a *api) createWebhook(ctx context.Context, in *createWebhookInput) (*webhookOutput, error) {
	if in.Body.Dialect == revealing && !mayReveal(ctx) {
		return nil, errHookReveal
	}
	e, secret, err := a.Webhooks.Create(ctx, in.hooker(ctx, "POST /v1/webhooks", "", &in.Body), webhook.Endpoint{
		Tenant: web.Principal(ctx).Tenant, URL: in.Body.URL, Description: in.Body.Description, Events: in.Body.Events, Dialect: in.Body.Dialect,
	})
	if err != nil {
		return nil, err
	}
	return &webhookOutput{Body: webhookBody(e, secret)}, nil
}

// WebhookList is all webhooks of a tenant.
type WebhookList struct {
	_ struct{} `additionalProperties:"true"`

	Data []Webhook `json:"data" nullable:"false"`
	Next *string   `json:"next" doc:"Always null: there are few"`
}

type webhookListOutput struct {
	Body WebhookList
}

func (a *api) listWebhooks(ctx context.Context, _ *struct{}) (*webhookListOutput, error) {
	list, err := a.Webhooks.Endpoints(ctx, web.Principal(ctx).Tenant)
	if err != nil {
		return nil, err
	}
	out := &webhookListOutput{Body: WebhookList{Data: make([]Webhook, len(list))}}
	for i, e := range list {
		out.Body.Data[i] = webhookBody(e, "")
	}
	return out, nil
}

func (a *api) getWebhook(ctx context.Context, in *webhookInput) (*webhookOutput, error) {
	id, err := in.webhook()
	if err != nil {
		return nil, err
	}
	e, err := a.Webhooks.Endpoint(ctx, web.Principal(ctx).Tenant, id)
	if err != nil {
		return nil, err
	}
	return &webhookOutput{Body: webhookBody(e, "")}, nil
}

type updateWebhookInput struct {
	Identified
	Body struct {
		URL         *string   `json:"url,omitempty" minLength:"1" maxLength:"2048"`
		Description *string   `json:"description,omitempty" maxLength:"200"`
		Events      *[]string `json:"events,omitempty" maxItems:"50" uniqueItems:"true" doc:"Empty: all"`
		Enabled     *bool     `json:"enabled,omitempty" doc:"What happens while it is off is not sent later"`
	}
}

func (a *api) updateWebhook(ctx context.Context, in *updateWebhookInput) (*webhookOutput, error) {
	id, err := in.webhook()
	if err != nil {
		return nil, err
	}
	if in.Body.URL != nil && !mayReveal(ctx) {
		was, err := a.Webhooks.Endpoint(ctx, web.Principal(ctx).Tenant, id)
		if err == nil && was.Dialect == revealing {
			err = errHookReveal
		}
		if err != nil {
			return nil, err
		}
	}
	e, err := a.Webhooks.Update(ctx, hooker(ctx), web.Principal(ctx).Tenant, id, func(e *webhook.Endpoint) {
		set(&e.URL, in.Body.URL)
		set(&e.Description, in.Body.Description)
		set(&e.Events, in.Body.Events)
		set(&e.Enabled, in.Body.Enabled)
	})
	if err != nil {
		return nil, err
	}
	return &webhookOutput{Body: webhookBody(e, "")}, nil
}

func (a *api) deleteWebhook(ctx context.Context, in *webhookInput) (*struct{}, error) {
	id, err := in.webhook()
	if err != nil {
		return nil, err
	}
	return nil, a.Webhooks.Delete(ctx, hooker(ctx), web.Principal(ctx).Tenant, id)
}

func (a *api) rotateWebhook(ctx context.Context, in *webhookPost) (*webhookOutput, error) {
	id, err := in.webhook()
	if err != nil {
		return nil, err
	}
	e, secret, err := a.Webhooks.Rotate(ctx, in.hooker(ctx, "POST /v1/webhooks/{id}/rotate-secret", in.ID, nil), web.Principal(ctx).Tenant, id)
	if err != nil {
		return nil, err
	}
	return &webhookOutput{Body: webhookBody(e, secret)}, nil
}

type webhookDeliveryOutput struct {
	Body WebhookDelivery
}

func (a *api) testWebhook(ctx context.Context, in *webhookPost) (*webhookDeliveryOutput, error) {
	id, err := in.webhook()
	if err != nil {
		return nil, err
	}
	d, err := a.Webhooks.Test(ctx, in.hooker(ctx, "POST /v1/webhooks/{id}/test", in.ID, nil), web.Principal(ctx).Tenant, id)
	if err != nil {
		return nil, err
	}
	return &webhookDeliveryOutput{Body: webhookDelivery(d)}, nil
}

type webhookDeliveriesInput struct {
	Identified
	Page
	State string `query:"state" enum:"pending,delivered,dead" doc:"dead: those that were given up"`
}

// WebhookDeliveryList is a page of deliveries.
type WebhookDeliveryList struct {
	_ struct{} `additionalProperties:"true"`

	Data []WebhookDelivery `json:"data" nullable:"false"`
	Next *string           `json:"next" doc:"Cursor of the next page, null at the end. A page may be short before that"`
}

type webhookDeliveriesOutput struct {
	Body WebhookDeliveryList
}

func (a *api) webhookDeliveries(ctx context.Context, in *webhookDeliveriesInput) (*webhookDeliveriesOutput, error) {
	id, err := in.webhook()
	if err != nil {
		return nil, err
	}
	before, err := parseCursor(in.Cursor)
	if err != nil {
		return nil, err
	}
	page, more, err := a.Webhooks.Deliveries(ctx, web.Principal(ctx).Tenant, webhook.DeliveryFilter{
		Endpoint: id, State: webhook.State(in.State), Page: uid.Page{Before: before, Limit: in.Limit},
	})
	if err != nil {
		return nil, err
	}
	out := &webhookDeliveriesOutput{Body: WebhookDeliveryList{Data: make([]WebhookDelivery, len(page)), Next: cursor(more)}}
	for i, d := range page {
		out.Body.Data[i] = webhookDelivery(d)
	}
	return out, nil
}

type replayWebhookInput struct {
	OneSent
	Repeatable
}

func (a *api) replayWebhook(ctx context.Context, in *replayWebhookInput) (*webhookDeliveryOutput, error) {
	id, of, err := in.sent()
	if err != nil {
		return nil, err
	}
	d, err := a.Webhooks.Replay(ctx, in.hooker(ctx, "POST /v1/webhooks/{id}/deliveries/{delivery}/replay", in.ID+" "+in.Delivery, nil), web.Principal(ctx).Tenant, id, of)
	if err != nil {
		return nil, err
	}
	return &webhookDeliveryOutput{Body: webhookDelivery(d)}, nil
}
