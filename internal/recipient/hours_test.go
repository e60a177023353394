package recipient

import (
	"testing"
	"time"
)

func TestRA_61_quiet_hours_are_those_of_the_number(t *testing.T) {
	t.Parallel()
	at := func(clock string) time.Time {
		v, err := time.Parse(time.RFC3339, "2027-03-01T"+clock+"Z")
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	for _, c := range []struct{ number, from, want string }{
		{"+4915123456789", "12:00:00", "12:00:00"},
		{"+4915123456789", "18:59:59", "18:59:59"},
		{"+4915123456789", "06:59:00", "07:00:00"}, // 8 o'clock in Berlin
		{"+819012345678", "01:00:07", "01:00:07"},  // 10 o'clock in Tokyo
		{"+819012345678", "15:00:00", "23:00:00"},  // midnight there
		{"+12125550123", "12:00:00", "13:00:00"},   // 8 o'clock in New York
		{"ann@example.net", "03:00:00", "03:00:00"},
	} {
		who, err := Parse(c.number, Rules{Fiction: true})
		if err != nil {
			t.Fatalf("%s: %v", c.number, err)
		}
		if got := who.Awake(at(c.from)); !got.Equal(at(c.want)) {
			t.Errorf("%s at %s: %s, want %s", c.number, c.from, got, c.want)
		}
	}
}
