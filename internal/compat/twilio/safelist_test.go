package twilio_test

import (
	"context"
	"regexp"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/compat/twilio"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/risk/safelist"
	"github.com/countersign/countersign/internal/uid"
)

var _ twilio.SafeList = (*safelist.List)(nil)

// The part of the fake that stands for safelist.List.

func (f *fake) Add(context.Context, safelist.Caller, string) (safelist.Number, error) {
	return safelist.Number{ID: uid.New(began, 19), Value: "+12025550123"}, f.answer()
}

func (f *fake) Number(ctx context.Context, by safelist.Caller, number string) (safelist.Number, error) {
	return f.Add(ctx, by, number)
}

func (f *fake) Remove(context.Context, safelist.Caller, string) error { return f.answer() }

func TestANumberIsPutOnTheSafeListAndTakenOff(t *testing.T) {
	t.Parallel()
	c := account(t)
	to := number()
	c.refused(404, 20404, "GET", "/SafeList/Numbers/"+to)
	a := c.must(201, "POST", "/SafeList/Numbers", "PhoneNumber", to)
	if !regexp.MustCompile(`^GN[0-9a-f]{32}$`).MatchString(a.text("sid")) {
		t.Errorf("sid %q", a.text("sid"))
	}
	same(t, a, map[string]any{"sid": a.text("sid"), "phone_number": to, "url": c.base + "/v2/SafeList/Numbers/" + to})
	same(t, c.must(200, "GET", a.text("url")), a.body)
	same(t, c.must(200, "GET", "/SafeList/Numbers/"+strings.Replace(to, "+", "%2B", 1)), a.body)
	c.refused(400, 60411, "POST", "/SafeList/Numbers", "PhoneNumber", to)
	if gone := c.must(204, "DELETE", "/SafeList/Numbers/"+to); gone.raw != "" {
		t.Errorf("a body: %s", gone.raw)
	}
	c.refused(404, 20404, "DELETE", "/SafeList/Numbers/"+to)
	c.must(201, "POST", "/SafeList/Numbers", "PhoneNumber", to)
	c.must(204, "DELETE", "/SafeList/Numbers/"+to)
}

func TestWhatIsNoNumberIsOnNoSafeList(t *testing.T) {
	t.Parallel()
	c := account(t)
	c.refused(400, 20001, "POST", "/SafeList/Numbers")
	for _, bad := range []string{"123", "+1", "user@example.com", "nonsense"} {
		if a := c.refused(400, 60200, "POST", "/SafeList/Numbers", "PhoneNumber", bad); !strings.Contains(a.text("message"), "`PhoneNumber`") {
			t.Errorf("%s: %s", bad, a.raw)
		}
		c.refused(404, 20404, "GET", "/SafeList/Numbers/"+bad)
		c.refused(404, 20404, "DELETE", "/SafeList/Numbers/"+bad)
	}
	c.refused(405, 20004, "GET", "/SafeList/Numbers")
}

func TestAnotherAccountsSafeListIsItsOwn(t *testing.T) {
	t.Parallel()
	c, to := account(t), number()
	c.must(201, "POST", "/SafeList/Numbers", "PhoneNumber", to)
	defer c.must(204, "DELETE", "/SafeList/Numbers/"+to)
	other := neighbour(t)
	other.refused(404, 20404, "GET", "/SafeList/Numbers/"+to)
	other.refused(404, 20404, "DELETE", "/SafeList/Numbers/"+to)
}

func TestTheSafeListWaitsForWhoAsksTooOften(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.err = fault.New(fault.Limited, "safe_list_limited", "Wait.").After(7e9)
	for _, s := range scenarios {
		if !strings.HasPrefix(s.path, "/SafeList") {
			continue
		}
		a := f.ask(t, s.method, s.path, s.form)
		client{TB: t}.isError(a, 429, 20429)
		if a.header.Get("Retry-After") != "7" {
			t.Errorf("%s: Retry-After %q", s.method, a.header.Get("Retry-After"))
		}
	}
}

func TestRiskCheckIsVouchedForOneSend(t *testing.T) {
	t.Parallel()
	for value, want := range map[string]bool{"": false, "enable": false, "disable": true, "Disable": true} {
		f := newFake()
		f.ask(t, "POST", at+"/Verifications", "To=%2B12025550123&Channel=sms&RiskCheck="+value)
		if f.started.Rules == nil || f.started.Rules.Vouched != want {
			t.Errorf("RiskCheck %q: %+v", value, f.started.Rules)
		}
	}
	client{TB: t}.isError(newFake().ask(t, "POST", at+"/Verifications", "To=%2B12025550123&Channel=sms&RiskCheck=off"), 400, 60200)
}

func TestTheRightsOfThePersonReachTheSafeList(t *testing.T) {
	t.Parallel()
	c, to := account(t), number()
	c.must(201, "POST", "/SafeList/Numbers", "PhoneNumber", to)
	tools, err := app.OpenTools(t.Context(), devConfig)
	if err != nil {
		t.Fatal(err)
	}
	defer tools.Close()
	owner, err := uid.ParseTenant(dev.Tenant)
	if err != nil {
		t.Fatal(err)
	}
	var told strings.Builder
	if err := tools.ExportSubject(t.Context(), owner, to, &told); err != nil || !strings.Contains(told.String(), `"safe_number":"`+to+`"`) {
		t.Errorf("export: %v %s", err, told.String())
	}
	if _, events, err := tools.EraseSubject(t.Context(), owner, to, "command"); err != nil || events != 1 {
		t.Errorf("erased from %d events, want the one that tells of the listing: %v", events, err)
	}
	c.refused(404, 20404, "GET", "/SafeList/Numbers/"+to)
	told.Reset()
	if err := tools.ExportSubject(t.Context(), owner, to, &told); err != nil || told.Len() != 0 {
		t.Errorf("export after the erasure: %v %s", err, told.String())
	}
}
