package main

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/app"
	"github.com/countersign/countersign/internal/fault"
	countersign "github.com/countersign/countersign/sdk/go"
)

func TestMomentsAreDaysOrTimes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Time{
		"2026-11-21":                time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC),
		"2026-11-21T12:30:00Z":      time.Date(2026, 11, 21, 12, 30, 0, 0, time.UTC),
		"2026-11-21T12:30:00+01:00": time.Date(2026, 11, 21, 11, 30, 0, 0, time.UTC),
	} {
		var m moment
		if err := m.UnmarshalText([]byte(text)); err != nil || !time.Time(m).Equal(want) {
			t.Errorf("%s: got %v, %v", text, time.Time(m), err)
		}
	}
	for _, text := range []string{"", "yesterday", "2026-13-01", "21.11.2026"} {
		var m moment
		if err := m.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func TestLifetimesAreHoursOrDays(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Duration{"12h": 12 * time.Hour, "90d": 90 * 24 * time.Hour, "1h30m": 90 * time.Minute} {
		var l lifetime
		if err := l.UnmarshalText([]byte(text)); err != nil || l.end(now) != now.Add(want) {
			t.Errorf("%s: got %v, %v", text, time.Duration(l), err)
		}
	}
	for _, text := range []string{"", "d", "0d", "-1d", "0s", "-1h", "90", "99999d", "soon"} {
		var l lifetime
		if err := l.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read as %v", text, time.Duration(l))
		}
	}
	if !lifetime(0).end(now).IsZero() {
		t.Error("no lifetime has an end")
	}
}

func TestErrorsAreToldWithTheirExitCode(t *testing.T) {
	t.Parallel()
	cause := errors.New("secret cause")
	for name, c := range map[string]struct {
		err  error
		text string
		code int
	}{
		"a fault without its cause": {fault.Wrap(fault.NotFound, "x", "There is none.", cause), "There is none.", exitFailed},
		"several faults": {errors.Join(fault.New(fault.Invalid, "x", "One."), fault.New(fault.Invalid, "y", "Two.")),
			"One.\nTwo.", exitFailed},
		"an answer of the server": {&countersign.Error{Status: 429, Code: "limited", Detail: "Wait.", RetryAfter: 3 * time.Second},
			"Wait. It may work again in 3s.", exitFailed},
		"an answer of another server": {&countersign.Error{Status: 404, Detail: "check the base URL"}, "404: check the base URL", exitFailed},
		"anything else":               {errors.New("disk full"), "disk full", exitFailed},
		"a fault of the configuration": {app.Faults{{File: "f", Line: 2, Column: 3, Key: "k", What: "is wrong."}},
			"the configuration has a fault:\nf:2:3: k: is wrong.", exitConfig},
	} {
		f, code := failureOf(c.err)
		if f.Error != c.text || code != c.code {
			t.Errorf("%s: got %q and %d, want %q and %d", name, f.Error, code, c.text, c.code)
		}
	}
}

func TestTheBarMovesByPercentOnOneLine(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	show := bar(&b, "verifying")
	for done := range int64(1001) {
		show(done, 1000)
	}
	show(0, 0)
	if got := strings.Count(b.String(), wipe); got != 101 {
		t.Errorf("written %d times, want 101", got)
	}
	if strings.Contains(b.String(), "\n") || !strings.HasSuffix(b.String(), "verifying 100 %") {
		t.Errorf("got %q", b.String())
	}
}
