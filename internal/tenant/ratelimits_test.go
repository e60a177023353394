package tenant_test

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// limits is a directory with a tenant whose default service the tests set limits on.
type limits struct {
	*tenant.Directory
	testing.TB
	store   *store
	tenant  uid.Tenant
	service uid.ID
}

func newLimits(t testing.TB) limits {
	t.Helper()
	s := &store{}
	d := open(t, s)
	ten := newTenant(t, d)
	first, err := d.Service(t.Context(), ten.ID, "")
	if err != nil {
		t.Fatal(err)
	}
	return limits{Directory: d, TB: t, store: s, tenant: ten.ID, service: first.ID}
}

func (l limits) create(name string) (tenant.RateLimitRef, error) {
	made, err := l.CreateRateLimit(l.Context(), by, l.tenant, l.service, name, "")
	return tenant.RateLimitRef{Tenant: l.tenant, Service: l.service, Limit: made.ID}, err
}

func (l limits) must(name string) tenant.RateLimitRef {
	l.Helper()
	ref, err := l.create(name)
	if err != nil {
		l.Fatalf("create %s: %v", name, err)
	}
	return ref
}

func (l limits) bucket(ref tenant.RateLimitRef, most int, interval time.Duration) (tenant.RateLimitRef, error) {
	b, err := l.CreateBucket(l.Context(), by, ref, most, interval)
	ref.Bucket = b.ID
	return ref, err
}

// now are the limits as a start finds them.
func (l limits) now() []tenant.RateLimit {
	l.Helper()
	s, err := l.Profile(l.Context(), l.tenant, l.service)
	if err != nil {
		l.Fatal(err)
	}
	return s.RateLimits
}

// find is one of them.
func (l limits) find(ref tenant.RateLimitRef) tenant.RateLimit {
	l.Helper()
	for _, one := range l.now() {
		if one.ID == ref.Limit {
			return one
		}
	}
	l.Fatalf("%s is not there", ref.Limit)
	return tenant.RateLimit{}
}

func TestARateLimitIsMadeChangedAndDeletedWithItsBuckets(t *testing.T) {
	t.Parallel()
	l := newLimits(t)
	address, session := l.must("end_user_ip"), l.must("session")
	hour, err := l.bucket(address, 10, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.bucket(address, 99_999, 31*24*time.Hour); err != nil {
		t.Fatal(err)
	}
	described, err := l.DescribeRateLimit(t.Context(), by, address, "per client")
	if err != nil || described.Description != "per client" || !described.UpdatedAt.After(described.CreatedAt) || len(described.Buckets) != 2 {
		t.Errorf("described: %+v %v", described, err)
	}
	changed, err := l.UpdateBucket(t.Context(), by, hour, func(b *tenant.Bucket) { b.Max, b.ID = 3, uid.ID{1} })
	if err != nil || changed.Max != 3 || changed.Interval != time.Hour || changed.ID != hour.Bucket {
		t.Errorf("changed: %+v %v", changed, err)
	}
	got := l.find(address)
	if len(l.now()) != 2 || got.Description != "per client" || len(got.Buckets) != 2 || !slices.Contains(got.Buckets, changed) {
		t.Errorf("read: %+v", got)
	}
	if err := l.DeleteBucket(t.Context(), by, hour); err != nil {
		t.Fatal(err)
	}
	if err := l.DeleteRateLimit(t.Context(), by, session); err != nil {
		t.Fatal(err)
	}
	if got := l.now(); len(got) != 1 || len(got[0].Buckets) != 1 || got[0].Buckets[0].Max != 99_999 {
		t.Errorf("left: %+v", got)
	}
	events, _ := l.store.Events(t.Context())
	last := events[len(events)-2]
	want := fmt.Sprintf(`{"bucket":%q,"changed":["rate_limits"],"rate_limit":%q,"version":8}`, hour.Bucket.Text(uid.Bucket), hour.Limit.Text(uid.RateLimit))
	if last.Type != "service.updated" || last.Actor != by.Actor || string(last.Data) != want {
		t.Errorf("event %s %s, want %s", last.Type, last.Data, want)
	}
}

func TestTheBoundsOfRateLimits(t *testing.T) {
	t.Parallel()
	l := newLimits(t)
	for _, bad := range []string{"", "a b", "größe", "a/b", "a\n", strings.Repeat("a", 65)} {
		_, err := l.create(bad)
		wantCode(t, err, "rate_limit_name_invalid", "the name "+bad)
	}
	first := l.must(strings.Repeat("a", 64))
	_, err := l.create(strings.Repeat("a", 64))
	wantCode(t, err, "rate_limit_name_taken", "a name twice")
	l.must("Case")
	l.must("case") // a name in other case is another one
	_, err = l.DescribeRateLimit(t.Context(), by, first, strings.Repeat("a", 257))
	wantCode(t, err, "description_invalid", "a long description")
	for len(l.now()) < tenant.MaxRateLimits {
		l.must(fmt.Sprint("more.", len(l.now())))
	}
	_, err = l.create("one.more")
	wantCode(t, err, "too_many_rate_limits", "the eleventh")

	for _, bad := range []int{0, -1, 100_000, -1 << 62} {
		_, err := l.bucket(first, bad, time.Minute)
		wantCode(t, err, "bucket_max_invalid", fmt.Sprint("at most ", bad))
	}
	for _, bad := range []time.Duration{0, -time.Second, time.Second / 2, time.Second + 1, 31*24*time.Hour + time.Second, 1 << 62} {
		_, err := l.bucket(first, 1, bad)
		wantCode(t, err, "bucket_interval_invalid", fmt.Sprint("in ", bad))
	}
	for i := range tenant.MaxBuckets {
		if _, err := l.bucket(first, 1, time.Duration(i+1)*time.Second); err != nil {
			t.Fatal(err)
		}
	}
	_, err = l.bucket(first, 1, time.Hour)
	wantCode(t, err, "too_many_buckets", "the eleventh bucket")
	ref := first
	one := l.find(first).Buckets[0]
	ref.Bucket = one.ID
	_, err = l.UpdateBucket(t.Context(), by, ref, func(b *tenant.Bucket) { b.Interval = b.Interval%(10*time.Second) + time.Second })
	wantCode(t, err, "bucket_interval_taken", "the interval of another bucket")
	if got := l.now(); len(got) != tenant.MaxRateLimits || l.find(first).Buckets[0] != one {
		t.Errorf("a refusal changed something: %+v", got)
	}
}

func TestRateLimitsOfOthersAreNotThere(t *testing.T) {
	t.Parallel()
	l := newLimits(t)
	ref := l.must("session")
	ref, err := l.bucket(ref, 1, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	second, err := l.CreateService(t.Context(), by, tenant.Service{Tenant: l.tenant, Name: "Second"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	other := newTenant(t, l.Directory)
	for what, wrong := range map[string]tenant.RateLimitRef{
		"another tenant":        {Tenant: other.ID, Service: ref.Service, Limit: ref.Limit, Bucket: ref.Bucket},
		"another service":       {Tenant: ref.Tenant, Service: second.ID, Limit: ref.Limit, Bucket: ref.Bucket},
		"an unknown limit":      {Tenant: ref.Tenant, Service: ref.Service, Limit: uid.ID{1}, Bucket: ref.Bucket},
		"an unknown bucket":     {Tenant: ref.Tenant, Service: ref.Service, Limit: ref.Limit, Bucket: uid.ID{1}},
		"a limit in its bucket": {Tenant: ref.Tenant, Service: ref.Service, Limit: ref.Bucket, Bucket: ref.Limit},
	} {
		_, err := l.UpdateBucket(t.Context(), by, wrong, func(b *tenant.Bucket) { b.Max = 9 })
		wantKind(t, err, fault.NotFound, what+": change a bucket")
		wantKind(t, l.DeleteBucket(t.Context(), by, wrong), fault.NotFound, what+": delete a bucket")
		if wrong.Limit == ref.Limit && wrong.Service == ref.Service && wrong.Tenant == ref.Tenant {
			continue
		}
		_, err = l.DescribeRateLimit(t.Context(), by, wrong, "mine")
		wantKind(t, err, fault.NotFound, what+": describe")
		_, err = l.CreateBucket(t.Context(), by, wrong, 1, time.Hour)
		wantKind(t, err, fault.NotFound, what+": add a bucket")
		wantKind(t, l.DeleteRateLimit(t.Context(), by, wrong), fault.NotFound, what+": delete")
	}
	if got := l.now(); len(got) != 1 || got[0].Description != "" || len(got[0].Buckets) != 1 || got[0].Buckets[0].Max != 1 {
		t.Errorf("changed by others: %+v", got)
	}
}

func TestOfRateLimitsOfOneNameAtOnceOneIsMade(t *testing.T) {
	t.Parallel()
	l := newLimits(t)
	var won atomic.Int32
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() {
			_, err := l.create("session")
			switch code := fault.As(err).Code; {
			case err == nil:
				won.Add(1)
			case code != "rate_limit_name_taken" && code != "changed_meanwhile":
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := l.now(); won.Load() != 1 || len(got) != 1 {
		t.Errorf("%d were told that they made it, and there are %d; want 1", won.Load(), len(got))
	}
}

func TestRateLimitsOutliveAChangeOfTheRest(t *testing.T) {
	t.Parallel()
	l := newLimits(t)
	ref := l.must("session")
	if _, err := l.bucket(ref, 1, time.Minute); err != nil {
		t.Fatal(err)
	}
	before := l.now()
	_, err := l.UpdateService(t.Context(), by, l.tenant, l.service, func(s *tenant.Service) {
		s.MaxSends = 3
		s.RateLimits[0].Buckets[0].Max = 7 // a change works on its own copy
	})
	if err != nil || before[0].Buckets[0].Max != 1 || l.now()[0].Buckets[0].Max != 7 {
		t.Errorf("%v: what was read is now %+v", err, before)
	}
}
