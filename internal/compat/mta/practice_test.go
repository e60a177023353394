package mta_test

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestMTA_2_codes_are_digits_of_the_length_with_zeros_in_front(t *testing.T) {
	t.Parallel()
	c := ordinary.sandbox(t)
	four := regexp.MustCompile(`^[0-9]{4}$`)
	first := map[byte]int{}
	zero := object{}
	for i := range 250 { // that any one digit is never the first is less likely than one in ten thousand million
		to := fmt.Sprintf("+447400%06d", i)
		c.mustSend(object{"to": to, "codeLength": 4})
		code := c.shown(to)[0].(map[string]any)["code"].(string)
		if !four.MatchString(code) {
			t.Fatalf("a code of 4 digits: %q", code)
		}
		first[code[0]]++
		if code[0] == '0' {
			zero = object{"to": to, "code": code}
		}
	}
	if len(first) != 10 {
		t.Errorf("codes begin with %v", first)
	}
	c.want(c.check(object{"to": zero["to"], "code": zero["code"].(string)[1:]}), "INVALID")
	c.want(c.check(zero), "APPROVED")
}

// A message that no provider took ends its verification, so no check of it counts. Where a message was taken, what a carrier
// says later changes nothing: decision 14.
func TestMTA_32_checks_of_a_message_that_never_left_do_not_count(t *testing.T) {
	t.Parallel()
	c := ordinary.sandbox(t)
	for _, to := range []string{"+12025550192", "+12025550194"} {
		id := c.mustSend(object{"to": to}).object["verificationId"].(string)
		until(t, "the refusal", func() bool { return c.get("/v3/verify/" + id).data()["status"] == "INVALID" })
		for range 6 {
			r := c.check(object{"verificationId": id, "code": "000001"})
			if c.want(r, "INVALID"); r.object["reason"] != "undeliverable" {
				t.Errorf("%s: %s", to, r.text)
			}
		}
	}
	const late = "+12025550191"
	id := c.mustSend(object{"to": late}).object["verificationId"].(string)
	until(t, "the message to be given up", func() bool { return c.get("/v3/verify/" + id).data()["deliveryStatus"] == "undelivered" })
	code := c.shown(late)[0].(map[string]any)["code"].(string)
	c.want(c.check(object{"verificationId": id, "code": otherCode(code)}), "INVALID")
	if left := c.get("/v3/verify/" + id).data()["attemptsLeft"]; left != 4.0 {
		t.Errorf("%v attempts left, want 4", left)
	}
}

func TestMTA_55_a_text_message_and_the_digits_in_it_are_all_that_is_needed(t *testing.T) {
	t.Parallel()
	c, to := ordinary.client(t), newNumber()
	c.mustSend(object{"to": to, "serviceName": "Acme"})
	m := c.message(to, 1)
	if len(m.Body) > 160 || strings.ContainsAny(m.Body, "/\n<>") || regexp.MustCompile(`[^ -~]`).MatchString(m.Body) {
		t.Errorf("not one plain text message without links: %q", m.Body)
	}
	c.want(c.check(object{"to": to, "code": m.Code[:3] + " " + m.Code[3:]}), "APPROVED")
}

func TestMTA_58_neither_code_nor_number_is_kept_in_the_clear(t *testing.T) {
	t.Parallel()
	c, to := ordinary.client(t), newNumber()
	const canary = "canary-4f1d77"
	id := c.mustSend(object{"to": to, "codeLength": 10, "externalId": canary}).object["verificationId"].(string)
	code := c.message(to, 1).Code
	look := func(when string) {
		t.Helper()
		files, err := filepath.Glob(filepath.Join(c.at.data, "countersign.db*"))
		if err != nil {
			t.Fatal(err)
		}
		var all []byte
		for _, f := range files {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, text...)
		}
		if !bytes.Contains(all, []byte(canary)) {
			t.Fatalf("%s: what is looked through is not the database", when)
		}
		if bytes.Contains(all, []byte(code)) || bytes.Contains(all, []byte(to[1:])) {
			t.Errorf("%s: the database holds the code or the number", when)
		}
	}
	look("while it is open")
	c.want(c.check(object{"verificationId": id, "code": code}), "APPROVED")
	look("after its end")
	for _, path := range []string{"/v3/verify?query=" + canary, "/v3/deliveries"} {
		if r := c.get(path); r.status != http.StatusOK || strings.Contains(r.text, to) {
			t.Errorf("%s shows the number: %d %s", path, r.status, r.text)
		}
	}
}
