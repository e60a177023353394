package tenant

import (
	"time"

	"github.com/countersign/countersign/internal/ratelimit"
)

// DefaultLimits are the figures of a tenant that has none of its own. docs/security.md prints them.
func DefaultLimits() Limits {
	return Limits{
		Recipient: []ratelimit.Limit{
			{Burst: 5, Period: 10 * time.Minute},
			{Burst: 8, Period: time.Hour},
			{Burst: 15, Period: 24 * time.Hour},
		},
		RecipientNew: []ratelimit.Limit{
			{Burst: 5, Period: 10 * time.Minute},
			{Burst: 8, Period: time.Hour},
			{Burst: 10, Period: 24 * time.Hour},
		},
		WrongPerClient: ratelimit.Limit{Burst: 10, Period: time.Hour},
		WrongPause:     30 * time.Minute,
		WrongTotal:     ratelimit.Limit{Burst: 20, Period: 24 * time.Hour},
		ClientAddress:  ratelimit.Limit{Burst: 30, Period: time.Hour},
		ClientDevice:   ratelimit.Limit{Burst: 6, Period: time.Hour},
		CoolDowns:      []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute},
	}
}

// DevLimits are the wide figures of the development tenants: a person who tries things out is not kept waiting, and
// every limit still works.
func DevLimits() Limits {
	wide := ratelimit.Limit{Burst: ratelimit.MaxEvents, Period: time.Minute}
	many := ratelimit.Limit{Burst: 1_000_000, Period: time.Minute}
	return Limits{
		Recipient:      []ratelimit.Limit{wide},
		RecipientNew:   []ratelimit.Limit{wide},
		WrongPerClient: wide,
		WrongPause:     time.Second,
		WrongTotal:     wide,
		ClientAddress:  many,
		ClientDevice:   many,
		CoolDowns:      []time.Duration{time.Second},
	}
}
