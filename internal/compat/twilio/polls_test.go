package twilio_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

// times asks a path so often, and gives how many were answered and the last answer.
func (f *fake) times(t *testing.T, n int, path string) (good int, last answer) {
	t.Helper()
	for range n {
		if last = f.ask(t, "GET", path, ""); last.status == 200 {
			good++
		}
	}
	return good, last
}

// waits holds a refusal to its form, and to a wait of at most so long, in whole seconds and a tenth that a window may be longer.
func waits(t *testing.T, a answer, least, most time.Duration) {
	t.Helper()
	client{TB: t}.isError(a, 429, 20429)
	n, err := strconv.Atoi(a.header.Get("Retry-After"))
	if got := time.Duration(n) * time.Second; err != nil || got < least || got > most+time.Second {
		t.Errorf("Retry-After %q, want %s to %s", a.header.Get("Retry-After"), least, most)
	}
}

func TestAttemptsAreReadAHundredTimesAMinuteForATenant(t *testing.T) {
	t.Parallel()
	f := newFake()
	for _, path := range []string{"/Attempts", "/Attempts/" + theAttempt, "/Attempts/Summary"} { // all are counted together
		if good, last := f.times(t, 33, path); good != 33 {
			t.Fatalf("%s: %d of 33, %s", path, good, last.raw)
		}
	}
	if a := f.ask(t, "GET", "/Attempts?Status=maybe", ""); a.status != 400 { // one that is refused for what it asks is one, too
		t.Fatalf("the hundredth: %d %s", a.status, a.raw)
	}
	asked := f.asked
	f.reveal = false
	for _, path := range []string{"/Attempts", "/Attempts/" + theAttempt, "/Attempts/Summary"} {
		waits(t, f.ask(t, "GET", path, ""), 59*time.Second, time.Minute)
	}
	if f.asked != asked || f.reveal {
		t.Error("what was refused was read")
	}
	f.tenant = uid.NewTenant(began)
	if a := f.ask(t, "GET", "/Attempts", ""); a.status != 200 {
		t.Errorf("another tenant: %d %s", a.status, a.raw)
	}
	f.tenant = acme
	if a := f.ask(t, "GET", one, ""); a.status != 200 {
		t.Errorf("a verification: %d %s", a.status, a.raw)
	}
	f.now = f.now.Add(61 * time.Second)
	if good, _ := f.times(t, 101, "/Attempts"); good != 100 {
		t.Errorf("%d in the next minute", good)
	}
}

func TestAVerificationIsFetchedSixtyTimesAMinute180AnHourAnd250ADay(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.view.ExpiresAt = began.Add(48 * time.Hour)
	start := f.now
	minute := func(want int, least, most time.Duration) {
		t.Helper()
		good, last := f.times(t, 70, one)
		if good != want {
			t.Errorf("after %s: %d fetches in a minute, want %d", f.now.Sub(start), good, want)
		}
		waits(t, last, least, most)
		f.now = f.now.Add(61 * time.Second)
	}
	minute(60, 59*time.Second, time.Minute)
	minute(60, 59*time.Second, time.Minute)
	minute(60, 50*time.Minute, time.Hour)
	minute(0, 50*time.Minute, time.Hour)
	f.now = start.Add(61 * time.Minute)
	minute(60, 59*time.Second, time.Minute)
	minute(10, 22*time.Hour, 23*time.Hour)
	f.now = start.Add(23 * time.Hour)
	minute(0, time.Hour-time.Second, time.Hour)
	f.now = start.Add(24*time.Hour + time.Second)
	minute(60, 59*time.Second, time.Minute)
}

func TestFetchingTooOftenHoldsBackNothingElse(t *testing.T) {
	t.Parallel()
	f := newFake()
	other := uid.New(began, 8)
	f.others = []uid.ID{other}
	if good, _ := f.times(t, 59, one); good != 59 {
		t.Fatalf("%d fetches", good)
	}
	if good, last := f.times(t, 2, at+"/Verifications/+12025550123"); good != 1 { // by number it is the same one
		t.Fatalf("%d by number: %s", good, last.raw)
	}
	f.reveal = false
	waits(t, f.ask(t, "GET", one, ""), 59*time.Second, time.Minute)
	if f.reveal {
		t.Error("a refused fetch read the number in full")
	}
	if a := f.ask(t, "GET", at+"/Verifications/VE"+other.Hex(), ""); a.status != 200 {
		t.Errorf("another verification: %d %s", a.status, a.raw)
	}
	for path, form := range map[string]string{
		one: "Status=canceled", at + "/VerificationCheck": "To=%2B12025550123&Code=918273", at + "/Verifications": "To=%2B12025550123&Channel=sms",
	} {
		if a := f.ask(t, "POST", path, form); a.status > 299 {
			t.Errorf("%s: %d %s", path, a.status, a.raw)
		}
	}
	f.tenant = uid.NewTenant(began)
	if a := f.ask(t, "GET", one, ""); a.status != 200 {
		t.Errorf("another tenant pays for this one: %d %s", a.status, a.raw)
	}
	f.tenant, f.removed = acme, vrf
	client{TB: t}.isError(f.ask(t, "GET", one, ""), 404, 20404) // what is gone is gone, however often it was fetched
}
