package mta_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/signing"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/webhook"
)

// registration is the body that registers an event, with members beside.
func registration(event, more string) string {
	return `{"event":"` + event + `","url":"https://example.com/hook","secret":"` + secret + `"` + more + `}`
}

func TestWebhooks_keep_what_the_vendor_lets_set(t *testing.T) {
	t.Parallel()
	f := newFake()
	shown := func(r reply) string {
		t.Helper()
		if r.status != 200 || r.object["success"] != true {
			t.Fatalf("%d %s", r.status, r.text)
		}
		d := r.data()
		if !timeForm.MatchString(strings.Replace(d["createdAt"].(string), "Z", "+00:00", 1)) || !uuidForm.MatchString(d["id"].(string)) {
			t.Errorf("%s", r.text)
		}
		for _, name := range []string{"id", "createdAt", "updatedAt", "url", "secret"} {
			delete(d, name)
		}
		text, err := json.Marshal(d)
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	bare := f.call("POST", hooksPath, registration("message-send", ""), nil)
	id, _ := bare.data()["id"].(string)
	if got, want := shown(bare), `{"alertEmail":null,"enabled":true,"event":"message-send","retryOnError":false,"sendAlertEmail":false,"skipErrorCodes":[],"skipErrors":false}`; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	const rest = `"alertEmail":"ops@example.com","sendAlertEmail":true,"skipErrors":true,"skipErrorCodes":["404","500"],"retryOnError":true`
	const want = `{"alertEmail":"ops@example.com","enabled":true,"event":"message-reply","retryOnError":true,"sendAlertEmail":true,` +
		`"skipErrorCodes":["404","500"],"skipErrors":true,"warnings":["no alert is sent by e-mail: watch the list of deliveries","nothing here makes events message-reply yet"]}`
	if got := shown(f.call("POST", hooksPath, registration("message-reply", ","+rest), nil)); got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got := shown(f.call("PATCH", hooksPath+"/"+id, `{"event":"number-opt-in",`+rest+`}`, nil)); got != strings.ReplaceAll(want, "message-reply", "number-opt-in") {
		t.Errorf("changed: %s", got)
	}
	back := f.call("PATCH", hooksPath+"/"+id, `{"event":"message-send","alertEmail":"","sendAlertEmail":false,"skipErrors":false,"skipErrorCodes":[],"retryOnError":false,"url":"https://example.com/other"}`, nil)
	if back.data()["url"] != "https://example.com/other" {
		t.Errorf("%s", back.text)
	}
	if got := shown(back); strings.Contains(got, "ops@") || strings.Contains(got, "true,\"s") || strings.Contains(got, "warnings") {
		t.Errorf("changed back: %s", got)
	}
	list := f.call("GET", hooksPath, "", nil)
	if all := rows(list); len(all) != 2 || all[0]["id"] != id && all[1]["id"] != id || list.data()["total"] != 2.0 {
		t.Errorf("%s", list.text)
	}
	for range 2 {
		r := f.call("DELETE", hooksPath+"/"+id, "", nil)
		if r.status == 404 {
			checkError(t, r, 404, "NotFoundError")
		}
	}
	if all := rows(f.call("GET", hooksPath, "", nil)); len(all) != 1 {
		t.Errorf("%d are left", len(all))
	}
}

func TestWebhooks_of_one_event_are_one_and_several_may_share_a_URL(t *testing.T) {
	t.Parallel()
	f := newFake()
	first := f.call("POST", hooksPath, registration("delivery-status", ""), nil)
	other := f.call("POST", hooksPath, registration("verification-status", ""), nil) // of the same URL
	id, _ := other.data()["id"].(string)
	if first.status != 200 || other.status != 200 {
		t.Fatalf("%s %s", first.text, other.text)
	}
	checkError(t, f.call("POST", hooksPath, registration("delivery-status", ""), nil), 409, "ConflictError")
	checkError(t, f.call("PATCH", hooksPath+"/"+id, `{"event":"delivery-status"}`, nil), 409, "ConflictError")
	if r := f.call("PATCH", hooksPath+"/"+id, `{"event":"verification-status"}`, nil); r.status != 200 {
		t.Errorf("its own event: %s", r.text)
	}
}

func TestWebhooks_that_can_not_be_taken_are_told_by_their_field(t *testing.T) {
	t.Parallel()
	f := newFake()
	made := f.call("POST", hooksPath, registration("delivery-status", ""), nil)
	id, _ := made.data()["id"].(string)
	for body, field := range map[string]string{
		`{}`: "event", `{"event":"sms"}`: "event", `{"event":1}`: "event", `{"event":"message-send"}`: "url",
		`{"event":"message-send","url":"https://example.com/"}`: "secret",
		registration("message-send", `,"alertEmail":"ops"`):     "alertEmail", registration("message-send", `,"alertEmail":"+447700900000"`): "alertEmail",
		registration("message-send", `,"skipErrorCodes":["x"]`): "skipErrorCodes", registration("message-send", `,"skipErrorCodes":[500]`): "skipErrorCodes",
		registration("message-send", `,"retryOnError":"yes"`): "retryOnError",
	} {
		r := f.call("POST", hooksPath, body, nil)
		checkError(t, r, 400, "BadRequestError")
		if m, _ := r.object["message"].(string); !strings.HasPrefix(m, field+": ") {
			t.Errorf("%s: %s, want %s", body, m, field)
		}
	}
	for _, body := range []string{`{"event":"sms"}`, `{"url":"http://example.com/"}`, `{"url":""}`, `{"skipErrorCodes":["5000"]}`, `{"secret":""}`, `[]`, `{`} {
		checkError(t, f.call("PATCH", hooksPath+"/"+id, body, nil), 400, "BadRequestError")
	}
}

func TestWebhooks_of_others_are_not_there(t *testing.T) {
	t.Parallel()
	f := newFake()
	foreign, _, err := f.hooks.Create(t.Context(), webhook.Caller{}, webhook.Endpoint{Tenant: uid.Tenant{9}, Dialect: "mta",
		URL: "https://example.com/", Events: []string{"delivery-status"}, Own: signing.Secret(secret)})
	if err != nil {
		t.Fatal(err)
	}
	native, _, err := f.hooks.Create(t.Context(), webhook.Caller{}, webhook.Endpoint{Tenant: uid.Tenant{1}, URL: "https://example.com/"})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{foreign.ID.UUID(), native.ID.UUID(), uid.Random(began).UUID(), "x", "00000000-0000-0000-0000-000000000000"} {
		checkError(t, f.call("PATCH", hooksPath+"/"+id, `{"retryOnError":true}`, nil), 404, "NotFoundError")
		checkError(t, f.call("DELETE", hooksPath+"/"+id, "", nil), 404, "NotFoundError")
	}
	if r := f.call("GET", hooksPath, "", nil); len(rows(r)) != 0 || r.data()["total"] != 0.0 {
		t.Errorf("%s", r.text)
	}
	for method, path := range map[string]string{"POST": hooksPath, "PATCH": hooksPath + "/x", "DELETE": hooksPath + "/x"} {
		r := f.call(method, path, `{}`, map[string]string{"Authorization": "Bearer csk_only:webhooks:read"})
		checkError(t, r, 403, "ForbiddenError")
	}
	checkError(t, f.call("GET", hooksPath, "", map[string]string{"Authorization": "Bearer csk_only:verifications:read"}), 403, "ForbiddenError")
}
