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
	Show(ctx context.Context, t uid.Tenant, endpoint, id uid.ID) (webhook.Shown, error)
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
		last, _, err := s.Hooks.Deliveries(v.ctx(), v.Operator.Tenant, webhook.DeliveryFilter{Endpoint: e.ID, Page: uid.Page{Limit: 1}})
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
	f := webhook.DeliveryFilter{Endpoint: e.ID, State: webhook.State(v.r.URL.Query().Get(QueryState))}
	if !slices.Contains(hookStates, string(f.State)) {
		f.State = ""
	}
	var err error
	if f.Page, err = v.place(mostRows); err != nil {
		return nil, err
	}
	page, more, err := s.Hooks.Deliveries(v.ctx(), v.Operator.Tenant, f)
	if err != nil {
		return nil, err
	}
	var first bool
	if view.Pager, first = v.turned(with(hookURL(e.ID), QueryState, string(f.State)), f.Page, more, false); first {
		return nil, nil
	}
	for _, d := range page {
		view.Rows = append(view.Rows, HookRow{
			URL: sentURL(e.ID, d.ID), At: d.UpdatedAt, Type: d.Type, State: string(d.State), Status: d.Status, Tries: d.Tries, Took: took(d.Latency),
		})
	}
	if f.Before.IsZero() && !f.Up() && f.State == "" {
		view.State = hookState(e, page)
	}
	view.HookState = string(f.State)
	if len(problems) == 0 { // the answer to a form can't be fetched anew
		view.Live, view.Soon = pathLive, soon(page, s.Now())
	}
	return view, nil
}

// soon is in how many seconds deliveries are worth another look: when the next try of one should be over. A try is no event, so no stream
// tells of it. 0: none waits.
func soon(page []webhook.Delivery, now time.Time) (seconds int) {
	const least, most = 2, 60
	for i := range page {
		if d := &page[i]; d.State == webhook.Pending {
			in := min(max(int(d.Due.Sub(now).Seconds())+1, least), most)
			if seconds == 0 || in < seconds {
				seconds = in
			}
		}
	}
	return seconds
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
