package e2e

import (
	"net/http"
	"strconv"
	"testing"
)

// narrow are limits that a test meets.
const narrow = `{recipient: ["5 in 10m"], recipient_new: ["5 in 10m"], wrong_per_client: "3 in 1h", wrong_pause: 10m, ` +
	`client_device: "4 in 1h", cool_downs: ["0s"]}`

// nodes gives callers of two servers where the database allows that, else of one.
func (in *installation) nodes(database string) []*caller {
	list := []*caller{in.to(in.up())}
	if database == onPostgres {
		list = append(list, in.to(in.up()))
	}
	return list
}

// tooMany fails unless the answer is a refusal by a limit that says when to come again.
func tooMany(t *testing.T, what, code string, a answer) {
	t.Helper()
	wait, err := strconv.Atoi(a.header.Get("Retry-After"))
	if a.status != http.StatusTooManyRequests || a.code() != code || err != nil || wait < 1 {
		t.Errorf("%s: %v (Retry-After %q), want 429 %s", what, a, a.header.Get("Retry-After"), code)
	}
}

// TestSEC_20_LimitsHoldOverNodesAndKills asks for more than the limits allow, on all servers at once, and again after
// all of them were killed.
func TestSEC_20_LimitsHoldOverNodesAndKills(t *testing.T) {
	both(t, func(t *testing.T, database string) {
		in := install(t, database, settings{limits: narrow})
		nodes := in.nodes(database)
		to, other := in.number(), in.number()
		device := body{"device_id": "d1"}
		at := func(i int) *caller { return nodes[i%len(nodes)] }

		sends := atATime(40, func(i int) answer { return at(i).start(t.Context(), "", body{"to": to, "supersede": true}) })
		accepted := 0
		for _, a := range sends {
			if a.ok() {
				accepted++
				continue
			}
			tooMany(t, "a start", "recipient_limited", a)
		}
		if accepted != 5 {
			t.Errorf("%d starts at once were accepted for one recipient, want 5", accepted)
		}
		for i := range 4 {
			at(i).start(t.Context(), "", body{"to": in.number(), "client": device}).view(t)
		}
		id := at(0).start(t.Context(), "", body{"to": other}).view(t).ID
		code := in.relay.code(t, id)
		guesses := atATime(20, func(i int) answer { return at(i).check(t.Context(), "", id, otherCode(code, i)) })
		compared := 0
		for _, a := range guesses {
			if a.ok() {
				compared++
				continue
			}
			tooMany(t, "a guess", "checks_paused", a)
		}
		if compared != 3 {
			t.Errorf("%d guesses were compared, want 3 before the pause", compared)
		}

		refusals := func(when string) {
			for i := range nodes {
				tooMany(t, when+": a start", "recipient_limited", at(i).start(t.Context(), "", body{"to": to, "supersede": true}))
				tooMany(t, when+": a start of the device", "client_limited", at(i).start(t.Context(), "", body{"to": in.number(), "client": device}))
				tooMany(t, when+": the right code", "checks_paused", at(i).check(t.Context(), "", id, code))
			}
		}
		refusals("on every node")
		in.drained(t)
		if n := in.relay.total(); n > 5+4+1 {
			t.Errorf("%d messages left, more than the limits allow", n)
		}
		in.killAll()
		nodes = in.nodes(database)
		refusals("after a kill")
		if v := in.get(t.Context(), id).view(t); v.Status != "pending" || v.ChecksLeft != maxChecks-3 {
			t.Errorf("the pause spent checks: %s, %d left", v.Status, v.ChecksLeft)
		}
	})
}
