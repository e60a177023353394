package mta_test

import (
	"net/http"
	"sync"
	"testing"
)

// begun sends a code to a new number.
func (c *client) begun(more object) (to, id, code string) {
	c.t.Helper()
	to = newNumber()
	body := object{"to": to}
	for k, v := range more {
		body[k] = v
	}
	id = c.mustSend(body).object["verificationId"].(string)
	return to, id, c.message(to, 1).Code
}

func TestMTA_16_the_right_code_in_time_is_APPROVED(t *testing.T) {
	t.Parallel()
	c := ordinary.client(t)
	for name, body := range map[string]func(to, id, code string) object{
		"by id":     func(_, id, code string) object { return object{"verificationId": id, "code": code} },
		"by number": func(to, _, code string) object { return object{"to": to, "code": code} },
		"by both":   func(to, id, code string) object { return object{"to": to, "verificationId": id, "code": code} },
	} {
		to, id, code := c.begun(nil)
		r := c.check(body(to, id, code))
		c.want(r, "APPROVED")
		if r.object["verificationId"] != id || r.object["to"] != to || r.data()["status"] != "APPROVED" || r.object["success"] != true {
			t.Errorf("%s: %s", name, r.text)
		}
		if got := c.get("/v3/verify/" + id).data(); got["status"] != "APPROVED" || got["approvedAt"] == nil {
			t.Errorf("%s: %v", name, got)
		}
	}
}

func TestMTA_17_a_wrong_code_is_INVALID_and_the_verification_stays_PENDING(t *testing.T) {
	t.Parallel()
	c := ordinary.client(t)
	_, id, code := c.begun(nil)
	c.want(c.check(object{"verificationId": id, "code": otherCode(code)}), "INVALID")
	if got := c.get("/v3/verify/" + id).data(); got["status"] != "PENDING" || got["attemptsLeft"] != 4.0 {
		t.Errorf("%v", got)
	}
	for _, never := range []string{"12", "12345", "abcdef", "what?"} { // what could not be a code spends nothing
		c.want(c.check(object{"verificationId": id, "code": never}), "INVALID")
	}
	if got := c.get("/v3/verify/" + id).data(); got["attemptsLeft"] != 4.0 {
		t.Errorf("%v", got)
	}
	c.want(c.check(object{"verificationId": id, "code": code}), "APPROVED")
}

func TestMTA_18_after_the_time_every_code_is_EXPIRED(t *testing.T) {
	t.Parallel()
	c := brief.client(t)
	to, id, code := c.begun(nil)
	until(t, "the end of the code's life", func() bool { return c.get("/v3/verify/" + id).data()["status"] == "EXPIRED" })
	for _, body := range []object{
		{"verificationId": id, "code": code}, {"verificationId": id, "code": otherCode(code)}, {"verificationId": id, "code": "12"},
		{"to": to, "code": code}, {"to": to, "code": otherCode(code)}, {"to": to, "verificationId": id, "code": code},
	} {
		c.want(c.check(body), "EXPIRED")
	}
}

func TestMTA_19_the_fifth_wrong_code_ends_it_for_good(t *testing.T) {
	t.Parallel()
	c := ordinary.client(t)
	to, id, code := c.begun(nil)
	for n := range 5 {
		r := c.check(object{"verificationId": id, "code": otherCode(code)})
		c.want(r, "INVALID")
		if last := r.object["reason"] == "attempts_exhausted"; last != (n == 4) {
			t.Errorf("check %d: %s", n+1, r.text)
		}
	}
	for _, body := range []object{{"verificationId": id, "code": code}, {"to": to, "code": code}} {
		if r := c.check(body); r.object["status"] != "INVALID" || r.object["reason"] != "attempts_exhausted" {
			t.Errorf("the right code afterwards: %s", r.text)
		}
	}
	if got := c.get("/v3/verify/" + id).data(); got["status"] != "INVALID" || got["reason"] != "attempts_exhausted" || got["attemptsLeft"] != 0.0 {
		t.Errorf("%v", got)
	}
}

func TestMTA_20_a_code_is_accepted_once(t *testing.T) {
	t.Parallel()
	c := ordinary.client(t)
	to, id, code := c.begun(nil)
	replies := make([]reply, 16)
	var all sync.WaitGroup
	for i := range replies {
		all.Go(func() { replies[i] = c.check(object{"verificationId": id, "code": code}) })
	}
	all.Wait()
	right := 0
	for _, r := range replies {
		if r.object["status"] == "APPROVED" {
			right++
			continue
		}
		c.want(r, "INVALID")
	}
	if right != 1 {
		t.Errorf("%d of 16 right checks at once were APPROVED, want 1", right)
	}
	c.want(c.check(object{"to": to, "code": code}), "INVALID")
}

func TestMTA_21_an_id_or_a_number_is_needed_and_both_must_match(t *testing.T) {
	t.Parallel()
	c := ordinary.client(t)
	to, id, code := c.begun(nil)
	for _, body := range []string{`{"code":"` + code + `"}`, `{"to":"` + to + `"}`, `{"verificationId":"` + id + `","code":""}`,
		`{"verificationId":"` + id + `","code":123456}`, `{"verificationId":7,"code":"` + code + `"}`, `{"to":"?","code":"` + code + `"}`, `{"to":"a@example.com","code":"` + code + `"}`} {
		c.wantError(c.post(checkPath, body), http.StatusBadRequest, "BadRequestError")
	}
	c.wantError(c.check(object{"to": newNumber(), "verificationId": id, "code": code}), http.StatusNotFound, "NotFoundError")
	if got := c.get("/v3/verify/" + id).data(); got["status"] != "PENDING" || got["attemptsLeft"] != 5.0 {
		t.Errorf("a check with the wrong number changed it: %v", got)
	}
	c.want(c.check(object{"to": to, "verificationId": id, "code": code}), "APPROVED")
}

func TestMTA_22_an_unknown_id_and_another_accounts_look_the_same(t *testing.T) {
	t.Parallel()
	c, other := ordinary.client(t), ordinary.client(t)
	other.key = c.at.Other.APIKey
	to, id, code := c.begun(nil)
	const never = "01890000-0000-7000-8000-000000000000"
	message := func(r reply) any {
		c.wantError(r, http.StatusNotFound, "NotFoundError")
		return r.object["message"]
	}
	want := message(other.get("/v3/verify/" + never))
	for _, r := range []reply{
		other.get("/v3/verify/" + id), other.get("/v3/verify/nonsense"), other.get("/v3/verify/00000000-0000-0000-0000-000000000000"),
		other.check(object{"verificationId": id, "code": code}), other.check(object{"verificationId": never, "code": code}),
		other.check(object{"verificationId": id, "to": to, "code": code}), other.check(object{"to": to, "code": code}),
		other.check(object{"verificationId": "nonsense", "code": code}), other.check(object{"verificationId": never, "code": "12"}),
	} {
		if got := message(r); got != want {
			t.Errorf("%v, want %v", got, want)
		}
	}
	c.want(c.check(object{"verificationId": id, "code": code}), "APPROVED")
}

func TestMTA_34_a_pause_after_wrong_codes_is_429(t *testing.T) {
	t.Parallel()
	fake := newFake()
	fake.refuse("checks_paused")
	r := fake.call("POST", checkPath, `{"verificationId":"01890000-0000-7000-8000-000000000001","code":"123456"}`, nil)
	checkError(t, r, http.StatusTooManyRequests, "RateLimitError")
	if r.header.Get("Retry-After") != "90" {
		t.Errorf("Retry-After %q", r.header.Get("Retry-After"))
	}
}

func TestCheck_shows_the_number_masked_to_keys_without_the_scope(t *testing.T) {
	t.Parallel()
	fake := newFake()
	const body = `{"verificationId":"01890000-0000-7000-8000-000000000001","code":"123456"}`
	for key, want := range map[string]string{"csk_only:all": "+44 ••• ••• ••00", "csk_reveal": "+447700900000"} {
		if r := fake.call("POST", checkPath, body, map[string]string{"Authorization": "Bearer " + key}); r.object["to"] != want {
			t.Errorf("%s: %s", key, r.text)
		}
	}
}

func TestCheck_by_number_is_answered_by_verifications_of_the_default_service_alone(t *testing.T) {
	t.Parallel()
	c := brief.client(t) // where nobody counts the services
	to, id, code := c.begun(nil)
	c.want(c.check(object{"to": to, "code": code}), "APPROVED")
	other := c.native().post("/v1/services", object{"name": "for " + to[1:]}).object["id"]
	if r := c.native().post("/v1/verifications", object{"to": to, "service": other}); r.status != http.StatusCreated {
		t.Fatalf("%d %s", r.status, r.text)
	}
	r := c.check(object{"to": to, "code": code})
	if r.object["status"] != "INVALID" || r.object["reason"] != "already_approved" || r.object["verificationId"] != id {
		t.Errorf("%s", r.text)
	}
}
