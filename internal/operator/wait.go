package operator

import (
	"strconv"
	"time"

	"github.com/countersign/countersign/internal/fault"
)

// WaitKey names whose failures are counted, as a keyed hash.
type WaitKey [16]byte

// Wait is how often something has failed in a row, and when it may be tried again.
type Wait struct {
	Key       WaitKey
	Failed    int
	Until     time.Time // nothing is compared before; zero: now
	UpdatedAt time.Time
}

// pauses are the waits after the first failure, the second, ...; the last repeats (SEC-16).
var pauses = []time.Duration{0, 0, 0, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute,
	15 * time.Minute, 30 * time.Minute, time.Hour}

// waitKind says what is counted, and how much of it is borne.
type waitKind struct {
	name string
	free int           // failures beyond those of pauses that cost nothing
	most time.Duration // the longest pause
}

// Failures are counted three times. The narrow count, of an account from one network, grows by SEC-16. That of a network bears more,
// since one may stand for a whole office; that of an account from anywhere bears more and never pauses for long, so that a stranger
// can't keep the owner out (SEC-17). An account that does not exist is counted as one that does.
var (
	waitPair    = waitKind{"operator and address", 0, time.Hour}
	waitAddress = waitKind{"address", 20, time.Hour}
	waitAccount = waitKind{"operator", 50, 4 * time.Minute}
)

// waitForgotten is how long after the last failure a count is forgotten.
const waitForgotten = 24 * time.Hour

// spend counts one failure before anything is compared. It is Limited, and changes nothing, while the pause lasts.
func (w *Wait) spend(kind waitKind, now time.Time) error {
	if now.Before(w.Until) {
		left := w.Until.Sub(now)
		return fault.New(fault.Limited, "sign_in_paused", "Too many tries have failed. Try again in "+inWords(left)+".").After(left)
	}
	if now.Sub(w.UpdatedAt) >= waitForgotten {
		w.Failed = 0
	}
	w.Failed++
	w.Until, w.UpdatedAt = time.Time{}, now
	if n := w.Failed - kind.free; n > 0 {
		if pause := min(pauses[min(n, len(pauses))-1], kind.most); pause > 0 {
			w.Until = now.Add(pause)
		}
	}
	return nil
}

// inWords is a pause for people, rounded up so that coming back then is not too early.
func inWords(d time.Duration) string {
	n, unit := int((d+time.Second-1)/time.Second), "second"
	if n >= 60 {
		n, unit = (n+59)/60, "minute"
	}
	if n != 1 {
		unit += "s"
	}
	return strconv.Itoa(n) + " " + unit
}

// unspend takes back what was counted at a moment, with the pause that it began.
func (w *Wait) unspend(at time.Time) {
	w.Failed = max(0, w.Failed-1)
	if w.UpdatedAt.Equal(at) {
		w.Until = time.Time{}
	}
}
