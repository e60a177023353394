package verify

import (
	"time"

	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/tenant"
)

// SendableAt is when the limits allow one more message to c: now, or later.
func (c *Contact) SendableAt(l tenant.Limits, now time.Time) time.Time {
	limits := l.RecipientNew
	if !c.ProvenAt.IsZero() {
		limits = l.Recipient
	}
	return now.Add(c.Sends.Allowed(limits, now).RetryAfter)
}

// run is how far back messages to a recipient belong together: the wait after the last of them grows with their number.
const run = 10 * time.Minute

// ApartAt is when one more message to c keeps the wait after the one before that a asks for: now, or later.
func (c *Contact) ApartAt(l tenant.Limits, a *Apart, now time.Time) time.Time {
	if a == nil || c.Sends.Count(a.Since) == 0 {
		return now
	}
	wait := Terms{CoolDowns: l.CoolDowns}.coolDown(max(c.Sends.Count(now.Add(-run)), 1))
	if a.Most > 0 {
		wait = min(wait, a.Most)
	}
	if wait <= 0 {
		return now
	}
	return now.Add(c.Sends.Allowed([]ratelimit.Limit{{Burst: 1, Period: wait}}, now).RetryAfter)
}

// Sent counts a message asked for.
func (c *Contact) Sent(l tenant.Limits, now time.Time) {
	c.Sends.Prune(longest(l), now)
	c.Sends.Add(now)
}

// longest is how far back the limits on sends look.
func longest(l tenant.Limits) time.Duration {
	var most time.Duration
	for _, one := range l.Recipient {
		most = max(most, one.Period)
	}
	for _, one := range l.RecipientNew {
		most = max(most, one.Period)
	}
	return most
}

// CheckableAt is when a client may hand in a code for c: now, or later (SEC-14). After WrongPerClient wrong ones that
// client pauses for WrongPause, counted from the last of them; after WrongTotal wrong ones from anywhere all pause until
// enough of them are old. The first figure is the lower one, so that a stranger pauses himself before the owner (SEC-17).
func (c *Contact) CheckableAt(l tenant.Limits, tag ratelimit.Tag, now time.Time) time.Time {
	at := now.Add(c.Wrong.Allowed([]ratelimit.Limit{l.WrongTotal}, now).RetryAfter)
	last, any := c.nthWrong(tag, 1, l.WrongPause, now)
	if !any {
		return at
	}
	full, enough := c.nthWrong(tag, l.WrongPerClient.Burst, l.WrongPause+l.WrongPerClient.Period, now)
	if enough && full.After(last.Add(-l.WrongPerClient.Period)) {
		if ends := last.Add(l.WrongPause); ends.After(at) {
			return ends
		}
	}
	return at
}

// nthWrong is the time of the n-th latest wrong check with tag, when it lies within the period before now: it is what
// closes a limit of n.
func (c *Contact) nthWrong(tag ratelimit.Tag, n int, within time.Duration, now time.Time) (time.Time, bool) {
	d := c.Wrong.AllowedTag(tag, []ratelimit.Limit{{Burst: n, Period: within}}, now)
	return now.Add(d.RetryAfter - within), !d.Allowed
}

// WrongBy counts a wrong check by the client of tag.
func (c *Contact) WrongBy(l tenant.Limits, tag ratelimit.Tag, now time.Time) {
	c.Wrong.Prune(max(l.WrongTotal.Period, l.WrongPause+l.WrongPerClient.Period), now)
	c.Wrong.AddTag(now, tag)
}
