package console

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// Hooks is what the pages ask of webhook.Service.
type Hooks interface {
	Create(ctx context.Context, by webhook.Caller, e webhook.Endpoint) (webhook.Endpoint, signing.Secret, error)
	Endpoint(ctx context.Context, t uid.Tenant, id uid.ID) (webhook.Endpoint, error)
	Endpoints(ctx context.Context, t uid.Tenant) ([]webhook.Endpoint, error)
	Revise(ctx context.Context, by webhook.Caller, t uid.Tenant, id uid.ID, seen int64, change func(*webhook.Endpoint)) (webhook.Endpoint, error)
	Delete(ctx context.Context, by webhook.Caller, t uid.Tenant, id uid.ID) error
	Rotate(ctx context.Context, by webhook.Caller, t uid.Tenant, id uid.ID) (webhook.Endpoint, signing.Secret, error)
	Test(ctx context.Context, by webhook.Caller, t uid.Tenant, id uid.ID) (webhook.Delivery, error)
	Replay(ctx context.Context, by webhook.Caller, t uid.Tenant, endpoint, id uid.ID) (webhook.Delivery, error)
	Deliveries(ctx context.Context, t uid.Tenant, f webhook.DeliveryFilter) (page []webhook.Delivery, more uid.ID, err error)
}

const (
	pathHooks = Prefix + "/webhooks"
	mostRows  = 50 // of a page of a list
)

func (s *Site) hookRoutes() []route {
	one := pathHooks + "/{id}"
	return []route{
		{"GET " + pathHooks, AtWebhooks, operator.SeeWebhooks, s.hooks},
		{"GET " + pathHooks + "/new", AtWebhooks, operator.ChangeWebhooks, s.newHook},
		{"POST " + pathHooks + "/new", AtWebhooks, operator.ChangeWebhooks, s.makeHook},
		{"GET " + one, AtWebhooks, operator.SeeWebhooks, s.hook},
		{"GET " + one + "/edit", AtWebhooks, operator.ChangeWebhooks, s.editHook},
		{"POST " + one + "/edit", AtWebhooks, operator.ChangeWebhooks, s.changeHook},
		{"GET " + one + "/secret", AtWebhooks, operator.ChangeWebhooks, s.askRotateHook},
		{"POST " + one + "/secret", AtWebhooks, operator.ChangeWebhooks, s.rotateHook},
		{"POST " + one + "/test", AtWebhooks, operator.ChangeWebhooks, s.testHook},
		{"GET " + one + "/delete", AtWebhooks, operator.ChangeWebhooks, s.askDeleteHook},
		{"POST " + one + "/delete", AtWebhooks, operator.ChangeWebhooks, s.deleteHook},
		{"GET " + one + "/deliveries/{delivery}", AtWebhooks, operator.SeeWebhooks, s.sent},
		{"POST " + one + "/deliveries/{delivery}/replay", AtWebhooks, operator.ChangeWebhooks, s.replay},
	}
}

func hookURL(id uid.ID) string { return pathHooks + "/" + id.Text(uid.Webhook) }

func sentURL(endpoint, id uid.ID) string {
	return hookURL(endpoint) + "/deliveries/" + id.Text(uid.WebhookSent)
}

func (s *Site) hooks(v *visit) (View, error) {
	list, err := s.Hooks.Endpoints(v.ctx(), v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	view := &Webhooks{Frame: v.frame(), May: v.May(operator.ChangeWebhooks)}
	for _, e := range list { // few: a tenant has twenty at most
		last, _, err := s.Hooks.Deliveries(v.ctx(), v.Operator.Tenant, webhook.DeliveryFilter{Endpoint: e.ID, Limit: 1})
		if err != nil {
			return nil, err
		}
		row := EndpointRow{URL: hookURL(e.ID), Target: e.URL, Description: e.Description, ID: e.ID.Text(uid.Webhook), State: hookState(e, last), Events: e.Events}
		if len(last) > 0 {
			row.LastAt, row.LastState = last[0].UpdatedAt, string(last[0].State)
		}
		view.Rows = append(view.Rows, row)
	}
	return view, nil
}

// hookState says how an endpoint is, by its last delivery: it fails while that was tried and not taken.
func hookState(e webhook.Endpoint, last []webhook.Delivery) string {
	switch {
	case !e.Enabled:
		return "disabled"
	case len(last) > 0 && last[0].State != webhook.Delivered && last[0].Tries > 0:
		return "failing"
	}
	return "enabled"
}

// ownHook reads the endpoint of the path.
func (v *visit) ownHook() (webhook.Endpoint, error) {
	id, err := v.id(uid.Webhook, "id")
	if err != nil {
		return webhook.Endpoint{}, err
	}
	return v.site.Hooks.Endpoint(v.ctx(), v.Operator.Tenant, id)
}

func (s *Site) hook(v *visit) (View, error) {
	e, err := v.ownHook()
	if err != nil {
		return nil, err
	}
	return s.hookPage(v, e)
}

// hookPage is an endpoint with its log.
func (s *Site) hookPage(v *visit, e webhook.Endpoint, problems ...Problem) (View, error) {
	view := v.endpoint(e, problems...)
	f := webhook.DeliveryFilter{Endpoint: e.ID, Limit: mostRows, State: webhook.State(v.r.URL.Query().Get(QueryState))}
	if !slices.Contains(hookStates, string(f.State)) {
		f.State = ""
	}
	if before := v.r.URL.Query().Get(queryBefore); before != "" {
		var err error
		if f.Before, err = uid.Parse(uid.WebhookSent, before); err != nil {
			return nil, errNothing
		}
	}
	page, more, err := s.Hooks.Deliveries(v.ctx(), v.Operator.Tenant, f)
	if err != nil {
		return nil, err
	}
	for _, d := range page {
		view.Rows = append(view.Rows, HookRow{
			URL: sentURL(e.ID, d.ID), At: d.UpdatedAt, Type: d.Type, State: string(d.State), Status: d.Status, Tries: d.Tries, Took: took(d.Latency),
		})
	}
	if f.Before.IsZero() && f.State == "" {
		view.State = hookState(e, page)
	}
	here := with(hookURL(e.ID), QueryState, string(f.State))
	view.HookState = string(f.State)
	if !f.Before.IsZero() {
		view.Pager.NewerURL = here // to the newest: the list is read one way only
	}
	if !more.IsZero() {
		view.Pager.OlderURL = with(here, queryBefore, more.Text(uid.WebhookSent))
	}
	return view, nil
}

// endpoint is the window of one without its log.
func (v *visit) endpoint(e webhook.Endpoint, problems ...Problem) *Endpoint {
	view := &Endpoint{
		Frame: v.frame(problems...), ID: e.ID.Text(uid.Webhook), Target: e.URL, Description: e.Description, State: hookState(e, nil),
		Off: e.Off, Events: e.Events, URL: hookURL(e.ID),
	}
	if e.PreviousUntil.After(v.site.Now()) {
		view.PreviousUntil = e.PreviousUntil
	}
	if v.May(operator.ChangeWebhooks) {
		view.EditURL, view.Remove, view.RollURL = hookURL(e.ID)+"/edit", hookURL(e.ID)+"/delete", hookURL(e.ID)+"/secret"
		if e.Enabled {
			view.Test = v.form(hookURL(e.ID) + "/test").once()
		}
	}
	return view
}

// took is how long something took, as people read it.
func took(d time.Duration) string {
	switch {
	case d <= 0:
		return ""
	case d < time.Second:
		return strconv.FormatInt(d.Milliseconds(), 10) + " ms"
	}
	return strconv.FormatFloat(d.Seconds(), 'f', 1, 64) + " s"
}

func (s *Site) askRotateHook(v *visit) (View, error) {
	e, err := v.ownHook()
	if err != nil {
		return nil, err
	}
	return &Confirm{Frame: v.frame(), What: "roll_secret", Object: e.URL, Act: v.form(hookURL(e.ID) + "/secret").once(), Mild: true, BackURL: hookURL(e.ID)}, nil
}

func (s *Site) rotateHook(v *visit) (View, error) {
	e, err := v.ownHook()
	if err != nil {
		return nil, err
	}
	e, secret, err := s.Hooks.Rotate(v.ctx(), v.hooksCaller("rotate"), v.Operator.Tenant, e.ID)
	if err != nil {
		return nil, err
	}
	return s.shownSecret(v, e, secret)
}

func (s *Site) testHook(v *visit) (View, error) {
	e, err := v.ownHook()
	if err != nil {
		return nil, err
	}
	_, err = s.Hooks.Test(v.ctx(), v.hooksCaller("test"), v.Operator.Tenant, e.ID)
	return s.sentOrWrong(v, e, err, Flash{Said: "test_sent"})
}

// sentOrWrong leads back to the endpoint, or shows it with what was wrong.
func (s *Site) sentOrWrong(v *visit, e webhook.Endpoint, err error, said Flash) (View, error) {
	if err == nil {
		return v.leave(hookURL(e.ID), said)
	}
	problems, err := wrong(err, nil)
	if err != nil {
		return nil, err
	}
	return s.hookPage(v, e, problems...)
}

func (s *Site) askDeleteHook(v *visit) (View, error) {
	e, err := v.ownHook()
	if err != nil {
		return nil, err
	}
	return &Confirm{Frame: v.frame(), What: "delete_endpoint", Object: e.URL, Act: v.form(hookURL(e.ID) + "/delete"), BackURL: hookURL(e.ID)}, nil
}

func (s *Site) deleteHook(v *visit) (View, error) {
	e, err := v.ownHook()
	if err != nil {
		return nil, err
	}
	if err := s.Hooks.Delete(v.ctx(), v.caller().Webhooks(), v.Operator.Tenant, e.ID); err != nil {
		return nil, err
	}
	return v.leave(pathHooks, Flash{Said: "endpoint_deleted"})
}

// ownSent reads the delivery of the path.
func (v *visit) ownSent() (e webhook.Endpoint, d webhook.Delivery, err error) {
	if e, err = v.ownHook(); err != nil {
		return e, d, err
	}
	id, err := v.id(uid.WebhookSent, "delivery")
	if err != nil {
		return e, d, err
	}
	page, _, err := v.site.Hooks.Deliveries(v.ctx(), v.Operator.Tenant, webhook.DeliveryFilter{Endpoint: e.ID, Before: id.Next(), Limit: 1})
	if err != nil {
		return e, d, err
	}
	if len(page) == 0 || page[0].ID != id {
		return e, d, errNothing
	}
	return e, page[0], nil
}

func (s *Site) sent(v *visit) (View, error) {
	e, d, err := v.ownSent()
	if err != nil {
		return nil, err
	}
	view := &Hook{
		Frame: v.frame(), ID: d.ID.Text(uid.WebhookSent), Type: d.Type, EventID: d.Event.Text(uid.Event), State: string(d.State),
		Target: e.URL, BackURL: hookURL(e.ID), Tries: d.Tries, NextAt: d.Due,
	}
	if d.Tries > 0 {
		view.Last = &HookTry{At: d.UpdatedAt, Status: d.Status, Error: d.Error, Took: took(d.Latency), Answer: d.Answer}
	}
	if v.May(operator.ChangeWebhooks) && e.Enabled {
		view.Replay = v.form(sentURL(e.ID, d.ID) + "/replay").once()
	}
	return view, nil
}

func (s *Site) replay(v *visit) (View, error) {
	e, d, err := v.ownSent()
	if err != nil {
		return nil, err
	}
	_, err = s.Hooks.Replay(v.ctx(), v.hooksCaller("replay"), v.Operator.Tenant, e.ID, d.ID)
	return s.sentOrWrong(v, e, err, Flash{Said: "replayed"})
}

// staleHook shows what is there beside what was sent.
func (s *Site) staleHook(v *visit, id uid.ID) (View, error) {
	e, err := s.Hooks.Endpoint(v.ctx(), v.Operator.Tenant, id)
	if err != nil {
		return nil, err
	}
	view := v.stale(hookURL(id)+"/edit", e.Version, e.UpdatedAt)
	view.differ("endpoint_url", e.URL, v.value(FieldURL))
	view.differ("description", e.Description, v.value(FieldAbout))
	view.differ("enabled", yes(e.Enabled), yes(v.ticked(FieldEnabled)))
	view.differ("events", strings.Join(e.Events, ", "), strings.Join(v.r.PostForm[FieldEvents], ", "))
	return view, nil
}

// isStale reports whether a change came too late.
func isStale(err error) bool { return fault.As(err).Code == webhook.CodeStale }
