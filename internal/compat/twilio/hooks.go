package twilio

import (
	"context"
	"net/http"
	"net/url"
	"slices"

	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
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
}

const (
	dialectName = "twilio"
	setVersion  = "version" // v1 or v2, given back
	allEvents   = "*"
	maxHookName = 64 // characters
)

// hookEvents are Twilio's. They are called as ours are; nothing here denies a challenge, so the last one never comes.
var hookEvents = []string{"factor.created", "factor.verified", "factor.deleted", "challenge.approved", "challenge.denied"}

// ofHook are the parameters that the fields of a webhook come from.
var ofHook = map[string]string{"url": "WebhookUrl", "description": "FriendlyName", "events": "EventTypes"}

// Dialect is how webhooks of this door get events: Twilio's choice of them, in the native form. Twilio's own form is not
// known, and its signature needs the auth token, of which there is only a hash here.
func Dialect() webhook.Dialect {
	d := webhook.Native()
	d.Name = dialectName
	d.Knows = func(word string) bool { return word == allEvents || slices.Contains(hookEvents, word) }
	d.Wants = func(words []string, kind string) bool {
		return slices.Contains(hookEvents, kind) && (slices.Contains(words, allEvents) || slices.Contains(words, kind))
	}
	return d
}

// hookChanges reads what a form sets of a webhook. What is left out stays as it is.
func hookChanges(form url.Values) (changes []func(*webhook.Endpoint), err error) {
	set := func(parameter string, good bool, hint string, change func(e *webhook.Endpoint)) {
		switch {
		case !form.Has(parameter) || err != nil:
		case !good:
			err = invalid(parameter, hint)
		default:
			changes = append(changes, change)
		}
	}
	name, status, version, events := form.Get("FriendlyName"), form.Get("Status"), form.Get("Version"), form["EventTypes"]
	set("FriendlyName", name != "" && isText(name, maxHookName), "Give a name of 1 to 64 characters.",
		func(e *webhook.Endpoint) { e.Description = name })
	set("EventTypes", len(events) <= len(hookEvents)+1 && !slices.ContainsFunc(events, func(w string) bool { return !Dialect().Knows(w) }),
		"Use *, or factor.created, factor.verified, factor.deleted, challenge.approved and challenge.denied.",
		func(e *webhook.Endpoint) { e.Events = events })
	set("WebhookUrl", true, "", func(e *webhook.Endpoint) { e.URL = form.Get("WebhookUrl") })
	set("Status", status == "enabled" || status == "disabled", "Use enabled or disabled.", func(e *webhook.Endpoint) {
		if e.Enabled = status == "enabled"; !e.Enabled {
			e.Off = webhook.OffByOwner
		}
	})
	set("Version", version == "v1" || version == "v2", "Use v1 or v2.", func(e *webhook.Endpoint) {
		e.Settings = map[string]string{setVersion: version}
	})
	return changes, err
}

// hooker is who asks, for changes of webhooks.
func hooker(ctx context.Context) webhook.Caller {
	by := caller(ctx)
	return webhook.Caller{Actor: by.Actor, RequestID: by.RequestID}
}

// isHook reports whether e is a webhook of the service, made here.
func isHook(e webhook.Endpoint, s tenant.Service) bool {
	return e.Dialect == dialectName && e.Service == s.ID
}

// hook finds the webhook that the path of r names.
func (d *door) hook(r *http.Request) (webhook.Endpoint, error) {
	s, err := d.service(r)
	if err != nil {
		return webhook.Endpoint{}, err
	}
	id, ok := parseSID(sidWebhook, r.PathValue("webhook"))
	if !ok {
		return webhook.Endpoint{}, errGone
	}
	e, err := d.Webhooks.Endpoint(r.Context(), s.Tenant, id)
	if err == nil && !isHook(e, s) {
		err = errGone
	}
	return e, err
}

// createHook makes a webhook. Its secret is not in the answer, for Twilio's has none: the native API gives a new one.
func (d *door) createHook(w http.ResponseWriter, r *http.Request) error {
	s, err := d.service(r)
	if err != nil {
		return err
	}
	form, err := readForm(r)
	if err != nil {
		return err
	}
	for _, p := range []string{"FriendlyName", "EventTypes", "WebhookUrl"} {
		if form.Get(p) == "" {
			return missing(p)
		}
	}
	changes, err := hookChanges(form)
	if err != nil {
		return err
	}
	draft := webhook.Endpoint{Tenant: s.Tenant, Dialect: dialectName, Service: s.ID, Settings: map[string]string{setVersion: "v2"}}
	for _, change := range changes {
		change(&draft)
	}
	e, _, err := d.Webhooks.Create(r.Context(), hooker(r.Context()), draft)
	if err != nil {
		return byParameter(err, ofHook)
	}
	reply(w, http.StatusCreated, d.hookBody(r, e))
	return nil
}

func (d *door) fetchHook(w http.ResponseWriter, r *http.Request) error {
	e, err := d.hook(r)
	if err != nil {
		return err
	}
	reply(w, http.StatusOK, d.hookBody(r, e))
	return nil
}

func (d *door) updateHook(w http.ResponseWriter, r *http.Request) error {
	e, err := d.hook(r)
	if err != nil {
		return err
	}
	form, err := readForm(r)
	if err != nil {
		return err
	}
	changes, err := hookChanges(form)
	if err != nil {
		return err
	}
	if len(changes) > 0 {
		e, err = d.Webhooks.Update(r.Context(), hooker(r.Context()), e.Tenant, e.ID, func(e *webhook.Endpoint) {
			for _, change := range changes {
				change(e)
			}
		})
	}
	if err != nil {
		return byParameter(err, ofHook)
	}
	reply(w, http.StatusOK, d.hookBody(r, e))
	return nil
}

func (d *door) deleteHook(w http.ResponseWriter, r *http.Request) error {
	e, err := d.hook(r)
	if err != nil {
		return err
	}
	if err := d.Webhooks.Delete(r.Context(), hooker(r.Context()), e.Tenant, e.ID); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (d *door) listHooks(w http.ResponseWriter, r *http.Request) error {
	s, err := d.service(r)
	if err != nil {
		return err
	}
	all, err := d.Webhooks.Endpoints(r.Context(), web.Principal(r.Context()).Tenant)
	if err != nil {
		return err
	}
	all = slices.DeleteFunc(all, func(e webhook.Endpoint) bool { return !isHook(e, s) })
	id := func(e webhook.Endpoint) uid.ID { return e.ID }
	return listed(d, w, r, "webhooks", all, id, func(e webhook.Endpoint) hookBody { return d.hookBody(r, e) })
}

// hookBody is a webhook in answers.
type hookBody struct {
	SID          string   `json:"sid"`
	ServiceSID   string   `json:"service_sid"`
	AccountSID   string   `json:"account_sid"`
	FriendlyName string   `json:"friendly_name"`
	EventTypes   []string `json:"event_types"`
	Status       string   `json:"status"`
	Version      string   `json:"version"`
	URL          string   `json:"webhook_url"`
	Method       string   `json:"webhook_method"` // always POST
	DateCreated  string   `json:"date_created"`
	DateUpdated  string   `json:"date_updated"`
	At           string   `json:"url"`
}

func (d *door) hookBody(r *http.Request, e webhook.Endpoint) hookBody {
	service, own := sid(sidService, e.Service), sid(sidWebhook, e.ID)
	b := hookBody{
		SID: own, ServiceSID: service, AccountSID: account(r.Context()), FriendlyName: e.Description, EventTypes: e.Events,
		Status: "disabled", Version: e.Settings[setVersion], URL: e.URL, Method: http.MethodPost,
		DateCreated: stamp(e.CreatedAt), DateUpdated: stamp(e.UpdatedAt), At: d.url(r, Mount+"/v2/Services/"+service+"/Webhooks/"+own),
	}
	if e.Enabled {
		b.Status = "enabled"
	}
	return b
}
