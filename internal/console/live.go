package console

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/operator"
	"github.com/countersign/countersign/internal/tally"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

// beat is how often a stream says that it is there, so that proxies keep it open and the page's dot is true.
const beat = 15 * time.Second

// streamLife is how long one stream lasts at most. Then the browser asks for another one.
const streamLife = 10 * time.Minute

// queryOf narrows a stream to the events of a noun, or of several: "?of=invitation". Without it every event tells.
const queryOf = "of"

// Changes is what the console asks of tally.Service, which says what Watch answers.
type Changes interface {
	Watch(ctx context.Context, t uid.Tenant) (<-chan tally.Change, error)
}

const pathLive = Prefix + "/live"

// liveOf is the stream of a page about one noun or several.
func liveOf(nouns ...string) string { return pathLive + "?" + url.Values{queryOf: nouns}.Encode() }

func (s *Site) liveRoutes() []route {
	return []route{{"GET " + pathLive, AtHome, operator.SeeVerifications, s.live}}
}

// live answers by a stream of events that says when something has changed.
func (s *Site) live(v *visit) (View, error) {
	ctx, stop := context.WithTimeout(v.ctx(), streamLife)
	defer stop()
	changes, err := s.Changes.Watch(ctx, v.Operator.Tenant)
	if err != nil {
		return nil, err
	}
	v.stream(changes, v.r.URL.Query()[queryOf]) // which ends with changes, and they with ctx
	return nil, nil
}

// stream tells a page each time that it is out of date, until the browser goes, the server stops, changes ends, or the session does: that
// is looked for before each word (SEC-72). A change is an event "changed" without more: what there is to see is asked for by the page,
// with its own rights.
func (v *visit) stream(changes <-chan tally.Change, of []string) {
	ctx, stop := web.UntilStop(v.ctx())
	defer stop()
	v.w.Header().Set("Content-Type", "text/event-stream")
	tick := time.NewTicker(beat)
	defer tick.Stop()
	if !v.say(": live\n\n") || v.r.Method == http.MethodHead {
		return
	}
	for {
		line := ": live\n\n"
		select {
		case <-ctx.Done():
			return
		case c, more := <-changes:
			if !more {
				return
			}
			if len(of) > 0 && !slices.ContainsFunc(of, c.Of) {
				continue
			}
			line = "event: changed\ndata: 1\n\n"
		case <-tick.C:
		}
		if v.out(ctx) || !v.say(line) {
			return
		}
	}
}

// out reports whether the session has ended since. While that can't be told, it has not: nothing is shown here.
func (v *visit) out(ctx context.Context) bool {
	_, err := v.site.Operators.Glance(ctx, v.token)
	return fault.Is(err, fault.Unauthenticated) || fault.Is(err, fault.Denied)
}

func (v *visit) say(line string) bool {
	if _, err := v.piece([]byte(line)); err != nil {
		return false
	}
	return http.NewResponseController(v.w).Flush() == nil
}
