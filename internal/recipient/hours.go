package recipient

import (
	"time"
	_ "time/tzdata" // the rules of time zones, for machines that have none

	"github.com/nyaruka/phonenumbers/v2"
	"github.com/nyaruka/phonenumbers/v2/timezone"
)

// The hours of a day in which a message that nobody waits for may arrive.
const (
	wakes  = 8
	sleeps = 20
)

// Awake is the first time from at on when it is between 8 and 20 o'clock where the number may be: in all time zones of its range, or of
// its country when the range says no more. An address, and a number whose zone nobody knows, are always awake.
func (r Recipient) Awake(at time.Time) time.Time {
	zones := r.zones()
	for step := range 48 * 4 { // two days, by quarters of an hour
		t := at
		if step > 0 {
			t = at.Truncate(15 * time.Minute).Add(time.Duration(step) * 15 * time.Minute)
		}
		if awake(zones, t) {
			return t
		}
	}
	return at // no hour suits all zones
}

func awake(zones []*time.Location, t time.Time) bool {
	for _, z := range zones {
		if h := t.In(z).Hour(); h < wakes || h >= sleeps {
			return false
		}
	}
	return true
}

func (r Recipient) zones() (zones []*time.Location) {
	if r.Kind != Phone {
		return nil
	}
	n, err := phonenumbers.Parse(r.Value, "")
	if err != nil {
		return nil
	}
	names, err := timezone.GetTimeZonesForNumber(n)
	if err != nil {
		return nil
	}
	for _, name := range names {
		if z, err := time.LoadLocation(name); err == nil && name != timezone.Unknown {
			zones = append(zones, z)
		}
	}
	return zones
}
