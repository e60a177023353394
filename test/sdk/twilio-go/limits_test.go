package twilio_test

import (
	"testing"

	verify "github.com/twilio/twilio-go/rest/verify/v2"
)

func TestRateLimits(t *testing.T) {
	limit := func(t *testing.T, a acme, name string) string {
		t.Helper()
		l, err := a.api.CreateRateLimit(a.sid, (&verify.CreateRateLimitParams{}).SetUniqueName(name).SetDescription("each"))
		if err != nil {
			t.Fatal(err)
		}
		isSID(t, "RK", l.Sid)
		isRecent(t, l.DateCreated)
		return *l.Sid
	}
	bucket := func(t *testing.T, a acme, limit string, most, interval int) string {
		t.Helper()
		b, err := a.api.CreateBucket(a.sid, limit, (&verify.CreateBucketParams{}).SetMax(most).SetInterval(interval))
		if err != nil {
			t.Fatal(err)
		}
		if isSID(t, "BL", b.Sid); b.Max != most || b.Interval != interval || *b.RateLimitSid != limit {
			t.Errorf("%+v", b)
		}
		return *b.Sid
	}
	t.Run("a limit is made, fetched, changed, listed and removed", func(t *testing.T) {
		a := newAcme(t, nil)
		sid := limit(t, a, "end_user")
		_, err := a.api.CreateRateLimit(a.sid, (&verify.CreateRateLimitParams{}).SetUniqueName("end_user"))
		refused(t, err, 400, 60208)
		_, err = a.api.CreateRateLimit(a.sid, (&verify.CreateRateLimitParams{}).SetUniqueName("end user"))
		refused(t, err, 400, 60209)
		l, err := a.api.UpdateRateLimit(a.sid, sid, (&verify.UpdateRateLimitParams{}).SetDescription("all"))
		if err != nil || *l.Description != "all" || *l.UniqueName != "end_user" {
			t.Errorf("%+v %v", l, err)
		}
		limit(t, a, "network")
		if all, err := a.api.ListRateLimit(a.sid, (&verify.ListRateLimitParams{}).SetPageSize(1)); err != nil || len(all) != 2 {
			t.Errorf("%+v %v", all, err)
		}
		if err := a.api.DeleteRateLimit(a.sid, sid); err != nil {
			t.Error(err)
		}
		_, err = a.api.FetchRateLimit(a.sid, sid)
		refused(t, err, 404, 20404)
	})
	t.Run("a bucket is made, changed, listed and removed", func(t *testing.T) {
		a := newAcme(t, nil)
		l := limit(t, a, "end_user")
		b := bucket(t, a, l, 4, 60)
		_, err := a.api.CreateBucket(a.sid, l, (&verify.CreateBucketParams{}).SetMax(9).SetInterval(60))
		refused(t, err, 400, 60211)
		_, err = a.api.CreateBucket(a.sid, l, (&verify.CreateBucketParams{}).SetMax(0).SetInterval(30))
		refused(t, err, 400, 60200)
		if got, err := a.api.UpdateBucket(a.sid, l, b, (&verify.UpdateBucketParams{}).SetMax(5)); err != nil || got.Max != 5 || got.Interval != 60 {
			t.Errorf("%+v %v", got, err)
		}
		bucket(t, a, l, 9, 3600)
		if all, err := a.api.ListBucket(a.sid, l, (&verify.ListBucketParams{}).SetPageSize(1)); err != nil || len(all) != 2 {
			t.Errorf("%+v %v", all, err)
		}
		if err := a.api.DeleteBucket(a.sid, l, b); err != nil {
			t.Error(err)
		}
		_, err = a.api.FetchBucket(a.sid, l, b)
		refused(t, err, 404, 20404)
	})
	t.Run("a full bucket refuses its value, and no other", func(t *testing.T) {
		a := newAcme(t, nil)
		bucket(t, a, limit(t, a, "end_user"), 1, 600)
		as := func(user string) func(*verify.CreateVerificationParams) {
			return func(p *verify.CreateVerificationParams) {
				p.SetTo(number()).SetRateLimits(map[string]any{"end_user": user})
			}
		}
		a.created(as("ann"))
		a.created(as("bob"))
		a.created(nil)
		_, err := a.create(as("ann"))
		refused(t, err, 429, 20429)
		_, err = a.create(func(p *verify.CreateVerificationParams) { p.SetRateLimits(map[string]any{"nobody": "ann"}) })
		refused(t, err, 400, 60200)
	})
}
