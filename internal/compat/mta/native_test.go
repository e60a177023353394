package mta_test

import (
	"net/http"
	"strings"
	"testing"
)

// native is a client of the native API of the same server.
func (c *client) native() *client {
	n := *c
	n.at.MTA.BaseURL = strings.TrimSuffix(n.at.MTA.BaseURL, "/compat/mta")
	return &n
}

func TestMTA_3_a_service_that_may_not_send_text_messages_is_refused(t *testing.T) {
	t.Parallel()
	c := brief.client(t)
	c.key = c.at.Other.APIKey // nobody else sends for that tenant there
	list, _ := c.native().get("/v1/services").object["data"].([]any)
	if len(list) != 1 {
		t.Fatalf("%d services", len(list))
	}
	id := list[0].(map[string]any)["id"].(string)
	if r := c.native().call("PATCH", "/v1/services/"+id, object{"channels": []string{"email"}}, nil); r.status != http.StatusOK {
		t.Fatalf("%d %s", r.status, r.text)
	}
	r := c.post(sendPath, object{"to": newNumber()})
	c.wantError(r, http.StatusForbidden, "ForbiddenError")
	if r.object["reason"] != "no_approved_sender" {
		t.Errorf("reason %v", r.object["reason"])
	}
}

func TestMTA_11_a_key_of_the_native_API_that_looks_the_same_is_409_too(t *testing.T) {
	t.Parallel()
	c, to := ordinary.client(t), newNumber()
	name := "n" + to[1:]
	if r := c.native().call("POST", "/v1/verifications", object{"to": to}, map[string]string{"Idempotency-Key": "mta:" + name}); r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.text)
	}
	c.wantError(c.call("POST", sendPath, object{"to": to}, map[string]string{"X-Request-Id": name}), http.StatusConflict, "ConflictError")
}

func TestRead_shows_a_verification_that_the_native_API_started(t *testing.T) {
	t.Parallel()
	c, to := ordinary.client(t), newNumber()
	r := c.native().post("/v1/verifications", object{"to": to})
	code := c.message(to, 1).Code
	done := c.check(object{"to": to, "code": code})
	c.want(done, "APPROVED")
	if d := c.get("/v3/verify/" + done.object["verificationId"].(string)).data(); d["status"] != "APPROVED" || d["serviceName"] == "" || d["codeLength"] != 6.0 {
		t.Errorf("%v", d)
	}
	id, _ := r.object["id"].(string)
	if got := c.native().get("/v1/verifications/" + id).object["status"]; got != "approved" {
		t.Errorf("the native API says %v", got)
	}
}
