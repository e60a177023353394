package twilio

import (
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// figures are what a form says of a bucket; nil: nothing.
type figures struct {
	most     *int
	interval *time.Duration
}

// readFigures reads Max and Interval. Whether a bucket can have them is for the directory to say.
func readFigures(form url.Values) (f figures, err error) {
	if form.Has("Max") {
		n, err := strconv.Atoi(form.Get("Max"))
		if err != nil {
			return f, invalid("Max", "Give a whole number.")
		}
		f.most = &n
	}
	if form.Has("Interval") {
		n, err := strconv.ParseInt(form.Get("Interval"), 10, 32) // a century would not fit
		if err != nil {
			return f, invalid("Interval", "Give a whole number of seconds.")
		}
		seconds := time.Duration(n) * time.Second
		f.interval = &seconds
	}
	return f, nil
}

// apply sets on b what the form says.
func (f figures) apply(b *tenant.Bucket) {
	if f.most != nil {
		b.Max = *f.most
	}
	if f.interval != nil {
		b.Interval = *f.interval
	}
}

// namedBucket finds the bucket that the path of r names.
func (d *door) namedBucket(r *http.Request) (tenant.RateLimitRef, tenant.Bucket, error) {
	ref, l, err := d.namedLimit(r)
	if err != nil {
		return ref, tenant.Bucket{}, err
	}
	ref.Bucket, _ = parseSID(sidBucket, r.PathValue("bucket"))
	for _, b := range l.Buckets {
		if b.ID == ref.Bucket {
			return ref, b, nil
		}
	}
	return ref, tenant.Bucket{}, errGone
}

func (d *door) createBucket(w http.ResponseWriter, r *http.Request) error {
	ref, _, err := d.namedLimit(r)
	if err != nil {
		return err
	}
	form, err := readForm(r)
	if err != nil {
		return err
	}
	for _, name := range []string{"Max", "Interval"} {
		if form.Get(name) == "" {
			return missing(name)
		}
	}
	f, err := readFigures(form)
	if err != nil {
		return err
	}
	b, err := d.Profiles.CreateBucket(r.Context(), changer(r.Context()), ref, *f.most, *f.interval)
	if err != nil {
		return limitRefusal(err)
	}
	reply(w, http.StatusCreated, d.bucketBody(r, ref, b))
	return nil
}

func (d *door) fetchBucket(w http.ResponseWriter, r *http.Request) error {
	ref, b, err := d.namedBucket(r)
	if err != nil {
		return err
	}
	reply(w, http.StatusOK, d.bucketBody(r, ref, b))
	return nil
}

func (d *door) updateBucket(w http.ResponseWriter, r *http.Request) error {
	ref, b, err := d.namedBucket(r)
	if err != nil {
		return err
	}
	form, err := readForm(r)
	if err != nil {
		return err
	}
	f, err := readFigures(form)
	if err != nil {
		return err
	}
	if f != (figures{}) {
		b, err = d.Profiles.UpdateBucket(r.Context(), changer(r.Context()), ref, f.apply)
	}
	if err != nil {
		return limitRefusal(err)
	}
	reply(w, http.StatusOK, d.bucketBody(r, ref, b))
	return nil
}

func (d *door) deleteBucket(w http.ResponseWriter, r *http.Request) error {
	ref, _, err := d.namedBucket(r)
	if err != nil {
		return err
	}
	if err := d.Profiles.DeleteBucket(r.Context(), changer(r.Context()), ref); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (d *door) listBuckets(w http.ResponseWriter, r *http.Request) error {
	ref, l, err := d.namedLimit(r)
	if err != nil {
		return err
	}
	id := func(b tenant.Bucket) uid.ID { return b.ID }
	return listed(d, w, r, "buckets", l.Buckets, id, func(b tenant.Bucket) bucketBody { return d.bucketBody(r, ref, b) })
}

// bucketBody is a bucket in answers.
type bucketBody struct {
	SID         string `json:"sid"`
	LimitSID    string `json:"rate_limit_sid"`
	ServiceSID  string `json:"service_sid"`
	AccountSID  string `json:"account_sid"`
	Max         int    `json:"max"`
	Interval    int    `json:"interval"` // seconds
	DateCreated string `json:"date_created"`
	DateUpdated string `json:"date_updated"`
	URL         string `json:"url"`
}

func (d *door) bucketBody(r *http.Request, ref tenant.RateLimitRef, b tenant.Bucket) bucketBody {
	return bucketBody{
		SID: sid(sidBucket, b.ID), LimitSID: sid(sidLimit, ref.Limit), ServiceSID: sid(sidService, ref.Service),
		AccountSID: account(r.Context()), Max: b.Max, Interval: int(b.Interval / time.Second), DateCreated: stamp(b.CreatedAt),
		DateUpdated: stamp(b.UpdatedAt), URL: d.limitURL(r, ref.Service, ref.Limit) + "/Buckets/" + sid(sidBucket, b.ID),
	}
}
