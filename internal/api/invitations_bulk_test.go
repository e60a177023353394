package api_test

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/invite"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/verify"
)

// rows is a request for many.
func rows(items ...string) string { return `{"items":[` + strings.Join(items, ",") + `]}` }

// named is a row of a customer of this name.
func named(name string) string {
	return fmt.Sprintf(`{"first_name":%q,"last_name":"Lee","mobile":"+12025550123"}`, name)
}

var invitationsOfMany = []scenario{
	{name: "no row", method: "POST", target: "/v1/invitations/bulk", body: rows(), status: 422, want: []string{`"field":"items"`}},
	{name: "eleven rows", method: "POST", target: "/v1/invitations/bulk", body: rows(strings.Split(strings.Repeat("{};", 10)+"{}", ";")...), status: 422, want: []string{`"field":"items"`}},
	{name: "rows that are none", method: "POST", target: "/v1/invitations/bulk", body: `{"items":null}`, status: 422, want: []string{`"field":"items"`}},
	{name: "512 KiB", method: "POST", target: "/v1/invitations/bulk", body: rows(named("Ann")) + strings.Repeat(" ", 512<<10-len(rows(named("Ann")))), status: 202},
	{name: "more", method: "POST", target: "/v1/invitations/bulk", body: strings.Repeat(" ", 512<<10+1), status: 413},
}

func TestRA_57_one_bad_row_does_not_stop_the_others(t *testing.T) {
	t.Parallel()
	play(t, []scenario{
		{name: "each row by its place", method: "POST", target: "/v1/invitations/bulk", status: 202,
			body: rows(`{"first_name":"Ann"}`, named("Bob"), named("Cy"), `7`, `{"first_name":"Di","last_name":"Lee","mobile_2fa":"7654321"}`, `{"first_name":"Ed","last_name":"Lee","918273":1}`, named("Flo")),
			prepare: func(s *services) {
				s.refused = map[string]error{
					"Cy": fault.New(fault.Malformed, "mobile_required", "Add a mobile number.").On("mobile"), "Flo": io.ErrUnexpectedEOF,
				}
			},
			want: []string{
				`{"accepted":[{"row":1,"invitation":{"id":"inv_`,
				`"rejected":[{"row":0,"field":"body","code":"invalid_request","detail":"expected required property last_name to be present"}`,
				`{"row":2,"field":"mobile","code":"mobile_required","detail":"Add a mobile number."}`,
				`{"row":3,"field":"body","code":"invalid_request"`,
				`{"row":4,"field":"mobile_2fa","code":"invalid_request"`,
				`{"row":5,"field":"body","code":"invalid_request"`,
				`{"row":6,"code":"internal"`,
			}, not: []string{"7654321", "918273", "EOF"}},
		{name: "a person who has an open invitation is refused", method: "POST", target: "/v1/invitations/bulk", body: rows(named("Known"), named("Bob")), status: 202,
			want: []string{`{"accepted":[{"row":1,`, `"rejected":[{"row":0,"field":"mobile","code":"invitation_open","detail":"Open.","open_invitation":"` + known.Text(uid.Invitation) + `"}]`},
			not:  []string{"open_invitations"}},
		{name: "and invited once more by who allows it", method: "POST", target: "/v1/invitations/bulk", body: strings.Replace(rows(named("Known")), "{", `{"allow_open":true,`, 1), status: 202,
			want: []string{`"open_invitations":[{"id":"` + known.Text(uid.Invitation), `"rejected":[]`}},
		{name: "none is good", method: "POST", target: "/v1/invitations/bulk", body: rows(`{}`, `{}`), status: 202, want: []string{`{"accepted":[],"rejected":[{"row":0`, `{"row":1`}},
		{name: "all are good", method: "POST", target: "/v1/invitations/bulk", body: rows(named("Ann"), named("Bob")), status: 202, want: []string{`{"row":1`, `"rejected":[]`}},
		{name: "what stops all is told as a problem", method: "POST", target: "/v1/invitations/bulk", body: rows(named("Ann")), status: 503,
			prepare: func(s *services) { s.err = fault.New(fault.Unavailable, "database_away", "Try again.") }},
	})
}

func TestSEC_81_rows_asked_for_again_with_one_key_have_the_same_keys(t *testing.T) {
	t.Parallel()
	asked := func(key, body string) (all []*verify.Idempotency) {
		t.Helper()
		fake := newServices()
		w := call(newServer(t, fake, io.Discard), "POST", "/v1/invitations/bulk", body, map[string]string{"Idempotency-Key": key})
		if w.Code != 202 {
			t.Fatalf("%d %s", w.Code, w.Body)
		}
		for _, r := range fake.asked[0].([]invite.CreateRequest) {
			all = append(all, r.Idempotency)
		}
		return all
	}
	long := strings.Repeat("k", 255)
	first := asked(long, rows(named("Ann"), `{}`, named("Bob")))
	again := asked(long, " "+rows(`{"last_name":"Lee","first_name":"Ann","mobile":"+12025550123"}`, `{ }`, named("Bob")))
	changed := asked(long, rows(named("Ann"), `{}`, named("Cy")))
	another := asked("k-2", rows(named("Ann"), `{}`, named("Bob")))
	for i, one := range first {
		switch {
		case one.Key != again[i].Key || !bytes.Equal(one.Body, again[i].Body):
			t.Errorf("row %d of the same request is another", i)
		case one.Key != changed[i].Key || bytes.Equal(one.Body, changed[i].Body):
			t.Errorf("row %d of another request is the same", i)
		case one.Key == another[i].Key:
			t.Errorf("row %d has one key for two", i)
		case len(one.Key) > 255:
			t.Errorf("row %d: %d characters", i, len(one.Key))
		}
	}
	if first[0].Key == first[1].Key || !strings.HasSuffix(first[1].Key, "-2") {
		t.Errorf("keys of rows: %s, %s", first[0].Key, first[1].Key)
	}
	if none := asked("", rows(named("Ann"))); none[0] != nil {
		t.Errorf("without a key: %v", none[0])
	}
}
