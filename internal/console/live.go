package console

import (
	"net/http"
	"time"

	"github.com/countersign/countersign/internal/web"
)

// beat is how often a stream says that it is there, so that proxies keep it open and the page's dot is true.
const beat = 15 * time.Second

// stream tells a page each time that it is out of date, until the browser goes, the server stops, or changes ends. A change is an
// event "changed" without more: what there is to see is asked for by the page, with its own rights.
func (v *visit) stream(changes <-chan struct{}) {
	ctx, stop := web.UntilStop(v.ctx())
	defer stop()
	rc := http.NewResponseController(v.w)
	_ = rc.SetWriteDeadline(time.Time{}) // the stream has no end; a writer that can't lift it ends early and is asked again
	v.w.Header().Set("Content-Type", "text/event-stream")
	tick := time.NewTicker(beat)
	defer tick.Stop()
	if !v.say(rc, ": live\n\n") {
		return
	}
	for {
		line := ": live\n\n"
		select {
		case <-ctx.Done():
			return
		case _, more := <-changes:
			if !more {
				return
			}
			line = "event: changed\ndata: 1\n\n"
		case <-tick.C:
		}
		if !v.say(rc, line) {
			return
		}
	}
}

func (v *visit) say(rc *http.ResponseController, line string) bool {
	if _, err := v.w.Write([]byte(line)); err != nil {
		return false
	}
	return rc.Flush() == nil
}
