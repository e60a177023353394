package twilio

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"

	"github.com/countersign/countersign/internal/fault"
	"github.com/countersign/countersign/internal/tenant"
	"github.com/countersign/countersign/internal/uid"
)

// ofLimit are the parameters that the fields of rate limits and buckets come from.
var ofLimit = map[string]string{
	"rate_limits.description": "Description", "rate_limits.buckets.max": "Max", "rate_limits.buckets.interval": "Interval",
}

// limitRefusal puts what the directory says about a change of rate limits in Twilio's terms.
func limitRefusal(err error) error {
	switch fault.As(err).Code {
	case "too_many_rate_limits":
		return errManyLimits
	case "rate_limit_name_taken":
		return errLimitThere
	case "rate_limit_name_invalid":
		return errLimitName
	case "too_many_buckets":
		return errManyBucket
	case "bucket_interval_taken":
		return errInterval
	}
	return byParameter(err, ofLimit)
}

// limitValues reads RateLimits of a create: names with the value that each counts by. A number is its digits as they stand.
func limitValues(text string) (map[string]string, bool) {
	var named map[string]any
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&named) != nil || named == nil {
		return nil, false
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, false
	}
	values := make(map[string]string, len(named))
	for name, value := range named {
		switch v := value.(type) {
		case string:
			values[name] = v
		case json.Number:
			values[name] = v.String()
		default:
			return nil, false
		}
	}
	return values, true
}

// namedLimit finds the rate limit that the path of r names.
func (d *door) namedLimit(r *http.Request) (ref tenant.RateLimitRef, found tenant.RateLimit, err error) {
	s, err := d.service(r)
	if err != nil {
		return ref, found, err
	}
	id, _ := parseSID(sidLimit, r.PathValue("limit"))
	for _, l := range s.RateLimits {
		if l.ID == id {
			return tenant.RateLimitRef{Tenant: s.Tenant, Service: s.ID, Limit: id}, l, nil
		}
	}
	return ref, found, errGone
}

func (d *door) createLimit(w http.ResponseWriter, r *http.Request) error {
	s, err := d.service(r)
	if err != nil {
		return err
	}
	form, err := readForm(r)
	if err != nil {
		return err
	}
	if form.Get("UniqueName") == "" {
		return missing("UniqueName")
	}
	ctx := r.Context()
	l, err := d.Profiles.CreateRateLimit(ctx, changer(ctx), s.Tenant, s.ID, form.Get("UniqueName"), form.Get("Description"))
	if err != nil {
		return limitRefusal(err)
	}
	reply(w, http.StatusCreated, d.limitBody(r, s.ID, l))
	return nil
}

func (d *door) fetchLimit(w http.ResponseWriter, r *http.Request) error {
	ref, l, err := d.namedLimit(r)
	if err != nil {
		return err
	}
	reply(w, http.StatusOK, d.limitBody(r, ref.Service, l))
	return nil
}

// updateLimit changes the description. Without one it changes nothing, and answers the limit as it is.
func (d *door) updateLimit(w http.ResponseWriter, r *http.Request) error {
	ref, l, err := d.namedLimit(r)
	if err != nil {
		return err
	}
	form, err := readForm(r)
	if err != nil {
		return err
	}
	if form.Has("Description") {
		l, err = d.Profiles.DescribeRateLimit(r.Context(), changer(r.Context()), ref, form.Get("Description"))
	}
	if err != nil {
		return limitRefusal(err)
	}
	reply(w, http.StatusOK, d.limitBody(r, ref.Service, l))
	return nil
}

func (d *door) deleteLimit(w http.ResponseWriter, r *http.Request) error {
	ref, _, err := d.namedLimit(r)
	if err != nil {
		return err
	}
	if err := d.Profiles.DeleteRateLimit(r.Context(), changer(r.Context()), ref); err != nil {
		return err
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

func (d *door) listLimits(w http.ResponseWriter, r *http.Request) error {
	s, err := d.service(r)
	if err != nil {
		return err
	}
	id := func(l tenant.RateLimit) uid.ID { return l.ID }
	return listed(d, w, r, "rate_limits", s.RateLimits, id, func(l tenant.RateLimit) limitBody { return d.limitBody(r, s.ID, l) })
}

// limitBody is a rate limit in answers.
type limitBody struct {
	SID         string            `json:"sid"`
	ServiceSID  string            `json:"service_sid"`
	AccountSID  string            `json:"account_sid"`
	UniqueName  string            `json:"unique_name"`
	Description string            `json:"description"`
	DateCreated string            `json:"date_created"`
	DateUpdated string            `json:"date_updated"`
	URL         string            `json:"url"`
	Links       map[string]string `json:"links"`
}

func (d *door) limitBody(r *http.Request, service uid.ID, l tenant.RateLimit) limitBody {
	at := d.limitURL(r, service, l.ID)
	return limitBody{
		SID: sid(sidLimit, l.ID), ServiceSID: sid(sidService, service), AccountSID: account(r.Context()), UniqueName: l.Name,
		Description: l.Description, DateCreated: stamp(l.CreatedAt), DateUpdated: stamp(l.UpdatedAt), URL: at,
		Links: map[string]string{"buckets": at + "/Buckets"},
	}
}

func (d *door) limitURL(r *http.Request, service, limit uid.ID) string {
	return d.url(r, Mount+"/v2/Services/"+sid(sidService, service)+"/RateLimits/"+sid(sidLimit, limit))
}
