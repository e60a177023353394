package console_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/console"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// bells are webhooks in memory. calls are the changes that they were asked for.
type bells struct {
	endpoints []webhook.Endpoint
	sent      []webhook.Delivery // newest first
	calls     []string
	filter    webhook.DeliveryFilter
	fresh     webhook.Endpoint
	by        webhook.Caller
	request   *webhook.Request
	lack      string
	err       error
	unread    error // of Show
}

const newSecret = signing.Secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")

func (b *bells) call(name string, by webhook.Caller) error {
	b.calls, b.by = append(b.calls, name), by
	return b.err
}

func (b *bells) Create(_ context.Context, by webhook.Caller, e webhook.Endpoint) (webhook.Endpoint, signing.Secret, error) {
	b.fresh = e
	e.ID, e.Enabled = uid.ID{9}, true
	if b.err == nil {
		b.endpoints = append(b.endpoints, e)
	}
	return e, newSecret, b.call("create", by)
}

func (b *bells) Endpoint(_ context.Context, t uid.Tenant, id uid.ID) (webhook.Endpoint, error) {
	i := slices.IndexFunc(b.endpoints, func(e webhook.Endpoint) bool { return e.ID == id && e.Tenant == t })
	if i < 0 {
		return webhook.Endpoint{}, fault.New(fault.NotFound, "webhook_not_found", "There is no such webhook.")
	}
	return b.endpoints[i], nil
}

func (b *bells) Endpoints(context.Context, uid.Tenant) ([]webhook.Endpoint, error) {
	return b.endpoints, nil
}

func (b *bells) Revise(ctx context.Context, by webhook.Caller, t uid.Tenant, id uid.ID, seen int64, change func(*webhook.Endpoint)) (webhook.Endpoint, error) {
	e, err := b.Endpoint(ctx, t, id)
	if err != nil {
		return e, err
	}
	if seen != e.Version {
		return e, fault.New(fault.Conflict, webhook.CodeStale, "Stale.")
	}
	change(&e)
	b.fresh = e
	return e, b.call("revise", by)
}

func (b *bells) Delete(_ context.Context, by webhook.Caller, _ uid.Tenant, _ uid.ID) error {
	return b.call("delete", by)
}

func (b *bells) Rotate(ctx context.Context, by webhook.Caller, t uid.Tenant, id uid.ID) (webhook.Endpoint, signing.Secret, error) {
	e, _ := b.Endpoint(ctx, t, id)
	return e, newSecret, b.call("rotate", by)
}

func (b *bells) Test(_ context.Context, by webhook.Caller, _ uid.Tenant, _ uid.ID) (webhook.Delivery, error) {
	return webhook.Delivery{}, b.call("test", by)
}

func (b *bells) Replay(_ context.Context, by webhook.Caller, _ uid.Tenant, _, id uid.ID) (webhook.Delivery, error) {
	return webhook.Delivery{}, b.call("replay "+id.Text(uid.WebhookSent), by)
}

func (b *bells) Show(_ context.Context, t uid.Tenant, endpoint, id uid.ID) (webhook.Shown, error) {
	i := slices.IndexFunc(b.sent, func(d webhook.Delivery) bool { return d.ID == id && d.Endpoint == endpoint && t == ours })
	if i < 0 {
		return webhook.Shown{}, fault.New(fault.NotFound, "delivery_not_found", "There is no such delivery.")
	}
	return webhook.Shown{Delivery: b.sent[i], Request: b.request, Lack: b.lack}, b.unread
}

func (b *bells) Deliveries(_ context.Context, _ uid.Tenant, f webhook.DeliveryFilter) (page []webhook.Delivery, more uid.ID, err error) {
	b.filter = f
	for _, d := range b.sent {
		if f.Before.IsZero() || string(d.ID[:]) < string(f.Before[:]) {
			page = append(page, d)
		}
	}
	if len(page) > f.Limit {
		page = page[:f.Limit]
	}
	if f.Limit > 1 && len(page) > 1 {
		more = page[len(page)-1].ID
	}
	return page, more, nil
}

var (
	orders = webhook.Endpoint{
		ID: uid.ID{4}, Tenant: ours, URL: "https://hooks.acme.example/in", Description: "Orders", Events: []string{"verification.approved"},
		Enabled: true, Version: 7,
	}
	ordersURL = "/console/webhooks/" + orders.ID.Text(uid.Webhook)
	lost      = webhook.Delivery{
		ID: uid.ID{0x40}, Event: uid.ID{0x41}, Endpoint: orders.ID, Type: "verification.approved", State: webhook.Dead, Tries: 10, Status: 500,
		Error: webhook.ErrorStatus, Latency: 1200 * time.Millisecond, Answer: hostile, UpdatedAt: keyNoon,
	}
	lostURL = ordersURL + "/deliveries/" + lost.ID.Text(uid.WebhookSent)
)

func withHooks(t *testing.T, h *bells) *browser {
	t.Helper()
	return newBrowser(t, &people{}, func(c *console.Config) { c.Hooks = h })
}

func ordersForm(changed ...string) url.Values {
	v := url.Values{"url": {orders.URL}, "description": {"Orders"}, "events": {"verification.approved"}, "enabled": {"on"}, "version": {"7"}}
	for i := 0; i+1 < len(changed); i += 2 {
		v.Set(changed[i], changed[i+1])
	}
	return v
}

func TestEndpointsAreListedWithHowTheyDo(t *testing.T) {
	gone := orders
	gone.ID, gone.Enabled, gone.Description = uid.ID{5}, false, hostile
	body := withHooks(t, &bells{endpoints: []webhook.Endpoint{orders, gone}, sent: []webhook.Delivery{lost}}).as("owner").get("/console/webhooks").Body.String()
	has(t, body, orders.URL, "Failing", "Given up", "Disabled", "verification.approved", "&lt;script&gt;")
	hasNot(t, body, "<script>alert")
}

func TestASecretOfAnEndpointIsShownWhenItIsMadeAndNeverAgain(t *testing.T) {
	h := &bells{endpoints: []webhook.Endpoint{orders}}
	b := withHooks(t, h).as("admin")
	w := b.send("/console/webhooks/new", "/console/webhooks/new", url.Values{"url": {"https://a.example/x"}, "description": {"A"}, "events": {"invitation.*", "verification.sent"}})
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), newSecret.Reveal()) {
		t.Fatalf("answer %d without the secret", w.Code)
	}
	if h.fresh.Tenant != ours || h.fresh.URL != "https://a.example/x" || !slices.Equal(h.fresh.Events, []string{"invitation.*", "verification.sent"}) {
		t.Errorf("made %+v", h.fresh)
	}
	has(t, b.get(ordersURL+"/secret").Body.String(), "The old one signs too for a day")
	has(t, b.send(ordersURL+"/secret", ordersURL+"/secret", url.Values{}).Body.String(), newSecret.Reveal())
	for _, path := range []string{ordersURL, ordersURL + "/edit", "/console/webhooks"} {
		hasNot(t, b.get(path).Body.String(), "whsec_")
	}
}

func TestAnEndpointIsChangedAndSwitchedOff(t *testing.T) {
	h := &bells{endpoints: []webhook.Endpoint{orders}}
	b := withHooks(t, h).as("owner")
	has(t, b.get(ordersURL+"/edit").Body.String(), `value="verification.approved" checked`, `name="version" value="7"`)
	off := ordersForm("url", "https://b.example", "events", "factor.*")
	off.Del("enabled")
	wantTo(t, b.send(ordersURL+"/edit", ordersURL+"/edit", off), ordersURL)
	if h.fresh.Enabled || h.fresh.URL != "https://b.example" || !slices.Equal(h.fresh.Events, []string{"factor.*"}) || h.by.Actor == "" {
		t.Errorf("changed to %+v by %q", h.fresh, h.by.Actor)
	}
}

func TestAVendorsEndpointKeepsItsWords(t *testing.T) {
	theirs := orders
	theirs.Dialect, theirs.Events = "twilio", []string{"com.twilio.x"}
	h := &bells{endpoints: []webhook.Endpoint{theirs}}
	b := withHooks(t, h).as("owner")
	body := b.get(ordersURL + "/edit").Body.String()
	has(t, body, "com.twilio.x")
	hasNot(t, body, `name="events"`)
	wantTo(t, b.send(ordersURL+"/edit", ordersURL+"/edit", ordersForm()), ordersURL)
	if !slices.Equal(h.fresh.Events, theirs.Events) {
		t.Errorf("its words are %q", h.fresh.Events)
	}
}

func TestAnEndpointThatIsNotTakenKeepsWhatWasTyped(t *testing.T) {
	h := &bells{endpoints: []webhook.Endpoint{orders}, err: fault.New(fault.Invalid, "url_insecure", "Give an https URL.").On("url")}
	b := withHooks(t, h).as("owner")
	for _, path := range []string{"/console/webhooks/new", ordersURL + "/edit"} {
		body := b.send(path, path, ordersForm("url", "http://plain.example", "description", hostile)).Body.String()
		has(t, body, "Give an https URL.", `value="http://plain.example"`, "&lt;script&gt;", `value="verification.approved" checked`)
		hasNot(t, body, "<script>alert", "whsec_")
	}
}

func TestAFormOfAnEndpointThatCameTooLateShowsBothAndOverwritesNothing(t *testing.T) {
	h := &bells{endpoints: []webhook.Endpoint{orders}}
	body := withHooks(t, h).as("owner").send(ordersURL+"/edit", ordersURL+"/edit", ordersForm("version", "6", "url", "https://mine.example")).Body.String()
	has(t, body, orders.URL, "https://mine.example", `name="version" value="7"`)
	if h.calls != nil {
		t.Errorf("called %v", h.calls)
	}
}

func TestTheLogOfAnEndpointIsFilteredAndPaged(t *testing.T) {
	h := &bells{endpoints: []webhook.Endpoint{orders}, sent: []webhook.Delivery{lost, {ID: uid.ID{0x30}, Type: "verification.sent", State: webhook.Pending}}}
	b := withHooks(t, h).as("admin")
	body := b.get(ordersURL + "?state=dead").Body.String()
	has(t, body, lostURL, "1.2 s", "500", ordersURL+"?before="+uid.ID{0x30}.Hex()+"&amp;state=dead")
	if h.filter.State != webhook.Dead || h.filter.Limit != 50 {
		t.Errorf("filter %+v", h.filter)
	}
	has(t, b.get(ordersURL+"?state=dead&before="+lost.ID.Hex()).Body.String(), `rel="prev" href="`+ordersURL+`?after=`+lost.ID.Hex()+`&amp;state=dead"`)
	if w := b.get(ordersURL + "?before=x"); w.Code != http.StatusNotFound {
		t.Errorf("a cursor that is none is answered by %d", w.Code)
	}
}

func TestTheLogOfAnEndpointFollowsWhatIsSent(t *testing.T) {
	waits := func(in time.Duration) webhook.Delivery {
		d := lost
		d.State, d.Due = webhook.Pending, keyNoon.Add(in)
		return d
	}
	for _, c := range []struct {
		name string
		sent []webhook.Delivery
		soon string // "": it waits for the stream alone
	}{
		{"nothing was sent", nil, ""},
		{"nothing waits", []webhook.Delivery{lost}, ""},
		{"one is being tried", []webhook.Delivery{lost, waits(-time.Second)}, "2"},
		{"one is tried soon, another later", []webhook.Delivery{waits(time.Hour), waits(10 * time.Second)}, "11"},
		{"one is tried much later", []webhook.Delivery{waits(time.Hour)}, "60"},
	} {
		h := &bells{endpoints: []webhook.Endpoint{orders}, sent: c.sent}
		b := newBrowser(t, &people{}, func(f *console.Config) { f.Hooks, f.Now = h, func() time.Time { return keyNoon } }).as("owner")
		body := b.get(ordersURL).Body.String()
		has(t, body, `data-live="/console/live"`, `id="results" data-fresh`, `id="glance" data-fresh`)
		if got, _, _ := strings.Cut(after(body, `data-soon="`), `"`); got != c.soon {
			t.Errorf("%s: looks again in %q seconds, want %q", c.name, got, c.soon)
		}
		h.err = fault.New(fault.Conflict, "webhook_off", "This webhook is off.")
		hasNot(t, b.send(ordersURL, ordersURL+"/test", url.Values{}).Body.String(), "data-live", "data-soon")
	}
}

func after(text, mark string) string {
	_, rest, _ := strings.Cut(text, mark)
	return rest
}

func TestAnEndpointIsRemovedAfterAQuestion(t *testing.T) {
	h := &bells{endpoints: []webhook.Endpoint{orders}}
	b := withHooks(t, h).as("owner")
	has(t, b.get(ordersURL+"/delete").Body.String(), orders.URL)
	wantTo(t, b.send(ordersURL+"/delete", ordersURL+"/delete", url.Values{}), "/console/webhooks")
	if !slices.Equal(h.calls, []string{"delete"}) {
		t.Errorf("calls %v", h.calls)
	}
}

func TestAnEndpointOrDeliveryOfNobodyOrOfAnotherFirmIsNotThere(t *testing.T) {
	theirs := orders
	theirs.ID, theirs.Tenant = uid.ID{6}, uid.Tenant{8}
	b := withHooks(t, &bells{endpoints: []webhook.Endpoint{orders, theirs}, sent: []webhook.Delivery{lost}}).as("owner")
	theirsURL := "/console/webhooks/" + theirs.ID.Text(uid.Webhook)
	for _, path := range []string{
		theirsURL, theirsURL + "/edit", theirsURL + "/secret", theirsURL + "/delete", "/console/webhooks/whk_1",
		ordersURL + "/deliveries/" + uid.ID{0x50}.Text(uid.WebhookSent), ordersURL + "/deliveries/x", theirsURL + "/deliveries/" + lost.ID.Text(uid.WebhookSent),
	} {
		if w := b.get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s is answered by %d", path, w.Code)
		}
	}
}

func TestAgentsAndViewersSeeAndChangeNoWebhooks(t *testing.T) {
	h := &bells{endpoints: []webhook.Endpoint{orders}, sent: []webhook.Delivery{lost}}
	for _, role := range []operator.Role{operator.Agent, operator.Viewer} {
		b := withHooks(t, h).as(role)
		for _, path := range []string{"/console/webhooks", ordersURL, ordersURL + "/edit", lostURL} {
			if w := b.get(path); w.Code != http.StatusForbidden {
				t.Errorf("%s reads %s: %d", role, path, w.Code)
			}
		}
		for _, path := range []string{"/console/webhooks/new", ordersURL + "/edit", ordersURL + "/secret", ordersURL + "/test", ordersURL + "/delete", lostURL + "/replay"} {
			if w := b.post(path, ordersForm()); w.Code != http.StatusForbidden {
				t.Errorf("%s posts to %s: %d", role, path, w.Code)
			}
		}
	}
	if h.calls != nil {
		t.Errorf("called %v", h.calls)
	}
}
