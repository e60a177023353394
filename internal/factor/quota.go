package factor

import (
	"crypto/subtle"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/ratelimit"
)

const day = 24 * time.Hour

// enrolments are how many factors may be enrolled in one entity, deleted ones counted too.
var enrolments = ratelimit.Limit{Burst: 100, Period: day}

// shortCode is the most digits of a code that is guessed so soon that its factor is asked rarely.
const shortCode = 4

// questions are how many challenges a factor may get.
func (c Config) questions() (hour, whole ratelimit.Limit) {
	if c.Digits <= shortCode {
		return ratelimit.Limit{Burst: 10, Period: time.Hour}, ratelimit.Limit{Burst: 10, Period: day}
	}
	return ratelimit.Limit{Burst: 50, Period: time.Hour}, ratelimit.Limit{Burst: 100, Period: day}
}

// take spends one challenge to f. It gives the wait when there is none left, and spends nothing then.
func (f *Factor) take(now time.Time) (wait time.Duration) {
	perHour, perDay := f.Config.questions()
	hour, inHour := ratelimit.TakeFixed(f.AskedHour, perHour, now)
	whole, inDay := ratelimit.TakeFixed(f.AskedDay, perDay, now)
	if !inHour.Allowed || !inDay.Allowed {
		return max(inHour.RetryAfter, inDay.RetryAfter)
	}
	f.AskedHour, f.AskedDay = hour, whole
	return 0
}

// admit spends one enrolment of the entity, or says why there can't be a further factor.
func (in *Enrolling) admit(now time.Time) error {
	if len(in.Live) >= maxFactors {
		return fault.New(fault.Conflict, "too_many_factors", "An entity has at most 100 factors. Delete those that are no longer used.")
	}
	state, d := ratelimit.TakeFixed(in.Entity.Enrolled, enrolments, now)
	if !d.Allowed {
		return fault.New(fault.Limited, "enrolments_used_up", "An entity gets at most 100 new factors a day. Wait, then enrol.").After(d.RetryAfter)
	}
	in.Entity.Enrolled = state
	return nil
}

// unused reports a secret that a live factor of the entity has already. The secrets are opened for that and compared in
// constant time: they are a hundred at most, and a hash of each beside it would be one more thing to guard.
func (s *Service) unused(secret Secret, live []Factor) error {
	same := 0
	for i := range live {
		other, err := s.open(&live[i])
		if err != nil {
			return err
		}
		same |= subtle.ConstantTimeCompare(secret.bytes(), other.bytes())
	}
	if same != 0 {
		return fault.New(fault.Conflict, "secret_in_use", "A factor of the entity has this secret already. Use another one, or delete that factor.").On("secret")
	}
	return nil
}
