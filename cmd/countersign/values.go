package main

import (
	"errors"
	"strconv"
	"strings"
	"time"

	"github.com/countersign/countersign/internal/uid"
)

// tenantID is a tenant on the command line.
type tenantID struct{ ID uid.Tenant }

// UnmarshalText reads ten_...
func (t *tenantID) UnmarshalText(text []byte) (err error) {
	if t.ID, err = uid.ParseTenant(string(text)); err != nil {
		return errors.New("a tenant is written ten_ and 26 characters; find it with: countersign tenant list")
	}
	return nil
}

// keyID is a key on the command line.
type keyID struct{ ID uid.ID }

// UnmarshalText reads key_...
func (k *keyID) UnmarshalText(text []byte) (err error) {
	if k.ID, err = uid.Parse(uid.Key, string(text)); err != nil {
		return errors.New("a key is written key_ and 26 characters; find it with: countersign key list")
	}
	return nil
}

// operatorID is an operator on the command line.
type operatorID struct{ ID uid.ID }

// UnmarshalText reads opr_...
func (o *operatorID) UnmarshalText(text []byte) (err error) {
	if o.ID, err = uid.Parse(uid.Operator, string(text)); err != nil {
		return errors.New("an operator is written opr_ and 26 characters; find it with: countersign operator list")
	}
	return nil
}

// moment is a time on the command line.
type moment time.Time

var errMoment = errors.New("write a time as 2026-11-21, which is its first moment in UTC, or as 2026-11-21T12:00:00Z")

// UnmarshalText reads a day or a time of RFC 3339.
func (m *moment) UnmarshalText(text []byte) error {
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, string(text)); err == nil {
			*m = moment(t)
			return nil
		}
	}
	return errMoment
}

// lifetime is how long something is to last, on the command line; 0: for ever.
type lifetime time.Duration

// UnmarshalText reads 12h, 90d.
func (l *lifetime) UnmarshalText(text []byte) error {
	if days, ok := strings.CutSuffix(string(text), "d"); ok {
		if n, err := strconv.ParseUint(days, 10, 16); err == nil && n > 0 {
			*l = lifetime(time.Duration(n) * 24 * time.Hour)
			return nil
		}
	} else if d, err := time.ParseDuration(string(text)); err == nil && d > 0 {
		*l = lifetime(d)
		return nil
	}
	return errors.New("write a lifetime as 12h or 90d")
}

// end is when what begins at now is over, zero for never.
func (l lifetime) end(now time.Time) time.Time {
	if l == 0 {
		return time.Time{}
	}
	return now.Add(time.Duration(l))
}
