package verify

import (
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/tenant"
)

// Terms are what the profile and the tenant say about sends of a verification.
type Terms struct {
	TTL       time.Duration   // life of a code from the first send that carries it
	Resend    tenant.Resend   // what a resend carries
	CoolDowns []time.Duration // between the first and second send, second and third, ...; the last repeats
}

// under are the terms where the rules of a door differ.
func (t Terms) under(r *Rules) Terms {
	if r == nil {
		return t
	}
	t.CoolDowns = r.CoolDowns
	if r.TTL > 0 {
		t.TTL = r.TTL
	}
	return t
}

// coolDown is the wait after the n-th send, from 1.
func (t Terms) coolDown(n int) time.Duration {
	if len(t.CoolDowns) == 0 {
		return 0
	}
	return t.CoolDowns[min(n, len(t.CoolDowns))-1]
}

// Begin makes the verification that draft describes (identity, recipient, code shape, limits), with its first send on
// draft.Channel. Its life begins now.
func Begin(draft Verification, t Terms, by By, now time.Time) (*Verification, audit.Event) {
	v := &draft
	v.Status = Pending
	v.Code.Generation = 1
	v.CreatedAt, v.ExpiresAt, v.UpdatedAt = now, now.Add(t.TTL), now
	v.send(v.Channel, t, now)
	return v, v.event(EventStarted, by, now, v.startData())
}

// Refuse makes the verification that draft describes with the risk engine's word as its end: Denied or Challenge, as
// draft.Decision says. It has no send, and no code can be right for it.
func Refuse(draft Verification, to Status, by By, now time.Time) (*Verification, audit.Event) {
	event, ok := next(begin, to)
	if !ok || to == Pending {
		panic("verify: a refused start can't be " + string(to)) // a programmer's mistake
	}
	v := &draft
	v.Status = to
	v.CreatedAt, v.ExpiresAt, v.ResendAt, v.EndedAt, v.UpdatedAt = now, now, now, now, now
	v.Code.Custom, v.Transaction = nil, nil
	return v, v.event(event, by, now, v.startData().text("outcome", string(v.Decision.Outcome)))
}

func (v *Verification) startData() data {
	d := newData().text("channel", string(v.Channel)).text("purpose", string(v.Purpose)).text("service", v.Service.Hex())
	if v.Binding != nil {
		d = d.text("bound", "transaction")
	}
	if v.Line != "" {
		d = d.text("line_type", string(v.Line))
	}
	for _, reason := range v.Decision.Reasons[:min(1, len(v.Decision.Reasons))] { // of a refusal, or why it did not count
		d = d.text("reason", reason)
	}
	return d
}

// send adds a send on ch at now, and the wait that follows it. A test number waits for nothing: nothing is sent to it.
func (v *Verification) send(ch delivery.Channel, t Terms, now time.Time) {
	n := len(v.Sends) + 1
	v.Sends = append(v.Sends, Send{N: n, Channel: ch, Generation: v.Code.Generation, At: now})
	v.Channel = ch
	v.ResendAt = now
	if !v.TestNumber {
		v.ResendAt = now.Add(t.coolDown(n))
	}
	v.UpdatedAt = now
}
