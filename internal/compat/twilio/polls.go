package twilio

import (
	"net/http"
	"time"

	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/uid"
	"github.com/countersign/countersign/internal/web"
)

// perMinute is how many requests about attempts a tenant has in a minute.
const perMinute = 100

// perVerification limits how often one is fetched.
func perVerification() []ratelimit.Limit {
	return []ratelimit.Limit{
		{Burst: 60, Period: time.Minute}, {Burst: 180, Period: time.Hour}, {Burst: 250, Period: 24 * time.Hour},
	}
}

// polled is what reading is limited by, in this process: a tenant, or a verification as a tenant asks for it. So nobody uses up
// what is another's.
type polled struct {
	tenant       uid.Tenant
	verification uid.ID // zero: whatever is read about attempts
}

// polls counts what is read.
type polls struct {
	limits []ratelimit.Limit
	states *web.Meters[polled, [3]ratelimit.Fixed]
}

func newPolls(limits []ratelimit.Limit) *polls {
	return &polls{limits: limits, states: web.NewMeters[polled](func(state [3]ratelimit.Fixed, now time.Time) bool {
		return int64(max(state[0], state[1], state[2])) <= now.UnixMicro()
	})}
}

// take counts one reading at now, or refuses it, which counts nothing. It must wait for the longest of the windows that are full.
func (p *polls) take(k polled, now time.Time) (err error) {
	p.states.Change(k, now, func(was [3]ratelimit.Fixed) [3]ratelimit.Fixed {
		next, wait := was, time.Duration(0)
		for i, limit := range p.limits {
			var d ratelimit.Decision
			if next[i], d = ratelimit.TakeFixed(was[i], limit, now); !d.Allowed {
				wait = max(wait, d.RetryAfter)
			}
		}
		if wait > 0 {
			e := tooMany("polled_too_often", "")
			e.wait = wait
			err = &e
			return was
		}
		return next
	})
	return err
}

// counted lets h answer as long as the tenant has not asked for attempts too often.
func counted(h handler) handler {
	return func(d *door, w http.ResponseWriter, r *http.Request) error {
		if err := d.attempts.take(polled{tenant: web.Principal(r.Context()).Tenant}, d.Now()); err != nil {
			return err
		}
		return h(d, w, r)
	}
}
