package tenant

import (
	"bytes"
	"context"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/ratelimit"
	"github.com/countersign/countersign/internal/uid"
)

// How many rate limits a service has at most, and buckets a rate limit. Each bucket that a start names is one more row that
// it changes.
const (
	MaxRateLimits = 10
	MaxBuckets    = 10
)

// The bounds of a rate limit.
const (
	maxLimitName   = 64
	maxDescription = 256
	minInterval    = time.Second
	maxInterval    = 31 * 24 * time.Hour
)

// RateLimit is a limit that a tenant sets on starts with one of its services: so many with the same value of something that
// the tenant chooses, such as an end user's address. A start names the limits that it counts against, and gives the value.
type RateLimit struct {
	ID          uid.ID    `json:"id"`
	Name        string    `json:"name"`        // unique in its service; 1 to 64 letters, digits, dots, hyphens and underscores
	Description string    `json:"description"` // at most 256 printable characters; may be empty
	Buckets     []Bucket  `json:"buckets"`     // in the order of their ids, at most MaxBuckets; without any nothing is limited
	CreatedAt   time.Time `json:"created_at"`
	UpdatedAt   time.Time `json:"updated_at"`
}

// Bucket is one figure of a rate limit. All of its buckets must pass.
type Bucket struct {
	ID        uid.ID        `json:"id"`
	Max       int           `json:"max"`         // starts with one value, 1 to ratelimit.MaxFixed
	Interval  time.Duration `json:"interval_ns"` // in this time from the first of them, 1 s to 31 days; unique in its limit
	CreatedAt time.Time     `json:"created_at"`
	UpdatedAt time.Time     `json:"updated_at"`
}

// Limit is the bucket as the limiter takes it.
func (b Bucket) Limit() ratelimit.Limit { return ratelimit.Limit{Burst: b.Max, Period: b.Interval} }

// RateLimitRef names a rate limit of a service, and a bucket of it where one is meant.
type RateLimitRef struct {
	Tenant                 uid.Tenant
	Service, Limit, Bucket uid.ID
}

// tell is what the event of a change says about what was changed.
func (r RateLimitRef) tell() map[string]any {
	data := map[string]any{"rate_limit": r.Limit.Text(uid.RateLimit)}
	if !r.Bucket.IsZero() {
		data["bucket"] = r.Bucket.Text(uid.Bucket)
	}
	return data
}

// CreateRateLimit adds a limit without buckets to a service. Conflict when the name is taken (rate_limit_name_taken) or the
// service has MaxRateLimits (too_many_rate_limits), Invalid for values, NotFound without the service. Of calls with one name
// at the same moment one succeeds.
func (d *Directory) CreateRateLimit(ctx context.Context, by Caller, t uid.Tenant, service uid.ID, name, description string) (RateLimit, error) {
	now := d.moment()
	l := RateLimit{ID: uid.Random(now), Name: name, Description: description, CreatedAt: now, UpdatedAt: now}
	ref := RateLimitRef{Tenant: t, Service: service, Limit: l.ID}
	_, err := d.updateService(ctx, by, t, service, ref.tell(), func(s *Service) error {
		s.RateLimits = append(s.RateLimits, l)
		slices.SortFunc(s.RateLimits, func(a, b RateLimit) int { return compareIDs(a.ID, b.ID) })
		return nil
	})
	return l, err
}

// DescribeRateLimit changes the description of a limit, the one thing of it that can be changed. Invalid, NotFound.
func (d *Directory) DescribeRateLimit(ctx context.Context, by Caller, ref RateLimitRef, description string) (now RateLimit, err error) {
	err = d.changeRateLimit(ctx, by, ref, func(l *RateLimit) error {
		l.Description, l.UpdatedAt = description, laterThan(l.UpdatedAt, d.moment())
		now = *l
		return nil
	})
	return now, err
}

// DeleteRateLimit removes a limit with its buckets. NotFound without it.
func (d *Directory) DeleteRateLimit(ctx context.Context, by Caller, ref RateLimitRef) error {
	_, err := d.updateService(ctx, by, ref.Tenant, ref.Service, ref.tell(), func(s *Service) error {
		i := s.rateLimit(ref.Limit)
		if i < 0 {
			return errNoRateLimit()
		}
		s.RateLimits = slices.Delete(s.RateLimits, i, i+1)
		return nil
	})
	return err
}

// CreateBucket adds a bucket to a limit. Conflict when the limit has one with the interval (bucket_interval_taken) or
// MaxBuckets (too_many_buckets), Invalid for values, NotFound without the limit.
func (d *Directory) CreateBucket(ctx context.Context, by Caller, ref RateLimitRef, most int, interval time.Duration) (Bucket, error) {
	now := d.moment()
	b := Bucket{ID: uid.Random(now), Max: most, Interval: interval, CreatedAt: now, UpdatedAt: now}
	ref.Bucket = b.ID
	return b, d.changeRateLimit(ctx, by, ref, func(l *RateLimit) error {
		l.Buckets = append(l.Buckets, b)
		slices.SortFunc(l.Buckets, func(a, b Bucket) int { return compareIDs(a.ID, b.ID) })
		return nil
	})
}

// UpdateBucket lets change work on Max and Interval of a bucket, with the faults of CreateBucket. change may be called more
// than once. What was counted under it stays counted.
func (d *Directory) UpdateBucket(ctx context.Context, by Caller, ref RateLimitRef, change func(*Bucket)) (now Bucket, err error) {
	err = d.changeRateLimit(ctx, by, ref, func(l *RateLimit) error {
		i := l.bucket(ref.Bucket)
		if i < 0 {
			return errNoRateLimit()
		}
		b := l.Buckets[i]
		change(&b)
		l.Buckets[i].Max, l.Buckets[i].Interval = b.Max, b.Interval
		l.Buckets[i].UpdatedAt = laterThan(b.UpdatedAt, d.moment())
		now = l.Buckets[i]
		return nil
	})
	return now, err
}

// DeleteBucket removes a bucket, and what was counted under it counts no more. NotFound without it.
func (d *Directory) DeleteBucket(ctx context.Context, by Caller, ref RateLimitRef) error {
	return d.changeRateLimit(ctx, by, ref, func(l *RateLimit) error {
		i := l.bucket(ref.Bucket)
		if i < 0 {
			return errNoRateLimit()
		}
		l.Buckets = slices.Delete(l.Buckets, i, i+1)
		return nil
	})
}

// changeRateLimit lets change work on the limit that ref names.
func (d *Directory) changeRateLimit(ctx context.Context, by Caller, ref RateLimitRef, change func(*RateLimit) error) error {
	_, err := d.updateService(ctx, by, ref.Tenant, ref.Service, ref.tell(), func(s *Service) error {
		i := s.rateLimit(ref.Limit)
		if i < 0 {
			return errNoRateLimit()
		}
		return change(&s.RateLimits[i])
	})
	return err
}

func errNoRateLimit() error {
	return fault.New(fault.NotFound, "rate_limit_not_found", "The service has no such rate limit or bucket.")
}

func compareIDs(a, b uid.ID) int { return bytes.Compare(a[:], b[:]) }

func (s *Service) rateLimit(id uid.ID) int {
	return slices.IndexFunc(s.RateLimits, func(l RateLimit) bool { return l.ID == id })
}

func (l *RateLimit) bucket(id uid.ID) int {
	return slices.IndexFunc(l.Buckets, func(b Bucket) bool { return b.ID == id })
}

func (l RateLimit) equal(o RateLimit) bool {
	return l.ID == o.ID && l.Name == o.Name && l.Description == o.Description && slices.Equal(l.Buckets, o.Buckets)
}

// cloneRateLimits shares nothing with limits that a change may touch.
func cloneRateLimits(limits []RateLimit) []RateLimit {
	out := slices.Clone(limits)
	for i := range out {
		out[i].Buckets = slices.Clone(out[i].Buckets)
	}
	return out
}

var limitNameForm = regexp.MustCompile(`^[A-Za-z0-9._-]+$`)

// checkRateLimits tells what is wrong with the limits of a service. A change is about one of them, so the first fault of a
// kind is enough.
func checkRateLimits(f *Faults, limits []RateLimit) {
	if len(limits) > MaxRateLimits {
		f.conflict("too_many_rate_limits", "rate_limits", "A service has at most "+strconv.Itoa(MaxRateLimits)+" rate limits. Delete those that are no longer used.")
	}
	for i, l := range limits {
		switch {
		case len(l.Name) > maxLimitName || !limitNameForm.MatchString(l.Name):
			f.add("rate_limit_name_invalid", "rate_limits.name", "Give a name of 1 to 64 letters, digits, dots, hyphens and underscores.")
		case slices.ContainsFunc(limits[:i], func(o RateLimit) bool { return o.Name == l.Name }):
			f.conflict("rate_limit_name_taken", "rate_limits.name", "Another rate limit of the service has this name. Choose a different one.")
		case !isLabel(l.Description, maxDescription):
			f.add("description_invalid", "rate_limits.description", "Give at most 256 printable characters on one line.")
		default:
			checkBuckets(f, l.Buckets)
			continue
		}
		return
	}
}

func checkBuckets(f *Faults, buckets []Bucket) {
	if len(buckets) > MaxBuckets {
		f.conflict("too_many_buckets", "rate_limits.buckets", "A rate limit has at most "+strconv.Itoa(MaxBuckets)+" buckets. Delete those that are no longer used.")
	}
	for i, b := range buckets {
		if b.Max < 1 || b.Max > ratelimit.MaxFixed {
			f.add("bucket_max_invalid", "rate_limits.buckets.max", "Choose a whole number from 1 to "+strconv.Itoa(ratelimit.MaxFixed)+".")
		}
		switch {
		case b.Interval < minInterval || b.Interval > maxInterval || b.Interval%time.Second != 0:
			f.add("bucket_interval_invalid", "rate_limits.buckets.interval", "Choose a whole number of seconds from 1 to "+strconv.Itoa(int(maxInterval/time.Second))+".")
		case slices.ContainsFunc(buckets[:i], func(o Bucket) bool { return o.Interval == b.Interval }):
			f.conflict("bucket_interval_taken", "rate_limits.buckets.interval", "Another bucket of the rate limit has this interval. Choose a different one, or change that bucket.")
		}
	}
}
