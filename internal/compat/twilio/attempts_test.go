package twilio_test

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// attempt is the SID of send n of a verification.
func attempt(id uid.ID, n int) string {
	return fmt.Sprintf("VL%s%x%s", id.Hex()[:12], n, id.Hex()[13:])
}

func TestFiltersOfAttemptsAreReadInEverySpelling(t *testing.T) {
	t.Parallel()
	yes, no := true, false
	oldest := began.Add(time.Minute - 30*24*time.Hour)
	day := time.Date(2026, 11, 20, 0, 0, 0, 0, time.UTC)
	for query, want := range map[string]verify.SendQuery{
		"":                                       {Since: oldest},
		"DateCreatedAfter=2026-11-20T00:00:00Z":  {Since: day},
		"DateCreatedAfter=2026-11-20":            {Since: day},
		"DateCreatedAfter=2001-01-01T00:00:00Z":  {Since: oldest},
		"DateCreatedBefore=2026-11-20T00:00:00Z": {Since: oldest, Until: day},
		"ChannelData.To=%2B12025550123":          {Since: oldest, To: "+12025550123"},
		"ChannelData%5C.To=%2B12025550123":       {Since: oldest, To: "+12025550123"},
		"ChannelData.To=+12025550123":            {Since: oldest, To: "+12025550123"},
		"ChannelData.To=a@example.com":           {Since: oldest, To: "a@example.com"},
		"Country=us":                             {Since: oldest, Country: "US"},
		"Channel=SMS":                            {Since: oldest, Channel: delivery.SMS},
		"Channel=call":                           {Since: oldest, Channel: delivery.Voice},
		"Channel=Email":                          {Since: oldest, Channel: delivery.Email},
		"Channel=whatsapp":                       {Since: oldest, Channel: delivery.WhatsApp},
		"Channel=rbm":                            {Since: oldest, Channel: "rbm"},
		"VerifyServiceSid=VA" + svc.Hex():        {Since: oldest, Service: svc},
		"VerificationSid=VE" + vrf.Hex():         {Since: oldest, Verification: vrf},
		"Status=CONVERTED":                       {Since: oldest, Converted: &yes},
		"Status=unconverted":                     {Since: oldest, Converted: &no},
		"Unknown=passed-over":                    {Since: oldest},
	} {
		f := newFake()
		if a := f.ask(t, "GET", "/Attempts?"+query, ""); a.status != 200 {
			t.Errorf("%s: %d %s", query, a.status, a.raw)
		}
		want.Caller = f.query.Caller
		if diff := cmp.Diff(want, f.query); diff != "" || f.query.Caller.Tenant != acme {
			t.Errorf("%s: want -, got +:\n%s", query, diff)
		}
	}
	for query, want := range map[string]verify.SendQuery{
		"":                          {Since: oldest},
		"DestinationPrefix=%2B1202": {Since: oldest, Prefix: "+1202"},
		"DestinationPrefix=+1202":   {Since: oldest, Prefix: "+1202"},
		"DestinationPrefix=1202":    {Since: oldest, Prefix: "+1202"},
		"DateCreatedAfter=2026-11-20&DateCreatedBefore=2026-11-20&Country=GB&Channel=call&VerifyServiceSid=VA" + svc.Hex(): {
			Since: day, Until: day, Country: "GB", Channel: delivery.Voice, Service: svc},
	} {
		f := newFake()
		f.ask(t, "GET", "/Attempts/Summary?"+query, "")
		want.Caller = f.query.Caller
		if diff := cmp.Diff(want, f.query); diff != "" {
			t.Errorf("summary, %s: want -, got +:\n%s", query, diff)
		}
	}
}

func TestValuesOfFiltersAreRefusedByName(t *testing.T) {
	t.Parallel()
	for _, query := range []string{
		"DateCreatedAfter=yesterday", "DateCreatedBefore=2026-13-01T00:00:00Z", "DateCreatedBefore=1", "Country=USA", "Country=1x",
		"Channel=fax", "VerifyServiceSid=VE" + vrf.Hex(), "VerifyServiceSid=x", "VerificationSid=VA" + svc.Hex(), "Status=maybe",
		"DestinationPrefix=%2B", "DestinationPrefix=abc", "DestinationPrefix=%2B1234567890123456",
	} {
		name, _, _ := strings.Cut(query, "=")
		for _, path := range []string{"/Attempts", "/Attempts/Summary"} {
			f := newFake()
			a := f.ask(t, "GET", path+"?"+query, "")
			known := path == "/Attempts" && name != "DestinationPrefix" || path != "/Attempts" && name != "VerificationSid" && name != "Status"
			if !known {
				if a.status != 200 {
					t.Errorf("%s?%s is no parameter there: %d %s", path, query, a.status, a.raw)
				}
				continue
			}
			client{TB: t}.isError(a, 400, 60200)
			if !strings.Contains(a.text("message"), "`"+name+"`") || f.asked != 0 {
				t.Errorf("%s?%s: %s, after %d reads", path, query, a.raw, f.asked)
			}
		}
	}
	f := newFake()
	f.sendErr = fault.New(fault.Invalid, "recipient_invalid", "Give a number.").On("to")
	for _, spelling := range []string{"ChannelData.To", "ChannelData%5C.To"} {
		a := f.ask(t, "GET", "/Attempts?"+spelling+"=nonsense", "")
		client{TB: t}.isError(a, 400, 60200)
		if !strings.Contains(a.text("message"), "`ChannelData.To`") || strings.Contains(a.raw, "nonsense") {
			t.Errorf("%s", a.raw)
		}
	}
	for query, code := range map[string]int{"PageSize=0": 20007, "PageSize=1001": 20007, "PageToken=x": 20001} {
		client{TB: t}.isError(newFake().ask(t, "GET", "/Attempts?"+query, ""), 400, code)
	}
}

func TestNumbersAreCountedByTheirFirstDigitsAlone(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.ask(t, "GET", "/Attempts/Summary?DestinationPrefix=%2B12025550123", "")
	if f.query.Prefix != "+12025550123" {
		t.Errorf("a key that sees numbers counted by %q", f.query.Prefix)
	}
	f.scopes = []string{tenant.ScopeAll}
	f.ask(t, "GET", "/Attempts/Summary?DestinationPrefix=%2B120255", "")
	if f.query.Prefix != "+120255" {
		t.Errorf("six digits: %q", f.query.Prefix)
	}
	client{TB: t}.isError(f.ask(t, "GET", "/Attempts/Summary?DestinationPrefix=%2B1202555", ""), 400, 60200)
}

func TestASummaryIsInTheFormOfTwilio(t *testing.T) {
	t.Parallel()
	for count, rate := range map[verify.SendCount]string{
		{}: "0.0", {Total: 11, Converted: 9}: "81.818181818", {Total: 2, Converted: 1}: "50.0", {Total: 3, Converted: 3}: "100.0",
		{Total: 8, Converted: 1}: "12.5", {Total: 7}: "0.0", {Total: 3, Converted: 2}: "66.666666667",
	} {
		f := newFake()
		f.count = count
		a := f.ask(t, "GET", "/Attempts/Summary", "")
		want := map[string]any{
			"total_attempts": float64(count.Total), "total_converted": float64(count.Converted), "conversion_rate_percentage": rate,
			"total_unconverted": float64(count.Total - count.Converted), "url": "https://verify.example.com/compat/twilio/v2/Attempts/Summary",
		}
		if diff := cmp.Diff(want, a.body); a.status != 200 || diff != "" {
			t.Errorf("%+v: %d; want -, got +:\n%s", count, a.status, diff)
		}
	}
	f := newFake()
	f.sendErr = fault.New(fault.Invalid, "range_too_wide", "There are more.").On("since")
	a := f.ask(t, "GET", "/Attempts/Summary", "")
	client{TB: t}.isError(a, 400, 60200)
	if m := a.text("message"); !strings.Contains(m, "DateCreatedAfter") || !strings.Contains(m, "DateCreatedBefore") {
		t.Errorf("it does not tell what to narrow: %s", m)
	}
}

func TestAnAttemptTellsWhatBecameOfItsMessage(t *testing.T) {
	t.Parallel()
	at := began.Add(3 * time.Second)
	for name, c := range map[string]struct {
		channel delivery.Channel
		last    *verify.Delivery
		status  verify.Status
		word    string
		code    any
		price   any
	}{
		"not carried yet": {delivery.SMS, nil, verify.Pending, "queued", nil, nil},
		"no route":        {delivery.SMS, nil, verify.Failed, "failed", nil, nil},
		"under way":       {delivery.SMS, &verify.Delivery{State: delivery.Sending}, verify.Pending, "sending", nil, nil},
		"not known":       {delivery.Email, &verify.Delivery{State: delivery.Unknown}, verify.Pending, "sending", nil, nil},
		"sent": {delivery.SMS, &verify.Delivery{State: delivery.Sent, Price: &delivery.Price{Amount: "0.0079", Currency: "USD"}}, verify.Pending,
			"sent", nil, map[string]any{"value": "0.0079", "currency": "USD"}},
		"delivered":     {delivery.WhatsApp, &verify.Delivery{State: delivery.Delivered}, verify.Approved, "delivered", nil, nil},
		"no such":       {delivery.SMS, &verify.Delivery{State: delivery.Failed, Error: delivery.ErrorInvalidRecipient}, verify.Failed, "failed", 30005.0, nil},
		"refused":       {delivery.SMS, &verify.Delivery{State: delivery.Failed, Error: delivery.ErrorRefused}, verify.Failed, "failed", 30007.0, nil},
		"failed":        {delivery.SMS, &verify.Delivery{State: delivery.Failed, Error: "odd"}, verify.Failed, "failed", 30008.0, nil},
		"too late":      {delivery.SMS, &verify.Delivery{State: delivery.ExpiredAt}, verify.Pending, "undelivered", 30003.0, nil},
		"call":          {delivery.Voice, &verify.Delivery{State: delivery.Sent}, verify.Pending, "initiated", nil, nil},
		"answered":      {delivery.Voice, &verify.Delivery{State: delivery.Delivered}, verify.Approved, "completed", nil, nil},
		"not picked up": {delivery.Voice, &verify.Delivery{State: delivery.ExpiredAt}, verify.Pending, "no-answer", 30003.0, nil},
	} {
		f := newFake()
		f.view.Status, f.view.Sends[0].Channel = c.status, c.channel
		if c.last != nil {
			earlier := verify.Delivery{Send: 1, N: 1, State: delivery.Failed, UpdatedAt: began}
			c.last.Send, c.last.N, c.last.UpdatedAt = 1, 2, at
			f.deliveries = []verify.Delivery{*c.last, earlier, {Send: 2, N: 101, State: delivery.Delivered, UpdatedAt: at.Add(time.Hour)}}
		}
		a := f.ask(t, "GET", "/Attempts/"+theAttempt, "")
		kind, not := "message_status", "call_status"
		if c.channel == delivery.Voice {
			kind, not = not, kind
		}
		data, _ := a.at("channel_data").(map[string]any)
		if _, there := data[not]; data[kind] != c.word || data["error_code"] != c.code || there || cmp.Diff(c.price, a.at("price")) != "" {
			t.Errorf("%s: %s", name, a.raw)
		}
		updated := "2026-11-21T22:46:00Z"
		if c.last != nil {
			updated = "2026-11-21T22:46:03Z"
		}
		if a.text("date_created") != "2026-11-21T22:46:00Z" || a.text("date_updated") != updated {
			t.Errorf("%s: dates %s", name, a.raw)
		}
	}
}

func TestOnlyTheLatestAttemptOfWhatWasApprovedConverts(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.view.Sends = append(f.view.Sends, verify.Send{N: 2, Channel: delivery.Voice, At: began.Add(time.Minute)})
	f.view.Country, f.view.Locale, f.view.CodeLength, f.view.EndedAt = "US", "en-GB", 6, began.Add(2*time.Minute)
	for status, words := range map[verify.Status][2]string{
		verify.Pending: {"unconverted", "unconfirmed"}, verify.Approved: {"converted", "confirmed"}, verify.Expired: {"unconverted", "expired"},
		verify.Canceled: {"unconverted", "unconfirmed"},
	} {
		f.view.Status = status
		first, second := f.ask(t, "GET", "/Attempts/"+attempt(vrf, 1), ""), f.ask(t, "GET", "/Attempts/"+attempt(vrf, 2), "")
		if second.text("conversion_status") != words[0] || second.text("channel_data.status") != words[1] {
			t.Errorf("%s: the latest: %s", status, second.raw)
		}
		if first.text("conversion_status") != "unconverted" || first.text("channel_data.status") == "confirmed" {
			t.Errorf("%s: the first: %s", status, first.raw)
		}
	}
	f.view.Status = verify.Approved
	want := map[string]any{
		"sid": attempt(vrf, 2), "account_sid": "AC" + uid.ID(acme).Hex(), "service_sid": "VA" + svc.Hex(), "verification_sid": "VE" + vrf.Hex(),
		"date_created": "2026-11-21T22:47:00Z", "date_updated": "2026-11-21T22:48:00Z", "conversion_status": "converted", "channel": "call",
		"price": nil, "url": "https://verify.example.com/compat/twilio/v2/Attempts/" + attempt(vrf, 2),
		"channel_data": map[string]any{
			"verification_sid": "VE" + vrf.Hex(), "to": "+12025550123", "status": "confirmed", "call_status": "queued", "error_code": nil,
			"country": "US", "code_length": 6.0, "locale": "en-GB", "mcc": nil, "mnc": nil, "carrier": nil,
		},
	}
	if diff := cmp.Diff(want, f.ask(t, "GET", "/Attempts/"+attempt(vrf, 2), "").body); diff != "" {
		t.Errorf("want -, got +:\n%s", diff)
	}
}

func TestAnAttemptThatIsNotThereRevealsNothing(t *testing.T) {
	t.Parallel()
	f := newFake()
	for _, name := range []string{attempt(vrf, 0), attempt(vrf, 2), attempt(vrf, 15), "VE" + vrf.Hex(), "VL", "VL" + strings.Repeat("0", 32), "nonsense"} {
		client{TB: t}.isError(f.ask(t, "GET", "/Attempts/"+name, ""), 404, 20404)
		if f.reveal {
			t.Errorf("%s: a number was read in full for it", name)
		}
	}
	if a := f.ask(t, "GET", "/Attempts/"+theAttempt, ""); a.text("channel_data.to") != "+12025550123" || !f.reveal {
		t.Errorf("with the scope: %s", a.raw)
	}
	f.erased = true
	if a := f.ask(t, "GET", "/Attempts/"+theAttempt, ""); a.text("channel_data.to") != "+1•••••••23" {
		t.Errorf("of a recipient that was erased: %s", a.raw)
	}
	f.scopes = []string{tenant.ScopeAll}
	if a := f.ask(t, "GET", "/Attempts/"+theAttempt, ""); a.text("channel_data.to") != "+1•••••••23" || f.reveal {
		t.Errorf("without: %s", a.raw)
	}
}

func TestListsOfAttemptsAreMaskedUnlessTheyAreAskedForByNumber(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.refs = []verify.SendRef{{Verification: vrf, N: 1}}
	for query, want := range map[string]string{
		"": "+1•••••••23", "?ChannelData.To=%2B12025550123": "+12025550123", "?ChannelData%5C.To=%2B1%20202%20555-0123": "+12025550123",
	} {
		a := f.ask(t, "GET", "/Attempts"+query, "")
		if list := a.body["attempts"].([]any); len(list) != 1 || list[0].(map[string]any)["channel_data"].(map[string]any)["to"] != want || f.reveal {
			t.Errorf("%s: %s", query, a.raw)
		}
	}
}

func TestPagesOfAttemptsLeadOnFromWhereTheyEnded(t *testing.T) {
	t.Parallel()
	f := newFake()
	newer, older, far := uid.New(began.Add(time.Second), 1), uid.New(began.Add(-time.Second), 2), uid.New(began.Add(-time.Hour), 3)
	f.others = []uid.ID{newer, older}
	f.view.Sends = append(f.view.Sends, verify.Send{N: 2, Channel: delivery.SMS, At: began})
	ref := func(id uid.ID, n int) verify.SendRef { return verify.SendRef{Verification: id, N: n} }
	follow := func(u string, want verify.SendPage) answer {
		t.Helper()
		a := f.ask(t, "GET", strings.TrimPrefix(u, "https://verify.example.com/compat/twilio/v2"), "")
		if f.part != want {
			t.Errorf("%s: asked for %+v, want %+v", u, f.part, want)
		}
		return a
	}
	listed := func(a answer, want ...string) {
		t.Helper()
		if a.status != 200 || !slices.Equal(a.sids("attempts"), want) || a.text("meta.key") != "attempts" {
			t.Errorf("%d, want %v: %s", a.status, want, a.raw)
		}
	}
	f.refs, f.more = []verify.SendRef{ref(newer, 1), ref(vrf, 2)}, ref(vrf, 2)
	first := follow("/Attempts?PageSize=2&ChannelData%5C.To=%2B12025550123&Status=unconverted", verify.SendPage{Limit: 2})
	listed(first, attempt(newer, 1), attempt(vrf, 2))
	if next := first.text("meta.next_page_url"); first.at("meta.previous_page_url") != nil || !strings.Contains(next, "ChannelData%5C.To=%2B12025550123") ||
		!strings.Contains(next, "Status=unconverted") || !strings.Contains(next, "&Page=1&") {
		t.Errorf("first: %s", first.raw)
	}

	f.refs, f.more = nil, ref(far, 1) // a walk that found nothing, and stopped
	empty := follow(first.text("meta.next_page_url"), verify.SendPage{Limit: 2, From: ref(vrf, 2)})
	listed(empty)
	f.refs, f.more = []verify.SendRef{ref(older, 1)}, verify.SendRef{}
	last := follow(empty.text("meta.next_page_url"), verify.SendPage{Limit: 2, From: ref(far, 1)})
	listed(last, attempt(older, 1))
	if last.at("meta.next_page_url") != nil {
		t.Errorf("a page behind the last: %s", last.raw)
	}

	f.refs, f.more = []verify.SendRef{ref(vrf, 1), ref(vrf, 2)}, ref(vrf, 2)
	back := follow(last.text("meta.previous_page_url"), verify.SendPage{Limit: 2, From: ref(older, 1), Back: true})
	listed(back, attempt(vrf, 2), attempt(vrf, 1))
	follow(back.text("meta.next_page_url"), verify.SendPage{Limit: 2, From: ref(vrf, 1)})
	f.refs, f.more = nil, verify.SendRef{}
	none := follow(back.text("meta.previous_page_url"), verify.SendPage{Limit: 2, From: ref(vrf, 2), Back: true})
	listed(none)
	if none.at("meta.previous_page_url") != nil {
		t.Errorf("a page before the first: %s", none.raw)
	}
	follow(none.text("meta.next_page_url"), verify.SendPage{Limit: 2, From: ref(vrf, 3)}) // what it was come from is on it
	follow(empty.text("meta.previous_page_url"), verify.SendPage{Limit: 2, From: ref(vrf, 1), Back: true})
}

func TestWhatIsRemovedWhileItIsListedIsLeftOut(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.removed = uid.New(began, 3)
	f.refs = []verify.SendRef{{Verification: f.removed, N: 2}, {Verification: f.removed, N: 1}, {Verification: vrf, N: 1}}
	if a := f.ask(t, "GET", "/Attempts", ""); a.status != 200 || !slices.Equal(a.sids("attempts"), []string{theAttempt}) {
		t.Errorf("%d %s", a.status, a.raw)
	}
}

func TestAttemptsOfAServerAreListedReadAndCounted(t *testing.T) {
	t.Parallel()
	c := neighbour(t) // an account has 100 of these requests a minute, of which tests of every route take many
	at, to := c.service("CustomCodeEnabled", "true"), number()
	service := strings.TrimPrefix(at, "/Services/")
	c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "sms")
	v := c.must(201, "POST", at+"/Verifications", "To", to, "Channel", "call")
	code, _ := c.message(to, 2)
	c.must(200, "POST", at+"/VerificationCheck", "To", to, "Code", code)
	own := number()
	c.must(201, "POST", at+"/Verifications", "To", own, "Channel", "sms", "CustomCode", "918273")
	w := c.must(200, "POST", at+"/Verifications/"+own, "Status", "approved")
	sends := func(a answer) (sids []string) {
		for _, s := range a.body["send_code_attempts"].([]any) {
			sids = append(sids, s.(map[string]any)["attempt_sid"].(string))
		}
		return sids
	}
	sids, last := sends(v), sends(w)[0]
	one := c.must(200, "GET", "/Attempts/"+sids[1])
	if one.text("conversion_status") != "converted" || one.text("channel_data.to") != to || one.text("channel_data.call_status") == "" ||
		one.text("verification_sid") != v.text("sid") || one.text("service_sid") != service || one.text("channel_data.country") != "GB" {
		t.Errorf("%s", one.raw)
	}
	want := []string{last, sids[1], sids[0]}
	if got := c.pages("/Attempts?PageSize=2&VerifyServiceSid="+service, "attempts", true); !slices.Equal(got, want) {
		t.Errorf("listed %v, want %v", got, want)
	}
	for query, want := range map[string][]string{
		"ChannelData.To=" + url.QueryEscape(to) + "&Channel=SMS":        {sids[0]},
		"ChannelData%5C.To=" + url.QueryEscape(to) + "&Country=gb":      {sids[1], sids[0]},
		"VerificationSid=" + v.text("sid") + "&Status=Unconverted":      {sids[0]},
		"VerifyServiceSid=" + service + "&DateCreatedAfter=2100-01-01":  nil,
		"VerifyServiceSid=" + service + "&DateCreatedBefore=2020-01-01": nil,
	} {
		if a := c.must(200, "GET", "/Attempts?"+query); !slices.Equal(a.sids("attempts"), want) || a.body["attempts"] == nil {
			t.Errorf("%s: want %v, got %s", query, want, a.raw)
		}
	}
	for query, want := range map[string][3]float64{"": {3, 2, 1}, "&DestinationPrefix=%2B44770": {3, 2, 1}, "&DestinationPrefix=%2B1": {}} {
		a := c.must(200, "GET", "/Attempts/Summary?VerifyServiceSid="+service+query)
		if (a.at("total_attempts") != want[0]) || a.at("total_converted") != want[1] || a.at("total_unconverted") != want[2] {
			t.Errorf("counted by %q: %s", query, a.raw)
		}
	}
	other := account(t)
	other.refused(404, 20404, "GET", "/Attempts/"+sids[1])
	c.refused(404, 20404, "GET", "/Attempts/"+sids[1][:14]+"3"+sids[1][15:])
	if a := other.must(200, "GET", "/Attempts?VerificationSid="+v.text("sid")); len(a.sids("attempts")) != 0 {
		t.Errorf("another tenant's: %s", a.raw)
	}
}
