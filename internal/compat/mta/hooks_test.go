package mta_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/countersign/countersign/internal/egress"
	"github.com/countersign/countersign/internal/outbox"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
	"github.com/countersign/countersign/internal/webhook/webhooktest"
)

const hooksPath = "/v3/webhooks"

// signed reports whether the vendor's clients take what came, with the secret.
func signed(h webhooktest.Heard) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(h.Raw))
	return h.Header.Get("X-Signature") == hex.EncodeToString(mac.Sum(nil))
}

// news gives the bodies that came, as text by a member each.
func news(all []webhooktest.Heard, member string) (list []string) {
	for _, h := range all {
		text, _ := h.Body[member].(string)
		list = append(list, text)
	}
	return list
}

// sent is what an event of a send says of itself.
func sent(state, word string) string {
	return `{"send":1,"deliveries":[{"n":1,"provider":"a","state":"failed","error":"timeout"},{"n":2,"provider":"b","state":"` + state + `","error":"` + word + `"}]}`
}

func TestMTA_41_a_body_is_signed_over_the_bytes_that_are_sent(t *testing.T) {
	t.Parallel()
	bubble(t, records{}, func(t *testing.T, b *hookBench) {
		b.register("delivery-status")
		b.happen(uid.Random(time.Now()), "verification.sent", sent("sent", ""))
		all := b.Ears.Got()
		if len(all) != 1 || !signed(all[0]) || strings.ToLower(all[0].Header.Get("X-Signature")) != all[0].Header.Get("X-Signature") {
			t.Fatalf("%+v", all)
		}
		if all[0].Header.Get("Content-Type") != "application/json" || all[0].Header.Get("webhook-signature") != "" || strings.HasSuffix(all[0].Raw, "\n") {
			t.Errorf("%+v", all[0])
		}
		all[0].Raw += " "
		if signed(all[0]) {
			t.Error("a changed body passes")
		}
	})
}

func TestMTA_42_only_200_is_a_delivery(t *testing.T) {
	t.Parallel()
	for _, status := range []int{200, 201, 204, 301, 302, 400, 410, 500} {
		bubble(t, records{}, func(t *testing.T, b *hookBench) {
			b.Ears.Answer = func(int) int { return status }
			e := b.register("delivery-status", func(e *webhook.Endpoint) { e.Once = true })
			b.happen(uid.Random(time.Now()), "verification.sent", sent("sent", ""))
			list, _, err := b.Deliveries(t.Context(), b.Tenant, webhook.DeliveryFilter{Endpoint: e.ID, Page: uid.Page{Limit: 10}})
			want := webhook.Dead
			if status == 200 {
				want = webhook.Delivered
			}
			if err != nil || len(list) != 1 || list[0].State != want || list[0].Status != status {
				t.Errorf("%d: %+v, %v", status, list, err)
			}
			if e, err := b.Endpoint(t.Context(), b.Tenant, e.ID); err != nil || !e.Enabled {
				t.Errorf("%d switched it off: %v", status, err)
			}
		})
	}
}

func TestMTA_43_retryOnError_tries_eight_times_from_10_seconds_to_6_hours(t *testing.T) {
	t.Parallel()
	want := []time.Duration{10 * time.Second, 36 * time.Second, 129 * time.Second, 466 * time.Second, 1679 * time.Second, 6046 * time.Second, 6 * time.Hour}
	for again, tries := range map[bool]int{true: 8, false: 1} {
		bubble(t, records{}, func(t *testing.T, b *hookBench) {
			b.Ears.Answer = func(int) int { return 500 }
			b.register("delivery-status", func(e *webhook.Endpoint) { e.Once = !again })
			b.happen(uid.Random(time.Now()), "verification.sent", sent("sent", ""))
			time.Sleep(3 * 24 * time.Hour)
			all := b.Ears.Got()
			if len(all) != tries {
				t.Fatalf("%d tries, want %d", len(all), tries)
			}
			for i := range len(all) - 1 {
				if gap := all[i+1].At.Sub(all[i].At); gap < want[i] || gap > want[i]*12/10+10*time.Second {
					t.Errorf("try %d came after %v, want %v and a little", i+2, gap, want[i])
				}
				if all[i].Raw != all[i+1].Raw || all[i].Header.Get("X-Delivery-Id") != all[i+1].Header.Get("X-Delivery-Id") {
					t.Errorf("try %d is another delivery", i+2)
				}
			}
		})
	}
}

func TestWebhooks_are_shown_as_they_are_posted_without_their_signature(t *testing.T) {
	t.Parallel()
	for _, event := range []string{"delivery-status", "verification-status"} {
		bubble(t, records{}, func(t *testing.T, b *hookBench) {
			b.Ears.Answer = func(int) int { return 500 }
			e := b.register(event)
			b.happen(uid.Random(time.Now()), "verification.failed", sent("failed", "timeout"))
			time.Sleep(time.Minute) // one more try, at another time
			b.CheckShown(e, "X-Signature")
			if _, err := b.Test(t.Context(), webhook.Caller{}, b.Tenant, e.ID); err != nil {
				t.Fatal(err)
			}
			time.Sleep(5 * time.Second)
			b.CheckShown(e, "X-Signature")
		})
	}
}

func TestMTA_A11_a_receiver_has_ten_seconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := webhooktest.NewMemory()
		s := hooksOn(store, hang{}, false)
		e, _, err := s.Create(t.Context(), webhook.Caller{}, webhook.Endpoint{Tenant: uid.NewTenant(time.Now()), Dialect: "mta",
			URL: "https://example.com/", Events: []string{"delivery-status"}, Own: secret})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Test(t.Context(), webhook.Caller{}, e.Tenant, e.ID); err != nil {
			t.Fatal(err)
		}
		rows, err := store.Jobs.Rows(t.Context())
		if err != nil || len(rows) != 1 {
			t.Fatal(rows, err)
		}
		begin := time.Now()
		s.HandleDeliver(t.Context(), rows[0].Job)
		list, _, err := s.Deliveries(t.Context(), e.Tenant, webhook.DeliveryFilter{Endpoint: e.ID, Page: uid.Page{Limit: 1}})
		if err != nil || time.Since(begin) != 10*time.Second || list[0].Error != webhook.ErrorTimeout {
			t.Errorf("after %v %+v, %v", time.Since(begin), list, err)
		}
	})
}

// hang answers when the time is over.
type hang struct{}

func (hang) UserAgent() string { return "hang" }

func (hang) Do(ctx context.Context, _ *http.Request) (*egress.Response, error) {
	<-ctx.Done()
	return nil, &egress.CallError{Host: "example.com", Sent: true, Err: ctx.Err()}
}

func TestMTA_44_each_delivery_has_an_id_of_its_own(t *testing.T) {
	t.Parallel()
	bubble(t, records{}, func(t *testing.T, b *hookBench) {
		b.register("delivery-status")
		b.register("message-send") // the same event of ours at another webhook is another delivery
		b.happen(uid.Random(time.Now()), "verification.sent", sent("sent", ""), "verification.receipt", `{"n":2,"send":1,"provider":"b","state":"delivered"}`)
		ids := map[string]bool{}
		for _, h := range b.Ears.Got() {
			id := h.Header.Get("X-Delivery-Id")
			if ids[id] || !uuidForm.MatchString(id) {
				t.Errorf("X-Delivery-Id %q", id)
			}
			ids[id] = true
		}
		if len(ids) != 3 {
			t.Errorf("%d deliveries, want 3", len(ids))
		}
	})
}

func TestMTA_45_a_secret_is_shown_by_its_last_four_characters(t *testing.T) {
	t.Parallel()
	f := newFake()
	made := f.call("POST", hooksPath, `{"event":"delivery-status","url":"https://example.com/a","secret":"`+secret+`"}`, nil)
	id, _ := made.data()["id"].(string)
	changed := f.call("PATCH", hooksPath+"/"+id, `{"retryOnError":true}`, nil)
	list := f.call("GET", hooksPath, "", nil)
	for _, r := range []reply{made, changed, list} {
		if r.status != 200 || strings.Contains(r.text, secret[:100]) || !strings.Contains(r.text, `"secret":"****cd9f"`) {
			t.Errorf("%d %s", r.status, r.text)
		}
	}
	if r := f.call("PATCH", hooksPath+"/"+id, `{"secret":"`+strings.Repeat("f", 124)+`0000"}`, nil); r.data()["secret"] != "****0000" {
		t.Errorf("a new one: %s", r.text)
	}
	for _, bad := range []string{`""`, `"short"`, `"` + strings.Repeat("x", 257) + `"`, `"with a space in it"`, `"ümlautümlautümlaut"`} {
		r := f.call("PATCH", hooksPath+"/"+id, `{"secret":`+bad+`}`, nil)
		checkError(t, r, 400, "BadRequestError")
		if strings.Contains(r.text, strings.Trim(bad, `"`)) && bad != `""` {
			t.Errorf("it is repeated: %s", r.text)
		}
	}
}

func TestMTA_46_only_public_https_is_posted_to_and_no_redirect_followed(t *testing.T) {
	t.Parallel()
	f := newFake()
	for _, bad := range []string{"http://example.com/", "http://127.0.0.1/", "ftp://example.com/", "https://u:p@example.com/", "https://", "x", ""} {
		r := f.call("POST", hooksPath, `{"event":"delivery-status","url":"`+bad+`","secret":"`+secret+`"}`, nil)
		checkError(t, r, 400, "BadRequestError")
	}
	var mu sync.Mutex
	hits := map[string]int{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		hits[r.URL.Path]++
		http.Redirect(w, r, "/elsewhere", http.StatusFound)
	}))
	t.Cleanup(server.Close)
	for open, word := range map[bool]string{false: webhook.ErrorRefused, true: webhook.ErrorStatus} {
		cfg := egress.Config{}
		if open {
			cfg.Allow = loopbacks
		}
		client, err := egress.New(cfg, prometheus.NewRegistry())
		if err != nil {
			t.Fatal(err)
		}
		store := webhooktest.NewMemory()
		s := hooksOn(store, client, true)
		e, _, err := s.Create(t.Context(), webhook.Caller{}, webhook.Endpoint{Tenant: uid.NewTenant(time.Now()), Dialect: "mta", URL: server.URL + "/hook",
			Events: []string{"delivery-status"}, Own: secret})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.Test(t.Context(), webhook.Caller{}, e.Tenant, e.ID); err != nil {
			t.Fatal(err)
		}
		rows, err := store.Jobs.Rows(t.Context())
		if err != nil || len(rows) != 1 {
			t.Fatal(rows, err)
		}
		if v := s.HandleDeliver(t.Context(), rows[0].Job); v.Outcome != outbox.Committed {
			t.Fatalf("%+v", v)
		}
		list, _, err := s.Deliveries(t.Context(), e.Tenant, webhook.DeliveryFilter{Endpoint: e.ID, Page: uid.Page{Limit: 1}})
		if err != nil || list[0].Error != word {
			t.Errorf("loopback %v: %+v, %v", open, list, err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	if hits["/hook"] != 1 || hits["/elsewhere"] != 0 {
		t.Errorf("%v", hits)
	}
}

func TestMTA_47_the_payload_is_of_version_3(t *testing.T) {
	t.Parallel()
	bubble(t, records{}, func(t *testing.T, b *hookBench) {
		b.register("delivery-status")
		id := uid.Random(time.Now())
		b.happen(id, "verification.sent", sent("sent", ""))
		all := b.Ears.Got()
		if len(all) != 1 {
			t.Fatalf("%d came", len(all))
		}
		got := all[0].Body
		at, _ := got["occurredAt"].(string)
		if _, err := time.Parse(time.RFC3339, at); err != nil {
			t.Error(err)
		}
		message, _ := got["messageId"].(string)
		delete(got, "occurredAt")
		delete(got, "messageId")
		text, _ := json.Marshal(got)
		const want = `{"event":"delivery-status","externalId":"order-7","phone_e164":"+44 ••• ••• ••23","phone_national":"••• ••• ••23",` +
			`"senderName":null,"status":"sent","tags":{"team":"a"},"type":"sms","verificationId":"`
		if string(text) != want+id.UUID()+`"}` || message == "" {
			t.Errorf("%s, messageId %q", text, message)
		}
	})
}

func TestMTA_48_externalId_and_tags_are_in_all_events(t *testing.T) {
	t.Parallel()
	for gone, want := range map[bool]string{false: `"externalId":"order-7","tags":{"team":"a"}`, true: `"externalId":null,"tags":{}`} {
		bubble(t, records{gone: gone}, func(t *testing.T, b *hookBench) {
			for _, event := range []string{"delivery-status", "message-send", "verification-status", "verification-risk"} {
				b.register(event)
			}
			b.happen(uid.Random(time.Now()), "verification.started", "{}", "verification.sent", sent("sent", ""), "verification.denied", "{}")
			all := b.Ears.Got()
			if len(all) != 5 {
				t.Fatalf("%d came: %v", len(all), news(all, "event"))
			}
			for _, h := range all {
				if !strings.Contains(h.Raw, want) {
					t.Errorf("%s", h.Raw)
				}
			}
		})
	}
}

func TestMTA_49_a_webhook_gets_the_whole_history(t *testing.T) {
	t.Parallel()
	bubble(t, records{}, func(t *testing.T, b *hookBench) { // whose record says superseded, whatever happened before
		b.register("delivery-status")
		receipt := func(state, word string) string {
			return `{"n":2,"send":1,"provider":"b","state":"` + state + `","error":"` + word + `"}`
		}
		b.happen(uid.Random(time.Now()),
			"verification.started", "{}",
			"verification.delivery_recorded", sent("failed", "timeout"),
			"verification.sent", sent("sent", ""),
			"verification.receipt", receipt("failed", "refused"),
			"verification.receipt", receipt("expired", ""),
			"verification.receipt", receipt("failed", "invalid_recipient"),
			"verification.receipt", receipt("delivered", ""),
			"verification.check_failed", `{"checks":1,"outcome":"wrong"}`,
			"verification.failed", `{"send":1,"deliveries":[]}`,
			"verification.sent", sent("unknown", ""),
		)
		want := []string{"undelivered", "sent", "rejected", "undelivered", "undeliverable", "delivered", "undeliverable", "unknown"}
		if got := news(b.Ears.Got(), "status"); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
	})
}

func TestMTA_49_what_is_on_its_way_when_a_webhook_changes_is_told_as_what_it_is(t *testing.T) {
	t.Parallel()
	for before, c := range map[string]struct{ after, kind, data, status string }{
		"delivery-status":     {after: "verification-status", kind: "verification.sent", data: sent("sent", ""), status: "sent"},
		"verification-status": {after: "delivery-status", kind: "verification.approved", data: `{"checks":1}`, status: "APPROVED"},
		"verification-risk":   {after: "message-send", kind: "verification.denied", data: "{}", status: "INVALID"},
	} {
		bubble(t, records{}, func(t *testing.T, b *hookBench) {
			b.Ears.Answer = func(n int) int { return []int{500, 200}[min(n-1, 1)] }
			e := b.register(before)
			b.happen(uid.Random(time.Now()), c.kind, c.data)
			if _, err := b.Update(t.Context(), webhook.Caller{Actor: "key:key_1"}, b.Tenant, e.ID, func(e *webhook.Endpoint) { e.Events = []string{c.after} }); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Minute)
			all := b.Ears.Got()
			if len(all) != 2 || all[1].Body["status"] != c.status || all[1].Body["event"] == c.after {
				t.Errorf("%s, then %s: %v, %v", before, c.after, news(all, "status"), news(all, "event"))
			}
		})
	}
}

func TestMTA_A9_outcomes_are_told_as_they_were(t *testing.T) {
	t.Parallel()
	bubble(t, records{}, func(t *testing.T, b *hookBench) {
		b.register("verification-status")
		var pairs []string
		for _, kind := range []string{"started", "resent", "approved", "exhausted", "expired", "canceled", "superseded", "failed", "denied"} {
			pairs = append(pairs, "verification."+kind, "{}")
		}
		b.happen(uid.Random(time.Now()), pairs...)
		all := b.Ears.Got()
		if want, got := []string{"PENDING", "APPROVED", "INVALID", "EXPIRED", "INVALID", "EXPIRED", "INVALID", "INVALID"}, news(all, "status"); !slices.Equal(got, want) {
			t.Fatalf("%v, want %v", got, want)
		}
		if want, got := []string{"", "", "attempts_exhausted", "", "canceled", "superseded", "undeliverable", "blocked"}, news(all, "reason"); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		if want, got := []string{"", "PENDING", "PENDING", "PENDING", "PENDING", "PENDING", "PENDING", ""}, news(all, "previousStatus"); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		if want, got := []string{"", "", "", "", "", "", "", "landline"}, news(all, "risk"); !slices.Equal(got, want) {
			t.Errorf("%v, want %v", got, want)
		}
		if got := all[0].Body; got["to"] != "+44 ••• ••• ••23" || got["lineType"] != "unknown" || got["carrier"] != "unknown" || got["event"] != "verification-status" {
			t.Errorf("%v", got)
		}
	})
}

// listener is a server of a client on this machine.
func listener(t *testing.T) (url string, got func() []webhooktest.Heard) {
	t.Helper()
	var mu sync.Mutex
	var all []webhooktest.Heard
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		text, _ := io.ReadAll(r.Body)
		one := webhooktest.Heard{Header: r.Header, Raw: string(text), URL: r.URL.Path}
		_ = json.Unmarshal(text, &one.Body)
		mu.Lock()
		defer mu.Unlock()
		all = append(all, one)
	}))
	t.Cleanup(s.Close)
	return s.URL, func() []webhooktest.Heard { mu.Lock(); defer mu.Unlock(); return slices.Clone(all) }
}

func TestMTA_26_31_events_of_a_server_are_led_through_by_verificationId(t *testing.T) {
	t.Parallel()
	c := ordinary.client(t)
	url, got := listener(t)
	var ids []string
	for _, event := range []string{"delivery-status", "verification-status", "verification-risk", "message-reply"} {
		r := c.post(hooksPath, object{"event": event, "url": url + "/" + event, "secret": secret, "retryOnError": true})
		id, _ := r.data()["id"].(string)
		if r.status != 200 || !uuidForm.MatchString(id) {
			t.Fatalf("%d %s", r.status, r.text)
		}
		ids = append(ids, id)
	}
	defer func() {
		for _, id := range ids {
			if r := c.call("DELETE", hooksPath+"/"+id, nil, nil); r.status != 200 {
				t.Errorf("%d %s", r.status, r.text)
			}
		}
	}()
	to := newNumber()
	ok := c.mustSend(object{"to": to, "externalId": "w-1", "tags": object{"a": "b"}})
	c.want(c.check(object{"to": to, "code": c.message(to, 1).Code}), "APPROVED")
	blocked := c.post(sendPath, object{"to": newLandline(), "externalId": "w-2"})
	if blocked.object["deliverable"] != false {
		t.Fatalf("%s", blocked.text)
	}
	have := func(path, verification, status string) bool {
		return slices.ContainsFunc(got(), func(h webhooktest.Heard) bool {
			return h.URL == path && h.Body["verificationId"] == verification && h.Body["status"] == status && signed(h)
		})
	}
	first, _ := ok.object["verificationId"].(string)
	second, _ := blocked.object["verificationId"].(string)
	until(t, "six posts", func() bool {
		return have("/delivery-status", first, "sent") && have("/verification-status", first, "PENDING") && have("/verification-status", first, "APPROVED") &&
			have("/verification-status", second, "INVALID") && have("/verification-risk", second, "INVALID")
	})
	for _, h := range got() {
		if h.Body["verificationId"] == first && (h.Body["externalId"] != "w-1" || strings.Contains(h.Raw, to[3:10])) {
			t.Errorf("%s", h.Raw)
		}
		if h.Body["messageId"] != nil && h.Body["verificationId"] == first && h.Body["messageId"] != ok.object["messageId"] {
			t.Errorf("messageId %v, want %v", h.Body["messageId"], ok.object["messageId"])
		}
		if h.URL == "/verification-risk" && (h.Body["risk"] != "landline" || h.Body["reason"] != "blocked") {
			t.Errorf("%s", h.Raw)
		}
	}
	if text := c.at.log.String(); strings.Contains(text, secret[:32]) {
		t.Error("the secret is in the log")
	}
}
