package mta_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestMTA_37_a_read_reflects_expiry_at_the_moment(t *testing.T) {
	t.Parallel()
	c := brief.client(t)
	to, id, _ := c.begun(object{"serviceName": "Acme"})
	got := c.get("/v3/verify/" + id)
	if d := got.data(); got.object["success"] != true || d["id"] != id || d["number"] != to || d["serviceName"] != "Acme" || d["timeoutSeconds"] != 5.0 ||
		d["codeLength"] != 6.0 || d["status"] != "PENDING" || d["type"] != "sms" || d["deliverable"] != true || d["lineType"] != "mobile" ||
		d["attemptsLeft"] != 5.0 || d["createdAt"] == nil || d["expiresAt"] == nil || d["approvedAt"] != nil {
		t.Errorf("%s", got.text)
	}
	ends, err := time.Parse(time.RFC3339, got.data()["expiresAt"].(string))
	if err != nil {
		t.Fatal(err)
	}
	until(t, "the end", func() bool { return time.Now().After(ends.Add(time.Millisecond)) })
	if d := c.get("/v3/verify/" + id).data(); d["status"] != "EXPIRED" || d["attemptsLeft"] != 0.0 {
		t.Errorf("past its time: %v", d)
	}
	c.wantError(c.get("/v3/verify/01890000-0000-7000-8000-000000000001"), http.StatusNotFound, "NotFoundError")
}

func TestMTA_38_a_list_is_paged_sorted_and_filtered(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.keep(60)
	at := func(i int) string { return f.views[i].ID.UUID() }
	for _, c := range []struct {
		query string
		want  []int // which of the newest, first and last of the page
		rows  int
		total any
	}{
		{"", []int{0, 24}, 25, 60.0},
		{"page=3", []int{50, 59}, 10, 60.0},
		{"page=4", nil, 0, 60.0},
		{"page=2&pageSize=7", []int{7, 13}, 7, 60.0},
		{"sortDirection=ASC&pageSize=5", []int{59, 55}, 5, 60.0},
		{"sortDirection=asc&page=12&pageSize=5&sortBy=createdAt", []int{4, 0}, 5, 60.0},
		{"filters[status]=APPROVED", []int{0, 57}, 20, 20.0},
		{"filters[status]=EXPIRED&pageSize=250", []int{1, 59}, 40, 40.0},
		{"filters[status]=PENDING", nil, 0, 0.0},
		{"filters[startDate]=2026-11-26", []int{0, 24}, 25, 60.0},
		{"filters[startDate]=2026-11-27", nil, 0, 0.0},
		{"filters[endDate]=2026-11-25", nil, 0, 0.0},
	} {
		r := f.call("GET", "/v3/verify?"+c.query, "", nil)
		got := rows(r)
		if r.status != http.StatusOK || len(got) != c.rows || r.data()["total"] != c.total {
			t.Errorf("%q: %d, %d rows, total %v; want %d, total %v", c.query, r.status, len(got), r.data()["total"], c.rows, c.total)
			continue
		}
		if c.rows > 0 && (got[0]["id"] != at(c.want[0]) || got[c.rows-1]["id"] != at(c.want[1])) {
			t.Errorf("%q gives other rows", c.query)
		}
		f.pass(time.Minute)
	}
	for _, bad := range []string{"page=0", "page=x", "pageSize=251", "pageSize=0", "page=10001", "sortBy=number", "sortDirection=UP",
		"filters[status]=SENT", "filters[startDate]=26.11.2026", "filters[endDate]=2026-13-01"} {
		checkError(t, f.call("GET", "/v3/verify?"+bad, "", nil), http.StatusBadRequest, "BadRequestError")
	}
}

func TestMTA_38_a_walk_is_bounded_and_says_what_it_does_not_know(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.keep(10_050)
	r := f.call("GET", "/v3/verify?page=2", "", nil)
	if total, has := r.data()["total"]; r.status != http.StatusOK || !has || total != nil || f.reads != 1 {
		t.Errorf("%d after %d reads, total %v; want null after one read", r.status, f.reads, total)
	}
	f.reads = 0
	if r := f.call("GET", "/v3/verify?page=40&pageSize=250", "", nil); len(rows(r)) != 250 || f.reads != 50 {
		t.Errorf("%d rows after %d reads: %d", len(rows(r)), f.reads, r.status)
	}
	for _, deep := range []string{"page=41&pageSize=250", "sortDirection=ASC", "filters[status]=PENDING"} {
		f.reads = 0
		r := f.call("GET", "/v3/verify?"+deep, "", nil)
		if f.reads > 50 {
			t.Errorf("%s: %d reads", deep, f.reads)
		}
		if deep == "filters[status]=PENDING" { // the store looks for that itself, and there is none
			continue
		}
		checkError(t, r, http.StatusBadRequest, "BadRequestError")
	}
}

func TestMTA_38_the_store_of_a_server_is_listed_newest_first(t *testing.T) {
	t.Parallel()
	c := ordinary.client(t)
	to, id, code := c.begun(nil)
	c.want(c.check(object{"verificationId": id, "code": code}), "APPROVED")
	next := c.mustSend(object{"to": to}).object["verificationId"]
	query := "/v3/verify?query=" + strings.Replace(to, "+", "%2B", 1)
	got := rows(c.get(query))
	if len(got) != 2 || got[0]["id"] != next || got[1]["id"] != id || got[0]["status"] != "PENDING" || got[1]["status"] != "APPROVED" {
		t.Errorf("%v", got)
	}
	if number, _ := got[0]["number"].(string); number == to || number == "" {
		t.Errorf("a list shows the number as %q, want it masked", number)
	}
	if got := rows(c.get(query + "&filters%5Bstatus%5D=APPROVED")); len(got) != 1 || got[0]["id"] != id {
		t.Errorf("%v", got)
	}
}

func TestMTA_49_deliveries_tell_the_latest_status_alone(t *testing.T) {
	t.Parallel()
	c := ordinary.client(t)
	to, id, _ := c.begun(object{"externalId": "e1", "tags": object{"k": "v"}})
	query := "/v3/deliveries?query=" + strings.Replace(to, "+", "%2B", 1)
	var got []object
	until(t, "the delivery", func() bool { got = rows(c.get(query)); return len(got) == 1 && got[0]["status"] == "sent" })
	if got[0]["verificationId"] != id || got[0]["type"] != "sms" || got[0]["externalId"] != "e1" || got[0]["date"] == nil {
		t.Errorf("%v", got[0])
	}
	if d := c.get("/v3/verify/" + id).data(); d["messageId"] != got[0]["messageId"] || d["deliveryStatus"] != "sent" {
		t.Errorf("%v", d)
	}
	for filter, want := range map[string]int{"status%5D=sent": 1, "status%5D=delivered": 0, "type%5D=sms": 1, "type%5D=mms": 0} {
		if n := len(rows(c.get(query + "&filters%5B" + filter))); n != want {
			t.Errorf("%s: %d rows, want %d", filter, n, want)
		}
	}
	c.wantError(c.get("/v3/deliveries?filters%5Bstatus%5D=SENT"), http.StatusBadRequest, "BadRequestError")
}

func TestDeliveries_read_no_more_verifications_than_their_bound(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.keep(1000)
	if r := f.call("GET", "/v3/deliveries?pageSize=10", "", nil); len(rows(r)) != 10 || f.reads > 11 {
		t.Errorf("%d rows after %d reads", len(rows(r)), f.reads)
	}
	f.reads = 0
	if r := f.call("GET", "/v3/deliveries?filters[status]=sent&page=2&pageSize=10", "", nil); len(rows(r)) != 10 || f.reads > 21 {
		t.Errorf("by status: %d rows after %d reads", len(rows(r)), f.reads)
	}
	f.reads = 0
	checkError(t, f.call("GET", "/v3/deliveries?filters[status]=rejected", "", nil), http.StatusBadRequest, "BadRequestError")
	if f.reads > 503 {
		t.Errorf("%d reads", f.reads)
	}
}

func TestMTA_23_the_line_is_recognised_before_anything_is_sent(t *testing.T) {
	t.Parallel()
	c := ordinary.client(t)
	for number, want := range map[string][3]any{ // deliverable, lineType, risk
		"+447700900555":   {true, "mobile", nil},
		"+442079460111":   {false, "landline", "landline"},
		"+448081570111":   {false, "toll_free", "deny_list"},
		"+449098790111":   {false, "premium", "deny_list"},
		"+12025550111":    {true, "unknown", nil}, // North America does not tell
		"+44 7700 900555": {true, "mobile", nil},
		"nonsense":        {false, "unknown", "invalid_format"},
	} {
		r := c.post("/v3/verify/number", object{"to": number})
		if got := [3]any{r.object["deliverable"], r.object["lineType"], r.object["risk"]}; r.status != http.StatusOK || got != want || r.object["carrier"] != "unknown" {
			t.Errorf("%s: %s", number, r.text)
		}
	}
	c.wantError(c.post("/v3/verify/number", object{}), http.StatusBadRequest, "BadRequestError")
}

func TestMTA_24_hard_risks_block_and_bypass_overrides_soft_ones_alone(t *testing.T) {
	t.Parallel()
	c := ordinary.client(t)
	send := func(to string, bypass bool) reply { return c.post(sendPath, object{"to": to, "bypass": bypass}) }
	const premium = "+449098790222"
	landline := newLandline()
	if r := send(premium, true); r.object["deliverable"] != false || r.object["risk"] != "deny_list" || r.object["messageId"] != "" {
		t.Errorf("premium: %s", r.text)
	}
	if r := send(landline, false); r.object["status"] != "INVALID" || r.object["risk"] != "landline" {
		t.Errorf("landline: %s", r.text)
	}
	if n := len(c.inbox(landline)) + len(c.inbox(premium)); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
	r := send(landline, true)
	if r.object["status"] != "PENDING" || r.object["risk"] != "landline" || r.object["deliverable"] != false {
		t.Errorf("landline with bypass: %s", r.text)
	}
	c.message(landline, 1)
}

func TestMTA_25_every_send_answer_reports_the_number(t *testing.T) {
	t.Parallel()
	c := ordinary.client(t)
	for _, to := range []string{newNumber(), "+442079460333", "+449098790333", "nonsense"} {
		r := c.post(sendPath, object{"to": to})
		for _, field := range []string{"to", "timeoutSeconds", "type", "status", "messageId", "verificationId", "deliverable", "reason", "carrier", "lineType", "risk"} {
			if _, has := r.object[field]; !has {
				t.Errorf("%s: no %s in %s", to, field, r.text)
			}
		}
	}
}

func TestMTA_26_a_blocked_send_makes_an_INVALID_verification_and_no_message(t *testing.T) {
	t.Parallel()
	c := brief.client(t)
	for to, risk := range map[string]string{"+442079460444": "landline", "+447700900999": "unsubscribed"} {
		r := c.post(sendPath, object{"to": to, "timeoutSeconds": 120})
		if r.status != http.StatusOK || r.object["status"] != "INVALID" || r.object["deliverable"] != false || r.object["risk"] != risk ||
			r.object["reason"] != "blocked" || r.object["messageId"] != "" || r.object["timeoutSeconds"] != 120.0 {
			t.Errorf("%s", r.text)
		}
		id := fmt.Sprint(r.object["verificationId"])
		if d := c.get("/v3/verify/" + id).data(); d["status"] != "INVALID" || d["reason"] != "blocked" || d["risk"] != risk || d["deliverable"] != false {
			t.Errorf("%v", d)
		}
		c.want(c.check(object{"verificationId": id, "code": "123456"}), "INVALID")
		if n := len(c.inbox(to)); n != 0 {
			t.Errorf("%d messages were sent", n)
		}
	}
}

func TestMTA_27_a_live_look_up_that_can_not_be_had_blocks_gated_sends_alone(t *testing.T) {
	t.Parallel()
	c := ordinary.client(t)
	r := c.mustSend(object{"to": newNumber(), "realtime": true})
	if r.object["risk"] != "unknown" || r.object["deliverable"] != true {
		t.Errorf("realtime: %s", r.text)
	}
	to := newNumber()
	if r := c.post(sendPath, object{"to": to, "realtime": true, "gated": true}); r.object["status"] != "INVALID" || r.object["risk"] != "unknown" {
		t.Errorf("realtime and gated: %s", r.text)
	}
	if n := len(c.inbox(to)); n != 0 {
		t.Errorf("%d messages were sent", n)
	}
	c.mustSend(object{"to": newNumber(), "gated": true})
}
