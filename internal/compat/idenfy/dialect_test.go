package idenfy_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
	"github.com/countersign/countersign/internal/webhook/webhooktest"
)

// The data of events of sessions, as package invite writes them.
const (
	handedOff = `{"status":"handed_off","from":"consented","dialect":"idenfy"}`
	expired   = `{"status":"expired","from":"opened","reason":"contact_attempts_exceeded","dialect":"idenfy"}`
	canceled  = `{"status":"canceled","from":"sent","dialect":"idenfy"}`
)

// callback is data of a session that names a callbackUrl.
func callback(data string) string { return strings.Replace(data, `"idenfy"`, `"idenfy_callback"`, 1) }

// signed reports whether the vendor's clients take what came.
func signed(h webhooktest.Heard, secret string) bool {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(h.Raw))
	return h.Header.Get("Idenfy-Signature") == hex.EncodeToString(mac.Sum(nil))
}

func TestID_41_a_body_is_signed_over_its_bytes_by_a_key_that_is_always_there(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *hookBench) {
		e, secret := b.Register(forEvents("IDENTIFICATION_AUTO_FINISHED"))
		of := b.session("")
		b.happen(of, invite.EventHandedOff, handedOff)
		all := b.Ears.Got()
		if len(all) != 1 || len(secret) < 32 || !signed(all[0], secret) || all[0].Header.Get("Idenfy-Event-Type") != "IDENTIFICATION_AUTO_FINISHED" {
			t.Fatalf("%+v", all)
		}
		if all[0].Header.Get("Content-Type") != "application/json" || all[0].Header.Get("webhook-signature") != "" || strings.HasSuffix(all[0].Raw, "\n") {
			t.Errorf("%+v", all[0].Header)
		}
		all[0].Raw += " "
		if signed(all[0], secret) {
			t.Error("a changed body passes")
		}
		_, fresh, err := b.Rotate(t.Context(), webhook.Caller{}, account, e.ID)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := b.Stage.Test(t.Context(), webhook.Caller{}, account, e.ID); err != nil {
			t.Fatal(err)
		}
		b.wait(5 * time.Second)
		all = b.Ears.Got()
		last := all[len(all)-1]
		if len(all) != 2 || !signed(last, fresh.Reveal()) || last.Header.Get("Idenfy-Event-Type") != "TEST" || last.Body["scanRef"] != "" {
			t.Errorf("after a rotation: %+v", last)
		}
	})
}

func TestID_36_37_the_payload_tells_which_contacts_were_required_and_proven(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *hookBench) {
		b.Register(forEvents("IDENTIFICATION_AUTO_FINISHED", "IDENTIFICATION_EXPIRED"))
		both, phone, none := b.session(""), b.session(`"verifyEmail":false`), b.session(`"verifyPhone":false,"verifyEmail":false`)
		b.change(both.UUID(), func(v *invite.View) {
			v.Gates[0].Masked, v.Gates[0].PassedAt, v.Gates[1].Masked, v.OpenedAt = "+44 ••• ••• ••23", began, "a•••@example.net", began
		})
		for _, c := range []struct {
			of   uid.ID
			want string
		}{
			{both, `"phoneVerification":{"phone":"+447700900123","phoneVerified":true},"emailVerification":{"email":"ann@example.net","emailVerified":false}`},
			{phone, `"phoneVerification":{"phone":null,"phoneVerified":false},"emailVerification":null`},
			{none, `"phoneVerification":null,"emailVerification":null`},
		} {
			b.happen(c.of, invite.EventExpired, expired)
			all := b.Ears.Got()
			last := all[len(all)-1]
			if !strings.Contains(last.Raw, c.want) || last.Body["scanRef"] != c.of.UUID() {
				t.Errorf("%s\nwithout %s", last.Raw, c.want)
			}
		}
		first := b.Ears.Got()[0]
		status, _ := first.Body["status"].(object)
		for name, want := range map[string]any{
			"clientId": "c-1", "externalRef": "order-7", "final": nil, "platform": "OTHER", "startTime": float64(began.Unix()), "clientIp": nil, "riskAssessment": nil,
		} {
			if got, there := first.Body[name]; !there || got != want {
				t.Errorf("%s is %v, want %v", name, got, want)
			}
		}
		if status["overall"] != "EXPIRED" || status["autoDocument"] != nil || first.Body["finishTime"] == nil {
			t.Errorf("%s", first.Raw)
		}
		if data, _ := first.Body["data"].(object); len(data) == 0 {
			t.Errorf("%s", first.Raw)
		}
	})
}

func TestID_38_an_expired_or_cancelled_session_tells_what_was_confirmed_until_then(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *hookBench) {
		b.Register(forEvents("IDENTIFICATION_CANCELLED", "IDENTIFICATION_EXPIRED"))
		for kind, c := range map[string]struct{ data, event, overall string }{
			invite.EventExpired: {expired, "IDENTIFICATION_EXPIRED", "EXPIRED"}, invite.EventCanceled: {canceled, "IDENTIFICATION_CANCELLED", "DELETED"},
			invite.EventDeclined: {strings.Replace(canceled, "canceled", "declined", 1), "IDENTIFICATION_CANCELLED", "DENIED"},
		} {
			of := b.session("")
			b.change(of.UUID(), func(v *invite.View) {
				v.Gates[0].Masked, v.Gates[0].PassedAt, v.Failure = "+44", began, "contact_attempts_exceeded"
			})
			b.happen(of, kind, c.data)
			all := b.Ears.Got()
			last := all[len(all)-1]
			status, _ := last.Body["status"].(object)
			if last.Header.Get("Idenfy-Event-Type") != c.event || status["overall"] != c.overall || !strings.Contains(last.Raw, `"phoneVerified":true`) {
				t.Errorf("%s: %s", kind, last.Raw)
			}
			if want := any("contact_attempts_exceeded"); kind != invite.EventCanceled && status["reason"] != want || kind == invite.EventCanceled && status["reason"] != nil {
				t.Errorf("%s: reason %v", kind, status["reason"])
			}
		}
	})
}

func TestID_40_nothing_follows_what_is_final(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *hookBench) {
		b.Register(forEvents("IDENTIFICATION"))
		of := b.session("")
		b.change(of.UUID(), func(v *invite.View) { v.Status = invite.Canceled }) // by the time it is told
		b.happen(of, invite.EventHandedOff, handedOff, invite.EventHandedOff, `{"status":"handed_off","dialect":"idenfy"}`,
			"invitation.completed", `{"status":"completed","from":"handed_off","dialect":"idenfy"}`,
			invite.EventCanceled, `{"status":"canceled","from":"handed_off","dialect":"idenfy"}`)
		all := b.Ears.Got()
		if len(all) != 1 || all[0].Body["final"] != true || all[0].Body["status"].(object)["overall"] != "APPROVED" || all[0].Header.Get("Idenfy-Event-Type") != "IDENTIFICATION" {
			t.Errorf("%d: %+v", len(all), all)
		}
	})
}

func TestID_42_a_webhook_gets_what_it_asks_for_and_the_single_event_before_the_legacy_one(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *hookBench) {
		off, _ := b.Register(forEvents("IDENTIFICATION"))
		if _, err := b.Update(t.Context(), webhook.Caller{}, account, off.ID, func(e *webhook.Endpoint) { e.Enabled = false }); err != nil {
			t.Fatal(err)
		}
		b.Register(forEvents("IDENTIFICATION", "IDENTIFICATION_EXPIRED"))
		b.Register(forEvents("IDENTIFICATION_MANUAL_FINISHED", "IDENTIFICATION_RESUBMITTED"))
		b.happen(b.session(""), invite.EventExpired, expired)
		b.happen(b.session(""), invite.EventCanceled, canceled)
		all := b.Ears.Got()
		if len(all) != 2 || all[0].Header.Get("Idenfy-Event-Type") != "IDENTIFICATION_EXPIRED" || all[1].Header.Get("Idenfy-Event-Type") != "IDENTIFICATION" {
			t.Errorf("%d: %+v", len(all), all)
		}
		for _, words := range [][]string{nil, {"VERIFICATION"}, {"invitation.expired"}, {"CALLBACK"}} {
			draft := forEvents(words...)
			draft.Tenant = account
			if _, _, err := b.Stage.Create(t.Context(), webhook.Caller{}, draft); !fault.Is(err, fault.Invalid) {
				t.Errorf("%v: %v", words, err)
			}
		}
	})
}

func TestID_35_a_callbackUrl_takes_the_place_of_the_webhooks_of_the_account(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *hookBench) {
		b.Register(forEvents("IDENTIFICATION"))
		_, secret := b.Register(webhook.Endpoint{Dialect: "idenfy_callback", URL: "https://example.com/never", Events: []string{"CALLBACK"}})
		one, two, plain := b.session(`"callbackUrl":"https://one.example/hook"`), b.session(`"callbackUrl":"https://two.example/hook"`), b.session("")
		b.happen(one, invite.EventHandedOff, callback(handedOff))
		b.happen(two, invite.EventExpired, callback(expired))
		b.happen(plain, invite.EventCanceled, canceled)
		all := b.Ears.Got()
		if len(all) != 3 {
			t.Fatalf("%+v", all)
		}
		for i, want := range []struct{ url, event string }{
			{"https://one.example/hook", "IDENTIFICATION_AUTO_FINISHED"}, {"https://two.example/hook", "IDENTIFICATION_EXPIRED"}, {"https://example.com/account", "IDENTIFICATION"},
		} {
			if all[i].URL != want.url || all[i].Header.Get("Idenfy-Event-Type") != want.event || signed(all[i], secret) != (i < 2) {
				t.Errorf("%d: %s %s", i, all[i].URL, all[i].Header)
			}
		}
		if _, _, err := b.Stage.Create(t.Context(), webhook.Caller{}, webhook.Endpoint{Tenant: account, Dialect: "idenfy_callback", URL: "https://x.example/", Events: []string{"CALLBACK"}}); fault.As(err).Code != "webhook_exists" {
			t.Errorf("a second one: %v", err)
		}
	})
}

func TestID_35_the_first_session_with_a_callbackUrl_makes_the_webhook_that_carries_it(t *testing.T) {
	t.Parallel()
	f := newFake()
	var all sync.WaitGroup
	for range 16 { // at the same moment
		all.Go(func() { f.token(t, `"callbackUrl":"https://one.example/hook"`) })
	}
	all.Wait()
	if r := f.last(); r.Vendor["dialect"] != "idenfy_callback" || r.Vendor["callback_url"] != "https://one.example/hook" {
		t.Errorf("%+v", r.Vendor)
	}
	f.token(t, `"callbackUrl":"http://127.0.0.1:9000/hook"`) // a development server takes it
	list, err := f.hooks.Endpoints(t.Context(), account)
	if err != nil || len(list) != 1 || list[0].Dialect != "idenfy_callback" || !list[0].Enabled {
		t.Errorf("%+v, %v", list, err)
	}
}

func TestEvents_of_other_invitations_are_not_told(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *hookBench) {
		b.Register(forEvents("IDENTIFICATION"))
		b.Register(webhook.Endpoint{Dialect: "idenfy_callback", URL: "https://example.com/never", Events: []string{"CALLBACK"}})
		of := b.session("")
		for _, data := range []string{`{"status":"expired","from":"opened"}`, `{}`, ``, `null`, `{"dialect":"mta","from":"opened"}`} {
			b.happen(of, invite.EventExpired, data)
		}
		b.happen(of, "invitation.opened", `{"from":"created","dialect":"idenfy"}`)
		if all := b.Ears.Got(); len(all) != 0 {
			t.Errorf("%+v", all)
		}
	})
}

func TestID_39_a_webhook_is_tried_ten_more_times_within_ten_seconds_and_then_for_a_day(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *hookBench) {
		b.Ears.Answer = func(n int) int { return []int{500, 301, 404, 0}[n%4] }
		e, _ := b.Register(forEvents("IDENTIFICATION"))
		b.happen(b.session(""), invite.EventExpired, expired)
		b.wait(60 * time.Hour)
		all := b.Ears.Got()
		if len(all) != 17 {
			t.Fatalf("%d tries", len(all))
		}
		for i := 1; i <= 10; i++ {
			wait := all[i].At.Sub(all[i-1].At)
			if i%4 == 3 { // nothing came within ten seconds, and then an endpoint that is slow is let alone
				wait -= 15 * time.Second
			}
			if wait > 12*time.Second { // ten, and up to a second until the worker looks
				t.Errorf("try %d came after %v", i+1, wait)
			}
		}
		if took := all[16].At.Sub(all[10].At); took < 22*time.Hour || took > 30*time.Hour {
			t.Errorf("the rest took %v", took)
		}
		for i := range all[1:] {
			if all[i+1].Raw != all[0].Raw {
				t.Errorf("try %d is another body", i+2)
			}
		}
		list, _, err := b.Deliveries(t.Context(), account, webhook.DeliveryFilter{Endpoint: e.ID, Page: uid.Page{Limit: 10}})
		if err != nil || len(list) != 1 || list[0].State != webhook.Dead {
			t.Errorf("%+v, %v", list, err)
		}
	})
}

func TestID_39_a_receiver_has_ten_seconds_and_any_2xx_is_taken(t *testing.T) {
	t.Parallel()
	for status, taken := range map[int]bool{200: true, 201: true, 204: true, 0: false, 302: false, 410: false, 500: false} {
		bubble(t, func(t *testing.T, b *hookBench) {
			b.Ears.Answer = func(int) int { return status }
			draft := forEvents("IDENTIFICATION")
			draft.Once = true
			e, _ := b.Register(draft)
			b.happen(b.session(""), invite.EventExpired, expired)
			list, _, err := b.Deliveries(t.Context(), account, webhook.DeliveryFilter{Endpoint: e.ID, Page: uid.Page{Limit: 10}})
			if err != nil || len(list) != 1 || (list[0].State == webhook.Delivered) != taken {
				t.Fatalf("%d: %+v, %v", status, list, err)
			}
			if status == 0 && (list[0].Error != webhook.ErrorTimeout || list[0].Latency != 10*time.Second) {
				t.Errorf("%+v", list[0])
			}
		})
	}
}

// A number is in full in a webhook when the key that made the session may see it (decision 22), and each time an event tells so.
func TestID_55_numbers_in_webhooks_are_in_full_for_sessions_of_keys_that_may_see_them(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *hookBench) {
		b.Register(forEvents("IDENTIFICATION"))
		user, secret := as("invitations:write")
		made := b.callAs(user, secret, "POST", tokenPath, `{"clientId":"c-1","verifyPhone":true}`)
		scanRef, _ := made.object["scanRef"].(string)
		of, err := uid.ParseUUID(scanRef)
		if err != nil {
			t.Fatalf("%s", made.text)
		}
		full := b.session("")
		for _, id := range []string{scanRef, full.UUID()} {
			b.change(id, func(v *invite.View) { v.Gates[0].Masked = "+44 ••• ••• ••23" })
		}
		b.happen(of, invite.EventExpired, expired)
		if all := b.Ears.Got(); len(all) != 1 || strings.Contains(all[0].Raw, "7700900123") || !strings.Contains(all[0].Raw, "+44 ••• ••• ••23") || b.reveals != 0 {
			t.Fatalf("%d reveals: %+v", b.reveals, all)
		}
		b.happen(full, invite.EventExpired, expired)
		if all := b.Ears.Got(); !strings.Contains(all[1].Raw, `"phone":"+447700900123"`) || b.reveals != 1 {
			t.Errorf("%d reveals: %s", b.reveals, all[1].Raw)
		}
	})
}

// Whoever looks at what was posted reads nobody's number, and so leaves no event that they did.
func TestID_55_what_is_shown_of_a_webhook_is_masked_whatever_it_gets(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *hookBench) {
		plain, _ := b.Register(forEvents("IDENTIFICATION"))
		carrier, _ := b.Register(webhook.Endpoint{Dialect: "idenfy_callback", URL: "https://example.com/never", Events: []string{"CALLBACK"}})
		for i, c := range []struct {
			members, data string
			of            webhook.Endpoint
		}{{"", expired, plain}, {`"callbackUrl":"https://one.example/hook"`, callback(expired), carrier}} {
			of := b.session(c.members)
			b.change(of.UUID(), func(v *invite.View) {
				v.Gates[0].Masked, v.Gates[1].Masked = "+44 ••• ••• ••23", "a•••@example.net"
			})
			b.happen(of, invite.EventExpired, c.data)
			b.CheckShown(c.of, "Idenfy-Signature", "+447700900123", "+44 ••• ••• ••23", "ann@example.net", "a•••@example.net")
			if all := b.Ears.Got(); !strings.Contains(all[i].Raw, "+447700900123") || b.reveals != i+1 {
				t.Errorf("%d reveals for %d posts: %s", b.reveals, i+1, all[i].Raw)
			}
		}
		if _, err := b.Stage.Test(t.Context(), webhook.Caller{}, account, plain.ID); err != nil {
			t.Fatal(err)
		}
		b.wait(5 * time.Second)
		b.CheckShown(plain, "Idenfy-Signature")
	})
}

func TestWebhooks_of_a_session_that_is_gone_tell_its_end_alone(t *testing.T) {
	t.Parallel()
	bubble(t, func(t *testing.T, b *hookBench) {
		b.Register(forEvents("IDENTIFICATION"))
		of := uid.Random(time.Now())
		b.happen(of, invite.EventExpired, expired)
		all := b.Ears.Got()
		if len(all) != 1 || all[0].Body["scanRef"] != of.UUID() || all[0].Body["clientId"] != "" || all[0].Body["phoneVerification"] != nil {
			t.Errorf("%+v", all)
		}
	})
}
