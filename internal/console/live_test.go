package console_test

import (
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
