package mta

import (
	"context"
	"net/http"
	"regexp"
	"slices"
	"strings"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/recipient"
	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// Webhooks is what the door asks of webhook.Service, which says what each method answers. Those of other doors and of the
// native API are not there for it.
type Webhooks interface {
	Create(ctx context.Context, by webhook.Caller, draft webhook.Endpoint) (webhook.Endpoint, signing.Secret, error)
	Endpoint(ctx context.Context, t uid.Tenant, id uid.ID) (webhook.Endpoint, error)
	Endpoints(ctx context.Context, t uid.Tenant) ([]webhook.Endpoint, error)
	Update(ctx context.Context, by webhook.Caller, t uid.Tenant, id uid.ID, change func(*webhook.Endpoint)) (webhook.Endpoint, error)
	Delete(ctx context.Context, by webhook.Caller, t uid.Tenant, id uid.ID) error
	Hint(e webhook.Endpoint) (string, error)
}

// Where an endpoint keeps what is the vendor's alone.
const (
	setAlertEmail = "alert_email"
	setSendAlert  = "send_alert_email"
	setSkipErrors = "skip_errors"
	setSkipCodes  = "skip_error_codes" // with commas between
)

// maxSkipCodes is how many skipErrorCodes are kept.
const maxSkipCodes = 50

var (
	errNoHook    = fault.New(fault.NotFound, "webhook_not_found", "There is no such webhook.")
	errHookEvent = fault.New(fault.Invalid, "event_invalid",
		"Use delivery-status, message-send, message-reply, number-opt-in, verification-status or verification-risk.").On("event")
	errHookURL    = fault.New(fault.Malformed, "url_missing", "Give the https URL that events are posted to.").On("url")
	errHookSecret = fault.New(fault.Malformed, "secret_missing", "Give the secret that signs, as 128 random hex digits.").On("secret")
	errAlertEmail = fault.New(fault.Invalid, "alert_email_invalid", "Give an e-mail address.").On("alertEmail")
	errSkipCodes  = fault.New(fault.Invalid, "skip_error_codes_invalid", "Give at most 50 statuses of three digits, as strings.").On("skipErrorCodes")
)

var statusCode = regexp.MustCompile(`^[1-5][0-9]{2}$`)

// hookBody is what is set of a webhook. What is left out stays as it is, or is empty and false in a new one.
type hookBody struct {
	Event          *string   `json:"event"`
	URL            *string   `json:"url"`
	Secret         *string   `json:"secret"`
	AlertEmail     *string   `json:"alertEmail"`
	SendAlertEmail *bool     `json:"sendAlertEmail"`
	SkipErrors     *bool     `json:"skipErrors"`
	SkipErrorCodes *[]string `json:"skipErrorCodes"`
	RetryOnError   *bool     `json:"retryOnError"`
}

// check says what can't be taken; the rest is for the service to judge.
func (b *hookBody) check(rules recipient.Rules) error {
	if b.Event != nil {
		if _, known := told[*b.Event]; !known {
			return errHookEvent
		}
	}
	if b.Secret != nil && *b.Secret == "" { // it would stay as it is
		return errHookSecret
	}
	if b.AlertEmail != nil && *b.AlertEmail != "" {
		if to, err := recipient.Parse(*b.AlertEmail, rules); err != nil || to.Kind != recipient.Email {
			return errAlertEmail
		}
	}
	if b.SkipErrorCodes != nil && (len(*b.SkipErrorCodes) > maxSkipCodes ||
		slices.ContainsFunc(*b.SkipErrorCodes, func(c string) bool { return !statusCode.MatchString(c) })) {
		return errSkipCodes
	}
	return nil
}

// apply sets on e what b sets.
func (b *hookBody) apply(e *webhook.Endpoint) {
	if e.Settings == nil {
		e.Settings = map[string]string{}
	}
	keep := func(key, value string) {
		if e.Settings[key] = value; value == "" {
			delete(e.Settings, key)
		}
	}
	flag := func(key string, on *bool) {
		switch {
		case on != nil && *on:
			keep(key, "true")
		case on != nil:
			keep(key, "")
		}
	}
	if b.Event != nil {
		e.Events = []string{*b.Event}
	}
	if b.URL != nil {
		e.URL = *b.URL
	}
	if b.Secret != nil {
		e.Own = signing.Secret(*b.Secret)
	}
	if b.AlertEmail != nil {
		keep(setAlertEmail, *b.AlertEmail)
	}
	flag(setSendAlert, b.SendAlertEmail)
	flag(setSkipErrors, b.SkipErrors)
	if b.SkipErrorCodes != nil {
		keep(setSkipCodes, strings.Join(*b.SkipErrorCodes, ","))
	}
	if b.RetryOnError != nil {
		e.Once = !*b.RetryOnError
	}
}

// hook is a webhook as it is shown. Of the secret there are the last four characters (MTA-45).
type hook struct {
	ID             string   `json:"id"`
	Event          string   `json:"event"`
	URL            string   `json:"url"`
	Secret         string   `json:"secret"`
	AlertEmail     *string  `json:"alertEmail"`
	SendAlertEmail bool     `json:"sendAlertEmail"`
	SkipErrors     bool     `json:"skipErrors"`
	SkipErrorCodes []string `json:"skipErrorCodes"`
	RetryOnError   bool     `json:"retryOnError"`
	Enabled        bool     `json:"enabled"` // ours: the native API can switch it off
	CreatedAt      *string  `json:"createdAt"`
	UpdatedAt      *string  `json:"updatedAt"`
	Warnings       []string `json:"warnings,omitempty"`
}

func (d *Door) hook(e webhook.Endpoint) (hook, error) {
	hint, err := d.cfg.Webhooks.Hint(e)
	if err != nil {
		return hook{}, err
	}
	out := hook{
		ID: e.ID.UUID(), URL: e.URL, Secret: "****" + hint, SendAlertEmail: e.Settings[setSendAlert] != "",
		SkipErrors: e.Settings[setSkipErrors] != "", SkipErrorCodes: []string{}, RetryOnError: !e.Once, Enabled: e.Enabled,
		CreatedAt: stamp(e.CreatedAt), UpdatedAt: stamp(e.UpdatedAt),
	}
	if len(e.Events) == 1 {
		out.Event = e.Events[0]
	}
	if to := e.Settings[setAlertEmail]; to != "" {
		out.AlertEmail = &to
	}
	if codes := e.Settings[setSkipCodes]; codes != "" {
		out.SkipErrorCodes = strings.Split(codes, ",")
	}
	if out.SendAlertEmail {
		out.Warnings = append(out.Warnings, "no alert is sent by e-mail: watch the list of deliveries")
	}
	if out.Event != "" && len(told[out.Event]) == 0 {
		out.Warnings = append(out.Warnings, "nothing here makes events "+out.Event+" yet")
	}
	return out, nil
}

// show answers with e.
func (d *Door) show(w http.ResponseWriter, e webhook.Endpoint) error {
	out, err := d.hook(e)
	if err != nil {
		return err
	}
	return answer(w, enveloped(out))
}

// hooker is who asks, for changes of webhooks.
func hooker(ctx context.Context) webhook.Caller {
	by := caller(ctx)
	return webhook.Caller{Actor: by.Actor, RequestID: by.RequestID}
}

// named finds the webhook of this door that the path of r names.
func (d *Door) named(r *http.Request) (webhook.Endpoint, error) {
	id, err := uid.ParseUUID(r.PathValue("webhookId"))
	if err != nil || id.IsZero() {
		return webhook.Endpoint{}, errNoHook
	}
	e, err := d.cfg.Webhooks.Endpoint(r.Context(), caller(r.Context()).Tenant, id)
	if err == nil && e.Dialect != dialectName {
		err = errNoHook
	}
	return e, err
}

// createHook answers POST /v3/webhooks.
func (d *Door) createHook(w http.ResponseWriter, r *http.Request) error {
	var b hookBody
	if err := decode(r, &b); err != nil {
		return err
	}
	if err := b.check(d.cfg.Rules); err != nil {
		return err
	}
	switch {
	case b.Event == nil:
		return errHookEvent
	case b.URL == nil:
		return errHookURL
	case b.Secret == nil:
		return errHookSecret
	}
	draft := webhook.Endpoint{Tenant: caller(r.Context()).Tenant, Dialect: dialectName, Once: true}
	b.apply(&draft)
	e, _, err := d.cfg.Webhooks.Create(r.Context(), hooker(r.Context()), draft)
	if err != nil {
		return err
	}
	return d.show(w, e)
}

// listHooks answers GET /v3/webhooks: all of them, for there are few.
func (d *Door) listHooks(w http.ResponseWriter, r *http.Request) error {
	all, err := d.cfg.Webhooks.Endpoints(r.Context(), caller(r.Context()).Tenant)
	if err != nil {
		return err
	}
	rows := []hook{}
	for _, e := range all {
		if e.Dialect != dialectName {
			continue
		}
		one, err := d.hook(e)
		if err != nil {
			return err
		}
		rows = append(rows, one)
	}
	total := len(rows)
	return answer(w, enveloped(listed[hook]{Rows: rows, Page: 1, PageSize: max(total, defaultSize), Total: &total}))
}

// updateHook answers PATCH /v3/webhooks/{webhookId}.
func (d *Door) updateHook(w http.ResponseWriter, r *http.Request) error {
	e, err := d.named(r)
	if err != nil {
		return err
	}
	var b hookBody
	if err := decode(r, &b); err != nil {
		return err
	}
	if err := b.check(d.cfg.Rules); err != nil {
		return err
	}
	e, err = d.cfg.Webhooks.Update(r.Context(), hooker(r.Context()), e.Tenant, e.ID, b.apply)
	if err != nil {
		return err
	}
	return d.show(w, e)
}

// deleteHook answers DELETE /v3/webhooks/{webhookId}.
func (d *Door) deleteHook(w http.ResponseWriter, r *http.Request) error {
	e, err := d.named(r)
	if err != nil {
		return err
	}
	if err := d.cfg.Webhooks.Delete(r.Context(), hooker(r.Context()), e.Tenant, e.ID); err != nil {
		return err
	}
	return answer(w, enveloped(struct {
		ID string `json:"id"`
	}{e.ID.UUID()}))
}
