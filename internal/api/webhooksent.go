package api

import (
	"context"

	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
	"github.com/countersign/countersign/internal/webhook"
)

// WebhookTry is one try of a delivery that is on record.
type WebhookTry struct {
	_ struct{} `additionalProperties:"true"`

	At        string `json:"at" format:"date-time" doc:"When it ended"`
	Status    int    `json:"status,omitempty" doc:"HTTP status of the answer; absent when none came"`
	Error     string `json:"error,omitempty" enum:"status,timeout,unreachable,address" doc:"Absent when it was taken"`
	LatencyMS int64  `json:"latency_ms"`
	Answer    string `json:"answer,omitempty" doc:"The first kilobyte of the answer"`
}

// WebhookRequest is what is posted, made anew as each try makes it.
type WebhookRequest struct {
	_ struct{} `additionalProperties:"true"`

	Method  string            `json:"method" example:"POST"`
	URL     string            `json:"url"`
	Headers map[string]string `json:"headers" doc:"Dated as the last try was. In place of the signature is [not shown]"`
	Body    string            `json:"body" doc:"Contacts are masked, also where they are posted in full"`
}

// WebhookDeliveryWhole is a delivery with each of its tries and its request.
type WebhookDeliveryWhole struct {
	WebhookDelivery

	Log          []WebhookTry    `json:"log" nullable:"false" doc:"The tries on record, oldest first"`
	Request      *WebhookRequest `json:"request,omitempty" doc:"What was posted is not kept: this is made anew from the event and from what is there now. For keys with the scope webhooks:write"`
	RequestLacks string          `json:"request_lacks,omitempty" enum:"event_gone,unmade" doc:"Why there is no request: the event is past its time; it can't be made, and nothing is posted as long as that is so"`
}

// OneSent names a delivery of a webhook.
type OneSent struct {
	Identified
	Delivery string `path:"delivery" doc:"Identifier of the delivery" example:"wdl_06c4zk9r2m8t7v5w3x1y0a2b4c"`
}

func (in OneSent) sent() (endpoint, id uid.ID, err error) {
	if endpoint, err = in.webhook(); err != nil {
		return endpoint, id, err
	}
	if id, err = uid.Parse(uid.WebhookSent, in.Delivery); err != nil {
		err = errNoSent
	}
	return endpoint, id, err
}

type webhookDeliveryWholeOutput struct {
	Body WebhookDeliveryWhole
}

// getWebhookDelivery shows the request to those alone who could have it posted to themselves.
func (a *api) getWebhookDelivery(ctx context.Context, in *OneSent) (*webhookDeliveryWholeOutput, error) {
	endpoint, id, err := in.sent()
	if err != nil {
		return nil, err
	}
	shown, err := a.Webhooks.Show(ctx, web.Principal(ctx).Tenant, endpoint, id)
	if err != nil {
		return nil, err
	}
	out := WebhookDeliveryWhole{WebhookDelivery: webhookDelivery(shown.Delivery), Log: []WebhookTry{}}
	for _, t := range shown.Delivery.Log() {
		out.Log = append(out.Log, WebhookTry{At: stamp(t.At), Status: t.Status, Error: t.Error, LatencyMS: t.Latency.Milliseconds(), Answer: t.Answer})
	}
	if allows(web.Principal(ctx), tenant.ScopeWebhooksWrite) {
		out.Request, out.RequestLacks = webhookRequest(shown.Request), shown.Lack
	}
	return &webhookDeliveryWholeOutput{Body: out}, nil
}

func webhookRequest(r *webhook.Request) *WebhookRequest {
	if r == nil {
		return nil
	}
	headers := make(map[string]string, len(r.Header))
	for _, h := range r.Header {
		headers[h.Name] = h.Value
	}
	return &WebhookRequest{Method: r.Method, URL: r.URL, Headers: headers, Body: string(r.Body)}
}
