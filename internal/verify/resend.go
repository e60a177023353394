package verify

import (
	"time"

	"github.com/countersign/countersign/internal/audit"
	"github.com/countersign/countersign/internal/delivery"
	"github.com/countersign/countersign/internal/tenant"
)

// Due reports whether the life of the live code is over and nobody has said so yet.
func (v *Verification) Due(now time.Time) bool {
	return v.Status == Pending && !now.Before(v.ExpiresAt)
}

// Live reports whether a code could be right at now.
func (v *Verification) Live(now time.Time) bool {
	return v.Status == Pending && now.Before(v.ExpiresAt)
}

// CoolingDown reports whether a send at now would follow the last one too soon.
func (v *Verification) CoolingDown(now time.Time) bool { return now.Before(v.ResendAt) }

// SendsLeft is how many more messages may be asked for.
func (v *Verification) SendsLeft() int { return max(v.MaxSends-len(v.Sends), 0) }

// ChecksLeft is how many more codes may be handed in.
func (v *Verification) ChecksLeft() int {
	if v.Status != Pending {
		return 0
	}
	return max(v.MaxChecks-v.Checks, 0)
}

// Resend adds a send on ch to a live verification that has sends left. With the same code neither life nor checks
// move (SEC-11); with a new one the generation, its life and its checks begin anew, and the code before is dead.
func (v *Verification) Resend(ch delivery.Channel, t Terms, by By, now time.Time) audit.Event {
	if !v.Live(now) || v.SendsLeft() == 0 {
		panic("verify: resend on a verification that has ended or has no sends left") // a programmer's mistake
	}
	if t.Resend == tenant.NewCode && v.Code.Custom == nil {
		v.Code.Generation++
		v.Checks = 0
		v.ExpiresAt = now.Add(t.TTL)
	}
	v.send(ch, t, now)
	return v.event(EventResent, by, now, newData().number("send", len(v.Sends)).text("channel", string(ch)).
		number("generation", int(v.Code.Generation)))
}
