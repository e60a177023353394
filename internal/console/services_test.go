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
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// hostile is what somebody may type where a name is asked for: markup, a mark that turns the text round, and much of it.
var hostile = `<script>alert("x")</script>` + "\u202e" + strings.Repeat("w", 170)

// directory is a tenant's directory in memory. calls are the changes that it was asked for.
type directory struct {
	services []tenant.Service
	list     []tenant.Key
	calls    []string
	made     tenant.KeyRequest
	fresh    tenant.Service
	by       tenant.Caller
	err      error // of the next change
}

var ours = uid.Tenant{7}

func (f *directory) Services(_ context.Context, t uid.Tenant, _ uid.ID, _ int) ([]tenant.Service, uid.ID, error) {
	if t != ours {
		return nil, uid.ID{}, nil
	}
	return f.services, uid.ID{}, nil
}

func (f *directory) Profile(_ context.Context, t uid.Tenant, id uid.ID) (tenant.Service, error) {
	i := slices.IndexFunc(f.services, func(s tenant.Service) bool { return s.ID == id && s.Tenant == t })
	if i < 0 {
		return tenant.Service{}, fault.New(fault.NotFound, "service_not_found", "There is no such service.")
	}
	return f.services[i], nil
}

func (f *directory) call(name string, by tenant.Caller) error {
	f.calls, f.by = append(f.calls, name), by
	return f.err
}

func (f *directory) CreateService(_ context.Context, by tenant.Caller, s tenant.Service, _ *tenant.Idempotency) (tenant.Service, error) {
	f.fresh = s
	s.ID = uid.ID{9}
	return s, f.call("create", by)
}

func (f *directory) ReviseService(ctx context.Context, by tenant.Caller, t uid.Tenant, id uid.ID, seen int64, change func(*tenant.Service)) (tenant.Service, error) {
	s, err := f.Profile(ctx, t, id)
	if err != nil {
		return s, err
	}
	if seen != s.Version {
		return s, fault.New(fault.Conflict, tenant.CodeServiceStale, "Stale.")
	}
	change(&s)
	f.fresh = s
	return s, f.call("revise", by)
}

func (f *directory) DeleteService(_ context.Context, by tenant.Caller, t uid.Tenant, id uid.ID) error {
	return f.call("delete "+id.Text(uid.Service), by)
}

func (f *directory) Keys(_ context.Context, t uid.Tenant) ([]tenant.Key, error) {
	if t != ours {
		return nil, nil
	}
	return slices.Clone(f.list), nil
}

func (f *directory) CreateKey(_ context.Context, by tenant.Caller, t uid.Tenant, r tenant.KeyRequest) (tenant.Key, tenant.Secret, error) {
	f.made = r
	return tenant.Key{ID: uid.ID{8}, Tenant: t, Name: r.Name, Scopes: r.Scopes}, tenant.Secret{}, f.call("make key", by)
}

func (f *directory) RevokeKey(_ context.Context, by tenant.Caller, t uid.Tenant, id uid.ID) error {
	return f.call("revoke "+id.Text(uid.Key), by)
}

var shop = tenant.Service{
	ID: uid.ID{3}, Tenant: ours, Name: "Shop", CodeLength: 6, TTL: 5 * time.Minute, EmailTTL: 90 * time.Second, MaxChecks: 5, MaxSends: 4,
	Resend: tenant.SameCode, Channels: []string{"sms"}, Vendor: map[string]string{"twilio.psd2_enabled": "true"}, Version: 4,
}

var shopURL = "/console/services/" + shop.ID.Text(uid.Service)

// withFirm is a browser over a directory.
func withFirm(t *testing.T, f *directory) *browser {
	t.Helper()
	return newBrowser(t, &people{}, func(c *console.Config) { c.Directory = f })
}

// shopForm is the form of shop as it is sent back, with some fields changed.
func shopForm(changed ...string) url.Values {
	v := url.Values{
		"name": {"Shop"}, "code_length": {"6"}, "ttl_seconds": {"300"}, "email_ttl_seconds": {"90"}, "max_checks": {"5"}, "max_sends": {"4"},
		"resend": {"same_code"}, "channels": {"sms"}, "host": {""}, "version": {"4"},
	}
	for i := 0; i+1 < len(changed); i += 2 {
		v.Set(changed[i], changed[i+1])
	}
	return v
}

// has holds that a page has texts, hasNot that it has none of them.
func has(t *testing.T, body string, all ...string) {
	t.Helper()
	body = strings.ReplaceAll(body, "<wbr>", "") // where a name may break says nothing
	for _, want := range all {
		if !strings.Contains(body, want) {
			t.Errorf("the page does not have %q", want)
		}
	}
}

func hasNot(t *testing.T, body string, none ...string) {
	t.Helper()
	for _, bad := range none {
		if strings.Contains(body, bad) {
			t.Errorf("the page has %q", bad)
		}
	}
}

func TestServicesAreListedWithWhatTheyDo(t *testing.T) {
	other := shop
	other.ID, other.Name, other.Default, other.Channels, other.TTL = uid.ID{4}, hostile, true, nil, 90*time.Second
	b := withFirm(t, &directory{services: []tenant.Service{shop, other}})
	body := b.as("agent").get("/console/services").Body.String()
	has(t, body, "Shop", shop.ID.Text(uid.Service), "5 min", "90 s", "Text message", "&lt;script&gt;alert(")
	hasNot(t, body, "<script>alert", "/console/services/new")
	has(t, b.as("admin").get("/console/services").Body.String(), "/console/services/new")
}

func TestAServiceIsMadeAndChangedAsTheFormSays(t *testing.T) {
	f := &directory{services: []tenant.Service{shop}}
	b := withFirm(t, f).as("admin")
	wantTo(t, b.send("/console/services/new", "/console/services/new", shopForm("name", "Payouts", "default", "on", "host", "pay.example.com")), "/console/services/"+uid.ID{9}.Text(uid.Service))
	if f.fresh.Name != "Payouts" || !f.fresh.Default || f.fresh.Tenant != ours || f.fresh.TTL != 5*time.Minute || f.fresh.Host != "pay.example.com" {
		t.Errorf("made %+v", f.fresh)
	}
	wantTo(t, b.send(shopURL, shopURL, shopForm("code_length", "8", "channels", "voice")), shopURL)
	if f.fresh.CodeLength != 8 || !slices.Equal(f.fresh.Channels, []string{"voice"}) || f.fresh.MaxSends != 4 {
		t.Errorf("changed to %+v", f.fresh)
	}
	if f.fresh.Vendor["twilio.psd2_enabled"] != "true" {
		t.Error("the settings of a vendor's door are gone")
	}
	if want := "operator:" + (uid.ID{1}).Text(uid.Operator); f.by.Actor != want {
		t.Errorf("the actor is %q, want %q", f.by.Actor, want)
	}
}

func TestAServiceThatIsNotTakenKeepsAllThatWasTyped(t *testing.T) {
	f := &directory{services: []tenant.Service{shop}, err: tenant.Faults{
		fault.New(fault.Invalid, "code_length_invalid", "Choose 4 to 10.").On("code_length"),
		fault.New(fault.Invalid, "host_invalid", "Give the host name.").On("host"),
	}}
	w := withFirm(t, f).as("owner").send(shopURL, shopURL, shopForm("name", hostile, "code_length", "many", "host", "HTTP://X", "max_sends", "99999999999999999999"))
	if w.Code != http.StatusOK {
		t.Fatalf("answer %d", w.Code)
	}
	body := w.Body.String()
	has(t, body, "Choose 4 to 10.", "Give the host name.", `value="many"`, `value="HTTP://X"`, `value="99999999999999999999"`, "&lt;script&gt;", `name="version" value="4"`)
	hasNot(t, body, "<script>alert")
	if f.fresh.CodeLength != -1 || f.fresh.MaxSends != -1 {
		t.Errorf("what is no number came as %d, %d", f.fresh.CodeLength, f.fresh.MaxSends)
	}
}

func TestAFormOfAServiceThatCameTooLateShowsBothAndOverwritesNothing(t *testing.T) {
	f := &directory{services: []tenant.Service{shop}}
	b := withFirm(t, f).as("admin")
	w := b.send(shopURL, shopURL, shopForm("version", "3", "name", "Mine", "max_sends", "2"))
	body := w.Body.String()
	if w.Code != http.StatusOK || f.calls != nil {
		t.Fatalf("answer %d, calls %v", w.Code, f.calls)
	}
	has(t, body, "Shop", "Mine", `name="version" value="4"`, `name="max_sends" value="2"`, `name="channels" value="sms"`)
	hasNot(t, body, `name="version" value="3"`)
	saved := shopForm("version", "4", "name", "Mine")
	saved.Set("form_token", tokenField.FindStringSubmatch(body[strings.Index(body, `action="`+shopURL):])[1])
	wantTo(t, b.post(shopURL, saved), shopURL)
	if f.fresh.Name != "Mine" {
		t.Errorf("saved on top: %+v", f.fresh)
	}
}

func TestAServiceIsDeletedAfterAQuestion(t *testing.T) {
	f := &directory{services: []tenant.Service{shop}}
	b := withFirm(t, f).as("owner")
	has(t, b.get(shopURL).Body.String(), shopURL+"/delete")
	has(t, b.get(shopURL+"/delete").Body.String(), "Shop")
	f.err = fault.New(fault.Conflict, "service_in_use", "This service is in use.")
	has(t, b.send(shopURL+"/delete", shopURL+"/delete", url.Values{}).Body.String(), "This service is in use.")
	f.err = nil
	wantTo(t, b.send(shopURL+"/delete", shopURL+"/delete", url.Values{}), "/console/services")
	has(t, b.get("/console/services").Body.String(), "was deleted")
}

func TestAServiceOfNobodyOrOfAnotherFirmIsNotThere(t *testing.T) {
	theirs := shop
	theirs.ID, theirs.Tenant = uid.ID{5}, uid.Tenant{8}
	b := withFirm(t, &directory{services: []tenant.Service{shop, theirs}}).as("owner")
	for _, path := range []string{"/console/services/" + theirs.ID.Text(uid.Service), "/console/services/svc_none", "/console/services/" + theirs.ID.Text(uid.Service) + "/delete"} {
		if w := b.get(path); w.Code != http.StatusNotFound {
			t.Errorf("%s is answered by %d", path, w.Code)
		}
	}
}

func TestAgentsAndViewersReadServicesAndChangeNone(t *testing.T) {
	f := &directory{services: []tenant.Service{shop}}
	for _, role := range []operator.Role{operator.Agent, operator.Viewer} {
		b := withFirm(t, f).as(role)
		body := b.get(shopURL).Body.String()
		has(t, body, "disabled")
		hasNot(t, body, shopURL+"/delete")
		for _, path := range []string{"/console/services/new", shopURL + "/delete"} {
			if w := b.get(path); w.Code != http.StatusForbidden {
				t.Errorf("%s reads %s: %d", role, path, w.Code)
			}
		}
		for _, path := range []string{"/console/services/new", shopURL, shopURL + "/delete"} {
			if w := b.post(path, shopForm()); w.Code != http.StatusForbidden {
				t.Errorf("%s posts to %s: %d", role, path, w.Code)
			}
		}
	}
	if f.calls != nil {
		t.Errorf("called %v", f.calls)
	}
}
