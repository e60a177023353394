package twilio_test

import (
	"context"
	"time"

	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

var (
	lim       = uid.New(began, 13)
	bkt       = uid.New(began, 15)
	theLimit  = at + "/RateLimits/RK" + lim.Hex()
	theBucket = theLimit + "/Buckets/BL" + bkt.Hex()
)

func (f *fake) CreateRateLimit(_ context.Context, _ tenant.Caller, _ uid.Tenant, _ uid.ID, name, description string) (tenant.RateLimit, error) {
	return tenant.RateLimit{ID: lim, Name: name, Description: description, CreatedAt: began, UpdatedAt: began}, f.answer()
}

func (f *fake) DescribeRateLimit(_ context.Context, _ tenant.Caller, _ tenant.RateLimitRef, description string) (tenant.RateLimit, error) {
	l := f.service().RateLimits[0]
	l.Description = description
	return l, f.answer()
}

func (f *fake) DeleteRateLimit(context.Context, tenant.Caller, tenant.RateLimitRef) error {
	return f.answer()
}

func (f *fake) CreateBucket(_ context.Context, _ tenant.Caller, _ tenant.RateLimitRef, most int, interval time.Duration) (tenant.Bucket, error) {
	return tenant.Bucket{ID: bkt, Max: most, Interval: interval, CreatedAt: began, UpdatedAt: began}, f.answer()
}

func (f *fake) UpdateBucket(_ context.Context, _ tenant.Caller, _ tenant.RateLimitRef, change func(*tenant.Bucket)) (tenant.Bucket, error) {
	b := f.service().RateLimits[0].Buckets[0]
	change(&b)
	return b, f.answer()
}

func (f *fake) DeleteBucket(context.Context, tenant.Caller, tenant.RateLimitRef) error {
	return f.answer()
}
