package console_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/tally"
)

// watched is a viewer's browser whose session ends after so many glances at it; 0: never.
func watched(t *testing.T, over int) (*sender, *browser) {
	d := newSender()
	d.over = over
	return d, d.browse(t, operator.Viewer)
}

func TestSEC_71_WhatAPageAsksByItselfIsNoUseOfTheSession(t *testing.T) {
	t.Parallel()
	d, b := watched(t, 0)
	fresh := httptest.NewRequest(http.MethodGet, "http://console.test/console/verifications", nil)
	fresh.Header.Set("X-Live", "1")
	if w := b.do(fresh); w.Code != http.StatusOK || d.glances != 1 {
		t.Errorf("fetched anew: %d, %d glances", w.Code, d.glances)
	}
	close(d.change)
	b.get("/console/live")
	if d.glances != 2 {
		t.Errorf("the stream: %d glances", d.glances)
	}
	if b.get("/console/verifications"); d.glances != 2 {
		t.Error("a page that somebody opens is no use")
	}
}

func TestSEC_72_AStreamEndsWithItsSession(t *testing.T) {
	t.Parallel()
	t.Run("when something changes", func(t *testing.T) {
		d, b := watched(t, 2)
		go func() {
			for range 2 {
				d.change <- tally.Change{Kinds: []string{"invitation.opened"}}
			}
		}()
		if body := b.get("/console/live").Body.String(); strings.Count(body, "event: changed") != 1 {
			t.Errorf("%q", body)
		}
	})
	t.Run("within a beat when nothing does", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			_, b := watched(t, 1)
			began := time.Now()
			if body := b.get("/console/live").Body.String(); time.Since(began) != 15*time.Second {
				t.Errorf("after %v: %q", time.Since(began), body)
			}
		})
	})
}

func TestHeadOfAStreamDoesNotWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, b := watched(t, 0)
		began := time.Now()
		w := b.do(httptest.NewRequest(http.MethodHead, "http://console.test/console/live", nil))
		if w.Code != http.StatusOK || time.Since(began) != 0 {
			t.Errorf("%d after %v", w.Code, time.Since(began))
		}
	})
}

// reader is an answer whose writes have a time to be taken in.
type reader struct {
	*httptest.ResponseRecorder
	times []time.Duration // from now; below 0: for ever
}

func (r *reader) SetWriteDeadline(at time.Time) error {
	r.times = append(r.times, time.Until(at))
	return nil
}

func TestWhoReadsNoMoreIsNotWaitedForEver(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		_, b := watched(t, 3)
		log, r := auditors(t)
		r.export = func(w io.Writer) error {
			for range 3 {
				time.Sleep(time.Hour) // the log is long
				_, _ = io.WriteString(w, "{}\n")
			}
			return nil
		}
		for path, site := range map[string]*browser{"/console/live": b, "/console/audit/export": log} {
			w := &reader{ResponseRecorder: httptest.NewRecorder()}
			q := httptest.NewRequest(http.MethodGet, "http://console.test"+path, nil)
			q.AddCookie(&http.Cookie{Name: "countersign_console", Value: site.cookies["countersign_console"]})
			site.site.ServeHTTP(w, q)
			for _, took := range w.times {
				if took <= 0 || took > time.Minute {
					t.Errorf("%s: a piece may take %v", path, took)
				}
			}
			if len(w.times) != 3 {
				t.Errorf("%s: %d pieces have a time, want 3", path, len(w.times))
			}
		}
	})
}
